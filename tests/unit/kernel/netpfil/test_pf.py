"""pf(4) through its program: what packets come through, what states know, what is translated."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

ROUTED = """
kldload pf
for j in a g b; do jail -c name=$j vnet persist; done
ifconfig epair create > /dev/null; ifconfig epair create > /dev/null
ifconfig epair0a vnet a; ifconfig epair0b vnet g; ifconfig epair1a vnet g; ifconfig epair1b vnet b
jexec a ifconfig epair0a inet 10.0.0.1/24; jexec g ifconfig epair0b inet 10.0.0.2/24
jexec g ifconfig epair1a inet 10.0.1.2/24; jexec b ifconfig epair1b inet 10.0.1.1/24
jexec a route -q add default 10.0.0.2; jexec g sysctl -q net.inet.ip.forwarding=1 > /dev/null
rules() { jexec g pfctl -q -Fa -f -; }
try() { jexec $1 ping -q -c 1 -t 1 $2 2> /dev/null | awk '/transmitted/ {print $4}'; }
jexec g pfctl -q -e
"""


def said(run: Run, script: str) -> str:
    """Standard output of a script that complains about nothing."""
    result = run(script)
    assert result.stderr == b""
    return result.stdout.decode()


def test_the_last_rule_that_matches_decides_unless_one_is_quick(run: Run) -> None:
    script = ROUTED + (
        "printf 'block\\npass\\n' | rules; jexec b route -q add default 10.0.1.2; try a 10.0.1.1;"
        "printf 'block quick inet proto icmp\\npass\\n' | rules; try a 10.0.1.1"
    )
    assert said(run, script).split() == ["1", "0"]


def test_answers_need_no_rule_of_their_own(run: Run) -> None:
    script = ROUTED + (
        "jexec b route -q add default 10.0.1.2; printf 'block\\npass in on epair0b\\npass out on epair1a\\n' | rules;"
        "try a 10.0.1.1; try b 10.0.0.1; jexec g pfctl -ss | grep -c icmp"
    )
    assert said(run, script).split() == ["1", "0", "2"]


def test_nat_hides_who_asks_and_errors_find_their_way_back(run: Run) -> None:
    script = ROUTED + (
        "printf 'nat on epair1a inet from 10.0.0.0/24 to any -> (epair1a)\\npass\\n' | rules; try a 10.0.1.1;"
        "jexec a traceroute -n -q 1 -w 1 10.0.1.1 2> /dev/null | awk '{print $2}';"
        "jexec g pfctl -ss | awk '/icmp.*->/ {sub(/:.*/, \"\", $3); print $3}'"
    )
    assert said(run, script).split() == ["1", "10.0.0.2", "10.0.1.1", "10.0.1.2"]


def test_rdr_sends_a_connection_elsewhere(run: Run) -> None:
    script = ROUTED + (
        "printf 'rdr on epair1a inet proto tcp to port 8080 -> 10.0.0.1 port 80\\npass\\n' | rules\n"
        "jexec a sh -c 'echo web | nc -l 80' &\nsleep 1; jexec b nc -w 2 10.0.1.2 8080 < /dev/null\n"
    )
    assert run(script).stdout.startswith(b"web\n")


def test_a_source_with_too_many_connections_is_put_into_a_table(run: Run) -> None:
    script = ROUTED + (
        "printf 'table <bad> persist\\nblock quick from <bad>\\n"
        "pass in quick on epair0b inet proto tcp keep state (max-src-conn-rate 2/10, overload <bad> flush global)\\n"
        "pass\\n' | rules\n"
        "jexec b route -q add default 10.0.1.2; jexec b sh -c 'while :; do nc -l 80; done' > /dev/null 2>&1 &\n"
        "sleep 1; for i in 1 2 3 4; do jexec a nc -z -w 1 10.0.1.1 80; done; jexec g pfctl -t bad -T show"
    )
    assert run(script).stdout.endswith(b"   10.0.0.1\n")


def test_rules_in_anchors_come_and_go_without_a_reload(run: Run) -> None:
    script = ROUTED + (
        "jexec b route -q add default 10.0.1.2; printf 'pass\\nanchor \"x/*\"\\n' | rules; try a 10.0.1.1;"
        "echo 'block in quick inet proto icmp' | jexec g pfctl -q -a x/one -f -; jexec g pfctl -q -F states; try a 10.0.1.1;"
        "jexec g pfctl -q -a x/one -F rules; try a 10.0.1.1"
    )
    assert said(run, script).split() == ["1", "0", "1"]


def test_logged_packets_are_seen_on_pflog(run: Run) -> None:
    script = ROUTED + (
        "kldload pflog; printf 'block log all\\n' | rules; jexec g ifconfig pflog0 up\n"
        "jexec g tcpdump -n -e -c 1 -i pflog0 > /tmp/cap 2> /dev/null &\n"
        "sleep 1; try a 10.0.1.1; sleep 1; cut -d' ' -f2-9 /tmp/cap\n"
    )
    assert b"rule 0/0(match): block in on epair0b: 10.0.0.1 >" in run(script).stdout


def test_states_of_a_connection_follow_it_and_time_out(run: Run) -> None:
    script = ROUTED + (
        "jexec b route -q add default 10.0.1.2; echo pass | rules; try a 10.0.1.1; jexec g pfctl -ss | wc -l;"
        "sleep 30; jexec g pfctl -ss | wc -l"
    )
    assert said(run, script).split() == ["1", "2", "0"]


def test_each_rule_counts_what_it_decided(run: Run) -> None:
    script = (
        ROUTED + "printf 'pass\\nblock in on epair0b\\n' | rules; try a 10.0.1.1; jexec g pfctl -vsr 2> /dev/null | grep Packets"
    )
    out = said(run, script)
    assert "Packets: 0" in out.splitlines()[1]
    assert "Packets: 1" in out.splitlines()[2]


def test_fragments_of_ipv6_are_put_together_and_taken_apart_again(run: Run) -> None:
    script = ROUTED + (
        "jexec a ifconfig epair0a inet6 fd00::1/64; jexec g ifconfig epair0b inet6 fd00::2/64\n"
        "jexec g ifconfig epair1a inet6 fd01::2/64; jexec b ifconfig epair1b inet6 fd01::1/64\n"
        "jexec a route -6 -q add default fd00::2; jexec b route -6 -q add default fd01::2\n"
        "jexec g sysctl -q net.inet6.ip6.forwarding=1 > /dev/null; echo 'pass keep state' | rules; sleep 2\n"
        "jexec a ping -6 -q -s 3000 -c 1 -t 2 fd01::1 | awk '/transmitted/ {print $4}'\n"
        "jexec b netstat -s -p ip6 | awk '/fragments received/ {print $1}'"
    )
    assert said(run, script).split() == ["1", "3"]


def test_af_to_lets_ipv6_reach_ipv4(run: Run) -> None:
    script = ROUTED + (
        "jexec a ifconfig epair0a inet6 fd00::1/64; jexec g ifconfig epair0b inet6 fd00::2/64\n"
        "jexec a route -6 -q add default fd00::2; jexec g sysctl -q net.inet6.ip6.forwarding=1 > /dev/null\n"
        "printf 'pass\\npass in on epair0b inet6 to 64:ff9b::/96 af-to inet from (epair1a)\\n' | rules; sleep 2\n"
        "jexec a ping -6 -q -c 1 -t 2 64:ff9b::10.0.1.1 | awk '/transmitted/ {print $4}'\n"
    )
    assert said(run, script).split() == ["1"]
