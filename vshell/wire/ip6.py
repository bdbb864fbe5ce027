"""IPv6 and ICMPv6 headers (RFC 8200, RFC 4443, RFC 4861): bytes <-> fields, no state."""

from __future__ import annotations

from struct import Struct

IP6 = Struct("!IHBB16s16s")
"""flow word (version, class, label), payload length, next header, hop limit, source, destination."""
IP6_HLEN = 40

ICMP6 = Struct("!BBH")
"""type, code, checksum."""

ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB = 1, 2, 3, 4
ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY = 128, 129
MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_LISTENER_DONE = 130, 131, 132
ND_ROUTER_SOLICIT, ND_ROUTER_ADVERT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT, ND_REDIRECT = 133, 134, 135, 136, 137
ICMP6_NI_QUERY, ICMP6_NI_REPLY = 139, 140
MLDV2_LISTENER_REPORT = 143

ICMP6_DST_UNREACH_NOROUTE, ICMP6_DST_UNREACH_ADMIN, ICMP6_DST_UNREACH_BEYONDSCOPE = 0, 1, 2
ICMP6_DST_UNREACH_ADDR, ICMP6_DST_UNREACH_NOPORT, ICMP6_DST_UNREACH_REJECT = 3, 4, 6
ICMP6_PARAMPROB_HEADER, ICMP6_PARAMPROB_NEXTHEADER, ICMP6_PARAMPROB_OPTION = 0, 1, 2

ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR, ND_OPT_PREFIX_INFORMATION, ND_OPT_REDIRECTED_HEADER, ND_OPT_MTU, ND_OPT_NONCE = (
    1, 2, 3, 4, 5, 14,
)  # fmt: skip

ND_OPT_ROUTE_INFO, ND_OPT_RDNSS, ND_OPT_DNSSL = 24, 25, 31

ND_NA_FLAG_ROUTER, ND_NA_FLAG_SOLICITED, ND_NA_FLAG_OVERRIDE = 0x80, 0x40, 0x20

UNSPECIFIED = bytes(16)
LOOPBACK = bytes(15) + b"\1"
LINKLOCAL_ALLNODES = b"\xff\x02" + bytes(13) + b"\1"
LINKLOCAL_ALLROUTERS = b"\xff\x02" + bytes(13) + b"\2"
LINKLOCAL_ALLV2ROUTERS = b"\xff\x02" + bytes(13) + b"\x16"
NODELOCAL_ALLNODES = b"\xff\x01" + bytes(13) + b"\1"
SOLICITED_NODE = b"\xff\x02" + bytes(9) + b"\x01\xff"


def is_multicast(addr: bytes) -> bool:
    """ff00::/8."""
    return addr[0] == 0xFF


def is_linklocal(addr: bytes) -> bool:
    """fe80::/10 (IN6_IS_ADDR_LINKLOCAL); False for an address that is not of IPv6."""
    return len(addr) == 16 and addr[0] == 0xFE and addr[1] & 0xC0 == 0x80


def is_scoped(addr: bytes) -> bool:
    """True if the address means something only together with an interface: link-local unicast, interface-local and
    link-local multicast (IN6_IS_SCOPE_EMBED)."""
    return len(addr) == 16 and ((addr[0] == 0xFE and addr[1] & 0xC0 == 0x80) or (addr[0] == 0xFF and addr[1] & 0x0F in (1, 2)))


def solicited_node(addr: bytes) -> bytes:
    """The solicited-node multicast group of an address (RFC 4291, 2.7.1)."""
    return SOLICITED_NODE + addr[13:]


def masked(addr: bytes, plen: int) -> bytes:
    """The network part of an address of any length."""
    if plen >= len(addr) * 8:
        return addr
    keep, bits = divmod(plen, 8)
    head = addr[:keep]
    if bits:
        head += bytes((addr[keep] & (0xFF00 >> bits) & 0xFF,))
    return head + bytes(len(addr) - len(head))


def in6_cksum(src: bytes, dst: bytes, proto: int, payload: bytes | bytearray | memoryview) -> int:
    """The checksum of an upper-layer payload with its pseudo-header (RFC 8200, 8.1); 0 for a correct packet."""
    data = src + dst + len(payload).to_bytes(4, "big") + proto.to_bytes(4, "big") + bytes(payload)
    if len(data) & 1:
        data += b"\0"
    # The sum modulo 0xffff of big-endian words is that of the number they form.
    total = int.from_bytes(data, "big") % 0xFFFF
    if total == 0:
        total = 0xFFFF if any(data) else 0
    return ~total & 0xFFFF


def ip6_header(src: bytes, dst: bytes, nxt: int, plen: int, hlim: int, flow: int = 0) -> bytes:
    """An IPv6 header."""
    return IP6.pack(0x60000000 | flow, plen, nxt, hlim, src, dst)


def nd_option_list(data: bytes) -> list[bytes] | None:
    """Neighbour discovery options in order, each with type and length; None if malformed."""
    options: list[bytes] = []
    off = 0
    while off < len(data):
        size = data[off + 1] * 8 if off + 1 < len(data) else 0
        if not size or off + size > len(data):
            return None
        options.append(data[off : off + size])
        off += size
    return options


def nd_options(data: bytes) -> dict[int, bytes] | None:
    """Neighbour discovery options: first occurrence by type, with type and length; None if malformed."""
    found = nd_option_list(data)
    if found is None:
        return None
    options: dict[int, bytes] = {}
    for option in found:
        options.setdefault(option[0], option)
    return options
