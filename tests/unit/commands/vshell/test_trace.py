"""vshell trace: a packet's way through several stacks, and where it ends."""

from __future__ import annotations

import re

from vshell.machine import Machine

NETWORK = """
for j in pc1 r1 pc2; do jail -c name=$j vnet persist; done
ifconfig epair create >/dev/null; ifconfig epair0a vnet pc1; ifconfig epair0b vnet r1
ifconfig epair create >/dev/null; ifconfig epair1a vnet r1; ifconfig epair1b vnet pc2
ifconfig -j pc1 epair0a 10.0.1.2/24; ifconfig -j r1 epair0b 10.0.1.1/24
ifconfig -j r1 epair1a 10.0.2.1/24; ifconfig -j pc2 epair1b 10.0.2.2/24
jexec r1 sysctl -q net.inet.ip.forwarding=1 >/dev/null
route -qj pc1 add default 10.0.1.1; route -qj pc2 add default 10.0.2.1
jexec pc1 ping -qc 1 10.0.2.2 >/dev/null
"""


def trace(command: str) -> tuple[int, list[str]]:
    """Status of a traced command, and what the trace says without times and Ethernet addresses."""
    result = Machine().run(NETWORK + f"vshell trace {command}")
    assert result.stderr == b""
    text = re.sub(r"(?m)^(\S+) > (?:[0-9a-f]{2}:){5}[0-9a-f]{2} ", "", result.stdout.decode())
    return result.status, [re.sub(r"^ +[\d.]+ ms  ", "  ", line) for line in text.splitlines()]


def test_there_and_back() -> None:
    """Every interface on the way, and the routes that lead on."""
    status, lines = trace("jexec pc1 ping -qc 1 10.0.2.2")
    assert status == 0
    assert lines[lines.index("icmp 10.0.1.2 > 10.0.2.2 echo request, ttl 64, 84 bytes") :] == [
        "icmp 10.0.1.2 > 10.0.2.2 echo request, ttl 64, 84 bytes",
        "  pc1  epair0a →",
        "  r1   epair0b ←  routed to its link through epair1a",
        "icmp 10.0.1.2 > 10.0.2.2 echo request, ttl 63, 84 bytes",
        "  r1   epair1a →",
        "  pc2  epair1b ←  for this stack",
        "icmp 10.0.2.2 > 10.0.1.2 echo reply, ttl 64, 84 bytes",
        "  pc2  epair1b →",
        "  r1   epair1a ←  routed to its link through epair0b",
        "icmp 10.0.2.2 > 10.0.1.2 echo reply, ttl 63, 84 bytes",
        "  r1   epair0b →",
        "  pc1  epair0a ←  for this stack",
    ]


def test_drop() -> None:
    """Where a packet is given up, the reason stands; the status is the command's."""
    rule = "jexec r1 ipfw -q add 5 deny icmp from any to any"
    load = "kenv -q net.inet.ip.fw.default_to_accept=1; kldload ipfw"
    status, lines = trace(f"sh -c '{load}; {rule}; jexec pc1 ping -qc 1 -t 1 10.0.2.2'")
    assert status == 2
    assert any(line.startswith("  r1   epair0b ✗  ") and "rule 5" in line for line in lines)


def test_way_by_a_gateway() -> None:
    """The next router is named."""
    _, lines = trace("sh -c 'route -qj r1 add -net 10.7.0.0/16 10.0.2.2; jexec pc1 ping -qc 1 -t 1 10.7.0.1'")
    assert "  r1   epair0b ←  routed by 10.0.2.2 through epair1a" in lines


def test_nothing_and_nobody() -> None:
    """A command without packets, no command, a second trace at the same time."""
    assert trace("true") == (0, ["no packet was seen"])
    result = Machine().run("vshell trace; echo $?; vshell trace nosuch; echo $?; vshell trace vshell trace true")
    assert result.stdout.decode() == "2\nno packet was seen\n127\nno packet was seen\n"
    assert result.stderr.decode() == (
        "usage: vshell trace [-a] command [argument ...]\nvshell: trace: nosuch: No such file or directory\n"
        "vshell: trace: somebody else traces\n"
    )
