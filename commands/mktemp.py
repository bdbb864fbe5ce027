"""mktemp(1): make temporary file names (usr.bin/mktemp/mktemp.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, EINVAL, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_RDWR
from vshell.userland.getopt_long import NO, OPTIONAL, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.slurp import random_bytes

USAGE = "usage: mktemp [-d] [-p tmpdir] [-q] [-t prefix] [-u] template ...\n       mktemp [-d] [-p tmpdir] [-q] [-u] -t prefix \n"
LONGS = {"directory": (NO, "d"), "tmpdir": (OPTIONAL, "tmpdir"), "quiet": (NO, "q"), "dry-run": (NO, "u")}
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make(p: Program, template: str, directory: bool) -> str:
    """mkstemp(3), mkdtemp(3): replace the Xs at the end and make it."""
    body = template.rstrip("X")
    count = len(template) - len(body)
    for _ in range(1000):
        noise = random_bytes(p, count)
        path = body + "".join(LETTERS[b % len(LETTERS)] for b in noise)
        try:
            if directory:
                p.sys.mkdir(path, 0o700)
            else:
                p.sys.close(p.sys.open(path, O_CREAT | O_EXCL | O_RDWR, 0o600))
        except KError as e:
            if e.errno == EEXIST and count:
                continue
            raise
        return path
    raise KError(EINVAL)


@program("/usr/bin/mktemp")
def main(p: Program) -> int:
    """mktemp [-d] [-p tmpdir] [-q] [-t prefix] [-u] template ..."""
    flags: set[str] = set()
    prefix: str | None = None
    tmpdir: str | None = None
    parsed = GetoptLong(p, "dp:qt:u", LONGS)
    for key, value in parsed:
        if key == "?":
            p.usage(USAGE)
        elif key in ("p", "tmpdir"):
            tmpdir = value or p.env.get("TMPDIR")
            flags.add("p")
        elif key == "t":
            prefix = value
        else:
            flags.add(key)
    names = parsed.args
    templates = []
    if prefix is None and not names:
        prefix = "tmp"
        flags.add("p")
    tagged = prefix is not None
    if tagged:
        # with -t alone $TMPDIR counts, or else the usual place
        if "p" not in flags or tmpdir is None:
            tmpdir = p.env.get("TMPDIR", tmpdir)
        tmpdir = "/tmp/" if tmpdir is None else tmpdir
        templates.append(f"{tmpdir}{'' if tmpdir.endswith('/') else '/'}{prefix}.XXXXXXXXXX")
    templates += [f"{tmpdir}/{n}" if tmpdir is not None and not tagged else n for n in names]
    status = 0
    for template in templates:
        try:
            path = make(p, template, "d" in flags)
            if "u" in flags:
                (p.sys.rmdir if "d" in flags else p.sys.unlink)(path)
        except KError as e:
            status = 1
            if "q" not in flags:
                p.warn(e, f"{'mkdtemp' if 'd' in flags else 'mkstemp'} failed on {template}")
        else:
            p.stdout.write(f"{path}\n")
    return status
