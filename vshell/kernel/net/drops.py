"""Why packets were dropped: each stack remembers the last ones.  FreeBSD has no counterpart.

`drop` is called where a packet is given up and nowhere else, so a packet that goes on its way costs nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from vshell.abi.drops import Drop, DropDump
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, VnetModule
from vshell.kernel.net.ifnet import Ifnet
from vshell.kernel.net.netlink import nlrequest

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

REMEMBERED = 256
"""Drops a stack remembers."""
SNAPLEN = 128
"""Bytes of each packet that are kept."""


class Drops(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The last drops of a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ring: deque[Drop] = deque(maxlen=REMEMBERED)


def drop(where: Vnet | Ifnet, m: Mbuf, place: str, reason: str, link: bool = False) -> None:
    """Remember that `place` gave up a packet; `link` if `m.off` is at its Ethernet header."""
    if isinstance(where, Ifnet):
        vnet, name = where.vnet, where.xname
    else:
        vnet, name = where, m.rcvif.xname if m.rcvif is not None else ""
    drops = vnet.get(Drops)
    if drops is None:
        return  # the stack is dying
    data = bytes(m.data[m.off : m.off + SNAPLEN])
    drops.ring.append(Drop(vnet.kernel.clock.now, name, place, reason, data, len(m.data) - m.off, link))


@nlrequest(DropDump)
def drop_dump(vnet: Vnet, _req: DropDump, _td: Proc) -> list[Record]:
    """All that is remembered."""
    return list(vnet[Drops].ring)
