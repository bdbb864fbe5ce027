"""ng_pred1(4): PPP frames compressed by a guess at the next byte (netgraph/ng_pred1.c, RFC 1978)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EIO, ENOMEM, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT8, NgStruct
from vshell.kernel.netgraph.ppp_compressor import LOG_NOTICE, Compressor
from vshell.kernel.netgraph.ppp_fcs import PPP_GOODFCS, PPP_INITFCS, ppp_fcs

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3158)

CONFIG = NgStruct(("enable", UINT8))
BUF_SIZE = 4096
COMPRESSED = 0x8000


class Pred1(Compressor, ngtype="pred1", cookie=1166902612):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.hash = 0
        self.guesses: dict[int, int] = {}
        """Hash of what went before -> the byte that followed then; 0 where there is none."""

    def disconnect(self, hook: NgHook) -> None:
        """Forget all."""
        self.restart()
        super().disconnect(hook)

    @ngmsg(1, "config", arg=CONFIG)
    def config(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Begin or end."""
        self.enabled = arg["enable"]
        self.ctrlnode = msg.retaddr
        self.restart()

    def restart(self) -> None:
        """Pred1Init."""
        self.hash = 0
        self.guesses = {}

    def compress(self, data: bytes) -> bytes:
        """Length, frame and checksum; the frame as it is if guessing does not help."""
        size = len(data)
        self.stats["FramesPlain"] += 1
        self.stats["InOctets"] += size
        if size > BUF_SIZE * 8 // 9 + 1 + 4:
            raise KError(ENOMEM)
        length = (size & 0x7FFF).to_bytes(2, "big")
        fcs = ~ppp_fcs(PPP_INITFCS, length + data) & 0xFFFF
        packed = self._pack(data)
        if len(packed) < size:
            self.stats["FramesComp"] += 1
            length = (size & 0x7FFF | COMPRESSED).to_bytes(2, "big")
        else:
            self.stats["FramesUncomp"] += 1
            packed = data
        out = length + packed + fcs.to_bytes(2, "little")
        self.stats["OutOctets"] += len(out)
        return out

    def expand(self, data: bytes) -> bytes:
        """What compress() made of it."""
        if len(data) > BUF_SIZE:
            raise KError(ENOMEM)
        self.stats["InOctets"] += len(data)
        head = int.from_bytes(data[:2], "big")
        size, rest = head & 0x7FFF, data[2:-2] if len(data) >= 4 else b""
        if head & COMPRESSED:
            self.stats["FramesComp"] += 1
            out = self._unpack(rest)
            if len(out) != size:
                self.kernel.log(LOG_NOTICE, f"ng_pred1: Comp length error ({size}) --> len ({len(out)})")
                raise KError(EIO)
            if ppp_fcs(PPP_INITFCS, size.to_bytes(2, "big") + out + data[-2:]) != PPP_GOODFCS:
                self.kernel.log(LOG_NOTICE, "ng_pred1: Pred1: Bad CRC-16")
                raise KError(EIO)
        else:
            self.stats["FramesUncomp"] += 1
            if size != len(data) - 4:
                self.kernel.log(LOG_NOTICE, f"ng_pred1: Uncomp length error ({size}) --> len ({len(data) - 4})")
                raise KError(EIO)
            out = rest
            for byte in out:
                self.guesses[self.hash] = byte
                self._next(byte)
        self.stats["FramesPlain"] += 1
        self.stats["OutOctets"] += len(out)
        return out

    def _next(self, byte: int) -> None:
        self.hash = (self.hash << 4 ^ byte) & 0xFFFF

    def _pack(self, data: bytes) -> bytes:
        """Groups of eight: which bytes were guessed, then those that were not."""
        out = bytearray()
        for start in range(0, len(data), 8):
            flags, missed = 0, bytearray()
            for bit, byte in enumerate(data[start : start + 8]):
                if self.guesses.get(self.hash, 0) == byte:
                    flags |= 1 << bit
                else:
                    self.guesses[self.hash] = byte
                    missed.append(byte)
                self._next(byte)
            out.append(flags)
            out += missed
        return bytes(out)

    def _unpack(self, data: bytes) -> bytes:
        """The reverse; a last group without bytes goes on as long as its guesses do."""
        out, at = bytearray(), 0
        while at < len(data):
            flags = data[at]
            at += 1
            for bit in range(8):
                if len(out) >= BUF_SIZE:
                    return b""
                if flags >> bit & 1:
                    byte = self.guesses.get(self.hash, 0)
                elif at < len(data):
                    byte = self.guesses[self.hash] = data[at]
                    at += 1
                else:
                    break
                out.append(byte)
                self._next(byte)
        return bytes(out)
