"""Asking a whois server which autonomous system an address belongs to (usr.sbin/traceroute/as.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.socket import SOCK_STREAM
from vshell.userland.cnumber import strtol
from vshell.userland.netdb import EAI_SERVICE, GaiError, getaddrinfo
from vshell.userland.program import Program

DEFAULT_SERVER = "whois.radb.net"


class AsLookup:
    """An open conversation with a server."""

    def __init__(self, p: Program, fd: int) -> None:
        self.p = p
        self.fd = fd
        self.buffer = b""

    async def line(self) -> bytes:
        """One line of the answer; b"" at the end."""
        while b"\n" not in self.buffer:
            try:
                data = await self.p.sys.read(self.fd, 1024)
            except KError:
                return b""
            if not data:
                return b""
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    async def lookup(self, addr: str, plen: int) -> int | None:
        """The number, 0 if it is not known, None if the conversation broke off."""
        number = left = 0
        code = b""
        try:
            await self.p.sys.write(self.fd, f"!r{addr}/{plen},l\n".encode())
        except KError:
            return None
        while True:
            line = await self.line()
            if not line:
                return None
            if not code:
                code = line[:1]
                if code == b"A":
                    left = strtol(line[1:].decode("ascii", "replace"))[0]
                    continue
            if left <= 0:
                code = line[:1]
            if code != b"A":
                return number
            left -= len(line)
            if not number and line[:7].lower() == b"origin:":
                text = line[7:].decode("ascii", "replace").strip()
                number = strtol(text[2:])[0] if text[:2] == "AS" else 0


async def as_setup(p: Program, server: str | None) -> AsLookup | None:
    """Connect to the server; complains and gives None if that fails."""
    name = server or p.env.get("RA_SERVER") or DEFAULT_SERVER
    try:
        try:
            found = getaddrinfo(p, name, "whois", socktype=SOCK_STREAM)
        except GaiError as e:
            if e.code != EAI_SERVICE:
                raise
            p.warnx("warning: whois/tcp service not found")
            found = getaddrinfo(p, name, "43", socktype=SOCK_STREAM)
    except GaiError as e:
        p.warnx(f"{name}: {e}")
        found = []
    error: KError | None = None
    for info in found:
        try:
            fd = p.sys.socket(info.family, info.socktype, info.protocol)
            try:
                await p.sys.connect(fd, info.addr)
            except KError:
                p.sys.close(fd)
                raise
            await p.sys.write(fd, b"!!\n")
            return AsLookup(p, fd)
        except KError as e:
            error = e
    if error is not None:
        p.warn(error, "connect")
    p.stderr.write(f"{p.name}: as_setup failed, AS# lookups disabled\n")
    return None
