"""strftime(3), strptime(3) and the calendar, for times in UTC (integer seconds since the epoch)."""

from __future__ import annotations

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
CUMULATIVE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Tm:
    """struct tm: broken-down time, with FreeBSD's extension for the zone."""

    __slots__ = ("hour", "mday", "minute", "mon", "offset", "sec", "wday", "yday", "year", "zone")

    def __init__(self, year: int = 1970, mon: int = 1, mday: int = 1, hour: int = 0, minute: int = 0, sec: int = 0) -> None:
        self.year = year
        self.mon = mon
        self.mday = mday
        self.hour = hour
        self.minute = minute
        self.sec = sec
        self.wday = self.yday = 0
        self.offset = 0
        self.zone = "UTC"

    def timegm(self) -> int:
        """The seconds since the epoch; fields out of range carry over, as in timegm(3)."""
        year, mon = self.year + (self.mon - 1) // 12, (self.mon - 1) % 12 + 1
        days = days_from_civil(year, mon, 1) + self.mday - 1
        return ((days * 24 + self.hour) * 60 + self.minute) * 60 + self.sec - self.offset


def leap(year: int) -> bool:
    """True for a leap year."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_from_civil(year: int, mon: int, mday: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    y = year - 1
    days = y * 365 + y // 4 - y // 100 + y // 400
    return days + CUMULATIVE[mon - 1] + (1 if mon > 2 and leap(year) else 0) + mday - 1 - 719162


def month_days(year: int, mon: int) -> int:
    """How many days a month has."""
    return 29 if mon == 2 and leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[mon - 1]


def gmtime(seconds: int, offset: int = 0, zone: str = "UTC") -> Tm:
    """gmtime(3), moved by a zone's offset."""
    days, rest = divmod(seconds + offset, 86400)
    year = 1970 + days * 400 // 146097
    while days_from_civil(year + 1, 1, 1) <= days:
        year += 1
    while days_from_civil(year, 1, 1) > days:
        year -= 1
    yday = days - days_from_civil(year, 1, 1)
    mon, left = 1, yday
    while left >= month_days(year, mon):
        left -= month_days(year, mon)
        mon += 1
    tm = Tm(year, mon, left + 1, rest // 3600, rest // 60 % 60, rest % 60)
    tm.wday, tm.yday, tm.offset, tm.zone = (days + 4) % 7, yday, offset, zone
    return tm


def localtime(seconds: int, env: dict[str, str]) -> Tm:
    """localtime(3): the zone is $TZ, an offset (UTC0, JST-9), one with summer time (EST5EDT), or a place (zones.py)."""
    tz = env.get("TZ", "")
    offset, zone = parse_tz(tz)
    if tz not in ("", "UTC", "UTC0", "GMT"):
        from vshell.userland.zones import zone as find

        offset, zone = find(tz, seconds) or (offset, zone)
    return gmtime(seconds, offset, zone)


def mktime(tm: Tm, env: dict[str, str]) -> int:
    """mktime(3): seconds since the epoch of a local time; the fields count, not the offset that is in them."""
    wall = tm.timegm() + tm.offset
    guess = wall - localtime(wall, env).offset
    return wall - localtime(guess, env).offset


def parse_tz(text: str) -> tuple[int, str]:
    """(seconds east, name) of a POSIX TZ string without its summer time rule."""
    at = 0
    if text.startswith("<"):
        at = text.find(">") + 1
        name = text[1 : at - 1]
    else:
        while at < len(text) and text[at].isalpha():
            at += 1
        name = text[:at]
    if len(name) < 3:
        return 0, "UTC"
    sign = 1 if text[at : at + 1] == "-" else -1
    fields = text[at:].lstrip("+-").split(",")[0].split(":")
    hours = ""
    for c in fields[0]:
        if not c.isdecimal():
            break
        hours += c
    if not hours:
        return 0, name if name in ("UTC", "GMT") else "UTC"
    minutes = int(fields[1]) if len(fields) > 1 and fields[1].isdecimal() else 0
    return sign * (int(hours) * 3600 + minutes * 60), name


def iso_week(tm: Tm) -> tuple[int, int]:
    """(year, week) of ISO 8601."""
    week = (tm.yday - (tm.wday + 6) % 7 + 10) // 7
    if week < 1:
        last = 366 if leap(tm.year - 1) else 365
        return tm.year - 1, (tm.yday + last - (tm.wday + 6) % 7 + 10) // 7
    if week == 53:
        year_days = 366 if leap(tm.year) else 365
        if year_days - tm.yday <= 3 - (tm.wday + 6) % 7:
            return tm.year + 1, 1
    return tm.year, week


_COMPOUND = {
    "c": "%a %b %e %H:%M:%S %Y", "D": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M", "r": "%I:%M:%S %p", "T": "%H:%M:%S",
    "v": "%e-%b-%Y", "X": "%H:%M:%S", "x": "%m/%d/%y", "+": "%a %b %e %H:%M:%S %Z %Y",
}  # fmt: skip


def _zone(tm: Tm) -> str:
    minutes = abs(tm.offset) // 60
    return f"{'-' if tm.offset < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"


def _number(text: str, width: int, flag: str, pad: str) -> str:
    """A number with the flags - (no padding), _ (blanks), 0 (zeros)."""
    if flag == "-":
        return text
    return text.rjust(width, {"_": " ", "0": "0"}.get(flag, pad))


def _convert(tm: Tm, c: str, flag: str) -> str | None:
    hour12 = tm.hour % 12 or 12
    numbers = {
        "C": (tm.year // 100, 2, "0"), "d": (tm.mday, 2, "0"), "e": (tm.mday, 2, " "), "g": (iso_week(tm)[0] % 100, 2, "0"),
        "G": (iso_week(tm)[0], 4, "0"), "H": (tm.hour, 2, "0"), "I": (hour12, 2, "0"), "j": (tm.yday + 1, 3, "0"),
        "k": (tm.hour, 2, " "), "l": (hour12, 2, " "), "m": (tm.mon, 2, "0"), "M": (tm.minute, 2, "0"),
        "S": (tm.sec, 2, "0"), "u": (tm.wday or 7, 1, "0"), "U": ((tm.yday + 7 - tm.wday) // 7, 2, "0"),
        "V": (iso_week(tm)[1], 2, "0"), "w": (tm.wday, 1, "0"), "W": ((tm.yday + 7 - (tm.wday + 6) % 7) // 7, 2, "0"),
        "y": (tm.year % 100, 2, "0"), "Y": (tm.year, 4, "0"),
    }  # fmt: skip
    if c in numbers:
        value, width, pad = numbers[c]
        return _number(str(value), width, flag, pad)
    texts = {
        "A": DAYS[tm.wday], "a": DAYS[tm.wday][:3], "B": MONTHS[tm.mon - 1], "b": MONTHS[tm.mon - 1][:3],
        "h": MONTHS[tm.mon - 1][:3], "n": "\n", "t": "\t", "%": "%", "p": "PM" if tm.hour >= 12 else "AM",
        "Z": tm.zone, "z": _zone(tm), "s": str(tm.timegm()),
    }  # fmt: skip
    return texts.get(c)


def strftime(form: str, tm: Tm) -> str:
    """strftime(3)."""
    out = []
    at = 0
    while at < len(form):
        c = form[at]
        if c != "%" or at + 1 >= len(form):
            out.append(c)
            at += 1
            continue
        at += 1
        flag = ""
        while at < len(form) - 1 and form[at] in "EO-_0":
            if form[at] in "-_0":
                flag = form[at]
            at += 1
        c = form[at]
        at += 1
        if c in _COMPOUND:
            out.append(strftime(_COMPOUND[c], tm))
        else:
            value = _convert(tm, c, flag)
            out.append(c if value is None else value)
    return "".join(out)
