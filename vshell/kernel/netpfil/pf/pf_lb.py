"""Translation: which addresses and ports packets get (netpfil/pf/pf_lb.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.netpfil.pf.pf_match import match_port, mismatch
from vshell.kernel.netpfil.pf.pf_pdesc import (
    ICMP,
    ICMPV6,
    RES_MAPFAILED,
    RES_MATCH,
    RES_MAX,
    SCTP,
    TCP,
    UDP,
    Pdesc,
)

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_pool import Pool
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule, Ruleset
    from vshell.kernel.netpfil.pf.pf_state import Key
    from vshell.kernel.netpfil.pf.pf_test import Test

SKIP_IFP, SKIP_DIR, SKIP_AF, SKIP_PROTO, SKIP_SRC_ADDR, SKIP_DST_ADDR, SKIP_SRC_PORT, SKIP_DST_PORT = range(8)
RDR_TRIES = 16
ECHO4, ECHO6 = 8, 128
SIZES = {AF_INET: 4, AF_INET6: 16}


def get_translation(t: Test) -> int:
    """pf_get_translation: rules of the old kind; PFRES_MATCH if one applied, PFRES_MAX if none did."""
    pd = t.pd
    order = (P.PF_RULESET_BINAT, P.PF_RULESET_NAT) if pd.dir == P.PF_OUT else (P.PF_RULESET_RDR, P.PF_RULESET_BINAT)
    for kind in order:
        t.tr = None
        _walk(t, kind, t.pf.main, 0)
        r = t.tr
        if r is None:
            continue
        if r.action in (P.PF_NONAT, P.PF_NOBINAT, P.PF_NORDR):
            return RES_MAX
        found = get_transaddr(t, r, r.action, r.rdr)
        if found == RES_MATCH:
            t.nr = r
        return found
    return RES_MAX


def _walk(t: Test, kind: int, ruleset: Ruleset, depth: int) -> bool:
    """pf_match_translation_rule: True when one was found, or one says no."""
    rules: list[Krule] = ruleset.rules[kind].active
    pd = t.pd
    i = 0
    while 0 <= i < len(rules):
        r = rules[i]
        r.evaluations += 1
        skip = _test(t, r)
        if skip is not None:
            i = r.skip[skip] if skip >= 0 else i + 1
            if i < 0:
                break
            continue
        if r.tagname:
            t.tag = r.tagname
        if r.rtableid >= 0:
            pd.m.fib = r.rtableid
        if r.anchor is None:
            if r.action not in (P.PF_NONAT, P.PF_NOBINAT, P.PF_NORDR):
                t.tr = r
                t.am, t.rsm = t.a, ruleset
            return True
        t.a, t.aruleset = r, ruleset
        if depth < 64:
            inner = [c.ruleset for _, c in sorted(r.anchor.children.items())] if r.anchor_wildcard else [r.anchor.ruleset]
            if any(_walk(t, kind, one, depth + 1) for one in inner):
                return True
        i += 1
    return False


def _test(t: Test, r: Krule) -> int | None:
    """Which test a rule fails at: a skip step, -1 for one without; None if it matches."""
    pd = t.pd
    inbound = r.action == P.PF_BINAT and pd.dir == P.PF_IN
    src = r.dst if inbound else r.src
    if r.ifname and t.kif_match(r.ifname) == r.ifnot:
        return SKIP_IFP
    if r.direction and r.direction != pd.dir:
        return SKIP_DIR
    if r.af and r.af != pd.af:
        return SKIP_AF
    if r.proto and r.proto != pd.proto:
        return SKIP_PROTO
    if mismatch(pd, src, pd.nsaddr, True):
        return SKIP_DST_ADDR if inbound else SKIP_SRC_ADDR
    if src.op and not match_port(src.op, src.port0, src.port1, pd.nsport):
        return SKIP_DST_PORT if inbound else SKIP_SRC_PORT
    if inbound:
        if r.rdr and not _in_pool(pd, r.rdr):
            return -1
    else:
        if mismatch(pd, r.dst, pd.ndaddr, False):
            return SKIP_DST_ADDR
        if r.dst.op and not match_port(r.dst.op, r.dst.port0, r.dst.port1, pd.ndport):
            return SKIP_DST_PORT
    if r.match_tagname and (t.current_tag() == r.match_tagname) == r.match_tag_not:
        return -1
    return None


def _in_pool(pd: Pdesc, pool: Pool) -> bool:
    number = int.from_bytes(pd.ndaddr, "big")
    return any(number & mask == low & mask for low, mask in pool.ranges(pool.pool.list[0], pd.af))


def get_transaddr(t: Test, r: Krule, action: int, pool: Pool) -> int:
    """pf_get_transaddr: the new address and port are in t.new afterwards."""
    pd = t.pd
    src, sport, dst, dport = t.new if t.new is not None else (pd.nsaddr, pd.nsport, pd.ndaddr, pd.ndport)
    if action == P.PF_NAT:
        low, high = (1, 65535) if pd.proto == ICMP else pool.pool.proxy_port
        found = get_sport(t, r, pool, low, high)
        if found is None:
            return RES_MAPFAILED
        src, sport = found
    elif action == P.PF_BINAT:
        number = _binat(pd, r, pool)
        if number is None:
            return RES_MAPFAILED
        if pd.dir == P.PF_OUT:
            src = number
        else:
            dst = number
    else:
        rdr = _rdr(t, r, pool)
        if rdr is None:
            return RES_MAPFAILED
        dst, dport, sport = rdr
    if (src, sport, dst, dport) == (pd.nsaddr, pd.nsport, pd.ndaddr, pd.ndport):
        return RES_MAX
    t.new = (src, sport, dst, dport)
    return RES_MATCH


def _octets(number: int, af: int) -> bytes:
    return number.to_bytes(SIZES[af], "big")


def map_addr(t: Test, r: Krule, pool: Pool, af: int, src: bytes, kind: int) -> bytes | None:
    """pf_map_addr_sn: a source that was seen before gets what it had."""
    if pool.opts & P.PF_POOL_STICKYADDR and pool.kind != P.PF_POOL_NONE:
        node = t.pf.src.find(t.pd.af, src, r, kind)
        if node is not None and node.raddr:
            return node.raddr
    found = pool.map(af, int.from_bytes(src, "big"))
    if found is None:
        return None
    t.entry = found[1]
    return _octets(found[0], af)


def _binat(pd: Pdesc, r: Krule, pool: Pool) -> bytes | None:
    """The host part stays, the network changes."""
    full = (1 << (8 * SIZES[pd.af])) - 1
    if pd.dir == P.PF_OUT:
        found = pool.ranges(pool.pool.list[0], pd.af)
        if not found:
            return None
        low, mask = found[0]
        host = int.from_bytes(pd.nsaddr, "big")
    else:
        if r.src.type == P.PF_ADDR_DYNIFTL:
            dynamic = pd.pf.kifs.dynaddrs(r.src.addr, pd.af)
            if not dynamic:
                return None
            low, mask = dynamic[0]
        else:
            low, mask = r.src.low, r.src.mask
        host = int.from_bytes(pd.ndaddr, "big")
    return _octets((low & mask) | (host & ~mask & full), pd.af)


def get_sport(t: Test, r: Krule, pool: Pool, low: int, high: int) -> tuple[bytes, int] | None:
    """pf_get_sport: an address, and a port nobody uses; None if there is none."""
    pd = t.pd
    states = t.pf.states
    out = P.PF_OUT if pd.dir == P.PF_IN else P.PF_IN
    naddr = map_addr(t, r, pool, pd.naf, pd.nsaddr, P.PF_SN_NAT)
    if naddr is None:
        return None
    if pd.proto in (ICMP, ICMPV6):
        if pd.ndport not in (ECHO4, ECHO6):
            return naddr, pd.nsport
        low, high = 1, 65535
    if pool.opts & P.PF_POOL_ENDPI and pd.proto == UDP:
        mapped: tuple[bytes, int] | None = t.pf.udp_mappings.get((pd.nsaddr, pd.nsport))
        if mapped is not None:
            return mapped
    if pool.pool.mape[0]:
        return _mape(t, pool, naddr)

    def key(port: int) -> Key:
        ndaddr = pd.ndaddr if len(pd.ndaddr) == len(naddr) else bytes(len(naddr))
        return pd.key(naddr, port, ndaddr, pd.ndport)

    if pd.proto not in (TCP, UDP, ICMP, ICMPV6) or (low == 0 and high == 0):
        return (naddr, pd.nsport) if not states.exists(key(pd.nsport), out) else None
    if low == high:
        return (naddr, low) if not states.exists(key(low), out) else None
    if low > high:
        low, high = high, low
    cut = t.pf.vnet.kernel.random.uniform(1 + high - low) + low
    for port in (*range(cut, high + 1), *range(cut - 1, low - 1, -1)):
        if not states.exists(key(port), out):
            if pool.opts & P.PF_POOL_ENDPI and pd.proto == UDP:
                t.pf.udp_mappings[pd.nsaddr, pd.nsport] = (naddr, port)
            return naddr, port
    return None


def _mape(t: Test, pool: Pool, naddr: bytes) -> tuple[bytes, int] | None:
    """pf_get_mape_sport: ports of a MAP-E set."""
    pd = t.pd
    offset, length, psid = pool.pool.mape
    ashift, psidshift = 16 - offset, 16 - offset - length
    out = P.PF_OUT if pd.dir == P.PF_IN else P.PF_IN
    count = (1 << offset) - 1
    cut = t.pf.vnet.kernel.random.uniform(count) + 1
    for step in range(count):
        block = (cut - 1 + step) % count + 1
        low = block << ashift | (psid & ((1 << length) - 1)) << psidshift
        for port in range(low, low + (1 << psidshift)):
            if not t.pf.states.exists(pd.key(naddr, port, pd.ndaddr, pd.ndport), out):
                return naddr, port
    return None


def _rdr(t: Test, r: Krule, pool: Pool) -> tuple[bytes, int, int] | None:
    """The new destination and its port, and the source port, which changes if another connection is like this one."""
    pd = t.pd
    naddr = map_addr(t, r, pool, pd.af, pd.nsaddr, P.PF_SN_NAT)
    if naddr is None:
        return None
    if pool.kind == P.PF_POOL_BITMASK:
        low, mask = pool.ranges(pool.pool.list[pool.cur], pd.af)[0]
        full = (1 << (8 * len(naddr))) - 1
        naddr = _octets((low & mask) | (int.from_bytes(pd.ndaddr, "big") & ~mask & full), pd.af)
    if pd.proto == SCTP:
        return naddr, pd.ndport, pd.nsport
    first, last = pool.pool.proxy_port
    nport = pd.ndport
    if last:
        div = max(1, last - first + 1)
        nport = (pd.ndport - r.dst.port0) % div + first
        nport -= 65535 if nport > 65535 else 0
    elif first:
        nport = first

    def key(port: int) -> Key:
        return (pd.af, pd.proto, pd.nsaddr, naddr, port, nport)

    if not t.pf.states.exists(key(pd.nsport), P.PF_OUT):
        return naddr, nport, pd.nsport
    low, high = P.PF_NAT_PROXY_PORT_LOW, P.PF_NAT_PROXY_PORT_HIGH
    cut = t.pf.vnet.kernel.random.uniform(1 + high - low) + low
    for port in (*range(cut, high + 1), *range(cut - 1, low - 1, -1))[:RDR_TRIES]:
        if not t.pf.states.exists(key(port), P.PF_OUT):
            return naddr, nport, port
    return naddr, nport, pd.nsport
