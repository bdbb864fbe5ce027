"""The rich front end: lines are edited with prompt_toolkit, everything else is the plain front end's way.

The shell in the machine knows nothing of it.  When it waits for a line at its prompt, the prompt it printed becomes that
of the editor, and the finished line goes to the tty as if it had been typed; while a command runs the keys go straight
to the tty.  During editing the machine runs on, and what it prints appears above the line.

The editor takes longer to load than a machine to boot: the first prompt stands on the screen before, and keys that are
hit meanwhile wait in the terminal.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
from typing import TYPE_CHECKING

from vshell.shell import terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.shell.completion import Reader
    from vshell.shell.seat import Seat

SHELLS = frozenset({"sh"})
"""Programs whose lines are edited."""

INTR, EOF = b"\x03", b"\x04"
UNPRINTED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-ln-~]|\][^\x07]*\x07|[^\[\]])")
"""Escape sequences that are no colour: a prompt is drawn again and again, and must not move the cursor."""
SLICE = 0.05
"""Longest sleep of the machine while a line is edited, seconds."""


class RichTerminal:
    """One interactive session."""

    def __init__(
        self,
        seat: Seat,
        *,
        history: History | None = None,
        input: Input | None = None,
        output: Output | None = None,
        put: Callable[[bytes], object] = terminal.put,
    ) -> None:
        self.seat = seat
        self.tail = b""
        """What stands on the current line of the terminal: at the prompt, the prompt."""
        self.put = put
        """Shows bytes while no line is edited."""
        self._muted = False
        self._editing = False
        self._interrupted = False
        """True after ^C until the shell says something: the editor has ended the line already."""
        seat.show = self._show
        seat.remade = self._remade
        self._session: PromptSession[str] | None = None
        self._history, self._input, self._output = history, input, output

    @property
    def session(self) -> PromptSession[str]:
        """The editor, loaded when it is first wanted."""
        if self._session is None:
            with terminal.RawTerminal():
                from vshell.shell.editor import make_session

                self._session = make_session(self.completes_for, self._history, self._input, self._output)
        return self._session

    # output ----------------------------------------------------------------------------------------------------
    def _show(self, data: bytes) -> None:
        if self._muted:
            return
        if self._interrupted:
            self._interrupted = False
            data = data.removeprefix(b"\r\n")
        self.tail = (self.tail + data).rpartition(b"\n")[2]
        if self._editing:
            sys.stdout.write(data.replace(b"\r\n", b"\n").decode("utf-8", "replace"))
        else:
            self.put(data)

    def _remade(self) -> None:
        """Another machine stands here, at its prompt."""
        self._interrupted = False
        self.tail = self.seat.tail

    # where things stand ----------------------------------------------------------------------------------------
    def reader(self) -> Proc | None:
        """The shell that waits for a line at the terminal, if one does."""
        tty = self.seat.tty
        if tty.readable() or not tty.termios.icanon:
            return None
        for p in tty.rchan.sleepers:
            if p.comm in SHELLS and p.pgid == tty.pgrp:
                return p
        return None

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
        while True:
            self.serve()
            if self.seat.shell.exited:
                return
            if self.seat.shell.stopped:
                terminal.suspend(self.seat.shell)
            else:
                self.edit()

    def serve(self, keyboard: int = 0) -> None:
        """A command runs: keys go to the tty, until a shell waits at its prompt or that of the session is stopped."""
        with terminal.RawTerminal(keyboard):
            while True:
                self.seat.catch_up()
                if self.seat.shell.exited or self.seat.shell.stopped or self.reader() is not None:
                    return
                ready, _, _ = select.select([keyboard], [], [], self.seat.driver.delay())
                if ready:
                    data = os.read(keyboard, 4096)
                    if not data:
                        self.seat.machine.hangup(self.seat.shell)
                        return
                    self.seat.keys(data)

    # a line ----------------------------------------------------------------------------------------------------
    def edit(self) -> None:
        """Have a line edited and hand it to the shell."""
        session = self.session
        from prompt_toolkit.formatted_text import ANSI
        from prompt_toolkit.patch_stdout import patch_stdout

        prompt = UNPRINTED.sub("", self.tail.rpartition(b"\r")[2].decode("utf-8", "replace"))
        if self.tail:
            self.put(b"\r\x1b[K")
        typed = self.seat.take_unfinished().decode("utf-8", "replace")
        self._editing = True
        try:
            with patch_stdout(raw=True):
                line = session.prompt(ANSI(prompt), default=typed, pre_run=self._pump_in_background)
            keys = line.encode("utf-8", "surrogateescape") + b"\n"
        except KeyboardInterrupt:
            keys = INTR
            self._interrupted = True
        except EOFError:
            keys = EOF
        finally:
            self._editing = False
        self.tail = b""
        self._type(keys)

    def _type(self, keys: bytes) -> None:
        """Hand keys to the tty; the editor has shown them already."""
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

        self.seat.machine.kernel.network()  # the prompt is there; the first command shall not wait for it
        while True:
            self.seat.catch_up()
            if self.reader() is None:
                # the shell does not wait any more: it ended, or a signal made it go on
                get_app().exit(exception=KeyboardInterrupt if not self.seat.shell.exited else EOFError)
                return
            delay = self.seat.driver.delay()
            await asyncio.sleep(SLICE if delay is None else min(delay, SLICE))
