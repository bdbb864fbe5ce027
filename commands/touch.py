"""touch(1): set file times, making the files that are not there (usr.bin/touch/touch.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import O_CREAT, O_WRONLY, UTIME_NOW, UTIME_OMIT
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.strftime import Tm, localtime, mktime, month_days

NS = 1_000_000_000
BAD_T = "out of range or illegal time specification: [[CC]YY]MMDDhhmm[.SS]"
BAD_D = "out of range or illegal time specification: YYYY-MM-DDThh:mm:SS[.frac][tz]"
BAD_OLD = "out of range or illegal time specification: MMDDhhmm[yy]"


class Times:
    """What the options say."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.set = False
        self.access = self.modify = UTIME_NOW
        self.shift = 0

    def both(self, ns: int) -> None:
        """Set both times."""
        self.set = True
        self.access = self.modify = ns

    def local(self, fields: list[int], text: str, zulu: bool = False) -> int:
        """ns of a local (year, month, day, hour, minute, second), checked."""
        year, mon, mday, hour, minute, sec = fields
        good = 1 <= mon <= 12 and 1 <= mday <= 31 and hour < 24 and minute < 60 and sec <= 60
        if not good or mday > month_days(year, mon) + (31 - month_days(year, mon)):
            self.p.errx(1, text)
        tm = Tm(year, mon, mday, hour, minute, sec)
        return (tm.timegm() if zulu else mktime(tm, self.p.env)) * NS

    def from_t(self, text: str) -> None:
        """-t [[CC]YY]MMDDhhmm[.SS]"""
        digits, dot, seconds = text.partition(".")
        if (dot and not (len(seconds) == 2 and number(seconds))) or not number(digits) or len(digits) not in (8, 10, 12):
            self.p.errx(1, BAD_T)
        year = localtime(self.p.sys.clock_gettime() // NS, self.p.env).year
        if len(digits) == 12:
            year = int(digits[:4])
        elif len(digits) == 10:
            year = int(digits[:2]) + (2000 if int(digits[:2]) < 69 else 1900)
        rest = [int(digits[at : at + 2]) for at in range(len(digits) - 8, len(digits), 2)]
        self.both(self.local([year, *rest, int(seconds or "0")], BAD_T))

    def from_old(self, text: str) -> None:
        """MMDDhhmm[yy] as the first operand."""
        year = localtime(self.p.sys.clock_gettime() // NS, self.p.env).year
        if len(text) == 10:
            short = int(text[8:])
            year = short + (2000 if short < 39 else 1900)
        rest = [int(text[at : at + 2]) for at in range(0, 8, 2)]
        self.both(self.local([year, *rest, 0], BAD_OLD))

    def from_d(self, text: str) -> None:
        """-d YYYY-MM-DDThh:mm:SS[.frac][Z]"""
        date, _, clock = text.partition("T" if "T" in text else " ")
        zulu = clock.endswith("Z")
        clock = clock.removesuffix("Z").replace(",", ".")
        clock, dot, fraction = clock.partition(".")
        fields = date.split("-") + clock.split(":")
        if len(fields) != 6 or not all(map(number, fields)) or (dot and not number(fraction)):
            self.p.errx(1, BAD_D)
        ns = self.local([int(f) for f in fields], BAD_D, zulu)
        self.both(ns + int((fraction + "000000000")[:9]))

    def from_file(self, path: str) -> None:
        """-r file"""
        try:
            st = self.p.sys.stat(path)
        except KError as e:
            self.p.err(1, e, path)
        self.set = True
        self.access, self.modify = st.st_atime, st.st_mtime

    def from_a(self, text: str) -> None:
        """-A [-][[HH]MM]SS"""
        digits = text.removeprefix("-")
        if len(digits) not in (2, 4, 6) or not number(digits):
            self.p.errx(1, "Invalid offset spec, must be [-][[HH]MM]SS")
        seconds = 0
        for at in range(0, len(digits), 2):
            seconds = seconds * 60 + int(digits[at : at + 2])
        self.shift = (-seconds if text.startswith("-") else seconds) * NS


def number(text: str) -> bool:
    """True for decimal digits."""
    return text.isascii() and text.isdigit()


def touch(p: Program, path: str, times: Times, which: set[str], create: bool, follow: bool) -> bool:
    """One file; True when it went well."""
    try:
        st = p.sys.stat(path) if follow else p.sys.lstat(path)
    except KError as e:
        if e.errno != ENOENT:
            raise
        if not create:
            return True
        p.sys.close(p.sys.open(path, O_WRONLY | O_CREAT, 0o666))
        if not times.set:
            return True
        st = p.sys.stat(path)
    access, modify = times.access, times.modify
    if times.shift and not times.set:
        access, modify = st.st_atime, st.st_mtime
    if times.shift:
        access, modify = access + times.shift, modify + times.shift
    p.sys.utimes(path, access if "a" in which else UTIME_OMIT, modify if "m" in which else UTIME_OMIT, follow)
    return True


@program("/usr/bin/touch")
def main(p: Program) -> int:
    """touch [-A [-][[hh]mm]SS] [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]] [-d ...] file ..."""
    times = Times(p)
    flags: set[str] = set()
    parsed = Getopt(p, "A:acd:fhmr:t:")
    setters = {"A": times.from_a, "d": times.from_d, "r": times.from_file, "t": times.from_t}
    for key, value in parsed:
        if key == "?":
            usage(p)
        elif key in setters:
            setters[key](value)
        flags.add(key)
    paths = parsed.args
    if not times.set and len(paths) > 1 and number(paths[0]) and len(paths[0]) in (8, 10):
        times.from_old(paths.pop(0))
    if not paths:
        usage(p)
    which = flags & {"a", "m"} or {"a", "m"}
    create = not flags & {"c", "h"} and not (times.shift and not times.set)
    status = 0
    for path in paths:
        try:
            touch(p, path, times, which, create, "h" not in flags)
        except KError as e:
            p.warn(e, path)
            status = 1
    return status


def usage(p: Program) -> None:
    """How to call it."""
    p.usage(
        f"usage: {p.name} [-A [-][[hh]mm]SS] [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]]\n"
        "       [-d YYYY-MM-DDThh:mm:SS[.frac][tz]] file ..."
    )
