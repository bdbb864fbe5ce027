"""Builtins that steer the evaluation: break, eval, exec, exit, return, trap and the dot."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, ENOTDIR, KError
from vshell.abi.fcntl import O_CLOEXEC, O_RDONLY, S_IFMT, S_IFREG
from vshell.abi.signal import SIGNAMES
from vshell.userland.sh import exec as shexec
from vshell.userland.sh import jobs, trap
from vshell.userland.sh.builtins.options import nextopt, number
from vshell.userland.sh.options import options_changed
from vshell.userland.sh.show import quoted
from vshell.userland.sh.source import DescriptorSource
from vshell.userland.sh.state import SKIPBREAK, SKIPCONT, SKIPRETURN, Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def breakcmd(sh: Shell, args: list[str]) -> int:
    """break and continue."""
    count = 1
    if len(args) > 1:
        if not (args[1].isdigit() and args[1].isascii()):
            sh.error(f"Illegal number: {args[1]}")
        count = int(args[1])
    count = min(count, sh.loopnest)
    if count > 0:
        sh.evalskip = SKIPCONT if args[0].startswith("c") else SKIPBREAK
        sh.skipcount = count
    return 0


def returncmd(sh: Shell, args: list[str]) -> int:
    """return."""
    status = number(sh, args[1]) if len(args) > 1 else sh.oexitstatus
    sh.evalskip = SKIPRETURN
    sh.skipcount = 1
    return status


async def evalcmd(sh: Shell, args: list[str]) -> int:
    """eval."""
    if len(args) == 1:
        return 0
    text = " ".join(args[1:])
    flags = sh.builtin_flags
    if sh.iflag and sh.rootshell and sh.evalnest == 0 and sh.funcnest == 0 and sh.viacommand:
        # DIFFERS: `command eval` at the prompt runs its text as if it had been typed, so that whoever drives an
        # interactive shell by a script gets the messages of the prompt, not "eval: 1: ", and its $?.
        sh.commandname = None
        sh.exitstatus = sh.oexitstatus
    sh.evalnest += 1
    try:
        await sh.evalstring(text, flags)
    finally:
        sh.evalnest -= 1
    return sh.exitstatus


async def execcmd(sh: Shell, args: list[str]) -> int:
    """exec."""
    if len(args) > 1 and args[1] == "--":
        args = args[1:]
    if len(args) > 1:
        sh.iflag = sh.mflag = False
        options_changed(sh)
        for name, value in (sh.cmdenv or {}).items():
            sh.assign(name, value, export=True)
        sh.flush_nowait()
        error = await shexec.shellexec(sh.sys, args[1:], sh.environment(), sh.values.get("PATH"), None)
        text, status = shexec.not_found(args[1], error)
        sh.error(text, status)
    return 0


async def exitcmd(sh: Shell, args: list[str]) -> int:
    """exit."""
    if jobs.stoppedjobs(sh):
        return 0
    await trap.exitshell(sh, number(sh, args[1]) if len(args) > 1 else None)


def _find_dot_file(sh: Shell, name: str) -> str:
    if "/" in name:
        return name
    for full in shexec.search_path(sh.values.get("PATH"), name):
        try:
            if sh.sys.stat(full).st_mode & S_IFMT == S_IFREG:
                return full
        except KError:
            continue
    return name


def open_script(sh: Shell, name: str) -> int:
    """A descriptor on a file of commands, out of the way of redirections."""
    try:
        fd = sh.sys.open(name, O_RDONLY | O_CLOEXEC)
    except KError as e:
        sh.error(f"cannot open {name}: {e}", 127 if e.errno in (ENOENT, ENOTDIR) else 126)
    if fd < 10:
        high = sh.sys.dupfd(fd, 10, True)
        sh.sys.close(fd)
        fd = high
    return fd


async def dotcmd(sh: Shell, args: list[str]) -> int:
    """The dot command."""
    if len(args) < 2:
        sh.error("missing filename")
    sh.exitstatus = 0
    name = args[2] if len(args) > 2 and args[1] == "--" else args[1]
    full = _find_dot_file(sh, name)
    fd = open_script(sh, full)
    sh.commandname = full
    try:
        await sh.cmdloop(DescriptorSource(fd), False)
    finally:
        sh.sys.close(fd)
    return sh.exitstatus


def timescmd(sh: Shell, args: list[str]) -> int:
    """times."""
    for who in ("self", "children"):
        usage = sh.sys.getrusage(who)
        fields = []
        for key in ("utime", "stime"):
            seconds = usage.get(key, 0) / 1e9
            fields.append(f"{int(seconds // 60)}m{seconds % 60:.3f}s")
        sh.out(" ".join(fields) + "\n")
    return 0


def trapcmd(sh: Shell, args: list[str]) -> int:
    """trap."""
    if len(args) > 1 and args[1].startswith("-l"):
        _list_signals(sh)
        return 0
    _, operands = nextopt(sh, args, "l")
    if not operands:
        for signo in sorted(sh.traps):
            name = SIGNAMES[signo] if signo else "EXIT"
            sh.out(f"trap -- {quoted(sh.traps[signo])} {name}\n")
        return 0
    action: str | None = None
    if not jobs.is_number(operands[0]):
        if operands[0] != "-":
            action = operands[0]
        operands = operands[1:]
    errors = 0
    for text in operands:
        signo = trap.signal_number(text)
        if signo < 0:
            sh.warning(f"bad signal {text}")
            errors = 1
            continue
        if action is None:
            sh.traps.pop(signo, None)
        else:
            sh.traps[signo] = action
        if signo:
            trap.setsignal(sh, signo)
    return errors


def _list_signals(sh: Shell) -> None:
    width = 0
    for signo in range(1, trap.NSIG):
        width += len(SIGNAMES[signo]) + 1
        end = width > 71 or signo == trap.NSIG - 1
        sh.out(SIGNAMES[signo] + ("\n" if end else " "))
        if end:
            width = 0


def truecmd(sh: Shell, args: list[str]) -> int:
    """true and the colon."""
    return 0


def falsecmd(sh: Shell, args: list[str]) -> int:
    """false."""
    return 1


TABLE: dict[str, Callable[..., Any]] = {
    "break": breakcmd, "continue": breakcmd, "return": returncmd, "eval": evalcmd, "exec": execcmd, "exit": exitcmd,
    ".": dotcmd, "times": timescmd, "trap": trapcmd, "true": truecmd, ":": truecmd, "false": falsecmd,
}  # fmt: skip
