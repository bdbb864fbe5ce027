"""ipfw pipe, queue, sched and dnctl: what is printed, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vshell.machine import Machine, Result

Run = Callable[..., Result]


def said(run: Run, script: str) -> str:
    """Standard output of a script that complains about nothing."""
    result = run("kldload ipfw dummynet; " + script)
    assert result.stderr == b""
    return result.stdout.decode()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("", "unlimited     "),
        ("bw 300", "300.000 bit/s "),
        ("bw 8Kbit/s", "  8.000 Kbit/s"),
        ("bw 8KByte/s", " 64.000 Kbit/s"),
        ("bw 1500000", "  1.500 Mbit/s"),
        ("bw 0x10M", " 16.000 Mbit/s"),
        ("bandwidth 4Gbit/s", "  4.000 Gbit/s"),
        ("bw 10MB", " 80.000 Mbit/s"),
        ("bw 10mb", " 10.000 Mbit/s"),
    ],
)
def test_bandwidths(run: Run, words: str, shown: str) -> None:
    assert said(run, f"ipfw pipe 1 config {words}; ipfw pipe 1 show").startswith(f"00001: {shown}    0 ms burst 0 \n")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("", " 50 sl."),
        ("queue 7", "  7 sl."),
        ("queue 20KBytes", "20 KB"),
        ("queue 2000bytes", "2000 B"),
        ("queue 1KB", "16 KB"),  # too small, then it is the default
        ("plr 0.25", " 50 sl.plr 0.250000"),
        ("plr 7", " 50 sl.plr 1.000000"),
        ("plr 0,0.5,1", " 50 sl.plr 0.000000,0.500000,1.000000,0.000000"),
    ],
)
def test_queue_sizes_and_losses(run: Run, words: str, shown: str) -> None:
    line = said(run, f"ipfw pipe 1 config {words}; ipfw pipe 1 show").splitlines()[1]
    assert line == f"q131073 {shown} 0 flows (1 buckets) sched 65537 weight 0 lmax 0 pri 0 droptail"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("red 0.002/5/20/0.1", "\n\t  RED w_q 0.001999 min_th 5 max_th 20 max_p 0.099991"),
        ("gred 0.002/5K/20K/0.1 queue 30K", "\n\t GRED w_q 0.001999 min_th 5120 max_th 20480 max_p 0.099991"),
        ("red 0.5/5/5/0.5 ecn", "\n\t  RED w_q 0.500000 min_th 5 max_th 5 max_p 0.500000 (ecn)"),
        ("codel", " AQM CoDel target 5ms interval 100ms NoECN"),
        ("codel target 900us interval 2 ecn", " AQM CoDel target 900us interval 2ms ECN"),
        (
            "pie alpha 0.5 ts ecn onoff",
            " AQM type PIE target 15ms tupdate 15ms alpha 0.5 beta 1.25 max_burst 150ms max_ecnth 0.1"
            " ECN CapDrop OnOff TS Derand",
        ),
    ],
)
def test_queue_management(run: Run, words: str, shown: str) -> None:
    listing = said(run, f"ipfw pipe 1 config {words}; ipfw pipe 1 show")
    assert listing.partition(" pri 0 ")[2] == shown + "\n sched 65537 type FIFO flags 0x0 0 buckets 0 active\n"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("src-ip 0xff", "    mask:  0x00 0x000000ff/0x0000 -> 0x00000000/0x0000\n"),
        ("dst-ip /24 dst-port 0xff proto 6", "    mask:  0x06 0x00000000/0x0000 -> 0x00ffffff/0x00ff\n"),
        ("all", "    mask:  0xff 0xffffffff/0xffff -> 0xffffffff/0xffff\n"),
        ("queue", "    mask: queue, 0x00 0x00000000/0x0000 -> 0x00000000/0x0000\n"),
        ("src-ip6 48 flow-id 0xf", "\n        mask: proto: 0x00, flow_id: 0x0000000f,  ffff:ffff:ffff::/0x0000 -> ::/0x0000\n"),
    ],
)
def test_masks(run: Run, words: str, shown: str) -> None:
    listing = said(run, f"ipfw queue 1 config pipe 1 mask {words}; ipfw queue show")
    assert listing == "q00001  50 sl. 0 flows (64 buckets) sched 1 weight 0 lmax 0 pri 0 droptail\n" + shown


@pytest.mark.parametrize(
    ("command", "text", "status"),
    [
        ("pipe 1 config bw fast", "no if support", 1),
        ("pipe 1 config bw 5Gbit/s", "bandwidth too large", 65),
        ("pipe 1 config delay 10001", "delay must be < 10000", 65),
        ("pipe 1 config queue 101", "2 <= queue size <= 100", 65),
        ("pipe 1 config queue 2000K", "queue size must be < 1048576B", 65),
        ("pipe 1 config burst x", "burst: invalid argument", 65),
        ("pipe 1 config burst 300T", "burst: out of range (0..2^48-1)", 65),
        ("pipe 1 config ecn", "ECN can be used with red/gred/codel/fq_codel only!", 64),
        ("pipe 1 config red 0.1/9/3/1", "min_th 9 must be < than max_th 3", 65),
        ("pipe 1 config red 2/1/3/1", "0 < w_q <= 1", 65),
        ("pipe 1 config codel flows 3", "flows is not for codel\n", 65),
        ("pipe 1 config pie target never", "target needs time\n", 65),
        ("pipe 1 config mask dst-port 0x10000", "port mask must be 16 bit", 65),
        ("pipe 1 config mask", "mask needs mask specifier\n", 64),
        ("pipe 1 config profile nowhere", "fopen: nowhere: No such file or directory", 69),
        ("pipe 1 config and more", "unrecognised option ``and''", 65),
        ("pipe config bw 1", "need a pipe/flowset/sched number", 64),
        ("pipe 65536 config", "setsockopt(IP_DUMMYNET3): Invalid argument", 1),
        ("queue 1 config weight 3", "setsockopt(IP_DUMMYNET3): Operation not permitted", 1),
        ("queue 1 config delay 3", "delay is only for links", 64),
        ("sched 1 config type none", "setsockopt(IP_DUMMYNET3): Invalid argument", 1),
        ("sched 1 do", "bad command `do'", 64),
        ("pipe", "missing command", 64),
    ],
)
def test_errors_of_both_programs(run: Run, command: str, text: str, status: int) -> None:
    for program in ("ipfw", "dnctl"):
        result = run(f"kldload ipfw dummynet; {program} {command}")
        assert (result.stderr.decode(), result.status) == (f"{program}: {text}\n", status)


def test_a_flowset_that_lost_pie_with_its_scheduler_cannot_be_listed(run: Run) -> None:
    result = run("kldload ipfw dummynet; ipfw queue 1 config pipe 1 pie; ipfw pipe 1 config; ipfw pipe 1 delete; ipfw queue show")
    assert (result.stderr, result.status) == (b"ipfw: Error getting extra parameters\n\n", 65)


def test_only_ipfw_knows_rules(run: Run) -> None:
    assert run("kldload ipfw dummynet; dnctl add allow ip from any to any; ipfw list | wc -l").stdout.split() == [b"2"]


def test_without_the_module_nothing_is_listed(run: Run) -> None:
    result = run("kldload ipfw; ipfw pipe show; dnctl sched show; dnctl pipe 1 config")
    assert (result.stdout, result.stderr) == (b"", b"dnctl: setsockopt(IP_DUMMYNET3): Protocol not available\n")


def test_an_fq_scheduler_at_work_keeps_the_module(run: Run) -> None:
    script = (
        "kldload ipfw dummynet; ipfw -q add allow ip from any to any; sysctl net.inet.ip.dummynet.expire=0;"
        "ipfw sched 1 config type fq_codel; ipfw queue 1 config sched 1; ipfw -q add 1 queue 1 icmp from any to any;"
        "ping -q -c 1 127.0.0.1; kldunload dummynet; ipfw queue 1 config sched 1; ipfw sched 1 config type rr; kldunload dummynet"
    )
    assert run(script).stderr == b"kldunload: can't unload file: Device busy\n"


def test_the_service_reads_its_file(run: Run) -> None:
    script = "printf 'pipe 1 config bw 10Mbit/s\\n' > /etc/dnctl.conf; service dnctl onestart; dnctl pipe show | head -1"
    assert run(script).stdout == b"Enabling dnctl.\n00001:  10.000 Mbit/s    0 ms burst 0 \n"


def test_a_file_of_commands_names_its_lines(run: Run) -> None:
    script = "printf '# pipes\\npipe 1 config bw 1Mbit/s # one\\n\\npipe 1 confog\\n' > /f; kldload dummynet; dnctl /f"
    assert run(script).stderr == b"Line 4: bad command `confog'\n"


WORDS = """\
plr noerror buckets dst-ip src-ip proto weight lmax all mask droptail ecn red gred codel fq_codel pie fq_pie bw delay queue
sched pri type rr qfq fifo wf2q+ prio flow-id dst-ip6 profile burst target limit flows quantum onoff 0 1 7 0xff /64 -1 0.1,0.2
0.1/2/3/0.5 1Mbit/s 10KBytes 5ms 99999999999999999999 , x"""


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("pipe", "queue", "sched")), st.lists(st.sampled_from(WORDS.split()), max_size=7)), max_size=6
    )
)
def test_no_words_are_too_strange(lines: list[tuple[str, list[str]]]) -> None:
    machine = Machine()
    script = "kldload ipfw dummynet\n" + "".join(f"dnctl {kind} 1 config {' '.join(words)}\n" for kind, words in lines)
    result = machine.run(script + "dnctl pipe show; dnctl queue show; dnctl sched show")
    assert machine.kernel.panics == []
    assert b"Traceback" not in result.stderr
