"""The options of ping -4, with their checks in the order in which they are read (sbin/ping/ping.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import EPERM
from vshell.commands.ping import PING4OPTS, USAGE
from vshell.commands.ping.summary import HEX, pattern
from vshell.userland.addr import inet_aton
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program

EX_USAGE, EX_NOPERM = 64, 77
NS = 1_000_000_000
DEFDATALEN = 56
MAXALARM = 60 * 60
INT_MAX, LONG_MAX, ULONG_MAX = 0x7FFFFFFF, (1 << 63) - 1, (1 << 64) - 1

_FLOAT = re.compile(r"\s*[-+]?(0[xX][0-9a-fA-F]+|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|inf(inity)?|nan)", re.IGNORECASE)


def strtod(text: str) -> float | None:
    """A number that fills the whole argument, None if there is none."""
    match = _FLOAT.match(text)
    if match is None or match.end() != len(text):
        return None
    word = match.group().strip()
    return float.fromhex(word) if "x" in word.lower() else float(word)


class Options4:
    """What the command line asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.uid = p.sys.getuid()
        self.flags: set[str] = set()
        """Letters of the options without an argument that are on, and of -C, -G, -I, -i, -m, -p, -T, -W, -z when given."""
        self.dots = b"."
        self.pcp = 0
        self.npackets = 0
        self.sweepmax, self.sweepmin, self.sweepincr = 0, 0, 1
        self.mcast_if = b""
        self.interval = 1000
        """Milliseconds between packets."""
        self.waittime = 10000
        self.preload = 0
        self.mask = self.time = False
        self.ttl = self.mttl = 0
        self.fill = ""
        self.source = ""
        self.datalen = DEFDATALEN
        self.timeout = 0
        self.tos = 0
        self.pattern = b""

    def number(self, text: str, low: int, high: int, what: str) -> int:
        """strtonum(3), or the end."""
        value, rest, error = strtol(text)
        if error or rest or not low <= value <= high:
            self.usage(f"{what}: `{text}'")
        return value

    def usage(self, text: str) -> None:
        """A bad argument."""
        self.p.errx(EX_USAGE, text)

    def need_root(self, text: str) -> None:
        """Only root may."""
        self.p.err(EX_NOPERM, EPERM, text)

    def payload(self, text: str, low: int) -> int:
        """A size of the payload in a sweep."""
        value = self.number(text, low, INT_MAX, "invalid payload size")
        if self.uid and value > DEFDATALEN:
            self.need_root(f"payload size too large: {value} > {DEFDATALEN}")
        self.flags.add("G")
        return value

    def parse(self) -> str:
        """Read the options; the target."""
        parsed = Getopt(self.p, PING4OPTS)
        for letter, value in parsed:
            if letter in "4AaDdfHLnoQqRrv":
                self.flag(letter)
            elif letter == "?":
                self.p.usage(USAGE)
            else:
                getattr(self, f"opt_{_NAMES.get(letter, letter)}")(value)
        if len(parsed.args) != 1:
            self.p.usage(USAGE)
        return parsed.args[0]

    def flag(self, letter: str) -> None:
        """An option without an argument."""
        if letter == "n":
            self.flags.discard("H")
            return
        if letter == "f":
            if self.uid:
                self.need_root("-f flag")
            self.flags.add(".")
            self.p.stdout.setvbuf("none")
        self.flags.add(letter)

    def opt_dot(self, value: str) -> None:
        """-. : what to print for each packet sent."""
        self.flags.add(".")
        if value:
            self.dots = value.encode("utf-8", "surrogateescape")

    def opt_C(self, value: str) -> None:
        """802.1p priority."""
        self.pcp = self.number(value, -1, 7, "invalid PCP")
        self.flags.add("C")

    def opt_c(self, value: str) -> None:
        """How many packets."""
        self.npackets = self.number(value, 1, LONG_MAX, "invalid count of packets to transmit")

    def opt_G(self, value: str) -> None:
        """The largest payload of a sweep."""
        self.sweepmax = self.payload(value, 1)

    def opt_g(self, value: str) -> None:
        """The smallest payload of a sweep."""
        self.sweepmin = self.payload(value, 0)

    def opt_h(self, value: str) -> None:
        """The step of a sweep."""
        self.sweepincr = self.payload(value, 1)

    def opt_I(self, value: str) -> None:
        """The interface for multicasts, by address."""
        addr = inet_aton(value)
        if addr is None:
            self.usage(f"invalid multicast interface: `{value}'")
        else:
            self.mcast_if = addr
        self.flags.add("I")

    def opt_i(self, value: str) -> None:
        """Seconds between packets."""
        seconds = strtod(value)
        if seconds is None or seconds != seconds or seconds * 1000.0 > INT_MAX:
            self.usage(f"invalid timing interval: `{value}'")
            return
        self.flags.add("i")
        self.interval = max(int(seconds * 1000.0), -INT_MAX)
        if self.uid and self.interval < 1000:
            self.need_root("-i interval too short")

    def opt_l(self, value: str) -> None:
        """How many packets to send at once."""
        self.preload = self.number(value, 0, INT_MAX, "invalid preload value")
        if self.uid:
            self.need_root("-l flag")

    def opt_M(self, value: str) -> None:
        """Another question than echo."""
        if value[:1] in ("M", "m"):
            self.mask = True
        elif value[:1] in ("T", "t"):
            self.time = True
        else:
            self.usage(f"invalid message: `{value[:1] or chr(0)}'")

    def opt_m(self, value: str) -> None:
        """Time to live."""
        self.ttl = self.number(value, 0, 255, "invalid TTL")
        self.flags.add("m")

    def opt_P(self, value: str) -> None:
        """A policy of IPsec: only those that ask for nothing can be had."""
        if not value.startswith(("in", "out")):
            self.p.errx(1, "invalid security policy")
        if value.split()[1:2] not in (["none"], ["bypass"]):
            self.p.errx(78, "ipsec policy cannot be configured")

    def opt_p(self, value: str) -> None:
        """Fill the payload with a pattern."""
        self.fill = value
        self.flags.add("p")

    def opt_S(self, value: str) -> None:
        """Source address."""
        self.source = value

    def opt_s(self, value: str) -> None:
        """Size of the payload."""
        self.datalen = self.number(value, 0, INT_MAX, "invalid packet size")
        if self.uid and self.datalen > DEFDATALEN:
            self.need_root(f"packet size too large: {self.datalen} > {DEFDATALEN}")

    def opt_T(self, value: str) -> None:
        """Time to live of multicasts."""
        self.mttl = self.number(value, 0, 255, "invalid multicast TTL")
        self.flags.add("T")

    def opt_t(self, value: str) -> None:
        """Seconds until it all ends; they begin to count now."""
        seconds, _, error = strtol(value, 0, -ULONG_MAX, ULONG_MAX)
        seconds = 0 if error == 22 else seconds & ULONG_MAX
        if seconds < 1 or seconds == ULONG_MAX:
            self.usage(f"invalid timeout: `{value}'")
        if seconds > MAXALARM:
            self.usage(f"invalid timeout: `{value}' > {MAXALARM}")
        self.timeout = seconds
        self.p.sys.alarm(seconds * NS)

    def opt_W(self, value: str) -> None:
        """Milliseconds to wait for an answer."""
        ms = strtod(value)
        if ms is None or ms != ms or ms > INT_MAX:
            self.usage(f"invalid timing interval: `{value}'")
            return
        self.flags.add("W")
        self.waittime = max(int(ms), 0)

    def opt_z(self, value: str) -> None:
        """Type of service."""
        tos, rest, error = strtol(value, 0)
        if error or rest or not 0 <= tos <= 255:
            self.usage(f"invalid TOS: `{value}'")
        self.tos = tos
        self.flags.add("z")

    def make_pattern(self) -> None:
        """Check and announce the pattern of -p."""
        if any(c not in HEX for c in self.fill):
            self.usage("patterns must be specified as hex digits")
        self.pattern = pattern(self.p, self.fill, "q" in self.flags)


_NAMES = {".": "dot"}
