"""The intermediate code of a filter: blocks of statements that end in a branch (gencode.h).

While an expression is compiled, a block's unfinished branches form a list through themselves: `sense` says which of its two
edges leads to what comes when the block's condition holds, the other one links to the next block of the list (gen_and,
gen_or, gen_not of gencode.c).
"""

from __future__ import annotations

from vshell.userland.pcap.savefile import PcapError

BPF_LD, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_RET, BPF_MISC = range(8)
BPF_W, BPF_H, BPF_B = 0x00, 0x08, 0x10
BPF_IMM, BPF_ABS, BPF_IND, BPF_MEM, BPF_LEN, BPF_MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR = (
    0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xA0,
)  # fmt: skip
BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET = 0x00, 0x10, 0x20, 0x30, 0x40
BPF_K, BPF_X, BPF_A = 0x00, 0x08, 0x10
BPF_TAX, BPF_TXA = 0x00, 0x80
BPF_MEMWORDS = 16
NOP = -1
M32 = 0xFFFFFFFF


class FilterError(PcapError):
    """What is wrong with an expression."""


class Stmt:
    """One instruction; `jt` and `jf` are for jumps inside a block."""

    __slots__ = ("code", "jf", "jt", "k")

    def __init__(self, code: int, k: int = 0) -> None:
        self.code = code
        self.k = k & M32
        self.jt: Stmt | None = None
        self.jf: Stmt | None = None


class Edge:
    """One way out of a block."""

    __slots__ = ("code", "edom", "id", "pred", "succ")

    def __init__(self, pred: Block) -> None:
        self.pred = pred
        self.succ: Block | None = None
        self.id = 0
        self.code = 0
        self.edom = 0


class Block:
    """Statements and the branch (or return) at their end."""

    __slots__ = (
        "dom", "ef", "et", "head", "id", "in_edges", "in_use", "kill", "level", "link", "longjf", "longjt", "mark", "offset",
        "out_use", "oval", "s", "sense", "stmts", "val",
    )  # fmt: skip

    def __init__(self, code: int, k: int = 0, stmts: list[Stmt] | None = None) -> None:
        self.s = Stmt(code, k)
        self.stmts: list[Stmt] = stmts if stmts is not None else []
        self.et = Edge(self)
        self.ef = Edge(self)
        self.head = self
        self.sense = False
        self.link: Block | None = None
        self.level = self.id = self.mark = self.offset = 0
        self.longjt = self.longjf = 0
        self.dom = self.kill = self.in_use = self.out_use = self.oval = 0
        self.in_edges: list[Edge] = []
        self.val: list[int] = [0] * 18

    @property
    def jt(self) -> Block | None:
        """Where it goes if the condition holds."""
        return self.et.succ

    @property
    def jf(self) -> Block | None:
        """Where it goes if not."""
        return self.ef.succ

    def open_edge(self) -> Edge:
        """The edge the list of unfinished blocks goes through."""
        return self.ef if self.sense else self.et


def backpatch(block: Block | None, target: Block) -> None:
    """Let all unfinished branches of a list lead to a block."""
    while block is not None:
        edge = block.open_edge()
        block, edge.succ = edge.succ, target


def _merge(first: Block, second: Block) -> None:
    """Append one list to another."""
    edge = first.open_edge()
    while edge.succ is not None:
        edge = edge.succ.open_edge()
    edge.succ = second


def gen_and(b0: Block, b1: Block) -> None:
    """`b1` becomes "b0 and b1"."""
    backpatch(b0, b1.head)
    b0.sense = not b0.sense
    b1.sense = not b1.sense
    _merge(b1, b0)
    b1.sense = not b1.sense
    b1.head = b0.head


def gen_or(b0: Block, b1: Block) -> None:
    """`b1` becomes "b0 or b1"."""
    b0.sense = not b0.sense
    backpatch(b0, b1.head)
    b0.sense = not b0.sense
    _merge(b1, b0)
    b1.head = b0.head


def gen_not(b: Block) -> None:
    """`b` becomes "not b"."""
    b.sense = not b.sense


def slength(stmts: list[Stmt]) -> int:
    """How many statements are left."""
    return sum(s.code != NOP for s in stmts)


Insn = tuple[int, int, int, int]


class _Retry(Exception):
    """A jump turned out too long; once more with room for it."""


class Converter:
    """icode_to_fcode: blocks to instructions, the last ones first."""

    def __init__(self, root: Block) -> None:
        self.root = root
        self.insns: list[list[int]] = []
        self.tail = 0

    def convert(self) -> tuple[Insn, ...]:
        """The program."""
        while True:
            size = 0
            for block in self.walk():
                size += slength(block.stmts) + 1 + block.longjt + block.longjf
            self.insns = [[0, 0, 0, 0] for _ in range(size)]
            self.tail = size
            try:
                for block in self.postorder():
                    self.block(block)
                return tuple((c, jt, jf, k) for c, jt, jf, k in self.insns)
            except _Retry:
                continue

    def walk(self) -> list[Block]:
        """All blocks that can be reached."""
        return self.postorder()

    def postorder(self) -> list[Block]:
        """Blocks after those they lead to, the false branch first."""
        done: set[int] = set()
        order: list[Block] = []
        stack: list[tuple[Block, int]] = [(self.root, 0)]
        done.add(id(self.root))
        while stack:
            block, state = stack.pop()
            if state == 2:
                order.append(block)
                continue
            stack.append((block, state + 1))
            other = block.jf if state == 0 else block.jt
            if other is not None and id(other) not in done:
                done.add(id(other))
                stack.append((other, 0))
        return order

    def block(self, p: Block) -> None:
        """convert_code_r for one block."""
        size = slength(p.stmts)
        self.tail -= size + 1 + p.longjt + p.longjf
        p.offset = at = self.tail
        real = [s for s in p.stmts if s.code != NOP]
        places = {id(s): i for i, s in enumerate(p.stmts[:size])} if len(real) == len(p.stmts) else {}
        for off, s in enumerate(real):
            insn = self.insns[at + off]
            insn[0], insn[3] = s.code, s.k
            if s.code & 7 == BPF_JMP and s.code != BPF_JMP | BPF_JA and off != size - 2:
                if s.jt is None or s.jf is None or id(s.jt) not in places or id(s.jf) not in places:
                    raise FilterError(f"no destination found for block-local relative jump: off={off}")
                insn[1], insn[2] = places[id(s.jt)] - off - 1, places[id(s.jf)] - off - 1
        self.branch(p, at + size, size)

    def branch(self, p: Block, at: int, size: int) -> None:
        """The branch at its end."""
        insn = self.insns[at]
        insn[0], insn[3] = p.s.code, p.s.k
        if p.jt is None or p.jf is None:
            return
        extra = 0
        for which, target in ((1, p.jt), (2, p.jf)):
            off = target.offset - (p.offset + size) - 1
            if off < 256:
                insn[which] = off
                continue
            name = "longjt" if which == 1 else "longjf"
            if not getattr(p, name):
                setattr(p, name, 1)
                raise _Retry
            insn[which] = extra
            extra += 1
            jump = self.insns[at + extra]
            jump[0], jump[3] = BPF_JMP | BPF_JA, off - extra
