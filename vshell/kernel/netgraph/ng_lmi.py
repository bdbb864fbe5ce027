"""ng_lmi(4): asks a frame relay exchange for its channels: Annex A, Annex D, group of four (netgraph/ng_lmi.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, KError
from vshell.abi.netgraph import NGM_GENERIC_COOKIE, NGM_TEXT_STATUS
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, Node, ng_respond, ng_rmnode, ng_send_data

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3558)

SECOND = 1_000_000_000
MAX_DLCI = 1023
KEEPALIVE, POLL, PER_FULL, PATIENCE, POLLS = 10, 3, 5, 8, 3
"""Seconds between inquiries, while detecting, inquiries per full one, those without answer, those per guess."""
ANNEX_A, ANNEX_D, GROUP4 = "annexA", "annexD", "group4"
GUESSES = (
    ("auto0", ANNEX_D),
    ("auto1023", ANNEX_D),
    ("auto0", ANNEX_A),
    ("auto1023", GROUP4),
    ("auto1023", ANNEX_A),
    ("auto0", GROUP4),
)
LOCKING_SHIFT, STATUS, INQUIRY = 0x95, 0x7D, 0x75
TEXT_SIZE = 1024


class Lmi(Node, ngtype="lmi", cookie=867184133):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.kind = ""
        """The protocol in use, or the one that is tried."""
        self.protoname = "None"
        self.mode = ""
        """"fixed", "auto" while detecting; "" before that and after."""
        self.channel: NgHook | None = None
        self.ends: dict[str, NgHook] = {}
        self.guess = self.polls = -1
        self.local_seq, self.remote_seq, self.retries = 1, 0, 0
        self.livs = 0
        self.dlcis: dict[int, bool] = {}
        """Channels the exchange knows: up or down."""
        self.check = 0
        self.timer = vnet.kernel.clock.callout()

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """A fixed protocol, or both ends of an automatic choice."""
        if name == "debug":
            return
        if self.mode or name not in (ANNEX_A, ANNEX_D, GROUP4, "auto0", "auto1023"):
            raise KError(EINVAL)
        hook.private = self
        self.ends[name] = hook
        if not name.startswith("auto"):
            self.kind = self.protoname = name
            self.mode, self.channel = "fixed", hook
            self._startup()
        elif len(self.ends) == 2:
            self.mode = "auto"
            self._startup()

    def _startup(self) -> None:
        self.local_seq, self.remote_seq, self.retries, self.livs = 1, 0, 0, PER_FULL - 1
        self.timer.reset(SECOND, self._tick)

    def disconnect(self, hook: NgHook) -> None:
        """Without a channel there is nothing to do."""
        if hook.private is not None and self.valid:
            ng_rmnode(self)

    def shutdown(self) -> bool:
        """No more inquiries."""
        self.timer.stop()
        return False

    def rcvmsg(self, msg: NgMsg) -> None:
        """The state in words."""
        if (msg.cookie, msg.cmd) != (NGM_GENERIC_COOKIE, NGM_TEXT_STATUS):
            raise KError(EINVAL)
        where = 0 if self.channel is self.ends.get("auto0") and self.channel is not None else 1023
        mode = {"fixed": "fixed", "auto": "auto-detecting"}.get(self.mode, f"auto on dlci {where}")
        text = f"protocol {self.protoname} {mode}\nkeepalive period: {KEEPALIVE} seconds\n"
        text += f"unacknowledged keepalives: {self.retries}\n"
        for dlci, up in sorted(self.dlcis.items()):
            if len(text) < TEXT_SIZE - 20:
                text += f"dlci {dlci} {'up' if up else 'down'}\n"
        ng_respond(self, msg, text.encode() + b"\0")

    # inquiries -------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        if self.mode == "auto":
            if self.polls <= 0:
                self.polls = POLLS
                self.guess = (self.guess + 1) % len(GUESSES)
            end, self.kind = GUESSES[self.guess]
            self.channel = self.ends[end]
            self._inquire(full=False)
            self.polls -= 1
            self.timer.reset(POLL * SECOND, self._tick)
            return
        full = self.livs >= PER_FULL
        self.livs += 1
        self._inquire(full)
        self.timer.reset(KEEPALIVE * SECOND, self._tick)

    def _inquire(self, full: bool) -> None:
        if self.channel is None:
            return
        out = bytearray((0x03, 0x09 if self.kind == GROUP4 else 0x08, 0x00, INQUIRY))
        if self.kind == ANNEX_D:
            out.append(LOCKING_SHIFT)
        base = 0x50 if self.kind == ANNEX_A else 0
        out += bytes((base | 0x01, 1, 0 if full else 1, base | 0x03, 2, self.local_seq, self.remote_seq))
        self.retries += 1
        ng_send_data(self.channel, m_get(out))
        if self.retries == PATIENCE:
            self.dlcis = dict.fromkeys(self.dlcis, False)

    # answers ---------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A status of the exchange."""
        if hook.private is None:
            return EINVAL
        data = m.bytes()
        found = self._header(data)
        elements = _elements(data[found[1] :]) if found is not None else None
        if found is None or elements is None or not self._accept(found[0], elements):
            return 0
        self.kind = found[0]
        if self.mode == "auto":
            self.protoname, self.channel, self.mode = self.kind, hook, "detected"
            where = 0 if hook is self.ends.get("auto0") else 1023
            self.kernel.log(6, f"nglmi: auto-detected {self.kind} LMI on DLCI {where}")
        for kind, value in elements:
            self._element(kind, value)
        return 0

    def _header(self, data: bytes) -> tuple[str, int] | None:
        """(protocol, where the elements begin) of a status; None if it is no good one."""
        if len(data) < 5 or data[0] != 0x03 or data[2] != 0x00 or data[3] != STATUS or data[1] not in (0x08, 0x09):
            return None
        shifted = data[4] == LOCKING_SHIFT
        kind = GROUP4 if data[1] == 0x09 else ANNEX_D if shifted else ANNEX_A
        if (kind == GROUP4 and shifted) or (self.mode != "auto" and kind != self.kind):
            return None
        return kind, 5 if shifted else 4

    def _accept(self, kind: str, elements: list[tuple[int, bytes]]) -> bool:
        """nglmi_checkdata: report type, then sequence numbers, then channels, and nothing twice that must not be."""
        report, sequence = -1, False
        for element, value in elements:
            if element == 0x01 and report < 0:
                if len(value) != 1 or value[0] > 1 or (value[0] == 1 and self.livs > PER_FULL):
                    return False
                report = value[0]
            elif element == 0x03 and not sequence:
                if report < 0 or len(value) != 2 or value[1] != self.local_seq:
                    return False
                sequence = True
            elif element == 0x07 and (not sequence or report != 0 or _dlci(value, kind) is None):
                return False
        return report >= 0 and sequence

    def _element(self, kind: int, value: bytes) -> None:
        if kind == 0x01 and value == b"\0":
            # A few channels are taken for down, to see whether the exchange still names them.
            for dlci in range(self.check, self.check + 10):
                if dlci % (MAX_DLCI + 1) in self.dlcis:
                    self.dlcis[dlci % (MAX_DLCI + 1)] = False
            self.check = (self.check + 10) % (MAX_DLCI + 1)
            if self.livs > PER_FULL:
                self.livs = 0
        elif kind == 0x03 and len(value) == 2:
            self.remote_seq = value[0]
            if self.local_seq == value[1]:
                self.local_seq = self.local_seq % 255 + 1
                self.retries = 0
        elif kind == 0x07:
            named = _dlci(value, self.kind)
            if named is not None:
                if named not in self.dlcis:
                    self.kernel.log(6, f"nglmi: DLCI {named} became active")
                self.dlcis[named] = True


def _dlci(value: bytes, kind: str) -> int | None:
    """The channel an element speaks of."""
    if len(value) != (6 if kind == GROUP4 else 3):
        return None
    dlci = value[0] << 8 | value[1] if kind == GROUP4 else (value[0] & 0x3F) << 4 | (value[1] & 0x78) >> 3
    return dlci if dlci <= MAX_DLCI else None


def _elements(data: bytes) -> list[tuple[int, bytes]] | None:
    """The information elements of a status, those of Annex A by their common numbers; None if there is rubbish."""
    found = []
    while len(data) >= 2:
        size = data[1]
        if len(data) < size + 2:
            return None
        found.append((data[0] - 0x50 if data[0] in (0x51, 0x53, 0x57) else data[0], data[2 : 2 + size]))
        data = data[2 + size :]
    return None if data else found
