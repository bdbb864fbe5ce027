"""The rich front end: lines are edited with prompt_toolkit, everything else is the plain front end's way.

The shell in the machine knows nothing of it.  When it waits for a line at its prompt, the prompt it printed becomes that
of the editor, and the finished line goes to the tty as if it had been typed; while a command runs the keys go straight
to the tty.  During editing the machine runs on, and what it prints appears above the line.

The editor takes longer to load than a machine to boot: the first prompt stands on the screen before, and keys that are
hit meanwhile wait in the terminal.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from time import gmtime, monotonic, strftime
from typing import TYPE_CHECKING

from vshell.shell import terminal
from vshell.shell.seat import UNPRINTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.shell.completion import Reader
    from vshell.shell.config import Config
    from vshell.shell.seat import Seat

INTR, EOF = b"\x03", b"\x04"
PS2 = b"> "
TITLED = ("xterm", "screen", "tmux", "rxvt", "alacritty", "foot", "kitty", "vte")
"""Beginnings of the names of terminals that have a title."""
SLICE = 0.05
"""Longest sleep of the machine while a line is edited, seconds."""


def red(data: bytes) -> bytes:
    """Error messages in red: whole lines only, since the shell's prompts are written to standard error too."""
    text, newline, rest = data.rpartition(b"\r\n")
    if not newline or b"\x1b" in data:
        return data
    return b"\r\n".join(b"\x1b[31m" + line + b"\x1b[39m" if line else b"" for line in text.split(b"\r\n")) + newline + rest


