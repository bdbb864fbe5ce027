"""IP: forwarding, fragments, options, errors, raw and UDP sockets (ip_input.c, ip_output.c, ip_icmp.c, udp_usrreq.c)."""

from __future__ import annotations

import pytest

from tests.unit.kernel.netinet.lab import PAIR, ROUTER, lines, run


def test_a_router_forwards_and_counts_down() -> None:
    out = run(ROUTER + "jexec a ping -c 1 10.1.0.1 | grep ttl; jexec r netstat -ss -p ip | grep forw")
    assert "ttl=63" in out
    assert "2 packets forwarded" in out


def test_without_forwarding_nothing_passes() -> None:
    out = run(ROUTER + "jexec r sysctl -q net.inet.ip.forwarding=0 > /dev/null; jexec a ping -q -c 1 -t 1 10.1.0.1 | grep loss")
    assert "100.0% packet loss" in out


def test_time_exceeded_names_the_router() -> None:
    out = run(ROUTER + "jexec a ping -c 1 -m 1 -t 1 10.1.0.1 | head -2 | tail -1")
    assert out.startswith("92 bytes from 10.0.0.254: Time to live exceeded")


def test_no_route_behind_the_router() -> None:
    assert "Destination Host Unreachable" in run(ROUTER + "jexec a ping -c 1 -t 1 10.9.0.1")


@pytest.mark.parametrize("size", [0, 8, 1472, 1473, 2960, 2961, 8000, 23672])
def test_every_size_arrives(size: int) -> None:
    out = run(ROUTER + f"jexec a ping -q -c 1 -s {size} 10.1.0.1 | grep packets")
    assert "1 packets transmitted, 1 packets received" in out


def test_a_packet_of_too_many_fragments_is_dropped() -> None:
    out = run(
        ROUTER
        + """
        p() { jexec a ping -q -c 1 -t 1 -s $1 10.1.0.1 | grep -o '[0-9]* packets received'; }
        p 56; p 25152; p 25153; jexec b netstat -ss -p ip | grep dropped
        """
    )
    assert [line.strip() for line in out.splitlines()] == [
        "1 packets received", "1 packets received", "0 packets received", "17 fragments dropped (dup or out of space)",
    ]  # fmt: skip


def test_a_neighbour_to_be_found_holds_back_sixteen_packets() -> None:
    out = run(ROUTER + "jexec a ping -q -c 1 -t 1 -s 25152 10.1.0.1 | grep packets")
    assert "0 packets received" in out


def test_a_small_mtu_on_the_way_fragments_or_refuses() -> None:
    out = run(
        ROUTER
        + """
        jexec r ifconfig epair1a mtu 600; jexec b ifconfig epair1b mtu 600
        jexec a ping -q -c 1 -s 1400 10.1.0.1 | grep packets; jexec r netstat -ss -p ip | grep created
        jexec a ping -c 1 -t 1 -D -s 1400 10.1.0.1 | grep frag
        """
    )
    assert "1 packets received" in out
    assert "3 fragments created" in out
    assert "frag needed and DF set (MTU 600)" in out


def test_record_route() -> None:
    out = run(ROUTER + "jexec a ping -c 1 -R 10.1.0.1")
    for addr in ("10.1.0.254", "10.1.0.1", "10.0.0.254", "10.0.0.1"):
        assert addr in out.split("RR:")[1]


def test_a_router_redirects_to_a_better_way() -> None:
    out = run(
        PAIR
        + """
        jexec b sysctl -q net.inet.ip.forwarding=1 > /dev/null; jexec a route -q add 10.9.0.0/24 10.0.0.2
        jexec b route -q add 10.9.0.0/24 10.0.0.3; jexec a ping -c 1 -t 1 10.9.0.1 | grep Redirect
        """
    )
    assert "Redirect Host(New addr: 10.0.0.3)" in out


def test_datagrams_go_to_whom_they_are_addressed() -> None:
    out = lines(
        PAIR
        + """
        jexec b nc -ul 5000 > /tmp/got & sleep 1; echo hello | jexec a nc -u -w 1 10.0.0.2 5000; cat /tmp/got; kill $!
        echo lost | jexec a nc -u -w 1 10.0.0.2 5001; jexec b netstat -ss -p udp
        """
    )
    assert out[0] == "hello"
    assert [line.strip() for line in out[-3:]] == ["2 datagrams received", "1 dropped due to no socket", "1 delivered"]


def test_a_closed_port_is_told_to_a_connected_socket() -> None:
    out = run(PAIR + "(echo one; sleep 1; echo two; sleep 1) | jexec a nc -u -w 3 10.0.0.2 9; jexec a netstat -ss -p icmp")
    assert "destination unreachable" in out


def test_blackhole_keeps_silent() -> None:
    out = run(
        PAIR
        + """
        jexec b sysctl -q net.inet.udp.blackhole=1 > /dev/null; echo x | jexec a nc -u -w 1 10.0.0.2 9
        jexec b netstat -ss -p icmp | grep -c unreachable
        """
    )
    assert out.splitlines()[-1] == "0"


def test_broadcast_pings_are_answered_on_demand() -> None:
    ask = "jexec a ping -q -c 1 -t 1 10.0.0.255 | grep packets;"
    out = lines(PAIR + ask + "jexec b sysctl -q net.inet.icmp.bmcastecho=1 > /dev/null;" + ask)
    assert ["0 packets received" in out[0], "1 packets received" in out[1]] == [True, True]


def test_reserved_ports_and_foreign_addresses() -> None:
    out = lines(
        PAIR
        + """
        timeout 1 jexec -u nobody a nc -ul 53; timeout 1 jexec a nc -ul 10.0.0.2 5000
        jexec a nc -ul 5000 > /dev/null & sleep 1; timeout 1 jexec -u nobody a nc -ul 5000; kill $!
        """
    )
    assert out[0] == "nc: Permission denied"
    assert out[1] == "nc: Can't assign requested address"
    assert out[2] == "nc: Address already in use"


def test_a_header_apart_from_its_payload_gets_no_error() -> None:
    """Options behind a header the program made itself (-D) leave it alone in its mbuf."""
    probes = ("-R -m 1", "-D -m 1", "-D -R -m 1")
    pings = "; ".join(f"jexec a ping -c 1 -t 1 {options} 10.1.0.1 | grep -c exceeded" for options in probes)
    assert lines(f"{ROUTER}{pings}")[-3:] == ["1", "1", "0"]
