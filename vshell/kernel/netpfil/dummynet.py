"""dummynet.ko: bandwidth, delay, loss and queues for what firewalls send through it (sys/netpfil/ipfw, dummynet(4))."""

from vshell.kernel.kern.module import Kld

KLD = Kld(
    modules=(
        "dummynet", "dn_aqm_codel", "dn_aqm_pie", "dn_fifo", "dn_qfq", "dn_rr", "dn_wf2qp", "dn_prio", "dn_fq_codel", "dn_fq_pie",
    ),
    files=tuple(f"netpfil.ipfw.ip_dummynet{part}" for part in ("_aqm", "", "_io", "_sockopt")),
    size=0xF000,
    kernel_refs=11,
)  # fmt: skip
