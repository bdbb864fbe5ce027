"""ping -6 -k, -y, -Y, -O and -N: asking a node for its addresses, name and abilities (sbin/ping/ping6.c)."""

from __future__ import annotations

from hashlib import md5, sha1

from vshell.userland.addr import inet_ntop
from vshell.userland.program import Program
from vshell.wire.nodeinfo import (
    ICMP6_NI_QUERY,
    ICMP6_NI_REPLY,
    ICMP6_NI_SUBJ_FQDN,
    ICMP6_NI_SUBJ_IPV6,
    ICMP6_NI_SUCCESS,
    NI_FLAG,
    NI_HLEN,
    NI_NODEADDR_FLAG_ALL,
    NI_NODEADDR_FLAG_ANYCAST,
    NI_NODEADDR_FLAG_COMPAT,
    NI_NODEADDR_FLAG_GLOBAL,
    NI_NODEADDR_FLAG_LINKLOCAL,
    NI_NODEADDR_FLAG_SITELOCAL,
    NI_NODEADDR_FLAG_TRUNCATE,
    NI_QTYPE_FQDN,
    NI_QTYPE_NODEADDR,
    NI_QTYPE_NOOP,
    NI_QTYPE_SUPTYPES,
    dnsdecode,
    ni_header,
)  # fmt: skip

NODEADDR_FLAGS = {
    "a": NI_NODEADDR_FLAG_ALL, "c": NI_NODEADDR_FLAG_COMPAT, "C": NI_NODEADDR_FLAG_COMPAT,
    "l": NI_NODEADDR_FLAG_LINKLOCAL, "L": NI_NODEADDR_FLAG_LINKLOCAL,
    "s": NI_NODEADDR_FLAG_SITELOCAL, "S": NI_NODEADDR_FLAG_SITELOCAL,
    "g": NI_NODEADDR_FLAG_GLOBAL, "G": NI_NODEADDR_FLAG_GLOBAL, "A": NI_NODEADDR_FLAG_ANYCAST,
}  # fmt: skip
NI_RLEN = NI_HLEN + 4
"""Where the name of an answer starts, after its time to live."""
LABEL_MAX = 63
INFINITE = 0xFFFFFFFF


class NodeInfo:
    """What is asked for: "k" addresses, "y" the name, "Y" the name in the old way, "O" the query types there are."""

    def __init__(self, p: Program, kind: str, flags: int) -> None:
        self.kind = kind
        self.flags = flags
        seed = f"{p.sys.clock_gettime()} {p.sys.getpid()}".encode()
        self.nonce = sha1(seed, usedforsecurity=False).digest()[:6]

    def query(self, seq: int, dst: bytes) -> bytes:
        """The message that asks `dst`."""
        nonce = seq.to_bytes(2, "big") + self.nonce
        if self.kind == "k":
            return ni_header(ICMP6_NI_QUERY, ICMP6_NI_SUBJ_IPV6, NI_QTYPE_NODEADDR, self.flags, nonce) + dst
        if self.kind == "O":
            return ni_header(ICMP6_NI_QUERY, ICMP6_NI_SUBJ_FQDN, NI_QTYPE_SUPTYPES, NI_FLAG, nonce)
        message = ni_header(ICMP6_NI_QUERY, ICMP6_NI_SUBJ_IPV6, NI_QTYPE_FQDN, 0, nonce)
        return message + dst if self.kind == "y" else message

    def answers(self, body: bytes) -> bool:
        """True if a message is an answer to one of ours."""
        return len(body) >= NI_HLEN and body[0] == ICMP6_NI_REPLY and body[10:NI_HLEN] == self.nonce


