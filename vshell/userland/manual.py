"""The manual: pages in Markdown, one file NAME.SECTION.md each, and how they are shown.

A page begins with "# name(section)" and a line "name[, name] - what it is".  "## Heading" begins a section, "### Heading"
one within it.  There are paragraphs, code (indented by four blanks, or fenced), items ("- text") and items with a term
("- `-c COUNT`: text"); in them `code`, *emphasis* and **strong**.  What another Markdown reader shows is the same.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from vshell.abi.errno import KError
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vshell.abi.syscalls import Syscalls

FOLDER = "/usr/local/share/vshell/manual"
SECTIONS = ("1", "8", "2", "3", "3lua", "n", "4", "5", "6", "7", "9", "l")
"""The order in which man(1) looks."""
TITLES = {
    "1": "General Commands Manual",
    "4": "Kernel Interfaces Manual",
    "5": "File Formats Manual",
    "7": "Miscellaneous Information Manual",
    "8": "System Manager's Manual",
    "9": "Kernel Developer's Manual",
}
WIDTH = 78
MANY, FEW = 8, 4
"""Of more names than MANY a list of pages shows FEW."""
INDENT, TAG = 5, 8
"""Columns: of a section's text, and of an item's text within it."""

TITLE = re.compile(r"#\s+([^\s(]+)\((\w+)\)")
SUMMARY = re.compile(r"(\S+(?:, \S+)*) - (.*)")
ITEM = re.compile(r"- ((?:``[^`]+(?:`[^`]+)*``|`[^`]+`)(?:,? (?:``[^`]+(?:`[^`]+)*``|`[^`]+`))*)(?:: ?|$)(.*)")
INLINE = re.compile(r"``\s?(.+?)\s?``|`([^`]+)`|\*\*([^*]+)\*\*|(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])")
REFERENCE = re.compile(r"([A-Za-z_][\w.+-]*|\[)\((\d)\)")
SENTENCE = re.compile(r"(.+?[.;])(?:\s|$)")


class Block(NamedTuple):
    """A part of a page: "section", "sub", "text", "code" or "item"."""

    kind: str
    text: str
    term: str = ""
    """What an item explains, with its marks; the language of code."""


class Heading(NamedTuple):
    """The first lines of a page."""

    name: str
    section: str
    names: tuple[str, ...]
    summary: str

    @property
    def listed(self) -> str:
        """Its names in a list of pages: not all of very many."""
        return ", ".join(self.names if len(self.names) <= MANY else (*self.names[:FEW], "..."))


class Page(NamedTuple):
    """A page."""

    heading: Heading
    blocks: tuple[Block, ...]


class Option(NamedTuple):
    """An option of a program: as it is typed, and in a few words."""

    letter: str
    about: str
    argument: bool


# reading -----------------------------------------------------------------------------------------------------------
def heading(text: str) -> Heading | None:
    """What a file is about; None if it is no page."""
    title = TITLE.match(text)
    if title is None:
        return None
    for line in text.splitlines()[1:]:
        if line.strip():
            summary = SUMMARY.match(line)
            if summary is None:
                break
            return Heading(title[1], title[2], tuple(summary[1].split(", ")), summary[2])
    return None


@lru_cache(maxsize=256)
def parse(text: str) -> Page | None:
    """A page's parts; None if the text is no page."""
    head = heading(text)
    if head is None:
        return None
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() and i > 0) + 1
    return Page(head, tuple(_blocks(lines[start:])))


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Line by line; what is open is a paragraph or an item."""
    kind, term = "", ""
    open_: list[str] = []

    def close() -> Iterator[Block]:
        nonlocal kind
        if kind:
            yield Block(kind, " ".join(open_).strip(), term)
        kind = ""
        open_.clear()

    rest = list(reversed(lines))
    while rest:
        line = rest.pop()
        if line.startswith("```"):
            yield from close()
            yield Block("code", _until_fence(rest), line.strip("` "))
        elif line.startswith("#"):
            yield from close()
            yield Block("section" if line.startswith("## ") else "sub", line.lstrip("# "))
        elif line.startswith("- "):
            yield from close()
            item = ITEM.match(line)
            kind, term = "item", item[1] if item else ""
            open_.append(item[2] if item else line[2:])
        elif line.startswith("    ") and not kind:
            rest.append(line)
            yield Block("code", _indented(rest))
        elif not line.strip():
            yield from close()
        else:
            kind, term = (kind, term) if kind else ("text", "")
            open_.append(line.strip())
    yield from close()


def _until_fence(rest: list[str]) -> str:
    code = []
    while rest and not (line := rest.pop()).startswith("```"):
        code.append(line)
    return "\n".join(code)


def _indented(rest: list[str]) -> str:
    code = []
    while rest and (rest[-1].startswith("    ") or not rest[-1].strip()):
        code.append(rest.pop()[4:])
    return "\n".join(code).rstrip()


def plain(text: str) -> str:
    """Text without its marks."""
    return INLINE.sub(lambda m: next(g for g in m.groups() if g is not None), text)


def section(page: Page, *titles: str) -> Iterator[Block]:
    """The parts of the sections of these titles."""
    inside = False
    for block in page.blocks:
        if block.kind == "section":
            inside = block.text in titles
        elif inside:
            yield block


def sentence(text: str) -> str:
    """The first sentence, without marks and full stop."""
    found = SENTENCE.match(plain(text))
    return (found[1] if found else plain(text)).rstrip(".;")


def words(page: Page) -> dict[str, str]:
    """What the words are that the page explains: the first one of each item's term, and what is said of it."""
    found: dict[str, str] = {}
    for block in page.blocks:
        if block.kind == "item" and block.term:
            names = [part.partition(" ")[0].partition("=")[0] for part in plain(block.term).split(", ")]
            for name in names:
                if not name.startswith("-") or name[1:] not in names:  # "-arp" beside "arp" is its reverse
                    found.setdefault(name, sentence(block.text))
    return found


