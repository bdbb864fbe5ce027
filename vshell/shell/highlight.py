"""Colours for what is typed: our lexer for sh, loaded when the first character is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

if TYPE_CHECKING:
    from prompt_toolkit.document import Document


class ShLexer(Lexer):
    """Highlights sh commands."""

    def __init__(self) -> None:
        self._lexer: Lexer | None = None

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """The pieces of each line with their styles."""
        if not document.text:
            return lambda _line: []
        if self._lexer is None:
            from prompt_toolkit.lexers import PygmentsLexer

            from vshell.shell.lexers.sh import FreeBSDShellLexer

            self._lexer = PygmentsLexer(FreeBSDShellLexer)
        return self._lexer.lex_document(document)
