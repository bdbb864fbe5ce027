"""dummynet(4) as programs see it: links, schedulers, flowsets, and the requests about them (netinet/ip_dummynet.h)."""

from __future__ import annotations

from vshell.abi.record import Record

IP_DUMMYNET3 = 49
"""The socket option at level IPPROTO_IP; its value is one of the requests below."""

DN_MAX_ID = 0x10000
"""Numbers are below; a pipe's own scheduler and flowset are numbered from here on."""

DN_LINK, DN_FS, DN_SCH = 1, 2, 3
"""What is listed or deleted."""

DN_HAVE_MASK, DN_NOERROR, DN_QHT_HASH, DN_QSIZE_BYTES, DN_HAS_PROFILE = 0x1, 0x2, 0x4, 0x8, 0x10
DN_IS_RED, DN_IS_GENTLE_RED, DN_IS_ECN, DN_IS_AQM, DN_PIPE_CMD = 0x20, 0x40, 0x80, 0x100, 0x1000
"""Flags of flowsets and schedulers; DN_PIPE_CMD: the scheduler comes with a pipe."""

SCALE_RED = 16
"""Bits behind the point in the parameters of RED."""
PLR_MAX = 0x7FFFFFFF
"""A loss rate of one."""

ED_MAX_SAMPLES_NO = 1024
ED_MAX_NAME_LEN = 32

CODEL_ECN_ENABLED = 1
PIE_ECN_ENABLED, PIE_CAPDROP_ENABLED, PIE_ON_OFF_MODE_ENABLED, PIE_DEPRATEEST_ENABLED, PIE_DERAND_ENABLED = 1, 2, 4, 8, 16
PIE_SCALE = 1 << 13
"""A fixed-point one of PIE's parameters."""


class FlowId(Record):
    """struct ipfw_flow_id: a flow, or a mask for flows.  Addresses are numbers; `addr_type` is 4, 6 or unset."""

    addr_type: int = 0
    dst_ip: int = 0
    src_ip: int = 0
    dst_port: int = 0
    src_port: int = 0
    proto: int = 0
    extra: int = 0
    dst_ip6: int = 0
    src_ip6: int = 0
    flow_id6: int = 0


class DnObject(Record):
    """What a configuration consists of, and an answer."""


class DnLink(DnObject):
    """struct dn_link.  `bandwidth` in bit/s, 0 is unlimited; `delay` in ms; `burst` in bytes."""

    link_nr: int
    bandwidth: int = 0
    delay: int = 0
    burst: int = 0


class DnFs(DnObject):
    """struct dn_fs, a flowset.  `par` are weight, maximum length and priority, -1 for what is to stay as it is.

    `count` in an answer is how many queues there are.
    """

    fs_nr: int
    flags: int = 0
    qsize: int = 0
    buckets: int = 0
    flow_mask: FlowId = FlowId()
    sched_nr: int = 0
    par: tuple[int, ...] = (-1, -1, -1, -1)
    w_q: int = 0
    max_th: int = 0
    min_th: int = 0
    max_p: int = 0
    plr: tuple[int, ...] = (0, 0, 0, 0)
    count: int = 0


class DnSch(DnObject):
    """struct dn_sch, a scheduler.  Without a name it is the one there is, or the default."""

    sched_nr: int
    buckets: int = 0
    flags: int = 0
    name: str = ""
    sched_mask: FlowId = FlowId()
    count: int = 0


class DnProfile(DnObject):
    """struct dn_profile: delays of a link besides its bandwidth, in ms."""

    link_nr: int
    name: str = ""
    loss_level: int = 0
    samples_no: int = 0
    samples: tuple[int, ...] = ()


class DnExtra(DnObject):
    """struct dn_extra_parms: parameters of an AQM or of a scheduler, -1 for the default; they precede what they are for."""

    name: str = ""
    par: tuple[int, ...] = (-1,) * 10
    aqm: bool = True


class DnFlow(DnObject):
    """struct dn_flow: what went through a queue or an instance of a scheduler; `hash` is its place."""

    hash: int
    fid: FlowId
    tot_pkts: int
    tot_bytes: int
    length: int
    len_bytes: int
    drops: int


class DnChildren(DnObject):
    """The flowsets of a scheduler."""

    numbers: tuple[int, ...]


# requests ------------------------------------------------------------------------------------------------------


class DnRequest(Record):
    """What is asked with IP_DUMMYNET3."""


class DnConfig(DnRequest):
    """DN_CMD_CONFIG: the objects in the order they are to be configured."""

    objects: tuple[DnObject, ...]


class DnDelete(DnRequest):
    """DN_CMD_DELETE; EINVAL if there is none, and for schedulers."""

    subtype: int
    number: int


class DnFlush(DnRequest):
    """DN_CMD_FLUSH: delete everything."""


class DnGet(DnRequest):
    """DN_CMD_GET: objects with numbers in the ranges, all if there is none; the answer is a tuple of objects."""

    subtype: int
    ranges: tuple[tuple[int, int], ...] = ()


class DnGetExtra(DnRequest):
    """DN_CMD_GET of DN_AQM_PARAMS or DN_SCH_PARAMS: a DnExtra, without a name if there are none.  EINVAL."""

    number: int
    aqm: bool = True
