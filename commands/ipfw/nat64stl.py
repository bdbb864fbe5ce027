"""ipfw nat64stl (sbin/ipfw/nat64stl.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.ip_fw_nat64 import EactionConfig, Nat64StlConfig
from vshell.abi.record import replace
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.nat64 import FLAG_WORDS, Instances, flags_text, set_flag, token
from vshell.commands.ipfw.words import EX_USAGE
from vshell.userland.addr import inet_ntop6

OPTIONS = ("table4", "table6", "prefix6", *FLAG_WORDS)


class Nat64Stl(Instances):
    """Instances of stateless translation."""

    kind = "nat64stl"

    def parse(self, name: str) -> EactionConfig:
        """nat64stl_create."""
        c = Nat64StlConfig(name, self.set)
        tables = {"table4": "", "table6": ""}
        while self.av:
            word = token(self.o, OPTIONS, self.av.pop(0), "option")
            if word in tables:
                tables[word] = self.need("table name required")
            elif word == "prefix6":
                prefix, plen = self.prefix6(self.need("IPv6 prefix6 required"))
                c = replace(c, prefix6=prefix, plen6=plen)
            else:
                c = replace(c, flags=set_flag(c.flags, word))
        for word, value in tables.items():
            if not value:
                self.o.errx(EX_USAGE, f"{word} required")
        return replace(c, **tables)

    def change(self, config: Any) -> EactionConfig:
        """nat64stl_config: only flags."""
        while self.av:
            given = self.av.pop(0)
            word = token(self.o, OPTIONS, given, "option")
            if word not in FLAG_WORDS:
                self.o.errx(EX_USAGE, f"Can't change {given} option")
            config = replace(config, flags=set_flag(config.flags, word))
        changed: EactionConfig = config
        return changed

    def blank(self, name: str) -> EactionConfig:
        """A configuration to try options on."""
        return Nat64StlConfig(name, self.set)

    def text(self, c: Any) -> str:
        """nat64stl_show_cb."""
        return f"table4 {c.table4} table6 {c.table6} prefix6 {inet_ntop6(c.prefix6)}/{c.plen6}{flags_text(c.flags)}"


def handler(o: Options, av: list[str]) -> None:
    """nat64stl ..."""
    Nat64Stl(o, av).run()
