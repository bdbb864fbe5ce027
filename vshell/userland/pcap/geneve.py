"""Code for `geneve`, which lets the rest of an expression look into a tunnel (gencode.c)."""

from __future__ import annotations

from vshell.abi.bpf import DLT_EN10MB
from vshell.userland.pcap.gencode import ETHERTYPE_TEB, Off
from vshell.userland.pcap.gencode_net import UDP, NetGencode
from vshell.userland.pcap.icode import (
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_B,
    BPF_H,
    BPF_IMM,
    BPF_IND,
    BPF_JEQ,
    BPF_JMP,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_MEM,
    BPF_MISC,
    BPF_MUL,
    BPF_ST,
    BPF_STX,
    BPF_TAX,
    BPF_TXA,
    BPF_W,
    BPF_X,
    Block,
    FilterError,
    Stmt,
    gen_and,
    gen_or,
)  # fmt: skip

PORT = 6081


def _check(gen: NetGencode, six: bool, vni: int | None) -> Block:
    """gen_geneve_check."""
    rel = "tran6" if six else "tran4"
    b0 = gen.port_of(six, PORT, None, UDP, "dst")
    b1 = gen.mcmp(rel, 8, BPF_B, 0, 0xC0)
    gen_and(b0, b1)
    if vni is None:
        return b1
    if vni > 0xFFFFFF:
        raise FilterError(f"Geneve VNI {vni} greater than maximum 16777215")
    b2 = gen.mcmp(rel, 12, BPF_W, vni << 8, 0xFFFFFF00)
    gen_and(b1, b2)
    return b2


def _over(gen: NetGencode, six: bool, vni: int | None) -> Block:
    """gen_geneve4, gen_geneve6: leaves the length of the headers before UDP in A."""
    b0 = _check(gen, six, vni)
    if six:
        s = gen.varpart(gen.off_linkpl)
        s = [*s, Stmt(BPF_LD | BPF_IMM, 40), *([Stmt(BPF_ALU | BPF_ADD | BPF_X)] if s else [])]
        s.append(Stmt(BPF_MISC | BPF_TAX))
    else:
        s = [*gen.loadx_iphdrlen(), Stmt(BPF_MISC | BPF_TXA)]
    b1 = Block(BPF_JMP | BPF_JEQ | BPF_X, 0, s)
    gen_and(b0, b1)
    return b1


def _offsets(gen: NetGencode) -> list[Stmt]:
    """gen_geneve_offsets: where the headers inside are, into registers."""
    s = [
        Stmt(BPF_ALU | BPF_ADD | BPF_K, gen.off_linkpl.constant + gen.off_nl + 8), Stmt(BPF_MISC | BPF_TAX),
        Stmt(BPF_ALU | BPF_ADD | BPF_K, 2),
    ]  # fmt: skip
    gen.off_linktype = Off(0, True, gen.alloc_reg())
    s += [
        Stmt(BPF_ST, gen.off_linktype.reg), Stmt(BPF_LD | BPF_IND | BPF_B, 0), Stmt(BPF_ALU | BPF_AND | BPF_K, 0x3F),
        Stmt(BPF_ALU | BPF_MUL | BPF_K, 4), Stmt(BPF_ALU | BPF_ADD | BPF_K, 8), Stmt(BPF_ALU | BPF_ADD | BPF_X),
    ]  # fmt: skip
    gen.push_linkhdr(DLT_EN10MB, Off(0, True, gen.alloc_reg()))
    s.append(Stmt(BPF_ST, gen.off_linkhdr.reg))
    gen.no_optimize = True
    ether = Stmt(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_TEB)
    to_a = Stmt(BPF_MISC | BPF_TXA)
    s += [Stmt(BPF_LD | BPF_IND | BPF_H, 2), Stmt(BPF_LDX | BPF_MEM, gen.off_linkhdr.reg), ether, to_a]
    s += [
        Stmt(BPF_ALU | BPF_ADD | BPF_K, 12), Stmt(BPF_ST, gen.off_linktype.reg), Stmt(BPF_ALU | BPF_ADD | BPF_K, 2),
        Stmt(BPF_MISC | BPF_TAX),
    ]  # fmt: skip
    gen.off_linkpl = Off(0, True, gen.alloc_reg())
    end = Stmt(BPF_STX, gen.off_linkpl.reg)
    s.append(end)
    ether.jt, ether.jf = to_a, end
    gen.off_nl = 0
    return s


def gen_geneve(gen: NetGencode, vni: int | None) -> Block:
    """`geneve`."""
    b0 = _over(gen, False, vni)
    b1 = _over(gen, True, vni)
    gen_or(b0, b1)
    b0 = b1
    s = _offsets(gen)
    b1 = gen.true()
    b1.stmts = s + b1.stmts
    gen_and(b0, b1)
    gen.is_geneve = True
    return b1
