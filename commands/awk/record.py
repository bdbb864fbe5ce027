"""awk's record and fields (lib.c: fldbld, recbld).

`field(n)` is a value, `text(n)` its string; the record is split when a field or NF is first asked for, with the FS of
the time the record was read.  A part of a record that looks like a number becomes a StrNum only when its value, not just
its text, is wanted.
"""

from __future__ import annotations

import re

from vshell.commands.awk.array import Value
from vshell.commands.awk.core import Core
from vshell.commands.awk.values import c_int, from_outside, num
from vshell.userland.regex import Regex

BLANKS = re.compile("[ \t\n]+")


class Record(Core):
    """$0, $1, ..., NF."""

    # record and fields -----------------------------------------------------------------------------------------
    def set_record(self, text: Value) -> None:
        """A new $0."""
        self.record = text
        self.split_done = False
        self.joined = True
        self.input_fs = self.FS

    def split_record(self) -> None:
        """fldbld."""
        self.split_done = True
        self.assigned.clear()
        text = self.string(self.record)
        if self.csv:
            self.fields = split_csv(text)
        else:
            self.fields = self.split_text(text, self.input_fs, True)

    def split_text(self, text: str, fs: str, record: bool = False) -> list[str]:
        """Fields of a text: blanks, one character, every character, or an expression."""
        if fs == " ":
            return text.split() if text.isascii() and not any(c in text for c in "\v\f\r\x1c\x1d\x1e\x1f") else blanks(text)
        if not text:
            return []
        if len(fs) > 1:
            return self.split_regex(text, self.regex(fs))
        if not fs:
            return list(text)
        if record and not self.RS and fs != "\n":
            text = text.replace("\n", fs)
        return text.split(fs)

    def split_regex(self, text: str, regex: Regex) -> list[str]:
        """Fields between non-empty matches."""
        out, at, start = [], 0, 0
        while (span := regex.find(text, at)) is not None:
            if span[0] == span[1]:
                at = span[0] + 1
                if at > len(text):
                    break
                continue
            out.append(text[start : span[0]])
            start = at = span[1]
        out.append(text[start:])
        return out

    def index(self, n: float) -> int:
        """A field number."""
        if n > 2147483647:
            self.fatal(f"trying to access out of range field {self.num_text(n)}")
        if n <= -1:
            self.fatal(f"trying to access out of range field {c_int(n)}")
        return int(n)

    def join_record(self) -> None:
        """recbld."""
        self.joined = True
        self.record = self.OFS.join([self.field_text(i) for i in range(1, len(self.fields) + 1)])

    def field_text(self, n: int) -> str:
        if n in self.assigned:
            return self.string(self.assigned[n])
        return self.fields[n - 1] if n <= len(self.fields) else ""

    def text(self, n: int) -> str:
        """$n as a string."""
        if n == 0:
            if not self.joined:
                self.join_record()
            record = self.record
            return record if isinstance(record, str) else self.num_text(record)
        if not self.split_done:
            self.split_record()
        if self.assigned:
            return self.field_text(n)
        return self.fields[n - 1] if n <= len(self.fields) else ""

    def field(self, n: int) -> Value:
        """$n as a value."""
        if n == 0:
            if not self.joined:
                self.join_record()
            return self.record if isinstance(self.record, float) else from_outside(self.record)
        if not self.split_done:
            self.split_record()
        if n in self.assigned:
            return self.assigned[n]
        if n > len(self.fields):
            return ""
        return from_outside(self.fields[n - 1])

    def field_number(self, n: int) -> float:
        """$n as a number."""
        if n and self.split_done and not self.assigned:
            if n > len(self.fields):
                return 0.0
            text = self.fields[n - 1]
            return float(text) if text.isdigit() and text.isascii() else num(text)
        return num(self.field(n))

    def set_field(self, n: int, value: Value) -> Value:
        """$n = value."""
        if n == 0:
            self.set_record(value)
            return value
        if not self.split_done:
            self.split_record()
        if n > len(self.fields):
            self.fields += [""] * (n - len(self.fields))
        self.assigned[n] = value
        self.joined = False
        return value

    def get_nf(self) -> float:
        """NF."""
        if not self.split_done:
            self.split_record()
        return float(len(self.fields))

    def set_nf(self, n: int) -> None:
        """NF = n."""
        if not self.split_done:
            self.split_record()
        if n < 0:
            self.fatal("cannot set NF to a negative value")
        del self.fields[n:]
        self.fields += [""] * (n - len(self.fields))
        for i in [i for i in self.assigned if i > n]:
            del self.assigned[i]
        self.joined = False

    def set_special(self, name: str, value: Value) -> Value:
        """Assign to a special variable."""
        if name == "NF":
            self.set_nf(c_int(num(value)))
        elif name in ("NR", "FNR", "RSTART", "RLENGTH"):
            setattr(self, name, num(value))
        else:
            if name == "OFS" and not self.joined:
                self.join_record()
            if self.csv and name in ("FS", "RS"):
                self.warning(f"danger: don't set {name} when --csv is in effect")
            setattr(self, name, self.string(value))
        return value


def blanks(text: str) -> list[str]:
    """Split on blanks, tabs and newlines only."""
    return [part for part in BLANKS.split(text) if part]


def split_csv(text: str) -> list[str]:
    """--csv fields."""
    if not text:
        return []
    out, at, size = [], 0, len(text)
    while True:
        if text[at : at + 1] == '"':
            at += 1
            piece: list[str] = []
            while at < size:
                if text[at] == '"':
                    if text[at + 1 : at + 2] == '"':
                        piece.append('"')
                        at += 2
                        continue
                    if at + 1 >= size or text[at + 1] == ",":
                        at += 1
                        break
                piece.append(text[at])
                at += 1
            out.append("".join(piece))
        else:
            end = text.find(",", at)
            end = size if end < 0 else end
            out.append(text[at:end])
            at = end
        if at >= size:
            return out
        at += 1
