"""pipe, queue and sched of ipfw(8) and dnctl(8): listing and deleting (sbin/ipfw/dummynet.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vshell.abi.dummynet import (
    CODEL_ECN_ENABLED,
    DN_FS,
    DN_HAVE_MASK,
    DN_IS_AQM,
    DN_IS_ECN,
    DN_IS_GENTLE_RED,
    DN_IS_RED,
    DN_LINK,
    DN_MAX_ID,
    DN_QSIZE_BYTES,
    DN_SCH,
    IP_DUMMYNET3,
    PIE_CAPDROP_ENABLED,
    PIE_DEPRATEEST_ENABLED,
    PIE_DERAND_ENABLED,
    PIE_ECN_ENABLED,
    PIE_ON_OFF_MODE_ENABLED,
    PIE_SCALE,
    PLR_MAX,
    SCALE_RED,
    DnChildren,
    DnDelete,
    DnExtra,
    DnFlow,
    DnFlush,
    DnFs,
    DnGet,
    DnGetExtra,
    DnLink,
    DnProfile,
    DnSch,
    FlowId,
)
from vshell.abi.errno import EINVAL, ENOTTY, KError
from vshell.commands.ipfw.cmdline import Options, substrcmp
from vshell.commands.ipfw.words import EX_DATAERR, EX_USAGE
from vshell.userland.addr import inet_ntop6
from vshell.userland.cnumber import strtol
from vshell.userland.humanize import humanize_number
from vshell.userland.netdb import getprotobynumber

SUBTYPES = {1: DN_LINK, 2: DN_FS, 3: DN_SCH}
"""By the word in front: pipe, queue, sched."""


async def dummynet(o: Options, av: list[str]) -> bool:
    """A command after pipe, queue or sched; False if it is one that ipfw has for rules only."""
    from vshell.commands.ipfw.manage import ask, ipfw_add

    word, args = av[0], av[1:]
    if o.is_ipfw and substrcmp(o, word, "add"):
        ipfw_add(o, args)
    elif substrcmp(o, word, "config"):
        from vshell.commands.ipfw.dummynet_config import ipfw_config_pipe

        ipfw_config_pipe(o, args)
    elif o.is_ipfw and any(name.startswith(word) for name in ("set", "table", "enable", "disable")):
        return False
    elif substrcmp(o, word, "delete"):
        _delete(o, args)
    elif o.is_ipfw and any(name.startswith(word) for name in ("nat64clat", "nat64stl", "nat64lsn", "nptv6")):
        return False
    elif substrcmp(o, word, "flush"):
        if await ask(o):
            _ask(o, DnFlush())
    elif o.is_ipfw and any(name.startswith(word) for name in ("zero", "resetlog")):
        return False
    elif substrcmp(o, word, "print") or substrcmp(o, word, "list") or substrcmp(o, word, "show"):
        dummynet_list(o, args)
    elif o.is_ipfw:
        return False
    else:
        o.errx(EX_USAGE, f"bad command `{word}'")
    return True


def _ask(o: Options, request: Any) -> Any:
    """The answer, None if there is none: nobody looks why."""
    try:
        return o.request(request, IP_DUMMYNET3)
    except KError:
        return None


def _delete(o: Options, av: list[str]) -> None:
    """ipfw_delete, ipfw_delete_pipe."""
    if not av:
        o.errx(EX_USAGE, "missing rule specification")
    if substrcmp(o, av[0], "set"):
        av = av[1:]
    status = 0
    for word in av:
        if not (word[:1].isascii() and word[:1].isdigit()):
            break
        number = strtol(word)[0]
        status = 0
        try:
            o.request(DnDelete(SUBTYPES[o.pipe], number), IP_DUMMYNET3)
        except KError as e:
            status = 1
            o.p.warn(e, "rule 1: setsockopt(IP_DUMMYNET3)")
    if status and not o.force:
        o.exit(status)


def parse_range(o: Options, av: Sequence[str]) -> list[tuple[int, int]]:
    """Numbers and ranges, separated by spaces or commas; those that cannot be are left out."""
    found: list[tuple[int, int]] = []
    words = list(av)
    at = 0
    text: str | None = words[0] if words else None
    left = len(words)
    while text is not None:
        first, rest, error = strtol(text, 10)
        last = first
        if rest[:1] == "-":
            last, rest, error = strtol(rest[1:], 10)
        step = 1
        if not rest:
            text = words[at + 1] if left > 0 and at + 1 < len(words) else None
        elif rest[0] != ",":
            o.p.warn(KError(error or (EINVAL if text == rest else ENOTTY)), f"invalid number: {text}")
            text = rest[1:]
            at, left = at + 1, left - 1
            continue
        else:
            text, step = rest[1:], 0
        at, left = at + step, left - step
        if first <= last and 0 <= first < DN_MAX_ID - 1 and last < DN_MAX_ID - 1:
            found.append((first, last))
    return found


def dummynet_list(o: Options, av: Sequence[str]) -> None:
    """list, show."""
    if o.test_only:
        o.p.stderr.write("Testing only, list disabled\n")
        return
    ranges = parse_range(o, av)
    if ranges:
        # They are read once to be counted, and once more to be stored.
        ranges = parse_range(o, av)
    base = DN_MAX_ID if o.pipe == 1 else 0
    answer = _ask(o, DnGet(SUBTYPES[o.pipe], tuple((a + base, b + base) for a, b in ranges)))
    Listing(o).show(answer or ())


def us_to_time(us: int) -> str:
    """Microseconds with a unit."""
    if us < 0:
        return ""
    if us == 0:
        return "0"
    if us < 1000:
        return f"{us}us"
    if us < 1_000_000:
        return f"{us / 1000:g}ms"
    # The unit is a slip of FreeBSD's.
    return f"{us / 1_000_000:g}fs"


class Listing:
    """What is printed for the objects of an answer (list_pipes)."""

    def __init__(self, o: Options) -> None:
        self.o = o
        self.out = o.p.stdout
        self.pending = ""
        """The line of a link, until it is known what follows."""
        self.header = True

    def show(self, objects: Sequence[Any]) -> None:
        """All of them."""
        printers: dict[type[Any], Callable[[Any], None]] = {
            DnChildren: self._children, DnSch: self._sched, DnFlow: self._flow, DnLink: self._link, DnFs: self._flowset,
            DnProfile: self._profile,
        }  # fmt: skip
        for each in objects:
            printers[type(each)](each)
            self._flush()

    def _flush(self) -> None:
        if self.pending:
            self.out.write(self.pending + "\n")
        self.pending = ""

    def _children(self, children: DnChildren) -> None:
        if children.numbers:
            self.out.write(f"   Children flowsets: {''.join(f'{n} ' for n in children.numbers)}\n")

    def _sched(self, s: DnSch) -> None:
        self.out.write(f" sched {s.sched_nr} type {s.name} flags 0x{s.flags:x} {s.buckets} buckets {s.count} active\n")
        self.out.write(_sched_parms(self._extra(s.sched_nr, False)))
        if s.flags & DN_HAVE_MASK:
            self._mask(s.sched_mask)

    def _extra(self, number: int, aqm: bool) -> DnExtra:
        try:
            found: DnExtra = self.o.request(DnGetExtra(number, aqm), IP_DUMMYNET3)
        except KError:
            self.o.errx(EX_DATAERR, "Error getting extra parameters\n")
        return found

    def _mask(self, mask: FlowId) -> None:
        queue = "queue," if mask.extra else ""
        if mask.addr_type != 6:
            source, dest = f"0x{mask.src_ip:08x}/0x{mask.src_port:04x}", f"0x{mask.dst_ip:08x}/0x{mask.dst_port:04x}"
            self.out.write(f"    mask: {queue} 0x{mask.proto:02x} {source} -> {dest}\n")
        else:
            source = f"{_ntop6(mask.src_ip6)}/0x{mask.src_port:04x}"
            dest = f"{_ntop6(mask.dst_ip6)}/0x{mask.dst_port:04x}"
            head = f"\n        mask: {queue}proto: 0x{mask.proto:02x}, flow_id: 0x{mask.flow_id6:08x},  "
            self.out.write(f"{head}{source} -> {dest}\n")

    def _flow(self, flow: DnFlow) -> None:
        v6 = flow.fid.addr_type == 6
        if self.header:
            self.header = False
            self.out.write(HEADER6 if v6 else HEADER)
        fid = flow.fid
        proto = getprotobynumber(self.o.p, fid.proto)
        text = f"{flow.hash & 0xFF:3}{'*' if fid.extra else ' '}"
        if v6:
            text += f"{proto or fid.proto:>9} {fid.flow_id6:7}  {_ntop6(fid.src_ip6):>39}/{fid.src_port:<5} "
            text += f" {_ntop6(fid.dst_ip6):>39}/{fid.dst_port:<5} "
        else:
            text += f"{proto:<4} " if proto is not None else f"{fid.proto:4} "
            text += f"{_ntop4(fid.src_ip):>15}/{fid.src_port:<5} {_ntop4(fid.dst_ip):>15}/{fid.dst_port:<5} "
        text += f"{flow.tot_pkts:4} {flow.tot_bytes:8} {flow.length:2} {flow.len_bytes:4} {flow.drops:3}"
        self.out.write(text + "\n")

    def _link(self, link: DnLink) -> None:
        rate = float(link.bandwidth)
        if not rate:
            text = "unlimited     "
        else:
            unit, size = next(
                ((u, s) for u, s in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("Kbit/s", 1e3)) if rate >= s), ("bit/s ", 1.0)
            )
            text = f"{rate / size:7.3f} {unit}"
        burst = str((link.burst + (1 << 31)) % (1 << 32) - (1 << 31)) if self.o.verbose else humanize_number(link.burst, 12)
        self.pending = f"{link.link_nr % DN_MAX_ID:05}: {text} {link.delay:4} ms burst {burst}"

    def _flowset(self, fs: DnFs) -> None:
        if fs.flags & DN_QSIZE_BYTES:
            size = f"{fs.qsize // 1024} KB" if fs.qsize >= 8192 else f"{fs.qsize} B"
        else:
            size = f"{fs.qsize:3} sl."
        size += _loss(fs)
        red = self._policy(fs)
        number, weight, longest, priority = fs.fs_nr, *fs.par[:3]
        self.out.write(
            f"q{number:05} {size} {fs.count} flows ({fs.buckets} buckets) sched {fs.sched_nr} "
            f"weight {weight} lmax {longest} pri {priority} {red}\n"
        )
        if fs.flags & DN_HAVE_MASK:
            self._mask(fs.flow_mask)

    def _policy(self, fs: DnFs) -> str:
        if fs.flags & DN_IS_RED:
            kind = "G" if fs.flags & DN_IS_GENTLE_RED else " "
            one = 1 << SCALE_RED
            text = f"\n\t {kind}RED w_q {fs.w_q / one:f} min_th {fs.min_th} max_th {fs.max_th} max_p {fs.max_p / one:f}"
            return text + (" (ecn)" if fs.flags & DN_IS_ECN else "")
        return _aqm_parms(self._extra(fs.fs_nr, True)) if fs.flags & DN_IS_AQM else "droptail"

    def _profile(self, profile: DnProfile) -> None:
        self._flush()
        if profile.samples_no > 0:
            loss = profile.loss_level / profile.samples_no
            self.out.write(f'\t profile: name "{profile.name}" loss {loss:f} samples {profile.samples_no}\n')


HEADER = "BKT Prot ___Source IP/port____ ____Dest. IP/port____ Tot_pkt/bytes Pkt/Byte Drp\n"
HEADER6 = (
    "BKT ___Prot___ _flow-id_ ______________Source IPv6/port_______________ "
    "_______________Dest. IPv6/port_______________ Tot_pkt/bytes Pkt/Byte Drp\n"
)


def _ntop4(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "big")))


def _ntop6(address: int) -> str:
    return inet_ntop6(address.to_bytes(16, "big"))


def _loss(fs: DnFs) -> str:
    rates = fs.plr
    if not (rates[0] or rates[1]):
        return ""
    shown = rates[:1] if rates[1] == 0 else rates
    return "plr " + ",".join(f"{rate / PLR_MAX:f}" for rate in shown)


def _pie(par: Sequence[int]) -> str:
    return (
        f"target {us_to_time(par[0])} tupdate {us_to_time(par[1])} alpha {par[4] / PIE_SCALE:g} beta {par[5] / PIE_SCALE:g} "
        f"max_burst {us_to_time(par[2])} max_ecnth {par[3] / PIE_SCALE:.3g}"
    )


def _pie_flags(flags: int) -> str:
    words = ["ECN" if flags & PIE_ECN_ENABLED else "NoECN", "CapDrop" if flags & PIE_CAPDROP_ENABLED else "NoCapDrop"]
    words += ["OnOff"] if flags & PIE_ON_OFF_MODE_ENABLED else []
    words += ["DRE" if flags & PIE_DEPRATEEST_ENABLED else "TS", "Derand" if flags & PIE_DERAND_ENABLED else "NoDerand"]
    return " ".join(words)


def _aqm_parms(extra: DnExtra) -> str:
    par = extra.par
    if extra.name.lower() == "codel":
        ecn = "ECN" if par[2] & CODEL_ECN_ENABLED else "NoECN"
        return f" AQM CoDel target {us_to_time(par[0])} interval {us_to_time(par[1])} {ecn}"
    if extra.name.lower() == "pie":
        return f" AQM type PIE {_pie(par)} {_pie_flags(par[6])}"
    return ""


def _sched_parms(extra: DnExtra) -> str:
    par = extra.par
    if extra.name == "FQ_CODEL":
        ecn = "ECN" if par[2] & CODEL_ECN_ENABLED else "NoECN"
        times = f"target {us_to_time(par[0])} interval {us_to_time(par[1])}"
        return f" FQ_CODEL {times} quantum {par[3]} limit {par[4]} flows {par[5]} {ecn}\n"
    if extra.name == "FQ_PIE":
        return f"  FQ_PIE {_pie(par)} quantum {par[7]} limit {par[8]} flows {par[9]} {_pie_flags(par[6])}\n"
    return ""
