"""Completion at the prompt: names of programs for the first word, of files for the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from stat import S_ISDIR
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from vshell.abi.errno import KError

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

    from vshell.kernel.kern.kern_proc import Proc

PROGRAM_FOLDERS = ("/sbin", "/bin", "/usr/sbin", "/usr/bin")
BEFORE_A_COMMAND = frozenset({"|", "||", "&&", ";", "&", "(", "{", "!", "then", "do", "else", "if", "while", "until"})
TOKEN = re.compile(r"\|\||&&|[|;&()<>]|[^\s|;&()<>]+")
SPECIAL = frozenset(" \t'\"\\$&|;<>()*?[]#`")


def words(text: str) -> list[str]:
    """The words before the cursor; the last is the one being typed ("" after a blank).  Quotes are not looked into."""
    parts = TOKEN.findall(text)
    if not text or text[-1].isspace() or parts[-1] in BEFORE_A_COMMAND:
        parts.append("")
    return parts


def escape(name: str) -> str:
    """A file name as one word of sh."""
    return "".join("\\" + c if c in SPECIAL else c for c in name)


class GuestCompleter(Completer):
    """Looks at the machine through the system calls of the shell that waits."""

    def __init__(self, reader: Callable[[], Proc | None]) -> None:
        self.reader = reader

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor."""
        shell = self.reader()
        if shell is None:
            return
        parts = words(document.text_before_cursor)
        word = parts[-1]
        first = len(parts) == 1 or parts[-2] in BEFORE_A_COMMAND
        names = self.programs(shell, word) if first and "/" not in word else self.files(shell, word)
        for name in names:
            yield Completion(name, start_position=-len(word))

    def programs(self, shell: Proc, start: str) -> Iterator[str]:
        """Programs whose name begins so."""
        found: set[str] = set()
        for folder in PROGRAM_FOLDERS:
            found |= {n for n in self._list(shell, folder) if n.startswith(start)}
        yield from sorted(found)

    def files(self, shell: Proc, start: str) -> Iterator[str]:
        """Files whose path begins so."""
        folder, slash, begin = start.rpartition("/")
        where = (folder or "/") if slash else "."
        if where == "~" or where.startswith("~/"):
            where = "/root" + where[1:]
        for name in sorted(self._list(shell, where)):
            if name.startswith(begin) and (begin or not name.startswith(".")):
                yield folder + slash + escape(name) + ("/" if self._isdir(shell, f"{where}/{name}") else "")

    def _list(self, shell: Proc, folder: str) -> list[str]:
        try:
            return list(shell.sysent.listdir(folder))
        except KError:
            return []

    def _isdir(self, shell: Proc, path: str) -> bool:
        try:
            return S_ISDIR(shell.sysent.stat(path).st_mode)
        except KError:
            return False
