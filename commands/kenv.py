"""kenv(1): the kernel environment (bin/kenv/kenv.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

USAGE = "usage: kenv [-l|-s] [-hNq]\n       kenv [-qv] variable[=value]\n       kenv [-q] -u variable"
FAILED = 255


@program("/bin/kenv")
def main(p: Program) -> int:
    """List the environment, or show, set or remove a variable."""
    options, args = getopt(p, "hlNqsuv")
    flags = {letter for letter, _ in options}
    name, equals, value = args[0].partition("=") if args else ("", "", "")
    if "?" in flags or len(args) > 1 or (args and flags & {"h", "N"}) or {"l", "s"} <= flags or (not args and flags & {"u", "v"}):
        p.usage(USAGE)
    if not args:
        return _dump(p, flags)
    what = f"set {name} to {value}" if equals else f"{'unset' if 'u' in flags else 'get'} {name}"
    try:
        if equals:
            p.sys.kenv("set", name, value)
            p.stdout.write(f'{name}="{value}"\n')
        elif "u" in flags:
            p.sys.kenv("unset", name)
        else:
            found = p.sys.kenv("get", name)[name]
            p.stdout.write(f'{name}="{found}"\n' if "v" in flags else f"{found}\n")
    except KError:
        if "q" not in flags:
            p.warnx(f"unable to {what}")
        return FAILED
    return 0


def _dump(p: Program, flags: set[str]) -> int:
    if flags & {"l", "s"}:
        if "q" not in flags:
            p.warnx("requested environment is unavailable")
        return FAILED
    for name, value in p.sys.kenv("dump").items():
        if "h" not in flags or name.startswith("hint."):
            p.stdout.write(f"{name}\n" if "N" in flags else f'{name}="{value}"\n')
    return 0
