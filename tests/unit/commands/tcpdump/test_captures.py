"""tcpdump at an interface: what it says at the start and the end, files, options; bpf(4) below it."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]

PAIR = (
    "ifconfig epair0 create > /dev/null; jail -c name=b persist vnet; ifconfig epair0b vnet b; ifconfig epair0a 10.0.0.1/24;"
    "jexec b ifconfig epair0b 10.0.0.2/24; ping -qc 1 10.0.0.2 > /dev/null; "
)
PING = "ping -qc 1 10.0.0.2 > /dev/null"


def lines(run: Run, script: str) -> list[str]:
    """What a script prints, on both streams."""
    return run(f"{{ {PAIR}{script}\n}} 2>&1").stdout.decode().splitlines()


def test_a_capture_from_start_to_end(run: Run) -> None:
    found = lines(run, f"tcpdump -nt -i epair0a -c 2 icmp & sleep 1; {PING}; wait")
    assert [line.split(", id ")[0] for line in found] == [
        "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode",
        "listening on epair0a, link-type EN10MB (Ethernet), snapshot length 262144 bytes",
        "IP 10.0.0.1 > 10.0.0.2: ICMP echo request",
        "IP 10.0.0.2 > 10.0.0.1: ICMP echo reply",
        "2 packets captured",
        "2 packets received by filter",
        "0 packets dropped by kernel",
    ]


def test_it_ends_when_told(run: Run) -> None:
    found = lines(run, "tcpdump -i epair0a > /dev/null & sleep 1; kill -INT $!; wait; echo $?")
    assert found[-4:] == ["0 packets captured", "0 packets received by filter", "0 packets dropped by kernel", "0"]


def test_files_have_the_format_others_read(run: Run) -> None:
    script = f"tcpdump -i epair0a -c 2 -w /tmp/f icmp 2> /dev/null & sleep 1; {PING}; wait; cat /tmp/f"
    raw = run(PAIR + script).stdout
    magic, major, minor, _zone, _sigfigs, snaplen, dlt = struct.unpack("<IHHiIII", raw[:24])
    assert (magic, major, minor, snaplen, dlt) == (0xA1B2C3D4, 2, 4, 262144, 1)
    at = 24
    sizes = []
    while at < len(raw):
        _seconds, fraction, caplen, length = struct.unpack("<IIII", raw[at : at + 16])
        assert fraction < 10**6
        sizes.append((caplen, length))
        at += 16 + caplen
    assert sizes == [(98, 98), (98, 98)]


@pytest.mark.parametrize("options", ["", "-e", "-v", "-x", "-XX", "-A", "-tt", "-ttttt", "-q", "#"])
def test_a_file_shows_what_was_seen(run: Run, options: str) -> None:
    option = options.replace("#", "-#")
    ping = f"& sleep 1; {PING}; wait"
    script = f"tcpdump -i epair0a -c 2 -w - icmp 2> /dev/null | tcpdump -n {option} -r - 2> /dev/null > a {ping}; "
    script += f"tcpdump -i epair0a -c 2 -w f icmp 2> /dev/null {ping}; tcpdump -n {option} -r f 2> /dev/null | wc -l; wc -l < a"
    first, second = lines(run, script)
    assert int(first) == int(second) >= 2


def test_the_snapshot_is_kept(run: Run) -> None:
    script = f"tcpdump -s 42 -nt -i epair0a -c 1 icmp 2> /dev/null & sleep 1; {PING}; wait"
    assert lines(run, script)[0].split(", id")[0] == "IP 10.0.0.1 > 10.0.0.2: ICMP echo request"
    assert lines(run, script.replace("42", "34")) == ["IP 10.0.0.1 > 10.0.0.2:  [|icmp]"]


def test_directions(run: Run) -> None:
    script = "tcpdump -nt -Q {} -i epair0a -c 1 icmp 2> /dev/null & sleep 1; " + PING + "; wait"
    assert "request" in lines(run, script.format("out"))[0]
    assert "reply" in lines(run, script.format("in"))[0]


def test_promiscuous_mode(run: Run) -> None:
    flag = "ifconfig epair0a | grep -c PROMISC"
    script = f"tcpdump -i epair0a > /dev/null 2>&1 & sleep 1; {flag}; kill $!; wait; {flag}; dmesg | tail -2;"
    script += f"tcpdump -p -i epair0a > /dev/null 2>&1 & sleep 1; {flag}; kill $!; wait"
    assert lines(run, script) == ["1", "0", "epair0a: promiscuous mode enabled", "epair0a: promiscuous mode disabled", "0"]


def test_the_interface_goes_away(run: Run) -> None:
    script = "tcpdump -i epair0a > /dev/null & sleep 1; ifconfig epair0a destroy; wait $!; echo $?"
    assert lines(run, script)[-5:] == [
        "tcpdump: pcap_loop: The interface disappeared",
        "0 packets captured",
        "0 packets received by filter",
        "0 packets dropped by kernel",
        "1",
    ]


def test_a_jail_sees_its_own_packets_only(run: Run) -> None:
    assert lines(run, "jexec b tcpdump -i epair0a 2>&1")[0] == "tcpdump: epair0a: No such device exists"
    script = f"jexec b tcpdump -nt -c 1 -i epair0b icmp 2> /dev/null & sleep 1; {PING}; wait"
    assert lines(run, script)[0].startswith("IP 10.0.0.1 > 10.0.0.2: ICMP echo request")


def test_link_types(run: Run) -> None:
    script = "tcpdump -L -i epair0a; tcpdump -L -i lo0; tcpdump -y RAW -i epair0a"
    assert lines(run, script) == [
        "Data link types for epair0a (use option -y to set):",
        "  EN10MB (Ethernet)",
        "  DOCSIS (DOCSIS) (printing not supported)",
        "Data link types for lo0 (use option -y to set):",
        "  NULL (BSD loopback)",
        "tcpdump: RAW is not one of the DLTs supported by this device",
    ]


def test_who_listens(run: Run) -> None:
    found = lines(
        run, f"tcpdump -i epair0a > /dev/null 2>&1 & sleep 1; {PING}; sleep 2; netstat -B; kill $!; wait; netstat -B | wc -l"
    )
    pid, netif, flags, received, dropped, matched, _sblen, _hblen, name = found[1].split()
    assert (netif, flags, dropped, name) == ("epair0a", "p--s---", "0", "tcpdump")
    assert int(received) == int(matched) >= 2
    assert int(pid) > 1
    assert found[2].strip() == "0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-i nosuch0", "(No such device exists)"),
        ("-r /nonexistent", "tcpdump: /nonexistent: No such file or directory"),
        ("-r /etc/passwd", "tcpdump: unknown file format"),
        ("-c x", "tcpdump: invalid packet count x"),
        ("-A -X -i lo0", "tcpdump: -A and -X[X] are mutually exclusive."),
    ],
)
def test_complaints(run: Run, words: str, message: str) -> None:
    assert run(f"tcpdump {words} 2>&1 | tail -1").stdout.decode().splitlines()[-1].startswith(message)


def test_dumps_begin_behind_the_link_level_header(run: Run) -> None:
    script = "tcpdump -n {} -i lo0 -c 1 icmp 2> /dev/null & sleep 1; ping -qc 1 127.0.0.1 > /dev/null; wait"
    assert lines(run, script.format("-x"))[1].startswith("\t0x0000:  4500 0054")
    assert lines(run, script.format("-xx"))[1].startswith("\t0x0000:  0200 0000 4500 0054")
