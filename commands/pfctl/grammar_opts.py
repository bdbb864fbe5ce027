"""The options of filter and scrub rules (filter_opts, scrub_opts, state_opt_list, sbin/pfctl/parse.y)."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.commands.pfctl.grammar import UINT_MAX, UNARY
from vshell.commands.pfctl.grammar_hosts import HostGrammar, Redirspec, remove_invalid_hosts
from vshell.commands.pfctl.lexer import NUMBER, PORTBINARY
from vshell.commands.pfctl.words import (
    ICMP6_TYPES,
    ICMP_TYPES,
    TIMEOUTS,
    code_number,
    parse_flags,
)  # fmt: skip
from vshell.userland.pwd import getgrnam, getpwnam

if TYPE_CHECKING:
    from vshell.commands.pfctl.grammar import If

UID_MAX = 0xFFFFFFFF
IPPROTO_ICMP, IPPROTO_ICMPV6 = 1, 58
IcmpSpec = tuple[int, int, int]
"""Protocol, type + 1, code + 1."""


class StateOpt:
    """struct node_state_opt."""

    def __init__(self, kind: str, value: int = 0, second: int = 0, name: str = "") -> None:
        self.kind = kind
        self.value = value
        self.second = second
        self.name = name


class ScrubOpts:
    """struct scrub_opts."""

    def __init__(self) -> None:
        self.marker: set[str] = set()
        self.nodf = self.randomid = self.reassemble_tcp = False
        self.minttl = self.maxmss = self.settos = self.fragcache = 0
        self.match_tag: str | None = None
        self.match_tag_not = False
        self.rtableid = -1


class FilterOpts:
    """struct filter_opts."""

    def __init__(self) -> None:
        self.marker: set[str] = set()
        self.uid: list[tuple[int, int, int]] = []
        self.gid: list[tuple[int, int, int]] = []
        self.rcv: If | None = None
        self.flags = self.flagset = 0
        self.icmpspec: list[IcmpSpec] = []
        self.tos = self.prob = self.ridentifier = self.prio = self.settos = 0
        self.keep = 0
        self.keep_options: list[StateOpt] = []
        self.fragment = self.allowopts = self.nodf = self.randomid = False
        self.label: list[str] = []
        self.queue: tuple[str, str] | None = None
        self.tag: str | None = None
        self.match_tag: str | None = None
        self.match_tag_not = False
        self.dnpipe = self.dnrpipe = self.free_flags = 0
        self.rtableid = -1
        self.set_prio = (0, 0)
        self.divert_port = 0
        self.nat: Redirspec | None = None
        self.rdr: Redirspec | None = None
        self.minttl = self.max_mss = self.max_pkt_size = 0
        self.pktrate = (0, 0)


class OptsGrammar(HostGrammar):
    """Options in any order."""

    # filter options --------------------------------------------------------------------------------------------
    def filter_opts(self) -> FilterOpts:
        """filter_opts."""
        o = FilterOpts()
        while True:
            word = self.peek()
            if word == "!":
                self.next()
                self._not_option(o, True)
            elif word in ("tagged", "received-on"):
                self._not_option(o, False)
            elif word in _FILTER:
                if word not in ("no", "keep", "modulate", "synproxy"):
                    self.next()
                _FILTER[word](self, o)
            else:
                return o

    def _not_option(self, o: FilterOpts, neg: bool) -> None:
        if self.accept("tagged"):
            o.match_tag, o.match_tag_not = self.string(), neg
            return
        self.expect("received-on")
        found = self.if_item()
        if o.rcv is not None:
            self.fail("cannot respecify received-on")
        o.rcv = found
        o.rcv.neg = neg

    def _mark(self, o: FilterOpts | ScrubOpts, mark: str, text: str) -> None:
        if mark in o.marker:
            self.fail(text)
        o.marker.add(mark)

    def _user(self, o: FilterOpts) -> None:
        o.uid = self.one_or_braces(lambda: self._id_item("user")) + o.uid

    def _group(self, o: FilterOpts) -> None:
        o.gid = self.one_or_braces(lambda: self._id_item("group")) + o.gid

    def _id_item(self, kind: str) -> tuple[int, int, int]:
        op = UNARY.get(self.accept(*UNARY), 0)
        first = self._id(kind)
        text = f"{kind} unknown requires operator = or !="
        if op:
            if first == -1 and op not in (P.PF_OP_EQ, P.PF_OP_NE):
                self.fail(text)
            return first, first, op
        if self.peek() != PORTBINARY:
            return first, first, P.PF_OP_EQ
        self.next()
        op = int(self.lex.value)
        second = self._id(kind)
        if -1 in (first, second):
            self.fail(text)
        return first, second, op

    def _id(self, kind: str) -> int:
        """A user or a group; -1 is unknown."""
        short = "uid" if kind == "user" else "gid"
        if self.peek() == NUMBER:
            number = self.number_token()
            if not 0 <= number < UID_MAX:
                self.fail(f"illegal {short} value {number & 0xFFFFFFFFFFFFFFFF}")
            return number
        name = self.string_token()
        if name == "unknown":
            return -1
        user = getpwnam(self.p, name) if kind == "user" else None
        group = getgrnam(self.p, name) if kind == "group" else None
        if user is not None:
            return user.uid
        if group is not None:
            return group.gid
        self.fail(f"unknown {kind} {name}")

    def _flags(self, o: FilterOpts) -> None:
        flags = flagset = 0
        if not self.accept("any"):
            if self.peek() != "/":
                flags = self._flag()
            self.expect("/")
            flagset = self._flag()
        self._mark(o, "flags", "flags cannot be redefined")
        o.flags |= flags
        o.flagset |= flagset

    def _flag(self) -> int:
        text = self.string_token()
        flags = parse_flags(text)
        if flags < 0:
            self.fail(f"bad flags {text}")
        return flags & 0xFF

    def _icmp(self, o: FilterOpts) -> None:
        self._icmpspec(o, False)

    def _icmp6(self, o: FilterOpts) -> None:
        self._icmpspec(o, True)

    def _icmpspec(self, o: FilterOpts, inet6: bool) -> None:
        found = self.one_or_braces(lambda: self._icmp_item(inet6))
        self._mark(o, "icmp", "icmp-type cannot be redefined")
        o.icmpspec = found

    def _icmp_item(self, inet6: bool) -> IcmpSpec:
        word = "icmp6" if inet6 else "icmp"
        proto = IPPROTO_ICMPV6 if inet6 else IPPROTO_ICMP
        if self.peek() == NUMBER:
            kind = self.number_token()
            if not 0 <= kind <= 255:
                self.fail(f"illegal {word}-type {kind & 0xFFFFFFFFFFFFFFFF}")
        else:
            name = self.string_token()
            found = (ICMP6_TYPES if inet6 else ICMP_TYPES).get(name)
            if found is None:
                self.fail(f"unknown {word}-type {name}")
            kind = found
        if not self.accept("code"):
            return proto, kind + 1, 0
        if self.peek() == NUMBER:
            code = self.number_token()
            if not 0 <= code <= 255:
                self.fail(f"illegal icmp-code {code & 0xFFFFFFFFFFFFFFFF}")
        else:
            name = self.string_token()
            found = code_number(kind, name, inet6)
            if found is None:
                self.fail(f"unknown {word}-code {name}")
            code = found
        return proto, kind + 1, code + 1

    def _prio(self, o: FilterOpts) -> None:
        value = self.number_token()
        self._mark(o, "prio", "prio cannot be redefined")
        if not 0 <= value <= P.PF_PRIO_MAX:
            self.fail(f"prio must be 0 - {P.PF_PRIO_MAX}")
        o.prio = value

    def _tos(self, o: FilterOpts) -> None:
        value = self.tos()
        self._mark(o, "tos", "tos cannot be redefined")
        o.tos = value

    def _keep(self, o: FilterOpts) -> None:
        word = self.next()
        self.expect("state")
        options: list[StateOpt] = []
        if word != "no" and self.accept("("):
            options = self.state_opt_list(")")
        self._mark(o, "keep", "modulate or keep cannot be redefined")
        o.keep = {"keep": P.PF_STATE_NORMAL, "modulate": P.PF_STATE_MODULATE, "synproxy": P.PF_STATE_SYNPROXY}.get(word, 0)
        o.keep_options = options

    def _ridentifier(self, o: FilterOpts) -> None:
        o.ridentifier = self.number() & UINT_MAX

    def _fragment(self, o: FilterOpts) -> None:
        o.fragment = True

    def _allowopts(self, o: FilterOpts) -> None:
        o.allowopts = True

    def _label(self, o: FilterOpts) -> None:
        self.add_label(o.label)

    def add_label(self, labels: list[str]) -> None:
        """LABEL STRING, behind the word."""
        text = self.string_token()
        if len(labels) >= P.PF_RULE_MAX_LABEL_COUNT:
            self.fail(f"label can only be used {P.PF_RULE_MAX_LABEL_COUNT} times")
        labels.append(text)

    def _queue(self, o: FilterOpts) -> None:
        if self.accept("("):
            names = [self.string_token()]
            if not self.accept(")"):
                self.accept(",")
                names.append(self.string_token())
                self.expect(")")
        else:
            names = [self.string_token()]
        if o.queue is not None:
            self.fail("queue cannot be redefined")
        o.queue = (names[0], names[1] if len(names) > 1 else "")

    def _dn(self, o: FilterOpts, flag: int) -> None:
        if self.accept("("):
            o.dnpipe = self.number() & 0xFFFF
            if not self.accept(")"):
                self.accept(",")
                o.dnrpipe = self.number() & 0xFFFF
                self.expect(")")
        else:
            o.dnpipe = self.number() & 0xFFFF
        o.free_flags |= flag

    def _dnpipe(self, o: FilterOpts) -> None:
        self._dn(o, P.PFRULE_DN_IS_PIPE)

    def _dnqueue(self, o: FilterOpts) -> None:
        self._dn(o, P.PFRULE_DN_IS_QUEUE)

    def _tag(self, o: FilterOpts) -> None:
        o.tag = self.string()

    def _probability(self, o: FilterOpts) -> None:
        if self.peek() == NUMBER:
            value = float(self.number_token())
        else:
            text = self.string_token()
            number, rest = strtod(text)
            if rest.startswith("%"):
                number, rest = number * 0.01, rest[1:]
            if rest:
                self.fail(f"invalid probability: {text}")
            value = number
        chance = floor(value * UINT_MAX + 0.5) if abs(value) < 1e300 else value
        if not 0 <= chance <= UINT_MAX:
            self.fail(f"invalid probability: {chance:f}")
        o.prob = int(chance) or 1

    def _rtable(self, o: FilterOpts) -> None:
        o.rtableid = self.rtable_number()

    def _divert_to(self, o: FilterOpts) -> None:
        port = self.parseport(self.numberstring())[0]
        if self.accept("port"):
            # What was read was an address, which FreeBSD has no use for.
            port = self.parseport(self.numberstring())[0]
        o.divert_port = port
        if not port:
            self.fail("invalid divert port: 0")

    def _divert_reply(self, o: FilterOpts) -> None:
        self.fail("divert-reply has no meaning in FreeBSD pf(4)")

    def _scrub(self, o: FilterOpts) -> None:
        self.expect("(")
        s = self.scrub_opts()
        self.expect(")")
        o.nodf, o.minttl, o.randomid, o.max_mss = s.nodf, s.minttl, s.randomid, s.maxmss
        if "settos" in s.marker:
            o.settos = s.settos
        if s.reassemble_tcp:
            o.marker.add("scrub_tcp")
        o.marker |= s.marker

    def _nat_to(self, o: FilterOpts) -> None:
        found = self.port_redirspec()
        if o.nat is not None:
            self.fail("cannot respecify nat-to/binat-to")
        o.nat = found

    def _rdr_to(self, o: FilterOpts) -> None:
        found = self.port_redirspec()
        if o.rdr is not None:
            self.fail("cannot respecify rdr-to")
        o.rdr = found

    def _binat_to(self, o: FilterOpts) -> None:
        self._nat_to(o)
        if o.nat is not None:
            o.nat.binat = True
            o.nat.pool_opts.staticport = True

    def _af_to(self, o: FilterOpts) -> None:
        af = self.af()
        self.expect("from")
        source = self.port_redirspec()
        target = self.port_redirspec() if self.accept("to") else None
        if o.nat is not None:
            self.fail("cannot respecify af-to")
        if not af:
            self.fail("no address family specified")
        for spec in (source, target):
            if spec is not None:
                spec.af = af
                spec.host = remove_invalid_hosts(spec.host, af)[0]
        o.nat, o.rdr = source, target if target is not None else o.rdr
        if not source.host or (target is not None and not target.host):
            self.fail("af-to addresses must be in the target address family")
        o.marker.add("afto")

    def _max_pkt_rate(self, o: FilterOpts) -> None:
        limit = self.number_token()
        self.expect("/")
        seconds = self.number_token()
        if not (0 <= limit <= UINT_MAX and 0 <= seconds <= UINT_MAX):
            self.fail("only positive values permitted")
        if o.pktrate[0]:
            self.fail("cannot respecify max-pkt-rate")
        o.pktrate = (limit, seconds)

    def _max_pkt_size(self, o: FilterOpts) -> None:
        size = self.number_token()
        if not 0 <= size <= 65535:
            self.fail("only positive values permitted")
        o.max_pkt_size = size

    def _set(self, o: FilterOpts) -> None:
        if self.accept("("):
            self.parens(lambda: self._filter_set(o))
        else:
            self._filter_set(o)

    def _filter_set(self, o: FilterOpts) -> None:
        if self.accept("tos"):
            value = self.tos()
            self._mark(o, "settos", "tos cannot be respecified")
            o.settos = value
            return
        self.expect("prio")
        if self.accept("("):
            first = self.number_token()
            self.accept(",")
            second = self.number_token()
            self.expect(")")
        else:
            first = second = self.number_token()
        if not (0 <= first <= P.PF_PRIO_MAX and 0 <= second <= P.PF_PRIO_MAX):
            self.fail(f"prio must be 0 - {P.PF_PRIO_MAX}")
        self._mark(o, "setprio", "prio cannot be redefined")
        o.set_prio = (first, second)

    # scrub options ---------------------------------------------------------------------------------------------
    def scrub_opts(self) -> ScrubOpts:
        """scrub_opts: commas or none between them."""
        o = ScrubOpts()
        first = True
        while True:
            if (not first and self.accept(",")) or self.peek() in _SCRUB_WORDS:
                self._scrub_opt(o)
            else:
                return o
            first = False

    def _scrub_opt(self, o: ScrubOpts) -> None:
        if self.accept("no-df"):
            if o.nodf:
                self.fail("no-df cannot be respecified")
            o.nodf = True
        elif self.accept("random-id"):
            if o.randomid:
                self.fail("random-id cannot be respecified")
            o.randomid = True
        elif self.accept("min-ttl"):
            o.minttl = self._scrub_number(o, "min-ttl", 255)
        elif self.accept("max-mss"):
            o.maxmss = self._scrub_number(o, "max-mss", 65535)
        elif self.accept("set-tos"):
            value = self.tos()
            self._mark(o, "settos", "set-tos cannot be respecified")
            o.settos = value
        elif self.accept("fragment"):
            flag = P.PFRULE_FRAGMENT_NOREASS if self.accept("no") else 0
            self.expect("reassemble")
            self._mark(o, "fragcache", "fragcache cannot be respecified")
            o.fragcache = flag
        elif self.accept("reassemble"):
            name = self.string_token()
            if name.lower() != "tcp":
                self.fail(f"scrub reassemble supports only tcp, not '{name}'")
            if o.reassemble_tcp:
                self.fail("reassemble tcp cannot be respecified")
            o.reassemble_tcp = True
        elif self.accept("rtable"):
            o.rtableid = self.rtable_number()
        else:
            neg = self.neg()
            self.expect("tagged")
            o.match_tag, o.match_tag_not = self.string(), neg

    def _scrub_number(self, o: ScrubOpts, word: str, most: int) -> int:
        value = self.number_token()
        self._mark(o, word, f"{word} cannot be respecified")
        if not 0 <= value <= most:
            self.fail(f"illegal {word} value {value & UINT_MAX if value < 1 << 31 else value}")
        return value

    # state options ---------------------------------------------------------------------------------------------
    def state_opt_list(self, end: str) -> list[StateOpt]:
        """Options of a state, up to the parenthesis or the end of the line."""
        found = [self._state_opt()]
        while self.peek() != end:
            self.accept(",")
            found.append(self._state_opt())
        if end == ")":
            self.next()
        return found

    def _state_opt(self) -> StateOpt:
        word = self.accept(*_STATE_WORDS)
        if word in _STATE_NUMBERS:
            return StateOpt(word, self._positive())
        if word == "max-src-conn-rate":
            limit = self.number_token()
            self.expect("/")
            seconds = self.number_token()
            if not (0 <= limit <= UINT_MAX and 0 <= seconds <= UINT_MAX):
                self.fail("only positive values permitted")
            return StateOpt(word, limit, seconds)
        if word == "overload":
            self.expect("<")
            name = self.string_token()
            self.expect(">")
            flush = 0
            if self.accept("flush"):
                flush = P.PF_FLUSH | (P.PF_FLUSH_GLOBAL if self.accept("global") else 0)
            if len(name) >= P.PF_TABLE_NAME_SIZE:
                self.fail(f"table name '{name}' too long")
            return StateOpt(word, flush, name=name)
        if word == "source-track":
            return StateOpt(word, {"global": 2, "rule": 3}.get(self.accept("global", "rule"), 1))
        if word in ("if-bound", "floating"):
            return StateOpt("statelock", P.PFRULE_IFBOUND if word == "if-bound" else 0)
        if word:
            return StateOpt(word)
        name = self.string_token()
        seconds = self._positive()
        if name not in TIMEOUTS:
            self.fail(f"illegal timeout name {name}")
        if "." not in name:
            self.fail(f"illegal state timeout {name}")
        return StateOpt("timeout", TIMEOUTS[name], seconds, name)

    def _positive(self) -> int:
        value = self.number_token()
        if not 0 <= value <= UINT_MAX:
            self.fail("only positive values permitted")
        return value


def strtod(text: str) -> tuple[float, str]:
    """strtod(3): the longest number at the start, and what follows."""
    import re

    found = re.match(r"[ \t]*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", text)
    if found is None:
        return 0.0, text
    return float(found[0]), text[found.end() :]


_STATE_NUMBERS = ("max", "max-src-states", "max-src-conn", "max-src-nodes")
_STATE_WORDS = (
    *_STATE_NUMBERS, "max-src-conn-rate", "no-sync", "overload", "source-track", "if-bound", "floating", "sloppy", "pflow",
    "allow-related",
)  # fmt: skip
_SCRUB_WORDS = (
    "no-df", "min-ttl", "max-mss", "set-tos", "fragment", "reassemble", "random-id", "rtable", "tagged", "!",
)  # fmt: skip
_G = OptsGrammar
_FILTER = {
    "user": _G._user, "group": _G._group, "flags": _G._flags, "icmp-type": _G._icmp, "icmp6-type": _G._icmp6,
    "prio": _G._prio, "tos": _G._tos, "no": _G._keep, "keep": _G._keep, "modulate": _G._keep, "synproxy": _G._keep,
    "ridentifier": _G._ridentifier, "fragment": _G._fragment, "allow-opts": _G._allowopts, "label": _G._label,
    "queue": _G._queue, "dnpipe": _G._dnpipe, "dnqueue": _G._dnqueue, "tag": _G._tag, "probability": _G._probability,
    "rtable": _G._rtable, "divert-to": _G._divert_to, "divert-reply": _G._divert_reply, "scrub": _G._scrub,
    "nat-to": _G._nat_to, "rdr-to": _G._rdr_to, "binat-to": _G._binat_to, "af-to": _G._af_to,
    "max-pkt-rate": _G._max_pkt_rate, "max-pkt-size": _G._max_pkt_size, "set": _G._set,
}  # fmt: skip
