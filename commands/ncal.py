"""cal(1), ncal(1): a calendar and the date of Easter (usr.bin/ncal/ncal.c).

Left out: -s and -p, the days on which other countries went over to the Gregorian calendar.
"""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.userland.cnumber import atoi, strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.strftime import localtime

USAGE = """\
Usage: cal [general options] [-hjy] [[month] year]
       cal [general options] [-hj] [-m month] [year]
       ncal [general options] [-hJjpwy] [-s country_code] [[month] year]
       ncal [general options] [-hJeo] [year]
General options: [-NCM3] [-A months] [-B months]
For debug the highlighting: [-H yyyy-mm-dd] [-d yyyy-mm]
"""
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
EX_USAGE = 64
SWITCH = 2361221
"""The last Julian day in the English-speaking world, 2 September 1752, as a Julian day number."""
NEVER = 1 << 40
STANDOUT = {"xterm": ("\033[7m", "\033[27m")}


def julian(y: int, m: int, d: int) -> int:
    """The day number of a date of the Julian calendar."""
    y, m = (y + 4799, m + 9) if m < 3 else (y + 4800, m - 3)
    return d + (153 * m + 2) // 5 + 365 * y + y // 4 - 32083


def gregorian(y: int, m: int, d: int) -> int:
    """The day number of a date of the Gregorian calendar."""
    y, m = (y + 4799, m + 9) if m < 3 else (y + 4800, m - 3)
    return d + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045


