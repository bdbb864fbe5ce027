"""Small programs the recordings do not use: cal, uuencode, colrm, stdbuf."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

CAL = """\
   February 2024
Su Mo Tu We Th Fr Sa
             1  2  3
 4  5  6  7  8  9 10
11 12 13 14 15 16 17
18 19 20 21 22 23 24
25 26 27 28 29
"""
NCAL = """\
    September 1752
Mo    18 25
Tu  1 19 26
We  2 20 27
Th 14 21 28
Fr 15 22 29
Sa 16 23 30
Su 17 24
"""
FILES = {"f": "hello world\nabc\n", "g": "abcdefgh\n\tx\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("cal 2 2024 | sed -e 's/ *$//' -e '/^$/d'", CAL),
        ("ncal 9 1752 | sed 's/ *$//'", NCAL),
        ("cal 2 2024 | cat -e | sed -n '1p;7p'", "   February 2024      $\n25 26 27 28 29        $\n"),
        ("cal -m feb 2024 | head -1; cal -j 1 2025 | sed -n 2p", "   February 2024      \n Su  Mo  Tu  We  Th  Fr  Sa  \n"),
        ("ncal -e 2026; ncal -o 2026; ncal -e 1500", "April  5 2026\nApril 12 2026\nApril 29 1500\n"),
        ("cal -h 11 2026 | grep -c _; cal 2026 | head -1", "1\n                            2026\n"),
        ("cal 13 2026; echo $?; cal 0; echo $?", "64\n64\n"),
        ("uuencode f x", 'begin 644 x\n0:&5L;&\\@=V]R;&0*86)C"@``\n`\nend\n'),
        ("b64encode -w 8 f x", "begin-base64 644 x\naGVsbG8g\nd29ybGQK\nYWJjCg==\n====\n"),
        (
            "uuencode f x | uudecode -p; uuencode -m f y | uudecode; cat y; uuencode -r f z | wc -l",
            "hello world\nabc\n" * 2 + "       1\n",
        ),
        ("uudecode f; echo $?; echo YWJj | b64decode -r; uudecode -r -o x; echo $?", "1\nabc1\n"),
        ("colrm 3 5 < g; colrm 4 < g; colrm < g", "abfgh\n\tx\nabc\n\nabcdefgh\n\tx\n"),
        ("ls f nosuch 2>&1 | head -1; stdbuf -eB ls f nosuch 2>&1 | head -1", "ls: nosuch: No such file or directory\nf\n"),
        (
            "getaddrinfo 10.0.0.1; getaddrinfo -P -f inet -s http/tcp; getaddrinfo -p icmp ::1; echo $?; getaddrinfo -t raw ::1",
            "dgram inet udp 10.0.0.1 0\nstream inet tcp 10.0.0.1 0\nseqpacket inet sctp 10.0.0.1 0\n"
            "stream inet tcp 0.0.0.0 80\n1\nraw inet6 ip ::1 0\n",
        ),
        ("stdbuf nosuch; echo $?; stdbuf -o L echo a", "2\na\n"),
    ],
)
def test_output(sh: Sh, script: str, out: str) -> None:
    assert sh(script, FILES).stdout.decode() == out
