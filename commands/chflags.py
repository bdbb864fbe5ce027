"""chflags(1): change file flags (bin/chflags/chflags.c)."""

from __future__ import annotations

from vshell.abi.errno import KError, strerror
from vshell.userland.cnumber import strtol
from vshell.userland.fflags import fflagstostr, strtofflags
from vshell.userland.fts import FTS_D, FTS_DNR, FTS_DP, FTS_NS, Fts, FtsEntry
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

USAGE = "usage: chflags [-fhvx] [-R [-H | -L | -P]] flags file ..."


def parse(p: Program, text: str) -> tuple[bool, int, int]:
    """(the flags are a number, to set, to clear)."""
    if text[:1] in tuple("01234567"):
        value, rest, _ = strtol(text, 8)
        if rest:
            p.errx(1, f"invalid flags: {text}")
        return True, value, 0
    set_, clear, bad = strtofflags(text)
    if bad:
        p.errx(1, f"invalid flag: {bad}")
    return False, set_, clear


def report(e: FtsEntry, new: int, verbose: int) -> str:
    """-v."""
    if verbose < 2:
        return f"{e.path}\n"
    old = e.st.st_flags
    names = f" [{fflagstostr(old)}] -> 0{new:o} [{fflagstostr(new)}]" if verbose > 2 else f" -> 0{new:o}"
    return f"{e.path}: 0{old:o}{names}\n"


@program("/bin/chflags")
def main(p: Program) -> int:
    """chflags [-fhvx] [-R [-H | -L | -P]] flags file ..."""
    options, args = getopt(p, "HLPRfhvx")
    letters = [k for k, _ in options]
    flags = set(letters)
    if "?" in flags or len(args) < 2:
        p.usage(USAGE)
    link = next((k for k in reversed(letters) if k in "HLP"), "P")
    if "R" in flags and "h" in flags and link != "P":
        p.errx(1, f"the -R{link} and -h options may not be specified together.")
    logical = link == "L" if "R" in flags else "h" not in flags
    comfollow = "R" in flags and link == "H"
    absolute, set_, clear = parse(p, args[0])
    status = 0
    for e in Fts(p.sys, args[1:], logical=logical, comfollow=comfollow, xdev="x" in flags):
        if e.info == FTS_D:
            e.skip = "R" not in flags
            if "R" in flags:
                continue
        if e.info == FTS_DP and "R" not in flags:
            continue
        if e.info in (FTS_NS, FTS_DNR):
            assert e.error is not None
            p.warnx(f"{e.path}: {strerror(e.error.errno)}")
            status = 1
            continue
        new = set_ if absolute else (e.st.st_flags | set_) & ~clear
        if new == e.st.st_flags:
            continue
        try:
            p.sys.chflags(e.path, new, follow=logical or (comfollow and e.level == 0))
        except KError as error:
            if "f" not in flags:
                p.warn(error, e.path)
                status = 1
            continue
        if "v" in flags:
            p.stdout.write(report(e, new, letters.count("v")))
    return status
