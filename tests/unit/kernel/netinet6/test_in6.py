"""IPv6 through programs: addresses, duplicate detection, neighbours, errors, path MTU."""

from __future__ import annotations

from vshell.machine import Machine

PAIR = """
vimage -c a; vimage -c b
ifconfig epair0 create > /dev/null
ifconfig epair0a ether 02:00:00:00:00:0a; ifconfig epair0b ether 02:00:00:00:00:0b
ifconfig epair0a vnet a; ifconfig epair0b vnet b
"""


def run(commands: str) -> str:
    """What the commands print, on both streams."""
    machine = Machine()
    result = machine.run(f"{{ {commands}\n}} 2>&1")
    assert machine.kernel.panics == []
    return result.stdout.decode()


def test_first_address_enables_ipv6_and_brings_a_link_local_one() -> None:
    out = run("ifconfig vtnet0 | grep nd6; ifconfig vtnet0 inet6 2001:db8::1/64; ifconfig vtnet0 inet6")
    assert out.splitlines()[0] == "\tnd6 options=29<PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL>"
    assert out.splitlines()[-1] == "\tnd6 options=21<PERFORMNUD,AUTO_LINKLOCAL>"
    assert "\tinet6 2001:db8::1 prefixlen 64\n" in out
    assert "\tinet6 fe80::5a9c:fcff:fe00:1%vtnet0 prefixlen 64 tentative scopeid 0x1\n" in out


def test_detection_takes_its_time() -> None:
    out = run(
        """
        ifconfig vtnet0 inet6 2001:db8::1/64; sleep 3; ifconfig vtnet0 inet6 2001:db8::2/64
        f() { ifconfig vtnet0 | grep ::2; }
        f; sleep 2; f
        """
    )
    assert out.splitlines() == ["\tinet6 2001:db8::2 prefixlen 64 tentative", "\tinet6 2001:db8::2 prefixlen 64"]


def test_a_duplicate_is_found_over_the_wire() -> None:
    out = run(
        PAIR
        + """
        vimage a ifconfig epair0a inet6 2001:db8::1/64; vimage b ifconfig epair0b inet6 2001:db8::9/64; sleep 3
        vimage b ifconfig epair0b inet6 2001:db8::1/64; sleep 3; vimage b ifconfig epair0b | grep ::1
        vimage b ping -6 -c 1 -S 2001:db8::1 2001:db8::9; echo $?
        """
    )
    assert out.splitlines() == ["\tinet6 2001:db8::1 prefixlen 64 duplicated", "ping: bind: Can't assign requested address", "1"]


def test_neighbours_are_learned_and_go_stale() -> None:
    out = run(
        PAIR
        + """
        for i in a b; do vimage $i ifconfig epair0$i inet6 no_dad 2001:db8::$i/64; done
        vimage a ping -6 -q -c 1 2001:db8::b | grep received
        f() { vimage a ndp -an | awk '$1 == "2001:db8::b" { print $2, $5 }'; }
        f; sleep 60; f; vimage a ndp -d 2001:db8::b; f
        """
    )
    assert out.splitlines() == [
        "1 packets transmitted, 1 packets received, 0.0% packet loss",
        "02:00:00:00:00:0b R",
        "02:00:00:00:00:0b S",
        "2001:db8::b (2001:db8::b) deleted",
    ]


def test_routers_forward_and_report() -> None:
    out = run(
        """
        for v in h r s; do vimage -c $v; done
        ifconfig epair0 create > /dev/null; ifconfig epair1 create > /dev/null
        ifconfig epair0a vnet h; ifconfig epair0b vnet r; ifconfig epair1a vnet r; ifconfig epair1b vnet s
        n() { vimage $1 ifconfig $2 inet6 no_dad $3/64; }
        n h epair0a 2001:db8:1::a; n r epair0b 2001:db8:1::1; n r epair1a 2001:db8:2::1; n s epair1b 2001:db8:2::b
        vimage h route -6 -q add default 2001:db8:1::1; vimage s route -6 -q add default 2001:db8:2::1
        p() { vimage h ping -6 -c 1 -t 2 "$@" | sed -n 's/, icmp_seq.* hlim/ hlim/; s/ time=.*//; 2p'; }
        p 2001:db8:2::b; vimage r sysctl net.inet6.ip6.forwarding=1 > /dev/null; p 2001:db8:2::b
        p -v -m 1 2001:db8:2::b; p -v 2001:db8:3::1
        """
    )
    assert out.splitlines() == [
        "",
        "16 bytes from 2001:db8:2::b hlim=63",
        "64 bytes from 2001:db8:1::1: Time to live exceeded",
        "64 bytes from 2001:db8:1::1: No Route to Destination",
    ]


def test_large_packets_are_cut_and_put_together() -> None:
    out = run(
        PAIR
        + """
        for i in a b; do vimage $i ifconfig epair0$i inet6 no_dad 2001:db8::$i/64; done
        vimage a ping -6 -q -c 2 -i 0.1 -s 4000 2001:db8::b | grep received
        """
    )
    assert out == "2 packets transmitted, 2 packets received, 0.0% packet loss\n"


def test_nothing_leaks_between_stacks() -> None:
    out = run(
        """
        for v in a b; do vimage -c $v; vimage $v ifconfig lo0 inet6 2001:db8::1/128; done
        vimage a ping -6 -q -c 1 2001:db8::1 | grep received; ping -6 -c 1 2001:db8::1; vimage b netstat -rn6 | grep -c 2001
        """
    )
    assert out.splitlines() == [
        "1 packets transmitted, 1 packets received, 0.0% packet loss",
        "ping: UDP connect: No route to host",
        "1",
    ]
