"""man(1), apropos(1), whatis(1): show pages of the manual, and find them (usr.bin/man/man.sh, contrib/mandoc).

The pages are those of userland/manual.py, in our own words: what a FreeBSD page describes and this machine does not do is
not in them.
"""

from __future__ import annotations

from collections.abc import Iterator

from vshell.abi.errno import EPIPE, KError
from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED, WTERMSIG
from vshell.abi.signal import SIG_IGN, SIGINT, SIGPIPE, SIGQUIT
from vshell.userland.completion import Candidate, Context
from vshell.userland.getopt import Getopt
from vshell.userland.manual import FOLDER, SECTIONS, WIDTH, Heading, Manual, parse, text
from vshell.userland.program import Program, program
from vshell.userland.regex import EXTENDED, ICASE, RegexError, regcomp
from vshell.userland.system import spawn_shell, wait_for

USAGE = """Usage:
 man [-adhlo] [-t | -w] [-M manpath] [-P pager] [-S mansect]
     [-m arch[:machine]] [-p [eprtv]] [mansect] page [...]
 man -K | -f | -k expression [...] -- Search manual pages
"""
APROPOS_USAGE = {
    "apropos": """usage: apropos [-afk] [-C file] [-M path] [-m path] [-O outkey] [-S arch]
\t       [-s section] expression ...
""",
    "whatis": """usage: whatis [-afk] [-C file] [-M path] [-m path] [-O outkey] [-S arch]
\t      [-s section] name ...
""",
}
NOTHING = 5
"""mandoc(1)'s status if it was asked for what is not there."""
INCOMPATIBLE = ("Kf", "Kk", "Kl", "Kt", "fk", "fl", "ft", "fw", "kl", "kt", "kw", "lw", "tw")
"""Pairs of options, in the order in which they are looked for."""


class Options:
    """The command line of man."""

    def __init__(self, p: Program) -> None:
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        options = Getopt(p, ":K:M:P:S:adfhklm:op:tw")
        for letter, value in options:
            if letter in "?:":
                text = f"Illegal option -{options.optopt}" if letter == "?" else f"No arg for -{options.optopt} option"
                p.usage(f"{text}\n{USAGE}")
            if letter == "h":
                p.usage(USAGE, 0)
            self.flags.add(letter)
            self.values[letter] = value
        self.args = options.args
        for pair in INCOMPATIBLE:
            first, second = pair[0], pair[1]
            if first in self.flags and second in self.flags:
                p.stdout.write(f"Incompatible options: -{first} and -{second}\n{USAGE}")
                p.exit(1)

    def sections(self, p: Program) -> tuple[str, ...]:
        """Where to look; a section before the names is taken off them."""
        chosen = self.values.get("S") or p.env.get("MANSECT", "")
        sections = tuple(chosen.split(":")) if chosen else SECTIONS
        if self.args and self.args[0] in sections:
            sections = (self.args.pop(0),)
        return sections

    def folders(self, p: Program) -> tuple[str, ...]:
        """Folders with pages."""
        chosen = self.values.get("M") or p.env.get("MANPATH", "")
        return tuple(folder or FOLDER for folder in chosen.split(":")) if chosen else (FOLDER,)

    def pager(self, p: Program) -> str:
        """The command of the shell that shows a page."""
        return self.values.get("P") or p.env.get("MANPAGER") or p.env.get("PAGER") or "less -is"


