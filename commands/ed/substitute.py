"""The s command of ed(1) (bin/ed/sub.c)."""

from __future__ import annotations

from vshell.commands.ed.buffer import ALL, GLOBAL, LIST, NUMBER, PRINT, EdError
from vshell.commands.ed.editor import SUFFIXES, Editor
from vshell.userland.regex import Regex

AGAIN_ALL, AGAIN_PRINT, AGAIN_PATTERN, AGAIN = 1, 2, 4, 8
"""s on its own repeats the last substitution; its letters change it: g, p, r, a number."""


class Substitution:
    """What the last s said."""

    def __init__(self) -> None:
        self.pattern: Regex | None = None
        self.template: str | None = None
        self.flags = 0
        self.nth = 0


async def substitute(ed: Editor, last: Substitution) -> int:
    """s/re/text/gN and the forms that repeat it."""
    again = _repeat_letters(ed, last)
    if again and last.pattern is None:
        raise EdError("no previous substitution")
    if again & AGAIN_ALL:
        last.nth = 0
    if ed.peek() != "\n" and ed.peek(1) == "\n":
        raise EdError("invalid pattern delimiter")
    if not again or again & AGAIN_PATTERN:
        last.pattern = ed.take_pattern()
    if not again:
        await _take_tail(ed, last)
    last.flags = last.flags | GLOBAL if ed.in_global else last.flags & ~GLOBAL
    if again & AGAIN_ALL:
        last.flags ^= ALL
    if again & AGAIN_PRINT:
        last.flags = (last.flags ^ PRINT) & ~(LIST | NUMBER)
    while (char := ed.peek()) in SUFFIXES:
        last.flags |= SUFFIXES[char]
        ed.pos += 1
    ed.check_range(ed.buffer.current, ed.buffer.current)
    suffix = ed.take_suffix()
    if not ed.in_global:
        ed.buffer.checkpoint()
    _replace(ed, last)
    if last.flags & (PRINT | LIST | NUMBER):
        await ed.show(ed.buffer.current, ed.buffer.current, last.flags)
    return suffix


def _repeat_letters(ed: Editor, last: Substitution) -> int:
    again = 0
    while True:
        char = ed.peek()
        if char == "\n":
            again |= AGAIN
        elif char in ("g", "p", "r"):
            again |= {"g": AGAIN_ALL, "p": AGAIN_PRINT, "r": AGAIN_PATTERN}[char]
            ed.pos += 1
        elif char and char in "0123456789":
            last.nth = ed.take_number()
            again |= AGAIN
            last.flags &= ~ALL
        elif again:
            raise EdError("invalid command suffix")
        if not again or ed.peek() == "\n":
            return again


async def _take_tail(ed: Editor, last: Substitution) -> None:
    """The replacement and what follows it."""
    last.flags = last.nth = 0
    delimiter = ed.peek()
    if delimiter == "\n":
        last.template = ""
        last.flags = PRINT
        return
    await _take_template(ed, last, delimiter)
    if ed.peek() == "\n":
        last.flags = PRINT
        return
    if ed.peek() == delimiter:
        ed.pos += 1
    char = ed.peek()
    if char and char in "123456789":
        last.nth = ed.take_number()
    elif char == "g":
        ed.pos += 1
        last.flags = ALL


async def _take_template(ed: Editor, last: Substitution, delimiter: str) -> None:
    ed.pos += 1
    if ed.peek() == "%" and ed.peek(1) == delimiter:
        ed.pos += 1
        if last.template is None:
            raise EdError("no previous substitution")
        return
    out: list[str] = []
    while (char := ed.peek()) and char != delimiter:
        if char == "\n" and not ed.peek(1):
            break
        out.append(char)
        ed.pos += 1
        if char == "\\":
            char = ed.take()
            out.append(char)
            if char == "\n" and not ed.in_global:
                await ed.new_line()
    last.template = "".join(out)


def _expand(template: str, text: str, spans: list[tuple[int, int]]) -> str:
    """The replacement of one match."""
    out: list[str] = []
    chars = iter(template)
    for char in chars:
        if char == "&":
            out.append(text[spans[0][0] : spans[0][1]])
        elif char == "\\":
            char = next(chars, "")
            if "1" <= char <= "9" and int(char) < len(spans):
                start, end = spans[int(char)]
                out.append(text[start:end] if start >= 0 else "")
            else:
                out.append(char)
        else:
            out.append(char)
    return "".join(out)


def _substituted(text: str, last: Substitution) -> str | None:
    """The new text of a line; None if it stays."""
    assert last.pattern is not None
    template = last.template or ""
    out: list[str] = []
    at = matches = 0
    changed = False
    spans = last.pattern.groups(text)
    if spans is None:
        return None
    while True:
        start, end = spans[0]
        matches += 1
        if not last.nth or last.nth == matches:
            changed = True
            out += [text[at:start], _expand(template, text, spans)]
        else:
            out.append(text[at:end])
        empty = end == at
        at = end
        if at >= len(text) or (changed and (empty or not last.flags & ALL)):
            break
        following = last.pattern.groups(text, at)
        if following is None:
            break
        spans = following
    if at < len(text) and empty and last.flags & ALL:
        raise EdError("infinite substitution loop")
    out.append(text[at:])
    return "".join(out) if changed else None


def _replace(ed: Editor, last: Substitution) -> None:
    """In all lines addressed."""
    buffer = ed.buffer
    found = buffer.current
    done = False
    at = ed.first
    for _ in range(ed.second - ed.first + 1):
        new = _substituted(buffer.lines[at - 1].text, last)
        if new is not None:
            buffer.delete(at, at)
            buffer.insert(new.split("\n"))
            done = True
            found = at = buffer.current
        at += 1
    buffer.current = found
    if not done and not last.flags & GLOBAL:
        raise EdError("no match")
