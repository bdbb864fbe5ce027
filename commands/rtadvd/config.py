"""What an interface advertises: from rtadvd.conf(5) and its own prefixes, and the packet of it (usr.sbin/rtadvd/config.c)."""

from __future__ import annotations

from vshell.commands.rtadvd.remcap import Caps
from vshell.userland.addr import inet_pton6, is_linklocal, masked
from vshell.wire.ip6 import (
    ND_OPT_DNSSL,
    ND_OPT_MTU,
    ND_OPT_PREFIX_INFORMATION,
    ND_OPT_RDNSS,
    ND_OPT_ROUTE_INFO,
    ND_OPT_SOURCE_LINKADDR,
    ND_ROUTER_ADVERT,
)

DEF_MAXRTRADVINTERVAL = 600
MIN_MAXINTERVAL, MAX_MAXINTERVAL, MIN_MININTERVAL = 4, 1800, 3
MAXROUTERLIFETIME, MAXREACHABLETIME = 9000, 3600000
DEF_VLTIME, DEF_PLTIME = 2592000, 604800
DEF_CURHOPLIMIT = 64
MAXPREFIX = MAXROUTE = MAXRDNSS = MAXDNSSL = 100
IPV6_MMTU = 1280
U32 = 0xFFFFFFFF
MANAGED, OTHER, HIGH, LOW, RSV, RTPREF_MASK = 0x80, 0x40, 0x08, 0x18, 0x10, 0x18
ONLINK, AUTO = 0x80, 0x40
ND_OPT_PREF64 = 38
PREF64_LENGTHS = {96: 0, 64: 1, 56: 2, 48: 3, 40: 4, 32: 5}


class ConfigError(Exception):
    """The entry as a whole cannot be used."""


class Prefix:
    """A prefix that is advertised (struct prefix)."""

    def __init__(self, network: bytes, plen: int, origin: str) -> None:
        self.network, self.plen, self.origin = network, plen, origin
        self.vltime, self.pltime = DEF_VLTIME, DEF_PLTIME
        self.vltimeexpire = self.pltimeexpire = 0
        """Uptime in seconds where lifetimes count down, else 0."""
        self.onlink = self.auto = True
        self.expire = 0
        """Uptime (ns) at which a prefix that the interface lost is forgotten, 0 if it has not."""

    def lifetimes(self, now: int) -> tuple[int, int]:
        """What is advertised at uptime `now` (seconds)."""
        if self.expire:
            return 0, 0
        vltime = max(self.vltimeexpire - now, 0) if self.vltimeexpire else self.vltime
        pltime = max(self.pltimeexpire - now, 0) if self.pltimeexpire else self.pltime
        return vltime, min(vltime, pltime)


