"""Nodes, hooks, paths, delivery of data and messages (netgraph(4), netgraph/ng_base.c).

A node type is a class derived from Node in a file of its name:

    class Hub(Node, ngtype="hub", cookie=1082189597):
        @ngmsg(1, "setpersistent")
        def setpersistent(self, arg, msg): ...

Its messages are methods: `arg` is the type of the arguments, `resp` that of the answer, which is what the method returns.
Errors of messages and hooks are KError, data that cannot be delivered is dropped and an errno returned.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from vshell.abi.errno import EADDRINUSE, EBUSY, EEXIST, EINVAL, ENOENT, ENOTCONN, ENXIO, KError
from vshell.abi.netgraph import NG_HOOKSIZ, NG_NODESIZ, NG_PATHSIZ, NGF_RESP, NGM_GENERIC_COOKIE
from vshell.kernel.kern.module import KernelModule
from vshell.kernel.net.drops import drop
from vshell.kernel.netgraph.netgraph import MAXDEPTH, NgBase, NgVnet
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import ng_dump, ng_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netgraph.ng_parse import ParseType

    Handler = Callable[[Any, Any, "NgMsg"], Any]

NGM_FLOW_COOKIE = 851672669
NGM_LINK_IS_UP, NGM_LINK_IS_DOWN = 32, 33


class NgMsg:
    """A message on its way."""

    __slots__ = ("cmd", "cmdstr", "cookie", "data", "flags", "hook", "retaddr", "token")

    def __init__(
        self, cookie: int, cmd: int, data: bytes = b"", flags: int = 0, token: int = 0, cmdstr: bytes = b"", retaddr: int = 0
    ) -> None:
        self.cookie = cookie
        self.cmd = cmd
        self.data = data
        self.flags = flags
        self.token = token
        self.cmdstr = cmdstr
        self.retaddr = retaddr
        """Id of the node that gets the answer."""
        self.hook: NgHook | None = None
        """The hook of the receiver it came in on, if it came along a path."""


class NgCmd:
    """One message a type understands (struct ng_cmdlist)."""

    __slots__ = ("arg", "cmd", "cookie", "handler", "name", "resp", "size")

    def __init__(
        self, cmd: int, name: str, arg: ParseType | None, resp: ParseType | None, handler: Handler, cookie: int, size: int
    ) -> None:
        self.cmd = cmd
        self.name = name
        self.arg = arg
        self.resp = resp
        self.handler = handler
        self.cookie = cookie
        self.size = size


def ngmsg(
    cmd: int, name: str, *, arg: ParseType | None = None, resp: ParseType | None = None, cookie: int = 0, size: int = -1
) -> Callable[[Handler], Any]:
    """Make a method `(self, arg, msg)` a message of the type.

    `size` is what the arguments must have (that of an argument's default unless given; 0 checks nothing).  A method that
    returns None sends no answer.
    """

    def mark(handler: Handler) -> NgCmd:
        return NgCmd(cmd, name, arg, resp, handler, cookie, (ng_size(arg) if arg is not None else 0) if size < 0 else size)

    return mark


class NgHook:
    """One end of an edge (struct ng_hook)."""

    __slots__ = ("graph", "name", "node", "peer", "private", "rcvdata", "valid")

    def __init__(self, node: Node | None, name: str) -> None:
        self.name = name[: NG_HOOKSIZ - 1]
        self.node = node
        self.peer: NgHook | None = None
        self.private: Any = None
        self.valid = False
        self.graph: NgBase
        self.rcvdata: Callable[[NgHook, Mbuf], int]
        if node is not None:
            self.attach(node)

    def attach(self, node: Node) -> None:
        """Belong to a node."""
        self.node = node
        self.graph = node.graph
        self.rcvdata = node.rcvdata


class NgHooks:
    """The hooks of a node, the youngest first."""

    __slots__ = ("_all", "names", "twins")

    def __init__(self) -> None:
        self._all: dict[NgHook, None] = {}
        self.names: dict[str, NgHook] = {}
        self.twins = 0
        """A node that is connected with itself may have two hooks of the same name."""

    def add(self, hook: NgHook) -> None:
        """LIST_INSERT_HEAD."""
        self.twins += hook.name in self.names
        self._all[hook] = None
        self.names[hook.name] = hook

    def remove(self, hook: NgHook) -> None:
        """LIST_REMOVE."""
        del self._all[hook]
        if self.names[hook.name] is hook:
            del self.names[hook.name]
        if self.twins:
            twin = next((h for h in self if h.name == hook.name), None)
            if twin is not None:
                self.names[hook.name] = twin
                self.twins -= 1

    def __contains__(self, hook: NgHook) -> bool:
        return hook in self._all

    def __iter__(self) -> Iterator[NgHook]:
        return reversed(self._all)

    def __len__(self) -> int:
        return len(self._all)


class NgType(KernelModule, sub=0x7000000):
    """A type of nodes while its file is in (struct ng_type); derived ones are made by Node."""

    ngclass: type[Node]

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.nodes = 0

    def init(self) -> None:
        """ng_newtype."""
        self.kernel[NgBase].types.insert(0, self)

    def unload(self) -> None:
        """ng_mod_event: no type goes while there are nodes of it, nor that of sockets."""
        if self.nodes or not self.ngclass.unloadable:
            raise KError(EBUSY)

    def destroy(self) -> None:
        """ng_rmtype."""
        self.kernel[NgBase].types.remove(self)


class Node:
    """One node (struct ng_node); a type derives from it."""

    ngtype: ClassVar[str] = ""
    cookie: ClassVar[int] = 0
    cmds: ClassVar[dict[tuple[int, int], NgCmd]] = {}
    cmdnames: ClassVar[dict[str, NgCmd]] = {}
    typeclass: ClassVar[type[NgType]]
    unloadable: ClassVar[bool] = True

    def __init_subclass__(cls, ngtype: str = "", cookie: int = 0) -> None:
        if not ngtype:
            return
        cls.ngtype, cls.cookie = ngtype, cookie
        cls.cmds, cls.cmdnames = {}, {}
        for owner in reversed(cls.__mro__):
            for attr in owner.__dict__.values():
                if isinstance(attr, NgCmd):
                    cls.cmds[attr.cookie or cookie, attr.cmd] = attr
                    cls.cmdnames.setdefault(attr.name, attr)
        members = {"__doc__": f"The type {ngtype}.", "__module__": cls.__module__, "ngclass": cls}
        cls.typeclass = type(f"{cls.__name__}Type", (NgType,), members)
        setattr(sys.modules[cls.__module__], cls.typeclass.__name__, cls.typeclass)

    def __init__(self, vnet: Vnet) -> None:
        self.vnet = vnet
        self.kernel = vnet.kernel
        self.graph: NgBase = vnet.kernel[NgBase]
        self.id = 0
        self.name = ""
        self.hooks = NgHooks()
        self.valid = True
        self.closing = False
        self.really_die = False
        vnet.kernel[self.typeclass].nodes += 1
        vnet[NgVnet].add(self)

    # what a type provides --------------------------------------------------------------------------------------
    def constructor(self) -> None:
        """A node is asked for by a message; types that do not allow that raise EINVAL."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """May it have this hook?"""

    def connect(self, hook: NgHook) -> None:
        """Both ends are there: the last chance to refuse."""

    def disconnect(self, hook: NgHook) -> None:
        """The hook is gone."""

    def close(self) -> None:
        """The node is about to lose its hooks."""

    def shutdown(self) -> bool:
        """The node goes; True if it does not want to."""
        return False

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A packet came in."""
        return 0

    def findhook(self, name: str) -> NgHook | None:
        """ng_findhook."""
        hook = self.hooks.names.get(name)
        return hook if hook is not None and hook.valid else None

    def rcvmsg(self, msg: NgMsg) -> None:
        """A message that is not generic came in."""
        cmd = self.cmds.get((msg.cookie, msg.cmd))
        if cmd is None or msg.flags & NGF_RESP:
            raise KError(EINVAL)
        arg = None
        if cmd.arg is not None:
            if cmd.size and len(msg.data) != cmd.size:
                raise KError(EINVAL)
            arg = cmd.arg.load(msg.data, 0)[0]
        answer = cmd.handler(self, arg, msg)
        if cmd.resp is not None and answer is not None:
            ng_respond(self, msg, ng_dump(cmd.resp, answer))

    @property
    def label(self) -> str:
        """How the log names it."""
        return self.name or f"[{self.id:x}]"


class LastHook(Node):
    """A node that goes with its last hook, as most do."""

    persistent = False

    def disconnect(self, hook: NgHook) -> None:
        """Without hooks there is no reason to live."""
        if not self.hooks and self.valid and not self.persistent:
            ng_rmnode(self)


# nodes ---------------------------------------------------------------------------------------------------------
def ng_make_node(vnet: Vnet, name: str) -> Node:
    """ng_make_node: a node of a type that is loaded.  ENXIO."""
    kind = vnet.kernel[NgBase].findtype(name)
    if kind is None:
        raise KError(ENXIO)
    node: Node = kind.ngclass(vnet)
    try:
        node.constructor()
    except KError:
        node.valid = False
        _forget(node)
        raise
    return node


def _forget(node: Node) -> None:
    node.kernel[node.typeclass].nodes -= 1
    node.vnet[NgVnet].remove(node)


def ng_rmnode(node: Node) -> None:
    """ng_rmnode: take the hooks off; the node goes unless its type revives it."""
    if node.closing:
        return
    node.valid, node.closing = False, True
    node.close()
    while node.hooks:
        ng_destroy_hook(next(iter(node.hooks)))
    if node.shutdown() and not node.really_die:
        node.valid, node.closing = True, False
        return
    _forget(node)


def ng_decodeidname(name: str) -> int:
    """The number in "[number]", 0 if it is not one."""
    digits = name[1:-1]
    if len(name) < 3 or name[0] != "[" or name[-1] != "]" or any(c not in "0123456789abcdefABCDEF" for c in digits):
        return 0
    return int(digits, 16) & 0xFFFFFFFF


def ng_name_node(node: Node, name: str) -> None:
    """Give a node a name.  EINVAL, EADDRINUSE."""
    if node.name == name:
        return
    if not name or len(name) >= NG_NODESIZ or "." in name or ":" in name or ng_decodeidname(name):
        raise KError(EINVAL)
    table = node.vnet[NgVnet]
    if name in table.by_name:
        raise KError(EADDRINUSE)
    table.rename(node, name)


def ng_name2node(vnet: Vnet, here: Node | None, name: str) -> Node | None:
    """A node by ".", "[id]" or name."""
    if name == ".":
        return here
    table = vnet[NgVnet]
    number = ng_decodeidname(name)
    node = table.by_id.get(number) if number else table.by_name.get(name)
    return node if node is not None and node.valid else None


def ng_path_parse(address: str) -> tuple[str | None, str]:
    """(name of a node or None, hooks with dots).  EINVAL."""
    name, colon, path = address.partition(":")
    if not colon:
        name, path = "", address
    elif not name or (name != "." and "." in name):
        raise KError(EINVAL)
    if ":" in path or ".." in path:
        raise KError(EINVAL)
    path = path.removeprefix(".")
    return (name if colon else None), path.removesuffix(".")


def ng_path2node(vnet: Vnet, here: Node | None, address: str) -> tuple[Node, NgHook | None]:
    """The node at a path, and its hook the path came in by.  EINVAL, ENOENT, ENXIO."""
    name, path = ng_path_parse(address[: NG_PATHSIZ - 1])
    node = ng_name2node(vnet, here, name) if name is not None else here
    if node is None:
        raise KError(EINVAL if name is None else ENOENT)
    last = None
    for segment in path.split(".") if path else ():
        hook = node.findhook(segment)
        last = hook.peer if hook is not None and hook.valid else None
        if last is None or not last.valid or last.node is None:
            raise KError(ENOENT)
        node = last.node
        if not node.valid:
            raise KError(ENXIO)
    return node, last


# hooks ---------------------------------------------------------------------------------------------------------
def ng_add_hook(node: Node, name: str) -> NgHook:
    """ng_add_hook.  EEXIST, or what the type says."""
    if node.findhook(name) is not None:
        raise KError(EEXIST)
    hook = NgHook(node, name)
    node.newhook(hook, hook.name)
    node.hooks.add(hook)
    return hook


def ng_destroy_hook(hook: NgHook) -> None:
    """ng_destroy_hook: the end of both hooks of an edge."""
    hook.valid = False
    peer, hook.peer = hook.peer, None
    if peer is not None:
        peer.peer = None
        if peer.node is not None:
            ng_destroy_hook(peer)
    node = hook.node
    if node is None or hook not in node.hooks:
        return
    node.hooks.remove(hook)
    node.disconnect(hook)
    hook.node = None


def ng_bypass(one: NgHook, two: NgHook) -> None:
    """Connect the peers of two hooks of a node with each other."""
    a, b = one.peer, two.peer
    if not one.valid or not two.valid or a is None or b is None:
        raise KError(EINVAL)
    a.peer, b.peer = b, a
    one.peer = two.peer = None
    ng_destroy_hook(one)
    ng_destroy_hook(two)


def ng_con_nodes(node: Node, name: str, node2: Node, name2: str) -> None:
    """Connect two nodes."""
    if node2.findhook(name2) is not None:
        raise KError(EEXIST)
    hook = ng_add_hook(node, name)
    hook2 = NgHook(None, name2)
    hook.peer, hook2.peer = hook2, hook
    try:
        # The second node may only now have got a hook of that name, when a node is connected with itself.
        if node2.findhook(hook2.name) is not None:
            raise KError(EEXIST)
        hook2.attach(node2)
        node2.newhook(hook2, hook2.name)
    except KError as e:
        _log_failure(node, ("part2()",), e)
        hook2.node = None
        ng_destroy_hook(hook)
        raise
    node2.hooks.add(hook2)
    parts: tuple[str, ...] = ("part2(A)",)
    try:
        node2.connect(hook2)
        parts = ("part3()", "part2(C)")
        node.connect(hook)
    except KError as e:
        _log_failure(node, parts, e)
        ng_destroy_hook(hook2)
        raise
    hook.valid = hook2.valid = True


def _log_failure(node: Node, parts: tuple[str, ...], error: KError) -> None:
    """What the console shows of it."""
    for part in parts:
        node.kernel.printf(f"failed in ng_con_{part}")
    node.kernel.printf(f"failed in ng_con_nodes(): {error.errno}")


def ng_mkpeer(node: Node, name: str, name2: str, kind: str) -> None:
    """Make a node and connect it."""
    node2 = ng_make_node(node.vnet, kind)
    try:
        hook = ng_add_hook(node, name)
    except KError:
        ng_rmnode(node2)
        raise
    try:
        hook2 = ng_add_hook(node2, name2)
    except KError:
        ng_rmnode(node2)
        ng_destroy_hook(hook)
        raise
    hook.peer, hook2.peer = hook2, hook
    try:
        node.connect(hook)
        node2.connect(hook2)
    except KError:
        ng_destroy_hook(hook2)
        ng_rmnode(node2)
        raise
    hook.valid = hook2.valid = True


# data and messages ---------------------------------------------------------------------------------------------
def ng_send_data(hook: NgHook | None, m: Mbuf) -> int:
    """NG_SEND_DATA_ONLY: hand a packet to the node at the other end."""
    if hook is None or (peer := hook.peer) is None or not peer.valid:
        return _undelivered(hook, m)
    graph = peer.graph
    if graph.depth >= MAXDEPTH:
        return graph.enqueue(peer, m)
    graph.depth += 1
    try:
        return peer.rcvdata(peer, m)
    finally:
        graph.depth -= 1


def _undelivered(hook: NgHook | None, m: Mbuf) -> int:
    """A packet has nowhere to go."""
    if hook is not None and hook.node is not None:
        return ng_drop(hook.node, hook, m, "nobody is at the other end", ENOTCONN)
    if m.rcvif is not None:
        drop(m.rcvif, m, "netgraph", "the node has no hook to send it by", True)
    return ENOTCONN


def ng_send_outbound(node: Node, hook: NgHook | None, m: Mbuf) -> int:
    """NG_OUTBOUND_THREAD_REF: the same for a packet of an interface."""
    node.graph.outbound += 1
    try:
        return ng_send_data(hook, m)
    finally:
        node.graph.outbound -= 1


def ng_deliver(node: Node, msg: NgMsg) -> None:
    """ng_apply_item: a message has arrived."""
    if not node.valid:
        raise KError(EINVAL)
    if msg.cookie == NGM_GENERIC_COOKIE and not msg.flags & NGF_RESP:
        from vshell.kernel.netgraph.ng_message import ng_generic_msg

        ng_generic_msg(node, msg)
    else:
        node.rcvmsg(msg)


def ng_respond(node: Node, msg: NgMsg, data: bytes) -> None:
    """NG_RESPOND_MSG: answer the sender, if it is still there."""
    dest = node.vnet[NgVnet].by_id.get(msg.retaddr)
    if dest is None or not dest.valid:
        return
    answer = NgMsg(msg.cookie, msg.cmd, data, NGF_RESP, msg.token, msg.cmdstr, node.id)
    try:
        ng_deliver(dest, answer)
    except KError:
        # Nobody is told that an answer could not be delivered.
        pass


def ng_send_msg(node: Node, hook: NgHook | None, msg: NgMsg) -> None:
    """NG_SEND_MSG_HOOK with the sender as return address; failures are not reported."""
    if hook is None or hook.peer is None or hook.peer.node is None or not hook.peer.valid:
        return
    msg.retaddr = msg.retaddr or node.id
    msg.hook = hook.peer
    try:
        ng_deliver(hook.peer.node, msg)
    except KError:
        pass


def ng_send_msg_id(node: Node, dest: int, msg: NgMsg) -> None:
    """NG_SEND_MSG_ID: to a node of the same stack by its id; failures are not reported."""
    found = node.vnet[NgVnet].by_id.get(dest)
    if found is None or not found.valid:
        return
    msg.retaddr = msg.retaddr or node.id
    try:
        ng_deliver(found, msg)
    except KError:
        pass
