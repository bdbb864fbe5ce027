"""uname(1): names of the system (usr.bin/uname/uname.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

ORDER = "snrvmpiKUb"
SYSCTLS = {
    "s": "kern.ostype", "n": "kern.hostname", "r": "kern.osrelease", "v": "kern.version", "m": "hw.machine",
    "p": "hw.machine_arch", "i": "kern.ident", "K": "kern.osreldate", "U": "kern.osreldate", "b": "kern.build_id",
}  # fmt: skip
ALL = "snrvm"


def value(p: Program, letter: str) -> str:
    """One name; UNAME_x in the environment goes before the system's."""
    if f"UNAME_{letter}" in p.env:
        return p.env[f"UNAME_{letter}"]
    try:
        text = str(p.sys.sysctl(SYSCTLS[letter]))
    except KError as e:
        p.err(1, e, "sysctlbyname" if letter in "ib" else "sysctl")
    return text.replace("\n", " ").replace("\t", " ").rstrip(" ") if letter == "v" else text


@program("/usr/bin/uname")
def main(p: Program) -> int:
    """uname [-abiKmnoprsUv]"""
    options, args = getopt(p, "abiKmnoprsUv")
    flags: set[str] = set()
    for key, _ in options:
        if key == "?":
            p.usage("usage: uname [-abiKmnoprsUv]")
        flags |= set(ALL) if key == "a" else {"s"} if key == "o" else {key}
    if args:
        p.usage("usage: uname [-abiKmnoprsUv]")
    p.stdout.write(" ".join(value(p, c) for c in ORDER if c in (flags or {"s"})) + "\n")
    return 0
