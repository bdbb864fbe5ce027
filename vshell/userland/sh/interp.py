"""The shell as a program: its command line, its start, its loop (bin/sh/main.c)."""

from __future__ import annotations

import sys

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CLOEXEC, O_RDONLY
from vshell.abi.signal import SIGINT, SIGQUIT
from vshell.abi.vshell import INTERACTIVE
from vshell.userland.sh import eval as sheval
from vshell.userland.sh import jobs, options, trap
from vshell.userland.sh.builtins import table
from vshell.userland.sh.builtins.control import open_script
from vshell.userland.sh.builtins.directory import init_pwd
from vshell.userland.sh.command import expandstr
from vshell.userland.sh.parser import EndOfInput
from vshell.userland.sh.prompt import format_prompt, user_name
from vshell.userland.sh.source import DescriptorSource, Source, parsecmd
from vshell.userland.sh.state import EV_EXIT, SKIPRETURN, Params, Shell, ShError, ShExit, ShInterrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import NoReturn

    from vshell.userland.program import Program
    from vshell.userland.sh.nodes import Node

TYPING = 30_000_000
"""Virtual time between two commands of an interactive shell that nobody types at, ns."""

MAXEOF = 50

DEPTH = 12000
"""Python frames that functions calling each other may take; about a tenth of it is what they nest."""


class Interp(Shell):
    """A shell with its evaluator."""

    builtins = table()
    username = ""

    async def evaltree(self, node: Node | None, flags: int) -> None:
        """Run a tree."""
        await sheval.evaltree(self, node, flags)

    async def evalstring(self, text: str, flags: int) -> None:
        """Run commands in a string."""
        await sheval.evalstring(self, text, flags)

    async def evalbackcmd(self, node: Node | None) -> str:
        """The output of a command substitution."""
        return await sheval.evalbackcmd(self, node)

    async def signals(self) -> None:
        """Act on signals that arrived."""
        await trap.check(self)

    def prompt(self, which: int) -> str:
        """PS1 or PS2, formatted."""
        return format_prompt(self, self.values.get("PS1" if which == 1 else "PS2") or "", self.username)

    async def cmdloop(self, src: Source, top: bool) -> None:
        """Parse and run commands until the input ends."""
        saved = self.source
        self.source = src
        try:
            await self._loop(src, top)
        finally:
            self.source = saved
        if top and self.iflag:
            self.out2("\n")
            self.flush2()

    async def _loop(self, src: Source, top: bool) -> None:
        eofs = 0
        while True:
            if self.pendingsig or self.intpending:
                await trap.check(self)
            interactive = top and self.iflag
            if interactive:
                jobs.showjobs(self, True, "")
                await self.flush()
            try:
                node = await parsecmd(self, src, interactive)
            except EndOfInput:
                if not top or eofs >= MAXEOF:
                    break
                if not jobs.stoppedjobs(self):
                    if not self.Iflag:
                        break
                    self.out2('\nUse "exit" to leave shell.\n')
                    self.flush2()
                eofs += 1
                src.reopen()
                continue
            if node is not None and not self.nflag:
                self.job_warning = 1 if self.job_warning == 2 else 0
                eofs = 0
                if interactive and not src.typed:
                    await self._typing()
                await sheval.evaltree(self, node, 0)
            if self.evalskip:
                if self.evalskip == SKIPRETURN:
                    self.evalskip = 0
                break

    async def _typing(self) -> None:
        try:
            await self.sys.nanosleep(TYPING)
        except KError:
            await trap.check(self)

    def reset(self) -> None:
        """After an error at the prompt."""
        self.evalskip = 0
        self.loopnest = 0
        self.funcnest = 0
        self.evalnest = 0
        self.suppressint = 0
        self.cmdenv = None
        self.commandname = self.scriptname
        self.out_memory = None
        self.out2_memory = False
        self.forcelocal = 0
        self.obuf.clear()


async def _guarded(sh: Interp, phase: Callable[[], Awaitable[None]]) -> bool:
    """Run a phase of the start; an error in it ends the shell unless it is interactive.  True if it went well."""
    params, depth, redirs = sh.params, len(sh.locals), len(sh.redirs)
    try:
        await phase()
        return True
    except ShExit:
        await trap.exitshell(sh, sh.exitstatus)
    except RecursionError:
        await trap.overflow(sh)
    except (ShError, ShInterrupt) as e:
        if not sh.iflag or not sh.rootshell:
            await trap.exitshell(sh, sh.exitstatus)
        if isinstance(e, ShInterrupt):
            sh.exitstatus = 128 + SIGINT
            sh.out2("\n")
            sh.flush2()
    sh.reset()
    sh.params = params
    sh.poplocals(depth)
    assert len(sh.redirs) == redirs
    return False


