"""The loop of `protochain`: follow extension headers until a protocol is found (gen_protochain of gencode.c)."""

from __future__ import annotations

from vshell.userland.pcap.icode import (
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_B,
    BPF_IMM,
    BPF_IND,
    BPF_JA,
    BPF_JEQ,
    BPF_JMP,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_MEM,
    BPF_MISC,
    BPF_MSH,
    BPF_MUL,
    BPF_ST,
    BPF_TAX,
    BPF_TXA,
    BPF_X,
    Stmt,
)  # fmt: skip

AH, NONE, HOPOPTS, DSTOPTS, ROUTING, FRAGMENT = 51, 59, 0, 60, 43, 44


def _jeq(value: int) -> Stmt:
    return Stmt(BPF_JMP | BPF_JEQ | BPF_K, value)


def protochain(v: int, six: bool, nl: int, reg: int) -> list[Stmt]:
    """The statements; `nl` is where the network header is, `reg` a free register."""
    if six:
        s = [Stmt(BPF_LD | BPF_ABS | BPF_B, nl + 6), Stmt(BPF_LDX | BPF_IMM, 40)]
    else:
        s = [Stmt(BPF_LD | BPF_ABS | BPF_B, nl + 9), Stmt(BPF_LDX | BPF_MSH | BPF_B, nl)]
    # The index of a statement counts from 1, as the first one of the original is a dummy.
    again = len(s) + 1
    found, none = _jeq(v), _jeq(NONE)
    found.jf = none
    s += [found, none]
    last: Stmt | None = None
    if six:
        chain = [_jeq(kind) for kind in (HOPOPTS, DSTOPTS, ROUTING, FRAGMENT)]
        none.jf = chain[0]
        advance = Stmt(BPF_LD | BPF_IND | BPF_B, nl)
        for jump, after in zip(chain, [*chain[1:], None], strict=True):
            jump.jt, jump.jf = advance, after
        last = chain[-1]
        s += chain
        s += [
            advance, Stmt(BPF_ST, reg), Stmt(BPF_LD | BPF_IND | BPF_B, nl + 1), Stmt(BPF_ALU | BPF_ADD | BPF_K, 1),
            Stmt(BPF_ALU | BPF_MUL | BPF_K, 8), Stmt(BPF_ALU | BPF_ADD | BPF_X), Stmt(BPF_MISC | BPF_TAX),
            Stmt(BPF_LD | BPF_MEM, reg),
        ]  # fmt: skip
        s.append(Stmt(BPF_JMP | BPF_JA, again - (len(s) + 1) - 1))
    else:
        nothing = Stmt(BPF_ALU | BPF_ADD | BPF_K, 0)
        none.jf = nothing
        s.append(nothing)
    ah = _jeq(AH)
    if last is not None:
        last.jf = ah
    to_a = Stmt(BPF_MISC | BPF_TXA)
    ah.jt = to_a
    s += [
        ah, to_a, Stmt(BPF_LD | BPF_IND | BPF_B, nl), Stmt(BPF_ST, reg), Stmt(BPF_MISC | BPF_TXA),
        Stmt(BPF_ALU | BPF_ADD | BPF_K, 1), Stmt(BPF_MISC | BPF_TAX), Stmt(BPF_LD | BPF_IND | BPF_B, nl),
        Stmt(BPF_ALU | BPF_ADD | BPF_K, 2), Stmt(BPF_ALU | BPF_MUL | BPF_K, 4), Stmt(BPF_MISC | BPF_TAX),
        Stmt(BPF_LD | BPF_MEM, reg),
    ]  # fmt: skip
    s.append(Stmt(BPF_JMP | BPF_JA, again - (len(s) + 1) - 1))
    end = Stmt(BPF_ALU | BPF_ADD | BPF_K, 0)
    none.jt = ah.jf = found.jt = end
    s.append(end)
    return s