class RichTerminal:
    """One interactive session."""

    def __init__(
        self,
        seat: Seat,
        config: Config,
        *,
        history: History | None = None,
        input: Input | None = None,
        output: Output | None = None,
        put: Callable[[bytes], object] = terminal.put,
    ) -> None:
        self.seat = seat
        self.config = config
        self.tail = b""
        """What stands on the current line of the terminal: at the prompt, the prompt."""
        self.put = put
        """Shows bytes while no line is edited."""
        self._muted = False
        self._editing = False
        self._interrupted = False
        """True after ^C until the shell says something: the editor has ended the line already."""
        self._unasked = 0
        """How often the shell will still ask for the next line of a command that it was given whole."""
        self._title: str | None = None
        self._draft = ""
        """What was typed of a line when the shell that waited for it went away."""
        self._queue: list[str] = []
        """Commands that were entered at once with the one that runs."""
        seat.show = self._show
        seat.remade = self._remade
        self._remade()
        self._session: PromptSession[str] | None = None
        self._history, self._input, self._output = history, input, output

    @property
    def session(self) -> PromptSession[str]:
        """The editor, loaded when it is first wanted."""
        if self._session is None:
            from vshell.shell.editor import make_session

            self._session = make_session(self.completes_for, self.toolbar, self.config, self._history, self._input, self._output)
        return self._session

    # output ----------------------------------------------------------------------------------------------------
    def _show(self, data: bytes) -> None:
        if self._muted:
            return
        if self._interrupted:
            self._interrupted = False
            data = data.removeprefix(b"\r\n")
        while self._unasked and data.startswith(PS2):
            self._unasked -= 1
            data = data.removeprefix(PS2)
        self.tail = (self.tail + data).rpartition(b"\n")[2]
        if self._editing:
            sys.stdout.write(data.replace(b"\r\n", b"\n").decode("utf-8", "replace"))
        else:
            self.put(data)

    def _remade(self) -> None:
        """Another machine stands here, at its prompt."""
        self._interrupted = False
        self._unasked = 0
        self.tail = self.seat.tail
        if self.config.on("colours"):
            self.seat.tty.mark_errors = red

    # where things stand ----------------------------------------------------------------------------------------
    def reader(self) -> Proc | None:
        """The shell that waits for a line at the terminal, if one does."""
        p = self.seat.shell_at_prompt()
        return p if p is not None and p.pgid == self.seat.tty.pgrp else None

    def toolbar(self) -> str:
        """Where one is and what time it is there, what is going on, and how the last command ended."""
        p = self.reader()
        if p is None:
            return ""
        jail = p.ucred.prison
        clock = p.kernel.clock
        where = p.sysent.gethostname() if jail.parent is None else f"{jail.name} (jail {jail.id})"
        stack = "" if jail.parent is None else ", its own stack" if jail.owns_vnet else ", the host's stack"
        now = strftime("%H:%M:%S", gmtime(clock.realtime() // 1_000_000_000))
        pending = sum(entry[2] is not None for entry in clock.heap)
        status = next(iter(self.seat.names_of(p)("status")), "0")
        return f" {where}{stack} | {now} | {pending} event{'' if pending == 1 else 's'} pending | status {status} "

    def completes_for(self) -> Reader | None:
        """What completion has to know of the shell that waits."""
        from vshell.shell.completion import Reader

        p = self.reader()
        if p is None:
            return None
        return Reader(p.sysent, p.env.get("PATH", ""), self.seat.names_of(p), self.seat.machine.programs.offer)

    def run(self) -> None:
        """Until the shell has ended."""
        self.seat.resize(*terminal.size())
        signal.signal(signal.SIGWINCH, lambda *_: self.seat.resize(*terminal.size()))
        while self._run():
            terminal.suspend(self.seat.shell)

    def _run(self) -> bool:
        """Until the shell has ended or, True, is stopped."""
        with terminal.RawKeyboard():
            while True:
                self.serve()
                if self.seat.shell.exited:
                    return False
                if self.seat.shell.stopped:
                    return True
                self.edit()

    def serve(self, keyboard: int = 0) -> None:
        """A command runs: keys go to the tty, until a shell waits at its prompt or that of the session is stopped."""
        began = monotonic()
        with terminal.RawTerminal(keyboard):
            while True:
                self.seat.catch_up()
                if self.seat.shell.exited or self.seat.shell.stopped or self.reader() is not None:
                    return
                self._show_waiting(began)
                delay = self.seat.driver.delay()
                ready, _, _ = select.select([keyboard], [], [], 1.0 if delay is None else min(delay, 1.0))
                if ready:
                    data = os.read(keyboard, 4096)
                    if not data:
                        self.seat.machine.hangup(self.seat.shell)
                        return
                    if INTR in data and self.seat.tty.termios.isig:
                        self._queue.clear()  # as a terminal forgets what was typed ahead
                    self.seat.keys(data)

    # a line ----------------------------------------------------------------------------------------------------
    def edit(self) -> None:
        """Have commands edited and hand the first to the shell; the others follow when it asks again."""
        if self._queue:
            self._enter(self._queue.pop(0), shown=False)
            return
        session = self.session
        from prompt_toolkit.formatted_text import ANSI
        from prompt_toolkit.patch_stdout import patch_stdout

        from vshell.shell.editor import EndOfFile, ReaderGone
        from vshell.userland.sh.commands import split

        self._set_title()
        self._set_mode()
        prompt = UNPRINTED.sub(b"", self.tail.rpartition(b"\r")[2]).decode("utf-8", "replace")
        if self.tail:
            self.put(b"\r\x1b[K")
        typed = self._draft + self.seat.take_unfinished().decode("utf-8", "replace")
        self._draft = ""
        self._editing = True
        try:
            with patch_stdout(raw=True):
                line = session.prompt(ANSI(prompt), default=typed, pre_run=self._pump_in_background)
        except KeyboardInterrupt:
            self._interrupted = True
            self._type(INTR)
        except EOFError:
            self._type(EOF)
        except ReaderGone as e:
            self._draft = str(e)
        except EndOfFile as e:
            self._enter(str(e).removesuffix("\n"), shown=True)
            self._type(EOF)
        else:
            commands, rest = split(line) if "\n" in line else ([], line)
            commands += [rest] if rest or not commands else []
            self._queue = commands[1:]
            self._enter(commands[0], shown=True)
        finally:
            self._editing = False

    def _enter(self, command: str, shown: bool) -> None:
        """Hand a command to the shell, with all its lines."""
        if not shown:
            self.put(command.replace("\n", "\r\n> ").encode("utf-8", "surrogateescape") + b"\r\n")
        self._unasked = command.count("\n")
        self._type(command.encode("utf-8", "surrogateescape") + b"\n")

    def _set_mode(self) -> None:
        """Keys as in vi if the shell was told so (set -o vi) or the settings say so."""
        from prompt_toolkit.enums import EditingMode

        p = self.reader()
        vi = self.config.text("edit-mode") == "vi" or (p is not None and "vi" in self.seat.names_of(p)("editor"))
        self.session.editing_mode = EditingMode.VI if vi else EditingMode.EMACS

    def _set_title(self) -> None:
        """The terminal's title says where one is."""
        p = self.reader()
        if p is not None:
            self._put_title(p.sysent.gethostname() if p.ucred.prison.parent is None else p.ucred.prison.name)

    def _put_title(self, title: str) -> None:
        if title != self._title and self.config.on("title") and os.environ.get("TERM", "").startswith(TITLED):
            self._title = title
            shown = "".join(c for c in title if c.isprintable())[:80]
            self.put(f"\x1b]2;vshell: {shown}\x07".encode())

    def _show_waiting(self, since: float) -> None:
        """A command takes its time: the title says which, how long already, and what time it is in the machine."""
        waited = int(monotonic() - since)
        if waited < 1:
            return
        running = [p for p in self.seat.machine.kernel.procs.values() if p.pgid == self.seat.tty.pgrp and not p.exited]
        if running:
            clock = strftime("%H:%M:%S", gmtime(running[0].kernel.clock.realtime() // 1_000_000_000))
            self._put_title(f"{' '.join(running[-1].args)} ({waited} s, {clock})")

    def _type(self, keys: bytes) -> None:
        """Hand keys to the tty; the editor has shown them already."""
        self.seat.resize(*terminal.size())  # while a line was edited, the editor got the signal
        self.tail = b""
        self._muted = True
        try:
            self.seat.keys(keys)
        finally:
            self._muted = False

    def _pump_in_background(self) -> None:
        from prompt_toolkit.application import get_app

        get_app().create_background_task(self._pump())

    async def _pump(self) -> None:
        """Keep the machine running while a line is edited."""
        import asyncio

        from prompt_toolkit.application import get_app

        from vshell.shell.editor import ReaderGone

        self.seat.machine.kernel.network()  # the prompt is there; the first command shall not wait for it
        reader = self.reader()
        while True:
            self.seat.catch_up()
            if self.reader() is not reader:
                # the shell does not wait any more: it ended, or a signal made it go on
                app = get_app()
                app.exit(exception=EOFError if self.seat.shell.exited else ReaderGone(app.current_buffer.text))
                return
            delay = self.seat.driver.delay()
            await asyncio.sleep(SLICE if delay is None else min(delay, SLICE))
