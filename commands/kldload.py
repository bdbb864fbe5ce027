"""kldload(8): load kernel files (sbin/kldload/kldload.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, ENOEXEC, KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context


@program("/sbin/kldload")
def main(p: Program) -> int:
    """Load each file; the number of failures decides the status."""
    options, files = getopt(p, "nqv")
    quiet = verbose = check = False
    for letter, _ in options:
        if letter == "n":
            check = True
        elif letter == "?":
            p.usage("usage: kldload [-nqv] file ...")
        else:
            quiet, verbose = letter == "q", letter == "v"
    if not files:
        p.usage("usage: kldload [-nqv] file ...")
    errors = 0
    for name in files:
        if not _path_check(p, name, quiet) or not _load(p, name, quiet, verbose, check):
            errors += 1
    return 1 if errors else 0


def _load(p: Program, name: str, quiet: bool, verbose: bool, check: bool) -> bool:
    try:
        fileid = p.sys.kldload(name)
    except KError as e:
        if check and e.errno == EEXIST:
            if verbose:
                p.stdout.write(f"{name} is already loaded\n")
            return True
        if not quiet:
            _complain(p, name, e)
        return False
    if verbose:
        p.stdout.write(f"Loaded {name}, id={fileid}\n")
    return True


def _complain(p: Program, name: str, error: KError) -> None:
    if error.errno == EEXIST:
        p.warnx(f"can't load {name}: module already loaded or in kernel")
    elif error.errno == ENOEXEC:
        p.warnx(f"an error occurred while loading module {name}. Please check dmesg(8) for more details.")
    else:
        p.warn(error, f"can't load {name}")


def _path_check(p: Program, name: str, quiet: bool) -> bool:
    """A file of the current directory is loaded only if it is the one on the module path; warn about it."""
    if "/" in name or ".ko" not in name:
        return True
    try:
        here = p.sys.stat(name)
    except KError:
        return True
    for folder in str(p.sys.sysctl("kern.module_path")).split(";"):
        path = f"{folder}{'' if folder.endswith('/') else '/'}{name}"
        try:
            there = p.sys.stat(path)
        except KError:
            continue
        if (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) and not quiet:
            p.warnx(f"{name} will be loaded from {folder}, not the current directory")
        return True
    if not quiet:
        p.warnx(f"{name} is not in the module path")
    return False


def complete(c: Context) -> Iterator[Candidate]:
    """Modules that are not loaded, or files."""
    yield from c.files() if "/" in c.word else c.names("kld")
