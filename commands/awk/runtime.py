"""What a translated awk program calls: records and fields, conversions, built-in functions (run.c, lib.c, tran.c).

`Awk.field(n)` is a value, `Awk.text(n)` its string; the record is split when a field or NF is first asked for, with the
FS of the time the record was read.  A part of a record that looks like a number becomes a StrNum only when its value,
not just its text, is wanted.
"""

from __future__ import annotations

import math
import re
import sys as python
from collections.abc import Callable
from typing import Any, NoReturn

from vshell.commands.awk.array import UNINIT, Array, StrNum, Value, strnum
from vshell.commands.awk.pattern import PatternError, compile_pattern
from vshell.commands.awk.printf import convert
from vshell.commands.awk.streams import Streams
from vshell.userland.program import Exit, Program
from vshell.userland.random3 import RAND_MAX, Random
from vshell.userland.regex import Regex

NUMBER = re.compile(r"[ \t\n\v\f\r]*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-](?:inf|nan)(?=\s|$))", re.IGNORECASE)
LOOKS = re.compile(r"[ \t\n\v\f\r]*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-](?:inf|nan))[ \t\n\v\f\r]*", re.IGNORECASE)
BLANKS = re.compile("[ \t\n]+")


class Leave(Exception):
    """exit in awk: goes to END, or ends END."""


def num(value: Value) -> float:
    """getfval: the number of a value."""
    if isinstance(value, float):
        return value
    if isinstance(value, StrNum):
        return value.num
    m = NUMBER.match(value)
    return float(m[0]) if m else 0.0


def truth(value: Value) -> bool:
    """Is it neither zero nor empty?"""
    if isinstance(value, float):
        return value != 0
    if isinstance(value, StrNum):
        return value.num != 0
    return value != ""


def put(array: Array, key: str, value: Value) -> Value:
    """array[key] = value as an expression."""
    array[key] = value
    return value


def put_with(array: Array, key: str, op: str, operand: float, rt: Awk) -> float:
    """array[key] op= operand."""
    value = rt.combine(op, num(array[key]), operand)
    array[key] = value
    return value


def substr(text: str, start: float, length: float | None = None) -> str:
    """substr(s, m[, n]); numbers are cut, not rounded."""
    size = len(text)
    m = min(max(_int(start), 1), size + 1)
    n = size if length is None else min(max(_int(length), 0), size + 1 - m)
    return text[m - 1 : m - 1 + n]


def _int(x: float) -> int:
    """(int) x."""
    if x != x or abs(x) >= 2147483648.0:
        return -2147483648
    return int(x)


def from_outside(text: str) -> str:
    """A string from input: a StrNum if it looks like a number."""
    if LOOKS.fullmatch(text):
        return strnum(text, float(text))
    return text


