"""wg show, wg showconf (show.c, showconf.c)."""

from __future__ import annotations

from vshell.abi.errno import KError, strerror
from vshell.abi.if_wg import WgDevice, WgPeer
from vshell.abi.socket import SockaddrIn6
from vshell.commands.wg.ipc import devices, get_device
from vshell.commands.wg.keys import to_base64
from vshell.userland.addr import inet_ntop
from vshell.userland.netdb import numeric_name
from vshell.userland.program import Program

USAGE = (
    "Usage: wg show { <interface> | all | interfaces } [public-key | private-key | listen-port | fwmark | peers | "
    "preshared-keys | endpoints | allowed-ips | latest-handshakes | transfer | persistent-keepalive | dump]\n"
)
NS = 1_000_000_000
UNITS = (("year", 365 * 24 * 3600), ("day", 24 * 3600), ("hour", 3600), ("minute", 60), ("second", 1))
SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
RESET, BOLD, RED, GREEN, YELLOW, CYAN = "\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"


def maybe(key: bytes | None) -> str:
    """A key, if it is known."""
    return to_base64(key) if key is not None else "(none)"


def endpoint(p: Program, peer: WgPeer) -> str:
    """ADDRESS:PORT."""
    end = peer.endpoint
    if end is None:
        return "(none)"
    if isinstance(end, SockaddrIn6):
        return f"[{numeric_name(p, end.addr, end.scope_id)}]:{end.port}"
    return f"{inet_ntop(end.addr)}:{end.port}"


def networks(peer: WgPeer, slash: str = "/") -> list[str]:
    """The networks behind a peer."""
    return [f"{inet_ntop(aip.addr)}{slash}{aip.cidr}" for aip in peer.allowed_ips]


class Pretty:
    """Output for people, in colour on a terminal."""

    def __init__(self, p: Program) -> None:
        self.p = p
        mode = p.env.get("WG_COLOR_MODE")
        self.colour = p.stdout.isatty() if mode not in ("always", "never") else mode == "always"
        self.hidden = p.env.get("WG_HIDE_KEYS") != "never"
        self.now = p.sys.clock_gettime() // NS

    def paint(self, text: str, *codes: str) -> str:
        """Text in a colour."""
        return f"{''.join(codes)}{text}{RESET}" if self.colour else text

    def field(self, name: str, value: str) -> str:
        """An indented line."""
        return f"  {self.paint(name, BOLD)}: {value}\n"

    def masked(self, key: bytes) -> str:
        """masked_key."""
        return "(hidden)" if self.hidden else to_base64(key)

    def duration(self, left: int) -> str:
        """pretty_time."""
        parts = []
        for name, length in UNITS:
            count, left = divmod(left, length)
            if count:
                parts.append(f"{count} {self.paint(name + ('s' if count > 1 else ''), CYAN)}")
        return ", ".join(parts)

    def ago(self, when: int) -> str:
        """How long ago."""
        if when == self.now:
            return "Now"
        if when > self.now:
            return f"({self.paint('System clock wound backward; connection problems may ensue.', RED)})"
        return f"{self.duration(self.now - when)} ago"

    def size(self, count: int) -> str:
        """An amount of data."""
        power = 0
        while power < len(SIZES) - 1 and count >= 1 << 10 * (power + 1):
            power += 1
        shown = str(count) if not power else f"{count / (1 << 10 * power):.2f}"
        return f"{shown} {self.paint(SIZES[power], CYAN)}"

    def device(self, name: str, device: WgDevice) -> str:
        """pretty_print."""
        out = [RESET if self.colour else ""]
        out.append(f"{self.paint('interface', GREEN, BOLD)}: {self.paint(name, GREEN)}\n")
        if device.public_key is not None:
            out.append(self.field("public key", to_base64(device.public_key)))
        if device.private_key is not None:
            out.append(self.field("private key", self.masked(device.private_key)))
        if device.listen_port:
            out.append(self.field("listening port", str(device.listen_port)))
        if device.cookie:
            out.append(self.field("fwmark", f"0x{device.cookie:x}"))
        for peer in sorted(device.peers, key=lambda one: -one.last_handshake):
            out.append("\n" + self.peer(peer))
        return "".join(out)

    def peer(self, peer: WgPeer) -> str:
        """The lines of a peer."""
        out = [f"{self.paint('peer', YELLOW, BOLD)}: {self.paint(to_base64(peer.public_key), YELLOW)}\n"]
        if peer.preshared_key is not None:
            out.append(self.field("preshared key", self.masked(peer.preshared_key)))
        if peer.endpoint is not None:
            out.append(self.field("endpoint", endpoint(self.p, peer)))
        out.append(self.field("allowed ips", ", ".join(networks(peer, self.paint("/", CYAN))) or "(none)"))
        if peer.last_handshake:
            out.append(self.field("latest handshake", self.ago(peer.last_handshake)))
        if peer.rx_bytes or peer.tx_bytes:
            out.append(self.field("transfer", f"{self.size(peer.rx_bytes)} received, {self.size(peer.tx_bytes)} sent"))
        if peer.keepalive:
            out.append(self.field("persistent keepalive", f"every {self.duration(peer.keepalive)}"))
        return "".join(out)