def options(page: Page) -> list[Option]:
    """The options of the program: items that begin with "-" in the sections "Options" and "Primaries"."""
    found = []
    for block in section(page, "Options", "Primaries"):
        if block.kind != "item":
            continue
        for word in plain(block.term).split(", "):
            if word.startswith("-"):
                letter, _, argument = word.partition(" ")
                found.append(Option(letter, sentence(block.text), bool(argument)))
    return found


# the pages of a machine ----------------------------------------------------------------------------------------------
class Manual:
    """The pages in some folders of a machine."""

    def __init__(self, sys: Syscalls, folders: Iterable[str] = (FOLDER,)) -> None:
        self._p = Program(sys, [], {})
        self.folders = tuple(folders)

    def read(self, path: str) -> str:
        """A file; KError."""
        return decode(slurp(self._p, path))

    def paths(self) -> Iterator[str]:
        """All files that may be pages, by name."""
        for folder in self.folders:
            try:
                names = sorted(self._p.sys.listdir(folder))
            except KError:
                continue
            yield from (f"{folder}/{name}" for name in names if name.endswith(".md"))

    def headings(self) -> Iterator[tuple[str, Heading]]:
        """All pages: where they are, what they are about."""
        for path in self.paths():
            try:
                head = heading(self.read(path))
            except KError:
                continue
            if head is not None:
                yield path, head

    def find(self, name: str, sections: Iterable[str] = SECTIONS) -> list[str]:
        """The files of the pages of that name, by section; if there are none, pages that bear the name beside their own."""
        if not name or "/" in name:
            return []
        files = list(self.paths())
        found = [path for s in sections for path in files if path.endswith(f"/{name}.{s}.md")]
        if found:
            return found
        heads = [(path, head) for path, head in self.headings() if name in head.names]
        return [path for s in sections for path, head in heads if head.section == s]

    def page(self, name: str, sections: Iterable[str] = SECTIONS) -> Page | None:
        """The first page of that name."""
        for path in self.find(name, sections):
            try:
                page = parse(self.read(path))
            except KError:
                continue
            if page is not None:
                return page
        return None


# as text -----------------------------------------------------------------------------------------------------------
def text(page: Page, width: int = WIDTH, struck: bool = False) -> str:
    """The page as a manual page looks; `struck`: what stands out is overstruck, as a pager wants it."""
    head = page.heading
    name = f"{head.name.upper()}({head.section})"
    title = TITLES.get(head.section, "Manual")
    out = [_three(name, title, name, width), "", _strike("NAME", "b" if struck else "")]
    names = ", ".join(head.names)
    out += [*fill(f"**{names}** - {head.summary}", width, INDENT, INDENT + TAG, struck)]
    for block in page.blocks:
        out += _render(block, width, struck, out)
    return "\n".join([*out, "", _three("vshell", "FreeBSD 15.1", "vshell", width), ""])


