"""Time zones named in TZ: places of the zone database, and POSIX strings with summer time (tzset(3), tzfile(5)).

The well-known places and their rules of summer time; a place that is not here is UTC, as one the system has no file of.
Of the years before 1990 only the larger changes are kept.
"""

from __future__ import annotations

import re

from vshell.userland.strftime import days_from_civil, gmtime, month_days

HOUR = 3600
Switch = tuple[int, int, int]
"""Month, which Sunday (5 is the last one), seconds of local standard time."""
RULES: dict[str, tuple[tuple[int, Switch, Switch], ...]] = {
    "US": (
        (2007, (3, 2, 2 * HOUR), (11, 1, HOUR)),
        (1987, (4, 1, 2 * HOUR), (10, 5, HOUR)),
        (1967, (4, 5, 2 * HOUR), (10, 5, HOUR)),
    ),
    "AU": (
        (2008, (10, 1, 2 * HOUR), (4, 1, 2 * HOUR)),
        (2001, (10, 5, 2 * HOUR), (3, 5, 2 * HOUR)),
        (1972, (10, 5, 2 * HOUR), (3, 1, 2 * HOUR)),
    ),
    "NZ": (
        (2008, (9, 5, 2 * HOUR), (4, 1, 2 * HOUR)),
        (1990, (10, 1, 2 * HOUR), (3, 3, 2 * HOUR)),
        (1976, (10, 5, 2 * HOUR), (3, 1, 2 * HOUR)),
    ),
}
"""From a year on: when summer time begins and when it ends."""
EUROPE = ((1996, 10), (1981, 9))
"""From a year on: the month at whose last Sunday summer time ends, everywhere at 01:00 UTC."""
PLACES = {
    "EST5EDT US": "America/New_York America/Detroit America/Toronto America/Montreal US/Eastern EST5EDT",
    "CST6CDT US": "America/Chicago America/Winnipeg US/Central CST6CDT",
    "MST7MDT US": "America/Denver America/Edmonton America/Boise US/Mountain MST7MDT",
    "PST8PDT US": "America/Los_Angeles America/Vancouver US/Pacific PST8PDT",
    "AKST9AKDT US": "America/Anchorage US/Alaska",
    "AST4ADT US": "America/Halifax Atlantic/Bermuda",
    "NST3:30NDT US": "America/St_Johns",
    "CET-1CEST EU": (
        "Europe/Berlin Europe/Paris Europe/Madrid Europe/Rome Europe/Amsterdam Europe/Brussels Europe/Vienna Europe/Zurich"
        " Europe/Stockholm Europe/Oslo Europe/Copenhagen Europe/Prague Europe/Warsaw Europe/Budapest Europe/Belgrade"
        " Europe/Zagreb Europe/Ljubljana Europe/Bratislava Europe/Luxembourg Europe/Monaco CET"
    ),
    "EET-2EEST EU": (
        "Europe/Athens Europe/Helsinki Europe/Kyiv Europe/Kiev Europe/Bucharest Europe/Sofia Europe/Riga Europe/Tallinn"
        " Europe/Vilnius EET"
    ),
    "GMT0BST EU": "Europe/London GB",
    "GMT0IST EU": "Europe/Dublin",
    "WET0WEST EU": "Europe/Lisbon WET",
    "MET-1MEST EU": "MET",
    "AEST-10AEDT AU": "Australia/Sydney Australia/Melbourne Australia/Canberra Australia/Hobart",
    "ACST-9:30ACDT AU": "Australia/Adelaide",
    "NZST-12NZDT NZ": "Pacific/Auckland NZ",
    "AEST-10": "Australia/Brisbane",
    "ACST-9:30": "Australia/Darwin",
    "AWST-8": "Australia/Perth",
    "JST-9": "Asia/Tokyo Japan",
    "KST-9": "Asia/Seoul",
    "CST-8": "Asia/Shanghai Asia/Taipei PRC",
    "HKT-8": "Asia/Hong_Kong",
    "PST-8": "Asia/Manila",
    "<+08>-8": "Asia/Singapore Asia/Kuala_Lumpur",
    "<+07>-7": "Asia/Bangkok Asia/Ho_Chi_Minh",
    "WIB-7": "Asia/Jakarta",
    "<+06>-6": "Asia/Dhaka",
    "<+0545>-5:45": "Asia/Kathmandu Asia/Katmandu",
    "IST-5:30": "Asia/Kolkata Asia/Calcutta",
    "PKT-5": "Asia/Karachi",
    "<+05>-5": "Asia/Tashkent Asia/Yekaterinburg",
    "<+04>-4": "Asia/Dubai",
    "<+0330>-3:30": "Asia/Tehran",
    "<+03>-3": "Asia/Riyadh Asia/Baghdad Europe/Istanbul Europe/Minsk",
    "MSK-3": "Europe/Moscow",
    "EAT-3": "Africa/Nairobi",
    "SAST-2": "Africa/Johannesburg",
    "WAT-1": "Africa/Lagos",
    "GMT0": "Africa/Abidjan Africa/Accra Atlantic/Reykjavik Greenwich Etc/Greenwich Etc/GMT GMT GMT0",
    "UTC0": "UTC Etc/UTC Etc/UCT UCT Universal Zulu Etc/Universal Etc/Zulu",
    "<-03>3": "America/Sao_Paulo America/Argentina/Buenos_Aires America/Buenos_Aires",
    "<-04>4": "America/Caracas",
    "<-05>5": "America/Bogota America/Lima",
    "CST6": "America/Mexico_City",
    "EST5": "America/Panama America/Jamaica EST",
    "MST7": "America/Phoenix US/Arizona MST",
    "HST10": "Pacific/Honolulu US/Hawaii HST",
    "<+14>-14": "Pacific/Kiritimati",
}
BEFORE = {
    "Europe/London": (57722400, "BST-1"), "GB": (57722400, "BST-1"), "Europe/Dublin": (57722400, "IST-1"),
    "Europe/Lisbon": (212544000, "CET-1"), "Asia/Singapore": (378664200, "<+0730>-7:30"),
    "Asia/Kuala_Lumpur": (378664200, "<+0730>-7:30"), "Asia/Kathmandu": (504901800, "<+0530>-5:30"),
}  # fmt: skip
"""Until when a place kept another time."""
STRING = re.compile(
    r"(<[+\-\w]{3,}>|[A-Za-z]{3,})([+-]?[\d:]+)"  # the standard
    r"(?:(<[+\-\w]{3,}>|[A-Za-z]{3,})([+-]?[\d:]+)?)?"  # the summer
    r"(?: (US|EU|AU|NZ)|,(M[\d.]+)(?:/([\d:]+))?,(M[\d.]+)(?:/([\d:]+))?)?"
)


