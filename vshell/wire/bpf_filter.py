"""The filter machine of bpf(4): checking and running programs (net/bpf_filter.c); the kernel and libpcap have the same.

A program is a list of instructions (code, jt, jf, k).
"""

from __future__ import annotations

from collections.abc import Sequence

Insn = tuple[int, int, int, int]

BPF_LD, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_RET, BPF_MISC = range(8)
BPF_W, BPF_H, BPF_B = 0x00, 0x08, 0x10
BPF_IMM, BPF_ABS, BPF_IND, BPF_MEM, BPF_LEN, BPF_MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
BPF_MEMWORDS, BPF_MAXINSNS = 16, 512
_SIZES = {BPF_W: 4, BPF_H: 2, BPF_B: 1}
_M = 0xFFFFFFFF

_LOADS = {BPF_W | BPF_ABS, BPF_H | BPF_ABS, BPF_B | BPF_ABS, BPF_W | BPF_IND, BPF_H | BPF_IND, BPF_B | BPF_IND, BPF_LEN, BPF_IMM}
_VALID = {
    *(BPF_LD | mode for mode in _LOADS | {BPF_MEM}),
    *(BPF_LDX | mode for mode in (BPF_IMM, BPF_MEM, BPF_LEN, BPF_MSH | BPF_B)),
    BPF_ST, BPF_STX, BPF_RET, BPF_RET | 0x10, BPF_MISC, BPF_MISC | 0x80,
    *(BPF_ALU | op << 4 | src for op in range(11) for src in (0, 8) if op != 8), BPF_ALU | 0x80,
    BPF_JMP, *(BPF_JMP | op << 4 | src for op in range(1, 5) for src in (0, 8)),
}  # fmt: skip


def bpf_validate(prog: Sequence[Insn]) -> bool:
    """Is a program sure to end, and to touch nothing but its memory?"""
    size = len(prog)
    if not size or size > BPF_MAXINSNS:
        # No program takes everything.
        return not size
    for i, (code, jt, jf, k) in enumerate(prog):
        if code not in _VALID:
            return False
        kind = code & 7
        if kind == BPF_JMP:
            left = size - i - 1
            if (k >= left) if code & 0xF0 == 0 else (jt >= left or jf >= left):
                return False
        elif kind in (BPF_ST, BPF_STX) or (kind in (BPF_LD, BPF_LDX) and code & 0xE0 == BPF_MEM):
            if k >= BPF_MEMWORDS:
                return False
        elif code & 0xFF in (BPF_ALU | 0x30, BPF_ALU | 0x90) and not k:
            return False
    return prog[-1][0] & 7 == BPF_RET


def bpf_filter(prog: Sequence[Insn], packet: bytes | bytearray, off: int = 0, wirelen: int = -1) -> int:
    """How many bytes of a packet the program takes; 0 is none.  `wirelen` is its length where not all of it is there."""
    if not prog:
        return len(packet) - off
    machine = _Machine(packet, off)
    machine.wirelen = machine.size if wirelen < 0 else wirelen
    pc = 0
    while True:
        code, jt, jf, k = prog[pc]
        pc += 1
        kind = code & 7
        if kind == BPF_RET:
            return machine.a if code & 0x18 == 0x10 else k
        if kind == BPF_JMP:
            pc += machine.jump(code, jt, jf, k)
        elif not machine.step(kind, code, k):
            return 0


class _Machine:
    """Accumulator, index register, memory."""

    def __init__(self, packet: bytes | bytearray, off: int) -> None:
        self.packet = packet
        self.off = off
        self.size = self.wirelen = len(packet) - off
        self.a = self.x = 0
        self.memory = [0] * BPF_MEMWORDS

    def jump(self, code: int, jt: int, jf: int, k: int) -> int:
        """How far to go on."""
        op = code & 0xF0
        if not op:
            # Only programs that were not validated go back.
            return k - (1 << 32) if k >> 31 else k
        value = self.x if code & 8 else k
        a = self.a
        taken = a == value if op == 0x10 else a > value if op == 0x20 else a >= value if op == 0x30 else bool(a & value)
        return jt if taken else jf

    def step(self, kind: int, code: int, k: int) -> bool:
        """One instruction that is no jump; False ends the program."""
        if kind == BPF_LD:
            value = self._load(code, k)
            if value is None:
                return False
            self.a = value
        elif kind == BPF_LDX:
            return self._loadx(code, k)
        elif kind == BPF_ST:
            self.memory[k] = self.a
        elif kind == BPF_STX:
            self.memory[k] = self.x
        elif kind == BPF_ALU:
            return self._alu(code, self.x if code & 8 else k)
        elif code & 0x80:
            self.a = self.x
        else:
            self.x = self.a
        return True

    def _load(self, code: int, k: int) -> int | None:
        mode = code & 0xE0
        if mode == BPF_IMM:
            return k
        if mode == BPF_LEN:
            return self.wirelen
        if mode == BPF_MEM:
            return self.memory[k]
        at = k + (self.x if mode == BPF_IND else 0)
        size = _SIZES[code & 0x18]
        if at + size > self.size:
            return None
        at += self.off
        return int.from_bytes(self.packet[at : at + size], "big")

    def _loadx(self, code: int, k: int) -> bool:
        mode = code & 0xE0
        if mode == BPF_MSH:
            if k >= self.size:
                return False
            self.x = (self.packet[self.off + k] & 0xF) << 2
        else:
            self.x = k if mode == BPF_IMM else self.wirelen if mode == BPF_LEN else self.memory[k]
        return True

    def _alu(self, code: int, value: int) -> bool:
        op, a = code & 0xF0, self.a
        if op in (0x30, 0x90) and not value:
            return False
        if op in (0x60, 0x70):
            a = 0 if value > 31 else a << value if op == 0x60 else a >> value
        elif op == 0x80:
            a = -a
        elif op in (0x30, 0x90):
            a = a // value if op == 0x30 else a % value
        else:
            a = {0: a + value, 0x10: a - value, 0x20: a * value, 0x40: a | value, 0x50: a & value, 0xA0: a ^ value}[op]
        self.a = a & _M
        return True
