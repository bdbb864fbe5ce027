"""The language of ngctl(8): how commands are found, read and carried out (usr.sbin/ngctl/main.c)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_RDONLY, POLLIN
from vshell.abi.netgraph import NGF_RESP, NGM_BINARY2ASCII, NGM_GENERIC_COOKIE, NgMesg, cstring
from vshell.userland.getopt import Getopt
from vshell.userland.libnetgraph import Netgraph
from vshell.userland.stdio import Reader, decode

if TYPE_CHECKING:
    from vshell.userland.program import Program

USAGE = "usage: ngctl [-j jail] [-d] [-f filename] [-n nodename] [command [argument ...]]"
EX_USAGE, EX_NOINPUT, EX_NOHOST, EX_OSERR, EX_NOPERM = 64, 66, 68, 71, 77
OK, QUIT, BADUSAGE, ERROR = "ok", "quit", "usage", "error"
PROMPT = "+ "
WHITESPACE = " \t\r\n\v\f"
MAX_ARGS = 511
HELP_COLUMNS = 63

Function = Callable[["Ngctl", list[str]], Awaitable[str]]


class Command:
    """One command (struct ngcmd)."""

    __slots__ = ("aliases", "function", "help", "summary", "usage")

    def __init__(self, usage: str, summary: str, text: str, aliases: tuple[str, ...], function: Function) -> None:
        self.usage = usage
        self.summary = summary
        self.help = text
        self.aliases = aliases
        self.function = function

    @property
    def name(self) -> str:
        """The first word of the usage."""
        return self.usage.partition(" ")[0]

    def match(self, word: str) -> bool:
        """Is it a beginning of the name or an alias?"""
        return any(name.lower().startswith(word.lower()) for name in (self.name, *self.aliases))


COMMANDS: list[Command] = []
"""In the order in which help lists them; filled by the files of the commands."""


def ngcmd(usage: str, summary: str, text: str = "", aliases: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Make a function a command."""

    def register(function: Function) -> Function:
        COMMANDS.append(Command(usage, summary, text, aliases, function))
        return function

    return register


