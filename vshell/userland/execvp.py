"""execvp(3): run a program found in $PATH."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from vshell.abi.errno import EACCES, EISDIR, ENOENT, ENOEXEC, ENOTDIR, KError
from vshell.abi.syscalls import Syscalls

DEFAULT_PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


def execvp(sys: Syscalls, argv: Sequence[str], env: dict[str, str], path: str | None = None) -> NoReturn:
    """Replace the image by argv[0], searched in `path` or $PATH of `env`; KError as execvp(3) sets errno."""
    name = argv[0] if argv else ""
    if not name:
        raise KError(ENOENT)
    if "/" in name:
        _exec(sys, name, argv, env)
    denied = False
    for directory in (env.get("PATH", DEFAULT_PATH) if path is None else path).split(":"):
        try:
            _exec(sys, f"{directory or '.'}/{name}", argv, env)
        except KError as e:
            if e.errno == EACCES:
                denied = True
            elif e.errno not in (ENOENT, ENOTDIR, EISDIR):
                raise
    raise KError(EACCES if denied else ENOENT)


def _exec(sys: Syscalls, path: str, argv: Sequence[str], env: dict[str, str]) -> NoReturn:
    """execve; a file that is no image is a script for the shell."""
    try:
        sys.execve(path, argv, env)
    except KError as e:
        if e.errno != ENOEXEC:
            raise
    sys.execve("/bin/sh", ["sh", path, *argv[1:]], env)
