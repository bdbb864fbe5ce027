"""set ..., tables, macros and files that are included (sbin/pfctl/parse.y, pfctl.c)."""

from __future__ import annotations

from vshell.abi import pf as P
from vshell.abi.errno import KError, strerror
from vshell.abi.pf import PfrAddr, PfrInaDefine, PfrTable, PfSetDebug
from vshell.commands.pfctl.grammar import UINT_MAX, Recover
from vshell.commands.pfctl.grammar_opts import OptsGrammar, strtod
from vshell.commands.pfctl.hosts import BadAddress, Host, addr_text, append_addr_host
from vshell.commands.pfctl.interfaces import set_interface_flags
from vshell.commands.pfctl.lexer import STRING
from vshell.commands.pfctl.table_files import load_file, warn_duplicate_tables
from vshell.commands.pfctl.words import (
    DEBUG_LEVELS,
    HINTS,
    LIMITS,
    PF_OPT_DUMMYACTION,
    PF_OPT_NOACTION,
    PF_OPT_OPTIMIZE,
    PFCTL_FLAG_OPTION,
    PFCTL_FLAG_TABLE,
    SYNCOOKIES,
    TIMEOUTS,
)

STATE_NONE, STATE_OPTION, STATE_ETHER, STATE_SCRUB, STATE_QUEUE, STATE_NAT, STATE_FILTER = range(7)
ORDER = "Rules must be in order: options, ethernet, normalization, queueing, translation, filtering"


