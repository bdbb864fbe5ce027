"""ng_mppc(4): Microsoft's compression and encryption of PPP frames (netgraph/ng_mppc.c, RFC 2118, RFC 3078, RFC 3079)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, ENXIO, KError
from vshell.kernel.crypto.rc4 import Rc4
from vshell.kernel.kern.module import KernelModule, Kld, Sysctl
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.mppc import Compression, Decompression
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ng_send_msg_id
from vshell.kernel.netgraph.ng_parse import UINT8, UINT32, Array, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph", "rc4"), size=0x4E08)

MPPC, MPPE_40, MPPE_128, MPPE_56, MPPE, STATELESS, VALID = 0x01, 0x20, 0x40, 0x80, 0xE0, 0x01000000, 0x010000E1
FLUSHED, RESTART, COMPRESSED, ENCRYPTED, COUNT = 0x8000, 0x4000, 0x2000, 0x1000, 0x0FFF
UPDATE = 0xFF
"""With states the key changes after every 256th packet."""
DECOMP_SIZE = 8092
RESETREQ = 3
LOG_ERR = 3
CONFIG = NgStruct(("enable", UINT8), ("bits", UINT32), ("startkey", Array(UINT8, 16)))
CONFIG_SIZE = 24
WEAK = b"\xd1\x26\x9e"


class MppeModule(KernelModule):
    """What limits the work a lost packet makes."""

    block_on_max_rekey = Sysctl("net.graph.mppe.block_on_max_rekey", 0, "Block node on max MPPE key re-calculations", flags="wt")
    log_max_rekey = Sysctl("net.graph.mppe.log_max_rekey", 1, "Log max MPPE key re-calculations event", flags="wt")
    max_rekey = Sysctl("net.graph.mppe.max_rekey", 1000, "Maximum number of MPPE key re-calculations", flags="wt")


class Way:
    """One direction (struct ng_mppc_dir)."""

    def __init__(self, history: Any) -> None:
        self.hook: NgHook | None = None
        self.enabled = 0
        self.bits = 0
        self.count = 0
        self.flushed = False
        self.history = history
        self.startkey = self.key = bytes(16)
        self.rc4 = Rc4(self.key)

    @property
    def keylen(self) -> int:
        """Bytes of the key."""
        return 16 if self.bits & MPPE_128 else 8

    def begin(self, enabled: int, bits: int, startkey: bytes) -> None:
        """A new configuration."""
        self.enabled, self.bits, self.startkey = enabled, bits if enabled else 0, startkey
        self.count, self.flushed = 0, False
        self.history.clear()
        if self.bits & MPPE:
            self.key = self._weaken(self._derive(startkey[: self.keylen]))
            self.rc4 = Rc4(self.key)

    def _derive(self, key: bytes) -> bytes:
        """ng_mppc_getkey: the next key from the first and the last one."""
        from hashlib import sha1

        first = self.startkey[: self.keylen]
        return sha1(first + bytes(40) + key + b"\xf2" * 40).digest()[: self.keylen]

    def _weaken(self, key: bytes) -> bytes:
        known = 3 if self.bits & MPPE_40 else 1 if self.bits & MPPE_56 else 0
        return WEAK[:known] + key[known:]

    def rekey(self) -> None:
        """ng_mppc_updatekey."""
        key = self._derive(self.key)
        self.key = self._weaken(Rc4(key).crypt(key))
        self.rc4 = Rc4(self.key)

    def due(self) -> bool:
        """Does the key change before this packet?"""
        return bool(self.bits & STATELESS) or self.count & UPDATE == UPDATE

    def step(self) -> None:
        """MPPC_CCOUNT_INC."""
        self.count = (self.count + 1) & COUNT


class Mppc(LastHook, ngtype="mppc", cookie=942886745):
    """The node; its messages have no ASCII form."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.xmit, self.recv = Way(Compression()), Way(Decompression())
        self.ctrlnode = 0

    def newhook(self, hook: NgHook, name: str) -> None:
        """One to compress, one to expand."""
        if name not in ("comp", "decomp"):
            raise KError(EINVAL)
        way = self.xmit if name == "comp" else self.recv
        if way.hook is not None:
            raise KError(EISCONN)
        way.hook = hook

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        for way in (self.xmit, self.recv):
            if way.hook is hook:
                way.hook = None
        super().disconnect(hook)

    def rcvmsg(self, msg: NgMsg) -> None:
        """Both configurations, and the wish to begin anew."""
        if msg.cookie != self.cookie or msg.cmd not in (1, 2, RESETREQ):
            raise KError(EINVAL)
        if msg.cmd == RESETREQ:
            self._reset()
            return
        if len(msg.data) != CONFIG_SIZE:
            raise KError(EINVAL)
        conf = CONFIG.load(msg.data, 0)[0]
        if conf["enable"] and conf["bits"] & ~VALID:
            raise KError(EINVAL)
        if msg.cmd == 2:
            self.ctrlnode = msg.retaddr
        (self.xmit if msg.cmd == 1 else self.recv).begin(conf["enable"], conf["bits"], bytes(conf["startkey"]))

    def _reset(self) -> None:
        """ng_mppc_reset_req."""
        way = self.xmit
        way.history.clear()
        if not way.bits & STATELESS:
            way.rc4 = Rc4(way.key[: way.keylen])
        way.flushed = True

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Work on a frame and send it back."""
        way = self.xmit if hook is self.xmit.hook else self.recv
        if not way.enabled:
            return ENXIO
        if way is self.xmit:
            out: bytes | None = self._compress(m.bytes())
        else:
            out = self._expand(m.bytes())
        if out is None:
            if self.ctrlnode:
                ng_send_msg_id(self, self.ctrlnode, NgMsg(self.cookie, RESETREQ))
            return EINVAL
        return ng_send_data(hook, m_get(out, m.fib))

    def _compress(self, data: bytes) -> bytes:
        """ng_mppc_compress."""
        way = self.xmit
        header = way.count
        if way.flushed or way.bits & STATELESS:
            header |= FLUSHED
            way.flushed = False
        if way.bits & MPPC:
            keep = not way.bits & STATELESS
            code, moved, lost = way.history.compress(data, keep)
            if code is not None:
                header |= COMPRESSED | (RESTART if moved else 0)
                data = code
            way.flushed = lost or not keep
        if way.bits & MPPE:
            header |= ENCRYPTED
            if way.due():
                way.rekey()
            elif header & FLUSHED:
                way.rc4 = Rc4(way.key)
            data = way.rc4.crypt(data)
        way.step()
        return header.to_bytes(2, "big") + data

    def _expand(self, data: bytes) -> bytes | None:
        """ng_mppc_decompress; None for what cannot be read."""
        way = self.recv
        if len(data) < 2:
            return None
        header, data = int.from_bytes(data[:2], "big"), data[2:]
        lost = (header - way.count) & COUNT
        if header & FLUSHED:
            if not self._catch_up(header & COUNT, lost):
                return None
        elif lost:
            return None
        if bool(header & ENCRYPTED) != bool(way.bits & MPPE):
            self._complain("encrypted" if header & ENCRYPTED else "unencrypted")
            return None
        if way.bits & MPPE:
            if way.due():
                way.rekey()
            data = way.rc4.crypt(data)
        way.step()
        if not header & COMPRESSED:
            return data
        if not way.bits & MPPC:
            self._complain("compressed")
            return None
        out: bytes | None = way.history.expand(data, bool(header & RESTART), DECOMP_SIZE)
        if out is None:
            self.kernel.log(LOG_ERR, "ng_mppc_decompress: decomp returned 0x0")
        return out

    def _complain(self, what: str) -> None:
        self.kernel.log(LOG_ERR, f"ng_mppc_decompress: rec'd unexpectedly {what} packet")

    def _catch_up(self, count: int, lost: int) -> bool:
        """The other side began anew, maybe after packets that were lost: their keys are skipped."""
        way, limits = self.recv, self.kernel[MppeModule]
        way.history.clear()
        if way.bits & MPPE:
            rekeys = lost if way.bits & STATELESS else lost // (UPDATE + 1)
            if rekeys > limits.max_rekey:
                ending = (
                    f" dropped, disabling node {self.label}!" if limits.block_on_max_rekey else f" dropped, node {self.label}"
                )
                if limits.log_max_rekey:
                    self.kernel.log(LOG_ERR, f"ng_mppc_decompress: {lost} packets{ending}")
                if limits.block_on_max_rekey:
                    way.enabled = 0
                return False
            while way.count != count:
                if way.due():
                    way.rekey()
                way.step()
            if not way.bits & STATELESS:
                way.rc4 = Rc4(way.key)
        way.count = count
        return True
