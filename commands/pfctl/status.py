"""pfctl -s info, states, Sources, timeouts, memory (sbin/pfctl/pfctl_parser.c, pf_print_state.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.errno import EPERM, KError
from vshell.abi.pf import PfAddr, PfSrcNode, PfState, PfStatePeer, PfStatus
from vshell.abi.socket import AF_INET
from vshell.commands.pfctl.hosts import addr_text, mask16, narrow
from vshell.commands.pfctl.words import (
    DEBUG_LEVELS,
    LIMITS,
    PF_OPT_SHOWALL,
    PF_OPT_USEDNS,
    PF_OPT_VERBOSE,
    PF_OPT_VERBOSE2,
    SN_TYPES,
    SYNCOOKIES,
    TIMEOUTS,
)
from vshell.userland.netdb import getnameinfo, getprotobynumber

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

TCPSTATES = (
    "CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2",
    "TIME_WAIT",
)  # fmt: skip
PROXY_SRC, PROXY_DST = 11, 12
UDPSTATES = ("NO_TRAFFIC", "SINGLE", "MULTIPLE")
SCTPSTATES = {
    0: "CLOSED", 1: "BOUND", 2: "LISTEN", 4: "COOKIE_WAIT", 8: "COOKIE_ECHOED", 0x10: "ESTABLISHED", 0x20: "SHUTDOWN_SENT",
    0x40: "SHUTDOWN_RECEIVED", 0x80: "SHUTDOWN_ACK_SENT", 0x100: "SHUTDOWN_PENDING",
}  # fmt: skip
IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_ICMPV6, IPPROTO_SCTP = 1, 6, 58, 132


def hms(seconds: int) -> str:
    """Hours, minutes, seconds."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def get_status(ctx: Context) -> PfStatus:
    """What the kernel tells; a jail without a stack of its own gets nothing, and that is shown."""
    try:
        found: PfStatus = ctx.ioctl(P.PfGetStatus())
    except KError as e:
        if e.errno == EPERM:
            return PfStatus()
        ctx.p.err(1, e, "DIOCGETSTATUS")
    return found


def show_running(ctx: Context) -> int:
    """pfctl_show_running; the exit status."""
    running = get_status(ctx).running
    ctx.out("Enabled\n" if running else "Disabled\n")
    return int(not running)


def show_status(ctx: Context) -> None:
    """pfctl_show_status."""
    status = get_status(ctx)
    if ctx.opts & PF_OPT_SHOWALL:
        ctx.title("INFO:")
    now = ctx.p.sys.clock_gettime() // 1_000_000_000
    runtime = now - status.since
    text = f"Status: {'Enabled' if status.running else 'Disabled'}"
    if status.since:
        text += f" for {runtime // 86400} days {hms(runtime % 86400)}"
    debug = DEBUG_LEVELS[status.debug].capitalize()
    ctx.out(f"{text:<44}{f'Debug: {debug}':>15}\n\n")
    if ctx.verbose:
        ctx.out(f"Hostid:   0x{status.hostid:08x}\nChecksum: 0x{status.chksum.hex()}\n\n")
    if status.ifname:
        _interface(ctx, status)
    ctx.out(f"{'State Table':<27} {'Total':>14} {'Rate':>16}\n  {'current entries':<25} {status.states:>14} {'':>14}\n")
    _table(ctx, P.FCNT_NAMES, status.fcounters, runtime)
    if ctx.verbose:
        ctx.out(f"Source Tracking Table\n  {'current entries':<25} {status.src_nodes:>14} {'':>14}\n")
        _table(ctx, P.FCNT_NAMES, status.scounters, runtime)
    ctx.out("Counters\n")
    _table(ctx, P.PFRES_NAMES, status.counters, runtime)
    if not ctx.verbose:
        return
    ctx.out("Limit Counters\n")
    _table(ctx, P.LCNT_NAMES, status.lcounters, runtime)
    active = "active" if status.syncookies_active else "inactive"
    ctx.out(f"Syncookies\n  {'mode':<25} {SYNCOOKIES[status.syncookies_mode]}\n  {'active':<25} {active}\n")
    if ctx.opts & PF_OPT_VERBOSE2:
        low, high = status.syncookies_water
        ctx.out(f"  {'highwater':<25} {high} %\n  {'lowwater':<25} {low} %\n")
        ctx.out(f"  {'halfopen states':<25} {status.halfopen}\n")
    reass = "yes" if status.reass & P.PF_REASS_ENABLED else "no"
    ctx.out(f"Reassemble {reass:>24} {'no-df' if status.reass & P.PF_REASS_NODF else ''}\n")


