"""pfsync.ko: states of pf(4) for others (netpfil/pf/if_pfsync.c)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(modules=("pfsync",), depends=("pf",), files=("net.if_pfsync",), size=0xC000)
