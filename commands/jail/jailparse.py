"""The grammar of jail.conf(5) (usr.sbin/jail/jailparse.y), and reading the file with what it includes."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.commands.jail.jaillex import EOF, PLEQ, STR, STR1, VAR, VAR1, Lexer, Token
from vshell.commands.jail.jailp import PF_APPEND, PF_NAMEVAL, PF_VAR, CfJail, CfParam, CfString, Jail
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

MAX_INCLUDE_DEPTH = 32


class Config:
    """What parsing needs to remember across included files."""

    def __init__(self, jail: Jail) -> None:
        self.jail = jail
        self.depth = 0
        self.current: CfJail | None = None
        self.everywhere: CfJail | None = None
        """The pseudo-jail "*" of parameters outside of all jails."""

    def parse_config(self, name: str, text: str | None = None) -> None:
        """Parse a file, or `text` that came from standard input; exits on an error."""
        p = self.jail.p
        if text is None:
            try:
                text = decode(slurp(p, name))
            except KError as e:
                p.err(1, e, name)
        if not Parser(self, name, text).parse():
            p.exit(1)

    def include(self, outer: str, name: str) -> None:
        """.include: a file or, with wildcards, all that match; relative to the file it stands in."""
        from vshell.userland.sh.pattern import glob

        self.depth += 1
        if self.depth > MAX_INCLUDE_DEPTH:
            self.jail.p.errx(1, "maximum include depth exceeded")
        if outer != "STDIN" and not name.startswith("/") and "/" in outer:
            name = outer[: outer.rindex("/") + 1] + name
        if any(c in name for c in "*?["):
            for path in glob(self.jail.p.sys, name):
                self.parse_config(path)
        else:
            self.parse_config(name)
        self.depth -= 1


class Parser:
    """One file."""

    def __init__(self, config: Config, name: str, text: str) -> None:
        self.config = config
        self.name = name
        self.error = False
        self.quiet = 0
        """Words that must be understood before another error is reported."""
        self.lexer = Lexer(text, self._unterminated)
        self.token = self.lexer.next()

    def _unterminated(self, line: int, text: str) -> None:
        self.config.jail.p.warnx(f"{self.name} line {line}: {text}")
        self.error = True

    def advance(self) -> Token:
        """Take the current word."""
        token = self.token
        self.token = self.lexer.next()
        self.quiet = max(self.quiet - 1, 0)
        return token

    def syntax_error(self) -> None:
        """yyerror."""
        self.error = True
        if self.quiet:
            return
        p = self.config.jail.p
        if self.token.kind == EOF:
            p.warnx(f"{self.name}: unexpected EOF")
        else:
            p.warnx(f"{self.name} line {self.lexer.line}: {self.token.text}: syntax error")

    def parse(self) -> bool:
        """conf: jails and parameters up to the end of the file."""
        depth = 0
        while True:
            kind = self.token.kind
            if kind == EOF:
                if depth:
                    self.syntax_error()
                return not self.error
            if kind == ";":
                self.advance()
            elif kind == "}" and depth:
                self.advance()
                assert self.config.current is not None
                self.config.current = self.config.current.parent
                depth -= 1
            elif kind in (STR, VAR):
                depth += self._statement()
            else:
                self.syntax_error()
                if not self._recover():
                    return False

    def _recover(self) -> bool:
        """Skip to the end of the statement; False at the end of the file."""
        self.quiet = 3
        while self.token.kind not in (";", EOF):
            self.token = self.lexer.next()
        if self.token.kind == EOF:
            return False
        self.advance()
        return True

    def _statement(self) -> int:
        """A parameter, or the beginning of a jail (then 1)."""
        first = self.advance()
        if first.kind == STR and self.token.kind == "{":
            self.advance()
            self._jail(first.value)
            return 1
        param = CfParam(first.value, PF_VAR if first.kind == VAR else 0)
        good = True
        if self.token.kind in ("=", PLEQ):
            if self.advance().kind == PLEQ:
                param.flags |= PF_APPEND
            good = self._value(param)
        elif self.token.kind in (STR, VAR):
            param.flags |= PF_NAMEVAL
            good = self._value(param)
        if not good or self.token.kind != ";":
            self.syntax_error()
            if not self._recover():
                # Nothing follows that could be understood.
                self.token = Token(EOF, "", "")
            return 0
        self.advance()
        self._parameter(param)
        return 0

    def _value(self, param: CfParam) -> bool:
        while True:
            if self.token.kind not in (STR, VAR):
                return False
            param.val.append(self._string())
            if self.token.kind != ",":
                return True
            self.advance()

    def _string(self) -> CfString:
        """A string in pieces."""
        string = CfString("")
        while True:
            token = self.advance()
            if token.kind in (STR, STR1):
                string.s += token.value
            else:
                string.vars.append([token.value, len(string.s)])
            if self.token.kind not in (STR1, VAR1):
                return string

    def _jail(self, name: str) -> None:
        j = self.config.jail.add_jail()
        parent = self.config.current
        j.name = name if parent is None else f"{parent.name}.{name}"
        j.parent = parent
        self.config.current = j

    def _parameter(self, param: CfParam) -> None:
        config = self.config
        if param.name == ".include" and param.flags & (PF_VAR | PF_APPEND | PF_NAMEVAL) == PF_NAMEVAL:
            for string in param.val:
                if string.vars:
                    config.jail.p.warnx(f"{self.name} line {self.lexer.line}: variables not permitted in '.include' filename")
                    self.error = True
                else:
                    config.include(self.name, string.s)
            return
        j = config.current
        if j is None:
            if config.everywhere is None:
                config.everywhere = config.jail.add_jail()
                config.everywhere.name = "*"
            j = config.everywhere
        j.params.append(param)
