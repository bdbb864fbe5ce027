"""Packets through dummynet: how many come through, how late, and whose."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from vshell.machine import Machine, Result

Run = Callable[..., Result]

PAIR = """
kldload ipfw dummynet; jail -c name=a vnet persist; jail -c name=b vnet persist
ifconfig epair create up > /dev/null; ifconfig epair0a vnet a; ifconfig epair0b vnet b
jexec a ifconfig epair0a inet 192.0.2.1/24; jexec b ifconfig epair0b inet 192.0.2.2/24
jexec a ipfw -q add 1000 allow ip from any to any; jexec b ipfw -q add 1000 allow ip from any to any
came() { jexec a ping -q "$@" 192.0.2.2 | awk '/transmitted/ {print $4}'; }
rtts() { jexec a ping "$@" 192.0.2.2 | awk -F'time=' '/time=/ {print $2 + 0}'; }
B() { jexec b "$@"; }
pipe() { B dnctl pipe 1 config "$@"; }
through() { B ipfw -q add 100 pipe 1 icmp from any to any in; }
"""


def said(run: Run, script: str, **options: int) -> list[str]:
    """The words of a script that complains about nothing."""
    result = run(PAIR + script, **options)
    assert result.stderr == b""
    return result.stdout.decode().split()


def test_a_pipe_of_one_megabit_delivers_one_megabit(run: Run) -> None:
    """Offered 1.16 Mbit/s for 60 seconds; what waits in the end still comes."""
    script = "pipe bw 1Mbit/s; through;"
    (count,) = said(run, script + "came -i 0.01 -s 1422 -c 6000 -W 2000")
    queue = 50
    assert 60e6 * 0.99 < (int(count) - queue) * 1450 * 8 < 60e6 * 1.01


@pytest.mark.parametrize(("bandwidth", "bits"), [("8Kbit/s", 8000), ("16KByte/s", 128_000), ("2400000", 2_400_000)])
def test_a_packet_takes_as_long_as_its_bits_need(run: Run, bandwidth: str, bits: int) -> None:
    """In ticks of 10 ms: it may leave up to one early, since time begins with the tick before it came."""
    script = f"pipe bw {bandwidth}; through;"
    for time in said(run, script + "rtts -s 972 -i 2 -c 3"):
        needs = 8_000_000 / bits
        assert needs - 10 <= float(time) <= needs + 11


def test_delays_are_those_of_the_pipe_in_whole_ticks(run: Run) -> None:
    script = "pipe delay 237; through;"
    times = [float(t) for t in said(run, script + "rtts -i 0.0513 -c 40")]
    assert len(times) == 40
    assert all(220 < t < 231 for t in times)
    assert max(times) - min(times) > 5  # somewhere in the tick


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_losses_are_those_of_the_pipe_within_chance(run: Run, seed: int) -> None:
    script = "pipe plr 0.3; through;"
    (count,) = said(run, script + "came -i 0.01 -c 2000 -W 100", seed=seed)
    # Four standard deviations.
    assert abs(int(count) - 1400) < 4 * (2000 * 0.3 * 0.7) ** 0.5


def test_a_seed_loses_the_same_packets_again(run: Run) -> None:
    script = "pipe plr 0.5; through; rtts -i 0.01 -c 50 -W 100"
    assert said(run, script, seed=5) == said(run, script, seed=5) != said(run, script, seed=6)


def test_losses_come_together_in_the_bad_state(run: Run) -> None:
    """Gilbert and Elliott: nothing is lost in the good state, everything in the bad one, which lasts for ten packets."""
    script = "pipe plr 0,0.02,1,0.1; through;"
    numbers = said(run, script + "jexec a ping -i 0.01 -c 2000 -W 100 192.0.2.2 | sed -n 's/.*seq=\\([0-9]*\\).*/\\1/p'")
    got = [int(n) for n in numbers]
    gaps = sum(b > a + 1 for a, b in pairwise(got))
    lost = 2000 - len(got)
    assert 0.05 < lost / 2000 < 0.35
    assert 5 < lost / gaps < 20


def test_a_burst_goes_through_an_idle_pipe_at_once(run: Run) -> None:
    script = "pipe bw 80Kbit/s burst 5000; through; sleep 9;"
    times = [float(t) for t in said(run, script + "rtts -s 972 -i 0.001 -c 8")]
    assert all(t < 5 for t in times[:4])
    assert times[-1] > 150


def test_one_pass_ends_the_search_and_without_it_the_next_rule_decides(run: Run) -> None:
    script = (
        "pipe delay 100; through;"
        "B ipfw -q add 200 deny icmp from any to any in; came -c 1 -t 2; B sysctl -q net.inet.ip.fw.one_pass=0 > /dev/null;"
        "came -c 1 -t 2; B ipfw -q delete 200; came -c 1 -t 2; B ipfw show 100 | cut -d ' ' -f 2"
    )
    assert said(run, script) == ["1", "0", "1", "3"]


def test_rules_that_changed_meanwhile_are_taken_up_behind_the_old_place(run: Run) -> None:
    script = (
        "B sysctl net.inet.ip.fw.one_pass=0 > /dev/null; pipe delay 900;"
        "through; B ipfw -q add 500 deny icmp from any to any in;"
        "(sleep 0.5; B ipfw -q add 50 deny icmp from any to any; B ipfw -q add 400 allow icmp from any to any in) &"
        "jexec a ping -q -c 1 -t 3 192.0.2.2 > /dev/null; wait; B ipfw show 400 500 | awk '{print $2}'"
    )
    assert said(run, script) == ["1", "0"]


def test_frames_are_delayed_at_the_link(run: Run) -> None:
    script = (
        "came -c 1; pipe delay 100; B sysctl net.link.ether.ipfw=1 > /dev/null;"
        "B ipfw -q add 100 pipe 1 ip from any to any layer2; rtts -c 1"
    )
    first, time = said(run, script)
    assert first == "1"
    assert 180 < float(time) < 202


def test_ipv6_is_delayed_too_and_told_apart_by_its_addresses(run: Run) -> None:
    script = (
        "jexec a ifconfig epair0a inet6 2001:db8::1/64; B ifconfig epair0b inet6 2001:db8::2/64; sleep 3;"
        "pipe delay 100 mask src-ip6 /128 buckets 16; B ipfw -q add 100 pipe 1 ip6 from 2001:db8::/64 to any;"
        "jexec a ping -c 1 2001:db8::2 | awk -F'time=' '/time=/ {print ($2 > 180)}';"
        "B dnctl pipe show | awk '/db8/ {print $4}' | sort"
    )
    assert said(run, script) == ["1", "2001:db8::1/0", "2001:db8::2/0"]


def test_idle_queues_go_away(run: Run) -> None:
    script = (
        "pipe bw 1Mbit/s mask src-ip 0xffffffff; through;"
        "came -c 1; for t in 0 60; do sleep $t; B sysctl -n net.inet.ip.dummynet.si_count; done"
    )
    assert said(run, script) == ["1", "1", "0"]


def test_idle_queues_stay_if_they_may(run: Run) -> None:
    script = (
        "B sysctl net.inet.ip.dummynet.expire=0 > /dev/null; pipe bw 1Mbit/s;"
        "through; came -c 2; sleep 90; B dnctl pipe show | awk '/ip /{print $5}'"
    )
    assert said(run, script) == ["2", "2"]


SHARE = """
jexec a ifconfig epair0a inet 192.0.2.3/32 alias; B sysctl net.inet.ip.fw.one_pass=0 > /dev/null
pipe bw 1Mbit/s; B dnctl sched 1 config type {kind}
for i in 1 3; do B dnctl queue $i config sched 1 weight ${{i}}0
    B ipfw -q add 10$i queue $i icmp from 192.0.2.$i to any in; B ipfw -q add 20$i count icmp from 192.0.2.$i to any in; done
