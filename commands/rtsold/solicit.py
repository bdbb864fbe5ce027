"""The work of rtsold(8): timers, solicitations, what advertisements tell (usr.sbin/rtsold/rtsold.c, rtsol.c, dump.c)."""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import EINTR, ENETDOWN, KError, strerror
from vshell.abi.fcntl import O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, POLLIN
from vshell.abi.in6 import (
    ICMP6_FILTER,
    IPV6_HOPLIMIT,
    IPV6_MULTICAST_HOPS,
    IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO,
    In6Pktinfo,
    NdRouter,
    NdRouterDump,
)  # fmt: skip
from vshell.abi.signal import SIGINT, SIGTERM, SIGUSR1
from vshell.abi.socket import AF_INET6, IPPROTO_ICMPV6, IPPROTO_IPV6, IPPROTO_NONE, SOCK_RAW, Message, SockaddrIn6
from vshell.commands.rtsold.interface import (
    FOREVER,
    IFS_DELAY,
    IFS_DOWN,
    IFS_IDLE,
    IFS_PROBE,
    IFS_TENTATIVE,
    STATES,
    Interface,
    Interfaces,
    RaOption,
)  # fmt: skip
from vshell.commands.rtsold.log import LOG_DEBUG, LOG_ERR, LOG_INFO, Log
from vshell.commands.rtsold.options import Options
from vshell.userland.addr import inet_ntop, is_linklocal
from vshell.userland.pidfile import Pidfile
from vshell.userland.program import Program
from vshell.userland.rtnl import request
from vshell.userland.slurp import random_bytes
from vshell.userland.system import wait_for
from vshell.wire.ip6 import LINKLOCAL_ALLROUTERS, ND_OPT_DNSSL, ND_OPT_RDNSS, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT

NS = 1_000_000_000
MAX_RTR_SOLICITATION_DELAY, RTR_SOLICITATION_INTERVAL, MAX_RTR_SOLICITATIONS, PROBE_INTERVAL, DADRETRY = 1, 4, 3, 60, 10
DUMPFILE = "/var/run/rtsold.dump"
RA_MANAGED, RA_OTHER = 0x80, 0x40


