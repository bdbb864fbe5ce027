"""sysrc(8): look at and change rc.conf(5) safely (usr.sbin/sysrc/sysrc, bsdconfig's sysrc.subr).

Files are read by sh(1), as start-up scripts read them, and changed line by line.
"""

from __future__ import annotations

import re

from vshell.commands.sysrc.conf import DEFAULTS, Conf
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

VERSION = "7.2 Jun-16,2018"
USAGE = """Usage: {0} [OPTIONS] {{name[[+|-]=value] ... | -a | -A | -l | -L [name ...]}}
Try `{0} --help' for more information.
"""
NAME_CHARS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
IFS = " \t\n"


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.show_all = self.delete = 0
        self.confs: str | None = None
        """RC_CONFS: the files to look at, None for those of rc_conf_files."""
        self.jail = self.rootdir = self.service = ""
        self.args: list[str] = []

    def has(self, letter: str) -> bool:
        """True if an option was given."""
        return letter in self.flags


def parse(p: Program) -> Options:
    """Read the options, or end."""
    o = Options()
    if len(p.argv) < 2:
        usage(p)
    for arg in p.argv[1:]:
        if arg == "--":
            break
        if arg == "--help":
            from vshell.commands.sysrc.help import HELP

            p.stderr.write(HELP.replace("%s", p.name))
            p.exit(1)
        if arg == "--version":
            p.stdout.write(VERSION + "\n")
            p.exit(1)
    o.confs = p.env.get("RC_CONFS")
    parsed = Getopt(p, "aAcdDeEf:Fhij:lLnNqR:s:vxX")
    for letter, value in parsed:
        if letter in "?h":
            usage(p)
        elif letter in "aA":
            o.show_all = 2 if letter == "A" else o.show_all or 1
        elif letter in "xX":
            o.delete = 2 if letter == "X" else o.delete or 1
        elif letter == "D":
            o.flags.add("D")
            o.confs = ""
        elif letter == "f":
            o.flags.discard("D")
            o.confs = f"{o.confs} {value}" if o.confs else value
        elif letter in "jRs":
            if not value:
                die(p, f"{p.name}: Missing or null argument to `-{letter}' flag")
            setattr(o, {"j": "jail", "R": "rootdir", "s": "service"}[letter], value)
        else:
            if letter in "qv":
                o.flags -= {"q", "v"}
            o.flags.add(letter)
    o.args = parsed.args
    return o


def usage(p: Program) -> None:
    """How it is called."""
    p.stderr.write(USAGE.format(p.name))
    p.exit(1)


def die(p: Program, text: str) -> None:
    """The end."""
    p.stdout.flush()
    p.stderr.write(text + "\n")
    p.exit(1)


