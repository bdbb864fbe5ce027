"""ipfw nat as programs see it: instances, their redirections, and the requests about them (netinet/ip_fw.h, alias.h)."""

from __future__ import annotations

from vshell.abi.ip_fw import FwRequest
from vshell.abi.record import Record

PKT_ALIAS_LOG, PKT_ALIAS_DENY_INCOMING, PKT_ALIAS_SAME_PORTS, PKT_ALIAS_UNREGISTERED_ONLY = 0x01, 0x02, 0x04, 0x10
PKT_ALIAS_RESET_ON_ADDR_CHANGE, PKT_ALIAS_PROXY_ONLY, PKT_ALIAS_REVERSE = 0x20, 0x40, 0x80
PKT_ALIAS_SKIP_GLOBAL, PKT_ALIAS_UNREGISTERED_CGN, PKT_ALIAS_UDP_EIM = 0x200, 0x400, 0x800

REDIR_ADDR, REDIR_PORT, REDIR_PROTO = 0x01, 0x02, 0x04
INADDR_NONE = b"\xff\xff\xff\xff"


class Nat44Redir(Record):
    """One redirection (struct nat44_cfg_redir); `spool` is its pool of servers as (address, port)."""

    mode: int
    laddr: bytes = bytes(4)
    paddr: bytes = bytes(4)
    raddr: bytes = bytes(4)
    lport: int = 0
    pport: int = 0
    rport: int = 0
    pport_cnt: int = 0
    rport_cnt: int = 0
    proto: int = 0
    spool: tuple[tuple[bytes, int], ...] = ()


class Nat44Config(Record):
    """An instance (struct nat44_cfg_nat)."""

    name: str
    if_name: str = ""
    ip: bytes = bytes(4)
    mode: int = 0
    alias_port_lo: int = 0
    alias_port_hi: int = 0
    redirs: tuple[Nat44Redir, ...] = ()


class Nat44XConfig(FwRequest):
    """IP_FW_NAT44_XCONFIG: make or change an instance."""

    config: Nat44Config


class Nat44Request(FwRequest):
    """A request about one instance; ESRCH if there is none of that number."""

    name: str


class Nat44Destroy(Nat44Request):
    """IP_FW_NAT44_DESTROY."""


class Nat44XGetConfig(Nat44Request):
    """IP_FW_NAT44_XGETCONFIG: a Nat44Config."""


class Nat44XGetLog(Nat44Request):
    """IP_FW_NAT44_XGETLOG: a line of text; ENOENT if the instance keeps none."""


class Nat44ListNat(FwRequest):
    """IP_FW_NAT44_LIST_NAT: the names of all."""
