"""Completion at the prompt: which command the word belongs to, what that offers, and how it is quoted there.

`complete` is a function of the line and of a shell in the machine; prompt_toolkit is told by `GuestCompleter`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from vshell.abi.errno import KError
from vshell.shell.lineparse import Place, locate
from vshell.userland.completion import Candidate, Context
from vshell.userland.manual import Manual, options, words
from vshell.userland.sh.state import OPTIONS

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

    from vshell.abi.syscalls import Syscalls
    from vshell.userland.completion import Offer

SPECIAL = frozenset(" \t'\"\\$&|;<>()*?[]#`~")
VARIABLE = re.compile(r"\$(\{?)(\w*)$")
KEYWORDS = ("case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "then", "until", "while")
PROGRAM_FOLDERS = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")


class Reader(NamedTuple):
    """The shell that waits for a line."""

    sys: Syscalls
    path: str
    names: Callable[[str], Iterable[str]]
    """What only the shell knows (INTERACTIVE of abi/vshell.py)."""
    offer: Callable[[str], Offer | None]
    """`complete` of a command (userland/completion.py)."""


class Choice(NamedTuple):
    """What may be put in place of the line's end from `start` on; `shown` in the menu, with a few words."""

    start: int
    text: str
    shown: str
    about: str


def complete(text: str, reader: Reader) -> list[Choice]:
    """The choices at the end of a line."""
    place = locate(text)
    if place is None:
        return []
    raw = text[place.start :]
    variable = VARIABLE.search(raw) if place.quote != "'" else None
    if variable is not None:
        start = place.start + variable.start()
        brace = variable[1]
        return [
            Choice(start, f"${brace}{name}" + ("}" if brace else ""), name, "variable")
            for name in reader.names("variable")
            if name.startswith(variable[2])
        ]
    found: dict[str, Candidate] = {}
    for candidate in candidates(place, reader):
        if candidate.text.startswith(place.word):
            found.setdefault(candidate.text, candidate)
    return [Choice(place.start, quote(c.text, place.quote, c.more), shown(c.text, place.word), c.about) for c in found.values()]


def candidates(place: Place, reader: Reader) -> Iterator[Candidate]:
    """What the command at the cursor offers."""
    context = Context(reader.sys, place.words, place.word, _Engine(reader))
    if place.redirect:
        return context.files()
    return context.engine.command(context)


def _folders(engine: _Engine, c: Context) -> Iterator[Candidate]:
    return c.files(folders=True)


def _variables(engine: _Engine, c: Context) -> Iterator[Candidate]:
    for name in engine.reader.names("variable"):
        yield Candidate(name, "variable")


def _commands(engine: _Engine, c: Context) -> Iterator[Candidate]:
    return c.command([word for word in c.args if not word.startswith("-")])


def _signals(engine: _Engine, c: Context) -> Iterator[Candidate]:
    return c.signals() if c.args else c.script()


class _Engine:
    """How the words of a command line lead to the command that knows what fits."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.told: dict[str, dict[str, str]] = {}
        """Command to what its page says of words."""

    def command(self, c: Context) -> Iterator[Candidate]:
        """What fits as the next word of a command line."""
        if not c.words:
            yield from self.programs(c) if "/" not in c.word else c.files()
            return
        builtin = BUILTINS.get(c.words[0])
        offer = partial(builtin, self) if builtin is not None else self.reader.offer(c.words[0].rpartition("/")[2])
        offered = False
        try:
            for candidate in offer(c) if offer is not None else c.files():
                offered = offered or candidate.text.startswith(c.word)
                yield candidate if candidate.about or offer is None or builtin is not None else self.explained(candidate, c)
            if c.word.startswith("-") and not offered and builtin is None and "--" not in c.words:
                yield from self.options(c)
        except KError:
            return

    def options(self, c: Context) -> Iterator[Candidate]:
        """The options in the command's page of the manual."""
        page = Manual(self.reader.sys).page(c.words[0].rpartition("/")[2], ("1", "8"))
        for option in options(page) if page is not None else ():
            yield Candidate(option.letter, option.about)

    def explained(self, candidate: Candidate, c: Context) -> Candidate:
        """With what the command's page says of such a word."""
        if not candidate.text.startswith(c.word):
            return candidate
        name = c.words[0].rpartition("/")[2]
        told = self.told.get(name)
        if told is None:
            page = Manual(self.reader.sys).page(name, ("1", "8"))
            told = self.told[name] = words(page) if page is not None else {}
        word = candidate.text.rstrip("=")
        about = told.get(word)
        if about is None and word.startswith("-") and word[1:] in told:
            about = f"not: {told[word[1:]]}"
        return candidate._replace(about=about) if about else candidate

    def script(self, c: Context) -> Iterator[Candidate]:
        """What fits at the end of a word that is a script itself (sh -c '...')."""
        text = c.word
        for choice in complete(text, self.reader._replace(sys=c.sys)):
            yield Candidate(text[: choice.start] + choice.text, choice.about, True)

    def programs(self, c: Context) -> Iterator[Candidate]:
        """Words that may be a command."""
        for kind in ("function", "alias", "builtin"):
            for name in self.reader.names(kind):
                yield Candidate(name, kind)
        for name in KEYWORDS:
            yield Candidate(name, "keyword")
        found: set[str] = set()
        for folder in self.reader.path.split(":") if self.reader.path else PROGRAM_FOLDERS:
            try:
                found |= {n for n in c.sys.listdir(folder or ".") if n.startswith(c.word)}
            except KError:
                continue
        for name in sorted(found):
            yield Candidate(name)


def _options(engine: _Engine, c: Context) -> Iterator[Candidate]:
    if c.args[-1:] in (["-o"], ["+o"]):
        for _, name in OPTIONS:
            yield Candidate(name, "option")


BUILTINS: dict[str, Callable[[_Engine, Context], Iterable[Candidate]]] = {
    **dict.fromkeys(("cd", "chdir"), _folders),
    **dict.fromkeys(("export", "local", "read", "readonly", "unset"), _variables),
    **dict.fromkeys(("command", "eval", "exec", "hash", "type"), _commands),
    "set": _options,
    "trap": _signals,
}
"""What the shell's own commands take."""


def quote(text: str, opened: str, more: bool) -> str:
    """A word as it must be typed, within the quote that is open; closed and followed by a blank unless it goes on."""
    if opened == "'":
        done = "'" + text.replace("'", "'\\''")
    elif opened == '"':
        done = '"' + re.sub(r'(["\\$`])', r"\\\1", text)
    else:
        done = "".join("\\" + c if c in SPECIAL and not (c == "~" and i) else c for i, c in enumerate(text))
        if text.startswith("~/"):
            done = done[1:]
    return done if more else f"{done}{opened} "


def shown(text: str, word: str) -> str:
    """What the menu shows of a word: of a path its last part, of a script what is new."""
    if "\n" in text or " " in text:
        return text[word.rfind(" ") + 1 :]
    if "/" in text.rstrip("/"):
        return text[text.rstrip("/").rfind("/") + 1 :]
    return text


class GuestCompleter(Completer):
    """Looks at the machine through the system calls of the shell that waits."""

    def __init__(self, reader: Callable[[], Reader | None]) -> None:
        self.reader = reader

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor."""
        reader = self.reader()
        if reader is None:
            return
        text = document.text_before_cursor
        for choice in complete(text, reader):
            yield Completion(
                choice.text, start_position=choice.start - len(text), display=choice.shown, display_meta=choice.about
            )
