"""Tables of addresses, numbers and interfaces that rules look things up in (netpfil/ipfw/ip_fw_table.c).

A table has a name within its set, and keeps its entries by one of the algorithms of ip_fw_table_algo.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EACCES, EBUSY, EEXIST, EFBIG, EINVAL, ENOENT, EOPNOTSUPP, ESRCH, KError
from vshell.abi.ip_fw import VTYPES, TableCreate, TableEntry, TableInfo, TableValue
from vshell.kernel.kern.module import SI_SUB_PROTO_FIREWALL, VnetModule, sysctl_proc
from vshell.kernel.netpfil.ipfw.ip_fw_table_algo import Algo, find_algo, hash_order

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

TABLES_MAX = 65536


def mask_value(value: TableValue, vmask: int) -> TableValue:
    """mask_table_value: only what the table is for."""
    if vmask & 0xFFF == 0xFFF:
        return value
    kept = {name: getattr(value, name) for i, name in enumerate(VTYPES) if vmask >> i & 1}
    if "nh6" in kept:
        kept["zoneid"] = value.zoneid
    return TableValue(**kept)


class Table:
    """One table (struct table_config)."""

    def __init__(self, kidx: int, r: TableCreate, algo: Algo) -> None:
        self.kidx, self.name, self.set, self.type = kidx, r.name, r.set, algo.type
        self.tflags, self.vmask, self.limit = r.tflags, r.vmask, r.limit
        self.locked = r.locked or algo.readonly
        self.algo = algo
        self.refs = 0

    def info(self) -> TableInfo:
        """As programs see it."""
        algo = self.algo
        return TableInfo(
            self.name, self.set, self.kidx, self.type, self.tflags, algo.config(), self.vmask, self.refs,
            len(algo.entries), self.limit, self.locked, algo.detail(),
        )  # fmt: skip

    def full(self) -> bool:
        """Has it as many entries as it may?"""
        return bool(self.limit) and len(self.algo.entries) >= self.limit


class Tables(VnetModule, sub=SI_SUB_PROTO_FIREWALL):
    """The tables of a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.tables: dict[tuple[int, str], Table] = {}
        self.max = 128
        self.per_set = 0
        self.values: dict[tuple[object, ...], tuple[int, list[int], TableValue]] = {}
        """Values in use: (index, [references], the value), as all entries with the same one share it."""
        self.indexes: set[int] = set()

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

    # tables ----------------------------------------------------------------------------------------------------
    def place(self, which: int) -> int:
        """The set that names live in."""
        return which if self.per_set else 0

    def create(self, r: TableCreate) -> Table:
        """A new table under the lowest free index.  EOPNOTSUPP, EBUSY."""
        found = find_algo(r.type, r.algo)
        if found is None:
            raise KError(EOPNOTSUPP)
        algo = found[0](self.vnet, found[1], r.tflags)
        used = {t.kidx for t in self.tables.values()}
        kidx = next((i for i in range(1, self.max) if i not in used), None)
        if kidx is None:
            self.vnet.kernel.printf("Unable to allocate table index. Consider increasing net.inet.ip.fw.tables_max\n")
            raise KError(EBUSY)
        table = self.tables[self.place(r.set), r.name] = Table(kidx, r, algo)
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

    def listed(self) -> list[Table]:
        """All, in the order the original finds them in."""
        return hash_order(self.tables.values(), lambda t: t.name)

    # values ----------------------------------------------------------------------------------------------------
    def link(self, value: TableValue) -> TableValue:
        """ipfw_link_table_values: the one instance of a value, with one more reference."""
        key = value.key
        found = self.values.get(key)
        if found is None:
            index = 1
            while index in self.indexes:
                index += 1
            self.indexes.add(index)
            found = self.values[key] = (index, [0], value)
        found[1][0] += 1
        return found[2]

    def unlink(self, value: TableValue) -> None:
        """unref_table_value."""
        key = value.key
        found = self.values.get(key)
        if found is not None:
            found[1][0] -= 1
            if not found[1][0]:
                self.indexes.discard(found[0])
                del self.values[key]

    # entries ---------------------------------------------------------------------------------------------------
    def clear(self, table: Table) -> None:
        """Take all entries out."""
        for value in table.algo.entries.values():
            self.unlink(value)
        table.algo.clear()

    def usable(self, name: str, which: int, type: str) -> Table:
        """find_ref_table: the table to change entries of.  EINVAL, EACCES."""
        table = self.get(name, which)
        if table.type != type:
            raise KError(EINVAL)
        if table.locked:
            raise KError(EACCES)
        return table

    def add(self, table: Table, entry: TableEntry, key: Any, update: bool) -> str:
        """Add or update one entry: "added" or "updated".  EEXIST, EFBIG, EINVAL."""
        algo = table.algo
        full = table.full()
        if full and not update:
            raise KError(EFBIG)
        algo.fits(key)
        old = algo.entries.get(key)
        if old is not None and not update:
            raise KError(EEXIST)
        if old is None and full:
            raise KError(EFBIG)
        algo.add(key, self.link(mask_value(entry.value, table.vmask)))
        if old is not None:
            self.unlink(old)
        return "added" if old is None else "updated"

    def remove(self, table: Table, key: Any) -> None:
        """Take one entry out.  ENOENT, EINVAL."""
        table.algo.fits(key)
        if key not in table.algo.entries:
            raise KError(ENOENT)
        self.unlink(table.algo.remove(key))

    def swap(self, one: Table, two: Table) -> None:
        """swap_tables: the entries of two tables of one type.  EINVAL, EFBIG, EACCES."""
        if one is two:
            return
        if one.type != two.type or one.tflags != two.tflags:
            raise KError(EINVAL)
        counts = len(one.algo.entries), len(two.algo.entries)
        if (one.limit and counts[1] > one.limit) or (two.limit and counts[0] > two.limit):
            raise KError(EFBIG)
        if one.algo.readonly or two.algo.readonly:
            raise KError(EACCES)
        one.algo, two.algo = two.algo, one.algo
