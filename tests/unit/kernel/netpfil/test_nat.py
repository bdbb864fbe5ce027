"""ipfw nat: what is configured and shown, and what becomes of packets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]

GATEWAY = """
for j in in gw out; do jail -c name=$j vnet persist; done
ifconfig epair0 create > /dev/null; ifconfig epair1 create > /dev/null
ifconfig epair0a vnet in; ifconfig epair0b vnet gw; ifconfig epair1a vnet gw; ifconfig epair1b vnet out
jexec in ifconfig epair0a 10.0.0.2/24; jexec in ifconfig epair0a 10.0.0.3/24 alias; jexec in route -q add default 10.0.0.1
jexec gw ifconfig epair0b 10.0.0.1/24; jexec gw ifconfig epair1a 192.0.2.1/24; jexec out ifconfig epair1b 192.0.2.2/24
jexec gw sysctl -q net.inet.ip.forwarding=1 > /dev/null
kldload ipfw ipfw_nat; for j in in gw out; do jexec $j ipfw -q add 60000 allow ip from any to any; done
nat() { jexec gw ipfw -q nat 1 config $*; }
jexec gw ipfw -q add 100 nat 1 ip from any to any via epair1a
try() { jexec $1 ping -q -c 1 -t 1 $2 | awk '/transmitted/ {print $4}'; }
seen() { jexec out ipfw show $1 | awk '{print $2}'; }
"""
NAT = "kldload ipfw ipfw_nat; "


def said(run: Run, script: str) -> list[str]:
    """Lines of standard output of a script that complains about nothing."""
    result = run(script)
    assert result.stderr == b""
    return result.stdout.decode().splitlines()


@pytest.mark.parametrize(
    "config",
    [
        "ip 192.0.2.1",
        "ip 192.0.2.1 log deny_in same_ports skip_global unreg_only unreg_cgn reset reverse proxy_only udp_eim",
        "redirect_port tcp 10.0.0.1:80-81 80-81 203.0.113.1:5-6",
        "redirect_port udp 10.0.0.1:53,10.0.0.2:53 192.0.2.1:53",
        "redirect_proto esp 10.0.0.1 192.0.2.1 203.0.113.1 redirect_addr 10.0.0.2 192.0.2.2",
    ],
)
def test_what_is_shown_can_be_configured_again(run: Run, config: str) -> None:
    again = "$(ipfw nat 3 show config)"
    first, second, third = said(run, NAT + f"ipfw nat 3 config {config}; {again}; {again}")
    # Redirections are kept the youngest first, and so are the servers of a pool: the second time all is as it was given.
    assert second == f"ipfw nat 3 config {config}" and third == first


@pytest.mark.parametrize(
    ("config", "status", "text"),
    [
        ("", 65, "missing option"),
        ("frob", 65, "unrecognised option ``frob''"),
        ("ip 1.2.3", 0, ""),
        ("ip foo", 65, "bad ip address ``foo''"),
        ("if nosuch", 1, "unknown interface name nosuch"),
        ("port_range 2000-3000", 65, "You need a range of port(s) from 1024 <= x < 65536"),
        ("redirect_port tcp 10.0.0.1:80 80-81", 65, "redirect_port: port ranges must be equal in size"),
        ("redirect_port tcp 10.0.0.1:1-2,10.0.0.2:1 80", 65, "redirect_port: local port must be single in this context"),
        ("redirect_port tcp 10.0.0.1:nosuch 80", 65, "nosuch/tcp: unknown service"),
        ("redirect_addr 10.0.0.1 nosuch", 1, "unknown host nosuch"),
    ],
)
def test_a_bad_configuration_is_refused(run: Run, config: str, status: int, text: str) -> None:
    result = run(NAT + f"ipfw -q nat 1 config {config}; echo $?")
    assert result.stderr.decode() == (f"ipfw: {text}\n" if text else "")
    assert result.stdout.decode() == f"{status}\n"


def test_without_the_module_nothing_is_known_of_nat(run: Run) -> None:
    result = run("kldload ipfw; ipfw nat 1 config ip 1.2.3.4; ipfw add nat 1 ip from any to any")
    assert result.stderr.decode().splitlines() == [
        "ipfw: setsockopt(IP_FW_NAT44_XCONFIG): Invalid argument",
        "ipfw: getsockopt(IP_FW_XADD): Invalid argument",
    ]


def test_inside_hosts_are_seen_under_the_public_address(run: Run) -> None:
    script = GATEWAY + (
        "jexec out ipfw -q add 10 count ip from 192.0.2.1 to me; try in 192.0.2.2; nat ip 192.0.2.1; try in 192.0.2.2;"
        "try out 192.0.2.1; seen 10; jexec out ipfw nat show config; jexec gw ipfw nat 1 delete; try in 192.0.2.2"
    )
    assert said(run, script) == ["0", "1", "1", "2", "0"]


def test_fragments_and_messages_about_packets_find_their_way(run: Run) -> None:
    script = GATEWAY + (
        "nat ip 192.0.2.1; jexec in ping -q -c 1 -s 4000 192.0.2.2 | awk '/transmitted/ {print $4}';"
        "jexec in nc -u -z -w 1 192.0.2.2 9; echo $?; jexec in traceroute -n -q 1 -w 1 192.0.2.2 | awk '$2 ~ /[.]/ {print $2}'"
    )
    result = run(script)
    assert result.stdout.decode().splitlines() == ["1", "1", "10.0.0.1", "192.0.2.2"]


def test_the_address_of_an_interface_is_followed(run: Run) -> None:
    script = GATEWAY + (
        "nat if epair1a; jexec gw ifconfig epair1a 192.0.2.9/24 alias; jexec out ipfw -q add 10 count ip from 192.0.2.9 to me;"
        "try in 192.0.2.2; seen 10; jexec gw ipfw nat show config"
    )
    assert said(run, script) == ["1", "1", "ipfw nat 1 config if epair1a"]


def test_modes(run: Run) -> None:
    script = GATEWAY + (
        "nat ip 192.0.2.1 deny_in; try in 192.0.2.2; try out 192.0.2.1;"
        "nat ip 192.0.2.1 same_ports; jexec out ipfw -q add 10 count udp from 192.0.2.1 5555 to any;"
        "echo x | jexec in nc -u -w 1 -p 5555 192.0.2.2 9; seen 10;"
        "nat ip 192.0.2.7 unreg_only; jexec out ipfw -q add 11 count ip from 192.0.2.1 to any; jexec gw ping -q -c 1 192.0.2.2 |"
        " awk '/transmitted/ {print $4}'; seen 11"
    )
    assert said(run, script) == ["1", "0", "1", "1", "1"]


def test_a_pool_of_servers_is_used_in_turn(run: Run) -> None:
    script = GATEWAY + (
        "for a in 2 3; do jexec in nc -k -l 10.0.0.$a 80 > /tmp/$a & done; sleep 1;"
        "nat ip 192.0.2.1 redirect_port tcp 10.0.0.2:80,10.0.0.3:80 8080;"
        "for i in 1 2 3 4; do echo $i | jexec out nc -N -w 1 192.0.2.1 8080; done; sleep 1; paste -s -d' ' /tmp/2 /tmp/3"
    )
    assert said(run, script) == ["2 4", "1 3"]


def test_one_pass_and_global(run: Run) -> None:
    script = GATEWAY + (
        "nat ip 192.0.2.1; jexec gw ipfw -q add 200 count ip from any to any via epair1a; try in 192.0.2.2;"
        "jexec gw sysctl -q net.inet.ip.fw.one_pass=0 > /dev/null; try in 192.0.2.2; jexec gw ipfw show 200 | awk '{print $2}';"
        "jexec gw sysctl -q net.inet.ip.fw.one_pass=1 > /dev/null; jexec gw ipfw -q add 50 nat global ip from any to any out;"
        "try in 192.0.2.2; jexec gw ipfw list 50"
    )
    # A link that no instance knows yet passes a global rule untranslated.
    assert said(run, script) == ["1", "1", "2", "0", "00050 nat global ip from any to any out"]


def test_links_are_counted_and_the_clock_is_not_looked_at_often(run: Run) -> None:
    script = GATEWAY + (
        "nat ip 192.0.2.1 log; echo x | jexec in nc -u -w 1 192.0.2.2 9; try in 192.0.2.2; jexec gw ipfw nat show log;"
        "sleep 100; try in 192.0.2.2; jexec gw ipfw nat show log;"
        "jexec in ping -q -c 500 -i 0.01 192.0.2.2 | awk '/transmitted/ {print $4}'; jexec gw ipfw nat show log"
    )
    lines = [line.partition(", tcp")[0] for line in run(script).stdout.decode().splitlines()]
    # The clock is looked at after a thousand packets; what was made meanwhile is old at once, and an answer is lost by that.
    assert lines == ["1", "nat 1: icmp=1, udp=1", "1", "nat 1: icmp=2, udp=1", "499", "nat 1: icmp=4, udp=0"]


def test_ftp_names_the_public_address(run: Run) -> None:
    script = GATEWAY + (
        "kldload alias_ftp; nat ip 192.0.2.1; jexec out nc -l 21 > /tmp/f & sleep 1;"
        "(sleep 1; printf 'PORT 10,0,0,2,8,1\\r\\n'; sleep 1; echo end) | jexec in nc -N -w 4 192.0.2.2 21; sleep 1;"
        "sed 's/1,[0-9]*,[0-9]*.$/1,P,P/' /tmp/f;"
        "jexec in nc -l 2049 > /tmp/d & sleep 1;"
        "echo data | jexec out nc -N -w 1 -p 20 192.0.2.1 $(awk -F, '/PORT/ {print $5 * 256 + $6}' /tmp/f); sleep 1; cat /tmp/d"
    )
    assert said(run, script) == ["PORT 192,0,2,1,P,P", "end", "data"]


def test_netbios_names_the_public_address(run: Run) -> None:
    name, inside = "\\040" + "A" * 32 + "\\0", "\\012\\0\\0\\002"
    dump = "hexdump -v -e '1/1 \"%u \"'"
    script = GATEWAY + (
        "kldload alias_nbt; nat ip 192.0.2.1 same_ports;"
        "jexec out nc -u -l 138 > /tmp/d & jexec out nc -u -l 137 > /tmp/s & sleep 1;"
        f"printf '\\020\\0\\0\\0{inside}\\0\\1\\0\\0\\0\\0{name}{name}' | jexec in nc -u -w 1 -p 138 192.0.2.2 138;"
        f"printf '\\0\\1\\0\\0\\0\\0\\0\\1\\0\\0\\0\\0{name}\\0\\040\\0\\1\\0\\0\\0\\0\\0\\6\\0\\0{inside}'"
        f" | jexec in nc -u -w 1 -p 137 192.0.2.2 137; head -c 10 /tmp/d | {dump}; echo; tail -c 4 /tmp/s | {dump}"
    )
    assert said(run, script) == ["16 0 0 0 192 0 2 1 0 138 ", "192 0 2 1 "]


def test_rtsp_names_ports_of_links(run: Run) -> None:
    request = "SETUP rtsp://a/b RTSP/1.0\\r\\nTransport: RTP/AVP;client_port=4588-4589;x\\r\\n\\r\\n"
    script = GATEWAY + (
        "kldload alias_smedia; nat ip 192.0.2.1; jexec out nc -l 554 > /tmp/f & sleep 1;"
        f"printf '{request}' | jexec in nc -N -w 2 192.0.2.2 554; sleep 1;"
        "jexec in nc -u -l 4589 > /tmp/d &"
        "set -- $(sed -n 's/.*client_port=\\([0-9]*\\)-\\([0-9]*\\);x.*/\\1 \\2/p' /tmp/f);"
        "echo $(($2 - $1)) $(($1 % 2)); echo media | jexec out nc -u -w 1 192.0.2.1 $2; sleep 1; cat /tmp/d"
    )
    assert said(run, script) == ["1 0", "media"]


def test_ng_nat_translates_between_its_hooks(run: Run) -> None:
    script = GATEWAY + (
        "jexec gw ipfw -q delete 100; kldload ng_ether ng_nat ng_socket; msg() { jexec gw ngctl msg nat: $*; };"
        "jexec gw ngctl mkpeer epair1a: nat lower in; jexec gw ngctl name epair1a:lower nat;"
        "jexec gw ngctl connect epair1a: nat: upper out; try in 192.0.2.2; msg setdlt 1; msg setaliasaddr 192.0.2.1;"
        "try in 192.0.2.2; jexec gw ngctl msg nat: redirectport '{ local_addr=10.0.0.2 alias_port=8080 local_port=80 proto=6 }';"
        "msg listredirects; msg libaliasinfo; msg redirectdelete 1; jexec gw ngctl shutdown nat:; kldunload ng_nat"
    )
    lines = [line for line in said(run, script) if not line.startswith("Rec'd")]
    assert lines == [
        "0",
        "1",
        "Args:\t1",
        "Args:\t{ total_count=1 redirects=[ { id=1 local_addr=10.0.0.2 local_port=80 alias_port=8080 proto=6 } ] }",
        "Args:\t{ icmpLinkCount=1 tcpLinkCount=1 }",
    ]
