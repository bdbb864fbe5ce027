"""wg(4): WireGuard tunnels (dev/wg/if_wg.c).

DIFFERS: what a peer queues while a session is being agreed is sent in the same call that ends the handshake; FreeBSD has
task queues do it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EBUSY, EHOSTUNREACH, EINVAL, ELOOP, ENETDOWN, ENETUNREACH, ENOTTY, KError
from vshell.abi.if_wg import SIOCGWG, SIOCSWG, WG_KEY_SIZE, WgAllowedIp, WgDevice, WgPeer
from vshell.abi.in6 import ND6_IFF_AUTO_LINKLOCAL, ND6_IFF_NO_DAD
from vshell.abi.socket import AF_INET, AF_INET6, SockaddrIn, SockaddrIn6
from vshell.abi.sockio import (
    IFCAP_LINKSTATE,
    IFF_DRV_RUNNING,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_UP,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.kern.kern_priv import PRIV_NET_WG, priv_check
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, if_attach, if_detach, if_link_state_change
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.net.udp_tunnel import udp_tunnel_open
from vshell.kernel.net.wg_noise import (
    COOKIE,
    COOKIE_LEN,
    DATA,
    DATA_MIN,
    INITIATION,
    INITIATION_LEN,
    KEEPALIVE_TIMEOUT,
    MACS_LEN,
    NS,
    REJECT_AFTER_TIME,
    REKEY_TIMEOUT,
    RESPONSE,
    RESPONSE_LEN,
    ZERO,
    Local,
    Remote,
    mac1,
)  # fmt: skip
from vshell.wire.chacha20poly1305 import TAG_LEN, unseal
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(modules=("if_wg",), size=0x12000)

IFT_WIREGUARD = 0xF7
DEFAULT_MTU, MAX_MTU = 1420, 65535 - 80
MAX_STAGED = 128
MAX_LOOPS = 8
MAX_TIMER_HANDSHAKES = 18
REKEY_TIMEOUT_JITTER = NS * 334 // 1000
NEW_HANDSHAKE_TIMEOUT = REKEY_TIMEOUT + KEEPALIVE_TIMEOUT
PADDING = 16


class Peer:
    """A peer: where it is, what is behind it, and its timers (wg_peer)."""

    def __init__(self, sc: Wg, public: bytes) -> None:
        self.sc = sc
        self.remote = Remote(sc.local, public)
        self.endpoint: SockaddrIn | SockaddrIn6 | None = None
        self.aips: list[WgAllowedIp] = []
        self.keepalive = 0
        self.rx_bytes = self.tx_bytes = 0
        self.last_handshake = 0
        self.staged: deque[bytes] = deque(maxlen=MAX_STAGED)
        clock = sc.kernel.clock
        self.new_handshake = clock.callout()
        self.send_keepalive = clock.callout()
        self.retry_handshake = clock.callout()
        self.zero_keys = clock.callout()
        self.persistent = clock.callout()
        self.enabled = self.need_another = False
        self.retries = 0

    # timers ----------------------------------------------------------------------------------------------------
    def enable(self) -> None:
        """wg_timers_enable."""
        self.enabled = True
        self.run_persistent()

    def disable(self) -> None:
        """wg_timers_disable."""
        self.enabled = self.need_another = False
        for timer in (self.new_handshake, self.send_keepalive, self.retry_handshake, self.zero_keys, self.persistent):
            timer.stop()

    def set_keepalive(self, interval: int) -> None:
        """wg_timers_set_persistent_keepalive."""
        if interval != self.keepalive:
            self.keepalive = interval
            if self.enabled:
                self.run_persistent()

    def _jitter(self) -> int:
        return self.sc.kernel.random.uniform(REKEY_TIMEOUT_JITTER)

    def data_sent(self) -> None:
        """An answer is due."""
        if self.enabled and not self.new_handshake.pending:
            self.new_handshake.reset(NEW_HANDSHAKE_TIMEOUT + self._jitter(), self._run_new_handshake)

    def data_received(self) -> None:
        """We owe an answer."""
        if not self.enabled:
            return
        if self.send_keepalive.pending:
            self.need_another = True
        else:
            self.send_keepalive.reset(KEEPALIVE_TIMEOUT, self._run_keepalive)

    def traversal(self) -> None:
        """An authenticated packet came or went."""
        if self.enabled and self.keepalive:
            self.persistent.reset(self.keepalive * NS, self.run_persistent)

    def _run_new_handshake(self) -> None:
        self.want_initiation()

    def _run_keepalive(self) -> None:
        self.keep_alive()
        if self.enabled and self.need_another:
            self.need_another = False
            self.send_keepalive.reset(KEEPALIVE_TIMEOUT, self._run_keepalive)

    def run_persistent(self) -> None:
        """wg_timers_run_persistent_keepalive."""
        if self.keepalive:
            self.keep_alive()

    def _run_retry(self) -> None:
        if self.retries <= MAX_TIMER_HANDSHAKES:
            self.retries += 1
            self.want_initiation(retry=True)
            return
        self.send_keepalive.stop()
        self.staged.clear()
        if self.enabled and not self.zero_keys.pending:
            self.zero_keys.reset(REJECT_AFTER_TIME * 3, self._run_zero)

    def _run_zero(self) -> None:
        self.staged.clear()
        self.remote.clear_handshake()
        self.remote.clear_keypairs()

    def _handshake_complete(self) -> None:
        """wg_timers_event_handshake_complete, for whoever asked."""
        if self.enabled:
            self.retry_handshake.stop()
            self.retries = 0
            self.last_handshake = self.sc.kernel.clock.realtime() // NS
            self.keep_alive()

    def _session_derived(self) -> None:
        if self.enabled:
            self.zero_keys.reset(REJECT_AFTER_TIME * 3, self._run_zero)

    # sending ---------------------------------------------------------------------------------------------------
    def want_initiation(self, retry: bool = False) -> None:
        """wg_timers_run_send_initiation, wg_send_initiation."""
        if not retry:
            self.retries = 0
        if not self.remote.initiation_expired():
            return
        message = self.remote.create_initiation()
        if message is None:
            return
        if self.enabled:
            self.retry_handshake.reset(REKEY_TIMEOUT + self._jitter(), self._run_retry)
        self.send(message)

    def send(self, message: bytes) -> bool:
        """wg_peer_send_buf, and what sending means to the timers."""
        self.send_keepalive.stop()
        self.traversal()
        if not self.sc.send(self.endpoint, message):
            return False
        self.tx_bytes += len(message)
        return True

    def keep_alive(self) -> None:
        """wg_send_keepalive: an empty packet unless others wait."""
        if not self.staged:
            self.staged.append(b"")
        self.send_staged()

    def send_staged(self) -> None:
        """wg_peer_send_staged."""
        pair = self.remote.sending()
        if pair is None:
            if self.staged:
                self.want_initiation()
            return
        sc = self.sc
        while self.staged:
            text = self.staged.popleft()
            padded = text + bytes(min(-len(text) % PADDING, max(sc.mtu - len(text), 0)))
            if self.send(self.remote.encrypt(pair, padded)) and text:
                self.data_sent()
                sc.opackets += 1
                sc.obytes += len(text)
        if self.remote.should_refresh(received=False):
            self.want_initiation()

    # receiving -------------------------------------------------------------------------------------------------
    def _authenticated(self, source: SockaddrIn | SockaddrIn6, size: int) -> None:
        self.endpoint = source
        self.rx_bytes += size
        self.new_handshake.stop()
        self.traversal()

    def initiated(self, source: SockaddrIn | SockaddrIn6, size: int) -> None:
        """It wants a session."""
        self._authenticated(source, size)
        message = self.remote.create_response()
        if message is not None:
            self._session_derived()
            self.send(message)

    def responded(self, source: SockaddrIn | SockaddrIn6, size: int) -> None:
        """It agreed to a session."""
        self._authenticated(source, size)
        self._session_derived()
        self._handshake_complete()

    def data(self, message: bytes, source: SockaddrIn | SockaddrIn6) -> bytes | None:
        """wg_decrypt: the packet in a data message, b"" if that was there to keep the session alive."""
        pair = self.remote.pair(int.from_bytes(message[4:8], "little"))
        counter = int.from_bytes(message[8:16], "little")
        if pair is None or self.sc.kernel.clock.now - pair.birth >= REJECT_AFTER_TIME:
            return None
        text = unseal(pair.recv, counter, message[16:])
        if text is None or not pair.fresh(counter):
            return None
        first = self.remote.received_with(pair)
        self._authenticated(source, len(message))
        if first:
            self.retry_handshake.stop()
            self.retries = 0
            self.last_handshake = self.sc.kernel.clock.realtime() // NS
            self.send_staged()
        if self.remote.should_refresh(received=True):
            self.want_initiation()
        if text:
            self.data_received()
        return text

    def destroy(self) -> None:
        """wg_peer_destroy."""
        self.disable()
        self.staged.clear()
        self.remote.destroy()
        self.sc.remove_aips(self)
        self.sc.peers.remove(self)


@cloner("wg")
class Wg(Ifnet):
    """wg(4)."""

    type = IFT_WIREGUARD
    depth = 0

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Wg:
        """wg_clone_create."""
        ifp = cls(ifc.vnet.kernel, "wg", unit)
        ifp.local = Local(ifp.kernel)
        ifp.peers = []
        ifp.aips = {}
        ifp.lengths = {4: [], 16: []}
        ifp.port = 0
        ifp.cookie = 0
        ifp.sockets = []
        ifp.home = ifc.vnet
        ifp.mtu = DEFAULT_MTU
        ifp.flags = IFF_NOARP | IFF_MULTICAST
        ifp.capabilities = ifp.capenable = IFCAP_LINKSTATE
        if_attach(ifp, ifc.vnet)
        extra = ifp.afdata.get(AF_INET6)
        if extra is not None:
            extra.nd.flags = extra.nd.flags & ~ND6_IFF_AUTO_LINKLOCAL | ND6_IFF_NO_DAD
        return ifp

    local: Local
    peers: list[Peer]
    aips: dict[tuple[int, int, int], Peer]
    """Who has (size of address, length, network)."""
    lengths: dict[int, list[int]]
    """Lengths in use by size of address, the longest first."""
    port: int
    cookie: int
    sockets: list[Socket]
    home: Vnet
    """The stack it was made in, where its sockets stay."""

    def destroy(self) -> None:
        """wg_clone_destroy."""
        self.down()
        for peer in list(self.peers):
            peer.destroy()
        if_detach(self)

    def reassign(self, vnet: Vnet) -> None:
        """wg_reassign."""
        self.down()

    def setaddr(self, ifa: Ifaddr) -> None:
        """An address does not bring it up (wg_ioctl)."""

    # up and down -----------------------------------------------------------------------------------------------
    def up(self) -> None:
        """wg_up."""
        if self.flags & IFF_DRV_RUNNING:
            return
        if self.home.shutdown:
            raise KError(EBUSY)
        self.open_sockets(self.port)
        self.flags |= IFF_DRV_RUNNING
        for peer in self.peers:
            peer.enable()
        if_link_state_change(self, LINK_STATE_UP)

    def down(self) -> None:
        """wg_down."""
        if not self.flags & IFF_DRV_RUNNING:
            return
        self.flags &= ~IFF_DRV_RUNNING
        for peer in self.peers:
            peer.staged.clear()
            peer.disable()
            peer.remote.clear_handshake()
            peer.remote.clear_keypairs()
        if_link_state_change(self, LINK_STATE_DOWN)
        self.close_sockets()

    def open_sockets(self, port: int) -> None:
        """wg_socket_init: one of each family, with the same port."""
        td = self._td()
        so = udp_tunnel_open(self.home, td, bytes(4), port, self.arrived)
        sockets = [so]
        port = so.pcb.lport
        try:
            sockets.append(udp_tunnel_open(self.home, td, bytes(16), port, self.arrived))
        except KError:
            pass
        self.close_sockets()
        self.sockets, self.port = sockets, port

    def close_sockets(self) -> None:
        """wg_socket_uninit."""
        for so in self.sockets:
            so.close()
        self.sockets = []

    def _td(self) -> Proc:
        td = self.kernel.curproc or self.kernel.initproc
        assert td is not None
        return td

    # data ------------------------------------------------------------------------------------------------------
    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """wg_output, wg_xmit."""
        error = self._xmit(m, family)
        if error:
            self.oerrors += 1
        return error

    def _xmit(self, m: Mbuf, family: int) -> int:
        if not self.flags & IFF_DRV_RUNNING:
            return ENETDOWN
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        data, off = m.data, m.off
        dst = bytes(data[off + 16 : off + 20] if family == AF_INET else data[off + 24 : off + 40])
        peer = self.lookup(dst)
        if peer is None:
            return ENETUNREACH
        if peer.endpoint is None:
            return EHOSTUNREACH
        if self.depth >= MAX_LOOPS:
            return ELOOP
        self.depth += 1
        try:
            peer.staged.append(m.bytes())
            peer.send_staged()
        finally:
            self.depth -= 1
        return 0

    def send(self, endpoint: SockaddrIn | SockaddrIn6 | None, message: bytes) -> bool:
        """wg_send."""
        if endpoint is None or not self.flags & IFF_DRV_RUNNING:
            return False
        wanted = 0 if isinstance(endpoint, SockaddrIn) else 1
        if wanted >= len(self.sockets):
            return False
        so = self.sockets[wanted]
        try:
            so.pr.send(so, message, endpoint, 0, self._td())
        except KError:
            return False
        return True

    def arrived(self, ifp: Ifnet, m: Mbuf, payload: bytes, src: bytes, port: int) -> bool:
        """wg_input: a datagram came to our port."""
        message = bytes(payload)
        kind, size = int.from_bytes(message[:4], "little"), len(message)
        if len(src) == 4:
            source: SockaddrIn | SockaddrIn6 = SockaddrIn(src, port)
        else:
            source = SockaddrIn6(src, port, ifp.index if src[0] == 0xFE and src[1] & 0xC0 == 0x80 else 0)
        if (size, kind) in ((INITIATION_LEN, INITIATION), (RESPONSE_LEN, RESPONSE)):
            self._handshake(kind, message, source)
        elif kind == DATA and size >= DATA_MIN:
            remote = self.local.index.get(int.from_bytes(message[4:8], "little"))
            peer = self.peer(remote.public) if remote is not None else None
            if peer is None:
                self.ierrors += 1
            else:
                self._deliver(peer, message, source)
        elif (size, kind) != (COOKIE_LEN, COOKIE):
            self.ierrors += 1
        return True

    def _handshake(self, kind: int, message: bytes, source: SockaddrIn | SockaddrIn6) -> None:
        """wg_handshake."""
        remote = None
        if mac1(self.local.public, message[:-MACS_LEN]) == message[-MACS_LEN : -MACS_LEN // 2]:
            if kind == INITIATION:
                remote = self.local.consume_initiation(message)
            else:
                remote = self.local.consume_response(message)
        peer = self.peer(remote.public) if remote is not None else None
        if peer is None:
            self.ierrors += 1
        elif kind == INITIATION:
            peer.initiated(source, len(message))
        else:
            peer.responded(source, len(message))

    def _deliver(self, peer: Peer, message: bytes, source: SockaddrIn | SockaddrIn6) -> None:
        """wg_deliver_in: only what comes from an address of that peer's."""
        text = peer.data(message, source)
        if text is None:
            self.ierrors += 1
            return
        if not text:
            return
        version = text[0] >> 4
        if version == 4 and len(text) >= 20:
            size, src, etype = int.from_bytes(text[2:4], "big"), text[12:16], ETHERTYPE_IP
        elif version == 6 and len(text) >= 40:
            size, src, etype = int.from_bytes(text[4:6], "big") + 40, text[8:24], ETHERTYPE_IPV6
        else:
            self.ierrors += 1
            return
        handler = netisr_handlers.get(etype)
        if size > len(text) or self.lookup(src) is not peer or handler is None:
            self.ierrors += 1
            return
        self.ipackets += 1
        self.ibytes += size + 16 + TAG_LEN
        m = Mbuf(bytearray(text[:size]), 0, self, self.fib)
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, False)
        handler(self, m)

    # allowed addresses -----------------------------------------------------------------------------------------
    def lookup(self, addr: bytes) -> Peer | None:
        """wg_aip_lookup: the peer with the most specific network."""
        size, value = len(addr), int.from_bytes(addr, "big")
        for length in self.lengths[size]:
            peer = self.aips.get((size, length, value >> size * 8 - length))
            if peer is not None:
                return peer
        return None

    def add_aip(self, peer: Peer, addr: bytes, length: int) -> None:
        """wg_aip_add; takes the network from whoever has it."""
        size = len(addr)
        shift = size * 8 - length
        value = int.from_bytes(addr, "big") >> shift
        entry = WgAllowedIp((value << shift).to_bytes(size, "big"), length)
        key = (size, length, value)
        owner = self.aips.get(key)
        if owner is peer:
            return
        if owner is not None:
            owner.aips.remove(entry)
        self.aips[key] = peer
        peer.aips.insert(0, entry)
        if length not in self.lengths[size]:
            self.lengths[size].append(length)
            self.lengths[size].sort(reverse=True)

    def remove_aip(self, peer: Peer, addr: bytes, length: int) -> None:
        """wg_aip_del; leaves a network that another peer has."""
        size = len(addr)
        shift = size * 8 - length
        value = int.from_bytes(addr, "big") >> shift
        if self.aips.get((size, length, value)) is peer:
            del self.aips[size, length, value]
            peer.aips.remove(WgAllowedIp((value << shift).to_bytes(size, "big"), length))

    def remove_aips(self, peer: Peer) -> None:
        """wg_aip_remove_all."""
        peer.aips.clear()
        self.aips = {key: owner for key, owner in self.aips.items() if owner is not peer}
        for size in (4, 16):
            self.lengths[size] = sorted({key[1] for key in self.aips if key[0] == size}, reverse=True)

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """wg_ioctl."""
        if isinstance(request, SIOCSWG):
            if td is not None:
                priv_check(td, PRIV_NET_WG)
            self.configure(request.device)
        elif isinstance(request, SIOCGWG):
            return self.describe(td)
        elif isinstance(request, SIOCSIFFLAGS):
            if self.flags & IFF_UP:
                self.up()
            else:
                self.down()
        elif isinstance(request, SIOCSIFMTU):
            if not 0 < request.mtu <= MAX_MTU:
                raise KError(EINVAL)
            self.mtu = request.mtu
        elif not isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            raise KError(ENOTTY)
        return None

    def peer(self, public: bytes) -> Peer | None:
        """The peer with that key."""
        for peer in self.peers:
            if peer.remote.public == public:
                return peer
        return None

    def configure(self, device: WgDevice) -> None:
        """wgc_set."""
        if device.replace_peers:
            for peer in list(self.peers):
                peer.destroy()
        port = device.listen_port
        if port is not None and port != self.port:
            if not 0 <= port <= 0xFFFF:
                raise KError(EINVAL)
            if self.flags & IFF_DRV_RUNNING:
                self.open_sockets(port)
            else:
                self.port = port
        key = device.private_key
        if key is not None and key != self.local.private:
            self.local.set_private(key)
            conflict = self.peer(self.local.public)
            if conflict is not None:
                conflict.destroy()
            for peer in self.peers:
                peer.remote.expire()
        if device.cookie is not None:
            self.cookie = device.cookie
        for change in device.peers:
            self._change(change)

    def _change(self, change: WgPeer) -> None:
        """wg_peer_add."""
        public = change.public_key
        if len(public) != WG_KEY_SIZE:
            raise KError(EINVAL)
        if public == self.local.public and self.local.private:
            return
        peer = self.peer(public)
        if change.remove:
            if peer is not None:
                peer.destroy()
            return
        new = peer is None
        if peer is None:
            peer = Peer(self, public)
            self.peers.append(peer)
        elif change.replace_allowed_ips:
            self.remove_aips(peer)
        if change.endpoint is not None:
            peer.endpoint = change.endpoint
        if change.preshared_key is not None:
            peer.remote.psk = change.preshared_key
        if change.keepalive is not None:
            peer.set_keepalive(change.keepalive)
        for aip in change.allowed_ips:
            if aip.remove:
                self.remove_aip(peer, aip.addr, aip.cidr)
            else:
                self.add_aip(peer, aip.addr, aip.cidr)
        if self.flags & IFF_DRV_RUNNING:
            if new:
                peer.enable()
            peer.send_staged()

    def describe(self, td: Proc | None) -> WgDevice:
        """wgc_get."""
        allowed = True
        if td is not None:
            try:
                priv_check(td, PRIV_NET_WG)
            except KError:
                allowed = False
        peers = tuple(
            WgPeer(
                public_key=peer.remote.public,
                preshared_key=peer.remote.psk if allowed and peer.remote.psk != ZERO else None,
                endpoint=peer.endpoint,
                keepalive=peer.keepalive,
                allowed_ips=tuple(peer.aips),
                rx_bytes=peer.rx_bytes,
                tx_bytes=peer.tx_bytes,
                last_handshake=peer.last_handshake,
            )
            for peer in self.peers
        )
        known = bool(self.local.private)
        return WgDevice(
            listen_port=self.port,
            cookie=self.cookie,
            private_key=self.local.private if known and allowed else None,
            public_key=self.local.public if known else None,
            peers=peers,
        )
