"""awk(1): the one true awk, second edition (contrib/one-true-awk).

lexer.py and parser.py read the program, codegen.py turns it into Python functions, runtime.py, printf.py, streams.py
and array.py are what those call.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any, NoReturn

from vshell.abi.errno import KError
from vshell.userland.program import Exit, Program, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

if TYPE_CHECKING:
    from vshell.commands.awk.parser import Parser
    from vshell.commands.awk.runtime import Awk

VERSION = "version 20250804"


class Options:
    """The command line."""

    def __init__(self) -> None:
        self.fs: str | None = None
        self.files: list[str] = []
        self.assignments: list[str] = []
        self.csv = False
        self.safe = False
        """-safe: no commands and no files to write to."""
        self.operands: list[str] = []


def fatal(p: Program, text: str) -> NoReturn:
    """FATAL before anything runs."""
    p.stderr.write(f"{p.argv[0]}: {text}\n source line number 1\n")
    p.exit(2)


def parse_options(p: Program) -> Options:
    """awk's own option parser: an argument may stand in the same word or in the next."""
    o = Options()
    args = p.argv[1:]
    if not args:
        p.usage(f"usage: {p.argv[0]} [-F fs | --csv] [-v var=value] [-f progfile | 'prog'] [file ...]")
    while args and args[0].startswith("-") and args[0] != "-":
        word = args.pop(0)
        if word in ("-version", "--version"):
            p.stdout.write(f"awk {VERSION}\n")
            p.exit(0)
        if word == "--":
            break
        if word == "--csv":
            o.csv = True
            continue
        letter = word[1]
        if letter in "fFv":
            value = word[2:]
            if not value:
                if not args:
                    what = {"f": "no program filename", "F": "no field separator", "v": "no variable name"}
                    fatal(p, what[letter])
                value = args.pop(0)
            option(p, o, letter, value)
        elif letter == "d":
            p.stdout.write(f"awk {VERSION}\n")
        elif letter == "s":
            o.safe = o.safe or word == "-safe"
        else:
            p.stderr.write(f"{p.argv[0]}: unknown option {word} ignored\n source line number 1\n")
    o.operands = args
    return o


def option(p: Program, o: Options, letter: str, value: str) -> None:
    """-f, -F, -v."""
    from vshell.commands.awk.streams import ASSIGNMENT

    if letter == "f":
        o.files.append(value)
    elif letter == "F":
        o.fs = "\t" if value == "t" else value
    elif ASSIGNMENT.match(value):
        o.assignments.append(value)
    else:
        fatal(p, f"invalid -v option argument: {value}")


async def read_program(p: Program, o: Options) -> str:
    """The source text."""
    if not o.files:
        if not o.operands:
            fatal(p, "no program given")
        return o.operands.pop(0)
    parts = []
    for path in o.files:
        try:
            parts.append(decode(await (p.stdin.read() if path == "-" else read_file(p, path))))
        except KError:
            fatal(p, f"can't open file {path}")
    return "".join(parts)


class Translated:
    """A program as Python code, with what is needed to run it."""

    __slots__ = ("arrays", "code", "lines", "patterns", "reads", "scalars")

    def __init__(self, code: CodeType, lines: list[int], patterns: dict[str, str], reads: bool) -> None:
        self.code = code
        self.lines = lines
        """Line of the awk program for each line of the code."""
        self.patterns = patterns
        """Name to source of the constant regular expressions."""
        self.reads = reads
        """Are records read at all?"""
        self.arrays: list[str] = []
        self.scalars: list[str] = []


_cache: dict[str, Translated] = {}


