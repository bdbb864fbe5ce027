"""vshell why: reasons of drops."""

from __future__ import annotations

from vshell.machine import Machine

PAIR = """
for j in a b; do jail -c name=$j vnet persist; done; ifconfig epair create > /dev/null
ifconfig epair0a vnet a; ifconfig epair0b vnet b; ifconfig -j a epair0a 10.0.0.1/24; ifconfig -j b epair0b 10.0.0.2/24
"""


def why(commands: str) -> list[str]:
    """The lines without their times."""
    machine = Machine()
    out = machine.run(PAIR + commands).stdout.decode()
    assert machine.kernel.panics == []
    return [line[16:] if line[:1].isdigit() else line.strip() for line in out.splitlines()]


def test_ports_and_forwarding() -> None:
    lines = why(
        """
        jexec a sh -c 'echo x | nc -u -w 1 10.0.0.2 99; nc -z -w 1 10.0.0.2 81; route -q add 10.5.0.0/16 10.0.0.2
        ping -q -c 1 -t 1 10.5.0.1' > /dev/null; vshell why -j b
        """
    )
    assert lines[0] == "epair0b: nobody listens on UDP port 99 (udp_input)"
    assert lines[1].startswith("udp 10.0.0.1 port ")
    assert lines[2] == "epair0b: nobody listens on TCP port 81 (tcp_input)"
    assert "[S]" in lines[3]
    assert lines[4:] == [
        "epair0b: not for us, and net.inet.ip.forwarding is 0 (ip_input)",
        "icmp 10.0.0.1 > 10.5.0.1 echo request, ttl 64, 84 bytes",
    ]


def test_firewall() -> None:
    lines = why(
        """
        kldload ipfw; jexec b ipfw -q add 100 deny icmp from any to any; jexec a ipfw -q add 100 allow ip from any to any
        jexec a ping -q -c 1 -t 1 10.0.0.2 > /dev/null; vshell why -j b -n 1
        """
    )
    assert lines[0] == "epair0b: denied by ipfw rule 100, in (pfil)"


def test_neighbours_that_do_not_answer() -> None:
    lines = why("jexec a ping -q -c 1 -t 1 10.0.0.77 > /dev/null; sleep 30; jexec a vshell why")
    assert lines[-2:] == [
        "epair0a: nobody answered ARP requests for the next hop (arptimer)",
        "icmp 10.0.0.1 > 10.0.0.77 echo request, ttl 64, 84 bytes",
    ]


def test_all_stacks() -> None:
    """In the order in which it happened, with the names of the others; a stack's own view is without."""
    commands = """
        for j in a b; do ifconfig -j $j lo0 127.0.0.1; jexec $j sh -c 'echo x | nc -u -w 1 127.0.0.1 99'; done
        jexec a ping -q -c 1 -t 1 10.9.9.9 > /dev/null 2>&1; ping -q -c 1 -t 1 10.9.9.9 > /dev/null 2>&1
        """
    assert why(commands + "vshell why -n 4")[::2] == [
        "a lo0: nobody listens on UDP port 99 (udp_input)",
        "b lo0: nobody listens on UDP port 99 (udp_input)",
        "a: no route to the destination (ip_output)",
        "-: no route to the destination (ip_output)",
    ]
    assert why(commands + "jexec b vshell why -n 1")[::2] == ["lo0: nobody listens on UDP port 99 (udp_input)"]


def test_nothing_and_usage() -> None:
    machine = Machine()
    assert machine.run("vshell why").stdout == b"no packet was dropped\n"
    result = machine.run("vshell why -z; vshell why -j nosuch")
    assert result.stderr == b'usage: vshell why [-j jail] [-n count]\nvshell: why: jail "nosuch" not found\n'


GRAPH = "kldload ng_ether; ifconfig epair1 create > /dev/null; ifconfig epair1a up; ifconfig epair1b 10.1.0.1/24"
"""A wire whose other end is a graph."""


def reasons(commands: str) -> list[str]:
    """What became of the packets that came in at the end with the graph."""
    return [line for line in why(commands) if "epair1a: " in line]


def test_nodes() -> None:
    lines = reasons(
        f"""
        {GRAPH}; arp -s 10.1.0.2 02:00:00:00:00:99 > /dev/null
        ngctl mkpeer epair1a: bridge lower link0; ngctl name epair1a:lower br
        ping -q -c 1 -t 1 10.1.0.2 > /dev/null; ngctl shutdown br:
        ngctl mkpeer epair1a: vlan lower downstream; ngctl name epair1a:lower vl
        ping -q -c 1 -t 1 10.1.0.2 > /dev/null; ngctl shutdown vl:
        ngctl mkpeer epair1a: pipe lower upper; ngctl name epair1a:lower pi; ngctl connect pi: epair1a: lower orphans
        ngctl msg pi: setcfg '{{ bandwidth=10000 downstream={{ queuelen=5 }} }}' > /dev/null
        ping -q -c 30 -i 0.01 -W 1 10.1.0.2 > /dev/null; vshell why
        """
    )
    assert lines[:2] == [
        "epair1a: br, hook link0: there is no other hook to send it by (ng_bridge)",
        "epair1a: vl, hook downstream: untagged, and there is no hook nomatch (ng_vlan)",
    ]
    assert lines[2].endswith("epair1a: pi, hook upper: the queue is full (5 frames) (ng_pipe)")


def test_dummynet() -> None:
    lines = why(
        """
        kldload ipfw dummynet; for j in a b; do jexec $j ipfw -q add 65000 allow ip from any to any; done
        jexec a ipfw pipe 1 config bw 10Kbit/s queue 2; jexec a ipfw pipe 2 config plr 1
        jexec a ipfw -q add 10 pipe 1 icmp from me to any out; jexec a ipfw -q add 20 pipe 2 udp from me to any
        jexec a sh -c 'ping -q -c 6 -i 0.01 -W 1 10.0.0.2; echo x | nc -u -w 1 10.0.0.2 9' > /dev/null; jexec a vshell why
        """
    )
    assert any("pipe 1: the queue is full (dummynet)" in line for line in lines)
    assert any("pipe 2: lost by the loss rate (dummynet)" in line for line in lines)


def test_limited_errors() -> None:
    lines = why(
        """
        jexec b sysctl net.inet.icmp.icmplim_jitter=0 net.inet.icmp.icmplim=2 > /dev/null
        jexec a sh -c 'for i in 1 2 3 4; do echo x | nc -u -w 1 10.0.0.2 99 & done; wait'; jexec b vshell why -n 1
        """
    )
    assert lines[0] == "epair0b: no error is sent for it: too many this second (net.inet.icmp.icmplim) (udp_input)"
