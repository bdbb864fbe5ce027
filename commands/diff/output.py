"""How diff shows the changes, but for -y: normal, ed, forward ed, RCS, context, unified, ifdef (usr.bin/diff/diffreg.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.commands.diff.lines import Change

NO_NEWLINE = "\\ No newline at end of file\n"
FUNCTION_SIZE = 54
"""Characters of a function's line that are shown."""
STATES = {"private:": " (private)", "protected:": " (protected)", "public:": " (public)"}


class File:
    """A file's lines; `newline` tells whether the last one ends in a newline."""

    def __init__(self, text: str, label: str) -> None:
        self.lines = text.split("\n")
        self.newline = not self.lines[-1]
        if self.newline:
            self.lines.pop()
        self.label = label
        self.shown = self.lines
        """The lines as they are printed."""
        self.initial_tab = False
        self.colors: dict[str, str] = {}
        """--color: the codes of marks."""
        self.once = False
        """A colour holds for a run of lines (contrib/libdiff), not for each (diffreg.c)."""

    def style(self, strip: bool, tab: int, initial_tab: bool) -> None:
        """--strip-trailing-cr, -t (the size of tabs), -T."""
        lines = self.lines
        if strip:
            lines = [line.removesuffix("\r") for line in lines]
        if tab:
            lines = [line.expandtabs(tab) for line in lines]
        self.shown = lines
        self.initial_tab = initial_tab

    def unended(self, start: int, end: int) -> bool:
        """Some lines with the last one among them, and it has no newline."""
        return not self.newline and end == len(self.lines) and start < end

    def show(self, prefix: str, start: int, end: int) -> str:
        """Some lines, marked."""
        code = self.colors.get(prefix[:1])
        end_of_line, unended = self.newline_mark(), self.unended(start, end)
        if self.initial_tab and prefix:
            prefix = prefix[0] + "\t"
        if code and not self.once:
            prefix = f"\033[{code}m{prefix}"
        out = "".join([f"{prefix}{line}{end_of_line}" for line in self.shown[start:end]])
        if code and self.once and out:
            out = f"\033[{code}m{out}\033[m"
        if unended:
            out = out.removesuffix(end_of_line) + "\n" if not self.once else out
        return out + NO_NEWLINE if unended else out

    def newline_mark(self) -> str:
        """The old algorithm ends every line's colour, whether it had one or not."""
        return "\033[m\n" if self.colors and not self.once else "\n"

    def plain(self, start: int, end: int) -> str:
        """Some lines of a script."""
        end_of_line = self.newline_mark()
        out = "".join([f"{line}{end_of_line}" for line in self.shown[start:end]])
        if self.unended(start, end):
            return out.removesuffix(end_of_line)
        return out


def span(start: int, end: int) -> str:
    """Line numbers from 1: "2,5", or "3"; an empty range is the line before it."""
    if end <= start:
        return str(start)
    return str(end) if end == start + 1 else f"{start + 1},{end}"


def kind_of(change: Change) -> str:
    """a, d or c."""
    a, b, c, d = change
    return "a" if a == b else "d" if c == d else "c"


def normal(old: File, new: File, found: list[Change]) -> str:
    """The default."""
    out = []
    for a, b, c, d in found:
        kind = kind_of((a, b, c, d))
        out.append(f"{span(a, b)}{kind}{span(c, d)}\n" + old.show("< ", a, b))
        out.append("---\n" if kind == "c" else "")
        out.append(new.show("> ", c, d))
    return "".join(out)


def ed(old: File, new: File, found: list[Change]) -> str:
    """-e: a script for ed, last change first.  A line that is a period is entered as two and put right afterwards."""
    out = []
    for a, b, c, d in reversed(found):
        while a < b or c < d:
            out.append(f"{span(a, b)}{kind_of((a, b, c, d))}\n")
            if c == d:
                break
            dot = next((i for i in range(c, d) if new.shown[i] == "." and not new.unended(i, i + 1)), -1)
            if dot < 0:
                out.append(new.plain(c, d) + ".\n")
                break
            count = dot - c + 1
            out.append(new.plain(c, dot) + f"..\n.\n{a + count}s/.//\n")
            a = b = a + count
            c += count
    return "".join(out)


