"""What a program offers for the word that is being typed.

A command's file (or `complete.py` in its folder) may have `complete(c)`, which yields candidates for `c.word`, the last
word of a command line of which `c.words` are the words before.  It reads the tables its parser reads, and the names
that are legal in the stack where the command would run.  It must leave no trace in the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from stat import S_ISDIR
from typing import NamedTuple, Protocol

from vshell.abi.errno import KError
from vshell.abi.signal import SIGNAMES
from vshell.abi.syscalls import Syscalls
from vshell.abi.vshell import NAMES, OBSERVE


class Candidate(NamedTuple):
    """A word that may stand here, and what it is; `more` if the word goes on after it (a folder, `name=`)."""

    text: str
    about: str = ""
    more: bool = False


class Options(NamedTuple):
    """The options of a command line: letter -> argument (or ""), the operands so far, and what is being typed.

    `typing` is the letter of the option whose argument is being typed, "-" for an option itself, "" for an operand.
    """

    values: dict[str, str]
    operands: list[str]
    typing: str


class Engine(Protocol):
    """What finds the command that knows."""

    def command(self, c: Context) -> Iterator[Candidate]:
        """What fits as the next word of a command line."""
        ...

    def script(self, c: Context) -> Iterator[Candidate]:
        """What fits at the end of a word that is a script of sh."""
        ...


class Context:
    """A command line up to the cursor."""

    def __init__(self, sys: Syscalls, words: list[str], word: str, engine: Engine) -> None:
        self.sys = sys
        """System calls as in the place where the command would run."""
        self.words = words
        """The command and its finished arguments."""
        self.word = word
        """The argument being typed, unquoted, up to the cursor."""
        self.engine = engine

    @property
    def args(self) -> list[str]:
        """The finished arguments."""
        return self.words[1:]

    # parts of a command line -----------------------------------------------------------------------------------
    def options(self, with_argument: str = "") -> Options:
        """Take the options off; `with_argument`: the letters of those that take one."""
        rest = self.args
        values: dict[str, str] = {}
        while rest and rest[0].startswith("-") and rest[0] != "-":
            option = rest.pop(0)
            if option == "--":
                return Options(values, rest, "")
            at = next((i for i, c in enumerate(option[1:], 1) if c in with_argument), 0)
            values.update(dict.fromkeys(option[1 : at or None], ""))
            if at:
                if at < len(option) - 1:
                    values[option[at]] = option[at + 1 :]
                elif rest:
                    values[option[at]] = rest.pop(0)
                else:
                    return Options(values, [], option[at])
        return Options(values, rest, "-" if not rest and self.word.startswith("-") else "")

    def inside(self, jail: str) -> Context:
        """The same, in a jail ("": here); KError if there is none of that name."""
        return Context(self.sys.vshell(OBSERVE(jail)), self.words, self.word, self.engine) if jail else self

    def command(self, words: list[str], jail: str = "") -> Iterator[Candidate]:
        """What fits if `words` are the beginning of a command of its own, perhaps in a jail."""
        return self.engine.command(Context(self.inside(jail).sys, words, self.word, self.engine))

    def script(self) -> Iterator[Candidate]:
        """What fits if the word is a script of sh."""
        return self.engine.script(self)

    # names -----------------------------------------------------------------------------------------------------
    def names(self, kind: str, of: str = "") -> Iterator[Candidate]:
        """Names of a kind (abi/vshell.py) in this place."""
        for name, about in self.sys.vshell(NAMES(kind, of, self.word)):
            yield Candidate(name, about)

    def interfaces(self) -> Iterator[Candidate]:
        """Interfaces of the stack."""
        return self.names("interface")

    def jails(self) -> Iterator[Candidate]:
        """Jails below."""
        return self.names("jail")

    def sysctls(self) -> Iterator[Candidate]:
        """The next step of a sysctl's name."""
        for name, about in self.sys.vshell(NAMES("sysctl", self.word)):
            yield Candidate(name, about, name.endswith("."))

    def signals(self, prefix: str = "") -> Iterator[Candidate]:
        """Names of signals."""
        for name in SIGNAMES[1:32]:
            yield Candidate(prefix + name)

    def files(self, folders: bool = False) -> Iterator[Candidate]:
        """Files (only `folders`) whose path begins so."""
        folder, slash, begin = self.word.rpartition("/")
        where = (folder or "/") if slash else "."
        if where == "~" or where.startswith("~/"):
            where = "/root" + where[1:]
        try:
            names = sorted(self.sys.listdir(where))
        except KError:
            return
        for name in names:
            if name.startswith(begin) and (begin or not name.startswith(".")):
                isdir = self._isdir(f"{where}/{name}")
                if isdir or not folders:
                    yield Candidate(folder + slash + name + ("/" if isdir else ""), "", isdir)

    def _isdir(self, path: str) -> bool:
        try:
            return S_ISDIR(self.sys.stat(path).st_mode)
        except KError:
            return False

    def users(self) -> Iterator[Candidate]:
        """Users of /etc/passwd."""
        from vshell.userland import pwd
        from vshell.userland.program import Program

        for user in pwd.users(Program(self.sys, [], {})):
            yield Candidate(user.name, user.gecos)


Offer = Callable[[Context], Iterable[Candidate]]
"""`complete` of a command."""


def words(table: Iterable[str] | dict[str, str]) -> Iterator[Candidate]:
    """Candidates out of a table of words, with what they are if it is a dictionary."""
    if isinstance(table, dict):
        for word, about in table.items():
            yield Candidate(word, about)
    else:
        for word in table:
            yield Candidate(word)
