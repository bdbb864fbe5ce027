"""Addresses of IPv4 and the routes they bring (in.c)."""

from __future__ import annotations

from tests.unit.kernel.netinet.lab import PAIR, lines, run

ROUTES = "jexec a netstat -rn -f inet | awk 'NR > 4 {print $1, $3, $4}'"


def test_an_address_brings_a_prefix_and_itself() -> None:
    assert lines(PAIR + ROUTES) == ["10.0.0.0/24 U epair0a", "10.0.0.1 UHS lo0"]


def test_an_alias_in_the_same_prefix_adds_only_itself() -> None:
    out = lines(PAIR + "jexec a ifconfig epair0a 10.0.0.3/24 alias;" + ROUTES)
    assert out == ["10.0.0.0/24 U epair0a", "10.0.0.1 UHS lo0", "10.0.0.3 UHS lo0"]


def test_the_prefix_survives_the_address_that_brought_it() -> None:
    out = lines(PAIR + "jexec a ifconfig epair0a 10.0.0.3/24 alias; jexec a ifconfig epair0a 10.0.0.1 delete;" + ROUTES)
    assert out == ["10.0.0.0/24 U epair0a", "10.0.0.3 UHS lo0"]


def test_the_last_address_takes_everything_with_it() -> None:
    assert lines(PAIR + "jexec a ifconfig epair0a 10.0.0.1 delete;" + ROUTES) == []


def test_deleting_what_is_not_there() -> None:
    assert "ioctl (SIOCDIFADDR)" in run(PAIR + "jexec a ifconfig epair0a 10.9.9.9 delete")


def test_broadcast_address_is_that_of_the_prefix_unless_given() -> None:
    out = run(
        PAIR
        + """
        jexec a ifconfig epair0a 172.16.0.1/20 alias; jexec a ifconfig epair0a 172.17.0.1/20 broadcast 172.17.0.99 alias
        jexec a ifconfig epair0a | grep 172
        """
    )
    assert "inet 172.16.0.1 netmask 0xfffff000 broadcast 172.16.15.255" in out
    assert "inet 172.17.0.1 netmask 0xfffff000 broadcast 172.17.0.99" in out


def test_source_of_a_packet_is_the_address_in_its_prefix() -> None:
    out = run(
        PAIR
        + """
        jexec a ifconfig epair0a 10.5.0.1/24 alias; jexec b ifconfig epair0b 10.5.0.2/24 alias
        jexec b ping -c 1 -R 10.5.0.1 | grep -c RR; jexec b arp -d -a > /dev/null
        jexec b ping -q -c 1 10.5.0.1 > /dev/null; jexec a arp -an | awk '{print $2}' | sort
        """
    )
    assert "(10.5.0.2)" in out


def test_loopback_answers_only_with_its_address() -> None:
    out = lines("jail -c name=j vnet persist; jexec j ping -c 1 -t 1 127.0.0.1 | tail -1; jexec j ifconfig lo0 127.0.0.1/8; "
                "jexec j ping -q -c 1 127.0.0.1 | grep packets")  # fmt: skip
    assert out[-1] == "1 packets transmitted, 1 packets received, 0.0% packet loss"
