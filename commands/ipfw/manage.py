"""Adding, deleting, clearing and moving rules, sets, and the switches (sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.ip_fw import (
    IPFW_RCFLAG_ALL,
    IPFW_RCFLAG_DYNAMIC,
    IPFW_RCFLAG_RANGE,
    IPFW_RCFLAG_SET,
    RESVD_SET,
    SetEnable,
    SetMove,
    SetSwap,
    SkiptoCache,
    XAdd,
    XDel,
    XGet,
    XMove,
    XResetlog,
    XZero,
)
from vshell.commands.ipfw.cmdline import Options, substrcmp
from vshell.commands.ipfw.rule import RuleParser
from vshell.commands.ipfw.show import show_static_rule
from vshell.commands.ipfw.words import EX_DATAERR, EX_OSERR, EX_UNAVAILABLE, EX_USAGE
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.humanize import strtonum


def digit(word: str) -> bool:
    """Does it begin with a digit?"""
    return word[:1].isascii() and word[:1].isdigit()


def ipfw_add(o: Options, av: list[str]) -> None:
    """add."""
    parser = RuleParser(o, av)
    rule = parser.parse()
    try:
        rule = o.request(XAdd(rule, parser.named)) or rule
    except KError as e:
        o.err(EX_UNAVAILABLE, e, "getsockopt(IP_FW_XADD)")
    if not o.quiet:
        o.p.stdout.write(show_static_rule(o, rule))


def ipfw_delete(o: Options, av: list[str]) -> None:
    """delete [set] N..."""
    if not av:
        o.errx(EX_USAGE, "missing rule specification")
    whole = substrcmp(o, av[0], "set")
    if whole:
        if o.use_set is not None:
            o.errx(EX_DATAERR, "invalid syntax")
        av = av[1:]
    status = 0
    for word in av:
        if not digit(word):
            break
        first, rest, _ = strtol(word)
        last = strtol(rest[1:])[0] if rest[:1] == "-" else first
        if o.nat:
            from vshell.commands.ipfw.nat import ipfw_delete_nat

            status = ipfw_delete_nat(o, first)
            continue
        status = _delete(o, first & 0xFFFFFFFF, last & 0xFFFFFFFF, whole) or status
    if status and not o.force:
        o.exit(status)


def _delete(o: Options, first: int, last: int, whole: bool) -> int:
    if whole:
        request = XDel(IPFW_RCFLAG_SET, set=first & 31)
    else:
        flags = IPFW_RCFLAG_RANGE if first or last else IPFW_RCFLAG_ALL
        if o.use_set is not None:
            flags |= IPFW_RCFLAG_SET
        if o.dynamic == 2:
            flags |= IPFW_RCFLAG_DYNAMIC
        request = XDel(flags, first, last, o.use_set or 0)
    try:
        count = o.request(request) or 0
    except KError as e:
        if not o.quiet:
            o.p.warn(e, f"rule {request.start_rule}: setsockopt(IP_FW_XDEL)")
        return EX_UNAVAILABLE
    if count or whole or o.dynamic == 2:
        return 0
    if not o.quiet:
        o.warnx(f"rule {first} not found" if first == last else f"no rules in {first}-{last} range")
    return EX_UNAVAILABLE


def ipfw_zero(o: Options, av: list[str], log: bool) -> None:
    """zero and resetlog."""
    name, kind = ("RESETLOG", XResetlog) if log else ("ZERO", XZero)
    if not av:
        try:
            o.request(kind(IPFW_RCFLAG_ALL))
        except KError as e:
            o.err(EX_UNAVAILABLE, e, f"setsockopt(IP_FW_X{name})")
        if not o.quiet:
            o.p.stdout.write("Logging counts reset.\n" if log else "Accounting cleared.\n")
        return
    failed = 0
    for word in av:
        if not digit(word):
            o.errx(EX_USAGE, f"invalid rule number ``{word}''")
        number, bad = strtonum(word, 0, 0xFFFF)
        if bad:
            o.errx(EX_DATAERR, f"invalid rule number {word}\n")
        flags = IPFW_RCFLAG_RANGE | (IPFW_RCFLAG_SET if o.use_set is not None else 0)
        try:
            count = o.request(kind(flags, number, number, o.use_set or 0))
        except KError as e:
            o.p.warn(e, f"rule {number}: setsockopt(IP_FW_X{name})")
            failed = EX_UNAVAILABLE
            continue
        if not count:
            o.p.stdout.write(f"Entry {number} not found\n")
            failed = EX_UNAVAILABLE
        elif not o.quiet:
            o.p.stdout.write(f"Entry {number} {'logging count reset' if log else 'cleared'}.\n")
    if failed:
        o.exit(failed)


async def ask(o: Options) -> bool:
    """Is everything to be flushed?  A question if there is somebody to ask."""
    if not o.force and not o.quiet:
        o.p.stdout.write("Are you sure? [yn] ")
        o.p.stdout.flush()
        answer = ""
        while answer not in ("Y", "N"):
            line = await o.p.stdin.readline()
            if not line.endswith(b"\n"):
                return False
            answer = line[:1].decode("latin-1").upper()
        o.p.stdout.write("\n")
        if answer == "N":
            return False
    return True


async def ipfw_flush(o: Options) -> None:
    """flush."""
    if not await ask(o):
        return
    request = XDel(IPFW_RCFLAG_ALL) if o.use_set is None else XDel(IPFW_RCFLAG_SET, set=o.use_set)
    try:
        o.request(request)
    except KError as e:
        o.err(EX_UNAVAILABLE, e, "setsockopt(IP_FW_XDEL)")
    if not o.quiet:
        o.p.stdout.write("Flushed all rules.\n")


# sets ----------------------------------------------------------------------------------------------------------


def ipfw_sets(o: Options, av: list[str]) -> None:
    """set show, swap, move, enable, disable."""
    if not av:
        o.errx(EX_USAGE, "set needs command")
    word = av[0]
    if substrcmp(o, word, "show"):
        _show_sets(o)
    elif substrcmp(o, word, "swap"):
        _swap(o, av[1:])
    elif substrcmp(o, word, "move"):
        _move(o, av[1:])
    elif substrcmp(o, word, "disable") or substrcmp(o, word, "enable"):
        _enable(o, int(substrcmp(o, word, "enable")), av[1:])
    else:
        o.errx(EX_USAGE, f"invalid set command {word}\n")


def _show_sets(o: Options) -> None:
    try:
        config = o.request(XGet(static=False))
    except KError as e:
        o.err(EX_OSERR, e, "requesting config failed")
    if config is None:
        o.p.stderr.write("Testing only, list disabled\n")
        return
    off = [i for i in range(RESVD_SET) if not config.set_mask >> i & 1]
    on = [i for i in range(RESVD_SET) if config.set_mask >> i & 1]
    parts = ["disable " + " ".join(map(str, off))] if off else []
    parts += ["enable " + " ".join(map(str, on))] if on else []
    o.p.stdout.write(" ".join(parts) + "\n")


def _swap(o: Options, av: list[str]) -> None:
    if len(av) < 2:
        o.errx(EX_USAGE, "set swap needs 2 set numbers\n")
    for word in av[:2]:
        if not digit(word) or atoi(word) > RESVD_SET:
            o.errx(EX_DATAERR, f"invalid set number {word}\n")
    try:
        o.request(SetSwap(set=atoi(av[0]), new_set=atoi(av[1])))
    except KError:
        pass  # not looked at


def _move(o: Options, av: list[str]) -> None:
    rule = bool(av) and substrcmp(o, av[0], "rule")
    av = av[1:] if rule else av
    if len(av) != 3 or not substrcmp(o, av[1], "to"):
        o.errx(EX_USAGE, "syntax: set move [rule] X to Y\n")
    number = strtol(av[0])[0] & 0xFFFFFFFF
    target = atoi(av[2])
    if not digit(av[0]):
        o.errx(EX_DATAERR, f"invalid source number {av[0]}\n")
    if not digit(av[2]) or target > RESVD_SET:
        o.errx(EX_DATAERR, f"invalid dest. set {av[1]}\n")
    try:
        o.request(XMove(IPFW_RCFLAG_RANGE, number, number, 0, target) if rule else SetMove(set=number, new_set=target))
    except KError as e:
        o.err(EX_OSERR, e, f"failed to move {'rule' if rule else 'set'}")


def _enable(o: Options, which: int, av: list[str]) -> None:
    masks = [0, 0]
    for word in av:
        if digit(word):
            if atoi(word) > RESVD_SET:
                o.errx(EX_DATAERR, f"invalid set number {atoi(word)}\n")
            masks[which] |= 1 << atoi(word)
        elif substrcmp(o, word, "disable"):
            which = 0
        elif substrcmp(o, word, "enable"):
            which = 1
        else:
            o.errx(EX_DATAERR, f"invalid set command {word}\n")
    if masks[0] & masks[1]:
        o.errx(EX_DATAERR, "cannot enable and disable the same set\n")
    try:
        o.request(SetEnable(set=masks[0], new_set=masks[1]))
    except KError as e:
        o.p.warn(e, "set enable/disable: setsockopt(IP_FW_SET_ENABLE)")


# switches ------------------------------------------------------------------------------------------------------

SWITCHES = {
    "firewall": ("net.inet.ip.fw.enable", "net.inet6.ip6.fw.enable"),
    "one_pass": ("net.inet.ip.fw.one_pass",),
    "debug": ("net.inet.ip.fw.debug",),
    "verbose": ("net.inet.ip.fw.verbose",),
    "dyn_keepalive": ("net.inet.ip.fw.dyn_keepalive",),
    "skipto_cache": (),
    "altq": (),
}


def ipfw_sysctl(o: Options, av: list[str], value: int) -> None:
    """enable and disable; nothing tells whether it was possible."""
    if not av:
        o.warnx("missing keyword to enable/disable\n")
        return
    for name, nodes in SWITCHES.items():
        if not substrcmp(o, av[0], name):
            continue
        if name == "altq":
            o.err(EX_UNAVAILABLE, KError(2), "altq support opening pf(4) control device")
        try:
            if name == "skipto_cache":
                o.request(SkiptoCache(value))
            for node in nodes:
                o.p.sys.sysctl(node, value)
        except KError:
            pass
        return
    o.warnx(f"unrecognize enable/disable keyword: {av[0]}\n")
