"""The keys of less(1) and what they do (contrib/less/command.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.signal import SIG_IGN, SIGINT, SIGQUIT
from vshell.abi.termios import TIOCGETA, TIOCSETA, Termios
from vshell.commands.less import Options
from vshell.commands.less.screen import CLEAR, CLEAR_LINE, ENTER, LEAVE, NORMAL, STANDOUT, Format
from vshell.commands.less.text import Interrupted, Text
from vshell.userland.program import Program
from vshell.userland.regex import EXTENDED, ICASE, Regex, RegexError, regcomp
from vshell.userland.stdio import decode
from vshell.userland.system import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Command = Callable[[int], Awaitable[None]]

Place = tuple[int, int]
"""(line, row within the line)."""

HELP = """\
  SPACE  f  ^F  ^V   forward one window           b  ^B  ESC-v   backward one window
  RETURN j  e  ^N    forward one line             k  y  ^P  ^Y   backward one line
  d  ^D              forward half a window        u  ^U          backward half a window
  g  <               to the first (Nth) line      G  >           to the last (Nth) line
  p  %               to N percent of the file     F              forward for ever (^C ends it)
  /pattern           search forward               ?pattern       search backward
  n                  repeat the search            N              repeat it in the other direction
  m<letter>          mark the place               '<letter>      go to a mark ('' to the last place)
  :n  :p  :x         next, previous, first file   :e file        look at a file
  =  ^G  :f          name and position            r  ^L          repaint
  -i -I -N -S -R     switch an option             !command       run a shell command
  <-  ->             sideways (with -S)           h              this help
  q  Q  :q  ZZ       end

  Most movements take a number typed before them.  A search that begins with ! looks for lines that do not match.
