"""How tables keep their entries (netpfil/ipfw/ip_fw_table_algo.c): one class for each algorithm.

All of them are dictionaries; what the algorithms differ in is which keys they take, in what order they list them, and what
they tell of themselves.  Prefixes are kept by length, so that the longest that fits is a few look-ups away.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from vshell.abi.errno import E2BIG, EINVAL, KError
from vshell.abi.ip_fw import TableClass, TableValue
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.net.route.route_tables import fib_lookup, rt_tables_get_rnh

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

T = TypeVar("T")
Items = list[tuple[Any, TableValue]]
NOTHING = TableValue()
Ranges = tuple[Sequence[int], list[TableValue | None], Sequence[int], int]
"""Where something else begins to fit, what that is, where those are whose first bits are the same, and what to shift for them."""
FEW, PATIENCE = 3, 8
"""So many lengths of prefixes are tried one after the other; a table is turned into ranges once it was asked as often as an
eighth of its entries without having changed."""


def fnv(name: str) -> int:
    """fnv_32_str: what the original hashes names with."""
    value = 33554467
    for octet in name.encode():
        value = value * 0x01000193 & 0xFFFFFFFF ^ octet
    return value


def hash_order(things: Iterable[T], name: Callable[[T], str]) -> list[T]:
    """ipfw_objhash_foreach: by slot of the hash of the name, the youngest of a slot first."""
    return sorted(list(things)[::-1], key=lambda thing: fnv(name(thing)) % 32)


class Algo:
    """What all have in common."""

    name = type = ""
    readonly = False
    default = True

    def __init__(self, vnet: Vnet, options: str, tflags: int) -> None:
        self.vnet = vnet
        self.tflags = tflags
        self.entries: dict[Any, TableValue] = {}

    def config(self) -> str:
        """How it was created."""
        return self.name

    def key(self, key: Any) -> Any:
        """The key as it is kept.  EINVAL if this is none."""
        return key

    def fits(self, key: Any) -> None:
        """Can that key be an entry?  EINVAL."""

    def room(self, count: int) -> None:
        """So many entries are about to be added."""

    def add(self, key: Any, value: TableValue) -> None:
        """Put an entry in, or change its value."""
        self.entries[key] = value

    def remove(self, key: Any) -> TableValue:
        """Take an entry out."""
        return self.entries.pop(key)

    def clear(self) -> None:
        """Take all out."""
        self.entries = {}

    def find(self, key: Any) -> tuple[Any, TableValue] | None:
        """The entry for a key, as programs ask for it."""
        value = self.entries.get(key)
        return None if value is None else (key, value)

    def lookup(self, key: Any) -> TableValue | None:
        """The value for a key, as rules ask for it."""
        return self.entries.get(key)

    def dump(self) -> Items:
        """All entries in the order they are listed in."""
        return list(self.entries.items())

    def detail(self) -> tuple[TableClass, ...]:
        """What it tells of itself."""
        raise NotImplementedError


def _masked(octets: bytes, width: int) -> bytes:
    size = len(octets)
    shift = size * 8 - width
    return (int.from_bytes(octets, "big") >> shift << shift).to_bytes(size, "big")


class Radix(Algo):
    """Prefixes of one or more sizes, the longest that fits wins.

    A table that is asked much more often than it is changed is turned into ranges, which one bisection finds.
    """

    sizes: ClassVar[tuple[int, ...]] = (4, 16)

    def __init__(self, vnet: Vnet, options: str, tflags: int) -> None:
        super().__init__(vnet, options, tflags)
        self.clear()

    def clear(self) -> None:
        """Take all out."""
        self.entries = {}
        self.widths: dict[tuple[int, int], dict[int, tuple[Any, TableValue]]] = {}
        self.levels: dict[int, tuple[tuple[int, Any], ...]] = dict.fromkeys(self.sizes, ())
        """For each size of key what to shift it by, and what is found under the rest of it; the longest first."""
        self._changed()

    def _changed(self) -> None:
        self.ranges: dict[int, Ranges] = {}
        self.asked = 0

    def key(self, key: Any) -> Any:
        """A prefix without the bits behind it."""
        octets, width = key
        if len(octets) not in self.sizes or not 0 <= width <= len(octets) * 8:
            raise KError(EINVAL)
        return _masked(octets, width), width

    def add(self, key: Any, value: TableValue) -> None:
        """Put an entry in."""
        self.entries[key] = value
        octets, width = key
        kind = (len(octets), width)
        if kind not in self.widths:
            self.widths[kind] = {}
            self._order(len(octets))
        self.widths[kind][int.from_bytes(octets, "big") >> len(octets) * 8 - width] = (key, value)
        self._changed()

    def remove(self, key: Any) -> TableValue:
        """Take an entry out."""
        octets, width = key
        kind = (len(octets), width)
        del self.widths[kind][int.from_bytes(octets, "big") >> len(octets) * 8 - width]
        if not self.widths[kind]:
            del self.widths[kind]
            self._order(len(octets))
        self._changed()
        return self.entries.pop(key)

    def _order(self, size: int) -> None:
        widths = sorted((w for s, w in self.widths if s == size), reverse=True)
        self.levels[size] = tuple((size * 8 - w, self.widths[size, w].get) for w in widths)

    def find(self, key: Any) -> tuple[Any, TableValue] | None:
        """The longest prefix that fits an address."""
        number = int.from_bytes(key, "big")
        for shift, get in self.levels.get(len(key), ()):
            found: tuple[Any, TableValue] | None = get(number >> shift)
            if found is not None:
                return found
        return None

    def lookup(self, key: Any) -> TableValue | None:
        """Its value."""
        ranges = self.ranges.get(len(key))
        number = int.from_bytes(key, "big")
        if ranges is not None:
            starts, values, index, shift = ranges
            first = number >> shift
            return values[bisect_right(starts, number, index[first], index[first + 1]) - 1]
        levels = self.levels.get(len(key), ())
        if len(levels) > FEW:
            self.asked += 1
            if self.asked * PATIENCE > len(self.entries):
                self.ranges[len(key)] = self._ranges(len(key))
        for shift, get in levels:
            found = get(number >> shift)
            if found is not None:
                value: TableValue = found[1]
                return value
        return None

    def _ranges(self, size: int) -> Ranges:
        """The prefixes of a size side by side."""
        top = (1 << size * 8) - 1
        marks: dict[int, TableValue | None] = {0: None}
        inside: list[tuple[int, TableValue | None]] = [(top, None)]
        chosen = ((int.from_bytes(k[0], "big"), k[1], v) for k, v in self.entries.items() if len(k[0]) == size)
        for start, width, value in sorted(chosen, key=lambda e: e[:2]):
            while inside[-1][0] < start:
                end, _ = inside.pop()
                marks[end + 1] = inside[-1][1]
            marks[start] = value
            inside.append((start | top >> width, value))
        while inside:
            end, _ = inside.pop()
            if end < top:
                marks[end + 1] = inside[-1][1]
        order = sorted(marks)
        shift = size * 8 - (16 if len(order) > 1000 else 0)
        index = [bisect_right(order, (i << shift) - 1) for i in range((1 << size * 8 - shift) + 1)]
        # Numbers that fit lie side by side in memory that way.
        return (array("L", order) if size == 4 else order), [marks[number] for number in order], array("L", index), shift

    def dump(self) -> Items:
        """By address, the longer of two with the same address first."""
        return sorted(self.entries.items(), key=lambda e: (len(e[0][0]), e[0][0], -e[0][1]))


class AddrRadix(Radix):
    """addr:radix."""

    name, type = "addr:radix", "addr"

    def detail(self) -> tuple[TableClass, ...]:
        """Entries of both families; they are of the size of the original's."""
        four = sum(1 for key in self.entries if len(key[0]) == 4)
        six = len(self.entries) - four
        return TableClass("radix", "IPv4 ", 0, four, 120, 120), TableClass("radix", "IPv6 ", 0, six, 128, 128)


