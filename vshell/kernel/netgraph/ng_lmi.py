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
REPORT, SEQUENCE, CHANNEL = 0x01, 0x03, 0x07
"""Information elements."""
LOG_WARNING, LOG_INFO = 4, 6
LMI_COOKIE, GET_STATUS = 867184133, 1
TEXT_SIZE = 1024


class Lmi(Node, ngtype="lmi", cookie=LMI_COOKIE):
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
        """The state, in bits or in words."""
        if (msg.cookie, msg.cmd) == (LMI_COOKIE, GET_STATUS):
            ng_respond(self, msg, self._bits())
            return
        if (msg.cookie, msg.cmd) != (NGM_GENERIC_COOKIE, NGM_TEXT_STATUS):
            raise KError(EINVAL)
        # Before there is a channel it is as good as that of a missing hook.
        where = 0 if self.channel is self.ends.get("auto0") else 1023
        mode = {"fixed": "fixed", "auto": "auto-detecting"}.get(self.mode, f"auto on dlci {where}")
        text = f"protocol {self.protoname} {mode}\nkeepalive period: {KEEPALIVE} seconds\n"
        text += f"unacknowledged keepalives: {self.retries}\n"
        for dlci, up in sorted(self.dlcis.items()):
            if len(text) < TEXT_SIZE - 20:
                text += f"dlci {dlci} {'up' if up else 'down'}\n"
        ng_respond(self, msg, text.encode() + b"\0")

    def _bits(self) -> bytes:
        """struct nglmistat."""
        seen = sum(1 << dlci for dlci in self.dlcis).to_bytes(128, "little")
        up = sum(1 << dlci for dlci, is_up in self.dlcis.items() if is_up).to_bytes(128, "little")
        proto = self.protoname.encode().ljust(12, b"\0")
        return proto + proto + bytes((self.mode == "fixed", self.mode == "auto")) + seen + up

    # inquiries -------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        if self.mode == "auto":
            if self.polls <= 0:
                self.polls = POLLS
                self.guess += 1
                if self.guess == len(GUESSES):
                    self.kernel.log(LOG_WARNING, "nglmi: no response from exchange")
                    self.guess = 0
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
        try:
            kind, at = self._header(data)
            self._check(data, at, kind)
        except _Refused as e:
            self._log(e.text)
            self._dump(data, e.at)
            return 0
        self.kind = kind
        if self.mode == "auto":
            self.protoname, self.channel, self.mode = kind, hook, "detected"
            where = 0 if hook is self.ends.get("auto0") else 1023
            self.kernel.log(LOG_INFO, f"nglmi: auto-detected {kind} LMI on DLCI {where}")
        typed = False
        for _, element, value in _elements(data, at):
            if element == REPORT and typed:
                self._log("dup MSGTYPE")
                continue
            typed |= element == REPORT
            self._element(element, value)
        return 0

    def _log(self, text: str) -> None:
        self.kernel.log(LOG_WARNING, f"nglmi: {text}")

    def _dump(self, data: bytes, at: int) -> None:
        """The packet, with a mark at what is wrong."""
        self._log(f"error at location {at}")
        for begin in range(0, len(data), 16):
            end = min(begin + 16, len(data))
            text = "".join(f"{'>' if i == at else ' '}{data[i]:02x}" for i in range(begin, end))
            if begin:
                self.kernel.log(LOG_WARNING, f"{end:04d}              :{text}")
            else:
                self._log(f"packet data:{text}")

    def _header(self, data: bytes) -> tuple[str, int]:
        """The protocol of a status, and where its elements begin."""
        auto = self.mode == "auto"
        start = data[:5].ljust(5, b"\0")
        if start[0] != 0x03:
            raise _Refused(0, "unexpected value in LMI(1)")
        if auto and start[1] not in (0x08, 0x09):
            raise _Refused(1, f"bad Protocol ID({start[1]})")
        if not auto and start[1] != (0x09 if self.kind == GROUP4 else 0x08):
            raise _Refused(1, f"unexpected Protocol ID({start[1]})")
        if start[2]:
            raise _Refused(2, f"unexpected Call Reference (0x{start[1]:x})")
        if start[3] == INQUIRY:
            raise _Refused(3, f"unexpected message type(0x{start[2]:x})")
        if start[3] != STATUS:
            raise _Refused(3, f"unexpected msg type(0x{start[3]:x}) ")
        shifted = start[4] == LOCKING_SHIFT
        if auto:
            if shifted and start[1] == 0x09:
                raise _Refused(4, "locking shift seen in G4")
            return GROUP4 if start[1] == 0x09 else ANNEX_D if shifted else ANNEX_A, 4 + shifted
        if shifted != (self.kind == ANNEX_D):
            raise _Refused(4, f"locking shift {'seen' if shifted else 'missing'}")
        return self.kind, 4 + shifted

    def _check(self, data: bytes, at: int, kind: str) -> None:
        """nglmi_checkdata: report type, then sequence numbers, then channels."""
        report, sequence = -1, False
        for where, element, value in _elements(data, at):
            at = where + 2 + len(value)
            wrong = ""
            if element == REPORT and report >= 0:
                self._log("dup MSGTYPE")
            elif element == REPORT:
                report = value[0] if len(value) == 1 else -1
                wrong = self._wrong_report(value)
            elif element == SEQUENCE:
                if report < 0:
                    wrong = "no TYPE before SEQ"
                elif not sequence:
                    wrong = "bad SEQ sts size" if len(value) != 2 else ""
                    wrong = wrong or ("unexpected SEQ" if value[1] != self.local_seq else "")
                    sequence = True
            elif element == CHANNEL:
                wrong = "No sequence before DLCI" if not sequence else "No resp type before DLCI" if report else ""
                wrong = wrong or _wrong_dlci(value, kind)
            else:
                self._log(f"unknown LMI segment type {data[where]}")
            if wrong:
                raise _Refused(where, wrong)
        if at < len(data):
            # Something at the end is told, but does no harm.
            if at + 2 <= len(data):
                self._log("IE longer than packet")
            self._log(f"{len(data) - at} bytes extra at end of packet")
            self._dump(data, at)
        elif report < 0:
            raise _Refused(at, "No response type seen")
        elif not sequence:
            raise _Refused(at, "No sequence numbers seen")

    def _wrong_report(self, value: bytes) -> str:
        if len(value) != 1:
            return "MSGTYPE wrong size"
        if value[0] > 1:
            return f"Unknown report type {value[0]}"
        return "LIV when FULL expected" if value[0] == 1 and self.livs > PER_FULL else ""

    def _element(self, kind: int, value: bytes) -> None:
        if kind == REPORT and value == b"\0":
            # A few channels are taken for down, to see whether the exchange still names them.
            for dlci in range(self.check, self.check + 10):
                if dlci % (MAX_DLCI + 1) in self.dlcis:
                    self.dlcis[dlci % (MAX_DLCI + 1)] = False
            self.check = (self.check + 10) % (MAX_DLCI + 1)
            if self.livs > PER_FULL:
                self.livs = 0
        elif kind == SEQUENCE and len(value) == 2:
            self.remote_seq = value[0]
            if self.local_seq == value[1]:
                self.local_seq = self.local_seq % 255 + 1
                self.retries = 0
        elif kind == CHANNEL and len(value) in (3, 6):
            named = _dlci(value)
            if named not in self.dlcis:
                self.kernel.log(LOG_INFO, f"nglmi: DLCI {named} became active")
            self.dlcis[named] = True


class _Refused(Exception):
    """A status that is none: where, and why."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at
        self.text = text


def _wrong_dlci(value: bytes, kind: str) -> str:
    if kind == GROUP4 and len(value) != 6:
        return "wrong IE segsize"
    if kind != GROUP4 and len(value) != 3:
        return f"DLCI headersize of {len(value) - 1} not supported"
    return "DLCI out of range" if _dlci(value) > MAX_DLCI else ""


def _dlci(value: bytes) -> int:
    """The channel an element speaks of."""
    return value[0] << 8 | value[1] if len(value) == 6 else (value[0] & 0x3F) << 4 | (value[1] & 0x78) >> 3


def _elements(data: bytes, at: int) -> list[tuple[int, int, bytes]]:
    """The information elements of a status and where they are, those of Annex A by their common numbers."""
    found = []
    while len(data) - at >= 2 and len(data) - at >= data[at + 1] + 2:
        kind = data[at] - 0x50 if data[at] in (0x51, 0x53, 0x57) else data[at]
        found.append((at, kind, data[at + 2 : at + 2 + data[at + 1]]))
        at += data[at + 1] + 2
    return found
