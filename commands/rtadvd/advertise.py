"""The work of rtadvd(8): timers, solicitations, changes of interfaces, orders of rtadvctl(8) (usr.sbin/rtadvd/rtadvd.c)."""

from __future__ import annotations

from json import dumps
from typing import Any, cast

from vshell.abi.errno import EINTR, KError, strerror
from vshell.abi.fcntl import POLLIN
from vshell.abi.in6 import (
    ICMP6_FILTER,
    IPV6_HOPLIMIT,
    IPV6_JOIN_GROUP,
    IPV6_LEAVE_GROUP,
    IPV6_MULTICAST_HOPS,
    IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO,
    ND6_IFF_ACCEPT_RTADV,
    SIOCGIFINFO_IN6,
    SIOCSIFINFO_IN6,
    In6Pktinfo,
)  # fmt: skip
from vshell.abi.route import (
    NETLINK_ADD_MEMBERSHIP,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_LINK,
    SOL_NETLINK,
    NlEvent,
    RtMsg,
)  # fmt: skip
from vshell.abi.signal import SIG_IGN, SIGHUP, SIGINT, SIGPIPE, SIGTERM
from vshell.abi.socket import (
    AF_INET6,
    AF_NETLINK,
    AF_UNIX,
    IPPROTO_ICMPV6,
    IPPROTO_IPV6,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    Message,
    SockaddrIn6,
    SockaddrUn,
)  # fmt: skip
from vshell.abi.sockio import IFF_UP, IFT_ETHER, IFT_L2VLAN
from vshell.commands.rtadvd import Options
from vshell.commands.rtadvd.config import Config, ConfigError, Prefix, Rainfo
from vshell.commands.rtadvd.remcap import Caps, entry
from vshell.userland.addr import inet_ntop, is_linklocal, masked
from vshell.userland.pidfile import Pidfile
from vshell.userland.program import Program
from vshell.userland.rtnl import dump_addrs, dump_links
from vshell.userland.slurp import random_bytes, slurp
from vshell.userland.stdio import decode
from vshell.userland.syslog import syslog
from vshell.wire.ip6 import (
    LINKLOCAL_ALLNODES,
    LINKLOCAL_ALLROUTERS,
    ND_OPT_SOURCE_LINKADDR,
    ND_ROUTER_ADVERT,
    ND_ROUTER_SOLICIT,
    UNSPECIFIED,
    nd_options,
)  # fmt: skip

NS = 1_000_000_000
INITIAL_INTERVAL, INITIAL_COUNT, FINAL_COUNT, MIN_DELAY = 16, 3, 3, 3
MAX_RA_DELAY_US = 500_000
PREFIX_TIMO = 60 * 120
LOG_ERR, LOG_NOTICE, LOG_INFO, LOG_DEBUG, LOG_DAEMON = 3, 5, 6, 7, 24
UNCONFIGURED, TRANSITIVE, CONFIGURED = "UNCONFIGURED", "TRANSITIVE", "CONFIGURED"


