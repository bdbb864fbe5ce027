"""nptv6 and the nat64 translators: instances, and packets through them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]

ROUTER = """
for j in six r four; do jail -c name=$j vnet persist; done
ifconfig epair0 create > /dev/null; ifconfig epair1 create > /dev/null
ifconfig epair0a vnet six; ifconfig epair0b vnet r; ifconfig epair1a vnet r; ifconfig epair1b vnet four
v6="inet6 -ifdisabled -auto_linklocal no_dad"
jexec six ifconfig epair0a $v6 fd00:1::2/64 up; jexec r ifconfig epair0b $v6 fd00:1::1/64 up
jexec r ifconfig epair1a $v6 2001:db8:ff::1/64; jexec four ifconfig epair1b $v6 2001:db8:ff::2/64
jexec r ifconfig epair1a 192.0.2.1/24; jexec four ifconfig epair1b 192.0.2.2/24
jexec six route -q -6 add default fd00:1::1; jexec four route -q -6 add default 2001:db8:ff::1
jexec four route -q add 198.51.100.0/24 192.0.2.1
jexec r sysctl -q net.inet6.ip6.forwarding=1 net.inet.ip.forwarding=1 > /dev/null
kldload ipfw ipfw_nptv6 ipfw_nat64; for j in six r four; do jexec $j ipfw -q add 60000 allow ip from any to any; done
fw() { jexec r ipfw -q $*; }
try() { jexec $1 ping -q -c 1 -t 1 $2 | awk '/transmitted/ {print $4}'; }
"""


def said(run: Run, script: str) -> list[str]:
    """Lines of standard output of a script that complains about nothing."""
    result = run(script)
    assert result.stderr == b""
    return result.stdout.decode().splitlines()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("nptv6", "int_prefix fd00:1:: ext_prefix 2001:db8:1:: prefixlen 48"),
        ("nptv6", "int_prefix fd00:1:: ext_if vtnet0 prefixlen 64"),
        (
            "nat64lsn",
            "prefix4 192.0.2.0/28 prefix6 2001:db8::/96 host_del_age 5 udp_age 60 jmaxlen 7 swap_conf log allow_private",
        ),
        ("nat64stl", "table4 a table6 b prefix6 2001:db8::/96 log"),
        ("nat64clat", "clat_prefix 2001:db8:c::/96 plat_prefix 64:ff9b::/96 allow_private"),
    ],
)
def test_an_instance_is_listed_as_it_was_made(run: Run, kind: str, options: str) -> None:
    script = (
        "kldload ipfw ipfw_nptv6 ipfw_nat64; ipfw table a create valtype ipv6; ipfw table b create valtype ipv4;"
        f"ipfw {kind} x create {options}; ipfw {kind} all list; ipfw add 7 {kind} x ip from any to any;"
        f"ipfw delete 7; ipfw {kind} x destroy; ipfw {kind} all list"
    )
    assert said(run, script) == [f"{kind} x {options}", f"00007 {kind} x ip from any to any"]


def test_a_rule_drops_when_its_module_goes(run: Run) -> None:
    script = (
        "kldload ipfw ipfw_nptv6; ipfw nptv6 x create int_prefix fd00:1:: ext_prefix fd00:2:: prefixlen 48;"
        "ipfw -q add 7 nptv6 x ip from any to any; ipfw internal olist | sort; kldunload ipfw_nptv6; ipfw list 7;"
        "ipfw internal olist"
    )
    assert said(run, script) == [
        " kidx:    1\ttype:    EACTION\tname: drop",
        " kidx:    2\ttype:    EACTION\tname: nptv6",
        " kidx:    3\ttype:      nptv6\tname: x",
        "Objects list:",
        "00007 eaction drop ip from any to any",
        "Objects list:",
        " kidx:    1\ttype:    EACTION\tname: drop",
    ]


def test_instances_go_with_the_rules_from_set_to_set(run: Run) -> None:
    make = "nptv6 x create int_prefix fd00:1:: ext_prefix fd00:{}:: prefixlen 48"
    result = run(
        f"kldload ipfw ipfw_nptv6; ipfw {make.format(2)}; ipfw set 3 {make.format(3)}; ipfw set swap 0 3; ipfw nptv6 x list;"
        "ipfw set move 0 to 3"
    )
    assert result.stdout.decode().splitlines()[0] == "nptv6 x int_prefix fd00:1:: ext_prefix fd00:3:: prefixlen 48"
    assert result.stderr.decode() == "ipfw: failed to move set: File exists\n"


def test_nptv6_changes_the_prefix_and_nothing_a_checksum_sees(run: Run) -> None:
    script = ROUTER + (
        # Questions for neighbours are nothing for the rules below: they are asked before.
        "try six 2001:db8:ff::2; fw nptv6 n create int_prefix fd00:1:: ext_prefix 2001:db8:1:: prefixlen 64;"
        "fw add 100 nptv6 n ip6 from fd00:1::/64 to not fd00:1::/64; fw add 110 nptv6 n ip6 from any to 2001:db8:1::/64 in;"
        "jexec four ipfw -q add 10 count ip6 from 2001:db8:1::/64 to any;"
        "jexec four nc -6 -l 80 > /tmp/w & sleep 1; try six 2001:db8:ff::2; echo tcp | jexec six nc -N -w 1 2001:db8:ff::2 80;"
        "sleep 1; cat /tmp/w; jexec six nc -u -z -w 1 2001:db8:ff::2 9; echo $?;"
        "jexec four ipfw show 10 | awk '{print ($2 > 5)}'; fw nptv6 n stats | sed -n 4p"
    )
    assert said(run, script) == ["1", "1", "tcp", "1", "1", "\t0 packets dropped due to some error"]


STL = """
fw table t4 create valtype ipv6; fw table t6 create valtype ipv4
fw table t4 add 198.51.100.9 fd00:1::2; fw table t6 add fd00:1::2 198.51.100.9
fw nat64stl s create table4 t4 table6 t6 allow_private
fw add 100 nat64stl s ip6 from "table(t6)" to 64:ff9b::/96 in; fw add 110 nat64stl s ip4 from any to "table(t4)" in
"""


def test_nat64stl_pairs_addresses_by_tables(run: Run) -> None:
    script = (
        ROUTER
        + STL
        + (
            "try six 64:ff9b::192.0.2.2; try four 198.51.100.9; jexec six nc -6 -k -l 80 > /tmp/w & sleep 1;"
            "echo tcp | jexec four nc -N -w 1 198.51.100.9 80; sleep 1; cat /tmp/w;"
            "jexec six nc -u -z -w 1 64:ff9b::192.0.2.2 9; echo $?;"
            "jexec r sysctl -q net.inet.ip.fw.nat64_direct_output=1 > /dev/null;"
            "jexec six traceroute6 -n -q 1 -w 1 -m 2 64:ff9b::192.0.2.2 2> /dev/null | awk '{print $2}';"
            "jexec four ipfw -q add 10 count icmp from 198.51.100.9 to me icmptypes 3;"
            "jexec four ping -q -c 1 -t 1 -D -s 1460 198.51.100.9 > /dev/null; jexec four ipfw show 10 | awk '{print $2}';"
            "try six 64:ff9b::203.0.113.1;"
            "fw nat64stl s stats | grep 'no IPv4 route'"
        )
    )
    assert said(run, script) == [
        "1", "1", "tcp", "1", "fd00:1::1", "64:ff9b::c000:202", "1", "0",
        "\t1 output packets discarded due to no IPv4 route",
    ]  # fmt: skip


def test_nat64lsn_shares_an_address_and_forgets(run: Run) -> None:
    script = ROUTER + (
        "jexec six ifconfig epair0a inet6 fd00:1::3/64 alias; fw nat64lsn l create prefix4 198.51.100.0/32 allow_private;"
        "fw add 100 nat64lsn l ip6 from fd00:1::/64 to 64:ff9b::/96 in; fw add 110 nat64lsn l ip4 from any to 198.51.100.0/32 in;"
        "jexec four nc -k -l 80 > /tmp/w & sleep 1; for i in 2 3; do"
        " echo $i | jexec six nc -s fd00:1::$i -N -w 1 64:ff9b::c000:202 80; done;"
        "sleep 1; cat /tmp/w; try six 64:ff9b::c000:202; try four 198.51.100.0;"
        "echo x | jexec six nc -u -w 1 64:ff9b::c000:202 9;"
        "fw nat64lsn l show states | awk '{print $1, $2, $3}' | sed 's/2:[0-9]* 198/2 198/; s/3:[0-9]* 198/3 198/';"
        "sleep 300; fw nat64lsn l show states;"
        "fw nat64lsn l stats | grep -E 'hosts alloc|states|not matched'"
    )
    assert said(run, script) == [
        "2", "3", "1", "0",
        "fd00:1::2 198.51.100.0 ICMPv6", "fd00:1::2 198.51.100.0:1024 TCP",
        "fd00:1::3 198.51.100.0:1025 TCP", "fd00:1::2 198.51.100.0:1024 UDP", "\t1 packets not matched with IPv4 prefix",
        "\t2 hosts allocated", "\t4 states created", "\t4 states deleted",
    ]  # fmt: skip


def test_nat64clat_takes_ipv4_over_ipv6(run: Run) -> None:
    script = ROUTER + (
        "jexec six ifconfig epair0a 10.0.0.2/24; jexec r ifconfig epair0b 10.0.0.1/24; jexec six route -q add default 10.0.0.1;"
        "jexec four ifconfig lo0 inet6 2001:db8:64::cb00:7101/128; jexec r route -q -6 add 2001:db8:64::/96 2001:db8:ff::2;"
        "fw nat64clat c create clat_prefix 2001:db8:c::/96 plat_prefix 2001:db8:64::/96;"
        "fw add 100 nat64clat c ip4 from 10.0.0.0/24 to not me in; fw add 110 nat64clat c ip6 from 2001:db8:64::/96 to any in;"
        "try six 203.0.113.1; jexec six nc -z -w 1 203.0.113.1 81; echo $?; fw nat64clat c stats | head -3"
    )
    assert said(run, script) == [
        "1",
        "1",
        "nat64clat c",
        "\t2 packets translated from IPv6 to IPv4",
        "\t2 packets translated from IPv4 to IPv6",
    ]
