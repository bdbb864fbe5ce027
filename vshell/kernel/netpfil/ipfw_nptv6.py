"""ipfw_nptv6.ko: translation between IPv6 prefixes (netpfil/ipfw/nptv6)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(depends=("ipfw",), files=("netpfil.ipfw.nptv6",), size=0x3000)
