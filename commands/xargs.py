"""xargs(1): construct argument lists and execute a utility (usr.bin/xargs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from vshell.abi.errno import ECHILD, EINTR, ENOENT, KError
from vshell.abi.fcntl import WEXITSTATUS, WIFSIGNALED, WTERMSIG
from vshell.userland.execvp import execvp
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.abi.syscalls import Syscalls
    from vshell.userland.completion import Candidate, Context

LONGS = {
    "exit": (NO, "x"),
    "interactive": (NO, "p"),
    "max-args": (REQUIRED, "n"),
    "max-chars": (REQUIRED, "s"),
    "max-procs": (REQUIRED, "P"),
    "no-run-if-empty": (NO, "r"),
    "null": (NO, "0"),
    "verbose": (NO, "t"),
}
USAGE = """\
usage: xargs [-0opt] [-E eofstr] [-I replstr [-R replacements] [-S replsize]]
             [-J replstr] [-L number] [-n number [-x]] [-P maxprocs]
             [-s size] [utility [argument ...]]
"""
ARG_MAX = 524288
INT_MAX = 0x7FFFFFFF


class Xargs:
    """Options, the arguments collected so far, the running children."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.eof = ""
        self.replace = ""
        self.insert = False
        """-J."""
        self.lines = 0
        self.most = 5000
        self.counted = False
        self.procs = 1
        self.replacements = 0
        self.replace_size = 0
        self.size = ARG_MAX - 4096 - sum(len(encode(f"{k}={v}")) + 9 for k, v in p.env.items())
        self.command: list[str] = []
        self.after: list[str] = []
        self.args: list[str] = []
        self.input_line = ""
        self.pids: set[int] = set()
        self.status = 0
        self.child_error: dict[int, KError] = {}

    def number(self, letter: str, text: str, least: int, most: int = INT_MAX) -> int:
        value, error = strtonum(text, least, most)
        if error:
            self.p.errx(1, f"-{letter} {text}: {error}")
        return value

    def option(self, key: str, value: str) -> None:
        if key == "E":
            self.eof = value
        elif key == "I":
            self.insert, self.lines, self.replace = False, 1, value
            self.flags.add("I")
        elif key == "J":
            self.flags.discard("I")
            self.insert, self.replace = True, value
        elif key == "L":
            self.lines = self.number("L", value, 1)
        elif key == "n":
            self.counted, self.most = True, self.number("n", value, 1, ARG_MAX)
        elif key == "P":
            self.procs = self.number("P", value, 0) or INT_MAX
        elif key == "R":
            self.replacements = self.number("R", value, -INT_MAX - 1)
            if not self.replacements:
                self.p.errx(1, f"-R {value}: must be non-zero")
        elif key == "S":
            self.replace_size = self.number("S", value, 0)
        elif key == "s":
            self.size = self.number("s", value, 0)
        elif key in "0oprtx":
            self.flags.add(key)
        else:
            self.p.usage(USAGE)

    def setup(self, words: list[str]) -> None:
        """Check what goes with what; take the utility and its arguments."""
        p = self.p
        one = "I" in self.flags
        if not one and (self.replacements or self.replace_size):
            p.usage(USAGE)
        if "x" in self.flags and not self.counted:
            p.usage(USAGE)
        if one:
            self.replacements = self.replacements or 5
            self.replace_size = self.replace_size or 255
        if one or self.lines:
            self.flags.add("x")
        if (one or self.insert) and not self.replace:
            p.errx(1, "replstr may not be empty")
        if self.insert and self.replace in words:
            at = words.index(self.replace)
            words, self.after = words[:at], words[at + 1 :]
        used = sum(len(encode(w)) + 1 for w in words + self.after)
        self.given = bool(words)
        self.command = words or ["/bin/echo"]
        if not words:
            used = len("/bin/echo")
        self.size -= used
        if self.size <= 0:
            p.errx(1, "insufficient space for command")

    # input -----------------------------------------------------------------------------------------------------
    async def run(self) -> int:
        """parse_input, byte by byte."""
        self.room = self.size - 1
        self.used = self.count = 0
        self.word = bytearray()
        self.quote = 0
        self.quoted = self.escaped = False
        take = self.take_null if "0" in self.flags else self.take
        while data := await self.p.sys.read(0, 4096):
            for c in data:
                if await take(c):
                    return await self.finish()
        if self.escaped:
            await self.stop("backslash at EOF")
        if not self.word and not self.args and not self.quoted:
            return await self.finish()
        if self.quote:
            await self.stop("unterminated quote")
        await self.end_word(self.quoted, True)
        return await self.finish()

    async def take_null(self, c: int) -> bool:
        """One byte with -0."""
        if c:
            await self.add(c)
            return False
        self.count += 1
        return await self.end_word(False)

    async def take(self, c: int) -> bool:
        """One byte; True when the input is to be left."""
        quote = self.quote
        if self.escaped:
            self.escaped = False
            await self.add(c)
        elif c == 10 or (c in b" \t" and not quote):
            if c == 10:
                self.count += 1
                if quote:
                    await self.stop("unterminated quote")
            quoted, self.quoted = self.quoted, False
            return await self.end_word(quoted)
        elif c in b"'\"" and quote in (0, c):
            self.quote = 0 if quote else c
            self.quoted = True
        elif c == 92 and not quote:
            self.escaped = True
        else:
            await self.add(c)
        return False

    async def add(self, c: int) -> None:
        """One more byte of a word; runs the command first if there is no room for it."""
        word = self.word
        if self.used + len(word) < self.room:
            word.append(c)
            return
        if not self.args:
            await self.stop("insufficient space for argument")
        if "x" in self.flags:
            await self.stop("insufficient space for arguments")
        await self.prerun()
        self.used = 0
        word.append(c)

    async def end_word(self, quoted: bool, at_end: bool = False) -> bool:
        """A word is complete; True when the end-of-file string came."""
        word = self.word
        found = bool(self.eof) and bytes(word) == encode(self.eof)
        if (word or quoted) and not found:
            self.used += len(word) + 1
            text = decode(bytes(word))
            self.args.append(text)
            if "I" in self.flags:
                self.input_line += (" " if self.input_line else "") + text
        word.clear()
        full = self.used > self.room
        if len(self.args) == self.most or full or at_end or (self.lines <= self.count and "x" in self.flags) or found:
            if "x" in self.flags and len(self.args) != self.most and full:
                await self.stop("insufficient space for arguments")
            await self.prerun()
            self.count = self.used = 0
        return found

    async def stop(self, text: str) -> NoReturn:
        """xexit: complain, wait for the children, exit 1."""
        self.p.warnx(text)
        await self.wait(True)
        self.p.exit(1)

    async def finish(self) -> int:
        await self.wait(True)
        return self.status

    # running ---------------------------------------------------------------------------------------------------
    async def prerun(self) -> None:
        """Build the command line and run it."""
        if "I" not in self.flags or not self.given:
            await self.execute(self.command + self.args + self.after)
            self.args = []
            return
        words, left = self.command[:1], self.replacements
        for word in self.command[1:]:
            if left and self.replace in word:
                words.append(await self.substitute(word))
                left -= left > 0
            else:
                words.append(word)
        self.args, self.input_line = [], ""
        await self.execute(words)

    async def substitute(self, word: str) -> str:
        """strnsubst."""
        if len(encode(word)) == self.replace_size:
            return word
        out, rest = "", word
        while (at := rest.find(self.replace)) >= 0:
            size = len(encode(out + rest + self.input_line)) - len(encode(self.replace)) + 1
            if size > self.replace_size:
                await self.stop("command line cannot be assembled, too long")
            out += rest[:at] + self.input_line
            rest = rest[at + len(self.replace) :]
        return out + rest

    async def execute(self, words: list[str]) -> None:
        p = self.p
        if self.flags & {"t", "p"}:
            p.stderr.write(" ".join(words))
            if "p" in self.flags:
                answer = await self.prompt()
                if answer is False:
                    return
                p.stderr.write("" if answer else "\n")
            else:
                p.stderr.write("\n")
        env = dict(p.env)
        errors = self.child_error
        terminal = "o" in self.flags

        async def child(sys: Syscalls) -> int:
            try:
                fd = sys.open("/dev/tty" if terminal else "/dev/null")
                if fd:
                    sys.dup2(fd, 0)
                    sys.close(fd)
                execvp(sys, words, env)
            except KError as e:
                errors[sys.getpid()] = e
            return 1

        await p.stdout.drain()
        self.pids.add(p.sys.fork(child))
        await self.wait(False)

    async def prompt(self) -> bool | None:
        """-p: yes, no, or None without a terminal."""
        try:
            tty = Reader(self.p.sys, self.p.sys.open("/dev/tty"))
        except KError:
            return None
        self.p.stderr.write("?...")
        answer = decode(await tty.readline())
        self.p.sys.close(tty.fileno())
        return answer[:1] in ("y", "Y")

    async def wait(self, everything: bool) -> None:
        """waitchildren: all, or until there is room for one more."""
        cause = 0
        while self.pids and (everything or len(self.pids) >= self.procs):
            try:
                pid, status = await self.p.sys.wait4(-1)
            except KError as e:
                if e.errno == EINTR:
                    continue
                if e.errno == ECHILD:
                    break
                self.p.err(1, e, "waitpid")
            if pid not in self.pids:
                continue
            self.pids.discard(pid)
            failed = self.verdict(pid, status, cause)
            everything = everything or failed > 0
            cause = cause or failed
        if cause:
            self.p.exit(cause)

    def verdict(self, pid: int, status: int, cause: int) -> int:
        """What the end of a child means: the status to exit with, or 0 to go on."""
        p, name = self.p, self.command[0]
        error = self.child_error.pop(pid, None)
        if error is not None and not cause:
            p.warn(error, name)
            return 127 if error.errno == ENOENT else 126
        if WIFSIGNALED(status):
            p.warnx(f"{name}: terminated with signal {WTERMSIG(status)}; aborting")
            return 1
        if WEXITSTATUS(status) == 255:
            p.warnx(f"{name}: exited with status 255; aborting")
            return 1
        if WEXITSTATUS(status):
            self.status = 1
        return 0


@program("/usr/bin/xargs")
async def main(p: Program) -> int:
    """xargs [-0opt] [-E eofstr] [-I replstr ...] [-J replstr] [-L number] [-n number [-x]] [-P maxprocs] [-s size] ..."""
    x = Xargs(p)
    getopt = GetoptLong(p, "+0E:I:J:L:n:oP:pR:S:s:rtx", LONGS)
    for key, value in getopt:
        x.option(key, value)
    x.setup(getopt.args)
    return await x.run()


def complete(c: Context) -> Iterator[Candidate]:
    """A command."""
    yield from c.command(c.options("EIJLnPRSs").operands)
