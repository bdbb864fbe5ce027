"""Longest prefix match against a table that simply looks at every prefix."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vshell.abi.route import RTF_HOST, RTF_STATIC, RTM_ADD, RTM_DELETE
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.kernel.net.route.rib import Rib
from vshell.kernel.net.route.route_ctl import RtInfo, rib_action
from vshell.kernel.net.route.route_tables import fib_lookup, rt_tables_get_rnh
from vshell.kernel.net.vnet import Vnet
from vshell.machine import Machine

Prefix = tuple[int, int]


def vnet() -> Vnet:
    """The stack of a new machine."""
    return Machine().kernel.vnet0


def prefixes(width: int) -> st.SearchStrategy[Prefix]:
    """Prefixes that often cover one another: few bits vary."""
    top = st.integers(0, 15).map(lambda bits: 10 << (width - 8) | bits << (width - 12))
    low = st.integers(0, 15)
    length = st.one_of(st.sampled_from([0, 8, 9, 10, 11, 12, width - 2, width - 1, width]), st.integers(0, width))
    return st.tuples(st.builds(lambda a, b: a | b, top, low), length)


def masked(address: int, plen: int, width: int) -> int:
    """The network of an address."""
    return address >> (width - plen) << (width - plen)


def naive(table: set[Prefix], address: int, width: int) -> Prefix | None:
    """The longest prefix that covers the address."""
    matching = [(plen, net) for net, plen in table if masked(address, plen, width) == net]
    return max(matching)[::-1] if matching else None


def check(family: int, width: int, script: list[tuple[bool, Prefix]], probes: list[Prefix]) -> None:
    """Play additions and deletions, and compare look-ups after each."""
    stack = vnet()
    loop = stack.loif
    assert loop is not None
    rib: Rib = rt_tables_get_rnh(stack, family, 0)
    table = {(int.from_bytes(rt.key, "big"), rt.plen) for rt in rib.walk()}
    for add, (address, plen) in script:
        prefix = masked(address, plen, width), plen
        if add == (prefix in table):
            continue
        if add and family == AF_INET and prefix == (0, width):
            continue
        key = prefix[0].to_bytes(width // 8, "big")
        host = plen == width
        flags = RTF_STATIC | (RTF_HOST if host else 0)
        info = RtInfo(key, None if host else plen, (AF_LINK, b"", loop.index), flags, ifp=loop)
        rib_action(stack, 0, family, RTM_ADD if add else RTM_DELETE, info)
        (table.add if add else table.discard)(prefix)
        for probe, _ in probes:
            want = naive(table, probe, width)
            nh = fib_lookup(stack, family, probe.to_bytes(width // 8, "big"))
            rt = rib.match(probe.to_bytes(width // 8, "big"))
            assert (want is None) == (rt is None) == (nh is None)
            if rt is not None:
                assert (int.from_bytes(rt.key, "big"), rt.plen) == want
                assert nh is rt.nhop
    assert rib.count == len(table)
    assert [(int.from_bytes(rt.key, "big"), rt.plen) for rt in rib.walk()] == sorted(table, key=lambda p: (p[0], -p[1]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), prefixes(32)), max_size=25),
    st.lists(prefixes(32), min_size=1, max_size=6),
)
def test_ipv4(script: list[tuple[bool, Prefix]], probes: list[Prefix]) -> None:
    check(AF_INET, 32, script, probes)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), prefixes(128)), max_size=25),
    st.lists(prefixes(128), min_size=1, max_size=6),
)
def test_ipv6(script: list[tuple[bool, Prefix]], probes: list[Prefix]) -> None:
    check(AF_INET6, 128, script, probes)


def test_next_hops_live_as_long_as_routes_use_them() -> None:
    stack = vnet()
    loop = stack.loif
    assert loop is not None
    rib = rt_tables_get_rnh(stack, AF_INET, 0)
    before = len(rib.nhc.nhops)
    keys = [bytes((10, i, 0, 0)) for i in range(50)]
    for key in keys:
        rib_action(stack, 0, AF_INET, RTM_ADD, RtInfo(key, 16, (AF_LINK, b"", loop.index), RTF_STATIC, ifp=loop))
    found = {fib_lookup(stack, AF_INET, key) for key in keys}
    assert len(found) == 1
    assert len(rib.nhc.nhops) == before + 1
    for key in keys:
        rib_action(stack, 0, AF_INET, RTM_DELETE, RtInfo(key, 16, None, RTF_STATIC))
    assert {fib_lookup(stack, AF_INET, key) for key in keys} == {None}
