"""The wiring of the machine (vshell/abi/topology.py)."""

from __future__ import annotations

from vshell.abi.sockio import IFF_UP, LINK_STATE_DOWN
from vshell.abi.topology import Connection, Hook, NgNode, Port, Stack
from vshell.kernel.kern.prison_params import PR_VNET
from vshell.kernel.netgraph.netgraph import NgVnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.topology import TOPOLOGY
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netgraph.ng_base import Node


def serve(td: Proc, request: TOPOLOGY) -> tuple[Stack, ...]:
    """Answer the request."""
    here = td.ucred.prison
    below = (pr for pr in here.descendants() if pr.flags & PR_VNET)
    return tuple(_stack(pr) for pr in sorted([here, *below], key=lambda pr: pr.id))


def _stack(pr: Prison) -> Stack:
    graph = pr.vnet.get(NgVnet)
    nodes = tuple(_node(node) for node in graph.by_id.values()) if graph is not None else ()
    ports = tuple(_port(ifp) for ifp in pr.vnet.ifnets)
    return Stack(pr.id, pr.name if pr.parent is not None else "", pr.hostname, ports, nodes)


def _port(ifp: Ifnet) -> Port:
    addrs = tuple((ifa.addr, ifa.prefixlen) for ifa in ifp.addrs)
    connections = tuple(
        Connection(kind, 0, *to) if isinstance(to, tuple) else Connection(kind, to.index) for kind, to in ifp.wiring()
    )
    link = ifp.link_state != LINK_STATE_DOWN
    return Port(ifp.index, ifp.xname, ifp.dname, bool(ifp.flags & IFF_UP), link, ifp.lladdr, addrs, connections)


def _node(node: Node) -> NgNode:
    ifp = getattr(node, "ifp", None)
    hooks = tuple(
        Hook(hook.name, hook.peer.node.id, hook.peer.name)
        for hook in node.hooks
        if hook.peer is not None and hook.peer.node is not None
    )
    return NgNode(node.id, node.name, node.ngtype, ifp.index if ifp is not None else 0, hooks)
