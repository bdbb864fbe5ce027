"""TZ: places, summer time, and going back from local time."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh


@pytest.mark.parametrize(
    ("tz", "seconds", "text"),
    [
        ("America/New_York", 0, "1969-12-31 19:00:00 EST -0500"),
        ("America/New_York", 1720000000, "2024-07-03 05:46:40 EDT -0400"),
        ("Europe/Berlin", 1720000000, "2024-07-03 11:46:40 CEST +0200"),
        ("Europe/London", 0, "1970-01-01 01:00:00 BST +0100"),
        ("Australia/Sydney", 1704067200, "2024-01-01 11:00:00 AEDT +1100"),
        ("Asia/Kolkata", 0, "1970-01-01 05:30:00 IST +0530"),
        (":US/Pacific", 1711929600, "2024-03-31 17:00:00 PDT -0700"),
        ("EST5EDT", 1730613600, "2024-11-03 01:00:00 EST -0500"),
        ("EST5EDT", 1730613599, "2024-11-03 01:59:59 EDT -0400"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 1711846800, "2024-03-31 03:00:00 CEST +0200"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 1711846799, "2024-03-31 01:59:59 CET +0100"),
        ("Etc/GMT+5", 0, "1969-12-31 19:00:00 -05 -0500"),
        ("Nosuch/Place", 0, "1970-01-01 00:00:00 UTC +0000"),
        ("AAA5BBB,M99.9.9,M0.0.0", 0, "1969-12-31 19:00:00 AAA -0500"),
    ],
)
def test_places(sh: Sh, tz: str, seconds: int, text: str) -> None:
    assert sh(f"TZ='{tz}' date -r {seconds} '+%F %T %Z %z'").stdout.decode() == text + "\n"


def test_back(sh: Sh) -> None:
    script = """
        export TZ=America/New_York
        date -j -f '%F %T' '2024-07-04 12:00:00' +%s
        date -j -f %s 1720108800 +%H; date -j 202401041200.00 +%s
        date -r 1704387600 -v+6m '+%F %T %Z'
        touch -d 2024-07-04T12:00:00 x; stat -f %m x; touch -d 2024-07-04T12:00:00Z x; stat -f %m x
        touch -t 202401041200 x; stat -f %m x
        awk 'BEGIN { print strftime("%H %Z", 1720108800), mktime("2024 07 04 12 00 00") }'
        date -z Asia/Tokyo -r 0 +%H
    """
    out = [
        "1720108800",
        "12",
        "1704387600",
        "2024-07-04 12:00:00 EDT",
        "1720108800",
        "1720094400",
        "1704387600",
        "12 EDT 1720108800",
        "09",
    ]
    assert sh(script).stdout.decode().split("\n")[:-1] == out