def _table(ctx: Context, names: tuple[str, ...], values: tuple[int, ...], runtime: int) -> None:
    for name, value in zip(names, values, strict=False):
        rate = f"{value / runtime:14.1f}/s" if runtime > 0 else f"{'':>14}"
        ctx.out(f"  {name:<25} {value:>14} {rate}\n")


def _interface(ctx: Context, s: PfStatus) -> None:
    ctx.out(f"Interface Stats for {s.ifname:<16} {'IPv4':>5} {'IPv6':>16}\n")
    for way, name in enumerate(("Bytes In", "Bytes Out")):
        ctx.out(f"  {name:<25} {s.bcounters[0][way]:>14} {s.bcounters[1][way]:>16}\n")
    for way, title in enumerate(("Packets In", "Packets Out")):
        ctx.out(f"  {title}\n")
        for action, name in enumerate(("Passed", "Blocked")):
            end = "\n\n" if way and action else "\n"
            ctx.out(f"    {name:<23} {s.pcounters[0][way][action]:>14} {s.pcounters[1][way][action]:>16}{end}")


def show_timeouts(ctx: Context) -> None:
    """pfctl_show_timeouts."""
    if ctx.opts & PF_OPT_SHOWALL:
        ctx.title("TIMEOUTS:")
    for name, number in TIMEOUTS.items():
        try:
            seconds: int = ctx.ioctl(P.PfGetTimeout(number))
        except KError as e:
            ctx.p.err(1, e, "DIOCGETTIMEOUT")
        unit = " states" if number in (P.PFTM_ADAPTIVE_START, P.PFTM_ADAPTIVE_END) else "s"
        ctx.out(f"{name:<20} {seconds - (1 << 32) if seconds >> 31 else seconds:>10}{unit}\n")


def show_limits(ctx: Context) -> None:
    """pfctl_show_limits."""
    if ctx.opts & PF_OPT_SHOWALL:
        ctx.title("LIMITS:")
    for index, name in enumerate(LIMITS):
        try:
            limit: int = ctx.ioctl(P.PfGetLimit(index))
        except KError as e:
            ctx.p.err(1, e, "DIOCGETLIMIT")
        ctx.out(f"{name:<13} " + ("unlimited\n" if limit == 0xFFFFFFFF else f"hard limit {limit:>8}\n"))


# states --------------------------------------------------------------------------------------------------------


def host_text(ctx: Context, addr: bytes, port: int, af: int) -> str:
    """print_host."""
    if ctx.opts & PF_OPT_USEDNS:
        text = getnameinfo(ctx.p, narrow(addr, af))
    else:
        text = addr_text(PfAddr(addr=addr, mask=mask16(128)), af, False)
    if port:
        text += f":{port}" if af == AF_INET else f"[{port}]"
    return text


def _seq(p: PfStatePeer) -> str:
    text = f"[{p.seqlo} + {p.seqhi - p.seqlo & 0xFFFFFFFF}]"
    return text + (f"(+{p.seqdiff})" if p.seqdiff else "")


