"""Names of link-level addresses: /etc/ethers (ethers(5))."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.addr import ether_aton
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.program import Program


def ether_hostton(p: Program, name: str) -> bytes | None:
    """The address of a name, None if there is none."""
    try:
        lines = decode(slurp(p, "/etc/ethers")).splitlines()
    except KError:
        return None
    for line in lines:
        words = line.partition("#")[0].split()
        if len(words) == 2 and words[1] == name:
            return ether_aton(words[0])
    return None
