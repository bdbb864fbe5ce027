"""ndp(8): look at and change the IPv6 neighbour cache and the per-interface settings (usr.sbin/ndp/ndp.c, ndp_netlink.c)."""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import EPERM, KError, strerror
from vshell.abi.in6 import (
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_AUTO_LINKLOCAL,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_PREFER_IFACE,
    ND6_IFF_PERFORMNUD,
    ND6_IFF_STABLEADDR,
    ND6_INFINITE_LIFETIME,
    ND_RA_FLAG_MANAGED,
    ND_RA_FLAG_OTHER,
    ND_RA_FLAG_RTPREF_MASK,
    SIOCGDEFIFACE_IN6,
    SIOCGIFINFO_IN6,
    SIOCSDEFIFACE_IN6,
    SIOCSIFINFO_FLAGS,
    SIOCSIFINFO_IN6,
    SIOCSNDFLUSH_IN6,
    SIOCSPFXFLUSH_IN6,
    SIOCSRTRFLUSH_IN6,
    NdDelete,
    NdDump,
    NdIfInfo,
    NdNeighbour,
    NdPrefixDump,
    NdPrefixInfo,
    NdRouter,
    NdRouterDump,
    NdSet,
)  # fmt: skip
from vshell.abi.route import RTF_GATEWAY, GetRoute, RtMsg
from vshell.abi.socket import AF_INET6, SOCK_DGRAM, SockaddrIn6
from vshell.abi.sockio import SIOCGIFMTU, IfRequest
from vshell.userland.addr import ether_ntoa, inet_ntop, is_linklocal
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import NI_NUMERICHOST, GaiError, gai_strerror, getaddrinfo, getnameinfo, if_indextoname, if_nametoindex
from vshell.userland.program import Program, program
from vshell.userland.rtnl import request

USAGE = """usage: ndp [-nt] hostname
       ndp [-nt] -a | -c | -p | -r | -H | -P | -R
       ndp [-nt] -A wait
       ndp [-nt] -d hostname
       ndp [-nt] -f filename
       ndp [-nt] -i interface [flags...]
       ndp [-nt] -I [interface|delete]
       ndp [-nt] -s nodename etheraddr [temp] [proxy]
"""

NS = 1_000_000_000
W_ADDR, W_LL, W_IF = 36, 17, 6
STATES = {0: "I", 1: "R", 2: "S", 3: "D", 4: "P"}
FLAGS = (
    ("disabled", ND6_IFF_IFDISABLED),
    ("nud", ND6_IFF_PERFORMNUD),
    ("accept_rtadv", ND6_IFF_ACCEPT_RTADV),
    ("auto_linklocal", ND6_IFF_AUTO_LINKLOCAL),
    ("stableaddr", ND6_IFF_STABLEADDR),
    ("no_prefer_iface", ND6_IFF_NO_PREFER_IFACE),
)
"""Flags by name, in the order in which they are shown."""
FLUSHES = {"H": SIOCSNDFLUSH_IN6, "P": SIOCSPFXFLUSH_IN6, "R": SIOCSRTRFLUSH_IN6}
RTPREF = ("medium", "high", "rsv", "low")
VALUES = ("basereachable", "retrans", "curhlim")


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.mode = ""
        self.arg = ""
        self.numeric = False
        self.stamp = False
        self.repeat = 0


@program("/usr/sbin/ndp")
async def main(p: Program) -> int:
    """ndp(8)."""
    o, args = parse(p)
    if o.mode and o.mode not in "isI" and args:
        p.usage(USAGE)
    if o.mode == "a":
        await dump_loop(p, o)
    elif o.mode == "c":
        for n in neighbours(p):
            delete(p, o, inet_ntop(n.addr), n.ifindex, warn=False)
    elif o.mode == "d":
        return delete(p, o, o.arg, 0, warn=True)
    elif o.mode == "f":
        return await read_file(p, o)
    elif o.mode == "i":
        ifinfo(p, o.arg, args)
    elif o.mode == "p":
        plist(p, o)
    elif o.mode == "r":
        rtrlist(p, o)
    elif o.mode in FLUSHES:
        flush(p, FLUSHES[o.mode])
    elif o.mode == "s":
        if not 2 <= len(args) <= 4:
            p.usage(USAGE)
        return set_entry(p, args)
    elif o.mode == "I":
        if len(args) > 1:
            p.usage(USAGE)
        defif(p, args)
    elif not o.mode:
        if len(args) != 1:
            p.usage(USAGE)
        get(p, o, args[0])
    return 0


