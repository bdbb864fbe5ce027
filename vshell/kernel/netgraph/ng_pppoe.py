"""ng_pppoe(4): PPP over Ethernet, both ends of it (netgraph/ng_pppoe.c, RFC 2516)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, EISCONN, EMSGSIZE, ENETUNREACH, ENOBUFS, ENOENT, EPFNOSUPPORT, KError
from vshell.abi.netgraph import NGF_RESP
from vshell.kernel.kern.module import KernelModule, Kld, Sysctl, VnetModule
from vshell.kernel.net.mbuf import M_VLANTAG, m_get
from vshell.kernel.netgraph.ng_base import (
    LastHook,
    NgHook,
    NgMsg,
    ng_deliver,
    ng_destroy_hook,
    ng_rmnode,
    ng_send_data,
    ng_send_msg_id,
    ngmsg,
)  # fmt: skip
from vshell.kernel.netgraph.ng_parse import ENADDR, HOOKBUF, SIZEDSTRING, STRING, UINT16, NgStruct
from vshell.kernel.netgraph.pppoe_packet import (
    DISC,
    DISC_3COM,
    PADI,
    PADM,
    PADO,
    PADR,
    PADS,
    PADT,
    PTT_AC_COOKIE,
    PTT_AC_NAME,
    PTT_GEN_ERR,
    PTT_HOST_UNIQ,
    PTT_HURL,
    PTT_MAX_PAYL,
    PTT_MOTM,
    PTT_SRV_NAME,
    SESS,
    SESS_3COM,
    Packet,
    Tag,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x7B18)

COOKIE, ETHER_COOKIE, GETENADDR = 1089893072, 917786906, 3
SUCCESS, CLOSE, ACNAME, SESSIONID, SETMAXP, HURL, MOTM = 5, 7, 9, 11, 15, 17, 19
SERVICE_SIZE, PADM_SIZE, INIT_SIZE = 64, 128, 34
INITIAL_TIMEOUT, OFFER_TIMEOUT, TIMEOUT_LIMIT = 2, 16, 64
SECOND = 1_000_000_000
COMPAT_3COM, COMPAT_DLINK = 1, 2
MODES = {"standard": 0, "3Com": COMPAT_3COM, "D-Link": COMPAT_DLINK}
(NONE, LISTENING, SINIT, PRIMED, SOFFER, SREQ, NEWCONNECTED, CONNECTED) = range(8)
"""States of a session."""
LOG_ERR, LOG_NOTICE = 3, 5
PROT_LCP = b"\xc0\x21"
HEXDIGITS = b"0123456789abcdef"

INIT = NgStruct(("hook", HOOKBUF), ("data", SIZEDSTRING))
STS = NgStruct(("hook", HOOKBUF))


class PppoeModule(KernelModule):
    """Numbers of sessions are given out for all nodes."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.next_sid = 1

    def sid(self) -> int:
        """The next one."""
        value = self.next_sid
        self.next_sid = self.next_sid + 1 & 0xFFFF
        if value in (0, 0xFFFF):
            value = self.next_sid = 1
        return value


class PppoeVnet(VnetModule):
    """The setting of a stack."""

    lcp_pcp = Sysctl("net.graph.pppoe.lcp_pcp", 0, "Set PCP for LCP", fmt="unsigned integer")


class Session:
    """What a hook stands for (struct sess_con), with what is needed while it is agreed on (struct sess_neg)."""

    def __init__(self, node: Pppoe, hook: NgHook, cookie: bytes) -> None:
        self.hook = hook
        self.cookie = cookie
        self.state = NONE
        self.sid = 0
        self.creator = 0
        """The node that is told what becomes of it."""
        self.header = Packet()
        """What goes in front of its packets."""
        self.negotiating = False
        self.packet = Packet()
        self.timer = node.kernel.clock.callout()
        self.timeout = 0
        self.service = self.ac_name = self.host_uniq = b""

    def begin(self, eh: Packet, creator: int) -> None:
        """A new negotiation."""
        self.negotiating, self.creator, self.timeout = True, creator, 0
        self.packet = Packet(eh.dst, eh.src, eh.etype)
        self.service = self.ac_name = self.host_uniq = b""

    def end(self) -> None:
        """It is agreed on."""
        self.timer.stop()
        self.negotiating = False


