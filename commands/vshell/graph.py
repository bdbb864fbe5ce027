"""vshell graph: write stacks, interfaces, netgraph nodes and links as DOT, Mermaid or SVG.

The SVG needs no other program: where things stand is worked out in _layout.py.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.abi.topology import MEMBER, ON, TOPOLOGY, TUNNEL, WIRE, NgNode, Port, Stack
from vshell.userland.addr import inet_ntop
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SYNOPSIS = "[-a] [-t dot|mermaid|svg] [-o file] [stack ...]"

HIDDEN = frozenset({"socket"})
"""Types of nodes that come and go with processes."""
SUFFIXES = {"dot": "dot", "gv": "dot", "mmd": "mermaid", "mermaid": "mermaid", "md": "mermaid", "svg": "svg"}


class Item:
    """An interface or a netgraph node: lines of text in a box."""

    def __init__(self, key: str, lines: list[str], kind: str, up: bool = True) -> None:
        self.key = key
        self.lines = lines
        self.kind = kind
        """"port" or "node"."""
        self.up = up


class Group:
    """A stack."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.items: list[Item] = []


class Edge:
    """A link between two items; a dashed one is no wire."""

    def __init__(self, a: str, b: str, left: str = "", right: str = "", dashed: bool = False) -> None:
        self.a, self.b = a, b
        self.left, self.right = left, right
        """What stands at its ends: names of hooks."""
        self.dashed = dashed

    @property
    def label(self) -> str:
        """Both ends in one."""
        return f"{self.left} – {self.right}" if self.left or self.right else ""


class Graph:
    """Everything that is drawn."""

    def __init__(self, stacks: list[Stack], everything: bool) -> None:
        self.groups: list[Group] = []
        self.edges: list[Edge] = []
        self.everything = everything
        # An interface may live in another stack than its node, and an unwanted stack is not looked at.
        self.ports = {port.index for stack in stacks for port in stack.ports}
        linked = {node.port for stack in stacks for node in stack.nodes if node.hooks}
        linked |= {c.index for stack in stacks for port in stack.ports for c in port.connections}
        for stack in stacks:
            self._add(stack, linked)
        known = {item.key for group in self.groups for item in group.items}
        self.edges = [edge for edge in self.edges if edge.a in known and edge.b in known]

    def _add(self, stack: Stack, linked: set[int]) -> None:
        group = Group(stack.name or stack.hostname)
        self.groups.append(group)
        for port in stack.ports:
            if self.everything or port.index in linked or port.connections or _addressed(port):
                group.items.append(Item(f"p{port.index}", _describe(port), "port", port.up and port.link))
            self._wires(port)
        for node in stack.nodes:
            if node.port not in self.ports and node.type not in HIDDEN:
                group.items.append(Item(_key(stack, node), [node.name or f"[{node.id:x}]", node.type], "node"))
        self._hooks(stack)

    def _wires(self, port: Port) -> None:
        for c in port.connections:
            if c.kind == WIRE and port.index < c.index:
                self.edges.append(Edge(f"p{port.index}", f"p{c.index}"))
            elif c.kind in (MEMBER, ON):
                self.edges.append(Edge(f"p{port.index}", f"p{c.index}", dashed=True))

    def _hooks(self, stack: Stack) -> None:
        nodes = {node.id: node for node in stack.nodes}
        for node in stack.nodes:
            for hook in node.hooks:
                peer = nodes.get(hook.peer)
                # Each edge has two hooks; the one with the lower id draws it.
                if peer is not None and (node.id, hook.name) <= (peer.id, hook.peerhook):
                    ends = self._end(stack, node), self._end(stack, peer)
                    self.edges.append(Edge(*ends, hook.name, hook.peerhook))

    def _end(self, stack: Stack, node: NgNode) -> str:
        return f"p{node.port}" if node.port in self.ports else _key(stack, node)


def _key(stack: Stack, node: NgNode) -> str:
    return f"n{stack.jid}_{node.id}"


def _addressed(port: Port) -> bool:
    if port.driver == "lo":
        return any(len(addr) == 4 and addr[0] != 127 for addr, _ in port.addrs)
    return any(len(addr) == 4 or addr[0] != 0xFE for addr, _ in port.addrs)


