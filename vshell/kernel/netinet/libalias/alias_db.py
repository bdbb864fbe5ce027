"""The links of an aliasing engine: who inside talks to whom outside, and under which address and port (libalias/alias_db.c).

A link is found in three ways: by the inside end and the peer (packets going out), by the alias and the peer (packets coming
in), and by the inside end alone (endpoint-independent mapping).  Links whose peer is not known yet are partially specified;
the first packet that fits one makes a full link of it, and a permanent one stays for more.

Link times are seconds of `LibAliasTime`, which all engines of a machine share and which is looked up only once in a while:
after a thousand packets at first, then about three times a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.socket import IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.kern.module import KernelModule

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel

Handler = Callable[["Libalias", bytearray, int, "AliasData"], int]
"""handler(la, data, off, ad): the packet whose IP header begins at data[off]; 0 if it was dealt with."""

PKT_ALIAS_LOG, PKT_ALIAS_DENY_INCOMING, PKT_ALIAS_SAME_PORTS, PKT_ALIAS_UNREGISTERED_ONLY = 0x01, 0x02, 0x04, 0x10
PKT_ALIAS_RESET_ON_ADDR_CHANGE, PKT_ALIAS_PROXY_ONLY, PKT_ALIAS_REVERSE = 0x20, 0x40, 0x80
PKT_ALIAS_SKIP_GLOBAL, PKT_ALIAS_UNREGISTERED_CGN, PKT_ALIAS_UDP_EIM = 0x200, 0x400, 0x800

PKT_ALIAS_ERROR, PKT_ALIAS_OK, PKT_ALIAS_IGNORED = -1, 1, 2
PKT_ALIAS_UNRESOLVED_FRAGMENT, PKT_ALIAS_FOUND_HEADER_FRAGMENT, PKT_ALIAS_RESPOND = 3, 4, 5

LINK_ICMP, LINK_UDP, LINK_TCP, LINK_SCTP = IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP
LINK_FRAGMENT_ID, LINK_FRAGMENT_PTR, LINK_ADDR, LINK_PPTP = 257, 258, 259, 260
LINK_TYPES = {IPPROTO_UDP: LINK_UDP, IPPROTO_TCP: LINK_TCP}

LINK_UNKNOWN_DEST_PORT, LINK_UNKNOWN_DEST_ADDR, LINK_PERMANENT, LINK_PARTIALLY_SPECIFIED = 1, 2, 4, 3

TCP_EXPIRE_DEAD, TCP_EXPIRE_SINGLEDEAD, TCP_EXPIRE_INITIAL, TCP_EXPIRE_CONNECTED = 10, 90, 300, 86400
EXPIRE = {LINK_ICMP: 60, LINK_UDP: 60, LINK_TCP: TCP_EXPIRE_INITIAL, LINK_FRAGMENT_ID: 10, LINK_FRAGMENT_PTR: 30}
"""Seconds until a link that is not used expires."""
PROTO_EXPIRE_TIME = 60

NOT_CONNECTED, CONNECTED, DISCONNECTED = 0, 1, 2
"""Of one direction of a TCP connection."""

NO_DEST_PORT = NO_SRC_PORT = 1
GET_ALIAS_PORT = -1
GET_NEW_PORT_MAX_ATTEMPTS = 20
N_LINK_TCP_DATA = 3
ANY_ADDR = bytes(4)
INADDR_NONE = b"\xff\xff\xff\xff"

Key = tuple[bytes, bytes, int, int, int]


class AliasLink:
    """struct alias_link."""

    __slots__ = (
        "acks", "alias_addr", "alias_port", "dst_addr", "dst_port", "expire", "flags", "frag", "index", "la", "pflags",
        "proxy_addr", "proxy_port", "servers", "src_addr", "src_port", "state_in", "state_out", "timestamp", "type",
    )  # fmt: skip

    def __init__(self, la: Libalias, src: tuple[bytes, int], dst: tuple[bytes, int], alias_addr: bytes, type: int) -> None:
        self.la, self.type = la, type
        self.src_addr, self.src_port = src
        self.dst_addr, self.dst_port = dst
        self.alias_addr, self.alias_port = alias_addr, 0
        self.proxy_addr, self.proxy_port = ANY_ADDR, 0
        self.servers: list[tuple[bytes, int]] = []
        """A pool of servers (LSNAT): the first one is next."""
        self.flags = (LINK_UNKNOWN_DEST_ADDR if self.dst_addr == ANY_ADDR else 0) | (
            0 if self.dst_port else LINK_UNKNOWN_DEST_PORT
        )
        self.pflags = 0
        self.timestamp = la.kernel_state.time
        self.expire = EXPIRE.get(type, PROTO_EXPIRE_TIME)
        self.frag: Any = None
        """The inside address of the fragments of a packet, or a fragment that waits."""
        self.state_in = self.state_out = NOT_CONNECTED
        self.acks: list[tuple[int, int, int] | None] | None = None
        """Where the length of a TCP stream was changed: (old, new, delta); None while it never was."""
        self.index = 0

    @property
    def out_key(self) -> Key:
        """What finds it for a packet that goes out."""
        return self.src_addr, self.dst_addr, self.src_port, self.dst_port, self.type

    # GetOriginalAddress and its like ---------------------------------------------------------------------------
    @property
    def original_address(self) -> bytes:
        """The inside address."""
        return self.la.aliasAddress if self.src_addr == ANY_ADDR else self.src_addr

    @property
    def alias_address(self) -> bytes:
        """The address others see."""
        return self.la.aliasAddress if self.alias_addr == ANY_ADDR else self.alias_addr

    def SetStateIn(self, state: int) -> None:
        """The state of the direction inwards, and how long the link lives now."""
        self.expire = self._life(state, self.state_out)
        self.state_in = state

    def SetStateOut(self, state: int) -> None:
        """The state of the direction outwards, and how long the link lives now."""
        self.expire = self._life(state, self.state_in)
        self.state_out = state

    def _life(self, state: int, other: int) -> int:
        if state == DISCONNECTED:
            return TCP_EXPIRE_SINGLEDEAD if other == CONNECTED else TCP_EXPIRE_DEAD
        return TCP_EXPIRE_CONNECTED if other == CONNECTED else self.expire

    # TCP streams whose length was changed ----------------------------------------------------------------------
    def GetDeltaAckIn(self, ack: int) -> int:
        """How much the acknowledgement of an incoming segment is off."""
        return self._delta(ack, 1)

    def GetDeltaSeqOut(self, seq: int) -> int:
        """How much the sequence number of an outgoing segment is off."""
        return self._delta(seq, 0)

    def _delta(self, number: int, which: int) -> int:
        best, delta = -1, 0
        assert self.acks is not None
        for j in range(1, N_LINK_TCP_DATA + 1):
            record = self.acks[(self.index - j) % N_LINK_TCP_DATA]
            if record is None:
                continue
            diff = (number - record[which]) & 0xFFFFFFFF
            if diff < 0x80000000 and (best < 0 or diff < best):
                best, delta = diff, record[2]
        return delta

    def AddSeq(self, delta: int, seq: int, size: int) -> None:
        """A segment with `size` octets of data was made `delta` longer (SetAckModified, AddSeq)."""
        if self.acks is None:
            self.acks = [None] * N_LINK_TCP_DATA
        end = seq + size
        self.acks[self.index] = (end & 0xFFFFFFFF, (end + delta) & 0xFFFFFFFF, delta)
        self.index = (self.index + 1) % N_LINK_TCP_DATA


class AliasData:
    """What a protocol's handler is given (struct alias_data)."""

    __slots__ = ("aaddr", "aport", "dport", "lnk", "maxpktsize", "oaddr", "sport")

    def __init__(self, lnk: AliasLink | None = None, sport: int = 0, dport: int = 0, maxpktsize: int = 0) -> None:
        self.lnk, self.sport, self.dport, self.maxpktsize = lnk, sport, dport, maxpktsize
        self.oaddr = self.aaddr = ANY_ADDR
        self.aport = 0


