"""Dates of pw(8): when a password or an account expires (usr.sbin/pw/psdate.c)."""

from __future__ import annotations

import re

from vshell.userland.cnumber import strtol
from vshell.userland.program import Program
from vshell.userland.strftime import gmtime, month_days

UNITS = {"h": 3600, "m": 60, "": 60, "s": 1, "d": 86400, "w": 604800}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DATE = re.compile(r"(\d{1,2})-(\d{1,2}|[a-z]{3,9})-(\d{1,4})", re.ASCII)
CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?", re.ASCII)


def parse_date(p: Program, text: str) -> str:
    """Seconds since the epoch: a number, +N or -N of a unit from now, or a day and perhaps a time of it."""
    now = p.sys.clock_gettime() // 1_000_000_000
    text = text.lstrip()
    if not text.strip("0123456789x"):
        return str(strtol(text, 0)[0])
    if text[0] in "+-":
        number, unit, _ = strtol(text, 0)
        unit = unit[:1].lower()
        if unit in UNITS:
            return str(now + number * UNITS[unit])
        return str(_months(now, number * (12 if unit == "y" else 1)) if unit in ("o", "y") else now)
    words = text.lower().split()
    if words and words[0].rstrip(",") in ("sun", "mon", "tue", "wed", "thu", "fri", "sat"):
        words = words[1:]
    day = next((m for w in words if (m := DATE.fullmatch(w))), None)
    clock = next((m for w in words if (m := CLOCK.fullmatch(w))), None)
    if day is None or len(words) != 1 + (clock is not None):
        p.errx(1, "Invalid date")
    month = int(day[2]) if day[2].isdecimal() else next((i for i, m in enumerate(MONTHS, 1) if day[2].startswith(m)), 0)
    year = int(day[3])
    if len(day[3]) <= 2:
        year += 1900 if year >= 69 else 2000
    tm = gmtime(0)
    tm.year, tm.mon, tm.mday = year, month, int(day[1])
    tm.hour, tm.minute, tm.sec = (int(clock[1]), int(clock[2]), int(clock[3] or 0)) if clock else (0, 0, 0)
    if not (1 <= month <= 12 and 1 <= tm.mday <= 31 and tm.hour <= 23 and tm.minute <= 59 and tm.sec <= 60):
        p.errx(1, "Invalid date")
    return str(tm.timegm())


def _months(now: int, number: int) -> int:
    """So many months later, on the last day of the month if it has no such day."""
    tm = gmtime(now)
    months = tm.year * 12 + tm.mon - 1 + number
    tm.year, tm.mon = months // 12, months % 12 + 1
    tm.mday = min(tm.mday, month_days(tm.year, tm.mon))
    return tm.timegm()
