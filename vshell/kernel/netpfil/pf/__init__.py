"""pf.ko: the packet filter of every stack (sys/netpfil/pf)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(files=("netpfil.pf.pf_ioctl", "netpfil.pf.pf_requests"), size=0x6A000, kernel_refs=4)
