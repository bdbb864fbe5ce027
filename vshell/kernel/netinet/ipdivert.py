"""ipdivert.ko: sockets that packets are diverted to (netinet/ip_divert.c)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(files=("netinet.ip_divert",), size=0x5000)
