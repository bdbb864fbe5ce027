"""Completion for ipfw(8): commands, actions, options, and the rules and tables there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vshell.abi.errno import KError
from vshell.abi.ip_fw import IP_FW3, FwRequest, TablesList, XGet
from vshell.abi.socket import AF_INET, IPPROTO_IP, IPPROTO_RAW, SOCK_RAW
from vshell.commands.ipfw.actions import ACTIONS
from vshell.commands.ipfw.actions import SIMPLE as PLAIN_ACTIONS
from vshell.commands.ipfw.dummynet_config import WORDS as DUMMYNET
from vshell.commands.ipfw.nat import MODES, NEEDED, VALUED
from vshell.commands.ipfw.options import IFACES, OPTIONS
from vshell.commands.ipfw.options import SIMPLE as PLAIN_OPTIONS
from vshell.commands.ipfw.tables import COMMANDS as TABLE_COMMANDS
from vshell.userland.completion import Candidate, Context, words

COMMANDS = {
    "add": "add a rule", "delete": "delete rules", "list": "show the rules", "show": "show the rules with their counters",
    "flush": "delete all rules", "zero": "set counters to zero", "resetlog": "let rules log again", "table": "look-up tables",
    "set": "sets of rules", "nat": "address translation", "pipe": "limits of bandwidth", "queue": "flows of a pipe",
    "sched": "schedulers", "enable": "switch something on", "disable": "switch something off", "nptv6": "prefix translation",
    "nat64lsn": "IPv6 to IPv4 with states", "nat64stl": "IPv6 to IPv4 by tables", "nat64clat": "IPv4 over IPv6 by prefixes",
    "internal": "what the kernel keeps",
}  # fmt: skip
SWITCHES = ("firewall", "one_pass", "debug", "verbose", "dyn_keepalive", "skipto_cache")
SET_COMMANDS = ("disable", "enable", "move", "swap", "show")
PROTOCOLS = ("ip", "ip4", "ip6", "tcp", "udp", "icmp", "ipv6-icmp", "all", "gre", "esp")


def _ask(c: Context, request: FwRequest) -> Any:
    """The kernel's answer, None if there is no firewall."""
    try:
        fd = c.sys.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
    except KError:
        return None
    try:
        return c.sys.setsockopt(fd, IPPROTO_IP, IP_FW3, request)
    except KError:
        return None
    finally:
        c.sys.close(fd)


def _rules(c: Context) -> Iterator[Candidate]:
    answer = _ask(c, XGet())
    for number in sorted({rule.rulenum for rule, _ in answer.rules}) if answer is not None else ():
        yield Candidate(str(number), "rule")


def _tables(c: Context) -> Iterator[Candidate]:
    for table in _ask(c, TablesList()) or ():
        yield Candidate(table.name, f"table, {table.type}")


def complete(c: Context) -> Iterator[Candidate]:
    """What fits where."""
    o = c.options("ps")
    if o.typing:
        if o.typing == "p":
            yield from c.files()
        return
    rest = o.operands
    if rest[:1] == ["set"] and rest[1:2] and rest[1].isdecimal():
        rest = rest[2:]
    if not rest:
        yield from c.files() if "/" in c.word else words(COMMANDS)
    elif rest[0] in ("delete", "list", "show", "zero", "resetlog"):
        yield from _rules(c)
    elif rest[0] == "table":
        yield from _tables(c) if len(rest) == 1 else words(TABLE_COMMANDS) if len(rest) == 2 else ()
    elif rest[0] in ("enable", "disable") and len(rest) == 1:
        yield from words(SWITCHES)
    elif rest[0] == "set" and len(rest) == 1:
        yield from words(SET_COMMANDS)
    elif rest[0] == "add":
        yield from _rule(c, rest[1:])
    elif rest[0] in ("nat", "pipe", "queue", "sched"):
        yield from _config(c, rest)


def _config(c: Context, rest: list[str]) -> Iterator[Candidate]:
    """Translation and dummynet: a number, and how it shall be."""
    if len(rest) == 1 or rest[-2:] == ["nat", "show"]:
        yield from words(("show", "config") if len(rest) == 1 else ("config", "log"))
    elif len(rest) == 2 and rest[1] not in ("show", "config"):
        yield from words(("config", "show", "delete"))
    elif "config" not in rest:
        return
    elif rest[0] == "nat":
        yield from c.interfaces() if rest[-1] == "if" else words(sorted({*MODES, *VALUED, *NEEDED}))
    else:
        yield from words(sorted(DUMMYNET))


def _rule(c: Context, given: list[str]) -> Iterator[Candidate]:
    """A rule: numbers, then an action, what it matches, from whom to whom, and options."""
    while given and (given[0].isdecimal() or given[0] in ("set", "prob")):
        given = given[1:]
    last = given[-1] if given else ""
    if last in IFACES:
        yield from c.interfaces()
    elif c.word.startswith("table("):
        for name, about, _ in _tables(c):
            yield Candidate(f"table({name})", about)
    elif not given:
        for name in sorted({*PLAIN_ACTIONS, *ACTIONS}):
            yield Candidate(name, "action")
    elif "from" not in given:
        yield from words(("from", *PROTOCOLS, "log", "tag"))
    elif last in ("from", "to"):
        yield from words(("any", "me", "me6", "not", "table("))
    elif "to" not in given:
        yield from words(("to",))
    else:
        for name in sorted({*PLAIN_OPTIONS, *OPTIONS}):
            if name.strip("{}()|!/"):
                yield Candidate(name, "option")
