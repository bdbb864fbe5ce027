"""wg set, setconf, addconf, syncconf (set.c, setconf.c, config.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError, strerror
from vshell.abi.if_wg import WgAllowedIp, WgDevice, WgPeer
from vshell.abi.record import replace
from vshell.abi.socket import AF_UNSPEC, SOCK_DGRAM, SockaddrIn, SockaddrIn6
from vshell.commands.wg.ipc import get_device, set_device
from vshell.commands.wg.keys import BASE64_LEN, from_base64
from vshell.userland.addr import inet_pton4, inet_pton6
from vshell.userland.netdb import AI_PASSIVE, GaiError, gai_strerror, getaddrinfo
from vshell.userland.program import Program
from vshell.userland.slurp import slurp

SET_USAGE = (
    "Usage: wg set <interface> [listen-port <port>] [fwmark <mark>] [private-key <file path>] [peer <base64 public key> "
    "[remove] [preshared-key <file path>] [endpoint <ip>:<port>] [persistent-keepalive <interval seconds>] "
    "[allowed-ips [+|-]<ip1>/<cidr1>[,[+|-]<ip2>/<cidr2>]...] ]...\n"
)
ZERO = bytes(32)


class BadError(Exception):
    """What is wrong, as it is to be printed."""


def parse_port(p: Program, value: str) -> int:
    """A port by number or name."""
    if not value:
        raise BadError("Unable to parse empty port")
    try:
        found = getaddrinfo(p, None, value, AF_UNSPEC, SOCK_DGRAM, 0, AI_PASSIVE)
    except GaiError as e:
        raise BadError(f"{gai_strerror(e.code)}: `{value}'") from None
    return int(found[0].addr.port)


def parse_fwmark(value: str) -> int:
    """A mark: "off", decimal or hexadecimal."""
    if value.lower() == "off":
        return 0
    digits, base = (value[2:], 16) if value.startswith("0x") else (value, 10)
    try:
        mark = int(digits, base) if value[:1].isdecimal() else -1
    except ValueError:
        mark = -1
    if not 0 <= mark <= 0xFFFFFFFF:
        raise BadError(f"Fwmark is neither 0/off nor 0-0xffffffff: `{value}'")
    return mark


def parse_key(value: str) -> bytes:
    """A key in base 64."""
    key = from_base64(value)
    if key is None:
        raise BadError(f"Key is not the correct length or format: `{value}'")
    return key


def parse_keyfile(p: Program, path: str) -> bytes:
    """A key in a file; an empty one is no key."""
    try:
        data = slurp(p, path)
    except KError as e:
        raise BadError(f"fopen: {strerror(e.errno)}") from None
    if not data:
        return ZERO
    if len(data) < BASE64_LEN:
        raise BadError("Invalid length key in key file")
    rest = data[BASE64_LEN:].strip(b" \t\n\v\f\r")
    if rest:
        raise BadError(f"Found trailing character in key file: `{chr(rest[0])}'")
    return parse_key(data[:BASE64_LEN].decode("latin-1"))


def parse_ip(value: str) -> bytes:
    """An address."""
    addr = inet_pton6(value) if ":" in value else inet_pton4(value)
    if addr is None:
        raise BadError(f"Unable to parse IP address: `{value}'")
    return addr


def parse_endpoint(p: Program, value: str) -> SockaddrIn | SockaddrIn6:
    """HOST:PORT, [HOST]:PORT."""
    if not value:
        raise BadError("Unable to parse empty endpoint")
    if value[0] == "[":
        host, brace, rest = value[1:].partition("]")
        if not brace:
            raise BadError(f"Unable to find matching brace of endpoint: `{value}'")
        if rest[:1] != ":" or len(rest) < 2:
            raise BadError(f"Unable to find port of endpoint: `{value}'")
        port = rest[1:]
    else:
        host, colon, port = value.rpartition(":")
        if not colon or not port:
            raise BadError(f"Unable to find port of endpoint: `{value}'")
    try:
        found = getaddrinfo(p, host, port, AF_UNSPEC, SOCK_DGRAM)
    except GaiError as e:
        raise BadError(f"{gai_strerror(e.code)}: `{value}'") from None
    addr = found[0].addr
    if isinstance(addr, (SockaddrIn, SockaddrIn6)):
        return addr
    raise BadError(f"Neither IPv4 nor IPv6 address found: `{value}'")


def parse_keepalive(value: str) -> int:
    """Seconds or "off"."""
    if value.lower() == "off":
        return 0
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise BadError(f"Persistent keepalive interval is neither 0/off nor 1-65535: `{value}'")
    return int(value)


def add_allowed(p: Program, peer: dict[str, Any], value: str) -> None:
    """A list of networks: what a peer has from now on, or with "+" and "-" what it gains and loses."""
    peer["replace_allowed_ips"] = True
    for entry in value.split(",") if value else ():
        sign = entry[:1] if entry[:1] in ("+", "-") else ""
        if sign:
            peer["replace_allowed_ips"] = False
        ip, slash, mask = entry[len(sign) :].partition("/")
        addr = parse_ip(ip)
        bits = len(addr) * 8
        if slash and not (mask.isascii() and mask.isdigit() and int(mask) <= bits):
            raise BadError(f"AllowedIP is not in the correct format: `{entry[len(sign) :]}'")
        cidr = int(mask) if slash else bits
        given = int.from_bytes(addr, "big")
        network = given >> bits - cidr << bits - cidr
        if network != given:
            p.stderr.write(f"Warning: AllowedIP has nonzero host part: {ip}/{mask}\n")
        allowed = WgAllowedIp(network.to_bytes(len(addr), "big"), cidr, sign == "-")
        peer["allowed_ips"] = (*peer.get("allowed_ips", ()), allowed)


# set -----------------------------------------------------------------------------------------------------------
def read_cmd(p: Program, args: list[str]) -> WgDevice:
    """config_read_cmd: what the arguments of `set` ask for."""
    device: dict[str, Any] = {}
    peers: list[dict[str, Any]] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        value = rest[0] if rest else None
        peer = peers[-1] if peers else None
        if word == "remove" and peer is not None:
            peer["remove"] = True
            continue
        if value is None:
            raise BadError(f"Invalid argument: {word}")
        if peer is None and word in ("listen-port", "fwmark", "private-key"):
            if word == "listen-port":
                device["listen_port"] = parse_port(p, value)
            elif word == "fwmark":
                device["cookie"] = parse_fwmark(value)
            else:
                device["private_key"] = parse_keyfile(p, value)
        elif word == "peer":
            peers.append({"public_key": parse_key(value)})
        elif peer is not None and word in ("endpoint", "allowed-ips", "persistent-keepalive", "preshared-key"):
            if word == "endpoint":
                peer["endpoint"] = parse_endpoint(p, value)
            elif word == "allowed-ips":
                add_allowed(p, peer, "".join(value.split()))
            elif word == "persistent-keepalive":
                peer["keepalive"] = parse_keepalive(value)
            else:
                peer["preshared_key"] = parse_keyfile(p, value)
        else:
            raise BadError(f"Invalid argument: {word}")
        rest.pop(0)
    return WgDevice(**device, peers=tuple(WgPeer(**peer) for peer in peers))


def _apply(p: Program, name: str, device: WgDevice) -> int:
    try:
        set_device(p, name, device)
    except KError as e:
        p.stderr.write(f"Unable to modify interface: {strerror(e.errno)}\n")
        return 1
    return 0


def set_(p: Program, args: list[str]) -> int:
    """wg set."""
    if len(args) < 3:
        p.usage(SET_USAGE)
    try:
        device = read_cmd(p, args[2:])
    except BadError as e:
        p.stderr.write(f"{e}\n")
        return 1
    return _apply(p, args[1], device)


# configuration files -------------------------------------------------------------------------------------------
class Config:
    """config_read_line and its kin: a file being read."""

    def __init__(self, p: Program, append: bool) -> None:
        self.p = p
        self.append = append
        self.device: dict[str, Any] = {} if append else {"private_key": ZERO, "cookie": 0, "listen_port": 0}
        self.peers: list[dict[str, Any]] = []
        self.section = ""

    def line(self, text: str) -> None:
        """One line."""
        line = "".join(text.partition("#")[0].split())
        if not line:
            return
        if line.lower() in ("[interface]", "[peer]"):
            self.section = line.lower()
            if self.section == "[peer]":
                fresh: dict[str, Any] = {"replace_allowed_ips": True}
                if not self.append:
                    fresh["keepalive"] = 0
                self.peers.append(fresh)
            return
        key, equals, value = line.partition("=")
        if not equals or not self._setting(key.lower(), value):
            raise BadError(f"Line unrecognized: `{line}'")

    def _setting(self, key: str, value: str) -> bool:
        if self.section == "[interface]":
            if key == "listenport":
                self.device["listen_port"] = parse_port(self.p, value)
            elif key == "fwmark":
                self.device["cookie"] = parse_fwmark(value)
            elif key == "privatekey":
                self.device["private_key"] = parse_key(value)
            else:
                return False
            return True
        if self.section != "[peer]":
            return False
        peer = self.peers[-1]
        if key == "endpoint":
            peer["endpoint"] = parse_endpoint(self.p, value)
        elif key == "publickey":
            peer["public_key"] = parse_key(value)
        elif key == "allowedips":
            add_allowed(self.p, peer, value)
        elif key == "persistentkeepalive":
            peer["keepalive"] = parse_keepalive(value)
        elif key == "presharedkey":
            peer["preshared_key"] = parse_key(value)
        else:
            return False
        return True

    def finish(self) -> WgDevice:
        """config_read_finish."""
        if not self.append and self.device["private_key"] is None:
            raise BadError("No private key configured")
        if any("public_key" not in peer for peer in self.peers):
            raise BadError("A peer is missing a public key")
        return WgDevice(
            **self.device, replace_peers=not self.append, peers=tuple(WgPeer(**peer) for peer in self.peers)
        )  # fmt: skip


def _sync(p: Program, name: str, device: WgDevice) -> WgDevice:
    """sync_conf: only what differs is touched; peers that are not in the file go."""
    old = get_device(p, name)
    wanted = {peer.public_key for peer in device.peers}
    gone = tuple(WgPeer(peer.public_key, remove=True) for peer in old.peers if peer.public_key not in wanted)
    return replace(device, replace_peers=False, peers=device.peers + gone)


def setconf(p: Program, args: list[str]) -> int:
    """wg setconf, wg addconf, wg syncconf."""
    if len(args) != 3:
        p.stderr.write(f"Usage: wg {args[0]} <interface> <configuration filename>\n")
        return 1
    try:
        text = slurp(p, args[2]).decode("latin-1")
    except KError as e:
        p.stderr.write(f"fopen: {strerror(e.errno)}\n")
        return 1
    config = Config(p, append=args[0] == "addconf")
    try:
        for line in text.split("\n"):
            config.line(line)
        device = config.finish()
    except BadError as e:
        p.stderr.write(f"{e}\nConfiguration parsing error\n")
        return 1
    if args[0] == "syncconf":
        try:
            device = _sync(p, args[1], device)
        except KError as e:
            p.stderr.write(f"Unable to retrieve current interface configuration: {strerror(e.errno)}\n")
            return 1
    return _apply(p, args[1], device)
