"""The small productions of pf.conf(5)'s grammar, and how its parser recovers from errors (sbin/pfctl/parse.y).

The original is an LALR parser made by yacc.  This one descends, reads a token ahead only where yacc has to, and stops at
the same token, since both see an error as soon as no sentence can begin with what was read.  After an error yacc leaves
out everything up to the end of the line, and reports no other before three tokens were accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from vshell.abi import pf as P
from vshell.abi.errno import KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.pfctl.lexer import EOF, GE, LE, NE, NUMBER, PORTBINARY, STRING, Lexer
from vshell.userland.cnumber import strtol
from vshell.userland.humanize import strtonum
from vshell.userland.netdb import getprotobyname, getservbyname

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import Config

T = TypeVar("T")
IFNAMSIZ = 16
UINT_MAX = 0xFFFFFFFF
UNARY = {"=": P.PF_OP_EQ, NE: P.PF_OP_NE, LE: P.PF_OP_LE, "<": P.PF_OP_LT, GE: P.PF_OP_GE, ">": P.PF_OP_GT}


class Recover(Exception):
    """YYERROR: the statement is given up."""


class If:
    """struct node_if."""

    def __init__(self, ifname: str, flags: int = 0) -> None:
        self.ifname = ifname
        self.neg = False
        self.dynamic = False
        self.flags = flags


class LogQuick:
    """log and quick."""

    def __init__(self) -> None:
        self.log = 0
        self.logif = 0
        self.quick = 0


class Grammar:
    """Tokens, errors and what is common to many rules."""

    def __init__(self, config: Config) -> None:
        self.pf = config
        self.ctx = config.ctx
        self.p = config.ctx.p
        self.lex = Lexer(config.ctx)
        self.ahead: str | None = None
        self.errflag = 0

    # tokens ----------------------------------------------------------------------------------------------------
    def peek(self) -> str:
        """The next token."""
        if self.ahead is None:
            self.ahead = self.lex.token()
        return self.ahead

    def next(self) -> str:
        """Accept it."""
        token = self.peek()
        self.ahead = None
        if self.errflag:
            self.errflag -= 1
        return token

    def accept(self, *tokens: str) -> str:
        """Accept it if it is one of those; else ""."""
        return self.next() if self.peek() in tokens and self.peek() != EOF else ""

    def expect(self, token: str) -> None:
        """It must be this one."""
        if self.peek() != token:
            self.syntax_error()
        self.next()

    def syntax_error(self) -> NoReturn:
        """No sentence goes on like this."""
        if not self.errflag:
            self.yyerror("syntax error")
        raise Recover

    def yyerror(self, text: str) -> None:
        """Tell an error."""
        self.lex.yyerror(text)

    def fail(self, text: str) -> NoReturn:
        """Tell an error and give the statement up."""
        self.yyerror(text)
        raise Recover

    def recover(self) -> bool:
        """Leave out the rest of the line; False at the end of the file."""
        self.errflag = 3
        while self.peek() != "\n":
            if self.peek() == EOF:
                return False
            self.ahead = None
        self.next()
        self.lex.file.errors += 1
        return True

    # words -----------------------------------------------------------------------------------------------------
    def string_token(self) -> str:
        """STRING."""
        self.expect(STRING)
        return str(self.lex.value)

    def number_token(self) -> int:
        """NUMBER."""
        self.expect(NUMBER)
        return int(self.lex.value)

    def string(self) -> str:
        """One or more STRINGs, joined by blanks."""
        words = [self.string_token()]
        while self.peek() == STRING:
            words.append(self.string_token())
        return " ".join(words)

    def numberstring(self) -> str:
        """A STRING or a NUMBER as text."""
        if self.peek() == NUMBER:
            return str(self.number_token())
        return self.string_token()

    def number(self) -> int:
        """A NUMBER, or a STRING in another base."""
        if self.peek() == NUMBER:
            return self.number_token()
        text = self.string_token()
        value = atoul(text)
        if value is None:
            self.fail(f"{text} is not a number")
        return value

    def optnl(self) -> None:
        """Any number of newlines."""
        while self.accept("\n"):
            pass

    def neg(self) -> bool:
        """not."""
        return bool(self.accept("!"))

    def braces(self, item: Callable[[], T]) -> list[T]:
        """'{' optnl item optnl ... '}' behind the brace, at least one item, commas or none between them."""
        self.optnl()
        return self.list_to("}", item)

    def list_to(self, end: str, item: Callable[[], T]) -> list[T]:
        """Items with optional newlines behind and commas between them, up to the closing brace."""
        items = [item()]
        self.optnl()
        while not self.accept(end):
            self.accept(",")
            items.append(item())
            self.optnl()
        return items

    def one_or_braces(self, item: Callable[[], T]) -> list[T]:
        """An item, or a list of them."""
        return self.braces(item) if self.accept("{") else [item()]

    def parens(self, item: Callable[[], object]) -> None:
        """item comma item ... ')' behind the parenthesis."""
        item()
        while not self.accept(")"):
            self.accept(",")
            item()

    # common parts ----------------------------------------------------------------------------------------------
    def dir(self) -> int:
        """in, out or both."""
        return {"in": P.PF_IN, "out": P.PF_OUT}.get(self.accept("in", "out"), P.PF_INOUT)

    def af(self) -> int:
        """inet, inet6 or both."""
        return {"inet": AF_INET, "inet6": AF_INET6}.get(self.accept("inet", "inet6"), 0)

    def quick(self) -> int:
        """quick."""
        return int(bool(self.accept("quick")))

    def logquick(self) -> LogQuick:
        """log and quick in either order."""
        found = LogQuick()
        if self.accept("quick"):
            found.quick = 1
            if self.peek() == "log":
                self.log(found)
        elif self.peek() == "log":
            self.log(found)
            found.quick = self.quick()
        return found

    def log(self, found: LogQuick) -> None:
        """log ( options )."""
        self.expect("log")
        found.log = P.PF_LOG
        if self.accept("("):
            self.parens(lambda: self._logopt(found))

    def _logopt(self, found: LogQuick) -> None:
        kinds = {"all": P.PF_LOG_ALL, "matches": P.PF_LOG_MATCHES, "user": P.PF_LOG_USER}
        word = self.accept(*kinds)
        if word:
            found.log |= kinds[word]
            return
        self.expect("to")
        name = self.string()
        if not name.startswith("pflog"):
            self.fail(f"{name}: should be a pflog interface")
        number, bad = strtonum(name[5:], 0, 255)
        if bad:
            self.fail(f"{name}: {bad}")
        found.logif = number or found.logif

    def interface(self) -> list[If]:
        """on ...; none means any."""
        if not self.accept("on"):
            return []
        return self.one_or_braces(self.if_item_not)

    def if_item_not(self) -> If:
        """An interface, or not that one."""
        neg = self.neg()
        found = self.if_item()
        found.neg = neg
        return found

    def if_item(self) -> If:
        """An interface, a group, or any."""
        if self.accept("any"):
            return If("any")
        name = self.string_token()
        if len(name) >= IFNAMSIZ:
            self.fail("interface name too long")
        return If(name, self.ctx.interfaces.flags(name))

    def proto(self) -> list[int]:
        """proto ...; none means any."""
        if not self.accept("proto"):
            return []
        return self.one_or_braces(self.proto_item)

    def proto_item(self) -> int:
        """A protocol by name or number."""
        if self.peek() == NUMBER:
            number = self.number_token()
            if not 0 <= number <= 255:
                self.fail("protocol outside range")
        else:
            name = self.string_token()
            found = getprotobyname(self.p, name)
            if found is None:
                self.fail(f"unknown protocol {name}")
            number = found
        if not number & 0xFF:
            self.fail("proto 0 cannot be used")
        return number & 0xFF

    def rtable_number(self) -> int:
        """RTABLE NUMBER, behind the word."""
        number = self.number_token()
        try:
            most = int(self.p.sys.sysctl("net.fibs")) - 1
        except KError:
            most = 15
        if not 0 <= number <= most:
            self.fail("invalid rtable id")
        return number

    def tos(self) -> int:
        """A type of service by name or number."""
        from vshell.commands.pfctl.words import TOS

        if self.peek() == NUMBER:
            value = self.number_token()
            if not 0 <= value <= 255:
                self.fail(f"illegal tos value {value & 0xFFFFFFFFFFFFFFFF}")
            return value
        text = self.string_token()
        value = TOS.get(text.lower(), 256)
        if value == 256 and text.startswith("0x"):
            number, rest, bad = strtol(text, 16)
            value = 256 if bad or rest else number
        if not 0 <= value <= 255:
            self.fail(f"illegal tos value {text}")
        return value

    # ports -----------------------------------------------------------------------------------------------------
    def getservice(self, name: str) -> int | None:
        """A port by name or number; None was told."""
        value = atoul(name)
        if value is not None:
            if value > 65535:
                self.yyerror(f"illegal port value {value}")
                return None
            return value
        for proto in ("tcp", "udp", "sctp"):
            found = getservbyname(self.p, name, proto)
            if found is not None:
                return found[0]
        self.yyerror(f"unknown port {name}")
        return None

    def parseport(self, text: str, ranges: bool = False, star: bool = False) -> tuple[int, int, int]:
        """parseport: (first, second, PF_OP_*)."""
        first, colon, second = text.partition(":")
        if not colon:
            return self._service(text), 0, P.PF_OP_NONE
        if star and second == "*":
            return self._service(first), 0, P.PF_OP_IRG
        if not ranges:
            raise Recover
        a, b = self._service(first), self._service(second)
        return (a, 0, P.PF_OP_NONE) if a == b else (a, b, P.PF_OP_RRG)

    def _service(self, name: str) -> int:
        found = self.getservice(name)
        if found is None:
            raise Recover
        return found

    def port_item(self) -> tuple[int, int, int]:
        """A port or a range: (first, second, PF_OP_*)."""
        op = UNARY.get(self.accept(*UNARY), 0)
        a, b, kind = self.parseport(self.numberstring(), ranges=True)
        if op:
            if kind:
                self.fail("':' cannot be used with an other port operator")
        elif self.peek() == PORTBINARY:
            self.next()
            op = int(self.lex.value)
            b, _, other = self.parseport(self.numberstring(), ranges=True)
            if kind or other:
                self.fail("':' cannot be used with an other port operator")
        else:
            op = P.PF_OP_RRG if kind else P.PF_OP_EQ
        if invalid_range(op, a, b):
            self.fail("invalid port range")
        return a, b, op


def invalid_range(op: int, a: int, b: int) -> bool:
    """validate_range."""
    return (
        (op == P.PF_OP_RRG and a > b) or (op == P.PF_OP_IRG and a >= b) or (op == P.PF_OP_XRG and a > b)
    )  # fmt: skip


def atoul(text: str) -> int | None:
    """atoul: a number in C notation, None if it is not one."""
    value, rest, bad = strtol(text, 0, high=(1 << 64) - 1)
    if not text or rest or bad:
        return None
    return value & 0xFFFFFFFFFFFFFFFF
