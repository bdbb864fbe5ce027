"""jot(1): print sequential or random data (usr.bin/jot/jot.c)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from vshell.abi.errno import EINVAL, KError
from vshell.userland.cformat import format_float, format_int, wrap
from vshell.userland.cnumber import LONG_MAX, LONG_MIN, strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.random3 import Random
from vshell.userland.textfile import relieve

USAGE = """\
usage: jot [-cnr] [-b word] [-w word] [-s string] [-p precision]
           [reps [begin [end [s]]]]
"""
REPS, BEGIN, ENDER, STEP = 8, 4, 2, 1
FLOAT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
SPEC = re.compile(r"%([#\- +0]*)(\d*)(\.\d*)?(l?)([A-Za-z])")


def precision_of(text: str) -> int:
    """How many digits stand behind the point."""
    m = re.search(r"\.(\d*)", text)
    return len(m[1]) if m else 0


def to_long(value: float) -> int:
    """(long)value as amd64 converts it: what does not fit is LONG_MIN."""
    return int(value) if LONG_MIN <= value <= LONG_MAX else LONG_MIN


class Jot:
    """Options, range and output format."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.boring = self.chars = self.random = False
        self.no_newline = self.have_format = False
        self.precision = -1
        self.sep = "\n"
        self.format = ""
        self.reps, self.begin, self.ender, self.step = 100, 1.0, 100.0, 1.0
        self.seeded = False
        self.mask = 0
        self.spec: tuple[str, str, str, str] = ("", "", "", "f")
        self.long = False
        self.before = self.after = ""

    def options(self) -> list[str]:
        p = self.p
        parsed = Getopt(p, "b:cnp:rs:w:")
        for letter, value in parsed:
            if letter in "bw":
                self.boring = self.boring or letter == "b"
                self.format, self.have_format = value, True
            elif letter == "c":
                self.chars = True
            elif letter == "n":
                self.no_newline = True
            elif letter == "p":
                m = re.match(r"\s*[+-]?\d+", value)
                self.precision = int(m[0]) if m else 0
                if self.precision < 0:
                    p.errx(1, "bad precision value")
                self.have_format = True
            elif letter == "r":
                self.random = True
            elif letter == "s":
                self.sep = value
            else:
                p.usage(USAGE)
        return parsed.args

    def bound(self, text: str) -> float:
        """A number, or the code of a character."""
        m = FLOAT.match(text)
        return float(m[1]) if m else float(ord(text[-1]))

    def operands(self, args: list[str]) -> None:
        p = self.p
        if not args:
            p.usage(USAGE)
        if len(args) > 4:
            p.errx(1, f"too many arguments.  What do you mean by {args[4]}?")
        reps, begin, ender, step = (a if a not in ("", "-") else None for a in (*args, *[None] * (4 - len(args))))
        digits = 0
        if step is not None:
            m = FLOAT.match(step)
            if not m:
                p.errx(1, f"bad s value: {step}")
            self.step, self.seeded = float(m[1]), self.random
            self.mask |= STEP
        if ender is not None:
            self.ender = self.bound(ender)
            self.mask |= ENDER
            digits = precision_of(ender) if self.precision < 0 else 0
        if begin is not None:
            self.begin = self.bound(begin)
            self.mask |= BEGIN
            if self.precision < 0:
                self.precision = precision_of(begin)
            self.precision = max(self.precision, digits)
        if reps is not None:
            self.reps, _, error = strtol(reps)
            if error == EINVAL:
                p.errx(1, f"bad reps value: {reps}")
            self.mask |= REPS

    def fill_in(self) -> None:
        """What was not given follows from what was."""
        p, mask = self.p, self.mask
        if mask and not mask & REPS and mask & 7 not in (BEGIN | ENDER, BEGIN | ENDER | STEP):
            self.reps = 100
            mask |= REPS
        if mask & 15 == BEGIN | ENDER:
            self.step = 1.0 if self.ender > self.begin else -1.0
            mask |= STEP
        if mask == BEGIN | ENDER | STEP:
            if self.random:
                self.reps = 100
            else:
                self.reps = to_long((self.ender - self.begin + self.step) / self.step) if self.step else 0
            if self.reps <= 0:
                p.errx(1, "impossible stepsize")
            return
        if mask in (REPS, REPS | STEP):
            self.begin = 1.0
            mask |= BEGIN
        if mask in (REPS | ENDER, REPS | BEGIN):
            self.step = 1.0
            mask |= STEP
        self.fill_reps(mask)

    def fill_reps(self, mask: int) -> None:
        """The cases with reps given."""
        p = self.p
        if mask == REPS | ENDER | STEP:
            if self.random:
                self.begin = 1.0
            elif self.reps == 0:
                p.errx(1, "must specify begin if reps == 0")
            self.begin = self.ender - self.reps * self.step + self.step
        elif mask == REPS | BEGIN | STEP:
            self.ender = 100.0 if self.random else self.begin + self.reps * self.step - self.step
        elif mask == REPS | BEGIN | ENDER and not self.random:
            if self.reps == 0:
                p.errx(1, "infinite sequences cannot be bounded")
            self.step = 0.0 if self.reps == 1 else (self.ender - self.begin) / (self.reps - 1)
        elif mask == 15 and not self.random and self.step:
            t = to_long((self.ender - self.begin + self.step) / self.step)
            if t <= 0:
                p.errx(1, "impossible stepsize")
            self.reps = min(t, self.reps) if self.reps else t if t < self.reps else self.reps

    def get_format(self) -> None:
        """Find the conversion in the word, or add one."""
        if self.boring:
            return
        text = self.format.replace("%%", "\0")
        at = text.find("%")
        if at < 0:
            self.before = text
            self.spec = ("", "", "", "c") if self.chars else ("", "", f".{max(self.precision, 0)}", "f")
        elif at == len(text) - 1:
            self.before = text
            self.spec = ("", "", "", "")
        else:
            m = SPEC.match(text, at)
            if not m or m[5] not in "diouxXDOUfegEGc" or (m[4] and m[5] not in "diouxX"):
                end = m.end() if m else at + 2
                self.p.errx(1, f"illegal or unsupported format '{text[at:end]}'")
            if re.search("%.", text[m.end() :]):
                self.p.errx(1, "too many conversions")
            self.long = bool(m[4])
            self.before, self.after = text[:at], text[m.end() :]
            self.spec = (m[1], m[2], m[3] or "", {"D": "d", "O": "o", "U": "u"}.get(m[5], m[5]))
        self.before, self.after = self.before.replace("\0", "%"), self.after.replace("\0", "%")

    def text(self, x: float) -> str:
        """One value."""
        if self.boring:
            return self.format
        flags, width, precision, conversion = self.spec
        if not conversion:
            return self.before
        if conversion in "fegEG":
            body = format_float(flags, width, precision, conversion, x)
        else:
            bits = 64 if self.long else 32
            unsigned = conversion in "ouxX"
            least, most = (0, (1 << bits) - 1) if unsigned else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            if not least <= x <= most:
                self.p.errx(1, "range error in conversion")
            body = chr(int(x) & 0xFF) if conversion == "c" else format_int(flags, width, precision, conversion, wrap(x))
        return self.before + body + self.after

    async def values(self) -> None:
        """Print them."""
        p = self.p
        i, x = 1, self.begin
        next_random = self.randomizer() if self.random else None
        while i <= self.reps or self.reps == 0:
            value = x if next_random is None else await next_random()
            p.stdout.write(self.text(value) + (self.sep if i != self.reps else ""))
            i, x = i + 1, x + self.step
            if not i & 255:
                await relieve(p)
        if not self.no_newline:
            p.stdout.write("\n")

    def randomizer(self) -> Callable[[], Awaitable[float]]:
        """-r: a function that gives the next number."""
        divisor = 2147483648.0 if self.seeded else 4294967296.0
        if not self.have_format and self.precision == 0 and 0 <= self.begin < divisor and 0 <= self.ender < divisor:
            if self.begin <= self.ender:
                self.ender += 1
            else:
                self.begin += 1
            self.spec = ("", "", "", "c" if self.chars else "u")
        size, begin = self.ender - self.begin, self.begin
        generator = Random(int(self.step)) if self.seeded else None
        sys = self.p.sys

        async def draw() -> float:
            if generator is not None:
                return generator.random() / divisor * size + begin
            return int.from_bytes(await sys.read(fd, 4), "little") / divisor * size + begin

        if generator is None:
            try:
                fd = sys.open("/dev/urandom")
            except KError as e:
                self.p.err(1, e, "/dev/urandom")
        return draw


@program("/usr/bin/jot")
async def main(p: Program) -> int:
    """jot [-cnr] [-b word] [-w word] [-s string] [-p precision] [reps [begin [end [s]]]]"""
    jot = Jot(p)
    jot.operands(jot.options())
    jot.get_format()
    if jot.precision == -1:
        jot.precision = 0
    jot.fill_in()
    await jot.values()
    return 0
