"""Names for completion (vshell/abi/vshell.py): looking them up leaves no trace in the machine."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, KError
from vshell.abi.sockio import IFF_UP
from vshell.abi.topology import WIRE
from vshell.kernel.kern.kern_sysctl import SysctlTree
from vshell.kernel.net.ifnet import VnetIf
from vshell.kernel.net.route.route_tables import foreach_table
from vshell.kernel.netgraph.netgraph import NgBase, NgVnet
from vshell.wire.ip import inet_ntoa

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vshell.abi.vshell import NAMES
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netgraph.ng_base import Node

    Names = Iterator[tuple[str, str]]


def serve(td: Proc, request: NAMES) -> tuple[tuple[str, str], ...]:
    """Answer the request."""
    kind = KINDS.get(request.kind)
    if kind is None:
        raise KError(EINVAL)
    if request.kind == "jail":
        return tuple(_jails(td, request.prefix))
    return tuple(pair for pair in kind(td, request.of) if pair[0].startswith(request.prefix))


def _interfaces(td: Proc, of: str) -> Names:
    for ifp in td.vnet.ifnets:
        yield ifp.xname, _about(ifp)


def _about(ifp: Ifnet) -> str:
    about = ["up" if ifp.flags & IFF_UP else "down"]
    about += [f"{'.'.join(map(str, ifa.addr))}/{ifa.prefixlen}" for ifa in ifp.addrs if len(ifa.addr) == 4]
    about += [f"wire to {to.xname}" for kind, to in ifp.wiring() if kind == WIRE and not isinstance(to, tuple)]
    return ", ".join(about)


def _jails(td: Proc, prefix: str) -> Names:
    here = td.ucred.prison
    full = prefix if here.parent is None else f"{here.name}.{prefix}"
    for pr in here.all.list:
        if pr.name.startswith(full) and pr is not here and here.ischild(pr) and pr.isalive:
            yield here.name_of(pr), f"jail {pr.id}" + (", its own stack" if pr.owns_vnet else "")


def _nodes(td: Proc, of: str) -> Names:
    graph = td.vnet.get(NgVnet)
    for node in graph.by_id.values() if graph is not None else ():
        yield (f"{node.name}:" if node.name else f"[{node.id:x}]:"), node.ngtype


def _node(td: Proc, path: str) -> Node | None:
    """The node at the beginning of a path."""
    graph: NgVnet | None = td.vnet.get(NgVnet)
    name = path.partition(":")[0]
    if graph is None:
        return None
    if name.startswith("[") and name.endswith("]"):
        try:
            return graph.by_id.get(int(name[1:-1], 16))
        except ValueError:
            return None
    return graph.by_name.get(name)


def _messages(td: Proc, of: str) -> Names:
    node = _node(td, of)
    for name in sorted(node.cmdnames) if node is not None else ():
        yield name, f"message of {node.ngtype}" if node is not None else ""


def _hooks(td: Proc, of: str) -> Names:
    node = _node(td, of)
    for hook in node.hooks if node is not None else ():
        peer = hook.peer.node if hook.peer is not None else None
        yield hook.name, f"to {peer.name or f'[{peer.id:x}]'}" if peer is not None else ""


def _nodetypes(td: Proc, of: str) -> Names:
    graph = td.kernel.get(NgBase)
    loaded = {ngtype.ngclass.ngtype for ngtype in graph.types} if graph is not None else set()
    for name in sorted(loaded):
        yield name, ""
    for name in td.kernel.list_modules():
        if name.startswith("ng_") and name[3:] not in loaded:
            yield name[3:], "not loaded"


def _routes(td: Proc, of: str) -> Names:
    """Destinations that may be named to delete or change a route."""
    from ipaddress import IPv6Address

    for rib in foreach_table(td.vnet):
        for rt in rib.walk():
            dst = rt.dst
            if len(dst) not in (4, 16) or dst[:1] == b"\xff" or dst[:2] == b"\xfe\x80":
                continue
            text = inet_ntoa(dst) if len(dst) == 4 else str(IPv6Address(dst))
            name = "default" if not rt.plen else text if rt.plen == 8 * len(dst) else f"{text}/{rt.plen}"
            yield name, f"route through {rt.nhop.ifp.xname}" if hasattr(rt.nhop, "ifp") else "route"


def _modules(td: Proc, of: str) -> Names:
    for lf in td.kernel.linker.files:
        yield lf.filename, f"file {lf.id}"


def _klds(td: Proc, of: str) -> Names:
    loaded = {lf.filename.removesuffix(".ko") for lf in td.kernel.linker.files}
    for name in td.kernel.list_modules():
        if name not in loaded:
            yield name, ""


def _cloners(td: Proc, of: str) -> Names:
    loaded = {cloner.name for cloner in td.vnet[VnetIf].cloners}
    for name in sorted(loaded):
        yield name, ""
    for name in td.kernel.list_modules():
        if name.startswith("if_") and name[3:] not in loaded:
            yield name[3:], "not loaded"


def _sysctls(td: Proc, of: str) -> Names:
    """Nodes below `of`, one level deep: a node that has others below ends in a dot."""
    tree = td.kernel[SysctlTree]
    prefix = of[: of.rfind(".") + 1]
    seen = set()
    for name in tree.names("", nodes=False):
        if name.startswith(prefix):
            first, dot, _ = name[len(prefix) :].partition(".")
            step = prefix + first + dot
            if step not in seen:
                seen.add(step)
                oid = None if dot else tree.find(name)
                yield step, oid.text if oid is not None else ""


KINDS: dict[str, Callable[[Proc, str], Names]] = {
    "interface": _interfaces,
    "jail": _jails,
    "node": _nodes,
    "hook": _hooks,
    "message": _messages,
    "nodetype": _nodetypes,
    "route": _routes,
    "module": _modules,
    "kld": _klds,
    "cloner": _cloners,
    "sysctl": _sysctls,
}
