"""Packets logged by rules: what listeners on pflog(4) get (net/if_pflog.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.netpfil.pf.pf_match import socket_ids

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_pdesc import Pdesc
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule, Ruleset

HDRLEN = 69
NO_PID = 100000
M32 = 0xFFFFFFFF
PF_LOG_USER = 4


def log_packet(
    pd: Pdesc, action: int, reason: int, rule: Krule, anchor_rule: Krule | None, ruleset: Ruleset | None, by: Krule | None = None
) -> None:
    """pflog_packet: `by` is the rule that asked for it, if it is not the one that matched."""
    by = by or rule
    name = f"pflog{by.logif}"
    ifp = next((i for i in pd.pf.vnet.ifnets if i.xname == name), None)
    if ifp is None or not ifp.bpf:
        return
    if anchor_rule is None:
        numbers = (rule.nr & M32, M32)
        path = ""
    else:
        numbers = (anchor_rule.nr & M32, rule.nr & M32)
        path = ruleset.anchor.path.rpartition("/")[2] if ruleset is not None and ruleset.anchor is not None else ""
    uid = socket_ids(pd)[0] if by.log & PF_LOG_USER else -1
    header = (
        bytes((HDRLEN, pd.af, action & 255, reason & 255)) + _text(pd.ifp.xname) + _text(path)
        + numbers[0].to_bytes(4, "big") + numbers[1].to_bytes(4, "big") + (uid & M32).to_bytes(4, "little")
        + NO_PID.to_bytes(4, "little") + rule.cuid.to_bytes(4, "little") + rule.cpid.to_bytes(4, "little")
        + bytes((pd.dir, 0, pd.naf, 0)) + (rule.ridentifier & M32).to_bytes(4, "big") + bytes(4)
    )  # fmt: skip
    ifp.opackets += 1
    ifp.obytes += len(pd.m)
    m = Mbuf(bytearray(header) + pd.m.data[pd.m.off :])
    for tap in ifp.bpf:
        tap(ifp, m, True)


def _text(text: str) -> bytes:
    return text.encode()[:15].ljust(16, b"\0")
