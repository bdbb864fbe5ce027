"""What ip_input and ip6_input remember of a flow never outlives the reason: every change is seen by the next packet."""

from __future__ import annotations

import pytest

from tests.unit.kernel.netinet.lab import ROUTER, lines

V6 = """
for j in r; do jexec $j sysctl -q net.inet6.ip6.forwarding=1 > /dev/null; done
jexec a ifconfig epair0a inet6 no_dad 2001:db8::1/64; jexec r ifconfig epair0b inet6 no_dad 2001:db8::254/64
jexec r ifconfig epair1a inet6 no_dad 2001:db8:1::254/64; jexec b ifconfig epair1b inet6 no_dad 2001:db8:1::1/64
jexec a route -q -6 add default 2001:db8::254; jexec b route -q -6 add default 2001:db8:1::254
"""
TTL = "sed -n 's/.*h*l*i*m*ttl=\\([0-9]*\\).*/\\1/p; s/.*hlim=\\([0-9]*\\).*/\\1/p'"
PING = f"{{ jexec a ping -c 1 -t 1 10.1.0.1 | {TTL} | grep . || echo lost; }}"
PING6 = f"{{ jexec a ping -c 1 2001:db8:1::1 | {TTL} | grep . || echo lost; }}"
WARM = "jexec a ping -q -c 3 -i 0.1 10.1.0.1 > /dev/null;"
WARM6 = "jexec a ping -q -c 3 -i 0.1 2001:db8:1::1 > /dev/null;"


def test_forwarding_as_such() -> None:
    assert lines(f"{ROUTER} {WARM} {PING}") == ["63"]
    assert lines(f"{ROUTER} {V6} {WARM6} {PING6}") == ["63"]


@pytest.mark.parametrize(
    ("change", "seen", "undo", "after"),
    [
        ("route -q add -host 10.1.0.1 127.0.0.1 -blackhole", "lost", "route -q delete 10.1.0.1", "63"),
        ("arp -S 10.1.0.1 02:00:00:00:00:99 > /dev/null", "lost", "arp -d 10.1.0.1 > /dev/null", "63"),
        ("ifconfig lo0 10.1.0.1/32", "64", "ifconfig lo0 -alias 10.1.0.1", "63"),
        ("sysctl -q net.inet.ip.forwarding=0 > /dev/null", "lost", "sysctl -q net.inet.ip.forwarding=1 > /dev/null", "63"),
        ("ifconfig epair1a down", "lost", "ifconfig epair1a up", "63"),
        ("ifconfig epair1a -arp", "63", "ifconfig epair1a arp", "63"),
        ("ifconfig epair0b monitor", "lost", "ifconfig epair0b -monitor", "63"),
    ],
)
def test_changes(change: str, seen: str, undo: str, after: str) -> None:
    assert lines(f"{ROUTER} jexec r ifconfig lo0 127.0.0.1/8; {WARM} jexec r {change}; {PING}; jexec r {undo}; {PING}") == [
        seen,
        after,
    ]


def test_a_firewall_comes_and_goes() -> None:
    out = lines(
        f"""{ROUTER} {WARM} kldload ipfw > /dev/null 2>&1; {PING} 2> /dev/null; jexec r ipfw -q add allow ip from any to any
        for j in a b; do jexec $j ipfw -q add allow ip from any to any; done; {PING}
        {WARM} jexec r ipfw -q add 50 deny icmp from any to any; {PING}; kldunload ipfw; {PING}"""
    )
    assert out == ["lost", "63", "lost", "63"]


def test_carp_becomes_master_of_a_forwarded_address() -> None:
    out = lines(
        f"""kldload carp; {ROUTER} {WARM} jexec r ifconfig epair0b vhid 1 10.1.0.1/32 alias; sleep 5; {PING}
        jexec r ifconfig epair0b | grep -c MASTER; jexec r ifconfig epair0b -alias 10.1.0.1; {PING}"""
    )
    assert out == ["64", "1", "63"]


