"""How netstat(1) names addresses and networks (routename, netname of route.c)."""

from __future__ import annotations

from vshell.abi.route import (
    RTF_BLACKHOLE,
    RTF_BROADCAST,
    RTF_DONE,
    RTF_DYNAMIC,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_LLINFO,
    RTF_MODIFIED,
    RTF_PROTO1,
    RTF_PROTO2,
    RTF_PROTO3,
    RTF_REJECT,
    RTF_STATIC,
    RTF_UP,
    RTF_XRESOLVE,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.netstat.options import Options
from vshell.userland.addr import inet_ntoa, is_linklocal
from vshell.userland.netdb import gethostbyaddr, getnetbyaddr, numeric_name

RT_BITS = (
    (RTF_UP, "U", "up"), (RTF_GATEWAY, "G", "gateway"), (RTF_HOST, "H", "host"), (RTF_REJECT, "R", "reject"),
    (RTF_DYNAMIC, "D", "dynamic"), (RTF_MODIFIED, "M", "modified"), (RTF_DONE, "d", "done"), (RTF_XRESOLVE, "X", "xresolve"),
    (RTF_STATIC, "S", "static"), (RTF_PROTO1, "1", "proto1"), (RTF_PROTO2, "2", "proto2"), (RTF_PROTO3, "3", "proto3"),
    (RTF_BLACKHOLE, "B", "blackhole"), (RTF_BROADCAST, "b", "broadcast"), (RTF_LLINFO, "L", "llinfo"),
)  # fmt: skip


def fmt_flags(flags: int) -> str:
    """One letter per flag."""
    return "".join(letter for bit, letter, _ in RT_BITS if flags & bit)


def flag_names(flags: int) -> list[str]:
    """One word per flag, for --libxo."""
    return [name for bit, _, name in RT_BITS if flags & bit]


class Names:
    """The names of addresses and interfaces during one run."""

    def __init__(self, o: Options, ifnames: dict[int, str]) -> None:
        self.p = o.p
        self.numeric = o.numeric_addr
        self.ifnames = ifnames
        self._domain = "." + str(o.sysctl("kern.hostname", "")).partition(".")[2]
        self._cache: dict[tuple[bytes, int], str] = {}

    def trimdomain(self, name: str) -> str:
        """A name without the domain of this host."""
        if len(self._domain) > 1 and name.endswith(self._domain):
            return name[: -len(self._domain)]
        return name

    def host(self, addr: bytes, scope: int = 0) -> str:
        """routename: an address as that of a host."""
        if not is_linklocal(addr):
            scope = 0
        found = self._cache.get((addr, scope))
        if found is None:
            name = None if self.numeric else gethostbyaddr(self.p, addr)
            found = self.trimdomain(name if name is not None else numeric_name(self.p, addr, scope, self.ifnames))
            self._cache[addr, scope] = found
        return found

    def network(self, family: int, dst: bytes, plen: int, scope: int = 0) -> str:
        """netname: a network, with its length unless it has a name."""
        if self.numeric < 2 and plen == 0 and not any(dst):
            return "default"
        if family == AF_INET:
            return self._network4(dst, plen)
        assert family == AF_INET6
        numeric = numeric_name(self.p, dst, scope if is_linklocal(dst) else 0, self.ifnames)
        name = None if self.numeric else gethostbyaddr(self.p, dst)
        return f"{numeric}/{plen}" if name is None else name

    def _network4(self, dst: bytes, plen: int) -> str:
        number = int.from_bytes(dst, "big")
        if not self.numeric and number:
            # Networks of the old classes are looked up without the part of the host.
            shift = {8: 24, 16: 16, 24: 8}.get(plen, 0)
            name = getnetbyaddr(self.p, number >> shift)
            if name is not None:
                return self.trimdomain(name)
        return f"{inet_ntoa(dst)}/{plen}" if plen else inet_ntoa(dst)
