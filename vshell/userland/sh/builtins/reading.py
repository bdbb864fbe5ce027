"""read (bin/sh/miscbltin.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import EINTR, KError
from vshell.abi.fcntl import POLLIN, SEEK_CUR
from vshell.abi.signal import SIGALRM
from vshell.userland.sh import trap
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.state import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_TIMEOUT = r"[ \t\n\v\f\r]*([+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+))([smh]?)"


def _timeout(sh: Shell, text: str) -> int:
    """Seconds of a timeout such as 1h30m."""
    total = 0
    while True:
        m = re.match(_TIMEOUT, text)
        if m is None or m[1].startswith("-"):
            sh.error("timeout value")
        total += int(m[1], 0) * {"": 1, "s": 1, "m": 60, "h": 3600}[m[2]]
        text = text[m.end() :]
        if not text:
            return total
        if not text[0].isdecimal():
            sh.error("timeout unit")


class _Input:
    """Standard input byte by byte; a file is read ahead and the offset put back."""

    def __init__(self, sh: Shell) -> None:
        self.sh = sh
        try:
            sh.sys.lseek(0, 0, SEEK_CUR)
            self.size = 1024
        except KError:
            self.size = 1
        self.data = b""
        self.at = 0

    async def getc(self) -> int:
        """The next byte, -1 at the end."""
        if self.at >= len(self.data):
            self.data = await self.sh.sys.read(0, self.size)
            self.at = 0
            if not self.data:
                return -1
        self.at += 1
        return self.data[self.at - 1]

    def done(self) -> None:
        """Give back what was read too much."""
        rest = len(self.data) - self.at
        if rest > 0:
            self.sh.sys.lseek(0, -rest, SEEK_CUR)


class _Fields:
    """Splits the bytes of a line into variables."""

    def __init__(self, sh: Shell, names: list[str], raw: bool) -> None:
        ifs = sh.lookup("IFS")
        self.sh = sh
        self.names = names
        self.raw = raw
        self.ifs = (" \t\n" if ifs is None else ifs).encode("utf-8", "surrogateescape")
        self.at = 0
        self.buf = bytearray()
        self.startword = 2
        self.saveall = 0
        self.last = self.lastws = -1
        self.backslash = False

    def add(self, c: int) -> bool:
        """Take a byte; False when the line is complete."""
        if c == 0:
            return True
        if self.backslash:
            self.backslash = False
            if c != 10:
                self.startword = 0
                self._keep(c)
            return True
        if c == 92 and not self.raw:
            self.backslash = True
            return True
        if c == 10:
            return False
        kind = 0 if c not in self.ifs else 1 if c in b" \t\n" else 2
        if self.startword and self._leading(c, kind):
            return True
        if kind == 0:
            self.startword = 0
            if self.saveall:
                self.saveall += 1
            self._keep(c)
            return True
        self.startword = kind
        if self.at == len(self.names) - 1:
            self.saveall += 1
            if kind == 2:
                self.lastws = len(self.buf)
            self.buf.append(c)
            return True
        self._set(bytes(self.buf))
        self.at += 1
        self.buf.clear()
        self.last = self.lastws = -1
        return True

    def _keep(self, c: int) -> None:
        self.last = self.lastws = len(self.buf)
        self.buf.append(c)

    def _leading(self, c: int, kind: int) -> bool:
        """Separators before a word."""
        if kind == 1:
            if self.saveall:
                self.buf.append(c)
            return True
        if kind == 2 and self.startword == 1:
            self.startword = 2
            if self.saveall:
                self.lastws = len(self.buf)
                self.buf.append(c)
            return True
        return False

    def _set(self, data: bytes) -> None:
        self.sh.setvar(self.names[self.at], data.decode("utf-8", "surrogateescape"))

    def finish(self) -> None:
        """Set the last variable, and those that got nothing."""
        if self.saveall <= 1:
            self.lastws = self.last
        self._set(bytes(self.buf[: self.lastws + 1]))
        for name in self.names[self.at + 1 :]:
            self.sh.setvar(name, "")


async def readcmd(sh: Shell, args: list[str]) -> int:
    """read."""
    found, names = nextopt(sh, args, "erp:t:")
    raw = False
    prompt = ""
    timeout = -1
    for letter, value in found:
        if letter == "r":
            raw = True
        elif letter == "p":
            prompt = value
        elif letter == "t":
            timeout = _timeout(sh, value)
    if prompt and sh.sys.isatty(0):
        sh.out2(prompt)
        await sh.flush()
    if not names:
        sh.error("arg count")
    if timeout >= 0 and not await _ready(sh, timeout):
        for name in names:
            sh.setvar(name, "")
        return 128 + (sh.pendingsig or SIGALRM)
    return await _read(sh, _Fields(sh, names, raw))


async def _read(sh: Shell, fields: _Fields) -> int:
    source = _Input(sh)
    status = 0
    while True:
        try:
            c = await source.getc()
        except KError as e:
            if e.errno == EINTR:
                if sh.intpending:
                    await trap.check(sh)
                if not sh.pendingsig:
                    continue
                status = 128 + sh.pendingsig
                break
            sh.warning(f"read error: {e}")
            status = 2
            break
        if c < 0:
            status = 1
            break
        if not fields.add(c):
            break
    source.done()
    fields.finish()
    return status


async def _ready(sh: Shell, seconds: int) -> bool:
    """Wait until there is input."""
    end = sh.sys.clock_gettime("uptime") + seconds * 1_000_000_000
    while not sh.pendingsig:
        try:
            return bool(await sh.sys.poll([(0, POLLIN)], max(0, end - sh.sys.clock_gettime("uptime"))))
        except KError as e:
            if e.errno != EINTR:
                return True
    return False


TABLE: dict[str, Callable[..., Any]] = {"read": readcmd}
