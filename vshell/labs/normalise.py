"""Make equal what no two machines share (random addresses, times, kernel pointers), by order of appearance.

Numbers, order, spacing and exit statuses are never touched.
"""

from __future__ import annotations

import re

_KEPT_MAC = re.compile(r"ff:ff:ff:ff:ff:ff|00:00:00:00:00:00|33:33:.*|01:00:5e:.*|01:80:c2:.*|58:9c:fc:00:00:0[12]")

_NAMED = (
    ("mac", re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b")),
    ("ll", re.compile(r"\bfe80:(?::|[0-9a-f]{1,4}:)[0-9a-f:]*[0-9a-f]{2}ff:fe[0-9a-f:]+")),
    ("sn", re.compile(r"\bff02::1:ff[0-9a-f]{2}:[0-9a-f]{1,4}")),
)
"""What is renamed to <kind1>, <kind2>, ... so that the same value keeps the same name."""

_POINTER = re.compile(r"\b0x[0-9a-f]{12,16}\b|\bfffff[0-9a-f]{11}\b")
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

_SHELL = re.compile(r"^(-?sh|vshell|\S*\.sh): (?:\d+: )?", re.M)
_TRIES = re.compile(r"(?:  [\d.]+ ms){1,5}")

_BEFORE_POINTERS = (
    (re.compile(r"\btime=[\d.]+ ms"), "time=<t> ms"),
    (re.compile(r"= [\d.]+/[\d.]+/[\d.]+/[\d.]+ ms"), "= <t>/<t>/<t>/<t> ms"),
)
_EXPIRES = re.compile(r"expires in \d+ seconds")
_AFTER_POINTERS = (
    (re.compile(r"\b\d{2}:\d{2}:\d{2}\.\d{6}\b"), "<clock>"),
    (re.compile(rf"\b(?:{_DAYS}) (?:{_MONTHS}) [ \d]\d \d\d:\d\d:\d\d (?:\w+ )?\d{{4}}\b"), "<date>"),
)


class Normaliser:
    """One per file and side: remembers which value got which name."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        """The text with the names in place."""
        for kind, pattern in _NAMED:
            text = pattern.sub(lambda m, kind=kind: self._name(kind, m[0]), text)  # type: ignore[misc]
        text = _SHELL.sub("<sh>: ", text)
        for pattern, to in _BEFORE_POINTERS:
            text = pattern.sub(to, text)
        text = _TRIES.sub(lambda m: "  <t> ms" * m[0].count("ms"), text)
        text = _EXPIRES.sub("expires in <s> seconds", text)
        text = _POINTER.sub(lambda m: self._name("ptr", m[0]), text)
        for pattern, to in _AFTER_POINTERS:
            text = pattern.sub(to, text)
        return text

    def _name(self, kind: str, value: str) -> str:
        value = value.lower()
        if kind == "mac" and _KEPT_MAC.fullmatch(value):
            return value
        key = kind, value
        if key not in self._names:
            self._count[kind] = self._count.get(kind, 0) + 1
            self._names[key] = f"<{kind}{self._count[kind]}>"
        return self._names[key]
