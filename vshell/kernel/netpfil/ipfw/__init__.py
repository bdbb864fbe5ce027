"""ipfw.ko: the firewall of every stack (sys/netpfil/ipfw)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(
    files=tuple(
        f"netpfil.ipfw.ip_fw{part}" for part in ("_table", "_dynamic", "_bpf", "2", "_sockopt", "_table_sockopt", "_eaction")
    ),
    size=0x2D000,
)
