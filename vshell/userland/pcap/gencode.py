"""Code for the primitives of a filter expression that look at one header field or at a link-level header (gencode.c).

`Gencode` knows where the headers of the packet are as far as the expression has been read: `vlan`, `mpls`, `pppoes` and
`geneve` move them.  gencode_net.py has what is about addresses, ports and protocols.
"""

from __future__ import annotations

from vshell.abi import bpf as B
from vshell.userland.pcap.dlt import datalink_val_to_description
from vshell.userland.pcap.icode import (
    BPF_ABS,
    BPF_ADD,
    BPF_ALU,
    BPF_AND,
    BPF_B,
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
    BPF_MEMWORDS,
    BPF_MISC,
    BPF_MSH,
    BPF_RET,
    BPF_ST,
    BPF_TAX,
    BPF_W,
    BPF_X,
    M32,
    Block,
    FilterError,
    Stmt,
    gen_and,
    gen_not,
    gen_or,
)  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.program import Program

NOT_SET = M32
ETHERMTU = 1500
ETHERTYPE_IP, ETHERTYPE_ARP, ETHERTYPE_REVARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x8035, 0x86DD
ETHERTYPE_8021Q, ETHERTYPE_8021AD, ETHERTYPE_8021QINQ, ETHERTYPE_MPLS = 0x8100, 0x88A8, 0x9100, 0x8847
ETHERTYPE_PPPOED, ETHERTYPE_PPPOES, ETHERTYPE_ATALK, ETHERTYPE_AARP, ETHERTYPE_IPX = 0x8863, 0x8864, 0x809B, 0x80F3, 0x8137
ETHERTYPE_TEB = 0x6558
LLCSAP_IP, LLCSAP_8021D, LLCSAP_IPX, LLCSAP_NETBEUI, LLCSAP_ISONS = 0x06, 0x42, 0xE0, 0xF0, 0xFE
PPP_TYPES = {
    ETHERTYPE_IP: 0x21, ETHERTYPE_IPV6: 0x57, 0x6003: 0x27, ETHERTYPE_ATALK: 0x29, 0x0600: 0x25, LLCSAP_ISONS: 0x23,
    LLCSAP_8021D: 0x31, LLCSAP_IPX: 0x2B,
}  # fmt: skip
PFLOG_AF, PFLOG_ACTION, PFLOG_REASON, PFLOG_IFNAME, PFLOG_RULESET, PFLOG_RULENR, PFLOG_SUBRULENR, PFLOG_DIR = (
    1, 2, 3, 4, 20, 36, 40, 60,
)  # fmt: skip
LINKTYPES = {
    # link type: offsets of the type and of the payload, of the network header in it with SNAP and without.
    B.DLT_EN10MB: (12, 14, 0, 3), B.DLT_SLIP: (NOT_SET, 16, 0, 0), B.DLT_NULL: (0, 4, 0, 0), B.DLT_LOOP: (0, 4, 0, 0),
    B.DLT_ENC: (0, 12, 0, 0), B.DLT_PPP: (2, 4, 0, 0), B.DLT_PPP_SERIAL: (2, 4, 0, 0), B.DLT_C_HDLC: (2, 4, 0, 0),
    B.DLT_PPP_ETHER: (6, 8, 0, 0), B.DLT_RAW: (NOT_SET, 0, 0, 0), B.DLT_IPV4: (NOT_SET, 0, 0, 0),
    B.DLT_IPV6: (NOT_SET, 0, 0, 0), B.DLT_LINUX_SLL: (14, 16, 0, 0), B.DLT_LINUX_SLL2: (0, 20, 0, 0), B.DLT_PFLOG: (0, 0, 0, 0),
}  # fmt: skip
NOT_IMPLEMENTED = {
    B.DLT_DOCSIS: "DOCSIS", B.DLT_PFSYNC: "PFSYNC", B.DLT_USB: "USB", 189: "USB", 220: "USB", 249: "USB", 187: "Bluetooth",
    201: "Bluetooth", 144: "IrDA", 139: "MTP2", 140: "MTP2", 197: "ERF", 239: "NFLOG", 195: "IEEE 802.15.4",
}  # fmt: skip


