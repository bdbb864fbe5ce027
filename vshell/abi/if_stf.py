"""Requests of stf(4) (net/if_stf.h): the `arg` of SIOCSDRVSPEC and SIOCGDRVSPEC."""

from __future__ import annotations

from vshell.abi.record import Record


class STF6RD_GV4NET(Record):
    """Answers (source, prefix length, border relay)."""


class STF6RD_SV4NET(Record):
    """Set the IPv4 address and the length of its prefix."""

    source: bytes = bytes(4)
    prefixlen: int = 0


class STF6RD_SBR(Record):
    """Set the border relay."""

    relay: bytes = bytes(4)