class Interface:
    """struct ifinfo.  Times are ns of uptime; `timer` is when the next advertisement is due, None for never."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.index = self.flags = self.mtu = 0
        self.lladdr = b""
        self.accepts = self.persist = False
        self.state = UNCONFIGURED
        self.rainfo: Rainfo | None = None
        self.trans: Rainfo | None = None
        self.timer: int | None = None
        self.lastsent = 0
        self.burstcount = self.burstinterval = self.waiting = 0
        self.raoutput = self.rainput = self.rainconsistent = self.rsinput = 0


class Rtadvd:
    """The daemon."""

    def __init__(self, p: Program, o: Options, pidfile: Pidfile | None) -> None:
        self.p, self.sys, self.o, self.pidfile = p, p.sys, o, pidfile
        self.upto = LOG_DEBUG if o.debug > 2 else LOG_INFO if o.debug > 1 else LOG_NOTICE if o.debug else LOG_ERR
        self.interfaces: list[Interface] = []
        self.signals: list[int] = []
        self.shutdown = self.waiting = False
        self.reload: list[str | None] = [None]
        """Interfaces whose configuration is to be read again, None for all."""
        self.raw = self.events = self.control = -1

    async def log(self, priority: int, text: str) -> None:
        """syslog(3), with LOG_PERROR in the foreground."""
        if priority > self.upto:
            return
        pid = self.sys.getpid()
        await syslog(self.sys, LOG_DAEMON | priority, "rtadvd", text, pid)
        if self.o.foreground:
            self.p.stderr.write(f"rtadvd[{pid}]: {text}\n")

    def uptime(self) -> int:
        """Now."""
        return self.sys.clock_gettime("uptime")

    # start ----------------------------------------------------------------------------------------------------------
    async def run(self) -> int:
        """Until it is told to end and the last advertisements are out."""
        try:
            await self._open()
        except KError as e:
            await self.log(LOG_ERR, f"cannot open control socket: {strerror(e.errno)}")
            return 1
        self.update()
        for name in self.o.interfaces:
            self.persistent(name)
        if self.pidfile is not None:
            self.pidfile.write(self.p)
        for sig in (SIGTERM, SIGINT, SIGHUP):
            self.sys.sigaction(sig, self.signals.append)
        self.sys.sigaction(SIGPIPE, SIG_IGN)
        while await self._turn():
            pass
        return 0

    async def _open(self) -> None:
        sys = self.sys
        self.raw = sys.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
        for option in (IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT):
            sys.setsockopt(self.raw, IPPROTO_IPV6, option, 1)
        sys.setsockopt(self.raw, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255)
        wanted = (ND_ROUTER_SOLICIT, ND_ROUTER_ADVERT)
        sys.setsockopt(self.raw, IPPROTO_ICMPV6, ICMP6_FILTER, [k for k in range(256) if k not in wanted])
        if not self.o.static:
            self.events = sys.socket(AF_NETLINK, SOCK_RAW)
            for group in (RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE):
                sys.setsockopt(self.events, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        try:
            sys.unlink(self.o.control)
        except KError:
            pass
        self.control = sys.socket(AF_UNIX, SOCK_STREAM)
        sys.bind(self.control, SockaddrUn(self.o.control))
        sys.listen(self.control, 1)

    def update(self) -> None:
        """update_ifinfo: what the interfaces are now."""
        fd = self.sys.socket(AF_INET6, SOCK_DGRAM)
        seen = set()
        for link in dump_links(self.p):
            ifi = next((i for i in self.interfaces if i.index == link.index or i.name == link.name), None)
            if ifi is None:
                ifi = Interface(link.name)
                self.interfaces.append(ifi)
            ifi.index, ifi.name, ifi.flags, ifi.mtu = link.index, link.name, link.flags, link.mtu
            ifi.lladdr = link.lladdr if link.type in (IFT_ETHER, IFT_L2VLAN) else b""
            seen.add(link.index)
            try:
                ifi.accepts = bool(self.sys.ioctl(fd, SIOCGIFINFO_IN6(link.name)).flags & ND6_IFF_ACCEPT_RTADV)
            except KError:
                continue
        self.sys.close(fd)
        for ifi in [i for i in self.interfaces if i.index and i.index not in seen]:
            ifi.index = ifi.flags = 0
            ifi.timer, ifi.state, ifi.rainfo, ifi.trans = None, UNCONFIGURED, None, None
            if not ifi.persist:
                self.interfaces.remove(ifi)

    def persistent(self, name: str) -> None:
        """update_persist_ifinfo: an interface to advertise on, whether it exists yet or not."""
        ifi = next((i for i in self.interfaces if i.name == name), None)
        if ifi is None:
            ifi = Interface(name)
            self.interfaces.append(ifi)
        ifi.persist = True

    # configuration --------------------------------------------------------------------------------------------------
    async def load(self, name: str | None) -> None:
        """loadconfig_ifname."""
        self.update()
        try:
            text = decode(slurp(self.p, self.o.conffile))
        except KError:
            text = ""
        for ifi in self.interfaces:
            if name is not None and ifi.name != name:
                continue
            if not ifi.persist:
                continue
            if not ifi.index:
                await self.log(LOG_ERR, f"<loadconfig_ifname> {ifi.name} not found.  Ignored at this moment.")
            elif not await self._configure(ifi, text):
                text_ = f"<loadconfig_ifname> invalid configuration for {ifi.name}.  Ignored at this moment."
                await self.log(LOG_ERR, text_)

    async def _configure(self, ifi: Interface, text: str) -> bool:
        """getconfig."""
        if ifi.state == TRANSITIVE and ifi.rainfo is None:
            await self.log(LOG_INFO, f"<getconfig> {ifi.name} is shutting down.  Skipped.")
            return False
        caps = entry(text, ifi.name)
        if caps is None:
            why = "isn't defined in the configuration file or the configuration file doesn't exist. Treat it as default"
            await self.log(LOG_INFO, f"<getconfig> {ifi.name} {why}")
        own = [(a.addr, a.prefixlen) for a in dump_addrs(self.p, AF_INET6, ifi.index)]
        config = Config(Caps(caps or {}), ifi.name, ifi.mtu, own, self.uptime() // NS)
        try:
            rai: Rainfo | None = config.make()
        except ConfigError:
            rai = None
        for note in config.notes:
            self.p.stderr.write(note + "\n")
        for complaint in config.complaints:
            await self.log(LOG_ERR, complaint)
        if rai is None:
            return False
        self._apply(ifi, rai)
        self._install(ifi, rai)
        return True

    def _apply(self, ifi: Interface, rai: Rainfo) -> None:
        """The router itself lives by what it tells others."""
        fd = self.sys.socket(AF_INET6, SOCK_DGRAM)
        try:
            self.sys.ioctl(fd, SIOCSIFINFO_IN6(ifi.name, 0, rai.reachabletime, rai.retranstimer, rai.hoplimit))
        except KError:
            pass
        self.sys.close(fd)

    def _install(self, ifi: Interface, rai: Rainfo) -> None:
        """A new configuration goes out in a burst, after the old one was taken back in one."""
        if ifi.state == UNCONFIGURED:
            self._group(ifi, IPV6_JOIN_GROUP)
            ifi.trans = rai
            self._burst(ifi, INITIAL_COUNT, INITIAL_INTERVAL)
        elif ifi.state == CONFIGURED and ifi.rainfo is not None:
            ifi.rainfo.silence()
            ifi.trans = ifi.rainfo
            self._burst(ifi, FINAL_COUNT, MIN_DELAY)
        elif ifi.rainfo is ifi.trans:
            ifi.trans = rai
            self._burst(ifi, INITIAL_COUNT, INITIAL_INTERVAL)
        ifi.rainfo = rai

    def _burst(self, ifi: Interface, count: int, interval: int) -> None:
        ifi.state, ifi.burstcount, ifi.burstinterval = TRANSITIVE, count, interval
        ifi.timer = self.uptime() + interval * NS

    def _group(self, ifi: Interface, option: int) -> None:
        """Be, or be no more, one of all routers."""
        try:
            self.sys.setsockopt(self.raw, IPPROTO_IPV6, option, In6Pktinfo(LINKLOCAL_ALLROUTERS, ifi.index))
        except KError:
            pass

    # the loop -------------------------------------------------------------------------------------------------------
    async def _turn(self) -> bool:
        while self.signals:
            if self.signals.pop(0) == SIGHUP:
                self.reload.append(None)
            else:
                self.shutdown = True
        if self.shutdown and not await self._shutting():
            return False
        while self.reload and not self.waiting:
            name = self.reload.pop(0)
            await self.load(name)
            await self.log(LOG_INFO, f"configuration file {f'for {name} ' if name else ''}reloaded.")
        await self._timers()
        due = [t for t in self._deadlines() if t is not None]
        timeout = max(min(due) - self.uptime(), 0) if due else None
        fds = [(fd, POLLIN) for fd in (self.raw, self.events, self.control) if fd >= 0]
        try:
            ready = {fd for fd, _ in await self.sys.poll(fds, timeout)}
        except KError as e:
            if e.errno != EINTR:
                await self.log(LOG_ERR, f"poll() failed: {strerror(e.errno)}")
            return True
        if self.events in ready:
            await self._event()
        if self.raw in ready:
            await self._input()
        if self.control in ready:
            await self._order()
        return True

    def _deadlines(self) -> list[int | None]:
        expiring = [p.expire for i in self.interfaces if i.rainfo for p in i.rainfo.prefixes if p.expire]
        return [i.timer for i in self.interfaces] + list(expiring)

    async def _timers(self) -> None:
        now = self.uptime()
        for ifi in self.interfaces:
            if ifi.timer is not None and ifi.timer <= now:
                await self._output(ifi)
                self._rearm(ifi)
            if ifi.rainfo is not None:
                ifi.rainfo.prefixes = [p for p in ifi.rainfo.prefixes if not p.expire or p.expire > now]

    def _rearm(self, ifi: Interface) -> None:
        """ra_timer_update."""
        if ifi.state == UNCONFIGURED:
            ifi.timer = None
        elif ifi.state == TRANSITIVE or ifi.rainfo is None:
            ifi.timer = self.uptime() + ifi.burstinterval * NS
        else:
            rai = ifi.rainfo
            interval = rai.mininterval + self._random(max(rai.maxinterval - rai.mininterval, 1))
            ifi.timer = self.uptime() + interval * NS

    def _random(self, below: int) -> int:
        return int.from_bytes(random_bytes(self.p, 4), "big") % below

    async def _shutting(self) -> bool:
        """rtadvd_shutdown; False when nothing is left to do."""
        if self.waiting:
            for ifi in self.interfaces:
                if not ifi.flags & IFF_UP and ifi.timer is not None:
                    ifi.state, ifi.timer = UNCONFIGURED, None
            if all(ifi.timer is None for ifi in self.interfaces):
                await self.log(LOG_NOTICE, "gracefully terminated.")
                return False
            return True
        self.waiting = True
        for ifi in self.interfaces:
            for rai in (ifi.rainfo, ifi.trans):
                if rai is not None:
                    rai.silence()
            if not ifi.persist or ifi.state == UNCONFIGURED or ifi.timer is None:
                continue
            if not ifi.lastsent:
                ifi.state, ifi.timer = UNCONFIGURED, None
                continue
            ifi.trans, ifi.rainfo = ifi.rainfo, None
            self._burst(ifi, FINAL_COUNT, MIN_DELAY)
        await self.log(LOG_NOTICE, "final RA transmission started.")
        if self.pidfile is not None:
            self.pidfile.remove(self.p)
        self.sys.close(self.control)
        self.control = -1
        try:
            self.sys.unlink(self.o.control)
        except KError:
            pass
        return any(ifi.timer is not None for ifi in self.interfaces)

    # advertisements -------------------------------------------------------------------------------------------------
    async def _output(self, ifi: Interface) -> None:
        """ra_output."""
        rai = ifi.rainfo if ifi.state == CONFIGURED else ifi.trans
        if rai is None or ifi.state == UNCONFIGURED or not ifi.flags & IFF_UP:
            return
        if rai.lifetime:
            if not self.sys.sysctl("net.inet6.ip6.forwarding"):
                await self.log(LOG_ERR, "non-zero lifetime RA but net.inet6.ip6.forwarding=0.  Ignored.")
                return
            if ifi.accepts:
                await self.log(LOG_ERR, f"non-zero lifetime RA on RA receiving interface {ifi.name}.  Ignored.")
                return
        try:
            self.sys.setsockopt(self.raw, IPPROTO_IPV6, IPV6_PKTINFO, In6Pktinfo(bytes(16), ifi.index))
            packet = rai.packet(ifi.lladdr, self.uptime() // NS)
            await self.sys.sendto(self.raw, packet, SockaddrIn6(LINKLOCAL_ALLNODES, 0, ifi.index))
        except KError as e:
            await self.log(LOG_ERR, f"<ra_output> sendmsg on {ifi.name}: {strerror(e.errno)}")
        ifi.lastsent, ifi.waiting = self.uptime(), 0
        ifi.raoutput += 1
        ifi.burstcount = max(ifi.burstcount - 1, 0)
        if ifi.state == TRANSITIVE and ifi.burstcount == 0:
            ifi.trans = None
            ifi.state = CONFIGURED if ifi.rainfo is not None else UNCONFIGURED
            if ifi.rainfo is None:
                self._group(ifi, IPV6_LEAVE_GROUP)

    def _soon(self, ifi: Interface) -> None:
        """set_short_delay: within half a second, but three seconds after the last one."""
        if ifi.timer is None:
            return
        now = self.uptime()
        delay = min(self._random(MAX_RA_DELAY_US) * 1000, max(ifi.timer - now, 0))
        since = now - ifi.lastsent
        if since < MIN_DELAY * NS:
            delay += MIN_DELAY * NS - since
        ifi.timer = now + delay

    async def _input(self) -> None:
        """rtadvd_input."""
        message = cast(Message, await self.sys.recvmsg(self.raw, 1500))
        info = cast("In6Pktinfo | None", message.control.get(IPV6_PKTINFO))
        source, data = cast(SockaddrIn6, message.name), message.data
        if info is None or len(data) < 8:
            return
        ifi = next((i for i in self.interfaces if i.index == info.ifindex), None)
        if ifi is None or not ifi.flags & IFF_UP or message.control.get(IPV6_HOPLIMIT) != 255 or data[1]:
            return
        if data[0] == ND_ROUTER_SOLICIT:
            options = nd_options(data[8:])
            bad = options is None or (source.addr == UNSPECIFIED and ND_OPT_SOURCE_LINKADDR in options)
            if bad or ifi.rainfo is None:
                return
            ifi.rsinput += 1
            ifi.waiting += 1
            if ifi.waiting == 1:
                self._soon(ifi)
        elif len(data) >= 16 and is_linklocal(source.addr):
            await self._other(ifi, inet_ntop(source.addr), data)

    async def _other(self, ifi: Interface, sender: str, data: bytes) -> None:
        """ra_input: another router's advertisement should agree with ours."""
        rai = ifi.rainfo
        ifi.rainput += 1
        if rai is None:
            return
        told = (
            ("CurHopLimit", data[4], rai.hoplimit), ("M flag", data[5] & 0x80, rai.flags & 0x80),
            ("O flag", data[5] & 0x40, rai.flags & 0x40),
            ("ReachableTime", int.from_bytes(data[8:12], "big"), rai.reachabletime),
            ("RetranceTimer", int.from_bytes(data[12:16], "big"), rai.retranstimer),
        )  # fmt: skip
        wrong = False
        for what, theirs, ours in told:
            if theirs != ours and (("flag" in what) or (theirs and ours)):
                wrong = True
                await self.log(LOG_NOTICE, f"{what} inconsistent on {ifi.name}: {theirs} from {sender}, {ours} from us")
        if wrong:
            ifi.rainconsistent += 1

    async def _event(self) -> None:
        """rtmsg_input: interfaces and their prefixes change."""
        message: Any = await self.sys.recvmsg(self.events, 65536)
        before = {ifi.index: (ifi.name, ifi.flags & IFF_UP) for ifi in self.interfaces if ifi.index}
        self.update()
        for ifi in self.interfaces:
            if ifi.persist and ifi.index and ifi.index not in before:
                self.reload.append(ifi.name)
            elif ifi.index and ifi.rainfo is not None and before[ifi.index][1] != ifi.flags & IFF_UP:
                if ifi.flags & IFF_UP:
                    ifi.trans = ifi.rainfo
                    self._burst(ifi, INITIAL_COUNT, INITIAL_INTERVAL)
                else:
                    ifi.timer = None
        event = message.name
        if isinstance(event, NlEvent) and isinstance(event.what, RtMsg):
            self._route(event.action, event.what)

    def _route(self, action: str, route: RtMsg) -> None:
        """A direct route of the interface is a prefix on it."""
        ifi = next((i for i in self.interfaces if i.index == route.oif), None)
        direct = route.gateway is None or not route.gateway.addr
        if ifi is None or ifi.rainfo is None or len(route.dst) != 16 or not direct or not 4 <= route.plen <= 127:
            return
        if is_linklocal(route.dst) or route.dst[0] == 0xFF:
            return
        prefix = ifi.rainfo.find(route.dst, route.plen)
        if action == "new":
            if prefix is None:
                ifi.rainfo.prefixes.append(Prefix(masked(route.dst, route.plen), route.plen, "DYNAMIC"))
            elif prefix.expire:
                prefix.expire = 0
            else:
                return
        elif prefix is not None and not prefix.expire:
            prefix.expire = self.uptime() + PREFIX_TIMO * NS
        else:
            return
        if ifi.flags & IFF_UP:
            self._soon(ifi)

    # rtadvctl -------------------------------------------------------------------------------------------------------
    async def _order(self) -> None:
        """One request on the control socket: "WHAT INTERFACE\\n", answered with JSON; an empty answer means failure."""
        fd, _ = await self.sys.accept(self.control)
        try:
            line = b""
            while not line.endswith(b"\n") and (data := await self.sys.read(fd, 1024)):
                line += data
            what, _, name = decode(line).rstrip("\n").partition(" ")
            answer = self._answer(what, name)
            if answer is not None:
                await self.sys.write(fd, dumps(answer).encode() + b"\n")
        except KError:
            pass
        self.sys.close(fd)

    def _answer(self, what: str, name: str) -> Any:
        ifi = next((i for i in self.interfaces if i.name == name), None)
        if what == "version":
            return "1.0"
        if what == "echo":
            return ""
        if what == "ifilist":
            return [i.name for i in self.interfaces]
        if what == "ifi":
            return None if ifi is None else self._describe(ifi)
        if what == "shutdown":
            self.shutdown = True
        elif what == "reload":
            self.reload.append(name or None)
        elif what == "enable" and ifi is not None:
            ifi.persist = True
            self.reload.append(name)
        elif what == "disable" and ifi is not None and ifi.persist:
            ifi.persist = False
            ifi.state, ifi.timer, ifi.rainfo, ifi.trans = UNCONFIGURED, None, None, None
            self._group(ifi, IPV6_LEAVE_GROUP)
        elif what not in ("enable", "disable"):
            return None
        return True

    def _describe(self, ifi: Interface) -> dict[str, Any]:
        """Everything `rtadvctl show` tells of an interface."""
        now = self.uptime()
        told: dict[str, Any] = {
            "index": ifi.index, "up": bool(ifi.flags & IFF_UP), "state": ifi.state, "persist": ifi.persist, "mtu": ifi.mtu,
            "accepts": ifi.accepts, "timer": ifi.timer, "lastsent": ifi.lastsent, "burstcount": ifi.burstcount,
            "burstinterval": ifi.burstinterval, "waiting": ifi.waiting, "raoutput": ifi.raoutput, "rainput": ifi.rainput,
            "rainconsistent": ifi.rainconsistent, "rsinput": ifi.rsinput,
        }  # fmt: skip
        rai = ifi.rainfo
        if rai is not None:
            told["rai"] = {
                "lifetime": rai.lifetime, "mininterval": rai.mininterval, "maxinterval": rai.maxinterval,
                "linkmtu": rai.linkmtu, "flags": rai.flags, "rtpref": rai.rtpref, "reachabletime": rai.reachabletime,
                "retranstimer": rai.retranstimer, "hoplimit": rai.hoplimit, "advifprefix": rai.advifprefix,
                "clockskew": rai.clockskew,
                "routes": [(inet_ntop(a), plen, pref, ltime) for a, plen, pref, ltime in rai.routes],
                "prefixes": [
                    {
                        "prefix": inet_ntop(p.network), "plen": p.plen, "origin": p.origin, "onlink": p.onlink, "auto": p.auto,
                        "vltime": p.vltime, "pltime": p.pltime, "vltimeexpire": p.vltimeexpire, "pltimeexpire": p.pltimeexpire,
                        "rest": (p.expire - now) // NS if p.expire else None,
                    }
                    for p in rai.prefixes
                ],
                "rdnss": [([inet_ntop(a) for a in addrs], ltime) for addrs, ltime in rai.rdnss],
                "dnssl": rai.dnssl,
            }  # fmt: skip
        return told
