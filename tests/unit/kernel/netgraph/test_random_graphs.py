"""Random graphs, messages and data: nothing ends in a panic, and the graph is sound after every step."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vshell.abi.errno import KError
from vshell.abi.jail import JAIL_CREATE
from vshell.abi.netgraph import (
    CONNECT,
    MKPEER,
    NAME,
    NG_CONTROL,
    NG_DATA,
    NGM_ASCII2BINARY,
    NGM_BINARY2ASCII,
    NGM_CONNECT,
    NGM_GENERIC_COOKIE,
    NGM_MKPEER,
    NGM_NAME,
    NGM_RMHOOK,
    NGM_SHUTDOWN,
    NgMesg,
    SockaddrNg,
)  # fmt: skip
from vshell.abi.socket import AF_NETGRAPH, SOCK_DGRAM
from vshell.kernel.kern.kernel import Kernel
from vshell.kernel.netgraph.netgraph import NgBase, NgVnet
from vshell.kernel.netgraph.ng_base import NgCmd, Node
from vshell.machine import Machine

HOOKS = {
    "UI": ("downstream", "upstream"), "async": ("async", "sync"), "bpf": ("a", "b"), "bridge": ("link", "uplink1", "link3"),
    "car": ("upper", "lower"), "checksum": ("in", "out"), "cisco": ("downstream", "inet", "inet6"), "deflate": ("comp", "decomp"),
    "echo": ("a", "b"), "eiface": ("ether",), "ether_echo": ("a",), "etf": ("downstream", "nomatch", "x"),
    "frame_relay": ("downstream", "dlci16"), "gif_demux": ("gif", "inet"), "hole": ("a", "b"), "hub": ("a", "b", "c"),
    "iface": ("inet", "inet6"), "ip_input": ("a",), "ksocket": ("inet/dgram/udp", "inet/stream/tcp"),
    "l2tp": ("ctrl", "lower", "session_0001"), "lmi": ("annexA", "auto0"), "macfilter": ("ether", "default", "x"),
    "mppc": ("comp", "decomp"), "netflow": ("iface0", "out0", "export", "export9"), "one2many": ("one", "many0", "many1"),
    "patch": ("in", "out"), "pipe": ("upper", "lower"), "ppp": ("link0", "link1", "inet", "bypass", "vjc_ip", "compress"),
    "pppoe": ("ethernet", "s1", "debug"), "pptpgre": ("upper", "lower", "session_0001"), "pred1": ("comp", "decomp"),
    "rfc1490": ("downstream", "inet", "ppp"), "sample": ("downstream", "dlci1"), "source": ("input", "output"),
    "split": ("mixed", "in", "out"), "tag": ("a", "b"), "tcpmss": ("a", "b"), "tee": ("left", "right", "left2right"),
    "tty": ("hook",), "vjc": ("ip", "vjip", "vjcomp", "vjuncomp"), "vlan": ("downstream", "nomatch", "v5"),
    "vlan_rotate": ("original", "ordered", "excessive"),
}  # fmt: skip
TYPES = sorted(HOOKS)
TEXTS = (
    "",
    "{}",
    "{ enabled=1 }",
    "{ enable=1 windowBits=12 }",
    "5",
    '"a"',
    "{ count=4000000000 ops=[ {} ] }",
    "1.2.3.4",
    "[ 1 2 ]",
)
numbers = st.integers(0, 255)
steps = st.lists(
    st.tuples(st.sampled_from(("mkpeer", "mkpeer", "connect", "message", "words", "data", "rmhook", "shutdown", "name", "wait")),
              numbers, numbers, numbers, st.binary(max_size=90)),
    min_size=4, max_size=24,
)  # fmt: skip


def nodes(kernel: Kernel) -> list[Node]:
    """Those of all stacks, by id."""
    return [node for vnet in kernel.vnets for _, node in sorted(vnet[NgVnet].by_id.items())]


def check(kernel: Kernel) -> None:
    """What holds between any two steps."""
    counts: dict[str, int] = {}
    for vnet in kernel.vnets:
        table = vnet[NgVnet]
        assert sorted(node.id for node in table.ids) == sorted(table.by_id)
        assert {node.name: node for node in table.names} == table.by_name
        for number, node in table.by_id.items():
            assert node.id == number and node.valid and node.vnet is vnet
            assert not node.name or table.by_name[node.name] is node
            counts[node.ngtype] = counts.get(node.ngtype, 0) + 1
            for hook in node.hooks:
                peer = hook.peer
                assert hook.valid and hook.node is node
                assert peer is not None and peer.valid and peer.peer is hook and peer.node is not None
                assert peer in peer.node.hooks and table.by_id[peer.node.id] is peer.node
    for kind in kernel[NgBase].types:
        # A socket's node that was shut down under it is counted for ever, as in FreeBSD.
        assert kind.nodes >= counts.get(kind.ngclass.ngtype, 0)
        assert kind.ngclass.ngtype == "socket" or kind.nodes == counts.get(kind.ngclass.ngtype, 0)
    assert not kernel.panics


class Player:
    """A program that does the steps."""

    def __init__(self, machine: Machine, sysent: Any) -> None:
        self.kernel = machine.kernel
        self.sys = sysent
        self.control = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)
        sysent.bind(self.control, SockaddrNg("me"))
        self.data = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_DATA)

    async def send(self, path: str, cmd: int, data: bytes = b"", cookie: int = NGM_GENERIC_COOKIE) -> None:
        """A message; errors are as good as answers."""
        try:
            await self.sys.sendto(self.control, NgMesg(cookie, cmd, data).pack(), SockaddrNg(path))
        except KError:
            pass

    def pick(self, number: int) -> Node:
        """One of the nodes of the program's stack."""
        mine: list[tuple[int, Node]] = sorted(self.kernel.vnet0[NgVnet].by_id.items())
        return mine[number % len(mine)][1]

    @staticmethod
    def hook(node: Node, number: int) -> str:
        """A name of a hook that its type may like."""
        names = HOOKS.get(node.ngtype, ("a", "b", "c", "d"))
        return names[number % len(names)]

    async def step(self, what: str, a: int, b: int, c: int, data: bytes) -> None:
        """Do one."""
        node, path = self.pick(a), f"[{self.pick(a).id:x}]:"
        if what == "mkpeer":
            kind = TYPES[b % len(TYPES)]
            theirs = HOOKS[kind][c % len(HOOKS[kind])]
            await self.send(path, NGM_MKPEER, MKPEER.pack(kind.encode(), self.hook(node, c).encode(), theirs.encode()))
        elif what == "connect":
            other = self.pick(b)
            ours, theirs = self.hook(node, c), self.hook(other, c >> 4)
            await self.send(path, NGM_CONNECT, CONNECT.pack(f"[{other.id:x}]:".encode(), ours.encode(), theirs.encode()))
        elif what == "message" and node.ngtype != "socket":
            cmds: list[NgCmd | None] = [*node.cmds.values()] or [None]
            cmd = cmds[b % len(cmds)]
            size = cmd.size if cmd is not None and c & 1 else len(data)
            number, cookie = (cmd.cmd, cmd.cookie or node.cookie) if cmd is not None else (b % 5, node.cookie)
            await self.send(path, number, data[:size].ljust(size, b"\0"), cookie)
        elif what == "words":
            names = [*node.cmdnames, "nosuch", "nodeinfo"]
            inner = NgMesg(0, 0, TEXTS[c % len(TEXTS)].encode() + b"\0", cmdstr=names[b % len(names)].encode())
            await self.send(path, NGM_ASCII2BINARY, inner.pack())
            known = node.cmdnames.get(names[b % len(names)])
            if known is not None:
                binary = NgMesg(known.cookie or node.cookie, known.cmd, data, c & 1)
                await self.send(path, NGM_BINARY2ASCII, binary.pack())
        elif what == "data":
            try:
                await self.sys.sendto(self.data, data, SockaddrNg(self.hook(self.pick(0), b)))
            except KError:
                pass
        elif what == "rmhook":
            await self.send(path, NGM_RMHOOK, NAME.pack(self.hook(node, b).encode()))
        elif what == "shutdown" and node.ngtype != "socket":
            await self.send(path, NGM_SHUTDOWN)
        elif what == "name":
            await self.send(path, NGM_NAME, NAME.pack(f"n{b % 8}".encode()))
        elif what == "wait":
            await self.sys.nanosleep(1000 * c)


