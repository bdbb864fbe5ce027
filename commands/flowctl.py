"""flowctl(8): show the flows an ng_netflow(4) node counts (usr.sbin/flowctl)."""

from __future__ import annotations

from ipaddress import IPv6Address
from struct import Struct
from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.netgraph import NGM_HASREPLY, NGM_READONLY
from vshell.abi.socket import SO_RCVBUF, SOL_SOCKET
from vshell.userland.cnumber import atoi
from vshell.userland.getopt import Getopt
from vshell.userland.libnetgraph import Netgraph
from vshell.userland.netdb import if_indextoname
from vshell.userland.program import Program, program

if TYPE_CHECKING:
    from typing import NoReturn

USAGE = "usage: flowctl [-d level] nodename command"
COOKIE, SHOW = 1365756954, 3 | NGM_READONLY | NGM_HASREPLY
RCVBUF = 16 + 1000 * 72 + 2 * 56
PATHSIZE = 512
HEADER = Struct("<B3xIII")
ENTRIES = {4: Struct("<H2xHH4s4sHHBBH4sHBBQQQQH6x"), 6: Struct("<H2xHH16s16sHHBBH16sHBB4xQQQQH6x")}
"""struct flow_entry_data, struct flow6_entry_data."""

SHORT, HUMAN = "Pr SrcP DstP  Pkts", "Proto  SrcPort  DstPort     Pkts"
WIDTHS = {(4, False): 15, (4, True): 15, (6, False): 30, (6, True): 36}
VERBOSE = {
    4: "SrcIf          SrcIPaddress    DstIf          DstIPaddress    Pr TOS Flgs  Pkts\n"
    "Port Msk AS                    Port Msk AS    NextHop              B/Pk  Active\n",
    6: "SrcIf          SrcIPaddress                   DstIf          DstIPaddress                   Pr TOS Flgs  Pkts\n"
    "Port Msk AS                    Port Msk AS    NextHop                             B/Pk  Active\n",
}


class Flow:
    """One entry of an answer."""

    def __init__(self, p: Program, version: int, data: bytes) -> None:
        (
            _, _, _, src, dst, sport, dport, self.proto, self.tos, iif, nexthop, oif, self.dst_mask, self.src_mask, self.packets,
            self.bytes, _, _, self.tcp_flags,
        ) = ENTRIES[version].unpack(data)  # fmt: skip
        self.src, self.dst, self.nexthop = (_address(a) for a in (src, dst, nexthop))
        self.sport, self.dport = _swap(sport), _swap(dport)
        self.iif = if_indextoname(p, iif) or "(null)"
        self.oif = if_indextoname(p, oif) or "(null)"


def _address(raw: bytes) -> str:
    return ".".join(map(str, raw)) if len(raw) == 4 else str(IPv6Address(raw))


def _swap(port: int) -> int:
    return (port & 0xFF) << 8 | port >> 8


@program("/usr/sbin/flowctl")
async def main(p: Program) -> int:
    """Make a node, do the command."""
    debug = 0
    options = Getopt(p, "d:")
    for letter, value in options:
        if letter == "d":
            debug = atoi(value)
    args = options.args
    if not args or len(args[0]) > PATHSIZE:
        _help(p)
    node = Netgraph(p, debug)
    try:
        await node.make(f"flowctl{p.sys.getpid()}")
    except KError as e:
        p.err(1, e, "NgMkSockNode")
    p.sys.setsockopt(node.csock, SOL_SOCKET, SO_RCVBUF, RCVBUF)
    if len(args) < 2:
        _help(p)
    if not "show".startswith(args[1]):
        p.errx(1, f"bad command: {args[1]}")
    await _show(p, node, args[0], args[2:])
    return 0


def _help(p: Program) -> NoReturn:
    p.usage(USAGE, 0)


async def _show(p: Program, node: Netgraph, path: str, args: list[str]) -> None:
    """ctl_show: which addresses, and how."""
    versions = [4, 6]
    if args and args[0].startswith("ipv4"):
        versions.remove(6)
        args = args[1:]
    if args and args[0].startswith("ipv6"):
        versions = [v for v in versions if v != 4]
        args = args[1:]
    verbose = bool(args) and "verbose".startswith(args[0])
    human = bool(args) and "human".startswith(args[0])
    for version in versions:
        bucket = skip = 0
        while True:
            bucket, skip, flows = await _ask(p, node, path, version, bucket, skip)
            _print(p, version, flows, verbose, human)
            if not bucket:
                break


async def _ask(p: Program, node: Netgraph, path: str, version: int, bucket: int, skip: int) -> tuple[int, int, list[Flow]]:
    """One question: (where to go on, how far in there, flows)."""
    try:
        await node.send(path, COOKIE, SHOW, HEADER.pack(version, bucket, skip, 0))
    except KError as e:
        p.err(1, e, "NgSendMsg(NGM_NETFLOW_SHOW)")
    try:
        answer, _ = await node.receive()
    except KError as e:
        p.err(1, e, "NgRecvMsg() failed")
    data = answer.data
    size = ENTRIES[version].size
    if len(data) < HEADER.size or len(data) < HEADER.size + HEADER.unpack_from(data)[3] * size:
        p.err(1, 0, "NgRecvMsg(NGM_NETFLOW_SHOW): arglen too small")
    _, bucket, skip, count = HEADER.unpack_from(data)
    starts = range(HEADER.size, HEADER.size + count * size, size)
    return bucket, skip, [Flow(p, version, data[at : at + size]) for at in starts]


def _print(p: Program, version: int, flows: list[Flow], verbose: bool, human: bool) -> None:
    width = WIDTHS[version, human and not verbose]
    if verbose:
        p.stdout.write(VERBOSE[version])
    elif flows:
        head = f"{'SrcIPaddress':<{width}} {'DstIf':<13} {'DstIPaddress':<{width}}"
        p.stdout.write(f"{'SrcIf':<13} {head} {HUMAN if human else SHORT}\n")
    for flow in flows:
        if verbose:
            p.stdout.write(
                f"{flow.iif:<14} {flow.src:<{width}} {flow.oif:<14} {flow.dst:<{width}} "
                f"{flow.proto:2} {flow.tos:3x} {flow.tcp_flags:4x} {flow.packets:6}\n"
                f"{flow.sport:04x} /{flow.src_mask:<2} {0:<5}                 {flow.dport:04x} /{flow.dst_mask:<2} {0:<5} "
                f"{flow.nexthop:<{width}} {flow.bytes // flow.packets:9} {0:8}\n\n"
            )
            continue
        p.stdout.write(f"{flow.iif:<13} {flow.src:<{width}} {flow.oif:<13} {flow.dst:<{width}} ")
        if human:
            p.stdout.write(f"{flow.proto:5} {flow.sport:8} {flow.dport:8} {flow.packets:8}\n")
        else:
            p.stdout.write(f"{flow.proto:2} {flow.sport:04x} {flow.dport:04x} {flow.packets:6}\n")
