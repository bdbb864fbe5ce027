"""What rules want done with a packet besides passing it (struct pf_rule_actions, pf_rule_to_actions of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule


class Actions:
    """Collected from match rules and the last one."""

    __slots__ = (
        "allow_opts", "dnpipe", "dnrpipe", "flags", "log", "max_mss", "max_pkt_size", "min_ttl", "rt", "rt_addr", "rt_af",
        "rt_ifname", "rtableid", "set_prio", "set_tos",
    )  # fmt: skip

    def __init__(self) -> None:
        self.flags = self.log = self.min_ttl = self.max_mss = self.set_tos = self.dnpipe = self.dnrpipe = 0
        self.allow_opts = self.rt = self.rt_af = self.max_pkt_size = 0
        self.set_prio = (0, 0)
        self.rt_addr = b""
        self.rt_ifname = ""
        self.rtableid = -1

    def copy(self) -> Actions:
        """Another one of the same contents."""
        new = Actions()
        for name in self.__slots__:
            setattr(new, name, getattr(self, name))
        return new

    def add(self, r: Krule) -> None:
        """pf_rule_to_actions."""
        if r.dnpipe:
            self.dnpipe = r.dnpipe
        if r.dnrpipe:
            self.dnrpipe = r.dnrpipe
        if r.dnpipe or r.dnrpipe:
            pipe = r.free_flags & P.PFRULE_DN_IS_PIPE
            self.flags &= ~(P.PFSTATE_DN_IS_PIPE | P.PFSTATE_DN_IS_QUEUE)
            self.flags |= P.PFSTATE_DN_IS_PIPE if pipe else P.PFSTATE_DN_IS_QUEUE
        self.flags |= r.scrub_flags & (P.PFSTATE_NODF | P.PFSTATE_RANDOMID | P.PFSTATE_SCRUB_TCP | P.PFSTATE_SETPRIO)
        if r.rule_flag & P.PFRULE_RANDOMID:
            self.flags |= P.PFSTATE_RANDOMID
        if r.rtableid >= 0:
            self.rtableid = r.rtableid
        self.log |= r.log
        self.min_ttl = r.min_ttl or self.min_ttl
        self.max_mss = r.max_mss or self.max_mss
        if r.scrub_flags & P.PFSTATE_SETTOS or r.rule_flag & P.PFRULE_SET_TOS:
            self.flags |= P.PFSTATE_SETTOS
            self.set_tos = r.set_tos
        if r.scrub_flags & P.PFSTATE_SETPRIO:
            self.set_prio = r.set_prio
        self.allow_opts |= r.allow_opts
        self.max_pkt_size = r.max_pkt_size or self.max_pkt_size
