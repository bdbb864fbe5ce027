"""Simple commands: finding out what a name is, and running it (evalcommand of bin/sh/eval.c)."""

from __future__ import annotations

from vshell.userland.sh import exec as shexec
from vshell.userland.sh import expand, jobs, redir, trap
from vshell.userland.sh.arith import ArithError
from vshell.userland.sh.nodes import (
    Backq,
    Cmd,
    Part,
    Word,
)
from vshell.userland.sh.parser import Parser
from vshell.userland.sh.show import quoted
from vshell.userland.sh.state import (
    EV_EXIT,
    EV_TESTED,
    SKIPBREAK,
    SKIPRETURN,
    STDPATH,
    Builtin,
    Params,
    Shell,
    ShError,
    ShExit,
    ShInterrupt,
)
from vshell.userland.sh.words import DQ, SyntaxFailure

YIELD_EVERY = 31
"""Builtins run between two offers of the processor to others (a mask)."""


async def etest(sh: Shell, flags: int) -> None:
    """set -e: leave after a command that failed, unless its status is looked at."""
    if sh.eflag and sh.exitstatus != 0 and not flags & EV_TESTED:
        if sh.pendingsig or sh.intpending:
            await trap.check(sh)
        await trap.exitshell(sh, sh.exitstatus)


async def offer(sh: Shell) -> None:
    """Let the others run."""
    await sh.sys.sched_yield()
    if sh.pendingsig or sh.intpending:
        await trap.check(sh)


def plumb(sh: Shell, previous: int, read: int, write: int) -> None:
    """Put the ends of pipes where a process of a pipeline has them."""
    sys = sh.sys
    if previous > 0:
        sys.dup2(previous, 0)
        sys.close(previous)
    if write >= 0:
        if not (previous >= 0 and read == 0):
            sys.close(read)
        if write != 1:
            sys.dup2(write, 1)
            sys.close(write)


class Capture:
    """What a command of a substitution gave: its text, or the pipe and the job that will give it."""

    __slots__ = ("job", "read", "text", "write")

    def __init__(self) -> None:
        self.text = ""
        self.read = self.write = -1
        self.job: jobs.Job | None = None


# simple commands -----------------------------------------------------------------------------------------------------


class Found:
    """What a command name turned out to be."""

    __slots__ = ("args", "builtin", "clear", "function", "nofunc", "path", "program")

    def __init__(self, args: list[str], path: str | None) -> None:
        self.args = args
        self.path = path
        self.builtin: Builtin | None = None
        self.function = False
        self.program: str | None = None
        self.clear = False
        self.nofunc = False


def _resolve(sh: Shell, found: Found, assigns: list[tuple[str, str]]) -> None:
    """Find the command, through `command` and `builtin`."""
    for name, value in assigns:
        if name == "PATH":
            found.path = value
            sh.clear_hash()
            found.clear = True
    only_builtin = False
    while True:
        args = found.args
        name = args[0]
        if only_builtin:
            found.builtin = sh.builtins.get(name)
            if found.builtin is None:
                found.builtin = sh.builtins["builtin"]
                found.args = ["builtin", *args]
                return
        elif not found.nofunc and name in sh.functions:
            found.function = True
            return
        else:
            found.builtin = sh.builtins.get(name)
            if found.builtin is None:
                if "/" not in name:
                    found.program, _ = shexec.find_program(sh, name, found.path)
                return
        if name == "builtin":
            if len(args) == 1:
                return
            found.args = args[1:]
            only_builtin = True
        elif name == "command":
            if not _through_command(sh, found):
                return
            only_builtin = False
        else:
            return


def _through_command(sh: Shell, found: Found) -> bool:
    """Step over `command` and its options; False if it is to run itself."""
    args = found.args
    if len(args) == 1:
        return False
    skip = 1
    if args[1] == "-p":
        if len(args) == 2:
            return False
        skip = 2
        if args[2].startswith("-"):
            if args[2] != "--" or len(args) == 3:
                return False
            skip = 3
        found.path = STDPATH
        sh.clear_hash()
        found.clear = True
    elif args[1] == "--":
        if len(args) == 2:
            return False
        skip = 2
    elif args[1].startswith("-"):
        return False
    found.args = args[skip:]
    found.nofunc = True
    return True


async def _declaration(sh: Shell, words: list[Word], args: list[str]) -> None:
    """Arguments of export, readonly and local: assignments are not split and have their tildes expanded."""
    for w in words:
        if w.assign:
            value = await expand.expand_value(sh, w.value, expand.VARTILDE)
            args.append(f"{w.name}={value}")
        else:
            await expand.expand_args(sh, [w], args)


def _is_declaration(sh: Shell, words: list[Word]) -> bool:
    """True for export, readonly and local, possibly behind `command`."""
    at = 0
    while at < len(words) and words[at].const == "command":
        at += 1
    if at == len(words):
        return False
    name = words[at].const
    return name in ("export", "readonly") or (name == "local" and (at > 0 or "local" not in sh.functions))


