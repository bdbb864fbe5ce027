"""date(1): show (and with -f convert) dates (bin/date/date.c, vary.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import EPERM, KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.strftime import DAYS, MONTHS, Tm, localtime, mktime, month_days, strftime
from vshell.userland.strptime import strptime

USAGE = """\
usage: date [-jnRu] [-I[date|hours|minutes|seconds|ns]] [-f input_fmt]
            [ -z output_zone ] [-r filename|seconds] [-v[+|-]val[y|m|w|d|H|M|S]]
            [[[[[[cc]yy]mm]dd]HH]MM[.SS] | new_date] [+output_fmt]
"""
ISO = {"date": "%Y-%m-%d", "hours": "T%H", "minutes": ":%M", "seconds": ":%S", "ns": ",%N"}
RFC2822 = "%a, %d %b %Y %T %z"
NS = 1_000_000_000
DIGITS = "0123456789"


class Date:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.env = dict(p.env)
        self.format: str | None = None
        self.iso = ""
        self.input: str | None = None
        self.seconds: int | None = None
        self.ns = 0
        self.setting = True
        self.zone: str | None = None
        self.vary: list[str] = []

    def option(self, key: str, value: str) -> None:
        """One letter."""
        if key == "f":
            self.input = value
        elif key == "I":
            if self.format is not None:
                self.several()
            if value and value not in ISO:
                self.p.errx(1, f"invalid argument '{value}' for -I")
            self.iso = value or "date"
        elif key == "j":
            self.setting = False
        elif key == "R":
            if self.iso:
                self.several()
            self.format = RFC2822
        elif key == "r":
            self.reference(value)
        elif key == "u":
            self.env["TZ"] = "UTC0"
        elif key == "z":
            self.zone = value
        elif key == "v":
            self.vary.append(value)
        elif key != "n":
            self.p.usage(USAGE)

    def several(self) -> None:
        """-I with -R or a format."""
        self.p.errx(1, "multiple output formats specified")

    def reference(self, text: str) -> None:
        """-r: seconds (in any base C knows) or a file."""
        number = c_number(text)
        if number is not None:
            self.seconds, self.ns = number, 0
            return
        try:
            st = self.p.sys.stat(text)
        except KError:
            self.p.usage(USAGE)
        self.seconds, self.ns = divmod(st.st_mtime, NS)

    def bad_format(self) -> NoReturn:
        """An input that is no date."""
        self.p.warnx("illegal time format")
        self.p.usage(USAGE)

    def output_format(self, text: str) -> None:
        """+format."""
        if self.iso:
            self.several()
        self.format = text[1:]

    def operands(self, args: list[str]) -> None:
        """A format and a new date, in any order."""
        args = list(args)
        if args and args[0].startswith("+"):
            self.output_format(args.pop(0))
        if args:
            self.new_date(args.pop(0))
        elif self.input is not None:
            self.p.usage(USAGE)
        if args and args[0].startswith("+"):
            self.output_format(args[0])

    def new_date(self, text: str) -> None:
        """setthetime: by -f's format or [[[[[cc]yy]mm]dd]HH]MM[.SS]."""
        assert self.seconds is not None
        tm = localtime(self.seconds, self.env)
        zoned = False
        if self.input is not None:
            got = strptime(text, self.input, tm)
            if got is None:
                self.p.stderr.write(f"Failed conversion of ``{text}'' using format ``{self.input}''\n")
                self.bad_format()
            left, zoned = got
            if left:
                self.p.stderr.write(f"Warning: Ignoring {len(left)} extraneous characters in date string ({left})\n")
        else:
            self.digits(text, tm)
        self.seconds, self.ns = tm.timegm() if zoned else mktime(tm, self.env), 0
        if self.setting:
            # DIFFERS: the machine's clock is the driver's and cannot be set.
            self.p.err(1, EPERM, "clock_settime")

    def digits(self, text: str, tm: Tm) -> None:
        """The traditional form."""
        main, dot, sec = text.partition(".")
        fields = [int(main[i : i + 2]) for i in range(0, len(main), 2)] if main.isascii() and main.isdigit() else []
        if not fields or len(main) % 2 or len(main) > 12 or (dot and not (sec.isascii() and sec.isdigit() and len(sec) == 2)):
            self.bad_format()
        tm.sec = int(sec or "0")
        tm.minute = fields[-1]
        if len(fields) > 1:
            tm.hour = fields[-2]
        if len(fields) > 2:
            tm.mday = fields[-3]
        if len(fields) > 3:
            tm.mon = fields[-4]
        if len(fields) == 5:
            tm.year = fields[0] + (2000 if fields[0] < 69 else 1900)
        elif len(fields) == 6:
            tm.year = fields[0] * 100 + fields[1]
        if tm.sec > 61 or tm.minute > 59 or tm.hour > 23 or tm.mday > 31 or tm.mon > 12:
            self.bad_format()

    def text(self) -> str:
        """What is printed."""
        assert self.seconds is not None
        if self.zone is not None:
            self.env["TZ"] = self.zone
        tm = localtime(self.seconds, self.env)
        for arg in self.vary:
            if not Vary(tm, self.env).apply(arg):
                self.p.stderr.write(f"{arg}: Cannot apply date adjustment\n")
                self.p.usage(USAGE)
        if not self.iso:
            return strftime("%+" if self.format is None else nanoseconds(self.format, self.ns), tm)
        form = ""
        for name, piece in ISO.items():
            form += piece
            if name == self.iso:
                break
        text = strftime(nanoseconds(form, self.ns), tm)
        if self.iso != "date":
            zone = strftime("%z", tm)
            text += f"{zone[:3]}:{zone[3:]}"
        return text


