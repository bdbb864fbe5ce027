"""less(1), more(1): show text a screen at a time (contrib/less).

`text` holds the files' lines, `screen` draws them, `pager` obeys the keys.  Without a terminal to page on, less is cat.
"""

from __future__ import annotations

from vshell.abi.errno import EISDIR, KError
from vshell.abi.fcntl import O_RDWR
from vshell.userland.program import Program, program

FLAGS = "aABcCdEeFfgGiIJKLmMnNqQrRsSuUVwWX~"
"""Options without a value; those that change nothing here are accepted all the same."""
VALUES = "bDhjkoOpPtTxyz#"


class Options:
    """What the command line and the environment ask for."""

    def __init__(self, more: bool) -> None:
        self.more = more
        self.flags: set[str] = {"X", "E"} if more else set()
        self.initial = ""
        """Keys to obey first (+command)."""
        self.paths: list[str] = []
        self.bad = ""

    def words(self, words: list[str], paths: bool = True) -> None:
        """One set of arguments."""
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--" and paths:
                self.paths += rest
                return
            if word.startswith("+") and len(word) > 1:
                self.initial = word[1:] if not word[1:].isdecimal() else word[1:] + "g"
            elif word.startswith("-") and len(word) > 1 and not word.startswith("--"):
                self._letters(word[1:], rest)
            elif word.startswith("--"):
                self._long(word[2:])
            elif paths:
                self.paths.append(word)

    def _letters(self, letters: str, rest: list[str]) -> None:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in VALUES:
                value = letters or (rest.pop(0) if rest else "")
                if letter == "p":
                    self.initial = "/" + value + "\n"
                return
            if letter in "?":
                self.bad = ""
            elif letter in FLAGS:
                self.flags.add(letter)
            elif not letter.isdecimal():
                self.bad = self.bad or f"There is no {letter} option"

    def _long(self, name: str) -> None:
        names = {"LINE-NUMBERS": "N", "chop-long-lines": "S", "quit-if-one-screen": "F", "no-init": "X", "ignore-case": "i"}
        names |= {"IGNORE-CASE": "I", "RAW-CONTROL-CHARS": "R", "raw-control-chars": "r", "QUIT-AT-EOF": "E", "quit-at-eof": "e"}
        names |= {"squeeze-blank-lines": "s", "tilde": "~", "help": "?", "version": "V"}
        letter = names.get(name)
        if letter is None:
            self.bad = self.bad or f"There is no {name} option"
        else:
            self.flags.add(letter)


async def copy(p: Program, paths: list[str]) -> int:
    """Standard output is no terminal: copy."""
    status = 0
    for path in paths or ["-"]:
        try:
            fd = 0 if path == "-" else p.sys.open(path)
            while data := await p.sys.read(fd, 65536):
                await p.sys.write(1, data)
            if fd:
                p.sys.close(fd)
        except KError as e:
            text = f"{path} is a directory" if e.errno == EISDIR else f"{path}: {e}"
            p.stderr.write(text + "\n")
            status = 1
    return status


def keyboard(p: Program) -> int:
    """Where keys come from: standard input may be the text."""
    try:
        return p.sys.open("/dev/tty", O_RDWR)
    except KError:
        return 2 if p.sys.isatty(2) else -1


@program("/usr/bin/less", "/usr/bin/more")
async def main(p: Program) -> int:
    """less [-EFIiNRSsX] [+command] [file ...]"""
    more = p.name == "more"
    options = Options(more)
    options.words(p.env.get("MORE" if more else "LESS", "").split(), paths=False)
    options.words(p.argv[1:])
    if options.bad:
        p.stderr.write(f'{options.bad} ("{p.name} --help" for help)\n')
        return 1
    if not p.sys.isatty(1) and "?" not in options.flags:
        return await copy(p, options.paths)
    if not options.paths and p.sys.isatty(0) and "?" not in options.flags:
        p.stderr.write(f'Missing filename ("{p.name} --help" for help)\n')
        return 1
    from vshell.commands.less.pager import HELP, Pager

    if "?" in options.flags:
        p.stdout.write(HELP)
        return 0
    keys = keyboard(p)
    if keys < 0:
        return await copy(p, options.paths)
    return await Pager(p, options, keys).run()
