"""Where commands end in a text that is typed or pasted: what an editor of lines must know before it hands it to a shell."""

from __future__ import annotations

from vshell.userland.sh.parser import EndOfInput, NeedMore, Parser
from vshell.userland.sh.words import SyntaxFailure


def split(text: str) -> tuple[list[str], str]:
    """The complete commands of a text, each with all its lines, and what is unfinished ("": nothing)."""
    parser = Parser(text + "\n")
    parser.eof = False
    done: list[str] = []
    start = 0
    while True:
        try:
            parser.command()
        except NeedMore:
            rest = parser.s[start:].removesuffix("\n")
            return done, rest if rest.strip(" \t\n") else ""
        except SyntaxFailure:
            # The shell will say what is wrong, with all that follows.
            return [*done, parser.s[start:].removesuffix("\n")], ""
        except EndOfInput:
            return done, ""
        piece = parser.s[start : parser.i].removesuffix("\n")
        start = parser.i
        if piece.strip(" \t\n"):
            done.append(piece)


def unfinished(text: str) -> bool:
    """True if the shell would ask for more after this text."""
    return bool(split(text)[1])
