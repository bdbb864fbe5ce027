"""rtadvd(8): advertise this router and its prefixes on links (usr.sbin/rtadvd)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.daemonize import daemon
from vshell.userland.getopt import Getopt
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program

USAGE = "usage: rtadvd [-dDfRs] [-c configfile] [-C ctlsock] [-M ifname] [-p pidfile]\n"
CONFFILE, PIDFILE, CTRL_SOCK = "/etc/rtadvd.conf", "/var/run/rtadvd.pid", "/var/run/rtadvd.sock"


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.conffile, self.pidfile, self.control, self.mcastif = CONFFILE, PIDFILE, CTRL_SOCK, ""
        self.debug = 0
        self.foreground = self.static = False
        self.interfaces: list[str] = []


def parse(p: Program) -> Options:
    """Read it, or end."""
    o = Options()
    parsed = Getopt(p, "c:C:dDfhM:p:Rs")
    for letter, value in parsed:
        if letter == "c":
            o.conffile = value
        elif letter == "C":
            o.control = value
        elif letter in "dD":
            o.debug += 1 if letter == "d" else 3
        elif letter == "f":
            o.foreground = True
        elif letter == "M":
            o.mcastif = value
        elif letter == "R":
            p.stderr.write("rtadvd: the -R option is currently ignored.\n")
        elif letter == "s":
            o.static = True
        elif letter == "p":
            o.pidfile = value
        else:
            p.usage(USAGE)
    o.interfaces = parsed.args
    return o


@program("/usr/sbin/rtadvd")
async def main(p: Program) -> int:
    """rtadvd [-dDfRs] [-c configfile] [-C ctlsock] [-M ifname] [-p pidfile] interface ..."""
    from vshell.commands.rtadvd.advertise import Rtadvd

    o = parse(p)
    pidfile: Pidfile | None = None
    try:
        pidfile = Pidfile(p, o.pidfile)
    except Running as e:
        p.errx(1, f"{p.name} already running, pid: {e.pid}")
    except KError:
        pass  # syslog(LOG_ERR, "failed to open the pid file, run anyway.")
    if o.foreground:
        return await Rtadvd(p, o, pidfile).run()
    daemon(p, lambda q: Rtadvd(q, o, pidfile).run(), nochdir=True)
    return 0
