"""The longest match of a regular expression that begins at a given place: a Thompson automaton run over the string.

Only for expressions without back-references whose first match need not be the longest (see userland/regex.py).
"""

from __future__ import annotations

from collections.abc import Callable

from vshell.userland.regex import INFINITY, Node

Step = tuple[object, ...]
"""("char", c) ("set", CharSet) ("any",) ("assert", kind) ("split", other) ("jump", to) ("match",)."""

LIMIT = 50_000


def matcher(tree: Node, icase: bool) -> Callable[[str, int], int]:
    """A function (string, start) -> end of the longest match, or -1."""
    program: list[Step] = []
    _emit(program, tree, icase)
    program.append(("match",))

    def longest(s: str, start: int) -> int:
        best = -1
        current = _close(program, [0], s, start)
        at, size = start, len(s)
        while current:
            if -1 in current:
                best = at
            if at >= size:
                break
            c = s[at].lower() if icase else s[at]
            current = _close(program, [pc + 1 for pc in current if pc >= 0 and _takes(program[pc], c, s[at])], s, at + 1)
            at += 1
        return best

    return longest


def _takes(step: Step, c: str, raw: str) -> bool:
    kind = step[0]
    if kind == "char":
        return c == step[1]
    return kind == "any" or step[1].matches(raw)  # type: ignore[attr-defined]


def _word(s: str, at: int) -> bool:
    return 0 <= at < len(s) and (s[at].isalnum() or s[at] == "_")


def _holds(kind: object, s: str, at: int) -> bool:
    if kind == "bol":
        return at == 0
    if kind == "eol":
        return at == len(s)
    before, after = _word(s, at - 1), _word(s, at)
    if kind == "bow":
        return after and not before
    if kind == "eow":
        return before and not after
    return (before != after) == (kind == "wb")


def _close(program: list[Step], pcs: list[int], s: str, at: int) -> set[int]:
    """The steps that wait for a character, and -1 when the match is reached, from `pcs` without reading."""
    waiting: set[int] = set()
    seen: set[int] = set()
    stack = pcs
    while stack:
        pc = stack.pop()
        if pc in seen:
            continue
        seen.add(pc)
        step = program[pc]
        kind = step[0]
        if kind == "split":
            stack.append(step[1])  # type: ignore[arg-type]
            stack.append(pc + 1)
        elif kind == "jump":
            stack.append(step[1])  # type: ignore[arg-type]
        elif kind == "assert":
            if _holds(step[1], s, at):
                stack.append(pc + 1)
        else:
            waiting.add(-1 if kind == "match" else pc)
    return waiting


def _emit(out: list[Step], node: Node, icase: bool) -> None:
    if len(out) > LIMIT:
        raise OverflowError
    kind = node[0]
    if kind == "lit":
        out.append(("char", node[1].lower() if icase else node[1]))
    elif kind == "set":
        out.append(("set", node[1]))
    elif kind == "any":
        out.append(("any",))
    elif kind == "cat":
        for part in node[1]:
            _emit(out, part, icase)
    elif kind == "group":
        _emit(out, node[2], icase)
    elif kind == "alt":
        _emit_alt(out, node[1], icase)
    elif kind == "rep":
        _emit_rep(out, node, icase)
    else:
        out.append(("assert", kind))


def _emit_alt(out: list[Step], parts: list[Node], icase: bool) -> None:
    ends = []
    for part in parts[:-1]:
        split = len(out)
        out.append(("split", 0))
        _emit(out, part, icase)
        ends.append(len(out))
        out.append(("jump", 0))
        out[split] = ("split", len(out))
    _emit(out, parts[-1], icase)
    for end in ends:
        out[end] = ("jump", len(out))


def _emit_rep(out: list[Step], node: Node, icase: bool) -> None:
    _, inner, least, most = node
    for _ in range(least):
        _emit(out, inner, icase)
    if most == INFINITY:
        loop = len(out)
        out.append(("split", 0))
        _emit(out, inner, icase)
        out.append(("jump", loop))
        out[loop] = ("split", len(out))
        return
    splits = []
    for _ in range(most - least):
        splits.append(len(out))
        out.append(("split", 0))
        _emit(out, inner, icase)
    for split in splits:
        out[split] = ("split", len(out))
