"""The grammar of filter expressions (grammar.y): code is generated while the expression is read.

The grammar is that of an LALR parser, with its oddities: a name without qualifier takes those of the expression before it, and
`%` and `^` have no precedence.  What stands in parentheses may turn out an expression, a list of names or a number, so
`unit` returns whichever it was.
"""

from __future__ import annotations

from vshell.userland.pcap.gencode_net import QERR, Arth, NetGencode, Qual
from vshell.userland.pcap.icode import (
    BPF_ADD,
    BPF_AND,
    BPF_DIV,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_LSH,
    BPF_MOD,
    BPF_MUL,
    BPF_OR,
    BPF_RSH,
    BPF_SUB,
    BPF_XOR,
    Block,
    FilterError,
    gen_and,
    gen_not,
    gen_or,
)  # fmt: skip
from vshell.userland.pcap.scanner import Scanner, Token

_PNAMES = (
    "link ip arp rarp sctp tcp udp icmp igmp igrp pim vrrp carp atalk aarp decnet lat sca mopdl moprc ip6 icmp6 ah esp "
    "iso esis isis l1 l2 iih lsp snp psnp csnp clnp stp ipx netbeui radio"
)
PNAMES = frozenset(_PNAMES.split())
DIRS = ("src", "dst", "addr1", "addr2", "addr3", "addr4", "ra", "ta")
KINDS = ("host", "net", "port", "portrange")
PRECEDENCE = {"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": None, "^": None}
UMINUS = 6
OPERATIONS = {
    "|": BPF_OR, "&": BPF_AND, "<<": BPF_LSH, ">>": BPF_RSH, "+": BPF_ADD, "-": BPF_SUB, "*": BPF_MUL, "/": BPF_DIV,
    "%": BPF_MOD, "^": BPF_XOR,
}  # fmt: skip
RELATIONS = {
    ">": (BPF_JGT, False), ">=": (BPF_JGE, False), "=": (BPF_JEQ, False), "<=": (BPF_JGT, True), "<": (BPF_JGE, True),
    "!=": (BPF_JEQ, True),
}  # fmt: skip
NAMED = ("id", "hid", "hid6", "eid", "aid")
MISUSED = {"port": "port", "portrange": "portrange", "proto": "proto", "protochain": "protochain"}
LLC_S = {"rr": 0x01, "rnr": 0x05, "rej": 0x09}
LLC_U = {"ui": 0x03, "ua": 0x63, "disc": 0x43, "dm": 0x0F, "sabme": 0x6F, "test": 0xE3, "xid": 0xAF, "frmr": 0x87}
REASONS = {
    "match": 0, "bad-offset": 1, "fragment": 2, "short": 3, "normalize": 4, "memory": 5, "bad-timestamp": 6, "congestion": 7,
    "ip-option": 8, "proto-cksum": 9, "state-mismatch": 10, "state-insert": 11, "state-limit": 12, "src-limit": 13,
    "synproxy": 14, "map-failed": 15, "translate": 16,
}  # fmt: skip
ACTIONS = {
    "pass": 0, "accept": 0, "drop": 1, "block": 1, "scrub": 2, "noscrub": 3, "nat": 4, "nonat": 5, "binat": 6, "nobinat": 7,
    "rdr": 8, "nordr": 9, "synproxy-drop": 10, "defer": 11,
}  # fmt: skip
ATM = ("lane", "metac", "bcc", "sc", "ilmic", "oam", "oamf4", "connectmsg", "metaconnect")
MTP2 = ("fisu", "lssu", "msu")
MTP3 = ("sio", "opc", "dpc", "sls")


class Term:
    """A finished part of the expression, with the qualifiers a following name would take."""

    __slots__ = ("b", "q")

    def __init__(self, b: Block, q: Qual) -> None:
        self.b = b
        self.q = q


