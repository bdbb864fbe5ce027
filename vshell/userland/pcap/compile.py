"""pcap_compile(3): a filter expression becomes a program for bpf(4)."""

from __future__ import annotations

from vshell.userland.pcap.gencode_net import NetGencode
from vshell.userland.pcap.icode import Converter, FilterError
from vshell.userland.pcap.optimize import Optimizer
from vshell.userland.pcap.parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.bpf import Insn
    from vshell.userland.program import Program

BPF_RET_K = 0x06


def pcap_compile(
    p: Program, dlt: int, snaplen: int, text: str, optimize: bool = True, netmask: int = 0, live: bool = True
) -> tuple[Insn, ...]:
    """The program of an expression on a link type, for packets of a live capture or of a file.  FilterError."""
    gen = NetGencode(p, dlt, snaplen, netmask, live)
    block = Parser(gen, text).parse()
    root = gen.retblk(snaplen) if block is None else gen.finish(block)
    if optimize and not gen.no_optimize:
        root = Optimizer(root).optimize()
        if root.s.code == BPF_RET_K and not root.s.k:
            raise FilterError("expression rejects all packets")
    return Converter(root).convert()


__all__ = ["FilterError", "pcap_compile"]
