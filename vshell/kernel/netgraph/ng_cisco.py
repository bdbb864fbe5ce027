"""ng_cisco(4): Cisco's HDLC: protocols of a serial line, and its keepalives (netgraph/ng_cisco.c)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.netgraph import NGF_RESP, NGM_GENERIC_COOKIE, NGM_TEXT_STATUS
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import (
    NGM_FLOW_COOKIE,
    NGM_LINK_IS_DOWN,
    NGM_LINK_IS_UP,
    LastHook,
    NgHook,
    NgMsg,
    ng_respond,
    ng_send_data,
    ng_send_msg,
    ngmsg,
)  # fmt: skip
from vshell.kernel.netgraph.ng_parse import IPADDR, UINT32, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2F98)

COOKIE = 860707227
GET_IPADDR = 2
MULTICAST, UNICAST, KEEPALIVE = 0x8F, 0x0F, 0x8035
ADDR_REQ, ADDR_REPLY, KEEPALIVE_REQ = range(3)
PERIOD, SECOND = 10, 1_000_000_000
LOG_WARNING = 4
PROTOCOLS = {"inet": 0x0800, "inet6": 0x86DD, "atalk": 0x809B, "ipx": 0x8137}
NAMES = {number: name for name, number in PROTOCOLS.items()}
HEADER = Struct("!BBH")
PACKET = Struct("!IIIHHH")

ADDRESSES = NgStruct(("ipaddr", IPADDR), ("netmask", IPADDR))
STATS = NgStruct(("seqRetries", UINT32), ("keepAlivePeriod", UINT32))


class Cisco(LastHook, ngtype="cisco", cookie=COOKIE):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ends: dict[str, NgHook] = {}
        self.addresses = {"ipaddr": bytes(4), "netmask": bytes(4)}
        self.local_seq = self.remote_seq = self.retries = 0
        self.timer = vnet.kernel.clock.callout()

    def newhook(self, hook: NgHook, name: str) -> None:
        """The line, the protocols, and "debug" for nothing."""
        if name == "downstream":
            self.timer.reset(PERIOD * SECOND, self.keepalive)
        elif name not in PROTOCOLS and name != "debug":
            raise KError(EINVAL)
        self.ends[name] = hook

    def disconnect(self, hook: NgHook) -> None:
        """Without a line nothing is sent."""
        if self.ends.get(hook.name) is hook:
            del self.ends[hook.name]
        if hook.name == "downstream":
            self.timer.stop()
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Without a timer."""
        self.timer.stop()
        return False

    # messages --------------------------------------------------------------------------------------------------
    def rcvmsg(self, msg: NgMsg) -> None:
        """Besides its own: its state in words, and the addresses that the node at "inet" answers."""
        if msg.cookie == NGM_GENERIC_COOKIE and msg.cmd == NGM_TEXT_STATUS:
            text = f"keepalive period: {PERIOD} sec; unacknowledged keepalives: {self.retries}"
            ng_respond(self, msg, text.encode() + b"\0")
        elif msg.cookie == COOKIE and msg.cmd == GET_IPADDR and msg.flags & NGF_RESP:
            self._setipaddr(msg)
        else:
            super().rcvmsg(msg)

    def _setipaddr(self, msg: NgMsg) -> None:
        if len(msg.data) < 8:
            raise KError(EINVAL)
        self.addresses = ADDRESSES.load(msg.data, 0)[0]

    @ngmsg(1, "setipaddr", arg=ADDRESSES, size=0)
    def setipaddr(self, arg: Any, msg: NgMsg) -> None:
        """What it answers when the other side asks."""
        self._setipaddr(msg)

    @ngmsg(GET_IPADDR, "getipaddr", resp=ADDRESSES)
    def getipaddr(self, arg: Any, msg: NgMsg) -> Any:
        """The same."""
        return self.addresses

    @ngmsg(3, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """Keepalives nobody answered."""
        return {"seqRetries": self.retries, "keepAlivePeriod": PERIOD}

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A header comes and goes."""
        if hook.name == "downstream":
            return self._input(m)
        if hook.name not in PROTOCOLS:
            return 0
        m.prepend(HEADER.pack(UNICAST, 0, PROTOCOLS[hook.name]))
        return ng_send_data(self.ends.get("downstream"), m)

    def _input(self, m: Mbuf) -> int:
        if len(m) < HEADER.size:
            return EINVAL
        address, _, protocol = HEADER.unpack_from(m.data, m.off)
        m.adj(HEADER.size)
        if address not in (UNICAST, MULTICAST):
            return 0
        if protocol == KEEPALIVE:
            return self._control(m)
        name = NAMES.get(protocol)
        if name is None:
            return 0
        if not len(m):
            return EINVAL
        return ng_send_data(self.ends[name], m) if name in self.ends else 0

    def _control(self, m: Mbuf) -> int:
        if len(m) < PACKET.size:
            return EINVAL
        kind, first, second = PACKET.unpack_from(m.data, m.off)[:3]
        if kind == KEEPALIVE_REQ:
            self.remote_seq = first
            if self.local_seq == second:
                self.local_seq = self.local_seq + 1 & 0xFFFFFFFF
                if self.retries > 1:
                    self._notify(NGM_LINK_IS_UP)
                self.retries = 0
        elif kind == ADDR_REQ:
            # Whoever is at "inet" may know better.
            ng_send_msg(self, self.ends.get("inet"), NgMsg(COOKIE, GET_IPADDR))
            numbers = (int.from_bytes(self.addresses[name], "big") for name in ("ipaddr", "netmask"))
            return self._send(ADDR_REPLY, *numbers)
        elif kind != ADDR_REPLY:
            self.kernel.log(LOG_WARNING, f"cisco: unknown cisco packet type: 0x{kind:x}")
        return 0

    def keepalive(self) -> None:
        """Every ten seconds; two without an answer take the link down."""
        self._send(KEEPALIVE_REQ, self.local_seq, self.remote_seq)
        if self.retries > 1:
            self._notify(NGM_LINK_IS_DOWN)
        self.retries += 1
        self.timer.reset(PERIOD * SECOND, self.keepalive)

    def _send(self, kind: int, first: int, second: int) -> int:
        ms = self.kernel.clock.now // 1_000_000
        packet = PACKET.pack(kind, first, second, 0xFFFF, ms >> 16 & 0xFFFF, ms & 0xFFFF)
        return ng_send_data(self.ends.get("downstream"), m_get(HEADER.pack(MULTICAST, 0, KEEPALIVE) + packet))

    def _notify(self, cmd: int) -> None:
        ng_send_msg(self, self.ends.get("inet"), NgMsg(NGM_FLOW_COOKIE, cmd))
