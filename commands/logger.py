"""logger(1): enter messages in the system log, here or of another host (usr.bin/logger/logger.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.record import Record
from vshell.abi.socket import AF_UNIX, SOCK_DGRAM, SockaddrUn
from vshell.userland.getopt import getopt
from vshell.userland.netdb import EAI_SERVICE, GaiError, gai_strerror, getaddrinfo
from vshell.userland.program import Program, program
from vshell.userland.pwd import user_from_uid
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.userland.strftime import gmtime, strftime
from vshell.userland.syslog import FACILITIES, PRIORITIES, syslog

USAGE = """\
usage: logger [-46Ais] [-f file] [-h host] [-P port] [-p pri] [-t tag]
              [-S addr:port] [message ...]
"""
Peer = tuple[int, Record]
"""A socket, and where it sends to."""


def number(name: str, table: dict[str, int]) -> int | None:
    """A facility or level by name or number."""
    if name[:1].isdecimal():
        digits = name[: len(name) - len(name.lstrip("0123456789"))]
        return int(digits)
    return table.get(name.lower())


def priority(p: Program, text: str) -> int:
    """facility.level, or a level."""
    name, dot, level = text.partition(".")
    facility: int | None = FACILITIES["user"]
    if dot:
        facility = number(name, FACILITIES)
        if facility is None:
            p.errx(1, f"unknown facility name: {name}")
    else:
        level = name
    value = number(level, PRIORITIES)
    if value is None or facility is None:
        p.errx(1, f"unknown priority name: {level}")
    return facility & 0x3F8 | value & 7


def source(p: Program, text: str, family: int) -> dict[int, Record]:
    """-S addr:port, [addr]:port: what to bind to, by address family."""
    host, _, port = text.partition(":")
    if text.startswith("["):
        if "]" not in text:
            p.errx(1, '"]" not found in src addr')
        host, _, rest = text[1:].partition("]")
        port = rest.partition(":")[2]
    elif text.count(":") > 1:
        host, port = text, ""
    try:
        found = getaddrinfo(p, host or None, port or "0", family, SOCK_DGRAM)
    except GaiError as e:
        p.errx(1, f"{gai_strerror(e.code)}: {text}")
    return {info.family: info.addr for info in reversed(found)}


def sockets(p: Program, host: str, service: str, src: str | None, family: int) -> list[Peer]:
    """-h: one for each address of the host."""
    mine = source(p, src, family) if src else {}
    if host.startswith("/") and not family:  # getaddrinfo(3) takes a path for a local socket
        return [(p.sys.socket(AF_UNIX, SOCK_DGRAM), SockaddrUn(host))]
    try:
        found = getaddrinfo(p, host, service, family, SOCK_DGRAM)
    except GaiError as e:
        if e.code != EAI_SERVICE:
            p.errx(1, f"{gai_strerror(e.code)}: {host}")
        p.warnx(f"{service}/udp: unknown service")
        found = getaddrinfo(p, host, "514", family, SOCK_DGRAM)
    peers: list[Peer] = []
    for info in found:
        try:
            fd = p.sys.socket(info.family, SOCK_DGRAM)
        except KError:
            continue
        if src and info.family not in mine:
            p.errx(1, "address family mismatch")
        if info.family in mine:
            try:
                p.sys.bind(fd, mine[info.family])
            except KError as e:
                p.err(1, e, "bind")
        peers.append((fd, info.addr))
    if not peers:
        p.errx(1, "socket")
    return peers


async def send(p: Program, peers: list[Peer], packet: str, everywhere: bool) -> None:
    """To the first address that takes it, or to all with -A."""
    problem: KError | None = None
    for fd, addr in peers:
        try:
            await p.sys.sendto(fd, packet.encode("utf-8", "surrogateescape"), addr)
        except KError as e:
            problem = e
            continue
        problem = None
        if not everywhere:
            break
    if problem is not None:
        p.warn(problem, "sendto")


@program("/usr/bin/logger")
async def main(p: Program) -> int:
    """logger [-46Ais] [-f file] [-h host] [-P port] [-p pri] [-t tag] [-S addr:port] [message ...]"""
    options, args = getopt(p, "46Af:H:h:iP:p:S:st:")
    found = dict(options)
    if "?" in found:
        p.usage(USAGE)
    text = b""
    if "f" in found:
        try:
            text = slurp(p, found["f"])
        except KError as e:
            p.err(1, e, found["f"])
    family = 28 if "6" in found else 2 if "4" in found else 0
    peers = sockets(p, found["h"], found.get("P", "syslog"), found.get("S"), family) if "h" in found else []
    if "S" in found and not peers:
        p.errx(1, "-h option is missing.")
    level = priority(p, found["p"]) if "p" in found else FACILITIES["user"] | PRIORITIES["notice"]
    tag = found.get("t") or user_from_uid(p, p.sys.getuid())
    pid = p.sys.getpid() if "i" in found else None
    if args:
        lines = [" ".join(args)]
    else:
        lines = decode(text if "f" in found else await p.stdin.read()).splitlines()
    host = found.get("H") or str(p.sys.sysctl("kern.hostname")).partition(".")[0]
    for line in lines:
        if peers:
            stamp = strftime("%b %e %T", gmtime(p.sys.clock_gettime() // 1_000_000_000))
            await send(p, peers, f"<{level}>{stamp} {host} {tag}: {line}", "A" in found)
            continue
        await syslog(p.sys, level, tag, line, pid)
        if "s" in found:
            p.stderr.write(f"{tag}{f'[{pid}]' if pid is not None else ''}: {line}\n")
    return 0
