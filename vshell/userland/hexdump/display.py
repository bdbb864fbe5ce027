"""Dumping: blocks of input through the formats (usr.bin/hexdump/display.c, conv.c)."""

from __future__ import annotations

import struct

from vshell.abi.errno import KError
from vshell.userland.cformat import format_float, format_int, format_str
from vshell.userland.hexdump.format import Format, Piece, Unit
from vshell.userland.program import Program
from vshell.userland.stdio import decode
from vshell.userland.textfile import relieve

CONTROL = [
    "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "lf", "vt", "ff", "cr", "so", "si", "dle", "dc1",
    "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs", "us",
]  # fmt: skip
ESCAPED = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
REALS = {4: "<f", 8: "<d"}


class Input:
    """The files one after the other, without the skipped beginning."""

    def __init__(self, p: Program, paths: list[str], skip: int, length: int) -> None:
        self.p = p
        self.paths = paths
        self.next_path = 0
        self.skip = skip
        self.left = length
        """-1 is no limit."""
        self.skipped = 0
        self.fd = -1
        self.buffer = b""
        self.status = 0

    async def more(self) -> bool:
        """Read into the buffer; False at the end of everything."""
        while True:
            if self.fd < 0 and not self.open():
                return False
            try:
                data = await self.p.sys.read(self.fd, 65536)
            except KError as e:
                self.p.warn(e, self.paths[self.next_path - 1] if self.paths else "stdin")
                data = b""
            if not data:
                if self.fd > 0:
                    self.p.sys.close(self.fd)
                self.fd = -1
                if not self.paths:
                    return False
                continue
            cut = min(self.skip - self.skipped, len(data))
            self.skipped += cut
            data = data[cut:]
            if data:
                self.buffer += data
                return True

    def open(self) -> bool:
        if not self.paths:
            if self.next_path:
                return False
            self.next_path, self.fd = 1, 0
            return True
        while self.next_path < len(self.paths):
            path = self.paths[self.next_path]
            self.next_path += 1
            try:
                self.fd = self.p.sys.open(path)
                return True
            except KError as e:
                self.p.stdout.flush()
                self.p.warn(e, path)
                self.status = 1
        return False

    async def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        if self.left >= 0:
            size = min(size, self.left)
        while len(self.buffer) < size and await self.more():
            pass
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        if self.left >= 0:
            self.left -= len(data)
        return data

    async def peek(self, size: int) -> bytes:
        """The next bytes, left where they are."""
        while len(self.buffer) < size and await self.more():
            pass
        return self.buffer[:size] if self.left < 0 else self.buffer[: min(size, self.left)]


class Dump:
    """A whole run."""

    def __init__(self, p: Program, sources: list[str], od: bool = False) -> None:
        self.p = p
        self.od = od
        self.formats = [Format(p, source) for source in sources]
        self.block = max(f.measure() for f in self.formats)
        for f in self.formats:
            f.layout(self.block)
        self.all = False
        """-v: no block is left out because it repeats the one before."""

    async def run(self, source: Input) -> int:
        """display()."""
        out = self.p.stdout
        address = size = 0
        before: bytes | None = None
        starred = False
        if not self.block:
            return 0
        while block := await source.read(self.block):
            address = source.skipped + size
            size += len(block)
            full = len(block) == self.block
            if block == before and full and not self.all:
                if not starred:
                    out.write("*\n")
                starred = True
                continue
            before, starred = block, False
            ahead = await source.peek(3) if self.od and max(block[-3:]) > 0x7F else b""
            out.write(self.render(block, address, ahead))
            await relieve(self.p)
        if self.od and source.skip > source.skipped:
            self.p.errx(1, "cannot skip past end of input")
        address = source.skipped + size
        last = [u for f in self.formats for u in f.units if u.at_end]
        if last and address:
            out.write(self.ending(last[-1], address))
        return source.status

    def ending(self, unit: Unit, address: int) -> str:
        return "".join(self.piece(p, b"", address, b"") for p in unit.pieces if p.kind in ("address", "text"))

    def render(self, block: bytes, start: int, ahead: bytes) -> str:
        """One block through all formats."""
        out: list[str] = []
        end = len(block)
        data = block.ljust(self.block, b"\0")
        for f in self.formats:
            at = 0
            for unit in f.units:
                if unit.at_end:
                    break
                for left in range(unit.reps, 0, -1):
                    for piece in unit.pieces:
                        if at >= end and piece.kind != "text":
                            text = piece.text + " " * int(piece.width or 0) if end < self.block else ""
                            text = text if end < self.block else self.piece(piece, data[at:], start + at, ahead)
                        else:
                            text = self.piece(piece, data[at:] if piece.size else b"", start + at, ahead)
                        if left == 1 and piece.trim and piece.kind == "text" and text[-1:].isspace():
                            text = text[:-1]
                        out.append(text)
                        at += piece.size
        return "".join(out)

    def piece(self, piece: Piece, data: bytes, address: int, ahead: bytes) -> str:
        """print(): one conversion."""
        kind, f, w, n = piece.kind, piece.flags, piece.width, piece.precision
        if kind == "text":
            return piece.text
        if kind == "address":
            body = format_int(f, w, n, piece.conversion, address)
        elif kind in ("int", "uint"):
            value = int.from_bytes(data[: piece.size], "little", signed=kind == "int")
            body = format_int(f, w, n, piece.conversion, value)
        elif kind == "double":
            real = struct.unpack_from(REALS[piece.size], data)[0] if piece.size in REALS else extended(data)
            body = format_float(f, w, n, piece.conversion, real)
        elif kind == "str":
            body = format_str(f, w, n, decode(data[: piece.size].split(b"\0", 1)[0]))
        elif kind == "c":
            body = self.escaped(piece, data, ahead)
        else:
            body = format_str(f, w, "", self.named(kind, data[0]))
        return piece.text + body

    def named(self, kind: str, byte: int) -> str:
        """%c, %_p and %_u."""
        printable = 0x20 <= byte < 0x7F
        if kind == "char":
            return decode(bytes([byte]))
        if kind == "p":
            return chr(byte) if printable else "."
        if byte <= 0x1F:
            return "nl" if self.od and byte == 10 else CONTROL[byte]
        if byte == 0x7F:
            return "del"
        if self.od and byte == 0x20:
            return " sp"
        return chr(byte) if printable else f"{byte:x}"

    def escaped(self, piece: Piece, data: bytes, ahead: bytes) -> str:
        """%_c; od shows whole characters, with ** for their further bytes."""
        byte = data[0]
        if piece.multibyte > 0:
            piece.multibyte -= 1
            text = "**"
        elif byte in ESCAPED:
            text = ESCAPED[byte]
        elif 0x20 <= byte < 0x7F:
            text = chr(byte)
        else:
            text = f"{byte:03o}"
            if self.od and 0xC2 <= byte < 0xF5:
                size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                try:
                    c = (data + ahead)[:size].decode("utf-8")
                    if c.isprintable():
                        piece.multibyte, text = size - 1, c
                except UnicodeDecodeError:
                    pass
        return format_str(piece.flags, piece.width, "", text)


def extended(data: bytes) -> float:
    """An 80-bit number in 16 bytes."""
    mantissa = int.from_bytes(data[:8], "little")
    power = int.from_bytes(data[8:10], "little")
    try:
        value = mantissa * 2.0 ** ((power & 0x7FFF) - 16383 - 63)
    except OverflowError:
        value = float("inf")
    return -value if power & 0x8000 else value