class LibAliasState(KernelModule):
    """What all engines of a machine share: the time, and the protocol handlers that modules brought."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.time = 0
        """LibAliasTime, in seconds since boot."""
        self.packets = 0
        self.packet_limit = 1000
        self.handlers: list[Any] = []
        """struct proto_handler, in order of priority (alias_mod.c)."""

    def now(self) -> int:
        """time_uptime."""
        return self.kernel.clock.now // 1_000_000_000

    def tick(self) -> None:
        """HouseKeeping's clock: sample the time every so many packets."""
        self.packets += 1
        if self.packet_limit <= 1 or self.packets % self.packet_limit == 0:
            now = self.now()
            if now != self.time:
                self.packet_limit = self.packets // 3
                self.packets = 0
                self.time = now


class Group:
    """The links of one alias address, port and type (struct group_in); the youngest comes first."""

    __slots__ = ("full", "partial")

    def __init__(self) -> None:
        self.full: list[AliasLink] = []
        self.partial: list[AliasLink] = []


class Libalias:
    """One engine (struct libalias); alias.py moves packets through it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel_state: LibAliasState = kernel[LibAliasState]
        self.kernel_state.time = self.kernel_state.now()
        self.random = kernel.random
        self.outs: dict[Key, AliasLink] = {}
        self.ins: dict[tuple[bytes, int, int], Group] = {}
        self.endpoints: dict[tuple[bytes, int, int], AliasLink] = {}
        self.pptp: list[AliasLink] = []
        self.checkExpire: dict[AliasLink, None] = {}
        """All links, those looked at longest ago first."""
        self.proxyList: list[Any] = []
        self.aliasAddress = self.targetAddress = ANY_ADDR
        self.aliasPortLower = self.aliasPortLength = 0x8000
        self.counts: dict[int, int] = {}
        self.packetAliasMode = PKT_ALIAS_SAME_PORTS | PKT_ALIAS_RESET_ON_ADDR_CHANGE
        self.logDesc: str | None = None

    # links -----------------------------------------------------------------------------------------------------
    def _count(self, link_type: int, by: int) -> None:
        if link_type != LINK_ADDR:
            kind = link_type if link_type in (*EXPIRE, LINK_PPTP) else 0
            self.counts[kind] = self.counts.get(kind, 0) + by

    def ShowAliasStats(self) -> None:
        """Keep a line about how many links there are."""
        if self.logDesc is None:
            return
        kinds = (LINK_ICMP, LINK_UDP, LINK_TCP, LINK_SCTP, LINK_PPTP, 0, LINK_FRAGMENT_ID, LINK_FRAGMENT_PTR)
        icmp, udp, tcp, sctp, pptp, proto, frag, ptr = (self.counts.get(k, 0) for k in kinds)
        total = icmp + udp + tcp + sctp + pptp + proto + frag + ptr
        self.logDesc = (
            f"icmp={icmp}, udp={udp}, tcp={tcp}, sctp={sctp}, pptp={pptp}, proto={proto}, frag_id={frag} frag_ptr={ptr}"
            f" / tot={total}"
        )

    def RandomPort(self) -> int:
        """A port of the range aliases are taken from."""
        return self.aliasPortLower + self.random.uniform(self.aliasPortLength)

    def GetNewPort(self, lnk: AliasLink, param: int) -> bool:
        """Give a link its alias port: the one asked for, or one that no other link to the same peer has."""
        if 0 <= param < 0x10000:
            lnk.alias_port = param
            return True
        eim = bool(self.packetAliasMode & PKT_ALIAS_UDP_EIM) and lnk.type == LINK_UDP
        if eim:
            found = self.endpoints.get((lnk.src_addr, lnk.src_port, lnk.type))
            if found is not None:
                lnk.alias_port = found.alias_port
                return True
        port = lnk.src_port if self.packetAliasMode & PKT_ALIAS_SAME_PORTS else self.RandomPort()
        for _ in range(GET_NEW_PORT_MAX_ATTEMPTS):
            group = self.ins.get((lnk.alias_addr, port, lnk.type))
            taken = group is not None and (
                eim or any(o.dst_addr == lnk.dst_addr and o.dst_port == lnk.dst_port for o in group.full)
            )
            if not taken:
                lnk.alias_port = port
                return True
            port = self.RandomPort()
        return False

    def FindNewPortGroup(self, dst: bytes, alias: bytes, sport: int, dport: int, count: int, proto: int, align: bool) -> int:
        """The first of some ports in a row that are free towards a peer; 0 if there are none."""
        link_type = LINK_TYPES.get(proto)
        if link_type is None:
            return 0
        port = sport if self.packetAliasMode & PKT_ALIAS_SAME_PORTS else self.RandomPort()
        for _ in range(GET_NEW_PORT_MAX_ATTEMPTS):
            if align:
                port &= 0xFFFE
            if all(self.FindLinkIn(dst, alias, dport, port + j & 0xFFFF, link_type, False) is None for j in range(count)):
                return port
            port = self.RandomPort()
        return 0

    def AddLink(
        self, src: tuple[bytes, int], dst: tuple[bytes, int], alias_addr: bytes, alias_port: int, link_type: int
    ) -> AliasLink | None:
        """A new link; an alias port below zero is chosen.  None if no port is free."""
        lnk = AliasLink(self, src, dst, alias_addr, link_type)
        if not self.GetNewPort(lnk, alias_port):
            return None
        self._count(link_type, 1)
        if link_type == LINK_PPTP:
            self.pptp.insert(0, lnk)
        else:
            group = self.ins.setdefault((alias_addr, lnk.alias_port, link_type), Group())
            # One that is there already stays what is found, as in the trees of the original.
            self.outs.setdefault(lnk.out_key, lnk)
            (group.partial if lnk.flags & LINK_PARTIALLY_SPECIFIED else group.full).insert(0, lnk)
            self.endpoints.setdefault((lnk.src_addr, lnk.src_port, link_type), lnk)
        self.checkExpire[lnk] = None
        if self.packetAliasMode & PKT_ALIAS_LOG:
            self.ShowAliasStats()
        return lnk

    def DeleteLink(self, lnk: AliasLink, permanent: bool) -> bool:
        """Forget a link; one that is permanent only if that is meant."""
        if lnk.flags & LINK_PERMANENT and not permanent:
            return False
        if lnk.type == LINK_PPTP:
            self.pptp.remove(lnk)
        else:
            if not lnk.servers:
                self.outs.pop(lnk.out_key, None)
            key = (lnk.alias_addr, lnk.alias_port, lnk.type)
            group = self.ins.get(key)
            if group is not None:
                for links in (group.full, group.partial):
                    if lnk in links:
                        links.remove(lnk)
                if not group.full and not group.partial:
                    del self.ins[key]
            self.endpoints.pop((lnk.src_addr, lnk.src_port, lnk.type), None)
        del self.checkExpire[lnk]
        self._count(lnk.type, -1)
        if self.packetAliasMode & PKT_ALIAS_LOG:
            self.ShowAliasStats()
        return True

    def CleanupLink(self, lnk: AliasLink) -> bool:
        """Delete a link that was not used for too long, else look at it again last; is it still there?"""
        if self.kernel_state.time - lnk.timestamp > lnk.expire and self.DeleteLink(lnk, False):
            return False
        del self.checkExpire[lnk]
        self.checkExpire[lnk] = None
        return True

    def UseLink(self, lnk: AliasLink | None) -> AliasLink | None:
        """The link, if it did not expire; its time begins anew."""
        if lnk is None or not self.CleanupLink(lnk):
            return None
        lnk.timestamp = self.kernel_state.time
        return lnk

    def CleanupAliasData(self, permanent: bool) -> None:
        """Delete all links, permanent ones too if that is meant."""
        for lnk in list(self.checkExpire):
            self.DeleteLink(lnk, permanent)

    def ReLink(
        self, old: AliasLink, src: tuple[bytes, int], dst: tuple[bytes, int], alias: tuple[bytes, int]
    ) -> AliasLink | None:
        """A full link in place of a partially specified one."""
        new = self.AddLink(src, dst, alias[0], alias[1], old.type)
        self.DeleteLink(old, False)
        return new

    def SetExpire(self, lnk: AliasLink, expire: int) -> None:
        """0 deletes the link, -1 makes it permanent."""
        if expire == 0:
            lnk.flags &= ~LINK_PERMANENT
            self.DeleteLink(lnk, False)
        elif expire == -1:
            lnk.flags |= LINK_PERMANENT
        elif expire > 0:
            lnk.expire = expire

    def HouseKeeping(self) -> None:
        """Once for each packet: look whether the link that was not looked at for longest expired."""
        state = self.kernel_state
        state.tick()
        if state.packets < self.counts.get(LINK_UDP, 0) + self.counts.get(LINK_TCP, 0):
            self.CleanupLink(next(iter(self.checkExpire)))

    # looking up ------------------------------------------------------------------------------------------------
    def _find_out(self, src: bytes, dst: bytes, sport: int, dport: int, link_type: int, replace: bool) -> AliasLink | None:
        lnk = self.UseLink(self.outs.get((src, dst, sport, dport, link_type)))
        if lnk is not None or not replace:
            return lnk
        if dport and dst != ANY_ADDR:
            lnk = self.UseLink(self.outs.get((src, dst, sport, 0, link_type)))
            if lnk is None:
                lnk = self.UseLink(self.outs.get((src, ANY_ADDR, sport, dport, link_type)))
        if lnk is None and (dport or dst != ANY_ADDR):
            lnk = self.UseLink(self.outs.get((src, ANY_ADDR, sport, 0, link_type)))
        if lnk is not None:
            lnk = self.ReLink(lnk, (src, sport), (dst, dport), (lnk.alias_addr, lnk.alias_port))
        return lnk

    def FindLinkOut(self, src: bytes, dst: bytes, sport: int, dport: int, link_type: int, replace: bool) -> AliasLink | None:
        """The link of a packet that goes out; links of "whatever my address is" count for the address in use."""
        lnk = self._find_out(src, dst, sport, dport, link_type, replace)
        if lnk is None and self.aliasAddress not in (ANY_ADDR,) and src == self.aliasAddress:
            lnk = self._find_out(ANY_ADDR, dst, sport, dport, link_type, replace)
        return lnk

    def _find_in(self, dst: bytes, alias: bytes, dport: int, aport: int, link_type: int, replace: bool) -> AliasLink | None:
        group = self.ins.get((alias, aport, link_type))
        if group is None:
            return None
        flags_in = (LINK_UNKNOWN_DEST_ADDR if dst == ANY_ADDR else 0) | (0 if dport else LINK_UNKNOWN_DEST_PORT)
        found: dict[int, AliasLink] = {}
        for lnk in group.full:
            if (flags_in & LINK_UNKNOWN_DEST_ADDR or lnk.dst_addr == dst) and (
                flags_in & LINK_UNKNOWN_DEST_PORT or lnk.dst_port == dport
            ):
                if flags_in:
                    found[flags_in] = lnk
                elif (used := self.UseLink(lnk)) is not None:
                    return used
                break
        if flags_in == 0 and (alias, aport, link_type) not in self.ins:
            return None
        if LINK_UNKNOWN_DEST_PORT not in found:
            for lnk in group.partial:
                flags = (flags_in | lnk.flags) & LINK_PARTIALLY_SPECIFIED
                fits = flags & LINK_UNKNOWN_DEST_ADDR or lnk.dst_addr == dst
                if fits and (flags & LINK_UNKNOWN_DEST_PORT or lnk.dst_port == dport):
                    found.setdefault(flags, lnk)
        best = found.get(LINK_UNKNOWN_DEST_PORT) or found.get(LINK_UNKNOWN_DEST_ADDR) or found.get(LINK_PARTIALLY_SPECIFIED)
        if best is None or not replace:
            return best
        src = (best.src_addr, best.src_port)
        if best.servers:
            src = best.servers[0]
            best.servers.append(best.servers.pop(0))
        if link_type == LINK_SCTP:
            best.src_addr, best.src_port = src
            return best
        return self.ReLink(best, src, (dst, dport), (alias, aport))

    def FindLinkIn(self, dst: bytes, alias: bytes, dport: int, aport: int, link_type: int, replace: bool) -> AliasLink | None:
        """The link of a packet that comes in: from whom (dst), to which alias."""
        lnk = self._find_in(dst, alias, dport, aport, link_type, replace)
        mode = self.packetAliasMode
        if lnk is None and mode & PKT_ALIAS_UDP_EIM and link_type == LINK_UDP and not mode & PKT_ALIAS_DENY_INCOMING:
            lnk = self._find_in(ANY_ADDR, alias, 0, aport, link_type, replace)
        if lnk is None and self.aliasAddress != ANY_ADDR and alias == self.aliasAddress:
            lnk = self._find_in(dst, ANY_ADDR, dport, aport, link_type, replace)
        return lnk

    def FindOriginalAddress(self, alias: bytes) -> bytes:
        """Where a packet goes that no link is known for: redirect_addr, or the target, or the address itself."""
        lnk = self.FindLinkIn(ANY_ADDR, alias, 0, 0, LINK_ADDR, False)
        own = self.aliasAddress if self.aliasAddress != ANY_ADDR else alias
        if lnk is None:
            if self.targetAddress == ANY_ADDR:
                return alias
            return own if self.targetAddress == INADDR_NONE else self.targetAddress
        if lnk.servers:
            addr = lnk.servers[0][0]
            lnk.servers.append(lnk.servers.pop(0))
            return addr
        return own if lnk.src_addr == ANY_ADDR else lnk.src_addr

    def FindAliasAddress(self, original: bytes) -> bytes:
        """The address an inside host is seen under."""
        lnk = self.FindLinkOut(original, ANY_ADDR, 0, 0, LINK_ADDR, False)
        if lnk is None or lnk.alias_addr == ANY_ADDR:
            return self.aliasAddress if self.aliasAddress != ANY_ADDR else original
        return lnk.alias_addr

    def _denied(self) -> bool:
        return bool(self.packetAliasMode & PKT_ALIAS_DENY_INCOMING)

    def FindIcmpIn(self, dst: bytes, alias: bytes, ident: int, create: bool) -> tuple[int, AliasLink | None]:
        """By the identifier of an echo or timestamp message."""
        lnk = self.FindLinkIn(dst, alias, NO_DEST_PORT, ident, LINK_ICMP, False)
        if lnk is None and create and not self._denied():
            lnk = self.AddLink((self.FindOriginalAddress(alias), ident), (dst, NO_DEST_PORT), alias, ident, LINK_ICMP)
            if lnk is None:
                return PKT_ALIAS_ERROR, None
        return (PKT_ALIAS_OK if lnk else PKT_ALIAS_IGNORED), lnk

    def FindIcmpOut(self, src: bytes, dst: bytes, ident: int, create: bool) -> tuple[int, AliasLink | None]:
        """By the identifier of an echo or timestamp message."""
        lnk = self.FindLinkOut(src, dst, ident, NO_DEST_PORT, LINK_ICMP, False)
        if lnk is None and create:
            alias = self.FindAliasAddress(src)
            lnk = self.AddLink((src, ident), (dst, NO_DEST_PORT), alias, GET_ALIAS_PORT, LINK_ICMP)
            if lnk is None:
                return PKT_ALIAS_ERROR, None
        return (PKT_ALIAS_OK if lnk else PKT_ALIAS_IGNORED), lnk

    def FindFragmentIn1(self, dst: bytes, alias: bytes, ident: int) -> AliasLink | None:
        """The link that later fragments of a packet will look for, made if need be."""
        lnk = self.FindFragmentIn2(dst, alias, ident)
        return lnk or self.AddLink((ANY_ADDR, NO_SRC_PORT), (dst, NO_DEST_PORT), alias, ident, LINK_FRAGMENT_ID)

    def FindFragmentIn2(self, dst: bytes, alias: bytes, ident: int) -> AliasLink | None:
        """The link of a later fragment."""
        return self.FindLinkIn(dst, alias, NO_DEST_PORT, ident, LINK_FRAGMENT_ID, False)

    def FindProtoIn(self, dst: bytes, alias: bytes, proto: int) -> tuple[int, AliasLink | None]:
        """A protocol without ports."""
        lnk = self.FindLinkIn(dst, alias, NO_DEST_PORT, 0, proto, True)
        if lnk is None and not self._denied():
            src = (self.FindOriginalAddress(alias), NO_SRC_PORT)
            lnk = self.AddLink(src, (dst, NO_DEST_PORT), alias, 0, proto)
            if lnk is None:
                return PKT_ALIAS_ERROR, None
        return (PKT_ALIAS_OK if lnk else PKT_ALIAS_IGNORED), lnk

    def FindProtoOut(self, src: bytes, dst: bytes, proto: int) -> tuple[int, AliasLink | None]:
        """A protocol without ports."""
        lnk = self.FindLinkOut(src, dst, NO_SRC_PORT, NO_DEST_PORT, proto, True)
        if lnk is None:
            lnk = self.AddLink((src, NO_SRC_PORT), (dst, NO_DEST_PORT), self.FindAliasAddress(src), 0, proto)
            if lnk is None:
                return PKT_ALIAS_ERROR, None
        return PKT_ALIAS_OK, lnk

    def FindUdpTcpIn(
        self, dst: bytes, alias: bytes, dport: int, aport: int, proto: int, create: bool
    ) -> tuple[int, AliasLink | None]:
        """By addresses and ports."""
        lnk = self.FindLinkIn(dst, alias, dport, aport, proto, create)
        if lnk is None and create and not self._denied():
            lnk = self.AddLink((self.FindOriginalAddress(alias), aport), (dst, dport), alias, aport, proto)
            if lnk is None:
                return PKT_ALIAS_ERROR, None
        return (PKT_ALIAS_OK if lnk else PKT_ALIAS_IGNORED), lnk

    def FindUdpTcpOut(
        self, src: bytes, dst: bytes, sport: int, dport: int, proto: int, create: bool
    ) -> tuple[int, AliasLink | None]:
        """By addresses and ports."""
        lnk = self.FindLinkOut(src, dst, sport, dport, proto, create)
        if lnk is None and create:
            lnk = self.AddLink((src, sport), (dst, dport), self.FindAliasAddress(src), GET_ALIAS_PORT, proto)
            if lnk is None:
                return PKT_ALIAS_ERROR, None
        return (PKT_ALIAS_OK if lnk else PKT_ALIAS_IGNORED), lnk

    # what an owner of the engine sets --------------------------------------------------------------------------
    def _redirect(self, src: tuple[bytes, int], dst: tuple[bytes, int], alias: tuple[bytes, int], kind: int) -> AliasLink | None:
        lnk = self.AddLink(src, dst, alias[0], alias[1], kind)
        if lnk is not None:
            lnk.flags |= LINK_PERMANENT
        return lnk

    def LibAliasRedirectPort(
        self, src: tuple[bytes, int], dst: tuple[bytes, int], alias: tuple[bytes, int], proto: int
    ) -> AliasLink | None:
        """From a public port to a private one; None for a protocol without ports."""
        return self._redirect(src, dst, alias, proto) if proto in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP) else None

    def LibAliasRedirectProto(self, src: bytes, dst: bytes, alias: bytes, proto: int) -> AliasLink | None:
        """A protocol from a public to a private address."""
        return self._redirect((src, NO_SRC_PORT), (dst, NO_DEST_PORT), (alias, 0), proto)

    def LibAliasRedirectAddr(self, src: bytes, alias: bytes) -> AliasLink | None:
        """Static address translation."""
        return self._redirect((src, 0), (ANY_ADDR, 0), (alias, 0), LINK_ADDR)

    def LibAliasAddServer(self, lnk: AliasLink, addr: bytes, port: int) -> int:
        """Another server of a link's pool, which is not for outgoing connections then; -1 if it cannot have one."""
        if lnk.type == LINK_PPTP:
            return -1
        if not lnk.servers:
            self.outs.pop(lnk.out_key, None)
            lnk.servers = [(addr, port)]
        else:
            # The new one is put in front of the circle.
            lnk.servers = [(addr, port), *lnk.servers]
        return 0

    def LibAliasRedirectDynamic(self, lnk: AliasLink) -> int:
        """The redirection may expire; -1 if its peer is not known."""
        if lnk.flags & LINK_PARTIALLY_SPECIFIED:
            return -1
        lnk.flags &= ~LINK_PERMANENT
        return 0

    def LibAliasRedirectDelete(self, lnk: AliasLink) -> None:
        """The redirection ends."""
        if lnk in self.checkExpire:
            self.DeleteLink(lnk, True)

    def LibAliasSetAddress(self, addr: bytes) -> None:
        """The address inside hosts are seen under; the links go if that is the mode."""
        if self.packetAliasMode & PKT_ALIAS_RESET_ON_ADDR_CHANGE and self.aliasAddress != addr:
            self.CleanupAliasData(False)
        self.aliasAddress = addr

    def LibAliasSetAliasPortRange(self, low: int, high: int) -> None:
        """Which ports aliases are taken from; 0 for the default."""
        self.aliasPortLower, self.aliasPortLength = (low, high - low + 1) if low else (0x8000, 0x8000)

    def LibAliasSetTarget(self, addr: bytes) -> None:
        """Where unexpected packets go."""
        self.targetAddress = addr

    def LibAliasSetMode(self, flags: int, mask: int) -> int:
        """Change some flags of the mode."""
        if flags & mask & PKT_ALIAS_LOG:
            if not self.packetAliasMode & PKT_ALIAS_LOG:
                self.logDesc = ""
        elif ~flags & mask & PKT_ALIAS_LOG:
            self.logDesc = None
        self.packetAliasMode = (flags & mask) | (self.packetAliasMode & ~mask)
        return self.packetAliasMode

    def LibAliasUninit(self) -> None:
        """The engine goes."""
        self.CleanupAliasData(True)
        self.logDesc = None
