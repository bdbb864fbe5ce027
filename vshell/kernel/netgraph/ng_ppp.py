"""ng_ppp(4): the frames of PPP: protocols, header compression, compression, encryption, multilink (netgraph/ng_ppp.c).

A packet from a protocol goes down through four layers, each of which may hand it to another node and get it back:

    inet, ipv6, atalk, ipx -> vjc_* -> compress -> encrypt -> multilink -> link0 to link15

and one from a link goes up the other way.  What nobody wants goes to "bypass", with the number of its link in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EIO, EISCONN, EMSGSIZE, ENETDOWN, ENOBUFS, ENODEV, ENXIO, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_deliver, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import HINT32, INT16, UINT8, UINT16, UINT32, UINT64, Array, NgStruct
from vshell.kernel.netgraph.ppp_multilink import (
    OVERHEAD,
    STAT_NAMES,
    US,
    Fragment,
    Link,
    Reassembly,
    extend,
    spread,
    spread_evenly,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x7F90)

MAX_LINKS, BUNDLE = 16, 0xFFFF
MAX_LATENCY, MAX_BANDWIDTH, MIN_MRU = 1000, 125000, 32
MAX_BACKLOG = 50 * 1600
FULL = 2
"""Compression that sees everything, the protocol included."""
HALF_SECOND = 500_000_000
VJC_COOKIE = 868219210
PROT_IP, PROT_IPV6, PROT_ATALK, PROT_IPX, PROT_LCP, PROT_MP = 0x0021, 0x0057, 0x0029, 0x002B, 0xC021, 0x003D
PROT_VJCOMP, PROT_VJUNCOMP, PROT_COMPD, PROT_CRYPTD = 0x002D, 0x002F, 0x00FD, 0x0053
PROTOCOLS = {
    "inet": (PROT_IP, "enableIP"), "ipv6": (PROT_IPV6, "enableIPv6"), "atalk": (PROT_ATALK, "enableAtalk"),
    "ipx": (PROT_IPX, "enableIPX"),
}  # fmt: skip
VJC_SEND = {"vjc_vjcomp": PROT_VJCOMP, "vjc_vjuncomp": PROT_VJUNCOMP, "vjc_vjip": PROT_IP}
VJC_RECV = {PROT_VJCOMP: "vjc_vjcomp", PROT_VJUNCOMP: "vjc_vjuncomp"}
NAMES = frozenset((*PROTOCOLS, *VJC_SEND, "vjc_ip", "bypass", "compress", "decompress", "encrypt", "decrypt"))
VJC_NAMES = ("vjc_ip", *VJC_SEND)

BUND_NAMES = (
    "enableMultilink", "recvShortSeq", "xmitShortSeq", "enableRoundRobin", "enableIP", "enableIPv6", "enableAtalk",
    "enableIPX", "enableCompression", "enableDecompression", "enableEncryption", "enableDecryption", "enableVJCompression",
    "enableVJDecompression",
)  # fmt: skip
BUND = NgStruct(("mrru", UINT16), *((name, UINT8) for name in BUND_NAMES))
LINK = NgStruct(
    ("enableLink", UINT8), ("enableProtoComp", UINT8), ("enableACFComp", UINT8), ("mru", UINT16), ("latency", UINT32),
    ("bandwidth", UINT32),
)  # fmt: skip
CONFIG = NgStruct(("bund", BUND), ("links", Array(LINK, MAX_LINKS)))
MP_STATE = NgStruct(("rseq", Array(HINT32, MAX_LINKS)), ("mseq", HINT32), ("xseq", HINT32))
STATS = NgStruct(*((name, UINT32) for name in STAT_NAMES))
STATS64 = NgStruct(*((name, UINT64) for name in STAT_NAMES))


def add_proto(m: Mbuf, proto: int, short: bool) -> None:
    """Put a protocol in front, in one byte if it may be and fits."""
    m.prepend(proto.to_bytes(1 if short and proto < 0x100 else 2, "big"))


def cut_proto(m: Mbuf) -> int | None:
    """Take it off; None if it is not there."""
    proto = 0
    for _ in range(2):
        if not len(m):
            return None
        proto = proto << 8 | m.data[m.off]
        m.adj(1)
        if proto & 0x0101 == 0x0001:
            break
    return proto


def _valid(proto: int) -> bool:
    return proto & 0x0101 == 0x0001


class Ppp(LastHook, ngtype="ppp", cookie=940897795):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf = dict.fromkeys(("mrru", *BUND_NAMES), 0)
        self.stats = dict.fromkeys(STAT_NAMES, 0)
        self.links = [Link() for _ in range(MAX_LINKS)]
        self.active: list[int] = []
        self.equal = True
        """All active links are alike."""
        self.turn = self.xseq = 0
        self.ends: dict[str, NgHook] = {}
        self.incoming = Reassembly(self.links, self.stats)
        self.timer = vnet.kernel.clock.callout()

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """Protocols, helpers, links."""
        if name.startswith("link"):
            digits = name[4:]
            if not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits or int(digits) >= MAX_LINKS:
                raise KError(EINVAL)
            link = self.links[int(digits)]
            if link.hook is not None:
                raise KError(EISCONN)
            if link.conf["enableLink"] and not self.conf["enableMultilink"] and self.active:
                raise KError(ENODEV)
            link.hook, hook.private = hook, int(digits)
        else:
            if name not in NAMES:
                raise KError(EINVAL)
            if name in self.ends:
                raise KError(EISCONN)
            self.ends[name] = hook
            hook.rcvdata = getattr(self, f"_rcv_{name}", None) or (self._rcv_proto if name in PROTOCOLS else self._rcv_vjc)
        self._update(False)

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        if hook.private is not None:
            self.links[hook.private].hook = None
        else:
            self.ends.pop(hook.name, None)
        if self.hooks:
            self._update(False)
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Without a timer."""
        self.timer.stop()
        return False

    # messages --------------------------------------------------------------------------------------------------
    def rcvmsg(self, msg: NgMsg) -> None:
        """Those for header compression go on to the node that does it."""
        if msg.cookie != VJC_COOKIE:
            super().rcvmsg(msg)
            return
        hook = self.ends.get("vjc_ip")
        if hook is not None and hook.peer is not None and hook.peer.node is not None:
            msg.hook = hook.peer
            ng_deliver(hook.peer.node, msg)

    @ngmsg(1, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """Set all of it."""
        if not self._config_valid(arg["bund"], arg["links"]):
            raise KError(EINVAL)
        self.conf = arg["bund"]
        for link, conf in zip(self.links, arg["links"], strict=True):
            link.conf = conf
        self._update(True)

    def _config_valid(self, bund: dict[str, int], links: list[dict[str, int]]) -> bool:
        """ng_ppp_config_valid."""
        enabled = [(link, conf) for link, conf in zip(self.links, links, strict=True) if conf["enableLink"]]
        for _, conf in enabled:
            if conf["mru"] < MIN_MRU or not 0 < conf["bandwidth"] <= MAX_BANDWIDTH or conf["latency"] > MAX_LATENCY:
                return False
        active = sum(link.hook is not None for link, _ in enabled)
        if self.active and active:
            # What the other side has agreed to does not change while a link is up.
            for name in ("enableMultilink", "xmitShortSeq", "recvShortSeq"):
                if bool(self.conf[name]) != bool(bund[name]):
                    return False
        return bool(bund["enableMultilink"]) or active <= 1

    @ngmsg(2, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return {"bund": self.conf, "links": [link.conf for link in self.links]}

    @ngmsg(3, "getmpstate", resp=MP_STATE)
    def getmpstate(self, arg: Any, msg: NgMsg) -> Any:
        """Where the numbers of fragments are."""
        return {"rseq": [link.seq or 0 for link in self.links], "mseq": self.incoming.mseq, "xseq": self.xseq}

    def _stats(self, number: int, clear: bool) -> dict[str, int]:
        number &= 0xFFFF
        if number >= MAX_LINKS and number != BUNDLE:
            raise KError(EINVAL)
        stats = self.stats if number == BUNDLE else self.links[number].stats
        answer = dict(stats)
        if clear:
            stats.update(dict.fromkeys(STAT_NAMES, 0))
        return answer

    @ngmsg(4, "getstats", arg=INT16, resp=STATS)
    def getstats(self, arg: int, msg: NgMsg) -> Any:
        """The counters of a link, or with -1 of the bundle."""
        return self._stats(arg, False)

    @ngmsg(5, "clrstats", arg=INT16)
    def clrstats(self, arg: int, msg: NgMsg) -> None:
        """Count anew."""
        self._stats(arg, True)

    @ngmsg(6, "getclrstats", arg=INT16, resp=STATS)
    def getclrstats(self, arg: int, msg: NgMsg) -> Any:
        """Both."""
        return self._stats(arg, True)

    @ngmsg(7, "getstats64", arg=INT16, resp=STATS64)
    def getstats64(self, arg: int, msg: NgMsg) -> Any:
        """The same with 64 bits."""
        return self._stats(arg, False)

    @ngmsg(8, "getclrstats64", arg=INT16, resp=STATS64)
    def getclrstats64(self, arg: int, msg: NgMsg) -> Any:
        """Both."""
        return self._stats(arg, True)

    def _update(self, configured: bool) -> None:
        """ng_ppp_update: hooks or settings have changed."""
        if configured:
            self._latencies()
        self.active = [i for i, link in enumerate(self.links) if link.conf["enableLink"] and link.hook is not None]
        first = self.links[self.active[0]] if self.active else None
        self.equal = True
        for number, link in enumerate(self.links):
            if number not in self.active or first is None:
                link.seq = None
                continue
            if link.latency != first.latency or link.conf["bandwidth"] != first.conf["bandwidth"]:
                self.equal = False
            if link.seq is None:
                link.seq = 0 if link is first else first.seq
        self.incoming.active, self.incoming.short = self.active, bool(self.conf["recvShortSeq"])
        if self.conf["enableMultilink"] and self.active:
            if not self.timer.pending:
                self.timer.reset(HALF_SECOND, self._tick)
            return
        self.timer.stop()
        self.incoming.reset()
        self.xseq = 0
        for link in self.links:
            link.idle()

    def _latencies(self) -> None:
        for link in self.links:
            conf = link.conf
            if conf["bandwidth"]:
                size = OVERHEAD + (0 if conf["enableACFComp"] else 2) + (1 if conf["enableProtoComp"] else 2)
                size += 2 if self.conf["xmitShortSeq"] else 4
                link.latency = conf["latency"] + (size // conf["bandwidth"] + 50) // 100

    def _tick(self) -> None:
        self.incoming.check_stale(self.kernel.clock.now // US, self._whole)
        self.timer.reset(HALF_SECOND, self._tick)

    # down ------------------------------------------------------------------------------------------------------
    def _rcv_proto(self, hook: NgHook, m: Mbuf) -> int:
        """A packet of a protocol."""
        proto, setting = PROTOCOLS[hook.name]
        return self._hcomp_xmit(m, proto) if self.conf[setting] else ENXIO

    def _rcv_bypass(self, hook: NgHook, m: Mbuf) -> int:
        """The number of a link and a protocol, then the packet."""
        if len(m) < 4:
            return EINVAL
        number, proto = (int.from_bytes(m.data[m.off + i : m.off + i + 2], "big") for i in (0, 2))
        m.adj(4)
        return self._hcomp_xmit(m, proto) if number == BUNDLE else self._link_xmit(m, proto, number, 0)

    def _hcomp_xmit(self, m: Mbuf, proto: int) -> int:
        """Header compression."""
        if proto == PROT_IP and self.conf["enableVJCompression"] and self._vjc():
            return ng_send_data(self.ends["vjc_ip"], m)
        return self._comp_xmit(m, proto)

    def _vjc(self) -> bool:
        return all(name in self.ends for name in VJC_NAMES)

    def _rcv_vjc(self, hook: NgHook, m: Mbuf) -> int:
        """What header compression made of a packet."""
        return self._comp_xmit(m, VJC_SEND[hook.name]) if self.conf["enableVJCompression"] else ENXIO

    def _comp_xmit(self, m: Mbuf, proto: int) -> int:
        """Compression."""
        if (
            self.conf["enableCompression"]
            and proto < 0x4000
            and proto not in (PROT_COMPD, PROT_CRYPTD)
            and "compress" in self.ends
        ):
            add_proto(m, proto, False)
            return ng_send_data(self.ends["compress"], m)
        return self._crypt_xmit(m, proto)

    def _rcv_compress(self, hook: NgHook, m: Mbuf) -> int:
        """A compressed packet; it may bring its own protocol."""
        proto: int | None = PROT_COMPD
        if not self.conf["enableCompression"]:
            return ENXIO
        if self.conf["enableCompression"] == FULL:
            proto = cut_proto(m)
        if proto is None or not _valid(proto):
            return EIO
        return self._crypt_xmit(m, proto)

    def _crypt_xmit(self, m: Mbuf, proto: int) -> int:
        """Encryption."""
        if self.conf["enableEncryption"] and proto < 0x4000 and proto != PROT_CRYPTD and "encrypt" in self.ends:
            add_proto(m, proto, False)
            return ng_send_data(self.ends["encrypt"], m)
        return self._mp_xmit(m, proto)

    def _rcv_encrypt(self, hook: NgHook, m: Mbuf) -> int:
        """An encrypted packet."""
        return self._mp_xmit(m, PROT_CRYPTD) if self.conf["enableEncryption"] else ENXIO

    def _mp_xmit(self, m: Mbuf, proto: int) -> int:
        """Multilink."""
        if not self.active:
            return ENETDOWN
        size = len(m)
        if not self.conf["enableMultilink"]:
            return self._link_xmit(m, proto, self.active[0], size)
        if size > self.conf["mrru"]:
            return EMSGSIZE
        add_proto(m, proto, True)
        total = len(m)
        if self.conf["enableRoundRobin"]:
            shares = [0] * len(self.active)
            shares[self.turn % len(self.active)] = total
            self.turn = self.turn + 1 & 0xFFFF
        elif self.equal:
            shares, self.turn = spread_evenly(total, len(self.active), self.turn)
        else:
            shares = spread(total, [self.links[i] for i in self.active], self.kernel.clock.now // US)
        return self._fragment(m.bytes(), shares, size)

    def _fragment(self, data: bytes, shares: list[int], size: int) -> int:
        """Pieces no longer than a link takes, with numbers."""
        short = bool(self.conf["xmitShortSeq"])
        width, mask = (2, 0xFFF) if short else (4, 0xFFFFFF)
        first = True
        for place in range(len(self.active) - 1, -1, -1):
            number = self.active[place]
            left, most = shares[place], self.links[number].conf["mru"] - width
            while left > 0:
                piece, data = data[: min(left, most)], data[min(left, most) :]
                left -= len(piece)
                head = self.xseq
                self.xseq = self.xseq + 1 & mask
                if first:
                    head |= 1 << 8 * width - 1
                if not data:
                    head |= 1 << 8 * width - 2
                error = self._link_xmit(m_get(head.to_bytes(width, "big") + piece), PROT_MP, number, size if first else 0)
                if error:
                    return error
                first = False
        return 0

    def _link_xmit(self, m: Mbuf, proto: int, number: int, size: int) -> int:
        """ng_ppp_link_xmit: a frame for a link; `size` counts as a packet of the bundle."""
        link = self.links[number] if number < MAX_LINKS else None
        if link is None or link.hook is None:
            return ENETDOWN
        conf = link.conf
        if conf["mru"] and len(m) > conf["mru"]:
            return EMSGSIZE
        add_proto(m, proto, bool(conf["enableProtoComp"]))
        if proto == PROT_LCP or not conf["enableACFComp"]:
            m.prepend(b"\xff\x03")
        length = len(m)
        error = ng_send_data(link.hook, m)
        link.stats["xmitFrames"] += 1
        link.stats["xmitOctets"] += length
        if size:
            self.stats["xmitFrames"] += 1
            self.stats["xmitOctets"] += size
        if not error and self.conf["enableMultilink"] and not self.equal and not self.conf["enableRoundRobin"]:
            if not link.queued:
                link.last_write = self.kernel.clock.now // US
            link.queued = min(link.queued + length + OVERHEAD, MAX_BACKLOG)
        return error

    # up --------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A frame from a link."""
        number = hook.private
        link = self.links[number]
        link.stats["recvFrames"] += 1
        link.stats["recvOctets"] += len(m)
        if len(m) < 2:
            return ENOBUFS
        if bytes(m.data[m.off : m.off + 2]) == b"\xff\x03":
            m.adj(2)
        proto = cut_proto(m)
        if proto is None:
            return ENOBUFS
        if not _valid(proto):
            link.stats["badProtos"] += 1
            return EIO
        if proto >= 0xB000:
            return self._bypass(m, proto, number)
        if not link.conf["enableLink"]:
            return ENXIO
        if not self.conf["enableMultilink"] or proto != PROT_MP:
            self.stats["recvFrames"] += 1
            self.stats["recvOctets"] += len(m)
            return self._crypt_recv(m, proto, number)
        return self._mp_recv(m, link)

    def _mp_recv(self, m: Mbuf, link: Link) -> int:
        """A fragment."""
        short = bool(self.conf["recvShortSeq"])
        width = 2 if short else 4
        data = m.bytes()
        if len(data) < width:
            link.stats["runts"] += 1
            return EINVAL
        head = int.from_bytes(data[:width], "big")
        flags = head >> 8 * width - 2
        frag = Fragment(extend(head, short), bool(flags & 2), bool(flags & 1), data[width:], self.kernel.clock.now // US)
        useless = self.incoming.add(link, frag)
        if useless is not None:
            link.stats[useless] += 1
            return EINVAL if useless == "dupFragments" else 0
        self.incoming.process(self._whole)
        return 0

    def _whole(self, data: bytes) -> None:
        """A packet was put together."""
        m = m_get(data)
        proto = cut_proto(m)
        if proto is None:
            return
        if not _valid(proto):
            self.stats["badProtos"] += 1
            return
        self.stats["recvFrames"] += 1
        self.stats["recvOctets"] += len(m)
        self._crypt_recv(m, proto, BUNDLE)

    def _bypass(self, m: Mbuf, proto: int, number: int) -> int:
        """Somebody else may know what to do."""
        if "bypass" not in self.ends:
            return ENXIO
        m.prepend(number.to_bytes(2, "big") + proto.to_bytes(2, "big"))
        return ng_send_data(self.ends["bypass"], m)

    def _crypt_recv(self, m: Mbuf, proto: int, number: int) -> int:
        """Decryption."""
        if proto != PROT_CRYPTD:
            return self._comp_recv(m, proto, number)
        if self.conf["enableDecryption"] and "decrypt" in self.ends:
            return ng_send_data(self.ends["decrypt"], m)
        return self._bypass(m, proto, number)

    def _rcv_decrypt(self, hook: NgHook, m: Mbuf) -> int:
        """A decrypted packet."""
        proto = self._again(m, "enableDecryption")
        return -proto if proto < 0 else self._comp_recv(m, proto, BUNDLE)

    def _again(self, m: Mbuf, setting: str) -> int:
        """The protocol of a packet a helper gives back, or minus an errno."""
        if not self.conf[setting]:
            return -ENXIO
        proto = cut_proto(m)
        if proto is None:
            return -EIO
        if not _valid(proto):
            self.stats["badProtos"] += 1
            return -EIO
        return proto

    def _comp_recv(self, m: Mbuf, proto: int, number: int) -> int:
        """Decompression."""
        full = self.conf["enableDecompression"] == FULL
        wanted = full or (proto == PROT_COMPD and self.conf["enableDecompression"])
        if proto < 0x4000 and wanted and "decompress" in self.ends:
            if full:
                add_proto(m, proto, False)
            return ng_send_data(self.ends["decompress"], m)
        if proto == PROT_COMPD:
            return self._bypass(m, proto, number)
        return self._hcomp_recv(m, proto, number)

    def _rcv_decompress(self, hook: NgHook, m: Mbuf) -> int:
        """A packet as it was."""
        proto = self._again(m, "enableDecompression")
        return -proto if proto < 0 else self._hcomp_recv(m, proto, BUNDLE)

    def _hcomp_recv(self, m: Mbuf, proto: int, number: int) -> int:
        """Headers are put in again."""
        if self.conf["enableVJDecompression"] and proto in VJC_RECV and self._vjc():
            return ng_send_data(self.ends[VJC_RECV[proto]], m)
        return self._proto_recv(m, proto, number)

    def _rcv_vjc_ip(self, hook: NgHook, m: Mbuf) -> int:
        """A packet with its headers."""
        return self._proto_recv(m, PROT_IP, BUNDLE) if self.conf["enableVJDecompression"] else ENXIO

    def _proto_recv(self, m: Mbuf, proto: int, number: int) -> int:
        """To the protocol."""
        for name, (known, setting) in PROTOCOLS.items():
            if proto == known and self.conf[setting] and name in self.ends:
                return ng_send_data(self.ends[name], m)
        return self._bypass(m, proto, number)
