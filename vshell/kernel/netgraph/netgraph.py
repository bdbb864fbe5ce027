"""The state of netgraph(4): node types of the kernel, nodes of a stack by id and by name (netgraph/ng_base.c).

The tables hash as FreeBSD's do, because that is the order in which ngctl(8) lists nodes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.netgraph import NG_ABI_VERSION, NG_VERSION
from vshell.kernel.kern.module import SI_ORDER_FIRST, SI_SUB_NETGRAPH, KernelModule, Kld, Sysctl, VnetModule
from vshell.kernel.netgraph.ng_drop import ng_drop

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netgraph.ng_base import NgHook, NgType, Node

KLD = Kld(size=0x16B90)

MAXDEPTH = 30
"""So many nodes hand a packet on directly, then it is queued."""
MAXRUN = 500
"""So many queued packets are delivered before everybody else gets a turn."""
YIELD_NS = 50_000


class NgBase(KernelModule, sub=SI_SUB_NETGRAPH, order=SI_ORDER_FIRST):
    """What exists once: the types, the queue of data that came too deep."""

    abi_version: int = Sysctl("net.graph.abi_version", NG_ABI_VERSION, flags="r")
    msg_version: int = Sysctl("net.graph.msg_version", NG_VERSION, flags="r")
    maxalloc: int = Sysctl("net.graph.maxalloc", 4096, "Maximum number of non-data queue items to allocate", flags="rt")
    maxdata: int = Sysctl("net.graph.maxdata", 4096, "Maximum number of data queue items to allocate", flags="rt")
    threads: int = Sysctl("net.graph.threads", 1, "Number of queue processing threads", flags="rt")

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.types: list[NgType] = []
        """ng_typelist, the youngest first."""
        self.depth = 0
        self.outbound = 0
        """td_ng_outbound: packets of interfaces under way.  For another interface they wait; their senders hear no error."""
        self.queue: deque[tuple[NgHook, Mbuf]] = deque()
        self.timer = kernel.clock.callout()

    def findtype(self, name: str) -> NgType | None:
        """ng_findtype."""
        return next((t for t in self.types if t.ngclass.ngtype == name), None)

    def enqueue(self, hook: NgHook, m: Mbuf) -> int:
        """Keep a packet for later; what is too much is dropped (net.graph.maxdata)."""
        if len(self.queue) < self.maxdata:
            self.queue.append((hook, m))
            if not self.timer.pending:
                self.timer.reset(YIELD_NS, self.run)
        elif hook.node is not None:
            ng_drop(hook.node, hook, m, "too much data waits (net.graph.maxdata)")
        return 0

    def run(self) -> None:
        """ngthread: deliver what is queued."""
        for _ in range(MAXRUN):
            if not self.queue:
                return
            hook, m = self.queue.popleft()
            if hook.valid and hook.node is not None:
                hook.rcvdata(hook, m)
        self.timer.reset(YIELD_NS, self.run)

    def destroy(self) -> None:
        """Nothing is delivered any more."""
        self.timer.stop()
        self.queue.clear()


class NodeHash:
    """A hash table of nodes that lists them as FreeBSD's: by bucket, the youngest first."""

    def __init__(self) -> None:
        self.buckets: list[list[Node]] = [[] for _ in range(16)]
        self.count = 0

    def hash(self, node: Node) -> int:
        """The hash of a node in the table."""
        return node.id

    def insert(self, node: Node) -> None:
        """LIST_INSERT_HEAD."""
        self.buckets[self.hash(node) % len(self.buckets)].insert(0, node)

    def remove(self, node: Node) -> None:
        """LIST_REMOVE."""
        self.buckets[self.hash(node) % len(self.buckets)].remove(node)

    def grow(self) -> None:
        """Twice the size if it is half full."""
        if self.count * 2 <= len(self.buckets) - 1:
            return
        old = self.buckets
        self.buckets = [[] for _ in range(2 * len(old))]
        for bucket in old:
            for node in bucket:
                self.insert(node)

    def __iter__(self) -> Any:
        return (node for bucket in self.buckets for node in bucket if node.valid)


class NameHash(NodeHash):
    """By name: hash32_str of sys/hash.h."""

    def hash(self, node: Node) -> int:
        """Bernstein's hash of the name."""
        return hash32_str(node.name)


def hash32_str(text: str) -> int:
    """hash32_str with HASHINIT."""
    value = 5381
    for c in text.encode("latin-1", "replace"):
        value = value * 33 + c & 0xFFFFFFFF
    return value


class NgVnet(VnetModule, sub=SI_SUB_NETGRAPH, order=SI_ORDER_FIRST):
    """The nodes of a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.next_id = 1
        self.by_id: dict[int, Node] = {}
        self.by_name: dict[str, Node] = {}
        self.ids = NodeHash()
        self.names = NameHash()

    def add(self, node: Node) -> None:
        """Give a new node its id."""
        node.id = self.next_id
        self.next_id += 1
        self.by_id[node.id] = node
        self.ids.count += 1
        self.ids.grow()
        self.ids.insert(node)

    def remove(self, node: Node) -> None:
        """A node is gone."""
        if self.by_id.pop(node.id, None) is None:
            return
        self.ids.count -= 1
        self.ids.remove(node)
        if node.name:
            self.names.count -= 1
            self.names.remove(node)
            if self.by_name.get(node.name) is node:
                del self.by_name[node.name]

    def rename(self, node: Node, name: str) -> None:
        """Enter a node under a name nobody has."""
        self.names.grow()
        if node.name:
            self.names.remove(node)
            del self.by_name[node.name]
        else:
            self.names.count += 1
        node.name = name
        self.names.insert(node)
        self.by_name[name] = node

    def destroy(self) -> None:
        """vnet_netgraph_uninit: all nodes go, the persistent ones too."""
        from vshell.kernel.netgraph.ng_base import ng_rmnode

        while self.by_id:
            node = next(iter(self.by_id.values()))
            node.really_die = True
            ng_rmnode(node)
            self.remove(node)
