"""hostname(1), domainname(1): print or set the name of the host, or of the jail (bin/hostname, bin/domainname)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program


@program("/bin/hostname", "/bin/domainname")
def main(p: Program) -> int:
    """Both programs; domainname has no options."""
    if p.name == "domainname":
        return _domainname(p)
    options, args = getopt(p, "fsd")
    letters = {letter for letter, _ in options}
    if "?" in letters or len(args) > 1 or {"s", "d"} <= letters:
        p.usage("usage: hostname [-f] [-s | -d] [name-of-host]")
    if args:
        return _set(p, "kern.hostname", args[0], "sethostname")
    name = p.sys.gethostname()
    first, dot, rest = name.partition(".")
    if "s" in letters:
        name = first
    elif "d" in letters and dot:
        name = rest
    p.stdout.write(name + "\n")
    return 0


def _domainname(p: Program) -> int:
    options, args = getopt(p, "")
    if options or len(args) > 1:
        p.usage("usage: domainname [ypdomain]")
    if args:
        return _set(p, "kern.domainname", args[0], "setdomainname")
    p.stdout.write(f"{p.sys.sysctl('kern.domainname')}\n")
    return 0


def _set(p: Program, node: str, name: str, what: str) -> int:
    try:
        p.sys.sysctl(node, name)
    except KError as e:
        p.err(1, e, what)
    return 0
