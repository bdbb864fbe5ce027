"""What the programs for instances of external actions have in common: nptv6, nat64lsn, nat64stl and nat64clat (sbin/ipfw).

ipfw [set N] KIND NAME {create | config} ...
ipfw [set N] KIND NAME stats [reset]
ipfw [set N] KIND {NAME | all} {list | show | destroy}
"""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.abi.ip_fw_nat64 import (
    NAT64_ALLOW_PRIVATE,
    NAT64_LOG,
    EactionConfig,
    EactionCreate,
    EactionDestroy,
    EactionGetConfig,
    EactionList,
    EactionResetStats,
    EactionSetConfig,
    EactionStats,
)
from vshell.abi.signal import SIGSEGV
from vshell.commands.ipfw.addresses import table_name_ok
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.words import EX_OSERR, EX_USAGE
from vshell.userland.addr import inet_pton6
from vshell.userland.cnumber import strtol

FLAG_WORDS = {
    "log": (NAT64_LOG, True), "-log": (NAT64_LOG, False), "allow_private": (NAT64_ALLOW_PRIVATE, True),
    "-allow_private": (NAT64_ALLOW_PRIVATE, False),
}  # fmt: skip
COUNTERS = (
    ("opcnt64", "packets translated from IPv6 to IPv4"),
    ("opcnt46", "packets translated from IPv4 to IPv6"),
    ("ofrags", "IPv6 fragments created"),
    ("ifrags", "IPv4 fragments received"),
    ("oerrors", "output packets dropped due to no bufs, etc."),
    ("noroute4", "output packets discarded due to no IPv4 route"),
    ("noroute6", "output packets discarded due to no IPv6 route"),
    ("noproto", "packets discarded due to unsupported protocol"),
    ("nomem", "packets discarded due to memory allocation problems"),
    ("dropped", "packets discarded due to some errors"),
)


def token(o: Options, table: tuple[str, ...], word: str, what: str) -> str:
    """get_token: a word of a table, or the start of just one."""
    found = [name for name in table if word and name.startswith(word)]
    if len(found) != 1:
        o.errx(EX_USAGE, f"ambiguous {what} {word}")
    return found[0]


def check_nat64prefix(prefix: bytes, plen: int) -> bool:
    """ipfw_check_nat64prefix: is it fit to carry IPv4 addresses (RFC 6052)?"""
    wkpfx = prefix[:12] == bytes.fromhex("0064ff9b0000000000000000")
    if plen not in (32, 40, 48, 56, 64, 96) or (plen != 96 and wkpfx):
        return False
    return not prefix[8] and prefix[0] != 0xFF and prefix not in (bytes(16), bytes(15) + b"\1")


