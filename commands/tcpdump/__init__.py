"""tcpdump(8): show, save and read packets (contrib/tcpdump/tcpdump.c, version 4.99.6).

netdissect.py is what the printers work with; print_*.py are the printers, named as there; filters are compiled by
vshell/userland/pcap.
"""

from __future__ import annotations

from vshell.commands.tcpdump.options import Options, parse
from vshell.userland.program import Program, program


@program("/usr/sbin/tcpdump")
async def main(p: Program) -> int:
    """tcpdump [options] [expression]."""
    options = Options(p)
    if not parse(options):
        return 0
    from vshell.commands.tcpdump.run import Run

    return await Run(options).run()
