"""pipe, queue and sched N config of ipfw(8) and dnctl(8) (ipfw_config_pipe, sbin/ipfw/dummynet.c).

A pipe is a scheduler, its link, and the flowset of the pipe's own FIFO; a queue is a flowset; a scheduler comes with the
flowset it uses if it has only one queue.
"""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.abi.dummynet import (
    DN_HAVE_MASK,
    DN_IS_AQM,
    DN_IS_ECN,
    DN_IS_GENTLE_RED,
    DN_IS_RED,
    DN_MAX_ID,
    DN_NOERROR,
    DN_PIPE_CMD,
    DN_QSIZE_BYTES,
    IP_DUMMYNET3,
    PLR_MAX,
    SCALE_RED,
    DnConfig,
    DnExtra,
    DnFs,
    DnLink,
    DnObject,
    DnProfile,
    DnSch,
    FlowId,
)
from vshell.abi.errno import KError
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.dummynet_parms import AqmParms
from vshell.commands.ipfw.words import EX_DATAERR, EX_USAGE
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.humanize import expand_number
from vshell.userland.sh.number import parse_float

ALIASES = {
    "maxlen": "lmax", "bandwidth": "bw", "priority": "pri", "sched_mask": "mask", "flow_mask": "mask", "pipe": "sched",
    "dst-ipv6": "dst-ip6", "src-ipv6": "src-ip6",
}  # fmt: skip
UNSET = 0xFFFFFFFF
_M64 = (1 << 64) - 1
FIELDS4 = {"dst-ip": "dst_ip", "src-ip": "src_ip"}
FIELDS6 = {"dst-ip6": "dst_ip6", "src-ip6": "src_ip6"}
PORTS = {"dst-port": "dst_port", "src-port": "src_port"}


def strtoul(text: str) -> tuple[int, str]:
    """strtoul(3): (number, what follows it)."""
    value, rest, _ = strtol(text, 0, -_M64, _M64)
    return value & _M64, rest