def parse(p: Program) -> tuple[Options, list[str]]:
    """The options; one of them is the mode."""
    o = Options()
    parsed = Getopt(p, "acd:f:Ii:nprstA:HPR")
    for letter, value in parsed:
        if letter == "n":
            o.numeric = True
        elif letter == "t":
            o.stamp = True
        elif letter == "?" or o.mode:
            p.usage(USAGE)
        else:
            o.mode, o.arg = letter, value
            if letter == "f":
                break
            if letter == "A":
                o.mode = "a"
                o.repeat = int(value) if value.isdecimal() else 0
                if value.startswith("-"):
                    p.usage(USAGE)
    return o, parsed.args


def neighbours(p: Program) -> list[NdNeighbour]:
    """The whole cache."""
    return cast("list[NdNeighbour]", request(p, NdDump()))


def resolve(p: Program, host: str) -> SockaddrIn6:
    """The address of a host; GaiError."""
    return cast(SockaddrIn6, getaddrinfo(p, host, family=AF_INET6)[0].addr)


def hostname(p: Program, o: Options, addr: bytes, scope: int) -> str:
    """How an address is shown."""
    return getnameinfo(p, addr, scope, NI_NUMERICHOST if o.numeric else 0)


def header(p: Program) -> None:
    """The title of the table."""
    line = f"{'Neighbor':<{W_ADDR}} {'Linklayer Address':<{W_LL}} {'Netif':>{W_IF}} {'Expire':<9} S Flags\n"
    p.stdout.write(line)


async def dump_loop(p: Program, o: Options) -> None:
    """-a, and again and again with -A."""
    if not o.stamp:
        header(p)
    while True:
        for n in neighbours(p):
            print_entry(p, o, n)
        if not o.repeat:
            return
        p.stdout.write("\n")
        await p.stdout.drain()
        await p.sys.nanosleep(o.repeat * NS)


def get(p: Program, o: Options, host: str) -> None:
    """One entry."""
    try:
        want = resolve(p, host)
    except GaiError as e:
        p.warnx(f"{host}: {gai_strerror(e.code)}")
        return
    if not o.stamp:
        header(p)
    found = False
    for n in neighbours(p):
        scope = n.ifindex if is_linklocal(n.addr) else 0
        if n.addr == want.addr and scope == want.scope_id:
            print_entry(p, o, n)
            found = True
    if not found:
        p.errx(1, f"{host} ({hostname(p, o, want.addr, want.scope_id)}) -- no entry")


def print_entry(p: Program, o: Options, n: NdNeighbour) -> None:
    """One line of the table."""
    now = p.sys.clock_gettime("realtime")
    if o.stamp:
        second, micro = divmod(now, NS)
        day = second % 86400
        p.stdout.write(f"{day // 3600:02d}:{day // 60 % 60:02d}:{day % 60:02d}.{micro // 1000:06d} ")
    host = hostname(p, o, n.addr, n.ifindex if is_linklocal(n.addr) else 0)
    lladdr = ether_ntoa(n.lladdr) if n.lladdr else "(incomplete)"
    w_addr = max(len(host), W_ADDR)
    w_ll = max(W_ADDR + W_LL - w_addr, len(lladdr))
    w_if = max(W_ADDR + W_LL + W_IF - w_addr - w_ll, len(n.ifname))
    left = (n.expire - p.sys.clock_gettime("uptime")) // NS
    expire = "permanent" if not n.expire else sec2str(left) if left > 0 else "expired"
    flags = ("R" if n.is_router else "") + ("p" if n.flags else "")
    state = STATES.get(n.state, "N")
    p.stdout.write(f"{host:<{w_addr}} {lladdr:<{w_ll}} {n.ifname:>{w_if}} {expire:<9.9} {state} {flags}\n")


def sec2str(total: int) -> str:
    """1d2h3m4s."""
    days, hours, minutes, seconds = total // 86400, total // 3600 % 24, total // 60 % 60, total % 60
    text = f"{days}d" if days else ""
    text += f"{hours}h" if text or hours else ""
    text += f"{minutes}m" if text or minutes else ""
    return text + f"{seconds}s"


