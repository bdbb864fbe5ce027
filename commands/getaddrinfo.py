"""getaddrinfo(1): what getaddrinfo(3) answers for a name (usr.bin/getaddrinfo/getaddrinfo.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK, AF_NETGRAPH, AF_NETLINK, AF_ROUTE, AF_UNIX, AF_UNSPEC, SockaddrIn6
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import (
    AI_CANONNAME,
    AI_NUMERICHOST,
    AI_NUMERICSERV,
    AI_PASSIVE,
    GaiError,
    getaddrinfo,
    getprotobyname,
    getprotobynumber,
    numeric_name,
)
from vshell.userland.program import Program, program

USAGE = """\
Usage: getaddrinfo [-f <family>] [-p <protocol>] [-t <socktype>] [-s <service>]
   [-cnNP] [<hostname>]
"""
FAMILIES = {
    "unspec": AF_UNSPEC, "unix": AF_UNIX, "inet": AF_INET, "route": AF_ROUTE, "link": AF_LINK, "inet6": AF_INET6,
    "netgraph": AF_NETGRAPH, "netlink": AF_NETLINK,
}  # fmt: skip
TYPES = {"stream": 1, "dgram": 2, "raw": 3, "rdm": 4, "seqpacket": 5}
FLAGS = {"c": AI_CANONNAME, "n": AI_NUMERICHOST, "N": AI_NUMERICSERV, "P": AI_PASSIVE}


class Query:
    """The hints."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.family = AF_UNSPEC
        self.type = self.protocol = self.flags = 0
        self.service: str | None = None

    def wrong(self, text: str) -> NoReturn:
        self.p.warnx(text)
        self.p.usage(USAGE)

    def number(self, text: str, names: dict[str, int], what: str) -> int:
        """A number, or a name of a table."""
        value, rest, error = strtol(text, 0)
        if text and not rest and not error:
            return value
        if text not in names:
            self.wrong(f"invalid {what}: {text}")
        return names[text]

    def proto(self, text: str) -> int:
        """A protocol's number or name."""
        number = getprotobyname(self.p, text)
        return self.number(text, {text: number} if number is not None else {}, "protocol")

    def parse(self) -> str | None:
        """The command line; returns the host."""
        parsed = Getopt(self.p, "cf:nNp:Ps:t:")
        for key, value in parsed:
            if key in FLAGS:
                self.flags |= FLAGS[key]
            elif key == "f":
                self.family = self.number(value, FAMILIES, "address family")
            elif key == "p":
                self.protocol = self.proto(value)
            elif key == "s":
                self.service = value
            elif key == "t":
                self.type = self.number(value, TYPES, "socket type")
            else:
                self.p.usage(USAGE)
        args = parsed.args
        if len(args) != 1 and (args or not self.flags & AI_PASSIVE):
            self.p.usage(USAGE)
        if self.service is not None and "/" in self.service:
            if self.protocol:
                self.wrong("protocol already specified")
            self.service, _, name = self.service.partition("/")
            self.protocol = self.proto(name)
        return args[0] if args else None


@program("/usr/bin/getaddrinfo")
def main(p: Program) -> int:
    """getaddrinfo [-cnNP] [-f family] [-p protocol] [-s service[/protocol]] [-t socktype] [hostname]"""
    q = Query(p)
    host = q.parse()
    try:
        found = getaddrinfo(p, host, q.service, q.family, q.type, q.protocol, q.flags)
    except GaiError as e:
        p.errx(1, str(e))
    if q.flags & AI_CANONNAME:
        p.stdout.write(f"canonname {found[0].canonname}\n")
    types = {number: name for name, number in TYPES.items()}
    for info in found:
        sa = info.addr
        scope = sa.scope_id if isinstance(sa, SockaddrIn6) else 0
        proto = getprotobynumber(p, info.protocol) or str(info.protocol)
        family = "inet" if info.family == AF_INET else "inet6"
        p.stdout.write(f"{types[info.socktype]} {family} {proto} {numeric_name(p, sa.addr, scope)} {sa.port}\n")
    return 0