def translate(p: Program, source: str, file: str, safe: bool = False) -> Translated:
    """Parse and generate; a program used again is not translated again."""
    found = _cache.get(source) if not safe else None
    if found is not None:
        return found
    from vshell.commands.awk.codegen import Coder
    from vshell.commands.awk.lexer import Syntax
    from vshell.commands.awk.parser import Parser

    parser = Parser(source, safe)
    try:
        parser.parse()
        coder = Coder(parser)
        code = compile(coder.module(), "<awk>", "exec")
    except Syntax as e:
        syntax_error(p, parser, e.text, file)
    except (RecursionError, MemoryError):
        fatal(p, "program too deeply nested")
    if len(_cache) > 200:
        _cache.clear()
    patterns = {name: text for text, name in coder.patterns.items()}
    found = _cache[source] = Translated(code, coder.lines, patterns, bool(parser.items) or parser.has_end)
    found.arrays = [f"g_{name}" for name in coder.globals & coder.names.arrays]
    found.scalars = [f"g_{name}" for name in coder.globals - coder.names.arrays]
    return found


def syntax_error(p: Program, parser: Parser, text: str, file: str) -> NoReturn:
    """yyerror, and what the grammar says afterwards."""
    lex = parser.lex
    where = f" at source line {lex.line}"
    if parser.function is not None:
        where += f" in function {parser.function}"
    if file:
        where += f" source file {file}"
    after = "illegal statement" if parser.depth else "bailing out"
    name = p.argv[0]
    context = lex.context()
    shown = not context.endswith("<<< \n")
    more = text == "syntax error"
    if more and lex.tok in CLOSING and too_many(lex.s[: lex.i], lex.tok):
        p.stderr.write(f"{name}: extra {lex.tok}{where}\n{context}")
        p.stderr.write(f"{name}: {text}{where}\n")
    else:
        p.stderr.write(f"{name}: {text}{where}\n{context}")
    if text.startswith("non-terminated string"):
        p.stderr.write(f"{name}: giving up\n source line number {lex.line}\n")
        raise Exit(2)
    if not more and (text.startswith("non-terminated") or (shown and text.startswith(("return", "duplicate")))):
        # The rest of the line is gone; what is left ends too early.
        more = True
        p.stderr.write(f"{name}: syntax error{where}\n")
    missing = brackets(lex.s)
    if more and not parser.depth:
        p.stderr.write(missing)
    if more:
        p.stderr.write(f"{name}: {after}{where}\n")
    if parser.depth or not more:
        p.stderr.write(missing)
    raise Exit(2)


CLOSING = {"}": "{", "]": "[", ")": "("}


def too_many(source: str, closing: str) -> bool:
    """More closing brackets than opening ones?"""
    return source.count(closing) > source.count(CLOSING[closing])


def brackets(source: str) -> str:
    """bracecheck: what is missing or too much."""
    out = []
    for left, right in ("{}", "[]", "()"):
        n = source.count(left) - source.count(right)
        if n == 1:
            out.append(f"\tmissing {right}\n")
        elif n > 1:
            out.append(f"\t{n} missing {right}'s\n")
        elif n == -1:
            out.append(f"\textra {right}\n")
        elif n < -1:
            out.append(f"\t{-n} extra {right}'s\n")
    return "".join(out)


@program("/usr/bin/awk", "/usr/bin/nawk")
async def main(p: Program) -> int:
    """awk [-F fs | --csv] [-v var=value] [-f progfile | 'prog'] [file ...]"""
    o = parse_options(p)
    source = await read_program(p, o)
    translated = translate(p, source, o.files[-1] if o.files else "", o.safe)

    from vshell.commands.awk.core import Leave
    from vshell.commands.awk.runtime import Awk
    from vshell.commands.awk.start import prepare

    rt = Awk(p, o.csv)
    prepare(rt, o, translated)
    try:
        await run(rt, translated.reads, Leave)
    except RecursionError:
        rt.fatal("function calls nested too deeply")
    await rt.streams.close_all()
    return rt.status


async def run(rt: Awk, reads: bool, leave: type[BaseException]) -> None:
    """run.c: program: BEGIN, the records, END."""
    space: dict[str, Any] = rt.namespace
    try:
        await space["begin"]()
        if reads:
            body, next_record, set_record, out = space["main"], rt.streams.next_record, rt.set_record, rt.p.stdout
            while (text := await next_record()) is not None:
                set_record(text)
                waiting = body()
                if waiting is not None:
                    await waiting
                if out.pending > 65536:
                    await out.drain()
    except leave:
        pass
    try:
        await space["end"]()
    except leave:
        pass