class Instances:
    """The commands on instances of one kind; a kind says how its options are read and its configuration printed."""

    kind = ""
    commands: tuple[str, ...] = ("create", "config", "destroy", "list", "show", "stats")
    counters: tuple[tuple[str, str], ...] = COUNTERS
    stats_words = "stats command"

    def __init__(self, o: Options, av: list[str]) -> None:
        self.o, self.av = o, av
        self.set = o.use_set or 0

    def need(self, text: str) -> str:
        """NEED1: the next word, or a complaint."""
        if not self.av:
            self.o.errx(EX_USAGE, text)
        return self.av.pop(0)

    def run(self) -> None:
        """ipfw_KIND_handler."""
        o = self.o
        name: str | None = self.need(f"{self.kind} needs instance name")
        if name is not None and not table_name_ok(name):
            if name != "all":
                o.errx(EX_USAGE, f"{self.kind} instance name {name} is invalid")
            name = None
        command = token(o, self.commands, self.need(f"{self.kind} needs command"), f"{self.kind} command")
        if command in ("list", "show"):
            self.list(name)
        elif command == "destroy":
            self.destroy(name)
        elif name is None:
            o.errx(EX_USAGE, f"{self.kind} instance name required")
        elif command == "create":
            self.create(name)
        elif command == "config":
            self.config(name)
        elif not self.av:
            self.stats(name)
        else:
            token(o, ("reset",), self.av[0], self.stats_words)
            self.reset(name)

    # one instance ----------------------------------------------------------------------------------------------
    def parse(self, name: str) -> EactionConfig:
        """Read the options of create."""
        raise NotImplementedError

    def change(self, config: Any) -> EactionConfig:
        """Read the options of config."""
        raise NotImplementedError

    def create(self, name: str) -> None:
        """create OPTIONS..."""
        config = self.parse(name)
        try:
            self.o.request(EactionCreate(self.kind, config))
        except KError as e:
            self.o.err(EX_OSERR, e, f"{self.kind} instance creation failed")

    def config(self, name: str) -> None:
        """config OPTIONS..."""
        o = self.o
        if not self.av:
            o.errx(EX_USAGE, "config options required")
        try:
            config = o.request(EactionGetConfig(self.kind, name, self.set))
        except KError as e:
            o.err(EX_OSERR, e, f"failed to get config for instance {name}")
        if config is None:
            config = self.blank(name)
        config = self.change(config)
        try:
            o.request(EactionSetConfig(self.kind, name, self.set, config))
        except KError as e:
            o.err(EX_OSERR, e, f"{self.kind} instance configuration failed")

    def blank(self, name: str) -> EactionConfig:
        """What options are tried on when nothing is asked of the kernel (-n)."""
        raise NotImplementedError

    def destroy(self, name: str | None) -> None:
        """destroy, one or all."""
        names = [(name, self.set)] if name is not None else [(c.name, c.set) for c in self.configs() if self._mine(c)]
        for each, which in names:
            try:
                self.o.request(EactionDestroy(self.kind, each, which))
            except KError as e:
                self.o.err(EX_OSERR, e, f"failed to destroy nat instance {each}")

    def stats(self, name: str) -> None:
        """stats."""
        o = self.o
        try:
            stats = o.request(EactionStats(self.kind, name, self.set)) or {}
        except KError as e:
            o.err(EX_OSERR, e, "Error retrieving stats")
        o.p.stdout.write(f"{self._prefix(self.set)}{self.kind} {name}\n")
        for field, text in self.counters:
            o.p.stdout.write(f"\t{stats.get(field, 0)} {text}\n")

    def reset(self, name: str) -> None:
        """stats reset."""
        try:
            self.o.request(EactionResetStats(self.kind, name, self.set))
        except KError as e:
            self.o.err(EX_OSERR, e, f"failed to reset stats for instance {name}")

    # all instances ---------------------------------------------------------------------------------------------
    def configs(self) -> tuple[Any, ...]:
        """All instances, as the kernel has them; that there are none to be had is not told."""
        try:
            found: tuple[Any, ...] = self.o.request(EactionList(self.kind)) or ()
        except KError:
            return ()
        return found

    def sorted(self) -> list[Any]:
        """By set, then by name, numbers in their order."""
        return sorted(self.configs(), key=lambda c: (c.set, len(c.name), c.name))

    def _mine(self, c: EactionConfig) -> bool:
        return self.o.use_set is None or c.set == self.set

    def _prefix(self, which: int) -> str:
        return f"set {which} " if self.o.use_set is not None or which else ""

    def list(self, name: str | None) -> None:
        """list, show."""
        for c in self.sorted():
            if name in (None, c.name) and self._mine(c):
                self.o.p.stdout.write(f"{self._prefix(c.set)}{self.kind} {c.name} {self.text(c)}\n")

    def text(self, c: Any) -> str:
        """The options that would make it."""
        raise NotImplementedError

    # words -----------------------------------------------------------------------------------------------------
    def prefix6(self, text: str, length_needed: bool = True) -> tuple[bytes, int]:
        """PREFIX/LENGTH that carries IPv4 addresses."""
        o = self.o
        name, slash, length = text.partition("/")
        if not slash and length_needed:
            o.errx(EX_USAGE, f"Prefix length required: {text}")
        prefix = inet_pton6(name)
        if prefix is None:
            o.errx(EX_USAGE, f"Bad prefix: {name}")
        if not slash:
            # The original follows the null pointer that the missing slash left it with.
            o.p.sys.kill(o.p.sys.getpid(), SIGSEGV)
            o.exit(128 + SIGSEGV)
        plen = strtol(length)[0] & 0xFF
        if not check_nat64prefix(prefix, plen):
            o.errx(EX_USAGE, f"Bad prefix length: {length}")
        return prefix, plen


def set_flag(flags: int, word: str) -> int:
    """log, -log, allow_private, -allow_private."""
    bit, on = FLAG_WORDS[word]
    return flags | bit if on else flags & ~bit


def flags_text(flags: int) -> str:
    """Flags as words."""
    return (" log" if flags & NAT64_LOG else "") + (" allow_private" if flags & NAT64_ALLOW_PRIVATE else "")
