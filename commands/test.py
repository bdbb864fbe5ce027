"""test(1) and [, the program (bin/test)."""

from __future__ import annotations

from vshell.userland.program import Program, program
from vshell.userland.sh.test import TestError, test


@program("/bin/test", "/bin/[")
def main(p: Program) -> int:
    """Evaluate a condition."""
    try:
        return test(p.sys, p.argv)
    except TestError as e:
        p.errx(2, str(e))
