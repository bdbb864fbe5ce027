"""ps -d: processes below their parents (descendant_sort of bin/ps/ps.c)."""

from __future__ import annotations

from vshell.abi.proc import KinfoProc


def descendant_sort(procs: list[KinfoProc]) -> dict[int, str]:
    """Put children behind their parents, in place; returns the prefix of each process's command."""
    pids = {k.pid for k in procs}
    children: dict[int, list[KinfoProc]] = {}
    roots = []
    for k in procs:
        if k.ppid in pids and k.ppid != k.pid:
            children.setdefault(k.ppid, []).append(k)
        else:
            roots.append(k)
    order: list[KinfoProc] = []
    prefixes: dict[int, str] = {}

    def place(k: KinfoProc, level: int, lead: str, more: bool) -> None:
        order.append(k)
        if level:
            prefixes[k.pid] = lead + (("|-" if more else "`-") if level > 1 else "") + "- "
        below = children.get(k.pid, [])
        inner = lead + (("| " if more else "  ") if level > 1 else "")
        for i, child in enumerate(below):
            place(child, level + 1, inner, i < len(below) - 1)

    for root in roots:
        place(root, 0, "", False)
    procs[:] = order
    return prefixes
