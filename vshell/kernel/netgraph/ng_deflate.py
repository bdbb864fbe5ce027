"""ng_deflate(4): PPP frames compressed with deflate (netgraph/ng_deflate.c, RFC 1979)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EIO, ENOMEM, EPIPE, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT8, NgStruct
from vshell.kernel.netgraph.ppp_compressor import LOG_NOTICE, Compressor

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3090)

CONFIG = NgStruct(("enable", UINT8), ("windowBits", UINT8))
BUF_SIZE = 4096
PROT_COMPD = b"\0\xfd"
EMPTY_BLOCK = b"\0\0\xff\xff"
"""What ends a flushed piece; it is not sent."""


class Deflate(Compressor, ngtype="deflate", cookie=1166642656):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.window = 0
        self.seqnum = 0
        self.stream: Any = None

    def disconnect(self, hook: NgHook) -> None:
        """It has to be configured again."""
        self.enabled = 0
        super().disconnect(hook)

    @ngmsg(1, "config", arg=CONFIG)
    def config(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Begin with a window of 2^8 to 2^15 bytes, or end."""
        if arg["enable"] and not 8 <= arg["windowBits"] <= 15:
            raise KError(EINVAL)
        self.enabled = arg["enable"]
        self.window = arg["windowBits"] if self.enabled else 0
        if self.enabled:
            try:
                self._begin()
            except ValueError:
                # zlib compresses raw data with no window of 256 bytes.
                self.enabled = 0
                self.kernel.log(LOG_NOTICE, "deflateInit2: error -2, (null)")
                raise KError(ENOMEM) from None
        self.seqnum = 0
        self.ctrlnode = msg.retaddr

    def _begin(self) -> None:
        import zlib

        if self.compressing:
            self.stream = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -self.window, 8)
        else:
            self.stream = zlib.decompressobj(-self.window)

    def restart(self) -> None:
        """ng_deflate_reset_req."""
        self.seqnum = 0
        if self.enabled:
            self._begin()

    def compress(self, data: bytes) -> bytes:
        """With protocol and sequence number in front; as it is if it would not be shorter."""
        import zlib

        self.stats["FramesPlain"] += 1
        self.stats["InOctets"] += len(data)
        if len(data) > BUF_SIZE:
            raise KError(ENOMEM)
        plain = data[1:] if data[:1] == b"\0" else data
        packed: bytes = self.stream.compress(plain) + self.stream.flush(zlib.Z_SYNC_FLUSH)
        packed = packed[: BUF_SIZE - 4].removesuffix(EMPTY_BLOCK)
        out = PROT_COMPD + self.seqnum.to_bytes(2, "big") + packed
        if len(out) > len(data):
            out = data
            self.stats["FramesUncomp"] += 1
        else:
            self.stats["FramesComp"] += 1
        self.stats["OutOctets"] += len(out)
        self.seqnum = self.seqnum + 1 & 0xFFFF
        return out

    def expand(self, data: bytes) -> bytes:
        """A compressed frame, or one to be remembered only."""
        import zlib

        if len(data) > BUF_SIZE:
            self.seqnum = 0
            raise KError(ENOMEM)
        self.stats["InOctets"] += len(data)
        offset = 1 if data[:1] and data[0] & 1 else 2
        try:
            if data[:offset] in (PROT_COMPD, PROT_COMPD[1:]):
                out = self._inflate(data, offset)
            else:
                out = self._remember(data, offset)
        except zlib.error:
            self.seqnum = 0
            raise KError(EIO) from None
        self.stats["FramesPlain"] += 1
        self.stats["OutOctets"] += len(out)
        self.seqnum = self.seqnum + 1 & 0xFFFF
        return out

    def _inflate(self, data: bytes, offset: int) -> bytes:
        self.stats["FramesComp"] += 1
        number = int.from_bytes(data[offset : offset + 2], "big")
        if number != self.seqnum:
            self.kernel.log(LOG_NOTICE, f"ng_deflate: wrong sequence: {number} instead of {self.seqnum}")
            self.seqnum = 0
            raise KError(EPIPE)
        out: bytes = self.stream.decompress(data[offset + 2 :] + EMPTY_BLOCK)[: BUF_SIZE - 1]
        return b"\0" + out if out[:1] and out[0] & 1 else out

    def _remember(self, data: bytes, offset: int) -> bytes:
        """A frame that was not compressed goes through the stream as a stored block, for the sake of the window."""
        self.stats["FramesUncomp"] += 1
        size = len(data) - offset + 1 & 0xFFFF
        head = b"\x80" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
        self.stream.decompress(head + (data[1:] if data[:1] == b"\0" else data))
        return data
