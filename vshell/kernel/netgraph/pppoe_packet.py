"""Packets of PPP over Ethernet (RFC 2516, netgraph/ng_pppoe.h)."""

from __future__ import annotations

from typing import ClassVar

DISC, SESS, DISC_3COM, SESS_3COM = 0x8863, 0x8864, 0x3C12, 0x3C13
"""Types of frames."""
PADI, PADO, PADR, PADS, PADT, PADM = 0x09, 0x07, 0x19, 0x65, 0xA7, 0xD3
"""Codes: initiation, offer, request, session confirmation, termination, message."""
PTT_EOL, PTT_SRV_NAME, PTT_AC_NAME, PTT_HOST_UNIQ, PTT_AC_COOKIE = 0x0000, 0x0101, 0x0102, 0x0103, 0x0104
PTT_RELAY_SID, PTT_HURL, PTT_MOTM, PTT_MAX_PAYL, PTT_GEN_ERR = 0x0110, 0x0111, 0x0112, 0x0120, 0x0203
VERSION = 0x11
TAGS_MAX, TAGS_SIZE = 20, 1518 - 4 - 20


class Tag:
    """One item of what is negotiated."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: int, value: bytes) -> None:
        self.kind = kind
        self.value = value

    def pack(self) -> bytes:
        """As bytes."""
        return self.kind.to_bytes(2, "big") + len(self.value).to_bytes(2, "big") + self.value


class Packet:
    """A frame."""

    SIZE: ClassVar[int] = 20
    """Bytes of both headers."""

    __slots__ = ("code", "dst", "etype", "sid", "src", "tags")

    def __init__(
        self,
        dst: bytes = bytes(6),
        src: bytes = bytes(6),
        etype: int = DISC,
        code: int = 0,
        sid: int = 0,
        tags: list[Tag] | None = None,
    ) -> None:
        self.dst = dst
        self.src = src
        self.etype = etype
        self.code = code
        self.sid = sid
        self.tags = tags or []

    def head(self, length: int) -> bytes:
        """The headers of a payload."""
        return (
            self.dst + self.src + self.etype.to_bytes(2, "big") + bytes((VERSION, self.code)) + self.sid.to_bytes(2, "big")
            + (length & 0xFFFF).to_bytes(2, "big")
        )  # fmt: skip

    def pack(self) -> bytes:
        """The frame; tags that do not fit are left out."""
        out = b""
        for tag in self.tags[:TAGS_MAX]:
            packed = tag.pack()
            if len(out) + len(packed) > TAGS_SIZE:
                break
            out += packed
        return self.head(len(out)) + out

    @classmethod
    def parse(cls, data: bytes) -> Packet | None:
        """A frame with its tags, as far as they make sense; None if it is too short."""
        if len(data) < cls.SIZE:
            return None
        packet = cls(data[:6], data[6:12], int.from_bytes(data[12:14], "big"), data[15], int.from_bytes(data[16:18], "big"))
        end = min(cls.SIZE + int.from_bytes(data[18:20], "big"), len(data))
        at = cls.SIZE
        while at + 4 <= end:
            size = int.from_bytes(data[at + 2 : at + 4], "big")
            if at + 4 + size > end:
                break
            packet.tags.append(Tag(int.from_bytes(data[at : at + 2], "big"), data[at + 4 : at + 4 + size]))
            at += 4 + size
        return packet

    def tag(self, kind: int) -> Tag | None:
        """get_tag: the first of a kind."""
        return next((tag for tag in self.tags if tag.kind == kind), None)

    def relays(self) -> list[Tag]:
        """scan_tags: what relays have put in, up to the end of the list."""
        found = []
        for tag in self.tags:
            if tag.kind == PTT_EOL:
                break
            if tag.kind == PTT_RELAY_SID:
                found.append(tag)
        return found
