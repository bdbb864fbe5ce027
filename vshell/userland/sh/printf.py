"""printf(1), shared by the builtin and the program (usr.bin/printf/printf.c)."""

from __future__ import annotations

from vshell.abi.errno import ERANGE, strerror
from vshell.userland.sh import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = "usage: printf format [arguments ...]\n"

_ESCAPES = {"\\": 92, "'": 39, "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_DIGITS = "0123456789"
_OCTAL = "01234567"


class _Stop(Exception):
    """The format ends the program with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def unescape(text: str, percent: bool) -> tuple[bytes, bool]:
    """Backslash sequences done; True if \\c was met (in %b).  With `percent` a % made by an escape is doubled."""
    out = bytearray()
    i = 0
    n = len(text)
    while i < n:
        c = text[i]
        i += 1
        if c != "\\":
            out += c.encode("utf-8", "surrogateescape")
            continue
        if i >= n:
            out += b"\\"
            break
        c = text[i]
        if c in _OCTAL:
            count = 4 if not percent and c == "0" else 3
            end = i
            while end < i + count and end < n and text[end] in _OCTAL:
                end += 1
            value = int(text[i:end], 8) & 0xFF
            i = end
            out += b"%%" if percent and value == 37 else bytes((value,))
            continue
        i += 1
        if c == "c" and not percent:
            return bytes(out), True
        out += bytes((_ESCAPES[c],)) if c in _ESCAPES else c.encode("utf-8", "surrogateescape")
    return bytes(out), False


class Printf:
    """One run: `warn` reports, the output is collected in `out`."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.out = bytearray()
        self.status = 0
        self.args: list[str] = []
        self.all: list[str] = []
        self.at = 0
        self.top = 0

    def run(self, argv: list[str]) -> int:
        """Format argv[1:] as argv[0] says; returns the exit status."""
        try:
            self._run(argv)
        except _Stop as e:
            return e.status
        return self.status

    def _run(self, argv: list[str]) -> None:
        fmt, _ = unescape(argv[0], True)
        text = fmt.decode("utf-8", "surrogateescape")
        self.all = argv[1:]
        self.at = 0
        restarted = False
        while True:
            base = self.at
            self.args = self.all[base:]
            self.at = self.top = 0
            converted = self._pass(text)
            if restarted and not converted:
                self.warn("missing format character")
                raise _Stop(1)
            self.at = base + max(self.top, self.at)
            if self.at >= len(self.all):
                return
            if not converted:
                # Arguments are left and the format takes none: what it prints the second time is cut.
                self.warn("missing format character")
                raise _Stop(1)
            restarted = True

    def _pass(self, text: str) -> bool:
        """The format once; True if it has a conversion."""
        i = 0
        converted = False
        while True:
            at = text.find("%", i)
            if at < 0:
                break
            self.out += text[i:at].encode("utf-8", "surrogateescape")
            if text[at + 1 : at + 2] == "%":
                self.out += b"%"
                i = at + 2
            else:
                i = self._conversion(text, at + 1)
                converted = True
            self.top = max(self.top, self.at)
        self.out += text[i:].encode("utf-8", "surrogateescape")
        return converted

    # one conversion ----------------------------------------------------------------------------------------------
    def _conversion(self, text: str, i: int) -> int:
        position, i = self._position(text, i)
        if position is not None:
            self.at = position
        flags = ""
        while text[i : i + 1] and text[i] in "#'-+ 0":
            flags += text[i]
            i += 1
        width, i = self._size(text, i, position is not None)
        precision: int | None = None
        if text[i : i + 1] == ".":
            precision, i = self._size(text, i + 1, position is not None)
            precision = 0 if precision is None else precision
        letter = text[i : i + 1]
        if not letter:
            self.warn("missing format character")
            raise _Stop(1)
        i += 1
        if letter == "L":
            letter = text[i : i + 1]
            i += 1
            if not letter or letter not in "aAeEfFgG":
                self.warn(f"bad modifier L for %{letter}")
                raise _Stop(1)
        if position is not None:
            self.at = position
        if width is not None and width < 0:
            flags += "-"
            width = -width
        if precision is not None and precision < 0:
            precision = None
        self._convert(letter, flags, width or 0, precision)
        return i

    def _position(self, text: str, i: int) -> tuple[int | None, int]:
        """The n of %n$, as an index."""
        end = i
        while text[end : end + 1] and text[end] in _DIGITS:
            end += 1
        if end > i and text[end : end + 1] == "$":
            index = min(max(int(text[i:end]) - 1, 0), len(self.args))
            self.top = max(self.top, index)
            return index, end + 1
        return None, i

    def _size(self, text: str, i: int, positional: bool) -> tuple[int | None, int]:
        """A width or precision: digits or *."""
        if text[i : i + 1] != "*":
            end = i
            while text[end : end + 1] and text[end] in _DIGITS:
                end += 1
            return (int(text[i:end]) if end > i else None), end
        index, after = self._position(text, i + 1)
        if (index is not None) != positional:
            self.warn("incomplete use of n$")
            raise _Stop(1)
        if index is not None:
            self.at = index
        arg = self.args[self.at] if self.at < len(self.args) else ""
        before, self.status = self.status, 0
        value = self._integer(True)
        if self.status:
            raise _Stop(1)
        self.status = before
        if not -(1 << 31) <= value < 1 << 31:
            self.warn(f"{arg}: {strerror(ERANGE)}")
            raise _Stop(1)
        return value, after

    def _convert(self, letter: str, flags: str, width: int, precision: int | None) -> None:
        if letter == "b":
            data, stop = unescape(self._next(), False)
            data = data.partition(b"\0")[0]  # a C string ends there
            self._pad(data if precision is None else data[:precision], flags, width)
            if stop:
                raise _Stop(self.status)
        elif letter == "c":
            data = self._next().encode("utf-8", "surrogateescape")[:1]
            if data:
                self._pad(data, flags, width)
        elif letter == "s":
            data = self._next().encode("utf-8", "surrogateescape")
            self._pad(data if precision is None else data[:precision], flags, width)
        elif letter in "di":
            self._pad_number(self._integer(True), letter, flags, width, precision)
        elif letter in "ouxX":
            self._pad_number(self._integer(False) & number.UMAX, letter, flags, width, precision)
        elif letter in "eEfFgGaA":
            self._float(letter, flags, width, precision)
        else:
            self.warn(f"illegal format character {letter}")
            raise _Stop(1)

    def _next(self) -> str:
        if self.at >= len(self.args):
            return ""
        self.at += 1
        return self.args[self.at - 1]

    def _pad(self, data: bytes, flags: str, width: int) -> None:
        self.out += data.ljust(width) if "-" in flags else data.rjust(width)

    def _pad_number(self, value: int, letter: str, flags: str, width: int, precision: int | None) -> None:
        digits = f"{abs(value):{letter if letter in 'oxX' else 'd'}}"
        if precision == 0 and value == 0:
            digits = ""
        if precision is not None:
            digits = digits.rjust(precision, "0")
        prefix = ""
        if letter in "di":
            prefix = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
        elif "#" in flags and letter in "xX" and value:
            prefix = "0" + letter
        elif "#" in flags and letter == "o" and not digits.startswith("0"):
            digits = "0" + digits
        if "0" in flags and "-" not in flags and precision is None:
            digits = digits.rjust(width - len(prefix), "0")
        self._pad((prefix + digits).encode(), flags, width)

    def _float(self, letter: str, flags: str, width: int, precision: int | None) -> None:
        value = self._floating()
        keep = "".join(f for f in flags if f in "#-+ 0")
        if letter in "aA":
            text = _hexfloat(value, precision)
            if not text.startswith("-"):
                text = ("+" if "+" in flags else " " if " " in flags else "") + text
            if letter == "A":
                text = text.upper()
            if "0" in flags and "-" not in flags and "x" in text.lower():
                head, x, tail = text.partition(text[text.lower().index("x")])
                text = head + x + tail.rjust(width - len(head) - 1, "0")
        else:
            if value != value or value in (float("inf"), float("-inf")):
                keep = keep.replace("0", "")
            size = "" if precision is None else f".{precision}"
            text = f"%{keep}{width or ''}{size}{letter}" % value
        self._pad(text.encode(), flags, width)

    # arguments as numbers ----------------------------------------------------------------------------------------
    def _code(self, arg: str) -> int:
        """The value of a character constant: a quote and a character."""
        c = arg[1:2]
        if not c:
            return 0
        return ord(c) - 0xDC00 if "\udc80" <= c <= "\udcff" else ord(c)

    def _integer(self, signed: bool) -> int:
        """The next argument as a number, 0 if there is none."""
        if self.at >= len(self.args):
            return 0
        arg = self.args[self.at]
        self.at += 1
        if arg[:1] in ("'", '"') and arg:
            return self._code(arg)
        value, used = number.parse(arg)
        failed = False
        if not used:
            self.warn(f"{arg}: expected numeric value")
            failed = True
        elif used < len(arg):
            self.warn(f"{arg}: not completely converted")
            failed = True
        low, high = (number.IMIN, number.IMAX) if signed else (-number.UMAX, number.UMAX)
        if not low <= value <= high:
            self.warn(f"{arg}: {strerror(ERANGE)}")
            failed = True
            value = high if value > 0 or not signed else low
        if failed:
            self.status = 1
        return value

    def _floating(self) -> float:
        if self.at >= len(self.args):
            return 0.0
        arg = self.args[self.at]
        self.at += 1
        if arg[:1] in ("'", '"') and arg:
            return float(self._code(arg))
        value, used, overflow = number.parse_float(arg)
        if not used:
            self.warn(f"{arg}: expected numeric value")
            self.status = 1
        elif used < len(arg):
            self.warn(f"{arg}: not completely converted")
            self.status = 1
        if overflow:
            self.warn(f"{arg}: {strerror(ERANGE)}")
            self.status = 1
        return value


def _hexfloat(value: float, precision: int | None) -> str:
    """%a: like float.hex, without zeros at the end."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    text = value.hex()
    head, _, exponent = text.partition("p")
    whole, _, fraction = head.partition(".")
    fraction = fraction.rstrip("0") if precision is None else _round_hex(fraction, precision)
    return f"{whole}{'.' if fraction else ''}{fraction}p{exponent}"


def _round_hex(fraction: str, precision: int) -> str:
    if precision >= len(fraction):
        return fraction.ljust(precision, "0")
    if precision == 0:
        return ""
    value = int(fraction, 16) + (8 << 4 * (len(fraction) - precision - 1))
    return f"{value >> 4 * (len(fraction) - precision):0{precision}x}"[-precision:]
