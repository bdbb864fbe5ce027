"""ng_rfc1490(4): protocols in frame relay, by RFC 2427 or Cisco's way (netgraph/ng_rfc1490.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, EISCONN, ENOBUFS, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import STRING

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2978)

HDLC_UI, NLPID_IP, NLPID_PPP, NLPID_SNAP = 0x03, 0xCC, 0xCF, 0x80
OTHER_NLPIDS = (0x08, 0x81, 0x82, 0x83)
ETHERTYPE_IP = b"\x08\x00"
SNAP_IP = bytes((HDLC_UI, 0, NLPID_SNAP, 0, 0, 0)) + ETHERTYPE_IP
SNAP_ETHERNET = bytes((HDLC_UI, 0, NLPID_SNAP, 0, 0x80, 0xC2, 0, 7))
ENCAPS = {"ietf-ip": bytes((HDLC_UI, NLPID_IP)), "ietf-snap": SNAP_IP, "cisco": ETHERTYPE_IP}
HEADER = 8


class Rfc1490(LastHook, ngtype="rfc1490", cookie=1086947474):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.encap = "ietf-ip"

    def newhook(self, hook: NgHook, name: str) -> None:
        """The line, and a few protocols."""
        if name not in ("downstream", "ppp", "inet", "ethernet"):
            raise KError(EINVAL)
        if name in self.hooks.names:
            raise KError(EISCONN)

    @ngmsg(0, "setencap", arg=STRING, size=0)
    def setencap(self, arg: str, msg: NgMsg) -> None:
        """How IPv4 is put into frames."""
        if arg not in ENCAPS or len(msg.data) != len(arg) + 1:
            raise KError(EINVAL)
        self.encap = arg

    @ngmsg(1, "getencap", resp=STRING)
    def getencap(self, arg: object, msg: NgMsg) -> str:
        """How it is."""
        return self.encap

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Put a header on, or take it off."""
        if hook.name == "downstream":
            return self._up(m)
        headers = {"ppp": bytes((HDLC_UI, NLPID_PPP)), "inet": ENCAPS[self.encap], "ethernet": SNAP_ETHERNET}
        m.prepend(headers[hook.name])
        return ng_send_data(self.findhook("downstream"), m)

    def _up(self, m: Mbuf) -> int:
        if len(m) < HEADER:
            return ENOBUFS
        head = bytes(m.data[m.off : m.off + HEADER])
        if self.encap == "cisco":
            return self._to("inet", m, 2) if head[:2] == ETHERTYPE_IP else 0
        if head[0] != HDLC_UI:
            return 0
        at = 2 if head[1] == 0 else 1
        nlpid, rest = head[at], bytes(m.data[m.off + at + 1 : m.off + at + 6])
        if nlpid == NLPID_IP:
            return self._to("inet", m, at + 1)
        if nlpid == NLPID_PPP:
            return self._to("ppp", m, at + 1)
        if nlpid == NLPID_SNAP:
            if rest == bytes(3) + ETHERTYPE_IP:
                return self._to("inet", m, at + 6)
            return self._to("ethernet", m, at + 6) if rest == b"\x00\x80\xc2\x00\x07" else 0
        if nlpid in OTHER_NLPIDS or nlpid & 1:
            return 0
        # What is no NLPID is the protocol number of PPP (RFC 1973).
        return self._to("ppp", m, at)

    def _to(self, name: str, m: Mbuf, header: int) -> int:
        m.adj(header)
        return ng_send_data(self.findhook(name), m)
