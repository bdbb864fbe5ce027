"""What TCP remembers of a host beyond a connection (netinet/tcp_hostcache.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.tcp_af import TCP_AF
from vshell.kernel.netinet.tcp_syncookie import tunable
from vshell.kernel.netinet.tcp_var import Tcp
from vshell.wire.ip import inet_ntoa

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet

HASHSIZE, BUCKETLIMIT = 512, 30
_FIELDS = ("rtt", "rttvar", "ssthresh", "cwnd")
_COUNTS = {"rtt": "cachedrtt", "rttvar": "cachedrttvar", "ssthresh": "cachedssthresh"}


class HcEntry:
    """One host (struct hc_metrics)."""

    __slots__ = ("cwnd", "expire", "mtu", "rtt", "rttvar", "since", "ssthresh")

    def __init__(self) -> None:
        self.mtu = self.ssthresh = self.rtt = self.rttvar = self.cwnd = 0
        self.expire = self.since = 0
        """Seconds to live, as of so many purge runs."""


class Hostcache(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The cache of a stack."""

    enable = Sysctl("net.inet.tcp.hostcache.enable", 1, "Enable the TCP hostcache")
    expire = Sysctl("net.inet.tcp.hostcache.expire", 3600, "Expire time of TCP hostcache entries")
    prune = Sysctl("net.inet.tcp.hostcache.prune", 300, "Time between purge runs", minimum=1)

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.hosts: dict[bytes, HcEntry] = {}
        self.cachelimit = tunable(vnet, "net.inet.tcp.hostcache.cachelimit", 15360)
        self.born = vnet.kernel.clock.now
        self.purgeall = -1
        """The purge run after which nothing is left, -1 for none."""

    def runs(self) -> int:
        """How many purge runs there were; what they did is done when somebody looks."""
        return int(self.vnet.kernel.clock.now - self.born) // (self.prune * NS)

    def _left(self, entry: HcEntry) -> int:
        """Seconds an entry has, below 0 once a run has taken it."""
        runs = self.runs()
        if 0 <= self.purgeall < runs and entry.since <= self.purgeall:
            return -1
        passed = runs - entry.since
        if passed and entry.expire - (passed - 1) * self.prune <= 0:
            return -1
        return max(entry.expire - passed * self.prune, 0)

    def _tidy(self) -> None:
        self.hosts = {addr: hc for addr, hc in self.hosts.items() if self._left(hc) >= 0}

    @sysctl_proc("net.inet.tcp.hostcache.purge", "Expire all entries on next purge run")
    def _purge_next(self, td: Proc, new: Any) -> Any:
        if new is not None:
            self.purgeall = self.runs() if new else -1
        return int(self.purgeall == self.runs())

    @sysctl_proc("net.inet.tcp.hostcache.count", "Current number of entries in hostcache", flags="r", fmt="unsigned integer")
    def _count(self, td: Proc, new: Any) -> Any:
        self._tidy()
        return len(self.hosts)

    @sysctl_proc("net.inet.tcp.hostcache.purgenow", "Immediately purge all entries")
    def _purge(self, td: Proc, new: Any) -> Any:
        if new is not None:
            self.hosts.clear()
        return 0

    @sysctl_proc("net.inet.tcp.hostcache.list", "List of all hostcache entries", flags="r", fmt="string")
    def _list(self, td: Proc, new: Any) -> Any:
        lines = ["", "IP address        MTU  SSTRESH      RTT   RTTVAR     CWND SENDPIPE RECVPIPE EXP"]
        self._tidy()
        for addr, hc in self.hosts.items():
            left = self._left(hc)
            rtt, rttvar = (hc.rtt * 1000 // 32 + 500) // 1000, (hc.rttvar * 1000 // 16 + 500) // 1000
            lines.append(
                f"{ntop(addr):<15} {hc.mtu:5d} {hc.ssthresh:8d} {rtt:6d}ms {rttvar:6d}ms {hc.cwnd:8d} {0:8d} {0:8d} {left:4d}"
            )
        return "\n".join(lines) + "\n"

    @sysctl_proc("net.inet.tcp.hostcache.histo", "Print a histogram of hostcache hashbucket utilization", flags="r", fmt="string")
    def _histo(self, td: Proc, new: Any) -> Any:
        self._tidy()
        buckets = [0] * HASHSIZE
        for addr in self.hosts:
            buckets[int.from_bytes(addr, "big") % HASHSIZE] += 1
        lines = ["", "Length\tCount", *(f"{length}\t{buckets.count(length)}" for length in range(BUCKETLIMIT + 1))]
        return "\n".join(lines) + "\n"

    def get(self, addr: bytes) -> HcEntry:
        """tcp_hc_get: what is known of a host; zeroes where nothing is."""
        entry = self.hosts.get(addr) if self.enable else None
        if entry is not None and self._left(entry) < 0:
            del self.hosts[addr]
            entry = None
        return entry if entry is not None else HcEntry()

    def _entry(self, addr: bytes) -> HcEntry:
        self._tidy()
        entry = self.hosts.get(addr)
        if entry is None:
            entry = HcEntry()
            if len(self.hosts) >= self.cachelimit and self.hosts:
                self.hosts.popitem()
                self.vnet[Tcp].stat.hc_bucketoverflow += 1
            self.hosts = {addr: entry, **self.hosts}
            self.vnet[Tcp].stat.hc_added += 1
        entry.expire, entry.since = self.expire, self.runs()
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


def ntop(addr: bytes) -> str:
    """An address as the kernel prints it (inet_ntoa_r, ip6_sprintf): the longest stretch of zeroes is left out."""
    if len(addr) == 4:
        return inet_ntoa(addr)
    words = [f"{addr[i] << 8 | addr[i + 1]:x}" for i in range(0, 16, 2)]
    best = start = length = 0
    for i in range(8):
        run = next((n for n in range(8 - i) if words[i + n] != "0"), 8 - i)
        if run > length and run > 1:
            start, length = i, run
    best = length
    return f"{':'.join(words[:start])}::{':'.join(words[start + best :])}" if best else ":".join(words)
