"""vshell trace: run a command and follow its packets, hop by hop, through all stacks."""

from __future__ import annotations

from vshell.abi.errno import EBUSY, EINTR, KError, strerror
from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED, WTERMSIG
from vshell.abi.trace import DROPPED, TRACE, Seen
from vshell.commands.vshell._packet import describe
from vshell.userland.addr import inet_ntop
from vshell.userland.execvp import execvp
from vshell.userland.program import Program

SYNOPSIS = "[-a] command [argument ...]"
LINGER = 100_000_000
"""Packets of a command that has ended are waited for so long, ns."""


async def main(p: Program, args: list[str]) -> int:
    """Run the command; -a: show what nobody took (frames for other stations) too.  The status is the command's."""
    everything = args[:1] == ["-a"]
    command = args[everything:]
    if not command or command[0].startswith("-"):
        p.stderr.write(f"usage: vshell trace {SYNOPSIS}\n")
        return 2
    try:
        p.sys.vshell(TRACE(True))
    except KError as e:
        if e.errno != EBUSY:
            raise
        p.errx(1, "trace: somebody else traces")
    status = await _run(p, command)
    await p.sys.nanosleep(LINGER)
    seen = p.sys.vshell(TRACE(False))
    p.stdout.write(picture([s for s in seen if everything or s.note != "for another station"]))
    return status


async def _run(p: Program, command: list[str]) -> int:
    async def child(sys: object) -> int:
        try:
            execvp(sys, command, p.env)  # type: ignore[arg-type]
        except KError as e:
            p.stderr.write(f"vshell: trace: {command[0]}: {strerror(e.errno)}\n")
        return 127

    pid = p.sys.fork(child)
    while True:
        try:
            _, status = await p.sys.wait4(pid)
        except KError as e:
            if e.errno == EINTR:
                continue
            raise
        return WEXITSTATUS(status) if WIFEXITED(status) else 128 + WTERMSIG(status)


def picture(seen: list[Seen]) -> str:
    """A line for each time a packet was seen, and what it was where that changes."""
    if not seen:
        return "no packet was seen\n"
    first = seen[0].when
    stacks = max(len(s.stack or "-") for s in seen)
    names = max(len(s.ifname) for s in seen)
    out = []
    last = ""
    for s in seen:
        what = describe(s.data, s.size, s.link)
        if what != last:
            out.append(what)
            last = what
        note = f"  {s.note}" if s.note else ""
        if s.through:
            note += f" by {inet_ntop(s.gateway)}" if s.gateway else " to its link"
            note += f" through {s.through}"
        mark = "✗" if s.event == DROPPED else "→" if s.event == "out" else "←"
        out.append(f"  {(s.when - first) / 1e6:10.3f} ms  {s.stack or '-':{stacks}}  {s.ifname:{names}} {mark}{note}")
    return "\n".join(out) + "\n"
