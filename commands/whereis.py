"""whereis(1): locate programs (usr.bin/whereis/whereis.c).

DIFFERS: there are no manual pages and no sources, so -m and -s search only the directories given with -M and -S.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT, S_IFREG
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

EX_USAGE = 64
USAGE = "usage: whereis [-abmqsux] [-BMS dir ... -f] program ...\n"
CS_PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
LISTS = ("-f", "-B", "-M", "-S")


def plain(word: str) -> str:
    """The name without directory and the suffixes of version control and compression."""
    name = word.rpartition("/")[2]
    if len(name) > 2 and name.startswith("s."):
        name = name[2:]
    if len(name) > 2:
        name = name.removesuffix(",v")
    for suffix in (".z", ".Z", ".gz", ".bz2"):
        if len(name) > len(suffix) and name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def split(text: str) -> list[str]:
    """The directories in a list with colons."""
    return [d for d in text.split(":") if d]


class Whereis:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.directories: dict[str, list[str]] = {}

    def options(self) -> list[str]:
        """Take the options; the names asked for."""
        parsed = Getopt(self.p, "BMSabfmqsux")
        for letter, _ in parsed:
            if letter == "?":
                self.p.usage(USAGE, EX_USAGE)
            if letter == "f":
                break
            if letter in "BMS":
                found = self.directories.setdefault(letter, [])
                while parsed.args and parsed.args[0] not in LISTS:
                    found += [d for d in split(parsed.args[0]) if d not in found]
                    parsed.optind += 1
            else:
                self.flags.add(letter)
        if not parsed.args:
            self.p.usage(USAGE, EX_USAGE)
        if not self.flags & set("bms"):
            self.flags |= set("bms")
        if "B" not in self.directories:
            every = [*split(CS_PATH), "/usr/libexec", *split(self.p.env.get("PATH", ""))]
            self.directories["B"] = list(dict.fromkeys(every))
        return parsed.args

    def search(self, letter: str, name: str, kind: int) -> list[str]:
        """Where something of that name is; only the first place without -a."""
        found = []
        for directory in self.directories.get(letter, ()):
            path = f"{directory}/{name}"
            try:
                mode = self.p.sys.stat(path).st_mode
            except KError:
                continue
            if mode & S_IFMT == kind and (kind == S_IFDIR or mode & 0o111):
                found.append(path)
                if "a" not in self.flags:
                    break
        return found

    def run(self) -> int:
        """The whole run."""
        for word in self.options():
            name = plain(word)
            parts: list[list[str]] = []
            if "b" in self.flags:
                parts.append(self.search("B", name, S_IFREG))
            if "m" in self.flags:
                parts.append([])
            if "s" in self.flags:
                parts.append(self.search("S", name, S_IFDIR))
            if "u" in self.flags and all(parts):
                continue
            line = [] if "q" in self.flags else [f"{name}:"]
            line += [path for part in parts for path in part]
            if line:
                self.p.stdout.write(" ".join(line) + "\n")
        return 0


@program("/usr/bin/whereis")
def main(p: Program) -> int:
    """whereis [-abmqsux] [-BMS dir ... -f] program ..."""
    return Whereis(p).run()
