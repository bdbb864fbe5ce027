"""ipfw table (sbin/ipfw/tables.c): making tables, filling them, asking them."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import EACCES, EEXIST, EFBIG, EINVAL, ENOENT, EOPNOTSUPP, ESRCH, KError, strerror
from vshell.abi.ip_fw import (
    FLOW_FIELDS,
    VTYPE_LEGACY,
    FwRequest,
    TableAdd,
    TableClass,
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
)
from vshell.commands.ipfw.addresses import table_name_ok
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.insn import fill_flags, strtoul
from vshell.commands.ipfw.table_entry import VNAMES, entry_text, fill_key, fill_value, guess_key_type
from vshell.commands.ipfw.words import EX_DATAERR, EX_OSERR, EX_UNAVAILABLE, EX_USAGE

TYPES = ("addr", "mac", "iface", "number", "flow")
DEFAULT_ALGOS = {"addr": "addr:radix", "flow": "flow:hash", "iface": "iface:array", "number": "number:array"}
COMMANDS = (
    "add", "delete", "create", "destroy", "flush", "modify", "swap", "info", "detail", "list", "lookup", "atomic", "lock",
    "unlock",
)  # fmt: skip
FOR_ALL = ("list", "info", "detail", "flush", "destroy")
OPTIONS = ("type", "valtype", "algo", "limit", "locked", "missing", "or-flush")
MISSING = {
    "limit": "limit value required", "type": "table type required", "valtype": "table value type required",
    "algo": "table algorithm name required",
}  # fmt: skip
VBITS = {name: 1 << i for i, name in enumerate(VNAMES)}
FLOW_BITS = {name: 1 << i for i, name in enumerate(FLOW_FIELDS)}
REASONS = {
    EEXIST: "record already exists", EFBIG: "limit hit", ESRCH: "table not found", ENOENT: "record not found",
    EACCES: "table is locked",
}  # fmt: skip
IGNORED = ("limit", "error", "notfound", "exists", "ignored")
ENTRY_SIZE, HEADER_SIZE = 120, 296
"""Of the lists that the original asks for."""
NONE = TableInfo("", 0, 0, "", 0, "", 0, 0, 0, 0, False)


def get_token(o: Options, table: tuple[str, ...], word: str, what: str) -> str:
    """get_token: a word of a table, or the start of just one."""
    found = [name for name in table if word and name.startswith(word)]
    if len(found) != 1:
        o.errx(EX_USAGE, f"ambiguous {what} {word}")
    return found[0]


def type_text(info: TableInfo) -> str:
    """table_print_type."""
    text = info.type or "unknown"
    if info.tflags:
        text += ":" + ",".join(name for name, bit in FLOW_BITS.items() if info.tflags & bit)
    return text


def valtype_text(vmask: int) -> str:
    """table_print_valheader."""
    return "legacy" if vmask == VTYPE_LEGACY else ",".join(name for name, bit in VBITS.items() if vmask & bit)


class Tables:
    """One command on tables."""

    def __init__(self, o: Options, av: list[str]) -> None:
        self.o = o
        self.set = o.use_set or 0
        if not av:
            o.errx(EX_USAGE, "table needs name")
        self.name = av[0]
        self.all = self.name == "all"
        if not self.all and not table_name_ok(self.name):
            o.errx(EX_USAGE, f"table name {self.name} is invalid")
        if len(av) < 2:
            o.errx(EX_USAGE, "table needs command")
        self.word = av[1]
        self.command = get_token(o, COMMANDS, av[1], "table command")
        self.av = av[2:]
        self.atomic = False

    def run(self) -> None:
        """Do it."""
        if self.command == "atomic":
            if not self.av:
                self.o.errx(EX_USAGE, "atomic needs command")
            self.word = self.av[0]
            self.command = get_token(self.o, COMMANDS, self.word, "table command")
            if self.command != "add":
                self.o.errx(EX_USAGE, f"atomic is not compatible with {self.word}")
            self.av, self.atomic = self.av[1:], True
        command = self.command
        if self.all and command not in FOR_ALL:
            self.o.errx(EX_USAGE, "table name required")
        if command in ("add", "delete"):
            self.modify(command == "add")
        elif command in ("lock", "unlock"):
            self.lock(command)
        elif command in ("list", "info", "detail"):
            self.show(command)
        elif command in ("destroy", "flush"):
            self.empty(command)
        else:
            {"create": self.create, "modify": self.limit, "swap": self.swap, "lookup": self.lookup}[command]()

    # whole tables ----------------------------------------------------------------------------------------------
    def get_info(self) -> TableInfo:
        """table_get_info; a table without a name with -n.  KError."""
        found = self.o.request(TableGet(self.name, self.set))
        return found if isinstance(found, TableInfo) else NONE

    def each(self, what: str) -> list[TableInfo]:
        """tables_foreach: all tables (of a set), by name."""
        try:
            tables = self.o.request(TablesList()) or ()
        except KError as e:
            self.o.err(EX_OSERR, e, f"failed to {what}")
        wanted = [t for t in tables if self.o.use_set in (None, t.set)]
        return sorted(wanted, key=lambda t: (len(t.name), t.name))

    def empty(self, command: str) -> None:
        """destroy, flush."""
        o = self.o
        kind = TableDestroy if command == "destroy" else TableFlush
        if self.all:
            for info in self.each(f"{command} tables list"):
                try:
                    o.request(kind(info.name, info.set))
                except KError as e:
                    if command == "destroy" and not o.quiet:
                        o.p.warn(e, f"failed to destroy table({info.name}) in set {info.set}")
            return
        try:
            o.request(kind(self.name, self.set))
        except KError as e:
            text = f"failed to {command} table {self.name}" + (" info" if command == "flush" else "")
            if e.errno != ESRCH:
                o.err(EX_OSERR, e, text)
            if not o.quiet:
                o.p.warn(e, text)

    def lock(self, command: str) -> None:
        """lock, unlock."""
        try:
            self.o.request(TableLock(self.name, self.set, command == "lock"))
        except KError as e:
            self.o.err(EX_OSERR, e, f"Table {command} failed")

    def _given(self) -> tuple[TableCreate, bool, bool]:
        """What the words say of a new table; may it be there, is it flushed then?"""
        o, av = self.o, self.av
        type, tflags, algo, vmask, limit = "", 0, "", 0, 0
        locked = missing = flush = False
        while av:
            word, av = get_token(o, OPTIONS, av[0], "option"), av[1:]
            if word in MISSING:
                if not av:
                    o.errx(EX_USAGE, MISSING[word])
                value, av = av[0], av[1:]
            if word == "type":
                type, tflags = self._type(value)
            elif word == "valtype":
                vmask = self._valtype(value)
            elif word == "algo":
                if len(value) > 64:
                    o.errx(EX_USAGE, "algorithm name too long")
                algo = value
            elif word == "limit":
                limit = strtoul(value, 10)
            else:
                locked = locked or word == "locked"
                flush = flush or word == "or-flush"
                missing = missing or word != "locked"
        if not algo:
            type = type or "addr"
            algo = DEFAULT_ALGOS.get(type, "")
        return TableCreate(self.name, self.set, type, tflags, algo, vmask or VTYPE_LEGACY, limit, locked), missing, flush

    def _type(self, text: str) -> tuple[str, int]:
        name, colon, options = text.partition(":")
        if name not in TYPES:
            self.o.errx(EX_USAGE, f"Unknown tabletype: {name}. Supported: {', '.join(TYPES)}")
        if not colon:
            return name, 0
        if name != "flow":
            self.o.errx(EX_USAGE, f"Unsupported suboptions: {options}")
        found = fill_flags(self.o, FLOW_BITS, options)
        if isinstance(found, str):
            self.o.errx(EX_USAGE, f"unable to parse flow option {found}")
        return name, found[0]

    def _valtype(self, text: str) -> int:
        found = fill_flags(self.o, VBITS, text)
        if isinstance(found, str):
            self.o.errx(EX_USAGE, f"Unknown value type: {found}. Supported: {', '.join(VNAMES)}")
        return found[0]

    def create(self) -> None:
        """create [type T] [valtype V] [algo A] [limit N] [locked] [missing] [or-flush]."""
        o = self.o
        new, missing, flush = self._given()
        try:
            o.request(new)
            return
        except KError as e:
            if e.errno != EEXIST or not missing:
                o.err(EX_OSERR, e, "Table creation failed")
        try:
            old = self.get_info()
        except KError as e:
            o.err(EX_OSERR, e, "Existing table check failed")
        if (
            (new.limit, new.type, new.tflags, new.vmask, new.locked)
            != (old.limit, old.type, old.tflags, old.vmask, old.locked)
        ) or new.algo not in ("", old.algo):  # fmt: skip
            o.errx(EX_DATAERR, "The existing table is not compatible with one you are creating.")
        if flush:
            try:
                o.request(TableFlush(self.name, self.set))
            except KError as e:
                o.err(EX_OSERR, e, "Table flush on creation failed")

    def swap(self) -> None:
        """swap NAME; that there is no such table is not told."""
        if not self.av:
            self.o.errx(EX_USAGE, "second table name required")
        if not table_name_ok(self.av[0]):
            self.o.errx(EX_USAGE, f"table name {self.av[0]} is invalid")
        try:
            self.o.request(TableSwap(self.name, self.set, self.av[0]))
        except KError as e:
            if e.errno in (EINVAL, EFBIG):
                self.o.errx(EX_USAGE, f"Unable to swap table: check {'types' if e.errno == EINVAL else 'limits'}")

    def limit(self) -> None:
        """modify [limit N]."""
        o, av, limit = self.o, self.av, None
        while av:
            if get_token(o, OPTIONS, av[0], "option") != "limit":
                o.errx(EX_USAGE, "cmd is not supported for modification")
            if len(av) < 2:
                o.errx(EX_USAGE, "limit value required")
            limit, av = strtoul(av[1], 10), av[2:]
        try:
            o.request(TableLimit(self.name, self.set, limit))
        except KError as e:
            o.err(EX_OSERR, e, "Table modification failed")

    def show(self, command: str) -> None:
        """list, info, detail."""
        if self.all:
            infos = self.each("request tables list")
        else:
            try:
                infos = [self.get_info()]
            except KError as e:
                self.o.err(EX_OSERR, e, "failed to request table info")
        for info in infos:
            if command == "list":
                self.show_entries(info)
            else:
                self.info(info, command == "detail")

    def show_entries(self, info: TableInfo) -> None:
        """list."""
        o = self.o
        if o.test_only:
            return
        try:
            entries = o.request(TableDump(info.name, info.set))
        except KError as e:
            o.err(EX_OSERR, e, f"Error requesting table {info.name} list")
        if self.all:
            o.p.stdout.write(f"--- table({info.name}), set({info.set}) ---\n")
        for entry in entries:
            o.p.stdout.write(entry_text(o, info.type, info.tflags, info.vmask, entry))

    def info(self, info: TableInfo, detail: bool) -> None:
        """info, detail."""
        size = HEADER_SIZE + ENTRY_SIZE * info.items if info.name else 0
        lines = [
            f"--- table({info.name}), set({info.set}) ---",
            f" kindex: {info.kidx}, type: {type_text(info)}{', locked' if info.locked else ''}",
            f" references: {info.refs}, valtype: {valtype_text(info.vmask)}",
            f" algorithm: {info.algo}",
            f" items: {info.items}, size: {size}",
        ]
        if info.limit:
            lines.append(f" limit: {info.limit}")
        if detail:
            for each in info.detail:
                lines += self.detail(each)
        self.o.p.stdout.write("".join(line + "\n" for line in lines))

    def detail(self, c: TableClass) -> list[str]:
        """table_show_tainfo."""
        if c.kind == "unknown":
            return [" algo class: unknown"]
        size = "" if c.kind == "radix" else f"size: {c.size} "
        width = f"itemsize: {c.itemsize}"
        if c.itemsize != c.itemsize6:
            width = f"itemsize4: {c.itemsize} itemsize6: {c.itemsize6}"
        return [f" {c.family}algorithm {c.kind} info", f"  {size}items: {c.items} {width}"]

    # entries ---------------------------------------------------------------------------------------------------
    def key(self, info: TableInfo, text: str, add: bool) -> tuple[Any, TableInfo, str]:
        """tentry_fill_key: (the key, the table, the type of the key)."""
        o, exists = self.o, True
        if not info.name:
            try:
                info = self.get_info()
            except KError as e:
                exists = False
                if e.errno != ESRCH:
                    o.errx(EX_OSERR, f"Error requesting table {self.name} info")
                if not add:
                    o.errx(EX_DATAERR, f"Table {self.name} does not exist")
        type: str | None = info.type
        if not exists or o.test_only:
            type = guess_key_type(o, text)
            if type is None:
                what = "Cannot guess key" if exists else f"Table {self.name} does not exist, cannot guess key"
                o.errx(EX_USAGE, f"{what} '{text}' type")
        return fill_key(o, type or "", info.tflags, text), info, type or ""

    def modify(self, add: bool) -> None:
        """add KEY [VALUE]..., delete KEY..."""
        o, words = self.o, self.av
        if not words:
            o.errx(EX_USAGE, "address required")
        info, type = NONE, ""
        entries: list[TableEntry] = []
        while words:
            key, info, type = self.key(info, words[0], add)
            if not info.name:
                info = TableInfo(self.name, self.set, 0, type, 0, "", VTYPE_LEGACY, 0, 0, 0, False)
                if not o.quiet:
                    o.warnx(f"DEPRECATED: inserting data into non-existent table {self.name}. (auto-created)")
                try:
                    o.request(TableCreate(self.name, self.set, type))
                except KError:
                    pass  # not looked at
            entry = TableEntry(key)
            words = words[1:]
            if add and words:
                entry = TableEntry(key, fill_value(o, words[0], info.vmask))
                words = words[1:]
            entries.append(entry)
        self.report(info, add, entries, self.change(add, tuple(entries), type))

    def change(self, add: bool, entries: tuple[TableEntry, ...], type: str) -> TableResult:
        """table_do_modify_record."""
        request: FwRequest = TableDel(self.name, self.set, entries, type)
        if add:
            request = TableAdd(self.name, self.set, entries, type, self.atomic, self.o.quiet)
        try:
            result = self.o.request(request)
        except KError as e:
            return TableResult(e.errno, ("ignored",) * len(entries))
        return result if isinstance(result, TableResult) else TableResult(0, ("ignored",) * len(entries))

    def report(self, info: TableInfo, add: bool, entries: list[TableEntry], result: TableResult) -> None:
        """What became of each entry; the first failure is the error."""
        o, error = self.o, result.error
        if o.quiet and error in (0, EEXIST if add else ENOENT):
            return
        for entry, word in zip(entries, result.results, strict=True):
            reverted = "(reverted)" if error and self.atomic and word not in IGNORED else ""
            o.p.stdout.write(f"{word}{reverted}: {entry_text(o, info.type, info.tflags, info.vmask, entry)}")
        if error:
            o.errx(EX_OSERR, f"{'Adding' if add else 'Deleting'} record failed: {REASONS.get(error) or strerror(error)}")

    def lookup(self) -> None:
        """lookup KEY; more of them are not looked at."""
        o = self.o
        if not self.av:
            o.errx(EX_USAGE, "address required")
        key, info, type = self.key(NONE, self.av[0][:63], False)
        try:
            entry = o.request(TableFind(self.name, self.set, key[0] if type in ("addr", "mac") else key))
        except KError as e:
            texts = {
                ESRCH: f"Table {self.name} not found", ENOENT: f"Entry {self.av[0]} not found",
                EOPNOTSUPP: f'Table {self.name} algo does not support "lookup" method',
            }  # fmt: skip
            if e.errno in texts:
                o.errx(EX_UNAVAILABLE, texts[e.errno])
            o.err(EX_OSERR, e, "getsockopt(IP_FW_TABLE_XFIND)")
        if entry is not None:
            o.p.stdout.write(entry_text(o, info.type, info.tflags, info.vmask, entry))


def ipfw_table(o: Options, av: list[str]) -> None:
    """table NAME COMMAND ..."""
    Tables(o, av).run()