class SetGrammar(OptsGrammar):
    """Everything that is not a rule."""

    rulestate = STATE_NONE
    require_order = True
    blockpolicy = failpolicy = P.PFRULE_DROP
    default_statelock = 0
    keep_state_defaults = None

    def check_rulestate(self, wanted: int) -> None:
        """Rules come in an order."""
        if self.require_order and self.rulestate > wanted:
            self.fail(ORDER)
        self.rulestate = wanted

    def verbose(self, text: str) -> None:
        """A line for -v."""
        if self.ctx.verbose:
            self.ctx.out(text + "\n")

    @property
    def options(self) -> bool:
        """Are options to be loaded at all?"""
        return bool(self.ctx.loadopt & PFCTL_FLAG_OPTION)

    # macros and files ------------------------------------------------------------------------------------------
    def varset(self) -> None:
        """NAME = value."""
        name = self.string_token()
        self.expect("=")
        words = [self.numberstring()]
        while self.peek() in (STRING, "NUMBER"):
            words.append(self.numberstring())
        value = " ".join(words)
        self.verbose(f'{name} = "{value}"')
        if any(c.isspace() for c in name[1:]):
            self.fail("macro name cannot contain whitespace")
        self.ctx.symbols.set(name, value)

    def include(self) -> None:
        """include "file": it is read from the next token on."""
        self.next()
        name = self.string_token()
        if not self.lex.pushfile(name):
            self.fail(f"failed to include file {name}")
        self.lex.ungetc("\n")

    # set -------------------------------------------------------------------------------------------------------
    def option(self) -> None:
        """set ..."""
        self.next()
        word = self.accept(*_SET)
        if not word:
            self.syntax_error()
        _SET[word](self)

    def _yesno(self) -> bool:
        if self.accept("no"):
            return False
        text = self.string_token()
        if text != "yes":
            self.fail(f"invalid value '{text}', expected 'yes' or 'no'")
        return True

    def _reassemble(self) -> None:
        on = self._yesno()
        nodf = bool(self.accept("no-df"))
        self.check_rulestate(STATE_OPTION)
        if not self.options:
            return
        self.pf.sets.add("reass")
        self.pf.reassemble = (P.PF_REASS_ENABLED | (P.PF_REASS_NODF if nodf else 0)) if on else 0
        self.verbose(f"set reassemble {'yes' if on else 'no'} {'no-df' if nodf else ''}")

    def _optimization(self) -> None:
        name = self.string_token()
        self.check_rulestate(STATE_OPTION)
        if not self.options:
            return
        hint = HINTS.get(name.lower())
        if hint is None:
            self.p.warnx("invalid state timeouts optimization")
            self.fail(f"unknown optimization {name}")
        for timeout, seconds in hint.items():
            self._apply_timeout(timeout, seconds, True)
        self.verbose(f"set optimization {name}")

    def _ruleset_optimization(self) -> None:
        name = self.string()
        kinds = {"none": 0, "basic": 1, "profile": 3}
        if name not in kinds:
            self.fail(f"unknown ruleset-optimization {name}")
        if not self.ctx.opts & PF_OPT_OPTIMIZE:
            self.ctx.opts |= PF_OPT_OPTIMIZE
            self.pf.optimize = kinds[name]

    def _timeout(self) -> None:
        if self.accept("{"):
            self.optnl()
            self.list_to("}", self._timeout_spec)
        else:
            self._timeout_spec()

    def _timeout_spec(self) -> None:
        name = "interval" if self.accept("interval") else self.string_token()
        seconds = self.number_token()
        self.check_rulestate(STATE_OPTION)
        if not 0 <= seconds <= UINT_MAX:
            self.fail("only positive values permitted")
        if not self._apply_timeout(name, seconds, False):
            self.fail(f"unknown timeout {name}")

    def _apply_timeout(self, name: str, seconds: int, quiet: bool) -> bool:
        """pfctl_apply_timeout."""
        if not self.options:
            return True
        number = TIMEOUTS.get(name.lower())
        if number is None:
            self.p.warnx("Bad timeout name.")
            return False
        self.pf.timeout[number] = seconds
        self.pf.timeout_set.add(number)
        if not quiet:
            self.verbose(f"set timeout {name} {seconds - (1 << 32) if seconds >> 31 else seconds}")
        return True

    def _limit(self) -> None:
        if self.accept("{"):
            self.optnl()
            self.list_to("}", self._limit_spec)
        else:
            self._limit_spec()

    def _limit_spec(self) -> None:
        name = self.string_token()
        limit = self.number_token()
        self.check_rulestate(STATE_OPTION)
        if not 0 <= limit <= UINT_MAX:
            self.fail("only positive values permitted")
        if name.lower() not in LIMITS:
            self.p.warnx("Bad pool name.")
            self.fail(f"unable to set limit {name} {limit}")
        index = LIMITS.index(name.lower())
        self.pf.limit[index] = limit
        self.pf.limit_set.add(index)
        self.verbose(f"set limit {name} {limit - (1 << 32) if limit >> 31 else limit}")

    def _loginterface(self) -> None:
        name = self.accept("all") or self.string_token()
        self.check_rulestate(STATE_OPTION)
        if self.options:
            self.pf.ifname = "" if name == "none" else name
            self.pf.sets.add("ifname")
            self.verbose(f"set loginterface {name}")

    def _hostid(self) -> None:
        number = self.number()
        if not 0 < number <= UINT_MAX:
            self.fail("hostid must be non-zero")
        if self.options:
            self.pf.hostid = number
            self.pf.sets.add("hostid")
            self.verbose(f"set hostid 0x{number:08x}")

    def _policy(self) -> tuple[str, int]:
        word = self.accept("drop", "return")
        if not word:
            self.syntax_error()
        return word, P.PFRULE_RETURN if word == "return" else P.PFRULE_DROP

    def _block_policy(self) -> None:
        word, flag = self._policy()
        self.verbose(f"set block-policy {word}")
        self.check_rulestate(STATE_OPTION)
        self.blockpolicy = flag

    def _fail_policy(self) -> None:
        word, flag = self._policy()
        self.verbose(f"set fail-policy {word}")
        self.check_rulestate(STATE_OPTION)
        self.failpolicy = flag

    def _require_order(self) -> None:
        on = self._yesno()
        self.verbose(f"set require-order {'yes' if on else 'no'}")
        self.require_order = on

    def _fingerprints(self) -> None:
        from vshell.commands.pfctl.osfp import file_fingerprints

        name = self.string_token()
        self.verbose(f'set fingerprints "{name}"')
        self.check_rulestate(STATE_OPTION)
        if not self.pf.anchor.name and not file_fingerprints(self.ctx, name):
            self.fail(f"error loading fingerprints {name}")

    def _state_policy(self) -> None:
        word = self.accept("if-bound", "floating")
        if not word:
            self.syntax_error()
        self.verbose(f"set state-policy {word}")
        self.default_statelock = P.PFRULE_IFBOUND if word == "if-bound" else 0

    def _debug(self) -> None:
        name = self.string_token()
        self.check_rulestate(STATE_OPTION)
        if not self.options:
            return
        if name not in DEBUG_LEVELS:
            self.p.warnx(f'unknown debug level "{name}"')
            self.fail(f"error setting debuglevel {name}")
        self.pf.debug = DEBUG_LEVELS.index(name)
        self.pf.sets.add("debug")
        if not self.ctx.opts & PF_OPT_NOACTION:
            self.ctx.ioctl(PfSetDebug(self.pf.debug))
        self.verbose(f"set debug {name}")

    def _skip(self) -> None:
        interfaces = self.interface()
        if not interfaces or (len(interfaces) == 1 and not interfaces[0].neg and interfaces[0].ifname == "none"):
            self.verbose("set skip on none")
            if self.options:
                set_interface_flags(self.ctx, "", False)
            return
        failed = False
        text = "set skip on {"
        for one in interfaces:
            text += f" {one.ifname}"
            if one.neg:
                self.yyerror("skip on ! <interface> is not supported")
                failed = True
            elif self.options:
                set_interface_flags(self.ctx, one.ifname, True)
        self.verbose(f"{text} }}")
        if failed:
            self.fail("error setting skip interface(s)")

    def _state_defaults(self) -> None:
        found = self.state_opt_list("\n")
        if self.keep_state_defaults is not None:
            self.fail("cannot redefine state-defaults")
        self.keep_state_defaults = found

    def _keepcounters(self) -> None:
        self.pf.keep_counters = True

    def _syncookies(self) -> None:
        name = self.string_token()
        if name not in SYNCOOKIES:
            self.fail("illegal value for syncookies")
        water: dict[str, int] | None = None
        if self.accept("("):
            water = {}
            self.parens(lambda: self._syncookie_opt(water))
        mode = SYNCOOKIES.index(name)
        if not self._cfg_syncookies(mode, water):
            self.fail("error setting syncookies")

    def _syncookie_opt(self, water: dict[str, int] | None) -> None:
        name = self.string_token()
        value, rest = strtod(self.string_token())
        if rest != "%":
            raise Recover
        if not 0 < value <= 100:
            self.fail("illegal percentage value")
        if name not in ("start", "end"):
            self.fail("illegal syncookie option")
        if water is not None:
            water[name] = int(value)

    def _cfg_syncookies(self, mode: int, water: dict[str, int] | None) -> bool:
        """pfctl_cfg_syncookies."""
        text = f"set syncookies {SYNCOOKIES[mode]}"
        if water is not None:
            if mode != P.PF_SYNCOOKIES_ADAPTIVE:
                self.p.warnx("syncookies start/end only apply to adaptive")
                return False
            high = water.get("start", 0) or P.PF_SYNCOOKIES_HIWATPCT
            low = water.get("end", 0) or high // 2
            if low >= high:
                self.p.warnx("start must be higher than end")
                return False
            self.pf.syncookieswat = (low, high)
            self.pf.syncookieswat_set = True
        if mode == P.PF_SYNCOOKIES_ADAPTIVE and self.pf.syncookieswat_set:
            text += f" (start {self.pf.syncookieswat[1]}%, end {self.pf.syncookieswat[0]}%)"
        self.verbose(text)
        self.pf.syncookies = mode
        return True

    # tables ----------------------------------------------------------------------------------------------------
    def tabledef(self) -> None:
        """table <NAME> options."""
        self.next()
        self.expect("<")
        name = self.string_token()
        self.expect(">")
        flags = 0
        init = False
        nodes: list[str | list[Host]] = []
        while True:
            if self.peek() == STRING:
                flags |= self._table_flag()
            elif self.accept("file"):
                nodes.append(self.string_token())
                init = True
            elif self.accept("{"):
                self.optnl()
                if not self.accept("}"):
                    nodes.append(self._table_hosts(self.host_list()))
                init = True
            else:
                break
        if len(name) >= P.PF_TABLE_NAME_SIZE:
            self.fail(f"table name too long, max {P.PF_TABLE_NAME_SIZE - 1} chars")
        if self.pf.loadopt & PFCTL_FLAG_TABLE:
            self._process_tabledef(name, flags, init, nodes)

    def _table_flag(self) -> int:
        word = self.string_token()
        flag = {"const": P.PFR_TFLAG_CONST, "persist": P.PFR_TFLAG_PERSIST, "counters": P.PFR_TFLAG_COUNTERS}.get(word)
        if flag is None:
            self.fail(f"invalid table option '{word}'")
        return flag

    def _table_hosts(self, hosts: list[Host]) -> list[Host]:
        for one in hosts:
            text = _NOT_IN_TABLES.get(one.addr.type)
            if text is not None:
                self.fail(text)
        return hosts

    def _process_tabledef(self, name: str, flags: int, init: bool, nodes: list[str | list[Host]]) -> None:
        """process_tabledef."""
        found: list[PfrAddr] = []
        for node in nodes:
            if isinstance(node, str):
                self._table_file(found, node)
                continue
            try:
                append_addr_host(found, node, False, False)
            except BadAddress:
                self.fail("cannot create address buffer: Invalid argument")
        self.verbose(tabledef_text(name, flags, init, nodes))
        opts = self.ctx.opts
        if not opts & PF_OPT_NOACTION or opts & PF_OPT_DUMMYACTION:
            warn_duplicate_tables(self.ctx, name, self.pf.anchor.path)
        elif self.ctx.verbose:
            self.ctx.note(f"{self.lex.file.name}:{self.lex.lineno}: skipping duplicate table checks for <{name}>\n")
        if opts & PF_OPT_NOACTION:
            return
        table = PfrTable(name, self.pf.anchor.path, flags)
        try:
            self.ctx.ioctl(PfrInaDefine(table, P.PFR_FLAG_ADDRSTOO if init else 0, tuple(found), self.pf.anchor.tticket))
        except KError as e:
            from vshell.commands.pfctl.context import pf_strerror

            self.fail(f"cannot define table {name}: {pf_strerror(e.errno)}")

    def _table_file(self, found: list[PfrAddr], name: str) -> None:
        try:
            load_file(self.ctx, found, name, False)
        except KError as e:
            self.fail(f'cannot load "{name}": {strerror(e.errno)}')
        except BadAddress as e:
            self.fail(f'file "{name}" contains bad data' if e.told else f'cannot load "{name}": Invalid argument')


