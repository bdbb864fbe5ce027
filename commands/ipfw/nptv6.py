"""ipfw nptv6 (sbin/ipfw/nptv6.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.ip_fw_nat64 import NPTV6_DYNAMIC_PREFIX, EactionConfig, Nptv6Config
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.nat64 import Instances, token
from vshell.commands.ipfw.words import EX_USAGE
from vshell.userland.addr import inet_ntop6, inet_pton6, masked
from vshell.userland.cnumber import strtol

OPTIONS = ("int_prefix", "ext_prefix", "prefixlen", "ext_if")
IFNAMSIZ = 16


class Nptv6(Instances):
    """Instances of prefix translation."""

    kind = "nptv6"
    commands = ("create", "destroy", "list", "show", "stats")
    counters = (
        ("in2ex", "packets translated (internal to external)"),
        ("ex2in", "packets translated (external to internal)"),
        ("dropped", "packets dropped due to some error"),
    )

    def _prefix_and_length(self, text: str) -> tuple[bytes, int]:
        """nptv6_parse_prefix: 0 for a length that is not given."""
        name, slash, length = text.partition("/")
        prefix = inet_pton6(name)
        if prefix is None:
            self.o.errx(EX_USAGE, f"Bad prefix: {name}")
        if not slash:
            return prefix, 0
        plen, rest, _ = strtol(length)
        if rest or not 8 <= plen <= 64:
            self.o.errx(EX_USAGE, f"Bad prefix length: {text}")
        return prefix, plen

    def parse(self, name: str) -> EactionConfig:
        """nptv6_create."""
        o = self.o
        internal = external = None
        if_name = ""
        flags = iplen = eplen = pplen = 0
        while self.av:
            word = token(o, OPTIONS, self.av.pop(0), "option")
            if word in ("ext_prefix", "ext_if") and (external is not None or if_name):
                o.errx(EX_USAGE, "Only one ext_prefix or ext_if allowed")
            if word == "int_prefix":
                internal, iplen = self._prefix_and_length(self.need("IPv6 prefix required"))
            elif word == "ext_prefix":
                external, eplen = self._prefix_and_length(self.need("IPv6 prefix required"))
            elif word == "ext_if":
                if_name = self.need("Interface name required")
                if len(if_name) >= IFNAMSIZ:
                    o.errx(EX_USAGE, "Invalid interface name")
                flags, external = NPTV6_DYNAMIC_PREFIX, bytes(16)
            else:
                text = self.need("IPv6 prefix length required")
                pplen, rest, _ = strtol(text)
                if rest or not 8 <= pplen <= 64:
                    o.errx(EX_USAGE, f"wrong prefix length: {text}")
        plen = self._length(pplen, iplen, eplen)
        if internal is None:
            o.errx(EX_USAGE, "int_prefix required")
        if external is None:
            o.errx(EX_USAGE, "ext_prefix or ext_if required")
        if not plen:
            o.errx(EX_USAGE, "prefixlen required")
        return Nptv6Config(name, self.set, masked(internal, plen), masked(external, plen), if_name, plen, flags)

    def _length(self, pplen: int, iplen: int, eplen: int) -> int:
        """Both prefixes have one length (RFC 6296, 3.1)."""
        if pplen:
            if eplen not in (0, pplen) or iplen not in (0, pplen):
                self.o.errx(EX_USAGE, "prefix length mismatch")
            return pplen
        if eplen or iplen:
            if eplen and iplen and eplen != iplen:
                self.o.errx(EX_USAGE, "prefix length mismatch")
            self.o.warnx("use prefixlen instead")
        return eplen or iplen

    def text(self, c: Any) -> str:
        """nptv6_show_cb."""
        outside = f"ext_if {c.if_name}" if c.flags & NPTV6_DYNAMIC_PREFIX else f"ext_prefix {inet_ntop6(c.external)}"
        return f"int_prefix {inet_ntop6(c.internal)} {outside} prefixlen {c.plen}"


def handler(o: Options, av: list[str]) -> None:
    """nptv6 ..."""
    Nptv6(o, av).run()
