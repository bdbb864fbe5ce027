"""Interfaces and their stacks: indices, names, moving, groups, what dies with a jail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]


def out(result: Result) -> list[str]:
    """The lines a script wrote."""
    assert result.stderr == b""
    return result.stdout.decode().splitlines()


def test_a_machine_has_two_network_cards_and_a_loopback(run: Run) -> None:
    assert out(run("ifconfig -l")) == ["vtnet0 vtnet1 lo0"]


def test_the_lowest_free_index_is_used_again(run: Run) -> None:
    lines = out(
        run(
            "ifconfig epair0 create; ifconfig epair1 create; ifconfig epair0a destroy; ifconfig lo1 create;"
            "ifconfig lo1 inet6 fe80::1; ifconfig lo1 | grep -o 'scopeid.*'"
        )
    )
    assert lines[-1] == "scopeid 0x4"


def test_an_interface_keeps_its_index_and_loses_its_addresses_when_it_moves(run: Run) -> None:
    lines = out(
        run(
            "ifconfig epair0 create inet6 fe80::1/64 up; ifconfig epair0a inet 10.0.0.1/24; jail -c name=j vnet persist;"
            "ifconfig epair0a vnet j; jexec j ifconfig epair0a | egrep -c 'inet|<UP'; jexec j ifconfig epair0a inet6 fe80::1/64;"
            "jexec j ifconfig epair0a | grep -o 'scopeid.*'"
        )
    )
    assert lines == ["epair0a", "0", "scopeid 0x4"]


def test_lent_interfaces_return_and_own_ones_die_with_a_jail(run: Run) -> None:
    lines = out(
        run(
            "jail -c name=j vnet persist; ifconfig epair0 create; ifconfig epair0b vnet j; jexec j ifconfig lo9 create;"
            "jexec j ifconfig -l; jail -r j; ifconfig -l"
        )
    )
    assert lines == ["epair0a", "lo0 epair0b lo9", "vtnet0 vtnet1 lo0 epair0a epair0b"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ifconfig nosuch0", "ifconfig: interface nosuch0 does not exist"),
        ("ifconfig lo0 name vtnet0", "ifconfig: ioctl SIOCSIFNAME (set name): File exists"),
        ("ifconfig lo0 destroy", "ifconfig: SIOCIFDESTROY: Invalid argument"),
        ("ifconfig vtnet0 vnet 7", "ifconfig: jail 7 not found"),
        ("ifconfig vtnet0 mtu 70", "ifconfig: ioctl SIOCSIFMTU (set mtu): Invalid argument"),
        ("ifconfig foo0 create", "ifconfig: SIOCIFCREATE2 (foo0): Invalid argument"),
    ],
)
def test_mistakes(run: Run, command: str, message: str) -> None:
    result = run(command)
    assert (result.stderr.decode().rstrip("\n"), result.status) == (message, 1)


def test_a_renamed_interface_is_in_place_and_keeps_its_driver_name(run: Run) -> None:
    lines = out(run("ifconfig vtnet1 name lan; ifconfig -l; ifconfig -D lan | tail -1"))
    assert lines == ["lan", "vtnet0 lan lo0", "\tdrivername: vtnet1"]


def test_groups(run: Run) -> None:
    lines = out(
        run(
            "ifconfig lo1 create group servers; ifconfig -g servers; ifconfig -g lo; ifconfig lo1 -group servers;"
            "ifconfig -g servers; ifconfig lo1 | grep groups"
        )
    )
    assert lines == ["lo1", "lo0", "lo1", "\tgroups: lo"]


def test_ends_of_a_pair_go_together_wherever_they_are(run: Run) -> None:
    lines = out(
        run(
            "jail -c name=j vnet persist; ifconfig epair create vnet j; jexec j ifconfig epair0a destroy; ifconfig -l;"
            "jexec j ifconfig -l"
        )
    )
    assert lines[-2:] == ["vtnet0 vtnet1 lo0", "lo0"]


def test_counters_of_a_pair_mirror_each_other(run: Run) -> None:
    lines = out(
        run(
            "jail -c name=j vnet persist; ifconfig epair0 create inet 10.0.0.1/24; ifconfig epair0b vnet j;"
            "jexec j ifconfig epair0b inet 10.0.0.2/24; ping -q -c 3 10.0.0.2 > /dev/null;"
            "netstat -n -I epair0a -f link | awk 'NR == 2 {print $5, $8}';"
            "jexec j netstat -n -I epair0b -f link | awk 'NR == 2 {print $5, $8}'"
        )
    )
    first, second = (line.split() for line in lines[-2:])
    assert int(first[0]) >= 4 and first[0] == second[1]


def test_promiscuous_mode_is_counted(run: Run) -> None:
    lines = out(
        run(
            "ifconfig epair0 create; ifconfig bridge0 create addm epair0a; ifconfig epair0a promisc;"
            "ifconfig bridge0 deletem epair0a; ifconfig epair0a | grep -o 'PROMISC' | head -1;"
            "ifconfig epair0a -promisc; ifconfig epair0a | grep -c PROMISC"
        )
    )
    assert lines == ["epair0a", "PROMISC", "0"]
