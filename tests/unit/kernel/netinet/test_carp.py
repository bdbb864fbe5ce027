"""carp(4) over IPv6, and VRRP version 3 over both (ip_carp.c)."""

from __future__ import annotations

import pytest

from tests.unit.kernel.netinet.lab import lines, run

PAIR6 = """
kldload -n carp
for j in a b c; do jail -c name=$j vnet persist; done
ifconfig bridge0 create > /dev/null; ifconfig bridge0 up
for n in 0 1 2; do ifconfig epair$n create > /dev/null; ifconfig epair${n}a up; ifconfig bridge0 addm epair${n}a; done
ifconfig epair0b vnet a; ifconfig epair1b vnet b; ifconfig epair2b vnet c
jexec a ifconfig epair0b inet6 2001:db8::a/64 up no_dad; jexec b ifconfig epair1b inet6 2001:db8::b/64 up no_dad
jexec c ifconfig epair2b inet6 2001:db8::c/64 up no_dad
"""
SHARED6 = """
jexec a ifconfig epair0b inet6 add {0} 2001:db8::1/64 no_dad; jexec b ifconfig epair1b inet6 add {0} {1} 2001:db8::1/64 no_dad
"""
STATES = """
for j in a:epair0b b:epair1b; do jexec ${j%:*} ifconfig ${j#*:} | awk '/carp:|vrrp:/ {print $1, $2}'; done
"""
CARP, SLOWER = "vhid 1", "advskew 100"
VRRP, LOWER = "vhid 1 carpver 3", "vrrpprio 90"


@pytest.mark.parametrize(("shared", "weaker", "name"), [(CARP, SLOWER, "carp:"), (VRRP, LOWER, "vrrp:")])
def test_one_of_two_is_the_master_and_the_other_one_follows(shared: str, weaker: str, name: str) -> None:
    fail = "jexec a ifconfig epair0b down; sleep 10;"
    out = lines(PAIR6 + SHARED6.format(shared, weaker) + "sleep 10;" + STATES + fail + STATES)
    assert out == [f"{name} MASTER", f"{name} BACKUP", f"{name} INIT", f"{name} MASTER"]


def test_the_shared_address_answers_with_the_address_of_its_virtual_host() -> None:
    out = run(
        PAIR6
        + SHARED6.format(CARP, SLOWER)
        + """
        sleep 10; jexec c ping -6 -q -c 1 2001:db8::1 | grep packets; jexec c ndp -an | awk '$1 == "2001:db8::1" {print $2}'
        jexec a ifconfig epair0b down; sleep 10; jexec c ping -6 -q -c 1 2001:db8::1 | grep packets
        """
    )
    assert out.count("1 packets transmitted, 1 packets received") == 2
    assert "00:00:5e:00:01:01" in out


def test_an_address_goes_and_takes_its_virtual_host_along() -> None:
    out = run(PAIR6 + SHARED6.format(CARP, SLOWER) + "jexec a ifconfig epair0b inet6 2001:db8::1 -alias;" + STATES)
    assert out == "carp: BACKUP\n"


def test_without_the_module_there_are_no_virtual_hosts() -> None:
    out = run("ifconfig epair0 create; ifconfig epair0a inet6 2001:db8::1/64 vhid 1 up; ifconfig epair0a | grep -c vhid")
    assert out.endswith("0\n")


def test_vrrp_over_ipv4_chooses_by_priority() -> None:
    shared = "jexec a ifconfig epair0b vhid 3 carpver 3 vrrpprio 90 10.0.0.1/24;"
    shared += "jexec b ifconfig epair1b vhid 3 carpver 3 vrrpprio 110 10.0.0.1/24; sleep 10;"
    own = "jexec a ifconfig epair0b 10.0.0.2/24; jexec b ifconfig epair1b 10.0.0.3/24;"
    assert lines(PAIR6 + own + shared + STATES) == ["vrrp: BACKUP", "vrrp: MASTER"]