def nanoseconds(form: str, ns: int) -> str:
    """strftime_ns: a format with its %N, %3N and %-N replaced; the clock counts single nanoseconds."""
    out = []
    at = 0
    while at < len(form):
        start = at
        at += 1
        if form[start] != "%":
            out.append(form[start])
            continue
        dash, digits = False, ""
        while at < len(form) and ((form[at] in DIGITS and not dash) or (form[at] == "-" and not dash and not digits)):
            dash = dash or form[at] == "-"
            digits += form[at] if form[at] != "-" else ""
            at += 1
        if form[at : at + 1] == "N":
            width = 8 if dash else min(int(digits or "0"), 1000) or 9
            out.append(f"{ns:09d}"[:width].ljust(width, "0"))
            at += 1
        else:
            at += form[at : at + 1] == "%" and at == start + 1
            out.append(form[start:at])
    return "".join(out)


class Vary:
    """-v: adjustments of a broken-down time."""

    def __init__(self, tm: Tm, env: dict[str, str]) -> None:
        self.tm = tm
        self.env = env

    def apply(self, arg: str) -> bool:
        """One adjustment; False if it makes no sense."""
        sign = arg[0] if arg[:1] in ("+", "-") else ""
        body = arg[len(sign) :]
        if len(body) < 2:
            return False
        if body[:-1].isascii() and body[:-1].isdigit():
            unit = {"S": "sec", "M": "minute", "H": "hour", "d": "day", "w": "week", "m": "month", "y": "year"}.get(body[-1])
            done = unit is not None and getattr(self, unit)(sign, int(body[:-1]))
        else:
            done = self.names(sign, body)
        self.normalise()
        return bool(done)

    def normalise(self) -> None:
        """mktime: carry what is out of range and find the day of the week."""
        tm = self.tm
        got = localtime(mktime(tm, self.env), self.env)
        for field in ("year", "mon", "mday", "hour", "minute", "sec", "wday", "yday", "offset", "zone"):
            setattr(tm, field, getattr(got, field))

    def names(self, sign: str, body: str) -> bool:
        """Names of days and months."""
        day = named(DAYS, body)
        if day >= 0:
            return self.weekday(sign, day)
        mon = named(MONTHS, body)
        return mon >= 0 and self.named_month(sign, mon + 1)

    def weekday(self, sign: str, day: int) -> bool:
        """Monday: that of this week; +Monday: the next; -Monday: the last."""
        now = self.tm.wday
        if sign == "+":
            self.tm.mday += 7 - now + day if day < now else day - now
        elif sign == "-":
            self.tm.mday -= 7 - day + now if day > now else now - day
        else:
            self.tm.mday += day - now
        return True

    def named_month(self, sign: str, mon: int) -> bool:
        """The same for months."""
        now = self.tm.mon
        if not sign:
            return self.month("", mon)
        if sign == "+":
            return self.month("+", 12 - now + mon if mon < now else mon - now)
        return self.month("-", 12 - mon + now if mon > now else now - mon)

    def year(self, sign: str, value: int) -> bool:
        """Years."""
        if sign:
            self.tm.year += value if sign == "+" else -value
        else:
            self.tm.year = value + 2000 if value < 69 else value + 1900 if value <= 1900 else value
        return 0 < self.tm.year < 10000

    def month(self, sign: str, value: int) -> bool:
        """Months; a day that the month lacks becomes its last."""
        tm = self.tm
        if sign:
            months = tm.year * 12 + tm.mon - 1 + (value if sign == "+" else -value)
            tm.year, tm.mon = months // 12, months % 12 + 1
        elif 1 <= value <= 12:
            tm.mon = value
        else:
            return False
        if not 0 < tm.year < 10000:
            return False
        tm.mday = min(tm.mday, month_days(tm.year, tm.mon))
        return True

    def day(self, sign: str, value: int) -> bool:
        """Days."""
        tm = self.tm
        if sign:
            tm.mday += value if sign == "+" else -value
            return abs(value) < 3_000_000
        if not 0 < value <= month_days(tm.year, tm.mon):
            return False
        tm.mday = value
        return True

    def week(self, sign: str, value: int) -> bool:
        """Weeks; without a sign the day of the week."""
        if sign:
            return self.day(sign, value * 7)
        return value <= 6 and self.weekday("", value)

    def _clock(self, field: str, sign: str, value: int, most: int) -> bool:
        if sign:
            setattr(self.tm, field, getattr(self.tm, field) + (value if sign == "+" else -value))
            return abs(value) < 10**11
        if value > most:
            return False
        setattr(self.tm, field, value)
        return True

    def hour(self, sign: str, value: int) -> bool:
        """Hours."""
        return self._clock("hour", sign, value, 23)

    def minute(self, sign: str, value: int) -> bool:
        """Minutes."""
        return self._clock("minute", sign, value, 59)

    def sec(self, sign: str, value: int) -> bool:
        """Seconds."""
        return self._clock("sec", sign, value, 59)