def i32(value: int) -> int:
    """A number as an int holds it."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def starts(o: Options, text: str, head: str, full: str) -> bool:
    """_substrcmp2: anything that begins so is taken for the full word, with a warning."""
    if not text.startswith(head):
        return False
    if text != full:
        o.warnx(f"DEPRECATED: '{text}' matched '{full}'")
    return True


def read_bandwidth(o: Options, text: str, old: int, interfaces: bool = False) -> int:
    """A bandwidth in bit/s; the name of an interface is only understood in profiles, where it means none."""
    if old != UNSET:
        o.warnx("duplicate token, override bandwidth value!")
    if "a" <= text[:1] <= "z":
        if not interfaces:
            o.errx(1, "no if support")
        o.p.warn(KError(25), "interface name truncated")
        return 0
    value, rest = strtoul(text)
    scale = {"k": 1000, "m": 1_000_000, "g": 1_000_000_000}.get(rest[:1].lower(), 0)
    if scale:
        value, rest = value * scale & _M64, rest[1:]
    if (rest[:1] == "B" and not starts(o, rest, "Bi", "Bit/s")) or starts(o, rest, "by", "bytes"):
        value = value * 8 & _M64
    if value > 0xFFFFFFFF:
        o.errx(EX_DATAERR, "bandwidth too large")
    return value


class ConfigParser:
    """The words after config."""

    def __init__(self, o: Options, number: int, av: list[str]) -> None:
        self.o = o
        self.av = av
        self.number = number
        self.flags = 0
        """Of the flowset."""
        self.mask_flags = 0
        """Of what has the mask: the flowset of a queue, else the scheduler."""
        self.buckets = self.qsize = self.sched_nr = 0
        self.mask = FlowId()
        self.par = [-1, -1, -1, -1]
        self.plr = [0, 0, 0, 0]
        self.w_q = self.min_th = self.max_th = self.max_p = 0
        self.bandwidth, self.delay, self.burst = UNSET, 0, 0
        self.type = ""
        self.profile: DnProfile | None = None
        self.aqm, self.extra = DnExtra(), DnExtra(aqm=False)

    def bad(self, text: str) -> NoReturn:
        """A wrong value."""
        self.o.errx(EX_DATAERR, text)

    def need(self, present: bool, text: str) -> None:
        """NEED: the word is only for some objects."""
        if not present:
            self.o.errx(EX_USAGE, text)

    def argument(self, text: str) -> str:
        """NEED1: the next word."""
        if not self.av:
            self.o.errx(EX_USAGE, text)
        return self.av.pop(0)

    def parse(self) -> None:
        """All words."""
        while self.av:
            word = self.av.pop(0)
            name = ALIASES.get(word, word)
            method = getattr(self, "_" + name.replace("-", "_"), None) if name in WORDS else None
            if method is None:
                self.bad(f"unrecognised option ``{word}''")
            method(word)

    # flowsets --------------------------------------------------------------------------------------------------
    def _noerror(self, word: str) -> None:
        self.flags |= DN_NOERROR

    def _plr(self, word: str) -> None:
        text = self.argument("plr needs one or four arguments 0..1\n")
        for i, part in enumerate(text.split(",")[:4]):
            rate = parse_float(part)[0]
            self.plr[i] = int((0.0 if rate < 0 else rate if rate <= 1 else 1.0) * PLR_MAX)

    def _queue(self, word: str) -> None:
        value, rest = strtoul(self.argument("queue needs queue size\n"))
        self.qsize = i32(value)
        if rest[:1] in ("K", "k"):
            self.flags |= DN_QSIZE_BYTES
            self.qsize = i32(self.qsize * 1024)
        elif rest[:1] == "B" or starts(self.o, rest, "by", "bytes"):
            self.flags |= DN_QSIZE_BYTES

    def _buckets(self, word: str) -> None:
        self.buckets = strtoul(self.argument("buckets needs argument\n"))[0] & 0xFFFFFFFF

    def _droptail(self, word: str) -> None:
        self.flags &= ~(DN_IS_RED | DN_IS_GENTLE_RED)

    def _ecn(self, word: str) -> None:
        self.flags |= DN_IS_ECN

    def _weight(self, word: str) -> None:
        self.par[0] = i32(strtol(self.argument("weight needs argument\n"), 0)[0])

    def _lmax(self, word: str) -> None:
        self.par[1] = i32(strtol(self.argument("lmax needs argument\n"), 0)[0])

    def _pri(self, word: str) -> None:
        self.par[2] = i32(strtol(self.argument("priority needs argument\n"), 0)[0])

    def _sched(self, word: str) -> None:
        self.sched_nr = strtoul(self.argument("pipe/link/sched needs number\n"))[0] & 0xFFFFFFFF

    def _red(self, word: str) -> None:
        """w_q/min_th/max_th/max_p."""
        text = self.argument("red/gred needs w_q/min_th/max_th/max_p\n")
        self.flags |= DN_IS_RED | (DN_IS_GENTLE_RED if word == "gred" else 0)
        parts = text.split("/")
        w_q = parse_float(parts[0])[0]
        if w_q > 1 or w_q <= 0:
            self.bad("0 < w_q <= 1")
        self.w_q = int(w_q * (1 << SCALE_RED)) if w_q == w_q else 0
        limits = []
        for part in parts[1:3]:
            value, rest = strtoul(part)
            limits.append(i32(value * (1024 if rest[:1] in ("K", "k") else 1)))
        self.min_th, self.max_th = (*limits, self.min_th, self.max_th)[:2] if len(limits) != 1 else (limits[0], self.max_th)
        if len(parts) > 3:
            max_p = parse_float(parts[3])[0]
            if max_p > 1 or max_p < 0:
                self.bad("0 <= max_p <= 1")
            self.max_p = int(max_p * (1 << SCALE_RED)) if max_p == max_p else 0

    _gred = _red

    def _codel(self, word: str) -> None:
        self.flags = self.flags & ~(DN_IS_RED | DN_IS_GENTLE_RED) | DN_IS_AQM
        self.aqm = DnExtra(word, AqmParms(self.o, word).parse(self.av))
        self.av = []

    _pie = _codel

    # masks -----------------------------------------------------------------------------------------------------
    def _mask(self, word: str) -> None:
        if not self.av:
            self.o.errx(EX_USAGE, "mask needs mask specifier\n")
        values: dict[str, int] = {}
        self.mask = FlowId()
        while self.av:
            name = ALIASES.get(self.av[0], self.av[0])
            if name in ("all", "queue"):
                self.av.pop(0)
                self.mask_flags |= DN_HAVE_MASK
                if name == "queue":
                    values["extra"] = 0xFFFFFFFF
                else:
                    values.update(ALL)
                break
            if name not in MASKS:
                break
            self.av.pop(0)
            self._mask_value(name, values)
        self.mask = FlowId(**values)

    def _mask_value(self, name: str, values: dict[str, int]) -> None:
        if name in FIELDS4:
            values["addr_type"] = 4
        elif name in FIELDS6 or name == "flow-id":
            values["addr_type"] = 6
        if not self.av:
            self.o.errx(EX_USAGE, "mask: value missing")
        text = self.av.pop(0)
        value = strtoul(text[1:] if text.startswith("/") else text)[0] & 0xFFFFFFFF
        if text.startswith("/") and name not in FIELDS6:
            value = 0xFFFFFFFF if value == 32 else (1 << (value & 31)) - 1
        if name in FIELDS4:
            values[FIELDS4[name]] = value
        elif name in PORTS:
            if value > 0xFFFF:
                self.bad("port mask must be 16 bit")
            values[PORTS[name]] = value
        elif name == "flow-id":
            if value > 0xFFFFF:
                self.bad("flow_id mask must be 20 bit")
            values["flow_id6"] = value
        elif name in FIELDS6:
            if value > 128:
                self.bad("in6addr invalid mask len")
            values[FIELDS6[name]] = ((1 << value) - 1) << (128 - value)
        else:
            if value > 0xFF:
                self.bad("proto mask must be 8 bit")
            values["proto"] = value
        if value:
            self.mask_flags |= DN_HAVE_MASK

    # links -----------------------------------------------------------------------------------------------------
    @property
    def link(self) -> bool:
        """Is there a link?"""
        return self.o.pipe == 1

    def _bw(self, word: str) -> None:
        self.need(self.link, "bw is only for links")
        self.bandwidth = read_bandwidth(self.o, self.argument("bw needs bandwidth or interface\n"), self.bandwidth)

    def _delay(self, word: str) -> None:
        self.need(self.link, "delay is only for links")
        self.delay = i32(strtoul(self.argument("delay needs argument 0..10000ms\n"))[0])

    def _burst(self, word: str) -> None:
        self.need(self.link, "burst")
        text = self.argument("burst needs argument\n")
        value = expand_number(text)
        if value is None and BURST.fullmatch(text) is None:
            self.bad("burst: invalid argument")
        if value is None or not 0 <= value < 1 << 48:
            self.bad("burst: out of range (0..2^48-1)")
        self.burst = value

    def _profile(self, word: str) -> None:
        from vshell.commands.ipfw.dummynet_profile import load_extra_delays

        self.need(self.profile is None, "profile already set")
        self.need(self.link, "profile")
        name = self.argument("extra delay needs the file name\n")
        self.profile, self.bandwidth = load_extra_delays(self.o, name, self.number, self.bandwidth)

    # schedulers ------------------------------------------------------------------------------------------------
    def _type(self, word: str) -> None:
        self.need(self.o.pipe != 2, "type is only for schedulers")
        if not self.av:
            self.o.errx(EX_USAGE, "type needs a string")
        name = self.av[0]
        if not 0 < len(name) <= 15:
            self.o.errx(1, f"type {name} too long\n")
        self.type = name
        if name.lower() in ("fq_codel", "fq_pie"):
            # The word is read once more, as the name of what the parameters are for; it must be in small letters then.
            self.extra = DnExtra(name, aqm=False)
        else:
            self.av.pop(0)

    def _fq_codel(self, word: str) -> None:
        self.need(self.o.pipe != 2, "fq_codel/fq_pie is only for schd")
        self.extra = DnExtra(word, AqmParms(self.o, word).parse(self.av), aqm=False)
        self.av = []

    _fq_pie = _fq_codel

    # the whole -------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """What can only be said when everything is read."""
        o = self.o
        if self.link and self.delay > 10000:
            self.bad("delay must be < 10000")
        if self.bandwidth == UNSET:
            self.bandwidth = 0
        if self.flags & DN_QSIZE_BYTES:
            limit = _sysctl(o, "pipe_byte_limit", 1024 * 1024)
            if self.qsize > limit:
                self.bad(f"queue size must be < {limit}B")
        else:
            limit = _sysctl(o, "pipe_slot_limit", 100)
            if self.qsize > limit:
                self.bad(f"2 <= queue size <= {limit}")
        if self.flags & DN_IS_ECN and not self.flags & (DN_IS_RED | DN_IS_AQM):
            o.errx(EX_USAGE, "ECN can be used with red/gred/codel/fq_codel only!")
        if not self.flags & DN_IS_RED:
            return
        if not self.flags & DN_IS_ECN and self.min_th >= self.max_th:
            self.bad(f"min_th {self.min_th} must be < than max_th {self.max_th}")
        if self.flags & DN_IS_ECN and self.min_th > self.max_th:
            self.bad(f"min_th {self.min_th} must be =< than max_th {self.max_th}")
        if self.max_th == 0:
            self.bad("max_th must be > 0")

    def objects(self) -> tuple[DnObject, ...]:
        """What is handed to the kernel, in its order."""
        number, kind = self.number, self.o.pipe
        queue = kind == 2
        fs_nr = {1: number + 2 * DN_MAX_ID, 2: number, 3: number + DN_MAX_ID}[kind]
        sched_nr = self.sched_nr or {1: number + DN_MAX_ID, 2: 0, 3: number}[kind]
        fs = DnFs(
            fs_nr,
            self.flags | (self.mask_flags if queue else 0),
            self.qsize,
            self.buckets if queue else 0,
            self.mask if queue else FlowId(),
            sched_nr,
            tuple(self.par),
            self.w_q,
            self.max_th,
            self.min_th,
            self.max_p,
            tuple(self.plr),
        )
        if queue:
            return self.aqm, fs
        flags = self.mask_flags | (DN_PIPE_CMD if self.link else 0)
        sch = DnSch(number, self.buckets, flags, self.type, self.mask)
        link = (DnLink(number, self.bandwidth, self.delay, self.burst),) if self.link else ()
        profile = (self.profile,) if self.profile is not None else ()
        return self.extra, sch, *link, self.aqm, fs, *profile


MASKS = frozenset((*FIELDS4, *FIELDS6, *PORTS, "flow-id", "proto"))
ALL = {
    "dst_ip": 0xFFFFFFFF, "src_ip": 0xFFFFFFFF, "dst_port": 0xFFFF, "src_port": 0xFFFF, "proto": 0xFF,
    "dst_ip6": (1 << 128) - 1, "src_ip6": (1 << 128) - 1, "flow_id6": 0xFFFFFFFF,
}  # fmt: skip
BURST = re.compile(r"\s*[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)[kmgtpeKMGTPE]?[bB]?")
"""What is a number, although it may be too large."""
WORDS = frozenset((
    "plr", "noerror", "buckets", "weight", "lmax", "mask", "droptail", "ecn", "red", "gred", "codel", "fq_codel", "pie", "fq_pie",
    "bw", "delay", "queue", "sched", "pri", "type", "profile", "burst",
))  # fmt: skip
"""Words that begin an option; those of masks only stand behind mask."""


def _sysctl(o: Options, name: str, default: int) -> int:
    try:
        value: int = o.p.sys.sysctl(f"net.inet.ip.dummynet.{name}")
    except KError:
        return default
    return value


def ipfw_config_pipe(o: Options, av: list[str]) -> None:
    """config N and what follows."""
    number = atoi(av[0]) if av and av[0][:1].isascii() and av[0][:1].isdigit() else -1
    if number <= 0:
        o.errx(EX_USAGE, "need a pipe/flowset/sched number")
    parser = ConfigParser(o, number, av[1:])
    parser.parse()
    parser.check()
    try:
        o.request(DnConfig(parser.objects()), IP_DUMMYNET3)
    except KError as e:
        o.err(1, e, "setsockopt(IP_DUMMYNET3)")
