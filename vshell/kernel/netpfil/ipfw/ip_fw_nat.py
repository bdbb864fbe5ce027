"""The nat action: instances of an aliasing engine, and packets through them (netpfil/ipfw/ip_fw_nat.c).

Each stack has its own instances.  A rule names one by its number, which need not exist when the rule is added; a packet that
meets a number nobody has is dropped.  An instance that follows an interface takes the interface's last IPv4 address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, ESRCH, KError
from vshell.abi.ip_fw import IP_FW_TARG, O_NAT, Insn
from vshell.abi.ip_fw_nat import (
    REDIR_ADDR,
    REDIR_PORT,
    REDIR_PROTO,
    Nat44Config,
    Nat44Destroy,
    Nat44ListNat,
    Nat44Redir,
    Nat44XConfig,
    Nat44XGetConfig,
    Nat44XGetLog,
)
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, VnetModule
from vshell.kernel.net.ifnet import ifaddr_event
from vshell.kernel.netinet.libalias.alias import LibAliasIn, LibAliasOut
from vshell.kernel.netinet.libalias.alias_db import (
    PKT_ALIAS_DENY_INCOMING,
    PKT_ALIAS_ERROR,
    PKT_ALIAS_IGNORED,
    PKT_ALIAS_OK,
    PKT_ALIAS_SKIP_GLOBAL,
    PKT_ALIAS_UNRESOLVED_FRAGMENT,
    AliasLink,
    Libalias,
)
from vshell.kernel.netinet.libalias.alias_util import recompute
from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
from vshell.kernel.netpfil.ipfw.ip_fw_action import DENY, LOADABLE, PASS, Action
from vshell.kernel.netpfil.ipfw.ip_fw_sockopt import fw3

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import Rule
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

MCLBYTES, IP_HLEN = 2048, 20
"""A packet may grow to the size of the cluster it lies in."""


class CfgNat:
    """One instance (struct cfg_nat)."""

    def __init__(self, vnet: Vnet, number: int) -> None:
        self.id = number
        self.lib = Libalias(vnet.kernel)
        self.ip = bytes(4)
        self.mode = self.alias_port_lo = self.alias_port_hi = 0
        self.if_name = ""
        self.redirs: list[tuple[Nat44Redir, list[AliasLink]]] = []
        """The youngest first."""

    def configure(self, c: Nat44Config) -> None:
        """nat44_config: what was redirected before is not any more."""
        self.ip, self.mode, self.if_name = c.ip, c.mode, c.if_name
        self.alias_port_lo, self.alias_port_hi = c.alias_port_lo, c.alias_port_hi
        self.lib.LibAliasSetMode(self.mode, ~0)
        self.lib.LibAliasSetAddress(self.ip)
        self.lib.LibAliasSetAliasPortRange(self.alias_port_lo, self.alias_port_hi)
        self.forget()
        for redir in c.redirs:
            links = self._redirect(redir)
            if not links:
                return
            for addr, port in redir.spool:
                self.lib.LibAliasAddServer(links[0], addr, port)
            self.redirs.insert(0, (replace(redir, spool=redir.spool[::-1]), links))

    def _redirect(self, r: Nat44Redir) -> list[AliasLink]:
        """The links of one redirection, none if one was not possible."""
        found: list[AliasLink | None] = []
        if r.mode == REDIR_ADDR:
            found.append(self.lib.LibAliasRedirectAddr(r.laddr, r.paddr))
        elif r.mode == REDIR_PROTO:
            found.append(self.lib.LibAliasRedirectProto(r.laddr, r.raddr, r.paddr, r.proto))
        elif r.mode == REDIR_PORT:
            for i in range(r.pport_cnt):
                rport = 0 if r.rport_cnt == 1 and r.rport == 0 else r.rport + i & 0xFFFF
                src, alias = (r.laddr, r.lport + i & 0xFFFF), (r.paddr, r.pport + i & 0xFFFF)
                found.append(self.lib.LibAliasRedirectPort(src, (r.raddr, rport), alias, r.proto))
        return [] if None in found else [link for link in found if link is not None]

    def forget(self) -> None:
        """del_redir_spool_cfg."""
        for _, links in self.redirs:
            for link in links:
                self.lib.LibAliasRedirectDelete(link)
        self.redirs = []

    def export(self) -> Nat44Config:
        """As programs see it."""
        redirs = tuple(r for r, _ in self.redirs)
        return Nat44Config(str(self.id), self.if_name, self.ip, self.mode, self.alias_port_lo, self.alias_port_hi, redirs)

    def free(self) -> None:
        """free_nat_instance."""
        self.forget()
        self.lib.LibAliasUninit()


class IpFwNat(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The instances of a stack (V_layer3_chain.nat), those configured last first."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.nat: dict[int, CfgNat] = {}

    def destroy(self) -> None:
        """vnet_ipfw_nat_uninit."""
        for each in self.nat.values():
            each.free()
        self.nat.clear()

    def lookup(self, name: str) -> CfgNat | None:
        """lookup_nat_name."""
        return self.nat.get(int(name)) if name.isascii() and name.isdigit() else None


def _module(vnet: Vnet) -> IpFwNat:
    """The module of this stack; EINVAL if it is not loaded."""
    nat: IpFwNat | None = vnet.get(IpFwNat)
    if nat is None:
        raise KError(EINVAL)
    return nat


def _ifaddr_change(ifp: Any, *_: Any) -> None:
    """An interface has other addresses now: instances that follow it take the last."""
    nat: IpFwNat | None = ifp.vnet.get(IpFwNat)
    if nat is None:
        return
    for each in nat.nat.values():
        if each.if_name == ifp.xname:
            for ifa in ifp.addrs:
                if ifa.family == AF_INET:
                    each.ip = bytes(ifa.addr)
                    each.lib.LibAliasSetAddress(each.ip)


ifaddr_event.append(_ifaddr_change)


# packets -------------------------------------------------------------------------------------------------------


def ipfw_nat(nat: IpFwNat, a: FwArgs, cfg: CfgNat | None) -> bool:
    """Translate a packet; False if it is to be dropped.  Without an instance ("global") each is asked for one it knows."""
    m = a.m
    room = max(len(m), MCLBYTES)
    if cfg is None:
        if a.incoming:
            return True
        result = PKT_ALIAS_IGNORED
        for cfg in nat.nat.values():
            if cfg.mode & PKT_ALIAS_SKIP_GLOBAL:
                continue
            result = LibAliasOut(cfg.lib, m.data, m.off, room, False)
            if result == PKT_ALIAS_OK:
                break
        if cfg is None or result != PKT_ALIAS_OK:
            return True
    elif a.incoming:
        result = LibAliasIn(cfg.lib, m.data, m.off, room)
    else:
        result = LibAliasOut(cfg.lib, m.data, m.off, room)
    if result == PKT_ALIAS_ERROR:
        return False
    if a.incoming and (
        result == PKT_ALIAS_UNRESOLVED_FRAGMENT or (result == PKT_ALIAS_IGNORED and cfg.mode & PKT_ALIAS_DENY_INCOMING)
    ):
        return False
    recompute(m.data, m.off, IP_HLEN)
    return True


def _make_nat(vnet: Vnet, cmds: tuple[Insn, ...], which: int) -> tuple[Action, None]:
    """nat N, nat tablearg, nat global."""
    _module(vnet)
    if len(cmds) != 1:
        raise KError(EINVAL)
    glob, number = bool(cmds[0].data), cmds[0].arg1

    def action(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        f.count(rule, a)
        nat: IpFwNat | None = f.vnet.get(IpFwNat)
        if nat is None or not a.v4:
            return DENY
        cfg = None
        if not glob:
            cfg = nat.nat.get(number if number != IP_FW_TARG else a.value.nat)
            if cfg is None:
                return DENY
        if a.layer2:
            return PASS
        if not ipfw_nat(nat, a, cfg):
            return DENY
        if f.one_pass:
            return PASS
        a.parse(a.m)
        return pos + 1

    return action, None


LOADABLE[O_NAT] = _make_nat


# requests ------------------------------------------------------------------------------------------------------


def _number(name: str) -> int:
    """An instance's number; EINVAL for a name that is none."""
    if not (name.isascii() and name.isdigit()) or not int(name) or len(name) > 63:
        raise KError(EINVAL)
    return int(name)