jexec a ping -q -S 192.0.2.1 -i 0.0075 -s 972 -c 1400 192.0.2.2 > /dev/null &
jexec a ping -q -S 192.0.2.3 -i 0.0075 -s 972 -c 1400 192.0.2.2 > /dev/null &
sleep 2; B ipfw -q zero 201 203; sleep 8; B ipfw show 201-203 | awk '{{print $2}}'
"""


@pytest.mark.parametrize(
    ("kind", "ratio"), [("wf2q+", 3.0), ("rr", 3.0), ("qfq", 3.0), ("fq_codel", 1.0), ("fq_pie", 1.0), ("prio", 0.0)]
)
def test_schedulers_share_a_link(run: Run, kind: str, ratio: float) -> None:
    """By weight, by flow, or by priority; they use all of it, but for the moments in which an AQM has dropped all there was."""
    one, two = (int(n) for n in said(run, SHARE.format(kind=kind)))
    assert abs((one + two) * 8000 - 8e6) < (0.03 if kind.startswith("fq_") else 0.01) * 8e6
    assert abs(two / one - ratio) <= 0.1


@pytest.mark.parametrize("policy", ["codel", "pie max_burst 0"])
def test_an_aqm_keeps_the_delay_down(run: Run, policy: str) -> None:
    """A hundred packets would wait for 800 ms; half the packets must not wait for a third of that."""
    script = f"pipe bw 1Mbit/s queue 100 {policy}; through;rtts -i 0.0075 -s 972 -c 1500 -W 2000"
    times = sorted(float(t) for t in said(run, script))
    assert times[len(times) // 2] < 270


def test_red_drops_before_the_queue_is_full(run: Run) -> None:
    script = "pipe bw 1Mbit/s queue 100 {}; through;rtts -i 0.004 -s 972 -c 400 -W 2000 | sort -n | tail -1"
    full, red = (float(said(run, script.format(policy))[0]) for policy in ("droptail", "red 0.5/5/20/0.1"))
    assert full > 780
    assert red < 200


def test_a_profile_delays_and_loses(run: Run) -> None:
    profile = "samples 100\\nloss-level 0.8\\nname radio\\nprob delay\\n0 100\\n0.5 100\\n1 600\\n"
    script = f"printf '{profile}' > /p; pipe bw 1Mbit/s profile /p noerror;through; rtts -i 1 -c 400"
    times = [float(t) for t in said(run, script)]
    assert 0.7 < len(times) / 400 < 0.9
    assert all(90 < t < 420 for t in times)
    assert 0.4 < sum(t < 112 for t in times) / 400 < 0.6


def test_each_stack_has_its_own_pipes(run: Run) -> None:
    script = "pipe bw 1Mbit/s; for j in a b; do jexec $j dnctl pipe show | grep -c Mbit; done; dnctl pipe show"
    assert said(run, script) == ["0", "1"]


def test_packets_in_a_pipe_are_lost_with_it(run: Run) -> None:
    script = (
        "pipe delay 500; through;"
        "for end in 'B dnctl pipe 1 delete' 'kldunload dummynet' 'jail -r b'; do (sleep 0.2; $end) & came -c 1 -t 1; wait;"
        "kldload -n dummynet; pipe delay 500; done 2> /dev/null"
    )
    assert said(run, script) == ["0", "0", "0"]


def test_a_packet_whose_interface_is_gone_is_lost(run: Run) -> None:
    script = (
        "pipe delay 500; B ipfw -q add 100 pipe 1 icmp from any to any;"
        "(sleep 0.2; B ifconfig epair0b destroy) & came -c 1 -t 2 2> /dev/null; wait"
    )
    assert said(run, script) == ["0"]


def test_marked_packets_say_so(run: Run) -> None:
    """RED with ecn marks what understands it (ECT) and drops the rest."""
    script = (
        "B sysctl net.inet.ip.fw.one_pass=0 > /dev/null; pipe bw 1Mbit/s queue 100 red 1/2/3/1 ecn;"
        "through; B ipfw -q add 200 count icmp from any to any in iptos congestion;"
        "came -z 2 -i 0.004 -s 972 -c 100 -W 2000; came -z 0 -i 0.004 -s 972 -c 100 -W 2000; B ipfw show 200 | awk '{print $2}'"
    )
    marked, dropped, count = (int(n) for n in said(run, script))
    assert marked == 100
    assert dropped < 70
    assert count > 30


def test_the_machine_has_nothing_to_do_while_pipes_are_idle() -> None:
    machine = Machine()
    machine.run("kldload ipfw dummynet; dnctl pipe 1 config bw 1Mbit/s; dnctl queue 1 config pipe 1")
    assert machine.kernel.clock.next() is None or machine.kernel.clock.next() > machine.kernel.clock.now + 10_000_000  # type: ignore[operator]