def _render(block: Block, width: int, struck: bool, before: list[str]) -> list[str]:
    """The lines of a part."""
    if block.kind == "section":
        return ["", _strike(block.text.upper(), "b" if struck else "")]
    if block.kind == "sub":
        return ["", "  " + _strike(block.text, "b" if struck else "")]
    first = before[-1] if before else ""
    gap = [] if first and not first.startswith(" " * INDENT) else [""]
    if block.kind == "code":
        if not gap and not block.term:
            return [part for line in block.text.split("\n") for part in _synopsis(line, width)]
        return gap + [" " * (INDENT + 4) + line if line else "" for line in block.text.split("\n")]
    if block.kind == "text":
        return gap + fill(block.text, width, INDENT, INDENT, struck)
    if not block.term:
        lines = fill(block.text, width, INDENT + 4, INDENT + 4, struck)
        return [*gap, " " * (INDENT + 1) + "*" + lines[0][INDENT + 2 :], *lines[1:]]
    tag = fill(block.term, width, INDENT, INDENT, struck)
    body = fill(block.text, width, INDENT + TAG, INDENT + TAG, struck) if block.text else []
    size = INDENT + len(plain(block.term))
    if body and size < INDENT + TAG - 1:
        body[0] = tag[0] + " " * (INDENT + TAG - size) + body[0].lstrip()
        return gap + body
    return [*gap, *tag, *body]


def _synopsis(line: str, width: int) -> list[str]:
    """A command line, broken outside brackets; what follows stands under the first argument."""
    words: list[str] = []
    depth = 0
    for word in line.split(" "):
        if depth > 0:
            words[-1] += " " + word
        else:
            words.append(word)
        depth += sum(c in "[{" for c in word) - sum(c in "]}" for c in word)
    indent = len(line) - len(line.lstrip())
    hang = " " * (INDENT + indent + len(line.split()[0]) + 1) if line.strip() else ""
    lines = [" " * INDENT]
    for word in words:
        if len(lines[-1]) + len(word) > width and lines[-1].strip():
            lines.append(hang)
        lines[-1] += word + " "
    return [text.rstrip() for text in lines]


