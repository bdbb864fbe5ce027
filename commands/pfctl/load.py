"""Rules are loaded into the kernel, all of a file or nothing (pfctl_rules and its kin, sbin/pfctl/pfctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.errno import EBUSY, EEXIST, KError
from vshell.abi.record import Record
from vshell.commands.pfctl.config import RULESET_OF, Anchor, Config, EthRule, Rule
from vshell.commands.pfctl.grammar_rules import RuleGrammar
from vshell.commands.pfctl.interfaces import adjust_skip_ifaces
from vshell.commands.pfctl.printing import RulePrinter, expand_label
from vshell.commands.pfctl.words import (
    LIMITS,
    PF_OPT_DEBUG,
    PF_OPT_MERGE,
    PF_OPT_NOACTION,
    PF_OPT_NUMERIC,
    PF_OPT_VERBOSE2,
    PFCTL_FLAG_ALTQ,
    PFCTL_FLAG_ETH,
    PFCTL_FLAG_FILTER,
    PFCTL_FLAG_NAT,
    PFCTL_FLAG_OPTION,
    PFCTL_FLAG_TABLE,
)

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

Tickets = dict[tuple[int, str], int]


class LoadError(Exception):
    """It did not work; `text` is still to be told."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.text = text


def pfctl_rules(ctx: Context, filename: str, optimize: int, anchorname: str) -> None:
    """pfctl_rules for the file on the command line: exits if it fails."""
    tickets: Tickets = {}
    try:
        loader = Loader(ctx, filename, optimize, anchorname, tickets)
        loader.run()
        _load_anchors(ctx, loader.pf, tickets)
        if not ctx.opts & PF_OPT_NOACTION:
            if not anchorname and not load_options(ctx, loader.pf):
                raise LoadError
            _commit(ctx, tickets)
    except LoadError as e:
        if e.text:
            ctx.p.warnx(e.text)
        if not ctx.opts & PF_OPT_NOACTION:
            try:
                ctx.ioctl(P.PfXRollback(tuple((kind, path, ticket) for (kind, path), ticket in tickets.items())))
            except KError as error:
                ctx.p.err(1, error, "DIOCXROLLBACK")
        ctx.p.exit(1)


def _commit(ctx: Context, tickets: Tickets) -> None:
    try:
        ctx.ioctl(P.PfXCommit(tuple((kind, path, ticket) for (kind, path), ticket in tickets.items())))
    except KError as e:
        ctx.p.warn(e, "DIOCXCOMMIT")
        raise LoadError from None


def _load_anchors(ctx: Context, pf: Config, tickets: Tickets) -> None:
    """pfctl_load_anchors: `load anchor` lines, those of the files loaded by them too."""
    at = 0
    while at < len(pf.loadanchors):
        name, filename = pf.loadanchors[at]
        at += 1
        if ctx.verbose:
            ctx.note(f"\nLoading anchor {name} from {filename}\n")
        loader = Loader(ctx, filename, pf.optimize, name, tickets)
        try:
            loader.run()
        except LoadError as e:
            if e.text:
                ctx.p.warnx(e.text)
            raise LoadError("load anchors") from None
        pf.loadanchors += loader.pf.loadanchors


