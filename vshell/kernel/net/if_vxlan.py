"""vxlan(4): Ethernet in UDP (RFC 7348, net/if_vxlan.c).

Its type is known on the host only.  Sockets are shared by all interfaces with the same local address, and belong to the stack
of the process that brought the first of them up.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import TYPE_CHECKING, Any
from zlib import crc32

from vshell.abi.errno import EBUSY, EEXIST, EINVAL, ENETDOWN, ENOENT, EOPNOTSUPP, KError
from vshell.abi.if_media import IFM_ACTIVE, IFM_AUTO, IFM_AVALID, IFM_ETHER, IFM_FDX
from vshell.abi.if_vxlan import (
    VXLAN_CMD_FLUSH,
    VXLAN_CMD_GET_CONFIG,
    VXLAN_CMD_SET,
    VXLAN_PORT,
    VXLAN_VNI_MAX,
    VxlanConfig,
    VxlanParams,
)  # fmt: skip
from vshell.abi.in6 import IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, In6Pktinfo
from vshell.abi.in_ import IpMreq
from vshell.abi.socket import IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP
from vshell.abi.sockio import (
    IFCAP_JUMBO_MTU,
    IFCAP_LINKSTATE,
    IFF_DRV_RUNNING,
    IFF_MULTICAST,
    IFF_RENAMING,
    IFF_UP,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGDRVSPEC,
    SIOCGIFMEDIA,
    SIOCGTUNFIB,
    SIOCSDRVSPEC,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMEDIA,
    SIOCSIFMTU,
    SIOCSTUNFIB,
)  # fmt: skip
from vshell.abi.topology import TUNNEL
from vshell.kernel.kern.kern_priv import PRIV_NET_VXLAN, priv_check
from vshell.kernel.kern.module import KernelModule, Kld
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_gen_addr, ether_ifattach, ether_ifdetach
from vshell.kernel.net.if_media import Ifmedia
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.ifnet import Ifnet, if_link_state_change, ifnet_departure_event
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, Mbuf
from vshell.kernel.net.udp_tunnel import udp_tunnel_open
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.ip6_output import Moptions as In6Moptions
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.wire.cksum import in_cksum
from vshell.wire.ip import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.ifnet import Wiring

KLD = Kld(modules=("if_vxlan",), size=0xB000)

SECOND = 1_000_000_000
FTABLE_MAX, FTABLE_TIMEOUT, FTABLE_MAX_TIMEOUT, FTABLE_PRUNE = 2000, 20 * 60, 24 * 60 * 60, 5 * 60
ETHERMIN, ETHERMTU = 46, 1500
VXLAN_MAX_MTU = 65535 - 60 - 8 - 8 - 14 - 4
HDR_FLAGS_VALID_VNI = 0x08000000
MAXTTL = 255
CAPABILITIES = IFCAP_LINKSTATE | IFCAP_JUMBO_MTU
LOG_INFO = 6


class VxlanMoptions:
    """How frames to the group are sent (struct ip_moptions)."""

    def __init__(self, ifp: Ifnet | None, ttl: int) -> None:
        self.ifp = ifp
        self.ttl = ttl
        self.loop = False


class VxlanSocket:
    """A UDP socket and whom its datagrams are for (struct vxlan_socket)."""

    def __init__(self, key: tuple[bytes, int]) -> None:
        self.key = key
        """Local address and port."""
        self.so: Socket
        self.users: dict[int, Vxlan] = {}
        """Interfaces by network identifier."""
        self.groups: dict[tuple[bytes, bytes, int], int] = {}
        """(group, source, interface index) -> how many want it."""

    def input(self, ifp: Ifnet, m: Mbuf, payload: bytes, src: bytes, port: int) -> bool:
        """vxlan_rcv_udp_packet."""
        flags, number = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
        if len(payload) < 22 or flags != HDR_FLAGS_VALID_VNI or number & 0xFF:
            return True
        vxlan = self.users.get(number >> 8)
        if vxlan is not None and vxlan.flags & IFF_DRV_RUNNING and vxlan is not m.rcvif:
            frame = Mbuf(bytearray(64) + payload[8:], 64, vxlan, vxlan.fib)
            vxlan.receive(frame, src)
        return True

    def join(self, td: Proc, group: bytes, source: bytes, index: int) -> tuple[bytes, bytes, int]:
        """vxlan_socket_mc_add_group: join unless somebody did."""
        for key in self.groups:
            if key[0] == group and (not any(source) or key[1] == source) and index in (0, key[2]):
                self.groups[key] += 1
                return key
        self._membership(td, group, source, index, True)
        self.groups[group, source, index] = 1
        return group, source, index

    def leave(self, td: Proc, key: tuple[bytes, bytes, int]) -> None:
        """vxlan_socket_mc_release_group_by_idx."""
        self.groups[key] -= 1
        if not self.groups[key]:
            del self.groups[key]
            try:
                self._membership(td, *key, False)
            except KError:
                pass

    def _membership(self, td: Proc, group: bytes, source: bytes, index: int, on: bool) -> None:
        if len(group) == 4:
            name = IP_ADD_MEMBERSHIP if on else IP_DROP_MEMBERSHIP
            self.so.pr.setopt(self.so, IPPROTO_IP, name, IpMreq(group, source or bytes(4)), td)
        else:
            name = IPV6_JOIN_GROUP if on else IPV6_LEAVE_GROUP
            self.so.pr.setopt(self.so, IPPROTO_IPV6, name, In6Pktinfo(group, index), td)


class VxlanModule(KernelModule):
    """The sockets of the whole kernel."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.sockets: list[VxlanSocket] = []

    def lookup(self, key: tuple[bytes, int]) -> VxlanSocket | None:
        """vxlan_socket_lookup."""
        return next((vso for vso in self.sockets if vso.key == key), None)


