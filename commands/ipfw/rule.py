"""From words to a rule: the frame of compile_rule in sbin/ipfw/ipfw2.c.

The instruction being filled stays the same until it has a size: what "not" did to an address that turns out to be "any"
falls on whatever comes next, as in the original.
"""

from __future__ import annotations

from vshell.abi.ip_fw import (
    F_NOT,
    F_OR,
    IPFW_RULE_JUSTOPTS,
    IPFW_RULE_NOOPT,
    O_CHECK_STATE,
    O_IP4,
    O_IP6,
    O_IP_DSTPORT,
    O_IP_SRCPORT,
    O_PROB,
    O_PROBE_STATE,
    O_PROTO,
    RESVD_SET,
    IpFwRule,
)
from vshell.abi.socket import IPPROTO_IP, IPPROTO_IPV6
from vshell.commands.ipfw.actions import parse_action, parse_params
from vshell.commands.ipfw.addresses import add_address
from vshell.commands.ipfw.cmdline import Options, substrcmp
from vshell.commands.ipfw.insn import Cmd, fill_comment, fill_newports, strtoul
from vshell.commands.ipfw.words import EX_DATAERR, EX_USAGE, RESERVED
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.netdb import getprotobyname

BRACES = ("(", "{")


class RuleParser:
    """One rule being read."""

    def __init__(self, o: Options, words: list[str]) -> None:
        self.o = o
        self.words = words
        self.at = 0
        self.cmd = Cmd()
        self.prev: Cmd | None = None
        self.done: list[Cmd] = []
        self.open = False
        self.proto = IPPROTO_IP
        self.named = False
        self.state: Cmd | None = None
        self.record = False
        self.skipcmd: Cmd | None = None
        self.log: Cmd | None = None
        self.tag: Cmd | None = None
        self.more_action: Cmd | None = None
        self.flags = 0

    # words -----------------------------------------------------------------------------------------------------
    @property
    def word(self) -> str | None:
        """The word at hand, None at the end."""
        return self.words[self.at] if self.at < len(self.words) else None

    def skip(self) -> None:
        """To the next word."""
        self.at += 1

    def back(self) -> None:
        """To the word before."""
        self.at -= 1

    def take(self) -> str:
        """The word at hand, and on."""
        self.at += 1
        return self.words[self.at - 1]

    def need(self, text: str) -> str:
        """NEED1: the word at hand, or the error that there is none."""
        if self.at >= len(self.words):
            self.o.errx(EX_USAGE, text)
        return self.words[self.at]

    def rest(self) -> list[str]:
        """All words that are left; none are then."""
        left = self.words[self.at :]
        self.at = len(self.words)
        return left

    def is_word(self, full: str) -> bool:
        """Is the word at hand (the start of) this one?"""
        return self.word is not None and substrcmp(self.o, self.word, full)

    def advance(self) -> None:
        """next_cmd, if the instruction got a size."""
        if self.cmd.size:
            self.done.append(self.cmd)
            self.cmd = Cmd()

    # blocks ----------------------------------------------------------------------------------------------------
    def or_start(self) -> None:
        """OR_START: an opening brace, alone or stuck to the next word."""
        word = self.word
        if word is None or word[:1] not in BRACES or not word:
            return
        if self.open:
            self.o.errx(EX_USAGE, 'nested "(" not allowed\n')
        self.prev, self.open = None, True
        if len(word) == 1:
            self.skip()
        else:
            self.words[self.at] = word[1:]

    def not_block(self) -> None:
        """NOT_BLOCK: an optional "not"."""
        if self.is_word("not"):
            if self.cmd.flags & F_NOT:
                self.o.errx(EX_USAGE, 'double "not" not allowed\n')
            self.cmd.flags |= F_NOT
            self.skip()

    def or_block(self) -> bool:
        """OR_BLOCK: True if an alternative follows; otherwise the block is closed."""
        if self.is_word("or"):
            if self.prev is None or not self.open:
                self.o.errx(EX_DATAERR, "invalid OR block")
            self.prev.flags |= F_OR
            self.skip()
            return True
        if self.open:
            if self.word not in (")", "}"):
                self.o.errx(EX_USAGE, 'missing ")"\n')
            self.prev, self.open = None, False
            self.skip()
        return False

    def keep(self) -> None:
        """An alternative is read."""
        if self.cmd.size:
            self.prev = self.cmd
            self.advance()

    # parts -----------------------------------------------------------------------------------------------------
    def add_proto(self, word: str, compat: bool) -> bool:
        """add_proto, add_proto_compat: a protocol by name or number; False if it is none."""
        proto = IPPROTO_IP
        if substrcmp(self.o, word, "all") or word == "ip":
            pass
        elif word == "ip4" or (compat and word == "ipv4"):
            self.cmd.fill(O_IP4)
        elif word == "ip6" or (compat and word == "ipv6"):
            proto = IPPROTO_IPV6
            self.cmd.fill(O_IP6)
        else:
            number, rest, _ = strtol(word)
            if rest or number <= 0:
                found = getprotobyname(self.o.p, word)
                if found is None:
                    return False
                number = found
            self.cmd.fill(O_PROTO, number)
            proto = number & 0xFF
        self.proto = proto
        return True

    def add_ports(self, word: str, opcode: int, proto: int) -> bool:
        """add_ports: False if the word is no list of ports."""
        if word in RESERVED or not fill_newports(self.o, self.cmd, word, proto):
            return False
        self.cmd.opcode = opcode
        return True

    def _protocols(self) -> bool:
        """The protocol; False if the rule goes straight to its options."""
        first = True
        self.or_start()
        while True:
            self.not_block()
            word = self.need("missing protocol")
            if self.add_proto(word, True):
                self.skip()
                self.keep()
            elif not first and self.done:
                self.o.errx(EX_DATAERR, f"invalid protocol ``{word}''")
            else:
                self.flags |= IPFW_RULE_JUSTOPTS
                return False
            first = False
            if not self.or_block():
                return True

    def _address(self, source: bool) -> None:
        """Addresses and ports of one side."""
        self.or_start()
        while True:
            self.not_block()
            word = self.need("missing source address" if source else "missing dst address")
            add_address(self.o, self.cmd, word, self.proto, source)
            if self.cmd.data and isinstance(self.cmd.data[0], str):
                self.named = True
            self.skip()
            self.keep()
            if not self.or_block():
                break
        self.not_block()
        word = self.word or ""
        if self.word is not None and (
            substrcmp(self.o, word, "any") or self.add_ports(word, O_IP_SRCPORT if source else O_IP_DSTPORT, self.proto)
        ):
            self.skip()
            self.advance()

    def _body(self) -> None:
        """Protocol, from, to; then the options."""
        from vshell.commands.ipfw.options import parse_options

        if self._protocols():
            count = len(self.done)
            if not self.is_word("from"):
                self.o.errx(EX_USAGE, "missing ``from''")
            self.skip()
            self._address(True)
            if not self.is_word("to"):
                self.o.errx(EX_USAGE, "missing ``to''")
            self.skip()
            self._address(False)
            if len(self.done) == count:
                self.flags |= IPFW_RULE_NOOPT
        parse_options(self)

    def parse(self) -> IpFwRule:
        """[NUMBER] [set N] [prob P] ACTION [PARAMETERS] BODY."""
        number, which, prob = 0, 0, 1.0
        word = self.word
        if word and word[0].isascii() and word[0].isdigit():
            number = atoi(word) & 0xFFFFFFFF
            self.skip()
        if self.at + 1 < len(self.words) and self.is_word("set"):
            value = self.words[self.at + 1]
            which = strtoul(value, 10)
            if which > RESVD_SET:
                self.o.errx(EX_DATAERR, f"illegal set {value}")
            self.at += 2
        if self.at + 1 < len(self.words) and self.is_word("prob"):
            value = self.words[self.at + 1]
            prob = strtod(value)
            if not 0 < prob <= 1:
                self.o.errx(EX_DATAERR, f"illegal match prob. {value}")
            self.at += 2
        action = parse_action(self)
        parse_params(self)
        if self.state is None:
            self._body()
        elif self.word == "//":
            self.skip()
            fill_comment(self.o, self.cmd, self.rest())
            self.advance()
        return self._assemble(number, which, prob, action)

    def _assemble(self, number: int, which: int, prob: float, action: list[Cmd]) -> IpFwRule:
        """Put the instructions in the order the kernel wants."""
        state = self.state
        stateful = state is not None and state.opcode != O_CHECK_STATE
        if state is None and self.skipcmd is not None:
            text = 'Rule contains "defer-immediate-action" and doesn\'t contain any state-related options.'
            self.o.warnx(text)
        out: list[Cmd] = []
        if prob != 1:
            cmd = Cmd()
            cmd.fill(O_PROB, 0, (int(prob * 0x7FFFFFFF),), 2)
            out.append(cmd)
        if state is not None and stateful and not self.record:
            cmd = Cmd()
            cmd.fill(O_PROBE_STATE, 0, state.data[-1:], 2)
            out.append(cmd)
        out += [c for c in self.done if c is not state and c is not self.skipcmd]
        if state is not None and stateful:
            out.append(state)
        if self.skipcmd is not None:
            out.append(self.skipcmd)
        size = sum(c.size for c in out)
        tail = [c for c in (self.log, self.tag) if c is not None] + action
        if size + sum(c.size for c in tail) > 255:
            self.o.errx(EX_DATAERR, "Rule too long")
        return IpFwRule(number, which, self.flags, tuple(c.freeze() for c in (*out, *tail)), len(out))


def strtod(text: str) -> float:
    """strtod(3) for decimal numbers; 0 if there is none."""
    import re

    found = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
    return float(found[0]) if found is not None else 0.0
