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
rule() { jexec b ipfw -q add "$@"; }
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


def test_what_is_diverted_goes_on_behind_its_rule(run: Run) -> None:
    script = PAIR + (
        "kldload ipdivert; rule 100 divert 5000 icmp from any to me; rule 200 allow ip from any to any;"
        "jexec b divertcat -c 1 5000 & try 192.0.2.2; wait; jexec b ipfw show 100-200 | awk '{print $1, $2}'; try 192.0.2.2"
    )
    lines = ["in via epair0b rule 100: 192.0.2.1 > 192.0.2.2 icmp 84 bytes", "1", "00100 1", "00200 2", "0"]
    assert sorted(said(run, script).splitlines()) == sorted(lines)


def test_a_diverted_packet_can_be_told(run: Run) -> None:
    script = PAIR + (
        "kldload ipdivert; rule 50 count diverted-loopback; rule 100 divert 5000 icmp from any to me;"
        "rule 200 count icmp from any to any diverted; rule 300 allow ip from any to any;"
        "jexec b divertcat -qc 1 5000 & try 192.0.2.2 > /dev/null; wait; jexec b ipfw show 50-200 | awk '{print $1, $2}'"
    )
    assert said(run, script).splitlines() == ["00050 0", "00100 1", "00200 1"]


def test_a_mark_does_not_outlast_the_pass(run: Run) -> None:
    script = PAIR + (
        "rule 100 setmark 0x10 icmp from any to any in; rule 200 count icmp from any to any mark 0x10;"
        "rule 300 allow ip from any to any; try 192.0.2.2; jexec b ipfw show 100-200 | awk '{print $2}'"
    )
    assert said(run, script).split() == ["1", "1", "1"]


def test_arguments_come_from_the_table_that_was_asked(run: Run) -> None:
    script = PAIR + (
        "jexec b ipfw -q table t create type addr valtype skipto,tag; jexec b ipfw -q table t add 192.0.2.1 300,7;"
        'rule 100 skipto tablearg ip from "table(t)" to any; rule 200 deny ip from any to any in;'
        'rule 300 count tag tablearg ip from "table(t)" to any; rule 400 count ip from any to any tagged 7;'
        "rule 500 allow ip from any to any; try 192.0.2.2; jexec b ipfw show 100-500 | awk '{print $1, $2}'"
    )
    assert said(run, script).splitlines() == ["1", "00100 1", "00200 0", "00300 1", "00400 1", "00500 2"]


def test_a_flow_is_found_in_a_table(run: Run) -> None:
    script = PAIR + (
        "jexec b ipfw -q table f create type flow:proto,dst-ip,dst-port; jexec b ipfw -q table f add udp,192.0.2.2,53 1;"
        'rule 100 count ip from any to any flow "table(f)"; rule 200 allow ip from any to any;'
        "for p in 53 54; do echo x | jexec a nc -u -w 1 192.0.2.2 $p; done; jexec b ipfw show 100 | awk '{print $2}'"
    )
    assert said(run, script).split() == ["1"]


def test_a_port_is_forwarded_to_a_socket_here(run: Run) -> None:
    script = PAIR + (
        "jexec b ifconfig lo0 127.0.0.1/8; rule 100 fwd 127.0.0.1,9000 tcp from any to any 80 in;"
        "rule 200 allow ip from any to any; jexec b nc -N -l 9000 < /dev/null & sleep 1;"
        "echo hello | jexec a nc -N 192.0.2.2 80; wait"
    )
    assert said(run, script).split() == ["hello"]


def test_a_silent_connection_is_kept_alive(run: Run) -> None:
    script = PAIR + (
        "jexec b ifconfig lo0 127.0.0.1/8; jexec a ifconfig lo0 127.0.0.1/8;"
        "jexec b sysctl net.inet.ip.fw.dyn_ack_lifetime=30 > /dev/null;"
        "rule 100 allow tcp from any to me setup keep-state; jexec b nc -l 9000 > /dev/null & sleep 1;"
        "(sleep 90) | jexec a nc -N 192.0.2.2 9000 & sleep 80; jexec b sysctl -n net.inet.ip.fw.dyn_count; wait"
    )
    assert said(run, script).split() == ["1"]


def test_an_owner_is_found_by_the_packet_alone(run: Run) -> None:
    script = PAIR + (
        "rule 100 count udp from any to any uid root in; rule 200 count udp from any to any uid operator;"
        "rule 300 allow ip from any to any; jexec b nc -u -l 9000 > /dev/null & sleep 1;"
        "echo x | jexec a nc -u -w 1 192.0.2.2 9000; jexec b ipfw show 100-200 | awk '{print $2}'; kill %1"
    )
    assert run(script).stdout.split() == [b"1", b"0"]


def test_the_largest_segment_is_lowered(run: Run) -> None:
    script = PAIR + (
        "kldload ipfw_pmod; rule 100 tcp-setmss 500 tcp from any to any; rule 150 count tcp from any to any tcpmss 500;"
        "rule 200 allow ip from any to any; jexec b nc -N -l 9000 < /dev/null & sleep 1;"
        "echo hi | jexec a nc -N 192.0.2.2 9000; wait; jexec b ipfw show 100-150 | awk '{print $1, $2}'"
    )
    assert said(run, script).split() == ["hi", "00100", "2", "00150", "2"]


def test_a_preprocessor_gets_the_file_and_the_arguments(run: Run) -> None:
    script = (
        "kldload ipfw; echo 'add 100 allow ip from any to any via IF' > /tmp/r;"
        "ipfw -q -p sed s/IF/lo0/ /tmp/r; ipfw list 100; ipfw -p false /tmp/r"
    )
    result = run(script)
    assert result.stdout == b"00100 allow ip from any to any via lo0\n"
    assert (result.stderr, result.status) == (b"ipfw: preprocessor exited with status 1\n", 69)