@cloner("vxlan", host_only=True)
class Vxlan(EtherIfnet):
    """vxlan(4)."""

    def __init__(self, kernel: Kernel, unit: int) -> None:
        super().__init__(kernel, "vxlan", unit)
        self.vni = VXLAN_VNI_MAX
        self.ttl = 64
        self.local = self.remote = b""
        self.local_port = self.remote_port = VXLAN_PORT
        self.port_range = (0, 0)
        self.multicast_if = ""
        self.learn = True
        self.ftable: dict[bytes, tuple[bytes, int]] = {}
        """Link-level address -> the end it is behind, and when that will be forgotten."""
        self.maxaddr, self.timeout = FTABLE_MAX, FTABLE_TIMEOUT
        self.user_mtu = False
        self.vso: VxlanSocket | None = None
        self.group: tuple[bytes, bytes, int] | None = None
        self.mcifp: Ifnet | None = None
        self.imo: VxlanMoptions | None = None
        self.im6o: In6Moptions | None = None
        self.hashkey = kernel.random.bytes(4)
        self.timer = kernel.clock.callout()
        self.capabilities = self.capenable = CAPABILITIES
        self.media = Ifmedia((IFM_ETHER | IFM_AUTO,), lambda: (IFM_ACTIVE | IFM_AVALID, IFM_ETHER | IFM_FDX), lambda: None)

    # life ------------------------------------------------------------------------------------------------------
    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Vxlan:
        """vxlan_clone_create."""
        kernel = ifc.vnet.kernel
        ifp = cls(kernel, unit)
        ip = ifc.vnet[Ip]
        ifp.port_range = (ip.portrange_first, ip.portrange_last)
        ifp.tunnelfib = td.fibnum if td is not None else 0
        if isinstance(params, VxlanParams):
            ifp._user_config(params)
        prison = td.ucred.prison if td is not None else kernel.prison0
        ether_ifattach(ifp, ifc.vnet, ether_gen_addr(kernel, prison, ifp.xname))
        ifp.baudrate = 0
        ifp._set_hdrlen()
        return ifp

    def _user_config(self, p: VxlanParams) -> None:
        """vxlan_set_user_config: what makes no sense is passed over."""
        for attr in ("vni", "local", "remote", "local_port", "remote_port", "multicast_if", "learn"):
            value = getattr(p, attr)
            if value is not None:
                setattr(self, attr, value)
        if p.port_range is not None and p.port_range[0] <= p.port_range[1]:
            self.port_range = p.port_range
        if p.timeout is not None and p.timeout <= FTABLE_MAX_TIMEOUT:
            self.timeout = p.timeout
        if p.maxaddr is not None and p.maxaddr <= FTABLE_MAX:
            self.maxaddr = p.maxaddr
        if p.ttl is not None and p.ttl <= MAXTTL:
            self.ttl = p.ttl

    def wiring(self) -> Iterable[Wiring]:
        """The ends of its tunnel, the other of which may be a group."""
        return ((TUNNEL, (self.local, self.remote)),) if self.remote else ()

    def destroy(self) -> None:
        """vxlan_clone_destroy."""
        self.teardown()
        self.ftable.clear()
        ether_ifdetach(self)

    def _set_hdrlen(self) -> None:
        """vxlan_setup_interface_hdrlen."""
        self.hdrlen = 14 + 16 + {4: 20, 16: 40}.get(len(self.remote), 0)
        if not self.user_mtu:
            self.mtu = ETHERMTU - self.hdrlen

    def _complaint(self) -> str:
        """vxlan_valid_init_config."""
        if self.vni >= VXLAN_VNI_MAX:
            return "invalid virtual network identifier specified"
        if not self.remote:
            return "destination address type is not supported"
        if not any(self.remote):
            return "no valid destination address specified"
        if not _multicast(self.remote) and self.multicast_if:
            return "can only specify interface with a group address"
        if any(self.local) and len(self.local) != len(self.remote):
            return "source and destination address must both be either IPv4 or IPv6"
        if not self.local_port:
            return "local port not specified"
        return "" if self.remote_port else "remote port not specified"

    def init(self) -> None:
        """vxlan_init."""
        if self.flags & IFF_DRV_RUNNING:
            return
        complaint = self._complaint()
        if complaint:
            self._log(f"cannot initialize interface: {complaint}")
            return
        try:
            self._setup_socket()
        except KError:
            return
        self.flags |= IFF_DRV_RUNNING
        self.timer.reset(FTABLE_PRUNE * SECOND, self._timeout)
        if_link_state_change(self, LINK_STATE_UP)

    def _td(self) -> Proc:
        """curthread."""
        td = self.kernel.curproc or self.kernel.initproc
        assert td is not None
        return td

    def _log(self, text: str) -> None:
        self.kernel.log(LOG_INFO, f"{self.xname}: {text}")

    def _setup_socket(self) -> None:
        """vxlan_setup_socket: a socket of its own, or one that is there already."""
        module, td = self.kernel[VxlanModule], self._td()
        multicast = _multicast(self.remote)
        local = self.local or bytes(len(self.remote))
        vso: VxlanSocket | None = VxlanSocket((bytes(len(local)) if multicast else local, self.local_port))
        assert vso is not None
        key = vso.key
        try:
            vso.so = udp_tunnel_open(td.vnet, td, *key, vso.input)
            module.sockets.insert(0, vso)
        except KError as e:
            vso = module.lookup(key)
            if vso is None:
                self._log(f"cannot create socket (error: {e.errno}), and no existing socket found")
                raise
        try:
            if multicast:
                self._setup_multicast()
                index = self.mcifp.index if self.mcifp is not None else 0
                self.group = vso.join(td, self.remote, self.local or bytes(len(self.remote)), index)
            if self.vni in vso.users:
                self._log(f"network identifier {self.vni} already exists in this socket")
                raise KError(EEXIST)
        except KError:
            self._release(vso)
            raise
        vso.users[self.vni] = self
        self.vso = vso

    def _setup_multicast(self) -> None:
        ifp: Ifnet | None = None
        if self.multicast_if:
            ifp = ifunit(self.vnet, self.multicast_if)
            if ifp is None:
                self._log(f"multicast interface {self.multicast_if} does not exist")
                raise KError(ENOENT)
            if not ifp.flags & IFF_MULTICAST:
                self._log(f"interface {self.multicast_if} does not support multicast")
                raise KError(EOPNOTSUPP)
        self.mcifp = ifp
        if len(self.remote) == 4:
            self.imo = VxlanMoptions(ifp, self.ttl)
        else:
            self.im6o = In6Moptions(ifp, self.ttl, False)

    def _release(self, vso: VxlanSocket) -> None:
        """Give up group and socket."""
        if self.group is not None:
            vso.leave(self._td(), self.group)
        self.group = self.mcifp = self.imo = self.im6o = None
        if not vso.users:
            self.kernel[VxlanModule].sockets.remove(vso)
            vso.so.close()

    def teardown(self) -> None:
        """vxlan_teardown."""
        self.flags &= ~(IFF_UP | IFF_DRV_RUNNING)
        self.timer.stop()
        vso, self.vso = self.vso, None
        if_link_state_change(self, LINK_STATE_DOWN)
        if vso is not None:
            del vso.users[self.vni]
            self._release(vso)

    def _timeout(self) -> None:
        now = self.kernel.clock.now // SECOND
        for addr in [a for a, (_, expire) in self.ftable.items() if now >= expire]:
            del self.ftable[addr]
        self.timer.reset(FTABLE_PRUNE * SECOND, self._timeout)

    # data ------------------------------------------------------------------------------------------------------
    def transmit(self, m: Mbuf) -> int:
        """vxlan_transmit."""
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        if not self.flags & IFF_DRV_RUNNING:
            drop(self, m, "vxlan_transmit", "the tunnel is not up and running", link=True)
            return ENETDOWN
        group = m.flags & (M_BCAST | M_MCAST)
        entry = None if group else self.ftable.get(bytes(m.data[m.off : m.off + 6]))
        dst = entry[0] if entry is not None else self.remote
        m.fib = self.tunnelfib
        low, high = self.port_range
        sport = low + crc32(m.data[m.off : m.off + 14], crc32(self.hashkey)) % (high - low + 1)
        header = pack("!HHHHII", sport, self.remote_port, len(m) + 16, 0, HDR_FLAGS_VALID_VNI, self.vni << 8)
        m.prepend(header)
        m.flags &= ~(M_BCAST | M_MCAST)
        if len(dst) == 4:
            src = self.local or bytes(4)
            m.prepend(HEADER.pack(0x45, 0, len(m) + 20, 0, 0, self.ttl, IPPROTO_UDP, 0, src, dst))
            size = len(m)
            error = ip_output(self.vnet, m, imo=self.imo)
        else:
            src = self.local or bytes(16)
            cksum = in_cksum(src + dst + pack("!II", len(m), IPPROTO_UDP) + m.bytes()) or 0xFFFF
            m.data[m.off + 6 : m.off + 8] = cksum.to_bytes(2, "big")
            m.prepend(pack("!IHBB", 0x60000000, len(m), IPPROTO_UDP, self.ttl) + src + dst)
            size = len(m)
            error = ip6_output(self.vnet, m, moptions=self.im6o)
        if error:
            self.oerrors += 1
            return error
        self.opackets += 1
        self.obytes += size
        if group:
            self.omcasts += 1
        return 0

    def receive(self, m: Mbuf, src: bytes) -> None:
        """vxlan_input."""
        if self.learn:
            addr = bytes(m.data[m.off + 6 : m.off + 12])
            if addr in self.ftable or len(self.ftable) < self.maxaddr:
                self.ftable[addr] = (src, self.kernel.clock.now // SECOND + self.timeout)
        self.ipackets += 1
        self.input(m)

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """vxlan_ioctl."""
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI, SIOCSIFCAP)):
            return None
        if isinstance(request, SIOCSIFFLAGS):
            if self.flags & IFF_UP:
                self.init()
            elif self.flags & IFF_DRV_RUNNING:
                self.teardown()
            return None
        if isinstance(request, SIOCGIFMEDIA):
            return self.media.get()
        if isinstance(request, SIOCSIFMEDIA):
            return self.media.set(request.media)
        if isinstance(request, SIOCSIFMTU):
            if not ETHERMIN <= request.mtu <= VXLAN_MAX_MTU:
                raise KError(EINVAL)
            self.mtu, self.user_mtu = request.mtu, True
            return None
        if isinstance(request, SIOCGDRVSPEC) and isinstance(request.arg, VXLAN_CMD_GET_CONFIG):
            return self._config()
        if isinstance(request, SIOCSDRVSPEC):
            return self._control(request.arg, td)
        if isinstance(request, SIOCGTUNFIB):
            return self.tunnelfib
        if isinstance(request, SIOCSTUNFIB):
            if td is not None:
                priv_check(td, PRIV_NET_VXLAN)
            if not 0 <= request.fib < self.vnet.numfibs:
                raise KError(EINVAL)
            self.tunnelfib = request.fib
            return None
        return super().ioctl(request, td)

    def _config(self) -> VxlanConfig:
        low, high = self.port_range
        return VxlanConfig(
            self.vni, self.local, self.local_port, self.remote, self.remote_port, low, high, self.ttl, self.learn,
            len(self.ftable), self.maxaddr, self.timeout,
        )  # fmt: skip

    def _control(self, arg: Record | None, td: Proc | None) -> None:
        """vxlan_ioctl_drvspec."""
        if not isinstance(arg, (VXLAN_CMD_SET, VXLAN_CMD_FLUSH)):
            raise KError(EINVAL)
        if td is not None:
            priv_check(td, PRIV_NET_VXLAN)
        if isinstance(arg, VXLAN_CMD_FLUSH):
            self.ftable.clear()
            return
        check = _CHECKS.get(arg.what)
        if check is not None and not check(arg.value):
            raise KError(EINVAL)
        if arg.what not in _ANY_TIME and self.flags & IFF_DRV_RUNNING:
            raise KError(EBUSY)
        setattr(self, arg.what, arg.value)
        if arg.what == "remote":
            self._set_hdrlen()
        elif arg.what == "ttl":
            if self.imo is not None:
                self.imo.ttl = self.ttl
            if self.im6o is not None:
                self.im6o.hlim = self.ttl


def _multicast(addr: bytes) -> bool:
    return addr[:1] == b"\xff" if len(addr) == 16 else bool(addr) and addr[0] & 0xF0 == 0xE0


_ANY_TIME = ("timeout", "maxaddr", "ttl", "learn")
"""What may be changed while it is running."""
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "vni": lambda value: 0 <= value < VXLAN_VNI_MAX,
    "local": lambda value: not _multicast(value),
    "local_port": bool,
    "remote_port": bool,
    "port_range": lambda value: value[0] <= value[1],
    "timeout": lambda value: value <= FTABLE_MAX_TIMEOUT,
    "maxaddr": lambda value: value <= FTABLE_MAX,
    "ttl": lambda value: value <= MAXTTL,
}


def vxlan_ifdetach(ifp: Ifnet) -> None:
    """The interface a group was joined on leaves its stack."""
    module = ifp.kernel.get(VxlanModule)
    if module is None or ifp.flags & IFF_RENAMING:
        return
    for vso in list(module.sockets):
        for vxlan in [v for v in vso.users.values() if v.mcifp is ifp]:
            vxlan.teardown()


ifnet_departure_event.append(vxlan_ifdetach)