"""
NOT_FOUND = "Pattern not found"
ARROWS = {"A": "k", "B": "j", "C": "\x1bC", "D": "\x1bD", "H": "g", "F": "G", "5~": "b", "6~": " ", "1~": "g", "4~": "G"}


class Pager:
    """A session."""

    def __init__(self, p: Program, options: Options, keys: int) -> None:
        self.p = p
        self.flags = options.flags
        self.more = options.more
        self.keys = keys
        self.paths = options.paths or ["-"]
        self.typed = list(options.initial)
        self.index = 0
        self.ahead = bytearray()
        self.text = Text(p, "", False, self.ahead)
        self.top: Place = (0, 0)
        self.next: Place = (0, 0)
        """What follows the last row shown."""
        self.shown = 0
        """Rows on the screen."""
        self.rows, self.columns = 24, 80
        self.format = Format(80, self.flags)
        self.pattern: Regex | None = None
        self.negate = False
        self.backward = False
        self.marks: dict[str, Place] = {"'": (0, 0)}
        self.message = ""
        self.name_shown = False
        self.done = False
        self.half = 0
        self.commands = self._commands()

    def _commands(self) -> dict[str, Command]:
        table: dict[str, Command] = {}
        for keys, command in (
            (" f\x06\x16", self.window_forward),
            ("b\x02", self.window_back),
            ("\n\rje\x0e\x05", self.line_forward),
            ("ky\x10\x19\x0b", self.line_back),
            ("d\x04", self.half_forward),
            ("u\x15", self.half_back),
            ("g<", self.first),
            ("G>", self.last),
            ("p%", self.percent),
            ("r\x0c\x12R", self.redraw),
            ("=\x07", self.position),
            ("n", self.again),
            ("N", self.again_back),
            ("F", self.follow),
            ("h", self.help),
            ("H", self.help),
        ):
            for key in keys:
                table[key] = command
        return table

    # the terminal ----------------------------------------------------------------------------------------------
    def write(self, text: str) -> None:
        """Show."""
        self.p.stdout.write(text)

    def measure(self) -> None:
        """How large the window is now."""
        try:
            rows, columns = self.p.sys.ttysize(1)
        except KError:
            rows, columns = 24, 80
        self.rows, self.columns = max(rows or 24, 3), columns or 80
        shift = self.format.shift
        self.format = Format(self.columns, self.flags)
        self.format.shift = shift
        self.format.pattern = None if "G" in self.flags or self.negate else self.pattern

    async def key(self) -> str:
        """The next key."""
        if self.typed:
            return self.typed.pop(0)
        await self.p.stdout.drain()
        data = await self.byte()
        if not data:
            self.done = True
            return "q"
        lead = data[0]
        for _ in range(3 if lead >= 0xF0 else 2 if lead >= 0xE0 else 1 if lead >= 0xC0 else 0):
            data += await self.byte()
        return decode(data)

    async def byte(self) -> bytes:
        """A byte from the keyboard; b"" when it is gone."""
        if self.ahead:
            return bytes((self.ahead.pop(0),))
        while True:
            try:
                return await self.p.sys.read(self.keys, 1)
            except KError as e:
                if e.errno != EINTR:
                    return b""

    async def escape(self) -> str:
        """A key that began with ESC."""
        key = await self.key()
        if key in ("[", "O"):
            sequence = await self.key()
            while sequence[-1:].isdecimal() or sequence[-1:] == ";":
                sequence += await self.key()
            return ARROWS.get(sequence, "")
        return {"v": "b", " ": " ", "<": "g", ">": "G", "(": "\x1bD", ")": "\x1bC", "\x1b": ""}.get(key, "")

    async def ask(self, prompt: str) -> str | None:
        """A line typed at the bottom; None if it was given up."""
        line = ""
        self.write(CLEAR_LINE + prompt)
        while True:
            key = await self.key()
            if key in ("\n", "\r"):
                return line
            if key in ("\b", "\x7f"):
                if not line:
                    return None
                line = line[:-1]
                self.write("\b \b")
            elif key in ("\x03", "\x1b") or self.done:
                return None
            elif key == "\x15":
                line = ""
                self.write(CLEAR_LINE + prompt)
            elif key >= " ":
                line += key
                self.write(key)

    # rows ------------------------------------------------------------------------------------------------------
    async def rows_of(self, line: int) -> list[str] | None:
        """The rows of a line; None behind the end."""
        text = await self.text.line(line, self.keys)
        return None if text is None else self.format.rows(text, line)

    async def show_rows(self, count: int) -> int:
        """Show the next rows; returns how many there were."""
        line, row = self.next
        n = 0
        while n < count and (rows := await self.rows_of(line)) is not None:
            for text in rows[row : row + count - n]:
                self.write(text + "\n")
                n += 1
                row += 1
            if row >= len(rows):
                line, row = line + 1, 0
        self.next = (line, row)
        self.shown += n
        extra = self.shown - (self.rows - 1)
        if extra > 0:
            self.top = await self.after(self.top, extra)
            self.shown -= extra
        return n

    async def after(self, place: Place, count: int) -> Place:
        """The place some rows further down."""
        line, row = place
        row += count
        while (rows := await self.rows_of(line)) is not None and row >= len(rows):
            row -= len(rows)
            line += 1
        return (line, row) if rows is not None else (line, 0)

    async def before(self, place: Place, count: int) -> Place:
        """The place some rows further up."""
        line, row = place
        row -= count
        while row < 0:
            if line == 0:
                return 0, 0
            line -= 1
            row += len(await self.rows_of(line) or [""])
        return line, row

    async def paint(self, place: Place) -> None:
        """The whole screen, from a place on."""
        self.write(CLEAR)
        self.top = self.next = place
        self.shown = 0
        n = await self.show_rows(self.rows - 1)
        if "~" not in self.flags and not self.more:
            self.write("~\n" * (self.rows - 1 - n))

    async def at_end(self) -> bool:
        """Nothing follows the screen."""
        return await self.text.line(self.next[0], self.keys) is None

    async def last_screen(self) -> Place:
        """Where the last screen begins."""
        count = await self.text.read_all(self.keys)
        return await self.before((count, 0), self.rows - 1)

    # movement --------------------------------------------------------------------------------------------------
    async def forward(self, count: int) -> None:
        """Scroll."""
        self.write(CLEAR_LINE)
        if not await self.show_rows(count):
            if self.flags & {"e", "E"} or self.more:
                await self.next_file(1, ending=True)
            else:
                self.write("\a")

    async def back(self, count: int) -> None:
        if self.top == (0, 0):
            self.write("\a")
        await self.paint(await self.before(self.top, count))

    async def window_forward(self, n: int) -> None:
        await self.forward(n or self.rows - 1)

    async def window_back(self, n: int) -> None:
        await self.back(n or self.rows - 1)

    async def line_forward(self, n: int) -> None:
        await self.forward(n or 1)

    async def line_back(self, n: int) -> None:
        await self.back(n or 1)

    async def half_forward(self, n: int) -> None:
        self.half = n or self.half
        await self.forward(self.half or (self.rows - 1) // 2)

    async def half_back(self, n: int) -> None:
        self.half = n or self.half
        await self.back(self.half or (self.rows - 1) // 2)

    async def go(self, line: int) -> None:
        """To a line, the last place is remembered."""
        self.marks["'"] = self.top
        await self.paint((max(line, 0), 0))

    async def first(self, n: int) -> None:
        if n and await self.text.line(n - 1, self.keys) is None:
            self.message = f"Cannot seek to line number {n}"
            return
        await self.go(n - 1)

    async def last(self, n: int) -> None:
        if n:
            await self.first(n)
            return
        self.marks["'"] = self.top
        await self.paint(await self.last_screen())

    async def percent(self, n: int) -> None:
        count = await self.text.read_all(self.keys)
        await self.go(min(count * n // 100, max(count - 1, 0)))

    async def redraw(self, n: int) -> None:
        await self.paint(self.top)

    async def follow(self, n: int) -> None:
        """As tail -f, until ^C."""
        await self.paint(await self.last_screen())
        sys = self.p.sys
        self.write(CLEAR_LINE + STANDOUT + "Waiting for data... (interrupt to abort)" + NORMAL)
        while True:
            await self.p.stdout.drain()
            if await sys.poll([(self.keys, POLLIN)], 500_000_000) and await self.key() == "\x03":
                return
            seen = len(self.text.lines)
            while await self.text.more():
                pass
            if len(self.text.lines) > seen:
                self.write(CLEAR_LINE)
                await self.show_rows(len(self.text.lines))
                self.write(STANDOUT + "Waiting for data... (interrupt to abort)" + NORMAL)

    # searching -------------------------------------------------------------------------------------------------
    async def search(self, char: str, count: int) -> None:
        """/ and ?."""
        typed = await self.ask(char)
        if typed is None:
            return
        negate = typed.startswith("!")
        source = typed[1:] if negate else typed
        if source:
            fold = "I" in self.flags or ("i" in self.flags and source == source.lower())
            try:
                self.pattern = regcomp(source, (0 if self.more else EXTENDED) | (ICASE if fold else 0))
            except RegexError:
                self.message = "Invalid pattern"
                return
            self.negate = negate
        elif self.pattern is None:
            self.message = "No previous regular expression"
            return
        self.backward = char == "?"
        await self.find(self.backward, count or 1)

    async def again(self, n: int) -> None:
        await self.repeat(self.backward, n)

    async def again_back(self, n: int) -> None:
        await self.repeat(not self.backward, n)

    async def repeat(self, backward: bool, n: int) -> None:
        """n and N."""
        if self.pattern is None:
            self.message = "No previous regular expression"
            return
        await self.find(backward, n or 1)

    async def find(self, backward: bool, count: int) -> None:
        """To the line of the count-th match."""
        assert self.pattern is not None
        line = self.top[0] + (-1 if backward else 1 if self.marks.get("/") == self.top else 0)
        while line >= 0 and (text := await self.text.line(line, self.keys)) is not None:
            if (self.pattern.find(text) is not None) != self.negate:
                count -= 1
                if not count:
                    self.measure()
                    await self.go(line)
                    self.marks["/"] = self.top
                    return
            line += -1 if backward else 1
        self.message = NOT_FOUND

    # files -----------------------------------------------------------------------------------------------------
    async def open(self, index: int) -> bool:
        """Look at a file of the list."""
        text = Text(self.p, self.paths[index], "s" in self.flags, self.ahead)
        if text.error:
            self.message = text.error
            return False
        self.text.close()
        self.text, self.index = text, index
        self.name_shown = False
        self.marks = {"'": (0, 0)}
        return True

    async def next_file(self, step: int, ending: bool = False) -> None:
        """:n, :p, and the end of a file that ends the session."""
        index = self.index + step
        while 0 <= index < len(self.paths):
            if await self.open(index):
                await self.paint((0, 0))
                return
            index += step
        if ending:
            self.done = True
        else:
            self.message = f"No {'next' if step > 0 else 'previous'} file"

    async def colon(self, n: int) -> None:
        """Commands that begin with a colon."""
        self.write(CLEAR_LINE + " :")
        key = await self.key()
        if key in "qQ":
            self.done = True
        elif key in "np":
            await self.next_file((n or 1) * (1 if key == "n" else -1))
        elif key == "x":
            self.index = -1
            await self.next_file(n or 1)
        elif key == "f":
            await self.position(0)
        elif key == "e":
            name = await self.ask("Examine: ")
            if name:
                self.paths.insert(self.index + 1, name.strip())
                if await self.open(self.index + 1):
                    await self.paint((0, 0))
                else:
                    del self.paths[self.index + 1]
        else:
            self.write("\a")

    async def position(self, n: int) -> None:
        """The name, the lines on the screen, the percentage."""
        total = await self.text.read_all(self.keys)
        last = min(self.next[0], total)
        files = f" (file {self.index + 1} of {len(self.paths)})" if len(self.paths) > 1 else ""
        share = "(END)" if last >= total else f"{last * 100 // max(total, 1)}%"
        self.message = f"{self.text.title}{files} lines {self.top[0] + 1}-{last}/{total} {share}".lstrip()

    # other keys ------------------------------------------------------------------------------------------------
    async def help(self, n: int) -> None:
        self.write(CLEAR + HELP)
        self.message = "HELP"
        await self.pause()
        await self.paint(self.top)

    async def mark(self) -> None:
        self.write(CLEAR_LINE + "set mark: ")
        self.marks[await self.key()] = self.top

    async def to_mark(self) -> None:
        self.write(CLEAR_LINE + "goto mark: ")
        key = await self.key()
        if key in ("^", "$"):
            await (self.first(0) if key == "^" else self.last(0))
        elif key in self.marks:
            place, self.marks["'"] = self.marks[key], self.top
            await self.paint(place)
        else:
            self.message = "Mark not set"

    async def option(self) -> None:
        """-X: switch an option."""
        self.write(CLEAR_LINE + "-")
        key = await self.key()
        if key in "iINSRrGs~":
            self.flags.symmetric_difference_update({key})
            self.measure()
            await self.paint(self.top)
        elif key >= " ":
            self.message = f"There is no {key} option"

    async def sideways(self, n: int, step: int) -> None:
        """The arrows to the left and to the right."""
        if "S" in self.flags:
            self.format.shift = max(0, self.format.shift + step * (n or self.columns // 2))
            await self.paint(self.top)

    async def shell(self) -> None:
        """!command."""
        command = await self.ask("!")
        if command is None:
            return
        self.write("\n")
        self.cooked()
        await self.p.stdout.drain()
        await system(self.p, command or "exec sh")
        self.raw()
        self.message = "!done"
        await self.pause()
        await self.paint(self.top)

    # the session -----------------------------------------------------------------------------------------------
    def raw(self) -> None:
        """Keys come one by one."""
        sys = self.p.sys
        try:
            self.saved = sys.ioctl(self.keys, TIOCGETA())
            sys.ioctl(self.keys, TIOCSETA(Termios(icanon=False, echo=False, isig=False, opost=self.saved.opost)))
        except KError:
            self.saved = None

    def cooked(self) -> None:
        """As it was found."""
        if self.saved is not None:
            self.p.sys.ioctl(self.keys, TIOCSETA(self.saved))

    async def pause(self) -> None:
        """A message, until a key is pressed."""
        self.write(f"{CLEAR_LINE}{STANDOUT}{self.message}  (press RETURN){NORMAL}")
        self.message = ""
        key = await self.key()
        if key not in ("\n", "\r", " "):
            self.typed.insert(0, key)

    async def prompt(self) -> None:
        """The bottom row."""
        self.write(CLEAR_LINE)
        if self.message:
            await self.pause()
            self.write(CLEAR_LINE)
        ended = await self.at_end()
        parts = []
        if self.more:
            total = len(self.text.lines)
            share = f"{min(self.next[0], total) * 100 // max(total, 1)}%" if self.text.ended else f"byte {self.text.size}"
            parts = [f"--More--({'END' if ended else share})"]
        else:
            if not self.name_shown:
                parts.append(self.text.title)
                if len(self.paths) > 1:
                    parts.append(f"(file {self.index + 1} of {len(self.paths)})")
            if ended:
                parts.append("(END)")
                if self.index + 1 < len(self.paths):
                    parts.append(f"- Next: {self.paths[self.index + 1]}")
        self.name_shown = True
        line = " ".join(part for part in parts if part)
        self.write(f"{STANDOUT}{line}{NORMAL}" if line else ":")

    async def command(self) -> None:
        """One key, and the number before it."""
        await self.prompt()
        number = ""
        key = await self.key()
        while key.isdigit() and key.isascii():
            if not number:
                self.write(CLEAR_LINE + ":")
            number += key
            self.write(key)
            key = await self.key()
        n = min(int(number[:9] or "0"), 1 << 30)
        if key == "\x1b":
            key = await self.escape()
        before = self.rows, self.columns
        self.measure()
        if before != (self.rows, self.columns):
            await self.paint(self.top)
        if key in "qQ" and key:
            self.done = True
        elif command := self.commands.get(key):
            await command(n)
        else:
            await self.special(key, n)

    async def special(self, key: str, n: int) -> None:
        """Keys that something follows."""
        if key in ("/", "?"):
            await self.search(key, n)
        elif key == ":":
            await self.colon(n)
        elif key == "m":
            await self.mark()
        elif key == "'":
            await self.to_mark()
        elif key == "-":
            await self.option()
        elif key == "!":
            await self.shell()
        elif key == "Z":
            self.done = await self.key() == "Z"
        elif key in ("\x1bC", "\x1bD"):
            await self.sideways(n, 1 if key == "\x1bC" else -1)
        elif key != "\x03":
            self.write("\a")

    async def start(self) -> bool:
        """The first file that opens."""
        for index in range(len(self.paths)):
            if await self.open(index):
                return True
            self.p.stderr.write(self.message + "\n")
            self.message = ""
        return False

    async def fits(self) -> bool:
        """The whole text fits on one screen."""
        line = row = 0
        while row < self.rows and (rows := await self.rows_of(line)) is not None:
            row += len(rows)
            line += 1
        return row < self.rows

    async def run(self) -> int:
        """The whole session."""
        self.measure()
        if not await self.start():
            return 1
        if (self.more or "F" in self.flags) and len(self.paths) == 1 and await self.fits():
            await self.show_rows(self.rows)
            return 0
        for number in (SIGINT, SIGQUIT):
            self.p.sys.sigaction(number, SIG_IGN)
        self.raw()
        alternate = "X" not in self.flags
        try:
            if alternate:
                self.write(ENTER)
            if self.more:
                await self.show_rows(self.rows - 1)
            else:
                await self.paint((0, 0))
            while not self.done:
                try:
                    await self.command()
                except Interrupted:
                    self.message = "Interrupted"
        finally:
            self.write(CLEAR_LINE + (LEAVE if alternate else ""))
            await self.p.stdout.drain()
            self.cooked()
        return 0
