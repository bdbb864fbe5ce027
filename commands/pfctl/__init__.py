"""pfctl(8): control the packet filter (sbin/pfctl/pfctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ENODEV, ENOENT, KError
from vshell.abi.fcntl import O_RDONLY, O_RDWR
from vshell.commands.pfctl.context import Context
from vshell.commands.pfctl.words import (
    PF_OPT_CLRRULECTRS,
    PF_OPT_DEBUG,
    PF_OPT_DISABLE,
    PF_OPT_DUMMYACTION,
    PF_OPT_ENABLE,
    PF_OPT_KILLMATCH,
    PF_OPT_MERGE,
    PF_OPT_NOACTION,
    PF_OPT_NODNS,
    PF_OPT_NUMERIC,
    PF_OPT_OPTIMIZE,
    PF_OPT_QUIET,
    PF_OPT_RECURSE,
    PF_OPT_SHOWALL,
    PF_OPT_USEDNS,
    PF_OPT_VERBOSE,
    PF_OPT_VERBOSE2,
    PFCTL_FLAG_ALTQ,
    PFCTL_FLAG_ETH,
    PFCTL_FLAG_FILTER,
    PFCTL_FLAG_NAT,
    PFCTL_FLAG_OPTION,
    PFCTL_FLAG_TABLE,
)
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

if TYPE_CHECKING:
    from vshell.commands.pfctl.show import Show

LETTERS = "a:AdD:eqf:F:ghi:k:K:mMnNOo:Pp:rRs:St:T:vx:z"
CLEAR = ("nat", "queue", "rules", "Sources", "states", "info", "Tables", "osfp", "all", "ethernet", "Reset")
SHOW = (
    "ethernet", "nat", "queue", "rules", "Anchors", "Sources", "states", "info", "Interfaces", "labels", "timeouts", "memory",
    "Tables", "osfp", "Running", "all", "creatorids",
)  # fmt: skip
TABLE = ("kill", "flush", "add", "delete", "load", "replace", "show", "test", "zero", "expire", "reset")
DEBUG = ("none", "urgent", "misc", "loud")
OPTIMIZE = ("none", "basic", "profile")
FLAGS = {
    "d": PF_OPT_DISABLE, "e": PF_OPT_ENABLE, "q": PF_OPT_QUIET, "m": PF_OPT_MERGE, "M": PF_OPT_KILLMATCH, "n": PF_OPT_NOACTION,
    "r": PF_OPT_USEDNS, "g": PF_OPT_DEBUG, "P": PF_OPT_NUMERIC, "S": PF_OPT_NODNS, "z": PF_OPT_CLRRULECTRS,
}  # fmt: skip
LOADS = {"N": PFCTL_FLAG_NAT, "A": PFCTL_FLAG_ALTQ, "R": PFCTL_FLAG_FILTER, "O": PFCTL_FLAG_OPTION}
WRITES = "deFkKfxz"


def lookup(word: str, words: tuple[str, ...]) -> str:
    """pfctl_lookup_option: the first word that begins so; "" for none."""
    return next((one for one in words if word and one.startswith(word)), "")


class Options:
    """What the command line says."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.mode = O_RDONLY
        self.anchor: str | None = None
        self.rules: str | None = None
        self.table: str | None = None
        self.device = "/dev/pf"
        self.clear = self.show = self.debug = self.optimize = self.command = ""
        self.kills: list[str] = []
        self.src_kills: list[str] = []
        self.args: list[str] = []
        self.anchorname = ""

    def read(self) -> None:
        """getopt."""
        ctx = self.ctx
        getopt = Getopt(ctx.p, LETTERS)
        for letter, value in getopt:
            if letter in ("?", "h"):
                ctx.usage()
            if letter in WRITES:
                self.mode = O_RDWR
            if letter in FLAGS:
                ctx.opts |= FLAGS[letter]
            elif letter in LOADS:
                ctx.loadopt |= LOADS[letter]
            elif letter == "v":
                ctx.opts |= PF_OPT_VERBOSE2 if ctx.opts & PF_OPT_VERBOSE else PF_OPT_VERBOSE
            else:
                self._value(letter, value)
        self.args = getopt.args

    def _value(self, letter: str, value: str) -> None:
        ctx = self.ctx
        if letter == "a":
            self.anchor = value
        elif letter == "D":
            name, equals, text = value.rpartition("=")
            if equals:
                ctx.symbols.set(name, text, True)
            else:
                ctx.p.warnx(f"could not parse macro definition {value}")
        elif letter == "F":
            self.clear = self._word(value, CLEAR, "flush modifier")
        elif letter == "s":
            self.show = self._word(value, SHOW, "show modifier")
        elif letter == "T":
            self.command = self._word(value, TABLE, "table command")
        elif letter == "x":
            self.debug = self._word(value, DEBUG, "debug level")
        elif letter == "o":
            self.optimize = self._word(value, OPTIMIZE, "optimization")
            ctx.opts |= PF_OPT_OPTIMIZE
        elif letter == "i":
            ctx.iface = value
        elif letter in "kK":
            words = self.kills if letter == "k" else self.src_kills
            if len(words) >= 2:
                ctx.p.warnx(f"can only specify -{letter} twice")
                ctx.usage()
            words.append(value)
        elif letter == "f":
            self.rules = value
        elif letter == "p":
            self.device = value
        elif letter == "t":
            self.table = value

    def _word(self, value: str, words: tuple[str, ...], what: str) -> str:
        found = lookup(value, words)
        if not found:
            self.ctx.p.warnx(f"Unknown {what} '{value}'")
            self.ctx.usage()
        return found

    def check(self) -> None:
        """What goes together."""
        ctx = self.ctx
        p = ctx.p
        if ctx.opts & PF_OPT_NODNS and ctx.opts & PF_OPT_USEDNS:
            p.errx(1, "-N and -r are mutually exclusive")
        if bool(self.command) != (self.table is not None) and not self.command.startswith("l"):
            ctx.usage()
        if self.command:
            if self.command == "load":
                ctx.loadopt |= PFCTL_FLAG_TABLE
                self.command = ""
            else:
                self.mode = O_RDONLY if self.command[0] in "st" else O_RDWR
        elif self.args:
            p.warnx(f"unknown command line argument: {self.args[0]} ...")
            ctx.usage()
        ctx.loadopt = ctx.loadopt or 0xFFFF
        if self.anchor is not None:
            self._check_anchor(self.anchor)

    def _check_anchor(self, name: str) -> None:
        ctx = self.ctx
        p = ctx.p
        if not name:
            p.errx(1, "anchor name must not be empty")
        if self.mode == O_RDONLY and not self.show and not self.command:
            p.warnx("anchors apply to -f, -F, -s, and -T only")
            ctx.usage()
        if self.mode == O_RDWR and not self.command and (name.startswith("_") or "/_" in name):
            p.errx(1, "anchor names beginning with '_' cannot be modified from the command line")
        if name.endswith("*"):
            name = name[:-2] if name.endswith("/*") else name[:-1]
            ctx.opts |= PF_OPT_RECURSE
        if len(name) >= 1024:
            p.errx(1, f"anchor name '{name}' too long")
        self.anchorname = name
        ctx.loadopt &= PFCTL_FLAG_FILTER | PFCTL_FLAG_NAT | PFCTL_FLAG_TABLE | PFCTL_FLAG_ETH