class MacRadix(Radix):
    """mac:radix."""

    name, type, sizes = "mac:radix", "mac", (6,)

    def detail(self) -> tuple[TableClass, ...]:
        """It says that it has two families and leaves the second empty."""
        return TableClass("radix", "IPv4 ", 0, len(self.entries), 112, 112), TableClass("unknown", "IPv6 ", 0, 0, 0, 0)


class AddrHash(Algo):
    """addr:hash [masks=/W[,/W6]]: addresses, or prefixes that are all of one length."""

    name, type = "addr:hash", "addr"

    def __init__(self, vnet: Vnet, options: str, tflags: int) -> None:
        super().__init__(vnet, options, tflags)
        self.width = {4: 32, 16: 128}
        self.size = {4: 128, 16: 128}
        self.count = {4: 0, 16: 0}
        if options:
            self._masks(options)

    def _masks(self, options: str) -> None:
        import re

        found = re.fullmatch(r"masks=/([0-9]+)(?:,/([0-9]+))?", options.split(" ", 1)[0])
        if found is None:
            raise KError(EINVAL)
        self.width = {4: int(found[1]), 16: int(found[2] or 128)}
        if self.width[4] > 32 or self.width[16] > 128:
            raise KError(EINVAL)

    def config(self) -> str:
        """How it was created."""
        if self.width == {4: 32, 16: 128}:
            return self.name
        return f"{self.name} masks=/{self.width[4]},/{self.width[16]}"

    def key(self, key: Any) -> Any:
        """A prefix without the bits behind it."""
        octets, width = key
        if len(octets) not in self.width or not 0 <= width <= len(octets) * 8:
            raise KError(EINVAL)
        return _masked(octets, width), width

    def fits(self, key: Any) -> None:
        """Only one length is right."""
        if key[1] != self.width[len(key[0])]:
            raise KError(EINVAL)

    def add(self, key: Any, value: TableValue) -> None:
        """Put an entry in; the hash grows when it is more than full."""
        size = len(key[0])
        if key not in self.entries:
            self.count[size] += 1
        self.entries[key] = value

    def room(self, count: int) -> None:
        """The number that is to be added does not matter here."""
        for size in (4, 16):
            while self.count[size] > self.size[size] and self.size[size] < 65536:
                self.size[size] *= 2

    def remove(self, key: Any) -> TableValue:
        """Take an entry out."""
        self.count[len(key[0])] -= 1
        return self.entries.pop(key)

    def clear(self) -> None:
        """Start anew."""
        self.entries = {}
        self.count = {4: 0, 16: 0}
        self.size = {4: 128, 16: 128}

    def find(self, key: Any) -> tuple[Any, TableValue] | None:
        """The prefix of the address."""
        width = self.width.get(len(key))
        return None if width is None else super().find((_masked(key, width), width))

    def lookup(self, key: Any) -> TableValue | None:
        """The value of the prefix of the address."""
        width = self.width.get(len(key))
        return None if width is None else self.entries.get((_masked(key, width), width))

    def _slot(self, entry: tuple[Any, TableValue]) -> tuple[int, int]:
        octets, width = entry[0]
        size = len(octets)
        if size == 4:
            number = int.from_bytes(octets, "big") >> 32 - width
        else:
            words = [int.from_bytes(octets[i : i + 4], "little") for i in range(0, 16, 4)]
            number = words[0] ^ words[1] if width == 64 else words[0] ^ words[1] ^ words[2] ^ words[3]
        return size, number % (self.size[size] - 1)

    def dump(self) -> Items:
        """By slot, the youngest of a slot first."""
        return sorted(list(self.entries.items())[::-1], key=self._slot)

    def detail(self) -> tuple[TableClass, ...]:
        """Slots and entries of both families."""
        return tuple(
            TableClass("hash", family, self.size[size], self.count[size], 32, 32)
            for family, size in (("IPv4 ", 4), ("IPv6 ", 16))
        )