def _xtrace(sh: Shell, assigns: list[tuple[str, str]], args: list[str], ps4: str) -> None:
    words = [f"{name}={quoted(value)}" for name, value in assigns]
    words += [quoted(a) for a in args]
    sh.out2(ps4 + " ".join(words) + "\n")
    sh.flush2()


async def expandstr(sh: Shell, text: str) -> str | None:
    """A prompt with its parameters expanded; None if that fails."""
    parser = Parser(text)
    try:
        parser.readword(parser.getc(), DQ, "")
        word = parser.word
        if _has_backq(word.parts):
            sh.error("Command substitution not allowed here")
        return await expand.expand_value(sh, word, 0)
    except (SyntaxFailure, ShError, ArithError):
        return None


def _has_backq(parts: list[Part]) -> bool:
    return any(isinstance(p, Backq) or _has_backq(getattr(p, "word", [])) for p in parts)


async def evalcommand(sh: Shell, n: Cmd, flags: int, capture: Capture | None = None) -> None:
    """Run a simple command."""
    sh.oexitstatus = sh.exitstatus
    sh.exitstatus = 0
    assigns: list[tuple[str, str]] = []
    for w in n.assigns:
        assigns.append((w.name, await expand.expand_value(sh, w.value, expand.VARTILDE)))
    words = n.words
    if not words and capture is None and not n.redirs and not sh.xflag:
        # Nothing but assignments: an error in one is fatal, and the status is that of the last substitution.
        for name, value in assigns:
            sh.assign(name, value)
        if sh.eflag:
            await etest(sh, flags)
        return
    if n.consts is not None:
        args = n.consts.copy()
    elif len(words) > 1 and any(w.assign for w in words[1:]) and _is_declaration(sh, words):
        args = []
        await _declaration(sh, words, args)
    else:
        args = []
        await expand.expand_args(sh, words, args)
    if args and capture is None and not assigns and not n.redirs and not sh.xflag and args[0] not in sh.functions:
        builtin = sh.builtins.get(args[0])
        if builtin is not None and builtin.plain:
            await _plain_builtin(sh, builtin, flags, args)
            return
    ops = await redir.expand_redirs(sh, n.redirs) if n.redirs else []
    lastarg = args[-1] if args and sh.iflag and sh.funcnest == 0 else None
    if sh.xflag:
        ps4 = sh.values.get("PS4") or ""
        if "$" in ps4 or "\\" in ps4 or "`" in ps4:
            ps4 = await expandstr(sh, ps4) or ps4
        _xtrace(sh, assigns, args, ps4)
    found = Found(args, sh.values.get("PATH"))
    if args:
        _resolve(sh, found, assigns)
    else:
        found.builtin = _NOCOMMAND
    await _execute(sh, n, flags, found, assigns, ops, capture)
    if lastarg is not None:
        sh.values["_"] = lastarg
    if found.clear:
        sh.clear_hash()
    if sh.eflag and capture is None:
        await etest(sh, flags)


async def _plain_builtin(sh: Shell, builtin: Builtin, flags: int, args: list[str]) -> None:
    """The common case of _run_builtin: nothing is assigned, redirected, traced or captured."""
    saved = sh.commandname
    sh.commandname = args[0]
    sh.builtin_flags = flags
    sh.viacommand = False
    sh.outerror = False
    lastarg = args[-1] if sh.iflag and sh.funcnest == 0 else None
    try:
        status = builtin.run(sh, args)
        if builtin.wait:
            status = await status
        sh.exitstatus = status
        if sh.obuf or sh.ebuf:
            await sh.flush()
        if sh.outerror:
            sh.outerror = False
            sh.warning("write error on stdout")
            if status in (0, 1):
                sh.exitstatus = 2
    except ShError:
        if builtin.special:
            raise
    except ShInterrupt:
        sh.exitstatus = 130
        raise
    finally:
        sh.commandname = saved
    sh.busy += 1
    if not sh.busy & YIELD_EVERY:
        await offer(sh)
    if lastarg is not None:
        sh.values["_"] = lastarg
    if sh.eflag:
        await etest(sh, flags)


async def _execute(
    sh: Shell, n: Cmd, flags: int, found: Found, assigns: list[tuple[str, str]], ops: list[redir.Op], capture: Capture | None
) -> None:
    builtin = found.builtin
    if capture is None:
        if builtin is not None:
            await _run_builtin(sh, builtin, flags, found, assigns, ops, None)
        elif found.function:
            await _run_function(sh, flags, found, assigns, ops)
        elif flags & EV_EXIT and not trap.have_traps(sh):
            await _run_program(sh, found, assigns, ops)
        else:
            await _fork_program(sh, n, found, assigns, ops)
        return
    if builtin is not None and _safe(builtin, found.args):
        await _run_builtin(sh, builtin, flags, found, assigns, ops, capture)
        return
    capture.read, capture.write = sh.sys.pipe()
    read, write = capture.read, capture.write

    async def body(child: Shell) -> None:
        plumb(child, -1, read, write)
        if builtin is not None:
            await _run_builtin(child, builtin, EV_EXIT, found, assigns, ops, None)
        elif found.function:
            await _run_function(child, EV_EXIT, found, assigns, ops)
        else:
            await _run_program(child, found, assigns, ops)

    capture.job = jobs.makejob(sh)
    jobs.forkshell(sh, capture.job, n, jobs.FORK_NOJOB, body)


