"""TCP: selective acknowledgements, those we send and those we get (RFC 2018, 2883, 6675; netinet/tcp_sack.c).

The scoreboard of the sender is its list of holes: what lies between snd_una and snd_fack that the peer has not reported.
What was sent again of a hole ends at its `rxmit`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from vshell.kernel.netinet.tcp_var import Tcpcb, unwrap

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_segment import Seg

NOCHANGE, CHANGE, NEWLOSS = 0, 1, 2
"""sackstatus_t: the acknowledgement told nothing new; something; that more is lost."""
MAX_SACK_BLKS = 6
REXMT_THRESH = 3
MAX_TCPOPTLEN = 40


class Hole:
    """struct sackhole."""

    __slots__ = ("end", "rxmit", "start")

    def __init__(self, start: int, end: int, rxmit: int) -> None:
        self.start, self.end, self.rxmit = start, end, rxmit


# the sender -------------------------------------------------------------------------------------------------------
def in_sack_recovery(tp: Tcpcb, seg: Seg) -> bool:
    """tcp_is_sack_recovery."""
    return tp.sack_permit and bool(seg.to.sacks or tp.holes)


def tcp_sack_doack(tp: Tcpcb, seg: Seg) -> int:
    """Enter what an acknowledgement reports into the scoreboard; returns NOCHANGE, CHANGE or NEWLOSS."""
    una, ack = tp.snd_una, seg.ack
    blocks = _blocks(tp, seg)
    advanced = ack > una and bool(tp.holes)
    if not blocks and not advanced:
        return NOCHANGE
    before = tp.sacked_bytes
    changed = NOCHANGE
    if advanced:
        changed = _fill(tp, una, ack)
        if tp.snd_fack < ack:
            tp.snd_fack, changed = ack, CHANGE
    if not tp.holes:
        tp.snd_fack = max(una, ack)
    for start, end in blocks:
        changed = max(changed, _enter(tp, start, end))
    low = max(una, ack)
    if tp.holes:
        tp.sacked_bytes = max(tp.snd_fack - low - sum(hole.end - hole.start for hole in tp.holes), 0)
        _mark_lost(tp)
    else:
        tp.sacked_bytes = tp.lost_bytes = 0
    tp.delivered = max(low - una + tp.sacked_bytes - before, 0)
    return changed if seg.to.sacks else NOCHANGE


def _blocks(tp: Tcpcb, seg: Seg) -> list[tuple[int, int]]:
    """The blocks that can be true, in order; those that report duplicates are counted."""
    good = []
    least = tp.maxseg - MAX_TCPOPTLEN
    for one, two in seg.to.sacks:
        start, end = unwrap(one, tp.snd_una), unwrap(two, tp.snd_una)
        if start < end and max(tp.snd_una, seg.ack) < start < tp.snd_max and end <= tp.snd_max:
            if end - start >= least or end >= tp.snd_max:
                good.append((start, end))
        elif start <= seg.ack and end <= seg.ack:
            tp.tcp.stat.dsack_count += 1
            if end > start:
                tp.tcp.stat.dsack_bytes += end - start
    return sorted(good)


def _hole(tp: Tcpcb, start: int, end: int, rxmit: int) -> Hole | None:
    """A new hole, if there may be one more."""
    tcp = tp.tcp
    if len(tp.holes) >= tcp.sack_maxholes or tcp.sack_globalholes >= tcp.sack_globalmaxholes:
        tcp.stat.sack_sboverflow += 1
        return None
    tcp.sack_globalholes += 1
    return Hole(start, end, rxmit)


def _enter(tp: Tcpcb, start: int, end: int) -> int:
    """One block."""
    if start > tp.snd_fack:
        last = tp.holes[-1] if tp.holes else None
        if last is not None and tp.snd_fack <= last.end:
            # The last segment was sent once more on suspicion, and now it is known what is missing.
            last.start = last.rxmit = tp.snd_fack
            last.end = start
            tp.snd_fack = end
            return NEWLOSS
        hole = _hole(tp, tp.snd_fack, start, tp.snd_fack)
        if hole is None:
            return NOCHANGE
        tp.holes.append(hole)
        tp.snd_fack = end
        return CHANGE
    changed = _fill(tp, start, end)
    if end > tp.snd_fack:
        tp.snd_fack = end
        changed = max(changed, CHANGE)
    return changed


def _fill(tp: Tcpcb, start: int, end: int) -> int:
    """What lies between is no hole any more."""
    changed = NOCHANGE
    kept: list[Hole] = []
    for hole in tp.holes:
        if hole.end <= start or hole.start >= end:
            kept.append(hole)
            continue
        changed = max(changed, CHANGE)
        if start <= hole.start and end >= hole.end:
            tp.tcp.sack_globalholes -= 1
            continue
        kept.append(hole)
        if start <= hole.start:
            hole.start = end
            hole.rxmit = max(hole.rxmit, end)
        elif end >= hole.end:
            _shorten(tp, hole, start)
        else:
            changed = NEWLOSS
            new = _hole(tp, end, hole.end, max(end, hole.rxmit))
            if new is not None:
                kept.append(new)
                _shorten(tp, hole, start)
    tp.holes = kept
    return changed


def _shorten(tp: Tcpcb, hole: Hole, end: int) -> None:
    hole.end = end
    hole.rxmit = min(hole.rxmit, end)
    if tp.tcp.sack_lrd and hole.rxmit >= end:
        hole.rxmit = max(hole.rxmit, tp.snd_recover)


def _mark_lost(tp: Tcpcb) -> None:
    """IsLost of RFC 6675: three stretches, or more than two segments, were reported beyond a hole."""
    lost = beyond = 0
    high = tp.snd_fack
    for stretches, hole in enumerate(reversed(tp.holes), 1):
        beyond += high - hole.end
        high = hole.start
        if stretches >= REXMT_THRESH or beyond > (REXMT_THRESH - 1) * tp.maxseg:
            lost += hole.end - hole.start
    tp.lost_bytes = lost


def tcp_free_sackholes(tp: Tcpcb) -> None:
    """Forget the scoreboard."""
    tp.tcp.sack_globalholes -= len(tp.holes)
    tp.holes = []
    tp.delivered = tp.sacked_bytes = tp.lost_bytes = 0


def tcp_resend_sackholes(tp: Tcpcb) -> None:
    """All holes are to be sent again from their beginnings."""
    for hole in tp.holes:
        hole.rxmit = hole.start


def tcp_sack_output(tp: Tcpcb) -> Hole | None:
    """The first hole of which something is still to be sent again."""
    for hole in tp.holes:
        if hole.rxmit < hole.end:
            return hole
    return None


def tcp_sack_adjust(tp: Tcpcb) -> int:
    """After a timeout, move snd_nxt over what the peer has; returns how many bytes that are, which are not under way."""
    holes = tp.holes
    if not holes:
        return 0
    if tp.snd_nxt >= tp.snd_fack:
        return tp.sacked_bytes
    sacked = 0
    for one, two in pairwise(holes):
        if tp.snd_nxt < one.end:
            return sacked
        sacked += two.start - one.end
        if tp.snd_nxt < two.start:
            tp.snd_nxt = two.start
            return sacked
    if tp.snd_nxt < holes[-1].end:
        return sacked
    tp.snd_nxt = tp.snd_fack
    return tp.sacked_bytes


# the receiver -----------------------------------------------------------------------------------------------------
def tcp_update_sack_list(tp: Tcpcb, seq: int, end: int) -> None:
    """Data came that is not in order: its stretch is reported first, then those that were reported before."""
    ranges: list[list[int]] = []
    for start, data, _ in tp.reass:
        if not data:
            continue
        if ranges and start <= ranges[-1][1]:
            ranges[-1][1] = max(ranges[-1][1], start + len(data))
        else:
            ranges.append([start, start + len(data)])
    order = [(seq, end), *tp.sackblks]
    blocks: list[tuple[int, int]] = []
    for start, stop in order:
        for low, high in ranges:
            if low <= start and stop <= high and stop > tp.rcv_nxt and (low, high) not in blocks:
                blocks.append((low, high))
    tp.sackblks = blocks[:MAX_SACK_BLKS]


def tcp_update_dsack_list(tp: Tcpcb, seq: int, end: int) -> None:
    """These bytes came once more: the next acknowledgement says so (RFC 2883)."""
    if end > seq:
        tp.dsack = (seq, end)


def tcp_sack_report(tp: Tcpcb) -> list[tuple[int, int]]:
    """The blocks for the next segment."""
    blocks = [block for block in tp.sackblks if block[1] > tp.rcv_nxt]
    if tp.dsack is not None:
        return [tp.dsack, *blocks]
    return blocks
