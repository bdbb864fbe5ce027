"""stty(1): the settings of a terminal (bin/stty).

Flags without a meaning for a terminal that is no serial line are kept and shown, and nothing else.
"""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_NONBLOCK
from vshell.abi.termios import CCDEFAULTS, CCNAMES, ECHO, ICANON, ISIG, OPOST, TIOCGETA, TIOCSETA, VMIN, VTIME, Termios
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

USAGE = "usage: stty [-a | -e | -g] [-f file] [arguments]\n"
LINELENGTH = 72
CSIZE, PARENB, PARODD, CLOCAL = 0x300, 0x1000, 0x2000, 0x8000
TAB3 = 0x4
CCTS, CRTS, RTSDTR = 0x10000, 0x20000, 0x200000
Flags = tuple[tuple[str, int, bool], ...]
LOCAL: Flags = (
    ("icanon", ICANON, True), ("isig", ISIG, True), ("iexten", 0x400, True), ("echo", ECHO, True), ("echoe", 0x2, False),
    ("echok", 0x4, False), ("echoke", 0x1, False), ("echonl", 0x10, False), ("echoctl", 0x40, False), ("echoprt", 0x20, False),
    ("altwerase", 0x200, False), ("noflsh", 0x80000000, False), ("tostop", 0x400000, False), ("flusho", 0x800000, False),
    ("pendin", 0x20000000, False), ("nokerninfo", 0x2000000, False), ("extproc", 0x800, False),
)  # fmt: skip
INPUT: Flags = (
    ("istrip", 0x20, False), ("icrnl", 0x100, True), ("inlcr", 0x40, False), ("igncr", 0x80, False), ("ixon", 0x200, True),
    ("ixoff", 0x400, False), ("ixany", 0x800, True), ("imaxbel", 0x2000, True), ("ignbrk", 0x1, False), ("brkint", 0x2, True),
    ("inpck", 0x10, False), ("ignpar", 0x4, False), ("parmrk", 0x8, False), ("iutf8", 0x4000, True),
)  # fmt: skip
OUTPUT: Flags = (("opost", OPOST, True), ("onlcr", 0x2, True), ("ocrnl", 0x10, False))
OUTPUT_MORE: Flags = (("onocr", 0x20, False), ("onlret", 0x40, False))
CONTROL: Flags = (("parodd", PARODD, False), ("hupcl", 0x4000, True), ("clocal", CLOCAL, False), ("cstopb", 0x400, False))
CONTROL_MORE: Flags = (("dsrflow", 0x80000, False), ("dtrflow", 0x40000, False), ("mdmbuf", 0x100000, False))
"""(name, bit, what cfmakesane gives), in the order of the listing."""
CHARS = tuple(sorted(CCNAMES))
OTHER_CHARS = {"brk": "eol", "flush": "discard", "rprnt": "reprint"}
SPECIAL: dict[str, dict[str, tuple[int, int]]] = {
    "cflag": {
        "cs5": (0, CSIZE), "cs6": (0x100, CSIZE), "cs7": (0x200, CSIZE), "cs8": (CSIZE, CSIZE),
        "parity": (PARENB | 0x200, PARODD | CSIZE), "-parity": (CSIZE, PARODD | PARENB | CSIZE),
        "evenp": (PARENB | 0x200, PARODD | CSIZE), "-evenp": (CSIZE, PARODD | PARENB | CSIZE),
        "oddp": (PARENB | 0x200 | PARODD, CSIZE), "-oddp": (CSIZE, PARODD | PARENB | CSIZE),
        "pass8": (CSIZE, PARODD | PARENB | CSIZE), "-pass8": (PARENB | 0x200, PARODD | CSIZE),
        "hup": (0x4000, 0), "-hup": (0, 0x4000), "crtscts": (CCTS | CRTS, 0), "-crtscts": (0, CCTS | CRTS),
        "ctsflow": (CCTS, 0), "-ctsflow": (0, CCTS), "rtsflow": (CRTS, 0), "-rtsflow": (0, CRTS), "parenb": (PARENB, 0),
        "-parenb": (0, PARENB), "cread": (0x800, 0), "-cread": (0, 0x800), "rtsdtr": (0, RTSDTR), "-rtsdtr": (RTSDTR, 0),
    },
    "iflag": {
        "flow": (0x200, 0), "-flow": (0, 0x200), "tandem": (0x400, 0), "-tandem": (0, 0x400), "decctlq": (0, 0x800),
        "-decctlq": (0x800, 0),
    },
    "lflag": {
        "crterase": (0x2, 0), "-crterase": (0, 0x2), "crtbs": (0x2, 0), "-crtbs": (0, 0x2), "crtkill": (0x1, 0),
        "-crtkill": (0, 0x1), "ctlecho": (0x40, 0), "-ctlecho": (0, 0x40), "prterase": (0x20, 0), "-prterase": (0, 0x20),
        "crt": (0x43, 0x24), "-crt": (0x4, 0x43), "newcrt": (0x43, 0x24), "-newcrt": (0x4, 0x43),
        "kerninfo": (0, 0x2000000), "-kerninfo": (0x2000000, 0),
    },
    "oflag": {
        "litout": (0, OPOST), "-litout": (OPOST, 0), "tabs": (0, TAB3), "-tabs": (TAB3, TAB3), "oxtabs": (TAB3, TAB3),
        "-oxtabs": (0, TAB3), "tab0": (0, TAB3), "tab3": (TAB3, TAB3),
    },
}  # fmt: skip
WORDS: dict[str, Flags] = {
    "cflag": CONTROL + CONTROL_MORE,
    "iflag": INPUT,
    "lflag": LOCAL[:-1],
    "oflag": OUTPUT + OUTPUT_MORE,
}
LKEEP = 0x1 | 0x2 | 0x4 | 0x20 | 0x40 | 0x200 | 0x400000 | 0x80000000


