"""ip6addrctl(8): the policy table for choosing IPv6 addresses (usr.sbin/ip6addrctl/ip6addrctl.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.in6_policy import SIOCAADDRCTL_POLICY, SIOCDADDRCTL_POLICY, In6AddrPolicy
from vshell.abi.socket import AF_INET6, IPPROTO_UDP, SOCK_DGRAM
from vshell.userland.addr import masked
from vshell.userland.cnumber import atoi
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import AI_NUMERICHOST, GaiError, gai_strerror, getaddrinfo, numeric_name
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode

USAGE = """\
usage: ip6addrctl [-j jail] [show]
       ip6addrctl [-j jail] add <prefix> <precedence> <label>
       ip6addrctl [-j jail] delete <prefix>
       ip6addrctl [-j jail] flush
       ip6addrctl [-j jail] install <configfile>
"""
OPERANDS = {"add": 3, "delete": 1, "flush": 0, "install": 1}


@program("/usr/sbin/ip6addrctl")
async def main(p: Program) -> int:
    """The option, then the subcommand, whose case does not matter."""
    jail: str | None = None
    opts = Getopt(p, "j:")
    for letter, value in opts:
        if letter == "?":
            p.usage(USAGE, 1)
        jail = value
    args = opts.args
    name = args[0].lower() if args else "show"
    if name == "show" and len(args) <= 1:
        attach(p, jail)
        return show(p)
    if OPERANDS.get(name, -1) != len(args) - 1:
        p.usage(USAGE, 1)
    rows = await from_file(p, args[1]) if name == "install" else []
    attach(p, jail)
    if name == "add":
        request(p, SIOCAADDRCTL_POLICY, [entry(p, args[1], args[2], args[3])], True)
    elif name == "delete":
        request(p, SIOCDADDRCTL_POLICY, [entry(p, args[1])], True)
    elif name == "flush":
        request(p, SIOCDADDRCTL_POLICY, get_policy(p), False)
    else:
        request(p, SIOCAADDRCTL_POLICY, rows, False)
    return 0


def attach(p: Program, jail: str | None) -> None:
    """-j."""
    from vshell.userland.libjail import JailError, jail_getid

    if jail is None:
        return
    try:
        jid = jail_getid(p.sys, jail)
    except (KError, JailError):
        jid = -1
    if jid == -1:
        p.errx(1, "jail not found")
    try:
        p.sys.jail_attach(jid)
    except KError:
        p.errx(1, "cannot attach to jail")


def get_policy(p: Program) -> list[In6AddrPolicy]:
    """The table; says so if it is empty."""
    try:
        rows: tuple[In6AddrPolicy, ...] = p.sys.sysctl("net.inet6.ip6.addrctlpolicy")
    except KError as e:
        p.err(1, e, "sysctl(IPV6CTL_ADDRCTLPOLICY)")
    if not rows:
        p.stdout.write("no source-address-selection policy is installed\n")
    return list(rows)


def show(p: Program) -> int:
    """show."""
    rows = get_policy(p)
    if rows:
        p.stdout.write(f"{'Prefix':<30} {'Prec':>5} {'Label':>5} {'Use':>8}\n")
    for row in rows:
        prefix = f"{numeric_name(p, row.addr)}/{row.plen}"
        p.stdout.write(f"{prefix:<30} {row.preced:5d} {row.label:5d} {row.use:8d}\n")
    return 0


def request(p: Program, kind: type[SIOCAADDRCTL_POLICY | SIOCDADDRCTL_POLICY], rows: list[In6AddrPolicy], fatal: bool) -> None:
    """One request for each entry."""
    try:
        s = p.sys.socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP)
    except KError as e:
        p.err(1, e, "socket(UDP)")
    for row in rows:
        try:
            p.sys.ioctl(s, kind(policy=row))
        except KError as e:
            text = f"ioctl({kind.__name__})"
            if fatal:
                p.err(1, e, text)
            p.warn(e, text)
    p.sys.close(s)


def parse_prefix(p: Program, text: str) -> tuple[bytes, int] | None:
    """An address with a length."""
    name, slash, length = text.partition("/")
    if not slash:
        return None
    try:
        found = getaddrinfo(p, name, family=AF_INET6, flags=AI_NUMERICHOST)
    except GaiError as e:
        p.warnx(f"getaddrinfo failed for {name}: {gai_strerror(e.code)}")
        return None
    plen = atoi(length)
    if not 0 <= plen <= 128:
        p.warnx(f"invalid prefix length: {plen}")
        return None
    addr: bytes = found[0].addr.addr
    return addr, plen


def entry(p: Program, prefix: str, preced: str = "0", label: str = "0") -> In6AddrPolicy:
    """What the arguments describe."""
    parsed = parse_prefix(p, prefix)
    if parsed is None:
        p.errx(1, f"bad prefix: {prefix}")
    return In6AddrPolicy(*parsed, atoi(preced), atoi(label))


async def from_file(p: Program, path: str) -> list[In6AddrPolicy]:
    """A line has prefix, precedence and label; '#' begins a comment."""
    try:
        fd = p.sys.open(path)
        parts = []
        while data := await p.sys.read(fd, 65536):
            parts.append(data)
        p.sys.close(fd)
    except KError as e:
        p.err(1, e, f"fopen: {path}")
    rows = []
    for number, line in enumerate(decode(b"".join(parts)).split("\n"), 1):
        line = line.lstrip(" \t")
        if not line or line.startswith("#"):
            continue
        rows.append(row(p, line, number))
    return rows


def bad(p: Program, number: int) -> NoReturn:
    """A line that is not understood ends it."""
    p.errx(1, f"parse failed at line {number}")


def row(p: Program, line: str, number: int) -> In6AddrPolicy:
    """One line."""
    # The whole rest of the line goes to the parser of addresses, which reads the length up to the first blank.
    parsed = parse_prefix(p, line)
    words = line.split()
    if parsed is None or len(words) < 3:
        bad(p, number)
    return In6AddrPolicy(masked(*parsed), parsed[1], atoi(words[1]), atoi(words[2]))
