"""Packets, and what tcpdump says about them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from vshell.commands.tcpdump import print_ether, print_ip, print_udp, printers
from vshell.machine import Machine, Result

Run = Callable[..., Result]

DATA = Path(__file__).parent / "data"
PACKETS = [(int(n), bytes.fromhex(text)) for n, text in (s.split() for s in (DATA / "packets.txt").read_text().splitlines()[1:])]
PRINTED = [block.split("\n", 1) for block in (DATA / "printed.txt").read_text().split("$ ")[1:]]


def savefile(packets: list[tuple[int, bytes]], dlt: int = 1) -> bytes:
    """A file as libpcap writes it: (length on the wire, bytes captured) of each packet."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, dlt)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(data), length) + data for length, data in packets)


@pytest.mark.parametrize(("options", "text"), PRINTED, ids=[options for options, _ in PRINTED])
def test_it_prints_what_the_real_one_prints(options: str, text: str) -> None:
    result = Machine().run(f"tcpdump -# -r - {options} 2> /dev/null", stdin=savefile(PACKETS))
    assert result.stdout.decode().splitlines() == text.splitlines()


def test_every_printer_that_is_named_is_there() -> None:
    tables = [print_ether.PRINTERS.values(), print_ip.SIMPLE.values(), print_udp.TYPES.values()]
    for where in [w for table in tables for w in table] + [where for _, where in print_udp.PORTS]:
        assert callable(print_ether.find(where))
    for dlt in printers.TABLE:
        assert printers.if_printer(dlt) is not None


def noise(seed: int) -> list[tuple[int, bytes]]:
    """Packets of which only the first headers make sense."""
    r = random.Random(seed)
    found = []
    for _ in range(300):
        body = bytes(r.choice((0, 1, 2, 4, 8, 255, r.randrange(256))) for _ in range(r.randrange(120)))
        port = r.choice([p for ports, _ in print_udp.PORTS for p in ports])
        proto = r.choice((17, 17, 17, 1, 2, 4, 6, 41, 47, 50, 51, 58, 89, 103, 112, 132))
        if proto == 17:
            body = struct.pack(">HHHH", port, port, len(body) + 8, 0) + body
        etype = r.choice((0x800, 0x800, 0x86DD, 0x806, 0x8100, 0x8863, 0x8864, 0x8809, 0x88CC, 0x8847, len(body)))
        if etype == 0x800:
            body = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, proto, 0) + b"\n\0\0\1\n\0\0\2" + body
        elif etype == 0x86DD:
            body = struct.pack(">IHBB", 6 << 28, len(body), proto, 64) + bytes(32) + body
        data = bytes(12) + struct.pack(">H", etype) + body
        found.append((len(data), data[: r.randrange(1, len(data) + 1)] if r.random() < 0.3 else data))
    return found


@pytest.mark.parametrize("options", ["-n", "-nvvve", "-qXX", "-vvA"])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_packet_upsets_it(options: str, seed: int) -> None:
    result = Machine().run(f"tcpdump -t {options} -r - > out; echo $?; wc -l < out", stdin=savefile(noise(seed)))
    status, lines = result.stdout.split()
    assert status == b"0"
    assert int(lines) >= 300
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("dlt", [0, 9, 12, 50, 109, 113, 117, 276])
def test_other_link_types(dlt: int) -> None:
    result = Machine().run("tcpdump -nvve -r - > /dev/null", stdin=savefile(noise(3), dlt))
    assert result.status == 0
    assert b"Traceback" not in result.stderr
