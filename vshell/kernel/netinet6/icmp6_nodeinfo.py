"""Answers to node information queries, as net.inet6.icmp6.nodeinfo allows (ni6_input of netinet6/icmp6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_ANYCAST, IN6_IFF_DEPRECATED, IN6_IFF_TEMPORARY
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.mbuf import Mbuf, m_get
from vshell.kernel.netinet6.icmp6 import icmp6_handlers, icmp6_reflect
from vshell.kernel.netinet6.in6_src import LOOPBACK, in6_addrscope
from vshell.kernel.netinet6.in6_var import In6Ifaddr, Ip6, in6ifa_ifwithaddr
from vshell.wire.ip6 import IP6_HLEN, is_linklocal, is_multicast
from vshell.wire.nodeinfo import (
    ICMP6_NI_QUERY,
    ICMP6_NI_REPLY,
    ICMP6_NI_SUBJ_FQDN,
    ICMP6_NI_SUBJ_IPV6,
    ICMP6_NI_SUCCESS,
    NI_HLEN,
    NI_NODEADDR_FLAG_ALL,
    NI_NODEADDR_FLAG_ANYCAST,
    NI_NODEADDR_FLAG_GLOBAL,
    NI_NODEADDR_FLAG_LINKLOCAL,
    NI_NODEADDR_FLAG_SITELOCAL,
    NI_NODEADDR_FLAG_TRUNCATE,
    NI_QTYPE_FQDN,
    NI_QTYPE_IPV4ADDR,
    NI_QTYPE_NODEADDR,
    NI_QTYPE_NOOP,
    NI_QTYPE_SUPTYPES,
    dnsmatch,
    nametodns,
    ni_header,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

FQDNOK, NODEADDROK, TMPADDROK, GLOBALOK = 1, 2, 4, 8
WRU_LEN = 12
"""Size of a "who are you" query, the ancestor of this protocol."""
SUPPORTED = 0x0F
"""Query types there are answers to, a bit each."""
ENTRY = 20
"""Bytes an address takes in an answer: its time to live comes first."""
ROOM = 2048 - IP6_HLEN - NI_HLEN
_SCOPE_FLAG = {2: NI_NODEADDR_FLAG_LINKLOCAL, 5: NI_NODEADDR_FLAG_SITELOCAL, 14: NI_NODEADDR_FLAG_GLOBAL}


def ni6_query(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, body: bytes) -> None:
    """A query arrived."""
    ip6: Ip6 = ifp.vnet[Ip6]
    if not ip6.nodeinfo:
        return
    name = _hostname(ifp.vnet)
    if len(body) == WRU_LEN:
        answer = _who_are_you(ip6, body, name)
    elif len(body) < NI_HLEN:
        ip6.icmp6stat.badlen += 1
        return
    else:
        answer = _answer(ifp, src, dst, body, name)
    if answer is None:
        return
    ip6.icmp6stat.reflect += 1
    ip6.icmp6stat.outhist[ICMP6_NI_REPLY] += 1
    icmp6_reflect(ifp, m_get(m.bytes()[:IP6_HLEN] + answer, m.fib), IP6_HLEN)


def _hostname(vnet: Vnet) -> bytes:
    """The name of the first jail that uses the stack; of the host if there is none."""
    kernel = vnet.kernel
    owner = next((pr for pr in kernel.prison0.all.list if pr.vnet is vnet), kernel.prison0)
    return owner.hostname.encode("utf-8", "surrogateescape")


def _who_are_you(ip6: Ip6, body: bytes, name: bytes) -> bytes | None:
    if ip6.nodeinfo & (FQDNOK | TMPADDROK) != FQDNOK | TMPADDROK:
        return None
    if body[1]:
        ip6.icmp6stat.badcode += 1
        return None
    return bytes((ICMP6_NI_REPLY, 0, 0, 0)) + body[4:8] + bytes(4) + name


def _answer(ifp: Ifnet, src: bytes, dst: bytes, body: bytes, name: bytes) -> bytes | None:
    """The reply to a query of RFC 4620, None if it is refused."""
    ip6: Ip6 = ifp.vnet[Ip6]
    code, qtype, subject = body[1], int.from_bytes(body[4:6], "big"), body[NI_HLEN:]
    wire_flags, nonce = int.from_bytes(body[6:8], "big"), body[8:NI_HLEN]
    if not ip6.nodeinfo & GLOBALOK and src != LOOPBACK and not is_linklocal(src):
        return None
    if not _destination_ok(ifp, ip6, dst) or not _subject_ok(qtype, code, subject, dst, name):
        return None
    old = qtype > NI_QTYPE_IPV4ADDR or (qtype == NI_QTYPE_FQDN and code == 0 and not subject)
    if (qtype == NI_QTYPE_FQDN and not ip6.nodeinfo & FQDNOK) or (
        qtype in (NI_QTYPE_NODEADDR, NI_QTYPE_IPV4ADDR) and not ip6.nodeinfo & NODEADDROK
    ):
        return None
    flags, data = 0, b""
    if qtype == NI_QTYPE_SUPTYPES:
        data = SUPPORTED.to_bytes(4, "big")
    elif qtype == NI_QTYPE_NODEADDR:
        data, more = _addresses(ifp.vnet, wire_flags, code, subject)
        flags = wire_flags | more
    elif qtype == NI_QTYPE_IPV4ADDR:
        flags = wire_flags
    elif qtype != NI_QTYPE_NOOP:
        labels = bytes((len(name) & 0xFF,)) + name if old else nametodns(name)
        if labels is None:
            return None
        data = bytes(4) + labels
    return ni_header(ICMP6_NI_REPLY, ICMP6_NI_SUCCESS, qtype, flags, nonce) + data


def _destination_ok(ifp: Ifnet, ip6: Ip6, dst: bytes) -> bool:
    """A link-local group, or an address of ours that is not to be kept quiet."""
    if is_multicast(dst):
        return dst[1] & 0xF == 2
    mine = in6ifa_ifwithaddr(ifp.vnet, dst, ifp.index if is_linklocal(dst) else 0)
    return mine is not None and not (mine.flags6 & IN6_IFF_TEMPORARY and not ip6.nodeinfo & TMPADDROK)


def _subject_ok(qtype: int, code: int, subject: bytes, dst: bytes, name: bytes) -> bool:
    """The query must be about the address it was sent to, or about our name."""
    if qtype > NI_QTYPE_IPV4ADDR or (qtype in (NI_QTYPE_NOOP, NI_QTYPE_SUPTYPES) and code == ICMP6_NI_SUBJ_FQDN and not subject):
        return True
    if code == ICMP6_NI_SUBJ_IPV6:
        return subject == dst or (qtype == NI_QTYPE_FQDN and not subject)
    if code == ICMP6_NI_SUBJ_FQDN:
        labels = nametodns(name)
        return bool(labels) and labels is not None and dnsmatch(subject, labels)
    return False


def _addresses(vnet: Vnet, flags: int, code: int, subject: bytes) -> tuple[bytes, int]:
    """The addresses asked for, deprecated ones last, and the flag that tells there are more."""
    ip6: Ip6 = vnet[Ip6]
    found: list[In6Ifaddr] = []
    for ifp in vnet.ifnets:
        mine = [ia for ia in ip6.ifaddrhead if ia.ifp is ifp]
        if flags & NI_NODEADDR_FLAG_ALL:
            found += mine
        elif code == ICMP6_NI_SUBJ_IPV6 and any(ia.addr == subject for ia in mine):
            found = mine
            break
    now = vnet.kernel.clock.now
    wanted = [ia for ia in found if _wanted(ip6, ia, flags)]
    wanted.sort(key=lambda ia: bool(ia.flags6 & IN6_IFF_DEPRECATED or ia.is_deprecated(now)))
    data = b""
    for ia in wanted:
        if len(data) + ENTRY > ROOM:
            return data, NI_NODEADDR_FLAG_TRUNCATE
        left = max(ia.expire() - now, 0) // NS if ia.expire() else 0xFFFFFFFF
        data += left.to_bytes(4, "big") + ia.addr
    return data, 0


def _wanted(ip6: Ip6, ia: In6Ifaddr, flags: int) -> bool:
    if not flags & _SCOPE_FLAG.get(in6_addrscope(ia.addr), 0):
        return False
    if ia.flags6 & IN6_IFF_ANYCAST and not flags & NI_NODEADDR_FLAG_ANYCAST:
        return False
    return not ia.flags6 & IN6_IFF_TEMPORARY or bool(ip6.nodeinfo & TMPADDROK)


icmp6_handlers[ICMP6_NI_QUERY] = [ni6_query]
