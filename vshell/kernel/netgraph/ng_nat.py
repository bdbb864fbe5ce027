"""ng_nat(4): translates the source of packets that come in on "out", and the destination of those on "in" (netgraph/ng_nat.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, ENOMEM, ENOTTY, ENXIO, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import IPADDR, STRING, UINT8, UINT16, UINT32, Array, NgStruct, String, preceding
from vshell.kernel.netinet.libalias.alias import LibAliasIn, LibAliasOut
from vshell.kernel.netinet.libalias.alias_db import (
    LINK_ADDR,
    LINK_FRAGMENT_ID,
    LINK_FRAGMENT_PTR,
    LINK_ICMP,
    LINK_PPTP,
    LINK_SCTP,
    LINK_TCP,
    LINK_UDP,
    PKT_ALIAS_DENY_INCOMING,
    PKT_ALIAS_ERROR,
    PKT_ALIAS_IGNORED,
    PKT_ALIAS_SAME_PORTS,
    PKT_ALIAS_UDP_EIM,
    PKT_ALIAS_UNREGISTERED_CGN,
    PKT_ALIAS_UNRESOLVED_FRAGMENT,
    AliasLink,
    Libalias,
)
from vshell.kernel.netinet.libalias.alias_proxy import LibAliasProxyRule
from vshell.kernel.netinet.libalias.alias_util import recompute
from vshell.wire.ip import IP_HDR_LEN

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph", "libalias"), size=0x4000)

DLT_EN10MB, DLT_RAW = 1, 12
ETHER_HDR, MCLBYTES = 14, 2048
DESCRIPTION = String(64)
MODE = NgStruct(("flags", UINT32), ("mask", UINT32))
ADDRS, PORTS = ("local_addr", "alias_addr", "remote_addr"), ("local_port", "alias_port", "remote_port")
REDIRECT_PORT = NgStruct(
    *((name, IPADDR) for name in ADDRS), *((name, UINT16) for name in PORTS), ("proto", UINT8), ("description", DESCRIPTION)
)
REDIRECT_ADDR = NgStruct(*((name, IPADDR) for name in ADDRS[:2]), ("description", DESCRIPTION))
REDIRECT_PROTO = NgStruct(*((name, IPADDR) for name in ADDRS), ("proto", UINT8), ("description", DESCRIPTION))
ADD_SERVER = NgStruct(("id", UINT32), ("addr", IPADDR), ("port", UINT16))
ENTRY = NgStruct(
    ("id", UINT32), *((name, IPADDR) for name in ADDRS), *((name, UINT16) for name in PORTS), ("proto", UINT16),
    ("lsnat", UINT16), ("description", DESCRIPTION),
)  # fmt: skip
REDIRECTS = NgStruct(("total_count", UINT32), ("redirects", Array(ENTRY, preceding(4))))
COUNTS = {
    "icmpLinkCount": LINK_ICMP, "udpLinkCount": LINK_UDP, "tcpLinkCount": LINK_TCP, "sctpLinkCount": LINK_SCTP,
    "pptpLinkCount": LINK_PPTP, "protoLinkCount": 0, "fragmentIdLinkCount": LINK_FRAGMENT_ID,
    "fragmentPtrLinkCount": LINK_FRAGMENT_PTR, "sockCount": -1,
}  # fmt: skip
INFO = NgStruct(*((name, UINT32) for name in COUNTS))
SAME_FLAGS = 0xF7
MOVED_FLAGS = {0x100: PKT_ALIAS_UNREGISTERED_CGN, 0x200: PKT_ALIAS_UDP_EIM}
"""Flags of the mode whose values here differ from those of the engine; the others are the same."""


def translate_flags(flags: int) -> int:
    """ng_nat_translate_flags."""
    return flags & SAME_FLAGS | sum(bit for mine, bit in MOVED_FLAGS.items() if flags & mine)


class Nat(LastHook, ngtype="nat", cookie=1107718711):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.lib = Libalias(vnet.kernel)
        self.lib.LibAliasSetMode(PKT_ALIAS_SAME_PORTS, PKT_ALIAS_SAME_PORTS)
        self.inside: NgHook | None = None
        self.outside: NgHook | None = None
        """The hooks "out" and "in"."""
        self.connected = self.defined = False
        self.redirects: dict[int, tuple[AliasLink, dict[str, Any]]] = {}
        self.nextid = 1
        self.dlt = DLT_RAW

    def newhook(self, hook: NgHook, name: str) -> None:
        """in and out."""
        if name == "in":
            self.outside = hook
        elif name == "out":
            self.inside = hook
        else:
            raise KError(EINVAL)
        self.connected = self.connected or (self.inside is not None and self.outside is not None)

    def disconnect(self, hook: NgHook) -> None:
        """With one hook nothing goes through."""
        self.connected = False
        self.inside = None if hook is self.inside else self.inside
        self.outside = None if hook is self.outside else self.outside
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """The engine goes too."""
        self.lib.LibAliasUninit()
        return False

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "setaliasaddr", arg=IPADDR)
    def setaliasaddr(self, arg: bytes, msg: NgMsg) -> None:
        """The address packets get; before there is one they pass as they are."""
        self.lib.LibAliasSetAddress(arg)
        self.defined = True

    @ngmsg(2, "setmode", arg=MODE)
    def setmode(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Some flags of the mode."""
        self.lib.LibAliasSetMode(translate_flags(arg["flags"]), translate_flags(arg["mask"]))

    @ngmsg(3, "settarget", arg=IPADDR)
    def settarget(self, arg: bytes, msg: NgMsg) -> None:
        """Where unexpected packets go."""
        self.lib.LibAliasSetTarget(arg)

    def _remember(self, link: AliasLink | None, arg: dict[str, Any]) -> int:
        """The number of a new redirection."""
        if link is None:
            raise KError(ENOMEM)
        number = self.nextid
        entry = {**{n: bytes(4) for n in ADDRS}, **dict.fromkeys((*PORTS, "proto", "lsnat"), 0), **arg, "id": number}
        self.redirects[number] = (link, entry)
        self.nextid += 1
        return number

    @ngmsg(4, "redirectport", arg=REDIRECT_PORT, resp=UINT32)
    def redirectport(self, arg: dict[str, Any], msg: NgMsg) -> int:
        """A public port for a private one."""
        local, alias, remote = (arg[n] for n in ADDRS)
        ports = [arg[n] for n in PORTS]
        link = self.lib.LibAliasRedirectPort((local, ports[0]), (remote, ports[2]), (alias, ports[1]), arg["proto"])
        return self._remember(link, arg)

    @ngmsg(5, "redirectaddr", arg=REDIRECT_ADDR, resp=UINT32)
    def redirectaddr(self, arg: dict[str, Any], msg: NgMsg) -> int:
        """A public address for a private one."""
        link = self.lib.LibAliasRedirectAddr(arg["local_addr"], arg["alias_addr"])
        return self._remember(link, {**arg, "proto": LINK_ADDR})

    @ngmsg(6, "redirectproto", arg=REDIRECT_PROTO, resp=UINT32)
    def redirectproto(self, arg: dict[str, Any], msg: NgMsg) -> int:
        """A protocol of a public address for a private one."""
        local, alias, remote = (arg[n] for n in ADDRS)
        return self._remember(self.lib.LibAliasRedirectProto(local, remote, alias, arg["proto"]), arg)

    def _find(self, number: int) -> AliasLink:
        found = self.redirects.get(number)
        if found is None:
            raise KError(ENOENT)
        return found[0]

    @ngmsg(7, "redirectdynamic", arg=UINT32)
    def redirectdynamic(self, arg: int, msg: NgMsg) -> None:
        """It may expire, if its peer is known; it is not listed any more."""
        if self.lib.LibAliasRedirectDynamic(self._find(arg)) < 0:
            raise KError(ENOTTY)
        del self.redirects[arg]

    @ngmsg(8, "redirectdelete", arg=UINT32)
    def redirectdelete(self, arg: int, msg: NgMsg) -> None:
        """It ends."""
        self.lib.LibAliasRedirectDelete(self._find(arg))
        del self.redirects[arg]

    @ngmsg(9, "addserver", arg=ADD_SERVER)
    def addserver(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """Another server that connections are spread over."""
        if self.lib.LibAliasAddServer(self._find(arg["id"]), arg["addr"], arg["port"]) < 0:
            raise KError(ENOMEM)
        self.redirects[arg["id"]][1]["lsnat"] += 1

    @ngmsg(10, "listredirects", resp=REDIRECTS)
    def listredirects(self, arg: Any, msg: NgMsg) -> dict[str, Any]:
        """In the order they were made."""
        return {"total_count": len(self.redirects), "redirects": [entry for _, entry in self.redirects.values()]}

    @ngmsg(11, "proxyrule", arg=STRING, size=0)
    def proxyrule(self, arg: str, msg: NgMsg) -> None:
        """A transparent proxy."""
        if len(msg.data) < 6:
            raise KError(EINVAL)
        if LibAliasProxyRule(self.lib, arg):
            raise KError(ENOMEM)

    @ngmsg(12, "libaliasinfo", resp=INFO)
    def libaliasinfo(self, arg: Any, msg: NgMsg) -> dict[str, int]:
        """How many links there are."""
        return {name: self.lib.counts.get(kind, 0) for name, kind in COUNTS.items()}

    @ngmsg(13, "setdlt", arg=UINT8)
    def setdlt(self, arg: int, msg: NgMsg) -> None:
        """Do packets come with an Ethernet header?"""
        if arg not in (DLT_EN10MB, DLT_RAW):
            raise KError(EINVAL)
        self.dlt = arg

    @ngmsg(14, "getdlt", resp=UINT8)
    def getdlt(self, arg: Any, msg: NgMsg) -> int:
        """Never answered: the original looks for the command where the cookies are."""
        raise KError(EINVAL)

    # packets ---------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_nat_rcvdata."""
        if not self.connected:
            return ng_drop(self, hook, m, "the node has only one hook", ENXIO)
        out = self.outside if hook is self.inside else self.inside
        if not self.defined:
            return ng_send_data(out, m)
        skip = 0
        if self.dlt == DLT_EN10MB:
            if len(m) < ETHER_HDR:
                return ENXIO
            if m.data[m.off + 12 : m.off + 14] != b"\x08\0":
                return ng_send_data(out, m)
            skip = ETHER_HDR
        data, off = m.data, m.off + skip
        size = len(data) - off
        if size >= IP_HDR_LEN and data[off] >> 4 == 4 and size >= data[off + 2] << 8 | data[off + 3]:
            error = self._alias(hook, data, off)
            if error:
                return ng_drop(self, hook, m, "libalias refuses it", error)
        return ng_send_data(out, m)

    def _alias(self, hook: NgHook, data: bytearray, off: int) -> int:
        """Translate; EINVAL if the packet is to be dropped."""
        room = max(len(data) - off, MCLBYTES)
        if hook is self.outside:
            result = LibAliasIn(self.lib, data, off, room)
            denied = result == PKT_ALIAS_IGNORED and self.lib.packetAliasMode & PKT_ALIAS_DENY_INCOMING
            if denied or result == PKT_ALIAS_UNRESOLVED_FRAGMENT:
                return EINVAL
        else:
            result = LibAliasOut(self.lib, data, off, room)
        if result == PKT_ALIAS_ERROR:
            return EINVAL
        del data[off + (data[off + 2] << 8 | data[off + 3]) :]
        if len(data) >= off + IP_HDR_LEN:
            recompute(data, off, (data[off] & 15) << 2)
        return 0
