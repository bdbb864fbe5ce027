"""Redirections: expand them, apply them, undo them (bin/sh/redir.c)."""

from __future__ import annotations

from vshell.abi.errno import EBADF, EEXIST, KError, strerror
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFMT, S_IFREG
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTSTP
from vshell.userland.sh import expand
from vshell.userland.sh.nodes import Redir
from vshell.userland.sh.parser import fixed_fd
from vshell.userland.sh.state import Shell, ShError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

Op = tuple[str, int, "str | int"]
"""(operator, descriptor, file name or text or descriptor to copy)."""

_MODES = {"<": O_RDONLY, "<>": O_RDWR | O_CREAT, ">|": O_WRONLY | O_CREAT | O_TRUNC, ">>": O_WRONLY | O_CREAT | O_APPEND}


class RedirectionFailed(Exception):
    """A redirection cannot be done; the text says why."""


async def expand_redirs(sh: Shell, redirs: list[Redir]) -> list[Op]:
    """The redirections with their words expanded."""
    ops: list[Op] = []
    for r in redirs:
        if r.op == "<<":
            ops.append(("<<", r.fd, await _document(sh, r)))
        elif r.fd2 is not None:
            ops.append((r.op, r.fd, r.fd2))
        elif r.word is not None:
            text = await expand.expand_value(sh, r.word)
            if r.op in (">&", "<&"):
                fd = fixed_fd(text)
                if fd is None:
                    _bad_fd(sh)
                else:
                    ops.append((r.op, r.fd, fd))
            else:
                ops.append((r.op, r.fd, text))
    return ops


def _bad_fd(sh: Shell) -> None:
    if sh.commandname is not None:
        line = sh.source.parser.startline if sh.source is not None else 1
        sh.out2(f"{sh.commandname}: {line}: ")
    elif sh.arg0:
        sh.out2(f"{sh.arg0}: ")
    sh.out2("Syntax error: Bad fd number\n")
    sh.error(None)


async def _document(sh: Shell, r: Redir) -> str:
    """The text of a here document; an error in it leaves it empty."""
    word = r.doc
    if word is None:
        return ""
    if r.quoted or word.const is not None:
        return word.const or ""
    depth = len(sh.locals)
    reset = sh.params.reset
    sh.forcelocal += 1
    try:
        return await expand.expand_value(sh, word, 0)
    except ShError:
        return ""
    finally:
        sh.forcelocal -= 1
        sh.poplocals(depth)
        sh.params.reset = reset


async def apply(sys: Syscalls, op: Op, noclobber: bool) -> None:
    """Do one redirection in this process; a fifo is open when the other side is."""
    kind, fd, arg = op
    if isinstance(arg, int):
        try:
            if arg >= 0:
                sys.dup2(arg, fd)
            else:
                sys.close(fd)
        except KError as e:
            if arg >= 0:
                raise RedirectionFailed(f"{arg}: {e}") from None
        return
    if kind == "<<":
        new = _here(sys, arg)
    else:
        new = _open(sys, kind, arg, noclobber)
        try:
            await sys.opened(new)
        except KError as e:
            sys.close(new)
            raise _cannot(kind, arg, e) from None
    if new != fd:
        try:
            sys.dup2(new, fd)
        except KError as e:
            raise RedirectionFailed(f"{fd}: {e}") from None
        finally:
            sys.close(new)


def _open(sys: Syscalls, kind: str, name: str, noclobber: bool) -> int:
    try:
        if kind == ">":
            return _create(sys, name) if noclobber else sys.open(name, _MODES[">|"])
        return sys.open(name, _MODES[kind])
    except KError as e:
        raise _cannot(kind, name, e) from None


def _cannot(kind: str, name: str, error: KError) -> RedirectionFailed:
    return RedirectionFailed(f"cannot {'open' if kind == '<' else 'create'} {name}: {error}")


def _create(sys: Syscalls, name: str) -> int:
    """> under set -C: a file must not exist, anything else may."""
    try:
        mode = sys.stat(name).st_mode
    except KError:
        return sys.open(name, O_WRONLY | O_CREAT | O_EXCL)
    if mode & S_IFMT == S_IFREG:
        raise RedirectionFailed(f"cannot create {name}: {strerror(EEXIST)}")
    return sys.open(name, O_WRONLY)


def _here(sys: Syscalls, text: str) -> int:
    """A pipe with the text in it; what does not fit is written by a process."""
    read, write = sys.pipe()
    data = text.encode("utf-8", "surrogateescape")
    done = sys.write_nowait(write, data) if data else 0
    if done < len(data):

        async def writer(child: Syscalls) -> int:
            child.close(read)
            for signo in (SIGINT, SIGQUIT, SIGHUP, SIGTSTP):
                child.sigaction(signo, SIG_IGN)
            child.sigaction(SIGPIPE, SIG_DFL)
            try:
                await child.write(write, data[done:])
            except KError:
                pass
            return 0

        sys.fork(writer)
    sys.close(write)
    return read


async def redirect(sh: Shell, ops: list[Op], push: bool, memory: bool = False) -> None:
    """Apply redirections in the shell itself; with `push` they can be undone.  `memory`: output 1 goes to memory."""
    saved: dict[int, int] = {}
    if push:
        sh.redirs.append((saved, sh.fd0_redirected))
    mem = {1} if memory else set()
    for op in ops:
        _, fd, arg = op
        if fd == 0:
            sh.fd0_redirected = True
        if isinstance(arg, int) and arg == fd:
            continue
        if push and fd not in saved:
            try:
                saved[fd] = sh.sys.dupfd(fd, 10, True)
            except KError as e:
                if e.errno != EBADF:
                    sh.error(f"{fd}: {e}")
                saved[fd] = -1
        if isinstance(arg, int) and arg in mem:
            mem.add(fd)
            continue
        mem.discard(fd)
        try:
            await apply(sh.sys, op, sh.Cflag)
        except RedirectionFailed as e:
            sh.error(str(e))
    if memory:
        sh.out_memory = [] if 1 in mem else None
        sh.out2_memory = 2 in mem


def popredir(sh: Shell) -> None:
    """Undo the redirections pushed last."""
    entry = sh.redirs.pop()
    if entry is None:
        return
    saved, sh.fd0_redirected = entry
    sys = sh.sys
    for fd, old in saved.items():
        try:
            if old >= 0:
                sys.dup2(old, fd)
                sys.close(old)
            else:
                sys.close(fd)
        except KError:
            pass
