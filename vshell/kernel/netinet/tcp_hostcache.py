"""What TCP remembers of a host beyond a connection (netinet/tcp_hostcache.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.tcp_af import TCP_AF
from vshell.kernel.netinet.tcp_var import Tcp
from vshell.wire.ip import inet_ntoa

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet

_FIELDS = ("rtt", "rttvar", "ssthresh", "cwnd")
_COUNTS = {"rtt": "cachedrtt", "rttvar": "cachedrttvar", "ssthresh": "cachedssthresh"}


class HcEntry:
    """One host (struct hc_metrics)."""

    __slots__ = ("cwnd", "expires", "mtu", "rtt", "rttvar", "ssthresh")

    def __init__(self) -> None:
        self.mtu = self.ssthresh = self.rtt = self.rttvar = self.cwnd = 0
        self.expires = 0


class Hostcache(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The cache of a stack."""

    enable = Sysctl("net.inet.tcp.hostcache.enable", 1, "Enable the TCP hostcache")
    expire = Sysctl("net.inet.tcp.hostcache.expire", 3600, "Expire time of TCP hostcache entries")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.hosts: dict[bytes, HcEntry] = {}

    @sysctl_proc("net.inet.tcp.hostcache.count", "Current number of entries in hostcache", flags="r", fmt="unsigned integer")
    def _count(self, td: Proc, new: Any) -> Any:
        return len(self.hosts)

    @sysctl_proc("net.inet.tcp.hostcache.purgenow", "Immediately purge all entries")
    def _purge(self, td: Proc, new: Any) -> Any:
        if new is not None:
            self.hosts.clear()
        return 0

    @sysctl_proc("net.inet.tcp.hostcache.list", "List of all hostcache entries", flags="r", fmt="string")
    def _list(self, td: Proc, new: Any) -> Any:
        lines = ["", "IP address        MTU  SSTRESH      RTT   RTTVAR     CWND SENDPIPE RECVPIPE EXP"]
        for addr, hc in self.hosts.items():
            left = (hc.expires - self.vnet.kernel.clock.now) // NS
            rtt, rttvar = (hc.rtt * 1000 // 32 + 500) // 1000, (hc.rttvar * 1000 // 16 + 500) // 1000
            lines.append(
                f"{_name(addr):<15} {hc.mtu:5d} {hc.ssthresh:8d} {rtt:6d}ms {rttvar:6d}ms {hc.cwnd:8d} {0:8d} {0:8d} {left:4d}"
            )
        return "\n".join(lines) + "\n"

    def get(self, addr: bytes) -> HcEntry:
        """tcp_hc_get: what is known of a host; zeroes where nothing is."""
        entry = self.hosts.get(addr) if self.enable else None
        if entry is not None and entry.expires <= self.vnet.kernel.clock.now:
            del self.hosts[addr]
            entry = None
        return entry if entry is not None else HcEntry()

    def _entry(self, addr: bytes) -> HcEntry:
        entry = self.hosts.get(addr)
        if entry is None:
            entry = HcEntry()
            self.hosts = {addr: entry, **self.hosts}
            self.vnet[Tcp].stat.hc_added += 1
        entry.expires = self.vnet.kernel.clock.now + self.expire * NS
        return entry

    def updatemtu(self, addr: bytes, mtu: int) -> None:
        """tcp_hc_updatemtu."""
        if self.enable:
            self._entry(addr).mtu = mtu

    def update(self, addr: bytes, values: dict[str, int]) -> None:
        """tcp_hc_update: what a connection has learnt."""
        if not self.enable:
            return
        entry = self._entry(addr)
        stat = self.vnet[Tcp].stat
        for name in _FIELDS:
            value = values.get(name, 0)
            if not value:
                continue
            old = getattr(entry, name)
            setattr(entry, name, (old + value) // 2 if old else value)
            if name in _COUNTS:
                setattr(stat, _COUNTS[name], getattr(stat, _COUNTS[name]) + 1)


def tcp_mssopt(vnet: Vnet, dst: bytes, fib: int, scope: int) -> int:
    """The segment size to announce to a peer."""
    af = TCP_AF[len(dst)]
    link = af.maxmtu(vnet, dst, fib, scope)
    known: int = vnet[Hostcache].get(dst).mtu
    if link and known:
        return min(link, known) - af.headers
    if link or known:
        return max(link, known) - af.headers
    return af.mssdflt(vnet[Tcp])


def _name(addr: bytes) -> str:
    if len(addr) == 4:
        return inet_ntoa(addr)
    return ":".join(f"{addr[i] << 8 | addr[i + 1]:x}" for i in range(0, 16, 2))
