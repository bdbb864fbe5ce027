"""Interfaces as rtsold(8) sees them: are they up, ready, active (usr.sbin/rtsold/if.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, KError, strerror
from vshell.abi.if_media import IFM_ACTIVE, IFM_AVALID, IFM_ETHER, IFM_IEEE80211, IFM_NMASK
from vshell.abi.in6 import (
    IN6_IFF_DUPLICATED,
    IN6_IFF_NOTREADY,
    IN6_IFF_TENTATIVE,
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_IFDISABLED,
    SIOCGIFINFO_IN6,
    SIOCSIFINFO_FLAGS,
)  # fmt: skip
from vshell.abi.socket import AF_INET6, SOCK_DGRAM
from vshell.abi.sockio import (
    IFF_DRV_RUNNING,
    IFF_LOOPBACK,
    IFF_MULTICAST,
    IFF_UP,
    IFT_ETHER,
    IFT_L2VLAN,
    SIOCGIFFLAGS,
    SIOCGIFMEDIA,
    SIOCSIFFLAGS,
)  # fmt: skip
from vshell.commands.rtsold.log import LOG_DEBUG, LOG_ERR, LOG_WARNING, Log
from vshell.userland.addr import is_linklocal
from vshell.userland.program import Program
from vshell.userland.rtnl import dump_addrs, dump_links

IFS_IDLE, IFS_DELAY, IFS_PROBE, IFS_DOWN, IFS_TENTATIVE = range(5)
STATES = ("IDLE", "DELAY", "PROBE", "DOWN", "TENTATIVE")
FOREVER = 1 << 62


class RaOption:
    """Something an advertisement told, until it expires (ns of uptime)."""

    def __init__(self, kind: int, text: str, expire: int) -> None:
        self.kind, self.text, self.expire = kind, text, expire


class Interface:
    """struct ifinfo."""

    def __init__(self, name: str, index: int, packet: bytes) -> None:
        self.name, self.index, self.packet = name, index, packet
        self.state = IFS_DOWN
        self.active = 0
        self.probes = self.dadcount = self.racnt = 0
        self.probeinterval = self.probetimer = 0
        self.mediareqok = True
        self.managed = self.other = self.always = False
        self.timer = 0
        self.expire = FOREVER
        self.routers: dict[bytes, list[RaOption]] = {}
        """Options by the router that sent them."""
        self.told = False
        """Resolvers were handed on."""


class Interfaces:
    """Questions to the kernel about them."""

    def __init__(self, p: Program, log: Log, force: bool) -> None:
        self.p, self.log, self.force = p, log, force
        self.fd = p.sys.socket(AF_INET6, SOCK_DGRAM)

    def find(self, name: str) -> tuple[int, bytes] | None:
        """(index, source link-layer address option) of an interface."""
        for link in dump_links(self.p):
            if link.name == name:
                ether = link.type in (IFT_ETHER, IFT_L2VLAN)
                return link.index, bytes((1, 1)) + link.lladdr if ether else b""
        return None

    async def probe(self) -> list[str]:
        """-a: those that are up and accept advertisements."""
        found: list[str] = []
        for link in dump_links(self.p):
            usable = link.flags & IFF_UP and link.flags & IFF_MULTICAST and not link.flags & IFF_LOOPBACK
            if not usable or not dump_addrs(self.p, AF_INET6, link.index):
                continue
            flags = self.p.sys.ioctl(self.fd, SIOCGIFINFO_IN6(link.name)).flags
            if self.force or (flags & ND6_IFF_ACCEPT_RTADV and not flags & ND6_IFF_IFDISABLED):
                if found and self.log.debug > 1:
                    await self.log.warn(LOG_WARNING, "autoifprobe", "multiple interfaces found")
                found.append(link.name)
        if self.log.debug:
            for name in found:
                await self.log.warn(LOG_WARNING, "autoifprobe", f"probing {name}")
        return found

    async def accept(self, name: str) -> bool:
        """-F: let the interface accept advertisements."""
        try:
            flags = self.p.sys.ioctl(self.fd, SIOCGIFINFO_IN6(name)).flags
            self.p.sys.ioctl(self.fd, SIOCSIFINFO_FLAGS(name, flags | ND6_IFF_ACCEPT_RTADV))
        except KError:
            await self.log.warn(LOG_ERR, "ifconfig", "cannot set accept_rtadv flag")
            return False
        return True

    async def up(self, name: str) -> int:
        """interface_up: 0 if it is ready, IFS_TENTATIVE, or -1."""
        sys, what = self.p.sys, "interface_up"
        try:
            flags = sys.ioctl(self.fd, SIOCGIFFLAGS(name))
        except KError as e:
            await self.log.warn(LOG_WARNING, what, f"ioctl(SIOCGIFFLAGS): {strerror(e.errno)}")
            return -1
        if not flags & IFF_UP:
            try:
                sys.ioctl(self.fd, SIOCSIFFLAGS(name, flags | IFF_UP))
            except KError as e:
                await self.log.warn(LOG_ERR, what, f"ioctl(SIOCSIFFLAGS): {strerror(e.errno)}")
            return -1
        await self.log.warn(LOG_DEBUG, what, f"checking if {name} is ready...")
        for bit, wanted, text in (
            (ND6_IFF_IFDISABLED, 0, "is disabled."),
            (ND6_IFF_ACCEPT_RTADV, ND6_IFF_ACCEPT_RTADV, "does not accept Router Advertisement."),
        ):
            nd = sys.ioctl(self.fd, SIOCGIFINFO_IN6(name)).flags
            if nd & bit == wanted:
                continue
            if not self.force:
                await self.log.warn(LOG_WARNING, what, f"{name} {text}")
                return -1
            sys.ioctl(self.fd, SIOCSIFINFO_FLAGS(name, nd ^ bit))
        return await self._linklocal(name)

    async def _linklocal(self, name: str) -> int:
        for each in dump_addrs(self.p, AF_INET6):
            if each.ifname != name or not is_linklocal(each.addr):
                continue
            if not each.flags & IN6_IFF_NOTREADY:
                await self.log.warn(LOG_DEBUG, "interface_up", f"{name} is ready")
                return 0
            if each.flags & IN6_IFF_TENTATIVE:
                await self.log.warn(LOG_DEBUG, "interface_up", f"{name} is tentative")
                return IFS_TENTATIVE
            if each.flags & IN6_IFF_DUPLICATED:
                await self.log.warn(LOG_DEBUG, "interface_up", f"{name} is duplicated")
            return -1
        await self.log.warn(LOG_WARNING, "interface_up", "cap_llflags_get() failed, anyway I'll try")
        return 0

    async def status(self, ifi: Interface) -> int:
        """interface_status: 1 if the link works, 0 if not, -1 if that cannot be told."""
        sys = self.p.sys
        try:
            flags = sys.ioctl(self.fd, SIOCGIFFLAGS(ifi.name))
        except KError as e:
            text = f"ioctl(SIOCGIFFLAGS) on {ifi.name}: {strerror(e.errno)}"
            await self.log.warn(LOG_ERR, "interface_status", text)
            return -1
        if flags & (IFF_UP | IFF_DRV_RUNNING) != IFF_UP | IFF_DRV_RUNNING:
            return 0
        if not ifi.mediareqok:
            return 1
        try:
            media = sys.ioctl(self.fd, SIOCGIFMEDIA(ifi.name))
        except KError as e:
            if e.errno != EINVAL:
                return -1
            ifi.mediareqok = False
            return 1
        if media.status & IFM_AVALID and media.active & IFM_NMASK in (IFM_ETHER, IFM_IEEE80211):
            return int(bool(media.status & IFM_ACTIVE))
        return 0