_NOT_IN_TABLES = {
    P.PF_ADDR_RANGE: "address ranges are not permitted inside tables",
    P.PF_ADDR_DYNIFTL: "dynamic addresses are not permitted inside tables",
    P.PF_ADDR_TABLE: "tables cannot contain tables",
    P.PF_ADDR_NOROUTE: '"no-route" is not permitted inside tables',
    P.PF_ADDR_URPFFAILED: '"urpf-failed" is not permitted inside tables',
}


def tabledef_text(name: str, flags: int, init: bool, nodes: list[str | list[Host]]) -> str:
    """print_tabledef."""
    text = f"table <{name}>"
    for word, flag in (("const", P.PFR_TFLAG_CONST), ("persist", P.PFR_TFLAG_PERSIST), ("counters", P.PFR_TFLAG_COUNTERS)):
        text += f" {word}" if flags & flag else ""
    open_brace = False
    for node in nodes:
        if isinstance(node, str):
            text += " }" if open_brace else ""
            open_brace = False
            text += f' file "{node}"'
            continue
        text += "" if open_brace else " {"
        open_brace = True
        for one in node:
            text += f" {'!' if one.neg else ''}{addr_text(one.addr, one.af, False)}"
    text += " }" if open_brace else ""
    return text + (" { }" if init and not nodes else "")


_G = SetGrammar
_SET = {
    "reassemble": _G._reassemble, "optimization": _G._optimization, "ruleset-optimization": _G._ruleset_optimization,
    "timeout": _G._timeout, "limit": _G._limit, "loginterface": _G._loginterface, "hostid": _G._hostid,
    "block-policy": _G._block_policy, "fail-policy": _G._fail_policy, "require-order": _G._require_order,
    "fingerprints": _G._fingerprints, "state-policy": _G._state_policy, "debug": _G._debug, "skip": _G._skip,
    "state-defaults": _G._state_defaults, "keepcounters": _G._keepcounters, "syncookies": _G._syncookies,
}  # fmt: skip