def guess_ifindex(p: Program, addr: SockaddrIn6) -> int:
    """The interface an entry belongs to: the scope, or where the route leads; 0 if there is none."""
    if is_linklocal(addr.addr):
        return addr.scope_id
    if addr.addr[0] == 0xFF:
        return 0
    try:
        route = cast(RtMsg, request(p, GetRoute(AF_INET6, addr.addr, 128, 0, p.sys.getfib()))[0])
    except (KError, IndexError):
        return 0
    if route.rtflags & RTF_GATEWAY or route.multipath:
        return 0
    # A route to an own address leads over lo0: the entry is on the interface that has the address.
    own = [n.ifindex for n in neighbours(p) if n.addr == addr.addr]
    return own[0] if own else route.oif


def delete(p: Program, o: Options, host: str, ifindex: int, *, warn: bool) -> int:
    """Remove one entry; the exit status."""
    try:
        dst = resolve(p, host)
    except GaiError as e:
        if warn:
            p.warnx(f"{host}: {gai_strerror(e.code)}")
        return 1
    ifindex = ifindex or guess_ifindex(p, dst)
    if not ifindex:
        if warn:
            p.warnx(f"delete: cannot locate {host}")
        return 0
    try:
        request(p, NdDelete(dst.addr, ifindex))
    except KError as e:
        if warn:
            p.warnx(f"delete {host}: {strerror(e.errno)}" + (f" ({e.text})" if e.text else ""))
        return 1
    p.stdout.write(f"{host} ({hostname(p, o, dst.addr, dst.scope_id)}) deleted\n")
    return 0


def parse_mac(p: Program, text: str) -> bytes:
    """The bytes of an address written as six hexadecimal numbers, b"" if it is not."""
    parts = text.split(":")
    try:
        octets = [int(part, 16) & 0xFF for part in parts[:6] if part.isascii() and part.isalnum()]
    except ValueError:
        octets = []
    if len(octets) != 6:
        p.warnx(f"invalid Ethernet address '{text}'")
        return b""
    return bytes(octets)


def set_entry(p: Program, args: list[str]) -> int:
    """-s: add a static entry; the exit status."""
    host, mac, *words = args
    try:
        dst = resolve(p, host)
    except GaiError as e:
        p.warnx(f"{host}: {gai_strerror(e.code)}")
        return 1
    lladdr = parse_mac(p, mac)
    proxy = any(w.startswith("proxy") for w in words)
    ifindex = guess_ifindex(p, dst)
    if not ifindex:
        p.warnx(f"delete: cannot locate {host}")
        return 0
    try:
        request(p, NdSet(dst.addr, ifindex, lladdr, proxy))
    except KError as e:
        p.warnx(f"set: {host}: {strerror(e.errno)} ({e.text})" if e.text else f"set {host}: {strerror(e.errno)}")
        return 1
    return 0


async def read_file(p: Program, o: Options) -> int:
    """-f: entries from a file."""
    try:
        fd = p.sys.open(o.arg)
        data = await p.sys.read(fd, 1 << 20)
    except KError as e:
        p.err(1, e, f"cannot open {o.arg}")
    status = 0
    for line in data.decode("utf-8", "surrogateescape").splitlines(keepends=True):
        words = line.partition("#")[0].split()[:5]
        if not words:
            continue
        if len(words) < 2:
            p.warnx(f"bad line: {line}")
            status = 1
        elif set_entry(p, words):
            status = 1
    return status


def ifinfo(p: Program, name: str, words: list[str]) -> None:
    """-i: show, and before that change, the settings of an interface."""
    s = p.sys.socket(AF_INET6, SOCK_DGRAM)
    try:
        nd: NdIfInfo = p.sys.ioctl(s, SIOCGIFINFO_IN6(name))
    except KError as e:
        p.err(1, e, "ioctl(SIOCGIFINFO_IN6)")
    flags = nd.flags
    table = dict(FLAGS)
    for word in words:
        clear, key = word.startswith("-"), word.removeprefix("-")
        if key in table:
            flags = flags & ~table[key] if clear else flags | table[key]
        change = SIOCSIFINFO_IN6(name, **values(p, key))
        try:
            p.sys.ioctl(s, change)
            p.sys.ioctl(s, SIOCSIFINFO_FLAGS(name, flags))
        except KError as e:
            p.err(1, e, "ioctl(SIOCSIFINFO_IN6)")
    nd = p.sys.ioctl(s, SIOCGIFINFO_IN6(name))
    mtu = p.sys.ioctl(s, SIOCGIFMTU(name))
    text = f"linkmtu={nd.linkmtu}, maxmtu={mtu}, curhlim={nd.chlim}"
    text += f", basereachable={nd.basereachable // 1000}s{nd.basereachable % 1000}ms, reachable={nd.reachable}s"
    text += f", retrans={nd.retrans // 1000}s{nd.retrans % 1000}ms"
    if nd.flags:
        text += "\nFlags: " + "".join(f"{n} " for n, bit in FLAGS if nd.flags & bit)
    p.stdout.write(text + "\n")


