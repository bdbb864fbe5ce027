"""Bridges: learning, flooding, filtering VLANs, the spanning tree."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

STATIONS = """
ifconfig bridge0 create {options} up
for i in 1 2 3; do
    ifconfig epair$i create up > /dev/null; ifconfig epair${{i}}b ether 02:00:00:00:00:0$i
    ifconfig bridge0 addm epair${{i}}a
    jail -c name=h$i vnet persist vnet.interface=epair${{i}}b; jexec h$i ifconfig epair${{i}}b inet 10.0.0.$i/24
done
try() {{ jexec h$1 ping -q -c 1 -t 1 10.0.0.$2 | awk '/transmitted/ {{print $4}}'; }}
"""


def answers(run: Run, script: str, options: str = "") -> list[str]:
    """What a script says, with three stations on a bridge."""
    result = run(STATIONS.format(options=options) + script)
    return result.stdout.decode().split()


def test_stations_reach_each_other_and_are_learnt(run: Run) -> None:
    assert answers(run, "try 1 2; ifconfig bridge0 addr | awk '/:0[12] Vlan/ {print $3}' | sort") == ["1", "epair1a", "epair2a"]


def test_private_members_do_not_hear_each_other(run: Run) -> None:
    script = "ifconfig bridge0 private epair1a private epair2a; try 1 2; try 1 3"
    assert answers(run, script) == ["0", "1"]


def test_a_filtering_bridge_keeps_vlans_apart(run: Run) -> None:
    script = (
        "try 1 2; for i in 1 2; do ifconfig bridge0 ifuntagged epair${i}a 10; done; ifconfig bridge0 ifuntagged epair3a 20;"
        "try 1 2; try 1 3"
    )
    assert answers(run, script, "vlanfilter") == ["0", "1", "0"]


def test_addresses_age(run: Run) -> None:
    script = "ifconfig bridge0 flush timeout 60; try 1 2; sleep 400; ifconfig bridge0 addr | wc -l"
    assert answers(run, script) == ["1", "0"]


def test_the_error_of_the_kernel_comes_with_a_reason(run: Run) -> None:
    result = run("ifconfig bridge0 create addm lo0")
    assert result.stderr == b"ifconfig: BRDGADD lo0: Invalid argument (Unsupported interface type)\n"


def test_the_spanning_tree_closes_one_of_two_cables(run: Run) -> None:
    script = """
    for i in 0 1; do ifconfig epair$i create up; ifconfig epair${i}b up; done
    ifconfig bridge0 create addm epair0a stp epair0a addm epair1a stp epair1a priority 4096 up
    ifconfig bridge1 create addm epair0b stp epair0b addm epair1b stp epair1b up
    sleep 10; ifconfig bridge1 | awk '/role/ {print $2, $4}'
    ifconfig epair0a down; sleep 30; ifconfig bridge1 | awk '/role/ {print $2, $4}'
    """
    lines = run(script).stdout.decode().splitlines()[2:]
    assert lines == ["alternate discarding", "root forwarding", "root forwarding", "designated forwarding"]


def test_no_frame_is_forwarded_while_a_port_is_closed(run: Run) -> None:
    script = "ifconfig bridge0 stp epair1a; try 1 2; sleep 40; try 1 2"
    assert answers(run, script) == ["0", "1"]
