"""Interfaces on top of others: VLANs, aggregated links, tunnels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]

PAIR = """
jail -c name=a vnet persist; jail -c name=b vnet persist
ifconfig epair create up > /dev/null; ifconfig epair0a vnet a; ifconfig epair0b vnet b
jexec a ifconfig epair0a inet 192.0.2.1/24; jexec b ifconfig epair0b inet 192.0.2.2/24
try() { jexec a ping -q -c 1 -t 1 $1 | awk '/transmitted/ {print $4}'; }
"""

BONDED = """
kldload if_lagg; jail -c name=b vnet persist
for i in 0 1; do ifconfig epair$i create up > /dev/null; ifconfig epair${i}b vnet b; jexec b ifconfig epair${i}b up; done
"""


def answers(run: Run, script: str) -> list[str]:
    """What a script says, with two jails joined by a cable."""
    result = run(PAIR + script)
    assert result.stderr == b""
    return result.stdout.decode().split()


def test_tagged_frames_find_their_vlan(run: Run) -> None:
    script = (
        "for v in 10 20; do jexec a ifconfig epair0a.$v create inet 10.0.$v.1/24;"
        "jexec b ifconfig epair0b.$v create inet 10.0.$v.2/24; done;"
        "try 10.0.10.2; jexec b ifconfig epair0b.10 destroy; try 10.0.10.2; try 10.0.20.2"
    )
    assert answers(run, script) == ["1", "0", "1"]


def test_a_name_whose_first_digit_is_behind_the_dot_takes_a_unit(run: Run) -> None:
    result = run(
        """
        ifconfig epair0 create > /dev/null; ifconfig epair0a name lan > /dev/null; ifconfig epair0b name wan > /dev/null
        ifconfig lan.100 create; ifconfig wan.100 create; ifconfig vlan100 create; ifconfig vtnet0.100 create
        ifconfig lan.100 destroy; ifconfig wan.100 create; ifconfig -l
        """
    )
    assert result.stderr == b"ifconfig: interface wan.100 already exists\nifconfig: interface vlan100 already exists\n"
    assert result.stdout.split()[-2:] == [b"vtnet0.100", b"wan.100"]


def test_a_vlan_of_a_vlan_is_four_bytes_smaller(run: Run) -> None:
    script = (
        "ifconfig vtnet0.5 create vlanproto 802.1ad; ifconfig vtnet0.5.6 create;ifconfig vtnet0.5.6 | head -1 | grep -o 'mtu.*'"
    )
    assert answers(run, script) == ["mtu", "1496"]


@pytest.mark.parametrize("options", ["", "grekey 7", "enable_csum enable_seq", "udpencap"])
def test_gre(run: Run, options: str) -> None:
    script = "".join(
        f"kldload -n if_gre; jexec {j} ifconfig gre0 create tunnel 192.0.2.{i} 192.0.2.{3 - i} {options};"
        f"jexec {j} ifconfig gre0 inet 10.0.0.{i} 10.0.0.{3 - i};"
        for i, j in ((1, "a"), (2, "b"))
    )
    assert answers(run, script + "try 10.0.0.2") == ["1"]


def test_gif_needs_its_source_address(run: Run) -> None:
    script = (
        "jexec a ifconfig gif0 create tunnel 192.0.2.1 192.0.2.2; jexec a ifconfig gif0 inet 10.0.0.1 10.0.0.2;"
        "jexec b ifconfig gif0 create tunnel 192.0.2.2 192.0.2.1; jexec b ifconfig gif0 inet 10.0.0.2 10.0.0.1; try 10.0.0.2;"
        "jexec b ifconfig epair0b inet 192.0.2.2 -alias; jexec b ifconfig gif0 | grep -c RUNNING"
    )
    assert answers(run, script) == ["1", "0"]


def test_vxlan_learns_where_stations_are(run: Run) -> None:
    script = (
        "for i in 1 2; do ifconfig vxlan$i create vni 9 vxlanlocal 192.0.2.$i vxlanremote 192.0.2.$((3 - i)); done;"
        "ifconfig vxlan1 vnet a; ifconfig vxlan2 vnet b;"
        "jexec a ifconfig vxlan1 inet 10.0.0.1/24; jexec b ifconfig vxlan2 inet 10.0.0.2/24;"
        "try 10.0.0.2; jexec a ifconfig -v vxlan1 | grep -o 'cnt .'"
    )
    assert answers(run, script) == ["1", "cnt", "1"]


@pytest.mark.parametrize("proto", ["failover", "loadbalance", "roundrobin", "lacp"])
def test_aggregated_links_carry_traffic(run: Run, proto: str) -> None:
    script = (
        f"ifconfig lagg0 create laggproto {proto} laggport epair0a laggport epair1a 10.0.0.1/24;"
        f"jexec b ifconfig lagg0 create laggproto {proto} laggport epair0b laggport epair1b 10.0.0.2 netmask 255.255.255.0;"
        "sleep 10; ping -q -c 4 -i 0.2 10.0.0.2 | awk '/transmitted/ {print $4}'"
    )
    assert run(BONDED + script).stdout == b"4\n"


def test_a_port_gets_its_address_back(run: Run) -> None:
    script = (
        "old=$(ifconfig epair1a | awk '/ether/ {print $2}'); ifconfig lagg0 create laggport epair0a laggport epair1a;"
        "new=$(ifconfig epair1a | awk '/ether/ {print $2}'); ifconfig lagg0 destroy;"
        "now=$(ifconfig epair1a | awk '/ether/ {print $2}');"
        "[ $old != $new ]; echo $?; [ $old = $now ]; echo $?"
    )
    assert run(BONDED + script).stdout == b"0\n0\n"


def test_tun_and_tap_come_and_go(run: Run) -> None:
    result = run("ifconfig tun create; ifconfig tap5 create up; ifconfig -l; ifconfig tun0 destroy; ifconfig -l")
    assert result.stdout.decode().splitlines() == ["tun0", "vtnet0 vtnet1 lo0 tun0 tap5", "vtnet0 vtnet1 lo0 tap5"]


GUARDED = """
kldload if_wg; umask 077
for j in a b; do
jexec $j ifconfig wg0 create; wg genkey > /tmp/k$j; jexec $j wg set wg0 listen-port 51820 private-key /tmp/k$j
done
peer() { jexec $1 wg set wg0 peer $(wg pubkey < /tmp/k$2) allowed-ips $3 ${4:+endpoint} $4; }
jexec a ifconfig wg0 inet 10.0.0.1/24 up; jexec b ifconfig wg0 inet 10.0.0.2/24 up
"""


@pytest.mark.parametrize(("allowed", "answered"), [("10.0.0.1/32", "1"), ("10.0.0.9/32", "0")])
def test_wireguard_takes_only_allowed_addresses(run: Run, allowed: str, answered: str) -> None:
    script = f"peer a b 10.0.0.2/32 192.0.2.2:51820; peer b a {allowed}; try 10.0.0.2"
    assert answers(run, GUARDED + script) == [answered]


def test_wireguard_needs_a_peer_and_learns_where_it_is(run: Run) -> None:
    script = (
        "jexec a ping -c 1 -t 1 10.0.0.3 2>&1 | grep -c 'Network is unreachable'; peer b a 10.0.0.1/32;"
        "peer a b 10.0.0.2/32 192.0.2.2:51820;"
        "try 10.0.0.2; jexec b wg show wg0 endpoints | cut -f 2"
    )
    assert answers(run, GUARDED + script) == ["1", "1", "192.0.2.1:51820"]


def test_wireguard_keeps_a_preshared_key_apart(run: Run) -> None:
    script = (
        "peer a b 10.0.0.2/32 192.0.2.2:51820; peer b a 10.0.0.1/32; wg genpsk > /tmp/psk;"
        "jexec a wg set wg0 peer $(wg pubkey < /tmp/kb) preshared-key /tmp/psk; try 10.0.0.2;"
        "jexec b wg set wg0 peer $(wg pubkey < /tmp/ka) preshared-key /tmp/psk; sleep 6; try 10.0.0.2"
    )
    assert answers(run, GUARDED + script) == ["0", "1"]
