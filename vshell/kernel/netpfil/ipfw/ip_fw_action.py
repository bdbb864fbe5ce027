"""What rules do with a packet, each action compiled once (the actions in ipfw_chk, send_reject; ip_fw2.c).

An action gets the firewall, the packet, its rule and the rule's place; it answers the place to go on at, or a verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi import ip_fw as fw
from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw import F_NOT, IP_FW_TARG, Insn
from vshell.abi.socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP
from vshell.kernel.net.mbuf import M_BCAST, M_FASTFWD_OURS, M_IP_NEXTHOP, M_MCAST, M_SKIP_FIREWALL
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netinet.ip_reass import ip_reass
from vshell.kernel.netinet.tcp_subr import tcp_reset
from vshell.kernel.netinet6.icmp6 import icmp6_error
from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs
from vshell.kernel.netpfil.ipfw.ip_fw_match import localip
from vshell.wire.tcp import tcp_unpack

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw, Rule

PASS, DENY, CONSUMED = -1, -2, -3
Action = Callable[["IpFw", FwArgs, "Rule", int], int]
CALLSTACK = 16
ICMP_QUERIES = frozenset((8, 10, 13, 15, 17))
ICMP6_QUERIES = frozenset((128, 130, 139))
ICMP6_DST_UNREACH, ICMP_UNREACH = 1, 3
TO_ICMP6 = {
    fw.ICMP_REJECT_RST: fw.ICMP6_UNREACH_RST, fw.ICMP_REJECT_ABORT: fw.ICMP6_UNREACH_ABORT, 3: 4,
    **dict.fromkeys((0, 1, 5, 6, 7, 11, 12), 0),
}  # fmt: skip
"""map_icmp_unreach; anything else is "administratively prohibited"."""


def _accept(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
    f.count(rule, a)
    return PASS


def _deny(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
    f.count(rule, a)
    f.denied = rule.rulenum
    return DENY


def _count(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
    f.count(rule, a)
    return pos + 1


def _make_reject(cmd: Insn) -> Action:
    """reject, unreach, reset and their kin for IPv6."""
    code6 = cmd.arg1 if cmd.opcode == fw.O_UNREACH6 else TO_ICMP6.get(cmd.arg1, 1)
    mtu: Any = cmd.data[0] if cmd.data else 0

    def reject(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        f.count(rule, a)
        f.denied = rule.rulenum
        if a.ulp < 0 or a.m.flags & (M_BCAST | M_MCAST):
            return DENY
        if a.v4 and cmd.opcode == fw.O_REJECT:
            if (a.proto != IPPROTO_ICMP or a.data[a.ulp] in ICMP_QUERIES) and a.dst[0] & 0xF0 != 0xE0:
                _reject4(a, cmd.arg1, mtu)
        elif a.v6 and (a.proto != IPPROTO_ICMPV6 or a.data[a.ulp] in ICMP6_QUERIES) and a.dst[0] != 0xFF:
            _reject6(a, code6)
        return DENY

    return reject


def _reset(a: FwArgs) -> None:
    """A segment that is no RST itself is answered with one."""
    if a.proto != IPPROTO_TCP or a.tcpflags & 4:
        return
    segment = bytes(a.data[a.ulp : a.off + a.iplen])
    th = tcp_unpack(segment)
    if th is not None:
        tcp_reset(a.vnet, a.src, a.dst, th, len(segment) - th.off, a.m.fib, 0, M_SKIP_FIREWALL)


def _reject4(a: FwArgs, code: int, mtu: int) -> None:
    if code == fw.ICMP_REJECT_RST:
        _reset(a)
    elif code != fw.ICMP_REJECT_ABORT:
        m = a.m.copy()
        m.off = a.off
        icmp_error(a.vnet, m, ICMP_UNREACH, code, b"", mtu)


def _reject6(a: FwArgs, code: int) -> None:
    if code == fw.ICMP6_UNREACH_RST:
        _reset(a)
    elif code != fw.ICMP6_UNREACH_ABORT:
        m = a.m.copy()
        m.off = a.off
        icmp6_error(a.vnet, m, ICMP6_DST_UNREACH, code, 0, a.iif)


def _make_skipto(cmd: Insn) -> Action:
    number: Any = cmd.data[0]

    def skipto(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        f.count(rule, a)
        return f.jump(pos, number or a.value.skipto, False)

    return skipto


def _stack(f: IpFw, a: FwArgs) -> list[int]:
    """The places to return to; those of another rule set are void."""
    tags = a.m.tags = a.m.tags or {}
    held = tags.get("ipfw_call")
    if held is None or held[0] != f.id:
        held = tags["ipfw_call"] = (f.id, [])
    stack: list[int] = held[1]
    return stack


def _make_call(cmd: Insn) -> Action:
    number: Any = cmd.data[0]

    def call(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        stack = _stack(f, a)
        f.count(rule, a)
        if len(stack) >= CALLSTACK - 1:
            f.vnet.kernel.printf(f"ipfw: rule {rule.rulenum}: call stack overflow. Denying packet.")
            return DENY
        stack.append(pos)
        return f.jump(pos, number or a.value.skipto, True)

    def back(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        if not a.m.tags or "ipfw_call" not in a.m.tags or not (stack := _stack(f, a)):
            return pos + 1
        f.count(rule, a)
        to = stack.pop()
        return to + 1 if cmd.arg1 == fw.RETURN_NEXT_RULE else f.find(f.map[to].rulenum + 1)

    return back if cmd.flags & F_NOT else call


def _make_forward(cmd: Insn) -> Action:
    """fwd: the packet is routed as if that were its destination, or handed to that port here.

    The answers that a state lets through are left as they are.
    """
    data: Any = cmd.data
    addr, port, scope = data
    targ = addr == bytes(4)

    def forward(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        if a.layer2:
            return pos + 1
        f.count(rule, a)
        if a.reverse:
            return PASS
        hop, zone = addr, scope
        if targ:
            hop, zone = (a.value.nh6, a.value.zoneid) if a.v6 else (a.value.nh4.to_bytes(4, "big"), 0)
        if len(hop) == 16 and hop[0] == 0xFE and hop[1] & 0xC0 == 0x80 and zone:
            hop = hop[:2] + zone.to_bytes(2, "big") + hop[4:]
        if len(hop) == len(a.src):
            _next_hop(f, a, hop, port)
        return PASS

    return forward


def _next_hop(f: IpFw, a: FwArgs, hop: bytes, port: int) -> None:
    """The tag that the rest of the way goes by (PACKET_TAG_IPFORWARD)."""
    a.m.flags |= M_IP_NEXTHOP
    if localip(f.vnet, hop):
        a.m.flags |= M_FASTFWD_OURS
    tags = a.m.tags = dict(a.m.tags or {})
    tags["ipforward"] = hop
    if port:
        tags["ipforward_port"] = port
    else:
        tags.pop("ipforward_port", None)


def _make_setfib(cmd: Insn) -> Action:
    number = cmd.arg1

    def setfib(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        f.count(rule, a)
        fib = (number if number != IP_FW_TARG else a.value.fib) & 0x7FFF
        a.m.fib = fib if fib < f.vnet.numfibs else 0
        return pos + 1

    return setfib


def _make_setdscp(cmd: Insn) -> Action:
    number = cmd.arg1

    def setdscp(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        data, off = a.data, a.off
        code = (number if number != IP_FW_TARG else a.value.dscp) & 0x3F
        if a.v4:
            old = data[off] << 8 | data[off + 1]
            data[off + 1] = code << 2 | data[off + 1] & 3
            # RFC 1624: the header checksum is patched.
            total = (~(data[off + 10] << 8 | data[off + 11]) & 0xFFFF) + (~old & 0xFFFF) + (data[off] << 8 | data[off + 1])
            total = (total & 0xFFFF) + (total >> 16)
            total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            data[off + 10], data[off + 11] = total >> 8, total & 0xFF
        elif a.v6:
            data[off] = data[off] & 0xF0 | code >> 2
            data[off + 1] = data[off + 1] & 0x3F | (code & 3) << 6
        else:
            return pos + 1
        f.count(rule, a)
        return pos + 1

    return setdscp


def _make_setmark(cmd: Insn) -> Action:
    value: Any = cmd.data[0]

    def setmark(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        a.mark = value if cmd.arg1 != IP_FW_TARG else a.value.mark
        f.count(rule, a)
        return pos + 1

    return setmark


def _reass(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
    """Collect the fragments of a packet; the whole goes on at the next rule.  IPv6 is passed over."""
    if not a.v4:
        return pos + 1
    f.count(rule, a)
    if not (a.data[a.off + 6] & 0x3F or a.data[a.off + 7]) or a.layer2:
        return pos + 1
    # It is counted as matched, and once more as having ended the search.
    f.count(rule, a)
    whole = ip_reass(f.vnet, a.m)
    if whole is None:
        return CONSUMED
    a.m.data, a.m.off = whole.data, whole.off
    a.parse(a.m)
    return pos + 1


def _make_divert(cmd: Insn) -> Action:
    """divert, tee: to a socket; the original of a tee goes on."""
    number, tee = cmd.arg1, cmd.opcode == fw.O_TEE

    def divert(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        from vshell.kernel.netinet.ip_divert import Divert

        if a.layer2:
            return pos + 1
        f.count(rule, a)
        module = f.vnet.get(Divert)
        if module is None:
            return DENY
        port = number if number != IP_FW_TARG else a.value.divert
        m = a.m.copy() if tee else a.m
        if not tee and a.v4 and (a.data[a.off + 6] & 0x3F or a.data[a.off + 7]):
            whole = ip_reass(f.vnet, m)
            if whole is None:
                return CONSUMED
            m = whole
        module.packet(m, port, rule.rulenum, a.incoming)
        return pos + 1 if tee else CONSUMED

    return divert


def _make_netgraph(cmd: Insn) -> Action:
    """netgraph, ngtee: into the graph of ng_ipfw(4)."""
    number, tee = cmd.arg1, cmd.opcode == fw.O_NGTEE

    def netgraph(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        from vshell.kernel.netgraph.ng_ipfw import NgIpfw

        f.count(rule, a)
        module = f.vnet.kernel.get(NgIpfw)
        if module is None or module.node is None:
            return DENY
        hook = number if number != IP_FW_TARG else a.value.netgraph
        if tee:
            module.input(a.m.copy(), hook, None, a.incoming)
            return pos + 1
        ref = f.refer(a, pos)
        ref.onepass = bool(f.one_pass)
        # Nobody has the hook: the packet is lost without a word.
        module.input(a.m, hook, ref, a.incoming)
        return CONSUMED

    return netgraph


def _loaded(vnet: Vnet, opcode: int) -> bool:
    """Is what the action hands packets to there?"""
    if opcode in (fw.O_DIVERT, fw.O_TEE):
        from vshell.kernel.netinet.ip_divert import Divert

        return vnet.get(Divert) is not None
    if opcode in (fw.O_NETGRAPH, fw.O_NGTEE):
        from vshell.kernel.netgraph.ng_ipfw import NgIpfw

        module = vnet.kernel.get(NgIpfw)
        return module is not None and module.node is not None
    return True


def _next(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
    """check-state that found nothing; it does not count."""
    return pos + 1


def _make_dummynet(cmd: Insn) -> Action:
    """pipe, queue."""
    from vshell.kernel.netpfil.ipfw.ip_dummynet_action import make_dummynet

    return make_dummynet(cmd)


MAKERS: dict[int, Callable[[Insn], Action]] = {
    fw.O_CHECK_STATE: lambda c: _next,
    fw.O_ACCEPT: lambda c: _accept,
    fw.O_DENY: lambda c: _deny,
    fw.O_COUNT: lambda c: _count,
    fw.O_REJECT: _make_reject,
    fw.O_UNREACH6: _make_reject,
    fw.O_SKIPTO: _make_skipto,
    fw.O_CALLRETURN: _make_call,
    fw.O_FORWARD_IP: _make_forward,
    fw.O_FORWARD_IP6: _make_forward,
    fw.O_SETFIB: _make_setfib,
    fw.O_SETDSCP: _make_setdscp,
    fw.O_SETMARK: _make_setmark,
    fw.O_REASS: lambda c: _reass,
    **dict.fromkeys((fw.O_DIVERT, fw.O_TEE), _make_divert),
    **dict.fromkeys((fw.O_NETGRAPH, fw.O_NGTEE), _make_netgraph),
    fw.O_PIPE: _make_dummynet,
    fw.O_QUEUE: _make_dummynet,
}


LOADABLE: dict[int, Callable[[Vnet, tuple[Insn, ...], int], tuple[Action, Any]]] = {}
"""Actions that other files bring (ip_fw_nat.py, ip_fw_eaction.py): made for a stack from the whole action part and the rule's
set; the answer is the action and the object (with `refs`) the rule refers to, or None."""


def compile_action(cmds: tuple[Insn, ...], vnet: Vnet, which: int) -> tuple[Action, Any]:
    """The action of a rule in a set, and what it refers to; EINVAL for one that needs a module which is not there."""
    loadable = LOADABLE.get(cmds[0].opcode)
    if loadable is not None:
        return loadable(vnet, cmds, which)
    maker = MAKERS.get(cmds[0].opcode)
    if maker is None or len(cmds) != 1 or not _loaded(vnet, cmds[0].opcode):
        raise KError(EINVAL)
    return maker(cmds[0]), None
