"""Types of message arguments: from ASCII to binary and back (ng_parse(9), netgraph/ng_parse.c).

The binary form is that of FreeBSD's structs.  Text is handled as latin-1, one character per byte.  A type also converts
between bytes and Python values (`load`, `dump`), which is what node types work with: a structure is a dict, an array a
list, a string a str.
"""

from __future__ import annotations

from collections.abc import Callable
from re import compile as regex
from typing import Any

from vshell.abi.errno import E2BIG, EALREADY, EINVAL, ENOENT, EOPNOTSUPP, ERANGE, KError

SPACE = " \t\n\v\f\r"
_NUMBER = regex(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_HEX = regex(r"[ \t\n\v\f\r]*(?:0[xX])?([0-9a-fA-F]+)")
_WORD_END = regex(r'[\s{}\[\]="]')
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "v": "\v", "f": "\f", '"': '"'}
_ENCODED = {"\t": "\\t", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\v": "\\v", '"': '\\"', "\\": "\\\\"}
_QUAD = 1 << 63
BUFFER_SIZE = 20 * 1024
"""More than that does not become binary."""


# tokens --------------------------------------------------------------------------------------------------------
def skip_space(s: str, off: int) -> int:
    """The first character that is not white space."""
    while off < len(s) and s[off] in SPACE:
        off += 1
    return off


def get_token(s: str, off: int) -> tuple[str, int, int]:
    """ng_parse_get_token: (kind, start, end); kinds are the brackets, "=", "word", "string", "eof", "error"."""
    off = skip_space(s, off)
    if off >= len(s):
        return "eof", off, off
    if s[off] in "{}[]=":
        return s[off], off, off + 1
    if s[off] == '"':
        found = get_string(s, off)
        return ("error", off, off) if found is None else ("string", off, found[1])
    match = _WORD_END.search(s, off + 1)
    return "word", off, match.start() if match else len(s)


def get_string(s: str, off: int) -> tuple[str, int] | None:
    """ng_get_string_token: a string in double quotes and where it ends; None if there is none."""
    off = skip_space(s, off)
    if off >= len(s) or s[off] != '"':
        return None
    out: list[str] = []
    off += 1
    while off < len(s):
        c = s[off]
        if c == '"':
            return "".join(out), off + 1
        off += 1
        if c == "\\" and off < len(s):
            c, off = _escape(s, off)
        out.append(c)
    return None


def _escape(s: str, off: int) -> tuple[str, int]:
    c = s[off]
    if c in _ESCAPES:
        return _ESCAPES[c], off + 1
    digits, base, most = ("01234567", 8, 3) if c in "01234567" else ("0123456789abcdefABCDEF", 16, 2)
    if c != "x" and base == 16:
        return c, off + 1
    start = end = off + (base == 16)
    while end < len(s) and end - start < most and s[end] in digits:
        end += 1
    return chr(int(s[start:end] or "0", base) & 0xFF), end


def encode_string(raw: str) -> str:
    """ng_encode_string: in double quotes, with escapes."""
    return '"' + "".join(_ENCODED.get(c) or (c if " " <= c <= "~" else f"\\x{ord(c):02x}") for c in raw) + '"'


def skip_value(s: str, off: int) -> int:
    """ng_parse_skip_value: where a value ends.  EINVAL."""
    bracket = brace = 0
    while True:
        kind, _, off = get_token(s, off)
        if kind in "[]":
            bracket += 1 if kind == "[" else -1
        elif kind in "{}":
            brace += 1 if kind == "{" else -1
        if bracket < 0 or brace < 0 or kind in ("eof", "error"):
            raise KError(EINVAL)
        if not bracket and not brace:
            return off


# types ---------------------------------------------------------------------------------------------------------
class ParseType:
    """struct ng_parse_type."""

    align = 0

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """Append the binary form of the text at `off`; returns where it ended."""
        raise NotImplementedError

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """The text of what is at `off`, and where that ended."""
        raise NotImplementedError

    def default(self, buf: bytearray) -> None:
        """Append the value of something left out.  EOPNOTSUPP if there is none."""
        raise KError(EOPNOTSUPP)

    def load(self, data: bytes, off: int) -> tuple[Any, int]:
        """The value at `off`, and where it ended."""
        raise NotImplementedError

    def dump(self, value: Any, buf: bytearray) -> None:
        """Append a value."""
        raise NotImplementedError


class Int(ParseType):
    """ng_parse_int8_type and kin: `form` is "d" or "x" (hint types)."""

    def __init__(self, size: int, signed: bool = False, form: str = "d") -> None:
        self.size = self.align = size
        self.signed = signed
        self.form = form
        self.low, self.high = -1 << 8 * size - 1, (1 << 8 * size) - 1

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """strtol(3), then the range."""
        match = _NUMBER.match(s, off)
        if match is None:
            raise KError(EINVAL)
        sign, digits = match.groups()
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        value = int(digits, base) * (-1 if sign == "-" else 1)
        if self.size == 8:
            value = max(-_QUAD, min(_QUAD - 1, value))
        elif not self.low <= value <= self.high:
            raise KError(EINVAL)
        self.dump(value, buf)
        return match.end()

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """A decimal or hexadecimal number."""
        signed = self.signed and self.form == "d"
        value = int.from_bytes(data[off : off + self.size], "little", signed=signed)
        return (f"0x{value:x}" if self.form == "x" else str(value)), off + self.size

    def default(self, buf: bytearray) -> None:
        """Zero."""
        buf += bytes(self.size)

    def load(self, data: bytes, off: int) -> tuple[int, int]:
        """An int."""
        return int.from_bytes(data[off : off + self.size], "little", signed=self.signed), off + self.size

    def dump(self, value: int, buf: bytearray) -> None:
        """An int, cut to size."""
        buf += (value & self.high).to_bytes(self.size, "little")


class String(ParseType):
    """ng_parse_string_type, ended by NUL; with `size` ng_parse_fixedstring_type."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """A string in double quotes."""
        found = get_string(s, off)
        if found is None:
            raise KError(EINVAL)
        if self.size and len(found[0]) + 1 > self.size:
            raise KError(E2BIG)
        self.dump(found[0], buf)
        return found[1]

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """In double quotes."""
        value, off = self.load(data, off)
        return encode_string(value), off

    def default(self, buf: bytearray) -> None:
        """Empty."""
        buf += bytes(self.size or 1)

    def load(self, data: bytes, off: int) -> tuple[str, int]:
        """Up to the first NUL."""
        raw = data[off : off + self.size] if self.size else data[off:]
        value = raw.partition(b"\0")[0]
        return value.decode("latin-1"), off + (self.size or len(value) + 1)

    def dump(self, value: str, buf: bytearray) -> None:
        """Filled up with NULs."""
        raw = value.encode("latin-1", "replace")
        buf += raw[: self.size - 1].ljust(self.size, b"\0") if self.size else raw + b"\0"


class SizedString(ParseType):
    """ng_parse_sizedstring_type: a 16-bit length, then the bytes."""

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """A string in double quotes."""
        found = get_string(s, off)
        if found is None or len(found[0]) > 0xFFFF:
            raise KError(EINVAL)
        self.dump(found[0], buf)
        return found[1]

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """In double quotes."""
        value, off = self.load(data, off)
        return encode_string(value), off

    def default(self, buf: bytearray) -> None:
        """Empty."""
        buf += b"\0\0"

    def load(self, data: bytes, off: int) -> tuple[str, int]:
        """A str."""
        end = off + 2 + int.from_bytes(data[off : off + 2], "little")
        return data[off + 2 : end].decode("latin-1"), end

    def dump(self, value: str, buf: bytearray) -> None:
        """Length and bytes."""
        buf += len(value).to_bytes(2, "little") + value.encode("latin-1", "replace")


class IpAddr(ParseType):
    """ng_parse_ipaddr_type: bytes."""

    align = 4

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """Four numbers with dots."""
        for i in range(4):
            off = UINT8.parse(s, off, buf)
            if i < 3:
                if s[off : off + 1] != ".":
                    raise KError(EINVAL)
                off += 1
        return off

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """Dotted."""
        return ".".join(map(str, data[off : off + 4])), off + 4

    def default(self, buf: bytearray) -> None:
        """0.0.0.0."""
        buf += bytes(4)

    def load(self, data: bytes, off: int) -> tuple[bytes, int]:
        """Four bytes."""
        return bytes(data[off : off + 4]), off + 4

    def dump(self, value: bytes, buf: bytearray) -> None:
        """Four bytes."""
        buf += value


class EnAddr(ParseType):
    """ng_parse_enaddr_type: bytes; it has no default."""

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """Six hexadecimal numbers with colons."""
        for i in range(6):
            match = _HEX.match(s, off)
            if match is None or int(match.group(1), 16) > 0xFF:
                raise KError(EINVAL)
            buf.append(int(match.group(1), 16))
            off = match.end()
            if i < 5:
                if s[off : off + 1] != ":":
                    raise KError(EINVAL)
                off += 1
        return off

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """With colons."""
        return data[off : off + 6].hex(":"), off + 6

    def load(self, data: bytes, off: int) -> tuple[bytes, int]:
        """Six bytes."""
        return bytes(data[off : off + 6]), off + 6

    def dump(self, value: bytes, buf: bytearray) -> None:
        """Six bytes."""
        buf += value


class _Composite(ParseType):
    """What structures and arrays have in common (ng_parse_composite, ng_unparse_composite)."""

    opening, closing = "[", "]"

    def count(self, data: bytes | bytearray, off: int) -> int:
        """How many elements there are."""
        raise NotImplementedError

    def element(self, index: int) -> ParseType:
        """The type of an element."""
        raise NotImplementedError

    def element_align(self, index: int) -> int:
        """What an element's offset must be a multiple of, or 0."""
        return self.element(index).align

    def element_default(self, index: int, buf: bytearray) -> None:
        """Append an element that was left out."""
        self.element(index).default(buf)

    def label(self, index: int, expected: int) -> str:
        """What stands in front of a value."""
        raise NotImplementedError

    def key(self, s: str, kind: str, start: int, end: int, expected: int, num: int) -> tuple[int, int]:
        """(index, where the value begins) of the item that begins with this token."""
        raise NotImplementedError

    def _pad(self, index: int, posn: int) -> int:
        align = self.element_align(index)
        return -posn % align if align else 0

    def _positions(self, s: str, off: int, num: int) -> tuple[dict[int, int], int]:
        kind, _, off = get_token(s, off)
        if kind != self.opening:
            raise KError(EINVAL)
        found: dict[int, int] = {}
        expected = 0
        while True:
            kind, start, end = get_token(s, off)
            if kind == self.closing:
                return found, end
            index, off = self.key(s, kind, start, end, expected, num)
            expected = index + 1
            if index >= num:
                raise KError(E2BIG)
            if index in found:
                raise KError(EALREADY)
            found[index] = off = skip_space(s, off)
            off = skip_value(s, off)

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """Note where the values are, then put them in order, with defaults for those left out."""
        num = self.count(buf, len(buf))
        found, end = self._positions(s, off, num)
        start = len(buf)
        for index in range(num):
            buf += bytes(self._pad(index, len(buf) - start))
            if index in found:
                # As there, reading goes on after the value that comes last in the structure, not in the text.
                end = self.element(index).parse(s, found[index], buf)
            else:
                self.element_default(index, buf)
            if len(buf) > BUFFER_SIZE:
                raise KError(ERANGE)
        if self.align:
            buf += bytes(-(len(buf) - start) % self.align)
        return end

    def unparse(self, data: bytes, off: int) -> tuple[str, int]:
        """Everything that is not its default."""
        items = []
        expected = 0
        for index in range(self.count(data, off)):
            if off > len(data):
                raise KError(EINVAL)
            off += self._pad(index, off)
            given = bytearray(data[:off])
            try:
                self.element_default(index, given)
            except KError:
                pass
            else:
                if data[off : len(given)] == given[off:]:
                    off = len(given)
                    continue
            text, off = self.element(index).unparse(data, off)
            items.append(self.label(index, expected) + text)
            expected = index + 1
        return " ".join([self.opening, *items, self.closing]) if items else self.opening + self.closing, off

    def default(self, buf: bytearray) -> None:
        """All elements left out."""
        self.parse(self.opening + self.closing, 0, buf)


class NgStruct(_Composite):
    """ng_parse_struct_type: fields are (name, type) or (name, type, alignment)."""

    opening, closing = "{", "}"

    def __init__(self, *fields: tuple[Any, ...]) -> None:
        self.fields: list[tuple[str, ParseType, int]] = [(f[0], f[1], f[2] if len(f) > 2 else 0) for f in fields]
        self.align = max((f[1].align for f in self.fields), default=0)

    def count(self, data: bytes | bytearray, off: int) -> int:
        """How many fields there are."""
        return len(self.fields)

    def element(self, index: int) -> ParseType:
        """The type of a field."""
        return self.fields[index][1]

    def element_align(self, index: int) -> int:
        """Its own, or that of its type."""
        return self.fields[index][2] or self.fields[index][1].align

    def label(self, index: int, expected: int) -> str:
        """Its name."""
        return self.fields[index][0] + "="

    def key(self, s: str, kind: str, start: int, end: int, expected: int, num: int) -> tuple[int, int]:
        """The name, which must be there."""
        if kind != "word":
            raise KError(EINVAL)
        index = next((i for i, f in enumerate(self.fields) if f[0] == s[start:end]), None)
        if index is None:
            raise KError(ENOENT)
        kind, _, end = get_token(s, end)
        if kind != "=":
            raise KError(EINVAL)
        return index, end

    def load(self, data: bytes, off: int) -> tuple[dict[str, Any], int]:
        """A dict."""
        values = {}
        start = off
        for index, (name, etype, _) in enumerate(self.fields):
            off += self._pad(index, off - start)
            values[name], off = etype.load(data, off)
        return values, off + (-(off - start) % self.align if self.align else 0)

    def dump(self, value: dict[str, Any], buf: bytearray) -> None:
        """From a dict; what is not in it is its default."""
        start = len(buf)
        for index, (name, etype, _) in enumerate(self.fields):
            buf += bytes(self._pad(index, len(buf) - start))
            if name in value:
                etype.dump(value[name], buf)
            else:
                etype.default(buf)
        if self.align:
            buf += bytes(-(len(buf) - start) % self.align)


class Array(_Composite):
    """ng_parse_array_type and ng_parse_fixedarray_type: `length` is a number or f(data, where the array begins)."""

    def __init__(self, etype: ParseType, length: int | Callable[[bytes | bytearray, int], int], default: bytes = b"") -> None:
        self.etype = etype
        self.length = length
        self.align = etype.align
        self.given = default

    def count(self, data: bytes | bytearray, off: int) -> int:
        """How many elements there are.  EINVAL for nonsense."""
        num = self.length if isinstance(self.length, int) else self.length(data, off)
        if not 0 <= num < 1 << 29:
            raise KError(EINVAL)
        return num

    def element(self, index: int) -> ParseType:
        """The same for all."""
        return self.etype

    def element_default(self, index: int, buf: bytearray) -> None:
        """The array's own, or that of the elements."""
        if self.given:
            buf += self.given
        else:
            self.etype.default(buf)

    def label(self, index: int, expected: int) -> str:
        """The index where it does not follow."""
        return "" if index == expected else f"{index}="

    def key(self, s: str, kind: str, start: int, end: int, expected: int, num: int) -> tuple[int, int]:
        """An index is optional."""
        if kind in ("{", "["):
            return expected, start
        if kind != "word":
            raise KError(EINVAL)
        after, _, value = get_token(s, end)
        if after != "=":
            return expected, start
        match = _NUMBER.match(s, start)
        if match is None or match.end() != end or match.group(1) == "-":
            raise KError(EINVAL)
        digits = match.group(2)
        return int(digits, 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10), value

    def load(self, data: bytes, off: int) -> tuple[list[Any], int]:
        """A list."""
        values = []
        start = off
        for index in range(self.count(data, off)):
            off += self._pad(index, off - start)
            if off >= len(data):
                # The number of elements promises more than there is.
                raise KError(EINVAL)
            value, off = self.etype.load(data, off)
            values.append(value)
        return values, off

    def dump(self, value: list[Any], buf: bytearray) -> None:
        """From a list; the number of elements is the caller's business."""
        for each in value:
            self.etype.dump(each, buf)
        if isinstance(self.length, int):
            for index in range(len(value), self.length):
                self.element_default(index, buf)


class ByteArray(Array):
    """ng_parse_bytearray_type: hexadecimal numbers, or a string."""

    def __init__(self, length: Callable[[bytes | bytearray, int], int]) -> None:
        super().__init__(HINT8, length)
        self.align = 0

    def parse(self, s: str, off: int, buf: bytearray) -> int:
        """A string, filled up with NULs, or an array."""
        found = get_string(s, off)
        if found is None:
            return super().parse(s, off, buf)
        num = self.count(buf, len(buf))
        if len(found[0]) > num:
            raise KError(E2BIG)
        buf += found[0].encode("latin-1").ljust(num, b"\0")
        return found[1]


def preceding(size: int) -> Callable[[bytes | bytearray, int], int]:
    """The length of an array that stands in the integer right before it."""

    def length(data: bytes | bytearray, off: int) -> int:
        return int.from_bytes(data[off - size : off], "little")

    return length


INT8, UINT8, HINT8 = Int(1, True), Int(1), Int(1, form="x")
INT16, UINT16, HINT16 = Int(2, True), Int(2), Int(2, form="x")
INT32, UINT32, HINT32 = Int(4, True), Int(4), Int(4, form="x")
INT64, UINT64 = Int(8, True), Int(8)
STRING, SIZEDSTRING, IPADDR, ENADDR = String(), SizedString(), IpAddr(), EnAddr()
NODEBUF = HOOKBUF = TYPEBUF = CMDBUF = String(32)
PATHBUF = String(512)
NG_MESG_TYPE = NgStruct(
    ("version", UINT8), ("spare", UINT8), ("spare2", UINT16), ("arglen", UINT32), ("cmd", UINT32), ("flags", HINT32),
    ("token", UINT32), ("typecookie", UINT32), ("cmdstr", CMDBUF),
    ("data", ByteArray(lambda data, off: int.from_bytes(data[off - 52 : off - 48], "little"))),
)  # fmt: skip


def ng_parse(etype: ParseType, text: str) -> bytes:
    """ng_parse: ASCII to binary."""
    buf = bytearray()
    etype.parse(text, 0, buf)
    return bytes(buf)


def ng_unparse(etype: ParseType, data: bytes) -> str:
    """ng_unparse: binary to ASCII."""
    return etype.unparse(data, 0)[0]


def ng_size(etype: ParseType) -> int:
    """The size of a type whose size does not depend on the value."""
    if isinstance(etype, NgStruct):
        size = 0
        for _, field, align in etype.fields:
            size += -size % (align or field.align or 1)
            size += ng_size(field)
        return size + -size % (etype.align or 1)
    if isinstance(etype, EnAddr):
        return 6
    buf = bytearray()
    etype.default(buf)
    return len(buf)


def ng_dump(etype: ParseType, value: Any) -> bytes:
    """The binary form of a value."""
    buf = bytearray()
    etype.dump(value, buf)
    return bytes(buf)
