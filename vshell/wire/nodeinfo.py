"""ICMPv6 node information queries and replies: constants, and host names as labels (RFC 4620)."""

from __future__ import annotations

ICMP6_NI_QUERY, ICMP6_NI_REPLY = 139, 140
ICMP6_NI_SUBJ_IPV6, ICMP6_NI_SUBJ_FQDN = 0, 1
ICMP6_NI_SUCCESS, ICMP6_NI_REFUSED, ICMP6_NI_UNKNOWN = 0, 1, 2
NI_QTYPE_NOOP, NI_QTYPE_SUPTYPES, NI_QTYPE_FQDN, NI_QTYPE_NODEADDR, NI_QTYPE_IPV4ADDR = range(5)
NI_NODEADDR_FLAG_TRUNCATE, NI_NODEADDR_FLAG_ALL, NI_NODEADDR_FLAG_COMPAT = 0x1, 0x2, 0x4
NI_NODEADDR_FLAG_LINKLOCAL, NI_NODEADDR_FLAG_SITELOCAL, NI_NODEADDR_FLAG_GLOBAL = 0x8, 0x10, 0x20
NI_NODEADDR_FLAG_ANYCAST = 0x40
NI_FLAG = 1
"""A compressed bitmap of types, or a valid time to live of a name."""
NI_HLEN = 16
"""Type, code, checksum, query type, flags, nonce."""
LABEL_MAX = 63


def ni_header(kind: int, code: int, qtype: int, flags: int, nonce: bytes) -> bytes:
    """A message without its data; the checksum is left 0."""
    return bytes((kind, code, 0, 0)) + qtype.to_bytes(2, "big") + flags.to_bytes(2, "big") + nonce


def nametodns(name: bytes) -> bytes | None:
    """A name as labels; one with less than two dots counts as cut short and ends twice.  None if a label does not fit."""
    if not name:
        return b""
    labels = name.split(b".")
    if not labels[-1]:
        labels.pop()
    if not all(1 <= len(label) <= LABEL_MAX for label in labels):
        return None
    return b"".join(bytes((len(label),)) + label for label in labels) + bytes(2 if name.count(b".") < 2 else 1)


def dnsmatch(a: bytes, b: bytes) -> bool:
    """True if two names as labels are the same as far as the one that is cut short goes."""
    if a == b:
        return True
    if len(a) < 2 or len(b) < 2 or a[-1] or b[-1]:
        return False
    a, b = a[:-1], b[:-1]
    pos = 0
    while pos < len(a) and pos < len(b):
        if (not a[pos] and pos == len(a) - 1) or (not b[pos] and pos == len(b) - 1):
            return True
        size = a[pos]
        end = pos + 1 + size
        if not size or size > LABEL_MAX or end > min(len(a), len(b)) or a[pos:end] != b[pos:end]:
            return False
        pos = end
    return pos == len(a) == len(b)


def dnsdecode(data: bytes, pos: int) -> tuple[str, int] | None:
    """The name at a position, with its closing dot, and where it ends.  None if it is damaged."""
    text, start = "", pos
    while pos < len(data):
        size = data[pos]
        if not size or pos != start:
            text += "."
        pos += 1
        if not size:
            return text, pos
        if size > LABEL_MAX or pos + size > len(data):
            return None
        text += "".join(chr(c) if 0x20 <= c < 0x7F else f"\\{c:03o}" for c in data[pos : pos + size])
        pos += size
    return None
