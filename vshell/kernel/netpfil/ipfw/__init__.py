"""ipfw.ko: the firewall of every stack (sys/netpfil/ipfw)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(files=("netpfil.ipfw.ip_fw_dynamic", "netpfil.ipfw.ip_fw2", "netpfil.ipfw.ip_fw_sockopt"), size=0x2D000)