class Pppoe(LastHook, ngtype="pppoe", cookie=COOKIE):
    """The node: a wire on "ethernet", a session on every other hook."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ethernet: NgHook | None = None
        self.debug: NgHook | None = None
        self.eh = Packet(b"\xff" * 6, bytes(6), DISC)
        self.flags = 0
        self.max_payload = 0
        self.listeners: list[Session] = []
        self.sessions: list[Session] = []
        """Those with a number; the youngest first."""
        self.packets_in = self.packets_out = 0
        self.cookies = 0

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """Any name will do."""
        if name == "ethernet":
            self.ethernet, hook.rcvdata = hook, self._rcvdata_ether
        elif name == "debug":
            self.debug, hook.rcvdata = hook, self._rcvdata_debug
        else:
            self.cookies += 1
            hook.private = Session(self, hook, self.cookies.to_bytes(4, "little") + self.id.to_bytes(4, "little"))

    def connect(self, hook: NgHook) -> None:
        """Ask the wire for its address; what cannot tell is no wire."""
        if hook is self.ethernet and hook.peer is not None and hook.peer.node is not None:
            ng_deliver(hook.peer.node, NgMsg(ETHER_COOKIE, GETENADDR, retaddr=self.id))

    def disconnect(self, hook: NgHook) -> None:
        """A session ends; without the wire all do."""
        if hook is self.debug:
            self.debug = None
        elif hook is self.ethernet:
            self.ethernet = None
            if self.valid:
                ng_rmnode(self)
        elif hook.private is not None:
            self._end(hook.private)
            hook.private = None
        super().disconnect(hook)

    def _end(self, sp: Session) -> None:
        if sp.state != NONE:
            self._event(sp, CLOSE)
        if self.ethernet is not None and sp.state in (CONNECTED, NEWCONNECTED):
            self._control(sp, PADT, Tag(PTT_GEN_ERR, b"session closed"))
        if sp.state == LISTENING:
            self.listeners.remove(sp)
        elif sp in self.sessions:
            self.sessions.remove(sp)
        sp.end()

    # messages --------------------------------------------------------------------------------------------------
    def rcvmsg(self, msg: NgMsg) -> None:
        """Besides its own: the wire's address."""
        if msg.cookie != ETHER_COOKIE:
            super().rcvmsg(msg)
            return
        if not msg.flags & NGF_RESP or msg.cmd != GETENADDR or len(msg.data) != 6:
            raise KError(EINVAL)
        self.eh.src = msg.data

    def _init(self, msg: NgMsg, limit: int = SERVICE_SIZE) -> tuple[Session, bytes]:
        """The session and the text of a message (struct ngpppoe_init_data)."""
        problem = ""
        rest = len(msg.data) - INIT_SIZE
        size = int.from_bytes(msg.data[32:34], "little")
        if rest < 0:
            problem = "init data too small"
        elif rest > limit:
            problem = "message too big" if limit == PADM_SIZE else "service name too big"
        elif rest < size:
            problem = f"init data has bad length, {size} should be {rest}"
        if problem:
            self._log(LOG_ERR, problem)
            raise KError(EMSGSIZE)
        hook = self.findhook(msg.data[:32].partition(b"\0")[0].decode("latin-1"))
        if hook is None:
            raise KError(ENOENT)
        if hook.private is None:
            raise KError(EINVAL)
        return hook.private, msg.data[INIT_SIZE : INIT_SIZE + size]

    def _log(self, level: int, text: str) -> None:
        self.kernel.log(level, f"ng_pppoe[{self.id:x}]: {text}")

    def _fresh(self, msg: NgMsg, sp: Session) -> None:
        """Begin to negotiate."""
        if sp.state != NONE:
            self._log(LOG_NOTICE, "Session already active")
            raise KError(EISCONN)
        sp.begin(self.eh, msg.retaddr)

    @ngmsg(2, "pppoe_connect", arg=INIT, size=0)
    def pppoe_connect(self, arg: Any, msg: NgMsg) -> None:
        r"""Look for a server: [AC-Name\][Host-Uniq|]Service."""
        sp, text = self._init(msg)
        self._fresh(msg, sp)
        before, slash, rest = text.partition(b"\\")
        sp.ac_name, rest = (before, rest) if slash else (b"", text)
        uniq, bar, service = rest.partition(b"|")
        if not bar:
            uniq, service = b"", rest
        if not uniq:
            sp.host_uniq = sp.cookie
        elif len(uniq) > 2 and uniq.startswith(b"0x") and not len(uniq) % 2:
            if any(c not in HEXDIGITS for c in uniq[2:]):
                raise KError(EINVAL)
            sp.host_uniq = bytes.fromhex(uniq[2:].decode())
        else:
            sp.host_uniq = uniq
        sp.service = service
        self._start(sp)

    @ngmsg(3, "pppoe_listen", arg=INIT, size=0)
    def pppoe_listen(self, arg: Any, msg: NgMsg) -> None:
        """Hand questions for a service to the hook."""
        sp, text = self._init(msg)
        if any(other.service == text for other in self.listeners):
            raise KError(EEXIST)
        self._fresh(msg, sp)
        sp.service, sp.state = text, LISTENING
        self.listeners.insert(0, sp)

    @ngmsg(4, "pppoe_offer", arg=INIT, size=0)
    def pppoe_offer(self, arg: Any, msg: NgMsg) -> None:
        """Answer the question that comes in by the hook, under a name."""
        sp, text = self._init(msg)
        self._fresh(msg, sp)
        sp.ac_name, sp.state = text, PRIMED
        sp.packet.code = PADO

    @ngmsg(8, "pppoe_service", arg=INIT, size=0)
    def pppoe_service(self, arg: Any, msg: NgMsg) -> None:
        """What is offered to somebody who asks for nothing."""
        sp, text = self._init(msg)
        if sp.state != PRIMED:
            self._log(LOG_NOTICE, "session not primed")
            raise KError(EISCONN)
        sp.service = text

    def _unwanted(self, arg: Any, msg: NgMsg) -> None:
        raise KError(EINVAL)

    pppoe_success = ngmsg(SUCCESS, "pppoe_success", arg=STS, size=0)(_unwanted)
    pppoe_fail = ngmsg(6, "pppoe_fail", arg=STS, size=0)(_unwanted)
    pppoe_close = ngmsg(CLOSE, "pppoe_close", arg=STS, size=0)(_unwanted)

    @ngmsg(12, "pppoe_setmode", arg=STRING, size=0)
    def pppoe_setmode(self, arg: str, msg: NgMsg) -> None:
        """Peculiarities of some servers."""
        mode = MODES.get(arg) if len(msg.data) == len(arg) + 1 else None
        if mode is None:
            raise KError(EINVAL)
        if not mode:
            self.flags = 0
        self.flags |= mode
        if mode != COMPAT_DLINK:
            self.eh.etype = DISC_3COM if mode else DISC

    @ngmsg(13, "pppoe_getmode", resp=STRING)
    def pppoe_getmode(self, arg: Any, msg: NgMsg) -> str:
        """Those that are on."""
        return "|".join(name for name, bit in MODES.items() if (self.flags & bit if bit else not self.flags))

    @ngmsg(14, "setenaddr", arg=ENADDR)
    def setenaddr(self, arg: bytes, msg: NgMsg) -> None:
        """The sender's address."""
        self.eh.src = arg

    @ngmsg(SETMAXP, "setmaxp", arg=UINT16)
    def setmaxp(self, arg: int, msg: NgMsg) -> None:
        """PPP-Max-Payload (RFC 4638)."""
        self.max_payload = arg

    @ngmsg(16, "send_hurl", arg=INIT, size=0)
    def send_hurl(self, arg: Any, msg: NgMsg) -> None:
        """Show the client a page."""
        self._padm(msg, PTT_HURL)

    @ngmsg(18, "send_motm", arg=INIT, size=0)
    def send_motm(self, arg: Any, msg: NgMsg) -> None:
        """Tell the client something."""
        self._padm(msg, PTT_MOTM)

    def _padm(self, msg: NgMsg, kind: int) -> None:
        sp, text = self._init(msg, PADM_SIZE)
        if sp.state not in (NEWCONNECTED, CONNECTED):
            self._log(LOG_NOTICE, "session is not active")
            raise KError(EISCONN)
        self._control(sp, PADM, Tag(kind, text))

    def _event(self, sp: Session, cmd: int, data: bytes | None = None) -> None:
        """Tell who made the session."""
        ng_send_msg_id(
            self, sp.creator, NgMsg(COOKIE, cmd, sp.hook.name.encode("latin-1").ljust(32, b"\0") if data is None else data)
        )

    # sending ---------------------------------------------------------------------------------------------------
    def _control(self, sp: Session, code: int, tag: Tag) -> None:
        """A packet about a session that is there."""
        etype = DISC_3COM if sp.header.etype == SESS_3COM else DISC
        packet = Packet(sp.header.dst, sp.header.src, etype, code, sp.header.sid, [tag])
        ng_send_data(self.ethernet, m_get(packet.pack()))

    def _send(self, sp: Session) -> int:
        return ng_send_data(self.ethernet, m_get(sp.packet.pack()))

    def _start(self, sp: Session) -> None:
        """pppoe_start: ask everybody."""
        sp.state = SINIT
        tags = [Tag(PTT_HOST_UNIQ, sp.host_uniq), Tag(PTT_SRV_NAME, sp.service)]
        if self.max_payload:
            tags.append(Tag(PTT_MAX_PAYL, self.max_payload.to_bytes(2, "big")))
        sp.packet = Packet(self.eh.dst, self.eh.src, self.eh.etype, PADI, 0, tags)
        self._again(sp, INITIAL_TIMEOUT)
        sp.timeout = INITIAL_TIMEOUT * 2
        self._send(sp)

    def _again(self, sp: Session, seconds: int) -> None:
        sp.timer.reset(seconds * SECOND, lambda: self._tick(sp))

    def _tick(self, sp: Session) -> None:
        """pppoe_ticker: nobody answered."""
        if sp.state in (SINIT, SREQ):
            self._send(sp)
            self._again(sp, sp.timeout)
            sp.timeout <<= 1
            if sp.timeout > TIMEOUT_LIMIT:
                if sp.state == SREQ:
                    # The server forgot its offer; look for another one.
                    self._start(sp)
                else:
                    sp.timeout = TIMEOUT_LIMIT
        elif sp.state in (PRIMED, SOFFER):
            ng_destroy_hook(sp.hook)
        else:
            self._log(LOG_NOTICE, "unexpected timeout")

    # data ------------------------------------------------------------------------------------------------------
    def _rcvdata_debug(self, hook: NgHook, m: Mbuf) -> int:
        self.packets_out += 1
        return ng_send_data(self.ethernet, m)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A packet of a session, or the question an offer answers."""
        sp: Session = hook.private
        if sp.state in (NEWCONNECTED, CONNECTED):
            if bytes(m.data[m.off : m.off + 2]) == b"\xff\x03":
                m.adj(2)
            pcp = self.vnet[PppoeVnet].lcp_pcp
            if pcp and bytes(m.data[m.off : m.off + 2]) == PROT_LCP:
                m.vtag = m.vtag & 0x1FFF | (pcp & 7) << 13
                m.flags |= M_VLANTAG
            m.prepend(sp.header.head(len(m)))
            self.packets_out += 1
            return ng_send_data(self.ethernet, m)
        if sp.state != PRIMED:
            return ENETUNREACH
        question = Packet.parse(m.bytes())
        if question is None:
            return ENOBUFS
        if question.code != PADI:
            return EINVAL
        return self._offer(sp, question)

    def _offer(self, sp: Session, question: Packet) -> int:
        """PADI -> PADO."""
        sp.timer.stop()
        sp.state, sp.timeout = SOFFER, 0
        tags = [Tag(PTT_AC_NAME, sp.ac_name)]
        wanted = question.tag(PTT_SRV_NAME)
        if wanted is not None:
            tags.append(wanted)
        if (wanted is None or not wanted.value) and sp.service:
            tags.append(Tag(PTT_SRV_NAME, sp.service))
        tags += _given(question, PTT_HOST_UNIQ)
        tags.append(Tag(PTT_AC_COOKIE, sp.cookie))
        tags += question.relays()
        sp.packet = Packet(question.src, sp.packet.src, question.etype, PADO, 0, tags)
        self._again(sp, OFFER_TIMEOUT)
        self.packets_out += 1
        return self._send(sp)

    def _rcvdata_ether(self, hook: NgHook, m: Mbuf) -> int:
        """ng_pppoe_rcvdata_ether."""
        self.packets_in += 1
        data = m.bytes()
        if len(data) < Packet.SIZE:
            self._log(LOG_NOTICE, "couldn't m_pullup(wh)")
            return ENOBUFS
        etype = int.from_bytes(data[12:14], "big")
        if etype in (SESS, SESS_3COM):
            return self._session(m, data)
        if etype not in (DISC, DISC_3COM):
            return EPFNOSUPPORT
        packet = Packet.parse(data)
        assert packet is not None
        handler = {
            PADI: self._padi, PADO: self._pado, PADR: self._padr, PADS: self._pads, PADT: self._padt, PADM: self._padm_in,
        }.get(packet.code)  # fmt: skip
        return EPFNOSUPPORT if handler is None else handler(packet, m)

    def _session(self, m: Mbuf, data: bytes) -> int:
        """A packet of a session."""
        sp = self._find(int.from_bytes(data[16:18], "big"), data[6:12])
        if sp is None:
            return ENETUNREACH
        length = int.from_bytes(data[18:20], "big")
        m.adj(Packet.SIZE)
        if len(m) < length:
            return EMSGSIZE
        if len(m) > length:
            m.adj(length - len(m))
        if sp.state == NEWCONNECTED:
            # The other side has seen our confirmation.
            sp.state = CONNECTED
            sp.end()
        elif sp.state != CONNECTED:
            return ENETUNREACH
        return ng_send_data(sp.hook, m)

    def _find(self, sid: int, peer: bytes) -> Session | None:
        return next((sp for sp in self.sessions if sp.sid == sid and sp.header.dst == peer), None)

    def _padi(self, packet: Packet, m: Mbuf) -> int:
        """Somebody asks: is anybody listening for that service?"""
        wanted = (packet.tag(PTT_SRV_NAME) or Tag(PTT_SRV_NAME, b"")).value
        for sp in self.listeners:
            if sp.service in (b"", b"*", wanted):
                return ng_send_data(sp.hook, m)
        if not self.flags & COMPAT_DLINK or wanted:
            return ENETUNREACH
        for sp in self.listeners[:]:
            error = ng_send_data(sp.hook, m.copy())
            if error:
                return error
        return 0

    def _uniq(self, packet: Packet) -> Session | None:
        """pppoe_finduniq."""
        tag = packet.tag(PTT_HOST_UNIQ)
        for hook in self.hooks:
            sp: Session | None = hook.private
            if tag is not None and sp is not None and sp.negotiating and sp.host_uniq == tag.value:
                return sp
        return None

    def _pado(self, packet: Packet, m: Mbuf) -> int:
        """An offer: take it."""
        if packet.tag(PTT_HOST_UNIQ) is None:
            self._log(LOG_NOTICE, "no host unique field")
            return ENETUNREACH
        sp = self._uniq(packet)
        if sp is None:
            self._log(LOG_NOTICE, "no matching session")
            return ENETUNREACH
        if sp.state == SREQ:
            return 0
        if sp.state != SINIT:
            self._log(LOG_NOTICE, "session in wrong state")
            return ENETUNREACH
        name = packet.tag(PTT_AC_NAME)
        if sp.ac_name and (name is None or name.value != sp.ac_name):
            return 0
        sp.timer.stop()
        tags = [*_given(packet, PTT_HOST_UNIQ), *_given(packet, PTT_AC_COOKIE)]
        if name is not None:
            tags.append(name)
            self._event(sp, ACNAME, name.value[:31].ljust(32, b"\0"))
        if self.max_payload:
            tags += _given(packet, PTT_MAX_PAYL)
        tags += [Tag(PTT_SRV_NAME, sp.service), *packet.relays()]
        sp.packet = Packet(packet.src, sp.packet.src, sp.packet.etype, PADR, 0, tags)
        sp.state = SREQ
        self._again(sp, INITIAL_TIMEOUT)
        sp.timeout = INITIAL_TIMEOUT * 2
        return self._send(sp)

    def _padr(self, packet: Packet, m: Mbuf) -> int:
        """Our offer is taken: the session has a number now."""
        cookie = packet.tag(PTT_AC_COOKIE)
        sp = None
        if cookie is not None:
            sp = next((h.private for h in self.hooks if h.private is not None and h.private.cookie == cookie.value), None)
        if cookie is None or sp is None or sp.state not in (NEWCONNECTED, SOFFER):
            return ENETUNREACH
        sp.timer.stop()
        if not sp.sid:
            sp.sid = self._newsid()
            self.sessions.insert(0, sp)
        self._event(sp, SESSIONID, sp.sid.to_bytes(2, "little"))
        tags = [Tag(PTT_AC_NAME, sp.ac_name), *_given(packet, PTT_SRV_NAME), *_given(packet, PTT_HOST_UNIQ), cookie]
        sp.packet.code, sp.packet.sid, sp.packet.tags = PADS, sp.sid, [*tags, *packet.relays()]
        sp.timeout, sp.state = 0, NEWCONNECTED
        error = self._send(sp)
        self._established(sp, sp.packet.etype == DISC_3COM)
        self._event(sp, SUCCESS)
        return error

    def _newsid(self) -> int:
        module = self.kernel[PppoeModule]
        while True:
            value: int = module.sid()
            if all(sp.sid != value for sp in self.sessions):
                return value

    def _established(self, sp: Session, old: bool) -> None:
        sp.header = Packet(sp.packet.dst, sp.packet.src, SESS_3COM if old else SESS, 0, sp.sid)

    def _pads(self, packet: Packet, m: Mbuf) -> int:
        """The confirmation."""
        sp = self._uniq(packet)
        if sp is None or sp.state != SREQ:
            return ENETUNREACH
        sp.sid = packet.sid
        self.sessions.insert(0, sp)
        self._event(sp, SESSIONID, sp.sid.to_bytes(2, "little"))
        sp.state = CONNECTED
        self._established(sp, bool(self.flags & COMPAT_3COM))
        sp.end()
        payload = packet.tag(PTT_MAX_PAYL)
        if payload is not None and self.max_payload:
            name = sp.hook.name.encode("latin-1").ljust(32, b"\0")
            self._event(sp, SETMAXP, name + payload.value[:2].rjust(2, b"\0")[::-1])
        self._event(sp, SUCCESS)
        return 0

    def _padt(self, packet: Packet, m: Mbuf) -> int:
        """The other side ends a session."""
        sp = self._find(packet.sid, packet.src)
        if sp is None:
            return ENETUNREACH
        ng_destroy_hook(sp.hook)
        return 0

    def _padm_in(self, packet: Packet, m: Mbuf) -> int:
        """The server has something to say."""
        sp = self._find(packet.sid, packet.src)
        if sp is None:
            return ENETUNREACH
        for kind, cmd in ((PTT_HURL, HURL), (PTT_MOTM, MOTM)):
            tag = packet.tag(kind)
            if tag is not None:
                self._event(sp, cmd, tag.value[: PADM_SIZE - 1].ljust(PADM_SIZE, b"\0"))
        return 0


def _given(packet: Packet, kind: int) -> list[Tag]:
    """A tag of a packet, if it is there."""
    tag = packet.tag(kind)
    return [] if tag is None else [tag]
