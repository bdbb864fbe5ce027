"""Requests of pfsync(4) (net/if_pfsync.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.sockio import IfRequest

PFSYNCF_OK, PFSYNCF_DEFER = 1, 2


class Pfsync(Record):
    """What there is to set."""

    syncdev: str = ""
    syncpeer: bytes = b""
    maxupdates: int = 128
    flags: int = 0
    version: int = 0


class SIOCGETPFSYNCNV(IfRequest):
    """Answers a Pfsync.  EINVAL on other interfaces."""


class SIOCSETPFSYNCNV(IfRequest):
    """Set it."""

    state: Pfsync = Pfsync()
