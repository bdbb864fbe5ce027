"""ipfw_nat.ko: address translation for rules (netpfil/ipfw/ip_fw_nat.c)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(depends=("libalias", "ipfw"), files=("netpfil.ipfw.ip_fw_nat",), size=0x4000)
