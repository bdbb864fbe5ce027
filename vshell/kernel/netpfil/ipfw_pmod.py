"""ipfw_pmod.ko: rules that change packets: tcp-setmss (netpfil/ipfw/pmod)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(depends=("ipfw",), files=("netpfil.ipfw.tcpmod",), size=0x2000)
