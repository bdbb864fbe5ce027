"""TCP: SYN cookies, an initial sequence number from which a connection can be made without having been remembered
(netinet/tcp_syncache.c).

The lowest eight bits of a cookie say what of the SYN is needed later; the rest proves that we gave it out.  While the cache
overflows it is not used at all (`paused`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.kern_sysctl import SysctlValues
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule
from vshell.kernel.netinet.tcp_var import MASK, Tcp

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

MSSTAB = (216, 536, 1200, 1360, 1400, 1440, 1452, 1460)
WSTAB = (0, 0, 1, 2, 4, 6, 7, 8)
LIFETIME = 15
"""SYNCOOKIE_LIFETIME: seconds after which the secret changes; the one before is still good."""
PAUSE_TIME, MAX_BACKOFF = 15, 6
LOG_WARNING = 4

Names = tuple[bytes, int, bytes, int]


def tunable(vnet: Vnet, name: str, default: int) -> int:
    """What the boot loader set a number to when the stack was born."""
    text = vnet[SysctlValues].tunables.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


class Syncookies(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """Cookies of a stack, and whether its syncache is in use."""

    rst_on_sock_fail = Sysctl("net.inet.tcp.syncache.rst_on_sock_fail", 1)

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.secrets: dict[int, int] = {}
        self.hashsize = tunable(vnet, "net.inet.tcp.syncache.hashsize", 512)
        self.bucketlimit = tunable(vnet, "net.inet.tcp.syncache.bucketlimit", 30)
        self.cachelimit = tunable(vnet, "net.inet.tcp.syncache.cachelimit", 15360)
        self.paused_until = 0
        self.backoff = 0
        self.overflowed = -LIFETIME * NS - 1
        """When a bucket overflowed last."""
        self.buckets: dict[int, list[Any]] = {}
        """The entries of the syncache by their hash, the oldest first."""

    def _now(self) -> int:
        return int(self.vnet.kernel.clock.now)

    @property
    def unused(self) -> bool:
        """syncache_cookiesonly: nothing is remembered now."""
        tcp = self.vnet[Tcp]
        return bool(tcp.syncookies_only or (tcp.syncookies and self._now() < self.paused_until))

    @property
    def recently(self) -> bool:
        """Did the cache overflow so recently that there may be cookies about?"""
        return self._now() - self.overflowed <= LIFETIME * NS

    def _secret(self, period: int) -> int:
        secret = self.secrets.get(period)
        if secret is None:
            self.secrets = {p: s for p, s in self.secrets.items() if p >= period - 1}
            secret = self.secrets[period] = self.vnet.kernel.random.next64()
        return secret

    def bucket(self, names: Names) -> int:
        """The bucket of a connection."""
        return _mix(names, 0, self._secret(-1)) % max(self.hashsize, 1)

    def generate(self, names: Names, irs: int, mss: int, wscale: int | None, sack: bool) -> int:
        """syncookie_generate."""
        self.vnet[Tcp].stat.sc_sendcookie += 1
        period = self._now() // (LIFETIME * NS)
        flags = period & 1 | sack << 1 | _index(WSTAB, wscale or 0) << 2 if wscale is not None else period & 1 | sack << 1
        flags |= _index(MSSTAB, mss) << 5
        mac = _mix(names, irs << 8 | flags, self._secret(period)) & MASK
        return mac & ~0xFF | (flags ^ mac >> 24) & 0xFF

    def expand(self, names: Names, irs: int, cookie: int) -> tuple[int, int | None, bool] | None:
        """syncookie_expand: (MSS, window scale, SACK) of a cookie that is one of ours."""
        flags = cookie & 0xFF ^ cookie >> 24
        period = self._now() // (LIFETIME * NS)
        if period & 1 != flags & 1:
            period -= 1
        mac = _mix(names, irs << 8 | flags, self._secret(period)) & MASK
        if cookie & ~0xFF != mac & ~0xFF:
            return None
        index = flags >> 2 & 7
        return MSSTAB[flags >> 5], WSTAB[index] if index else None, bool(flags >> 1 & 1)

    def pause(self, names: str) -> None:
        """syncache_pause: a bucket overflows; `names` are those of the SYN that did it."""
        tcp, now = self.vnet[Tcp], self._now()
        self.overflowed = now
        if now < self.paused_until:
            return
        tcp.stat.sc_bucketoverflow += 1
        if not tcp.syncookies:
            return
        delta = PAUSE_TIME << self.backoff
        if self.paused_until + delta * NS > now and self.paused_until:
            if self.backoff < MAX_BACKOFF:
                delta <<= 1
                self.backoff += 1
        else:
            delta, self.backoff = PAUSE_TIME, 0
        text = f"TCP syncache overflow detected; using syncookies for the next {delta} seconds (last SYN: {names})"
        self.vnet.kernel.log(LOG_WARNING, text)
        self.paused_until = now + delta * NS


def _index(table: tuple[int, ...], value: int) -> int:
    """The last place of a table that is not above a value."""
    return next((i for i in range(len(table) - 1, 0, -1) if table[i] <= value), 0)


def _mix(names: Names, number: int, secret: int) -> int:
    """A hash of 64 bits nobody can guess who does not know the secret."""
    src, sport, dst, dport = names
    rest = int.from_bytes(src + dst, "big") << 96 | sport << 80 | dport << 64 | number
    z = secret
    while rest:
        z = (z ^ rest) & 0xFFFFFFFFFFFFFFFF
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        z = (z ^ z >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        z ^= z >> 31
        rest >>= 64
    return z
