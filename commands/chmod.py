"""chmod(1): change file modes (bin/chmod/chmod.c)."""

from __future__ import annotations

from vshell.abi.errno import KError, strerror
from vshell.abi.fcntl import S_IFMT
from vshell.userland.fts import FTS_D, FTS_DNR, FTS_DP, FTS_NS, Fts
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.setmode import setmode, strmode

USAGE = "usage: chmod [-fhv] [-R [-H | -L | -P]] mode file ..."


def parse(p: Program) -> tuple[list[str], list[str]]:
    """Option letters in order and operands; "-w" and its like are a mode."""
    letters: list[str] = []
    parsed = Getopt(p, "HLPRXfghorstuvwx")
    for key, _ in parsed:
        if key == "?":
            p.usage(USAGE)
        if key in "gorstuwXx":
            # A mode such as -w looks like an option; when it is a word of its own, that word is the first operand.
            if parsed.argv[parsed.optind - 1] == f"-{key}":
                parsed.optind -= 1
            break
        letters.append(key)
    return letters, parsed.args


@program("/bin/chmod")
def main(p: Program) -> int:
    """chmod [-fhv] [-R [-H | -L | -P]] mode file ..."""
    letters, args = parse(p)
    if len(args) < 2:
        p.usage(USAGE)
    flags = set(letters)
    link = next((k for k in reversed(letters) if k in "HLP"), "P")
    if "R" in flags and "h" in flags:
        p.errx(1, "the -R and -h options may not be specified together.")
    logical = link == "L" if "R" in flags else "h" not in flags
    comfollow = "R" in flags and link == "H"
    mode = setmode(args[0])
    if mode is None:
        p.errx(1, f"invalid file mode: {args[0]}")
    umask = p.sys.umask(0)
    p.sys.umask(umask)
    status = 0
    for e in Fts(p.sys, args[1:], logical=logical, comfollow=comfollow):
        if e.info == FTS_DP:
            continue
        if e.info in (FTS_NS, FTS_DNR):
            assert e.error is not None
            p.warnx(f"{e.path}: {strerror(e.error.errno)}")
            status = 1
            if e.info == FTS_NS:
                continue
        if e.info == FTS_D and "R" not in flags:
            e.skip = True
        old = e.st.st_mode
        new = mode.apply(old, umask)
        if new & 0o7777 == old & 0o7777:
            continue
        try:
            p.sys.chmod(e.path, new, follow=logical or (comfollow and e.level == 0))
        except KError as error:
            if "f" not in flags:
                p.warn(error, e.path)
                status = 1
                continue
        if "v" in flags:
            text = e.path
            if letters.count("v") > 1:
                full = old & S_IFMT | new
                text += f": 0{old:o} [{strmode(old)}] -> 0{full:o} [{strmode(full)}]"
            p.stdout.write(f"{text}\n")
    return status
