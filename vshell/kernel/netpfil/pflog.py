"""pflog.ko: what pf(4) logs (net/if_pflog.c)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(modules=("pflog",), depends=("pf",), files=("net.if_pflog",), size=0x3000)
