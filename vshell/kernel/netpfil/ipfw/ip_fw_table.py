"""Tables of addresses, numbers and interfaces that rules look things up in (netpfil/ipfw/ip_fw_table.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EBUSY, EINVAL, ESRCH, KError
from vshell.abi.ip_fw import TableCreate, TableInfo
from vshell.kernel.kern.module import SI_SUB_PROTO_FIREWALL, VnetModule, sysctl_proc

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

TABLES_MAX = 65536
ALGOS = {"addr": "addr:radix", "number": "number:array", "iface": "iface:array", "mac": "mac:radix", "flow": "flow:hash"}
PREFIXED = ("addr", "mac")


class Table:
    """One table; prefixes are kept by length, so that the longest that fits is a few look-ups away."""

    def __init__(self, kidx: int, r: TableCreate) -> None:
        self.kidx, self.name, self.set, self.type = kidx, r.name, r.set, r.type
        self.valtype, self.limit, self.locked = r.valtype, r.limit, r.locked
        self.entries: dict[Any, int] = {}
        self.lengths: dict[tuple[int, int], int] = {}
        self.refs = 0

    def info(self) -> TableInfo:
        """As programs see it."""
        return TableInfo(
            self.name, self.set, self.kidx, self.type, ALGOS[self.type], self.valtype, self.refs, len(self.entries),
            self.limit, self.locked,
        )  # fmt: skip

    def add(self, key: Any, value: int) -> None:
        """Put an entry in."""
        self.entries[key] = value
        if self.type in PREFIXED:
            kind = (len(key[0]), key[1])
            self.lengths[kind] = self.lengths.get(kind, 0) + 1

    def remove(self, key: Any) -> None:
        """Take an entry out."""
        del self.entries[key]
        if self.type in PREFIXED:
            kind = (len(key[0]), key[1])
            self.lengths[kind] -= 1
            if not self.lengths[kind]:
                del self.lengths[kind]

    def clear(self) -> None:
        """Take all out."""
        self.entries.clear()
        self.lengths.clear()

    def find(self, key: Any) -> Any:
        """The key of the entry that fits, None if there is none."""
        if self.type not in PREFIXED:
            return key if key in self.entries else None
        size = len(key)
        number = int.from_bytes(key, "big")
        for width in sorted((w for s, w in self.lengths if s == size), reverse=True):
            shift = size * 8 - width
            prefix = ((number >> shift << shift).to_bytes(size, "big"), width)
            if prefix in self.entries:
                return prefix
        return None


class Tables(VnetModule, sub=SI_SUB_PROTO_FIREWALL):
    """The tables of a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.tables: dict[tuple[int, str], Table] = {}
        self.max = 128
        self.per_set = 0

    @sysctl_proc("net.inet.ip.fw.tables_sets", "Use per-set namespace for tables", flags="w", fmt="unsigned integer")
    def _sets(self, td: Any, new: Any) -> Any:
        if new is not None and bool(new) != bool(self.per_set):
            if any(t.set for t in self.tables.values()) or (not new and any(t.refs for t in self.tables.values())):
                raise KError(EBUSY)
            self.per_set = int(bool(new))
        return self.per_set

    @sysctl_proc("net.inet.ip.fw.tables_max", "Maximum number of concurrently used tables", flags="w", fmt="unsigned integer")
    def _max(self, td: Any, new: Any) -> Any:
        if new is not None:
            wanted = 1 << (max(min(new, TABLES_MAX), 1) - 1).bit_length()
            if wanted < self.max:
                raise KError(EINVAL)
            self.max = wanted
        return self.max

    def place(self, which: int) -> int:
        """The set that names live in."""
        return which if self.per_set else 0

    def create(self, r: TableCreate) -> Table:
        """A new table under the lowest free index."""
        used = {t.kidx for t in self.tables.values()}
        kidx = next((i for i in range(1, self.max) if i not in used), None)
        if kidx is None:
            raise KError(EBUSY)
        table = self.tables[self.place(r.set), r.name] = Table(kidx, r)
        return table

    def get(self, name: str, which: int) -> Table:
        """ESRCH if there is none."""
        table = self.tables.get((self.place(which), name))
        if table is None:
            raise KError(ESRCH)
        return table

    def reference(self, name: str, which: int, type: str) -> Table:
        """A rule refers to it: it is made if need be, and must be of the right type."""
        table = self.tables.get((self.place(which), name))
        if table is None:
            table = self.create(TableCreate(name, self.place(which), type))
        elif table.type != type:
            raise KError(EINVAL)
        return table
