"""Finding and executing programs (bin/sh/exec.c)."""

from __future__ import annotations

from vshell.abi.errno import EACCES, ENOENT, ENOEXEC, ENOTDIR, KError, strerror
from vshell.abi.fcntl import O_RDONLY, S_IFMT, S_IFREG
from vshell.userland.sh.state import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

SHELL = "/bin/sh"


def search_path(path: str | None, name: str) -> list[str]:
    """The files a name may stand for (padvance)."""
    if path is None:
        return []
    return [f"{directory.partition('%')[0]}/{name}" if directory else name for directory in path.split(":")]


def find_program(sh: Shell, name: str, path: str | None) -> tuple[str | None, int]:
    """(file, 0) of a program found in PATH, or (None, errno)."""
    if sh.hashed:
        found = sh.hashed.get(name)
        if found is not None:
            return found, 0
    error = ENOENT
    relative = False
    for full in search_path(path, name):
        if not full.startswith("/"):
            relative = True
        try:
            mode = sh.sys.stat(full).st_mode
        except KError as e:
            if e.errno not in (ENOENT, ENOTDIR):
                error = e.errno
            continue
        error = EACCES
        if mode & S_IFMT != S_IFREG:
            continue
        sh.hashed[name] = full
        if relative:
            sh.hash_cd = True
        return full, 0
    return None, error


def not_found(name: str, error: int) -> tuple[str, int]:
    """What is said about a program that cannot be run, and the exit status."""
    if error in (ENOENT, ENOTDIR):
        return f"{name}: not found", 127
    return f"{name}: {strerror(error)}", 126


async def shellexec(sys: Syscalls, argv: list[str], env: dict[str, str], path: str | None, start: str | None) -> int:
    """execve along PATH from the file `start` on; returns the errno if nothing can be executed."""
    name = argv[0]
    if "/" in name:
        return await _tryexec(sys, name, argv, env)
    error = ENOENT
    skipping = start is not None
    for full in search_path(path, name):
        if skipping and full != start:
            continue
        skipping = False
        e = await _tryexec(sys, full, argv, env)
        if e not in (ENOENT, ENOTDIR):
            error = e
        if error == ENOEXEC:
            break
    return error


async def _tryexec(sys: Syscalls, file: str, argv: list[str], env: dict[str, str]) -> int:
    try:
        sys.execve(file, argv, env)
    except KError as e:
        error = e.errno
    if error != ENOEXEC:
        return error
    if await _isbinary(sys, file):
        return ENOEXEC
    # A file without a magic number is a script.
    try:
        sys.execve(SHELL, [SHELL, file, *argv[1:]], env)
    except KError:
        return error


async def _isbinary(sys: Syscalls, file: str) -> bool:
    """True if the start of a file cannot be meant as commands."""
    try:
        fd = sys.open(file, O_RDONLY)
        data = await sys.read(fd, 256)
        sys.close(fd)
    except KError:
        return False
    nul = data.find(b"\0")
    if nul < 0:
        return False
    letter = False
    for byte in data[:nul]:
        if 97 <= byte <= 122 or byte in b"$`":
            letter = True
        if letter and byte == 10:
            return False
    return True
