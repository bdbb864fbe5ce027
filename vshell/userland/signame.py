"""sig2str(3) and str2sig(3): signals by name and number, the real-time ones included."""

from __future__ import annotations

from vshell.abi.signal import SIGNAMES
from vshell.userland.cnumber import strtol

SIGRTMIN, SIGRTMAX = 65, 126

SYS_SIGNAME = SIGNAMES[:32]
"""sys_signame ends at USR2."""


def sig2str(signo: int) -> str | None:
    """The name of a signal without SIG (its number where it has none); None for what is no signal."""
    if not 0 < signo <= SIGRTMAX:
        return None
    if signo < len(SYS_SIGNAME):
        return SYS_SIGNAME[signo]
    if signo < SIGRTMIN:
        return str(signo)
    if signo in (SIGRTMIN, SIGRTMAX):
        return "RTMIN" if signo == SIGRTMIN else "RTMAX"
    if signo <= (SIGRTMIN + SIGRTMAX) // 2:
        return f"RTMIN+{signo - SIGRTMIN}"
    return f"RTMAX-{SIGRTMAX - signo}"


def str2sig(text: str) -> int | None:
    """The number of a signal given as a name (with or without SIG, any case) or a number; None if it is neither."""
    name = text.upper().removeprefix("SIG")
    if name[:5] in ("RTMIN", "RTMAX"):
        base = SIGRTMIN if name[:5] == "RTMIN" else SIGRTMAX
        rest = name[5:]
        if not rest:
            return base
        value, left, _ = strtol(rest)
        signo = base + value
        good = rest[0] in "+-" and not left and value and SIGRTMIN <= signo <= SIGRTMAX
        return signo if good else None
    if name.isascii() and name.isdigit():
        return int(name) if 0 < int(name) <= SIGRTMAX else None
    return SYS_SIGNAME.index(name, 1) if name in SYS_SIGNAME[1:] else None
