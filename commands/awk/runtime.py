"""What a translated awk program calls: all of its runtime in one object (contrib/one-true-awk/run.c)."""

from __future__ import annotations

import re

from vshell.commands.awk.array import Array, Value
from vshell.commands.awk.maths import Maths
from vshell.commands.awk.printf import convert
from vshell.commands.awk.record import Record, split_csv
from vshell.commands.awk.streams import Streams
from vshell.commands.awk.values import c_int, from_outside, num
from vshell.userland.program import Program
from vshell.userland.regex import Regex


class Awk(Maths, Record):
    """A running program."""

    def __init__(self, p: Program, csv: bool) -> None:
        super().__init__(p, csv)
        self.streams = Streams(self)

    # reading and writing, see streams.py -----------------------------------------------------------------------
    async def getline_main(self, to_variable: bool) -> float:
        """getline, getline var."""
        self.p.stdout.flush()
        text = await self.streams.next_record()
        self.read_status = 0.0 if text is None else 1.0
        if text is None:
            return 0.0
        if to_variable:
            self.got = from_outside(text)
        else:
            self.set_record(text)
        return 1.0

    async def getline_cmd(self, command: str, to_record: bool) -> float:
        """cmd | getline."""
        return await self.getline_from("|", command, to_record)

    async def getline_file(self, path: str, to_record: bool) -> float:
        """getline < file."""
        return await self.getline_from("<", path, to_record)

    async def getline_from(self, mode: str, name: str, to_record: bool) -> float:
        """Read from a named stream."""
        self.p.stdout.flush()
        source = await self.streams.reader(mode, name)
        text = None if source is None else await source.record(self.RS, self)
        self.read_status = -1.0 if source is None else 0.0 if text is None else 1.0
        if text is not None:
            if to_record:
                self.set_record(text)
            else:
                self.got = from_outside(text)
        return self.read_status

    async def print_to(self, mode: str, name: str, text: str) -> None:
        """print > file, >> file, | command."""
        await self.streams.write(mode, name, text)

    async def system_(self, command: str) -> float:
        """system(command)."""
        return await self.streams.system(command)

    async def close_(self, name: str) -> float:
        """close(name)."""
        return await self.streams.close(name)

    async def fflush_(self, name: str) -> float:
        """fflush(), fflush(name)."""
        return await self.streams.flush(name)

    def nextfile(self) -> None:
        """nextfile."""
        self.streams.nextfile()

    # strings ---------------------------------------------------------------------------------------------------
    def sprintf(self, fmt: str, *args: Value) -> str:
        """sprintf."""
        return convert(self, fmt, args)

    def sprintf_value(self, fmt: str, *args: Value) -> str:
        """sprintf as a function: its result ends at a null character."""
        return convert(self, fmt, args).partition("\0")[0]

    def match_(self, text: str, regex: Regex) -> float:
        """match: sets RSTART and RLENGTH."""
        span = regex.find(text)
        if span is None:
            self.RSTART, self.RLENGTH = 0.0, -1.0
        else:
            self.RSTART, self.RLENGTH = float(span[0] + 1), float(span[1] - span[0])
        return self.RSTART

    def split_(self, text: str, array: Array, fs: str | None = None, regex: Regex | None = None) -> float:
        """split."""
        text = str(text)
        if regex is not None and fs:
            parts = self.split_regex(text, regex) if text else []
        elif fs is None and self.csv:
            parts = split_csv(text)
        else:
            parts = self.split_text(text, self.FS if fs is None else str(fs))
        array.empty()
        for i, part in enumerate(parts, 1):
            array[str(i)] = from_outside(part)
        return float(len(parts))

    def substitute(self, regex: Regex, new: str, text: str, which: int) -> bool:
        """sub (which 1) and gsub (0): the result in `got`, how many in `sub_count`; False if nothing matched."""
        self.sub_count = 0.0
        span = regex.find(text)
        if span is None:
            return False
        pieces = replacement(new)
        out: list[str] = []
        at, no_empty, count = 0, -1, 0
        while span is not None:
            start, end = span
            ignore = start == end == no_empty
            count += not ignore
            out.append(text[at:start])
            if not ignore:
                matched = text[start:end]
                out.extend(matched if piece is None else piece for piece in pieces)
            at = end
            if start == end:
                # An empty match: the next character stays as it is.
                out.append(text[end : end + 1])
                at = end + 1
            else:
                no_empty = end
            if (which and count == which) or start >= len(text) or at > len(text):
                break
            span = regex.find(text, at)
        out.append(text[at:])
        self.got, self.sub_count = "".join(out), float(count)
        return True

    def gensub_(self, regex: Regex, new: str, how: Value, text: str) -> str:
        """gensub(regex, new, how, text), without back-references."""
        if re.search(r"\\[0-9]", new):
            self.fatal(f'gensub doesn\'t support backreferences (subst "{new}")')
        which = 0 if self.string(how)[:1] in ("g", "G") else max(c_int(num(how)), 1)
        pieces = replacement(new)
        out: list[str] = []
        at = count = 0
        after_match = False
        while at <= len(text) and (span := regex.find(text, at)) is not None:
            start, end = span
            out.append(text[at:start])
            if start != end or not after_match or start != at:
                count += 1
                matched = text[start:end]
                wanted = not which or count == which
                out.extend(matched if p is None else p for p in pieces) if wanted else out.append(matched)
            after_match = start != end
            at = end
            if start == end:
                out.append(text[end : end + 1])
                at = end + 1
        out.append(text[at:])
        return "".join(out)


def replacement(new: str) -> list[str | None]:
    """The new text of sub in pieces; None stands for what was matched (backsub)."""
    if "&" not in new and "\\" not in new:
        return [str(new)]
    out: list[str | None] = []
    i = 0
    while i < len(new):
        if new[i] == "&":
            out.append(None)
            i += 1
        elif new.startswith("\\\\\\&", i):
            out.append("\\&")
            i += 4
        elif new.startswith("\\\\&", i):
            out.append("\\")
            i += 2
        elif new.startswith("\\\\", i):
            out.append("\\\\")
            i += 2
        elif new.startswith("\\&", i):
            out.append("&")
            i += 2
        else:
            out.append(new[i])
            i += 1
    return out
