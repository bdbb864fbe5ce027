"""Parameters of codel, pie, fq_codel and fq_pie (process_extra_parms, sbin/ipfw/dummynet.c); they take the rest of the line."""

from __future__ import annotations

from vshell.abi.dummynet import (
    CODEL_ECN_ENABLED,
    PIE_CAPDROP_ENABLED,
    PIE_DEPRATEEST_ENABLED,
    PIE_DERAND_ENABLED,
    PIE_ECN_ENABLED,
    PIE_ON_OFF_MODE_ENABLED,
    PIE_SCALE,
)
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.words import EX_DATAERR
from vshell.userland.cnumber import atoi
from vshell.userland.sh.number import parse_float

PAR = {
    "codel": {"target": 0, "interval": 1, "quantum": 3, "limit": 4, "flows": 5},
    "pie": {
        "target": 0, "tupdate": 1, "max_burst": 2, "max_ecnth": 3, "alpha": 4, "beta": 5, "quantum": 7, "limit": 8, "flows": 9,
    },
}  # fmt: skip
"""The place of each parameter."""
TIMES = ("target", "interval", "tupdate", "max_burst")
COUNTS = ("quantum", "limit", "flows")
FLAGS = {
    "codel": {"ecn": (0, CODEL_ECN_ENABLED), "noecn": (CODEL_ECN_ENABLED, 0)},
    "pie": {
        "ecn": (0, PIE_ECN_ENABLED), "noecn": (PIE_ECN_ENABLED, 0), "capdrop": (0, PIE_CAPDROP_ENABLED),
        "nocapdrop": (PIE_CAPDROP_ENABLED, 0), "onoff": (0, PIE_ON_OFF_MODE_ENABLED), "dre": (0, PIE_DEPRATEEST_ENABLED),
        "ts": (PIE_DEPRATEEST_ENABLED, 0), "derand": (0, PIE_DERAND_ENABLED), "noderand": (PIE_DERAND_ENABLED, 0),
    },
}  # fmt: skip
"""Switches: the bits they take away and those they set."""
DEFAULTS = {
    "codel": 0,
    "fq_codel": CODEL_ECN_ENABLED,
    "pie": PIE_CAPDROP_ENABLED | PIE_DEPRATEEST_ENABLED | PIE_DERAND_ENABLED,
    "fq_pie": PIE_CAPDROP_ENABLED | PIE_DERAND_ENABLED | PIE_ECN_ENABLED,
}


def time_to_us(text: str) -> int:
    """A time with the unit us, ms (also if there is none) or s, in microseconds; -1 if it is none."""
    size = len(text) - len(text.lstrip("0123456789."))
    number, unit = text[:size], text[size:].lower() or "ms"
    if len(text) > 15 or not number or number.count(".") > 1 or unit not in ("us", "ms", "s"):
        return -1
    if unit == "us":
        return int(number.partition(".")[0] or 0)
    return int(parse_float(number)[0] * (1000 if unit == "ms" else 1_000_000))


def is_valid_number(text: str) -> bool:
    """Digits with one point at most."""
    return not text.strip("0123456789.") and text.count(".") <= 1 and all(c in "0123456789." for c in text)


class AqmParms:
    """The words after codel, pie, fq_codel or fq_pie."""

    def __init__(self, o: Options, kind: str) -> None:
        self.o = o
        self.kind = kind
        self.family = "codel" if kind.endswith("codel") else "pie"
        self.par = [-1] * 10
        self.flags = DEFAULTS[kind]

    def parse(self, av: list[str]) -> tuple[int, ...]:
        """The parameters, -1 for those that are not set; what is not understood is told and passed over."""
        words = list(av)
        places, switches = PAR[self.family], FLAGS[self.family]
        while words:
            word = words.pop(0)
            if word in switches:
                off, on = switches[word]
                self.flags = self.flags & ~off | on
            elif word in places:
                self.par[places[word]] = self._value(word, words)
            else:
                invalid = "Invalid" if self.family == "codel" else "invalid"
                self.o.p.stdout.write(f"{word} is {invalid} parameter\n")
        self.par[2 if self.family == "codel" else 6] = self.flags
        return tuple(self.par)

    def _value(self, word: str, words: list[str]) -> int:
        if word in COUNTS and not self.kind.startswith("fq_"):
            hint = ", use queue instead" if word == "limit" else ""
            self.o.errx(EX_DATAERR, f"{word} is not for {self.kind}{hint}\n")
        if word in TIMES:
            if not words or time_to_us(words[0]) < 0:
                self.o.errx(EX_DATAERR, f"{word} needs time\n")
            return time_to_us(words.pop(0))
        if not words or not is_valid_number(words[0]):
            self.o.errx(EX_DATAERR, f"{word} needs number\n")
        text = words.pop(0)
        return atoi(text) if word in COUNTS else int(parse_float(text)[0] * PIE_SCALE)