@fw3(Nat44XConfig)
def nat44_cfg(f: IpFw, r: Nat44XConfig) -> int:
    """Make an instance, or configure it anew; its dynamic links stay unless the address changes and that is the mode."""
    nat = _module(f.vnet)
    number = _number(r.config.name)
    cfg = nat.nat.pop(number, None) or CfgNat(f.vnet, number)
    cfg.configure(r.config)
    nat.nat = {number: cfg, **nat.nat}
    return 0


def _get(f: IpFw, name: str) -> CfgNat:
    cfg = _module(f.vnet).lookup(name)
    if cfg is None:
        raise KError(ESRCH)
    return cfg


@fw3(Nat44Destroy)
def nat44_destroy(f: IpFw, r: Nat44Destroy) -> int:
    """Take an instance away; rules that name it drop packets from now on."""
    cfg = _get(f, r.name)
    del _module(f.vnet).nat[cfg.id]
    cfg.free()
    return 0


@fw3(Nat44XGetConfig)
def nat44_get_cfg(f: IpFw, r: Nat44XGetConfig) -> Nat44Config:
    """How an instance is configured."""
    return _get(f, r.name).export()


@fw3(Nat44XGetLog)
def nat44_get_log(f: IpFw, r: Nat44XGetLog) -> str:
    """How many links it has."""
    log = _get(f, r.name).lib.logDesc
    if log is None:
        raise KError(ENOENT)
    return log


@fw3(Nat44ListNat)
def nat44_list_nat(f: IpFw, r: Nat44ListNat) -> tuple[str, ...]:
    """Which there are."""
    return tuple(str(number) for number in _module(f.vnet).nat)