class Rainfo:
    """What goes into an advertisement (struct rainfo)."""

    def __init__(self) -> None:
        self.advlinkopt = self.advifprefix = True
        self.maxinterval, self.mininterval, self.lifetime = DEF_MAXRTRADVINTERVAL, 200, 1800
        self.hoplimit = DEF_CURHOPLIMIT
        self.flags = self.rtpref = 0
        self.reachabletime = self.retranstimer = self.linkmtu = self.clockskew = 0
        self.prefixes: list[Prefix] = []
        self.routes: list[tuple[bytes, int, int, int]] = []
        """Prefix, length, preference, lifetime."""
        self.rdnss: list[tuple[list[bytes], int]] = []
        self.dnssl: list[tuple[list[str], int]] = []
        self.pref64: tuple[bytes, int, int] | None = None

    def silence(self) -> None:
        """From now on it says that this is no router any more."""
        self.lifetime = 0
        self.rdnss = [(addrs, 0) for addrs, _ in self.rdnss]
        self.dnssl = [(names, 0) for names, _ in self.dnssl]

    def find(self, network: bytes, plen: int) -> Prefix | None:
        """The prefix in the list that agrees in `plen` bits."""
        for prefix in self.prefixes:
            if prefix.plen == plen and masked(prefix.network, plen) == masked(network, plen):
                return prefix
        return None

    def packet(self, lladdr: bytes, now: int) -> bytes:
        """The ICMPv6 message, checksum zero."""
        flags = self.flags & (MANAGED | OTHER) | self.rtpref
        out = bytes((ND_ROUTER_ADVERT, 0, 0, 0, self.hoplimit, flags))
        out += self.lifetime.to_bytes(2, "big") + self.reachabletime.to_bytes(4, "big") + self.retranstimer.to_bytes(4, "big")
        if self.advlinkopt and lladdr:
            out += bytes((ND_OPT_SOURCE_LINKADDR, 1)) + lladdr
        if self.linkmtu:
            out += bytes((ND_OPT_MTU, 1, 0, 0)) + self.linkmtu.to_bytes(4, "big")
        if self.pref64 is not None:
            addr, code, scaled = self.pref64
            out += bytes((ND_OPT_PREF64, 2)) + (scaled << 3 | code).to_bytes(2, "big") + addr[:12]
        for prefix in self.prefixes:
            bits = (ONLINK if prefix.onlink else 0) | (AUTO if prefix.auto else 0)
            vltime, pltime = prefix.lifetimes(now)
            out += bytes((ND_OPT_PREFIX_INFORMATION, 4, prefix.plen, bits))
            out += vltime.to_bytes(4, "big") + pltime.to_bytes(4, "big") + bytes(4) + prefix.network
        for network, plen, pref, lifetime in self.routes:
            size = (plen + 63) // 64
            out += bytes((ND_OPT_ROUTE_INFO, 1 + size, plen, pref)) + lifetime.to_bytes(4, "big") + network[: size * 8]
        for addrs, lifetime in self.rdnss:
            out += bytes((ND_OPT_RDNSS, 1 + 2 * len(addrs), 0, 0)) + lifetime.to_bytes(4, "big") + b"".join(addrs)
        for names, lifetime in self.dnssl:
            body = b"".join(labels(name) for name in names) + b"\0"
            body += bytes(-len(body) % 8)
            out += bytes((ND_OPT_DNSSL, 1 + len(body) // 8, 0, 0)) + lifetime.to_bytes(4, "big") + body
        return out


def labels(name: str) -> bytes:
    """A domain name as DNS encodes it (dname_labelenc)."""
    out = b""
    for label in name.split("."):
        part = label.encode("ascii", "replace")[:63]
        out += bytes((len(part),)) + part
    return out + b"\0"


def entries(caps: Caps, name: str, most: int) -> list[tuple[str, str]]:
    """(suffix, value) of the capability `name`, `name0`, `name1` ... in order."""
    found = []
    for i in range(-1, most):
        suffix = "" if i < 0 else str(i)
        value = caps.text(name + suffix)
        if value is not None:
            found.append((suffix, value))
    return found


class Config:
    """getconfig: an entry becomes an Rainfo; `complaints` are for the log."""

    def __init__(self, caps: Caps, ifname: str, phymtu: int, own: list[tuple[bytes, int]], now: int) -> None:
        self.caps, self.ifname, self.phymtu, self.own, self.now = caps, ifname, phymtu, own, now
        self.complaints: list[str] = []
        self.notes: list[str] = []
        """For standard error."""
        self.rai = Rainfo()

    def make(self) -> Rainfo:
        """All of it.  ConfigError, with the complaint already noted."""
        rai, caps = self.rai, self.caps
        rai.advifprefix = not caps.flag("noifprefix")
        rai.advlinkopt = not caps.flag("nolladdr")
        self._intervals()
        rai.hoplimit = caps.num("chlim", DEF_CURHOPLIMIT) & 0xFF
        self._flags()
        self._times()
        if caps.num("hapref") != -1 or caps.num("hatime") != -1:
            self._bad("<getconfig> mobile-ip6 configuration not supported")
        rai.clockskew = caps.num("clockskew", 0) & 0xFFFF
        for suffix, addr in entries(caps, "addr", MAXPREFIX):
            self._prefix(suffix, addr)
        if rai.advifprefix and not rai.prefixes:
            self._own_prefixes()
        self._mtu()
        for suffix, addr in self._route_entries():
            self._route(suffix, addr)
        self._resolvers()
        self._pref64()
        return rai

    def _bad(self, text: str) -> None:
        self.complaints.append(text)
        raise ConfigError(text)

    def _intervals(self) -> None:
        rai = self.rai
        value = self.caps.num("maxinterval", DEF_MAXRTRADVINTERVAL)
        if not MIN_MAXINTERVAL <= value <= MAX_MAXINTERVAL:
            limits = f"(must be between {MIN_MAXINTERVAL} and {MAX_MAXINTERVAL})"
            self._bad(f"<getconfig> maxinterval ({value}) on {self.ifname} is invalid {limits}")
        rai.maxinterval = value
        value = self.caps.num("mininterval", rai.maxinterval // 3)
        if not MIN_MININTERVAL <= value <= rai.maxinterval * 3 // 4:
            limits = f"(must be between {MIN_MININTERVAL} and {rai.maxinterval * 3 // 4})"
            self._bad(f"<getconfig> mininterval ({value}) on {self.ifname} is invalid {limits}")
        rai.mininterval = value

    def _preference(self, word: str, what: str) -> int:
        if "h" in word and "l" in word:
            self._bad(f"<getconfig> the 'h' and 'l' {what} are exclusive")
        return HIGH if "h" in word else LOW if "l" in word else 0

    def _flags(self) -> None:
        word = self.caps.text("raflags")
        if word is None:
            value = self.caps.num("raflags", 0)
        else:
            value = self._preference(word, "router flags")
            value |= (MANAGED if "m" in word else 0) | (OTHER if "o" in word else 0)
        self.rai.flags, self.rai.rtpref = value & (MANAGED | OTHER), value & RTPREF_MASK
        if self.rai.rtpref == RSV:
            self._bad(f"<getconfig> invalid router preference ({RSV:02x}) on {self.ifname}")

    def _times(self) -> None:
        rai = self.rai
        value = self.caps.num("rltime", rai.maxinterval * 3)
        if value & 0xFFFF and not rai.maxinterval <= value <= MAXROUTERLIFETIME:
            limits = f"(must be 0 or between {rai.maxinterval} and {MAXROUTERLIFETIME})"
            self._bad(f"<getconfig> router lifetime ({value}) on {self.ifname} is invalid {limits}")
        rai.lifetime = value & 0xFFFF
        value = self.caps.num("rtime", 0)
        if value > MAXREACHABLETIME:
            limits = f"(must be no greater than {MAXREACHABLETIME})"
            self._bad(f"<getconfig> reachable time ({value}) on {self.ifname} is invalid {limits}")
        rai.reachabletime = value
        value = self.caps.num("retrans", 0)
        if value > U32:
            self._bad(f"<getconfig> retrans time ({value}) on {self.ifname} out of range")
        rai.retranstimer = value

    def _prefix(self, suffix: str, text: str) -> None:
        caps = self.caps
        addr = inet_pton6(text)
        plen = caps.num("prefixlen" + suffix, 64)
        vltime, pltime = caps.num("vltime" + suffix, DEF_VLTIME), caps.num("pltime" + suffix, DEF_PLTIME)
        if addr is None:
            self.complaints.append(f"<getconfig> inet_pton failed for {text}")
            return
        if addr[0] == 0xFF:
            self.complaints.append(f"<getconfig> multicast prefix ({text}) must not be advertised on {self.ifname}")
            return
        if plen > 128:
            self.complaints.append(f"<getconfig> prefixlen ({plen}) for {text} on {self.ifname} out of range")
            return
        for name, value in (("vltime", vltime), ("pltime", pltime)):
            if value > U32:
                self.complaints.append(f"<getconfig> {name} ({value}) for {text}/{plen} on {self.ifname} is out of range")
                return
        prefix = Prefix(addr, plen, "CONFIG")
        word = caps.text("pinfoflags" + suffix)
        if word is None:
            value = caps.num("pinfoflags" + suffix, ONLINK | AUTO)
        else:
            value = (ONLINK if "l" in word else 0) | (AUTO if "a" in word else 0)
        prefix.onlink, prefix.auto = bool(value & ONLINK), bool(value & AUTO)
        prefix.vltime, prefix.pltime = vltime, pltime
        if caps.flag("vltimedecr" + suffix):
            prefix.vltimeexpire = self.now + vltime
        if caps.flag("pltimedecr" + suffix):
            prefix.pltimeexpire = self.now + pltime
        self.rai.prefixes.append(prefix)

    def _own_prefixes(self) -> None:
        """get_prefix: those of the interface's addresses."""
        for addr, plen in self.own:
            if is_linklocal(addr) or plen == 128 or self.rai.find(addr, plen) is not None:
                continue
            prefix = Prefix(masked(addr, plen), plen, "KERNEL")
            prefix.vltime = min(self.caps.num("vltime", DEF_VLTIME), U32)
            prefix.pltime = min(self.caps.num("pltime", DEF_PLTIME), U32)
            self.rai.prefixes.append(prefix)

    def _mtu(self) -> None:
        value = self.caps.num("mtu", 0)
        if value == 0:
            self.rai.linkmtu = self.phymtu if self.caps.text("mtu") == "auto" else 0
            return
        if not IPV6_MMTU <= value <= self.phymtu:
            limits = f"(must be between least MTU ({IPV6_MMTU}) and physical link MTU ({self.phymtu})"
            self._bad(f"<getconfig> advertised link mtu ({value}) on {self.ifname} is invalid {limits}")
        self.rai.linkmtu = value

    def _route_entries(self) -> list[tuple[str, str]]:
        found = entries(self.caps, "rtprefix", MAXROUTE)
        for suffix, addr in entries(self.caps, "rtrprefix", MAXROUTE):
            if self.caps.text("rtprefix" + suffix) is None:
                self.notes.append(f"rtrprefix{suffix} was obsoleted.  Use rtprefix{suffix}.")
                found.append((suffix, addr))
        return found

    def _route(self, suffix: str, text: str) -> None:
        caps = self.caps
        addr = inet_pton6(text)
        plen = caps.num("rtplen" + suffix, caps.num("rtrplen" + suffix, 64))
        if addr is None:
            self.complaints.append(f"<getconfig> inet_pton failed for {text}")
            return
        if plen > 128:
            self.complaints.append(f"<getconfig> prefixlen ({plen}) for {text} on {self.ifname} out of range")
            return
        word = caps.text("rtflags" + suffix)
        if word is not None and "h" in word and "l" in word:
            self.complaints.append("<getconfig> the 'h' and 'l' route preferences are exclusive")
            return
        if word is not None:
            pref = HIGH if "h" in word else LOW if "l" in word else 0
        else:
            pref = caps.num("rtflags" + suffix, caps.num("rtrflags" + suffix, 0)) & RTPREF_MASK
        if pref == RSV:
            self.complaints.append(f"<getconfig> invalid route preference ({pref:02x}) for {text}/{plen} on {self.ifname}")
            return
        lifetime = caps.num("rtltime" + suffix, caps.num("rtrltime" + suffix))
        if lifetime == -1:
            self.notes.append(f"rtltime{suffix} should be specified for interface {self.ifname}.")
            lifetime = self.rai.lifetime
        if lifetime > U32:
            self.complaints.append(f"<getconfig> route lifetime ({lifetime}) for {text}/{plen} on {self.ifname} out of range")
            return
        self.rai.routes.append((addr, plen, pref, lifetime))

    def _lifetime(self, name: str) -> int | None:
        """The lifetime of a resolver, None if it is out of range."""
        most = self.rai.maxinterval
        value = self.caps.num(name, most * 3 // 2)
        if most <= value & 0xFFFF <= most * 2:
            return value
        limits = f"(must be between {most} and {most * 2})"
        self.complaints.append(f"{name} ({value & 0xFFFF}) on {self.ifname} is invalid {limits}")
        return None

    def _resolvers(self) -> None:
        for suffix, text in entries(self.caps, "rdnss", MAXRDNSS):
            addrs = [inet_pton6(word) for word in text.split(",")]
            if None in addrs:
                bad = text.split(",")[addrs.index(None)]
                self.complaints.append(f"<getconfig> inet_pton failed for {bad}")
                continue
            lifetime = self._lifetime("rdnssltime" + suffix)
            if lifetime is not None:
                self.rai.rdnss.append(([a for a in addrs if a is not None], lifetime))
        for suffix, text in entries(self.caps, "dnssl", MAXDNSSL):
            lifetime = self._lifetime("dnsslltime" + suffix)
            if lifetime is not None:
                self.rai.dnssl.append((text.split(","), lifetime))

    def _pref64(self) -> None:
        text = self.caps.text("pref64")
        if text is None:
            return
        addr = inet_pton6(text)
        length = self.caps.num("pref64len", 96)
        if addr is None:
            self.complaints.append(f"<getconfig> inet_pton failed for {text}")
        elif length not in PREF64_LENGTHS:
            self.complaints.append(f"prefix length {length}on {self.ifname} is invalid; disabling PREF64")
        else:
            lifetime = min(self.caps.num("pref64lifetime", self.rai.lifetime * 3), 65528)
            self.rai.pref64 = (addr, PREF64_LENGTHS[length], (lifetime + 7) // 8)