class Array(Algo):
    """What grows by doubling."""

    size = 16
    itemsize = 8

    def room(self, count: int) -> None:
        """Grow so that they fit."""
        while self.size < len(self.entries) + count:
            self.size *= 2

    def used(self) -> int:
        """Entries that count now."""
        return len(self.entries)

    def detail(self) -> tuple[TableClass, ...]:
        """One array."""
        return (TableClass("array", "", self.size, self.used(), self.itemsize, self.itemsize),)


class IfaceArray(Array):
    """iface:array: names of interfaces, which need not exist."""

    name, type, size = "iface:array", "iface", 64

    def dump(self) -> Items:
        """By hash of the name."""
        return hash_order(self.entries.items(), lambda entry: str(entry[0]))

    def used(self) -> int:
        """Interfaces that exist."""
        names = {ifp.xname for ifp in self.vnet.ifnets}
        return sum(1 for name in self.entries if name in names)


class NumberArray(Array):
    """number:array."""

    name, type = "number:array", "number"

    def dump(self) -> Items:
        """In order."""
        return sorted(self.entries.items())


class FlowHash(Algo):
    """flow:hash: any of addresses, protocol and ports."""

    name, type = "flow:hash", "flow"
    size = 512

    def room(self, count: int) -> None:
        """It grows when it is more than full."""
        while len(self.entries) > self.size and self.size < 65536:
            self.size *= 2

    def key(self, key: Any) -> Any:
        """EINVAL without an address, since the family is not known then."""
        src, proto, sport, dst, dport = key
        if src is None and dst is None:
            raise KError(EINVAL)
        size = len(src if src is not None else dst)
        return size, src or bytes(size), proto, sport, dst or bytes(size), dport

    def flow(self, src: bytes, proto: int, sport: int, dst: bytes, dport: int) -> Any:
        """The key a packet is looked up by."""
        on = self.tflags
        size = len(src)
        return (
            size, src if on & 1 else bytes(size), proto if on & 2 else 0, sport if on & 4 else 0,
            dst if on & 8 else bytes(size), dport if on & 16 else 0,
        )  # fmt: skip

    def find(self, key: Any) -> tuple[Any, TableValue] | None:
        """An entry by its key."""
        value = self.entries.get(self.key(key))
        return None if value is None else (key, value)

    def lookup(self, key: Any) -> TableValue | None:
        """The value for a packet's flow."""
        return self.entries.get(self.flow(*key))

    def _slot(self, entry: tuple[Any, TableValue]) -> int:
        size, src, _, sport, dst, dport = entry[0]
        number = 0
        for octets in (src, dst):
            for at in range(0 if size == 4 else 8, size, 4):
                number ^= int.from_bytes(octets[at : at + 4], "little")
        for port in (sport, dport):
            number ^= (port & 0xFF) << 8 | port >> 8
        return number % (self.size - 1)

    def dump(self) -> Items:
        """By slot, the youngest of a slot first."""
        return [(key[1:], value) for key, value in sorted(list(self.entries.items())[::-1], key=self._slot)]

    def detail(self) -> tuple[TableClass, ...]:
        """One hash for both families."""
        return (TableClass("hash", "", self.size, len(self.entries), 32, 56),)


