"""The optimiser of filters: value numbering, dead stores, jumps that are already decided, and blocks pulled up or merged
(optimize.c; after McCanne and Jacobson's paper on BPF).

Sets of blocks and edges are the bits of an int.
"""

from __future__ import annotations

from vshell.userland.pcap.icode import (
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_B,
    BPF_DIV,
    BPF_H,
    BPF_IMM,
    BPF_IND,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JMP,
    BPF_JSET,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_LEN,
    BPF_LSH,
    BPF_MEM,
    BPF_MISC,
    BPF_MOD,
    BPF_MSH,
    BPF_MUL,
    BPF_NEG,
    BPF_OR,
    BPF_RET,
    BPF_RSH,
    BPF_ST,
    BPF_STX,
    BPF_SUB,
    BPF_TAX,
    BPF_TXA,
    BPF_W,
    BPF_X,
    BPF_XOR,
    M32,
    NOP,
    Block,
    Edge,
    FilterError,
    Stmt,
)  # fmt: skip

A_ATOM, X_ATOM, AX_ATOM = 16, 17, 18
N_ATOMS = 18
X_BIT, A_BIT = 1 << X_ATOM, 1 << A_ATOM
LOADS_ABS = (BPF_LD | BPF_ABS | BPF_W, BPF_LD | BPF_ABS | BPF_H, BPF_LD | BPF_ABS | BPF_B)
LOADS_IND = (BPF_LD | BPF_IND | BPF_W, BPF_LD | BPF_IND | BPF_H, BPF_LD | BPF_IND | BPF_B)
OPERATIONS = (BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH)
ALU_K = frozenset(BPF_ALU | op | BPF_K for op in OPERATIONS)
ALU_X = frozenset(BPF_ALU | op | BPF_X for op in OPERATIONS)
TAX, TXA = BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA
LDI, LDXI = BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM
JEQ_K, JEQ_X, JSET_K = BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JSET | BPF_K


def atomuse(s: Stmt) -> int:
    """The register a statement reads (a memory cell by its number), -1 for none."""
    c = s.code
    if c == NOP:
        return -1
    kind = c & 7
    if kind == BPF_RET:
        return A_ATOM if c & 0x18 == 0x10 else X_ATOM if c & 0x18 == BPF_X else -1
    if kind in (BPF_LD, BPF_LDX):
        mode = c & 0xE0
        return X_ATOM if mode == BPF_IND else s.k if mode == BPF_MEM else -1
    if kind == BPF_ST:
        return A_ATOM
    if kind == BPF_STX:
        return X_ATOM
    if kind == BPF_MISC:
        return X_ATOM if c & 0xF8 == BPF_TXA else A_ATOM
    return AX_ATOM if c & BPF_X else A_ATOM


def atomdef(s: Stmt) -> int:
    """The register a statement writes, -1 for none."""
    if s.code == NOP:
        return -1
    kind = s.code & 7
    if kind in (BPF_LD, BPF_ALU):
        return A_ATOM
    if kind == BPF_LDX:
        return X_ATOM
    if kind in (BPF_ST, BPF_STX):
        return s.k
    if kind == BPF_MISC:
        return X_ATOM if s.code & 0xF8 == BPF_TAX else A_ATOM
    return -1


def arithmetic(op: int, a: int, b: int) -> int:
    """What an operation makes of two constants."""
    if op in (BPF_DIV, BPF_MOD):
        if not b:
            raise FilterError("division by zero" if op == BPF_DIV else "modulus by zero")
        return a // b if op == BPF_DIV else a % b
    if op in (BPF_LSH, BPF_RSH):
        return 0 if b > 31 else (a << b) & M32 if op == BPF_LSH else a >> b
    simple = {BPF_ADD: a + b, BPF_SUB: a - b, BPF_MUL: a * b, BPF_AND: a & b, BPF_OR: a | b, BPF_XOR: a ^ b}
    return simple[op] & M32


