"""The firewall: a packet through 1,000 rules of which the last matches, a look-up in a table of 100,000 prefixes, in Y
(see yardstick.py).

    python benchmarks/ipfw.py [RULES [PREFIXES]]

What a stack without rules costs is measured by forwarding.py: ipfw is not loaded there.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from yardstick import yardstick

from vshell.abi.ip_fw import IP_FW3, TableAdd, TableCreate, TableEntry, TableValue
from vshell.abi.socket import AF_INET, IPPROTO_IP, IPPROTO_RAW, SOCK_RAW
from vshell.app import tune_memory
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.net.pfil import PFIL_IN, PFIL_PASS
from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
from vshell.kernel.netpfil.ipfw.ip_fw_table import Tables
from vshell.machine import Machine, Session
from vshell.wire.cksum import in_cksum

ROUNDS = 5
KINDS = (
    "deny tcp from 10.{a}.{b}.0/24 to any 80",
    "deny udp from any to 192.0.{b}.{a} dst-port 53,123",
    "allow ip from 172.16.{a}.{b} to me in",
    "deny tcp from any {port} to any established",
    "count icmp from any to 10.{a}.{b}.1 icmptypes 8",
    "deny ip from any to any via tun{a}",
    "deny udp from any 1024-{port} to 10.0.0.0/8 out",
    "allow tcp from any to any {port} setup",
)


def packet(dst: bytes = bytes((198, 51, 100, 7))) -> bytearray:
    """A UDP datagram."""
    head = bytearray(bytes((0x45, 0, 0, 92)) + bytes((0, 1, 0, 0, 64, 17, 0, 0)) + bytes((203, 0, 113, 9)) + dst)
    head[10:12] = in_cksum(head).to_bytes(2, "big")
    return head + (4000).to_bytes(2, "big") + (5001).to_bytes(2, "big") + (72).to_bytes(2, "big") + bytes(66)


def rules(session: Session, count: int) -> float:
    """Seconds a packet takes to get past them all."""
    session.feed("kldload ipfw; ifconfig lo0 127.0.0.1/8\n")
    lines = [
        "add " + KINDS[i % len(KINDS)].format(a=i // 256 % 256, b=i % 256, port=2000 + i) for i in range(count - 1)
    ]  # fmt: skip
    session.feed(
        "cat > /tmp/rules <<'E'\n" + "\n".join([*lines, "add 60000 allow ip from any to any"]) + "\nE\nipfw -q /tmp/rules\n"
    )
    vnet = session.machine.kernel.vnet0
    fw: Any = vnet[IpFw]
    if len(fw.map) != count + 2:
        raise SystemExit(f"not all rules were taken: {len(fw.map)} {session.output[-500:]!r}")
    data, ifp = packet(), vnet.loif
    best = 1.0
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(20):
            if fw.check_packet(Mbuf(data, 0, ifp), ifp, PFIL_IN, None) != PFIL_PASS:
                raise SystemExit("the packet did not pass")
        best = min(best, (perf_counter() - start) / 20)
    return best


async def fill(sysent: Any, entries: tuple[TableEntry, ...]) -> int:
    """Put them into a table."""
    fd = sysent.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
    sysent.setsockopt(fd, IPPROTO_IP, IP_FW3, TableCreate("big"))
    sysent.setsockopt(fd, IPPROTO_IP, IP_FW3, TableAdd("big", 0, entries))
    return 0


def table(session: Session, count: int) -> float:
    """Seconds a look-up takes in a table of prefixes as long as those of the Internet's routes."""
    found = {}
    for i in range(count):
        plen = 8 + i * 7 % 25
        number = i * 2_654_435_761 % (1 << 32) >> 32 - plen << 32 - plen
        found[number.to_bytes(4, "big"), plen] = TableEntry((number.to_bytes(4, "big"), plen), TableValue(i))
    i = 0
    while len(found) < count:
        number = i * 40_503_000_017 % (1 << 32) & ~0xFF
        found[number.to_bytes(4, "big"), 24] = TableEntry((number.to_bytes(4, "big"), 24), TableValue(i))
        i += 1
    machine = session.machine
    process = machine.process(lambda sysent: fill(sysent, tuple(found.values())))
    machine.finish(process)
    algo = machine.kernel.vnet0[Tables].get("big", 0).algo
    if len(algo.entries) < count:
        raise SystemExit("the table is not full")
    keys = [(i * 2_246_822_519 % (1 << 32)).to_bytes(4, "big") for i in range(5000)]
    best = 1.0
    for _ in range(ROUNDS):
        start = perf_counter()
        for key in keys:
            algo.lookup(key)
        best = min(best, (perf_counter() - start) / len(keys))
    return best


def main(count: int, prefixes: int) -> None:
    """Both, against the yardstick of the same moment."""
    session = Session(Machine())
    y = yardstick()
    took = rules(session, count)
    found = table(session, prefixes)
    y = min(y, yardstick())
    print(f"{count} rules: {took * 1e6:.1f} us a packet = {took / y:.1f} Y (1 Y = {y * 1e6:.2f} us)")
    print(f"{prefixes} prefixes: {found * 1e6:.2f} us a look-up = {found / y:.2f} Y")


if __name__ == "__main__":
    tune_memory()
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [1000, 100_000][len(numbers) :]))