def _safe(builtin: Builtin, args: list[str]) -> bool:
    """True if a builtin leaves the shell as it is."""
    if builtin.safe:
        return True
    name = args[0] if args else ""
    if name in ("export", "trap", "ulimit", "umask"):
        return len(args) <= 1 or (len(args) == 2 and args[1].startswith("-"))
    if name == "set":
        return len(args) <= 1 or (len(args) == 2 and args[1] in ("-o", "+o"))
    return False


async def _fork_program(sh: Shell, n: Cmd, found: Found, assigns: list[tuple[str, str]], ops: list[redir.Op]) -> None:
    async def body(child: Shell) -> None:
        await _run_program(child, found, assigns, ops)

    job = jobs.makejob(sh)
    if ops or assigns:
        jobs.forkshell(sh, job, n, jobs.FORK_FG, body)
    else:
        jobs.vforkexec(sh, job, n, found.args, found.path, found.program)
    sh.exitstatus, signaled = await jobs.waitforjob(sh, job)
    if sh.iflag and sh.loopnest > 0 and signaled:
        sh.evalskip = SKIPBREAK
        sh.skipcount = sh.loopnest


async def _run_program(sh: Shell, found: Found, assigns: list[tuple[str, str]], ops: list[redir.Op]) -> None:
    """Become another program."""
    if ops:
        await redir.redirect(sh, ops, False)
    for name, value in assigns:
        sh.assign(name, value, export=True, reset=False)
    sh.flush_nowait()
    error = await shexec.shellexec(sh.sys, found.args, sh.environment(), found.path, found.program)
    text, status = shexec.not_found(found.args[0], error)
    sh.error(text, status)


async def _run_function(sh: Shell, flags: int, found: Found, assigns: list[tuple[str, str]], ops: list[redir.Op]) -> None:
    name = found.args[0]
    body = sh.functions[name]
    params = sh.params
    depth = len(sh.locals)
    sh.params = Params(found.args[1:])
    sh.funcnest += 1
    pushed = False
    try:
        if ops:
            pushed = True
            await redir.redirect(sh, ops, True)
        for var, value in assigns:
            sh.mklocal(var, value)
        sh.exitstatus = sh.oexitstatus
        await sh.evaltree(body, flags & (EV_TESTED | EV_EXIT))
    finally:
        sh.poplocals(depth)
        sh.params = params
        sh.funcnest -= 1
        if pushed:
            redir.popredir(sh)
    if sh.evalskip == SKIPRETURN:
        sh.evalskip = 0
        sh.skipcount = 0


async def _run_builtin(
    sh: Shell,
    builtin: Builtin,
    flags: int,
    found: Found,
    assigns: list[tuple[str, str]],
    ops: list[redir.Op],
    capture: Capture | None,
) -> None:
    args = found.args
    fatal = builtin.special and not found.nofunc
    is_exec = builtin is sh.builtins.get("exec")
    saved_name = sh.commandname
    pushed = False
    failure: BaseException | None = None
    try:
        if ops or capture is not None:
            pushed = not is_exec
            await redir.redirect(sh, ops, pushed, capture is not None)
        sh.outerror = False
        fatal = fatal or not args
        if assigns:
            sh.cmdenv = dict(assigns)
            _set_assigns(sh, assigns, fatal)
        if args:
            sh.commandname = args[0]
        sh.builtin_flags = flags
        sh.viacommand = found.nofunc
        status = builtin.run(sh, args)
        if builtin.wait:
            status = await status
        sh.exitstatus = status
        if sh.obuf or sh.ebuf:
            await sh.flush()
        if sh.outerror:
            sh.outerror = False
            sh.warning("write error on stdout")
            if status in (0, 1):
                sh.exitstatus = 2
    except ShError as e:
        failure = e
    except ShInterrupt as e:
        failure = e
        sh.exitstatus = 130
    except ShExit as e:
        failure = e
    sh.cmdenv = None
    sh.commandname = saved_name
    if capture is not None:
        if sh.out_memory is not None:
            capture.text = "".join(sh.out_memory)
        sh.out_memory = None
        sh.out2_memory = False
    if pushed:
        redir.popredir(sh)
    if failure is not None and (fatal or not isinstance(failure, ShError)):
        raise failure
    sh.busy += 1
    if not sh.busy & YIELD_EVERY:
        await offer(sh)


def _set_assigns(sh: Shell, assigns: list[tuple[str, str]], keep: bool) -> None:
    """Assignments before a builtin: a special one keeps them, another only must not touch what is read only."""
    for name, value in assigns:
        if keep:
            sh.assign(name, value)
        elif name in sh.readonly:
            sh.error(f"{name}: is read only")


def _nocommand(sh: Shell, args: list[str]) -> int:
    return sh.exitstatus


_NOCOMMAND = Builtin(_nocommand)