def dump(p: Program, front: str, device: WgDevice) -> str:
    """dump_print."""
    mark = f"0x{device.cookie:x}" if device.cookie else "off"
    out = [f"{front}{maybe(device.private_key)}\t{maybe(device.public_key)}\t{device.listen_port}\t{mark}\n"]
    for peer in device.peers:
        fields = (
            to_base64(peer.public_key), maybe(peer.preshared_key), endpoint(p, peer), ",".join(networks(peer)) or "(none)",
            str(peer.last_handshake), str(peer.rx_bytes), str(peer.tx_bytes), str(peer.keepalive or "off"),
        )  # fmt: skip
        out.append(front + "\t".join(fields) + "\n")
    return "".join(out)


def ugly(p: Program, name: str, device: WgDevice, what: str, named: bool) -> str | None:
    """ugly_print: one thing, for programs; None if there is no such thing."""
    front = f"{name}\t" if named else ""
    if what == "dump":
        return dump(p, front, device)
    single = {
        "public-key": maybe(device.public_key),
        "private-key": maybe(device.private_key),
        "listen-port": str(device.listen_port),
        "fwmark": f"0x{device.cookie:x}" if device.cookie else "off",
    }.get(what)
    if single is not None:
        return f"{front}{single}\n"
    out = []
    for peer in device.peers:
        value = {
            "peers": "",
            "endpoints": "\t" + endpoint(p, peer),
            "allowed-ips": "\t" + (" ".join(networks(peer)) or "(none)"),
            "latest-handshakes": f"\t{peer.last_handshake}",
            "transfer": f"\t{peer.rx_bytes}\t{peer.tx_bytes}",
            "persistent-keepalive": f"\t{peer.keepalive or 'off'}",
            "preshared-keys": "\t" + maybe(peer.preshared_key),
        }.get(what)
        if value is None:
            return None
        out.append(f"{front}{to_base64(peer.public_key)}{value}\n")
    known = ("peers", "endpoints", "allowed-ips", "latest-handshakes", "transfer", "persistent-keepalive", "preshared-keys")
    return "".join(out) if what in known else None


def _one(p: Program, name: str, device: WgDevice, args: list[str], named: bool) -> bool:
    if len(args) < 3:
        p.stdout.write(Pretty(p).device(name, device))
        return True
    text = ugly(p, name, device, args[2], named)
    if text is None:
        p.stderr.write(f"Invalid parameter: `{args[2]}'\n{USAGE}")
        return False
    p.stdout.write(text)
    return True


def _all(p: Program, args: list[str]) -> int:
    try:
        names = devices(p)
    except KError as e:
        p.stderr.write(f"Unable to list interfaces: {strerror(e.errno)}\n")
        return 1
    status = 1 if names else 0
    for n, name in enumerate(names):
        try:
            device = get_device(p, name)
        except KError as e:
            p.stderr.write(f"Unable to access interface {name}: {strerror(e.errno)}\n")
            continue
        if not _one(p, name, device, args, named=True):
            return 1
        if len(args) < 3 and n + 1 < len(names):
            p.stdout.write("\n")
        status = 0
    return status


def show(p: Program, args: list[str]) -> int:
    """wg show."""
    if len(args) > 3:
        p.usage(USAGE)
    if len(args) == 1 or args[1] == "all":
        return _all(p, args)
    if args[1] == "interfaces":
        if len(args) > 2:
            p.usage(USAGE)
        try:
            names = devices(p)
        except KError as e:
            p.stderr.write(f"Unable to list interfaces: {strerror(e.errno)}\n")
            return 1
        p.stdout.write(" ".join(names) + "\n" if names else "")
        return 0
    if len(args) == 2 and args[1] in ("-h", "--help", "help"):
        p.stderr.write(USAGE)
        return 0
    try:
        device = get_device(p, args[1])
    except KError as e:
        p.stderr.write(f"Unable to access interface: {strerror(e.errno)}\n")
        return 1
    return 0 if _one(p, args[1], device, args, named=False) else 1


def showconf(p: Program, args: list[str]) -> int:
    """wg showconf."""
    if len(args) != 2:
        p.stderr.write("Usage: wg showconf <interface>\n")
        return 1
    try:
        device = get_device(p, args[1])
    except KError as e:
        p.stderr.write(f"Unable to access interface: {strerror(e.errno)}\n")
        return 1
    out = ["[Interface]\n"]
    if device.listen_port:
        out.append(f"ListenPort = {device.listen_port}\n")
    if device.cookie:
        out.append(f"FwMark = 0x{device.cookie:x}\n")
    if device.private_key is not None:
        out.append(f"PrivateKey = {to_base64(device.private_key)}\n")
    for peer in device.peers:
        out.append(f"\n[Peer]\nPublicKey = {to_base64(peer.public_key)}\n")
        if peer.preshared_key is not None:
            out.append(f"PresharedKey = {to_base64(peer.preshared_key)}\n")
        if peer.allowed_ips:
            out.append(f"AllowedIPs = {', '.join(networks(peer))}\n")
        if peer.endpoint is not None:
            out.append(f"Endpoint = {endpoint(p, peer)}\n")
        if peer.keepalive:
            out.append(f"PersistentKeepalive = {peer.keepalive}\n")
    if not device.peers:
        out.append("\n")
    p.stdout.write("".join(out))
    return 0
