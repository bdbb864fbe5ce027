"""A filter program as text (bpf_image.c)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.bpf import Insn

ALU = {
    0x00: ("add", "#%d"), 0x10: ("sub", "#%d"), 0x20: ("mul", "#%d"), 0x30: ("div", "#%d"), 0x90: ("mod", "#%d"),
    0x50: ("and", "#0x%x"), 0x40: ("or", "#0x%x"), 0xA0: ("xor", "#0x%x"), 0x60: ("lsh", "#%d"), 0x70: ("rsh", "#%d"),
}  # fmt: skip
JUMPS = {0x10: "jeq", 0x20: "jgt", 0x30: "jge", 0x40: "jset"}
PLAIN = {
    0x06: ("ret", "#%d"), 0x20: ("ld", "[%d]"), 0x28: ("ldh", "[%d]"), 0x30: ("ldb", "[%d]"), 0x40: ("ld", "[x + %d]"),
    0x48: ("ldh", "[x + %d]"), 0x50: ("ldb", "[x + %d]"), 0x00: ("ld", "#0x%x"), 0x01: ("ldx", "#0x%x"),
    0xB1: ("ldxb", "4*([%d]&0xf)"), 0x60: ("ld", "M[%d]"), 0x61: ("ldx", "M[%d]"), 0x02: ("st", "M[%d]"),
    0x03: ("stx", "M[%d]"), 0x16: ("ret", ""), 0x80: ("ld", "#pktlen"), 0x81: ("ldx", "#pktlen"), 0x84: ("neg", ""),
    0x07: ("tax", ""), 0x87: ("txa", ""),
}  # fmt: skip


def bpf_image(insn: Insn, n: int) -> str:
    """Instruction number `n`."""
    code, jt, jf, k = insn
    signed = k - (1 << 32) if k >= 1 << 31 else k
    if code in PLAIN:
        op, form = PLAIN[code]
    elif code == 0x05:
        return f"({n:03d}) {'ja':<8s} {n + 1 + k}"
    elif code & 7 == 5 and code & 0xF0 in JUMPS:
        operand = "x" if code & 8 else f"#0x{k:x}"
        return f"({n:03d}) {JUMPS[code & 0xF0]:<8s} {operand:<16s} jt {n + 1 + jt}\tjf {n + 1 + jf}"
    elif code & 7 == 4 and code & 0xF0 in ALU:
        op, form = ALU[code & 0xF0]
        form = "x" if code & 8 else form
    else:
        op, form, signed = "unimp", f"0x{code:x}", 0
    value = k if "%x" in form else signed
    return f"({n:03d}) {op:<8s} {form % value if '%' in form else form}"
