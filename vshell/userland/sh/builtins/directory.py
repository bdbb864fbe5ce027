"""cd and pwd (bin/sh/cd.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, ENOTDIR, KError, strerror
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.exec import search_path
from vshell.userland.sh.state import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _getcwd(sh: Shell) -> str | None:
    try:
        return sh.sys.getcwd()
    except KError:
        return None


def _find(sh: Shell, directory: str | None) -> str | None:
    """The new working directory by name (findcwd): None is "ask the kernel"."""
    if directory is None or sh.curdir is None:
        return _getcwd(sh)
    parts = [] if directory.startswith("/") else [p for p in sh.curdir.split("/") if p]
    for p in directory.split("/"):
        if p == "..":
            if parts:
                parts.pop()
        elif p and p != ".":
            parts.append(p)
    return "/" + "/".join(parts)


def _update(sh: Shell, directory: str | None) -> None:
    if sh.hash_cd:
        sh.clear_hash()
    old = sh.curdir
    sh.setvar("PWD", directory, export=True)
    sh.setvar("OLDPWD", old, export=True)
    sh.curdir = directory


def _logical(sh: Shell, dest: str) -> int:
    """Change directory by name; the errno or 0."""
    bad = False
    path = "/" if dest.startswith("/") else ""
    for part in dest.split("/"):
        if part in ("", "."):
            continue
        path += part if not path or path.endswith("/") else "/" + part
        if part == "..":
            continue
        try:
            sh.sys.lstat(path)
        except KError:
            bad = True
            break
    target = _find(sh, None if bad else dest)
    if target is None:
        return ENOENT
    try:
        sh.sys.chdir(target)
    except KError as e:
        return e.errno
    _update(sh, target)
    return 0


def _physical(sh: Shell, dest: str) -> int:
    """Change directory as the kernel does; the errno, 0, or -1 if the new name is not known."""
    try:
        sh.sys.chdir(dest)
    except KError as e:
        return e.errno
    target = _getcwd(sh)
    if target is None:
        sh.warning("warning: failed to get name of current directory")
    _update(sh, target)
    return 0 if target is not None else -1


def cdcmd(sh: Shell, args: list[str]) -> int:
    """cd and chdir."""
    found, operands = nextopt(sh, args, "eLP")
    physical = sh.Pflag
    tell = False
    for letter, _ in found:
        if letter == "e":
            tell = True
        else:
            physical = letter == "P"
    if len(operands) > 1:
        sh.error("too many arguments")
    dest = operands[0] if operands else sh.lookup("HOME")
    if dest is None:
        sh.error("HOME not set")
    show = dest == "-"
    if show:
        dest = sh.lookup("OLDPWD")
        if dest is None:
            sh.error("OLDPWD not set")
    relative = not (dest.startswith("/") or dest.split("/")[0] in (".", ".."))
    cdpath = (sh.lookup("CDPATH") if relative else None) or ""
    error = ENOENT
    for path in _candidates(cdpath, dest):
        try:
            mode = sh.sys.stat(path).st_mode
        except KError as e:
            error = e.errno if e.errno != ENOENT else error
            continue
        if mode & S_IFMT != S_IFDIR:
            error = ENOTDIR
            continue
        print_it = show or (path[2:] if path[:2] == "./" and len(path) > 2 else path) != dest
        why = 1 if physical else _logical(sh, path)
        if why:
            why = _physical(sh, path)
        if why <= 0:
            if print_it and sh.iflag and sh.curdir is not None:
                # That the name could not be written does not change that the directory was.
                sh.out(sh.curdir + "\n")
                sh.flush_nowait()
                sh.outerror = False
            return 1 if why < 0 and tell else 0
        error = why if why != ENOENT else error
    sh.error(f"{dest}: {strerror(error)}")


def _candidates(cdpath: str, dest: str) -> list[str]:
    if not cdpath:
        return [dest]
    return [f"{d}/{dest}" if d else dest for d in cdpath.split(":")] if "%" in cdpath else search_path(cdpath, dest)


def pwdcmd(sh: Shell, args: list[str]) -> int:
    """pwd."""
    found, operands = nextopt(sh, args, "LP")
    physical = sh.Pflag
    for letter, _ in found:
        physical = letter == "P"
    if operands:
        sh.error("too many arguments")
    if not physical and sh.curdir is None:
        sh.curdir = _getcwd(sh)
    if not physical and sh.curdir is not None:
        sh.out(sh.curdir + "\n")
        return 0
    try:
        sh.out(sh.sys.getcwd() + "\n")
    except KError as e:
        sh.error(f".: {e}")
    return 0


def init_pwd(sh: Shell) -> None:
    """PWD of a new shell: the inherited one if it is right."""
    pwd = sh.values.get("PWD")
    if pwd and pwd.startswith("/"):
        try:
            here, there = sh.sys.stat("."), sh.sys.stat(pwd)
            if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
                sh.curdir = pwd
        except KError:
            pass
    if sh.curdir is None:
        sh.curdir = _getcwd(sh)
        if sh.curdir is None and sh.iflag:
            sh.out2("sh: cannot determine working directory\n")
            sh.flush2()
    sh.setvar("PWD", sh.curdir, export=True)


TABLE: dict[str, Callable[..., Any]] = {"cd": cdcmd, "chdir": cdcmd, "pwd": pwdcmd}