class Ngctl:
    """A run of the program."""

    def __init__(self, p: Program, debug: int) -> None:
        import vshell.commands.ngctl.commands  # noqa: F401 - fills COMMANDS

        self.p = p
        self.node = Netgraph(p, debug)

    def say(self, text: str) -> None:
        """printf(3)."""
        self.p.stdout.write(text)

    def warn(self, error: KError, text: str) -> str:
        """warn(3); the command has failed."""
        self.p.warn(error, text)
        return ERROR

    # commands --------------------------------------------------------------------------------------------------
    def find(self, word: str) -> Command | None:
        """FindCommand: says why if there is none."""
        found = [c for c in COMMANDS if c.match(word)]
        if len(found) == 1:
            return found[0]
        self.p.warnx(f'"{word}": {"ambiguous" if found else "unknown"} command')
        return None

    async def command(self, argv: list[str]) -> str:
        """DoCommand."""
        if not argv or not argv[0]:
            return OK
        found = self.find(argv[0])
        if found is None:
            return ERROR
        result = await found.function(self, argv)
        if result == BADUSAGE:
            self.p.warnx(f"usage: {found.usage}")
        return result

    async def line(self, text: str) -> str:
        """DoParseCommand."""
        for c in WHITESPACE[1:]:
            text = text.replace(c, " ")
        return await self.command([word for word in text.split(" ") if word][:MAX_ARGS])

    async def read_file(self, source: Reader, path: str = "") -> str:
        """ReadFile: until a command does not succeed; an error of the file is told with its path."""
        number = 0
        while True:
            try:
                text = await source.readline()
            except KError as e:
                if path:
                    self.p.warn(e, path)
                return ERROR
            if not text:
                return OK
            number += 1
            if text.startswith(b"#"):
                continue
            result = await self.line(decode(text.partition(b"\0")[0]))
            if result != OK:
                self.p.warnx(f"line {number}: error in file")
                return result

    def getopt(self, argv: list[str], letters: str) -> tuple[set[str], list[str]] | None:
        """getopt(3) on the words of a command; None after an error."""
        options = Getopt(self.p, letters, argv)
        given = set()
        for letter, _ in options:
            if letter == "?":
                return None
            given.add(letter)
        return given, options.args

    # conversation ----------------------------------------------------------------------------------------------
    async def interactive(self) -> str:
        """DoInteractive: commands from the terminal, and whatever arrives meanwhile."""
        show_help(self, ["help"])
        p, node = self.p, self.node
        while True:
            self.say(PROMPT)
            p.stdout.flush()
            while True:
                ready = {fd for fd, _ in await p.sys.poll([(fd, POLLIN) for fd in (0, node.csock, node.dsock)], None)}
                if node.csock in ready:
                    await self.read_message()
                if node.dsock in ready:
                    await self.read_data()
                p.stdout.flush()
                if 0 in ready:
                    break
            text = await p.stdin.readline()
            if not text:
                self.say("\n")
                return QUIT
            if await self.line(decode(text)) == QUIT:
                return QUIT
            await self.pending()

    async def pending(self) -> None:
        """What a command brought in is shown before the next prompt."""
        node = self.node
        while ready := await self.p.sys.poll([(node.csock, POLLIN), (node.dsock, POLLIN)], 0):
            for fd, _ in ready:
                await (self.read_message() if fd == node.csock else self.read_data())

    async def read_message(self) -> None:
        """MsgRead: show the next message in ASCII, as its sender writes it."""
        node = self.node
        try:
            message, path = await node.receive()
        except KError as e:
            self.p.warn(e, "recv incoming message")
            return
        kind = "response" if message.flags & NGF_RESP else "command"
        try:
            await node.send(path, NGM_GENERIC_COOKIE, NGM_BINARY2ASCII, message.pack())
            reply, _ = await node.receive()
        except KError:
            self.say(f'Rec\'d {kind} {message.cmd} from "{path}":\n')
            self.say(dump_ascii(message.data) if message.data else "No arguments\n")
            return
        text = NgMesg.unpack(reply.data) or message
        kind = "response" if text.flags & NGF_RESP else "command"
        self.say(f'Rec\'d {kind} "{decode(text.cmdstr)}" ({text.cmd}) from "{path}":\n')
        args = cstring(text.data)
        self.say(f"Args:\t{decode(args)}\n" if args else "No arguments\n")

    async def read_data(self) -> None:
        """ReadDataSocket."""
        try:
            data, hook = await self.node.receive_data()
        except KError as e:
            self.p.err(EX_OSERR, e, 'reading hook ""')
        if not data:
            self.p.errx(EX_OSERR, f'EOF from hook "{hook}"?')
        self.say(f'Rec\'d data packet on hook "{hook}":\n{dump_ascii(data)}')


def dump_ascii(data: bytes) -> str:
    """DumpAscii: 16 bytes a line."""
    out = []
    for at in range(0, len(data), 16):
        line = data[at : at + 16]
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in line)
        out.append(f"{at:04x}:  {''.join(f'{c:02x} ' for c in line):<48} {text:<16}\n")
    return "".join(out)


def show_help(ng: Ngctl, argv: list[str]) -> str:
    """All commands, or one of them at length."""
    if len(argv) < 2:
        ng.say("Available commands:\n")
        for command in COMMANDS:
            ng.say(f"  {command.name:<10} {command.summary}\n")
        return OK
    found = ng.find(argv[1])
    if found is None:
        return OK
    ng.say(f"usage:    {found.usage}\n")
    if found.aliases:
        ng.say(f"Aliases:  {', '.join(found.aliases)}\n")
    ng.say(f"Summary:  {found.summary}\n")
    if found.help:
        ng.say("Description:\n")
        ng.say("".join(f"  {line}\n" for line in wrap(found.help)))
    return OK


def wrap(text: str) -> list[str]:
    """Lines of at most so many columns, broken at blanks."""
    lines = []
    while text:
        text = text.lstrip()
        size = min(len(text), HELP_COLUMNS)
        while size and size < len(text) and text[size] not in " \t":
            size -= 1
        lines.append(text[:size])
        text = text[size:]
    return lines


def open_file(ng: Ngctl, path: str) -> Reader:
    """fopen(3) for reading."""
    return Reader(ng.p.sys, ng.p.sys.open(path, O_RDONLY))