def describe(body: bytes, verbose: bool) -> str:
    """What an answer says."""
    if body[1] != ICMP6_NI_SUCCESS:
        return f"unknown code 0x{body[1] << 8:x}, type 0x{body[0] << 8:x}"
    qtype = int.from_bytes(body[4:6], "big")
    if qtype == NI_QTYPE_NOOP:
        return "NodeInfo NOOP"
    if qtype == NI_QTYPE_SUPTYPES:
        return _suptypes(body, verbose)
    if qtype == NI_QTYPE_NODEADDR:
        return _nodeaddr(body, verbose)
    return _fqdn(body, verbose)


def _suptypes(body: bytes, verbose: bool) -> str:
    compressed = bool(body[7] & NI_FLAG)
    text = "NodeInfo Supported Qtypes"
    if verbose:
        text += ", compressed bitmap" if compressed else ", raw bitmap"
    bits: set[int] = set()
    pos, current = NI_HLEN, 0
    while pos < len(body):
        size, skip = len(body) - pos, 0
        if compressed:
            size, skip = int.from_bytes(body[pos : pos + 2], "big") * 4, int.from_bytes(body[pos + 2 : pos + 4], "big")
            pos += 4
            if pos + size > len(body):
                return text
        elif size % 4:
            return text + "???"
        for off in range(0, size, 4):
            word = int.from_bytes(body[pos + off : pos + off + 4], "big")
            bits |= {current + off * 8 + i for i in range(32) if word >> i & 1}
        pos, current = pos + size, current + size * 8 + skip * 32
    for first in sorted(b for b in bits if b - 1 not in bits):
        last = first
        while last + 1 in bits:
            last += 1
        text += f" {first}" + (f"-{last}" if last > first else "")
    return text


def _nodeaddr(body: bytes, verbose: bool) -> str:
    text = " truncated\n" if verbose and body[7] & NI_NODEADDR_FLAG_TRUNCATE else "\n"
    data = body[NI_HLEN:]
    if not data:
        return text + "  no address\n"
    withttl = len(data) % 20 == 0
    step = 20 if withttl else 16
    for pos in range(0, len(data) - step + 1, step):
        text += f"  {inet_ntop(data[pos + step - 16 : pos + step])}"
        if withttl:
            ttl = int.from_bytes(data[pos : pos + 4], "big")
            text += "(TTL=infty)" if ttl == INFINITE else f"(TTL={ttl})"
        text += "\n"
    return text


def _fqdn(body: bytes, verbose: bool) -> str:
    old = len(body) > NI_RLEN and body[NI_RLEN] == len(body) - NI_RLEN - 1
    text = ""
    if old:
        text = "".join(chr(c) if 0x20 <= c < 0x7F else f"\\{c:03o}" for c in body[NI_RLEN + 1 :])
    else:
        text = _names(body)
    if not verbose:
        return text
    if len(body) < NI_RLEN:
        return text + " ()"
    ttl = int.from_bytes(body[NI_HLEN:NI_RLEN], "big", signed=True)
    if not body[7] & NI_FLAG:
        text += f" (TTL={ttl}:meaningless"
    else:
        text += f" (TTL={ttl}" + (":invalid" if ttl < 0 else "")
    if old:
        text += ",03 draft"
    elif len(body) == NI_RLEN:
        text += ",no name"
    return text + ")"


def _names(body: bytes) -> str:
    """The names of an answer; one that is cut short shows no closing dot."""
    names, pos = "", NI_RLEN
    while pos < len(body):
        found = dnsdecode(body, pos)
        if found is None:
            return names + "???"
        name, pos = found
        if pos < len(body) and not body[pos] and name:
            name, pos = name[:-1], pos + 1
        names += ("," if names else "") + name
    return names


def nigroup(name: str, old: bool) -> str | None:
    """The group a node of that name listens to, None if the first label is too long."""
    label = name.split(".", 1)[0].lower().encode()
    if len(label) > LABEL_MAX:
        return None
    digest = md5(bytes((len(label),)) + label, usedforsecurity=False).digest()
    tail = digest[:4] if old else b"\xff" + digest[:3]
    return inet_ntop(bytes.fromhex("ff020000000000000000000200000000")[:12] + tail)
