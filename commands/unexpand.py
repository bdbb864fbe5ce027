"""unexpand(1): spaces to tabs (usr.bin/unexpand/unexpand.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.tabstops import tab_stops
from vshell.userland.textfile import stream

USAGE = "usage: unexpand [-a | -t tablist] [file ...]"


class Line:
    """One line being rewritten: `have` columns are out, `want` are due."""

    def __init__(self, stops: list[int], everywhere: bool) -> None:
        self.stops = stops
        self.everywhere = everywhere
        self.limit = 0x7FFFFFFF if len(stops) == 1 else stops[-1] - 1

    def blank(self, want: int, c: str) -> tuple[int, bool]:
        """A space or tab seen: the new column, and whether the list of stops is used up."""
        if c == " ":
            return want + 1, want + 1 >= self.limit
        if len(self.stops) == 1:
            return (1 + want // self.stops[0]) * self.stops[0], False
        for n, stop in enumerate(self.stops):
            if stop - 1 >= want:
                if n < len(self.stops) - 1 and stop - 1 < self.limit:
                    return stop, False
                break
        return want, True

    def fill(self, have: int, want: int) -> tuple[str, int]:
        """As many tabs as can be, then spaces."""
        out = []
        if len(self.stops) == 1:
            size = self.stops[0]
            while have // size + 1 <= want // size and want - have >= 2:
                out.append("\t")
                have = (have // size + 1) * size
        else:
            for stop in self.stops:
                if stop - 1 < have:
                    continue
                if have >= want or have >= self.limit:
                    break
                out.append("\t")
                have = stop
        spaces = max(min(want, self.limit) - have, 0)
        return "".join(out) + " " * spaces, have + spaces

    def convert(self, line: str) -> str:
        """The whole line."""
        out: list[str] = []
        have = want = 0
        done = False
        i = 0
        while i < len(line):
            c = line[i]
            i += 1
            if (c == " " and not done) or c == "\t":
                before = want
                want, done_now = self.blank(want, c)
                done = done or done_now
                if c == " " or not done_now:
                    continue
                want = before
            text, have = self.fill(have, want)
            out.append(text)
            if c == "\b":
                out.append(c)
                step = have > 0
                have, want = have - step, want - step
            elif c != " " or want > self.limit:
                out.append(c)
                have, want = have + c.isprintable(), want + c.isprintable()
            if not self.everywhere or want >= self.limit:
                return "".join(out) + line[i:]
        text, have = self.fill(have, want)
        return "".join(out) + text


@program("/usr/bin/unexpand")
async def main(p: Program) -> int:
    """unexpand [-a | -t tablist] [file ...]"""
    stops, everywhere = [8], False
    parsed = Getopt(p, "at:")
    for letter, value in parsed:
        if letter == "?":
            p.usage(USAGE)
        everywhere = True
        if letter == "t":
            stops = tab_stops(p, value)
    line = Line(stops, everywhere)
    status = 0
    async for path, text in stream(p, parsed.args, dash=False):
        if isinstance(text, KError):
            p.warn(text, path)
            status = 1
            continue
        p.stdout.write("\n".join([line.convert(one) for one in text.split("\n")]))
    return status