class Loader:
    """One file."""

    def __init__(self, ctx: Context, filename: str, optimize: int, anchorname: str, tickets: Tickets) -> None:
        self.ctx = ctx
        self.filename = filename
        self.pf = Config(ctx, anchorname, optimize)
        self.pf.tickets = tickets
        if anchorname:
            self.pf.loadopt &= ~PFCTL_FLAG_ALTQ
        self.action = not ctx.opts & PF_OPT_NOACTION
        self.printer = RulePrinter(ctx.p, bool(ctx.opts & PF_OPT_NUMERIC), bool(ctx.opts & PF_OPT_VERBOSE2))

    def run(self) -> None:
        """Parse, and give it all to the kernel."""
        pf, ctx = self.pf, self.ctx
        root = pf.anchor
        eroot = pf.eanchor
        if self.action:
            self._begin(pf.anchorname, True)
            if pf.loadopt & PFCTL_FLAG_TABLE:
                root.tticket = pf.tickets[P.PF_RULESET_TABLE, pf.anchorname]
        grammar = RuleGrammar(pf)
        if not grammar.parse(self.filename):
            raise LoadError("Syntax error in config file: pf rules not loaded" if self.action else "")
        if ctx.loadopt & PFCTL_FLAG_OPTION:
            adjust_skip_ifaces(ctx)
        steps = []
        if pf.loadopt & PFCTL_FLAG_FILTER:
            steps.append(P.PF_RULESET_SCRUB)
        if pf.loadopt & PFCTL_FLAG_ETH:
            steps.append(P.PF_RULESET_ETH)
        if pf.loadopt & PFCTL_FLAG_NAT:
            steps += [P.PF_RULESET_NAT, P.PF_RULESET_RDR, P.PF_RULESET_BINAT]
        if pf.loadopt & PFCTL_FLAG_FILTER:
            steps.append(P.PF_RULESET_FILTER)
        try:
            for kind in steps:
                if kind == P.PF_RULESET_ETH:
                    self._eth_ruleset("", eroot, 0)
                else:
                    self._ruleset("", root, kind, 0)
        except LoadError:
            raise LoadError("Unable to load rules into kernel" if self.action else "") from None
        if not self.action and pf.loadopt & PFCTL_FLAG_ALTQ and not grammar.check_altq():
            raise LoadError("errors in altq config")

    def _begin(self, path: str, ether: bool) -> None:
        """pfctl_ruleset_trans: open transactions for an anchor."""
        pf = self.pf
        kinds = [P.PF_RULESET_ETH] if ether and pf.loadopt & PFCTL_FLAG_ETH else []
        if pf.loadopt & PFCTL_FLAG_NAT:
            kinds += [P.PF_RULESET_NAT, P.PF_RULESET_BINAT, P.PF_RULESET_RDR]
        if pf.loadopt & PFCTL_FLAG_FILTER:
            kinds += [P.PF_RULESET_SCRUB, P.PF_RULESET_FILTER]
        if pf.loadopt & PFCTL_FLAG_TABLE:
            kinds.append(P.PF_RULESET_TABLE)
        for kind in kinds:
            pf.tickets.setdefault((kind, path), 0)
        try:
            found = self.ctx.ioctl(P.PfXBegin(tuple((kind, path) for kind in kinds)))
        except KError:
            raise LoadError("pfctl_rules") from None
        pf.tickets.update({(kind, path): ticket for kind, ticket in zip(kinds, found, strict=True)})

    # rules -----------------------------------------------------------------------------------------------------
    def _ruleset(self, path: str, anchor: Anchor, kind: int, depth: int) -> None:
        """pfctl_load_ruleset."""
        pf, ctx = self.pf, self.ctx
        path = f"{path}/{anchor.name}" if path else anchor.name
        brace = bool(depth and anchor.rules[kind])
        if depth:
            if ctx.verbose:
                ctx.out(" {\n" if brace else "\n")
            if brace and self.action:
                self._begin(path, False)
        if pf.optimize and kind == P.PF_RULESET_FILTER:
            from vshell.commands.pfctl.optimize import optimize_ruleset

            if not optimize_ruleset(pf, anchor):
                raise LoadError
        for rule in anchor.rules[kind]:
            record = rule.record()
            rule.label = tuple(expand_label(ctx.p, text, record) for text in rule.label)
            rule.tagname = expand_label(ctx.p, rule.tagname, record)
            rule.match_tagname = expand_label(ctx.p, rule.match_tagname, record)
            self._rule(path, rule, depth)
            if rule.anchor is not None:
                self._ruleset(path, rule.anchor, kind, depth + 1)
            elif ctx.verbose:
                ctx.out("\n")
        anchor.rules[kind] = []
        if brace and ctx.verbose:
            ctx.out("  " * (depth - 1) + "}\n")

    def _rule(self, path: str, rule: Rule, depth: int) -> None:
        """pfctl_load_rule."""
        ctx = self.ctx
        call = _call(rule)
        present = False
        record = rule.record()
        if self.action:
            ticket = self.pf.tickets.get((RULESET_OF[rule.action], path))
            if ticket is None:
                ctx.p.errx(1, "pfctl_get_ticket: assertion failed")
            try:
                ctx.ioctl(P.PfAddRule(record, path, call, ticket))
            except KError as e:
                if e.errno != EEXIST:
                    ctx.p.err(1, e, "DIOCADDRULE")
                present = True
        if ctx.verbose or present:
            ctx.out("" if ctx.opts & PF_OPT_VERBOSE2 else "  " * depth)
            ctx.out(self.printer.text(record, call))
            if present:
                ctx.out(" -- rule was already present\n")

    def _eth_ruleset(self, path: str, anchor: Anchor, depth: int) -> None:
        """pfctl_load_eth_ruleset."""
        ctx = self.ctx
        path = f"{path}/{anchor.name}" if path else anchor.name
        brace = bool(depth and anchor.eth)
        if depth:
            if ctx.verbose:
                ctx.out(" {\n" if brace else "\n")
            if brace and self.action:
                items = ((P.PF_RULESET_ETH, path),) if self.pf.loadopt & PFCTL_FLAG_ETH else ()
                try:
                    found = ctx.ioctl(P.PfXBegin(items))
                except KError:
                    raise LoadError from None
                self.pf.tickets.update({item: ticket for item, ticket in zip(items, found, strict=True)})
        for rule in anchor.eth:
            self._eth_rule(path, rule, depth)
            if rule.anchor is not None:
                self._eth_ruleset(path, rule.anchor, depth + 1)
            elif ctx.verbose:
                ctx.out("\n")
        anchor.eth = []
        if brace and ctx.verbose:
            ctx.out("  " * (depth - 1) + "}\n")

    def _eth_rule(self, path: str, rule: EthRule, depth: int) -> None:
        ctx = self.ctx
        call = _call(rule)
        if self.action:
            ticket = self.pf.tickets.get((P.PF_RULESET_ETH, path), 0)
            try:
                ctx.ioctl(P.PfAddEthRule(rule.record(), path, call, ticket))
            except KError as e:
                ctx.p.err(1, e, "DIOCADDETHRULENV")
        if ctx.verbose:
            ctx.out("" if ctx.opts & PF_OPT_VERBOSE2 else "  " * depth)
            numbers = bool(ctx.opts & (PF_OPT_VERBOSE2 | PF_OPT_DEBUG))
            ctx.out(RulePrinter(ctx.p, False, numbers).eth_text(rule.record(), rule.anchor.name if rule.anchor else ""))


