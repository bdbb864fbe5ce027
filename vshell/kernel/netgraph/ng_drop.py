"""Why a node gives up a packet, for `vshell why`.  FreeBSD has no counterpart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.net.drops import drop

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netgraph.ng_base import NgHook, Node

SHORT = "frame is shorter than its header"


def ng_drop(node: Node, hook: NgHook | None, m: Mbuf, reason: str, error: int = 0) -> int:
    """Remember that a node gave up a packet that came in (or would have left) by `hook`; returns `error`."""
    where = f"{node.label}, hook {hook.name}" if hook is not None else node.label
    drop(node.vnet, m, f"ng_{node.ngtype}", f"{where}: {reason}", not _bare(m))
    return error


def _bare(m: Mbuf) -> bool:
    """What travels in a graph has no type: is it a packet of IP, as its length says, or else a frame?"""
    data, off = m.data, m.off
    size = len(data) - off
    if size >= 20 and data[off] >> 4 == 4:
        return (data[off + 2] << 8 | data[off + 3]) == size
    return size >= 40 and data[off] >> 4 == 6 and (data[off + 4] << 8 | data[off + 5]) + 40 == size
