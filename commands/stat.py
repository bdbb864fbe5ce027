"""stat(1), readlink(1): display file status (usr.bin/stat/stat.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, Stat
from vshell.userland.fflags import fflagstostr
from vshell.userland.getopt import Getopt
from vshell.userland.pathname import realpath
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrgid, getpwuid
from vshell.userland.setmode import strmode
from vshell.userland.strftime import localtime, strftime

DEFAULT = '%d %i %Sp %l %Su %Sg %r %z "%Sa" "%Sm" "%Sc" "%SB" %k %b %#Xf %N'
RAW = "%d %i %#p %l %u %g %r %z %a %m %c %B %k %b %f %N"
LS = "%Sp %l %Su %Sg %Z %Sm %N%SY"
LSF = "%Sp %l %Su %Sg %Z %Sm %N%T%SY"
SHELL = (
    "st_dev=%d st_ino=%i st_mode=%#p st_nlink=%l st_uid=%u st_gid=%g st_rdev=%r st_size=%z "
    "st_atime=%a st_mtime=%m st_ctime=%c st_birthtime=%B st_blksize=%k st_blocks=%b st_flags=%f"
)
LINUX = (
    '  File: "%N"%n  Size: %-11z  FileType: %HT%n'
    "  Mode: (%OMp%03OLp/%.10Sp)         Uid: (%5u/%8Su)  Gid: (%5g/%8Sg)%n"
    "Device: %Hd,%Ld   Inode: %i    Links: %l%n"
    "Access: %Sa%nModify: %Sm%nChange: %Sc%n Birth: %SB"
)
FORMATS = {"l": LS, "r": RAW, "s": SHELL, "x": LINUX}
USAGE = "[-FHhLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file|handle ...]"
READLINK_USAGE = "[-fn] [file ...]"
NUMBERS = {"i": "st_ino", "l": "st_nlink", "z": "st_size", "b": "st_blocks", "k": "st_blksize"}
TIMES = {"a": "st_atime", "m": "st_mtime", "c": "st_ctime", "B": "st_birthtime"}
MARKS = {S_IFIFO: "|", S_IFDIR: "/", S_IFLNK: "@", S_IFSOCK: "="}
TYPES = {
    S_IFIFO: "Fifo File", S_IFCHR: "Character Device", S_IFDIR: "Directory", S_IFBLK: "Block Device",
    S_IFREG: "Regular File", S_IFLNK: "Symbolic Link", S_IFSOCK: "Socket",
}  # fmt: skip
SIMPLE = {"n": "\n", "t": "\t", "%": "%"}
NS = 1_000_000_000


class Spec:
    """One conversion of a format: flags, width, precision, output form, piece, datum."""

    __slots__ = ("flags", "form", "piece", "prec", "size", "text", "what")

    def __init__(self) -> None:
        self.flags = ""
        self.size = self.prec = -1
        self.form = self.piece = self.what = self.text = ""


class Output:
    """Prints files by a format."""

    def __init__(self, p: Program, form: str, timefmt: str, nonl: bool) -> None:
        self.p = p
        self.form = form
        self.timefmt = timefmt
        self.nonl = nonl
        self.linkfail = False
        self.st: Stat
        self.file = ""

    def show(self, st: Stat, file: str, number: int) -> None:
        """One file."""
        self.st, self.file = st, file
        out: list[str] = []
        at = 0
        form = self.form
        while at < len(form):
            c = form[at]
            at += 1
            if c != "%":
                out.append(c)
            elif form[at : at + 1] in SIMPLE and form[at : at + 1]:
                out.append(SIMPLE[form[at]])
                at += 1
            elif form[at : at + 1] == "@":
                out.append(str(number))
                at += 1
            else:
                spec, at = self.parse(at)
                try:
                    out.append(self.format(spec))
                except BadFormat:
                    self.flush(out)
                    self.bad(spec.text)
        text = "".join(out)
        self.p.stdout.write(text if text.endswith("\n") or self.nonl or not text else text + "\n")
        self.p.stdout.flush()

    def flush(self, out: list[str]) -> None:
        """What was printed before an error stays printed."""
        self.p.stdout.write("".join(out))

    def bad(self, text: str) -> None:
        """A format that makes no sense."""
        self.p.errx(1, f"{text}: bad format")

    def parse(self, at: int) -> tuple[Spec, int]:
        """The specification whose text starts after the % at `at` - 1."""
        form = self.form
        spec = Spec()
        start = at - 1
        while form[at : at + 1] in ("#", " ", "+", "0", "-"):
            spec.flags += form[at]
            at += 1
        spec.size, at = self.digits(at)
        if form[at : at + 1] == ".":
            spec.prec, at = self.digits(at + 1)
            spec.prec = max(spec.prec, 0)
        if form[at : at + 1] in ("D", "O", "U", "X", "F", "S"):
            spec.form = form[at]
            at += 1
        if form[at : at + 1] in ("H", "M", "L"):
            spec.piece = form[at]
            at += 1
        spec.what = form[at : at + 1]
        at += 1
        spec.text = form[start:at]
        if not spec.what or spec.what not in "RdiplugramcBzbkfvYTNZ" or max(spec.size, spec.prec) > 0x7FFFFFFF:
            self.bad(spec.text)
        return spec, at

    def digits(self, at: int) -> tuple[int, int]:
        """A decimal number, -1 if there is none."""
        start = at
        while self.form[at : at + 1] in tuple("0123456789"):
            at += 1
        return (int(self.form[start:at]) if at > start else -1), at

    def format(self, spec: Spec) -> str:
        """The datum of a specification as text."""
        st, what = self.st, spec.what
        if what == "Z":
            return self.size_or_device(spec)
        if what in TIMES:
            return self.time(spec, getattr(st, TIMES[what]))
        if what in "RYTN":
            return self.text(spec)
        if what in NUMBERS or what == "v":
            return self.number(spec, getattr(st, NUMBERS[what]) if what in NUMBERS else 0, None, "U")
        if what in "dr":
            return self.device(spec, st.st_dev if what == "d" else st.st_rdev)
        if what == "p":
            return self.mode(spec)
        if what == "f":
            return self.number(spec, st.st_flags, fflagstostr(st.st_flags) or "-", "U")
        if what == "u":
            user = getpwuid(self.p, st.st_uid) if spec.form == "S" else None
            return self.number(spec, st.st_uid, user.name if user is not None else f"({st.st_uid})", "U")
        group = getgrgid(self.p, st.st_gid) if spec.form == "S" else None
        return self.number(spec, st.st_gid, group.name if group is not None else f"({st.st_gid})", "U")

    def size_or_device(self, spec: Spec) -> str:
        """%Z: the size, or major and minor number of a device."""
        sub = Spec()
        sub.flags, sub.size, sub.prec, sub.form = spec.flags, spec.size, spec.prec, spec.form
        if self.st.st_mode & S_IFMT in (S_IFCHR, S_IFBLK):
            sub.what = "r"
            sub.piece = "H"
            major = self.format(sub)
            sub.piece = "L"
            return f"{major},{self.format(sub)}"
        sub.what = "z"
        return self.format(sub)

    def device(self, spec: Spec, data: int) -> str:
        """A device number, whole or in parts."""
        piece, spec.piece = spec.piece, "" if spec.piece in ("H", "L") else spec.piece
        if piece == "H":
            data = data >> 32 & 0xFFFFFF00 | data >> 8 & 0xFF
        elif piece == "L":
            data = data >> 24 & 0xFF00 | data & 0xFFFF00FF
        return self.number(spec, data, f"#C:{data:#x}", "U")

    def mode(self, spec: Spec) -> str:
        """Type and permissions."""
        data = self.st.st_mode
        text = strmode(data).rstrip()
        piece, spec.piece = spec.piece, ""
        if piece == "H":
            data, text = data >> 12, text[1:4]
        elif piece == "M":
            data, text = data >> 9 & 7, text[4:7]
        elif piece == "L":
            data, text = data & 0o777, text[7:10]
        return self.number(spec, data, text, "O")

    def time(self, spec: Spec, ns: int) -> str:
        """A time: a number, a decimal fraction, or text."""
        seconds, rest = divmod(ns, NS)
        if spec.form == "F":
            if spec.piece:
                raise BadFormat
            prec = spec.prec if spec.prec >= 0 else 9
            text = f"{seconds}.{rest:09d}" + "0" * max(prec - 9, 0)
            text = text[: len(text) - 9 - max(prec - 9, 0) + prec] if prec else str(seconds)
            return pad(text, spec)
        return self.number(spec, seconds, strftime(self.timefmt, localtime(seconds, self.p.env)), "D")

    def text(self, spec: Spec) -> str:
        """What is text only: paths, links, types, the name."""
        explicit = spec.form == "S"
        piece, what = spec.piece, spec.what
        if what == "T":
            if piece == "M":
                raise BadFormat
            kind = self.st.st_mode & S_IFMT
            text = TYPES.get(kind, "???")
            if piece != "H":
                text = MARKS.get(kind) or ("*" if kind == S_IFREG and self.st.st_mode & 0o111 else "")
        elif piece:
            raise BadFormat
        elif what == "N":
            text = self.file
        else:
            text = self.target(what)
            if explicit and text:
                text = f" -> {text}"
        if spec.form not in ("", "S"):
            raise BadFormat
        return string(text, spec)

    def target(self, what: str) -> str:
        """Where a link leads: its text or the real path; of one that leads nowhere, as far as it goes."""
        trail = [""]
        try:
            if what == "R":
                return realpath(self.p.sys, self.file, trail)
            if self.st.st_mode & S_IFMT == S_IFLNK:
                return self.p.sys.readlink(self.file)
        except KError:
            pass
        self.linkfail = True
        return trail[-1]

    def number(self, spec: Spec, data: int, text: str | None, default: str) -> str:
        """A number in the form asked for."""
        form = spec.form or default
        if spec.piece or form == "F" or (form == "S" and text is None):
            raise BadFormat
        if form == "S":
            return string(text or "", spec)
        if form != "D":
            data &= 0xFFFFFFFFFFFFFFFF
        digits = {"D": str(abs(data)), "U": str(data), "O": f"{data:o}", "X": f"{data:x}"}[form]
        if spec.prec >= 0:
            digits = digits.rjust(spec.prec, "0")
        sign = "-" if form == "D" and data < 0 else "+" if form == "D" and "+" in spec.flags else ""
        sign = sign or (" " if form == "D" and " " in spec.flags else "")
        if "#" in spec.flags and data:
            digits = ("0" if form == "O" and not digits.startswith("0") else "0x" if form == "X" else "") + digits
        if "0" in spec.flags and "-" not in spec.flags and spec.prec < 0:
            digits = digits.rjust(max(spec.size - len(sign), 0), "0")
        return pad(sign + digits, spec)


class BadFormat(Exception):
    """A piece or an output form that the datum does not have."""


def pad(text: str, spec: Spec) -> str:
    """Fill to the width."""
    if spec.size <= len(text):
        return text
    return text.ljust(spec.size) if "-" in spec.flags else text.rjust(spec.size)


def string(text: str, spec: Spec) -> str:
    """A string with its precision and width."""
    return pad(text if spec.prec < 0 else text[: spec.prec], spec)


class Options:
    """The command line."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.readlink = p.name == "readlink"
        self.form = "%Y"
        self.kind = "f" if self.readlink else ""
        self.flags: set[str] = {"q"} if self.readlink else set()
        self.timefmt = ""

    def usage(self) -> None:
        """How to call it."""
        self.p.usage(f"usage: {self.p.name} {READLINK_USAGE if self.readlink else USAGE}")

    def option(self, key: str, value: str) -> None:
        """One letter."""
        if key == "?":
            self.usage()
        elif key == "f" and self.readlink:
            self.form = "%R"
        elif key in "flrsx":
            if self.kind:
                self.p.errx(1, f"can't use format '{self.kind}' with '{key}'")
            self.kind = key
            self.form = value if key == "f" else FORMATS[key]
        elif key == "t":
            self.timefmt = value
        else:
            self.flags.add(key)

    def finish(self) -> None:
        """Defaults and contradictions."""
        if "h" in self.flags:
            self.usage()  # DIFFERS: no file system here tells where holes are
        lsf = "F" in self.flags
        if not self.kind:
            self.kind, self.form = ("l", LSF) if lsf else ("f", DEFAULT)
        if lsf and self.kind != "l":
            self.p.errx(1, f"can't use format '{self.kind}' with -F")
        if lsf:
            self.form = LSF
        if not self.timefmt:
            self.timefmt = "%c" if self.kind == "x" else "%b %e %T %Y"


def look(p: Program, file: str, follow: bool) -> Stat:
    """The status; a broken link's own with -L."""
    if not follow:
        return p.sys.lstat(file)
    try:
        return p.sys.stat(file)
    except KError as e:
        if e.errno != ENOENT:
            raise
    return p.sys.lstat(file)


@program("/usr/bin/stat", "/usr/bin/readlink")
def main(p: Program) -> int:
    """stat [-FHhLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file ...]"""
    o = Options(p)
    parsed = Getopt(p, "fn" if o.readlink else "Ff:HhLlnqrst:x")
    for key, value in parsed:
        o.option(key, value)
    o.finish()
    output = Output(p, o.form, o.timefmt, "n" in o.flags)
    failed = False
    for number, file in enumerate(parsed.args or [""], 1):
        try:
            st = look(p, file, "L" in o.flags) if parsed.args else p.sys.fstat(0)
        except KError as e:
            failed = output.linkfail = True
            if "q" not in o.flags:
                p.warn(e, file or "(stdin)")
        else:
            output.show(st, file if parsed.args else "(stdin)", number)
    return int(output.linkfail if o.readlink else failed)
