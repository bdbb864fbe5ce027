"""What both halves of ping(8) share: counters, the closing statistics, fill patterns (sbin/ping/main.c)."""

from __future__ import annotations

from math import sqrt

from vshell.userland.program import Program
from vshell.userland.stdio import Writer

HEX = "0123456789abcdefABCDEF"


class Summary:
    """Counters of one run."""

    def __init__(self, hostname: str) -> None:
        self.hostname = hostname
        self.transmitted = self.received = self.repeats = self.late = 0
        """`late` came after the time given with -W."""
        self.timing = False
        self.tmin, self.tmax, self.tsum, self.tsumsq = 999999999.0, 0.0, 0.0, 0.0
        self._seen: set[int] = set()

    def sent(self) -> int:
        """Count a packet on its way; its sequence number (16 bits)."""
        seq = self.transmitted & 0xFFFF
        self.transmitted += 1
        self.forget(seq)
        return seq

    def forget(self, seq: int) -> None:
        """CLR: an answer with this number is no duplicate."""
        self._seen.discard(seq)

    def arrived(self, seq: int, triptime: float | None) -> bool:
        """Count an answer (`triptime` in ms); True if it is a duplicate."""
        self.received += 1
        if triptime is not None:
            self.tsum += triptime
            self.tsumsq += triptime * triptime
            self.tmin, self.tmax = min(self.tmin, triptime), max(self.tmax, triptime)
        if seq in self._seen:
            self.repeats += 1
            self.received -= 1
            return True
        self._seen.add(seq)
        return False

    def print(self, out: Writer) -> None:
        """The closing lines (pr_summary)."""
        text = f"\n--- {self.hostname} ping statistics ---\n"
        text += f"{self.transmitted} packets transmitted, {self.received} packets received, "
        if self.repeats:
            text += f"+{self.repeats} duplicates, "
        if self.transmitted:
            if self.received > self.transmitted:
                text += "-- somebody's duplicating packets!"
            else:
                text += f"{(self.transmitted - self.received) * 100.0 / self.transmitted:.1f}% packet loss"
        if self.late:
            text += f", {self.late} packets out of wait time"
        text += "\n"
        if self.received and self.timing:
            number = self.received + self.repeats
            average = self.tsum / number
            deviation = sqrt(max(0.0, self.tsumsq / number - average * average))
            text += f"round-trip min/avg/max/stddev = {self.tmin:.3f}/{average:.3f}/{self.tmax:.3f}/{deviation:.3f} ms\n"
        out.write(text)
        out.flush()


def pattern(p: Program, text: str, quiet: bool) -> bytes:
    """The bytes of a -p argument, up to 16, which are announced unless `quiet`."""
    if any(c not in HEX for c in text):
        p.errx(1, "patterns must be specified as hex digits")
    found = bytes(int(text[i : i + 2], 16) for i in range(0, min(len(text), 32), 2))
    if not quiet:
        p.stdout.write(f"PATTERN: 0x{found.hex()}\n")
    return found
