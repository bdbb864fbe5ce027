"""The commands of ed(1) (bin/ed/main.c, glbl.c)."""

from __future__ import annotations

from vshell.commands.ed.buffer import LIST, NUMBER, PRINT, EdError, Quit, Unsaved
from vshell.commands.ed.editor import Editor, unescape
from vshell.commands.ed.files import read_file, write_file
from vshell.commands.ed.substitute import Substitution, substitute
from vshell.userland.system import system


class Commands:
    """Executes what the editor has read; every method returns how the current line is to be shown (p, l, n)."""

    def __init__(self, ed: Editor) -> None:
        self.ed = ed
        self.substitution = Substitution()
        self.last_global: str | None = None
        """The last command given to G or V."""
        self.table = {
            "a": self.append,
            "c": self.change,
            "d": self.delete,
            "e": self.edit,
            "E": self.edit,
            "f": self.file,
            "g": self.glob,
            "G": self.glob,
            "v": self.glob,
            "V": self.glob,
            "h": self.explain,
            "H": self.explain,
            "i": self.insert,
            "j": self.join,
            "k": self.mark,
            "l": self.show,
            "n": self.show,
            "p": self.show,
            "m": self.move,
            "P": self.prompt,
            "q": self.quit,
            "Q": self.quit,
            "r": self.read,
            "t": self.copy,
            "u": self.undo,
            "w": self.write,
            "W": self.write,
            "x": self.crypt,
            "z": self.scroll,
            "=": self.line_number,
            "!": self.shell,
            "\n": self.next_line,
        }

    async def execute(self) -> None:
        """One command of the command line, and what its suffix asks for."""
        ed = self.ed
        ed.take_addresses()
        ed.skip_blanks()
        letter = ed.take()
        if letter == "s":
            flags = await substitute(ed, self.substitution)
        elif letter in self.table:
            flags = await self.table[letter](letter)
        else:
            raise EdError("unknown command")
        if flags:
            await ed.show(ed.buffer.current, ed.buffer.current, flags)

    def checkpoint(self) -> None:
        """Undo goes back to here, or to where the global command began."""
        if not self.ed.in_global:
            self.ed.buffer.checkpoint()

    def range(self) -> None:
        """The addresses; the current line without any."""
        self.ed.check_range(self.ed.buffer.current, self.ed.buffer.current)

    # text ------------------------------------------------------------------------------------------------------
    async def _typed(self, after: int) -> None:
        """Lines up to a period alone."""
        ed = self.ed
        ed.buffer.current = after
        while True:
            if not ed.in_global:
                line = await ed.new_line()
                if not line.endswith("\n"):
                    if line:
                        raise Quit(0)
                    return
            else:
                end = ed.text.find("\n", ed.pos)
                if ed.pos >= len(ed.text):
                    return
                line = ed.text[ed.pos : end + 1]
                ed.pos = end + 1
            if line == ".\n":
                return
            ed.buffer.append(line[:-1])

    async def append(self, letter: str) -> int:
        flags = self.ed.take_suffix()
        self.checkpoint()
        await self._typed(self.ed.second)
        return flags

    async def insert(self, letter: str) -> int:
        if not self.ed.second:
            raise EdError("invalid address")
        flags = self.ed.take_suffix()
        self.checkpoint()
        await self._typed(self.ed.second - 1)
        return flags

    async def change(self, letter: str) -> int:
        ed = self.ed
        self.range()
        flags = ed.take_suffix()
        self.checkpoint()
        ed.buffer.delete(ed.first, ed.second)
        await self._typed(ed.buffer.current)
        return flags

    async def delete(self, letter: str) -> int:
        ed = self.ed
        self.range()
        flags = ed.take_suffix()
        self.checkpoint()
        ed.buffer.delete(ed.first, ed.second)
        if ed.buffer.current < ed.buffer.last:
            ed.buffer.current += 1
        return flags

    async def join(self, letter: str) -> int:
        ed = self.ed
        ed.check_range(ed.buffer.current, ed.buffer.current + 1)
        flags = ed.take_suffix()
        self.checkpoint()
        if ed.first != ed.second:
            ed.buffer.join(ed.first, ed.second)
        return flags

    async def move(self, letter: str) -> int:
        ed = self.ed
        self.range()
        to = ed.third_address()
        if ed.first <= to < ed.second:
            raise EdError("invalid destination")
        flags = ed.take_suffix()
        self.checkpoint()
        ed.buffer.move(ed.first, ed.second, to)
        return flags

    async def copy(self, letter: str) -> int:
        ed = self.ed
        self.range()
        to = ed.third_address()
        flags = ed.take_suffix()
        self.checkpoint()
        ed.buffer.copy(ed.first, ed.second, to)
        return flags

    async def undo(self, letter: str) -> int:
        ed = self.ed
        ed.no_address()
        flags = ed.take_suffix()
        ed.buffer.undo()
        if ed.in_global:
            ed.buffer.active = []
        return flags

    async def mark(self, letter: str) -> int:
        ed = self.ed
        name = ed.peek()
        ed.pos += 1
        if not ed.second:
            raise EdError("invalid address")
        flags = ed.take_suffix()
        if not "a" <= name <= "z":
            raise EdError("invalid mark character")
        ed.buffer.marks[name] = ed.buffer.lines[ed.second - 1]
        return flags

    # showing ---------------------------------------------------------------------------------------------------
    async def show(self, letter: str) -> int:
        ed = self.ed
        self.range()
        flags = ed.take_suffix() | {"p": PRINT, "l": LIST, "n": NUMBER}[letter]
        await ed.show(ed.first, ed.second, flags)
        return 0

    async def next_line(self, letter: str) -> int:
        ed = self.ed
        ed.first = 1
        ed.check_range(1, ed.buffer.current + (0 if ed.in_global else 1))
        await ed.show(ed.second, ed.second, 0)
        return 0

    async def scroll(self, letter: str) -> int:
        ed = self.ed
        ed.first = 1
        ed.check_range(1, ed.buffer.current + (0 if ed.in_global else 1))
        if ed.peek() and ed.peek() in "123456789":
            ed.rows = ed.take_number()
        flags = ed.take_suffix()
        await ed.show(ed.second, min(ed.buffer.last, ed.second + ed.rows), flags)
        return 0

    async def line_number(self, letter: str) -> int:
        ed = self.ed
        flags = ed.take_suffix()
        ed.say(f"{ed.second if ed.count else ed.buffer.last}\n")
        return flags

    async def explain(self, letter: str) -> int:
        """h and H."""
        ed = self.ed
        ed.no_address()
        flags = ed.take_suffix()
        if letter == "H":
            ed.verbose = not ed.verbose
        if ed.error and (letter == "h" or ed.verbose):
            ed.complain(ed.error + "\n")
        return flags

    async def prompt(self, letter: str) -> int:
        ed = self.ed
        ed.no_address()
        flags = ed.take_suffix()
        ed.prompt = (ed.prompt_option or "*") if ed.prompt is None else None
        return flags

    # files -----------------------------------------------------------------------------------------------------
    async def edit(self, letter: str) -> int:
        """e and E."""
        ed, buffer = self.ed, self.ed.buffer
        if letter == "e" and buffer.modified and not ed.scripted:
            raise Unsaved
        ed.no_address()
        name = await ed.take_filename()
        flags = ed.take_suffix()
        buffer.delete(1, buffer.last)
        buffer.binary = buffer.newline_added = False
        if name and not name.startswith("!"):
            ed.filename = name
        buffer.forget()
        await read_file(ed, name or ed.filename, 0)
        buffer.modified = False
        return flags

    async def file(self, letter: str) -> int:
        ed = self.ed
        ed.no_address()
        name = await ed.take_filename()
        if name.startswith("!"):
            raise EdError("invalid redirection")
        flags = ed.take_suffix()
        ed.filename = name or ed.filename
        ed.say(unescape(ed.filename) + "\n")
        return flags

    async def read(self, letter: str) -> int:
        ed = self.ed
        if not ed.count:
            ed.second = ed.buffer.last
        name = await ed.take_filename()
        flags = ed.take_suffix()
        self.checkpoint()
        if not ed.filename and not name.startswith("!"):
            ed.filename = name
        count = await read_file(ed, name or ed.filename, ed.second)
        if count and count != ed.buffer.last:
            ed.buffer.modified = True
        return flags

    async def write(self, letter: str) -> int:
        """w, W, wq."""
        ed, buffer = self.ed, self.ed.buffer
        after = ed.peek()
        if after in ("q", "Q"):
            ed.pos += 1
        name = await ed.take_filename()
        if not ed.count and not buffer.last:
            ed.first = ed.second = 0
        else:
            ed.check_range(1, buffer.last)
        flags = ed.take_suffix()
        if not ed.filename and not name.startswith("!"):
            ed.filename = name
        count = await write_file(ed, name or ed.filename, letter == "W", ed.first, ed.second)
        if count == buffer.last and not name.startswith("!"):
            buffer.modified = False
        elif buffer.modified and not ed.scripted and after == "q":
            raise Unsaved
        if after in ("q", "Q"):
            raise Quit(0)
        return flags

    async def quit(self, letter: str) -> int:
        """q and Q."""
        ed = self.ed
        ed.no_address()
        ed.take_suffix()
        if letter == "q" and ed.buffer.modified and not ed.scripted:
            raise Unsaved
        raise Quit(0)

    async def crypt(self, letter: str) -> int:
        self.ed.no_address()
        self.ed.take_suffix()
        raise EdError("crypt unavailable")

    async def shell(self, letter: str) -> int:
        ed = self.ed
        ed.no_address()
        replaced = await ed.take_shell_command()
        flags = ed.take_suffix()
        if replaced:
            ed.say(f"{ed.shell_command}\n")
        await system(ed.p, ed.shell_command or "")
        if not ed.scripted:
            ed.say("!\n")
        return flags

    # global commands -------------------------------------------------------------------------------------------
    async def glob(self, letter: str) -> int:
        """g, v, G, V."""
        ed = self.ed
        if ed.in_global:
            raise EdError("cannot nest global commands")
        ed.check_range(1, ed.buffer.last)
        delimiter = ed.peek()
        if delimiter in (" ", "\n"):
            raise EdError("invalid pattern delimiter")
        pattern = ed.take_pattern()
        if ed.peek() == delimiter:
            ed.pos += 1
        wanted = letter in "gG"
        lines = ed.buffer.lines[ed.first - 1 : ed.second]
        ed.buffer.active = [line for line in lines if bool(pattern.test(line.text)) == wanted]
        flags = ed.take_suffix() if letter in "GV" else 0
        ed.in_global = True
        try:
            await self._visit(letter in "GV", flags)
        except (Quit, Unsaved):
            raise EdError("") from None
        finally:
            ed.in_global = False
            ed.buffer.active = []
        return flags

    async def _visit(self, interactive: bool, flags: int) -> None:
        """Commands for each line of the list."""
        ed, buffer = self.ed, self.ed.buffer
        command: str | None = None
        if not interactive:
            await ed.extended_line(keep_newlines=True)
            command = ed.text[ed.pos :]
        buffer.checkpoint()
        while buffer.active:
            buffer.current = buffer.number(buffer.active.pop(0))
            if interactive:
                await ed.show(buffer.current, buffer.current, flags)
                command = await self._ask(command)
                if command is None:
                    continue
            ed.text, ed.pos = command or "\n", 0
            while ed.pos < len(ed.text):
                await self.execute()

    async def _ask(self, last: str | None) -> str | None:
        """A command for one line of G and V; None for none."""
        ed = self.ed
        line = await ed.new_line()
        if not line.endswith("\n"):
            raise EdError("unexpected end-of-file")
        if line == "\n":
            return None
        if line == "&\n":
            if self.last_global is None:
                raise EdError("no previous command")
            return self.last_global
        await ed.extended_line(keep_newlines=True)
        self.last_global = ed.text[ed.pos :]
        return self.last_global
