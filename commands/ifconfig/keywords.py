"""The grammar of ifconfig(8) as tables: keywords with their arguments, address families, and where they come from.

A section is a file of this folder with an ORDER (that of the SRCS in FreeBSD's Makefile); it may have

    COMMANDS: tuple[Cmd, ...]       keywords; of two with one name that of the higher ORDER counts
    FAMILIES: tuple[Family, ...]    address families
    def status(ctx)                 lines of the display after the addresses; higher ORDER comes first
    def final(ctx, _)               called when all words of a command were read
    def clone_callback(ctx, name)   makes an interface whose name begins with one of CLONE_PREFIXES

The completer reads `commands()` and `families()` too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vshell.abi.netlink_iface import Address, Link
    from vshell.commands.ifconfig.context import Context

FLAG, ARG, OPTARG, ARG2, VECTOR = range(5)
"""How many words follow a keyword: none (a fixed parameter is passed), one, perhaps one, two, as many as it takes."""

ADDR, RIDADDR, MASK, DSTADDR, BRDADDR = range(5)
"""Which address is meant."""


class Cmd:
    """A keyword: `names` are its arguments as the manual page calls them, `clone` marks those that belong to create."""

    __slots__ = ("clone", "func", "kind", "name", "names", "param")

    def __init__(self, name: str, kind: int, func: Callable[..., Any], param: Any, names: Sequence[str], clone: bool) -> None:
        self.name = name
        self.kind = kind
        self.func = func
        self.param = param
        self.names = names
        self.clone = clone


def flag(name: str, param: Any, func: Callable[[Context, str, Any], None], clone: bool = False) -> Cmd:
    """A keyword without argument: func(ctx, keyword, param)."""
    return Cmd(name, FLAG, func, param, (), clone)


def arg(name: str, func: Callable[[Context, str], None], what: str, clone: bool = False) -> Cmd:
    """A keyword with one argument: func(ctx, argument)."""
    return Cmd(name, ARG, func, 0, (what,), clone)


def optarg(name: str, func: Callable[[Context, str | None], None], what: str, clone: bool = False) -> Cmd:
    """A keyword with an argument that may be missing at the end of the line."""
    return Cmd(name, OPTARG, func, 0, (what,), clone)


def arg2(name: str, func: Callable[[Context, str, str], None], first: str, second: str) -> Cmd:
    """A keyword with two arguments."""
    return Cmd(name, ARG2, func, 0, (first, second), False)


def vector(name: str, func: Callable[[Context, list[str]], int], what: str) -> Cmd:
    """A keyword that takes as many of the following words as it wants and tells how many."""
    return Cmd(name, VECTOR, func, 0, (what,), False)


class Family:
    """An address family (struct afswtch).  `getaddr` None: it has no addresses to set."""

    name = ""
    af = 0

    def status(self, ctx: Context, link: Link, addr: Address | None) -> None:
        """Print one address."""

    def other_status(self, ctx: Context) -> None:
        """Print what else there is to say when only this family is shown."""

    def status_tunnel(self, ctx: Context) -> None:
        """Print the ends of a tunnel in this family."""

    def getaddr(self, ctx: Context, text: str, which: int) -> None:
        """Read an address and keep it."""

    def copyaddr(self, ctx: Context, to: int, source: int) -> None:
        """What was read as one address is meant as another."""

    def postproc(self, ctx: Context, newaddr: bool, ifflags: int) -> None:
        """All words were read."""

    def remove(self, ctx: Context) -> int:
        """Remove an address; returns an errno."""
        return -1

    def add(self, ctx: Context) -> int:
        """Add an address; returns an errno."""
        return -1

    has_remove = True
    """False: `delete` is not for this family."""

    def settunnel(self, ctx: Context, src: bytes, dst: bytes) -> bool:
        """Set the ends of a tunnel; False if the family has no tunnels."""
        return False

    def setvhid(self, ctx: Context, vhid: int) -> None:
        """The address belongs to a carp(4) group."""


@cache
def sections() -> tuple[ModuleType, ...]:
    """All sections, the one registered last first."""
    package = __name__.rpartition(".")[0]
    path = import_module(package).__path__
    found = [import_module(f"{package}.{info.name}") for info in iter_modules(path)]
    return tuple(sorted((m for m in found if hasattr(m, "ORDER")), key=lambda m: -m.ORDER))


@cache
def finals() -> tuple[Callable[..., Any], ...]:
    """What the sections do at the end, in the order it is registered."""
    return tuple(section.final for section in reversed(sections()) if hasattr(section, "final"))


@cache
def statuses() -> tuple[Callable[[Context], None], ...]:
    """What prints the lines after the addresses, in order."""
    found: list[Callable[[Context], None]] = []
    for section in sections():
        if hasattr(section, "status"):
            found.append(section.status)
        found += [f.other_status for f in getattr(section, "FAMILIES", ()) if type(f).other_status is not Family.other_status]
    return tuple(found)


@cache
def commands() -> dict[tuple[str, bool], Cmd]:
    """Keywords by (name, belongs to create)."""
    table: dict[tuple[str, bool], Cmd] = {}
    for section in reversed(sections()):
        for cmd in getattr(section, "COMMANDS", ()):
            table[cmd.name, cmd.clone] = cmd
    return table


def cmd_lookup(name: str, clone: bool) -> Cmd | None:
    """The keyword of that name."""
    return commands().get((name, clone))


@cache
def families() -> tuple[Family, ...]:
    """Address families, the one registered last first."""
    return tuple(f for section in sections() for f in reversed(getattr(section, "FAMILIES", ())))


def family_by_name(name: str) -> Family | None:
    """af_getbyname."""
    return next((f for f in families() if f.name == name), None)


def family_by_number(af: int) -> Family | None:
    """af_getbyfamily."""
    return next((f for f in families() if f.af == af), None)


def clone_callback(name: str) -> Callable[[Context, str], None] | None:
    """What makes interfaces of that name, if a section cares."""
    for section in sections():
        if hasattr(section, "clone_filter") and section.clone_filter(name):
            return section.clone_callback  # type: ignore[no-any-return]
    for section in sections():
        if any(name.startswith(prefix) for prefix in getattr(section, "CLONE_PREFIXES", ())):
            return section.clone_callback  # type: ignore[no-any-return]
    return None