def _describe(port: Port) -> list[str]:
    addrs = [f"{inet_ntop(addr)}/{plen}" for addr, plen in port.addrs if not (len(addr) == 16 and addr[:2] == b"\xfe\x80")]
    tunnels = [f"→ {inet_ntop(c.dst)}" for c in port.connections if c.kind == TUNNEL]
    return [port.name, *addrs, *tunnels]


# the forms -----------------------------------------------------------------------------------------------------
def dot(graph: Graph) -> str:
    """For Graphviz."""

    def quote(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    out = ["graph vshell {", '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif", fontsize=10];']
    out.append('  edge [fontname="sans-serif", fontsize=8];')
    for number, group in enumerate(graph.groups):
        out.append(f"  subgraph cluster_{number} {{")
        out.append(f"    label={quote(group.title)};")
        for item in group.items:
            text = quote("\n".join(item.lines)).replace("\n", "\\n")
            shape = ", shape=ellipse" if item.kind == "node" else "" if item.up else ", fontcolor=gray, color=gray"
            out.append(f"    {item.key} [label={text}{shape}];")
        out.append("  }")
    for edge in graph.edges:
        settings = [f"taillabel={quote(edge.left)}"] if edge.left else []
        settings += [f"headlabel={quote(edge.right)}"] if edge.right else []
        settings += ["style=dashed"] if edge.dashed else []
        out.append(f"  {edge.a} -- {edge.b}" + (f" [{', '.join(settings)}]" if settings else "") + ";")
    return "\n".join([*out, "}"]) + "\n"


def mermaid(graph: Graph) -> str:
    """For Markdown."""

    def quote(text: str) -> str:
        return '"' + text.replace("&", "#amp;").replace('"', "#quot;").replace("\n", "<br>") + '"'

    out = ["flowchart LR"]
    for number, group in enumerate(graph.groups):
        out.append(f"  subgraph s{number}[{quote(group.title)}]")
        for item in group.items:
            text = quote("\n".join(item.lines))
            out.append(f"    {item.key}([{text}])" if item.kind == "node" else f"    {item.key}[{text}]")
        out.append("  end")
    for edge in graph.edges:
        line = "-.-" if edge.dashed else "---"
        out.append(f"  {edge.a} {line}" + (f"|{quote(edge.label)}|" if edge.label else "") + f" {edge.b}")
    down = [item.key for group in graph.groups for item in group.items if not item.up]
    if down:
        out += ["  classDef down stroke-dasharray: 3 3,color:#888", f"  class {','.join(down)} down"]
    return "\n".join(out) + "\n"


def svg(graph: Graph) -> str:
    """A picture."""
    from vshell.commands.vshell._layout import draw

    return draw(graph)


FORMS: dict[str, Callable[[Graph], str]] = {"dot": dot, "mermaid": mermaid, "svg": svg}


async def main(p: Program, args: list[str]) -> int:
    """Draw, to standard output or a file; the end of its name says how, if nothing else does."""
    form, path, everything = "", "", False
    options = Getopt(p, "at:o:", ["graph", *args])
    for letter, value in options:
        if letter == "a":
            everything = True
        elif letter == "t":
            form = value
        elif letter == "o":
            path = value
        else:
            p.usage(f"usage: vshell graph {SYNOPSIS}", 2)
    form = form or SUFFIXES.get(path.rpartition(".")[2], "dot")
    if form not in FORMS:
        p.usage(f"usage: vshell graph {SYNOPSIS}", 2)
    stacks = p.sys.vshell(TOPOLOGY())
    for name in options.args:
        if name not in {s.name or s.hostname for s in stacks}:
            p.errx(1, f"graph: no such stack: {name}")
    wanted = [s for s in stacks if not options.args or (s.name or s.hostname) in options.args]
    text = FORMS[form](Graph(wanted, everything))
    if not path:
        p.stdout.write(text)
        return 0
    try:
        fd = p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        await p.sys.write(fd, text.encode())
        p.sys.close(fd)
    except KError as e:
        p.err(1, e, path)
    return 0