# finding -----------------------------------------------------------------------------------------------------------
class Term:
    """One word of apropos: what it looks at, and for what."""

    def __init__(self, p: Program, word: str, whole: bool) -> None:
        self.keys = frozenset({"nm"} if whole else {"nm", "nd"})
        at = -1 if whole else min((i for i in (word.find("="), word.find("~")) if i >= 0), default=-1)
        self.part = word[at + 1 :] if at >= 0 and word[at] == "=" else None
        if at > 0:
            keys = [key.lower() for key in word[:at].split(",") if key]
            for key in keys:
                if key not in ("nm", "nd", "sec", "any"):
                    p.warnx(f'treating unknown key "{key}" as "any"')
            self.keys = frozenset(key if key in ("nm", "nd", "sec") else "any" for key in keys)
        pattern = f"[[:<:]]{word}[[:>:]]" if whole else word[at + 1 :]
        self.regex = None
        if self.part is None:
            try:
                self.regex = regcomp(pattern, EXTENDED | (0 if at >= 0 else ICASE))
            except RegexError as e:
                p.warnx(f"regcomp /{pattern}/: {e}")

    def matches(self, head: Heading) -> bool:
        """True if the page is one of those looked for."""
        fields = {"nm": head.names, "nd": (head.summary,), "sec": (head.section,)}
        looked = [t for key, texts in fields.items() if key in self.keys or "any" in self.keys for t in texts]
        if self.part is not None:
            return any(self.part.lower() in t.lower() for t in looked)
        return self.regex is not None and any(self.regex.test(t) for t in looked)


class Expression:
    """The words of apropos: terms with -a, -o and parentheses; two terms that stand side by side are as with -o."""

    def __init__(self, p: Program, words: list[str], whole: bool) -> None:
        self.p = p
        self.rest = list(reversed(words))
        self.whole = whole

    def any(self, head_sets: list[Heading], nested: bool = False) -> list[Heading]:
        """The pages that one of the terms matches."""
        found: list[Heading] = []
        while self.rest:
            if self.rest[-1] == ")":
                if nested:
                    break
                self.p.warnx("ignoring unmatched right parenthesis")
                self.rest.pop()
            elif self.rest[-1] == "-o":
                self.rest.pop()
            else:
                found += [head for head in self.all(head_sets) if head not in found]
        return found

    def all(self, heads: list[Heading]) -> list[Heading]:
        """The pages that all terms joined by -a match."""
        found = self.term(heads) if self.rest[-1] != "-a" else heads
        while self.rest and self.rest[-1] == "-a":
            self.rest.pop()
            if self.rest and self.rest[-1] not in (")", "-o", "-a"):
                found = self.term(found)
        return found

    def term(self, heads: list[Heading]) -> list[Heading]:
        """The pages that a term matches."""
        word = self.rest.pop()
        if word == "(":
            found = self.any(heads, True)
            if self.rest:
                self.rest.pop()
            else:
                self.p.warnx("unclosed parenthesis")
            return found
        if word == "-i" and self.rest:
            word = self.rest.pop()
        term = Term(self.p, word, self.whole)
        return [head for head in heads if term.matches(head)]


def search(p: Program, name: str, argv: list[str], folders: tuple[str, ...] = (FOLDER,)) -> int:
    """apropos(1), whatis(1)."""
    p.name = name
    options = Getopt(p, "aC:fkM:m:O:S:s:", [name, *argv])
    sections = ""
    for letter, value in options:
        if letter == "?":
            p.usage(APROPOS_USAGE[name], NOTHING)
        if letter in "fk":
            name = "whatis" if letter == "f" else "apropos"
        elif letter == "s":
            sections = value
        elif letter in "Mm":
            folders = tuple(value.split(":")) + (folders if letter == "m" else ())
    if not options.args:
        p.usage(APROPOS_USAGE[name], NOTHING)
    heads = [head for _, head in Manual(p.sys, folders).headings() if not sections or head.section == sections]
    found = Expression(p, options.args, name == "whatis").any(heads)
    for head in sorted(found, key=lambda head: (head.section, head.names)):
        p.stdout.write(f"{head.listed}({head.section}) - {head.summary}\n")
    if not found:
        p.warnx("nothing appropriate")
        return NOTHING
    return 0


