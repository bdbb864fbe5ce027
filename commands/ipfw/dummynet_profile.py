"""Delay profiles: files with points of a distribution (load_extra_delays, sbin/ipfw/dummynet.c)."""

from __future__ import annotations

from itertools import pairwise
from typing import NoReturn

from vshell.abi.dummynet import ED_MAX_NAME_LEN, ED_MAX_SAMPLES_NO, DnProfile
from vshell.abi.errno import KError
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.dummynet_parms import is_valid_number
from vshell.commands.ipfw.words import EX_DATAERR, EX_UNAVAILABLE
from vshell.userland.cnumber import atoi
from vshell.userland.sh.number import parse_float
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

MAX_LINE = 287
MIN_POINTS = 2


class Profile:
    """What is read of a file."""

    def __init__(self, o: Options, filename: str, bandwidth: int) -> None:
        self.o = o
        self.filename = filename
        self.bandwidth = bandwidth
        self.lineno = 0
        self.samples = -1
        self.loss = -1.0
        self.name = ""
        self.delay_first = False
        self.found: list[tuple[float, float]] = []
        """Points: (probability, delay)."""
        self.reading = False
        """The header of the columns was there; a later setting ends them."""

    def bad(self, text: str) -> NoReturn:
        """The quotes are part of it."""
        self.o.errx(EX_DATAERR, f"error in {self.filename} at line {self.lineno}: {text}")

    def line(self, text: str) -> None:
        """One line."""
        self.lineno += 1
        words: list[str] = []
        for word in text.replace("\t", " ").replace("\n", " ").split(" "):
            if word.startswith("#"):
                break
            if word:
                if len(words) == 2:
                    self.bad('"too many arguments"')
                words.append(word)
        if not words:
            return
        if len(words) == 1:
            self.bad(f'"missing arg for {words[0]}"')
        name, arg = words
        setter = SETTERS.get(name.lower())
        if setter is not None:
            setter(self, name, arg)
        elif self.reading:
            self.point(name, arg)
        else:
            self.bad(f"\"unrecognised command '{name}'\"")

    def set_samples(self, name: str, arg: str) -> None:
        """How many samples the curve is made into."""
        if self.samples > 0:
            self.bad("\"duplicate ``samples'' line\"")
        if atoi(arg) <= 0:
            self.bad('"invalid number of samples"')
        self.samples = atoi(arg)
        if self.samples > ED_MAX_SAMPLES_NO:
            self.bad(f'"too many samples, maximum is {ED_MAX_SAMPLES_NO}"')
        self.reading = False

    def set_bw(self, name: str, arg: str) -> None:
        """The bandwidth of the link."""
        from vshell.commands.ipfw.dummynet_config import read_bandwidth

        self.bandwidth = read_bandwidth(self.o, arg, self.bandwidth, True)

    def set_loss(self, name: str, arg: str) -> None:
        """The probability above which packets are lost."""
        if self.loss != -1.0:
            self.bad(f'"duplicated token: {name}"')
        if not is_valid_number(arg):
            self.bad(f'"invalid {arg}"')
        self.loss = parse_float(arg)[0]
        if self.loss > 1:
            self.bad(f'"{name} greater than 1.0"')
        self.reading = False

    def set_name(self, name: str, arg: str) -> None:
        """What it is called."""
        if self.name:
            self.bad(f'"duplicated token: {name}"')
        self.name = arg[: ED_MAX_NAME_LEN - 1]
        self.reading = False

    def set_order(self, name: str, arg: str) -> None:
        """delay prob, or prob delay: points follow."""
        if self.reading:
            self.bad(f'"duplicated token: {name}"')
        self.delay_first = name.lower() == "delay"
        self.reading = True

    def point(self, first: str, second: str) -> None:
        """A point of the curve."""
        if not is_valid_number(first) or not is_valid_number(second):
            self.bad('"invalid point found"')
        one, two = parse_float(first)[0], parse_float(second)[0]
        prob, delay = (two, one) if self.delay_first else (one, two)
        if prob > 1.0:
            self.bad('"probability greater than 1.0"')
        if len(self.found) < ED_MAX_SAMPLES_NO:
            self.found.append((prob, delay))

    def finish(self, number: int) -> DnProfile:
        """Sort the points and interpolate between them."""
        if self.samples == -1:
            self.o.warnx("'samples' not found, assuming 100")
            self.samples = 100
        if self.loss == -1.0:
            self.o.warnx("'loss-level' not found, assuming no loss")
            self.loss = 1.0
        if len(self.found) < MIN_POINTS:
            self.bad(f'"too few samples, need at least {MIN_POINTS}"')
        points = sorted(self.found)
        samples = [0] * self.samples
        for (prob1, x1), (prob2, x2) in pairwise(points):
            y1, y2 = prob1 * self.samples, prob2 * self.samples
            slope = (y2 - y1) / (x2 - x1) if x1 != x2 else 0.0
            for i in range(int(y1), int(y2)):
                samples[i] = int(x1) if x1 == x2 else int((i - (y1 - slope * x1)) / slope)
        return DnProfile(number, self.name, int(self.loss * self.samples), self.samples, tuple(samples))


SETTERS = {
    "samples": Profile.set_samples, "bw": Profile.set_bw, "loss-level": Profile.set_loss, "name": Profile.set_name,
    "delay": Profile.set_order, "prob": Profile.set_order,
}  # fmt: skip


def load_extra_delays(o: Options, filename: str, number: int, bandwidth: int) -> tuple[DnProfile, int]:
    """Read a file: the profile, and the bandwidth of the link as it is then."""
    profile = Profile(o, filename, bandwidth)
    try:
        content = decode(slurp(o.p, filename))
    except KError as e:
        o.err(EX_UNAVAILABLE, e, f"fopen: {filename}")
    for line in content.splitlines(keepends=True):
        for at in range(0, len(line), MAX_LINE):
            profile.line(line[at : at + MAX_LINE])
    return profile.finish(number), profile.bandwidth
