"""env(1): run a program in a changed environment (usr.bin/env)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import S_IFMT, S_IFREG, X_OK
from vshell.userland.environ import Environ
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, checks_stdout, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = """\
usage: env [-0iv] [-C workdir] [-L|-U user[/class]] [-P utilpath] [-S string]
           [-u name] [name=value ...] [utility [argument ...]]
"""
EXIT_CANCELED, EXIT_CANNOT_INVOKE, EXIT_ENOENT = 125, 126, 127
ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
SPACES = " \t\n\v\f\r"


class Splitter:
    """-S: split a string into arguments, with quotes, escapes and ${NAME}."""

    def __init__(self, p: Program, env: Environ) -> None:
        self.p = p
        self.env = env
        self.args: list[str] = []
        self.inside = False
        """True within an argument."""

    def add(self, text: str) -> None:
        """Add to the current argument, which may begin here."""
        if not self.inside:
            self.args.append("")
            self.inside = True
        self.args[-1] += text

    def split(self, text: str) -> list[str]:
        """The arguments."""
        at = 0
        quote = ""
        start = 0
        while at < len(text):
            c = text[at]
            if c in "'\"" and quote in ("", c):
                if not quote:
                    start = at
                    self.add("")
                quote = "" if quote else c
            elif c == "$" and quote != "'":
                at = self.variable(text, at)
                continue
            elif c == "\\":
                step = self.escape(text, at, quote)
                if step < 0:
                    break
                at = step
                continue
            elif quote:
                self.add(c)
            elif c in SPACES:
                self.inside = False
            elif c == "#" and not self.inside:
                break
            else:
                self.add(c)
            at += 1
        if quote:
            self.p.errx(1, f"No terminating quote for string: {text[start:]}")
        return self.args

    def variable(self, text: str, at: int) -> int:
        """${NAME}; returns where it ends."""
        end = text.find("}", at)
        name = text[at + 2 : end]
        good = (
            text[at + 1 : at + 2] == "{"
            and end > 0
            and name.isascii()
            and name.replace("_", "a").isalnum()
            and not name[0].isdecimal()
        )
        if not good:
            self.p.errx(1, f"Only ${{VARNAME}} expansion is supported, error at: {text[at:]}")
        value = self.env.get(name)
        if value:
            self.add(value)
        return end + 1

    def escape(self, text: str, at: int, quote: str) -> int:
        """A backslash sequence; returns where it ends, -1 for \\c."""
        c = text[at + 1 : at + 2]
        if quote == "'":
            self.add(c if c in ("'", "\\") and c else "\\")
            return at + (2 if c in ("'", "\\") and c else 1)
        if c == "_" and not quote:
            self.inside = False
        elif c == "_":
            self.add(" ")
        elif c == "c":
            if quote:
                self.p.errx(1, "Sequence '\\c' is not allowed in quoted strings")
            return -1
        elif c in ESCAPES:
            self.add(ESCAPES[c])
        elif c and c in "\"#$'\\" + SPACES:
            self.add(c)
        else:
            self.p.errx(1, f"Invalid sequence '\\{c}' in -S")
        return at + 2


class Env:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.env = Environ(p.env)
        self.clear = self.nul = False
        self.verbose = 0
        self.path: str | None = None
        self.directory: str | None = None
        self.login = ""

    def say(self, text: str, level: int = 1) -> None:
        """-v."""
        if self.verbose >= level:
            self.p.stderr.write(f"#env {text}\n")

    def options(self) -> list[str]:
        """Everything before the operands; returns those."""
        p = self.p
        parsed = Getopt(p, "-0C:iL:P:S:U:u:v", list(p.argv))
        for key, value in parsed:
            if key in ("i", "-"):
                self.clear = True
            elif key == "0":
                self.nul = True
            elif key == "C":
                self.directory = value
            elif key in "LU":
                self.login = value
            elif key == "P":
                self.path = value
            elif key == "S":
                parsed.argv = [parsed.argv[0], *Splitter(p, self.env).split(value), *parsed.args]
                parsed.optind = 1
            elif key == "u":
                self.say(f"unset:\t{value}")
                if not value or "=" in value:
                    p.errx(1, f"unsetenv {value}: Invalid argument")
                self.env.unset(value)
            elif key == "v":
                self.verbose += 1
                self.say(f"verbosity now at {self.verbose}", 2)
            else:
                p.usage(USAGE)
        args = parsed.args
        if args and args[0] == "-":  # "env - ..." is -i as well
            self.clear = True
            args = args[1:]
        return args

    def user(self) -> None:
        """-L and -U: the variables of a login class that depend on nothing but the user."""
        from vshell.userland.pwd import getpwnam

        name = self.login.partition("/")[0]
        if name not in ("", "-") and getpwnam(self.p, name) is None:
            self.p.errx(1, f"no such user: {name}")
        for key, value in (("BLOCKSIZE", "K"), ("MM_CHARSET", "UTF-8"), ("LANG", "C.UTF-8")):
            self.env.set(key, value)

    def run(self, argv: list[str]) -> NoReturn:
        """Replace ourselves with the utility."""
        p = self.p
        if self.nul:
            p.errx(EXIT_CANCELED, "cannot specify command with -0")
        try:
            if self.directory is not None:
                p.sys.chdir(self.directory)
        except KError as e:
            p.err(EXIT_CANCELED, e, f"cannot change directory to '{self.directory}'")
        if self.path is not None and "/" not in argv[0]:
            argv = [self.search(argv[0]), *argv[1:]]
        self.say(f"executing:\t{argv[0]}")
        for i, arg in enumerate(argv):
            self.say(f"   arg[{i}]=\t'{arg}'")
        try:
            execvp(p.sys, argv, self.env.vars, p.env.get("PATH") if not self.env.vars.get("PATH") else None)
        except KError as e:
            p.err(EXIT_ENOENT if e.errno == ENOENT else EXIT_CANNOT_INVOKE, e, argv[0])

    def search(self, name: str) -> str:
        """-P: find the utility in another path."""
        assert self.path is not None
        self.say(f"Searching:\t'{self.path}'", 2)
        self.say(f" for file:\t'{name}'", 2)
        for directory in self.path.split(":"):
            candidate = f"{directory or '.'}/{name}"
            try:
                self.p.sys.access(candidate, X_OK)
                if self.p.sys.stat(candidate).st_mode & S_IFMT == S_IFREG:
                    self.say(f"  matched:\t'{candidate}'", 2)
                    return candidate
            except KError:
                continue
        self.p.err(EXIT_ENOENT, ENOENT, name)


@checks_stdout(1)
@program("/usr/bin/env")
def main(p: Program) -> int:
    """env [-0iv] [-C workdir] [-P utilpath] [-S string] [-u name] [name=value ...] [utility [argument ...]]"""
    e = Env(p)
    args = e.options()
    if e.clear:
        e.env = Environ({})
        e.say("clearing environ")
    if e.login:
        e.user()
    while args and "=" in args[0]:
        e.say(f"setenv:\t{args[0]}")
        name, _, value = args.pop(0).partition("=")
        if not name:
            p.errx(1, f"setenv ={value}: Invalid argument")
        e.env.set(name, value)
    if args:
        e.run(args)
    if e.directory is not None:
        p.errx(EXIT_CANCELED, "must specify command with -C")
    if e.path is not None:
        p.errx(EXIT_CANCELED, "must specify command with -P")
    end = "\0" if e.nul else "\n"
    p.stdout.write("".join(f"{n}={v}{end}" for n, v in e.env.vars.items()))
    return 0


def complete(c: Context) -> Iterator[Candidate]:
    """A command, after variables."""
    rest = c.options("CLPSUu").operands
    while rest and "=" in rest[0]:
        rest.pop(0)
    yield from c.command(rest)
