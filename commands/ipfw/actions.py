"""The action of a rule and its parameters, as sbin/ipfw/ipfw2.c reads them (first part of compile_rule)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.ip_fw import (
    F_NOT,
    ICMP6_UNREACH_ABORT,
    ICMP6_UNREACH_RST,
    ICMP_REJECT_ABORT,
    ICMP_REJECT_RST,
    IP_FW_TARG,
    IPFW_ARG_MAX,
    IPFW_DEFAULT_RULE,
    IPFW_LOG_DEFAULT,
    IPFW_LOG_IPFW0,
    IPFW_LOG_RTSOCK,
    IPFW_LOG_SYSLOG,
    O_ACCEPT,
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
)
from vshell.commands.ipfw.addresses import check_name
from vshell.commands.ipfw.cmdline import substrcmp
from vshell.commands.ipfw.insn import Cmd, reject_code, strtoport, strtoul, unreach6_code
from vshell.commands.ipfw.words import DSCP, EACTIONS, EX_DATAERR, EX_UNAVAILABLE, EX_USAGE, RETURNS
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.netdb import GaiError, getaddrinfo, getservbyname

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.commands.ipfw.rule import RuleParser

ACCEPT = ("accept", "pass", "allow", "permit")
SIMPLE = {
    **dict.fromkeys(ACCEPT, (O_ACCEPT, 0)),
    "count": (O_COUNT, 0),
    "deny": (O_DENY, 0),
    "drop": (O_DENY, 0),
    "reject": (O_REJECT, 1),
    "reset": (O_REJECT, ICMP_REJECT_RST),
    "abort": (O_REJECT, ICMP_REJECT_ABORT),
    "reset6": (O_UNREACH6, ICMP6_UNREACH_RST),
    "abort6": (O_UNREACH6, ICMP6_UNREACH_ABORT),
    "reass": (O_REASS, 0),
}
"""Actions without an argument."""
NUMBERED = {"pipe": O_PIPE, "queue": O_QUEUE, "netgraph": O_NETGRAPH, "ngtee": O_NGTEE}
JUMPS = {"skipto": O_SKIPTO, "call": O_CALLRETURN}
DIVERTS = {"divert": O_DIVERT, "tee": O_TEE}
NONE = 0xFFFFFFFF


def arg_or_targ_relaxed(r: RuleParser, action: str, most: int) -> int:
    """A number, tablearg, or NONE for what is neither."""
    word = r.word
    if word is None:
        r.o.errx(EX_USAGE, f"missing argument for {action}")
    if word[:1].isascii() and word[:1].isdigit():
        number = strtoul(word, 10)
        if not 1 <= number <= most:
            r.o.errx(EX_DATAERR, f"illegal argument {word}({number}) for {action}")
        return number
    return IP_FW_TARG if substrcmp(r.o, word, "tablearg") else NONE


def arg_or_targ(r: RuleParser, action: str) -> int:
    """A number or tablearg."""
    number = arg_or_targ_relaxed(r, action, IPFW_ARG_MAX)
    if number == NONE:
        r.o.errx(EX_DATAERR, f"illegal argument {r.word}({number}) for {action}")
    return number


def _numbered(r: RuleParser, cmd: Cmd, action: str) -> None:
    cmd.fill(NUMBERED[action], arg_or_targ(r, action))
    r.skip()


def _jump(r: RuleParser, cmd: Cmd, action: str) -> None:
    cmd.fill(JUMPS[action], 0, (arg_or_targ_relaxed(r, action, IPFW_DEFAULT_RULE),), 2)
    r.skip()


def _divert(r: RuleParser, cmd: Cmd, action: str) -> None:
    port = arg_or_targ_relaxed(r, action, IPFW_ARG_MAX)
    if port == NONE:
        found = getservbyname(r.o.p, r.word or "", "divert")
        if found is None:
            r.o.errx(EX_DATAERR, "illegal divert/tee port")
        port = found[0]
    cmd.fill(DIVERTS[action], port)
    r.skip()


def _nat(r: RuleParser, cmd: Cmd, action: str) -> None:
    if r.word is not None and substrcmp(r.o, r.word, "global"):
        cmd.fill(O_NAT, 0, ("global",), 3)
    else:
        cmd.fill(O_NAT, arg_or_targ(r, action), (), 3)
    r.skip()


def _check_state(r: RuleParser, cmd: Cmd, action: str) -> None:
    word = r.word
    r.state = cmd
    if word is None or word == "//":
        cmd.fill(O_CHECK_STATE, 0, ("default",), 2)
        r.named = True
        return
    if word == ":any":
        cmd.fill(O_CHECK_STATE, 0, ("",), 2)
    elif word[:1] == ":" and check_name(word[1:]):
        cmd.fill(O_CHECK_STATE, 0, (word[1:],), 2)
        r.named = True
    else:
        r.o.errx(EX_DATAERR, f"Invalid state name {word}")
    r.skip()


def _unreach(r: RuleParser, cmd: Cmd, action: str) -> None:
    code = reject_code(r.o, r.need("missing reject code"))
    r.skip()
    word = r.word
    if code == 4 and word is not None and word[:1].isascii() and word[:1].isdigit():
        mtu = strtoul(word, 10)
        if not 68 <= mtu < 65535:
            r.o.errx(EX_DATAERR, "illegal argument for needfrag")
        cmd.fill(O_REJECT, code, (mtu,), 2)
        r.skip()
    else:
        cmd.fill(O_REJECT, code)


def _unreach6(r: RuleParser, cmd: Cmd, action: str) -> None:
    cmd.fill(O_UNREACH6, unreach6_code(r.o, r.need("missing unreach code")))
    r.skip()


def _forward(r: RuleParser, cmd: Cmd, action: str) -> None:
    word = r.need("missing forward address[:port]")
    if word[:8] == "tablearg" and word[8:9] in ("", ",", ":"):
        word = "0.0.0.0" + word[8:]
    if "[" in word:
        word = word[1:]
    host, comma, service = word.partition(",")
    if not comma:
        host, bracket, rest = word.partition("]")
        tail = rest if bracket else word
        colon = tail.find(":")
        if colon >= 0 and ":" not in tail[colon + 1 :]:
            service, comma = tail[colon + 1 :], ":"
            host = host if bracket else word[:colon]
    port = 0
    if comma:
        port, left = strtoport(r.o, service, 0)
        if left == service:
            r.o.errx(EX_DATAERR, f"illegal forwarding port ``{service}''")
    try:
        found = getaddrinfo(r.o.p, host, None)[0].addr
    except (GaiError, IndexError):
        r.o.p.stderr.write(f"{r.o.p.name}: \n")
        r.o.exit(EX_DATAERR)
    scope = getattr(found, "scope_id", 0)
    if len(found.addr) == 4:
        cmd.fill(O_FORWARD_IP, 0, (found.addr, port, 0), 5)
    else:
        cmd.fill(O_FORWARD_IP6, 0, (found.addr, port, scope), 8)
    r.skip()


def _setfib(r: RuleParser, cmd: Cmd, action: str) -> None:
    word = r.need("missing fib number")
    if substrcmp(r.o, word, "tablearg"):
        cmd.fill(O_SETFIB, IP_FW_TARG)
    else:
        number = strtoul(word, 10) & 0xFFFF
        try:
            fibs = int(r.o.p.sys.sysctl("net.fibs"))
        except KError:
            r.o.errx(EX_DATAERR, "fibs not supported.\n")
        if number >= fibs:
            r.o.errx(EX_DATAERR, "fib too large.\n")
        cmd.fill(O_SETFIB, number | 0x8000)
    r.skip()


def _setdscp(r: RuleParser, cmd: Cmd, action: str) -> None:
    word = r.need("missing DSCP code")
    if substrcmp(r.o, word, "tablearg"):
        cmd.fill(O_SETDSCP, IP_FW_TARG)
    elif word[:1].isalpha():
        if word not in DSCP:
            r.o.errx(EX_DATAERR, "Unknown DSCP code")
        cmd.fill(O_SETDSCP, DSCP[word] | 0x8000)
    else:
        cmd.fill(O_SETDSCP, strtoul(word, 10) | 0x8000)
    r.skip()


def _return(r: RuleParser, cmd: Cmd, action: str) -> None:
    kind = RETURNS.get(r.word or "", -1)
    cmd.flags = F_NOT
    cmd.fill(O_CALLRETURN, max(kind, 0), (0,), 2)
    if kind >= 0:
        r.skip()


def _setmark(r: RuleParser, cmd: Cmd, action: str) -> None:
    word = r.need("missing mark")
    if word == "tablearg":
        cmd.fill(O_SETMARK, IP_FW_TARG, (0,), 2)
    else:
        cmd.fill(O_SETMARK, 0x8000, (strtoul(word),), 2)
    r.skip()


def _setmss(r: RuleParser, cmd: Cmd, action: str) -> None:
    cmd.fill(O_EXTERNAL_ACTION, 0, ("tcp-setmss",), 2)
    r.named = True
    word = r.need("Missing MSS value")
    mss = strtoul(word, 10)
    if not 0 < mss <= 0xFFFF:
        r.o.errx(EX_USAGE, f"invalid MSS value {word}")
    more = Cmd()
    more.fill(O_EXTERNAL_DATA, mss)
    r.more_action = more
    r.skip()


def _eaction(r: RuleParser, cmd: Cmd, action: str) -> None:
    name = r.need("Missing eaction name")
    if not check_name(name):
        r.o.errx(EX_DATAERR, f"Invalid eaction name {name}")
    cmd.fill(O_EXTERNAL_ACTION, 0, (name,), 2)
    r.named = True
    r.skip()
    instance = r.need("Missing eaction instance name")
    if not check_name(instance):
        r.o.errx(EX_DATAERR, f"Invalid eaction instance name {instance}")
    more = Cmd()
    more.fill(O_EXTERNAL_INSTANCE, 0, (instance,), 2)
    r.more_action = more
    r.skip()


ACTIONS: dict[str, Callable[[RuleParser, Cmd, str], None]] = {
    **dict.fromkeys(NUMBERED, _numbered),
    **dict.fromkeys(JUMPS, _jump),
    **dict.fromkeys(DIVERTS, _divert),
    **dict.fromkeys(("fwd", "forward"), _forward),
    "nat": _nat,
    "check-state": _check_state,
    "unreach": _unreach,
    "unreach6": _unreach6,
    "setfib": _setfib,
    "setdscp": _setdscp,
    "return": _return,
    "setmark": _setmark,
    "tcp-setmss": _setmss,
    "eaction": _eaction,
}


def parse_action(r: RuleParser) -> list[Cmd]:
    """The action, in one or two instructions."""
    cmd = Cmd()
    word = r.need("missing action")
    r.skip()
    if word in SIMPLE:
        cmd.fill(*SIMPLE[word])
    elif word in ACTIONS:
        ACTIONS[word](r, cmd, word)
    elif word == "//":
        # A comment alone counts.
        cmd.fill(O_COUNT)
        r.back()
    elif word in EACTIONS:
        r.back()
        _eaction(r, cmd, word)
    else:
        r.o.errx(EX_DATAERR, f"invalid action {word}\n")
    return [cmd] if r.more_action is None else [cmd, r.more_action]


# what may follow the action ------------------------------------------------------------------------------------


def parse_logdst(r: RuleParser, text: str) -> int:
    """Where to log, as bits."""
    places = {"syslog": IPFW_LOG_SYSLOG, "ipfw0": IPFW_LOG_IPFW0, "rtsock": IPFW_LOG_RTSOCK}
    found = IPFW_LOG_DEFAULT
    for word in text.split(","):
        for name, bit in places.items():
            if substrcmp(r.o, word, name):
                found |= bit
                break
        else:
            r.o.errx(EX_DATAERR, "unsupported logdst token")
    return found


def _logdst(r: RuleParser, now: int) -> int:
    if r.word is None or not substrcmp(r.o, r.word, "logdst"):
        return now
    r.skip()
    now = parse_logdst(r, r.need("logdst requires argument"))
    r.skip()
    return now


def parse_log(r: RuleParser) -> Cmd:
    """log [logdst WHERE] [logamount N] [logdst WHERE]."""
    where = _logdst(r, IPFW_LOG_DEFAULT)
    if r.word is not None and substrcmp(r.o, r.word, "logamount"):
        r.skip()
        amount = atoi(r.need("logamount requires argument"))
        if amount < 0:
            r.o.errx(EX_DATAERR, "logamount must be positive")
        r.skip()
    else:
        amount = 0
        try:
            amount = int(r.o.p.sys.sysctl("net.inet.ip.fw.verbose_limit"))
        except KError:
            if not r.o.test_only:
                r.o.errx(1, 'sysctlbyname("net.inet.ip.fw.verbose_limit")')
            cmd = Cmd()
            cmd.fill(O_LOG, where, (0,), 3)
            return cmd
    where = _logdst(r, where)
    cmd = Cmd()
    cmd.fill(O_LOG, where, (amount,), 3)
    return cmd


def uint_arg(r: RuleParser, name: str) -> int:
    """GET_UINT_ARG: a number from 1 to 65534, or tablearg."""
    word = r.word
    if word is None:
        r.o.errx(EX_USAGE, f"{name}: missing argument")
    if substrcmp(r.o, word, "tablearg"):
        return IP_FW_TARG
    number, rest, _ = strtol(word)
    if not (word[:1].isascii() and word[:1].isdigit()) or rest or not number:
        r.o.errx(EX_DATAERR, f"{name}: invalid argument: {word}")
    if not 1 <= number <= IPFW_ARG_MAX:
        r.o.errx(EX_DATAERR, f"{name}: argument is out of range (1..{IPFW_ARG_MAX}): {word}")
    return number


def parse_params(r: RuleParser) -> None:
    """log, altq, tag and untag, each at most once."""
    while r.word in ("log", "altq", "tag", "untag"):
        word = r.take()
        if word == "log":
            if r.log is not None:
                r.o.errx(EX_DATAERR, "log cannot be specified more than once")
            r.log = parse_log(r)
        elif word == "altq":
            r.need("missing altq queue name")
            r.o.err(EX_UNAVAILABLE, KError(2), "altq support opening pf(4) control device")
        else:
            if r.tag is not None:
                r.o.errx(EX_USAGE, "tag and untag cannot be specified more than once")
            r.tag = Cmd()
            number = uint_arg(r, word)
            r.tag.flags = F_NOT if word == "untag" else 0
            r.tag.fill(O_TAG, number)
            r.skip()