def _three(left: str, middle: str, right: str, width: int) -> str:
    """A line with something at both ends and in the middle."""
    start = max((width - len(middle)) // 2, len(left) + 1)
    line = left.ljust(start) + middle
    return line + right.rjust(max(width - len(line), len(right) + 1))


def _strike(text: str, style: str) -> str:
    if style == "b":
        return "".join(c if c == " " else f"{c}\b{c}" for c in text)
    if style == "u":
        return "".join(c if c == " " else f"_\b{c}" for c in text)
    return text


def fill(text: str, width: int, first: int, later: int, struck: bool) -> list[str]:
    """A paragraph broken into lines; indented by so many columns."""
    lines: list[str] = []
    line, used = " " * first, first
    for word, size in _words(text, struck):
        if used + size > width and line.strip():
            lines.append(line.rstrip())
            line, used = " " * later, later
        line += word + " "
        used += size + 1
    return [*lines, line.rstrip()]


def _words(text: str, struck: bool) -> Iterator[tuple[str, int]]:
    """The words, as they are printed, with how many columns they take."""
    parts: list[str] = []
    size = 0
    for piece, style in _pieces(text):
        for i, word in enumerate(piece.split(" ")):
            if i and parts:
                yield "".join(parts), size
                parts, size = [], 0
            if word:
                parts.append(_strike(word, style if struck else ""))
                size += len(word)
    if parts:
        yield "".join(parts), size


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Text and its style: "", "b" or "u"."""
    at = 0
    for m in INLINE.finditer(text):
        yield text[at : m.start()], ""
        code = m[1] or m[2] or m[3]
        yield (code, "b") if code else (m[4], "u")
        at = m.end()
    yield text[at:], ""


# as HTML -----------------------------------------------------------------------------------------------------------
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}h2{font-size:1.15em;border-bottom:1px solid #ccc;margin-top:1.6em}h3{font-size:1em}
pre{background:#f4f6f8;padding:.7em 1em;overflow-x:auto}code,pre{font-family:ui-monospace,monospace;font-size:.92em}
dt{margin-top:.6em}dd{margin:0 0 0 2.5em}nav,footer{color:#666}a{color:#0645ad}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181a1b}pre{background:#26292b}a{color:#8ab4f8}}"""


def file_name(head: Heading) -> str:
    """The name of a page's HTML file."""
    return f"{head.name}.{head.section}.html"


def links(heads: Iterable[Heading]) -> dict[tuple[str, str], str]:
    """(name, section) -> file, for all names pages have."""
    known: dict[tuple[str, str], str] = {}
    for head in heads:
        for name in (head.name, *head.names):
            known.setdefault((name, head.section), file_name(head))
    return known


def _document(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>\n{STYLE}\n</style>\n</head>\n'
        f"<body>\n{body}</body>\n</html>\n"
    )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _referring(text: str, known: dict[tuple[str, str], str]) -> str:
    """Escaped text in which names of pages are links."""

    def link(m: re.Match[str]) -> str:
        file = known.get((m[1], m[2]))
        return f'<a href="{file}">{m[0]}</a>' if file else m[0]

    return REFERENCE.sub(link, _escape(text))


def _inline(text: str, known: dict[tuple[str, str], str]) -> str:
    out = []
    at = 0
    for m in INLINE.finditer(text):
        out.append(_referring(text[at : m.start()], known))
        code = m[1] or m[2]
        tag, inner = ("code", code) if code else ("strong", m[3]) if m[3] else ("em", m[4])
        out.append(f"<{tag}>{_referring(inner, known)}</{tag}>")
        at = m.end()
    return "".join([*out, _referring(text[at:], known)])


def html(page: Page, known: dict[tuple[str, str], str]) -> str:
    """The page as HTML; `known` are the pages to which it may refer."""
    head = page.heading
    out = ['<nav><a href="index.html">Manual</a></nav>\n', f"<h1>{_escape(head.name)}({head.section})</h1>\n"]
    out.append(f"<p><strong>{_escape(', '.join(head.names))}</strong> &ndash; {_inline(head.summary, known)}</p>\n")
    listed = ""
    for block in page.blocks:
        wanted = "" if block.kind != "item" else "dl" if block.term else "ul"
        if wanted != listed:
            out.append((f"</{listed}>\n" if listed else "") + (f"<{wanted}>\n" if wanted else ""))
            listed = wanted
        out.append(_element(block, known))
    out.append(f"</{listed}>\n" if listed else "")
    title = _escape(f"{head.name}({head.section})")
    return _document(title, "".join(out))


def _element(block: Block, known: dict[tuple[str, str], str]) -> str:
    if block.kind == "section":
        anchor = re.sub(r"\W+", "-", block.text.lower()).strip("-")
        return f'<h2 id="{anchor}">{_inline(block.text, known)}</h2>\n'
    if block.kind == "sub":
        return f"<h3>{_inline(block.text, known)}</h3>\n"
    if block.kind == "code":
        return f"<pre>{_escape(block.text)}\n</pre>\n"
    body = _inline(block.text, known)
    if block.kind == "text":
        return f"<p>{body}</p>\n"
    return f"<dt>{_inline(block.term, known)}</dt><dd>{body}</dd>\n" if block.term else f"<li>{body}</li>\n"


def html_index(heads: Iterable[Heading]) -> str:
    """The table of contents."""
    out = ["<h1>Manual</h1>\n"]
    by_section: dict[str, list[Heading]] = {}
    for head in heads:
        by_section.setdefault(head.section, []).append(head)
    for number in sorted(by_section):
        out.append(f"<h2>{number}: {_escape(TITLES.get(number, 'Manual'))}</h2>\n<dl>\n")
        for head in sorted(by_section[number]):
            link = f'<a href="{file_name(head)}">{_escape(head.listed)}</a>'
            out.append(f"<dt>{link}({number})</dt><dd>{_inline(head.summary, {})}</dd>\n")
        out.append("</dl>\n")
    return _document("vshell manual", "".join(out))