def easter(y: int) -> int:
    """The day number of Easter in the Gregorian calendar."""
    golden, century = y % 19, y // 100
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    epact -= (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (y + y // 4 + epact + 2 - century + century // 4) % 7
    days = epact - weekday
    month = 3 + (days + 40) // 44
    return gregorian(y, month, days + 28 - 31 * (month // 4))


def orthodox(y: int) -> int:
    """The day number of Easter in the Julian calendar."""
    moon = (19 * (y % 19) + 15) % 30
    days = moon + (2 * (y % 4) + 4 * (y % 7) - moon + 34) % 7 + 114
    return julian(y, days // 31, days % 31 + 1)


class Calendar:
    """Options and layout."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.backward = p.name.startswith("cal")
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        self.switch = SWITCH
        self.highlight = p.sys.isatty(1)
        self.marked = -1

    def usage(self) -> NoReturn:
        """The usage text."""
        self.p.usage(USAGE, EX_USAGE)

    def number(self, y: int, m: int, d: int) -> int:
        """The day number of a date."""
        n = julian(y, m, d)
        return gregorian(y, m, d) if n > self.switch else n

    def first(self, y: int, m: int) -> int:
        """The day number of a month's first day; month 13 is the next January."""
        return self.number(y + (m - 1) // 12, (m - 1) % 12 + 1, 1)

    def date(self, n: int) -> tuple[int, int, int]:
        """The date of a day number."""
        if n > self.switch:
            a = n + 32044
            b = (4 * a + 3) // 146097
            c = a - 146097 * b // 4
        else:
            b, c = 0, n + 32082
        d = (4 * c + 3) // 1461
        e = c - 1461 * d // 4
        m = (5 * e + 2) // 153
        return 100 * b + d - 4800 + m // 10, m + 3 - 12 * (m // 10), e - (153 * m + 2) // 5 + 1

    def week(self, n: int) -> int:
        """The number of a week."""
        year = self.date(n)[0] + 1
        while n < (start := self.first_week(year)):
            year -= 1
        return (n - start) // 7 + 1

    def first_week(self, year: int) -> int:
        """The Monday of the first week."""
        n = self.first(year, 1)
        return n - n % 7 + (7 if n % 7 > 3 else 0)

    def cell(self, n: int, start: int, end: int, jan1: int) -> tuple[str, int]:
        """A day as it is shown, and how many characters of it take no room."""
        width = 4 if "j" in self.flags else 3
        if n < start or n >= end:
            return " " * width, 0
        text = f"{n - jan1 + 1 if 'j' in self.flags else self.date(n)[2]:{width}d}"
        if n != self.marked or not self.highlight:
            return text, 0
        if self.p.sys.isatty(1) and self.p.env.get("TERM", "") in STANDOUT:
            on, off = STANDOUT[self.p.env["TERM"]]
            return f" {on}{text[1:]}{off}", len(on + off)
        return " " + "".join("_\b" + c for c in text[1:]), 2 * (width - 1)

    def rows(self, y: int, m: int) -> list[tuple[str, int]]:
        """The lines of a month: weeks for cal, weekdays for ncal; each with its characters that take no room."""
        start, end, jan1 = self.first(y, m), self.first(y, m + 1), self.first(y, 1)
        monday = start - start % 7
        if not self.backward:
            wanted = [range(monday + i, end, 7) for i in range(7)]
        else:
            week = monday if "M" in self.flags else start - (start % 7 + 1) % 7
            wanted = [range(week + 7 * i, min(week + 7 * i + 7, end)) for i in range(6)]
        rows = []
        for days in wanted:
            cells = [self.cell(n, start, end, jan1) for n in days]
            rows.append(("".join([text for text, _ in cells]), sum(extra for _, extra in cells)))
        return rows

    def show(self, first: int, count: int) -> None:
        """Months, counted from the year 0."""
        wide = "j" in self.flags
        row = (2 if wide else 3) if self.backward else (3 if wide else 4)
        width = (27 if wide else 20) if self.backward else (24 if wide else 18)
        header = count >= row and first % 12 % row == 0
        year = -1
        for at in range(first, first + count, row):
            months = [(m // 12, m % 12 + 1) for m in range(at, min(at + row, first + count))]
            lines = [""] if at != first else []
            if header and months[0][0] != year:
                year = months[0][0]
                lines.append(self.centered(str(year), row * width))
            names = [MONTHS[m - 1] if header else f"{MONTHS[m - 1]} {y}" for y, m in months]
            lines += self.weeks(months, names, width) if self.backward else self.weekdays(months, names, width)
            self.p.stdout.write("".join(line + "\n" for line in lines))

    def centered(self, text: str, width: int) -> str:
        return " " * max((width - len(text)) // 2, 0) + text

    def weeks(self, months: list[tuple[int, int]], names: list[str], width: int) -> list[str]:
        """A row of months of cal."""
        space = " " if "j" in self.flags else ""
        order = DAYS if "M" in self.flags else (DAYS[6], *DAYS[:6])
        lines = ["".join(self.centered(name, width).ljust(width) + "  " for name in names)]
        lines.append(("".join(f"{space}{day} " for day in order) + " ") * len(months))
        rows = [self.rows(y, m) for y, m in months]
        for i in range(6):
            cells = [one[i] for one in rows]
            lines.append("".join(text[1:].ljust(width + extra) + "  " for text, extra in cells))
        return lines

    def weekdays(self, months: list[tuple[int, int]], names: list[str], width: int) -> list[str]:
        """A row of months of ncal."""
        lines = ["    " + "".join(name.ljust(width) for name in names)]
        rows = [self.rows(y, m) for y, m in months]
        for i, day in enumerate(DAYS):
            cells = [one[i] for one in rows]
            lines.append(day + "".join(text.ljust(width + extra) for text, extra in cells))
        if "w" in self.flags:
            lines.append("  " + "".join(self.numbers(y, m).ljust(width) for y, m in months))
        return lines

    def numbers(self, y: int, m: int) -> str:
        """-w: the weeks of a month."""
        start, end = self.first(y, m), self.first(y, m + 1)
        width = 4 if "j" in self.flags else 3
        days = range(start - start % 7, end, 7)
        return "".join(" " * width if n <= self.switch else f"{self.week(n):{width}d}" for n in days)

    # options ---------------------------------------------------------------------------------------------------
    def positive(self, key: str, value: str) -> None:
        """-A and -B."""
        if key in self.values:
            self.p.errx(EX_USAGE, f"Double -{key} specified")
        if strtol(value)[0] <= 0:
            self.p.errx(EX_USAGE, f"Argument to -{key} must be positive")
        self.values[key] = value

    def option(self, key: str, value: str) -> None:
        """One option."""
        if key in "AB":
            self.positive(key, value)
        elif key in "Jeow" and self.backward:
            self.usage()
        elif key == "C":
            self.backward = True
        elif key == "N":
            self.backward = False
        elif key == "J":
            self.switch = NEVER
        elif key == "h":
            self.highlight = not self.highlight
        elif key == "m":
            if "m" in self.values:
                self.p.errx(EX_USAGE, "Double -m specified")
            self.values["m"] = value
        elif key in "dH":
            self.values[key] = value
        elif key in "3jMywJeo":
            self.flags.add(key)
        else:
            self.usage()

    def month(self, text: str, m: int, y: int) -> tuple[int, int]:
        """The month an operand or -m means; a number with f or p is the one that follows or precedes today's."""
        if found := re.match(r"\s*([+-]?\d+)([fFpP]?)$", text):
            n, way = int(found[1]), found[2].lower()
            if 1 <= n <= 12:
                return n, y + (way == "f" and n <= m) - (way == "p" and n >= m)
        else:
            for i, name in enumerate(MONTHS, 1):
                if len(text) >= 3 and (text.lower().startswith(name.lower()) or text.lower()[:3] == name[:3].lower()):
                    return i, y
        self.p.errx(EX_USAGE, f"{text} is neither a month number (1..12) nor a name")

    def refuse(self, given_month: bool, given_year: bool) -> None:
        """What does not go together."""
        months, whole, named = "3" in self.flags, "y" in self.flags, "m" in self.values
        around = "A" in self.values or "B" in self.values
        for wrong, text in (
            (months and around, "-3 together with -A and -B is not supported."),
            (months and whole, "-3 together with -y is not supported."),
            (
                months and given_year and not (given_month or named),
                "-3 together with a given year but no given month is not supported.",
            ),
            (named and given_month, "-m together with a given month is not supported."),
            (whole and named, "-y together with -m is not supported."),
            (whole and given_month, "-y together a given month is not supported."),
            (whole and around, "-y together a -A or -B is not supported."),
        ):
            if wrong:
                self.p.errx(EX_USAGE, text)

    def run(self, args: list[str]) -> None:
        """The operands; print."""
        p = self.p
        now = localtime(p.sys.clock_gettime() // 1_000_000_000, p.env)
        y, m = now.year, now.mon
        if "d" in self.values and not args:
            y, m = atoi(self.values["d"]), atoi(self.values["d"][5:])
        if len(args) > 2 or ("e" in self.flags and len(args) == 2):
            self.usage()
        if args:
            y = atoi(args[-1])
            if not 1 <= y <= 9999:
                p.errx(EX_USAGE, f"year `{args[-1]}' not in range 1..9999")
        name = self.values.get("m", args[0] if len(args) == 2 else None)
        if name is not None:
            m, y = self.month(name, m, y)
        self.refuse(len(args) == 2, bool(args))
        before = after = 0
        if "y" in self.flags or (len(args) == 1 and "m" not in self.values):
            m, after = 1, 11
        before = atoi(self.values.get("B", "0")) or before
        after = atoi(self.values.get("A", "0")) or after
        if "3" in self.flags:
            before = after = 1
        day = self.values.get("H")
        date = (atoi(day), atoi(day[5:]), atoi(day[8:])) if day else (now.year, now.mon, now.mday)
        self.marked = self.number(*date)
        if self.flags & {"e", "o"}:
            self.easter(y)
        else:
            self.show(y * 12 + m - 1 - before, before + after + 1)

    def easter(self, y: int) -> None:
        """-e, -o."""
        if y >= 1583 and "o" not in self.flags:
            n = easter(y)
        else:
            n = orthodox(y)
            if "J" not in self.flags:
                self.switch = -1
        year, month, day = self.date(n)
        self.p.stdout.write(f"{MONTHS[month - 1]} {day:2d} {year}\n")


@program("/usr/bin/ncal", "/usr/bin/cal")
def main(p: Program) -> int:
    """cal [-3hjMNy] [-A months] [-B months] [-m month] [[month] year]"""
    calendar = Calendar(p)
    parsed = Getopt(p, "3A:B:Cd:eH:hjJm:Nops:wyM")
    for key, value in parsed:
        calendar.option(key, value)
    calendar.run(parsed.args)
    return 0
