"""Messages of the spanning tree protocols: IEEE 802.1D-2004, clause 9 (net/bridgestp.h)."""

from __future__ import annotations

from struct import Struct

from vshell.abi.if_bridge import BSTP_PROTO_STP

Vector = tuple[int, int, int, int]
"""A priority vector: root, cost, designated bridge, designated port."""

DISABLED, ROOT, DESIGNATED, ALTERNATE, BACKUP = range(5)
"""Roles."""

TYPE_CFG, TYPE_RSTP, TYPE_TCN = 0, 2, 0x80
F_TC, F_P, F_L, F_F, F_A, F_TCA = 0x01, 0x02, 0x10, 0x20, 0x40, 0x80
ROLE_SHIFT = 2
STP_MASK, RSTP_MASK = F_TC | F_TCA, 0x7F
ROLE_BITS = {ALTERNATE: 1, BACKUP: 1, ROOT: 2, DESIGNATED: 3}
ROLES = {1: ALTERNATE, 2: ROOT, 3: DESIGNATED}

LLC = b"\x42\x42\x03"
CONFIG = Struct("!HBBBQIQHHHHH")
"""Protocol, version, type, flags, root, cost, bridge, port, message age, maximum age, hello time, forward delay."""


class Message:
    """A configuration message (struct bstp_config_unit)."""

    __slots__ = ("flags", "pv", "role", "times")

    def __init__(self, body: bytes) -> None:
        _, version, _, flags, root, cost, bridge, port, *times = CONFIG.unpack_from(body)
        stp = version == BSTP_PROTO_STP
        self.flags = flags & (STP_MASK if stp else RSTP_MASK)
        self.role = DESIGNATED if stp else ROLES.get(flags >> ROLE_SHIFT & 3, DISABLED)
        self.pv: Vector = (root, cost, bridge, port)
        self.times: tuple[int, ...] = tuple(times)
        """Message age, maximum age, hello time, forward delay."""