def open_device(ctx: Context, o: Options) -> None:
    """Open /dev/pf; with -n it need not be there, but pf must be."""
    from vshell.abi.pf import PfGetAltqs

    p = ctx.p
    if ctx.opts & PF_OPT_NOACTION:
        try:
            ctx.fd = p.sys.open(o.device, O_RDONLY)
            ctx.opts |= PF_OPT_DUMMYACTION
        except KError:
            ctx.fd = -1
        ctx.opts &= ~(PF_OPT_DISABLE | PF_OPT_ENABLE)
        o.clear = o.show = o.debug = ""
        if _has_pf(p):
            return
        p.err(1, ENOENT, "Failed to open netlink")
    try:
        ctx.fd = p.sys.open(o.device, o.mode)
    except KError as e:
        p.err(1, e, o.device)
    try:
        ctx.ioctl(PfGetAltqs())
    except KError as e:
        if e.errno != ENODEV:
            p.err(1, e, "DIOCGETALTQS")
        if ctx.verbose:
            ctx.note("No ALTQ support in kernel\nALTQ related functions disabled\n")


def _has_pf(p: Program) -> bool:
    """Is the module in (its netlink family is)?"""
    try:
        p.sys.modfind("pf")
    except KError:
        return False
    return True


def switch(ctx: Context, on: bool) -> None:
    """pfctl_enable, pfctl_disable."""
    from vshell.abi.errno import EEXIST
    from vshell.abi.pf import PfStart, PfStop

    p = ctx.p
    try:
        ctx.ioctl(PfStart() if on else PfStop())
    except KError as e:
        if e.errno == (EEXIST if on else ENOENT):
            p.errx(1, "pf already enabled" if on else "pf not enabled")
        p.err(1, e, "DIOCSTART" if on else "DIOCSTOP")
    ctx.say("pf enabled" if on else "pf disabled")