def _levels(proto: int, src: PfStatePeer, dst: PfStatePeer) -> str:
    a, b = src.state, dst.state
    if proto == IPPROTO_TCP:
        if a <= 10 and b <= 10:
            return f"{TCPSTATES[a]}:{TCPSTATES[b]}"
        if PROXY_SRC in (a, b):
            return "PROXY:SRC"
        return "PROXY:DST" if PROXY_DST in (a, b) else f"<BAD STATE LEVELS {a}:{b}>"
    if proto == IPPROTO_SCTP:
        return f"{SCTPSTATES.get(a, '?')}:{SCTPSTATES.get(b, '?')}"
    # ICMPv6 gets names: the program is built without the option that would tell it from others.
    if proto != IPPROTO_ICMP and a < 3 and b < 3:
        return f"{UDPSTATES[a]}:{UDPSTATES[b]}"
    return f"{a}:{b}"


def print_state(ctx: Context, s: PfState) -> None:
    """print_state."""
    proto = s.wire.proto
    out = s.direction == P.PF_OUT
    src, dst = (s.src, s.dst) if out else (s.dst, s.src)
    sk, nk = (s.stack, s.wire) if out else (s.wire, s.stack)
    afto = sk.af != nk.af
    sports = list(sk.port)
    if proto in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        side = 0 if out else 1
        sports[side] = nk.port[side]

    def end(at: int) -> str:
        text = host_text(ctx, nk.addr[at], nk.port[at], nk.af)
        if afto or nk.addr[at] != sk.addr[at] or nk.port[at] != sports[at]:
            other = 1 - at if afto else at
            text += f" ({host_text(ctx, sk.addr[other], sports[other], sk.af)})"
        return text

    arrow = " -> " if out or (afto and s.direction == P.PF_IN) else " <- "
    name = getprotobynumber(ctx.p, proto) or str(proto)
    ctx.out(f"{s.ifname} {name} {end(1)}{arrow}{end(0)}       {_levels(proto, src, dst)}\n")
    if ctx.opts & PF_OPT_VERBOSE:
        if proto == IPPROTO_TCP:
            scaled = src.wscale and dst.wscale
            scales = [f" wscale {p.wscale & P.PF_WSCALE_MASK}" if scaled else "" for p in (src, dst)]
            ctx.out(f"   {_seq(src)}{scales[0]}  {_seq(dst)}{scales[1]}\n")
        ctx.out(_verbose_line(s))
    if ctx.opts & PF_OPT_VERBOSE2:
        _more(ctx, s)


def _verbose_line(s: PfState) -> str:
    text = f"   age {hms(s.creation)}, expires in {hms(s.expire)}"
    text += f", {s.packets[0]}:{s.packets[1]} pkts, {s.bytes[0]}:{s.bytes[1]} bytes"
    text += f", anchor {s.anchor}" if s.anchor != -1 else ""
    text += f", rule {s.rule}" if s.rule != -1 else ""
    flags = s.state_flags
    words = (
        (P.PFSTATE_ALLOWOPTS, "allow-opts"), (P.PFSTATE_SLOPPY, "sloppy"), (P.PFSTATE_NOSYNC, "no-sync"),
        (P.PFSTATE_PFLOW, "pflow"), (P.PFSTATE_ACK, "psync-ack"), (P.PFSTATE_NODF, "no-df"),
        (P.PFSTATE_SETTOS, f"set-tos 0x{s.set_tos:02x}"), (P.PFSTATE_RANDOMID, "random-id"),
        (P.PFSTATE_SCRUB_TCP, "reassemble-tcp"),
        (P.PFSTATE_SETPRIO, f"set-prio (0x{s.set_prio[0]:02x} 0x{s.set_prio[1]:02x})"),
    )  # fmt: skip
    text += "".join(f", {word}" for bit, word in words if flags & bit)
    if s.dnpipe or s.dnrpipe:
        for bit, word in ((P.PFSTATE_DN_IS_PIPE, "pipe"), (P.PFSTATE_DN_IS_QUEUE, "queue")):
            text += f", dummynet {word} ({s.dnpipe} {s.dnrpipe})" if flags & bit else ""
    for bit, word in (
        (P.PFSTATE_SRC_NODE_LIMIT, f", {SN_TYPES[0]}"), (P.PFSTATE_SRC_NODE_LIMIT_GLOBAL, " global"),
        (P.PFSTATE_SRC_NODE_NAT, f", {SN_TYPES[1]}"), (P.PFSTATE_SRC_NODE_ROUTE, f", {SN_TYPES[2]}"),
    ):  # fmt: skip
        text += word if s.src_node_flags & bit else ""
    text += ", log" if s.log else ""
    text += " (all)" if s.log & P.PF_LOG_ALL else ""
    text += f", min-ttl {s.min_ttl}" if s.min_ttl else ""
    return text + (f", max-mss {s.max_mss}" if s.max_mss else "") + "\n"


