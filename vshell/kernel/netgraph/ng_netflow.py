"""ng_netflow(4): counts the flows that pass, and exports them (netgraph/netflow/ng_netflow.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, ENOTCONN, KError
from vshell.abi.netgraph import NGM_HASREPLY, NGM_READONLY
from vshell.abi.socket import (
    IPPROTO_AH,
    IPPROTO_DSTOPTS,
    IPPROTO_FRAGMENT,
    IPPROTO_HOPOPTS,
    IPPROTO_ROUTING,
    IPPROTO_SCTP,
    IPPROTO_TCP,
    IPPROTO_UDP,
)
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.netflow import IS_FRAG, NGM_SHOW, NODSTLOOKUP, NOSRCLOOKUP, SECOND, SHOW_HEADER, FlowCache
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_respond, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT8, UINT16, UINT32, UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x5E10)

MAXIFACES = 65535
INGRESS, EGRESS, ONCE, THISONCE = 0x01, 0x02, 0x04, 0x08
DLT_EN10MB, DLT_RAW = 1, 12
UPPER_SIZES = {IPPROTO_TCP: 20, IPPROTO_UDP: 8, IPPROTO_SCTP: 12}
MHLEN = 168
MIN_MTU, MAX_MTU = 24, 16384
LOG_ERR = 3
TAG = "netflow"
"""Where an mbuf has the ids of the nodes that counted it."""
ASKS = NGM_READONLY | NGM_HASREPLY

INFO = NgStruct(
    *(
        (name, UINT64)
        for name in (
            "IPv4 bytes", "IPv4 packets", "IPv6 bytes", "IPv6 packets", "IPv4 skipped bytes", "IPv4 skipped packets",
            "IPv6 skipped bytes", "IPv6 skipped packets", "Active expiries", "Inactive expiries",
        )
    ),
    *(
        (name, UINT32)
        for name in (
            "IPv4 records used", "IPv6 records used", "Failed allocations", "V5 failed exports", "V9 failed exports",
            "mbuf reallocations", "fibs allocated", "Inactive timeout", "Active timeout",
        )
    ),
)  # fmt: skip
IFINFO = NgStruct(("packets", UINT32), ("data link type", UINT8), ("index", UINT16), ("conf", UINT32))
SETDLT = NgStruct(("iface", UINT16), ("dlt", UINT8))
SETIFINDEX = NgStruct(("iface", UINT16), ("index", UINT16))
SETTIMEOUTS = NgStruct(("inactive", UINT32), ("active", UINT32))
SETCONFIG = NgStruct(("iface", UINT16), ("conf", UINT32))
SETTEMPLATE = NgStruct(("time", UINT16), ("packets", UINT16))
SETMTU = NgStruct(("mtu", UINT16))
V9INFO = NgStruct(("v9 template packets", UINT16), ("v9 template time", UINT16), ("v9 MTU", UINT16))


class NfIface:
    """A pair of hooks (struct ng_netflow_iface)."""

    __slots__ = ("hook", "info", "out")

    def __init__(self) -> None:
        self.hook: NgHook | None = None
        self.out: NgHook | None = None
        self.info = {"packets": 0, "data link type": 0, "index": 0, "conf": INGRESS}


class Netflow(LastHook, ngtype="netflow", cookie=1365756954):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.cache = FlowCache(vnet)
        self.ifaces: dict[int, NfIface] = {}
        self.skipped, self.skipped_bytes = {4: 0, 6: 0}, {4: 0, 6: 0}
        self.timer = vnet.kernel.clock.callout()

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """iface0 to iface65534, out0 to out65534, export, export9."""
        if name == "export":
            if self.cache.export is not None:
                raise KError(EISCONN)
            self.cache.export = hook
            self.timer.reset(SECOND, self._tick)
        elif name == "export9":
            if self.cache.export9 is not None:
                raise KError(EISCONN)
            self.cache.export9 = hook
            self.timer.reset(SECOND, self._tick)
        else:
            self._newiface(hook, name)

    def _newiface(self, hook: NgHook, name: str) -> None:
        prefix = "iface" if name.startswith("iface") else "out"
        digits = name[len(prefix) :]
        if not name.startswith(prefix) or not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits:
            raise KError(EINVAL)
        if int(digits) >= MAXIFACES:
            raise KError(EINVAL)
        iface = self._iface(int(digits))
        if (iface.hook if prefix == "iface" else iface.out) is not None:
            raise KError(EISCONN)
        hook.private = iface
        if prefix == "iface":
            iface.hook = hook
            iface.info["data link type"] = DLT_EN10MB
        else:
            iface.out = hook

    def _iface(self, number: int) -> NfIface:
        return self.ifaces.setdefault(number, NfIface())

    def disconnect(self, hook: NgHook) -> None:
        """Without anybody to export to nothing expires but what packets meet."""
        iface: NfIface | None = hook.private
        if iface is not None:
            if iface.hook is hook:
                iface.hook = None
            if iface.out is hook:
                iface.out = None
        if hook is self.cache.export:
            self.cache.export = None
        if hook is self.cache.export9:
            self.cache.export9 = None
        if self.cache.export is None and self.cache.export9 is None:
            self.timer.stop()
        super().disconnect(hook)

    def close(self) -> None:
        """Export what is left while there is somebody to take it."""
        self.timer.stop()
        self.cache.flush()

    def _tick(self) -> None:
        self.cache.expire()
        self.timer.reset(SECOND, self._tick)

    # messages --------------------------------------------------------------------------------------------------
    def rcvmsg(self, msg: NgMsg) -> None:
        """The list of flows has no ASCII form."""
        if msg.cookie != self.cookie or msg.cmd != NGM_SHOW:
            super().rcvmsg(msg)
            return
        if len(msg.data) != SHOW_HEADER.size:
            raise KError(EINVAL)
        version, start, skip, _ = SHOW_HEADER.unpack(msg.data)
        answer = self.cache.show(version, start, skip)
        if answer is None:
            raise KError(EINVAL)
        ng_respond(self, msg, answer)

    @ngmsg(1 | ASKS, "info", resp=INFO)
    def info(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        cache = self.cache
        answer = {
            "Active expiries": cache.active_expired, "Inactive expiries": cache.inactive_expired,
            "fibs allocated": len(cache.fibs), "Inactive timeout": cache.inactive, "Active timeout": cache.active,
        }  # fmt: skip
        for version in (4, 6):
            answer[f"IPv{version} bytes"] = cache.bytes[version]
            answer[f"IPv{version} packets"] = cache.packets[version]
            answer[f"IPv{version} skipped bytes"] = self.skipped_bytes[version]
            answer[f"IPv{version} skipped packets"] = self.skipped[version]
            answer[f"IPv{version} records used"] = cache.used[version]
        return answer

    def _hooked(self, number: int) -> NfIface:
        iface = self.ifaces.get(number)
        if iface is None or iface.hook is None:
            raise KError(EINVAL)
        return iface

    @ngmsg(2 | ASKS, "ifinfo", arg=UINT16, resp=IFINFO)
    def ifinfo(self, arg: int, msg: NgMsg) -> Any:
        """The settings of an interface."""
        return self._hooked(arg).info

    @ngmsg(4, "setdlt", arg=SETDLT)
    def setdlt(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Ethernet or bare packets."""
        iface = self._hooked(arg["iface"])
        if arg["dlt"] not in (DLT_EN10MB, DLT_RAW):
            raise KError(EINVAL)
        iface.info["data link type"] = arg["dlt"]

    @ngmsg(5, "setifindex", arg=SETIFINDEX)
    def setifindex(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Where its packets are said to come from."""
        self._hooked(arg["iface"]).info["index"] = arg["index"]

    @ngmsg(6, "settimeouts", arg=SETTIMEOUTS)
    def settimeouts(self, arg: dict[str, int], msg: NgMsg) -> None:
        """In seconds."""
        self.cache.inactive, self.cache.active = arg["inactive"], arg["active"]

    @ngmsg(7, "setconfig", arg=SETCONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Which direction is counted, and what was counted before."""
        if arg["iface"] >= MAXIFACES:
            raise KError(EINVAL)
        self._iface(arg["iface"]).info["conf"] = arg["conf"]

    @ngmsg(8, "settemplate", arg=SETTEMPLATE)
    def settemplate(self, arg: dict[str, int], msg: NgMsg) -> None:
        """How often templates are sent."""
        self.cache.template_packets, self.cache.template_time = arg["packets"], arg["time"]

    @ngmsg(9, "setmtu", arg=SETMTU)
    def setmtu(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Of datagrams of version 9."""
        if not MIN_MTU <= arg["mtu"] <= MAX_MTU:
            raise KError(EINVAL)
        self.cache.mtu = arg["mtu"]

    @ngmsg(10 | ASKS, "v9info", resp=V9INFO)
    def v9info(self, arg: Any, msg: NgMsg) -> Any:
        """The same."""
        cache = self.cache
        return {
            "v9 template packets": cache.template_packets, "v9 template time": cache.template_time, "v9 MTU": cache.mtu,
        }  # fmt: skip

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_netflow_rcvdata: count, then to the other hook of the interface."""
        iface: NfIface | None = hook.private
        if iface is None:
            self.kernel.log(LOG_ERR, "ng_netflow: incoming data on export hook!")
            return EINVAL
        conf = iface.info["conf"]
        inward = hook is iface.hook
        out = iface.out if inward else iface.hook
        bypass = not conf & (INGRESS if inward else EGRESS)
        if not bypass and conf & (ONCE | THISONCE):
            tags = m.tags or {}
            counted: tuple[int, ...] = tags.get(TAG, ())
            bypass = bool(counted) if conf & ONCE else self.id in counted
            if not bypass:
                m.tags = {**tags, TAG: (self.id, *counted)}
        if bypass:
            return ENOTCONN if out is None else ng_send_data(out, m)
        iface.info["packets"] += 1
        version = self._account(iface, m, inward, conf & (NOSRCLOOKUP | NODSTLOOKUP))
        if out is None:
            return 0
        if version:
            self.skipped[version] += 1
            self.skipped_bytes[version] += len(m)
        return ng_send_data(out, m)

    def _account(self, iface: NfIface, m: Mbuf, inward: bool, flags: int) -> int:
        """Count a packet; the version of one that was not, 0 for one that was or is no IP."""
        found = _network(m, iface.info["data link type"])
        if found is None:
            return 0
        version, start = found
        parsed = _ipv4(m, start) if version == 4 else _ipv6(m, start) if self.cache.export9 is not None else None
        if parsed is None or m.fib >= self.vnet.numfibs:
            return version
        self.cache.fib(m.fib)
        index = iface.info["index"] if inward else 0
        if not index and m.rcvif is not None:
            index = m.rcvif.index
        src, dst, ports, proto, tos, size, tcp_flags, fragment = parsed
        key = (version, m.fib, src, dst, ports[:2], ports[2:], proto, tos, index & 0xFFFF)
        self.cache.add(key, size, flags | (IS_FRAG if fragment else 0), tcp_flags)
        return 0


Parsed = tuple[bytes, bytes, bytes, int, int, int, int, bool]
"""(source, destination, ports, protocol, type of service, length, flags of TCP, is it a fragment?)."""


def _network(m: Mbuf, dlt: int) -> tuple[int, int] | None:
    """(version, where the packet begins); None if it is none."""
    start = 0
    if dlt == DLT_EN10MB:
        start = 14
        etype = int.from_bytes(m.data[m.off + 12 : m.off + 14], "big") if len(m) >= 14 else 0
        if etype == 0x8100 and len(m) >= 18:
            start, etype = 18, int.from_bytes(m.data[m.off + 16 : m.off + 18], "big")
        version = {0x0800: 4, 0x86DD: 6}.get(etype, 0)
    elif len(m) >= 20:
        version = 6 if m.data[m.off] >> 4 == 6 else 4
    else:
        return None
    return (version, start) if version and len(m) >= start + (20 if version == 4 else 40) else None


def _upper(m: Mbuf, start: int, proto: int) -> tuple[bytes, int] | None:
    """(ports, flags of TCP); None if the header is not there or too far behind."""
    end = start + UPPER_SIZES.get(proto, 0)
    if len(m) < end or end > MHLEN:
        return None
    at = m.off + start
    if proto == IPPROTO_TCP:
        return bytes(m.data[at : at + 4]), m.data[at + 13]
    return (bytes(m.data[at : at + 4]) if proto in UPPER_SIZES else bytes(4)), 0


def _ipv4(m: Mbuf, start: int) -> Parsed | None:
    at, data = m.off + start, m.data
    hlen = (data[at] & 15) * 4
    if data[at] >> 4 != 4 or hlen < 20:
        return None
    proto = data[at + 9]
    fragment = bool(int.from_bytes(data[at + 6 : at + 8], "big") & 0x1FFF)
    upper = (bytes(4), 0)
    if not fragment:
        found = _upper(m, start + hlen, proto)
        if found is None:
            return None
        upper = found
        if proto == IPPROTO_SCTP:
            # Ports of SCTP count in IPv6 only.
            upper = bytes(4), 0
    ports, tcp_flags = upper
    size = int.from_bytes(data[at + 2 : at + 4], "big")
    return bytes(data[at + 12 : at + 16]), bytes(data[at + 16 : at + 20]), ports, proto, data[at + 1], size, tcp_flags, fragment


def _ipv6(m: Mbuf, start: int) -> Parsed | None:
    at, data = m.off + start, m.data
    if data[at] >> 4 != 6:
        return None
    proto, off, fragment = data[at + 6], start + 40, False
    while proto in (IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH):
        if len(m) < off + 2:
            return None
        length = data[m.off + off + 1]
        proto, off = data[m.off + off], off + ((length + 2) * 4 if proto == IPPROTO_AH else (length + 1) * 8)
    upper: tuple[bytes, int] | None
    if proto == IPPROTO_FRAGMENT:
        if len(m) < off + 8:
            return None
        proto, fragment, upper = data[m.off + off], True, (bytes(4), 0)
    else:
        upper = _upper(m, off, proto)
    if upper is None:
        return None
    size = int.from_bytes(data[at + 4 : at + 6], "big") + 40
    return bytes(data[at + 8 : at + 24]), bytes(data[at + 24 : at + 40]), upper[0], proto, 0, size, upper[1], fragment
