"""The bad cable (net/if_fault.py): what it does to frames, its settings, and that a seed determines it."""

from __future__ import annotations

import pytest

from tests.unit.kernel.netinet.lab import lines, run

CABLE = """
jail -c name=a vnet persist; jail -c name=b vnet persist; ifconfig fault create > /dev/null
ifconfig fault0a vnet a; ifconfig fault0b vnet b; jexec a ifconfig fault0a 10.0.0.1/24; jexec b ifconfig fault0b 10.0.0.2/24
"""
PING = "jexec a ping -q -i 0.1 -c 200 10.0.0.2 | grep received"
A, B = "net.link.fault.fault0a", "net.link.fault.fault0b"


def test_a_good_cable_by_default() -> None:
    assert lines(f"{CABLE} {PING}") == ["200 packets transmitted, 200 packets received, 0.0% packet loss"]


def test_what_is_lost_is_counted_and_the_seed_decides() -> None:
    commands = f"{CABLE} sysctl -q {A}.loss=10 > /dev/null; {PING}; sysctl -n {A}.lost; jexec b netstat -In fault0b -b | tail -1"
    first = run(commands)
    assert first == run(commands)
    received = int(first.split()[3])
    assert 160 < received < 195
    assert int(first.splitlines()[1]) == 200 - received


def test_duplicates() -> None:
    out = run(f"{CABLE} sysctl -q {B}.duplicate=25 > /dev/null; {PING}; sysctl -n {B}.duplicated")
    duplicates = int(out.split("+")[1].split()[0])
    assert 30 < duplicates < 70
    assert int(out.splitlines()[1]) - duplicates in (0, 1)  # the answer of ARP is a frame too


def test_damage_is_found_by_check_sums() -> None:
    out = run(
        f"{CABLE} jexec a ping -c 1 10.0.0.2 > /dev/null; sysctl -q {A}.corrupt=100 > /dev/null; {PING}; sysctl -n {A}.corrupted"
    )
    assert out.splitlines() == ["200 packets transmitted, 0 packets received, 100.0% packet loss", "200"]


def test_delay_and_order() -> None:
    out = lines(
        f"""{CABLE} jexec a ping -c 1 10.0.0.2 > /dev/null; sysctl -q {A}.delay=7.5 > /dev/null
        jexec a ping -c 1 10.0.0.2 | grep -c 'time=7.5'; sysctl -q {A}.delay=0 {A}.reorder=30 > /dev/null
        jexec a ping -c 100 -i 0.001 10.0.0.2 | awk -F'[= ]' '/seq/ {{ if ($6 < last) n++; last = $6 }} END {{ print (n > 3) }}'
        """
    )
    assert out == ["1", "1"]


@pytest.mark.parametrize("value", ["101", "-1", "x", "1.", "0.1234567", "", "1e2", "٣"])
def test_bad_values(value: str) -> None:
    assert lines(f"{CABLE} sysctl {A}.loss='{value}'")[-1].endswith(": Invalid argument")


def test_nodes_come_and_go_with_the_interfaces() -> None:
    out = lines(
        f"""{CABLE} ifconfig fault create; sysctl -N net.link.fault | grep -c fault1b; sysctl {A}.loss=0.25
        jexec a sysctl {A}.loss=1; jail -r a; ifconfig fault0b -vnet b; ifconfig fault0b destroy
        sysctl -N net.link.fault | grep -c fault0; kldunload if_fault; sysctl net.link.fault; ifconfig -l
        """
    )
    assert out == [
        "fault1a", "12", f"{A}.loss: 0 -> 0.25", f"{A}.loss: 0.25", f"sysctl: {A}.loss=1: Operation not permitted", "0",
        "sysctl: unknown oid 'net.link.fault'", "vtnet0 vtnet1 lo0",
    ]  # fmt: skip


@pytest.mark.parametrize("cables", [2, 3])
def test_a_storm_in_a_loop_of_bridges_does_not_stop_time(cables: int) -> None:
    numbers = " ".join(str(i) for i in range(cables))
    out = lines(
        f"""ifconfig bridge create > /dev/null; ifconfig bridge create > /dev/null
        for i in {numbers}; do
            ifconfig epair create > /dev/null; ifconfig bridge0 addm epair${{i}}a; ifconfig bridge1 addm epair${{i}}b
            ifconfig epair${{i}}a up; ifconfig epair${{i}}b up
        done
        ifconfig bridge0 inet 10.9.0.1/24 up; ifconfig bridge1 up; ping -q -c 1 -t 1 10.9.0.2 | grep received
        for i in {numbers}; do ifconfig epair${{i}}a destroy; done; echo calm"""
    )
    assert out == ["1 packets transmitted, 0 packets received, 100.0% packet loss", "calm"]
