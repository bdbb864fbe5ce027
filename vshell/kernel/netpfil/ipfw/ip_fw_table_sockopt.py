"""The requests of programs about tables (netpfil/ipfw/ip_fw_table.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EBUSY, EEXIST, EINVAL, ENOENT, EOPNOTSUPP, KError
from vshell.abi.ip_fw import (
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
    TableRequest,
    TablesList,
    TableSwap,
)
from vshell.kernel.netpfil.ipfw.ip_fw_sockopt import fw3
from vshell.kernel.netpfil.ipfw.ip_fw_table import ALGOS, Tables

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw


@fw3(TableCreate)
def table_create(f: IpFw, r: TableCreate) -> int:
    """IP_FW_TABLE_XCREATE."""
    tables = f.vnet[Tables]
    if (tables.place(r.set), r.name) in tables.tables:
        raise KError(EEXIST)
    if r.type not in ALGOS or r.algo not in ("", ALGOS[r.type]):
        raise KError(EOPNOTSUPP)
    tables.create(r)
    return 0


@fw3(TableDestroy)
def table_destroy(f: IpFw, r: TableDestroy) -> int:
    """IP_FW_TABLE_XDESTROY; not while rules refer to it."""
    tables = f.vnet[Tables]
    if tables.get(r.name, r.set).refs:
        raise KError(EBUSY)
    del tables.tables[tables.place(r.set), r.name]
    return 0


@fw3(TableFlush, TableLock)
def table_flush(f: IpFw, r: TableRequest) -> int:
    """IP_FW_TABLE_XFLUSH, which a lock does not hinder; lock and unlock."""
    table = f.vnet[Tables].get(r.name, r.set)
    if isinstance(r, TableLock):
        table.locked = r.lock
    else:
        table.clear()
    return 0


@fw3(TableGet)
def table_info(f: IpFw, r: TableGet) -> TableInfo:
    """IP_FW_TABLE_XINFO."""
    tables: Tables = f.vnet[Tables]
    return tables.get(r.name, r.set).info()


@fw3(TablesList)
def tables_list(f: IpFw, r: TablesList) -> tuple[TableInfo, ...]:
    """IP_FW_TABLES_XLIST."""
    return tuple(t.info() for t in f.vnet[Tables].tables.values())


def _order(key: Any) -> Any:
    return (len(key[0]), *key) if isinstance(key, tuple) else key


@fw3(TableDump)
def table_dump(f: IpFw, r: TableDump) -> tuple[TableEntry, ...]:
    """IP_FW_TABLE_XLIST: in order; interfaces the youngest first."""
    table = f.vnet[Tables].get(r.name, r.set)
    keys = list(table.entries)
    keys = keys[::-1] if table.type == "iface" else sorted(keys, key=_order)
    return tuple(TableEntry(k, table.entries[k]) for k in keys)


@fw3(TableFind)
def table_find(f: IpFw, r: TableFind) -> TableEntry:
    """IP_FW_TABLE_XFIND."""
    table = f.vnet[Tables].get(r.name, r.set)
    key = table.find(r.key)
    if key is None:
        raise KError(ENOENT)
    return TableEntry(key, table.entries[key])


def _entry_key(key: Any) -> Any:
    """A prefix without the bits behind it."""
    if not isinstance(key, tuple):
        return key
    shift = len(key[0]) * 8 - key[1]
    return (int.from_bytes(key[0], "big") >> shift << shift).to_bytes(len(key[0]), "big"), key[1]


@fw3(TableSwap)
def table_swap(f: IpFw, r: TableSwap) -> int:
    """IP_FW_TABLE_XSWAP: the entries of two tables of one type."""
    tables = f.vnet[Tables]
    one, two = tables.get(r.name, r.set), tables.get(r.other, r.set)
    if one.type != two.type:
        raise KError(EINVAL)
    one.entries, two.entries = two.entries, one.entries
    one.lengths, two.lengths = two.lengths, one.lengths
    return 0


@fw3(TableLimit)
def table_limit(f: IpFw, r: TableLimit) -> int:
    """IP_FW_TABLE_XMODIFY: another limit."""
    f.vnet[Tables].get(r.name, r.set).limit = r.limit
    return 0


@fw3(TableAdd)
def table_add(f: IpFw, r: TableAdd) -> tuple[int, ...]:
    """IP_FW_TABLE_XADD: up to the first that fails; EFBIG (27) is the limit, EROFS (30) the lock."""
    table = f.vnet[Tables].get(r.name, r.set)
    out: list[int] = []
    added: list[Any] = []
    for entry in r.entries:
        key = _entry_key(entry.key)
        if table.locked:
            out.append(30)
        elif key in table.entries:
            out.append(EEXIST)
        elif table.limit and len(table.entries) >= table.limit:
            out.append(27)
        else:
            table.add(key, entry.value)
            added.append(key)
            out.append(0)
        if out[-1]:
            break
    if r.atomic and out and out[-1]:
        for key in added:
            table.remove(key)
    return tuple(out)


@fw3(TableDel)
def table_del(f: IpFw, r: TableDel) -> tuple[int, ...]:
    """IP_FW_TABLE_XDEL: all that are there."""
    table = f.vnet[Tables].get(r.name, r.set)
    out: list[int] = []
    for entry in r.entries:
        if table.locked:
            out.append(30)
            break
        key = _entry_key(entry.key)
        if key not in table.entries:
            out.append(ENOENT)
            continue
        table.remove(key)
        out.append(0)
    return tuple(out)