class Off:
    """An offset: a constant, and the register of what is to be added."""

    __slots__ = ("constant", "reg", "variable")

    def __init__(self, constant: int = 0, variable: bool = False, reg: int = -1) -> None:
        self.constant = constant
        self.variable = variable
        self.reg = reg

    def copy(self) -> Off:
        """Another one like it."""
        return Off(self.constant, self.variable, self.reg)


class Gencode:
    """The state of a compilation (compiler_state_t)."""

    def __init__(self, p: Program, dlt: int, snaplen: int, netmask: int, live: bool) -> None:
        self.p = p
        self.snaplen = snaplen
        self.netmask = netmask
        self.live = live
        self.linktype = dlt
        linktype, linkpl, nl, nosnap = LINKTYPES.get(dlt, (NOT_SET, NOT_SET, NOT_SET, NOT_SET))
        self.off_linkhdr, self.off_prevlinkhdr = Off(), Off()
        self.off_linktype, self.off_linkpl = Off(linktype), Off(linkpl, dlt == B.DLT_PFLOG)
        self.outermost = dlt
        self.off_nl, self.off_nl_nosnap = nl, nosnap
        self.label_stack_depth = 0
        self.is_geneve = self.no_optimize = False
        self.regused = [False] * BPF_MEMWORDS
        self.curreg = 0

    def description(self) -> str:
        """The link type in words."""
        return datalink_val_to_description(self.linktype) or f"DLT {self.linktype}"

    # registers -------------------------------------------------------------------------------------------------
    def alloc_reg(self) -> int:
        """A memory cell nobody uses."""
        for _ in range(BPF_MEMWORDS):
            if not self.regused[self.curreg]:
                self.regused[self.curreg] = True
                return self.curreg
            self.curreg = (self.curreg + 1) % BPF_MEMWORDS
        raise FilterError("too many registers needed to evaluate expression")

    def free_reg(self, n: int) -> None:
        """Give one back."""
        self.regused[n] = False

    # loads -----------------------------------------------------------------------------------------------------
    def varpart(self, off: Off) -> list[Stmt]:
        """Load the variable part of an offset into X; nothing if it has none."""
        if not off.variable:
            return []
        if off.reg == -1:
            off.reg = self.alloc_reg()
        return [Stmt(BPF_LDX | BPF_MEM, off.reg)]

    def load_rel(self, off: Off, offset: int, size: int) -> list[Stmt]:
        """gen_load_absoffsetrel."""
        s = self.varpart(off)
        return [*s, Stmt(BPF_LD | (BPF_IND if s else BPF_ABS) | size, off.constant + offset)]

    def load_a(self, rel: str, offset: int, size: int) -> list[Stmt]:
        """gen_load_a: load from the packet, a link-level header or what it carries."""
        if rel == "packet":
            return [Stmt(BPF_LD | BPF_ABS | size, offset)]
        if rel == "linkhdr":
            return self.load_rel(self.off_linkhdr, offset, size)
        if rel == "prevlinkhdr":
            return self.load_rel(self.off_prevlinkhdr, offset, size)
        if rel == "linktype":
            return self.load_rel(self.off_linktype, offset, size)
        if rel == "llc":
            return self.load_rel(self.off_linkpl, offset, size)
        if rel == "prevmpls":
            return self.load_rel(self.off_linkpl, self.off_nl - 4 + offset, size)
        if rel == "linkpl":
            return self.load_rel(self.off_linkpl, self.off_nl + offset, size)
        if rel == "nosnap":
            return self.load_rel(self.off_linkpl, self.off_nl_nosnap + offset, size)
        if rel == "tran4":
            return [*self.loadx_iphdrlen(), Stmt(BPF_LD | BPF_IND | size, self.off_linkpl.constant + self.off_nl + offset)]
        return self.load_rel(self.off_linkpl, self.off_nl + 40 + offset, size)

    def loadx_iphdrlen(self) -> list[Stmt]:
        """Where the transport header is relative to the constant part: into X."""
        s = self.varpart(self.off_linkpl)
        at = self.off_linkpl.constant + self.off_nl
        if not s:
            return [Stmt(BPF_LDX | BPF_MSH | BPF_B, at)]
        return [
            *s, Stmt(BPF_LD | BPF_IND | BPF_B, at), Stmt(BPF_ALU | BPF_AND | BPF_K, 0xF), Stmt(BPF_ALU | BPF_LSH | BPF_K, 2),
            Stmt(BPF_ALU | BPF_ADD | BPF_X), Stmt(BPF_MISC | BPF_TAX),
        ]  # fmt: skip

    # comparisons -----------------------------------------------------------------------------------------------
    def ncmp(self, rel: str, offset: int, size: int, mask: int, jump: int, reverse: bool, value: int) -> Block:
        """gen_ncmp."""
        s = self.load_a(rel, offset, size)
        if mask != M32:
            s.append(Stmt(BPF_ALU | BPF_AND | BPF_K, mask))
        b = Block(BPF_JMP | jump | BPF_K, value, s)
        if reverse and jump in (BPF_JGT, BPF_JGE):
            gen_not(b)
        return b

    def cmp(self, rel: str, offset: int, size: int, value: int) -> Block:
        """Equal."""
        return self.ncmp(rel, offset, size, M32, BPF_JEQ, False, value)

    def mcmp(self, rel: str, offset: int, size: int, value: int, mask: int) -> Block:
        """Equal under a mask."""
        return self.ncmp(rel, offset, size, mask, BPF_JEQ, False, value)

    def bcmp(self, rel: str, offset: int, data: bytes) -> Block:
        """A string of bytes, compared from its end."""
        b: Block | None = None
        left = len(data)
        for width, size in ((4, BPF_W), (2, BPF_H), (1, BPF_B)):
            while left >= width:
                left -= width
                tmp = self.cmp(rel, offset + left, size, int.from_bytes(data[left : left + width], "big"))
                if b is not None:
                    gen_and(b, tmp)
                b = tmp
        return b if b is not None else self.true()

    def true(self) -> Block:
        """Always."""
        return Block(BPF_JMP | BPF_JEQ | BPF_K, 0, [Stmt(BPF_LD | BPF_IMM, 0)])

    def false(self) -> Block:
        """Never."""
        return Block(BPF_JMP | BPF_JEQ | BPF_K, 0, [Stmt(BPF_LD | BPF_IMM, 1)])

    def retblk(self, value: int) -> Block:
        """A return."""
        return Block(BPF_RET | BPF_K, value)

    # link types ------------------------------------------------------------------------------------------------
    def gen_linktype(self, proto: int) -> Block:
        """Is the packet of an Ethernet type (or an LLC SAP)?"""
        if self.label_stack_depth:
            return self.mpls_linktype(proto)
        dlt = self.linktype
        if dlt == B.DLT_EN10MB:
            b0 = None if self.is_geneve else self.prevlinkhdr_check()
            b1 = self.ether_linktype(proto)
            if b0 is not None:
                gen_and(b0, b1)
            return b1
        if dlt == B.DLT_C_HDLC:
            return self.cmp("linktype", 0, BPF_H, proto << 8 | LLCSAP_ISONS if proto == LLCSAP_ISONS else proto)
        if dlt == B.DLT_LINUX_SLL:
            return self.sll_linktype(proto)
        if dlt == B.DLT_LINUX_SLL2:
            return self.cmp("linktype", 0, BPF_H, proto)
        if dlt in (B.DLT_RAW, B.DLT_SLIP):
            version = {ETHERTYPE_IP: 0x40, ETHERTYPE_IPV6: 0x60}.get(proto)
            return self.false() if version is None else self.mcmp("linkhdr", 0, BPF_B, version, 0xF0)
        if dlt in (B.DLT_IPV4, B.DLT_IPV6):
            return self.true() if proto == (ETHERTYPE_IP if dlt == B.DLT_IPV4 else ETHERTYPE_IPV6) else self.false()
        if dlt in (B.DLT_PPP, B.DLT_PPP_SERIAL, B.DLT_PPP_ETHER):
            return self.cmp("linktype", 0, BPF_H, PPP_TYPES.get(proto, proto))
        if dlt in (B.DLT_NULL, B.DLT_LOOP, B.DLT_ENC):
            return self.loopback(proto)
        if dlt == B.DLT_PFLOG:
            family = {ETHERTYPE_IP: 2, ETHERTYPE_IPV6: 28}.get(proto)
            return self.false() if family is None else self.cmp("linkhdr", PFLOG_AF, BPF_B, family)
        raise FilterError(f"{NOT_IMPLEMENTED.get(dlt) or self.description()} link-layer type filtering not implemented")

    def ether_linktype(self, proto: int) -> Block:
        """gen_ether_linktype."""
        if proto in (LLCSAP_ISONS, LLCSAP_IP, LLCSAP_NETBEUI):
            return self.llc_sap(proto)
        if proto == LLCSAP_IPX:
            b0 = self.cmp("llc", 0, BPF_B, LLCSAP_IPX)
            b1 = self.cmp("llc", 0, BPF_H, 0xFFFF)
            gen_or(b0, b1)
            b0 = self.snap(0, ETHERTYPE_IPX)
            gen_or(b0, b1)
            b0 = self.is_length()
            gen_and(b0, b1)
            b0 = self.cmp("linktype", 0, BPF_H, ETHERTYPE_IPX)
            gen_or(b0, b1)
            return b1
        if proto in (ETHERTYPE_ATALK, ETHERTYPE_AARP):
            b0 = self.is_length()
            b1 = self.snap(0x080007, ETHERTYPE_ATALK) if proto == ETHERTYPE_ATALK else self.snap(0, ETHERTYPE_AARP)
            gen_and(b0, b1)
            b0 = self.cmp("linktype", 0, BPF_H, proto)
            gen_or(b0, b1)
            return b1
        if proto <= ETHERMTU:
            b0 = self.is_length()
            b1 = self.cmp("linktype", 2, BPF_B, proto)
            gen_and(b0, b1)
            return b1
        return self.cmp("linktype", 0, BPF_H, proto)

    def is_length(self) -> Block:
        """The type is a length."""
        b = self.ncmp("linktype", 0, BPF_H, M32, BPF_JGT, False, ETHERMTU)
        gen_not(b)
        return b

    def llc_sap(self, sap: int) -> Block:
        """An 802.2 frame between two SAPs of a kind."""
        b0 = self.is_length()
        b1 = self.cmp("llc", 0, BPF_H, sap << 8 | sap)
        gen_and(b0, b1)
        return b1

    def snap(self, oui: int, proto: int) -> Block:
        """gen_snap."""
        return self.bcmp("llc", 0, b"\xaa\xaa\x03" + oui.to_bytes(3, "big") + proto.to_bytes(2, "big"))

    def sll_linktype(self, proto: int) -> Block:
        """gen_linux_sll_linktype."""
        if proto == LLCSAP_IPX:
            b0 = self.cmp("llc", 0, BPF_B, LLCSAP_IPX)
            b1 = self.snap(0, ETHERTYPE_IPX)
            gen_or(b0, b1)
            b0 = self.cmp("linktype", 0, BPF_H, 4)
            gen_and(b0, b1)
            for kind in (1, ETHERTYPE_IPX):
                b0 = self.cmp("linktype", 0, BPF_H, kind)
                gen_or(b0, b1)
            return b1
        if proto in (ETHERTYPE_ATALK, ETHERTYPE_AARP):
            b0 = self.cmp("linktype", 0, BPF_H, 4)
            b1 = self.snap(0x080007 if proto == ETHERTYPE_ATALK else 0, proto)
            gen_and(b0, b1)
            b0 = self.cmp("linktype", 0, BPF_H, proto)
            gen_or(b0, b1)
            return b1
        if proto > ETHERMTU:
            return self.cmp("linktype", 0, BPF_H, proto)
        b0 = self.cmp("linktype", 0, BPF_H, 4)
        both = proto in (LLCSAP_ISONS, LLCSAP_IP, LLCSAP_NETBEUI)
        if both:
            b1 = self.cmp("llc", 0, BPF_H, proto << 8 | proto)
        else:
            b1 = self.cmp("linkhdr", self.off_linkpl.constant, BPF_B, proto)
        gen_and(b0, b1)
        return b1

    def loopback(self, proto: int) -> Block:
        """A family in front of the packet, in the order of bytes of the host."""
        if proto == ETHERTYPE_IP:
            return self.family(2)
        if proto != ETHERTYPE_IPV6:
            return self.false()
        if self.live:
            return self.family(28)
        b0, b1 = self.family(24), self.family(28)
        gen_or(b0, b1)
        b0 = self.family(30)
        gen_or(b0, b1)
        return b1

    def family(self, family: int) -> Block:
        """gen_loopback_linktype."""
        if self.linktype != B.DLT_LOOP:
            family = int.from_bytes(family.to_bytes(4, "little"), "big")
        return self.cmp("linkhdr", 0, BPF_W, family)

    def prevlinkhdr_check(self) -> Block | None:
        """gen_prevlinkhdr_check."""
        return self.geneve_ll_check() if self.is_geneve else None

    def mpls_linktype(self, proto: int) -> Block:
        """gen_mpls_linktype."""
        version = {ETHERTYPE_IP: 0x40, ETHERTYPE_IPV6: 0x60}.get(proto)
        if version is None:
            raise FilterError("unsupported protocol over mpls")
        b0 = self.mcmp("linkpl", -2, BPF_B, 0x01, 0x01)
        b1 = self.mcmp("linkpl", 0, BPF_B, version, 0xF0)
        gen_and(b0, b1)
        return b1

    # llc -------------------------------------------------------------------------------------------------------
    def gen_llc(self) -> Block:
        """`llc`."""
        if self.linktype != B.DLT_EN10MB:
            raise FilterError(f"'llc' not supported for {self.description()}")
        b0 = self.is_length()
        b1 = self.cmp("llc", 0, BPF_H, 0xFFFF)
        gen_not(b1)
        gen_and(b0, b1)
        return b1

    def gen_llc_i(self) -> Block:
        """`llc i`."""
        b0 = self.gen_llc()
        b1 = Block(BPF_JMP | BPF_JSET | BPF_K, 0x01, self.load_a("llc", 2, BPF_B))
        gen_not(b1)
        gen_and(b0, b1)
        return b1

    def gen_llc_type(self, value: int, mask: int) -> Block:
        """`llc s`, `llc u`, and the names of their commands."""
        b0 = self.gen_llc()
        b1 = self.mcmp("llc", 2, BPF_B, value, mask)
        gen_and(b0, b1)
        return b1

    # moving headers --------------------------------------------------------------------------------------------
    def gen_vlan(self, number: int | None) -> Block:
        """`vlan`: from here on the headers lie four bytes further."""
        if self.label_stack_depth:
            raise FilterError("no VLAN match after MPLS")
        if self.linktype != B.DLT_EN10MB:
            raise FilterError(f"no VLAN support for {self.description()}")
        b0 = self.gen_linktype(ETHERTYPE_8021Q)
        b1 = self.gen_linktype(ETHERTYPE_8021AD)
        gen_or(b0, b1)
        b0 = b1
        b1 = self.gen_linktype(ETHERTYPE_8021QINQ)
        gen_or(b0, b1)
        b0 = b1
        if number is not None:
            if number > 0xFFF:
                raise FilterError(f"VLAN tag {number} greater than maximum 4095")
            b1 = self.mcmp("linkpl", 0, BPF_H, number, 0xFFF)
            gen_and(b0, b1)
            b0 = b1
        self.off_linkpl.constant += 4
        self.off_linktype.constant += 4
        return b0

    def gen_mpls(self, label: int | None) -> Block:
        """`mpls`."""
        if self.label_stack_depth:
            b0 = self.mcmp("prevmpls", 2, BPF_B, 0, 0x01)
        elif self.linktype in (B.DLT_C_HDLC, B.DLT_EN10MB):
            b0 = self.gen_linktype(ETHERTYPE_MPLS)
        elif self.linktype == B.DLT_PPP:
            b0 = self.gen_linktype(0x0281)
        else:
            raise FilterError(f"no MPLS support for {self.description()}")
        if label is not None:
            if label > 0xFFFFF:
                raise FilterError(f"MPLS label {label} greater than maximum 1048575")
            b1 = self.mcmp("linkpl", 0, BPF_W, label << 12, 0xFFFFF000)
            gen_and(b0, b1)
            b0 = b1
        self.off_nl_nosnap += 4
        self.off_nl += 4
        self.label_stack_depth += 1
        return b0

    def gen_pppoes(self, session: int | None) -> Block:
        """`pppoes`."""
        b0 = self.gen_linktype(ETHERTYPE_PPPOES)
        if session is not None:
            if session > 0xFFFF:
                raise FilterError(f"PPPoE session number {session} greater than maximum 65535")
            b1 = self.mcmp("linkpl", 0, BPF_W, session, 0xFFFF)
            gen_and(b0, b1)
            b0 = b1
        pl = self.off_linkpl
        self.push_linkhdr(B.DLT_PPP, Off(pl.constant + self.off_nl + 6, pl.variable, pl.reg))
        self.off_linktype = self.off_linkhdr.copy()
        self.off_linkpl.constant = self.off_linkhdr.constant + 2
        self.off_nl = self.off_nl_nosnap = 0
        return b0

    def push_linkhdr(self, dlt: int, off: Off) -> None:
        """PUSH_LINKHDR: another link-level header begins."""
        self.linktype = dlt
        self.off_prevlinkhdr, self.off_linkhdr = self.off_linkhdr, off
        self.is_geneve = False

    def geneve_ll_check(self) -> Block:
        """gen_geneve_ll_check: does Ethernet follow?"""
        s = [Stmt(BPF_LD | BPF_MEM, self.off_linkhdr.reg), Stmt(BPF_LDX | BPF_MEM, self.off_linkpl.reg)]
        b0 = Block(BPF_JMP | BPF_JEQ | BPF_X, 0, s)
        gen_not(b0)
        return b0

    # lengths, bytes, link-level groups -------------------------------------------------------------------------
    def gen_greater(self, n: int) -> Block:
        """`greater`."""
        return Block(BPF_JMP | BPF_JGE | BPF_K, n, [Stmt(BPF_LD | BPF_LEN)])

    def gen_less(self, n: int) -> Block:
        """`less`."""
        b = Block(BPF_JMP | BPF_JGT | BPF_K, n, [Stmt(BPF_LD | BPF_LEN)])
        gen_not(b)
        return b

    def gen_byteop(self, op: str, index: int, value: int) -> Block:
        """`byte`."""
        if op == "=":
            return self.cmp("linkhdr", index, BPF_B, value)
        if op == "<":
            return self.ncmp("linkhdr", index, BPF_B, M32, BPF_JGE, True, value)
        if op == ">":
            return self.ncmp("linkhdr", index, BPF_B, M32, BPF_JGT, False, value)
        b = Block(BPF_JMP | BPF_JEQ | BPF_K, 0, [Stmt(BPF_ALU | (0x40 if op == "|" else BPF_AND) | BPF_K, value)])
        gen_not(b)
        return b

    def gen_broadcast(self, proto: str) -> Block:
        """`broadcast`."""
        if proto in ("default", "link"):
            if self.linktype != B.DLT_EN10MB:
                raise FilterError("not a broadcast link")
            b1 = self.prevlinkhdr_check()
            b0 = self.bcmp("linkhdr", 0, b"\xff" * 6)
            if b1 is not None:
                gen_and(b1, b0)
            return b0
        if proto == "ip":
            b0 = self.gen_linktype(ETHERTYPE_IP)
            hostmask = ~self.netmask & M32
            b1 = self.mcmp("linkpl", 16, BPF_W, 0, hostmask)
            b2 = self.mcmp("linkpl", 16, BPF_W, hostmask, hostmask)
            gen_or(b1, b2)
            gen_and(b0, b2)
            return b2
        raise FilterError("only link-layer/IP broadcast filters supported")

    def gen_multicast(self, proto: str) -> Block:
        """`multicast`."""
        if proto in ("default", "link") and self.linktype == B.DLT_EN10MB:
            b1 = self.prevlinkhdr_check()
            b0 = Block(BPF_JMP | BPF_JSET | BPF_K, 1, self.load_a("linkhdr", 0, BPF_B))
            if b1 is not None:
                gen_and(b1, b0)
            return b0
        if proto in ("ip", "ip6"):
            b0 = self.gen_linktype(ETHERTYPE_IP if proto == "ip" else ETHERTYPE_IPV6)
            if proto == "ip":
                b1 = self.mcmp("linkpl", 16, BPF_B, 0xE0, 0xF0)
            else:
                b1 = self.cmp("linkpl", 24, BPF_B, 255)
            gen_and(b0, b1)
            return b1
        raise FilterError(
            "link-layer multicast filters supported only on ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel"
        )

    def gen_inbound(self, outbound: bool) -> Block:
        """`inbound`, `outbound`."""
        if self.linktype == B.DLT_PFLOG:
            return self.cmp("linkhdr", PFLOG_DIR, BPF_B, 2 if outbound else 1)
        if self.linktype in (B.DLT_LINUX_SLL, B.DLT_LINUX_SLL2):
            sll = self.linktype == B.DLT_LINUX_SLL
            b0 = self.cmp("linkhdr", 0 if sll else 10, BPF_H if sll else BPF_B, 4)
            if not outbound:
                gen_not(b0)
            return b0
        raise FilterError(f"inbound/outbound not supported on {self.description()}")

    def gen_ifindex(self, index: int) -> Block:
        """`ifindex`."""
        if self.linktype == B.DLT_LINUX_SLL2:
            return self.cmp("linkhdr", 4, BPF_W, index)
        raise FilterError(f"ifindex not supported on {self.description()}")

    def gen_pf(self, what: str, value: str | int) -> Block:
        """`ifname`, `ruleset`, `rulenum`, `subrulenum`, `reason`, `action`."""
        if self.linktype != B.DLT_PFLOG:
            raise FilterError(f"{what} supported only on PF linktype")
        if isinstance(value, str):
            size = 16
            if len(value) >= size:
                names = "interface names" if what == "ifname" else "names"
                raise FilterError(f"{what} {names} can only be {size - 1} characters")
            return self.bcmp("linkhdr", PFLOG_IFNAME if what == "ifname" else PFLOG_RULESET, value.encode())
        where = {"rnr": PFLOG_RULENR, "srnr": PFLOG_SUBRULENR, "reason": PFLOG_REASON, "action": PFLOG_ACTION}[what]
        return self.cmp("linkhdr", where, BPF_W if what in ("rnr", "srnr") else BPF_B, value)

    # the end ---------------------------------------------------------------------------------------------------
    def finish(self, b: Block) -> Block:
        """finish_parse: the root of the finished program."""
        from vshell.userland.pcap.icode import backpatch

        if self.outermost == B.DLT_PFLOG and self.off_linkpl.reg != -1:
            head = b.head
            head.stmts = [
                Stmt(BPF_LD | BPF_B | BPF_ABS, 0), Stmt(BPF_ALU | BPF_ADD | BPF_K, 3),
                Stmt(BPF_ALU | BPF_AND | BPF_K, 0xFFFFFFFC), Stmt(BPF_ST, self.off_linkpl.reg), Stmt(BPF_MISC | BPF_TAX),
                *head.stmts,
            ]  # fmt: skip
        backpatch(b, self.retblk(self.snaplen))
        b.sense = not b.sense
        backpatch(b, self.retblk(0))
        return b.head