class AddrKfib(Algo):
    """addr:kfib [fib=N]: the routes of the kernel, to look at only."""

    name, type = "addr:kfib", "addr"
    readonly = True
    default = False

    def __init__(self, vnet: Vnet, options: str, tflags: int) -> None:
        super().__init__(vnet, options, tflags)
        self.fib = 0
        if options:
            word = options.split(" ", 1)[0]
            number = word[4:]
            if not word.startswith("fib=") or not (number.isascii() and number.isdigit()):
                raise KError(EINVAL)
            self.fib = int(number)
        if self.fib >= vnet.numfibs:
            raise KError(E2BIG)

    def config(self) -> str:
        """How it was created."""
        return f"{self.name} fib={self.fib}" if self.fib else self.name

    def find(self, key: Any) -> tuple[Any, TableValue] | None:
        """The route to an address."""
        best = None
        for entry, value in self.dump():
            octets, width = entry
            if len(octets) == len(key) and _masked(key, width) == octets and (best is None or width > best[0][1]):
                best = entry, value
        return best

    def lookup(self, key: Any) -> TableValue | None:
        """The original mixes up found and not found, and has no IPv6 here (ta_lookup_kfib): what has no route matches."""
        if len(key) != 4 or fib_lookup(self.vnet, AF_INET, key, self.fib) is not None:
            return None
        return NOTHING

    def dump(self) -> Items:
        """All routes."""
        out: Items = []
        for family in (AF_INET, AF_INET6):
            for rt in rt_tables_get_rnh(self.vnet, family, self.fib).walk():
                octets = rt.key
                if family == AF_INET6 and octets[0] == 0xFE and octets[1] & 0xC0 == 0x80:
                    octets = octets[:2] + bytes(2) + octets[4:]
                out.append(((octets, rt.plen), NOTHING))
        return out

    def detail(self) -> tuple[TableClass, ...]:
        """It does not count."""
        return TableClass("radix", "IPv4 ", 0, 0, 128, 128), TableClass("radix", "IPv6 ", 0, 0, 128, 128)


ALGOS: tuple[type[Algo], ...] = (AddrRadix, AddrHash, IfaceArray, NumberArray, FlowHash, AddrKfib, MacRadix)
"""In the order they are listed in."""


def find_algo(type: str, name: str) -> tuple[type[Algo], str] | None:
    """find_table_algo: by name, whose first word is that of an algorithm, or the first for a type; with its options."""
    word, _, options = name.partition(" ")
    for algo in ALGOS:
        if word and algo.name == word:
            return (algo, options.lstrip(" ")) if type in ("", algo.type) else None
        if not word and algo.type == type and algo.default:
            return algo, ""
    return None