class Stty:
    """The settings while they are changed."""

    def __init__(self, p: Program, fd: int, t: Termios) -> None:
        self.p = p
        self.fd = fd
        self.cflag, self.iflag = t.cflag, t.iflag
        self.oflag = t.oflag | (OPOST if t.opost else 0)
        self.lflag = t.lflag | (ICANON if t.icanon else 0) | (ECHO if t.echo else 0) | (ISIG if t.isig else 0)
        self.cc = list(t.cc)
        self.speed = t.speed
        self.rows, self.columns = p.sys.ttysize(fd)
        self.changed = self.resized = False

    def termios(self) -> Termios:
        """As the kernel takes them."""
        low = self.lflag
        return Termios(
            icanon=bool(low & ICANON), echo=bool(low & ECHO), isig=bool(low & ISIG), opost=bool(self.oflag & OPOST),
            iflag=self.iflag, oflag=self.oflag & ~OPOST, cflag=self.cflag, lflag=low & ~(ICANON | ECHO | ISIG),
            cc=tuple(self.cc), speed=self.speed,
        )  # fmt: skip

    def usage(self, text: str) -> NoReturn:
        """A message and how it is used."""
        self.p.warnx(text)
        self.p.usage(USAGE)

    # showing -----------------------------------------------------------------------------------------------------
    def words(self, value: int, flags: Flags, everything: bool) -> list[str]:
        """Flags that differ from a sane terminal's, or all."""
        return [("" if value & bit else "-") + name for name, bit, sane in flags if everything or bool(value & bit) != sane]

    def show(self, form: str) -> None:
        """The listing: "" what is unusual, "e" everything in BSD's form, "a" in POSIX's."""
        out = self.p.stdout.write
        every = bool(form)
        out(f"speed {self.speed} baud;" + (f" {self.rows} rows; {self.columns} columns;" if every else "") + "\n")
        c = self.cflag
        control = [*self.words(c, (("cread", 2048, True),), every), f"cs{5 + (c & CSIZE) // 256}"]
        control += ["parenb" if c & PARENB else "-parenb", *self.words(c, CONTROL, every)]
        both = c & (CCTS | CRTS)
        if both in (CCTS, CRTS):
            control.append("ctsflow" if both == CCTS else "rtsflow")
        else:
            control += self.words(c, (("crtscts", CCTS | CRTS, False),), every)
        control += self.words(c, CONTROL_MORE, every) + (["-rtsdtr"] if c & RTSDTR else ["rtsdtr"] if every else [])
        output = [*self.words(self.oflag, OUTPUT, every), "tab3" if self.oflag & TAB3 else "tab0"]
        self.line("lflags", self.words(self.lflag, LOCAL, every))
        self.line("iflags", self.words(self.iflag, INPUT, every))
        self.line("oflags", output + self.words(self.oflag, OUTPUT_MORE, every))
        self.line("cflags", control)
        if form == "a":
            self.line("cchars", [f"{name} = {self.character(name)};" for name in CHARS])
            return
        names = [n for n in CHARS if every or self.cc[CCNAMES.index(n)] != CCDEFAULTS[CCNAMES.index(n)]]
        for i in range(0, len(names), LINELENGTH // 8):
            row = names[i : i + LINELENGTH // 8]
            out("".join([f"{name:<8}" for name in row]) + "\n" + "".join([f"{self.character(name):<8}" for name in row]) + "\n")

    def line(self, label: str, words: list[str]) -> None:
        """A group, folded."""
        if not words:
            return
        text = f"{label}: {words[0]}"
        column = len(text)
        for word in words[1:]:
            if column + len(word) > LINELENGTH:
                text += f"\n\t{word}"
                column = len(word) + 8
            else:
                text += f" {word}"
                column += len(word) + 1
        self.p.stdout.write(text + "\n")

    def character(self, name: str) -> str:
        """ccval: a control character."""
        index = CCNAMES.index(name)
        c = self.cc[index]
        if index in (VMIN, VTIME):
            return str(c)
        if c == 255:
            return "<undef>"
        meta, c = ("M-", c & 0x7F) if c & 0x80 else ("", c)
        return meta + ("^?" if c == 127 else f"^{chr(c + 64)}" if c < 32 else chr(c))

    def gfmt(self) -> str:
        """-g: for another stty to read."""
        flags = f"cflag={self.cflag:x}:iflag={self.iflag:x}:lflag={self.lflag:x}:oflag={self.oflag:x}:"
        chars = "".join([f"{name}={self.cc[CCNAMES.index(name)]:x}:" for name in CHARS])
        return f"gfmt1:{flags}{chars}ispeed={self.speed}:ospeed={self.speed}\n"

    # changing ----------------------------------------------------------------------------------------------------
    def sane(self) -> None:
        """cfmakesane, but what a user prefers stays."""
        self.cflag = 0x4B00 | (self.cflag & CLOCAL)
        self.iflag, self.oflag = 0x6B02, OPOST | 0x2
        self.lflag = 0x443 | ICANON | ISIG | ECHO | (self.lflag & LKEEP)

    def raw(self) -> None:
        """cfmakeraw."""
        self.iflag = self.iflag & ~(0x2000 | 0x400 | 0x40 | 0x2 | 0x8 | 0x20 | 0x100 | 0x80 | 0x200 | 0x800 | 0x10) | 0x1
        self.oflag &= ~OPOST
        self.lflag &= ~(ECHO | 0x2 | 0x4 | 0x10 | ICANON | ISIG | 0x400 | 0x80000000 | 0x400000 | 0x20000000)
        self.cflag = (self.cflag & ~(CSIZE | PARENB)) | CSIZE | 0x800
        self.cc[VMIN], self.cc[VTIME] = 1, 0

    def cbreak(self) -> None:
        """Characters one by one, but signals."""
        self.iflag |= 0x2 | 0x200 | 0x2000
        self.oflag |= OPOST
        self.lflag = (self.lflag | ISIG | 0x400) & ~ICANON

    def dec(self) -> None:
        """DEC's characters."""
        for name, c in (("erase", 127), ("kill", 21), ("intr", 3)):
            self.cc[CCNAMES.index(name)] = c
        self.lflag = (self.lflag & ~0x20) | 0x43
        self.iflag &= ~0x800

    def ek(self) -> None:
        """Erase and kill as they were."""
        for name in ("erase", "kill"):
            self.cc[CCNAMES.index(name)] = CCDEFAULTS[CCNAMES.index(name)]

    def newline(self, off: bool) -> None:
        """nl."""
        self.iflag = self.iflag | 0x100 if off else self.iflag & ~0x100
        self.oflag = self.oflag | 0x2 if off else self.oflag & ~0x2

    def key(self, word: str, rest: list[str]) -> bool:
        """ksearch: words that are more than a flag."""
        off = word.startswith("-")
        name = word[1:] if off else word
        if name not in KEYS:
            return False
        if off and name not in ("cbreak", "extproc", "nl", "raw"):
            self.usage(f"illegal option -- {word}")
        if name in ("cols", "columns", "rows", "ispeed", "ospeed"):
            if not rest:
                self.usage(f"option requires an argument -- {name}")
            value = atoi(rest.pop(0))
            if name in ("ispeed", "ospeed"):
                self.speed, self.changed = value, True
            else:
                setattr(self, "rows" if name == "rows" else "columns", value & 0xFFFF)
                self.resized = True
        elif name in ("all", "everything"):
            self.show("e")
        elif name == "size":
            self.p.stdout.write(f"{self.rows} {self.columns}\n")
        elif name == "speed":
            self.p.stdout.write(f"{self.speed}\n")
        elif name not in ("new", "old", "tty"):
            self.changed = True
            if name == "nl":
                self.newline(off)
            elif name == "extproc":
                self.lflag = self.lflag & ~0x800 if off else self.lflag | 0x800
            elif off or name in ("sane", "cooked"):
                self.sane()
            else:
                getattr(self, name)()
        return True

    def control(self, word: str, rest: list[str]) -> bool:
        """csearch: a control character."""
        name = OTHER_CHARS.get(word, word)
        if name not in CCNAMES:
            return False
        if not rest:
            self.usage(f"option requires an argument -- {word}")
        text = rest.pop(0)
        index = CCNAMES.index(name)
        if text in ("undef", "<undef>"):
            c = 255
        elif index in (VMIN, VTIME):
            c, left, _ = strtol(text)
            if c > 255:
                self.usage(f"maximum option value is 255 -- {word}")
            if left:
                self.usage(f"option requires a numeric argument -- {word}")
        elif text.startswith("^"):
            c = 127 if text[1:2] == "?" else 255 if text[1:2] == "-" else ord(text[1:2] or "\0") & 0x1F
        else:
            c = ord(text[:1] or "\0")
        self.cc[index] = c & 0xFF
        self.changed = True
        return True

    def mode(self, word: str) -> bool:
        """msearch: a flag."""
        off = word.startswith("-")
        for field in ("cflag", "iflag", "lflag", "oflag"):
            change = SPECIAL[field].get(word)
            if change is None:
                bit = next((bit for name, bit, _ in WORDS[field] if name == word.removeprefix("-")), 0)
                if not bit:
                    continue
                change = (0, bit) if off else (bit, 0)
            setattr(self, field, getattr(self, field) & ~change[1] | change[0])
            self.changed = True
            return True
        return False

    def load(self, text: str) -> None:
        """gread: what -g printed."""
        for piece in filter(None, text.split(":")):
            name, equals, value = piece.partition("=")
            number, left, bad = strtol(value, 10 if name in ("ispeed", "ospeed") else 16)
            if not equals or left or bad:
                self.p.errx(1, "gfmt1:")
            if name in ("cflag", "iflag", "lflag", "oflag"):
                setattr(self, name, number)
            elif name in ("ispeed", "ospeed"):
                self.speed = number
            elif name in CCNAMES:
                self.cc[CCNAMES.index(name)] = number & 0xFF
        self.changed = True

    def argument(self, word: str, rest: list[str]) -> None:
        """One word of the command line."""
        if self.key(word, rest) or self.control(word, rest) or self.mode(word):
            return
        if word[:1].isascii() and word[:1].isdigit():
            if not (word.isascii() and word.isdigit()):
                self.p.err(1, 22, "speed")
            self.speed, self.changed = int(word), True
        elif word.startswith("gfmt1"):
            self.load(word[5:])
        else:
            self.usage(f"illegal option -- {word}")


KEYS = frozenset((
    "all", "cbreak", "cols", "columns", "cooked", "dec", "ek", "everything", "extproc", "ispeed", "new", "nl", "old", "ospeed",
    "raw", "rows", "sane", "size", "speed", "tty",
))  # fmt: skip


@program("/bin/stty")
def main(p: Program) -> int:
    """stty [-a | -e | -g] [-f file] [arguments]"""
    form, fd, file = None, 0, "stdin"
    args = p.argv[1:]
    if args and args[0].startswith("-") and not args[0][1:].strip("aefg"):
        parsed = Getopt(p, "aef:g")
        for key, value in parsed:
            if key == "f":
                try:
                    fd = p.sys.open(value, O_NONBLOCK)
                except KError as e:
                    p.err(1, e, value)
                file = value
            elif key in "aeg":
                form = key
        args = parsed.args
    try:
        s = Stty(p, fd, p.sys.ioctl(fd, TIOCGETA()))
    except KError:
        p.errx(1, f"{file} isn't a terminal")
    if form == "g":
        p.stdout.write(s.gfmt())
    elif form is not None or not args:
        s.show(form or "")
    args = list(args)
    while args:
        s.argument(args.pop(0), args)
    if s.changed:
        p.sys.ioctl(fd, TIOCSETA(s.termios()))
    if s.resized:
        p.sys.ttysetsize(fd, s.rows, s.columns)
    return 0
