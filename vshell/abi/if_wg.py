"""Requests of wg(4) (dev/wg/if_wg.h), with records where the kernel takes packed name-value lists."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.socket import SockaddrIn, SockaddrIn6
from vshell.abi.sockio import IfRequest

WG_KEY_SIZE = 32


class WgAllowedIp(Record):
    """A network behind a peer."""

    addr: bytes = b""
    cidr: int = 0
    remove: bool = False


class WgPeer(Record):
    """A peer, or what to change about one; None is what was not said."""

    public_key: bytes = b""
    preshared_key: bytes | None = None
    endpoint: SockaddrIn | SockaddrIn6 | None = None
    keepalive: int | None = None
    allowed_ips: tuple[WgAllowedIp, ...] = ()
    replace_allowed_ips: bool = False
    remove: bool = False
    rx_bytes: int = 0
    tx_bytes: int = 0
    last_handshake: int = 0
    """Seconds since the epoch."""


class WgDevice(Record):
    """An interface, or what to change about one; None is what was not said."""

    listen_port: int | None = None
    cookie: int | None = None
    """user-cookie: a mark for packet filters (wg's fwmark)."""
    private_key: bytes | None = None
    public_key: bytes | None = None
    replace_peers: bool = False
    peers: tuple[WgPeer, ...] = ()


class SIOCSWG(IfRequest):
    """Change it."""

    device: WgDevice = WgDevice()


class SIOCGWG(IfRequest):
    """Answers a WgDevice; keys only to whoever may change it."""
