"""Where the cursor stands in a command line of sh: the simple command around it, and the word that is being typed."""

from __future__ import annotations

from typing import NamedTuple

RESERVED = frozenset({"!", "{", "if", "then", "elif", "else", "while", "until", "do", "time"})
"""Words after which a command begins."""
BLANK = " \t"
OPERATORS = "|&;\n"


class Place(NamedTuple):
    """The cursor's place; `words` and `word` are without quotes."""

    words: list[str]
    word: str
    start: int
    """Where the raw word begins in the text."""
    quote: str
    """The quote that is open: "", "'" or '"'."""
    redirect: bool
    """The word is the file of a redirection."""


class _Open(Exception):
    """The text ended here."""

    def __init__(self, place: Place | None) -> None:
        super().__init__()
        self.place = place


def locate(text: str) -> Place | None:
    """The place at the end of `text`; None in a comment."""
    try:
        _Scanner(text).commands(0, "")
    except _Open as end:
        return end.place
    raise AssertionError("the end of the text was passed")


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.n = len(text)

    def commands(self, i: int, closer: str) -> int:
        """Commands up to `closer`, whose index is returned; _Open at the end of the text."""
        text = self.text
        words: list[str] = []
        redirect = False
        while True:
            while i < self.n and text[i] in BLANK:
                i += 1
            if i >= self.n:
                raise _Open(Place(words, "", i, "", redirect))
            c = text[i]
            if closer and c == closer:
                return i
            if c == "#":
                end = text.find("\n", i)
                if end < 0:
                    raise _Open(None)
                i = end
            elif c in OPERATORS:
                words, redirect = [], False
                i += 1
            elif c in "()":
                words, redirect = [], False
                i = self.commands(i + 1, ")") + 1 if c == "(" else i + 1
            elif c in "<>":
                redirect = True
                i += 1
                while i < self.n and text[i] in "<>&|-":
                    i += 1
            else:
                i, word, plain = self.word(i, words, redirect, closer)
                if redirect:
                    redirect = False
                elif not self.belongs_before(words, word, plain, i):
                    words.append(word)

    def belongs_before(self, words: list[str], word: str, plain: bool, end: int) -> bool:
        """A word that is no part of the simple command: reserved, an assignment, the number of a descriptor."""
        if not plain:
            return False
        if word.isdecimal() and self.text[end : end + 1] in ("<", ">"):
            return True
        return not words and (word in RESERVED or _is_assignment(word))

    def word(self, i: int, words: list[str], redirect: bool, closer: str) -> tuple[int, str, bool]:
        """One word: (index after it, its text without quotes, True if nothing was quoted)."""
        text, start, out, plain = self.text, i, "", True
        while i < self.n:
            c = text[i]
            if c in BLANK or c in OPERATORS or c in "()<>" or (closer == "`" and c == "`"):
                return i, out, plain
            if c == "\\":
                plain = False
                out += text[i + 1 : i + 2]
                i += 2
            elif c == "'":
                plain = False
                end = text.find("'", i + 1)
                if end < 0:
                    raise _Open(Place(words, out + text[i + 1 :], start, "'", redirect))
                out += text[i + 1 : end]
                i = end + 1
            elif c == '"':
                plain = False
                i, inside = self.double(i + 1, words, start, out, redirect)
                out += inside
            elif c == "`":
                plain = False
                i = self.commands(i + 1, "`") + 1
            elif c == "$":
                i, piece = self.dollar(i)
                out += piece
            else:
                out += c
                i += 1
        raise _Open(Place(words, out, start, "", redirect))

    def double(self, i: int, words: list[str], start: int, before: str, redirect: bool) -> tuple[int, str]:
        """The inside of double quotes: (index after the closing one, text)."""
        text, out = self.text, ""
        while i < self.n:
            c = text[i]
            if c == '"':
                return i + 1, out
            if c == "\\" and text[i + 1 : i + 2] in ('"', "\\", "$", "`"):
                out += text[i + 1]
                i += 2
            elif c == "`":
                i = self.commands(i + 1, "`") + 1
            elif c == "$":
                i, piece = self.dollar(i)
                out += piece
            else:
                out += c
                i += 1
        raise _Open(Place(words, before + out, start, '"', redirect))

    def dollar(self, i: int) -> tuple[int, str]:
        """An expansion, taken as it stands; the commands of a substitution are looked into."""
        text = self.text
        if text.startswith("$((", i):
            end = text.find("))", i)
            return (self.n, text[i:]) if end < 0 else (end + 2, text[i : end + 2])
        if text.startswith("$(", i):
            end = self.commands(i + 2, ")") + 1
            return end, text[i:end]
        if text.startswith("${", i):
            end = text.find("}", i)
            return (self.n, text[i:]) if end < 0 else (end + 1, text[i : end + 1])
        return i + 1, "$"


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()
