"""Reading and writing files and commands in ed(1) (bin/ed/io.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_TRUNC, O_WRONLY
from vshell.commands.ed.buffer import EdError
from vshell.commands.ed.editor import Editor, unescape
from vshell.userland.stdio import decode, encode
from vshell.userland.system import spawn_shell, wait_for


async def _content(ed: Editor, name: str) -> bytes:
    """All of a file, or of a command's output."""
    sys = ed.p.sys
    pid = -1
    try:
        if name.startswith("!"):
            fd, end = sys.pipe()
            pid = spawn_shell(ed.p, name[1:], ((end, 1),), (fd, end))
            sys.close(end)
        else:
            fd = sys.open(unescape(name))
    except KError as e:
        ed.complain(f"{name}: {e}\n")
        raise EdError("cannot open input file") from None
    try:
        parts = []
        while data := await sys.read(fd, 65536):
            parts.append(data)
    except KError as e:
        ed.complain(f"{e}\n{name}: {e}\n")
        raise EdError("error reading input file") from None
    finally:
        sys.close(fd)
        if pid >= 0:
            await wait_for(ed.p, pid)
    return b"".join(parts)


async def read_file(ed: Editor, name: str, after: int) -> int:
    """Insert a file after a line; returns the number of lines."""
    data = await _content(ed, name)
    buffer = ed.buffer
    appended = after == buffer.last
    old_binary, old_added = buffer.binary, buffer.newline_added
    binary = b"\0" in data
    added = bool(data) and not data.endswith(b"\n")
    size = len(data) + (1 if added and not binary else 0)
    buffer.current = after
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    buffer.insert([decode(line) for line in lines])
    if appended and size and old_binary and old_added:
        ed.complain("newline inserted\n")
    elif added and (not appended or not (binary or old_binary)):
        ed.complain("newline appended\n")
    if binary and added and not appended:
        size += 1
    added = added or not size
    buffer.newline_added = added if appended else old_added
    buffer.binary = binary or old_binary
    if not ed.scripted:
        ed.say(f"{size}\n")
    return buffer.current - after


async def write_file(ed: Editor, name: str, append: bool, first: int, last: int) -> int:
    """Write lines to a file or to a command; returns how many."""
    sys, buffer = ed.p.sys, ed.buffer
    data = b"".join(encode(line.text) + b"\n" for line in buffer.lines[first - 1 : last]) if first else b""
    if data and last == buffer.last and buffer.binary and buffer.newline_added:
        data = data[:-1]
    pid = -1
    try:
        if name.startswith("!"):
            end, fd = sys.pipe()
            pid = spawn_shell(ed.p, name[1:], ((end, 0),), (fd, end))
            sys.close(end)
        else:
            fd = sys.open(unescape(name), O_WRONLY | O_CREAT | (O_APPEND if append else O_TRUNC), 0o666)
    except KError as e:
        ed.complain(f"{name}: {e}\n")
        raise EdError("cannot open output file") from None
    try:
        await sys.write(fd, data)
    except KError as e:
        ed.complain(f"{name}: {e}\n")
        raise EdError("cannot close output file") from None
    finally:
        sys.close(fd)
        if pid >= 0:
            await wait_for(ed.p, pid)
    if not ed.scripted:
        ed.say(f"{len(data)}\n")
    return last - first + 1 if first else 0
