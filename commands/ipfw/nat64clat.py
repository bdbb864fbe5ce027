"""ipfw nat64clat (sbin/ipfw/nat64clat.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.ip_fw_nat64 import EactionConfig, Nat64ClatConfig
from vshell.abi.record import replace
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.nat64 import FLAG_WORDS, Instances, flags_text, set_flag, token
from vshell.commands.ipfw.words import EX_USAGE
from vshell.userland.addr import inet_ntop6

OPTIONS = ("plat_prefix", "clat_prefix", *FLAG_WORDS)


class Nat64Clat(Instances):
    """Instances of the customer's translator."""

    kind = "nat64clat"

    def _option(self, c: Any, word: str, making: bool) -> Any:
        """One option."""
        if word in FLAG_WORDS:
            return replace(c, flags=set_flag(c.flags, word))
        text = self.need(f"IPv6 {word} required")
        prefix, plen = self.prefix6(text, not making)
        side = word.partition("_")[0]
        return replace(c, **{f"{side}_prefix": prefix, f"{side}_plen": plen})

    def parse(self, name: str) -> EactionConfig:
        """nat64clat_create."""
        c = Nat64ClatConfig(name, self.set)
        while self.av:
            c = self._option(c, token(self.o, OPTIONS, self.av.pop(0), "option"), True)
        if not c.clat_plen:
            self.o.errx(EX_USAGE, "clat_prefix required")
        return c

    def change(self, config: Any) -> EactionConfig:
        """nat64clat_config."""
        while self.av:
            config = self._option(config, token(self.o, OPTIONS, self.av.pop(0), "option"), False)
        changed: EactionConfig = config
        return changed

    def blank(self, name: str) -> EactionConfig:
        """A configuration to try options on."""
        return Nat64ClatConfig(name, self.set)

    def text(self, c: Any) -> str:
        """nat64clat_show_cb."""
        clat, plat = inet_ntop6(c.clat_prefix), inet_ntop6(c.plat_prefix)
        return f"clat_prefix {clat}/{c.clat_plen} plat_prefix {plat}/{c.plat_plen}{flags_text(c.flags)}"


def handler(o: Options, av: list[str]) -> None:
    """nat64clat ..."""
    Nat64Clat(o, av).run()
