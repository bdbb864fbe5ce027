"""Expressions and the programs libpcap makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vshell.machine import Result
from vshell.userland.pcap.compile import FilterError, pcap_compile
from vshell.wire.bpf_filter import bpf_filter, bpf_validate

Run = Callable[..., Result]

MADE = (Path(__file__).parent / "data" / "filters.txt").read_text().splitlines()[1:]
CASES = list(zip(MADE[::2], MADE[1::2], strict=True))


class Nobody:
    """A program in a machine without files."""


def compiled(line: str) -> str:
    """The program of an expression as the file has it."""
    dlt, optimize, text = line.split(" ", 2)
    try:
        program = pcap_compile(Nobody(), int(dlt), 262144, text, optimize == "1", 0xFFFFFF00, live=False)  # type: ignore[arg-type]
    except FilterError as e:
        return f"E {e}"
    return "P" + "".join(f" {code},{jt},{jf},{k}" for code, jt, jf, k in program)


def test_the_programs_are_those_of_libpcap() -> None:
    wrong = [(line, compiled(line), wanted) for line, wanted in CASES if compiled(line) != wanted]
    assert not wrong


def test_the_kernel_takes_them() -> None:
    for _line, wanted in CASES:
        if wanted.startswith("P") and "protochain" not in _line:
            program = tuple(tuple(int(n) for n in insn.split(",")) for insn in wanted.split()[1:])
            assert bpf_validate(program)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "packet", "taken"),
    [
        ("icmp", bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x01" + bytes(20), True),
        ("not icmp", bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x01" + bytes(20), False),
        ("icmp", bytes(10), False),
        ("len > 20", bytes(21), True),
        ("ether[0] & 1 = 1", b"\x01" + bytes(20), True),
        ("vlan 5", bytes(12) + b"\x81\x00\x00\x05" + bytes(20), True),
        ("ip6 protochain 6", bytes(12) + b"\x86\xdd\x60" + bytes(5) + b"\x00" + bytes(33) + b"\x06" + bytes(20), True),
    ],
)
def test_what_they_let_through(text: str, packet: bytes, taken: bool) -> None:
    program = pcap_compile(Nobody(), 1, 262144, text, live=False)  # type: ignore[arg-type]
    assert bool(bpf_filter(program, packet)) == taken


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("tcp port", "can't parse filter expression: syntax error"),
        ("host nowhere", "unknown host 'nowhere'"),
        ("port bogus", "unknown port 'bogus'"),
        ("ip and ip6 and tcp and udp", "expression rejects all packets"),
        ("port 70000", "illegal port number 70000 > 65535"),
    ],
)
def test_errors(run: Run, words: str, message: str) -> None:
    found = run(f"tcpdump -d -y EN10MB {words} 2>&1 | tail -1").stdout.decode()
    assert found == f"tcpdump: {message}\n"


THREE_WAYS = {
    "-d": """(000) ldh      [12]
(001) jeq      #0x806           jt 2\tjf 3
(002) ret      #262144
(003) ret      #0
""",
    "-dd": """{ 0x28, 0, 0, 0x0000000c },
{ 0x15, 0, 1, 0x00000806 },
{ 0x6, 0, 0, 0x00040000 },
{ 0x6, 0, 0, 0x00000000 },
""",
    "-ddd": "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n",
}


@pytest.mark.parametrize("option", THREE_WAYS)
def test_three_ways_to_show_a_program(run: Run, option: str) -> None:
    assert run(f"tcpdump {option} -y EN10MB arp").stdout.decode() == THREE_WAYS[option]


def test_names_of_services_and_hosts(run: Run) -> None:
    show = "tcpdump -ddd -y EN10MB"
    script = f"{show} tcp port http > a; {show} tcp port 80 | cmp - a; echo '10.9.8.7 fox' >> /etc/hosts; "
    script += f"{show} host fox > a; {show} host 10.9.8.7 | cmp - a; echo $?"
    assert run(script).stdout == b"0\n"
