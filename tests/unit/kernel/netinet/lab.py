"""Two stacks and a wire: what the tests of netinet work with."""

from __future__ import annotations

from vshell.machine import Machine

PAIR = """
jail -c name=a vnet persist; jail -c name=b vnet persist
ifconfig epair0 create > /dev/null
ifconfig epair0a ether 02:00:00:00:00:0a; ifconfig epair0b ether 02:00:00:00:00:0b
ifconfig epair0a vnet a; ifconfig epair0b vnet b
jexec a ifconfig epair0a 10.0.0.1/24; jexec b ifconfig epair0b 10.0.0.2/24
"""

ROUTER = """
for j in a r b; do jail -c name=$j vnet persist; done
ifconfig epair0 create > /dev/null; ifconfig epair1 create > /dev/null
ifconfig epair0a vnet a; ifconfig epair0b vnet r; ifconfig epair1a vnet r; ifconfig epair1b vnet b
jexec a ifconfig epair0a 10.0.0.1/24; jexec r ifconfig epair0b 10.0.0.254/24
jexec r ifconfig epair1a 10.1.0.254/24; jexec b ifconfig epair1b 10.1.0.1/24
jexec a route -q add default 10.0.0.254; jexec b route -q add default 10.1.0.254
jexec r sysctl -q net.inet.ip.forwarding=1 > /dev/null
"""


def run(commands: str) -> str:
    """What the commands print, on both streams."""
    machine = Machine()
    result = machine.run(f"{{ {commands}\n}} 2>&1")
    assert not machine.kernel.panics, machine.kernel.panics[0]
    return result.stdout.decode()


def lines(commands: str) -> list[str]:
    """The same by lines."""
    return run(commands).splitlines()
