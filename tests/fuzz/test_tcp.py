"""Forged segments with right checksums against a conversation: no panic, no war of acknowledgements, and nothing is left over."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.kernel.netinet.test_tcp_loss import chain
from vshell.abi.errno import KError
from vshell.abi.signal import SIG_IGN, SIGPIPE
from vshell.abi.socket import AF_INET, SOCK_STREAM, SockaddrIn
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netinet.ip_input import ip_input
from vshell.kernel.netinet.tcp_var import Tcp
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.tcp import Tcphdr, Tcpopt, tcp_addoptions, tcp_pack

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

ENDS = (bytes([10, 0, 1, 1]), bytes([10, 0, 1, 2]))
PORT = 5000
MASK = 0xFFFFFFFF
FLAGS = (16, 16, 16, 24, 17, 4, 20, 2, 18, 0, 255, 80, 144)


async def serve(sysent: Any) -> int:
    """Echo, one connection after the other."""
    sysent.sigaction(SIGPIPE, SIG_IGN)
    sysent.jail_attach(2)
    listener = sysent.socket(AF_INET, SOCK_STREAM)
    sysent.bind(listener, SockaddrIn(port=PORT))
    sysent.listen(listener, 5)
    while True:
        fd, _ = await sysent.accept(listener)
        try:
            while data := await sysent.read(fd, 1000):
                await sysent.write(fd, data)
        except KError:
            pass
        sysent.close(fd)


async def call(sysent: Any) -> int:
    """Connect again and again, and talk as long as it lasts."""
    sysent.sigaction(SIGPIPE, SIG_IGN)
    sysent.jail_attach(1)
    while True:
        await sysent.nanosleep(10**8)
        fd = sysent.socket(AF_INET, SOCK_STREAM)
        try:
            await sysent.connect(fd, SockaddrIn(ENDS[1], PORT))
            for _ in range(30):
                await sysent.write(fd, bytes(2000))
                await sysent.nanosleep(10**8)
        except KError:
            pass
        sysent.close(fd)


def forge(random: Random, vnet: Vnet) -> tuple[Tcphdr, bytes]:
    """A header and options which nearly fit a connection of the stack, or do not fit at all."""
    pcbs = [inp for inp in vnet[Tcp].info.pcbs if any(inp.faddr)]
    half = list(vnet[Tcp].syncache.values())
    sacks: tuple[tuple[int, int], ...] = ()
    ts = (5, 5)
    if pcbs and random.random() < 0.8:
        inp = random.choice(pcbs)
        tp, sport, dport = inp.ppcb, inp.fport, inp.lport
        seq = tp.rcv_nxt + random.choice((0, 0, 1, -1, random.randrange(-3000, 70000)))
        ack = random.choice((tp.snd_una, tp.snd_max, tp.snd_nxt, tp.snd_una + random.randrange(-3000, 3000), tp.snd_max + 1))
        near = [(tp.snd_una + random.randrange(-2000, 9000)) & MASK for _ in range(6)]
        sacks = tuple(zip(near[::2], near[1::2], strict=True))[: random.randrange(4)]
        ts = ((tp.ts_recent + random.randrange(-5, 50)) & MASK, (tp.ticks() + tp.ts_offset - random.randrange(100)) & MASK)
    else:
        sport, dport, seq, ack = random.randrange(65536), PORT, random.randrange(1 << 32), random.randrange(1 << 32)
        if half and random.random() < 0.5:
            sport, seq, ack = half[0].key[1], half[0].irs + 1, half[0].iss + 1
    flags = random.choice((*FLAGS, random.randrange(256)))
    to = Tcpopt(random.choice((None, 1460, 40, 0)), random.choice((None, 0, 14)), False, random.choice((None, ts)), sacks)
    options = tcp_addoptions(to)[:40]
    if random.random() < 0.05:
        options = random.randbytes(4 * random.randrange(11))
    win = random.choice((0, 1, 500, 65535))
    return Tcphdr(sport, dport, seq & MASK, ack & MASK, flags=flags, win=win, urp=random.randrange(3)), options


@pytest.mark.parametrize("seed", [1, 2])
def test_forged_segments(seed: int) -> None:
    random = Random(seed)
    session = chain(2)
    kernel = session.machine.kernel
    session.machine.process(serve)
    session.machine.process(call)
    stacks = [vnet for vnet in kernel.vnets if any(ifp.xname.startswith("fault") for ifp in vnet.ifnets)]
    for _ in range(200):
        target = kernel.clock.now + random.randrange(10**8)
        kernel.run(lambda until=target: kernel.clock.now > until)  # type: ignore[misc]
        assert not kernel.panics, kernel.panics[0]
        for vnet, dst, src in zip(stacks, ENDS, reversed(ENDS), strict=True):
            ifp = next(ifp for ifp in vnet.ifnets if ifp.xname.startswith("fault"))
            for _ in range(3):
                th, options = forge(random, vnet)
                segment = tcp_pack(th, options, bytes(random.choice((0, 0, 1, 500, 1448))))
                segment[16:18] = in_cksum(segment, in_pseudo(src, dst, 6, len(segment))).to_bytes(2, "big")
                head = bytearray(bytes((0x45, random.randrange(4))) + (20 + len(segment)).to_bytes(2, "big"))
                head += b"\0\0\x40\0\x40\6\0\0" + src + dst
                head[10:12] = in_cksum(head).to_bytes(2, "big")
                m = m_get(head + segment)
                m.rcvif = ifp
                kernel.netisrq.append((ip_input, ifp, m))
    for vnet in stacks:
        tcp = vnet[Tcp]
        assert tcp.sack_globalholes == sum(len(inp.ppcb.holes) for inp in tcp.info.pcbs)
        assert sum(tcp.states) == len(tcp.info.pcbs) + len(tcp.syncache)
        assert tcp.stat.connects > 20
