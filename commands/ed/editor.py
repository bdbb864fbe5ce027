"""What the commands of ed(1) share: the command line, addresses, patterns, files (bin/ed/main.c, io.c, re.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, KError
from vshell.commands.ed.buffer import LIST, NUMBER, PRINT, Buffer, EdError, Quit
from vshell.userland.program import Program
from vshell.userland.regex import Regex, RegexError, regcomp
from vshell.userland.stdio import decode, encode

ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\"}
SUFFIXES = {"p": PRINT, "l": LIST, "n": NUMBER}
PATH_MAX = 1024
LONG_MAX = (1 << 63) - 1


def escaped_end(text: str) -> bool:
    """A line (with its newline) that ends in a backslash which is not itself escaped."""
    body = text[:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def unescape(name: str) -> str:
    """A file name without its backslashes."""
    out, chars = [], iter(name)
    for char in chars:
        out.append(next(chars, "") if char == "\\" else char)
    return "".join(out)


class Editor:
    """The state of a session."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.buffer = Buffer()
        self.restricted = p.name == "red"
        self.scripted = False
        self.verbose = False
        """H: explain every error."""
        self.prompt: str | None = None
        self.prompt_option: str | None = None
        self.error = ""
        """The explanation of the last error."""
        self.filename = ""
        self.shell_command: str | None = None
        self.line_number = 0
        self.in_global = False
        self.tty = p.sys.isatty(0)
        self.rows, self.columns = 22, 72
        self.text, self.pos = "\n", 0
        """The command line and how far it was read."""
        self.first = self.second = self.count = 0
        """Addresses, and how many were given."""
        self.pattern: Regex | None = None
        self.hangup = False
        self._input = bytearray()

    # input and output ------------------------------------------------------------------------------------------
    def say(self, text: str) -> None:
        """On standard output."""
        self.p.stdout.write(text)

    def complain(self, text: str) -> None:
        """On standard error."""
        self.p.stderr.write(text)

    def measure(self) -> None:
        """How much fits on the terminal."""
        try:
            rows, columns = self.p.sys.ttysize(0)
        except KError:
            return
        self.rows = rows - 2 if rows > 2 else self.rows
        self.columns = columns - 8 if columns > 8 else self.columns

    async def _read(self) -> bytes:
        """Some input; from anything but a terminal one byte only: what follows may be for a shell command."""
        try:
            return await self.p.sys.read(0, 4096 if self.tty else 1)
        except KError as e:
            if self.hangup:
                await self.hang_up()
            if e.errno == EINTR:
                self._input.clear()
                raise
            self.complain(f"stdin: {e}\n")
            raise EdError("cannot read stdin") from None

    async def get_line(self) -> str:
        """A line of input; without newline at the end of the input, "" when there was nothing."""
        if self.tty:
            await self.p.stdout.drain()
        ended = False
        while (end := self._input.find(b"\n")) < 0:
            data = await self._read()
            if not data:
                if ended or not self._input:
                    end = len(self._input) - 1
                    break
                ended = True
            self._input += data
        line = decode(bytes(self._input[: end + 1]))
        del self._input[: end + 1]
        if line.endswith("\n"):
            self.line_number += 1
        if "\0" in line:
            self.buffer.binary = True
        return line

    async def new_line(self) -> str:
        """The next line becomes the command line."""
        self.text, self.pos = await self.get_line(), 0
        return self.text

    async def hang_up(self) -> None:
        """SIGHUP: save what there is."""
        from vshell.commands.ed.files import write_file

        last = self.buffer.last
        if last:
            try:
                await write_file(self, "ed.hup", False, 1, last)
            except EdError:
                await write_file(self, self.p.env.get("HOME", "").rstrip("/") + "/ed.hup", False, 1, last)
        raise Quit(2)

    # the command line ------------------------------------------------------------------------------------------
    def peek(self, offset: int = 0) -> str:
        """A character of the command line, "" behind its end."""
        at = self.pos + offset
        return self.text[at] if at < len(self.text) else ""

    def take(self) -> str:
        """The next character."""
        char = self.peek()
        self.pos += 1
        return char

    def skip_blanks(self) -> None:
        """Over white space, not over the newline."""
        while (char := self.peek()) and char in " \t\r\v\f":
            self.pos += 1

    def take_number(self) -> int:
        """Digits."""
        start = self.pos
        while (char := self.peek()) and char in "0123456789":
            self.pos += 1
        digits = self.text[start : self.pos]
        if len(digits) > 19 or int(digits) > LONG_MAX:
            raise EdError("number out of range")
        return int(digits)

    def take_suffix(self) -> int:
        """p, l and n at the end of a command."""
        flags = 0
        while (char := self.peek()) in SUFFIXES:
            flags |= SUFFIXES[char]
            self.pos += 1
        if self.take() != "\n":
            raise EdError("invalid command suffix")
        return flags

    async def extended_line(self, keep_newlines: bool = False) -> None:
        """The rest of the command line, and further lines as long as each ends in a backslash."""
        end = self.text.find("\n", self.pos)
        if end < 0:
            return
        line = self.text[self.pos : end + 1]
        if not escaped_end(line):
            return
        while escaped_end(line):
            more = await self.get_line()
            if not more.endswith("\n"):
                raise EdError("unexpected end-of-file")
            line = line[:-2] + ("\n" if keep_newlines else "") + more
        self.text, self.pos = line, 0

    # addresses -------------------------------------------------------------------------------------------------
    def take_addresses(self) -> None:
        """All addresses before a command."""
        buffer = self.buffer
        self.count = 0
        self.first = self.second = buffer.current
        address = None
        while (address := self.next_address()) is not None:
            self.count += 1
            self.first, self.second = self.second, address
            if (char := self.peek()) not in (",", ";"):
                break
            self.pos += 1
            if char == ";":
                buffer.current = address
        self.count = min(self.count, 2)
        if self.count == 1 or self.second != address:
            self.first = self.second

    def next_address(self) -> int | None:
        """One address; None if there is none."""
        buffer = self.buffer
        address = buffer.current
        self.skip_blanks()
        start, first = self.pos, True
        while True:
            char = self.peek()
            if char and char in "+\t -^":
                address += self._offset(char)
            elif char and char in "%,;" and first:
                self.pos += 1
                self.count += 1
                self.second = buffer.current if char == ";" else 1
                try:
                    found = self.next_address()
                except EdError:
                    found = None
                address = buffer.last if found is None else found
            elif char and char in "0123456789.$/?'":
                if not first:
                    raise EdError("invalid address")
                address = self._simple_address(char)
            elif self.pos == start:
                return None
            elif not 0 <= address <= buffer.last:
                raise EdError("invalid address")
            else:
                return address
            first = False

    def _offset(self, char: str) -> int:
        self.pos += 1
        self.skip_blanks()
        sign = -1 if char in "-^" else 1
        if self.peek() and self.peek() in "0123456789":
            return sign * self.take_number()
        return 0 if char in " \t" else sign

    def _simple_address(self, char: str) -> int:
        buffer = self.buffer
        if char.isdecimal():
            return self.take_number()
        if char in "/?":
            address = self.search(self.take_pattern(), char == "/")
            if self.peek() == char:
                self.pos += 1
            return address
        self.pos += 1
        if char == "'":
            return buffer.number(buffer.marks.get(self.mark_name()))
        return buffer.current if char == "." else buffer.last

    def mark_name(self) -> str:
        """The letter of a mark."""
        name = self.take()
        if not "a" <= name <= "z":
            raise EdError("invalid mark character")
        return name

    def check_range(self, first: int, last: int) -> None:
        """The addresses, or these if there are none, must be lines of the buffer."""
        if not self.count:
            self.first, self.second = first, last
        if not 1 <= self.first <= self.second <= self.buffer.last:
            raise EdError("invalid address")

    def third_address(self) -> int:
        """Where m and t put the lines."""
        first, second = self.first, self.second
        self.take_addresses()
        address = self.second
        if not 0 <= address <= self.buffer.last:
            raise EdError("invalid address")
        self.first, self.second = first, second
        return address

    def no_address(self) -> None:
        """Commands without addresses."""
        if self.count:
            raise EdError("unexpected address")

    # patterns --------------------------------------------------------------------------------------------------
    def take_pattern(self) -> Regex:
        """The expression between delimiters; an empty one is the last."""
        delimiter = self.peek()
        if delimiter == " ":
            raise EdError("invalid pattern delimiter")
        if delimiter != "\n":
            self.pos += 1
        if delimiter == "\n" or self.peek() in ("\n", delimiter):
            if self.pattern is None:
                raise EdError("no previous pattern")
            return self.pattern
        source = self._pattern_text(delimiter)
        try:
            self.pattern = regcomp(source)
        except RegexError as e:
            self.pattern = None
            raise EdError(str(e)) from None
        return self.pattern

    def _pattern_text(self, delimiter: str) -> str:
        start = self.pos
        while (char := self.peek()) not in (delimiter, "\n", ""):
            if char == "[":
                self._skip_brackets()
            elif char == "\\":
                self.pos += 1
                if self.peek() == "\n":
                    raise EdError("trailing backslash (\\)")
            self.pos += 1
        return self.text[start : self.pos]

    def _skip_brackets(self) -> None:
        """To the bracket that closes."""
        line_end = self.text.find("\n", self.pos)
        at = self.pos + 1
        text = self.text
        if text[at] == "^":
            at += 1
        if text[at] == "]":
            at += 1
        while text[at] != "]" and at < line_end:
            if text[at] == "[" and text[at + 1] in ".:=":
                end = text.find(text[at + 1] + "]", at + 2, line_end)
                if end < 0:
                    raise EdError("unbalanced brackets ([])")
                at = end + 1
            at += 1
        if text[at] != "]":
            raise EdError("unbalanced brackets ([])")
        self.pos = at

    def search(self, pattern: Regex, forward: bool) -> int:
        """The next line that matches, round the end of the buffer."""
        buffer = self.buffer
        count = buffer.last + 1
        at = buffer.current
        for _ in range(count):
            at = (at + (1 if forward else -1)) % count
            if at and pattern.test(buffer.lines[at - 1].text):
                return at
        raise EdError("no match")

    # showing lines ---------------------------------------------------------------------------------------------
    async def show(self, first: int, last: int, flags: int) -> None:
        """Print lines; the last one becomes current."""
        if not first:
            raise EdError("invalid address")
        for number in range(first, last + 1):
            self.buffer.current = number
            await self._show_line(self.buffer.lines[number - 1].text, number, flags)

    async def _show_line(self, text: str, number: int, flags: int) -> None:
        column = 0
        if flags & NUMBER:
            self.say(f"{number}\t")
            column = 8
        if not flags & LIST:
            self.say(text + "\n")
            return
        rows = 0
        for byte in encode(text):
            column += 1
            if column > self.columns:
                self.say("\\\n")
                column = 1
                rows += 1
                if not self.scripted and not self.in_global and rows > self.rows:
                    rows = 0
                    self.say("Press <RETURN> to continue... ")
                    await self.p.stdout.drain()
                    await self.new_line()
            char = chr(byte)
            if 31 < byte < 127 and char != "\\":
                self.say(char)
            elif char in ESCAPES:
                self.say("\\" + ESCAPES[char])
                column += 1
            else:
                self.say(f"\\{byte:03o}")
                column += 3
        self.say("$\n")

    # file names ------------------------------------------------------------------------------------------------
    def check_name(self, name: str) -> None:
        """red stays in its directory."""
        if self.restricted and (name.startswith("!") or name == ".." or "/" in name):
            raise EdError("shell access restricted")

    async def take_filename(self) -> str:
        """A file name or !command; "" means the remembered name."""
        if (char := self.peek()) and char not in " \t\r\v\f\n":
            raise EdError("unexpected command suffix")
        if self.peek() != "\n":
            self.skip_blanks()
            if self.peek() == "\n":
                raise EdError("invalid filename")
            await self.extended_line()
            if self.peek() == "!":
                self.pos += 1
                if await self.take_shell_command():
                    self.say(f"{self.shell_command}\n")
                return f"!{self.shell_command}"
        elif not self.filename:
            raise EdError("no current filename")
        end = self.text.index("\n", self.pos)
        name = self.text[self.pos : end]
        if len(name) >= PATH_MAX:
            raise EdError("filename too long")
        self.pos = end
        self.check_name(name)
        return name

    async def take_shell_command(self) -> bool:
        """Read a shell command; True if ! or % in it was replaced."""
        if self.restricted:
            raise EdError("shell access restricted")
        await self.extended_line()
        out: list[str] = []
        start, replaced = self.pos, False
        while (char := self.peek()) != "\n":
            if char == "!" and self.pos == start:
                if self.shell_command is None:
                    raise EdError("no previous command")
                out.append(self.shell_command)
                replaced = True
            elif char == "%":
                if not self.filename:
                    raise EdError("no current filename")
                out.append(unescape(self.filename))
                replaced = True
            else:
                out.append(char)
                if char == "\\":
                    self.pos += 1
                    out.append(self.peek())
            self.pos += 1
        self.shell_command = "".join(out)
        return replaced
