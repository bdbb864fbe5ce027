"""ed(1), red(1): the line editor (bin/ed).

`buffer` holds the lines, `editor` reads command lines and addresses, `commands`, `substitute` and `files` do the work.
"""

from __future__ import annotations

from vshell.abi.errno import EINTR, KError
from vshell.abi.signal import SIG_IGN, SIGHUP, SIGINT, SIGQUIT
from vshell.commands.ed.buffer import EdError, Quit, Unsaved
from vshell.commands.ed.commands import Commands
from vshell.commands.ed.editor import Editor
from vshell.commands.ed.files import read_file
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

UNSAVED = "warning: file modified"


def parse_options(p: Program, ed: Editor) -> list[str]:
    """The options; returns the operands."""
    argv = p.argv
    while True:
        getopt = Getopt(p, "p:sx", argv)
        for letter, value in getopt:
            if letter == "p":
                ed.prompt = ed.prompt_option = value
            elif letter == "s":
                ed.scripted = True
            elif letter == "x":
                p.stderr.write("crypt unavailable\n?\n")
            else:
                p.usage(f"usage: {'red' if ed.restricted else 'ed'} [-] [-sx] [-p string] [file]")
        operands = getopt.args
        if not operands or not operands[0].startswith("-"):
            return operands
        ed.scripted = True
        if len(operands) == 1:
            return []
        argv = operands


async def open_first(ed: Editor, name: str) -> None:
    """The file of the command line."""
    try:
        if not name:
            raise EdError("invalid filename")
        ed.check_name(name)
    except EdError as e:
        ed.complain("?\n")
        ed.error = str(e)
        if not ed.tty:
            raise Quit(2) from None
        return
    try:
        await read_file(ed, name, 0)
    except EdError as e:
        ed.error = str(e)
        if not ed.tty:
            raise Quit(2) from None
    if not name.startswith("!"):
        ed.filename = name


def failed(ed: Editor, reason: str) -> None:
    """A command failed: a script ends."""
    ed.complain("?\n")
    ed.error = reason or ed.error
    if not ed.tty:
        if ed.verbose:
            ed.complain(f"script, line {ed.line_number}: {ed.error}\n")
        raise Quit(2)
    if ed.verbose:
        ed.complain(ed.error + "\n")


async def next_command(ed: Editor, commands: Commands) -> None:
    """Read and execute one command line."""
    if ed.prompt:
        ed.say(ed.prompt)
        await ed.p.stdout.drain()
    line = await ed.new_line()
    if not line:
        if ed.buffer.modified and not ed.scripted:
            raise Unsaved
        raise Quit(0)
    if not line.endswith("\n"):
        ed.error = "unexpected end-of-file"
        if ed.verbose:
            ed.complain(ed.error + "\n")
        return
    ed.in_global = False
    await commands.execute()


async def session(ed: Editor, operands: list[str]) -> None:
    """Until it ends."""
    commands = Commands(ed)
    if operands:
        await open_first(ed, operands[0])
    while True:
        try:
            await next_command(ed, commands)
        except Unsaved:
            ed.buffer.modified = False
            failed(ed, UNSAVED)
        except EdError as e:
            failed(ed, str(e))
        except KError as e:
            if e.errno != EINTR:
                raise
            ed.complain("\n?\n")
            ed.error = "interrupt"
            if ed.verbose:
                ed.complain(ed.error + "\n")


@program("/bin/ed", "/bin/red")
async def main(p: Program) -> int:
    """ed [-] [-s] [-p string] [file]"""
    ed = Editor(p)
    operands = parse_options(p, ed)
    ed.measure()

    def hup(number: int) -> None:
        ed.hangup = True

    p.sys.sigaction(SIGHUP, hup, restart=False)
    p.sys.sigaction(SIGQUIT, SIG_IGN)
    p.sys.sigaction(SIGINT, lambda number: None, restart=False)
    try:
        await session(ed, operands)
    except Quit as e:
        return e.status
    return 0
