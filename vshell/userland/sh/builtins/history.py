"""fc and bind: the history of an interactive shell (bin/sh/histedit.c).  Editing of lines belongs to the terminal."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_WRONLY
from vshell.userland.sh.builtins.control import open_script
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.jobs import is_number
from vshell.userland.sh.source import DescriptorSource
from vshell.userland.sh.state import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

MAXHISTLOOPS = 4
DEFEDITOR = "ed"
_FLAGS = {"l": "list", "n": "numbers", "r": "reverse", "s": "execute"}


class Request:
    """What fc is to do."""

    def __init__(self) -> None:
        self.editor: str | None = None
        self.list = self.numbers = self.reverse = self.execute = False
        self.operands: list[str] = []
        self.old: str | None = None
        self.new = ""


def _not_number(text: str) -> bool:
    return not is_number(text.removeprefix("-"))


def _parse(sh: Shell, args: list[str]) -> Request:
    """Options up to an operand; -5 is one."""
    request = Request()
    request.numbers = True
    at = 1
    while at < len(args) and _not_number(args[at]):
        # One word at a time, with the next one as a possible argument, because -5 is no option.
        word = args[at]
        detached = "e" in word and word.index("e") == len(word) - 1 and word[:1] == "-"
        found, _ = nextopt(sh, [args[0], *args[at : at + 1 + detached]], "e:lnrs")
        for letter, value in found:
            if letter == "e":
                request.editor = value
            else:
                setattr(request, _FLAGS[letter], letter != "n")
        if not found:
            at += word == "--"
            break
        at += 1 + detached
    request.operands = args[at:]
    return request


def _event(sh: Shell, text: str, last: bool) -> int:
    """The number of the event that a number, an offset or the start of a command names."""
    numbers = [number for number, _ in sh.history]
    if not numbers:
        sh.error(f"history number {text} not found (internal error)")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if is_number(rest):
        value = int(rest)
        if text[:1] in ("-", "+"):
            return numbers[max(len(numbers) - 1 - value, 0)]
        if value in numbers:
            return value
        return numbers[-1] if last else numbers[0]
    for number, line in reversed(sh.history):
        if line.startswith(text):
            return number
    sh.error(f"history pattern not found: {text}")


def _range(sh: Shell, request: Request) -> list[tuple[int, str]]:
    """The events asked for, in order."""
    operands = request.operands
    if len(operands) > 2:
        sh.error("too many arguments")
    first = operands[0] if operands else "-16" if request.list else "-1"
    last = operands[1] if len(operands) > 1 else "-1" if request.list or not operands else operands[0]
    a, b = _event(sh, first, False), _event(sh, last, True)
    if request.reverse:
        a, b = b, a
    found = [row for row in sh.history if min(a, b) <= row[0] <= max(a, b)]
    return found if a <= b else found[::-1]


async def histcmd(sh: Shell, args: list[str]) -> int:
    """fc."""
    if not sh.iflag:
        sh.error("history not active")
    if len(args) == 1:
        sh.error("missing history argument")
    request = _parse(sh, args)
    if not request.list or request.editor or request.execute:
        request.list = False
        await _execute(sh, request)
        return 0
    for number, line in _range(sh, request):
        sh.out(f"{number:5} {line}" if request.numbers else line)
    return 0


async def _execute(sh: Shell, request: Request) -> None:
    sh.histloops += 1
    try:
        if sh.histloops > MAXHISTLOOPS:
            sh.error("called recursively too many times")
        if not request.execute and request.editor is None:
            request.editor = sh.lookup("FCEDIT") or sh.lookup("EDITOR") or DEFEDITOR
        if request.editor == "-":
            request.editor = None
        if request.operands and "=" in request.operands[0]:
            request.old, _, request.new = request.operands[0].partition("=")
            request.operands = request.operands[1:]
        lines = [line.replace(request.old, request.new, 1) if request.old else line for _, line in _range(sh, request)]
        if request.editor is not None and not request.execute:
            await _edit(sh, request.editor, lines)
            return
        for line in lines:
            sh.out2(line)
            sh.flush2()
            await sh.evalstring(line, 0)
            sh.remember(line)
    finally:
        sh.histloops -= 1


async def _edit(sh: Shell, editor: str, lines: list[str]) -> None:
    """Let an editor change the lines, then run what is left."""
    name, fd = _temporary(sh)
    try:
        await sh.sys.write(fd, "".join(lines).encode("utf-8", "surrogateescape"))
        sh.sys.close(fd)
        await sh.evalstring(f"{editor} {name}", 0)
        script = open_script(sh, name)
        try:
            await sh.cmdloop(DescriptorSource(script), False)
        finally:
            sh.sys.close(script)
    finally:
        sh.sys.unlink(name)


def _temporary(sh: Shell) -> tuple[str, int]:
    for number in range(1000000):
        name = f"/tmp/_sh{number:06d}"
        try:
            return name, sh.sys.open(name, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        except KError as e:
            if e.errno != EEXIST:
                break
    sh.error("can't create temporary file /tmp/_shXXXXXX")


def bindcmd(sh: Shell, args: list[str]) -> NoReturn:
    """bind: there is no editline in this process."""
    sh.error("line editing is disabled")


TABLE: dict[str, Callable[..., Any]] = {"fc": histcmd, "bind": bindcmd}
