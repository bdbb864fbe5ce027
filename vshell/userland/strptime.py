"""strptime(3): read a date by a format."""

from __future__ import annotations

from vshell.userland.strftime import DAYS, MONTHS, Tm, days_from_civil, gmtime, month_days

_COMPOUND = {
    "D": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M", "r": "%I:%M:%S %p", "T": "%H:%M:%S", "X": "%H:%M:%S", "x": "%m/%d/%y",
    "c": "%a %b %e %H:%M:%S %Y", "+": "%a %b %e %H:%M:%S %Z %Y",
}  # fmt: skip
_RANGES = {
    "H": (0, 23, 2), "I": (1, 12, 2), "k": (0, 23, 2), "l": (1, 12, 2), "M": (0, 59, 2), "S": (0, 60, 2), "d": (1, 31, 2),
    "e": (1, 31, 2), "m": (1, 12, 2), "j": (1, 366, 3), "U": (0, 53, 2), "W": (0, 53, 2), "u": (1, 7, 1), "w": (0, 6, 1),
    "C": (0, 99, 2), "Y": (0, 9999, 4), "y": (0, 99, 2),
}  # fmt: skip
"""Smallest and greatest value and number of digits of the numeric conversions."""


class _Mismatch(Exception):
    """The text does not fit the format."""


class Parser:
    """One conversion of a text into `tm`; `zoned` tells that the text itself named UTC or an offset."""

    def __init__(self, text: str, tm: Tm) -> None:
        self.text = text
        self.at = 0
        self.tm = tm
        self.zoned = False
        self.century = -1
        self.year = -1
        self.yday = -1

    def parse(self, form: str) -> None:
        """Walk along the format."""
        i = 0
        while i < len(form):
            c = form[i]
            i += 1
            if c != "%":
                if c.isspace():
                    self.spaces()
                elif self.text[self.at : self.at + 1] == c:
                    self.at += 1
                else:
                    raise _Mismatch
                continue
            while i < len(form) and form[i] in "EO":
                i += 1
            if i >= len(form):
                raise _Mismatch
            self.convert(form[i])
            i += 1

    def spaces(self) -> None:
        """Skip white space."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def number(self, digits: int) -> int:
        """An unsigned number of at most so many digits."""
        start = self.at
        while self.at < len(self.text) and self.at - start < digits and self.text[self.at] in "0123456789":
            self.at += 1
        if self.at == start:
            raise _Mismatch
        return int(self.text[start : self.at])

    def name(self, names: tuple[str, ...]) -> int:
        """The index of a full or abbreviated name."""
        rest = self.text[self.at :].lower()
        for i, name in enumerate(names):
            for form in (name.lower(), name[:3].lower()):
                if rest.startswith(form):
                    self.at += len(form)
                    return i
        raise _Mismatch

    def convert(self, c: str) -> None:
        """One conversion specification."""
        if c in _COMPOUND:
            self.parse(_COMPOUND[c])
        elif c in "nt":
            self.spaces()
        elif c in "Aa":
            self.tm.wday = self.name(DAYS)
        elif c in "Bbh":
            self.tm.mon = self.name(MONTHS) + 1
        elif c == "p":
            self.ampm()
        elif c == "s":
            self.seconds()
        elif c in "Zz":
            self.zone(c)
        elif c in _RANGES:
            self.numeric(c)
        elif c == "%" and self.text[self.at : self.at + 1] == "%":
            self.at += 1
        else:
            raise _Mismatch

    def numeric(self, c: str) -> None:
        """A number within its range."""
        least, most, digits = _RANGES[c]
        here = self.text[self.at : self.at + 1]
        if c in "MSYy" and (not here or here.isspace()):
            return
        if c in "kle" and here in (" ", "\t"):
            self.at += 1
            digits = digits if c == "e" else 1
        value = self.number(digits)
        if not least <= value <= most:
            raise _Mismatch
        tm = self.tm
        if c in "HIkl":
            tm.hour = value
        elif c == "M":
            tm.minute = value
        elif c == "S":
            tm.sec = value
        elif c in "de":
            tm.mday = value
        elif c == "m":
            tm.mon = value
        elif c == "j":
            self.yday = value - 1
        elif c == "C":
            self.century = value
        elif c == "Y":
            self.century, self.year = divmod(value, 100)
        elif c == "y":
            self.year = value

    def ampm(self) -> None:
        """AM or PM after an hour of twelve."""
        word = self.text[self.at : self.at + 2].lower()
        if self.tm.hour > 12 or word not in ("am", "pm"):
            raise _Mismatch
        self.at += 2
        if word == "am":
            self.tm.hour %= 12
        elif self.tm.hour != 12:
            self.tm.hour += 12

    def seconds(self) -> None:
        """Seconds since the epoch: sets everything."""
        sign = -1 if self.text[self.at : self.at + 1] == "-" else 1
        if self.text[self.at : self.at + 1] in ("+", "-"):
            self.at += 1
        got = gmtime(sign * self.number(18))
        for field in ("year", "mon", "mday", "hour", "minute", "sec"):
            setattr(self.tm, field, getattr(got, field))
        self.zoned = True
        self.tm.offset = 0

    def zone(self, c: str) -> None:
        """A name of UTC, or an offset +hhmm."""
        if c == "Z":
            start = self.at
            while self.text[self.at : self.at + 1].isupper():
                self.at += 1
            word = self.text[start : self.at]
            if word and word not in ("UTC", "GMT", "Z", self.tm.zone):
                raise _Mismatch
            if word in ("UTC", "GMT", "Z"):
                self.zoned, self.tm.offset = True, 0
            return
        sign = self.text[self.at : self.at + 1]
        if sign not in ("+", "-"):
            raise _Mismatch
        self.at += 1
        start = self.at
        value = self.number(4)
        if self.at - start != 4 or value % 100 > 59:
            raise _Mismatch
        self.zoned = True
        self.tm.offset = (value // 100 * 3600 + value % 100 * 60) * (-1 if sign == "-" else 1)

    def finish(self) -> None:
        """Put the year together and check the day of the month."""
        tm = self.tm
        if self.year >= 0 or self.century >= 0:
            if self.century >= 0:
                tm.year = self.century * 100 + max(self.year, 0)
            else:
                tm.year = self.year + (2000 if self.year < 69 else 1900)
        if self.yday >= 0:
            got = gmtime((days_from_civil(tm.year, 1, 1) + self.yday) * 86400)
            tm.mon, tm.mday = got.mon, got.mday
        if tm.mday > month_days(tm.year, tm.mon) and self.year >= 0:
            raise _Mismatch


def strptime(text: str, form: str, tm: Tm) -> tuple[str, bool] | None:
    """Read `text` into `tm`: (what is left of the text, it named its zone), or None if it does not fit."""
    parser = Parser(text, tm)
    try:
        parser.parse(form)
        parser.finish()
    except _Mismatch:
        return None
    return text[parser.at :], parser.zoned