async def _profile(sh: Interp, name: str) -> None:
    """Read commands from a file if it can be opened."""
    full = await expandstr(sh, name)
    if full is None:
        return
    try:
        fd = sh.sys.open(full, O_RDONLY | O_CLOEXEC)
        if fd < 10:
            high = sh.sys.dupfd(fd, 10, True)
            sh.sys.close(fd)
            fd = high
    except KError:
        return
    try:
        await sh.cmdloop(DescriptorSource(fd), False)
    finally:
        sh.sys.close(fd)


def _procargs(sh: Interp, argv: list[str]) -> tuple[bool, str | None]:
    """The command line: (is a login shell, name of the script)."""
    given: set[str] = set()
    sh.pflag = sh.sys.getuid() != sh.sys.geteuid() or sh.sys.getgid() != sh.sys.getegid()
    name = sh.arg0
    sh.arg0 = ""
    parsed = options.parse(sh, argv[1:], True, given)
    sh.arg0 = name
    args = parsed.rest
    if not args and sh.minusc is None:
        sh.sflag = True
    if "iflag" not in given and sh.sflag and sh.sys.isatty(0) and sh.sys.isatty(1):
        sh.iflag = True
    if sh.iflag and sh.sflag and "Eflag" not in given and "Vflag" not in given and sh.sys.isatty(0) and sh.sys.isatty(1):
        sh.Eflag = True
    if "mflag" not in given:
        sh.mflag = sh.iflag
    script = None
    if not sh.sflag and sh.minusc is None:
        script = args[0]
        args = args[1:]
    elif sh.minusc is not None and args:
        sh.arg0 = args[0]
        args = args[1:]
    sh.params = Params(args)
    return parsed.login or name.startswith("-"), script


async def _start(sh: Interp, argv: list[str], commands: int = -1) -> tuple[bool, Source]:
    """Everything before the first command; `commands` is a descriptor that is open on the script or the input already."""
    try:
        login, script = _procargs(sh, argv)
        source: Source
        if script is not None:
            fd = commands if commands >= 0 else open_script(sh, script)
            sh.commandname = sh.arg0 = sh.scriptname = script
            source = DescriptorSource(fd)
        else:
            source = DescriptorSource(max(commands, 0))
            source.typed = sh.sflag and sh.iflag and sh.sys.isatty(source.fd)
    except ShError:
        await sh.flush()
        sh.sys.exit(sh.exitstatus)
    options.options_changed(sh)
    trap.setsignal(sh, SIGINT)
    trap.setsignal(sh, SIGQUIT)
    init_pwd(sh)
    if sh.iflag:
        sh.username = await user_name(sh)
    return login, source


def _announce(sh: Interp, source: Source) -> None:
    """Tell who edits lines for this shell what words there are."""
    sources: dict[str, Callable[[], Iterable[str]]] = {
        "variable": lambda: sh.values,
        "function": lambda: sh.functions,
        "alias": lambda: sh.aliases,
        "builtin": lambda: sh.builtins,
        "status": lambda: (str(sh.exitstatus),),
        "editor": lambda: ("vi",) if sh.Vflag else (),
        "reading": lambda: (source.reading,) if source.reading else (),
    }
    try:
        sh.sys.vshell(INTERACTIVE(lambda kind: sorted(sources[kind]())))
    except KError:
        pass


async def run(sh: Interp, argv: list[str], commands: int = -1) -> NoReturn:
    """Be a shell until it exits."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), DEPTH))
    login, source = await _start(sh, argv, commands)
    if login:
        await _guarded(sh, lambda: _profile(sh, "/etc/profile"))
        await _guarded(sh, lambda: _profile(sh, "/etc/suid_profile" if sh.pflag else "${HOME-}/.profile"))
    env = sh.values.get("ENV")
    if sh.iflag and not sh.pflag and env:
        await _guarded(sh, lambda: _profile(sh, env))
    if sh.iflag and source.typed:
        _announce(sh, source)
    command = sh.minusc
    if command is not None:
        await _guarded(sh, lambda: sh.evalstring(command, 0 if sh.sflag else EV_EXIT))
    if sh.sflag or command is None:
        while not await _guarded(sh, lambda: sh.cmdloop(source, True)):
            pass
    await trap.exitshell(sh, sh.exitstatus)


async def main(p: Program) -> int:
    """sh(1)."""
    sh = Interp(p.sys, p.argv[0] if p.argv else "sh", p.env)
    await run(sh, p.argv)


async def run_commands(p: Program, commands: int) -> NoReturn:
    """A shell whose script, or with -s its input, is the open descriptor `commands`."""
    await run(Interp(p.sys, p.argv[0], p.env), p.argv, commands=commands)