class Rtsold:
    """The program."""

    def __init__(self, p: Program, options: Options, pidfile: Pidfile | None = None) -> None:
        self.p, self.sys, self.options, self.pidfile = p, p.sys, options, pidfile
        self.log = Log(p, options.debug, "f" in options.flags)
        self.found: list[Interface] = []
        self.signals: list[int] = []
        self.receiver = self.sender = -1

    async def run(self) -> int:
        """Until it is told to end; with -1 until every interface heard an advertisement or gave up."""
        self.interfaces = Interfaces(self.p, self.log, "F" in self.options.flags)
        if self.pidfile is not None:
            for sig in (SIGTERM, SIGINT, SIGUSR1):
                self.sys.sigaction(sig, self.signals.append)
        if not await self._open():
            return 1
        names = await self.interfaces.probe() if "a" in self.options.flags else self.options.interfaces
        for name in names:
            if not await self._configure(name):
                await self.log.warn(LOG_ERR, "main", f"failed to initialize {name}")
                return 1
        if self.pidfile is not None:
            self.pidfile.write(self.p)
        while await self._step():
            pass
        return 0

    async def _open(self) -> bool:
        sys = self.sys
        try:
            self.receiver = sys.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
            self.sender = sys.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
        except KError as e:
            await self.log.warn(LOG_ERR, "recvsockopen", f"socket: {strerror(e.errno)}")
            await self.log.warn(LOG_ERR, "main", "failed to open receive socket")
            return False
        for option in (IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT):
            sys.setsockopt(self.receiver, IPPROTO_IPV6, option, 1)
        sys.setsockopt(self.receiver, IPPROTO_ICMPV6, ICMP6_FILTER, [k for k in range(256) if k != ND_ROUTER_ADVERT])
        sys.setsockopt(self.sender, IPPROTO_ICMPV6, ICMP6_FILTER, list(range(256)))
        sys.setsockopt(self.sender, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255)
        return True

    async def _configure(self, name: str) -> bool:
        what = self.interfaces.find(name)
        if what is None:
            await self.log.warn(LOG_ERR, "ifconfig", f"failed to get link layer information for {name}")
            return False
        index, option = what
        if any(ifi.index == index for ifi in self.found):
            await self.log.warn(LOG_ERR, "ifconfig", f"interface {name} was already configured")
            return False
        if self.interfaces.force and not await self.interfaces.accept(name):
            return False
        if not option:
            text = f"link-layer address option has null length on {name}. Treat as not included."
            await self.log.warn(LOG_INFO, "make_packet", text)
        ifi = Interface(name, index, bytes((ND_ROUTER_SOLICIT,)) + bytes(7) + option)
        ifi.active = await self.interfaces.status(ifi)
        if not ifi.mediareqok:
            ifi.probeinterval = PROBE_INTERVAL
        await self._readiness(ifi)
        self._arm(ifi)
        self.found.append(ifi)
        return True

    async def _readiness(self, ifi: Interface) -> None:
        ready = await self.interfaces.up(ifi.name)
        ifi.state = IFS_DELAY if ready == 0 else IFS_TENTATIVE if ready == IFS_TENTATIVE else IFS_DOWN

    # time -----------------------------------------------------------------------------------------------------------
    def _arm(self, ifi: Interface) -> None:
        """rtsol_timer_update."""
        timer = 0
        if ifi.state in (IFS_DOWN, IFS_TENTATIVE):
            ifi.dadcount += 1
            timer = NS
            if ifi.dadcount > DADRETRY:
                ifi.dadcount, timer = 0, PROBE_INTERVAL * NS
        elif ifi.state == IFS_IDLE:
            timer = 3 * NS if "m" in self.options.flags else FOREVER
        elif ifi.state == IFS_DELAY:
            if "i" not in self.options.flags:
                micro = int.from_bytes(random_bytes(self.p, 4), "big") % (MAX_RTR_SOLICITATION_DELAY * 1_000_000)
                timer = micro * 1000
        else:
            more = ifi.probes < MAX_RTR_SOLICITATIONS
            timer = (RTR_SOLICITATION_INTERVAL if more else MAX_RTR_SOLICITATION_DELAY) * NS
        ifi.timer = timer
        ifi.expire = FOREVER if timer == FOREVER else self.sys.clock_gettime("uptime") + timer

    async def _step(self) -> bool:
        """One turn of the loop; False at the end."""
        while self.signals:
            if self.signals.pop(0) == SIGUSR1:
                self._dump()
                continue
            if self.pidfile is not None:
                self.pidfile.remove(self.p)
            return False
        deadline = await self._timers()
        if "1" in self.options.flags:
            waiting = any(ifi.state != IFS_DOWN and ifi.racnt == 0 for ifi in self.found)
            if deadline == FOREVER or not waiting:
                return False
        timeout = None if deadline == FOREVER else max(deadline - self.sys.clock_gettime("uptime"), 0)
        try:
            ready = await self.sys.poll([(self.receiver, POLLIN)], timeout)
        except KError as e:
            if e.errno != EINTR:
                await self.log.warn(LOG_ERR, "main", f"kevent(): {strerror(e.errno)}")
            return True
        if ready:
            await self._input()
        return True

    async def _timers(self) -> int:
        """rtsol_check_timer: what is due; when the next thing will be."""
        now = self.sys.clock_gettime("uptime")
        for ifi in self.found:
            if ifi.expire <= now:
                ifi.routers.clear()
                await self._expired(ifi)
                self._arm(ifi)
                continue
            gone = False
            for options in ifi.routers.values():
                for each in [o for o in options if o.expire <= now]:
                    options.remove(each)
                    gone = True
            if gone:
                await self._resolvers(ifi)
        return min((ifi.expire for ifi in self.found), default=FOREVER)

    async def _expired(self, ifi: Interface) -> None:
        if ifi.state in (IFS_DOWN, IFS_TENTATIVE):
            await self._readiness(ifi)
        elif ifi.state == IFS_IDLE:
            await self._idle(ifi)
        elif ifi.state == IFS_DELAY:
            ifi.state = IFS_PROBE
            await self._solicit(ifi)
        elif ifi.probes < MAX_RTR_SOLICITATIONS:
            await self._solicit(ifi)
        else:
            await self.log.warn(LOG_INFO, "rtsol_check_timer", f"No answer after sending {ifi.probes} RSs")
            ifi.probes, ifi.state = 0, IFS_IDLE

    async def _idle(self, ifi: Interface) -> None:
        """-m: look whether the host moved to another link."""
        before = ifi.active
        ifi.active = await self.interfaces.status(ifi)
        probe = before != ifi.active
        if probe:
            ifi.state = IFS_DELAY
        elif ifi.probeinterval:
            ifi.probetimer -= ifi.timer // NS
            if ifi.probetimer <= 0:
                ifi.probetimer, ifi.state, probe = ifi.probeinterval, IFS_PROBE, True
        if probe:
            ifi.managed = ifi.other = ifi.always = False
            await self._probe_routers(ifi)

    async def _probe_routers(self, ifi: Interface) -> None:
        """An empty packet to each router makes neighbour discovery look whether it is still there."""
        fd = self.sys.socket(AF_INET6, SOCK_RAW, IPPROTO_NONE)
        for router in cast("list[NdRouter]", request(self.p, NdRouterDump())):
            if router.ifindex == ifi.index and is_linklocal(router.rtaddr):
                try:
                    await self.sys.sendto(fd, b"", SockaddrIn6(router.rtaddr, 0, ifi.index))
                except KError:
                    continue
        self.sys.close(fd)

    async def _solicit(self, ifi: Interface) -> None:
        ifi.probes += 1
        try:
            self.sys.setsockopt(self.sender, IPPROTO_IPV6, IPV6_PKTINFO, In6Pktinfo(bytes(16), ifi.index))
            await self.sys.sendto(self.sender, ifi.packet, SockaddrIn6(LINKLOCAL_ALLROUTERS, 0, ifi.index))
        except KError as e:
            if e.errno != ENETDOWN or self.options.debug:
                await self.log.warn(LOG_ERR, "cap_rssend", f"sendmsg on {ifi.name}: {strerror(e.errno)}")

    # advertisements -------------------------------------------------------------------------------------------------
    async def _input(self) -> None:
        """rtsol_input."""
        message = cast(Message, await self.sys.recvmsg(self.receiver, 1500))
        source = cast(SockaddrIn6, message.name)
        info = cast("In6Pktinfo | None", message.control.get(IPV6_PKTINFO))
        data = message.data
        if info is None or len(data) < 16 or message.control.get(IPV6_HOPLIMIT) != 255 or not is_linklocal(source.addr):
            await self.log.warn(
                LOG_INFO, "rtsol_input", f"packet size({len(data)}) is too short" if len(data) < 16 else "invalid RA"
            )
            return
        ifi = next((i for i in self.found if i.index == info.ifindex), None)
        if ifi is None or data[1]:
            return
        where = f"{inet_ntop(source.addr)} on {ifi.name}"
        await self.log.warn(LOG_DEBUG, "rtsol_input", f"received RA from {where}, state is {ifi.state}")
        await self._flags(ifi, data[5], inet_ntop(source.addr))
        await self._options(ifi, source.addr, data)
        await self._resolvers(ifi)
        ifi.racnt += 1
        if ifi.state == IFS_PROBE:
            ifi.state, ifi.probes = IFS_IDLE, 0
            self._arm(ifi)

    async def _flags(self, ifi: Interface, flags: int, sender: str) -> None:
        """Scripts for those who want a configuration from elsewhere."""
        if flags & RA_MANAGED and not ifi.managed:
            ifi.managed = True
            await self._script("M", ifi.name, sender)
        if flags & RA_OTHER and not ifi.other:
            ifi.other = True
            if not ifi.managed:
                await self._script("O", ifi.name, sender)
        if not ifi.always:
            ifi.always = True
            await self._script("A", ifi.name, sender)

    async def _options(self, ifi: Interface, source: bytes, data: bytes) -> None:
        options = ifi.routers.setdefault(source, [])
        at = 16
        while at + 2 <= len(data):
            size = data[at + 1] * 8
            if not size or at + size > len(data):
                text = "option length overflow." if size else "invalid option length 0."
                await self.log.warn(LOG_INFO, "rtsol_input", text)
                return
            option = data[at : at + size]
            texts: list[str] = []
            if option[0] == ND_OPT_RDNSS and size >= 24 and size // 8 % 2:
                for i in range(8, size, 16):
                    addr = option[i : i + 16]
                    texts.append(inet_ntop(addr) + (f"%{ifi.name}" if is_linklocal(addr) else ""))
            elif option[0] == ND_OPT_DNSSL and size >= 16:
                texts = domains(option[8:])
            self._remember(options, option, texts)
            at += size

    def _remember(self, options: list[RaOption], option: bytes, texts: list[str]) -> None:
        expire = self.sys.clock_gettime("uptime") + int.from_bytes(option[4:8], "big") * NS
        for text in texts:
            old = next((o for o in options if (o.kind, o.text) == (option[0], text)), None)
            if old is not None:
                old.expire = expire
            else:
                options.append(RaOption(option[0], text, expire))

    async def _resolvers(self, ifi: Interface) -> None:
        """ra_opt_handler: hand name servers and domains to resolvconf(8)."""
        per_router = "u" in self.options.flags
        servers = search = ""
        for router, options in ifi.routers.items():
            servers += "".join(f"nameserver {o.text}\n" for o in options if o.kind == ND_OPT_RDNSS)
            for each in [o.text for o in options if o.kind == ND_OPT_DNSSL][:6]:
                if len(search) + len(each) + 1 <= 256:
                    search = (search or "search ") + each + " "
            if per_router:
                await self._dispatch(ifi, f"{ifi.name}:slaac:[{inet_ntop(router)}%{ifi.name}]", servers, search)
                servers = search = ""
        if not per_router:
            await self._dispatch(ifi, f"{ifi.name}:slaac", servers, search)

    async def _dispatch(self, ifi: Interface, rsid: str, servers: str, search: str) -> None:
        if servers or search:
            ifi.told = True
            await self._script("R", "-a", rsid, text=servers + (search + "\n" if search else ""))
        elif ifi.told:
            ifi.told = False
            await self._script("R", "-d", rsid)

    async def _script(self, letter: str, *args: str, text: str = "") -> None:
        """Run a script with `text` on its standard input, and wait for it."""
        path = self.options.scripts.get(letter)
        if path is None:
            return
        sys = self.sys
        reader, writer = sys.pipe()
        argv = [path, *args]

        async def child(own: object) -> int:
            from vshell.abi.syscalls import Syscalls

            mine = cast(Syscalls, own)
            mine.close(writer)
            null = mine.open("/dev/null", O_RDWR)
            mine.dup2(reader, 0)
            for fd in (null, reader):
                if fd > 2:
                    mine.close(fd)
            try:
                mine.execve(path, argv, {})
            except KError:
                return 1

        pid = sys.fork(child)
        sys.close(reader)
        try:
            await sys.write(writer, text.encode())
        except KError as e:
            await self.log.warn(LOG_ERR, "call_script", f"write to child failed: {strerror(e.errno)}")
        sys.close(writer)
        status = await wait_for(self.p, pid)
        await self.log.warn(LOG_DEBUG, "call_script", f'script "{path}" status {status}')

    # SIGUSR1 --------------------------------------------------------------------------------------------------------
    def _dump(self) -> None:
        """rtsold_dump."""
        now = self.sys.clock_gettime("uptime")
        text = "".join(dump_interface(ifi, now) for ifi in self.found)
        try:
            fd = self.sys.open(DUMPFILE, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        except KError:
            return
        self.sys.write_nowait(fd, text.encode())
        self.sys.close(fd)


def domains(data: bytes) -> list[str]:
    """The names in a DNSSL option."""
    found: list[str] = []
    at = 0
    while at < len(data) and data[at]:
        labels: list[str] = []
        while at < len(data) and data[at]:
            size = data[at] & 0x3F
            labels.append(data[at + 1 : at + 1 + size].decode("ascii", "replace"))
            at += size + 1
        at += 1
        name = ".".join(labels)
        if name and all(c.isalnum() or c in "-." for c in name):
            found.append(name)
    return found


def sec2str(seconds: int) -> str:
    """1d2h3m4s."""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    text = f"{days}d" if days else ""
    text += f"{hours}h" if text or hours else ""
    text += f"{minutes}m" if text or minutes else ""
    return text + f"{seconds % 60}s"


def dump_interface(ifi: Interface, now: int) -> str:
    """What is known of one interface."""
    onoff = ("off", "on")
    lines = [f"Interface {ifi.name}"]
    if ifi.probeinterval:
        lines += [f"  probe interval: {ifi.probeinterval}", f"  probe timer: {ifi.probetimer}"]
    else:
        lines += ["  probe interval: infinity", "  no probe timer"]
    lines += [
        f"  interface status: {'active' if ifi.active > 0 else 'inactive'}",
        f"  managed config: {onoff[ifi.managed]}",
        f"  other config: {onoff[ifi.other]}",
        f"  rtsold status: {STATES[ifi.state]}",
        f"  carrier detection: {'available' if ifi.mediareqok else 'unavailable'}",
        f"  probes: {ifi.probes}, dadcount = {ifi.dadcount}",
    ]
    if ifi.timer == FOREVER:
        lines.append("  no timer")
    else:
        expire = "expired" if ifi.expire < now else sec2str((ifi.expire - now) // NS)
        lines.append(f"  timer: interval={ifi.timer // NS}:{ifi.timer % NS // 1000}, expire={expire}")
    lines.append(f"  number of valid RAs: {ifi.racnt}")
    for router, options in ifi.routers.items():
        lines.append(f"   RA from {inet_ntop(router)}")
        for each in options:
            kind = "RDNSS" if each.kind == ND_OPT_RDNSS else "DNSSL"
            lines.append(f"    option: {kind}: {each.text} (expire: {sec2str((each.expire - now) // NS)})")
        lines.append("")
    return "\n".join(lines) + "\n"
