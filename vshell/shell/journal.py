"""What was typed into a machine, and when: all that is needed to make it again.

A machine depends on its seed and its inputs with their virtual times alone.  So the past is not kept in copies of a
machine but as this list; undo, save and load are replays of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = 1
LATEST = 100 * 365 * 86400 * 1_000_000_000
"""No session lasts longer, ns."""
NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}")
SIMPLE = re.compile(r"[\w ./:=@+-]+")
"""A command to which a redirection can be appended as it stands."""
JEXEC = re.compile(r"jexec(?: -l)? [\w.]+")


class Entry(NamedTuple):
    """Keys that arrived, (rows, columns) the window got, or what came out of the host's editor, at an uptime (ns)."""

    when: int
    keys: bytes
    size: tuple[int, int] | None = None
    edit: bytes | None = None

    def packed(self) -> object:
        """What happened, as JSON has it."""
        if self.edit is not None:
            return {"edit": self.edit.decode("latin-1")}
        return list(self.size) if self.size else self.keys.decode("latin-1")

    @classmethod
    def unpacked(cls, when: int, what: Any) -> Entry:
        """The same back."""
        if isinstance(what, str):
            return cls(when, what.encode("latin-1"))
        if isinstance(what, dict):
            return cls(when, b"", None, str(what["edit"]).encode("latin-1"))
        return cls(when, b"", (int(what[0]), int(what[1])))


class Line(NamedTuple):
    """A command typed at a shell, the number of entries before it, and how many shells are around that shell."""

    start: int
    text: str
    depth: int = 0


class Journal:
    """The inputs of one machine."""

    def __init__(self, seed: int = 0, vimage: bool = True) -> None:
        self.seed = seed
        self.vimage = vimage
        self.entries: list[Entry] = []
        self.lines: list[Line] = []
        self.until = 0
        """The uptime at which it ends, if that is after the last entry (ns)."""

    def before(self, count: int) -> Journal:
        """The journal as it was before its last `count` lines."""
        count = min(count, len(self.lines))
        kept = len(self.lines) - count
        new = Journal(self.seed, self.vimage)
        new.entries = self.entries[: self.lines[kept].start] if count else self.entries[:]
        new.lines = self.lines[:kept]
        new.until = self.entries[self.lines[kept].start].when if count else self.until
        return new

    # files -----------------------------------------------------------------------------------------------------
    def save(self, path: Path) -> None:
        """Write it; OSError."""
        import json

        path.parent.mkdir(parents=True, exist_ok=True)
        entries = [[e.when, e.packed()] for e in self.entries]
        content = {"vshell": FORMAT, "seed": self.seed, "vimage": self.vimage, "until": self.until}
        path.write_text(json.dumps({**content, "lines": self.lines, "entries": entries}), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Journal:
        """Read one; OSError, ValueError if it is no journal."""
        import json

        try:
            content = json.loads(path.read_text("utf-8"))
            if content["vshell"] != FORMAT:
                raise ValueError("another version's")
            new = cls(int(content["seed"]), bool(content["vimage"]))
            new.until = int(content.get("until", 0))
            new.lines = [Line(int(start), str(text), *map(int, depth)) for start, text, *depth in content["lines"]]
            new.entries = [Entry.unpacked(int(when), what) for when, what in content["entries"]]
        except (KeyError, TypeError, IndexError, OverflowError, UnicodeEncodeError, RecursionError) as e:
            raise ValueError("not a session") from e
        new._check()
        return new

    def _check(self) -> None:
        """ValueError where this cannot have happened."""
        starts = [0, *(line.start for line in self.lines), len(self.entries)]
        times = [0, *(entry.when for entry in self.entries)]
        times += [max(times[-1], self.until), LATEST]
        sizes = [entry.size for entry in self.entries if entry.size is not None]
        if starts != sorted(starts) or times != sorted(times) or not all(0 < n < 32768 for size in sizes for n in size):
            raise ValueError("not a session")

    def script(self) -> tuple[str, ...]:
        """The commands; those typed at a shell that a command started follow it as a here-document."""
        return tuple(_nested(self.lines, 0))


def _nested(lines: list[Line], depth: int) -> list[str]:
    """Lines of one shell, and of those it started."""
    out: list[str] = []
    i = 0
    while i < len(lines):
        text = lines[i].text
        inner = i + 1
        while inner < len(lines) and lines[inner].depth > depth:
            inner += 1
        if inner > i + 1:
            end = f"EOF{depth or ''}"
            if JEXEC.fullmatch(text):
                text += " sh"  # its own choice, sh -i, would prompt
            opened = f"{text} <<'{end}'" if SIMPLE.fullmatch(text) else f"{{ {text}\n}} <<'{end}'"
            text = "\n".join([opened, *_nested(lines[i + 1 : inner], depth + 1), end])
        out.append(text)
        i = inner
    return out


def state_folder() -> Path:
    """Where vshell keeps what outlives it (XDG base directories)."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "vshell"


def session_path(name: str) -> Path | None:
    """The file of a saved session; None if that cannot be a name."""
    return state_folder() / "sessions" / f"{name}.json" if NAME.fullmatch(name) else None


def typed_text(keys: bytes) -> str:
    """The line (or lines) that keys made, as the terminal's line discipline edits it."""
    return "\n".join(_edited(line) for line in re.split("[\r\n]", keys.decode("utf-8", "replace").rstrip("\r\n")))


def _edited(keys: str) -> str:
    line: list[str] = []
    for c in keys:
        if c in "\b\x7f":
            del line[-1:]
        elif c == "\x15":
            line.clear()
        elif c == "\x17":
            kept = "".join(line).rstrip()
            del line[max(kept.rfind(" "), kept.rfind("\t")) + 1 :]
        elif c >= " " or c == "\t":
            line.append(c)
    return "".join(line)
