"""tsort(1): topological sort of a directed graph (usr.bin/tsort/tsort.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file


class Node:
    """A name, what must come after it, and how many must come before it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arcs: list[Node] = []
        self.before = 0
        self.acyclic = self.marked = self.dead = False


class Graph:
    """The nodes that are left, newest first as the C list has them."""

    def __init__(self, p: Program, quiet: bool, longest: bool) -> None:
        self.p = p
        self.quiet = quiet
        self.longest = longest
        self.nodes: list[Node] = []
        self.cycle: list[Node] = []
        self.path: list[Node] = []

    def load(self, words: list[str]) -> None:
        names: dict[str, Node] = {}
        for first, second in zip(words[::2], words[1::2], strict=True):
            a = names.setdefault(first, Node(first))
            if first == second:
                continue
            b = names.setdefault(second, Node(second))
            if b not in a.arcs:
                a.arcs.append(b)
                b.before += 1
        self.nodes = list(reversed(names.values()))

    def remove(self, node: Node) -> None:
        """Print a node and take it out."""
        self.p.stdout.write(f"{node.name}\n")
        for other in node.arcs:
            other.before -= 1
        node.arcs = []
        self.nodes.remove(node)

    def sort(self) -> None:
        """Take out what has nothing before it; break a cycle when there is no such node."""
        while self.nodes:
            removed = True
            while removed and self.nodes:
                removed = False
                for node in list(self.nodes):
                    if node.before == 0:
                        self.remove(node)
                        removed = True
            if self.nodes:
                self.break_cycle()

    def break_cycle(self) -> None:
        for node in list(self.nodes):
            if node.acyclic:
                continue
            self.path = []
            size = self.find(node, node, 0, 0)
            for other in self.nodes:
                other.dead = False
            if not size:
                node.acyclic = True
                continue
            if not self.quiet:
                self.p.warnx("cycle in data")
                for member in self.cycle[:size]:
                    self.p.warnx(member.name)
            self.remove(node)
            return

    def find(self, start: Node, to: Node, best: int, depth: int) -> int:
        """find_cycle: the length of a cycle back to `to`."""
        if start.dead or start.marked or start.acyclic:
            return 0
        start.marked = True
        for node in start.arcs:
            self.path[depth:] = [node]
            if node is to:
                if depth + 1 > best:
                    best = depth + 1
                    self.cycle = list(self.path)
                continue
            if node.marked or node.acyclic or node.dead:
                continue
            size = self.find(node, to, best, depth + 1)
            node.dead = node.dead or size == 0
            best = max(best, size)
            if size and not self.longest:
                break
        start.marked = False
        return best


@checks_stdout(1)
@program("/usr/bin/tsort")
async def main(p: Program) -> int:
    """tsort [-dlq] [file]"""
    usage = "usage: tsort [-dlq] [file]"
    options, operands = getopt_or_usage(p, "dlq", usage)
    letters = {letter for letter, _ in options}
    if len(operands) > 1:
        p.usage(usage)
    try:
        data = await (read_file(p, operands[0]) if operands else p.stdin.read())
    except KError as e:
        p.err(1, e, operands[0] if operands else "stdin")
    words = decode(data).split()
    if len(words) % 2:
        p.errx(1, "odd data count")
    graph = Graph(p, "q" in letters, "l" in letters)
    graph.load(words)
    try:
        graph.sort()
    except RecursionError:
        p.errx(1, "internal error -- could not find cycle")
    return 0
