"""pfctl -t TABLE -T command, -s Tables, -F Tables (sbin/pfctl/pfctl_table.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.errno import EINVAL, EPERM, KError
from vshell.abi.pf import PfrAddr, PfrAstats, PfrTable, PfrTstats
from vshell.abi.record import Record, replace
from vshell.commands.pfctl.context import ctime, pf_strerror
from vshell.commands.pfctl.hosts import SIZES, BadAddress, append_addr
from vshell.commands.pfctl.table_files import load_file, warn_duplicate_tables
from vshell.commands.pfctl.words import (
    PF_OPT_DEBUG,
    PF_OPT_DUMMYACTION,
    PF_OPT_IGNFAIL,
    PF_OPT_NOACTION,
    PF_OPT_QUIET,
    PF_OPT_RECURSE,
    PF_OPT_SHOWALL,
    PF_OPT_USEDNS,
    PF_OPT_VERBOSE,
    PF_OPT_VERBOSE2,
)
from vshell.userland.addr import inet_ntop
from vshell.userland.humanize import strtonum
from vshell.userland.netdb import GaiError, getnameinfo

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

FEEDBACK = " MADCZX Y "
NI_NAMEREQD = 4


class Failed(Exception):
    """The command ends with -1."""


class TableCommand:
    """pfctl_table."""

    def __init__(self, ctx: Context, args: list[str], name: str, file: str | None, anchor: str) -> None:
        self.ctx = ctx
        self.args = args
        self.file = file
        self.opts = ctx.opts
        if len(name) >= P.PF_TABLE_NAME_SIZE:
            ctx.usage()
        self.table = PfrTable(name, anchor)
        self.flags = P.PFR_FLAG_DUMMY if ctx.opts & PF_OPT_NOACTION else 0
        self.verbose = bool(ctx.opts & PF_OPT_VERBOSE)
        self.verbose2 = bool(ctx.opts & PF_OPT_VERBOSE2)

    def run(self, command: str) -> int:
        """The exit status: -1 for a failure, 2 if addresses did not match."""
        try:
            return int(_COMMANDS[command](self) or 0)
        except Failed:
            return -1

    # asking ----------------------------------------------------------------------------------------------------
    def ask(self, request: Record, missing: Any) -> Any:
        """RVTEST: nothing is asked with -n, unless there is a kernel to try it on."""
        if self.opts & PF_OPT_NOACTION and not self.opts & PF_OPT_DUMMYACTION:
            return missing
        try:
            return self.ctx.ioctl(request)
        except KError as e:
            if not self.opts & PF_OPT_RECURSE:
                self.ctx.p.warnx(pf_strerror(e.errno))
            raise Failed from None

    def say(self, text: str) -> None:
        """xprintf."""
        if self.opts & PF_OPT_QUIET:
            return
        if self.opts & PF_OPT_DUMMYACTION:
            text += " (dummy)"
        elif self.opts & PF_OPT_NOACTION:
            text += " (syntax only)"
        self.ctx.note(text + ".\n")

    def nothing_more(self) -> None:
        """No arguments and no file."""
        if self.args or self.file is not None:
            self.ctx.usage()

    def load_addr(self, test: bool = False) -> tuple[PfrAddr, ...]:
        """load_addr: from the command line and the file."""
        found: list[PfrAddr] = []
        p = self.ctx.p
        for word in self.args:
            try:
                append_addr(self.ctx, found, word, test)
            except BadAddress as e:
                if not e.told:
                    p.warn(EINVAL, f"cannot decode {word}")
                raise Failed from None
        if self.file is not None:
            try:
                load_file(self.ctx, found, self.file, test)
            except KError as e:
                p.warn(e, f"cannot load {self.file}")
                raise Failed from None
            except BadAddress as e:
                if e.told:
                    p.warnx(f"cannot load {self.file}: No error: 0")
                else:
                    p.warn(EINVAL, f"cannot load {self.file}")
                raise Failed from None
        return tuple(found)

    def create_table(self) -> bool:
        """CREATE_TABLE; False if that was all there is to do."""
        self._warn_duplicates()
        table = replace(self.table, flags=P.PFR_TFLAG_PERSIST)
        nadd = 0
        if not self.opts & PF_OPT_NOACTION or self.opts & PF_OPT_DUMMYACTION:
            try:
                nadd = self.ctx.ioctl(P.PfrAddTable(table, self.flags))
            except KError as e:
                if e.errno != EPERM:
                    self.ctx.p.warnx(pf_strerror(e.errno))
                    raise Failed from None
        if not nadd:
            return True
        self.say(f"{nadd} table created")
        return not self.opts & PF_OPT_NOACTION

    def _warn_duplicates(self) -> None:
        if self.ctx.fd >= 0:
            warn_duplicate_tables(self.ctx, self.table.name, self.table.anchor)

    def feedback(self, addrs: tuple[PfrAddr, ...]) -> None:
        """With -v what happened to each address, with -vv for those too to which nothing did."""
        if self.verbose:
            for a in addrs:
                if self.verbose2 or a.fback != P.PFR_FB_NONE:
                    self.print_addrx(a)

    # commands --------------------------------------------------------------------------------------------------
    def clear(self) -> None:
        """-F Tables."""
        ndel = self.ask(P.PfrClrTables(self.table, self.flags), 0)
        self.say(f"{ndel} tables deleted")

    def tables(self) -> None:
        """-s Tables."""
        ctx = self.ctx
        debug = bool(self.opts & PF_OPT_DEBUG)
        if self.verbose2:
            try:
                stats: list[PfrTstats] = ctx.ioctl(P.PfrGetTstats(self.table, self.flags))
            except KError:
                return
            for ts in stats:
                self._print_tstats(ts, debug)
            return
        tables: list[PfrTable] = self.ask(P.PfrGetTables(self.table, self.flags), [])
        if self.opts & PF_OPT_SHOWALL and tables:
            ctx.title("TABLES:")
        for table in tables:
            self._print_table(table, self.verbose, debug)

    def kill(self) -> None:
        """kill."""
        self.nothing_more()
        ndel = self.ask(P.PfrDelTable(self.table, self.flags), 0)
        self.say(f"{ndel} table deleted")

    def flush(self) -> None:
        """flush."""
        self.nothing_more()
        ndel = self.ask(P.PfrClrAddrs(self.table, self.flags), 0)
        self.say(f"{ndel} addresses deleted")

    def _wants_feedback(self) -> int:
        return self.flags | (P.PFR_FLAG_FEEDBACK if self.verbose else 0)

    def add(self) -> None:
        """add."""
        addrs = self.load_addr()
        if self.create_table():
            # Over netlink only the number comes back, whatever -v says.
            nadd, _ = self.ask(P.PfrAddAddrs(self.table, self._wants_feedback(), addrs), (0, addrs))
            self.say(f"{nadd}/{len(addrs)} addresses added")
            self.feedback(addrs)

    def delete(self) -> None:
        """delete."""
        addrs = self.load_addr()
        ndel, _ = self.ask(P.PfrDelAddrs(self.table, self._wants_feedback(), addrs), (0, addrs))
        self.say(f"{ndel}/{len(addrs)} addresses deleted")
        self.feedback(addrs)

    def replace(self) -> None:
        """replace."""
        addrs = self.load_addr()
        if not self.create_table():
            return
        request = P.PfrSetAddrs(self.table, self._wants_feedback(), addrs)
        nadd, ndel, nchange, addrs = self.ask(request, (0, 0, 0, addrs))
        for count, word in ((nadd, "added"), (ndel, "deleted"), (nchange, "changed")):
            if count:
                self.say(f"{count} addresses {word}")
        if not (nadd or ndel or nchange):
            self.say("no changes")
        self.feedback(addrs)

    def expire(self) -> None:
        """expire."""
        ctx = self.ctx
        if len(self.args) != 1 or self.file is not None:
            ctx.usage()
        lifetime, bad = strtonum(self.args[0], 0, 0xFFFFFFFF)
        if bad:
            ctx.p.errx(1, f"expiry time: {bad}")
        stats: list[PfrAstats] = self.ask(P.PfrGetAstats(self.table, self.flags), [])
        now = ctx.p.sys.clock_gettime() // 1_000_000_000
        old = tuple(replace(s.a, fback=P.PFR_FB_NONE) for s in stats if now - s.tzero > lifetime)
        ndel, old = self.ask(P.PfrDelAddrs(self.table, self._wants_feedback(), old), (0, old))
        self.say(f"{ndel}/{len(old)} addresses expired")
        self.feedback(old)

    def reset(self) -> None:
        """reset: counters that are not zero."""
        self.nothing_more()
        stats: list[PfrAstats] = self.ask(P.PfrGetAstats(self.table, self.flags), [])
        used = tuple(
            replace(s.a, fback=P.PFR_FB_NONE) for s in stats if any(n for row in s.packets + s.bytes for n in row)
        )  # fmt: skip
        nzero, used = self.ask(P.PfrClrAstats(self.table, self._wants_feedback(), used), (0, used))
        self.say(f"{nzero}/{len(stats)} stats cleared")
        self.feedback(used)

    def show(self) -> None:
        """show."""
        self.nothing_more()
        if not self.verbose:
            addrs: list[PfrAddr] = self.ask(P.PfrGetAddrs(self.table, self.flags), [])
            for a in addrs:
                self.print_addrx(a)
            return
        stats: list[PfrAstats] = self.ask(P.PfrGetAstats(self.table, self.flags), [])
        for s in stats:
            self.print_addrx(s.a)
            self.ctx.out(f"\tCleared:     {ctime(self.ctx.p, s.tzero)}\n")
            if s.a.fback != P.PFR_FB_NOCOUNT:
                self._print_counters(s.packets, s.bytes)

    def test(self) -> int:
        """test."""
        addrs = self.load_addr(True)
        flags = self.flags | (P.PFR_FLAG_REPLACE if self.verbose2 else 0)
        nmatch, found = self.ask(P.PfrTstAddrs(self.table, flags, addrs), (0, addrs))
        self.say(f"{nmatch}/{len(addrs)} addresses match")
        if self.verbose2:
            for asked, answer in zip(addrs, found, strict=True):
                self.print_addrx(asked, answer)
        elif self.verbose:
            for a in found:
                if a.fback == P.PFR_FB_MATCH:
                    self.print_addrx(a)
        return 2 if nmatch < len(addrs) else 0

    def zero(self) -> None:
        """zero: the counters of some addresses, or of all of them and the table."""
        if self.args or self.file is not None:
            addrs = self.load_addr()
            nzero, addrs = self.ask(P.PfrClrAstats(self.table, self._wants_feedback(), addrs), (0, addrs))
            self.say(f"{nzero}/{len(addrs)} addresses cleared")
            self.feedback(addrs)
            return
        nzero = self.ask(P.PfrClrTstats(self.table, self.flags | P.PFR_FLAG_ADDRSTOO), 0)
        self.say(f"{nzero} table/stats cleared")

    # printing --------------------------------------------------------------------------------------------------
    def print_addrx(self, a: PfrAddr, answer: PfrAddr | None = None) -> None:
        """print_addrx."""
        fback = a.fback if answer is None else answer.fback
        size = SIZES.get(a.af, 32)
        text = f"{FEEDBACK[fback] if fback < len(FEEDBACK) else '?'} {'!' if a.neg else ' '}{inet_ntop(a.addr)}"
        text += f"/{a.net}" if a.net < size else ""
        if answer is not None:
            if fback == P.PFR_FB_NONE:
                text += "\t nomatch"
            else:
                text += f"\t{'!' if answer.neg else ' '}{inet_ntop(answer.addr)}"
                text += f"/{answer.net}" if answer.net < size else ""
        if self.opts & PF_OPT_USEDNS and a.net == size:
            try:
                text += f"\t({getnameinfo(self.ctx.p, a.addr, 0, NI_NAMEREQD)})"
            except GaiError:
                pass
        self.ctx.out(text + "\n")

    def _print_table(self, t: PfrTable, verbose: bool, debug: bool) -> None:
        if not debug and not t.flags & P.PFR_TFLAG_ACTIVE:
            return
        text = t.name
        if verbose:
            letters = zip("cpairhC", (2, 1, 4, 8, 0x10, 0x20, 0x40), strict=True)
            text = "".join(letter if t.flags & bit else "-" for letter, bit in letters) + f"\t{t.name}"
            text += f"\t{t.anchor}" if t.anchor else ""
        self.ctx.out(text + "\n")

    def _print_tstats(self, ts: PfrTstats, debug: bool) -> None:
        if not debug and not ts.t.flags & P.PFR_TFLAG_ACTIVE:
            return
        self._print_table(ts.t, True, debug)
        # FreeBSD asks over netlink, and libpfctl puts the references one place too early: into the number of addresses.
        rules, anchors = ts.refcnt
        self.ctx.out(
            f"\tAddresses:   {rules}\n\tCleared:     {ctime(self.ctx.p, ts.tzero)}\n"
            f"\tReferences:  [ Anchors: {0:<18} Rules: {anchors:<18} ]\n"
            f"\tEvaluations: [ NoMatch: {ts.nomatch:<18} Match: {ts.match:<18} ]\n"
        )
        self._print_counters(ts.packets, ts.bytes)

    def _print_counters(self, packets: tuple[tuple[int, ...], ...], octets: tuple[tuple[int, ...], ...]) -> None:
        for way, rows in zip(("In", "Out"), zip(packets, octets, strict=True), strict=True):
            for op, n, b in zip(("Block", "Pass", "XPass"), *rows, strict=False):
                self.ctx.out(f"\t{f'{way}/{op}:':<12} [ Packets: {n:<18} Bytes: {b:<18} ]\n")


_T = TableCommand
_COMMANDS = {
    "-F": _T.clear, "-s": _T.tables, "kill": _T.kill, "flush": _T.flush, "add": _T.add, "delete": _T.delete,
    "replace": _T.replace, "expire": _T.expire, "reset": _T.reset, "show": _T.show, "test": _T.test, "zero": _T.zero,
}  # fmt: skip


def clear_tables(ctx: Context, anchor: str) -> int:
    """pfctl_do_clear_tables: exits if it fails, unless failures are passed over."""
    status = TableCommand(ctx, [], "", None, anchor).run("-F")
    if status == -1 and not ctx.opts & PF_OPT_IGNFAIL:
        ctx.p.exit(1)
    return status


def show_tables(ctx: Context, anchor: str) -> None:
    """pfctl_show_tables."""
    if TableCommand(ctx, [], "", None, anchor).run("-s"):
        ctx.p.exit(1)
