"""vshell map: draw the stacks, their interfaces and the wires between them.

Each stack is a box with a line per interface and netgraph node; what is on or in an interface (VLANs, members of a
bridge) hangs below it.  Wires leave the boxes on the right and run down in lanes.
"""

from __future__ import annotations

from vshell.abi.topology import MEMBER, ON, TOPOLOGY, TUNNEL, WIRE, NgNode, Port, Stack
from vshell.userland.addr import inet_ntop
from vshell.userland.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

SYNOPSIS = "[-a] [--svg FILE | --dot FILE | --mermaid FILE] [stack ...]"

UP, DOWN = "●", "○"
HIDDEN = frozenset({"socket"})
"""Types of nodes that come and go with processes."""


class Row:
    """A line in a box: text, and the ends of wires that leave it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lanes: list[int] = []


class Wire:
    """A wire between two rows."""

    def __init__(self, a: int, b: int) -> None:
        self.top, self.bottom = min(a, b), max(a, b)
        self.lane = 0


def main(p: Program, args: list[str]) -> int | Coroutine[Any, Any, int]:
    """Draw; in a file with the netgraph too (vshell graph)."""
    everything = "-a" in args
    for i, word in enumerate(args[:-1]):
        if word in ("--svg", "--dot", "--mermaid"):
            from vshell.commands.vshell.graph import main as graph

            return graph(p, ["-t", word[2:], "-o", args[i + 1], *args[:i], *args[i + 2 :]])
    names = [a for a in args if a != "-a"]
    if any(a.startswith("-") for a in names):
        p.stderr.write(f"usage: vshell map {SYNOPSIS}\n")
        return 2
    stacks = p.sys.vshell(TOPOLOGY())
    known = {s.name or s.hostname for s in stacks}
    for name in names:
        if name not in known:
            p.errx(1, f"map: no such stack: {name}")
    p.stdout.write(picture([s for s in stacks if not names or (s.name or s.hostname) in names], everything))
    return 0


def picture(stacks: list[Stack], everything: bool = False) -> str:
    """The whole drawing; `everything`: interfaces that are connected to nothing and have no address too."""
    board = Board()
    for stack in stacks:
        board.add(stack, everything)
    return board.draw()


class Board:
    """The boxes below each other, and the wires between their rows."""

    def __init__(self) -> None:
        self.boxes: list[tuple[str, list[Row]]] = []
        self.where: dict[tuple[str, int, int], int] = {}
        """("port", 0, index) or ("node", jid, id) -> number of its row, counted over all boxes."""
        self.ends: list[tuple[tuple[str, int, int], tuple[str, int, int]]] = []
        self.count = 0

    # collecting ------------------------------------------------------------------------------------------------
    def add(self, stack: Stack, everything: bool) -> None:
        """The box of a stack."""
        rows: list[Row] = []
        title = f"{stack.name} (jid {stack.jid})" if stack.name else stack.hostname
        self.boxes.append((title, rows))
        below: dict[int, list[int]] = {}
        for port in stack.ports:
            for c in port.connections:
                if c.kind == MEMBER:
                    below.setdefault(port.index, []).append(c.index)
                elif c.kind == ON:
                    below.setdefault(c.index, []).append(port.index)
        ports = {port.index: port for port in stack.ports}
        hanging = {index for hung in below.values() for index in hung if index in ports}
        sides = {node.port: node for node in stack.nodes if node.port}
        for port in stack.ports:
            if port.index not in hanging and (everything or self._matters(port, port.index in below, sides)):
                self._port(stack, rows, port, ports, below, sides, "")
        for node in stack.nodes:
            if not node.port and node.type not in HIDDEN:
                self.where["node", stack.jid, node.id] = self.count + len(rows)
                rows.append(Row(f"◆ {node.name or f'[{node.id:x}]'}  {node.type}"))
        for node in stack.nodes:
            mine = self._end(stack, node)
            for hook in node.hooks:
                peer = next((n for n in stack.nodes if n.id == hook.peer), None)
                if peer is not None and (node.id, hook.name) <= (peer.id, hook.peerhook):
                    self.ends.append((mine, self._end(stack, peer)))
        self.count += len(rows)

    @staticmethod
    def _matters(port: Port, carries: bool, sides: dict[int, NgNode]) -> bool:
        if port.driver == "lo":
            return any(addr[0] != 127 for addr, _ in port.addrs if len(addr) == 4)
        used = port.index in sides and sides[port.index].hooks
        return bool(carries or used or port.connections or any(len(addr) == 4 or addr[0] != 0xFE for addr, _ in port.addrs))

    @staticmethod
    def _end(stack: Stack, node: NgNode) -> tuple[str, int, int]:
        return ("port", 0, node.port) if node.port else ("node", stack.jid, node.id)

    def _port(
        self,
        stack: Stack,
        rows: list[Row],
        port: Port,
        ports: dict[int, Port],
        below: dict[int, list[int]],
        sides: dict[int, NgNode],
        indent: str,
    ) -> None:
        """A row for an interface, and those of what hangs on it."""
        self.where["port", 0, port.index] = self.count + len(rows)
        rows.append(Row(indent + describe(port)))
        for c in port.connections:
            if c.kind == WIRE and port.index < c.index:
                self.ends.append((("port", 0, port.index), ("port", 0, c.index)))
        hung = [ports[i] for i in below.get(port.index, []) if i in ports and ("port", 0, i) not in self.where]
        inside = indent.replace("├", "│").replace("└", " ").replace("─", " ")
        for i, other in enumerate(hung):
            self._port(stack, rows, other, ports, below, sides, inside + ("└─ " if i == len(hung) - 1 else "├─ "))

    # drawing ---------------------------------------------------------------------------------------------------
    def draw(self) -> str:
        """The text."""
        wires = [Wire(self.where[a], self.where[b]) for a, b in self.ends if a in self.where and b in self.where]
        heights = self._heights()
        lanes = assign_lanes(wires)
        width = max([len(row.text) for _, rows in self.boxes for row in rows] + [len(title) + 2 for title, _ in self.boxes])
        lines: list[str] = []
        for title, rows in self.boxes:
            lines.append(f"╭─ {title} " + "─" * (width - len(title) - 1) + "╮")
            lines += [f"│ {row.text:{width}} │" for row in rows]
            lines.append("╰" + "─" * (width + 2) + "╯")
        right = [[" "] * (2 * lanes + 1) for _ in lines]
        for wire in wires:
            route(right, heights[wire.top], heights[wire.bottom], 2 * wire.lane + 1)
        out = []
        for line, cells in zip(lines, right, strict=True):
            tail = "".join(cells).rstrip()
            out.append((line[:-1] + "├" if tail.startswith("─") else line) + tail)
        return "\n".join(out) + "\n" if out else ""

    def _heights(self) -> list[int]:
        """Number of a row -> line it stands on."""
        heights = []
        line = 0
        for _, rows in self.boxes:
            heights += [line + 1 + i for i in range(len(rows))]
            line += len(rows) + 2
        return heights


def describe(port: Port) -> str:
    """An interface in one line: up or down, name, addresses, tunnel."""
    addrs = [f"{inet_ntop(addr)}/{plen}" for addr, plen in port.addrs if not (len(addr) == 16 and addr[:2] == b"\xfe\x80")]
    tunnels = [f"⇢ {inet_ntop(c.dst)}" for c in port.connections if c.kind == TUNNEL]
    return " ".join([UP if port.up and port.link else DOWN, port.name, *addrs, *tunnels])


def assign_lanes(wires: list[Wire]) -> int:
    """Give each wire the innermost lane in which nothing is in its way; returns how many lanes that takes."""
    taken: list[list[Wire]] = []
    for wire in sorted(wires, key=lambda w: (w.bottom - w.top, w.top)):
        for number, lane in enumerate(taken):
            if all(wire.top > other.bottom or wire.bottom < other.top for other in lane):
                wire.lane = number
                lane.append(wire)
                break
        else:
            wire.lane = len(taken)
            taken.append([wire])
    return len(taken)


CORNERS = {" ": "", "─": "lr", "│": "ud", "┐": "ld", "┘": "lu", "┤": "lud", "┼": "lrud", "┬": "lrd", "┴": "lru"}
SHAPES = {frozenset(sides): shape for shape, sides in CORNERS.items()}


def route(cells: list[list[str]], top: int, bottom: int, column: int) -> None:
    """Draw a wire from a row out to a column, down, and back to another row."""

    def mark(line: int, at: int, sides: str) -> None:
        cells[line][at] = SHAPES[frozenset(CORNERS[cells[line][at]] + sides)]

    for line in {top, bottom}:
        for at in range(column):
            mark(line, at, "lr")
    if top == bottom:
        mark(top, column, "lr")
        return
    mark(top, column, "ld")
    mark(bottom, column, "lu")
    for line in range(top + 1, bottom):
        mark(line, column, "ud")