def values(p: Program, word: str) -> dict[str, int]:
    """name=number of a setting that is not a flag."""
    for name in VALUES:
        if word.startswith(name):
            _, equals, number = word.partition("=")
            if not equals:
                p.errx(1, f"syntax error in {name} field")
            if not number.isdecimal():
                p.err(1, EPERM, f"syntax error in {name}'s value")
            return {"chlim" if name == "curhlim" else name: int(number)}
    return {}


def defif(p: Program, args: list[str]) -> None:
    """-I: set and show the default interface.  The interface of the requests themselves does not matter."""
    s = p.sys.socket(AF_INET6, SOCK_DGRAM)
    if args:
        index = 0 if args[0] == "delete" else if_nametoindex(p, args[0])
        if not index and args[0] != "delete":
            p.errx(1, f"invalid interface {args[0]}")
        try:
            p.sys.ioctl(s, SIOCSDEFIFACE_IN6("lo0", index))
        except KError as e:
            p.err(1, e, "ioctl(SIOCSDEFIFACE_IN6)")
    index = p.sys.ioctl(s, SIOCGDEFIFACE_IN6("lo0"))
    text = f"ND default interface = {if_indextoname(p, index)}" if index else "No default interface."
    p.stdout.write(text + "\n")


def plist(p: Program, o: Options) -> None:
    """-p: the prefix list."""
    now = p.sys.clock_gettime("realtime") // NS
    for x in cast("list[NdPrefixInfo]", request(p, NdPrefixDump())):
        scope = x.ifindex if is_linklocal(x.prefix) else 0
        flags = "".join(c for c, on in (("L", x.raf_onlink), ("A", x.raf_auto), ("O", x.onlink), ("D", x.detached)) if on)
        vltime, pltime = ("infinity" if t == ND6_INFINITE_LIFETIME else str(t) for t in (x.vltime, x.pltime))
        expire = "expire=Never" if not x.expire else f"expire={sec2str(x.expire - now)}" if x.expire >= now else "expired"
        name = if_indextoname(p, x.ifindex) or "?"
        p.stdout.write(
            f"{getnameinfo(p, x.prefix, scope, NI_NUMERICHOST)}/{x.plen} if={name}\n"
            f"flags={flags} vltime={vltime}, pltime={pltime}, {expire}, ref={x.refcnt}\n"
        )
        if not x.routers:
            p.stdout.write("  No advertising router\n")
            continue
        p.stdout.write("  advertised by\n")
        for router, state in x.routers:
            p.stdout.write(f"    {hostname(p, o, router, x.ifindex)} ({state})\n")


def rtrlist(p: Program, o: Options) -> None:
    """-r: the default router list."""
    now = p.sys.clock_gettime("realtime") // NS
    for x in cast("list[NdRouter]", request(p, NdRouterDump())):
        flags = ("M" if x.flags & ND_RA_FLAG_MANAGED else "") + ("O" if x.flags & ND_RA_FLAG_OTHER else "")
        pref = RTPREF[(x.flags & ND_RA_FLAG_RTPREF_MASK) >> 3]
        expire = sec2str(x.expire - now) if x.expire else "Never"
        name = if_indextoname(p, x.ifindex) or "?"
        p.stdout.write(f"{hostname(p, o, x.rtaddr, x.ifindex)} if={name}, flags={flags}, pref={pref}, expire={expire}\n")


def flush(p: Program, what: type[IfRequest]) -> None:
    """-H, -P, -R: forget what routers told.  The interface of the request does not matter."""
    s = p.sys.socket(AF_INET6, SOCK_DGRAM)
    try:
        p.sys.ioctl(s, what("lo0"))
    except KError as e:
        p.err(1, e, f"ioctl({what.__name__})")
