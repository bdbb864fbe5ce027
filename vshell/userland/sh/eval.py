"""Running trees (bin/sh/eval.c).

`evaltree` is the one way to run a node.  break, continue and return do not unwind: they set `evalskip`, and everything
that runs commands one after another looks at it.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.sh import exec as shexec
from vshell.userland.sh import expand, jobs, pattern, redir, trap
from vshell.userland.sh.command import YIELD_EVERY, Capture, etest, evalcommand, offer, plumb
from vshell.userland.sh.nodes import (
    NAND,
    NBACKGND,
    NCMD,
    Binary,
    Case,
    Cmd,
    Defun,
    For,
    If,
    Loop,
    Node,
    Not,
    Pipe,
    Redirected,
    Semi,
)
from vshell.userland.sh.parser import EndOfInput
from vshell.userland.sh.source import Source, parsecmd
from vshell.userland.sh.state import (
    EV_BACKCMD,
    EV_EXIT,
    EV_TESTED,
    SKIPBREAK,
    SKIPCONT,
    SKIPRETURN,
    Shell,
    ShError,
    ShExit,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


async def evaltree(sh: Shell, n: Node | None, flags: int) -> None:
    """Run a tree; its status goes to sh.exitstatus."""
    if n is None:
        sh.exitstatus = 0
    else:
        await _EVAL[n.kind](sh, n, flags)
    if sh.pendingsig or sh.intpending:
        await trap.check(sh)
    if flags & EV_EXIT:
        raise ShExit


async def _semi(sh: Shell, n: Semi, flags: int) -> None:
    items = n.items
    inner = flags & ~EV_EXIT
    for item in items[:-1]:
        if item is None:
            sh.exitstatus = 0
            continue
        await _EVAL[item.kind](sh, item, inner)
        if sh.pendingsig or sh.intpending:
            await trap.check(sh)
        if sh.evalskip:
            return
    await evaltree(sh, items[-1], flags)


async def _andor(sh: Shell, n: Binary, flags: int) -> None:
    await evaltree(sh, n.left, EV_TESTED)
    if sh.evalskip or (sh.exitstatus != 0) == (n.kind == NAND):
        return
    await evaltree(sh, n.right, flags)


async def _if(sh: Shell, n: If, flags: int) -> None:
    await evaltree(sh, n.test, EV_TESTED)
    if sh.evalskip:
        return
    if sh.exitstatus == 0:
        await evaltree(sh, n.body, flags)
    elif n.orelse is not None:
        await evaltree(sh, n.orelse, flags)
    else:
        sh.exitstatus = 0


async def _loop(sh: Shell, n: Loop, flags: int) -> None:
    flags &= ~EV_EXIT
    sh.loopnest += 1
    status = 0
    while True:
        if not sh.evalskip:
            await evaltree(sh, n.test, EV_TESTED)
        if sh.evalskip:
            if sh.evalskip == SKIPCONT:
                sh.skipcount -= 1
                if sh.skipcount <= 0:
                    sh.evalskip = 0
                    continue
            elif sh.evalskip == SKIPBREAK:
                sh.skipcount -= 1
                if sh.skipcount <= 0:
                    sh.evalskip = 0
            if sh.evalskip == SKIPRETURN:
                status = sh.exitstatus
            break
        if (sh.exitstatus == 0) == n.until:
            break
        await evaltree(sh, n.body, flags)
        status = sh.exitstatus
        sh.busy += 1
        if not sh.busy & YIELD_EVERY:
            await offer(sh)
    sh.loopnest -= 1
    sh.exitstatus = status


async def _for(sh: Shell, n: For, flags: int) -> None:
    flags &= ~EV_EXIT
    if n.words is None:
        args = list(sh.params.args)
    else:
        args = []
        for w in n.words:
            sh.oexitstatus = sh.exitstatus
            await expand.expand_args(sh, [w], args)
    sh.loopnest += 1
    status = 0
    for arg in args:
        sh.assign(n.var, arg)
        await evaltree(sh, n.body, flags)
        status = sh.exitstatus
        if sh.evalskip:
            if sh.evalskip == SKIPCONT:
                sh.skipcount -= 1
                if sh.skipcount <= 0:
                    sh.evalskip = 0
                    continue
            elif sh.evalskip == SKIPBREAK:
                sh.skipcount -= 1
                if sh.skipcount <= 0:
                    sh.evalskip = 0
            break
        sh.busy += 1
        if not sh.busy & YIELD_EVERY:
            await offer(sh)
    sh.loopnest -= 1
    sh.exitstatus = status


async def _case(sh: Shell, n: Case, flags: int) -> None:
    sh.oexitstatus = sh.exitstatus
    subject = await expand.expand_value(sh, n.word)
    clauses = n.clauses
    for at, clause in enumerate(clauses):
        for w in clause.patterns:
            raw = w.pattern if w.pattern is not None else await expand.pattern_of(sh, w)
            if pattern.match(raw, subject) if sh.utf8 else expand.matches(sh, raw, subject):
                await _run_clauses(sh, n, at, flags)
                return
    sh.exitstatus = 0


async def _run_clauses(sh: Shell, n: Case, at: int, flags: int) -> None:
    """Run the clause that matched, and those it falls through to."""
    clauses = n.clauses
    last = len(clauses) - 1
    while at < last and clauses[at].fallthru and clauses[at].body is None:
        at += 1
    if at == last or not clauses[at].fallthru:
        await evaltree(sh, clauses[at].body, flags)
        return
    while at < last and clauses[at].fallthru:
        if clauses[at].body is not None:
            await evaltree(sh, clauses[at].body, flags & ~EV_EXIT)
            if sh.evalskip:
                return
        at += 1
    if clauses[at].body is not None:
        await evaltree(sh, clauses[at].body, flags)


async def _defun(sh: Shell, n: Defun, flags: int) -> None:
    sh.functions[n.name] = n.body
    sh.exitstatus = 0


async def _not(sh: Shell, n: Not, flags: int) -> None:
    await evaltree(sh, n.node, EV_TESTED)
    if not sh.evalskip:
        sh.exitstatus = int(not sh.exitstatus)


async def _subshell(sh: Shell, n: Redirected, flags: int) -> None:
    """( ... ) and ... &."""
    background = n.kind == NBACKGND
    sh.oexitstatus = sh.exitstatus
    ops = await redir.expand_redirs(sh, n.redirs) if n.redirs else []
    inner = (flags & ~EV_TESTED if background else flags) | EV_EXIT

    async def body(child: Shell) -> None:
        if ops:
            await redir.redirect(child, ops, False)
        await evaltree(child, n.node, inner)

    if not background and flags & EV_EXIT and not trap.have_traps(sh):
        await body(sh)
        return
    job = jobs.makejob(sh)
    jobs.forkshell(sh, job, n, jobs.FORK_BG if background else jobs.FORK_FG, body)
    if background:
        sh.exitstatus = 0
    else:
        sh.exitstatus, _ = await jobs.waitforjob(sh, job)
        await etest(sh, flags)


async def _redirected(sh: Shell, n: Redirected, flags: int) -> None:
    sh.oexitstatus = sh.exitstatus
    ops = await redir.expand_redirs(sh, n.redirs)
    try:
        await redir.redirect(sh, ops, True)
    except ShError:
        redir.popredir(sh)
        return
    try:
        await evaltree(sh, n.node, flags)
    finally:
        redir.popredir(sh)


async def _pipe(sh: Shell, n: Pipe, flags: int) -> None:
    job = jobs.makejob(sh)
    mode = jobs.FORK_BG if n.background else jobs.FORK_FG
    sys = sh.sys
    previous = -1
    last = len(n.items) - 1
    for i, item in enumerate(n.items):
        read = write = -1
        if isinstance(item, Cmd):
            _prehash(sh, item)
        if i < last:
            read, write = sys.pipe()
        jobs.forkshell(sh, job, item, mode, _pipe_element(item, previous, read, write))
        if previous >= 0:
            sys.close(previous)
        previous = read
        if write >= 0:
            sys.close(write)
    if n.background:
        sh.exitstatus = 0
    else:
        sh.exitstatus, _ = await jobs.waitforjob(sh, job)
    await etest(sh, flags)


def _pipe_element(item: Node | None, previous: int, read: int, write: int) -> Callable[[Shell], Awaitable[None]]:
    """What one process of a pipeline does."""

    async def body(child: Shell) -> None:
        plumb(child, previous, read, write)
        await evaltree(child, item, EV_EXIT)

    return body


def _prehash(sh: Shell, n: Cmd) -> None:
    """Look a command up before the fork, so that the shell itself remembers where it is."""
    if n.words:
        name = n.words[0].text
        if name.isidentifier() and name not in sh.functions and name not in sh.builtins:
            shexec.find_program(sh, name, sh.values.get("PATH"))


# command substitution ------------------------------------------------------------------------------------------------


async def evalbackcmd(sh: Shell, n: Node | None) -> str:
    """The output of a command substitution."""
    if n is None:
        sh.exitstatus = 0
        return ""
    sh.exitstatus = sh.oexitstatus
    if n.kind == NCMD:
        assert isinstance(n, Cmd)
        text = await _fast_substitution(sh, n)
    else:
        read, write = sh.sys.pipe()
        job = jobs.makejob(sh)

        async def body(child: Shell) -> None:
            plumb(child, -1, read, write)
            await evaltree(child, n, EV_EXIT)

        jobs.forkshell(sh, job, n, jobs.FORK_NOJOB, body)
        text = await _collect(sh, read, write, job)
    return text.replace("\0", "").rstrip("\n")


async def _collect(sh: Shell, read: int, write: int, job: jobs.Job) -> str:
    """Read what a substitution writes, and wait for it."""
    sys = sh.sys
    sys.close(write)
    chunks = []
    while True:
        try:
            data = await sys.read(read, 65536)
        except KError:
            continue
        if not data:
            break
        chunks.append(data)
    sys.close(read)
    sh.exitstatus, _ = await jobs.waitforjob(sh, job)
    return b"".join(chunks).decode("utf-8", "surrogateescape")


async def _fast_substitution(sh: Shell, n: Cmd) -> str:
    """A simple command: a harmless builtin runs without a process of its own."""
    depth = len(sh.locals)
    reset = sh.params.reset
    sh.forcelocal += 1
    capture = Capture()
    try:
        await evalcommand(sh, n, EV_BACKCMD, capture)
    except ShError:
        pass
    finally:
        sh.forcelocal -= 1
        sh.poplocals(depth)
        sh.params.reset = reset
    if capture.job is not None:
        return await _collect(sh, capture.read, capture.write, capture.job)
    return capture.text


# strings -------------------------------------------------------------------------------------------------------------


async def evalstring(sh: Shell, text: str, flags: int) -> None:
    """Run the commands in a string."""
    leave = flags & EV_EXIT
    flags &= ~EV_EXIT
    any_command = False
    saved = sh.source
    src = sh.source = Source(text)
    try:
        while True:
            try:
                node = await parsecmd(sh, src, False)
            except EndOfInput:
                break
            if node is None or sh.nflag:
                continue
            await evaltree(sh, node, flags | EV_EXIT if leave and src.at_end() else flags)
            any_command = True
            if sh.evalskip:
                break
    finally:
        sh.source = saved
    if not any_command:
        sh.exitstatus = 0
    if leave:
        raise ShExit


_EVAL: tuple[Callable[[Shell, Any, int], Awaitable[None]], ...] = (
    _semi, evalcommand, _pipe, _redirected, _subshell, _subshell, _andor, _andor, _if, _loop, _for, _case, _defun, _not,
)  # fmt: skip
