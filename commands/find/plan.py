"""The expression of find(1): from its words to nodes that test an entry (find.c, operator.c)."""

from __future__ import annotations

from inspect import isawaitable

from vshell.commands.find.context import Context
from vshell.commands.find.primaries import PRIMARIES, Args, Test
from vshell.userland.fts import FtsEntry

OPERATORS = {"!": "!", "-not": "!", "(": "(", ")": ")", "-o": "-o", "-or": "-o"}


class Node:
    """Something that is true or false of an entry."""

    async def test(self, e: FtsEntry) -> bool:
        """Try it."""
        raise NotImplementedError


class Primary(Node):
    """A single primary."""

    def __init__(self, function: Test) -> None:
        self.function = function

    async def test(self, e: FtsEntry) -> bool:
        """Call the function, waiting if it does."""
        result = self.function(e)
        return bool(await result if isawaitable(result) else result)


class All(Node):
    """( a b c )"""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    async def test(self, e: FtsEntry) -> bool:
        """True if all are."""
        for node in self.nodes:
            if not await node.test(e):
                return False
        return True


class Not(Node):
    """! a"""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def test(self, e: FtsEntry) -> bool:
        """True if it is not."""
        return not await self.node.test(e)


class Or(Node):
    """a -o b"""

    def __init__(self, first: list[Node], second: list[Node]) -> None:
        self.first, self.second = All(first), All(second)

    async def test(self, e: FtsEntry) -> bool:
        """True if one is."""
        return await self.first.test(e) or await self.second.test(e)


class Operator(Node):
    """A word of the expression's syntax, until the expression is put together."""

    def __init__(self, word: str) -> None:
        self.word = word


def parse(c: Context, words: list[str]) -> list[Node]:
    """The plan: nodes that are tried in turn until one is false."""
    nodes = read(c, words)
    if not c.output:
        printing: list[Node] = [Primary(PRIMARIES["-print"](c, "-print", Args(c, [], "-print")))]
        nodes = [Operator("("), *nodes, Operator(")"), *printing] if nodes else printing
    return ors(c, nots(c, parens(c, nodes)))


def read(c: Context, words: list[str]) -> list[Node]:
    """Words to primaries and operators."""
    nodes: list[Node] = []
    args = Args(c, words)
    while args.words:
        word = args.words.pop(0)
        if word in ("-a", "-and"):
            continue
        if word in OPERATORS:
            nodes.append(Operator(OPERATORS[word]))
        elif word in PRIMARIES:
            args.option = word
            nodes.append(Primary(PRIMARIES[word](c, word, args)))
        else:
            c.p.errx(1, f"{word}: unknown primary or operator")
    return nodes


def is_op(node: Node, word: str) -> bool:
    """True for that operator."""
    return isinstance(node, Operator) and node.word == word


def parens(c: Context, nodes: list[Node]) -> list[Node]:
    """Put what is in parentheses into one node."""
    stack: list[list[Node]] = [[]]
    for node in nodes:
        if is_op(node, "("):
            stack.append([])
        elif is_op(node, ")"):
            inner = stack.pop()
            if not stack:
                c.p.errx(1, "): no beginning '('")
            if not inner:
                c.p.errx(1, "(): empty inner expression")
            stack[-1].append(All(ors(c, nots(c, inner))))
        else:
            stack[-1].append(node)
    if len(stack) > 1:
        c.p.errx(1, "(: missing closing ')'")
    return stack[0]


def nots(c: Context, nodes: list[Node]) -> list[Node]:
    """Bind each ! to what follows."""
    out: list[Node] = []
    negate = 0
    for node in nodes:
        if is_op(node, "!"):
            negate += 1
            continue
        if negate:
            if is_op(node, "-o"):
                c.p.errx(1, "!: nothing between ! and -o")
            if negate % 2:
                node = Not(node)
            negate = 0
        out.append(node)
    if negate:
        c.p.errx(1, "!: no following expression")
    return out


def ors(c: Context, nodes: list[Node]) -> list[Node]:
    """Split at the first -o."""
    for at, node in enumerate(nodes):
        if is_op(node, "-o"):
            if not at:
                c.p.errx(1, "-o: no expression before -o")
            rest = ors(c, nodes[at + 1 :])
            if not rest:
                c.p.errx(1, "-o: no expression after -o")
            return [Or(nodes[:at], rest)]
    return nodes