class Parser:
    """One expression."""

    def __init__(self, gen: NetGencode, text: str) -> None:
        self.gen = gen
        self.scanner = Scanner(text)
        self.tokens: list[Token] = []
        self.last = Token("end", "")

    # words -----------------------------------------------------------------------------------------------------
    def peek(self, ahead: int = 0) -> Token:
        """A word that comes."""
        while len(self.tokens) <= ahead:
            self.tokens.append(self.scanner.next())
        return self.tokens[ahead]

    def take(self) -> Token:
        """The next word."""
        self.last = self.peek()
        if self.last.kind == "bad":
            self.syntax()
        return self.tokens.pop(0)

    def expect(self, kind: str) -> Token:
        """The next word, which must be of a kind."""
        if self.peek().kind != kind:
            self.syntax()
        return self.take()

    def syntax(self) -> None:
        """yyerror; what the scanner found wrong before comes first."""
        raise self.scanner.error or FilterError("can't parse filter expression: syntax error")

    # expressions -----------------------------------------------------------------------------------------------
    def parse(self) -> Block | None:
        """All of it, None for an empty one."""
        if self.peek().kind == "end":
            return None
        found = self.expr(QERR)
        if self.peek().kind != "end" or not isinstance(found, Term):
            self.syntax()
        assert isinstance(found, Term)
        return found.b

    def expr(self, q: Qual) -> Term | Arth | int:
        """Terms with and, or; or an arithmetic expression, if that is all there is before a parenthesis closes."""
        left = self.term(q)
        if not isinstance(left, Term):
            return left
        return self.rest(left)

    def rest(self, left: Term) -> Term:
        """What follows the first term."""
        while self.peek().kind in ("and", "or"):
            join = gen_and if self.take().kind == "and" else gen_or
            right = self.term_or_id(left.q)
            join(left.b, right.b)
            left = right
        return left

    def first_inside(self) -> Token:
        """The first word behind parentheses and nots, where a list of names may have them; two parentheses it may not."""
        ahead = 0
        while self.peek(ahead).kind in ("(", "!"):
            if self.peek(ahead).kind == self.peek(ahead + 1).kind == "(":
                return self.peek(ahead)
            ahead += 1
        return self.peek(ahead)

    def term_or_id(self, q: Qual) -> Term:
        """After and, or: a term, or a name or number with the qualifiers of what is before."""
        kind = self.peek().kind
        if kind in NAMED:
            return self.nid(q)
        if kind == "!":
            self.take()
            found = self.term_or_id(q)
            gen_not(found.b)
            return found
        if kind == "(" and self.first_inside().kind in NAMED:
            return self.idlist(q)
        part = self.term(q, ids=True)
        if isinstance(part, int):
            return Term(self.gen.gen_ncode(None, part, q), q)
        if not isinstance(part, Term):
            self.syntax()
        assert isinstance(part, Term)
        return part

    def term(self, q: Qual, ids: bool = False) -> Term | Arth | int:
        """A term; with `ids` a number may stand for an id."""
        kind = self.peek().kind
        if kind == "!":
            self.take()
            found = self.term(q)
            if not isinstance(found, Term):
                self.syntax()
            assert isinstance(found, Term)
            gen_not(found.b)
            return found
        if kind in ("num", "(", "-", "len") or (kind in PNAMES and self.peek(1).kind == "["):
            return self.relation(q, ids)
        if kind in PNAMES or kind in DIRS or kind in KINDS or kind in ("proto", "protochain", "gateway"):
            return self.qualified()
        return Term(self.other("default"), QERR)

    def relation(self, q: Qual, ids: bool) -> Term | Arth | int:
        """An arithmetic expression, with its comparison if one follows."""
        left = self.arith(None, q, ids)
        if isinstance(left, Term):
            return left
        if self.peek().kind in RELATIONS:
            first = self.as_arth(left)
            code, reverse = RELATIONS[self.take().kind]
            second = self.arith(None, q, False)
            if isinstance(second, Term):
                self.syntax()
            assert not isinstance(second, Term)
            return Term(self.gen.gen_relation(code, first, self.as_arth(second), reverse), QERR)
        return left

    def as_arth(self, value: Arth | int) -> Arth:
        """A number becomes code when it turns out to be one."""
        return self.gen.gen_loadi(value) if isinstance(value, int) else value

    def arith(self, before: str | None, q: Qual, ids: bool) -> Term | Arth | int:
        """Operators as yacc resolves them; `before` is the one on the left."""
        left = self.primary(q, ids)
        if isinstance(left, Term):
            return left
        while self.peek().kind in OPERATIONS and self.shifts(before, self.peek().kind):
            left = self.as_arth(left)
            op = self.take().kind
            right = self.arith(op, q, False)
            if isinstance(right, Term):
                self.syntax()
            assert not isinstance(right, Term)
            left = self.gen.gen_arth(OPERATIONS[op], left, self.as_arth(right))
        return left

    def shifts(self, before: str | None, op: str) -> bool:
        """Does the operator bind stronger than the one before?  One without precedence always does."""
        if before is None:
            return True
        old, new = UMINUS if before == "uminus" else PRECEDENCE[before], PRECEDENCE[op]
        return old is None or new is None or new > old

    def primary(self, q: Qual, ids: bool) -> Term | Arth | int:
        """A number, a load, or something in parentheses."""
        word = self.peek()
        if word.kind == "num":
            return self.take().value
        if word.kind == "len":
            self.take()
            return self.gen.gen_loadlen()
        if word.kind == "-":
            self.take()
            operand = self.arith("uminus", q, False)
            if isinstance(operand, Term):
                self.syntax()
            assert not isinstance(operand, Term)
            return self.gen.gen_neg(self.as_arth(operand))
        if word.kind == "(":
            self.take()
            return self.inside(q, ids)
        if word.kind in PNAMES and self.peek(1).kind == "[":
            return self.load()
        self.syntax()
        raise AssertionError

    def load(self) -> Arth:
        """`proto[index]`, `proto[index:size]`."""
        proto = self.take().kind
        self.take()
        index = self.arith(None, QERR, False)
        if isinstance(index, Term):
            self.syntax()
        assert not isinstance(index, Term)
        index = self.as_arth(index)
        size = 1
        if self.peek().kind == ":":
            self.take()
            size = self.expect("num").value
        self.expect("]")
        return self.gen.gen_load(proto, index, size)

    def inside(self, q: Qual, ids: bool) -> Term | Arth | int:
        """After an opening parenthesis."""
        found = self.term(q, ids)
        if isinstance(found, Term):
            found = Term(self.rest(found).b, q)
        elif isinstance(found, int) and ids and self.peek().kind in ("and", "or"):
            found = self.idrest(Term(self.gen.gen_ncode(None, found, q), q))
        self.expect(")")
        return found

    # names -----------------------------------------------------------------------------------------------------
    def idlist(self, q: Qual) -> Term:
        """Names in parentheses."""
        self.expect("(")
        found = self.idrest(self.one_id(q))
        self.expect(")")
        return found

    def idrest(self, left: Term) -> Term:
        """More names."""
        while self.peek().kind in ("and", "or"):
            join = gen_and if self.take().kind == "and" else gen_or
            right = self.one_id(left.q)
            join(left.b, right.b)
            left = right
        return left

    def one_id(self, q: Qual) -> Term:
        """A name or a number; nothing else may stand here."""
        kind = self.peek().kind
        if kind in NAMED:
            return self.nid(q)
        if kind == "!":
            self.take()
            found = self.one_id(q)
            gen_not(found.b)
            return found
        if kind == "(" and self.peek(1).kind != "(":
            return self.idlist(q)
        if kind == "num":
            return Term(self.gen.gen_ncode(None, self.take().value, q), q)
        self.syntax()
        raise AssertionError

    def nid(self, q: Qual) -> Term:
        """A name, an address, a network."""
        word = self.take()
        gen = self.gen
        if word.kind == "id":
            return Term(gen.gen_scode(word.text, q), q)
        if word.kind == "eid":
            if self.scanner.error is not None:
                raise self.scanner.error
            return Term(gen.gen_ecode(word.text, q), q)
        if word.kind == "aid":
            raise FilterError("aid supported only on ARCnet")
        after = self.peek().kind
        if after == "/":
            self.take()
            size = self.expect("num").value
            self.misused(q, "IP address and prefix length")
            if word.kind == "hid":
                return Term(gen.gen_mcode(word.text, None, size, q), q)
            return Term(gen.gen_mcode6(word.text, size, q), q)
        if word.kind == "hid" and after == "mask":
            self.take()
            mask = self.expect("hid").text
            self.misused(q, "IP address and netmask")
            return Term(gen.gen_mcode(word.text, mask, 0, q), q)
        if word.kind == "hid6" and q.addr == "proto":
            raise FilterError("'proto' modifier applied to 'ip6addr/prefixlen")
        self.misused(q, "IP address")
        if word.kind == "hid":
            return Term(gen.gen_ncode(word.text, 0, q), q)
        return Term(gen.gen_mcode6(word.text, 128, q), q)

    def misused(self, q: Qual, what: str) -> None:
        """Ports and protocols are no addresses."""
        if q.addr in MISUSED:
            raise FilterError(f"'{q.addr}' modifier applied to {what}")

    def qualified(self) -> Term:
        """Protocol, direction and kind of address, and what they are about."""
        proto = self.take().kind if self.peek().kind in PNAMES else "default"
        named = proto != "default"
        kind = self.peek().kind
        direction = "default"
        if kind in DIRS:
            direction = self.direction()
            kind = self.peek().kind
            addr = self.take().kind if kind in KINDS else "default"
        elif kind in KINDS or kind in ("proto", "protochain", "gateway"):
            addr = self.take().kind
        elif named and kind in ("broadcast", "multicast", "type", "subtype", "direction"):
            return Term(self.other(proto), QERR)
        else:
            return Term(self.gen.gen_proto_abbrev(proto), QERR)
        return self.one_id(Qual(proto, direction, addr))

    def direction(self) -> str:
        """src, dst, src or dst, src and dst ..."""
        first = self.take().kind
        if first in ("src", "dst") and self.peek().kind in ("or", "and"):
            join = self.take().kind
            self.expect("dst" if first == "src" else "src")
            return join
        return first

    # the others ------------------------------------------------------------------------------------------------
    def pnum(self) -> int | None:
        """A number, possibly in parentheses, if one follows."""
        depth = 0
        while self.peek(depth).kind == "(":
            depth += 1
        if self.peek(depth).kind != "num":
            return None
        for _ in range(depth):
            self.take()
        value = self.take().value
        for _ in range(depth):
            self.expect(")")
        return value

    def other(self, proto: str) -> Block:
        """Primitives without address."""
        gen = self.gen
        kind = self.take().kind
        if kind in ("broadcast", "multicast"):
            return (gen.gen_broadcast if kind == "broadcast" else gen.gen_multicast)(proto)
        if kind in ("type", "subtype", "direction"):
            return self.wlan(kind)
        if kind in ("less", "greater", "ifindex"):
            value = self.expect("num").value
            return {"less": gen.gen_less, "greater": gen.gen_greater, "ifindex": gen.gen_ifindex}[kind](value)
        if kind == "byte":
            return self.byte()
        if kind in ("inbound", "outbound"):
            return gen.gen_inbound(kind == "outbound")
        if kind in ("vlan", "mpls", "pppoes", "geneve"):
            from vshell.userland.pcap.geneve import gen_geneve

            number = self.pnum()
            if kind == "geneve":
                return gen_geneve(gen, number)
            return {"vlan": gen.gen_vlan, "mpls": gen.gen_mpls, "pppoes": gen.gen_pppoes}[kind](number)
        if kind == "pppoed":
            return gen.gen_linktype(0x8863)
        if kind == "llc":
            return self.llc()
        return self.foreign(kind)

    def byte(self) -> Block:
        """`byte 0 = 1`."""
        index = self.expect("num").value
        op = self.take().kind
        if op not in ("&", "|", "<", ">", "="):
            self.last = Token(op, op)
            self.syntax()
        return self.gen.gen_byteop(op, index, self.expect("num").value)

    def llc(self) -> Block:
        """`llc`, `llc i`, `llc ui` ..."""
        gen = self.gen
        if self.peek().kind == "rulenum":
            self.take()
            return gen.gen_llc_type(LLC_S["rnr"], 0x0F)
        if self.peek().kind != "id":
            return gen.gen_llc()
        text = self.take().text
        name = text.lower()
        if name == "i":
            return gen.gen_llc_i()
        if name in ("s", "u"):
            return gen.gen_llc_type(0x01 if name == "s" else 0x03, 0x03)
        if name in LLC_S:
            return gen.gen_llc_type(LLC_S[name], 0x0F)
        if name in LLC_U:
            return gen.gen_llc_type(LLC_U[name], 0xEF)
        raise FilterError(f'unknown LLC type name "{text}"')

    def wlan(self, kind: str) -> Block:
        """802.11, which is not here."""
        if self.peek().kind not in ("num", "id"):
            self.syntax()
        self.take()
        if kind == "type" and self.peek().kind == "subtype":
            self.take()
            self.take()
        if kind == "direction":
            raise FilterError("frame direction supported only with 802.11 headers")
        raise FilterError("802.11 link-layer types supported only on 802.11")

    def foreign(self, kind: str) -> Block:
        """pf, ATM and SS7."""
        gen = self.gen
        if kind in ("ifname", "ruleset"):
            return gen.gen_pf(kind, self.expect("id").text)
        if kind in ("rulenum", "subrulenum"):
            return gen.gen_pf("rnr" if kind == "rulenum" else "srnr", self.expect("num").value)
        if kind in ("reason", "action"):
            return self.pf(kind)
        if kind in ATM or kind in ("oamf4sc", "oamf4ec"):
            name = {"oamf4sc": "oam4sc", "oamf4ec": "oam4ec"}.get(kind, kind)
            raise FilterError(f"'{name}' supported only on raw ATM")
        if kind in ("vpi", "vci"):
            self.after_field()
            raise FilterError(f"'{kind}' supported only on raw ATM")
        if kind in MTP2:
            raise FilterError(f"'{kind}' supported only on MTP2")
        if kind[1:] in MTP2:
            raise FilterError(f"'{kind}' supported only on MTP2_HSL")
        if kind in MTP3 or kind[1:] in MTP3:
            self.after_field()
            raise FilterError(f"'{kind if kind in MTP3 else kind[1:]}' supported only on SS7")
        self.syntax()
        raise AssertionError

    def after_field(self) -> None:
        """A number must follow, with or without a comparison."""
        if self.peek().kind in RELATIONS or self.peek().kind == "(":
            self.take()
        self.expect("num")

    def pf(self, kind: str) -> Block:
        """`reason`, `action`."""
        word = self.peek()
        if word.kind == "num" and kind == "reason":
            return self.gen.gen_pf(kind, self.take().value)
        name = self.expect("id").text
        value = (REASONS if kind == "reason" else ACTIONS).get(name)
        if value is None:
            raise FilterError(f'unknown PF {kind} "{name}"')
        return self.gen.gen_pf(kind, value)