async def play(machine: Machine, sysent: Any, script: list[Any]) -> int:
    """All steps, then away with everything."""
    sysent.kldload("ng_socket")
    for kind in TYPES:
        sysent.kldload(f"ng_{kind}")
    sysent.jail_set({"name": "j", "vnet": 1, "persist": True}, JAIL_CREATE)
    player = Player(machine, sysent)
    await sysent.connect(player.data, SockaddrNg("me:"))
    for step in script:
        await player.step(*step)
        check(machine.kernel)
    for node in nodes(machine.kernel):
        if node.ngtype != "socket":
            await player.send(f"[{node.id:x}]:", NGM_SHUTDOWN)
            check(machine.kernel)
    sysent.close(player.data)
    sysent.close(player.control)
    check(machine.kernel)
    return len(nodes(machine.kernel))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps)
def test_the_graph_is_sound_after_every_step(script: list[Any]) -> None:
    machine = Machine()
    process = machine.process(lambda sysent: play(machine, sysent, script))
    assert machine.finish(process)
    assert not machine.kernel.panics
    assert process.xstat == 0


async def leave_behind(sysent: Any) -> int:
    """Persistent nodes and interfaces in a jail that goes."""
    for kind in ("socket", "hub", "eiface", "bridge"):
        sysent.kldload(f"ng_{kind}")
    jid = sysent.jail_set({"name": "j", "vnet": 1, "persist": True}, JAIL_CREATE)

    async def inside(child: Any) -> int:
        child.jail_attach(jid)
        fd = child.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)
        for kind, ours, theirs in (("hub", "a", "a"), ("eiface", "b", "ether"), ("bridge", "c", "link0")):
            await child.sendto(
                fd,
                NgMesg(NGM_GENERIC_COOKIE, NGM_MKPEER, MKPEER.pack(kind.encode(), ours.encode(), theirs.encode())).pack(),
                SockaddrNg("."),
            )
        await child.sendto(fd, NgMesg(1082189597, 1).pack(), SockaddrNg("a"))
        return 0

    sysent.fork(inside)
    await sysent.wait4()
    sysent.jail_remove(jid)
    return 0


def test_nodes_go_with_their_stack() -> None:
    machine = Machine()
    process = machine.process(leave_behind)
    assert machine.finish(process) and process.xstat == 0
    check(machine.kernel)
    assert not nodes(machine.kernel)
    assert machine.run("kldunload ng_hub ng_eiface ng_bridge && kldstat | grep -c ng_hub").stdout == b"0\n"
