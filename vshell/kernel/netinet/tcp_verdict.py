"""What a step of TCP's input says about the rest of the way."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """Go on; drop the segment; answer with a RST; drop it and send an ACK."""

    GO = 0
    DROP = 1
    RESET = 2
    AFTERACK = 3
