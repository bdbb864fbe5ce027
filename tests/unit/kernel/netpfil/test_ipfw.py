"""The firewall through its program: what is printed, what packets come through."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

PAIR = """
jail -c name=a vnet persist; jail -c name=b vnet persist
ifconfig epair create up > /dev/null; ifconfig epair0a vnet a; ifconfig epair0b vnet b
jexec a ifconfig epair0a inet 192.0.2.1/24; jexec b ifconfig epair0b inet 192.0.2.2/24
kldload ipfw; jexec a ipfw -q add 1000 allow ip from any to any
try() { jexec a ping -q -c 1 -t 1 $1 | awk '/transmitted/ {print $4}'; }
"""


def said(run: Run, script: str) -> str:
    """Standard output of a script that complains about nothing."""
    result = run(script)
    assert result.stderr == b""
    return result.stdout.decode()


def test_a_rule_is_printed_as_it_can_be_read_again(run: Run) -> None:
    rule = "allow tcp from { 10.0.0.0/8 or not me } 1024-65535 to any 80,443 setup in via epair*"
    script = f"kldload ipfw; ipfw -q add 100 {rule}; ipfw -q add 200 $(ipfw list 100 | cut -c7-); ipfw list 100-200"
    assert said(run, script).splitlines() == [f"00100 {rule}", f"00200 {rule}"]


def test_each_stack_denies_until_it_is_told_otherwise(run: Run) -> None:
    script = PAIR + "try 192.0.2.2; jexec b ipfw -q add allow icmp from any to any; try 192.0.2.2; ipfw list | wc -l"
    assert said(run, script).split() == ["0", "1", "2"]


def test_the_first_rule_that_matches_counts_and_decides(run: Run) -> None:
    script = PAIR + (
        "jexec b ipfw -q add 10 count icmp from any to any icmptypes 8; jexec b ipfw -q add 20 skipto 40 ip from any to any;"
        "jexec b ipfw -q add 30 deny ip from any to any; jexec b ipfw -q add 40 allow ip from any to any;"
        "try 192.0.2.2; jexec b ipfw show 10-40 | awk '{print $1, $2, $3}'"
    )
    assert said(run, script).splitlines() == ["1", "00010 1 84", "00020 2 168", "00030 0 0", "00040 2 168"]


def test_a_state_lets_the_answer_through_and_ends_in_time(run: Run) -> None:
    script = PAIR + (
        "jexec b ipfw -q add allow icmp from any to me in keep-state; try 192.0.2.2;"
        "jexec b sysctl -n net.inet.ip.fw.dyn_count; sleep 6; jexec b sysctl -n net.inet.ip.fw.dyn_count"
    )
    assert said(run, script).split() == ["1", "1", "0"]


def test_unloading_opens_every_stack(run: Run) -> None:
    script = PAIR + "try 192.0.2.2; kldunload ipfw; try 192.0.2.2"
    assert said(run, script).split() == ["0", "1"]


def test_a_state_leads_to_its_rule_once(run: Run) -> None:
    script = PAIR + (
        "jexec b ipfw -q add 10 count icmp from any to any keep-state; jexec b ipfw -q add 20 check-state;"
        "jexec b ipfw -q add 30 allow ip from any to any; try 192.0.2.2; jexec b ipfw show 10-30 | awk '{print $1, $2}'"
    )
    assert said(run, script).splitlines() == ["1", "00010 2", "00020 0", "00030 2"]
