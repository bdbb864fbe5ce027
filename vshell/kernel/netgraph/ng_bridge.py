"""ng_bridge(4): a learning bridge with links and uplinks (netgraph/ng_bridge.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ELOOP, ENOENT, ENOTCONN, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import SHORT, ng_drop
from vshell.kernel.netgraph.ng_parse import ENADDR, HOOKBUF, UINT8, UINT16, UINT32, UINT64, Array, NgStruct, preceding

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x4D88)

BROADCAST = b"\xff" * 6
MIN_BUCKETS, MAX_BUCKETS = 32, 1 << 14
SECOND = 1_000_000_000

CONFIG = NgStruct(("debugLevel", UINT8), ("loopTimeout", UINT32), ("maxStaleness", UINT32), ("minStableAge", UINT32))
STAT_NAMES = (
    "recvOctets", "recvPackets", "recvMulticast", "recvBroadcast", "recvUnknown", "recvRunts", "recvInvalid", "xmitOctets",
    "xmitPackets", "xmitMulticasts", "xmitBroadcasts", "loopDrops", "loopDetects", "memoryFailures",
)  # fmt: skip
STATS = NgStruct(*((name, UINT64) for name in STAT_NAMES))
HOST = NgStruct(("addr", ENADDR), ("hook", HOOKBUF), ("age", UINT16), ("staleness", UINT16))
TABLE = NgStruct(("numHosts", UINT32), ("hosts", Array(HOST, preceding(4))))
MOVE_HOST = NgStruct(("addr", ENADDR), ("hook", HOOKBUF))


class Link:
    """A link: its hook, its counters, and what it may do."""

    __slots__ = ("hook", "learn", "loop_count", "send_unknown", "stats", "unit", "uplink")

    def __init__(self, hook: NgHook, uplink: bool, unit: int, send_unknown: bool) -> None:
        self.hook = hook
        self.uplink = uplink
        self.unit = unit
        self.learn = not uplink
        self.send_unknown = send_unknown
        self.loop_count = 0
        """Seconds for which it is still mute."""
        self.stats = dict.fromkeys(STAT_NAMES, 0)


class Host:
    """A host that was heard of."""

    __slots__ = ("addr", "age", "link", "staleness")

    def __init__(self, addr: bytes, link: Link) -> None:
        self.addr = addr
        self.link = link
        self.age = self.staleness = 0


class Bridge(LastHook, ngtype="bridge", cookie=1569321993):
    """A bridge."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf = {"debugLevel": 1, "loopTimeout": 60, "maxStaleness": 900, "minStableAge": 1}
        self.hosts: dict[bytes, Host] = {}
        self.buckets: list[list[Host]] = [[] for _ in range(MIN_BUCKETS)]
        """The same by hash, the youngest first: the order of the table."""
        self.send_unknown = True
        self.units: dict[bool, set[int]] = {False: set(), True: {0}}
        self.timer = vnet.kernel.clock.callout()
        self.active = 0
        self.pending: deque[tuple[Link, bytes, Mbuf | None]] = deque()
        """Hosts to be moved when nobody reads the table, and packets that came after one."""

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """link and uplink with a number, or without to get one."""
        prefix = next((p for p in ("link", "uplink") if name.startswith(p)), None)
        if prefix is None:
            raise KError(EINVAL)
        uplink = prefix == "uplink"
        units = self.units[uplink]
        digits = name[len(prefix) :]
        if digits:
            unit = int(digits) if digits.isascii() and digits.isdigit() else 0
            if str(unit) != digits or unit > 0xFFFFFFFF or (uplink and not unit):
                raise KError(EINVAL)
            if unit in units:
                raise KError(EEXIST)
        else:
            unit = 0
            while unit in units:
                unit += 1
            hook.name = f"{prefix}{unit}"
        if hook.peer is not None and hook.peer.node is self:
            raise KError(ELOOP)
        units.add(unit)
        if uplink and not any(isinstance(h.private, Link) for h in self.hooks):
            # A bridge whose first link is an uplink does not send what it does not know to links.
            self.send_unknown = False
        hook.private = Link(hook, uplink, unit, uplink or self.send_unknown)
        if not self.timer.pending:
            self.timer.reset(SECOND, self.timeout)

    def disconnect(self, hook: NgHook) -> None:
        """A link goes with all hosts behind it."""
        link: Link | None = hook.private
        if link is not None:
            self.remove_hosts(link)
            self.units[link.uplink].discard(link.unit)
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Without a timer."""
        self.timer.stop()
        return False

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Set all of it."""
        self.conf = arg

    @ngmsg(2, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return self.conf

    @ngmsg(3, "reset")
    def reset(self, arg: Any, msg: NgMsg) -> None:
        """Forget everything."""
        self.remove_hosts(None)
        for hook in self.hooks:
            hook.private.loop_count = 0
            hook.private.stats = dict.fromkeys(STAT_NAMES, 0)

    def _link(self, number: int) -> Link:
        if number >= 1 << 31:
            number -= 1 << 32
        hook = self.findhook(f"uplink{-number}" if number < 0 else f"link{number}")
        if hook is None:
            raise KError(ENOTCONN)
        link: Link = hook.private
        return link

    @ngmsg(4, "getstats", arg=UINT32, resp=STATS)
    def getstats(self, arg: int, msg: NgMsg) -> Any:
        """The counters of a link."""
        return self._link(arg).stats

    @ngmsg(5, "clrstats", arg=UINT32)
    def clrstats(self, arg: int, msg: NgMsg) -> None:
        """Begin anew."""
        self._link(arg).stats = dict.fromkeys(STAT_NAMES, 0)

    @ngmsg(6, "getclrstats", arg=UINT32, resp=STATS)
    def getclrstats(self, arg: int, msg: NgMsg) -> Any:
        """Both."""
        link = self._link(arg)
        stats, link.stats = link.stats, dict.fromkeys(STAT_NAMES, 0)
        return stats

    @ngmsg(7, "gettable", resp=TABLE)
    def gettable(self, arg: Any, msg: NgMsg) -> Any:
        """The hosts."""
        hosts = [
            {"addr": h.addr, "hook": h.link.hook.name, "age": h.age, "staleness": h.staleness}
            for bucket in self.buckets
            for h in bucket
        ]
        return {"numHosts": len(hosts), "hosts": hosts}

    @ngmsg(8, "setpersistent")
    def setpersistent(self, arg: Any, msg: NgMsg) -> None:
        """Stay without hooks."""
        self.persistent = True

    @ngmsg(9, "movehost", arg=MOVE_HOST)
    def movehost(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """A host is behind that link."""
        hook = self.findhook(arg["hook"]) if arg["hook"] else msg.hook
        if hook is None:
            raise KError(ENOENT)
        if not self.put(arg["addr"], hook.private):
            raise KError(ELOOP)

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """The table changes only when no packet is being forwarded any more; until then those that come wait."""
        link: Link = hook.private
        if self.pending:
            self.pending.append((link, b"", m))
            return 0
        self.active += 1
        error = self._forward(link, m)
        self.active -= 1
        while self.pending and not self.active:
            self._apply(*self.pending.popleft())
        return error

    def _apply(self, link: Link, addr: bytes, m: Mbuf | None) -> None:
        if not link.hook.valid:
            return
        if m is None:
            self.put(addr, link)
            return
        self.active += 1
        self._forward(link, m)
        self.active -= 1

    def _forward(self, link: Link, m: Mbuf) -> int:
        """ng_bridge_rcvdata."""
        stats = link.stats
        data, off = m.data, m.off
        size = len(data) - off
        if size < 14:
            stats["recvRunts"] += 1
            return ng_drop(self, link.hook, m, SHORT, EINVAL)
        if data[off + 6] & 1:
            stats["recvInvalid"] += 1
            return ng_drop(self, link.hook, m, "the source is a group", EINVAL)
        if link.loop_count:
            stats["loopDrops"] += 1
            return ng_drop(self, link.hook, m, f"a loop was found, the hook is muted for {link.loop_count} s", ELOOP)
        stats["recvPackets"] += 1
        stats["recvOctets"] += size
        dst, src = bytes(data[off : off + 6]), bytes(data[off + 6 : off + 12])
        cast = ""
        if dst[0] & 1:
            cast = "Broadcast" if dst == BROADCAST else "Multicast"
            stats["recv" + cast] += 1
        host = self.hosts.get(src)
        if host is not None:
            host.staleness = 0
        if host is None:
            if link.learn:
                self.pending.append((link, src, None))
        elif host.link is not link:
            self.pending.append((link, src, None))
            if host.age < self.conf["minStableAge"]:
                stats["loopDrops"] += 1
                return ng_drop(self, link.hook, m, "a loop: the source has moved here too fast", ELOOP)
        if not cast:
            host = self.hosts.get(dst)
            if host is not None:
                return 0 if host.link is link else _send(host.link, "", m)
            stats["recvUnknown"] += 1
        return self._flood(link, cast, m)

    def _flood(self, link: Link, cast: str, m: Mbuf) -> int:
        """To all others; the first one gets the packet itself, last."""
        error = 0
        links = [h.private for h in self.hooks if h.private is not link and (cast or h.private.send_unknown)]
        for other in links[1:]:
            error = _send(other, cast, m.copy()) or error
        if links:
            error = _send(links[0], cast, m) or error
        else:
            ng_drop(self, link.hook, m, "there is no other hook to send it by")
        return error

    # the table -------------------------------------------------------------------------------------------------
    def _bucket(self, addr: bytes) -> list[Host]:
        value = addr[0] ^ addr[2] ^ addr[4] | (addr[1] ^ addr[3] ^ addr[5]) << 8
        return self.buckets[value & len(self.buckets) - 1]

    def put(self, addr: bytes, link: Link) -> bool:
        """ng_bridge_put: note where a host is; False when it moves too fast, which is taken for a loop."""
        host = self.hosts.get(addr)
        if host is None:
            self.hosts[addr] = host = Host(addr, link)
            self._bucket(addr).insert(0, host)
            self._rehash()
            return True
        if host.link is link:
            return True
        if host.age >= self.conf["minStableAge"]:
            host.link = link
            host.age = 0
            return True
        if self.conf["debugLevel"] >= 2:
            self.kernel.log(4, f"ng_bridge: {self.label}: loopback detected on {link.hook.name}")
        link.loop_count = self.conf["loopTimeout"] & 0xFFFF
        link.stats["loopDetects"] += 1
        self.remove_hosts(link)
        return False

    def remove_hosts(self, link: Link | None) -> None:
        """Forget the hosts behind a link, or all."""
        self._keep(lambda host: link is not None and host.link is not link)

    def _keep(self, wanted: Any) -> None:
        for bucket in self.buckets:
            bucket[:] = [host for host in bucket if wanted(host)]
        self.hosts = {host.addr: host for bucket in self.buckets for host in bucket}

    def _rehash(self) -> None:
        """Keep the number of buckets near that of hosts."""
        count, size = len(self.hosts), len(self.buckets)
        if count > size and size << 1 <= MAX_BUCKETS:
            size <<= 1
        elif count < size >> 2 and size >> 2 >= MIN_BUCKETS:
            size >>= 2
        else:
            return
        if self.conf["debugLevel"] >= 3:
            self.kernel.log(6, f"ng_bridge: {self.label}: table size {len(self.buckets)} -> {size}")
        old, self.buckets = self.buckets, [[] for _ in range(size)]
        for bucket in old:
            for host in bucket:
                self._bucket(host.addr).insert(0, host)

    def timeout(self) -> None:
        """Once a second: hosts grow old, mute links come back."""
        stale = self.conf["maxStaleness"]
        for host in self.hosts.values():
            host.staleness += 1
            if host.staleness < stale and host.age < 0xFFFF:
                host.age += 1
        self._keep(lambda host: host.staleness < stale)
        self._rehash()
        for hook in self.hooks:
            link = hook.private
            if link.loop_count:
                link.loop_count -= 1
                if not link.loop_count and self.conf["debugLevel"] >= 2:
                    self.kernel.log(6, f"ng_bridge: {self.label}: restoring looped back {hook.name}")
        self.timer.reset(SECOND, self.timeout)


def _send(link: Link, cast: str, m: Mbuf) -> int:
    size = len(m.data) - m.off
    error = ng_send_data(link.hook, m)
    if not error:
        stats = link.stats
        stats["xmitPackets"] += 1
        stats["xmitOctets"] += size
        if cast:
            stats[f"xmit{cast}s"] += 1
    return error