class Sysrc:
    """One run."""

    def __init__(self, p: Program, o: Options) -> None:
        self.p, self.o = p, o
        self.conf = Conf(p, o.confs)
        self.equals = o.has("e") and not o.has("F") and not o.has("n")
        self.name = not o.has("n")
        if o.has("N"):
            self.name, self.equals = True, False
        self.separator = '="' if self.equals else ": "

    def put(self, text: str) -> None:
        """A line."""
        self.p.stdout.write(text + "\n")

    def show(self, name: str, value: str) -> None:
        """A variable and its value."""
        self.put((name + self.separator if self.name else "") + value + ('"' if self.equals else ""))

    async def run(self) -> int:
        """Do what was asked."""
        p, o = self.p, self.o
        if o.has("L"):
            return await self.services()
        for arg in o.args:
            word = re.split(r"[%#+=-]", re.split(r":[+=-]", arg)[0])[0]
            if any(c not in NAME_CHARS for c in word):
                die(p, f"{p.name}: {word}: name contains characters not allowed in shell")
        if o.service and o.confs is None:
            extra = await self.conf.service(o.service)
            if extra is not None:
                files = await self.conf.value("rc_conf_files") or ""
                self.conf.confs = " ".join([files, *extra])
        if o.has("E"):
            files = self.conf.confs if self.conf.confs is not None else await self.conf.value("rc_conf_files") or ""
            self.conf.confs = " ".join(f for f in files.split() if self.conf.is_file(f))
        if o.has("l"):
            return await self.list_files()
        if not o.args and not o.show_all:
            usage(p)
        if o.delete == 1 and o.show_all:
            die(p, f"{p.name}: `-x' option incompatible with `-a'/`-A' options (use `-X' to override)")
        if o.has("c") and o.show_all:
            die(p, f"{p.name}: `-c' option incompatible with `-a'/`-A' options")
        if not await self.conf.correct():
            die(p, f"{p.name}: Exiting due to previous syntax errors")
        if o.show_all:
            return await self.everything()
        status = 0
        for arg in o.args:
            status |= await self.one(arg)
        return status

    async def list_files(self) -> int:
        """-l: the files."""
        if self.o.args:
            usage(self.p)
        if self.o.has("D"):
            self.put(DEFAULTS)
        elif self.conf.confs is not None:
            self.put(self.conf.confs)
        else:
            self.put(await self.conf.value("rc_conf_files") or "")
        return 0

    async def services(self) -> int:
        """-L: the files, and those of services."""
        o = self.o
        found: list[str] = []
        labelled = o.has("v") or o.has("e")

        def wanted(files: list[str]) -> list[str]:
            return [f for f in files if not o.has("E") or self.conf.is_file(f)]

        if not o.args:
            found = list(dict.fromkeys(wanted((await self.conf.value("rc_conf_files") or "").split())))
            if labelled:
                self.put(f"rc_conf_files: {' '.join(found)}" if o.has("v") else f'rc_conf_files="{" ".join(found)}"')
        status = 0
        for service in o.args or await self.conf.services():
            files = await self.conf.service(service)
            if files is None:
                status = 1
                continue
            more = [f for f in wanted(files) if labelled or f not in found]
            if labelled:
                if more:
                    self.put(f"{service}: {' '.join(more)}" if o.has("v") else f'{service}="{" ".join(more)}"')
                continue
            found += more
        if not labelled and found and (not o.args or not o.has("q")):
            self.put(" ".join(found))
        return status

    async def everything(self) -> int:
        """-a, -A, with what is to be done with each."""
        o, conf = self.o, self.conf
        for name, value in await conf.everything(o.show_all == 2):
            if o.has("d"):
                self.put(f"{name}: {conf.description(name)}")
            elif o.has("F"):
                self.put((f"{name}: " if self.name else "") + await conf.find(name))
            elif o.delete:
                await conf.delete(name)
            else:
                where = f"{await conf.find(name)}: " if o.has("v") else ""
                self.p.stdout.write(where)
                if o.has("N"):
                    self.put(name)
                else:
                    self.show(name, value)
        return 0

    async def one(self, arg: str) -> int:
        """One name, or one change."""
        o, conf = self.o, self.conf
        name, equals, value = arg.partition("=")
        mode = ""
        if name.endswith(("+", "-")):
            name, mode = name[:-1], name[-1]
        if o.has("d"):
            self.put(f"{name}: {conf.description(name)}")
        if equals:
            return await self.change(name, mode, value)
        known = await conf.value(name, True)
        if known is None:
            if not (o.has("i") or o.has("q")):
                self.p.stdout.flush()
                self.p.stderr.write(f"{self.p.name}: unknown variable '{name}'\n")
            return 1
        if o.has("c") or o.has("d"):
            return 0
        if o.delete:
            return int(not await conf.delete(name))
        if o.has("F"):
            self.put((f"{name}: " if self.name else "") + await conf.find(name))
            return 0
        if o.has("v"):
            found = await conf.find(name)
            self.p.stdout.write(f": {found}; " if self.equals else f"{found}: ")
        if o.has("N"):
            self.put(name)
        else:
            self.show(name, known)
        return 0

    async def change(self, name: str, mode: str, value: str) -> int:
        """name=value, name+=value, name-=value."""
        o, conf = self.o, self.conf
        if o.has("v") and not o.has("c"):
            file = await conf.find(name)
            if file in (DEFAULTS, ""):
                file = await conf.first()
            self.p.stdout.write(f": {file}; " if self.equals else f"{file}: ")
        if o.delete:
            return int(not await conf.delete(name))
        before = await conf.value(name) or ""
        new = amended(before, mode, value) if mode else value
        if o.has("F"):
            before = await conf.find(name)
        if o.has("c"):
            return await self.check(name, before, new)
        if o.has("N"):
            self.put(name)
            return int(not await conf.set(name, new))
        if not await conf.set(name, new):
            return 1
        after = await conf.find(name) if o.has("F") else await conf.value(name) or ""
        text = name + self.separator if self.name else ""
        text += before + ('" #' if self.equals else "") + " -> " + ('"' if self.equals else "") + after
        self.put(text + ('"' if self.equals else ""))
        return 0

    async def check(self, name: str, before: str, new: str) -> int:
        """-c: would it change anything?"""
        verbose = self.o.has("v")
        if await self.conf.value(name, True) is None:
            if verbose:
                self.put(f"{name}: not currently set")
            return 1
        where = await self.conf.find(name)
        if new != before:
            if verbose:
                self.put(f"{where}: {name}: would change from `{before}' to `{new}'")
            return 1
        if verbose:
            self.put(f"{where}: {name}: already set to `{before}'")
        return 0


def amended(before: str, mode: str, value: str) -> str:
    """A list with words added or removed; its delimiter is the first character of the change if that is a special one."""
    first = value[:1]
    special = first not in IFS and not (first.isascii() and first.isalnum()) and first not in "./"
    delimiter = first if first and special else " "

    def split(text: str) -> list[str]:
        return [w for w in (text.split(delimiter) if delimiter != " " else text.split()) if w]

    if mode == "+":
        new = before
        had = split(before)
        for word in split(value):
            if word not in had:
                new += delimiter + word
    else:
        gone = split(value)
        new = "".join(delimiter + word for word in split(before) if word not in gone)
    return new.removeprefix(delimiter)


@program("/usr/sbin/sysrc")
async def main(p: Program) -> int:
    """sysrc [options] name[[+|-]=value] ... | -a | -A | -l | -L [name ...]"""
    o = parse(p)
    if o.jail or o.rootdir:
        rest, skip = [], False
        for word in p.argv[1:]:
            if skip:
                skip = False
            elif word in ("-j", "-R"):
                skip = True
            elif not (word.startswith(("-j", "-R")) and not word.startswith("--")):
                rest.append(word)
        prefix = ["/usr/sbin/jexec", o.jail] if o.jail else ["/usr/sbin/chroot", o.rootdir]
        execvp(p.sys, [*prefix, "/usr/sbin/sysrc", *rest], p.env)
    return await Sysrc(p, o).run()
