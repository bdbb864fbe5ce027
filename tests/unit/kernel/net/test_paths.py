"""Packets of our own and several paths (fib4_calc_software_hash), addresses on members of a bridge, STP over vlans."""

from __future__ import annotations

import pytest

from vshell.machine import Machine

PATHS = """
jail -c name=a vnet persist; jail -c name=b vnet persist
for n in 0 1; do ifconfig epair$n create > /dev/null; ifconfig epair${n}a vnet a; ifconfig epair${n}b vnet b; done
"""
PATHS4 = """
for n in 0 1; do jexec a ifconfig epair${n}a 10.0.$n.1/24; jexec b ifconfig epair${n}b 10.0.$n.2/24; done
for n in 0 1; do jexec a route -q add -net 10.9.0.0/16 10.0.$n.2; done
for i in $(jot 40); do jexec b ifconfig lo0 10.9.0.$i/32 alias; done
for i in $(jot 40); do jexec a ping -q -c 1 10.9.0.$i > /dev/null; done
"""
PATHS6 = """
for n in 0 1; do
jexec a ifconfig epair${n}a inet6 2001:db8:$n::1/64 no_dad; jexec b ifconfig epair${n}b inet6 2001:db8:$n::2/64 no_dad
done
for n in 0 1; do jexec a route -q -6 add -net 2001:db8:9::/48 2001:db8:$n::2; done
for i in $(jot 40); do jexec b ifconfig lo0 inet6 2001:db8:9::$i/128; done
for i in $(jot 40); do jexec a ping -6 -q -c 1 2001:db8:9::$i > /dev/null; done
"""


def run(commands: str) -> str:
    """What the commands print."""
    machine = Machine()
    result = machine.run(commands)
    assert not machine.kernel.panics, machine.kernel.panics[0]
    return result.stdout.decode()


@pytest.mark.parametrize("commands", [PATHS4, PATHS6])
def test_flows_are_spread_over_the_paths(commands: str) -> None:
    out = run(PATHS + commands + "for n in 0 1; do jexec a netstat -nW -I epair${n}a -f link | awk 'NR == 2 {print $8}'; done")
    assert all(int(packets) > 12 for packets in out.split()), out


def test_addresses_on_members_are_refused_or_warned_about() -> None:
    out = run(
        """
        ifconfig epair0 create > /dev/null; ifconfig bridge0 create > /dev/null; ifconfig bridge0 addm epair0a
        ifconfig epair0a 10.0.0.1/24; ifconfig epair0a inet6 2001:db8::1/64
        dmesg | grep -c 'epair0a: WARNING: Assigning an IP address to an interface which is also a bridge member'
        sysctl -q net.link.bridge.member_ifaddrs=0 > /dev/null
        ifconfig epair0a 10.0.1.1/24 2> /dev/null || echo refused
        ifconfig epair0a inet6 2001:db8:1::1/64 2> /dev/null || echo refused
        """
    )
    assert out.split() == ["2", "refused", "refused"]


def test_a_loop_over_vlans_is_broken() -> None:
    out = run(
        "kldload -n if_bridge;"
        + PATHS
        + """
        for j in a b; do
        jexec $j ifconfig bridge0 create > /dev/null
        for n in 0 1; do
        jexec $j ifconfig epair$n$j up; jexec $j ifconfig vlan$n create vlandev epair$n$j vlan 42 up > /dev/null
        jexec $j ifconfig bridge0 addm vlan$n stp vlan$n
        done
        jexec $j ifconfig bridge0 up
        done
        sleep 8; for j in a b; do jexec $j ifconfig bridge0 | awk '/state/ {print $4}'; done | sort | uniq -c
        """
    )
    assert out.split() == ["1", "discarding", "3", "forwarding"]
