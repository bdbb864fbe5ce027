"""nghook(8): connect to a hook, and relay its data to standard output and from standard input (usr.sbin/nghook)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.netgraph import CONNECT, NGM_CONNECT, NGM_GENERIC_COOKIE
from vshell.userland.getopt import Getopt
from vshell.userland.libnetgraph import Netgraph, to_bytes
from vshell.userland.program import Program, program

USAGE = "usage: nghook [-adlnsS] path [hookname]\n   or: nghook -e [-n] [-m msg]* path hookname prog [args...]"
EX_USAGE, EX_OSERR = 64, 71
HOOK = "hook"
BUFSIZE = 64 * 1024


@program("/usr/sbin/nghook")
async def main(p: Program) -> int:
    """Connect, then run a program on the hook or relay."""
    flags: set[str] = set()
    messages: list[str] = []
    debug = 0
    options = Getopt(p, "aedlm:nsS")
    for letter, value in options:
        if letter == "m":
            messages.append(value)
        elif letter == "d":
            debug += 1
        elif letter == "?":
            p.usage(USAGE, EX_USAGE)
        else:
            flags.add(letter)
    args = options.args
    if "e" in flags:
        if flags & {"a", "l"}:
            p.stderr.write("conflicting options\n")
            p.usage(USAGE, EX_USAGE)
        if len(args) < 3:
            p.usage(USAGE, EX_USAGE)
    elif len(args) not in (1, 2):
        p.usage(USAGE, EX_USAGE)
    node = Netgraph(p, debug)
    await _connect(p, node, args[0], args[1] if len(args) > 1 else "debug")
    if "e" in flags:
        await _execute(p, node, args, messages, "n" not in flags)
    await _send(p, node, args[0], messages)
    await _relay(p, node, flags)
    return 0


async def _connect(p: Program, node: Netgraph, path: str, hook: str) -> None:
    try:
        await node.make()
    except KError:
        p.errx(EX_OSERR, "can't get sockets")
    request = CONNECT.pack(to_bytes(path)[:511], HOOK.encode(), to_bytes(hook)[:31])
    try:
        await node.send(".", NGM_GENERIC_COOKIE, NGM_CONNECT, request)
    except KError:
        p.errx(EX_OSERR, "can't connect to node")


async def _send(p: Program, node: Netgraph, path: str, messages: list[str]) -> None:
    for text in messages:
        try:
            await node.send_ascii(path, text)
        except KError as e:
            p.err(EX_OSERR, e, f"sending message '{text}'")


async def _execute(p: Program, node: Netgraph, args: list[str], messages: list[str], read: bool) -> None:
    """The program's standard input and output are the hook."""
    for fd in (0, 1):
        try:
            p.sys.close(fd)
        except KError:
            pass
    if read:
        p.sys.dup2(node.dsock, 0)
    p.sys.dup2(node.dsock, 1)
    await _send(p, node, args[0], messages)
    try:
        p.sys.execve(args[2], args[2:], p.env)
    except KError as e:
        p.err(EX_OSERR, e, args[2])


async def _relay(p: Program, node: Netgraph, flags: set[str]) -> None:
    infd, outfd = 1 if "S" in flags else 0, 0 if "s" in flags else 1
    watched = [(node.dsock, POLLIN)] if "n" in flags else [(infd, POLLIN), (node.dsock, POLLIN)]
    if "n" in flags and infd == 0:
        try:
            p.sys.close(0)
        except KError:
            pass
    while True:
        ready = {fd for fd, _ in await p.sys.poll(watched, None)}
        if node.dsock in ready:
            await _from_hook(p, node, outfd, flags)
        if infd in ready and "n" not in flags:
            await _from_input(p, node, infd)


async def _from_hook(p: Program, node: Netgraph, outfd: int, flags: set[str]) -> None:
    try:
        data, _ = await node.receive_data()
    except KError as e:
        p.err(EX_OSERR, e, "read(hook)")
    if not data:
        p.errx(EX_OSERR, "read EOF from hook?!")
    try:
        await p.sys.write(outfd, _dump(data) if "a" in flags else data)
    except KError as e:
        if "a" not in flags:
            p.err(EX_OSERR, e, "write(stdout)")
    if "l" in flags:
        await _write(p, node, data)


async def _from_input(p: Program, node: Netgraph, infd: int) -> None:
    try:
        data = await p.sys.read(infd, BUFSIZE)
    except KError as e:
        p.err(EX_OSERR, e, "read(stdin)")
    if not data:
        p.errx(EX_OSERR, "EOF(stdin)")
    await _write(p, node, data)


async def _write(p: Program, node: Netgraph, data: bytes) -> None:
    try:
        await node.send_data(HOOK, data)
    except KError as e:
        p.err(EX_OSERR, e, "write(hook)")
    # Who waits for data has slept longer, so that the scheduler lets it go first.
    await p.sys.sched_yield()


def _dump(data: bytes) -> bytes:
    """WriteAscii: 16 bytes a line, then an empty line."""
    out = []
    for at in range(0, len(data), 16):
        line = data[at : at + 16]
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in line)
        out.append(f"{at:04x}:  {''.join(f'{c:02x} ' for c in line):<48} {text:<16}\n")
    return ("".join(out) + "\n").encode()