class Optimizer:
    """One optimisation."""

    def __init__(self, root: Block) -> None:
        self.root = root
        self.blocks: list[Block] = []
        self.edges: list[Edge] = []
        self.levels: list[list[Block]] = []
        self.done = self.moved = False
        """Nothing changed; something other than a branch changed."""
        self.values: dict[tuple[int, int, int], int] = {}
        self.consts: dict[int, int] = {}
        """Value number -> the constant it is."""
        self.curval = 0

    def optimize(self) -> Block:
        """bpf_optimize: the new root."""
        self.number(self.root)
        count = len(self.blocks)
        self.edges = [b.et for b in self.blocks] + [b.ef for b in self.blocks]
        for i, edge in enumerate(self.edges):
            edge.id = i
        assert len(self.edges) == 2 * count
        self.loop(False)
        self.loop(True)
        self.intern_blocks()
        return self.opt_root()

    def changed(self) -> None:
        """Something was simplified."""
        self.moved, self.done = True, False

    def number(self, root: Block) -> None:
        """number_blks_r: in the order of a walk, true branches first."""
        seen: set[int] = set()
        stack = [root]
        while stack:
            p = stack.pop()
            if id(p) in seen:
                continue
            seen.add(id(p))
            p.id = len(self.blocks)
            self.blocks.append(p)
            for other in (p.jf, p.jt):
                if other is not None:
                    stack.append(other)

    def loop(self, do_stmts: bool) -> None:
        """opt_loop: until nothing changes."""
        rounds = 0
        while True:
            self.done, self.moved = True, False
            self.find_levels()
            self.find_dom()
            self.find_ud()
            self.find_edom()
            self.opt_blks(do_stmts)
            if self.done:
                return
            rounds = 0 if self.moved else rounds + 1
            if rounds >= 100:
                return

    # flow ------------------------------------------------------------------------------------------------------
    def find_levels(self) -> None:
        """How far each block is from the end; each level lists its youngest first."""
        seen: set[int] = set()
        levels: list[list[Block]] = []
        stack: list[tuple[Block, int]] = [(self.root, 0)]
        seen.add(id(self.root))
        while stack:
            b, state = stack.pop()
            if b.jt is None or b.jf is None:
                level = 0
            elif state < 2:
                stack.append((b, state + 1))
                other = b.jt if state == 0 else b.jf
                if id(other) not in seen:
                    seen.add(id(other))
                    stack.append((other, 0))
                continue
            else:
                level = max(b.jt.level, b.jf.level) + 1
            b.level = level
            while len(levels) <= level:
                levels.append([])
            levels[level].append(b)
        self.levels = [level[::-1] for level in levels]

    def find_dom(self) -> None:
        """Which blocks every way to a block passes."""
        every = (1 << len(self.blocks)) - 1
        for b in self.blocks:
            b.dom = every
        self.root.dom = 0
        for level in reversed(self.levels[: self.root.level + 1]):
            for b in level:
                b.dom |= 1 << b.id
                if b.jt is not None and b.jf is not None:
                    b.jt.dom &= b.dom
                    b.jf.dom &= b.dom

    def find_edom(self) -> None:
        """The same for edges."""
        every = (1 << len(self.edges)) - 1
        for edge in self.edges:
            edge.edom = every
        self.root.et.edom = self.root.ef.edom = 0
        for level in reversed(self.levels[: self.root.level + 1]):
            for b in level:
                for ep in (b.et, b.ef):
                    ep.edom |= 1 << ep.id
                    if ep.succ is not None:
                        ep.succ.et.edom &= ep.edom
                        ep.succ.ef.edom &= ep.edom

    def find_ud(self) -> None:
        """Which registers a block's successors need."""
        for level in reversed(self.levels):
            for b in level:
                self.local_ud(b)
                b.out_use = 0
        for level in self.levels[1:]:
            for b in level:
                assert b.jt is not None and b.jf is not None
                b.out_use |= b.jt.in_use | b.jf.in_use
                b.in_use |= b.out_use & ~b.kill

    def local_ud(self, b: Block) -> None:
        """compute_local_ud."""
        defined = use = killed = 0
        for s in [*b.stmts, b.s] if b.s.code & 7 == BPF_JMP else b.stmts:
            atom = atomuse(s)
            if atom == AX_ATOM:
                use |= (X_BIT | A_BIT) & ~defined
            elif atom >= 0:
                use |= (1 << atom) & ~defined
            atom = -1 if s is b.s else atomdef(s)
            if atom >= 0:
                killed |= (1 << atom) & ~use
                defined |= 1 << atom
        b.kill, b.in_use = killed, use

    def find_inedges(self) -> None:
        """Who leads to a block, the last one found first."""
        for b in self.blocks:
            b.in_edges = []
        for level in reversed(self.levels[1 : self.root.level + 1]):
            for b in level:
                for ep in (b.et, b.ef):
                    assert ep.succ is not None
                    ep.succ.in_edges.insert(0, ep)

    # values ----------------------------------------------------------------------------------------------------
    def F(self, code: int, v0: int, v1: int = 0) -> int:
        """The number of a value: the same for what is computed alike."""
        key = (code, v0, v1)
        found = self.values.get(key)
        if found is None:
            self.curval += 1
            found = self.values[key] = self.curval
            if code & 0xE0 == BPF_IMM and code & 7 in (BPF_LD, BPF_LDX):
                self.consts[found] = v0
        return found

    def K(self, value: int) -> int:
        """The number of a constant."""
        return self.F(LDI, value)

    def vstore(self, s: Stmt, val: list[int], atom: int, value: int, alter: bool) -> None:
        """A register gets a value; storing what is there already is nothing."""
        if alter and value and val[atom] == value:
            s.code = NOP
        else:
            val[atom] = value

    def opt_stmt(self, s: Stmt, val: list[int], alter: bool) -> None:
        """Follow a statement, and with `alter` simplify it."""
        code = s.code
        if code in LOADS_ABS or code in (BPF_LDX | BPF_MSH | BPF_B,):
            self.vstore(s, val, X_ATOM if code & 7 == BPF_LDX else A_ATOM, self.F(code, s.k), alter)
        elif code in LOADS_IND:
            v = val[X_ATOM]
            if alter and v in self.consts:
                s.code = BPF_LD | BPF_ABS | code & 0x18
                s.k = (s.k + self.consts[v]) & M32
                v = self.F(s.code, s.k)
                self.changed()
            else:
                v = self.F(code, s.k, v)
            self.vstore(s, val, A_ATOM, v, alter)
        elif code == BPF_LD | BPF_LEN:
            self.vstore(s, val, A_ATOM, self.F(code, 0), alter)
        elif code in (LDI, LDXI):
            self.vstore(s, val, A_ATOM if code == LDI else X_ATOM, self.K(s.k), alter)
        elif code == BPF_ALU | BPF_NEG:
            if alter and val[A_ATOM] in self.consts:
                s.code, s.k = LDI, -self.consts[val[A_ATOM]] & M32
                val[A_ATOM] = self.K(s.k)
            else:
                val[A_ATOM] = self.F(code, val[A_ATOM])
        elif code in ALU_K:
            self.opt_alu_k(s, val, alter)
        elif code in ALU_X:
            self.opt_alu_x(s, val, alter)
        elif code == TXA:
            self.vstore(s, val, A_ATOM, val[X_ATOM], alter)
        elif code == TAX:
            self.vstore(s, val, X_ATOM, val[A_ATOM], alter)
        elif code in (BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM):
            v = val[s.k]
            if alter and v in self.consts:
                s.code, s.k = code & 7 | BPF_IMM, self.consts[v]
                self.changed()
            self.vstore(s, val, A_ATOM if code & 7 == BPF_LD else X_ATOM, v, alter)
        elif code in (BPF_ST, BPF_STX):
            self.vstore(s, val, s.k, val[A_ATOM if code == BPF_ST else X_ATOM], alter)

    def opt_alu_k(self, s: Stmt, val: list[int], alter: bool) -> None:
        """An operation with a constant."""
        op = s.code & 0xF0
        if alter:
            if not s.k:
                if op in (BPF_ADD, BPF_LSH, BPF_RSH, BPF_OR, BPF_XOR):
                    s.code = NOP
                    return
                if op in (BPF_MUL, BPF_AND):
                    s.code = LDI
                    val[A_ATOM] = self.K(0)
                    return
                if op in (BPF_DIV, BPF_MOD):
                    raise FilterError("division by zero" if op == BPF_DIV else "modulus by zero")
            if val[A_ATOM] in self.consts:
                s.k, s.code = arithmetic(op, self.consts[val[A_ATOM]], s.k), LDI
                self.changed()
                val[A_ATOM] = self.K(s.k)
                return
        val[A_ATOM] = self.F(s.code, val[A_ATOM], self.K(s.k))

    def opt_alu_x(self, s: Stmt, val: list[int], alter: bool) -> None:
        """An operation with the index register."""
        op = s.code & 0xF0
        a, x = self.consts.get(val[A_ATOM]), self.consts.get(val[X_ATOM])
        if alter and x is not None:
            if a is not None:
                s.k, s.code = arithmetic(op, a, x), LDI
                self.changed()
                val[A_ATOM] = self.K(s.k)
                return
            s.code, s.k = BPF_ALU | BPF_K | op, x
            if op in (BPF_LSH, BPF_RSH) and x > 31:
                raise FilterError("shift by more than 31 bits")
            self.changed()
            val[A_ATOM] = self.F(s.code, val[A_ATOM], self.K(x))
            return
        if alter and a == 0:
            if op in (BPF_ADD, BPF_OR, BPF_XOR):
                s.code = TXA
                self.vstore(s, val, A_ATOM, val[X_ATOM], alter)
                return
            if op != BPF_SUB:
                s.code, s.k = LDI, 0
                self.vstore(s, val, A_ATOM, self.K(0), alter)
                return
        val[A_ATOM] = self.F(s.code, val[A_ATOM], val[X_ATOM])

    # blocks ----------------------------------------------------------------------------------------------------
    def opt_blks(self, do_stmts: bool) -> None:
        """All blocks once."""
        self.values.clear()
        self.consts.clear()
        self.curval = 0
        self.find_inedges()
        for level in reversed(self.levels[: self.root.level + 1]):
            for b in level:
                self.opt_blk(b, do_stmts)
        if do_stmts:
            return
        for level in self.levels[1:]:
            for b in level:
                self.opt_j(b.et)
                self.opt_j(b.ef)
        self.find_inedges()
        for level in self.levels[1:]:
            for b in level:
                self.pullup(b, True)
                self.pullup(b, False)

    def opt_blk(self, b: Block, do_stmts: bool) -> None:
        """The values at the end of a block, and its statements simplified."""
        if not b.in_edges:
            b.val = [0] * N_ATOMS
        else:
            b.val = b.in_edges[0].pred.val[:]
            for ep in b.in_edges[1:]:
                other = ep.pred.val
                if other != b.val:
                    b.val = [v if v == w else 0 for v, w in zip(b.val, other, strict=True)]
        a, x = b.val[A_ATOM], b.val[X_ATOM]
        for s in b.stmts:
            self.opt_stmt(s, b.val, do_stmts)
        same = not b.out_use and a and b.val[A_ATOM] == a and x and b.val[X_ATOM] == x
        if do_stmts and (same or b.s.code & 7 == BPF_RET):
            if b.stmts:
                b.stmts = []
                self.changed()
        else:
            self.opt_peep(b)
            self.opt_deadstores(b)
        b.oval = b.val[X_ATOM] if b.s.code & BPF_X else self.K(b.s.k)
        b.et.code, b.ef.code = b.s.code, -b.s.code

    def opt_peep(self, b: Block) -> None:
        """Neighbouring statements, and the branch with what is before it."""
        if not b.stmts:
            return
        live = [s for s in b.stmts if s.code != NOP]
        last = b.stmts[0]
        i = 0
        while i + 1 < len(live):
            s, after = live[i], live[i + 1]
            if s.code == NOP:
                i += 1
                continue
            if after.code == NOP:
                del live[i + 1]
                continue
            last = after
            self.pair(s, after)
            if s.code == LDI:
                self.load_add(b, live[i:])
            i += 1
        self.peep_branch(b, last)
        self.decide(b)

    def pair(self, s: Stmt, after: Stmt) -> None:
        """Two statements."""
        if s.code == BPF_ST and after.code == BPF_LDX | BPF_MEM and s.k == after.k:
            self.changed()
            after.code = TAX
        if s.code == LDI and after.code == TAX:
            s.code, after.code = LDXI, TXA
            self.changed()

    def load_add(self, b: Block, rest: list[Stmt]) -> None:
        """A constant that is added to the index of a load moves into the load."""
        if b.out_use & X_BIT:
            return
        rest = [s for s in rest if s.code != NOP]
        at = 2 if len(rest) > 1 and rest[1].code == BPF_LDX | BPF_MSH | BPF_B else 1
        if len(rest) < at + 3:
            return
        add, tax, load = rest[at : at + 3]
        if add.code != BPF_ALU | BPF_ADD | BPF_X or tax.code != TAX:
            return
        if load.code & 7 != BPF_LD or load.code & 0xE0 != BPF_IND:
            return
        load.k = (load.k + rest[0].k) & M32
        rest[0].code = add.code = tax.code = NOP
        self.changed()

    def peep_branch(self, b: Block, last: Stmt) -> None:
        """What is computed only to be compared."""
        if b.s.code == JEQ_K and not b.out_use & A_BIT:
            if last.code == BPF_ALU | BPF_SUB | BPF_X:
                x = self.consts.get(b.val[X_ATOM])
                if x is not None:
                    b.s.k = (b.s.k + x) & M32
                    last.code = NOP
                    self.changed()
                elif not b.s.k:
                    last.code, b.s.code = NOP, JEQ_X
                    self.changed()
            elif last.code == BPF_ALU | BPF_SUB | BPF_K:
                last.code = NOP
                b.s.k = (b.s.k + last.k) & M32
                self.changed()
            elif last.code == BPF_ALU | BPF_AND | BPF_K and not b.s.k:
                b.s.k, b.s.code, last.code = last.k, JSET_K, NOP
                self.changed()
                b.et.succ, b.ef.succ = b.ef.succ, b.et.succ
        if b.s.code == JSET_K:
            if not b.s.k:
                b.et.succ = b.ef.succ
            if b.s.k == M32:
                b.ef.succ = b.et.succ

    def decide(self, b: Block) -> None:
        """A branch on constants."""
        code = b.s.code
        x = self.consts.get(b.val[X_ATOM])
        if x is not None and code & BPF_X:
            b.s.code = code = code & ~BPF_X
            b.s.k = x
        a = self.consts.get(b.val[A_ATOM])
        if a is None or code & BPF_X or code & 7 != BPF_JMP:
            return
        k, op = b.s.k, code & 0xF0
        taken = a == k if op == BPF_JEQ else a > k if op == BPF_JGT else a >= k if op == BPF_JGE else bool(a & k)
        if b.jf is not b.jt:
            self.changed()
        if taken:
            b.ef.succ = b.et.succ
        else:
            b.et.succ = b.ef.succ

    def opt_deadstores(self, b: Block) -> None:
        """Statements whose result nobody reads."""
        last: list[Stmt | None] = [None] * N_ATOMS
        for s in (*b.stmts, b.s):
            atom = atomuse(s)
            if atom == AX_ATOM:
                last[X_ATOM] = last[A_ATOM] = None
            elif atom >= 0:
                last[atom] = None
            atom = atomdef(s)
            if atom >= 0:
                before = last[atom]
                if before is not None:
                    self.changed()
                    before.code = NOP
                last[atom] = s
        for atom, dead in enumerate(last):
            if dead is not None and not b.out_use >> atom & 1:
                dead.code = NOP
                b.val[atom] = 0
                self.changed()

    # branches --------------------------------------------------------------------------------------------------
    def opt_j(self, ep: Edge) -> None:
        """An edge leads on to where its block's condition is known to lead."""
        succ = ep.succ
        if succ is None or succ.jt is None:
            return
        if succ.jt is succ.jf and not self.use_conflict(ep.pred, succ.jt):
            self.changed()
            ep.succ = succ.jt
        while True:
            target = self.shortcut(ep)
            if target is None:
                return
            self.done = False
            ep.succ = target
            if target.jt is None:
                return

    def shortcut(self, ep: Edge) -> Block | None:
        """Where an edge can lead to instead, because of a condition every way to it has passed."""
        child = ep.succ
        if child is None:
            return None
        code, edges = child.s.code, self.edges
        value = child.val[A_ATOM]
        bits = ep.edom
        while bits:
            low = bits & -bits
            bits ^= low
            other = edges[low.bit_length() - 1]
            if other.code not in (code, -code) or other.pred.val[A_ATOM] != value:
                continue
            target = self.fold_edge(child, other)
            if target is not None and not self.use_conflict(ep.pred, target):
                return target
        return None

    def fold_edge(self, child: Block, ep: Edge) -> Block | None:
        """Where a block must lead to, given that an edge was taken."""
        code, sense = (ep.code, True) if ep.code >= 0 else (-ep.code, False)
        if child.s.code != code or child.val[A_ATOM] != ep.pred.val[A_ATOM]:
            return None
        if child.oval == ep.pred.oval:
            return child.jt if sense else child.jf
        if sense and code == JEQ_K:
            return child.jf
        return None

    def use_conflict(self, b: Block, succ: Block) -> bool:
        """Does a block need registers that have another value here?"""
        use = succ.out_use
        atom = 0
        while use:
            if use & 1 and b.val[atom] != succ.val[atom]:
                return True
            use >>= 1
            atom += 1
        return False

    def pullup(self, b: Block, either: bool) -> None:
        """or_pullup, and_pullup: in a chain of alternatives those on one value come together."""
        if not b.in_edges:
            return
        val = b.in_edges[0].pred.val[A_ATOM]
        if any(ep.pred.val[A_ATOM] != val for ep in b.in_edges[1:]):
            return

        def common(p: Block) -> Block | None:
            return p.jt if either else p.jf

        def onward(p: Block) -> Edge:
            return p.ef if either else p.et

        first = b.in_edges[0].pred
        diff = first.et if first.jt is b else first.ef
        at_top = True
        while True:
            p = diff.succ
            if p is None or common(p) is not common(b) or not p.dom >> b.id & 1:
                return
            if p.val[A_ATOM] != val:
                break
            diff = onward(p)
            at_top = False
        same = onward(p)
        while True:
            q = same.succ
            if q is None or common(q) is not common(b) or not q.dom >> b.id & 1:
                return
            if q.val[A_ATOM] == val:
                break
            same = onward(q)
        pull = q
        same.succ = onward(pull).succ
        onward(pull).succ = diff.succ
        if at_top:
            for ep in b.in_edges:
                if ep.pred.jt is b:
                    ep.pred.et.succ = pull
                else:
                    ep.pred.ef.succ = pull
        else:
            diff.succ = pull
        self.done = False
        self.find_dom()

    # the end ---------------------------------------------------------------------------------------------------
    def intern_blocks(self) -> None:
        """Blocks that are alike become one."""
        while True:
            for b in self.blocks:
                b.link = None
            marked = self.reachable()
            seen: dict[object, Block] = {}
            for b in reversed(self.blocks):
                if b.id not in marked:
                    continue
                key = (
                    b.s.code, b.s.k, id(b.jt), id(b.jf), tuple((s.code, s.k) for s in b.stmts if s.code != NOP),
                )  # fmt: skip
                if key in seen:
                    b.link = seen[key]
                else:
                    seen[key] = b
            again = False
            for b in self.blocks:
                for ep in (b.et, b.ef):
                    if ep.succ is not None and ep.succ.link is not None:
                        ep.succ = ep.succ.link
                        again = True
            if not again:
                return

    def reachable(self) -> set[int]:
        """The numbers of the blocks that can be reached."""
        found: set[int] = set()
        stack = [self.root]
        while stack:
            b = stack.pop()
            if b.id not in found:
                found.add(b.id)
                stack += [other for other in (b.jt, b.jf) if other is not None]
        return found

    def opt_root(self) -> Block:
        """The first block that decides anything."""
        root = self.root
        stmts, root.stmts = root.stmts, []
        while root.s.code & 7 == BPF_JMP and root.jt is root.jf:
            assert root.jt is not None
            root = root.jt
        root.stmts = [] if root.s.code & 7 == BPF_RET else stmts + root.stmts
        return root
