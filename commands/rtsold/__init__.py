"""rtsold(8), rtsol(8): ask for routers on the links of this host (usr.sbin/rtsold).

Each interface has a state: it waits until its link-local address is ready, then solicits up to three times, four seconds
apart; an answer makes it idle.  The kernel uses the advertisements; this program only listens for flags and resolvers.
"""

from __future__ import annotations

from vshell.abi.errno import KError, strerror
from vshell.commands.rtsold.options import Options
from vshell.userland.daemonize import daemon
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program


@program("/usr/sbin/rtsold", "/sbin/rtsol")
async def main(p: Program) -> int:
    """rtsold [-dDfFimu1] [-p pidfile] interface ... | -a"""
    from vshell.commands.rtsold.solicit import Rtsold

    options = Options(p)
    options.parse()
    if "f" in options.flags:
        return await Rtsold(p, options).run()
    try:
        pidfile = Pidfile(p, options.pidfile, 0o644)
    except Running:
        p.errx(1, f"failed to open pidfile: {strerror(17)}")
    except KError as e:
        p.errx(1, f"failed to open pidfile: {strerror(e.errno)}")
    daemon(p, lambda q: Rtsold(q, options, pidfile).run())
    return 0
