"""Actions as they are printed (print_action_instruction of sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.ip_fw import (
    F_NOT,
    ICMP6_UNREACH_ABORT,
    ICMP6_UNREACH_RST,
    ICMP_REJECT_ABORT,
    ICMP_REJECT_RST,
    IP_FW_TARG,
    IPFW_LOG_IPFW0,
    IPFW_LOG_RTSOCK,
    IPFW_LOG_SYSLOG,
    O_ACCEPT,
    O_ALTQ,
    O_CALLRETURN,
    O_CHECK_STATE,
    O_COUNT,
    O_DENY,
    O_DIVERT,
    O_EXTERNAL_ACTION,
    O_EXTERNAL_DATA,
    O_EXTERNAL_INSTANCE,
    O_FORWARD_IP,
    O_FORWARD_IP6,
    O_LOG,
    O_NAT,
    O_NETGRAPH,
    O_NGTEE,
    O_PIPE,
    O_QUEUE,
    O_REASS,
    O_REJECT,
    O_SETDSCP,
    O_SETFIB,
    O_SETMARK,
    O_SKIPTO,
    O_TAG,
    O_TEE,
    O_UNREACH6,
    Insn,
)
from vshell.commands.ipfw.insn import c_hex
from vshell.commands.ipfw.words import DSCP, EACTIONS, ICMP6CODES, ICMPCODES, RETURNS, name_of
from vshell.userland.addr import inet_ntoa, inet_ntop6

ACTION_ORDER = (
    O_CHECK_STATE, O_ACCEPT, O_COUNT, O_DENY, O_REJECT, O_UNREACH6, O_SKIPTO, O_PIPE, O_QUEUE, O_DIVERT, O_TEE, O_NETGRAPH,
    O_NGTEE, O_FORWARD_IP, O_FORWARD_IP6, O_NAT, O_SETFIB, O_SETDSCP, O_REASS, O_CALLRETURN, O_SETMARK, O_EXTERNAL_ACTION,
    O_EXTERNAL_INSTANCE, O_EXTERNAL_DATA,
)  # fmt: skip
MODIFIERS = (O_LOG, O_ALTQ, O_TAG)
WORDS = {O_ACCEPT: "allow", O_COUNT: "count", O_DENY: "deny", O_REASS: "reass"}
NUMBERED = {
    O_PIPE: "pipe ", O_QUEUE: "queue ", O_DIVERT: "divert ", O_TEE: "tee ", O_NETGRAPH: "netgraph ", O_NGTEE: "ngtee ",
}  # fmt: skip


def targ(number: Any) -> str:
    """A number, or tablearg."""
    return "tablearg" if number == IP_FW_TARG else str(number)


def _reject(cmd: Insn) -> str:
    if cmd.arg1 == ICMP_REJECT_RST:
        return "reset"
    if cmd.arg1 == ICMP_REJECT_ABORT:
        return "abort"
    if cmd.arg1 == ICMPCODES["host"]:
        return "reject"
    if cmd.data:
        return f"needfrag {cmd.data[0]}"
    return f"unreach {name_of(ICMPCODES, cmd.arg1) or cmd.arg1}"


def _unreach6(cmd: Insn) -> str:
    if cmd.arg1 == ICMP6_UNREACH_RST:
        return "reset6"
    if cmd.arg1 == ICMP6_UNREACH_ABORT:
        return "abort6"
    return f"unreach6 {name_of(ICMP6CODES, cmd.arg1) or cmd.arg1}"


def _forward(cmd: Insn) -> str:
    addr, port = cmd.data[0], cmd.data[1]
    assert isinstance(addr, bytes)
    if len(addr) == 4:
        text = "fwd tablearg" if addr == bytes(4) else f"fwd {inet_ntoa(addr)}"
    else:
        text = f"fwd {inet_ntop6(addr)}"
    return f"{text},{port}" if port else text


def _log(cmd: Insn) -> str:
    text = " log"
    if cmd.data[0]:
        text += f" logamount {cmd.data[0]}"
    if cmd.arg1:
        places = ((IPFW_LOG_SYSLOG, "syslog"), (IPFW_LOG_IPFW0, "ipfw0"), (IPFW_LOG_RTSOCK, "rtsock"))
        text += " logdst " + ",".join(name for bit, name in places if cmd.arg1 & bit)
    return text


def _callreturn(cmd: Insn) -> str:
    if cmd.flags & F_NOT:
        return f"return {name_of(RETURNS, cmd.arg1)}"
    return f"call {targ(cmd.data[0])}"


def _setdscp(cmd: Insn) -> str:
    if cmd.arg1 == IP_FW_TARG:
        return "setdscp tablearg"
    return f"setdscp {name_of(DSCP, cmd.arg1 & 0x3F) or cmd.arg1 & 0x3F}"


def _eaction(cmd: Insn) -> str:
    return str(cmd.data[0]) if cmd.data[0] in EACTIONS else f"eaction {cmd.data[0]}"


FORMS: dict[int, Any] = {
    O_CHECK_STATE: lambda c: f"check-state :{c.data[0] or 'any'}",
    O_REJECT: _reject,
    O_UNREACH6: _unreach6,
    O_SKIPTO: lambda c: f"skipto {targ(c.data[0])}",
    O_FORWARD_IP: _forward,
    O_FORWARD_IP6: _forward,
    O_LOG: _log,
    O_TAG: lambda c: f" {'untag' if c.flags & F_NOT else 'tag'} {targ(c.arg1)}",
    O_NAT: lambda c: "nat global" if c.data else f"nat {targ(c.arg1)}",
    O_SETFIB: lambda c: "setfib tablearg" if c.arg1 == IP_FW_TARG else f"setfib {c.arg1 & 0x7FFF}",
    O_EXTERNAL_ACTION: _eaction,
    O_EXTERNAL_INSTANCE: lambda c: f" {c.data[0]}",
    O_EXTERNAL_DATA: lambda c: f" {c.arg1}",
    O_SETDSCP: _setdscp,
    O_CALLRETURN: _callreturn,
    O_SETMARK: lambda c: "setmark tablearg" if c.arg1 == IP_FW_TARG else f"setmark {c_hex(c.data[0])}",
}


def action_text(cmd: Insn) -> str:
    """One instruction of the action part."""
    if cmd.opcode in WORDS:
        return WORDS[cmd.opcode]
    if cmd.opcode in NUMBERED:
        return NUMBERED[cmd.opcode] + targ(cmd.arg1)
    text: str = FORMS[cmd.opcode](cmd)
    return text
