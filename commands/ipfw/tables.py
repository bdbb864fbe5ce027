"""ipfw table (sbin/ipfw/tables.c): making tables, filling them, asking them."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, ENOENT, ESRCH, KError
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
    TablesList,
    TableSwap,
)
from vshell.commands.ipfw.addresses import lookup_host, mac_mask, table_name_ok
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.insn import strtoul
from vshell.commands.ipfw.words import EX_DATAERR, EX_OSERR, EX_UNAVAILABLE, EX_USAGE
from vshell.userland.addr import ether_ntoa, inet_ntop, inet_pton6
from vshell.userland.cnumber import strtol

TYPES = ("addr", "mac", "iface", "number", "flow")
VALUES = ("skipto", "pipe", "fib", "nat", "dscp", "tag", "divert", "netgraph", "limit", "ipv4", "ipv6", "mark")
COMMANDS = ("add", "delete", "create", "destroy", "flush", "modify", "swap", "info", "detail", "list", "lookup", "atomic",
            "lock", "unlock")  # fmt: skip
FAILED = {EEXIST: ("exists", "record already exists"), ENOENT: ("notfound", "record not found"), 27: ("limit", "limit hit"),
          30: ("ignored", "table is locked")}  # fmt: skip


def relaxed(o: Options, table: tuple[str, ...], word: str, what: str) -> str:
    """get_token: a word of a table, or the start of just one."""
    found = [name for name in table if name.startswith(word)]
    if len(found) != 1:
        o.errx(EX_USAGE, f"ambiguous {what} {word}")
    return found[0]


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
        self.command = relaxed(o, COMMANDS, av[1], "table command")
        self.av = av[2:]
        self.atomic = False

    def run(self) -> None:
        """Do it."""
        command = self.command
        if self.all and command not in ("destroy", "flush", "list", "info", "lock", "unlock"):
            self.o.errx(EX_USAGE, "table name required")
        if command == "atomic":
            if not self.av:
                self.o.errx(EX_USAGE, "atomic needs command")
            command = relaxed(self.o, COMMANDS, self.av[0], "table command")
            if command != "add":
                self.o.errx(EX_USAGE, f"atomic is not compatible with {command}")
            self.av, self.atomic = self.av[1:], True
        if command in ("add", "delete"):
            self.modify(command == "add")
        elif command == "create":
            self.create()
        elif command == "lookup":
            self.lookup()
        elif command == "swap":
            self.swap()
        elif command == "modify":
            self.limit()
        elif command in ("list", "info"):
            for info in self.infos():
                (self.list if command == "list" else self.info)(info)
        elif command in ("destroy", "flush", "lock", "unlock"):
            for name in [i.name for i in self.infos()] if self.all else [self.name]:
                self.simple(name)
        else:
            self.o.errx(EX_USAGE, f"table {command} is not supported")

    def infos(self) -> list[TableInfo]:
        """The tables meant, by name."""
        o = self.o
        try:
            if not self.all:
                found = o.request(TableGet(self.name, self.set))
                return [] if found is None else [found]
            tables = o.request(TablesList()) or ()
        except KError as e:
            o.err(EX_OSERR, e, "failed to request table info")
        wanted = [t for t in tables if o.use_set in (None, t.set)]
        return sorted(wanted, key=lambda t: (len(t.name), t.name))

    def simple(self, name: str) -> None:
        """destroy, flush, lock, unlock."""
        o, command = self.o, self.command
        kinds = {"destroy": TableDestroy, "flush": TableFlush}
        try:
            o.request(kinds[command](name, self.set) if command in kinds else TableLock(name, self.set, command == "lock"))
        except KError as e:
            if command == "destroy" and self.all:
                o.p.warn(e, f"failed to destroy table({name}) in set {self.set}")
            elif command == "destroy" and e.errno == ESRCH:
                o.p.warn(e, f"failed to destroy table {name}")
            else:
                text = f"failed to {command} table {name}" if command in kinds else f"Table {command} failed"
                o.err(EX_OSERR, e, text)

    def create(self) -> None:
        """create [type T] [valtype V] [algo A] [limit N] [locked]."""
        o, av = self.o, self.av
        given: dict[str, str] = {"type": "addr", "algo": "", "valtype": "legacy", "limit": "0"}
        locked = False
        while av:
            word = relaxed(o, ("algo", "ftype", "limit", "locked", "type", "valtype"), av[0], "option")
            av = av[1:]
            if word == "locked":
                locked = True
                continue
            if not av:
                o.errx(EX_USAGE, f"{'table type' if word == 'type' else word} value required")
            given[word], av = av[0], av[1:]
        if given["type"] not in TYPES:
            o.errx(EX_USAGE, f"Unknown tabletype: {given['type']}. Supported: {', '.join(TYPES)}")
        for each in given["valtype"].split(","):
            if each not in (*VALUES, "legacy"):
                o.errx(EX_USAGE, f"Unknown value type: {each}. Supported: {', '.join(VALUES)}")
        limit = strtoul(given["limit"])
        try:
            o.request(TableCreate(self.name, self.set, given["type"], given["algo"], given["valtype"], limit, locked))
        except KError as e:
            o.err(EX_OSERR, e, "Table creation failed")

    def swap(self) -> None:
        """swap NAME; that there is no such table is not told."""
        if not self.av:
            self.o.errx(EX_USAGE, "second table name required")
        try:
            self.o.request(TableSwap(self.name, self.set, self.av[0]))
        except KError as e:
            if e.errno != ESRCH:
                self.o.errx(EX_USAGE, "Unable to swap table: check types")

    def limit(self) -> None:
        """modify limit N."""
        o, av = self.o, self.av
        while av:
            if relaxed(o, ("algo", "ftype", "limit", "locked", "type", "valtype"), av[0], "option") != "limit":
                o.errx(EX_USAGE, "cmd is not supported for modification")
            if len(av) < 2:
                o.errx(EX_USAGE, "limit value required")
            try:
                o.request(TableLimit(self.name, self.set, strtoul(av[1])))
            except KError as e:
                o.err(EX_OSERR, e, "Table modification failed")
            av = av[2:]

    # entries ---------------------------------------------------------------------------------------------------
    def key(self, type: str, text: str) -> object:
        """A key as the table keeps it."""
        o = self.o
        if type == "number":
            number, rest, error = strtol(text)
            if rest or error:
                o.errx(EX_DATAERR, f"Invalid number: {text}")
            return number & 0xFFFFFFFF
        if type == "iface":
            return text[:15]
        if type == "flow":
            o.errx(EX_DATAERR, f"invalid key: {text}")
        host, slash, width = text.partition("/")
        if type == "mac":
            addr, bits = mac_mask(o, host)[0], 48
            family = "MAC"
        else:
            found = inet_pton6(host)
            family = "IPv4" if found is None else "IPv6"
            addr = lookup_host(o, host).to_bytes(4, "big") if found is None else found
            bits = len(addr) * 8
        plen = strtoul(width, 10) if slash else bits
        if plen > bits:
            o.errx(EX_DATAERR, f"bad {family} mask width: {width}")
        return addr, plen

    def text(self, key: object) -> str:
        """The key as it is printed."""
        if isinstance(key, tuple):
            addr, plen = key
            return f"{ether_ntoa(addr) if len(addr) == 6 else inet_ntop(addr)}/{plen}"
        return str(key)

    def guess(self, text: str) -> str:
        """The type of a table that is made by adding to it."""
        if text[:1].isdigit() or ":" in text or "/" in text or "." in text:
            return "number" if text.isdigit() else "addr"
        return "iface"

    def modify(self, add: bool) -> None:
        """add KEY [VALUE]..., delete KEY..."""
        o = self.o
        if not self.av:
            o.errx(EX_USAGE, "address required")
        try:
            info = o.request(TableGet(self.name, self.set))
            type = self.guess(self.av[0]) if info is None else info.type
        except KError as e:
            if e.errno != ESRCH or not add:
                o.err(EX_OSERR, e, "failed to request table info" if e.errno != ESRCH else f"Table {self.name} not found")
            type, info = self.guess(self.av[0]), None
        if info is None and add:
            if not o.quiet:
                o.warnx(f"DEPRECATED: inserting data into non-existent table {self.name}. (auto-created)")
            o.request(TableCreate(self.name, self.set, type))
        entries, words = [], self.av
        while words:
            key, value = self.key(type, words[0]), 0
            words = words[1:]
            if add and words:
                value, words = strtoul(words[0]), words[1:]
            entries.append(TableEntry(key, value))
        all_of = tuple(entries)
        request = TableAdd(self.name, self.set, all_of, self.atomic) if add else TableDel(self.name, self.set, all_of)
        self.report(add, entries, o.request(request))

    def report(self, add: bool, entries: list[TableEntry], results: tuple[int, ...] | None) -> None:
        """What became of each entry; the first failure is the error."""
        o, bad = self.o, 0
        for i, entry in enumerate(entries):
            error = results[i] if results is not None and i < len(results) else -1
            word = ("added" if add else "deleted") if error == 0 else FAILED[error][0] if error in FAILED else "ignored"
            bad = bad or max(error, 0)
            if self.atomic and error == 0 and results is not None and results[-1]:
                word += "(reverted)"
            if not o.quiet:
                o.p.stdout.write(f"{word}: {self.text(entry.key)} {entry.value}\n")
        if bad and not (o.quiet and bad in (EEXIST, ENOENT)):
            o.errx(EX_OSERR, f"{'Adding' if add else 'Deleting'} record failed: {FAILED[bad][1]}")

    def lookup(self) -> None:
        """lookup KEY..."""
        o = self.o
        if not self.av:
            o.errx(EX_USAGE, "address required")
        infos = self.infos()
        for word in self.av:
            for info in infos:
                key = self.key(info.type, word)
                try:
                    entry = o.request(TableFind(self.name, self.set, key[0] if isinstance(key, tuple) else key))
                except KError:
                    o.errx(EX_UNAVAILABLE, f"Entry {word} not found")
                o.p.stdout.write(f"{self.text(entry.key)} {entry.value}\n")

    def list(self, info: TableInfo) -> None:
        """list."""
        if self.all:
            self.o.p.stdout.write(f"--- table({info.name}), set({info.set}) ---\n")
        for entry in self.o.request(TableDump(info.name, info.set)):
            self.o.p.stdout.write(f"{self.text(entry.key)} {entry.value}\n")

    def info(self, info: TableInfo) -> None:
        """info."""
        lines = [
            f"--- table({info.name}), set({info.set}) ---",
            f" kindex: {info.kidx}, type: {info.type}{', locked' if info.locked else ''}",
            f" references: {info.refs}, valtype: {info.valtype}",
            f" algorithm: {info.algo}",
            f" items: {info.items}, size: {296 + 120 * info.items}",
        ]
        if info.limit:
            lines.append(f" limit: {info.limit}")
        self.o.p.stdout.write("".join(line + "\n" for line in lines))


def ipfw_table(o: Options, av: list[str]) -> None:
    """table NAME COMMAND ..."""
    Tables(o, av).run()
