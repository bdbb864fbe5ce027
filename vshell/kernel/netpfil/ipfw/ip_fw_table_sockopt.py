"""The requests of programs about tables (netpfil/ipfw/ip_fw_table.c, ip_fw_table_value.c, ip_fw_iface.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EACCES, EBUSY, EEXIST, EFBIG, ENOENT, KError
from vshell.abi.ip_fw import (
    AlgoList,
    IfaceList,
    TableAdd,
    TableCreate,
    TableDel,
    TableDestroy,
    TableDump,
    TableEntry,
    TableFind,
    TableFlush,
    TableGet,
    TableInfo,
    TableLimit,
    TableLock,
    TableResult,
    TablesList,
    TableSwap,
    TableValue,
    ValueList,
)
from vshell.kernel.netpfil.ipfw.ip_fw_sockopt import fw3
from vshell.kernel.netpfil.ipfw.ip_fw_table import Table, Tables
from vshell.kernel.netpfil.ipfw.ip_fw_table_algo import ALGOS

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw

RESULTS = {EEXIST: "exists", ENOENT: "notfound", EFBIG: "limit"}


@fw3(TableCreate)
def table_create(f: IpFw, r: TableCreate) -> int:
    """IP_FW_TABLE_XCREATE."""
    tables = f.vnet[Tables]
    if (tables.place(r.set), r.name) in tables.tables:
        raise KError(EEXIST)
    tables.create(r)
    return 0


@fw3(TableDestroy)
def table_destroy(f: IpFw, r: TableDestroy) -> int:
    """IP_FW_TABLE_XDESTROY; not while rules refer to it."""
    tables = f.vnet[Tables]
    table = tables.get(r.name, r.set)
    if table.refs:
        raise KError(EBUSY)
    tables.clear(table)
    del tables.tables[tables.place(r.set), r.name]
    return 0


def _modifiable(f: IpFw, name: str, which: int) -> Table:
    table: Table = f.vnet[Tables].get(name, which)
    if table.algo.readonly:
        raise KError(EACCES)
    return table


@fw3(TableFlush)
def table_flush(f: IpFw, r: TableFlush) -> int:
    """IP_FW_TABLE_XFLUSH, which a lock does not hinder."""
    f.vnet[Tables].clear(_modifiable(f, r.name, r.set))
    return 0


@fw3(TableLock)
def table_lock(f: IpFw, r: TableLock) -> int:
    """IP_FW_TABLE_XMODIFY: lock and unlock."""
    _modifiable(f, r.name, r.set).locked = r.lock
    return 0


@fw3(TableLimit)
def table_limit(f: IpFw, r: TableLimit) -> int:
    """IP_FW_TABLE_XMODIFY: another limit, if one is given."""
    table = _modifiable(f, r.name, r.set)
    if r.limit is not None:
        table.limit = r.limit
    return 0


@fw3(TableGet)
def table_info(f: IpFw, r: TableGet) -> TableInfo:
    """IP_FW_TABLE_XINFO."""
    tables: Tables = f.vnet[Tables]
    return tables.get(r.name, r.set).info()


@fw3(TablesList)
def tables_list(f: IpFw, r: TablesList) -> tuple[TableInfo, ...]:
    """IP_FW_TABLES_XLIST."""
    return tuple(t.info() for t in f.vnet[Tables].listed())


@fw3(TableDump)
def table_dump(f: IpFw, r: TableDump) -> tuple[TableEntry, ...]:
    """IP_FW_TABLE_XLIST."""
    algo = f.vnet[Tables].get(r.name, r.set).algo
    return tuple(TableEntry(key, value) for key, value in algo.dump())


@fw3(TableFind)
def table_find(f: IpFw, r: TableFind) -> TableEntry:
    """IP_FW_TABLE_XFIND."""
    found = f.vnet[Tables].get(r.name, r.set).algo.find(r.key)
    if found is None:
        raise KError(ENOENT)
    return TableEntry(*found)


@fw3(TableSwap)
def table_swap(f: IpFw, r: TableSwap) -> int:
    """IP_FW_TABLE_XSWAP."""
    tables = f.vnet[Tables]
    tables.swap(tables.get(r.name, r.set), tables.get(r.other, r.set))
    return 0


@fw3(TableAdd)
def table_add(f: IpFw, r: TableAdd) -> TableResult:
    """add_table_entry: an entry that fails does not keep the others out, unless all or nothing is asked for."""
    tables: Tables = f.vnet[Tables]
    results = ["ignored"] * len(r.entries)
    try:
        table = tables.usable(r.name, r.set, r.type)
        if len(r.entries) == 1 and table.full() and not r.update:
            return TableResult(EFBIG, ("limit",))
        keys = [table.algo.key(entry.key) for entry in r.entries]
    except KError as e:
        return TableResult(e.errno, tuple(results))
    table.algo.room(len(keys))
    first = 0
    done: list[tuple[Any, TableValue | None]] = []
    for i, entry in enumerate(r.entries):
        old = table.algo.entries.get(keys[i])
        try:
            results[i] = tables.add(table, entry, keys[i], r.update)
        except KError as e:
            first = first or e.errno
            results[i] = RESULTS.get(e.errno, "error")
            if r.atomic:
                _undo(tables, table, done)
                break
            continue
        done.append((keys[i], old))
    if done:
        table.algo.room(0)
    return TableResult(first, tuple(results))


def _undo(tables: Tables, table: Table, done: list[tuple[Any, TableValue | None]]) -> None:
    """rollback_added_entries."""
    for key, old in reversed(done):
        if old is None:
            tables.remove(table, key)
        else:
            tables.unlink(table.algo.entries[key])
            table.algo.add(key, tables.link(old))


@fw3(TableDel)
def table_del(f: IpFw, r: TableDel) -> TableResult:
    """del_table_entry: all that are there."""
    tables: Tables = f.vnet[Tables]
    results = ["ignored"] * len(r.entries)
    try:
        table = tables.usable(r.name, r.set, r.type)
        keys = [table.algo.key(entry.key) for entry in r.entries]
    except KError as e:
        return TableResult(e.errno, tuple(results))
    first = 0
    for i, key in enumerate(keys):
        try:
            tables.remove(table, key)
            results[i] = "deleted"
        except KError as e:
            first = first or e.errno
            results[i] = RESULTS.get(e.errno, "error")
    return TableResult(first, tuple(results))


# ipfw internal ---------------------------------------------------------------------------------------------------


@fw3(AlgoList)
def algo_list(f: IpFw, r: AlgoList) -> tuple[tuple[str, str, int], ...]:
    """list_table_algo."""
    tables = f.vnet[Tables].tables.values()
    return tuple((a.name, a.type, sum(1 for t in tables if isinstance(t.algo, a))) for a in ALGOS)


@fw3(ValueList)
def value_list(f: IpFw, r: ValueList) -> tuple[tuple[int, int, TableValue], ...]:
    """list_table_values."""
    return tuple((index, refs[0], value) for index, refs, value in f.vnet[Tables].values.values())


@fw3(IfaceList)
def iface_list(f: IpFw, r: IfaceList) -> tuple[tuple[str, int, int, int], ...]:
    """list_ifaces: those that tables name; how often they changed is one more than not at all for one that is there."""
    refs: dict[str, int] = {}
    for table in f.vnet[Tables].tables.values():
        if table.type == "iface":
            for name in table.algo.entries:
                refs[name] = refs.get(name, 0) + 1
    indexes = {ifp.xname: ifp.index for ifp in f.vnet.ifnets}
    return tuple((name, indexes.get(name, 0), count, 0) for name, count in refs.items())
