"""tcpdump(8): show, save and read packets (contrib/tcpdump/tcpdump.c, version 4.99.6).

netdissect.py is what the printers work with; print_*.py are the printers, named as there; filters are compiled by
vshell/userland/pcap.
"""

from __future__ import annotations

from vshell.commands.tcpdump.options import Options, parse
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context


@program("/usr/sbin/tcpdump")
async def main(p: Program) -> int:
    """tcpdump [options] [expression]."""
    options = Options(p)
    if not parse(options):
        return 0
    from vshell.commands.tcpdump.run import Run

    return await Run(options).run()


def complete(c: Context) -> Iterator[Candidate]:
    """Interfaces after -i, files after -r, -w and -F, and the words of filters."""
    from vshell.userland.completion import words

    typing = c.options("BcCEFGijmMrsTVwWyzZ").typing
    if typing == "i":
        yield from c.interfaces()
    elif typing in ("r", "w", "F", "V"):
        yield from c.files()
    elif not typing:
        yield from words(FILTER_WORDS)


FILTER_WORDS = (
    "and", "arp", "broadcast", "dst", "ether", "gateway", "greater", "host", "icmp", "icmp6", "ip", "ip6", "less", "multicast",
    "net", "not", "or", "port", "portrange", "proto", "src", "tcp", "udp", "vlan",
)  # fmt: skip
