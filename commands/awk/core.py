"""The base of awk's runtime: special variables, errors, conversions and comparisons (run.c, tran.c, lib.c)."""

from __future__ import annotations

import math
import re
import sys as python
from typing import Any, NoReturn

from vshell.commands.awk.array import StrNum, Value
from vshell.commands.awk.pattern import PatternError, compile_pattern
from vshell.commands.awk.printf import convert
from vshell.commands.awk.values import c_int, num
from vshell.userland.program import Exit, Program
from vshell.userland.regex import Regex


class Leave(Exception):
    """exit in awk: goes to END, or ends END."""


class Core:
    """State and services that everything else needs."""

    def __init__(self, p: Program, csv: bool) -> None:
        self.p = p
        self.csv = csv
        self.namespace: dict[str, Any] = {}
        self.lines: list[int] = []
        self.ranges: dict[int, bool] = {}
        self.regexes: dict[str, Regex] = {}
        self.status = 0
        # What the last read or substitution gave.
        self.got: str = ""
        self.read_status = 0.0
        self.sub_count = 0.0
        # Special variables; NF is asked for with get_nf.
        self.NR = self.FNR = 0.0
        self.RSTART = self.RLENGTH = 0.0
        self.FS, self.OFS, self.ORS, self.RS = " ", " ", "\n", "\n"
        self.SUBSEP, self.CONVFMT, self.OFMT = "\034", "%.6g", "%.6g"
        self.FILENAME: str = ""
        # The record.
        self.record: Value = ""
        self.fields: list[str] = []
        self.assigned: dict[int, Value] = {}
        self.split_done = True
        self.joined = True
        self.input_fs = " "

    # errors ----------------------------------------------------------------------------------------------------
    def source_line(self) -> int:
        """The line of the awk program that runs now."""
        frame = python._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == "<awk>":
                return self.lines[frame.f_lineno - 1]
            frame = frame.f_back  # type: ignore[assignment]
        return 1

    def report(self, text: str) -> None:
        """WARNING: the text and where it happened."""
        p = self.p
        p.stdout.flush()
        lines = [f"{p.argv[0]}: {text}\n"]
        if self.NR > 0:
            where = f", file {self.FILENAME}" if self.FILENAME != "-" else ""
            lines.append(f" input record number {int(self.FNR)}{where}\n")
        lines.append(f" source line number {self.source_line()}\n")
        p.stderr.write("".join(lines))

    warning = report

    def fatal(self, text: str) -> NoReturn:
        """FATAL: report and exit with status 2."""
        self.report(text)
        raise Exit(2)

    def undefined(self, name: str) -> NoReturn:
        """A call of a function that is nowhere defined."""
        self.fatal(f"calling undefined function {name}")

    def array_value(self, name: str) -> NoReturn:
        """An array used as a scalar."""
        self.fatal(f"can't read value of {name}; it's an array name.")

    def array_assigned(self, name: str, value: Value) -> NoReturn:
        """An array assigned to."""
        self.fatal(f"can't assign to {name}; it's an array name.")

    def illegal_next(self) -> NoReturn:
        """next in BEGIN or END."""
        self.fatal("illegal break, continue, next or nextfile from BEGIN")

    def exit(self, status: float | None = None) -> NoReturn:
        """exit."""
        if status is not None:
            self.status = c_int(status)
        raise Leave

    # conversions -----------------------------------------------------------------------------------------------
    def format_number(self, x: float, fmt: str) -> str:
        """A number as text: whole ones exactly, others with CONVFMT or OFMT."""
        if math.isinf(x) or math.isnan(x):
            if math.isinf(x):
                return "-inf" if x < 0 else "+inf"
            return "-nan" if math.copysign(1, x) < 0 else "+nan"
        if x == int(x):
            return str(int(x)) if abs(x) < 1e29 else format(x, ".30g")
        if fmt == "%.6g":
            return format(x, ".6g")
        return convert(self, fmt, (x,))[:255]

    def num_text(self, x: float) -> str:
        """The string of a number."""
        if x.is_integer() and -1e15 < x < 1e15:
            return str(int(x))
        return self.format_number(x, self.CONVFMT)

    def ofmt(self, x: float) -> str:
        """A number as print shows it."""
        if x.is_integer() and -1e15 < x < 1e15:
            return str(int(x))
        return self.format_number(x, self.OFMT)

    def string(self, value: Value) -> str:
        """getsval: the string of a value."""
        return value if isinstance(value, str) else self.num_text(value)

    def shown(self, value: Value) -> str:
        """getpssval: the string print shows."""
        return value if isinstance(value, str) else self.ofmt(value)

    def order(self, a: Value, b: Value) -> int:
        """-1, 0, 1; numbers if both may be numbers, else strings."""
        if isinstance(a, (float, StrNum)) and isinstance(b, (float, StrNum)):
            x, y = num(a), num(b)
            return (x > y) - (x < y)
        s, t = self.string(a), self.string(b)
        return (s > t) - (s < t)

    def _nan(self, a: Value, b: Value) -> bool:
        both = isinstance(a, (float, StrNum)) and isinstance(b, (float, StrNum))
        return both and (num(a) != num(a) or num(b) != num(b))

    def eq(self, a: Value, b: Value) -> bool:
        """a == b."""
        return not self._nan(a, b) and self.order(a, b) == 0

    def ne(self, a: Value, b: Value) -> bool:
        """a != b."""
        return self._nan(a, b) or self.order(a, b) != 0

    def lt(self, a: Value, b: Value) -> bool:
        """a < b."""
        return not self._nan(a, b) and self.order(a, b) < 0

    def le(self, a: Value, b: Value) -> bool:
        """a <= b."""
        return not self._nan(a, b) and self.order(a, b) <= 0

    def gt(self, a: Value, b: Value) -> bool:
        """a > b."""
        return not self._nan(a, b) and self.order(a, b) > 0

    def ge(self, a: Value, b: Value) -> bool:
        """a >= b."""
        return not self._nan(a, b) and self.order(a, b) >= 0

    def regex(self, text: str) -> Regex:
        """A dynamic regular expression."""
        found = self.regexes.get(text)
        if found is None:
            try:
                found = compile_pattern(text)
            except PatternError as e:
                self.fatal(str(e))
            except (re.error, RecursionError, OverflowError):
                self.fatal(f"regular expression too big: out of space in {text[:30]}...")
            if len(self.regexes) > 500:
                self.regexes.clear()
            self.regexes[str(text)] = found
        return found
