"""TCP over bad ways: whatever a cable does to packets, both streams arrive as they were sent (tcp_sack.c, RFC 6675)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vshell.abi.socket import AF_INET, AF_INET6, SHUT_WR, SOCK_STREAM, SockaddrIn, SockaddrIn6
from vshell.machine import Machine, Session

if TYPE_CHECKING:
    from vshell.abi.record import Record

PORT = 5000
MB = 1 << 20
NODE = "net.link.fault.fault"


def pattern(size: int, salt: int) -> bytes:
    """Bytes of which no stretch looks like another."""
    block = b"".join((i * 2654435761 + salt & 0xFFFFFFFF).to_bytes(4, "big") for i in range(4096))
    return b"".join(i.to_bytes(4, "big") + block for i in range(size // len(block) + 1))[:size]


def chain(stacks: int, seed: int = 0) -> Session:
    """Stacks n0, n1 ... in a row with bad cables between them, 10.0.I.1 and 10.0.I.2 on the Ith."""
    session = Session(Machine(seed=seed))
    for i in range(stacks):
        session.feed(f"jail -c name=n{i} vnet persist; jexec n{i} sysctl -q net.inet.ip.forwarding=1\n")
    for i in range(1, stacks):
        session.feed(
            f"ifconfig fault create; ifconfig fault{i - 1}a vnet n{i - 1}; ifconfig fault{i - 1}b vnet n{i}\n"
            f"ifconfig -j n{i - 1} fault{i - 1}a inet 10.0.{i}.1/24; ifconfig -j n{i} fault{i - 1}b inet 10.0.{i}.2/24\n"
            f"ifconfig -j n{i - 1} fault{i - 1}a inet6 no_dad 2001:db8:{i}::1/64\n"
            f"ifconfig -j n{i} fault{i - 1}b inet6 no_dad 2001:db8:{i}::2/64\n"
        )
    for i in range(stacks):
        if i + 1 < stacks:
            session.feed(f"route -q -j n{i} add default 10.0.{i + 1}.2\n")
        if i > 1:
            session.feed(f"route -q -j n{i} add 10.0.1.0/24 10.0.{i}.1\n")
    return session


async def talk(sysent: Any, fd: int, say: bytes, heard: bytearray) -> None:
    """Say all and hear all at the same time: a child process does the saying."""

    async def speak(child: Any) -> int:
        await child.write(fd, say)
        child.shutdown(fd, SHUT_WR)
        return 0

    sysent.fork(speak)
    while data := await sysent.read(fd, 65536):
        heard += data
    await sysent.wait4()
    sysent.close(fd)


def converse(session: Session, ends: tuple[int, int], to: Record, one: bytes, two: bytes) -> tuple[bytes, bytes]:
    """The first stack connects to the second; returns what each has heard."""
    machine = session.machine
    at_one, at_two = bytearray(), bytearray()
    family = AF_INET if isinstance(to, SockaddrIn) else AF_INET6

    async def serve(sysent: Any) -> int:
        sysent.jail_attach(ends[1])
        listener = sysent.socket(family, SOCK_STREAM)
        sysent.bind(listener, SockaddrIn(port=PORT) if family == AF_INET else SockaddrIn6(port=PORT))
        sysent.listen(listener, 5)
        fd, _ = await sysent.accept(listener)
        sysent.close(listener)
        await talk(sysent, fd, two, at_two)
        return 0

    async def call(sysent: Any) -> int:
        sysent.jail_attach(ends[0])
        await sysent.nanosleep(10_000_000)
        fd = sysent.socket(family, SOCK_STREAM)
        await sysent.connect(fd, to)
        await talk(sysent, fd, one, at_one)
        return 0

    server, client = machine.process(serve), machine.process(call)
    machine.kernel.run(lambda: server.exited and client.exited)
    assert not machine.kernel.panics, machine.kernel.panics[0]
    assert (client.xstat, server.xstat) == (0, 0)
    return bytes(at_one), bytes(at_two)


def stats(session: Session, jail: str) -> dict[str, int]:
    """Counters of TCP by their texts."""
    found = {}
    for line in session.feed(f"jexec {jail} netstat -s -p tcp\n").decode().splitlines():
        number, _, text = line.strip().partition(" ")
        if number.isdigit():
            found[text] = int(number)
    return found


def test_ten_megabytes_over_three_routers_with_loss() -> None:
    session = chain(5)
    session.feed("".join(f"sysctl {NODE}{i}{end}.loss=1\n" for i, end in ((1, "a"), (2, "b"))))
    data = pattern(10 * MB, 1)
    _, heard = converse(session, (1, 5), SockaddrIn(bytes([10, 0, 4, 2]), PORT), data, b"")
    assert heard == data
    sender = stats(session, "n0")
    assert sender["SACK recovery episodes"] > 10
    assert sender["segment rexmits in SACK recovery episodes"] > 50
    assert sender.get("retransmit timeouts", 1) < 10


def test_without_sack() -> None:
    session = chain(2)
    session.feed(f"jexec n0 sysctl net.inet.tcp.sack.enable=0\nsysctl {NODE}0a.loss=2 {NODE}0b.loss=2\n")
    data = pattern(MB, 2)
    assert converse(session, (1, 2), SockaddrIn(bytes([10, 0, 1, 2]), PORT), data, b"")[1] == data
    sender = stats(session, "n0")
    assert sender["SACK recovery episodes"] == 0
    assert sender.get("retransmit timeouts", 1) < 30


def test_over_ipv6_with_newreno() -> None:
    session = chain(2)
    session.feed(
        f"kldload cc_newreno; jexec n0 sysctl net.inet.tcp.cc.algorithm=newreno; sysctl {NODE}0a.loss=2 {NODE}0a.delay=3\n"
    )
    data = pattern(MB, 3)
    to = SockaddrIn6(bytes.fromhex("20010db8000100000000000000000002"), PORT)
    assert converse(session, (1, 2), to, data, b"")[1] == data
    assert stats(session, "n0")["SACK recovery episodes"] > 3


def test_congestion_is_marked_instead_of_lost() -> None:
    session = chain(2)
    session.feed("for j in n0 n1; do jexec $j sysctl net.inet.tcp.ecn.enable=1; done\n")
    session.feed(f"sysctl {NODE}0a.mark=2 {NODE}0a.delay=2\n")
    data = pattern(MB // 2, 4)
    assert converse(session, (1, 2), SockaddrIn(bytes([10, 0, 1, 2]), PORT), data, b"x")[1] == data
    one, two = stats(session, "n0"), stats(session, "n1")
    assert two["packets received with ECN CE bit set"] > 3
    assert one["times ECN reduced the congestion window"] > 2
    assert one["data packets (0 bytes) retransmitted"] == 0
    assert one["successful ECN handshake"] == two["successful ECN handshake"] == 1
    marked = two["packets received with ECN CE bit set"]
    assert one["packets sent with ECN ECT(0) bit set"] == two["packets received with ECN ECT(0) bit set"] + marked > 100


share = st.integers(0, 12)


@settings(derandomize=True, max_examples=25, deadline=None, database=None)
@given(
    seed=st.integers(0, 1 << 16),
    there=st.tuples(share, share, share, share),
    back=st.tuples(share, share, share, share),
    jitter=st.integers(0, 30),
    sizes=st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)),
    sack=st.booleans(),
)
def test_whatever_a_cable_does(
    seed: int, there: tuple[int, ...], back: tuple[int, ...], jitter: int, sizes: tuple[int, int], sack: bool
) -> None:
    """Loss, duplicates, order, damage and jitter of any size: both streams arrive whole."""
    session = chain(2, seed)
    for end, shares in (("a", there), ("b", back)):
        words = " ".join(
            f"{NODE}0{end}.{n}={v}" for n, v in zip(("loss", "duplicate", "reorder", "corrupt"), shares, strict=True)
        )
        session.feed(f"sysctl {words} {NODE}0{end}.jitter={jitter}\n")
    session.feed(f"jexec n0 sysctl net.inet.tcp.sack.enable={int(sack)}\n")
    one, two = pattern(sizes[0], 5), pattern(sizes[1], 6)
    to = SockaddrIn(bytes([10, 0, 1, 2]), PORT)
    assert converse(session, (1, 2), to, one, two) == (two, one)
