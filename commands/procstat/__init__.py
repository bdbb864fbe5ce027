"""procstat(1), pargs(1), penv(1), pwdx(1): details of processes (usr.bin/procstat/procstat.c)."""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.proc import KinfoProc
from vshell.commands.procstat.show import COMMANDS, COMPAT, Command, Show
from vshell.userland.getopt import Getopt
from vshell.userland.libxo import Xo
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp

EX_USAGE = 64
LETTERS = {
    "b": "binary", "c": "arguments", "e": "environment", "f": "files", "i": "signals", "j": "tsignals", "k": "kstack",
    "L": "ptlwpinfo", "l": "rlimit", "r": "rusage", "S": "cpuset", "s": "credentials", "t": "threads", "v": "vm", "x": "auxv",
}  # fmt: skip
SUBCOMMAND_FLAGS = frozenset("CHnv")
CHOICES = "-S | -b | -c | -e | -f [-C] | -i [-n] | -j [-n] | -k [-k] |\n                 -l | -r [-H] | -s | -t | -v | -x]"
USAGE = f"""\
usage: procstat [--libxo] [-h] [-M core] [-N system] [-w interval] command
                [pid ... | core ...]
       procstat [--libxo] -a [-h] [-M core] [-N system]  [-w interval] command
       procstat [--libxo] [-h] [-M core] [-N system] [-w interval]
                [{CHOICES} [pid ... | core ...]
       procstat [--libxo] -a [-h] [-M core] [-N system] [-w interval]
                [{CHOICES}
       procstat [--libxo] -L [-h] [-M core] [-N system] core ...
Available commands:
"""


def getcmd(text: str) -> Command | None:
    """The command of that name; some may be abbreviated, some take an s of the plural."""
    plural = len(text) > 1 and text[-1] in "sS"
    found = None
    for command in COMMANDS:
        name = command.name
        if found is None and command.substr:
            length = len(text) - (1 if command.plural and plural else 0)
            same = text[:length].lower() == name[:length].lower() and length <= len(name)
        elif command.plural and plural and len(text) == len(name) + 1:
            same = text[:-1].lower() == name.lower()
        else:
            same = text.lower() == name.lower()
        if same:
            found = command
    return found


def _available() -> str:
    out = ""
    groups: list[list[Command]] = []
    for command in COMMANDS:
        if groups and groups[-1][0].show is command.show:
            groups[-1].append(command)
        else:
            groups.append([command])
    for group in groups:
        names = " | ".join(c.name + ("(s)" if c.plural else "") for c in group)
        usage = f" {group[0].usage}" if group[0].usage else ""
        out += f"       {f'[{names}]' if len(group) > 1 else names}{usage}\n"
    return out


class Procstat:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.xo = Xo(p, "1")
        self.show = Show(p, self.xo)
        self.command = next((c for c in COMPAT if c.name == p.name), None)
        self.every = False
        self.interval = 0

    def usage(self) -> NoReturn:
        """How to call it."""
        if self.command is not None and self.command in COMPAT:
            self.p.stderr.write(f"usage: {self.p.name} [--libxo] pid ...\n")
        else:
            self.p.stderr.write(USAGE + _available())
        self.xo.finish()
        self.p.exit(EX_USAGE)

    def option(self, letter: str, value: str) -> None:
        """Take one option."""
        flags = self.show.flags
        if letter == "a":
            self.every = not self.every or self.usage()
        elif letter in "CHhn":
            flags.add(letter)
        elif letter == "w":
            if not re.fullmatch(r"\s*[+-]?\d+", value) or not 1 <= int(value) <= 0x7FFFFFFF:
                self.usage()
            self.interval = int(value)
        elif letter == "k" and self.command is not None and self.command.name == "kstack" and "v" not in flags:
            flags.add("v")
        elif letter in LETTERS:
            if self.command is not None:
                self.usage()
            self.command = getcmd(LETTERS[letter])
        elif letter not in "MN":
            self.usage()

    def options(self) -> list[str]:
        """Take the options of the program and of the command; the operands."""
        parsed = Getopt(self.p, "abCcefHhijkLlM:N:nrSstvw:x", self.xo.parse_args(self.p.argv))
        for letter, value in parsed:
            self.option(letter, value)
        args, flags = parsed.args, self.show.flags
        if self.command is None and args and (command := getcmd(args[0])) is not None:
            self.command = command
            if flags & SUBCOMMAND_FLAGS:
                self.usage()
            inner = Getopt(self.p, command.options, args)
            for letter, _ in inner:
                if letter == "?":
                    self.command = None
                    self.usage()
                flags.add("H" if letter == "t" else letter)
            if command.name in ("cpuset", "cs"):
                flags.add("H")
            return inner.args
        if self.command is None:
            self.command = getcmd("basic")
        assert self.command is not None
        if "C" in flags and self.command.name not in ("fd", "file") and self.command not in COMPAT:
            self.usage()
        return args

    async def one(self, k: KinfoProc) -> None:
        """Show one process."""
        assert self.command is not None
        self.xo.open_container(str(k.pid))
        self.command.show(self.show, k)
        self.xo.close_container(str(k.pid))

    async def all(self) -> None:
        """Show every process."""
        for k in self.show.procs():
            await self.one(k)
            self.show.flags.add("h")
            self.xo.flush()

    async def operand(self, word: str, compat: bool) -> None:
        """Show what one operand asks for: a process, or the core file of one."""
        xo = self.xo
        if re.fullmatch(r"(\s*[+-]?\d+)?", word):
            pid = int(word or "0")
            if pid < 0:
                self.usage()
            k = next((k for k in self.show.procs() if k.pid == pid), None)
            if k is None:
                self.p.warnx("sysctl(kern.proc): No such process")
                xo.errx(1, "procstat_getprocs()")
            await self.one(k)
        elif compat:
            self.usage()
        else:
            await self.core(word)
            return
        if not compat:
            self.show.flags.add("h")

    async def core(self, path: str) -> None:
        """A core file: there are none."""
        try:
            data = slurp(self.p, path)
        except KError as e:
            self.p.warn(e, f"open({path})")
        else:
            kind = "a CORE file" if data.startswith(b"\x7fELF") else "an ELF object"
            self.p.warnx(f"{path} is not {kind}")
        self.p.warnx("procstat_open()")

    async def run(self) -> int:
        """The whole run."""
        args = self.options()
        command = self.command
        assert command is not None
        if self.every == bool(args) and command.name != "advlock":
            self.usage()
        xo = self.xo
        while True:
            xo.open_container(self.p.name)
            xo.open_container(command.container)
            if command.name == "advlock":
                command.show(self.show, self.show.procs()[0])
            else:
                if self.every:
                    await self.all()
                for word in args:
                    await self.operand(word, command in COMPAT)
            xo.close_container(command.container)
            xo.close_container(self.p.name)
            xo.finish()
            if not self.interval:
                return 0
            self.p.stdout.flush()
            await self.p.sys.nanosleep(self.interval * 1_000_000_000)


@program("/usr/bin/procstat", "/usr/bin/pargs", "/usr/bin/penv", "/usr/bin/pwdx")
async def main(p: Program) -> int:
    """procstat [-a] [-bcefijklrsStvx] [pid ...]"""
    return await Procstat(p).run()
