"""Mbuf: one packet on its way through the stack (mbuf(9)).

Bytes are the truth.  `data` holds the whole frame, `off` is where the header of the layer that has the packet now
begins; moving up a layer adds to `off`, going down prepends in the room in front of it, so a packet that is forwarded is
patched in place and never copied.  Whoever receives an mbuf owns it; fan-out copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet

M_BCAST, M_MCAST, M_PROMISC, M_VLANTAG, M_SKIP_FIREWALL, M_FASTFWD_OURS, M_IP_NEXTHOP, M_LOOP, M_IP_FRAG, M_TSTMP = (
    0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000,
)  # fmt: skip
M_SPLIT = 0x10000
"""Only the IP header lies in the first mbuf, as it does after a tunnel's header was taken off: icmp_error will not read on."""
M_CSUM_IP = 0x8000
"""The checksum of the IPv4 header is known to be right (CSUM_IP_CHECKED | CSUM_IP_VALID); it survives a virtual link."""

Octets = bytes | bytearray

LEADING_SPACE = 64
"""Room a locally made packet gets in front for headers still to come."""


class Mbuf:
    """One packet."""

    __slots__ = ("data", "fib", "flags", "flowid", "off", "rcvif", "tags", "vtag")

    offload = False
    """Its transport checksum is still for the hardware to complete (CSUM_DELAY_DATA); the class says so, not a flag that every
    hop would have to look at.  The bytes hold the whole sum all the same; only bpf(4) shows what the hardware would get."""

    def __init__(self, data: bytearray, off: int = 0, rcvif: Ifnet | None = None, fib: int = 0) -> None:
        self.data = data
        self.off = off
        self.rcvif = rcvif
        self.flags = 0
        self.fib = fib
        self.vtag = 0
        """802.1Q tag, valid with M_VLANTAG."""
        self.flowid = 0
        self.tags: dict[str, Any] | None = None
        """mbuf_tags(9) by name: ipfw, divert, pf, gif ..."""

    def __len__(self) -> int:
        """Bytes from the current header to the end (m_pkthdr.len)."""
        return len(self.data) - self.off

    def bytes(self) -> bytes:
        """The packet as the current layer sees it."""
        return bytes(self.data[self.off :])

    def prepend(self, header: Octets) -> None:
        """M_PREPEND: put a header in front."""
        size = len(header)
        if self.off >= size:
            self.off -= size
            self.data[self.off : self.off + size] = header
        else:
            self.data = bytearray(LEADING_SPACE) + header + self.data[self.off :]
            self.off = LEADING_SPACE

    def adj(self, count: int) -> None:
        """m_adj: drop bytes at the front, or at the end with a negative count."""
        if count >= 0:
            self.off += count
        else:
            del self.data[count:]

    def copy(self) -> Mbuf:
        """m_dup: an independent copy."""
        new = self.__class__(self.data[:], self.off, self.rcvif, self.fib)
        new.flags, new.vtag, new.flowid = self.flags, self.vtag, self.flowid
        if self.tags:
            new.tags = dict(self.tags)
        return new


class CsumMbuf(Mbuf):
    """A packet that relies on checksum offload; the same slots, so that a packet can become one and cease to be one."""

    __slots__ = ()
    offload = True


def m_get(payload: bytes | bytearray, fib: int = 0) -> Mbuf:
    """A packet made here, with room in front for headers."""
    return Mbuf(bytearray(LEADING_SPACE) + payload, LEADING_SPACE, None, fib)
