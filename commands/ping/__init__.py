"""ping(8): the choice between IPv4 and IPv6, which each have options of their own (sbin/ping/main.c)."""

from __future__ import annotations

from vshell.abi.socket import AF_INET, SOCK_RAW
from vshell.userland.addr import inet_pton4, inet_pton6
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import GaiError, gai_strerror, getaddrinfo
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

PING4OPTS = ".::4AaC:c:DdfG:g:Hh:I:i:Ll:M:m:nop:QqRrS:s:T:t:vW:z:P:"
PING6OPTS = ".::6Aab:C:c:Dde:fHI:i:k:l:m:nNoOp:qS:s:t:uvyYW:z:P:"
EX_NOHOST = 68

USAGE = """\
usage:
\tping [-4AaDdfHnoQqRrv] [-C pcp] [-c count] [-G sweepmaxsize]
\t    [-g sweepminsize] [-h sweepincrsize] [-i wait] [-l preload]
\t    [-M mask | time] [-m ttl] [-P policy] [-p pattern] [-S src_addr]\x20
\t    [-s packetsize] [-t timeout] [-W waittime] [-z tos] IPv4-host
\tping [-4AaDdfHLnoQqRrv] [-C pcp] [-c count] [-I iface] [-i wait]
\t    [-l preload] [-M mask | time] [-m ttl] [-P policy] [-p pattern]
\t    [-S src_addr] [-s packetsize] [-T ttl] [-t timeout] [-W waittime]
\t    [-z tos] IPv4-mcast-group
\tping [-6AaDdfHnNoOquvyY] [-b bufsiz] [-C pcp] [-c count] [-e gateway]
\t    [-I interface] [-i wait] [-k addrtype] [-l preload] [-m hoplimit]
\t    [-p pattern] [-P policy] [-S sourceaddr] [-s packetsize] [-t timeout]
\t    [-W waittime] [-z tclass] [IPv6-hops ...] IPv6-host
"""


def family(p: Program) -> int:
    """4 or 6: as an option says, as a numeric -S says, else as the target resolves."""
    if p.name == "ping6":
        return 6
    options = Getopt(p, ":" + PING6OPTS + PING4OPTS)
    for letter, value in options:
        if letter in "46":
            return int(letter)
        if letter == "S":
            if inet_pton4(value) is not None:
                return 4
            if inet_pton6(value) is not None:
                return 6
    if not options.args:
        p.usage(USAGE)
    target = p.argv[-1]
    try:
        found = getaddrinfo(p, target, socktype=SOCK_RAW)
    except GaiError as e:
        p.errx(EX_NOHOST, f"cannot resolve {target}: {gai_strerror(e.code)}")
    return 4 if found[0].family == AF_INET else 6


@program("/sbin/ping", "/sbin/ping6")
async def main(p: Program) -> int:
    """ping(8)."""
    if family(p) == 4:
        from vshell.commands.ping.ping4 import ping4

        return await ping4(p)
    from vshell.commands.ping.ping6 import ping6

    return await ping6(p, USAGE)


def complete(c: Context) -> Iterator[Candidate]:
    """Interfaces after -I."""
    if c.options("ceGghIiLlMmPpQRSsTtWz").typing == "I":
        yield from c.interfaces()
