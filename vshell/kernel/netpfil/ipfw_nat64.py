"""ipfw_nat64.ko: translation between IPv6 and IPv4 (netpfil/ipfw/nat64)."""

from vshell.kernel.kern.module import Kld

KLD = Kld(
    depends=("ipfw",),
    files=tuple(f"netpfil.ipfw.nat64{part}" for part in ("_translate", "stl", "clat", "lsn")),
    size=0x9000,
)