def forward(old: File, new: File, found: list[Change]) -> str:
    """-f: like -e, first change first."""
    out = []
    for a, b, c, d in found:
        out.append(f"{kind_of((a, b, c, d))}{span(a, b).replace(',', ' ')}\n")
        if c < d:
            out.append(new.plain(c, d) + ".\n")
    return "".join(out)


def rcs(old: File, new: File, found: list[Change]) -> str:
    """-n."""
    out = []
    for a, b, c, d in found:
        if a < b:
            out.append(f"d{a + 1} {b - a}\n")
        if c < d:
            out.append(f"a{b} {d - c}\n" + new.plain(c, d))
    return "".join(out)


def merged(old: File, new: File, found: list[Change], change: Callable[[int, int, int, int], str]) -> str:
    """The old file, with the changes written in some way."""
    out, at = [], 0
    for a, b, c, d in found:
        out += [old.plain(at, a), change(a, b, c, d)]
        at = b
    return "".join([*out, old.plain(at, len(old.lines))])


def ifdef(old: File, new: File, found: list[Change], name: str) -> str:
    """-D: both files, for the C preprocessor."""

    def change(a: int, b: int, c: int, d: int) -> str:
        out = f"#ifndef {name}\n{old.show('', a, b)}" if a < b else ""
        if c < d:
            out += (f"#else /* {name} */\n" if out else f"#ifdef {name}\n") + new.show("", c, d)
        return out + f"#endif /* {name} */\n"

    return merged(old, new, found, change)


def group(old: File, new: File, found: list[Change], pattern: str) -> str:
    """--changed-group-format."""

    def change(a: int, b: int, c: int, d: int) -> str:
        out = []
        chars = iter(pattern)
        for char in chars:
            if char == "%":
                char = next(chars, "")
                out.append(old.show("", a, b) if char == "<" else new.show("", c, d) if char == ">" else "%" + char)
            else:
                out.append(char)
        return "".join(out)

    return merged(old, new, found, change)


class Functions:
    """-p and -F: the last line before a hunk that begins a function."""

    def __init__(self, file: File, test: Callable[[str], object] | None) -> None:
        self.file = file
        self.test = test
        self.last = 0
        self.found = ""

    def before(self, line: int) -> str:
        """What follows the marks of a hunk; `line` lines stand before it."""
        state = ""
        for at in range(line - 1, self.last - 1, -1):
            text = self.file.lines[at][:FUNCTION_SIZE]
            if self.test is not None:
                if not self.test(text):
                    continue
            elif not text or not (text[0].isalpha() or text[0] in "_$-+"):
                continue
            else:
                access = next((STATES[start] for start in STATES if text.startswith(start)), "")
                if access:
                    state = state or access
                    continue
            self.found = (text + state)[:FUNCTION_SIZE]
            break
        self.last = max(line, self.last)
        return f" {self.found}" if self.found else ""


def hunks(found: list[Change], context: int) -> list[list[Change]]:
    """Changes whose contexts touch go together."""
    out: list[list[Change]] = []
    for change in found:
        if out and (change[0] - out[-1][-1][1] <= 2 * context or change[2] - out[-1][-1][3] <= 2 * context):
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


def unified(old: File, new: File, found: list[Change], context: int, names: Functions | None) -> str:
    """-u."""
    out = [f"--- {old.label}\n+++ {new.label}\n"]
    for hunk in hunks(found, context):
        a, b, c, d = bounds(hunk, old, new, context)
        name = names.before(hunk[0][0]) if names is not None else ""
        out.append(f"@@ -{counted(a, b)} +{counted(c, d)} @@{name}\n")
        at = a
        for x, y, u, v in hunk:
            out += [old.show(" ", at, x), old.show("-", x, y), new.show("+", u, v)]
            at = y
        out.append(old.show(" ", at, b))
    return "".join(out)


def context_range(start: int, end: int) -> str:
    """A range of a context hunk."""
    return str(end) if end <= start + 1 else f"{start + 1},{end}"


def contexts(old: File, new: File, found: list[Change], context: int, names: Functions | None) -> str:
    """-c."""
    out = [f"*** {old.label}\n--- {new.label}\n"]
    for hunk in hunks(found, context):
        a, b, c, d = bounds(hunk, old, new, context)
        name = names.before(hunk[0][0]) if names is not None else ""
        out.append(f"***************{name}\n*** {context_range(a, b)} ****\n")
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
