"""Tables of addresses (netpfil/pf/pf_table.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.errno import EBUSY, EINVAL, ENODEV, EPERM, ESRCH, KError
from vshell.abi.pf import PfrAddr, PfrAstats, PfrTable, PfrTstats
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.kernel.netpfil.pf.pf_ioctl import Pf

USRMASK = P.PFR_TFLAG_PERSIST | P.PFR_TFLAG_CONST | P.PFR_TFLAG_COUNTERS
SETMASK = P.PFR_TFLAG_ACTIVE | P.PFR_TFLAG_INACTIVE | P.PFR_TFLAG_REFERENCED | P.PFR_TFLAG_REFDANCHOR
BITS = {AF_INET: 32, AF_INET6: 128}
BLOCK, PASS, XPASS = range(3)
Key = tuple[int, int, int]
"""Family, length of the prefix, address."""


class Entry:
    """struct pfr_kentry."""

    __slots__ = ("af", "bytes", "neg", "net", "number", "packets", "tzero")

    def __init__(self, af: int, number: int, net: int, neg: bool, tzero: int) -> None:
        self.af, self.number, self.net, self.neg, self.tzero = af, number, net, neg, tzero
        self.packets = [[0, 0], [0, 0]]
        self.bytes = [[0, 0], [0, 0]]

    def record(self, fback: int = P.PFR_FB_NONE) -> PfrAddr:
        """As programs see it."""
        return PfrAddr(self.af, self.number.to_bytes(BITS[self.af] // 8, "big"), self.net, self.neg, fback)


class Entries:
    """The addresses of a table: the longest prefix matches."""

    def __init__(self) -> None:
        self.found: dict[Key, Entry] = {}
        self._lengths: dict[int, dict[int, int]] = {AF_INET: {}, AF_INET6: {}}

    def add(self, entry: Entry) -> None:
        """A new one."""
        self.found[entry.af, entry.net, entry.number] = entry
        lengths = self._lengths[entry.af]
        lengths[entry.net] = lengths.get(entry.net, 0) + 1

    def remove(self, entry: Entry) -> None:
        """One that is there."""
        del self.found[entry.af, entry.net, entry.number]
        lengths = self._lengths[entry.af]
        lengths[entry.net] -= 1
        if not lengths[entry.net]:
            del lengths[entry.net]

    def match(self, af: int, number: int) -> Entry | None:
        """The most special entry an address is in."""
        bits = BITS[af]
        found = self.found
        for net in sorted(self._lengths[af], reverse=True):
            shift = bits - net
            entry = found.get((af, net, number >> shift << shift))
            if entry is not None:
                return entry
        return None

    def ordered(self) -> list[Entry]:
        """IPv4 before IPv6, by address, longer prefixes first."""
        return sorted(self.found.values(), key=lambda e: (e.af != AF_INET, e.number, -e.net))


class Ktable:
    """struct pfr_ktable."""

    def __init__(self, name: str, anchor: str, tzero: int) -> None:
        self.name, self.anchor, self.tzero = name, anchor, tzero
        self.flags = 0
        self.refcnt = [0, 0]
        """Rules, anchors."""
        self.root: Ktable | None = None
        self.entries = Entries()
        self.shadow: tuple[int, Entries | None] | None = None
        """What a transaction will make of it: flags, and addresses unless those stay."""
        self.match_count = self.nomatch_count = 0
        self.zero()

    def zero(self) -> None:
        """Its own counters."""
        self.packets = [[0, 0, 0], [0, 0, 0]]
        self.bytes = [[0, 0, 0], [0, 0, 0]]
        self.match_count = self.nomatch_count = 0

    def active(self) -> Ktable | None:
        """pfr_ktable_select_active: this one, or the one of that name in the main ruleset."""
        if self.flags & P.PFR_TFLAG_ACTIVE:
            return self
        root = self.root
        return root if root is not None and root.flags & P.PFR_TFLAG_ACTIVE else None

    def match(self, af: int, number: int) -> bool:
        """pfr_match_addr."""
        kt = self.active()
        if kt is None:
            return False
        entry = kt.entries.match(af, number)
        if entry is not None and not entry.neg:
            kt.match_count += 1
            return True
        kt.nomatch_count += 1
        return False

    def update_stats(self, af: int, number: int, size: int, out: bool, op: int, neg: bool) -> None:
        """pfr_update_stats."""
        kt = self.active()
        if kt is None:
            return
        entry = kt.entries.match(af, number)
        if (entry is None or entry.neg) != neg:
            op = XPASS
        kt.packets[out][op] += 1
        kt.bytes[out][op] += size
        if entry is not None and op != XPASS and kt.flags & P.PFR_TFLAG_COUNTERS:
            entry.packets[out][op] += 1
            entry.bytes[out][op] += size

    def record(self) -> PfrTable:
        """As programs see it."""
        return PfrTable(self.name, self.anchor, self.flags)


class Tables:
    """The tables of a stack."""

    def __init__(self, pf: Pf) -> None:
        self.pf = pf
        self.found: dict[tuple[str, str], Ktable] = {}
        """By anchor and name."""

    def now(self) -> int:
        """Seconds since the epoch."""
        return self.pf.vnet.kernel.clock.realtime() // 1_000_000_000

    # tables ----------------------------------------------------------------------------------------------------
    def get(self, table: PfrTable) -> Ktable:
        """An active table; ESRCH."""
        kt = self.found.get((table.anchor.strip("/"), table.name))
        if kt is None or not kt.flags & P.PFR_TFLAG_ACTIVE:
            raise KError(ESRCH)
        return kt

    def select(self, table: PfrTable, every: bool) -> list[Ktable]:
        """Those of an anchor, or of all, by name."""
        anchor = table.anchor.strip("/")
        found = [kt for kt in self.found.values() if every or kt.anchor == anchor]
        return sorted(found, key=lambda kt: (kt.name, kt.anchor))

    def create(self, name: str, anchor: str, flags: int) -> Ktable:
        """pfr_create_ktable and its place among the others."""
        kt = self.found.get((anchor, name))
        if kt is not None:
            return kt
        kt = self.found[anchor, name] = Ktable(name, anchor, self.now())
        kt.flags = flags
        if anchor:
            self.pf.rulesets.create(anchor).tables += 1
            root = self.found.get(("", name))
            if root is None:
                root = self.found["", name] = Ktable(name, "", self.now())
            kt.root = root
            root.refcnt[1] += 1
            self.setflags(root, root.flags | P.PFR_TFLAG_REFDANCHOR)
        return kt

    def setflags(self, kt: Ktable, flags: int) -> None:
        """pfr_setflags_ktable: what nobody needs any more goes."""
        kept = P.PFR_TFLAG_REFERENCED | P.PFR_TFLAG_REFDANCHOR | P.PFR_TFLAG_PERSIST
        if not flags & kept:
            flags &= ~P.PFR_TFLAG_ACTIVE
        if not flags & P.PFR_TFLAG_ACTIVE:
            flags &= ~USRMASK
        if not flags & SETMASK:
            self._destroy(kt)
            return
        if not flags & P.PFR_TFLAG_ACTIVE and kt.flags & P.PFR_TFLAG_ACTIVE:
            kt.entries = Entries()
        if not flags & P.PFR_TFLAG_INACTIVE:
            kt.shadow = None
        kt.flags = flags

    def _destroy(self, kt: Ktable) -> None:
        self.found.pop((kt.anchor, kt.name), None)
        kt.flags = 0
        kt.entries = Entries()
        root = kt.root
        if root is not None:
            root.refcnt[1] -= 1
            if not root.refcnt[1]:
                self.setflags(root, root.flags & ~P.PFR_TFLAG_REFDANCHOR)
        if kt.anchor:
            ruleset = self.pf.rulesets.find(kt.anchor)
            if ruleset is not None:
                ruleset.tables -= 1
                self.pf.rulesets.remove_if_empty(ruleset)

    def attach(self, anchor: str, name: str) -> Ktable:
        """pfr_attach_table: a rule names it."""
        kt = self.create(name, anchor, 0)
        kt.refcnt[0] += 1
        kt.flags |= P.PFR_TFLAG_REFERENCED
        return kt

    def detach(self, kt: Ktable) -> None:
        """pfr_detach_table."""
        kt.refcnt[0] -= 1
        if not kt.refcnt[0]:
            self.setflags(kt, kt.flags & ~P.PFR_TFLAG_REFERENCED)

    def clr_tables(self, r: P.PfrClrTables) -> int:
        """pfr_clr_tables."""
        chosen = [
            kt
            for kt in self.select(r.table, bool(r.flags & P.PFR_FLAG_ALLRSETS))
            if kt.flags & P.PFR_TFLAG_ACTIVE and kt.anchor != P.PF_RESERVED_ANCHOR
        ]
        if not r.flags & P.PFR_FLAG_DUMMY:
            for kt in chosen:
                self.setflags(kt, kt.flags & ~P.PFR_TFLAG_ACTIVE)
        return len(chosen)

    def add_table(self, r: P.PfrAddTable) -> int:
        """pfr_add_tables, of one."""
        name, anchor = r.table.name, r.table.anchor.strip("/")
        if not name or len(name) >= P.PF_TABLE_NAME_SIZE:
            raise KError(EINVAL)
        old = self.found.get((anchor, name))
        if old is not None and old.flags & P.PFR_TFLAG_ACTIVE:
            return 0
        if not r.flags & P.PFR_FLAG_DUMMY:
            kt = self.create(name, anchor, 0)
            kt.tzero = self.now()
            self.setflags(kt, kt.flags & ~USRMASK | r.table.flags & USRMASK | P.PFR_TFLAG_ACTIVE)
        return 1

    def del_table(self, r: P.PfrDelTable) -> int:
        """pfr_del_tables, of one."""
        kt = self.found.get((r.table.anchor.strip("/"), r.table.name))
        if kt is None or not kt.flags & P.PFR_TFLAG_ACTIVE:
            return 0
        if not r.flags & P.PFR_FLAG_DUMMY:
            self.setflags(kt, kt.flags & ~P.PFR_TFLAG_ACTIVE)
        return 1

    def get_tables(self, r: P.PfrGetTables) -> list[PfrTable]:
        """pfr_get_tables."""
        return [kt.record() for kt in self.select(r.table, bool(r.flags & P.PFR_FLAG_ALLRSETS))]

    def get_tstats(self, r: P.PfrGetTstats) -> list[PfrTstats]:
        """pfr_get_tstats."""
        return [
            PfrTstats(
                kt.record(), (tuple(kt.packets[0]), tuple(kt.packets[1])), (tuple(kt.bytes[0]), tuple(kt.bytes[1])),
                kt.match_count, kt.nomatch_count, kt.tzero, len(kt.entries.found), (kt.refcnt[0], kt.refcnt[1]),
            )
            for kt in self.select(r.table, bool(r.flags & P.PFR_FLAG_ALLRSETS))
        ]  # fmt: skip

    def clr_tstats(self, r: P.PfrClrTstats) -> int:
        """pfr_clr_tstats, of one."""
        kt = self.found.get((r.table.anchor.strip("/"), r.table.name))
        if kt is None or not kt.flags & P.PFR_TFLAG_ACTIVE:
            return 0
        if not r.flags & P.PFR_FLAG_DUMMY:
            kt.zero()
            kt.tzero = self.now()
            if r.flags & P.PFR_FLAG_ADDRSTOO:
                for entry in kt.entries.found.values():
                    self._clear_entry(entry)
        return 1

    def _clear_entry(self, entry: Entry) -> None:
        entry.packets = [[0, 0], [0, 0]]
        entry.bytes = [[0, 0], [0, 0]]
        entry.tzero = self.now()

    # addresses -------------------------------------------------------------------------------------------------
    def _check(self, addrs: Iterable[PfrAddr]) -> list[Key]:
        """pfr_validate_addr; the keys of all of them."""
        keys = []
        for a in addrs:
            bits = BITS.get(a.af)
            if bits is None or a.net > bits or len(a.addr) * 8 != bits:
                raise KError(EINVAL)
            number = int.from_bytes(a.addr, "big")
            if number & ((1 << (bits - a.net)) - 1):
                raise KError(EINVAL)
            keys.append((a.af, a.net, number))
        return keys

    def _writable(self, table: PfrTable) -> Ktable:
        kt = self.get(table)
        if kt.flags & P.PFR_TFLAG_CONST:
            raise KError(EPERM)
        return kt

    def clr_addrs(self, r: P.PfrClrAddrs) -> int:
        """pfr_clr_addrs."""
        kt = self.get(r.table)
        if kt.flags & P.PFR_TFLAG_CONST:
            # The answer of the ioctl this goes through.
            raise KError(ENODEV)
        count = len(kt.entries.found)
        if not r.flags & P.PFR_FLAG_DUMMY:
            kt.entries = Entries()
        return count

    def add_addrs(self, r: P.PfrAddAddrs) -> tuple[int, tuple[PfrAddr, ...]]:
        """pfr_add_addrs."""
        kt = self._writable(r.table)
        keys = self._check(r.addrs)
        fresh: dict[Key, bool] = {}
        answer = []
        for a, key in zip(r.addrs, keys, strict=True):
            there = kt.entries.found.get(key)
            if key in fresh:
                fback = P.PFR_FB_DUPLICATE if fresh[key] == a.neg else P.PFR_FB_CONFLICT
            elif there is None:
                fback = P.PFR_FB_ADDED
                fresh[key] = a.neg
            else:
                fback = P.PFR_FB_CONFLICT if there.neg != a.neg else P.PFR_FB_NONE
            answer.append(replace(a, fback=fback))
        if not r.flags & P.PFR_FLAG_DUMMY:
            self._insert(kt.entries, fresh)
        return len(fresh), self._feedback(r, answer)

    def _insert(self, entries: Entries, fresh: dict[Key, bool]) -> None:
        now = self.now()
        for (af, net, number), neg in fresh.items():
            entries.add(Entry(af, number, net, neg, now))

    def _feedback(self, r: P.PfrAddrs, answer: list[PfrAddr]) -> tuple[PfrAddr, ...]:
        return tuple(answer) if r.flags & P.PFR_FLAG_FEEDBACK else r.addrs

    def del_addrs(self, r: P.PfrDelAddrs) -> tuple[int, tuple[PfrAddr, ...]]:
        """pfr_del_addrs."""
        kt = self._writable(r.table)
        keys = self._check(r.addrs)
        gone: dict[Key, Entry] = {}
        answer = []
        for a, key in zip(r.addrs, keys, strict=True):
            there = kt.entries.found.get(key)
            if key in gone:
                fback = P.PFR_FB_DUPLICATE
            elif there is None:
                fback = P.PFR_FB_NONE
            elif there.neg != a.neg:
                fback = P.PFR_FB_CONFLICT
            else:
                fback = P.PFR_FB_DELETED
                gone[key] = there
            answer.append(replace(a, fback=fback))
        if not r.flags & P.PFR_FLAG_DUMMY:
            for entry in gone.values():
                kt.entries.remove(entry)
        return len(gone), self._feedback(r, answer)

    def set_addrs(self, r: P.PfrSetAddrs) -> tuple[int, int, int, tuple[PfrAddr, ...]]:
        """pfr_set_addrs: what is not given goes."""
        kt = self._writable(r.table)
        keys = self._check(r.addrs)
        fresh: dict[Key, bool] = {}
        seen: set[Key] = set()
        changed: list[Entry] = []
        answer = []
        for a, key in zip(r.addrs, keys, strict=True):
            there = kt.entries.found.get(key)
            fback = P.PFR_FB_NONE
            if key in seen or key in fresh:
                fback = P.PFR_FB_DUPLICATE
            elif there is None:
                fback = P.PFR_FB_ADDED
                fresh[key] = a.neg
            else:
                seen.add(key)
                if there.neg != a.neg:
                    fback = P.PFR_FB_CHANGED
                    changed.append(there)
            answer.append(replace(a, fback=fback))
        gone = [entry for entry in kt.entries.ordered() if (entry.af, entry.net, entry.number) not in seen]
        if not r.flags & P.PFR_FLAG_DUMMY:
            for entry in gone:
                kt.entries.remove(entry)
            for entry in changed:
                entry.neg = not entry.neg
                self._clear_entry(entry)
            self._insert(kt.entries, fresh)
        answer += [entry.record(P.PFR_FB_DELETED) for entry in gone]
        return len(fresh), len(gone), len(changed), self._feedback(r, answer)

    def tst_addrs(self, r: P.PfrTstAddrs) -> tuple[int, tuple[PfrAddr, ...]]:
        """pfr_tst_addrs."""
        kt = self.get(r.table)
        self._check(r.addrs)
        matched = 0
        answer = []
        for a in r.addrs:
            entry = kt.entries.match(a.af, int.from_bytes(a.addr, "big"))
            if entry is None:
                fback = P.PFR_FB_NONE
            else:
                fback = P.PFR_FB_NOTMATCH if entry.neg else P.PFR_FB_MATCH
            matched += fback == P.PFR_FB_MATCH
            if r.flags & P.PFR_FLAG_REPLACE and entry is not None:
                answer.append(entry.record(fback))
            else:
                answer.append(replace(a, fback=fback))
        return matched, tuple(answer)

    def clr_astats(self, r: P.PfrClrAstats) -> tuple[int, tuple[PfrAddr, ...]]:
        """pfr_clr_astats."""
        kt = self.get(r.table)
        keys = self._check(r.addrs)
        cleared = 0
        answer = []
        for a, key in zip(r.addrs, keys, strict=True):
            entry = kt.entries.found.get(key)
            if entry is None or entry.neg != a.neg:
                answer.append(replace(a, fback=P.PFR_FB_NONE if entry is None else P.PFR_FB_CONFLICT))
                continue
            cleared += 1
            if not r.flags & P.PFR_FLAG_DUMMY:
                self._clear_entry(entry)
            answer.append(replace(a, fback=P.PFR_FB_CLEARED))
        return cleared, self._feedback(r, answer)

    def get_addrs(self, r: P.PfrGetAddrs) -> list[PfrAddr]:
        """pfr_get_addrs."""
        return [entry.record() for entry in self.get(r.table).entries.ordered()]

    def get_astats(self, r: P.PfrGetAstats) -> list[PfrAstats]:
        """pfr_get_astats."""
        kt = self.get(r.table)
        fback = P.PFR_FB_NONE if kt.flags & P.PFR_TFLAG_COUNTERS else P.PFR_FB_NOCOUNT
        rows = []
        for e in kt.entries.ordered():
            packets = ((e.packets[0][0], e.packets[0][1]), (e.packets[1][0], e.packets[1][1]))
            octets = ((e.bytes[0][0], e.bytes[0][1]), (e.bytes[1][0], e.bytes[1][1]))
            rows.append(PfrAstats(e.record(fback), packets, octets, e.tzero))
        return rows

    # transactions ----------------------------------------------------------------------------------------------
    def ina_begin(self, anchor: str) -> int:
        """pfr_ina_begin: what an older transaction left goes."""
        ruleset = self.pf.rulesets.create(anchor)
        self._drop_inactive(anchor)
        ruleset.topen = True
        ruleset.tticket += 1
        ticket: int = ruleset.tticket
        return ticket

    def _drop_inactive(self, anchor: str) -> None:
        for kt in list(self.found.values()):
            if kt.anchor == anchor.strip("/") and kt.flags & P.PFR_TFLAG_INACTIVE:
                self.setflags(kt, kt.flags & ~P.PFR_TFLAG_INACTIVE)

    def ina_define(self, r: P.PfrInaDefine) -> None:
        """pfr_ina_define."""
        anchor = r.table.anchor.strip("/")
        ruleset = self.pf.rulesets.find(anchor)
        if ruleset is None or not ruleset.topen or ruleset.tticket != r.ticket:
            raise KError(EBUSY)
        keys = self._check(r.addrs)
        kt = self.create(r.table.name, anchor, P.PFR_TFLAG_INACTIVE)
        kt.flags |= P.PFR_TFLAG_INACTIVE
        entries = None
        if r.flags & P.PFR_FLAG_ADDRSTOO:
            entries = Entries()
            fresh: dict[Key, bool] = {}
            for a, key in zip(r.addrs, keys, strict=True):
                fresh.setdefault(key, a.neg)
            self._insert(entries, fresh)
        kt.shadow = (r.table.flags & USRMASK, entries)

    def ina_open(self, anchor: str, ticket: int) -> bool:
        """Is that transaction open?"""
        ruleset = self.pf.rulesets.find(anchor)
        return ruleset is not None and ruleset.topen and ruleset.tticket == ticket

    def ina_rollback(self, anchor: str, ticket: int) -> None:
        """pfr_ina_rollback."""
        if not self.ina_open(anchor, ticket):
            return
        self._drop_inactive(anchor)
        ruleset = self.pf.rulesets.find(anchor)
        if ruleset is not None:
            ruleset.topen = False
            self.pf.rulesets.remove_if_empty(ruleset)

    def ina_commit(self, anchor: str) -> None:
        """pfr_ina_commit."""
        for kt in list(self.found.values()):
            if kt.anchor == anchor.strip("/") and kt.flags & P.PFR_TFLAG_INACTIVE and kt.shadow is not None:
                self._commit(kt, *kt.shadow)
        ruleset = self.pf.rulesets.find(anchor)
        if ruleset is not None:
            ruleset.topen = False
            self.pf.rulesets.remove_if_empty(ruleset)

    def _commit(self, kt: Ktable, flags: int, entries: Entries | None) -> None:
        """pfr_commit_ktable: addresses that stay keep their counters."""
        if entries is not None:
            if kt.flags & P.PFR_TFLAG_ACTIVE:
                for key, old in kt.entries.found.items():
                    new = entries.found.get(key)
                    if new is not None and new.neg == old.neg:
                        new.packets, new.bytes, new.tzero = old.packets, old.bytes, old.tzero
            kt.entries = entries
        elif not kt.flags & P.PFR_TFLAG_ACTIVE:
            kt.zero()
        if not kt.flags & P.PFR_TFLAG_ACTIVE:
            kt.tzero = self.now()
        self.setflags(kt, (flags | kt.flags & SETMASK | P.PFR_TFLAG_ACTIVE) & ~P.PFR_TFLAG_INACTIVE)