def named(names: tuple[str, ...], text: str) -> int:
    """The index of a name, given whole, by its first letters, or by anything that shares its first three."""
    low = text.lower()
    for i, name in enumerate(names):
        if name[:3].lower() == low[:3] or name.lower().startswith(low):
            return i
    return -1


def c_number(text: str) -> int | None:
    """strtoimax(text, &end, 0), None unless all of it is a number."""
    body = text.strip(" \t\n") if text[:1].isspace() else text
    sign = -1 if body.startswith("-") else 1
    body = body[1:] if body[:1] in ("+", "-") else body
    if not (body.isascii() and body.isalnum()):
        return None
    base = 16 if body[:2].lower() == "0x" else 8 if body.startswith("0") and len(body) > 1 else 10
    try:
        value = sign * int(body, base)
    except ValueError:
        return None
    return max(-62135596800, min(value, 253402300799))


@checks_stdout(1)
@program("/bin/date")
def main(p: Program) -> int:
    """date [-jnRu] [-I...] [-f input_fmt] [-r filename|seconds] [-v...] [new_date] [+output_fmt]"""
    date = Date(p)
    parsed = Getopt(p, "f:I::jnRr:uv:z:")
    for key, value in parsed:
        date.option(key, value)
    if date.seconds is None:
        date.seconds, date.ns = divmod(p.sys.clock_gettime(), NS)
    date.operands(parsed.args)
    p.stdout.write(f"{date.text()}\n")
    return 0
