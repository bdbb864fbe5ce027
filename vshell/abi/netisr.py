"""What netisr(9), the allocator of mbufs and bpf(4) tell about themselves (net/netisr.h, vm/uma.h, net/bpf.h)."""

from __future__ import annotations

from vshell.abi.record import Record

NETISR_POLICY_SOURCE, NETISR_POLICY_FLOW, NETISR_POLICY_CPU = 1, 2, 3
DISPATCH = {0: "default", 1: "deferred", 2: "hybrid", 3: "direct"}
NETISR_SNP_M2FLOW, NETISR_SNP_M2CPUID, NETISR_SNP_DRAINEDCPU = 0x1, 0x2, 0x4

BPF_D_IN, BPF_D_INOUT, BPF_D_OUT = 0, 1, 2


class NetisrProto(Record):
    """One protocol (struct sysctl_netisr_proto)."""

    name: str
    proto: int
    qlimit: int
    policy: int
    dispatch: int = 0
    flags: int = 0


class NetisrWorkstream(Record):
    """One thread of protocol input (struct sysctl_netisr_workstream)."""

    wsid: int
    cpu: int


class NetisrWork(Record):
    """What a thread did for a protocol (struct sysctl_netisr_work)."""

    wsid: int
    proto: int
    length: int = 0
    watermark: int = 0
    dispatched: int = 0
    hybrid_dispatched: int = 0
    qdrops: int = 0
    queued: int = 0
    handled: int = 0


class Zone(Record):
    """One zone of memory (struct uma_type_header)."""

    name: str
    size: int
    count: int = 0
    free: int = 0
    limit: int = 0
    failures: int = 0
    sleeps: int = 0


class Sfstat(Record):
    """What sendfile(2) did (struct sfstat)."""

    syscalls: int = 0
    noiocnt: int = 0
    iocnt: int = 0
    pages_read: int = 0
    pages_valid: int = 0
    pages_bogus: int = 0
    rhpages_requested: int = 0
    rhpages_read: int = 0
    busy: int = 0
    allocfail: int = 0
    allocwait: int = 0


class XbpfD(Record):
    """One open bpf(4) descriptor (struct xbpf_d)."""

    pid: int
    ifname: str
    promisc: bool = False
    immediate: bool = False
    hdrcmplt: bool = False
    direction: int = BPF_D_INOUT
    feedback: bool = False
    async_: bool = False
    locked: bool = False
    rcount: int = 0
    dcount: int = 0
    fcount: int = 0
    slen: int = 0
    hlen: int = 0
