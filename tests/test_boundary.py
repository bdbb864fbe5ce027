"""The boundary is the product: the same seed gives the same bytes, and userland cannot tell which stack it is in."""

from __future__ import annotations

import pytest

from vshell.kernel.net.ifnet import Ifnet
from vshell.kernel.net.mbuf import Mbuf
from vshell.labs.normalise import Normaliser
from vshell.machine import Machine, Session

# Without a route a ping fails with another error in a jail (rip_send asks the jail for an address): not part of this.
SCRIPT = b"""\
ifconfig lo0 inet 127.0.0.1/8
ifconfig epair create
ifconfig epair0a inet 10.1.0.1/24; ifconfig epair0b up
ifconfig epair0a
ifconfig -l | sed 's/vtnet0 vtnet1 //'
netstat -rn -f inet | awk '{ print $1, $3, $4 }'
ping -c 2 127.0.0.1
ping -c 1 -t 1 10.1.0.2
route add default 10.1.0.254; route -n get 10.8.8.8; route delete default
arp -an | awk '{ print $2, $5, $6 }'
sysctl net.inet.ip.forwarding=1 net.inet.ip.ttl
ifconfig nosuch0
ifconfig epair0a inet 10.1.0.300
netstat -n -I epair0a -f inet
netstat -s -p icmp
ifconfig epair0a destroy
ifconfig -l | sed 's/vtnet0 vtnet1 //'
echo $?
"""

PLACES = {
    "vnet 0": ("sh", True),
    "no VIMAGE": ("sh", False),
    "a jail": ("jail -c name=j vnet persist; jexec j sh", True),
    "a nested jail": (
        "jail -c name=j vnet persist children.max=4; jexec j jail -c name=k vnet persist; jexec j jexec k sh",
        True,
    ),
}


def answer(where: str) -> str:
    """What the script prints there, both streams in the order in which they came."""
    command, vimage = PLACES[where]
    result = Machine(vimage=vimage).run(f"exec 2>&1; kldload if_epair; {command}", stdin=SCRIPT)
    assert not result.stderr
    return Normaliser()(result.stdout.decode())


@pytest.mark.parametrize("where", [p for p in PLACES if p != "vnet 0"])
def test_userland_cannot_tell(where: str) -> None:
    """The same script, the same answers, whatever stack it runs in."""
    expected = answer("vnet 0")
    assert len(expected.splitlines()) > 40
    assert answer(where) == expected


def test_same_seed_same_bytes() -> None:
    """Two boots with the same seed and input give identical output; another seed other random numbers."""
    script = (
        SCRIPT.decode()
        + "ifconfig epair create; ifconfig epair0a ether; mktemp -u /tmp/x.XXXXXXXX; date; echo $$; jls; ping -c 1 127.0.0.1\n"
    )
    one, two, other = (Machine(seed=seed).run(script) for seed in (5, 5, 6))
    assert (one.stdout, one.stderr, one.status) == (two.stdout, two.stderr, two.status)
    assert one.stdout != other.stdout


def packets(seed: int) -> list[tuple[int, str, bool, bytes]]:
    """When, on which interface, which way and what: every frame of a talk between two stacks."""
    machine = Machine(seed=seed)
    session = Session(machine)
    session.feed("for v in a b; do vimage -c $v; done; ifconfig epair create; ifconfig epair0a vnet a; ifconfig epair0b vnet b\n")
    seen: list[tuple[int, str, bool, bytes]] = []

    def tap(ifp: Ifnet, m: Mbuf, outgoing: bool) -> None:
        seen.append((machine.kernel.clock.now, ifp.xname, outgoing, m.bytes()))

    for vnet in machine.kernel.vnets:
        for ifp in vnet.ifnets:
            ifp.bpf = [tap]
    session.feed(
        "vimage a ifconfig epair0a inet 10.0.0.1/24; vimage b ifconfig epair0b inet 10.0.0.2/24\n"
        "vimage a ifconfig epair0a inet6 2001:db8::1/64; sleep 3\n"
    )
    session.feed(
        "vimage a ping -c 3 -s 3000 10.0.0.2; (echo hello | vimage b nc -l 7 &) ; vimage a nc -N 10.0.0.2 7 < /dev/null\n"
    )
    return seen


def test_same_seed_same_packets() -> None:
    """Not a byte and not a nanosecond differs; ARP, fragments, ICMP, neighbour discovery and TCP are all there."""
    one = packets(5)
    assert one == packets(5)
    assert len(one) > 40
    assert {frame[12:14] for _, _, _, frame in one} >= {b"\x08\x00", b"\x08\x06", b"\x86\xdd"}


def test_without_vimage_a_vnet_is_refused() -> None:
    """A kernel without VIMAGE has no vnet jails."""
    result = Machine(vimage=False).run("jail -c name=a vnet persist; echo $?; jail -c name=b persist; jls name")
    assert b"vnet" in result.stderr
    assert result.stdout == b"1\nb\n"