def _call(rule: Rule | EthRule) -> str:
    """What an anchor is called by: its name if its rules are here, else its path."""
    anchor: Anchor | None = rule.anchor
    if anchor is None:
        return ""
    return anchor.name if anchor.match else anchor.path


# options -------------------------------------------------------------------------------------------------------


def load_options(ctx: Context, pf: Config) -> bool:
    """pfctl_load_options; False if one was refused."""
    if not ctx.loadopt & PFCTL_FLAG_OPTION:
        return True
    merge = bool(ctx.opts & PF_OPT_MERGE)
    right = True
    for i, limit in enumerate(pf.limit):
        if not merge or i in pf.limit_set:
            right &= _load_limit(ctx, i, limit)
    if P.PF_LIMIT_STATES in pf.limit_set and not pf.timeout_set & {P.PFTM_ADAPTIVE_START, P.PFTM_ADAPTIVE_END}:
        pf.timeout[P.PFTM_ADAPTIVE_START] = pf.limit[P.PF_LIMIT_STATES] // 10 * 6
        pf.timeout[P.PFTM_ADAPTIVE_END] = pf.limit[P.PF_LIMIT_STATES] // 10 * 12
        pf.timeout_set |= {P.PFTM_ADAPTIVE_START, P.PFTM_ADAPTIVE_END}
    for i, seconds in enumerate(pf.timeout):
        if not merge or i in pf.timeout_set:
            right &= _load(ctx, P.PfSetTimeout(i, seconds), "DIOCSETTIMEOUT")
    if not merge or "debug" in pf.sets:
        right &= _load(ctx, P.PfSetDebug(pf.debug), "DIOCSETDEBUG")
    if not merge or "ifname" in pf.sets:
        if len(pf.ifname) >= 16:
            ctx.p.warnx("pfctl_load_logif: strlcpy")
            right = False
        else:
            right &= _load(ctx, P.PfSetStatusIf(pf.ifname), "")
    if not merge or "hostid" in pf.sets:
        right &= _load(ctx, P.PfSetHostid(pf.hostid), "DIOCSETHOSTID")
    if not merge or "reass" in pf.sets:
        right &= _load(ctx, P.PfSetReass(pf.reassemble), "DIOCSETREASS")
    right &= _load(ctx, P.PfKeepCounters(pf.keep_counters), "")
    return right & _load(ctx, P.PfSetSyncookies(pf.syncookies, *pf.syncookieswat), "DIOCSETSYNCOOKIES")


def _load(ctx: Context, request: Record, text: str) -> bool:
    try:
        ctx.ioctl(request)
    except KError:
        if text:
            ctx.p.warnx(text)
        return False
    return True


def _load_limit(ctx: Context, index: int, limit: int) -> bool:
    try:
        ctx.ioctl(P.PfSetLimit(index, limit))
    except KError as e:
        if e.errno == EBUSY:
            ctx.p.warnx(f"Current pool size exceeds requested {LIMITS[index]} limit {limit}")
        else:
            ctx.p.warnx(f"Cannot set {LIMITS[index]} limit to {limit}")
        return False
    return True


def pfctl_reset(ctx: Context) -> None:
    """pfctl_reset: all options as they are without a file."""
    from vshell.commands.pfctl.interfaces import clear_interface_flags

    pf = Config(ctx, "", 0)
    pf.sets |= {"debug", "reass", "ifname"}
    pf.ifname = "none"
    pf.limit_set = set(range(P.PF_LIMIT_MAX))
    pf.timeout_set = set(range(P.PFTM_MAX))
    load_options(ctx, pf)
    clear_interface_flags(ctx)
