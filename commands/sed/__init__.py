"""sed(1): stream editor (usr.bin/sed).  script.py parses, process.py runs."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.commands.sed.process import Editor, Input
from vshell.commands.sed.script import Compiler, Source
from vshell.userland.getopt import Getopt
from vshell.userland.program import Exit, Program, checks_stdout, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

Unit = tuple[str, str, bool]


def string_unit(script: str) -> Unit:
    """A script from the command line; messages show its first characters."""
    text = script + "\n"
    name = f'"{text}"'
    return (name if len(name) < 29 else name[:24] + ' ..."'), text, True


async def file_unit(p: Program, path: str) -> Unit:
    """A script file."""
    if path == "-":
        return "stdin", decode(await p.stdin.read()), False
    try:
        return path, decode(await read_file(p, path)), False
    except KError as e:
        p.err(1, e, path)


@checks_stdout(1)
@program("/usr/bin/sed")
async def main(p: Program) -> int:
    """sed script [-Ealnru] [-i extension] [file ...]"""
    units: list[Unit] = []
    extended = late = silent = span = from_stdin = False
    inplace: str | None = None
    parsed = Getopt(p, "EI:ae:f:i:lnru")
    for letter, value in parsed:
        if letter in "Er":
            extended = True
        elif letter in "Ii":
            inplace, span = value, letter == "I"
        elif letter == "a":
            late = True
        elif letter == "e":
            units.append(string_unit(value))
        elif letter == "f":
            from_stdin = from_stdin or value == "-"
            units.append(await file_unit(p, value))
        elif letter in "lu":
            p.stdout.setvbuf("line" if letter == "l" else "none")
        elif letter == "n":
            silent = True
        else:
            p.usage(
                f"usage: {p.name} script [-Ealnru] [-i extension] [file ...]\n"
                f"\t{p.name} [-Ealnu] [-i extension] [-e script] ... [-f script_file] ... [file ...]\n"
            )
    operands = parsed.args
    if not units and operands:
        units.append(string_unit(operands.pop(0)))
    source = Source(units)
    commands = Compiler(p, source, extended, late).compile()
    if from_stdin and not operands:
        return 0
    files = Input(p, operands, inplace, span)
    editor = Editor(p, source, commands, files, silent or source.silent)
    try:
        await editor.run()
    except Exit as e:
        if e.status or not files.temporary:
            raise
        files.close()
        return e.status
    return files.status
