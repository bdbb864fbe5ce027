"""The boundary is the product: the same seed gives the same bytes, and userland cannot tell which stack it is in."""

from __future__ import annotations

import pytest

from vshell.labs.normalise import Normaliser
from vshell.machine import Machine

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


def test_without_vimage_a_vnet_is_refused() -> None:
    """A kernel without VIMAGE has no vnet jails."""
    result = Machine(vimage=False).run("jail -c name=a vnet persist; echo $?; jail -c name=b persist; jls name")
    assert b"vnet" in result.stderr
    assert result.stdout == b"1\nb\n"
