"""pwd(1), the program (bin/pwd)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, checks_stdout, program


def _logical(p: Program) -> str | None:
    """$PWD if it names the working directory without . and .. in it."""
    pwd = p.env.get("PWD", "")
    if not pwd.startswith("/") or any(part in (".", "..") for part in pwd.split("/")):
        return None
    try:
        there, here = p.sys.stat(pwd), p.sys.stat(".")
    except KError:
        return None
    return pwd if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino) else None


@checks_stdout(1)
@program("/bin/pwd")
def main(p: Program) -> int:
    """Print the working directory."""
    opts, args = getopt(p, "LP")
    logical = True
    for letter, _ in opts:
        if letter == "?":
            p.usage("usage: pwd [-L | -P]")
        logical = letter == "L"
    if args:
        p.usage("usage: pwd [-L | -P]")
    pwd = _logical(p) if logical else None
    if pwd is None:
        try:
            pwd = p.sys.getcwd()
        except KError as e:
            p.err(1, e, ".")
    p.stdout.write(pwd + "\n")
    return 0
