"""From the conditions of a rule to one predicate: Python text for the common ones, calls of ip_fw_match.py's for the rest.

A packet is compared with every rule until one matches, so what one comparison costs is what a rule costs.  Rules of the
same text share one function.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vshell.abi import ip_fw as fw
from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw import F_NOT, F_OR, Insn
from vshell.kernel.netpfil.ipfw.ip_fw_args import PORTS
from vshell.kernel.netpfil.ipfw.ip_fw_match import MAKERS, MAX_RANGES, Test, lookup, lookup_of

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_fw_table import Table

NAMES: dict[str, Any] = {"__builtins__": {}, "PORTS": PORTS, "number": int.from_bytes}
SIDES = {
    fw.O_IP_SRC: "src", fw.O_IP_SRC_MASK: "src", fw.O_IP_DST: "dst", fw.O_IP_DST_MASK: "dst",
    fw.O_IP6_SRC: "src", fw.O_IP6_SRC_MASK: "src", fw.O_IP6_DST: "dst", fw.O_IP6_DST_MASK: "dst",
}  # fmt: skip
WAYS = {fw.O_RECV: "iif", fw.O_XMIT: "oif", fw.O_VIA: "ifp"}
PLAIN = {
    fw.O_NOP: "True", fw.O_IN: "a.incoming", fw.O_LAYER2: "a.layer2", fw.O_IP4: "a.v4", fw.O_IP6: "a.v6",
    fw.O_IPSEC: "False",
}  # fmt: skip


def _prefix(side: str, addr: bytes, mask: bytes) -> str:
    """An address within a network; one that ends between two octets is compared as a number."""
    ones = mask.rstrip(b"\0")
    size = len(addr)
    if ones == b"\xff" * len(ones):
        count = len(ones)
        if count == size:
            return f"a.{side} == {addr!r}"
        family = "a.v4" if size == 4 else "a.v6"
        return f"(a.{side}[:{count}] == {addr[:count]!r} and {family})" if count else family
    want, bits = int.from_bytes(addr, "big"), int.from_bytes(mask, "big")
    return f"(a.{'v4' if size == 4 else 'v6'} and number(a.{side}, 'big') & {bits} == {want})"


def _addresses(cmd: Insn) -> str:
    data: Any = cmd.data
    if not isinstance(data[0], bytes):
        data = [number.to_bytes(4, "big") for number in data]
    full = b"\xff" * len(data[0])
    pairs = [(data[0], full)] if len(data) == 1 else list(zip(data[::2], data[1::2], strict=True))
    terms = [_prefix(SIDES[cmd.opcode], addr, mask) for addr, mask in pairs]
    return terms[0] if len(terms) == 1 else f"({' or '.join(terms)})"


def _ports(cmd: Insn) -> str:
    pairs: Any = cmd.data or ((cmd.arg1, cmd.arg1),)
    field = "a.sport" if cmd.opcode == fw.O_IP_SRCPORT else "a.dport"
    single = [low for low, high in pairs if low == high]
    terms = [f"{low} <= {field} <= {high}" for low, high in pairs if low != high]
    if len(single) == 1:
        terms.insert(0, f"{field} == {single[0]}")
    elif single:
        terms.insert(0, f"{field} in ({', '.join(map(str, single))})")
    either = terms[0] if len(terms) == 1 else f"({' or '.join(terms)})"
    return f"({either} and a.proto in PORTS and a.first)"


def _iface(cmd: Insn) -> str | None:
    kind, value = cmd.data
    if kind != "name":
        return None
    name = f"a.{WAYS[cmd.opcode]}"
    return f"({name} is not None and {name}.xname == {value!r})"


def text_of(cmd: Insn) -> str | None:
    """The condition as an expression of the packet `a`, None if it is none of the common ones."""
    opcode = cmd.opcode
    if opcode in PLAIN:
        return PLAIN[opcode]
    if opcode == fw.O_PROTO:
        return f"a.proto == {cmd.arg1}"
    if opcode in SIDES:
        return _addresses(cmd)
    if opcode in (fw.O_IP_SRCPORT, fw.O_IP_DSTPORT):
        if cmd.size > MAX_RANGES:
            raise KError(EINVAL)
        return _ports(cmd)
    if opcode in WAYS:
        return _iface(cmd)
    if opcode == fw.O_ESTAB:
        return "(a.proto == 6 and a.ulp >= 0 and a.tcpflags & 20 != 0)"
    if opcode == fw.O_TCPFLAGS:
        wanted, unwanted = cmd.arg1 & 0xFF, cmd.arg1 >> 8
        return f"(a.proto == 6 and a.ulp >= 0 and a.tcpflags & {wanted | unwanted} == {wanted})"
    return None


@lru_cache(maxsize=4096)
def _plain(text: str) -> Test:
    test: Test = eval(f"lambda a: {text}", NAMES)
    return test


def always(a: Any) -> bool:
    """A rule without conditions."""
    return True


def never(a: Any) -> bool:
    """A rule of a set that is disabled."""
    return False


def compile_rule(body: tuple[Insn, ...], tables: dict[int, Table], number: int) -> Test:
    """The conditions of a rule as one predicate; EINVAL for what this kernel does not know.

    `tables` are the tables it refers to, by the identity of the instruction.
    """
    calls: dict[str, Callable[..., bool]] = {}
    terms: list[str] = []
    block: list[str] = []
    for cmd in body:
        look = lookup_of(cmd)
        text = None if look is not None else text_of(cmd)
        if text is None:
            maker = MAKERS.get(cmd.opcode)
            if look is None and maker is None:
                raise KError(EINVAL)
            name = f"t{len(calls)}"
            if look is not None:
                calls[name] = lookup(cmd, tables[id(cmd)], number, look[2])
            elif maker is not None:
                calls[name] = maker(cmd)
            text = f"{name}(a)"
        block.append(f"not {text}" if cmd.flags & F_NOT else text)
        if not cmd.flags & F_OR:
            terms.append(block[0] if len(block) == 1 else f"({' or '.join(block)})")
            block = []
    if block:
        terms.append(f"({' or '.join(block)})")
    terms = [term for term in terms if term != "True"]
    if not terms:
        return always
    text = " and ".join(terms)
    if not calls:
        return _plain(text)
    if text == "t0(a)":
        return calls["t0"]
    test: Test = eval(f"lambda a: {text}", {**NAMES, **calls})
    return test
