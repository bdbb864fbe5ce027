"""Where commands come from: a string, a descriptor, or somebody who types (bin/sh/input.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, KError
from vshell.userland.sh.parser import NeedMore, Parser, SyntaxFailure
from vshell.userland.sh.state import Shell, ShInterrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.sh.nodes import Node

BUFSIZ = 1024
"""How much sh reads at once; what it has read of a shared standard input is gone for its children."""


class Source:
    """Text that is parsed command by command.  The base class is a string."""

    lines = False
    """True if a person types lines and the prompt is shown by whoever reads them."""
    verbose = False
    """True if set -v shows this input."""
    typed = False
    """True if a person types it."""
    reading = ""
    """What is waited for: a "command", its "continuation", or nothing."""

    def __init__(self, text: str) -> None:
        self.parser = Parser(text.replace("\0", "") if "\0" in text else text)
        self._shown = 0

    async def more(self, sh: Shell, first: bool) -> None:
        """Get more text; `first` at the start of a command."""
        self.parser.eof = True

    def reopen(self) -> None:
        """After an end of file that did not end the shell."""
        p = self.parser
        p.eof = False
        p.i = min(p.i, p.n)

    def feed(self, text: str) -> None:
        """Append text to the input, below the aliases that are being read."""
        p = self.parser
        if p.pushed:
            base, at, name = p.pushed[0]
            p.pushed[0] = (base + text, at, name)
        else:
            p.s += text
            p.n = len(p.s)

    def trim(self) -> None:
        """Forget what was parsed, now and then."""
        p = self.parser
        if p.i > 65536 and not p.pushed and p.i <= p.n:
            self._shown = max(0, self._shown - p.i)
            p.s = p.s[p.i :]
            p.n = len(p.s)
            p.i = 0

    def at_end(self) -> bool:
        """True if it is certain that nothing follows."""
        p = self.parser
        return p.eof and p.i >= p.n and not p.pushed

    def take_shown(self) -> str:
        """The lines that were read since the last call, for set -v."""
        p = self.parser
        base, at = (p.pushed[0][0], p.pushed[0][1]) if p.pushed else (p.s, min(p.i, p.n))
        if at > 0 and base[at - 1] != "\n":
            end = base.find("\n", at)
            at = len(base) if end < 0 else end + 1
        text = base[self._shown : at]
        self._shown = max(at, self._shown)
        return text

    def since(self, start: int) -> str:
        """The lines from a position on that are parsed."""
        p = self.parser
        base, at = (p.pushed[0][0], p.pushed[0][1]) if p.pushed else (p.s, min(p.i, p.n))
        if at > 0 and base[at - 1] != "\n":
            end = base.find("\n", at)
            at = len(base) if end < 0 else end + 1
        return base[start:at]

    def discard(self) -> None:
        """After an interrupt: forget all that was read."""
        self._drop_aliases()
        p = self.parser
        p.line += p.s.count("\n", p.i)
        p.i = p.n

    def _drop_aliases(self) -> None:
        p = self.parser
        if p.pushed:
            p.s, p.i, _ = p.pushed[0]
            p.pushed.clear()
            p.inuse.clear()
            p.n = len(p.s)

    def discard_line(self) -> None:
        """After an error: forget the rest of the line."""
        self._drop_aliases()
        p = self.parser
        end = p.s.find("\n", p.i - 1 if p.i > 0 and p.i <= p.n and p.s[p.i - 1] == "\n" else p.i)
        p.i = p.n if end < 0 else end + 1


class DescriptorSource(Source):
    """Commands read from a descriptor: whole blocks, so that a program run from a script does not see the rest of it."""

    verbose = True

    def __init__(self, fd: int) -> None:
        super().__init__("")
        self.parser.eof = False
        self.fd = fd
        self._rest = b""

    def discard(self) -> None:
        """After an interrupt: forget all that was read."""
        self._rest = b""
        super().discard()

    async def more(self, sh: Shell, first: bool) -> None:
        """Read the next block."""
        self.reading = "command" if first else "continuation"
        try:
            data = await self._block(sh)
        finally:
            self.reading = ""
        if not data:
            self.parser.eof = True
            self.feed(self._rest.decode("utf-8", "surrogateescape"))
            self._rest = b""
            return
        self._feed_bytes(self._rest + data)

    async def _block(self, sh: Shell) -> bytes:
        while True:
            try:
                return await sh.sys.read(self.fd, BUFSIZ if self.fd == 0 else 65536)
            except KError as e:
                if e.errno != EINTR:
                    return b""
                await sh.signals()

    def _feed_bytes(self, data: bytes) -> None:
        # A character may be cut by the end of the block: keep an unfinished one back.
        keep = 0
        for back in range(1, min(4, len(data)) + 1):
            byte = data[-back]
            if byte & 0xC0 == 0x80:
                continue
            if byte >= 0xC0 and back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4):
                keep = back
            break
        if keep:
            self._rest = data[-keep:]
            data = data[:-keep]
        else:
            self._rest = b""
        self.feed(data.decode("utf-8", "surrogateescape").replace("\0", ""))


async def parsecmd(sh: Shell, src: Source, prompt: bool) -> Node | None:
    """The next command.  Raises EndOfInput; a syntax error is reported and raised as ShError."""
    p = src.parser
    p.aliases = sh.aliases
    src.trim()
    if prompt and not src.lines:
        sh.out2(sh.prompt(1))
        sh.flush2()
    start = -1 if p.pushed else p.i
    while True:
        saved = p.s, p.i, p.line, p.pushed.copy(), p.inuse.copy()
        p.newlines = 0
        p.funcline = 0
        try:
            node = p.command()
        except NeedMore:
            pushed = p.pushed
            text = pushed[0][0] if pushed else p.s
            started = (saved[3][0][1] if saved[3] else saved[1]) < len(text)
            p.s, p.i, p.line, p.pushed, p.inuse = saved
            p.n = len(p.s)
            p.docs = []
            if prompt and started and src.typed and not src.lines and text.endswith("\n"):
                sh.out2(sh.prompt(2))
                sh.flush2()
            try:
                await src.more(sh, not started)
            except ShInterrupt:
                src.discard()
                raise
            continue
        except SyntaxFailure as e:
            _show(sh, src)
            _report(sh, e)
            src.discard_line()
            if prompt:
                src.reopen()  # an end of file in the middle of a command ends just that
            sh.error(None)
        finally:
            _show(sh, src)
            if prompt and start >= 0 and p.i > start:
                sh.remember(src.since(start))
                start = -1
        if prompt and not src.typed and p.newlines > 1:
            sh.out2(sh.prompt(2) * (p.newlines - 1))
            sh.flush2()
        return node


def _show(sh: Shell, src: Source) -> None:
    if not src.verbose:
        return
    if not sh.vflag:
        p = src.parser
        if not p.pushed:
            src._shown = min(p.i, p.n)
        return
    text = src.take_shown()
    if text:
        sh.out2(text)
        sh.flush2()


def _report(sh: Shell, e: SyntaxFailure) -> None:
    if e.before is not None:
        _report(sh, e.before)
    if sh.commandname is not None:
        sh.out2(f"{sh.commandname}: {e.line}: ")
    elif sh.arg0:
        sh.out2(f"{sh.arg0}: ")
    sh.out2(f"Syntax error: {e.text}\n")
