"""The ruler for packet costs: the least that a chain of routers can cost in pure Python.

Twenty routers in a row and UDP packets of 64 bytes.  For each packet and hop: one entry in a queue, Ethernet
demultiplexing, one unpack of the IPv4 header, a cached route, a cached ARP entry, ttl and checksum patched, the MAC
header rewritten.  No options, two counters, no firewall, no taps.  Other benchmarks quote their cost as a multiple of
what this takes in the same run ("Y").

    python benchmarks/yardstick.py [PACKETS]
"""

from __future__ import annotations

import struct
import sys
from collections import deque
from time import perf_counter

HOPS = 19
IP = struct.Struct("!BBHHHBBH4s4s")


class Packet:
    """A frame on its way."""

    __slots__ = ("data", "rcvif")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.rcvif: Interface | None = None


class Interface:
    """One end of a wire."""

    __slots__ = ("ipackets", "mac", "opackets", "peer", "stack")

    def __init__(self, mac: bytes, stack: Stack) -> None:
        self.mac, self.stack, self.peer = mac, stack, self
        self.ipackets = self.opackets = 0


class Stack:
    """One router."""

    def __init__(self) -> None:
        self.addresses: set[bytes] = set()
        self.routes: dict[bytes, tuple[bytes | None, Interface]] = {}
        self.arp: dict[bytes, bytes] = {}
        self.filters: list[object] = []
        self.delivered = 0


class Chain:
    """The routers, and the queue between them."""

    def __init__(self) -> None:
        self.queue: deque[tuple[Interface, Packet]] = deque()
        self.target = bytes([10, 9, 9, 9])
        self.stacks = [Stack() for _ in range(HOPS + 1)]
        self.first, *_ = [self._wire(i) for i in range(HOPS)]
        self.stacks[-1].addresses.add(self.target)

    def _wire(self, i: int) -> Interface:
        left, right = self.stacks[i], self.stacks[i + 1]
        a, b = Interface(bytes([2, 0, 0, 0, 0, i]), left), Interface(bytes([2, 1, 0, 0, 0, i]), right)
        a.peer, b.peer = b, a
        gateway = bytes([10, 0, i, 2])
        left.routes[self.target] = (gateway, a)
        left.arp[gateway] = b.mac + a.mac
        right.addresses.add(gateway)
        return a

    def ether_output(self, ifp: Interface, m: Packet) -> None:
        """Onto the wire."""
        ifp.opackets += 1
        self.queue.append((ifp.peer, m))

    def ether_input(self, ifp: Interface, m: Packet) -> None:
        """Off the wire."""
        ifp.ipackets += 1
        data = m.data
        if data[0:6] != ifp.mac:
            return
        if data[12:14] == b"\x08\x00":
            m.rcvif = ifp
            self.ip_input(ifp.stack, m)

    def ip_input(self, stack: Stack, m: Packet) -> None:
        """Deliver or forward."""
        data = m.data
        vhl, _tos, _len, _id, _off, ttl, _proto, check, _src, dst = IP.unpack_from(data, 14)
        if vhl != 0x45 or stack.filters:
            return
        if dst in stack.addresses:
            stack.delivered += 1
            return
        route = stack.routes.get(dst)
        if ttl <= 1 or route is None:
            return
        gateway, ifp = route
        check += 0x100
        if check > 0xFFFF:
            check = (check & 0xFFFF) + 1
        out = bytearray(data)
        out[0:12] = stack.arp[gateway or dst]
        out[22] = ttl - 1
        out[24] = check >> 8
        out[25] = check & 0xFF
        m.data = bytes(out)
        self.ether_output(ifp, m)

    def run(self, packets: int) -> float:
        """Send so many packets through; seconds per packet and hop."""
        header = IP.pack(0x45, 0, 92, 1, 0, 64, 17, 0x1234, bytes([10, 0, 0, 1]), self.target)
        frame = self.first.peer.mac + self.first.mac + b"\x08\x00" + header + bytes(72)
        queue, ether_input = self.queue, self.ether_input
        start = perf_counter()
        for _ in range(packets):
            self.ether_output(self.first, Packet(frame))
            while queue:
                ifp, m = queue.popleft()
                ether_input(ifp, m)
        took = perf_counter() - start
        assert self.stacks[-1].delivered == packets
        return took / (packets * HOPS)


def yardstick(packets: int = 3000, rounds: int = 3) -> float:
    """One Y in seconds: the best of some rounds."""
    return min(Chain().run(packets) for _ in range(rounds))


if __name__ == "__main__":
    print(f"{yardstick(int(sys.argv[1]) if len(sys.argv) > 1 else 5000) * 1e6:.2f} us per packet and hop")