class Awk:
    """The state of a running program."""

    def __init__(self, p: Program, csv: bool) -> None:
        self.p = p
        self.csv = csv
        self.namespace: dict[str, Any] = {}
        self.lines: list[int] = []
        self.streams = Streams(self)
        self.ranges: dict[int, bool] = {}
        self.regexes: dict[str, Regex] = {}
        self.status = 0
        self.random = Random()
        self.seed = 1.0
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
            self.status = _int(status)
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
        return convert(self, fmt, (x,))

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

    # arithmetic ------------------------------------------------------------------------------------------------
    def divide(self, a: float, b: float, where: str = "") -> float:
        """a / b."""
        if b == 0:
            self.fatal(f"division by zero{' in /=' if where else ''}")
        return a / b

    def modulo(self, a: float, b: float, where: str = "") -> float:
        """a % b, with the sign of a."""
        if b == 0:
            self.fatal(f"division by zero in {where or 'mod'}")
        if math.isinf(a) or a != a or b != b:
            return float("nan")
        return math.fmod(a, b) + 0.0

    def power(self, a: float, b: float) -> float:
        """a ^ b."""
        try:
            result = a**b
            return result if isinstance(result, float) else self.domain("pow")
        except OverflowError:
            if b >= 0 and b.is_integer():
                return float("-inf") if a < 0 and b % 2 else float("inf")
            return self.out_of_range("pow")
        except ZeroDivisionError:
            return self.out_of_range("pow")

    def combine(self, op: str, a: float, b: float) -> float:
        """The operator of an assignment."""
        if op == "+":
            return a + b
        if op == "-":
            return a - b
        if op == "*":
            return a * b
        if op == "/":
            return self.divide(a, b, "/=")
        return self.modulo(a, b, "%=") if op == "%" else self.power(a, b)

    def domain(self, name: str) -> float:
        """errcheck, EDOM."""
        self.warning(f"{name} argument out of domain")
        return 1.0

    def out_of_range(self, name: str) -> float:
        """errcheck, ERANGE."""
        self.warning(f"{name} result out of range")
        return 1.0

    def math(self, name: str, function: Callable[[float], float], x: float) -> float:
        """A function of <math.h>."""
        try:
            return function(x)
        except ValueError:
            return self.domain(name)
        except OverflowError:
            return self.out_of_range(name)

    def log_(self, x: float) -> float:
        """log."""
        if x == 0:
            return self.out_of_range("log")
        return self.math("log", math.log, x)

    def exp_(self, x: float) -> float:
        """exp."""
        return self.math("exp", math.exp, x)

    def sqrt_(self, x: float) -> float:
        """sqrt."""
        return self.math("sqrt", math.sqrt, x)

    def sin_(self, x: float) -> float:
        """sin."""
        return math.sin(x) if math.isfinite(x) else float("nan")

    def cos_(self, x: float) -> float:
        """cos."""
        return math.cos(x) if math.isfinite(x) else float("nan")

    def int_(self, x: float) -> float:
        """int: towards zero."""
        return float(math.trunc(x)) + 0.0 if math.isfinite(x) else x

    def atan2_(self, y: float, x: float) -> float:
        """atan2."""
        return math.atan2(y, x)

    def compl_(self, x: float) -> float:
        """~x."""
        return float(~_int(x))

    def and_(self, x: float, y: float) -> float:
        """x & y."""
        return float(_int(x) & _int(y))

    def or_(self, x: float, y: float) -> float:
        """x | y."""
        return float(_int(x) | _int(y))

    def xor_(self, x: float, y: float) -> float:
        """x ^ y."""
        return float(_int(x) ^ _int(y))

    def lshift_(self, x: float, y: float) -> float:
        """x << y in an int."""
        value = (_int(x) << (_int(y) & 31)) & 0xFFFFFFFF
        return float(value - (1 << 32) if value >> 31 else value)

    def rshift_(self, x: float, y: float) -> float:
        """x >> y in an int."""
        return float(_int(x) >> (_int(y) & 31))

    def two_arguments(self, name: str) -> float:
        """A function called with too few."""
        value = "1.0" if name == "atan2" else "0"
        self.warning(f"{name} requires two arguments; returning {value}")
        return float(value)

    def rand_(self) -> float:
        """rand."""
        return self.random.random() / RAND_MAX

    def srand_(self, seed: float | None = None) -> float:
        """srand: the seed that was."""
        if seed is None:
            seed = self.systime_()
        old, self.seed = self.seed, seed
        self.random.srandom(int(seed) if math.isfinite(seed) else 0)
        return old

    # time ------------------------------------------------------------------------------------------------------
    def systime_(self) -> float:
        """Seconds since the epoch."""
        return float(self.p.sys.clock_gettime() // 1_000_000_000)

    def strftime_(self, fmt: str, when: float | None = None) -> str:
        """strftime(format, seconds)."""
        from vshell.userland.strftime import gmtime, strftime

        seconds = int(self.systime_() if when is None else when)
        return strftime(fmt, gmtime(seconds))

    def mktime_(self, text: str) -> float:
        """mktime("YYYY MM DD HH MM SS")."""
        from calendar import timegm

        try:
            numbers = [int(word) for word in text.split()[:7]]
        except ValueError:
            return -1.0
        if len(numbers) < 6:
            return -1.0
        year, month = numbers[0] + (numbers[1] - 1) // 12, (numbers[1] - 1) % 12 + 1
        try:
            days = timegm((year, month, 1, 0, 0, 0, 0, 0, 0))
        except (ValueError, OverflowError):
            return -1.0
        return float(days + (numbers[2] - 1) * 86400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5])

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
            self.fatal(f"trying to access out of range field {_int(n)}")
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
            return UNINIT
        return from_outside(self.fields[n - 1])

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
            self.set_nf(_int(num(value)))
        elif name in ("NR", "FNR", "RSTART", "RLENGTH"):
            setattr(self, name, num(value))
        else:
            if name == "OFS" and not self.joined:
                self.join_record()
            if self.csv and name in ("FS", "RS"):
                self.warning(f"danger: don't set {name} when --csv is in effect")
            setattr(self, name, self.string(value))
        return value

    # reading and writing, see streams.py -----------------------------------------------------------------------
    async def getline_main(self, to_variable: bool) -> float:
        """getline, getline var."""
        self.p.stdout.flush()
        text = await self.streams.next_record()
        self.read_status = 0.0 if text is None else 1.0
        if text is None:
            return 0.0
        if to_variable:
            self.got = from_outside(text)
        else:
            self.set_record(text)
        return 1.0

    async def getline_cmd(self, command: str, to_record: bool) -> float:
        """cmd | getline."""
        return await self.getline_from("|", command, to_record)

    async def getline_file(self, path: str, to_record: bool) -> float:
        """getline < file."""
        return await self.getline_from("<", path, to_record)

    async def getline_from(self, mode: str, name: str, to_record: bool) -> float:
        """Read from a named stream."""
        self.p.stdout.flush()
        source = await self.streams.reader(mode, name)
        text = None if source is None else await source.record(self.RS, self)
        self.read_status = -1.0 if source is None else 0.0 if text is None else 1.0
        if text is not None:
            if to_record:
                self.set_record(text)
            else:
                self.got = from_outside(text)
        return self.read_status

    async def print_to(self, mode: str, name: str, text: str) -> None:
        """print > file, >> file, | command."""
        await self.streams.write(mode, name, text)

    async def system_(self, command: str) -> float:
        """system(command)."""
        return await self.streams.system(command)

    async def close_(self, name: str) -> float:
        """close(name)."""
        return await self.streams.close(name)

    async def fflush_(self, name: str) -> float:
        """fflush(), fflush(name)."""
        return await self.streams.flush(name)

    def nextfile(self) -> None:
        """nextfile."""
        self.streams.nextfile()

    # strings ---------------------------------------------------------------------------------------------------
    def sprintf(self, fmt: str, *args: Value) -> str:
        """sprintf."""
        return convert(self, fmt, args)

    def match_(self, text: str, regex: Regex) -> float:
        """match: sets RSTART and RLENGTH."""
        span = regex.find(text)
        if span is None:
            self.RSTART, self.RLENGTH = 0.0, -1.0
        else:
            self.RSTART, self.RLENGTH = float(span[0] + 1), float(span[1] - span[0])
        return self.RSTART

    def split_(self, text: str, array: Array, fs: str | None = None, regex: Regex | None = None) -> float:
        """split."""
        text = str(text)
        if regex is not None and fs:
            parts = self.split_regex(text, regex) if text else []
        elif fs is None and self.csv:
            parts = split_csv(text)
        else:
            parts = self.split_text(text, self.FS if fs is None else str(fs))
        array.empty()
        for i, part in enumerate(parts, 1):
            array[str(i)] = from_outside(part)
        return float(len(parts))

    def substitute(self, regex: Regex, new: str, text: str, which: int) -> bool:
        """sub (which 1) and gsub (0): the result in `got`, how many in `sub_count`; False if nothing matched."""
        self.sub_count = 0.0
        span = regex.find(text)
        if span is None:
            return False
        pieces = replacement(new)
        out: list[str] = []
        at, no_empty, count = 0, -1, 0
        while span is not None:
            start, end = span
            ignore = start == end == no_empty
            count += not ignore
            out.append(text[at:start])
            if not ignore:
                matched = text[start:end]
                out.extend(matched if piece is None else piece for piece in pieces)
            at = end
            if start == end:
                # An empty match: the next character stays as it is.
                out.append(text[end : end + 1])
                at = end + 1
            else:
                no_empty = end
            if (which and count == which) or start >= len(text) or at > len(text):
                break
            span = regex.find(text, at)
        out.append(text[at:])
        self.got, self.sub_count = "".join(out), float(count)
        return True

    def gensub_(self, regex: Regex, new: str, how: Value, text: str) -> str:
        """gensub(regex, new, how, text), without back-references."""
        if re.search(r"\\[0-9]", new):
            self.fatal(f'gensub doesn\'t support backreferences (subst "{new}")')
        which = 0 if self.string(how)[:1] in ("g", "G") else max(_int(num(how)), 1)
        pieces = replacement(new)
        out: list[str] = []
        at = count = 0
        after_match = False
        while at <= len(text) and (span := regex.find(text, at)) is not None:
            start, end = span
            out.append(text[at:start])
            if start != end or not after_match or start != at:
                count += 1
                matched = text[start:end]
                wanted = not which or count == which
                out.extend(matched if p is None else p for p in pieces) if wanted else out.append(matched)
            after_match = start != end
            at = end
            if start == end:
                out.append(text[end : end + 1])
                at = end + 1
        out.append(text[at:])
        return "".join(out)


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


def replacement(new: str) -> list[str | None]:
    """The new text of sub in pieces; None stands for what was matched (backsub)."""
    if "&" not in new and "\\" not in new:
        return [str(new)]
    out: list[str | None] = []
    i = 0
    while i < len(new):
        if new[i] == "&":
            out.append(None)
            i += 1
        elif new.startswith("\\\\\\&", i):
            out.append("\\&")
            i += 4
        elif new.startswith("\\\\&", i):
            out.append("\\")
            i += 2
        elif new.startswith("\\\\", i):
            out.append("\\\\")
            i += 2
        elif new.startswith("\\&", i):
            out.append("&")
            i += 2
        else:
            out.append(new[i])
            i += 1
    return out
