"""Console transcripts: a prompt, a command, what it printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pygments.lexer import Lexer, line_re
from pygments.token import Generic, Token, _TokenType

from vshell.shell.lexers.sh import FreeBSDShellLexer

PROMPT = re.compile(r"(?:[\w.@~/: -]*[#$%] |\$ )")
STATUS = re.compile(r"\[\d+\]\n?")


class FreeBSDConsoleLexer(Lexer):
    """What a terminal showed: lines with a prompt are commands, `> ` continues them, `[N]` is an exit status."""

    name = "FreeBSD console"
    url = "https://man.freebsd.org/sh/1"
    aliases = ["freebsd-console", "vshell"]  # noqa: RUF012 - Pygments' way
    filenames = ["*.t"]  # noqa: RUF012
    version_added = ""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """The tokens with their places."""
        shell = FreeBSDShellLexer(**self.options)
        continued = False
        for match in line_re.finditer(text):
            line, at = match.group(), match.start()
            prompt = "> " if continued and line.startswith("> ") else (m.group() if (m := PROMPT.match(line)) else "")
            if prompt:
                yield at, Generic.Prompt, prompt
                for offset, kind, value in shell.get_tokens_unprocessed(line[len(prompt) :]):
                    yield at + len(prompt) + offset, kind, value
                continued = True
            else:
                continued = False
                yield at, Token.Literal.Number if STATUS.fullmatch(line) else Generic.Output, line
