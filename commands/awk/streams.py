"""awk's files and pipes: records from the operands, getline, redirections, system() (run.c: openfile; lib.c: getrec)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.fcntl import (
    O_APPEND,
    O_CREAT,
    O_TRUNC,
    O_WRONLY,
    S_IFDIR,
    S_IFMT,
    WCOREDUMP,
    WEXITSTATUS,
    WIFEXITED,
    WTERMSIG,
)
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGINT, SIGQUIT
from vshell.commands.awk.array import Array
from vshell.commands.awk.values import from_outside, num, whole
from vshell.userland.stdio import Writer, decode

if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls
    from vshell.commands.awk.runtime import Awk
    from vshell.userland.program import Program

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class Source:
    """An input stream read record by record."""

    def __init__(self, p: Program, fd: int, pid: int = 0) -> None:
        self.p = p
        self.fd = fd
        self.pid = pid
        self.eof = False
        self.begun = False
        """A record was read: ^ in RS does not match any more."""
        self.lines: list[str] = []
        """Complete lines read ahead, without their newline, next one last."""
        self.rest = b""
        """What was read behind them."""

    async def fill(self) -> bool:
        """Read more into `rest`."""
        if self.eof:
            return False
        p = self.p
        if p.stdout.pending > 65536:
            await p.stdout.drain()
        try:
            data = await p.sys.read(self.fd, 65536)
        except KError:
            data = b""
        self.eof = not data
        self.rest += data
        return bool(data)

    async def record(self, rs: str, rt: Awk) -> str | None:
        """The next record, None at the end."""
        if rs == "\n" and not rt.csv:
            self.begun = True
            if self.lines:
                return self.lines.pop()
            return await self.line()
        if self.lines:
            # RS has changed: what was cut into lines is one piece again.
            whole = "\n".join(reversed(self.lines)) + "\n"
            self.rest = whole.encode("utf-8", "surrogateescape") + self.rest
            self.lines = []
        if rt.csv:
            return await self.csv()
        if not rs:
            return await self.paragraph()
        if len(rs) > 1:
            return await self.regex(rs, rt)
        return await self.until(rs.encode("utf-8", "surrogateescape"))

    async def line(self) -> str | None:
        """A line; cuts up everything that is there."""
        while (end := self.rest.rfind(b"\n")) < 0:
            if not await self.fill():
                return self.take(len(self.rest))
        self.lines = decode(self.rest[:end]).split("\n")
        self.rest = self.rest[end + 1 :]
        self.lines.reverse()
        return self.lines.pop()

    def take(self, size: int, skip: int = 0) -> str | None:
        """Remove `size` bytes and `skip` more behind them; None if there is nothing left at all."""
        if not self.rest:
            return None
        text, self.rest = self.rest[:size], self.rest[size + skip :]
        return decode(text)

    async def until(self, sep: bytes) -> str | None:
        """Up to a separator of one character."""
        start = 0
        while (end := self.rest.find(sep, start)) < 0:
            start = len(self.rest)
            if not await self.fill():
                # The file's last newline is no part of the record only if it is the separator.
                return self.take(len(self.rest))
        return self.take(end, len(sep))

    async def paragraph(self) -> str | None:
        """RS = "": up to a blank line."""
        while True:
            self.rest = self.rest.lstrip(b"\n")
            if self.rest or not await self.fill():
                break
        while (end := self.rest.find(b"\n\n")) < 0:
            if not await self.fill():
                text = self.take(len(self.rest))
                return text.removesuffix("\n") if text is not None else None
        text = self.take(end, 2)
        return text

    async def regex(self, rs: str, rt: Awk) -> str | None:
        """RS is a regular expression."""
        regex = rt.regex(rs)
        while True:
            text = decode(self.rest)
            at = 0
            if self.begun:
                text = "\n" + text
                at = 1
            while (span := regex.find(text, at)) is not None and span[0] == span[1]:
                at = span[0] + 1
                if at > len(text):
                    span = None
                    break
            # A match that reaches the end may grow with more input.
            if span is not None and (span[1] < len(text) or self.eof):
                self.rest = text[span[1] :].encode("utf-8", "surrogateescape")
                record = text[int(self.begun) : span[0]]
                self.begun = True
                return record
            if not await self.fill():
                if span is not None:
                    continue
                self.begun = True
                return self.take(len(self.rest))

    async def csv(self) -> str | None:
        """A line, or several if a quoted field goes on."""
        start = 0
        while True:
            end = self.rest.find(b"\n", start)
            if end < 0:
                if not await self.fill():
                    text = self.take(len(self.rest))
                    return text.replace("\r\n", "\n") if text is not None else None
                continue
            if self.rest[:end].count(b'"') % 2 == 0:
                text = self.take(end, 1)
                return text.removesuffix("\r").replace("\r\n", "\n") if text is not None else None
            start = end + 1


class Output:
    """A redirection: a file or a pipe to a command."""

    def __init__(self, writer: Writer, pid: int = 0) -> None:
        self.writer = writer
        self.pid = pid


class Streams:
    """All open files of the program."""

    def __init__(self, rt: Awk) -> None:
        self.rt = rt
        self.p = rt.p
        self.inputs: dict[tuple[str, str], Source] = {}
        self.outputs: dict[tuple[str, str], Output] = {}
        self.stdin = Source(self.p, 0)
        self.current: Source | None = None
        self.argno = 1
        self.started = False

    # the main input --------------------------------------------------------------------------------------------
    def argument(self, n: int) -> str | None:
        """ARGV[n] if it is there."""
        argv = self.rt.namespace["g_ARGV"]
        assert isinstance(argv, Array)
        value = argv.get(str(n))
        return None if value is None else self.rt.string(value)

    def argc(self) -> int:
        return int(num(self.rt.namespace["g_ARGC"]))

    def start(self) -> None:
        """initgetrec: assignments before the first file are done now; without files read the standard input."""
        self.started = True
        for i in range(1, self.argc()):
            text = self.argument(i)
            if not text:
                self.argno += 1
                continue
            if not ASSIGNMENT.match(text):
                self.rt.FILENAME = text
                return
            self.assign(text)
            self.argno += 1
        self.current = self.stdin

    def assign(self, text: str) -> None:
        """An operand var=value."""
        name, _, value = text.partition("=")
        assign_variable(self.rt, name, value)

    async def next_record(self) -> str | None:
        """getrec: the next record of all operands."""
        rt = self.rt
        if not self.started:
            self.start()
        while self.current is not None or self.argno < self.argc():
            if self.current is None and not self.open_next():
                continue
            assert self.current is not None
            text = await self.current.record(rt.RS, rt)
            if text is not None:
                rt.NR += 1.0
                rt.FNR += 1.0
                return text
            self.nextfile()
        return None

    def open_next(self) -> bool:
        rt = self.rt
        path = self.argument(self.argno)
        if not path or ASSIGNMENT.match(path):
            if path:
                self.assign(path)
            self.argno += 1
            return False
        rt.FILENAME = path
        rt.FNR = 0.0
        if path == "-":
            self.current = self.stdin
            return True
        try:
            self.current = Source(self.p, self.p.sys.open(path))
        except KError:
            rt.fatal(f"can't open file {path}")
        return True

    def nextfile(self) -> None:
        """Leave the current operand."""
        if self.current is not None and self.current is not self.stdin:
            self.p.sys.close(self.current.fd)
        self.current = None
        self.argno += 1

    # named streams ---------------------------------------------------------------------------------------------
    async def reader(self, mode: str, name: str) -> Source | None:
        """The stream of getline < file ("<") or cmd | getline ("|"); None if it cannot be opened."""
        if not name:
            self.rt.fatal("null file name in print or getline")
        found = self.inputs.get((mode, name))
        if found is not None:
            return found
        await self.p.stdout.drain()
        if mode == "|":
            found = self.popen_read(name)
        elif name in ("-", "/dev/stdin"):
            found = self.stdin
        else:
            try:
                if self.p.sys.stat(name).st_mode & S_IFMT == S_IFDIR:
                    return None
                found = Source(self.p, self.p.sys.open(name))
            except KError:
                return None
        self.inputs[mode, name] = found
        return found

    def popen_read(self, command: str) -> Source:
        sys = self.p.sys
        read_end, write_end = sys.pipe()
        pid = self.spawn(command, write_end, 1, read_end)
        sys.close(write_end)
        return Source(self.p, read_end, pid)

    def spawn(self, command: str, end: int, fd: int, other: int) -> int:
        """Run a command with `end` of a pipe as its descriptor `fd`."""
        env = dict(self.p.env)
        private = [s.fd for s in self.inputs.values() if s.fd > 2]
        private += [o.writer.fileno() for o in self.outputs.values() if o.writer.fileno() > 2]
        if self.current is not None and self.current.fd > 2:
            private.append(self.current.fd)

        async def child(sys: Syscalls) -> int:
            if end >= 0:
                sys.dup2(end, fd)
                sys.close(end)
                sys.close(other)
            for one in private:
                try:
                    sys.close(one)
                except KError:
                    continue
            try:
                sys.execve("/bin/sh", ["sh", "-c", command], env)
            except KError:
                return 127

        return self.p.sys.fork(child)

    async def write(self, mode: str, name: str, text: str) -> None:
        """print with a redirection; flushed each time."""
        if not name:
            self.rt.fatal("null file name in print or getline")
        kind = "|" if mode == "|" else ">"
        found = self.outputs.get((kind, name))
        if found is None:
            found = await self.open_output(mode, name)
            self.outputs[kind, name] = found
        found.writer.write(text)
        await found.writer.drain()
        if found.writer.error is not None:
            self.rt.fatal(f"write error on {name}")

    async def open_output(self, mode: str, name: str) -> Output:
        p = self.p
        if mode != "|" and name in ("/dev/stdout", "/dev/stderr"):
            return Output(p.stdout if name == "/dev/stdout" else p.stderr)
        await p.stdout.drain()
        if mode == "|":
            read_end, write_end = p.sys.pipe()
            pid = self.spawn(name, read_end, 0, write_end)
            p.sys.close(read_end)
            return Output(Writer(p.sys, write_end), pid)
        flags = O_WRONLY | O_CREAT | (O_APPEND if mode == ">>" else O_TRUNC)
        try:
            return Output(Writer(p.sys, p.sys.open(name, flags, 0o666)))
        except KError:
            self.rt.fatal(f"can't open file {name}")

    async def wait(self, pid: int) -> int:
        """The status of a child."""
        while True:
            try:
                return (await self.p.sys.wait4(pid))[1]
            except KError as e:
                if e.errno != 4:
                    return 0

    async def close(self, name: str) -> float:
        """close(name): 0, or -1 if nothing of that name is open."""
        for inputs, key in [(True, k) for k in self.inputs] + [(False, k) for k in self.outputs]:
            if key[1] == name:
                await (self.close_input(key) if inputs else self.close_output(key))
                return 0.0
        return -1.0

    async def close_input(self, key: tuple[str, str]) -> None:
        source = self.inputs.pop(key)
        if source is self.stdin:
            source.eof, source.lines, source.rest = True, [], b""
            return
        self.p.sys.close(source.fd)
        if source.pid:
            await self.wait(source.pid)

    async def close_output(self, key: tuple[str, str]) -> None:
        output = self.outputs.pop(key)
        await output.writer.drain()
        if output.writer.fileno() > 2:
            self.p.sys.close(output.writer.fileno())
        if output.pid:
            await self.wait(output.pid)

    async def close_all(self) -> None:
        """closeall, as the program ends."""
        for key in list(self.inputs):
            if self.inputs[key].fd > 2:
                await self.close_input(key)
        for key in list(self.outputs):
            if self.outputs[key].writer.fileno() > 2:
                await self.close_output(key)

    async def flush(self, name: str) -> float:
        """fflush: everything without a name."""
        if not name:
            await self.p.stdout.drain()
            for output in self.outputs.values():
                await output.writer.drain()
            return 0.0
        for (_, open_name), output in self.outputs.items():
            if open_name == name:
                await output.writer.drain()
                return 0.0
        return 0.0 if name == "/dev/stdout" else -1.0

    async def system(self, command: str) -> float:
        """system(3): its exit status, 256 and more for a signal."""
        sys = self.p.sys
        await self.p.stdout.drain()
        pid = self.spawn(command, -1, -1, -1)
        old_int, old_quit = sys.sigaction(SIGINT, SIG_IGN), sys.sigaction(SIGQUIT, SIG_IGN)
        status = await self.wait(pid)
        for number, old in ((SIGINT, old_int), (SIGQUIT, old_quit)):
            sys.sigaction(number, old if callable(old) or isinstance(old, int) else SIG_DFL)
        if WIFEXITED(status):
            return float(WEXITSTATUS(status))
        return float(WTERMSIG(status) + 256 + (256 if WCOREDUMP(status) else 0))


def assign_variable(rt: Awk, name: str, text: str) -> None:
    """-v and operand assignments: escapes are done, numbers recognised."""
    from vshell.commands.awk.codegen import SPECIAL

    value = from_outside(unescape(text))
    if name in SPECIAL:
        rt.set_special(name, value)
    else:
        rt.namespace[f"g_{name}"] = value


ESCAPES = {"\\": "\\", "n": "\n", "t": "\t", "b": "\b", "f": "\f", "r": "\r", "v": "\v", "a": "\a"}


def unescape(text: str) -> str:
    """tran.c: qstring."""
    if "\\" not in text:
        return text

    def replace(m: re.Match[str]) -> str:
        c = m[1]
        if c.isdecimal():
            value = 0
            for digit in c:
                value = value * 8 + int(digit)
            return bytes([value & 0xFF]).decode("utf-8", "surrogateescape")
        return ESCAPES.get(c, c) if c else "\\"

    return whole(re.sub(r"\\([0-9]{1,3}|.|\Z)", replace, text, flags=re.DOTALL))
