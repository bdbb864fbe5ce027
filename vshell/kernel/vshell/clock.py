"""The machine's time (vshell/abi/vshell.py)."""

from __future__ import annotations

from vshell.abi.vshell import CLOCK, ClockState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc


def serve(td: Proc, request: CLOCK) -> ClockState:
    """Answer the request."""
    clock = td.kernel.clock
    due = clock.next()
    return ClockState(clock.now, clock.realtime(), sum(entry[2] is not None for entry in clock.heap), -1 if due is None else due)
