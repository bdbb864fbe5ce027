"""How diff shows the changes: normal, ed, forward ed, RCS, context and unified (usr.bin/diff/diffreg.c)."""

from __future__ import annotations

from vshell.commands.diff.lines import Change

NO_NEWLINE = "\\ No newline at end of file\n"


class File:
    """A file's lines; `newline` tells whether the last one ends in a newline."""

    def __init__(self, text: str, label: str) -> None:
        self.lines = text.split("\n")
        self.newline = not self.lines[-1]
        if self.newline:
            self.lines.pop()
        self.label = label

    def show(self, prefix: str, start: int, end: int) -> str:
        """Some lines, marked."""
        out = "".join([f"{prefix}{line}\n" for line in self.lines[start:end]])
        if not self.newline and end == len(self.lines) and start < end:
            out += NO_NEWLINE
        return out


def span(start: int, end: int) -> str:
    """Line numbers from 1: "2,5", or "3"; an empty range is the line before it."""
    if end <= start:
        return str(start)
    return str(end) if end == start + 1 else f"{start + 1},{end}"


def normal(old: File, new: File, found: list[Change]) -> str:
    """The default."""
    out = []
    for a, b, c, d in found:
        kind = "a" if a == b else "d" if c == d else "c"
        out.append(f"{span(a, b)}{kind}{span(c, d)}\n" + old.show("< ", a, b))
        out.append("---\n" if kind == "c" else "")
        out.append(new.show("> ", c, d))
    return "".join(out)


def ed(old: File, new: File, found: list[Change]) -> str:
    """-e: a script for ed, last change first."""
    out = []
    for a, b, c, d in reversed(found):
        kind = "a" if a == b else "d" if c == d else "c"
        out.append(f"{span(a, b)}{kind}\n")
        if c < d:
            text, changed = [], False
            for line in new.lines[c:d]:
                changed = changed or line == "."
                text.append(".." if line == "." else line)
            out.append("".join(f"{line}\n" for line in text) + ".\n")
            if changed:
                out.append("s/.//\n")
    return "".join(out)


def forward(old: File, new: File, found: list[Change]) -> str:
    """-f: like -e, first change first."""
    out = []
    for a, b, c, d in found:
        kind = "a" if a == b else "d" if c == d else "c"
        out.append(f"{kind}{span(a, b).replace(',', ' ')}\n")
        if c < d:
            out.append(new.show("", c, d) + ".\n")
    return "".join(out)


def rcs(old: File, new: File, found: list[Change]) -> str:
    """-n."""
    out = []
    for a, b, c, d in found:
        if a < b:
            out.append(f"d{a + 1} {b - a}\n")
        if c < d:
            out.append(f"a{b} {d - c}\n" + new.show("", c, d))
    return "".join(out)


def hunks(found: list[Change], context: int) -> list[list[Change]]:
    """Changes whose contexts touch go together."""
    out: list[list[Change]] = []
    for change in found:
        if out and change[0] - out[-1][-1][1] <= 2 * context:
            out[-1].append(change)
        else:
            out.append([change])
    return out


def bounds(hunk: list[Change], old: File, new: File, context: int) -> Change:
    """The lines a hunk shows."""
    a, c = max(hunk[0][0] - context, 0), max(hunk[0][2] - context, 0)
    return a, min(hunk[-1][1] + context, len(old.lines)), c, min(hunk[-1][3] + context, len(new.lines))


def counted(start: int, end: int) -> str:
    """A range of a unified hunk: start and length."""
    if end <= start:
        return f"{start},0"
    return str(end) if end == start + 1 else f"{start + 1},{end - start}"


def unified(old: File, new: File, found: list[Change], context: int) -> str:
    """-u."""
    out = [f"--- {old.label}\n+++ {new.label}\n"]
    for hunk in hunks(found, context):
        a, b, c, d = bounds(hunk, old, new, context)
        out.append(f"@@ -{counted(a, b)} +{counted(c, d)} @@\n")
        at = a
        for x, y, u, v in hunk:
            out += [old.show(" ", at, x), old.show("-", x, y), new.show("+", u, v)]
            at = y
        out.append(old.show(" ", at, b))
    return "".join(out)


def context_range(start: int, end: int) -> str:
    """A range of a context hunk."""
    return str(end) if end <= start + 1 else f"{start + 1},{end}"


def contexts(old: File, new: File, found: list[Change], context: int) -> str:
    """-c."""
    out = [f"*** {old.label}\n--- {new.label}\n"]
    for hunk in hunks(found, context):
        a, b, c, d = bounds(hunk, old, new, context)
        out.append(f"***************\n*** {context_range(a, b)} ****\n")
        if any(x < y for x, y, _, _ in hunk):
            at = a
            for x, y, u, v in hunk:
                out += [old.show("  ", at, x), old.show("! " if u < v else "- ", x, y)]
                at = y
            out.append(old.show("  ", at, b))
        out.append(f"--- {context_range(c, d)} ----\n")
        if any(u < v for _, _, u, v in hunk):
            at = c
            for x, y, u, v in hunk:
                out += [new.show("  ", at, u), new.show("! " if x < y else "+ ", u, v)]
                at = v
            out.append(new.show("  ", at, d))
    return "".join(out)