def span(text: str) -> int:
    """hh[:mm[:ss]], with a sign."""
    parts = [int(n or 0) for n in text.lstrip("+-").split(":")]
    seconds = sum(n * unit for n, unit in zip(parts, (HOUR, 60, 1), strict=False))
    return -seconds if text.startswith("-") else seconds


def sunday(year: int, month: int, week: int, wday: int = 0) -> int:
    """Seconds of the n-th Sunday of a month (5 is the last), or of another day of the week."""
    first = days_from_civil(year, month, 1)
    day = first + (wday - (first + 4)) % 7 + 7 * (week - 1)
    return (day - 7 if day >= first + month_days(year, month) else day) * 24 * HOUR


def place(name: str) -> str:
    """What a name stands for; "" if it is no place."""
    name = name.removeprefix(":").removeprefix("/usr/share/zoneinfo/")
    if fixed := re.fullmatch(r"Etc/GMT([+-])(\d\d?)", name):
        return f"<{'-' if fixed[1] == '+' else '+'}{int(fixed[2]):02d}>{fixed[1]}{fixed[2]}"
    return next((rule for rule, names in PLACES.items() if name in names.split()), "")


def summer(rule: str, seconds: int, offset: int, dates: tuple[str | None, ...]) -> bool:
    """Is it summer time?  `offset` is that of standard time."""
    year = gmtime(seconds + offset).year
    if rule == "EU":
        end = next((month for since, month in EUROPE if year >= since), 0)
        start, stop = (sunday(year, 3, 5) + HOUR, sunday(year, end, 5) + HOUR) if end else (0, 0)
    elif dates[0] is not None:
        (m1, w1, d1), (m2, w2, d2) = ([int(n) for n in (dates[i] or "")[1:].split(".")] for i in (0, 2))
        start = sunday(year, m1, w1, d1) + span(dates[1] or "2") - offset
        stop = sunday(year, m2, w2, d2) + span(dates[3] or "2") - offset - HOUR
    else:
        found = next((r for r in RULES[rule or "US"] if year >= r[0]), None)
        if found is None:
            return False
        (m1, w1, t1), (m2, w2, t2) = found[1:]
        start, stop = sunday(year, m1, w1) + t1 - offset, sunday(year, m2, w2) + t2 - offset
    return start <= seconds < stop if start <= stop else not stop <= seconds < start


def zone(tz: str, seconds: int) -> tuple[int, str] | None:
    """Seconds east of UTC and the name of the zone at a time; None if TZ says nothing known."""
    known = place(tz)
    end, earlier = BEFORE.get(tz.removeprefix(":"), (seconds, ""))
    if seconds < end:
        known = earlier
    match = STRING.fullmatch(known or tz.removeprefix(":"))
    if match is None:
        return None
    try:
        offset = -span(match[2])
        name = match[1].strip("<>")
        if match[3] is None or not summer(match[5] or "", seconds, offset, match.groups()[5:9]):
            return offset, name
        return (-span(match[4]) if match[4] else offset + HOUR), match[3].strip("<>")
    except (ValueError, KeyError, IndexError, OverflowError):
        return None
