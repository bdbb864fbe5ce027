"""Requests of tunnels: the outer addresses (SIOCSIFPHYADDR and kin of sys/sockio.h)."""

from __future__ import annotations

from vshell.abi.sockio import IfRequest


def embed_scope(addr: bytes, scope: int) -> bytes:
    """Outer link-local addresses have the index of their interface in the third and fourth octet."""
    linklocal = len(addr) == 16 and addr[0] == 0xFE and addr[1] & 0xC0 == 0x80
    return addr[:2] + (scope & 0xFFFF).to_bytes(2, "big") + addr[4:] if linklocal else addr


def recover_scope(addr: bytes) -> tuple[bytes, int]:
    """(address, interface index) from an address with its scope."""
    scope = int.from_bytes(addr[2:4], "big") if embed_scope(addr, 0) != addr else 0
    return embed_scope(addr, 0), scope


class SIOCSIFPHYADDR(IfRequest):
    """Set the outer addresses (SIOCSIFPHYADDR, SIOCSIFPHYADDR_IN6 by `family`).  EINVAL if they are not of the family."""

    family: int = 0
    src: bytes = b""
    dst: bytes = b""


class SIOCDIFPHYADDR(IfRequest):
    """Remove the outer addresses."""


class SIOCGIFPSRCADDR(IfRequest):
    """Answers the outer source address.  EADDRNOTAVAIL if there is none."""


class SIOCGIFPDSTADDR(IfRequest):
    """Answers the outer destination address."""


GIF_NOCLAMP, GIF_IGNORE_SOURCE = 1, 2
GRE_ENABLE_CSUM, GRE_ENABLE_SEQ, GRE_UDPENCAP = 1, 2, 4


class GIFGOPTS(IfRequest):
    """Answers the options of a gif(4)."""


class GIFSOPTS(IfRequest):
    """Set them."""

    options: int = 0


class GREGKEY(IfRequest):
    """Answers the key of a gre(4), 0 without."""


class GRESKEY(IfRequest):
    """Set it."""

    key: int = 0


class GREGOPTS(IfRequest):
    """Answers the options of a gre(4)."""


class GRESOPTS(IfRequest):
    """Set them."""

    options: int = 0


class GREGPORT(IfRequest):
    """Answers the UDP source port of a gre(4), 0 when it is chosen by flow."""


class GRESPORT(IfRequest):
    """Set it."""

    port: int = 0


class IPSECGREQID(IfRequest):
    """Answers the identifier of an ipsec(4)."""


class IPSECSREQID(IfRequest):
    """Set it."""

    reqid: int = 0
