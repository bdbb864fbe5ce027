"""Logging of packets: to the message buffer, to ipfw0, to routing sockets (netpfil/ipfw/ip_fw_log.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import ip_fw as fw
from vshell.abi.ip_fw import F_NOT, IP_FW_TARG, Insn
from vshell.abi.socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs
from vshell.kernel.netpfil.ipfw.ip_fw_bpf import log_ipfw0

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw, Rule

LOG_SECURITY = 13 << 3
LOG_INFO, LOG_NOTICE = LOG_SECURITY | 6, LOG_SECURITY | 5


class Log:
    """The log instruction of a rule: where to, and how often still (ipfw_insn_log)."""

    __slots__ = ("action", "left", "most", "where")

    def __init__(self, cmd: Insn, action: Insn) -> None:
        self.where = cmd.arg1
        self.most: int = int(str(cmd.data[0]))
        self.left = self.most
        self.action = action

    def reset(self) -> None:
        """resetlog."""
        self.left = self.most


def ipfw_log(f: IpFw, a: FwArgs, rule: Rule) -> None:
    """A packet matched a rule with "log"."""
    log = rule.log
    if log is None:
        return
    if log.where == fw.IPFW_LOG_DEFAULT:
        if f.verbose:
            _syslog(f, a, rule, log)
        else:
            log_ipfw0(a)
        return
    if log.where & fw.IPFW_LOG_SYSLOG:
        _syslog(f, a, rule, log)
    if log.where & fw.IPFW_LOG_RTSOCK:
        _rtsock(f, a, rule, log)
    if log.where & fw.IPFW_LOG_IPFW0:
        log_ipfw0(a)


def _count(log: Log) -> bool:
    """Is there one more to be logged?  Its count goes on below zero where there is no limit."""
    if log.most and not log.left:
        return False
    log.left -= 1
    return True


def _limit(f: IpFw, rule: Rule, log: Log) -> None:
    if not log.left and log.most:
        f.vnet.kernel.log(LOG_NOTICE, f"ipfw: limit {log.most} reached on entry {rule.rulenum}")


def _rtsock(f: IpFw, a: FwArgs, rule: Rule, log: Log) -> None:
    """ipfw_log_rtsock: it counts; nobody can listen yet."""
    if not (a.v4 or a.v6) or not _count(log):
        return
    if f.verbose:
        _limit(f, rule, log)


def _syslog(f: IpFw, a: FwArgs, rule: Rule, log: Log) -> None:
    """ipfw_log_syslog."""
    if not _count(log):
        return
    what, fragment = _packet(a) if a.v4 or a.v6 else ("MAC", "")
    mark = f" mark:{c_hex(a.mark)}" if a.mark else ""
    way = "in" if a.incoming else "out"
    name = a.ifp.xname if a.ifp is not None else ""
    f.vnet.kernel.log(LOG_INFO, f"ipfw: {rule.rulenum} {action_text(a, log.action)} {what}{mark} {way} via {name}{fragment}")
    _limit(f, rule, log)


def c_hex(number: int) -> str:
    """printf("%#x")."""
    return f"{number:#x}" if number else "0"


# packets ---------------------------------------------------------------------------------------------------------


def _packet(a: FwArgs) -> tuple[str, str]:
    """Protocol, addresses and ports, and which fragment it is."""
    later = a.offset & 0xFFF8 if a.v6 else a.offset
    src, dst = (f"[{ip6_sprintf(a.src)}]", f"[{ip6_sprintf(a.dst)}]") if a.v6 else (_dotted(a.src), _dotted(a.dst))
    ends = f"{src} {dst}" if later else f"{src}:{a.sport} {dst}:{a.dport}"
    if a.proto == IPPROTO_TCP:
        text = f"TCP {ends}"
    elif a.proto in (IPPROTO_UDP, IPPROTO_UDPLITE):
        text = f"UDP{' ' if a.proto == IPPROTO_UDP else 'Lite '}{ends}"
    elif a.proto in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        kind = f":{a.data[a.ulp]}.{a.data[a.ulp + 1]}" if not later and a.ulp >= 0 else ""
        text = f"{'ICMP' if a.proto == IPPROTO_ICMP else 'ICMPv6'}{kind} {src} {dst}"
    else:
        text = f"P:{a.proto} {src} {dst}"
    return text, _fragment(a)


def _fragment(a: FwArgs) -> str:
    data, off = a.data, a.off
    if a.v6:
        more, at = a.offset & 1, a.offset & 0xFFF8
        if not (more or at):
            return ""
        # The original takes the place for a number of units of eight.
        return f" (frag {a.ident:08x}:{a.iplen - 40 - a.hlen}@{at << 3}{'+' if more else ''})"
    flags = data[off + 6] << 8 | data[off + 7]
    if not flags & 0x3FFF:
        return ""
    size = a.iplen - ((data[off] & 15) << 2)
    return f" (frag {data[off + 4] << 8 | data[off + 5]}:{size}@{a.offset << 3}{'+' if flags & 0x2000 else ''})"


def ip6_sprintf(addr: bytes) -> str:
    """An IPv6 address in its shortest form, without dots."""
    words = [addr[i] << 8 | addr[i + 1] for i in range(0, 16, 2)]
    best = (0, 0)
    for i in range(8):
        size = next((j for j in range(8 - i) if words[i + j]), 8 - i)
        if size > max(best[0], 1):
            best = (size, i)
    size, at = best
    text = [f"{word:x}" for word in words]
    return ":".join(text[:at]) + "::" + ":".join(text[at + size :]) if size else ":".join(text)


def _dotted(addr: bytes) -> str:
    return ".".join(map(str, addr))


# actions ---------------------------------------------------------------------------------------------------------


def _targ(a: FwArgs, number: Any, field: str) -> int:
    return int(getattr(a.value, field)) if number == IP_FW_TARG else int(number)


def _numbered(word: str, field: str, mask: int = 0xFFFFFFFF) -> Callable[[FwArgs, Insn], str]:
    return lambda a, c: f"{word} {_targ(a, c.arg1, field) & mask}"


def _reject(a: FwArgs, c: Insn) -> str:
    if c.arg1 in (fw.ICMP_REJECT_RST, fw.ICMP_REJECT_ABORT):
        return "Reset" if c.arg1 == fw.ICMP_REJECT_RST else "Abort"
    return "Reject" if c.opcode == fw.O_REJECT and c.arg1 == 1 else f"Unreach {c.arg1}"


def _forward(a: FwArgs, c: Insn) -> str:
    data: Any = c.data
    addr, port, scope = data
    if a.v4 and c.opcode == fw.O_FORWARD_IP:
        addr = a.value.nh4.to_bytes(4, "big") if addr == bytes(4) else addr
        text = f"Forward to {_dotted(addr)}"
    elif a.v6:
        if c.opcode == fw.O_FORWARD_IP:
            addr, scope = a.value.nh6, a.value.zoneid
        zone = f"%{scope}" if scope and addr[0] == 0xFE and addr[1] & 0xC0 == 0x80 else ""
        text = f"Forward to [{ip6_sprintf(addr)}{zone}]"
    else:
        return ""
    return f"{text}:{port}" if port else text


def _callreturn(a: FwArgs, c: Insn) -> str:
    if c.flags & F_NOT:
        return f"Return {'next-rulenum' if c.arg1 == fw.RETURN_NEXT_RULENUM else 'next-rule'}"
    return f"Call {_targ(a, c.data[0], 'skipto')}"


def _setmark(a: FwArgs, c: Insn) -> str:
    return f"SetMark {_targ(a, 0, 'mark') if c.arg1 == IP_FW_TARG else c.data[0]:#010x}"


ACTIONS: dict[int, Callable[[FwArgs, Insn], str]] = {
    fw.O_DENY: lambda a, c: "Deny",
    fw.O_REJECT: _reject,
    fw.O_UNREACH6: _reject,
    fw.O_ACCEPT: lambda a, c: "Accept",
    fw.O_COUNT: lambda a, c: "Count",
    fw.O_DIVERT: _numbered("Divert", "divert"),
    fw.O_TEE: _numbered("Tee", "divert"),
    fw.O_SETDSCP: _numbered("SetDscp", "dscp", 0x3F),
    fw.O_SETFIB: _numbered("SetFib", "fib", 0x7FFF),
    fw.O_SKIPTO: lambda a, c: f"SkipTo {_targ(a, c.data[0], 'skipto')}",
    fw.O_PIPE: _numbered("Pipe", "pipe"),
    fw.O_QUEUE: _numbered("Queue", "pipe"),
    fw.O_FORWARD_IP: _forward,
    fw.O_FORWARD_IP6: _forward,
    fw.O_NETGRAPH: lambda a, c: f"Netgraph {c.arg1}",
    fw.O_NGTEE: lambda a, c: f"Ngtee {c.arg1}",
    fw.O_NAT: lambda a, c: "Nat",
    fw.O_REASS: lambda a, c: "Reass",
    fw.O_CALLRETURN: _callreturn,
    fw.O_SETMARK: _setmark,
    fw.O_EXTERNAL_ACTION: lambda a, c: f"Eaction {c.data[0]}",
}


def action_text(a: FwArgs, cmd: Insn) -> str:
    """What the rule does, as the log has it."""
    text = ACTIONS.get(cmd.opcode)
    return "UNKNOWN" if text is None else text(a, cmd)
