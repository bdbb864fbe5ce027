"""The builtins that POSIX wants as programs too: each runs the builtin of its name (usr.bin/alias)."""

from __future__ import annotations

from vshell.userland.program import Program, program


@program(
    "/usr/bin/alias", "/usr/bin/bg", "/usr/bin/cd", "/usr/bin/command", "/usr/bin/fc", "/usr/bin/fg",
    "/usr/bin/getopts", "/usr/bin/hash", "/usr/bin/jobs", "/usr/bin/read", "/usr/bin/type", "/usr/bin/ulimit",
    "/usr/bin/umask", "/usr/bin/unalias", "/usr/bin/wait",
)  # fmt: skip
def main(p: Program) -> int:
    """Let a shell do it."""
    p.sys.execve("/bin/sh", ["/bin/sh", "-c", 'builtin "${0##*/}" "$@"', *p.argv], p.env)
