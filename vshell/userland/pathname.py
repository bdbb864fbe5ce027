"""basename(3), dirname(3), realpath(3)."""

from __future__ import annotations

from vshell.abi.errno import ELOOP, ENAMETOOLONG, ENOENT, KError
from vshell.abi.fcntl import S_IFLNK, S_IFMT
from vshell.abi.syscalls import Syscalls

MAXSYMLINKS = 32
PATH_MAX = 1024


def basename(path: str) -> str:
    """The last component."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def dirname(path: str) -> str:
    """All but the last component."""
    if not path:
        return "."
    stripped = path.rstrip("/")
    if not stripped:
        return "/"
    directory, slash, _ = stripped.rpartition("/")
    if not slash:
        return "."
    return directory.rstrip("/") or "/"


def realpath(sys: Syscalls, path: str, trail: list[str] | None = None) -> str:
    """The path without links, "." and ".."; KError as realpath(3) fails.  The last of `trail` is then what caused it."""
    if not path:
        raise KError(ENOENT)
    resolved = "" if path.startswith("/") else sys.getcwd().rstrip("/")
    todo = list(reversed(path.split("/")))
    links = 0
    while todo:
        name = todo.pop()
        if name in ("", "."):
            # A trailing slash (or dot) asks for a directory.
            if not todo and resolved:
                sys.stat(resolved + "/")
            continue
        if name == "..":
            resolved = resolved.rpartition("/")[0]
            continue
        step = f"{resolved}/{name}"
        if trail is not None:
            trail.append(step)
        if len(step) >= PATH_MAX:
            raise KError(ENAMETOOLONG)
        if sys.lstat(step).st_mode & S_IFMT == S_IFLNK:
            links += 1
            if links > MAXSYMLINKS:
                raise KError(ELOOP)
            target = sys.readlink(step)
            if target.startswith("/"):
                resolved = ""
            todo += reversed(target.split("/"))
        else:
            if todo and any(todo):
                sys.stat(step + "/")
            resolved = step
    return resolved or "/"
