"""ARP: resolution, entries of every kind, expiry (if_ether.c, arp(8))."""

from __future__ import annotations

from tests.unit.kernel.netinet.lab import PAIR, lines, run


def test_a_ping_resolves_both_ends() -> None:
    out = lines(PAIR + "jexec a ping -q -c 1 10.0.0.2 > /dev/null; jexec a arp -an; jexec b arp -an")
    assert sorted(out) == [
        "? (10.0.0.1) at 02:00:00:00:00:0a on epair0a permanent [ethernet]",
        "? (10.0.0.1) at 02:00:00:00:00:0a on epair0b expires in 1200 seconds [ethernet]",
        "? (10.0.0.2) at 02:00:00:00:00:0b on epair0a expires in 1200 seconds [ethernet]",
        "? (10.0.0.2) at 02:00:00:00:00:0b on epair0b permanent [ethernet]",
    ]


def test_entries_expire() -> None:
    out = lines(PAIR + "jexec a ping -q -c 1 10.0.0.2 > /dev/null; sleep 1300; jexec a arp -an | wc -l")
    assert out[-1].strip() == "1"


def test_nobody_answers() -> None:
    out = run(PAIR + "jexec a ping -q -c 1 -t 2 10.0.0.9; jexec a arp -an | grep 0.9; jexec a netstat -ss -p arp | grep requests")
    assert "1 packets transmitted, 0 packets received" in out
    assert "? (10.0.0.9) at (incomplete) on epair0a" in out
    assert "ARP requests sent" in out


def test_static_entries_stay_and_lead_where_they_say() -> None:
    out = run(
        PAIR
        + """
        jexec a arp -S 10.0.0.2 02:00:00:00:00:99; jexec a ping -q -c 1 -t 1 10.0.0.2 | grep packets
        jexec a arp -an | grep 0.2; jexec a arp -d 10.0.0.2; jexec a ping -q -c 1 -t 1 10.0.0.2 | grep packets
        """
    )
    assert "100.0% packet loss" in out
    assert "at 02:00:00:00:00:99 on epair0a permanent" in out
    assert out.rstrip().endswith("0.0% packet loss")


def test_a_published_entry_answers_for_another() -> None:
    out = lines(
        PAIR
        + """
        jexec b arp -s 10.0.0.50 auto pub > /dev/null; jexec a ping -q -c 1 -t 1 10.0.0.50 > /dev/null
        jexec a arp -an | grep 0.50 | awk '{print $4}'
        """
    )
    assert out == ["02:00:00:00:00:0b"]


def test_own_address_on_the_wire_is_complained_about() -> None:
    out = run(PAIR + "jexec b ifconfig epair0b 10.0.0.1/24; sleep 1; dmesg | tail -3")
    assert "is using my IP address 10.0.0.1 on epair0" in out


def test_arp_finds_what_it_is_asked_for() -> None:
    out = lines(PAIR + "jexec a arp -n 10.0.0.2; jexec a ping -q -c 1 10.0.0.2 > /dev/null; jexec a arp -n 10.0.0.2 | cut -c-39")
    assert out == ["10.0.0.2 (10.0.0.2) -- no entry", "? (10.0.0.2) at 02:00:00:00:00:0b on ep"]