# showing -----------------------------------------------------------------------------------------------------------
async def through(p: Program, command: str, shown: str) -> int:
    """Give text to a pager; returns its status, 0 if it did not want all of it."""
    r, w = p.sys.pipe()
    pid = spawn_shell(p, command, ((r, 0),), (r, w))
    p.sys.close(r)
    for number in (SIGPIPE, SIGINT, SIGQUIT):
        p.sys.sigaction(number, SIG_IGN)
    rest = shown.encode()
    try:
        while rest:
            rest = rest[await p.sys.write(w, rest) :]
    except KError as e:
        if e.errno != EPIPE:
            raise
    p.sys.close(w)
    status = await wait_for(p, pid)
    if WIFEXITED(status):
        return WEXITSTATUS(status)
    return 0 if WTERMSIG(status) == SIGPIPE else 128 + WTERMSIG(status)


def width(p: Program) -> int:
    """Columns of a page ($MANWIDTH)."""
    wanted = p.env.get("MANWIDTH", "")
    return min(int(wanted), 1000) if wanted.isascii() and wanted.isdigit() and int(wanted[:6]) >= 20 else WIDTH


async def show(p: Program, manual: Manual, path: str, options: Options) -> int:
    """One page."""
    if "w" in options.flags:
        p.stdout.write(f"{path}\n")
        return 0
    try:
        page = parse(manual.read(path))
    except KError as e:
        p.stderr.write(f"{path}: {e}\n")
        return 1
    if page is None:
        p.stderr.write(f"{path}: not a page of the manual\n")
        return 1
    if not p.sys.isatty(1):
        p.stdout.write(text(page, width(p)))
        return 0
    return await through(p, options.pager(p), text(page, width(p), struck=True))


def full_search(p: Program, manual: Manual, options: Options) -> int:
    """man -K: the lines of all pages that match; with -w only where they are."""
    pattern = options.values["K"]
    try:
        regex = regcomp(pattern, EXTENDED)
    except RegexError as e:
        p.stderr.write(f"man: {pattern}: {e}\n")
        return 1
    for path in manual.paths():
        page = parse(manual.read(path))
        lines = [line for line in text(page).splitlines() if regex.test(line)] if page is not None else []
        for line in ([path] if "w" in options.flags else [f"{path}:{line}" for line in lines]) if lines else []:
            p.stdout.write(line + "\n")
    return 0


async def show_all(p: Program, names: list[str], options: Options) -> int:
    """The pages of these names."""
    sections = options.sections(p) if names is options.args else SECTIONS
    if not names and "K" not in options.flags:
        p.stderr.write("What manual page do you want?\n")
        return 1
    manual = Manual(p.sys, options.folders(p))
    status = full_search(p, manual, options) if "K" in options.flags else 0
    for name in names:
        if "l" in options.flags:
            try:
                manual.read(name)
                found = [name]
            except KError:
                p.stderr.write(f"Cannot read {name}\n")
                status = 1
                continue
        else:
            found = manual.find(name, sections)
        if not found:
            p.stderr.write(f'No manual entry for "{name}"\n')
            status = 1
        for path in found if "a" in options.flags else found[:1]:
            status = await show(p, manual, path, options) or status
    return status


@program("/usr/bin/man", "/usr/bin/apropos", "/usr/bin/whatis")
async def main(p: Program) -> int:
    """man [-adhklow] [-M path] [-P pager] [-S sections] [section] page ..., apropos word ..., whatis name ..."""
    if p.name in APROPOS_USAGE:
        return search(p, p.name, p.argv[1:])
    options = Options(p)
    if "f" in options.flags or "k" in options.flags:
        return search(p, "whatis" if "f" in options.flags else "apropos", options.args, options.folders(p))
    if "t" in options.flags:
        p.errx(1, "there is no typesetter: -t")
    return await show_all(p, options.args, options)


def complete(c: Context) -> Iterator[Candidate]:
    """A section, or the names of pages."""
    options = c.options("KMPSmp")
    if options.typing in ("-", "K", "S"):
        return
    if options.typing in ("M", "P", "m", "p") or "l" in options.values:
        yield from c.files()
        return
    section = next((word for word in options.operands if word in SECTIONS), "")
    for _, head in Manual(c.sys).headings():
        if not section or head.section == section:
            for name in dict.fromkeys((head.name, *head.names)):
                yield Candidate(name, head.summary)