def _more(ctx: Context, s: PfState) -> None:
    text = f"   id: {s.id:016x} creatorid: {s.creatorid:08x}"
    if s.rt:
        words = {P.PF_ROUTETO: "route-to", P.PF_DUPTO: "dup-to", P.PF_REPLYTO: "reply-to"}
        text += f" {words.get(s.rt, 'gateway')}: {host_text(ctx, s.rt_addr, 0, s.rt_af)}"
        text += f"@{s.rt_ifname}" if s.rt_ifname else ""
    text += f" rtable: {s.rtableid}" if s.rtableid != -1 else ""
    ctx.out(text + "\n")
    if s.ifname != s.orig_ifname:
        ctx.out(f"   origif: {s.orig_ifname}\n")


def show_states(ctx: Context) -> None:
    """pfctl_show_states."""
    title = bool(ctx.opts & PF_OPT_SHOWALL)
    try:
        found: list[PfState] = ctx.ioctl(P.PfGetStates((ctx.iface or "")[:15]))
    except KError:
        return
    for state in found:
        if title:
            ctx.title("STATES:")
            title = False
        print_state(ctx, state)


def show_src_nodes(ctx: Context) -> None:
    """pfctl_show_src_nodes."""
    title = bool(ctx.opts & PF_OPT_SHOWALL)
    try:
        found: list[PfSrcNode] = ctx.ioctl(P.PfGetSrcNodes())
    except KError:
        return
    for sn in found:
        if title:
            ctx.title("SOURCE TRACKING NODES:")
            title = False
        text = f"{host_text(ctx, sn.addr, 0, sn.af)} -> "
        text += addr_text(PfAddr(addr=sn.raddr, mask=mask16(32 if sn.af == AF_INET else 128)), sn.raf, False)
        text += f" ( states {sn.states}, connections {sn.conn}, rate "
        ctx.out(f"{text}{sn.rate_count // 1000}.{sn.rate_count % 1000 // 100}/{sn.rate_seconds}s )\n")
        if not ctx.verbose:
            continue
        text = f"   age {hms(sn.creation)}"
        text += f", expires in {hms(sn.expire)}" if not sn.states else ""
        text += f", {sn.packets} pkts, {sn.bytes} bytes"
        word = {P.PF_NAT: "nat", P.PF_RDR: "rdr", P.PF_PASS: "filter", P.PF_MATCH: "filter"}.get(sn.ruletype)
        text += f", {word} rule {sn.rule}" if word and sn.rule != -1 else ""
        ctx.out(f"{text}, {SN_TYPES[sn.type]}\n")


def show_creators(ctx: Context) -> None:
    """pfctl_show_creators."""
    try:
        found: list[int] = ctx.ioctl(P.PfGetCreators())
    except KError as e:
        ctx.p.errx(e.errno, "Failed to retrieve creators")
    ctx.out("Creator IDs:\n" + "".join(f"{one:08x}\n" for one in found))