def do_show(ctx: Context, what: str, anchor: str) -> None:
    """-s."""
    from vshell.commands.pfctl import interfaces, osfp, status, tables
    from vshell.commands.pfctl.show import LABELS, RULES, Show

    view = Show(ctx)
    if what in ("rules", "labels", "nat", "osfp"):
        osfp.load_fingerprints(ctx)
    if what == "Anchors":
        view.anchors(anchor)
    elif what in ("rules", "labels"):
        view.rules(RULES if what == "rules" else LABELS, "", anchor)
    elif what == "nat":
        view.nat("", anchor)
    elif what == "states":
        status.show_states(ctx)
    elif what == "Sources":
        status.show_src_nodes(ctx)
    elif what == "info":
        status.show_status(ctx)
    elif what == "Running":
        ctx.exit_val = status.show_running(ctx)
    elif what == "timeouts":
        status.show_timeouts(ctx)
    elif what == "memory":
        status.show_limits(ctx)
    elif what == "ethernet":
        view.ether("", anchor)
    elif what == "Tables":
        tables.show_tables(ctx, anchor)
    elif what == "osfp":
        osfp.show_fingerprints(ctx)
    elif what == "Interfaces":
        interfaces.show_ifaces(ctx)
    elif what == "creatorids":
        status.show_creators(ctx)
    elif what == "all":
        show_all(ctx, view, anchor)


def show_all(ctx: Context, view: Show, anchor: str) -> None:
    """-s all."""
    from vshell.commands.pfctl import osfp, status, tables
    from vshell.commands.pfctl.show import LABELS, RULES

    ctx.opts |= PF_OPT_SHOWALL
    view.all = True
    osfp.load_fingerprints(ctx)
    view.ether("", anchor)
    view.nat("", anchor)
    view.rules(RULES, "", anchor)
    status.show_states(ctx)
    status.show_src_nodes(ctx)
    status.show_status(ctx)
    view.rules(LABELS, "", anchor)
    status.show_timeouts(ctx)
    status.show_limits(ctx)
    tables.show_tables(ctx, anchor)
    osfp.show_fingerprints(ctx)


def do_clear(ctx: Context, what: str, anchor: str) -> None:
    """-F."""
    from vshell.commands.pfctl import kill, osfp, tables
    from vshell.commands.pfctl.load import pfctl_reset

    recursive = bool(ctx.opts & PF_OPT_RECURSE)
    if what == "ethernet":
        kill.flush_eth_rules(ctx, anchor)
    elif what == "rules":
        if recursive:
            kill.recurse(ctx, anchor, False, True)
        else:
            kill.flush_rules(ctx, anchor)
    elif what == "nat":
        kill.flush_nat(ctx, anchor)
    elif what == "states":
        kill.clear_iface_states(ctx)
    elif what == "Sources":
        kill.clear_src_nodes(ctx)
    elif what == "info":
        kill.clear_stats(ctx)
    elif what == "osfp":
        osfp.clear_fingerprints(ctx)
    elif what == "Tables":
        if recursive:
            kill.recurse(ctx, anchor, True, False)
        else:
            tables.clear_tables(ctx, anchor)
    elif what == "Reset":
        pfctl_reset(ctx)
    elif what == "all":
        clear_all(ctx, anchor, recursive)