def test_a_smaller_mtu_and_a_neighbour_with_another_address() -> None:
    out = lines(
        f"""{ROUTER} jexec a ping -q -c 3 -i 0.1 -s 1400 -D 10.1.0.1 > /dev/null; jexec r ifconfig epair1a mtu 1000
        jexec a ping -c 1 -s 1400 -D 10.1.0.1 | grep -c 'frag needed'; jexec r ifconfig epair1a mtu 1500
        {WARM} jexec b ifconfig epair1b ether 02:00:00:00:00:77; {PING}"""
    )
    assert out == ["1", "63"]


@pytest.mark.parametrize(
    ("change", "seen", "undo", "after"),
    [
        ("route -q -6 add -host 2001:db8:1::1 ::1 -blackhole", "lost", "route -q -6 delete 2001:db8:1::1", "63"),
        ("ndp -s 2001:db8:1::1 02:00:00:00:00:99 > /dev/null", "lost", "ndp -d 2001:db8:1::1 > /dev/null", "63"),
        ("ifconfig lo0 inet6 2001:db8:1::1/128", "64", "ifconfig lo0 inet6 2001:db8:1::1 -alias", "63"),
        ("sysctl -q net.inet6.ip6.forwarding=0 > /dev/null", "lost", "sysctl -q net.inet6.ip6.forwarding=1 > /dev/null", "63"),
        ("ifconfig epair1a inet6 ifdisabled", "lost", "ifconfig epair1a inet6 -ifdisabled", "63"),
        ("ifconfig epair0b inet6 ifdisabled", "lost", "ifconfig epair0b inet6 -ifdisabled", "63"),
    ],
)
def test_changes_of_ipv6(change: str, seen: str, undo: str, after: str) -> None:
    assert lines(
        f"{ROUTER} {V6} jexec r ifconfig lo0 inet6 ::1/128; {WARM6} jexec r {change}; {PING6}; jexec r {undo}; sleep 2; {PING6}"
    ) == [seen, after]


def test_counters_count_what_was_forwarded_at_once() -> None:
    out = lines(
        f"""{ROUTER} jexec r netstat -sz -p ip > /dev/null; jexec a ping -q -c 10 -i 0.1 10.1.0.1 > /dev/null
        jexec r netstat -s -p ip | egrep 'total packets|packets forwarded' | awk '{{print $1, $4}}'"""
    )
    assert out == ["40 received", "20 (20"]


@pytest.mark.parametrize(
    ("change", "seen", "undo"),
    [
        ("route -q add -host 10.1.0.1 127.0.0.1 -blackhole", "lost", "route -q delete 10.1.0.1"),
        ("route -q change default 10.0.0.77; sleep 1", "lost", "route -q change default 10.0.0.254"),
        ("ifconfig lo0 alias 10.1.0.1/32", "64", "ifconfig lo0 -alias 10.1.0.1"),
        ("ifconfig epair0a down", "lost", "ifconfig epair0a up; sleep 1; jexec a route -q add default 10.0.0.254"),
        ("arp -S 10.0.0.254 02:00:00:00:00:99 > /dev/null", "lost", "arp -d 10.0.0.254 > /dev/null"),
        ("ifconfig epair0a 10.0.0.1/24 broadcast 10.0.0.254", "lost", "ifconfig epair0a 10.0.0.1/24 broadcast 10.0.0.255"),
    ],
)
def test_changes_where_packets_are_made(change: str, seen: str, undo: str) -> None:
    again = "jexec a route -q add default 10.0.0.254 > /dev/null 2>&1"
    out = lines(
        f"""{ROUTER} jexec a ifconfig lo0 127.0.0.1/8; {WARM} jexec a {change}; {PING} 2> /dev/null
        jexec a {undo} 2> /dev/null; {again}; {PING}"""
    )
    assert out == [seen, "63"]
