"""bpf(4): requests to an open /dev/bpf, link types, the header in front of each packet (net/bpf.h, net/dlt.h).

`READ_HEADER` is struct bpf_xhdr as a program reads it: seconds, fraction, bytes captured, bytes of the packet, length of
this header with its padding.
"""

from __future__ import annotations

from vshell.abi.record import Record

Insn = tuple[int, int, int, int]
"""One instruction of a filter: code, jt, jf, k."""

DLT_NULL, DLT_EN10MB, DLT_EN3MB, DLT_IEEE802, DLT_ARCNET, DLT_SLIP, DLT_PPP, DLT_FDDI, DLT_ATM_RFC1483, DLT_RAW = (
    0, 1, 3, 6, 7, 8, 9, 10, 11, 12,
)  # fmt: skip
DLT_PPP_SERIAL, DLT_PPP_ETHER, DLT_C_HDLC, DLT_IEEE802_11, DLT_LOOP, DLT_LINUX_SLL, DLT_ENC, DLT_PFLOG, DLT_PFSYNC = (
    50, 51, 104, 105, 108, 113, 109, 117, 121,
)  # fmt: skip
DLT_IEEE802_11_RADIO, DLT_DOCSIS, DLT_USB, DLT_IPV4, DLT_IPV6, DLT_LINUX_SLL2 = 127, 143, 186, 228, 229, 276

BPF_ALIGNMENT = 8
READ_HEADER = "<qQIIH"
OLD_HEADER = "<qqIIH"
"""The same with microseconds (struct bpf_hdr)."""
HEADER_SIZE = 26

BPF_T_MICROTIME, BPF_T_NANOTIME, BPF_T_BINTIME, BPF_T_NONE = 0, 1, 2, 3
BPF_T_FORMAT_MASK, BPF_T_FAST, BPF_T_MONOTONIC = 0x3, 0x100, 0x200
BPF_BUFMODE_BUFFER, BPF_BUFMODE_ZBUF = 1, 2
BPF_MAJOR_VERSION, BPF_MINOR_VERSION = 1, 1


def BPF_WORDALIGN(size: int) -> int:
    """Round up to where the next packet begins."""
    return (size + BPF_ALIGNMENT - 1) & ~(BPF_ALIGNMENT - 1)


class FIONREAD(Record):
    """Bytes that can be read."""


class BIOCGBLEN(Record):
    """The size of the buffer, which a read must ask for."""


class BIOCSBLEN(Record):
    """Choose the size of the buffer before an interface; answers what it became.  EINVAL."""

    size: int


class BIOCSETF(Record):
    """The filter of what is read; what was not yet read is lost.  EINVAL for no program."""

    program: tuple[Insn, ...]


class BIOCSETFNR(BIOCSETF):
    """The same, but nothing is lost."""


class BIOCSETWF(BIOCSETF):
    """The filter of what is written."""


class BIOCFLUSH(Record):
    """Forget what was not yet read, and the counters."""


class BIOCPROMISC(Record):
    """Put the interface into promiscuous mode as long as this is open."""


class BIOCGDLT(Record):
    """The link type (DLT_*).  EINVAL without an interface."""


class BIOCGDLTLIST(Record):
    """All link types of the interface, as a tuple."""


class BIOCSDLT(Record):
    """Choose among them.  EINVAL."""

    dlt: int


class BIOCGETIF(Record):
    """The interface's name."""


class BIOCSETIF(Record):
    """Choose the interface, in the stack of the caller.  ENXIO."""

    name: str


class BIOCSRTIMEOUT(Record):
    """How long a read waits, in ns; 0 for ever."""

    timeout: int


class BIOCGRTIMEOUT(Record):
    """How long that is."""


class BIOCGSTATS(Record):
    """Answers a BpfStat."""


class BpfStat(Record):
    """struct bpf_stat: packets that came by, and that were lost for want of room."""

    recv: int
    drop: int


class BIOCIMMEDIATE(Record):
    """Is a read ready as soon as there is a packet?"""

    on: int


class BIOCVERSION(Record):
    """(major, minor) of the filter language."""


class BIOCGHDRCMPLT(Record):
    """Does the program fill in the link-level source address?"""


class BIOCSHDRCMPLT(Record):
    """Say so."""

    on: int


class BIOCGDIRECTION(Record):
    """Which packets are seen: abi.netisr.BPF_D_*."""


class BIOCSDIRECTION(Record):
    """Choose.  EINVAL."""

    direction: int


class BIOCGTSTAMP(Record):
    """The format of time stamps, BPF_T_*."""


class BIOCSTSTAMP(Record):
    """Choose.  EINVAL."""

    format: int


class BIOCFEEDBACK(Record):
    """Does what is written come in as well?"""

    on: int


class BIOCLOCK(Record):
    """From now on nothing that matters can be changed."""


class BIOCGETBUFMODE(Record):
    """How packets are handed over."""


class BIOCSETBUFMODE(Record):
    """Choose.  EINVAL, EBUSY."""

    mode: int


class BIOCSETVLANPCP(Record):
    """The priority of what is written."""

    pcp: int


UNLOCKED = (
    BIOCGBLEN, BIOCFLUSH, BIOCGDLT, BIOCGDLTLIST, BIOCGETIF, BIOCGRTIMEOUT, BIOCGSTATS, BIOCVERSION, BIOCGHDRCMPLT,
    BIOCSTSTAMP, BIOCFEEDBACK, FIONREAD, BIOCLOCK, BIOCSRTIMEOUT, BIOCIMMEDIATE,
)  # fmt: skip
"""What is still allowed after BIOCLOCK."""