def clear_all(ctx: Context, anchor: str, recursive: bool) -> None:
    """-F all."""
    from vshell.commands.pfctl import kill, osfp, tables
    from vshell.commands.pfctl.load import pfctl_reset

    if ctx.iface:
        ctx.p.warnx("don't specify an interface with -Fall")
        ctx.usage()
    kill.flush_eth_rules(ctx, anchor)
    kill.flush_rules(ctx, anchor)
    kill.flush_nat(ctx, anchor)
    if recursive:
        kill.recurse(ctx, anchor, True, True)
    else:
        tables.clear_tables(ctx, anchor)
        kill.flush_rules(ctx, anchor)
    if anchor:
        return
    kill.clear_iface_states(ctx)
    kill.clear_src_nodes(ctx)
    kill.clear_stats(ctx)
    osfp.clear_fingerprints(ctx)
    pfctl_reset(ctx)


def zero_counters(ctx: Context, anchor: str) -> None:
    """-z: Ethernet rules are shown, the others only looked at."""
    from vshell.commands.pfctl.show import NOTHING, Show

    view = Show(ctx)
    view.ether("", anchor)
    view.rules(NOTHING, "", anchor)


def do_load(ctx: Context, o: Options) -> None:
    """-f."""
    from vshell.commands.pfctl.interfaces import get_skip_ifaces
    from vshell.commands.pfctl.load import pfctl_rules
    from vshell.commands.pfctl.osfp import PF_OSFP_FILE, file_fingerprints

    optimize = 1
    if o.optimize:
        optimize = {"none": 0, "basic": 1, "profile": 3}[o.optimize]
    options = ctx.loadopt & PFCTL_FLAG_OPTION and not o.anchorname
    if options and not ctx.opts & PF_OPT_NOACTION:
        get_skip_ifaces(ctx)
    if options and not ctx.opts & PF_OPT_MERGE and not file_fingerprints(ctx, PF_OSFP_FILE):
        ctx.exit_val = 1
    if o.rules is not None:
        pfctl_rules(ctx, o.rules, optimize, o.anchorname)


@program("/sbin/pfctl")
async def main(p: Program) -> int:
    """Do what the options say, in pfctl's order."""
    ctx = Context(p)
    if len(p.argv) < 2:
        ctx.usage()
    o = Options(ctx)
    o.read()
    o.check()
    open_device(ctx, o)
    if o.rules == "-":
        ctx.stdin = await p.stdin.read()
    if ctx.opts & PF_OPT_DISABLE:
        switch(ctx, False)
    if o.show:
        do_show(ctx, o.show, o.anchorname)
    if ctx.opts & PF_OPT_CLRRULECTRS and not o.show:
        zero_counters(ctx, o.anchorname)
    if o.clear:
        do_clear(ctx, o.clear, o.anchorname)
    if o.kills or o.src_kills:
        from vshell.commands.pfctl.kill import Killer, kill_src_nodes

        if o.kills:
            Killer(ctx, o.kills).run()
        if o.src_kills:
            kill_src_nodes(ctx, o.src_kills)
    if o.command:
        from vshell.commands.pfctl.tables import TableCommand

        ctx.exit_val = TableCommand(ctx, o.args, o.table or "", o.rules, o.anchorname).run(o.command) & 0xFF
        o.rules = None
    if o.rules is not None:
        do_load(ctx, o)
    if ctx.opts & PF_OPT_ENABLE:
        switch(ctx, True)
    if o.debug:
        from vshell.abi.pf import PfSetDebug

        ctx.ioctl(PfSetDebug(DEBUG.index(o.debug)))
        ctx.say(f"debug level set to '{o.debug}'")
    return ctx.exit_val
