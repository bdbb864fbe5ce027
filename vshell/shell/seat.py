"""Where somebody sits: a machine, its session, how its time passes, and the journal from which it can be made again.

Both front ends hand keys and window sizes over here and get bytes to show back.  What the program `vshell` inside asks
of the outside (abi/vshell.py) is answered here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EIO, ENOENT, ENOSYS, EPERM, ERANGE, KError
from vshell.abi.vshell import EDIT, INTERACTIVE, LINES, LOAD, PACE, RERUN, SAVE, SKIP, UNDO, MetaRequest
from vshell.shell.drivers import BURST, Driver, Jump, Pace
from vshell.shell.journal import Entry, Journal, Line, session_path, typed_text

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.machine import Machine

ENTER = (b"\r", b"\n")
UNPRINTED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-ln-~]|\][^\x07]*\x07|[^\[\]])")
"""Escape sequences that are no colour: a prompt is drawn again and again, and must not move the cursor."""
KILL = b"\x15"
"""The key that empties the line."""
BUSY = 4_000_000
"""Time that passes in a remade machine while a program computes for a BURST of turns, ns."""

Boot = Callable[[Journal], "Machine"]


class Seat:
    """A machine at a terminal."""

    def __init__(
        self,
        boot: Boot,
        journal: Journal,
        paced: bool,
        rerun: Callable[[Journal, RERUN], bytes] | None = None,
        editor: Callable[[str, bytes], bytes] | None = None,
    ) -> None:
        self._boot = boot
        self._paced = paced
        self._rerun = rerun
        self._editor = editor
        self.show: Callable[[bytes], object] = lambda data: None
        """Shows bytes to the user."""
        self.remade: Callable[[], object] = lambda: None
        """Called when another machine has taken the place of the old one."""
        self._wanted: Journal | None = None
        self._asker: Proc | None = None
        self._start: int | None = None
        """Where the line that is being typed at a shell begins, in the journal."""
        self._continues = False
        self._sit_at(journal)

    def _sit_at(self, journal: Journal, again: bool = False) -> None:
        """Make the machine of a journal and bring it to where that ends; `again`: to a prompt that is there already."""
        self.journal = journal
        self.machine = machine = self._boot(journal)
        self.tty = machine.console
        self.tail = b""
        """What stands on the current line of the terminal: at the prompt, the prompt."""
        self._hidden = True
        self._edits = [entry.edit for entry in journal.entries if entry.edit is not None]
        """What came out of the host's editor and is still to be asked for again."""
        self.tty.output = self._output
        self._names: dict[int, Callable[[str], list[str]]] = {}
        machine.kernel.outside = self._answer
        machine.shield(bool(journal.entries))
        self.shell = machine.login()
        for entry in journal.entries:
            self._run_to(entry.when)
            if entry.edit is not None:
                continue  # the program that asks for it gets it from _edits
            if entry.size is not None:
                self.tty.set_size(*entry.size)
            else:
                self.tty.input(entry.keys)
        if journal.entries or again:
            self._run_to(journal.until)
            self._settle()
        machine.shield(False)
        self._hidden = False
        waiting = self.reader_waits
        self.driver: Driver = Pace(machine, waiting) if self._paced else Jump(machine, waiting)

    def _run_to(self, when: int) -> None:
        kernel, clock = self.machine.kernel, self.machine.kernel.clock
        while True:
            if kernel.step(BURST):
                if clock.now >= when:
                    return
                clock.advance(min(when, clock.now + BUSY))
                continue
            deadline = clock.next()
            if deadline is None or deadline > when:
                break
            clock.advance(deadline)
        clock.advance(when)

    def _settle(self) -> None:
        """Go on until a shell waits for a line, as it did when it was left (an hour at most)."""
        clock = self.machine.kernel.clock
        end = clock.now + 3600 * 1_000_000_000
        while not self.shell.exited and not self.reader_waits() and clock.now < end:
            if self.machine.kernel.step(BURST):
                clock.advance(clock.now + BUSY)
            elif self.reader_waits() or (deadline := clock.next()) is None:
                return
            else:
                clock.advance(deadline)

    # terminal --------------------------------------------------------------------------------------------------
    def _output(self, data: bytes) -> None:
        if self._asker is not None and self._asker.exited:
            return  # of a machine that is about to be left
        self.tail = (self.tail + data).rpartition(b"\n")[2]
        if not self._hidden:
            self.show(data)

    def reader_waits(self) -> bool:
        """True if somebody waits for the keyboard."""
        return any(not p.stopped for p in self.tty.rchan.sleepers)

    def shell_at_prompt(self) -> Proc | None:
        """The shell that waits for a command, if one does."""
        if self.tty.readable():
            return None
        return next((p for p in self.tty.rchan.sleepers if p.pid in self._names and self._names[p.pid]("reading")), None)

    def keys(self, data: bytes) -> None:
        """Keys were hit."""
        entries = self.journal.entries
        shell = self.shell_at_prompt()
        if shell is not None:
            if self._start is None:
                self._start = len(entries)
                self._continues = "continuation" in self._names[shell.pid]("reading")
            entries.append(Entry(self.machine.kernel.clock.now, data))
            if data.endswith(ENTER):
                self._line_typed(self._start, self._depth(shell))
                self._start = None
        else:
            entries.append(Entry(self.machine.kernel.clock.now, data))
        self.tty.input(data)

    def _depth(self, shell: Proc) -> int:
        """How many shells are around this one."""
        depth, p = 0, shell.parent
        while p is not None:
            depth += p.pid in self._names
            p = p.parent
        return depth

    def _line_typed(self, start: int, depth: int) -> None:
        """A line for a shell is complete: note it, or that it continues the last one."""
        journal = self.journal
        text = typed_text(b"".join(entry.keys for entry in journal.entries[start:]))
        if self._continues and journal.lines:
            first = journal.lines.pop()
            start, text = first.start, f"{first.text}\n{text}"
        elif not text.strip():
            return
        journal.lines.append(Line(start, text, depth))

    def take_unfinished(self) -> bytes:
        """Take back what was typed of a line that is not complete: an editor of lines takes over."""
        taken = self.tty.take_unfinished()
        if taken:
            self.journal.entries.append(Entry(self.machine.kernel.clock.now, KILL))
        return taken

    def resize(self, rows: int, columns: int) -> None:
        """The window has another size."""
        if (rows, columns) != (self.tty.rows, self.tty.columns):
            self.journal.entries.append(Entry(self.machine.kernel.clock.now, b"", (rows, columns)))
            self.tty.set_size(rows, columns)

    def catch_up(self) -> None:
        """Let the machine do what is due, and change it for another one if that is wanted."""
        self.driver.catch_up()
        if self._wanted is not None and self._asker is not None and self._asker.exited:
            wanted, self._wanted, self._asker, self._start = self._wanted, None, None, None
            self._sit_at(wanted, again=True)
            self.show(UNPRINTED.sub(b"", self.tail))
            self.remade()

    # requests --------------------------------------------------------------------------------------------------
    def _answer(self, td: Proc, request: MetaRequest) -> Any:
        """Answer the program vshell; KError."""
        handler = _ANSWERS.get(type(request))
        if handler is None or (self._hidden and handler not in (Seat._interactive, Seat._edit)):
            raise KError(ENOSYS)
        return handler(self, td, request)

    def _pace(self, td: Proc, request: PACE) -> float:
        if not isinstance(self.driver, Pace):
            raise KError(ENOSYS)
        if request.rate is not None:
            if not 0 <= request.rate <= 1e6:
                raise KError(EINVAL)
            self.driver.set_rate(request.rate)
        return self.driver.rate

    def _skip(self, td: Proc, request: SKIP) -> None:
        if not isinstance(self.driver, Pace):
            raise KError(ENOSYS)
        self.driver.skip(request.until)

    def _lines(self, td: Proc, request: LINES) -> tuple[str, ...]:
        return self.journal.before(1).script()

    def _undo(self, td: Proc, request: UNDO) -> tuple[str, ...]:
        if request.count < 1 or request.count >= len(self.journal.lines):
            raise KError(ERANGE)
        self._change(td, self.journal.before(request.count + 1))
        return tuple(line.text for line in self.journal.lines[-1 - request.count : -1])

    def _save(self, td: Proc, request: SAVE) -> str:
        path = session_path(request.name)
        if path is None:
            raise KError(EINVAL)
        try:
            self.journal.before(1).save(path)
        except OSError:
            raise KError(EIO) from None
        return str(path)

    def _load(self, td: Proc, request: LOAD) -> int:
        path = session_path(request.name)
        if path is None:
            raise KError(EINVAL)
        try:
            journal = Journal.load(path)
        except FileNotFoundError:
            raise KError(ENOENT) from None
        except (OSError, ValueError):
            raise KError(EIO) from None
        self._change(td, journal)
        return len(journal.lines)

    def _change(self, td: Proc, journal: Journal) -> None:
        self._wanted, self._asker = journal, td

    def _edit(self, td: Proc, request: EDIT) -> bytes:
        if self._edits:
            return self._edits.pop(0)
        if self._editor is None or self._hidden:
            raise KError(EPERM)
        try:
            content = self._editor(request.name, request.content)
        except OSError:
            raise KError(EIO) from None
        self.journal.entries.append(Entry(self.machine.kernel.clock.now, b"", None, content))
        return content

    def _run_again(self, td: Proc, request: RERUN) -> bytes:
        if self._rerun is None:
            raise KError(ENOSYS)
        return self._rerun(self.journal, request)

    def _interactive(self, td: Proc, request: INTERACTIVE) -> None:
        procs = self.machine.kernel.procs
        self._names = {pid: names for pid, names in self._names.items() if pid in procs}
        self._names[td.pid] = request.names

    def names_of(self, shell: Proc) -> Callable[[str], list[str]]:
        """What only a shell knows: its variables, functions ..., as it told."""
        return self._names.get(shell.pid, lambda kind: [])


_ANSWERS: dict[type[MetaRequest], Callable[[Seat, Any, Any], Any]] = {
    INTERACTIVE: Seat._interactive,
    EDIT: Seat._edit,
    PACE: Seat._pace,
    SKIP: Seat._skip,
    LINES: Seat._lines,
    UNDO: Seat._undo,
    SAVE: Seat._save,
    LOAD: Seat._load,
    RERUN: Seat._run_again,
}
