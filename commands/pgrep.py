"""pgrep(1), pkill(1): find or signal processes by name and attributes (bin/pkill/pkill.c)."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, ESRCH, KError
from vshell.abi.fcntl import LOCK_EX, LOCK_NB, S_IFCHR, S_IFMT
from vshell.abi.proc import KinfoProc
from vshell.abi.signal import SIGNAMES, SIGTERM
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrnam, getpwnam
from vshell.userland.regex import EXTENDED, ICASE, RegexError, regcomp
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

STATUS_MATCH, STATUS_NOMATCH, STATUS_BADUSAGE, STATUS_ERROR = 0, 1, 2, 3
ANY = -1
LISTS = {"G": "rgid", "P": "ppid", "U": "ruid", "g": "pgid", "j": "jid", "s": "sid", "t": "tty", "u": "uid", "c": "class"}
"""Options that take a list, and the attribute they compare."""
MIN_PID, MAX_PID = 5, 99999


class Pgrep:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.pgrep = p.name == "pgrep"
        self.signal = SIGTERM
        self.flags: set[str] = set()
        self.delimiter = "\n"
        self.lists: dict[str, list[int | str]] = {}
        self.pidfile: str | None = None
        self.criteria = False
        self.printed = False

    def usage(self) -> None:
        """How to call it."""
        name = self.p.name
        options = "[-LSfilnoqvx] [-d delim]" if self.pgrep else "[-signal] [-ILfilnovx]"
        self.p.usage(
            f"usage: {name} {options} [-F pidfile] [-G gid] [-M core] [-N system]\n"
            "             [-P ppid] [-U uid] [-c class] [-g pgrp] [-j jail]\n"
            "             [-s sid] [-t tty] [-u euid] pattern ...",
            STATUS_BADUSAGE,
        )

    def parse(self) -> list[str]:
        """The command line; returns the patterns."""
        argv = list(self.p.argv)
        if not self.pgrep and len(argv) > 1 and argv[1].startswith("-"):
            sig = signal_of(argv[1][1:])
            if sig is not None:
                self.signal = sig
                del argv[1]
        parsed = Getopt(self.p, "DF:G:ILM:N:P:SU:ac:d:fg:ij:lnoqs:t:u:vx", argv)
        for key, value in parsed:
            if key == "?" or key in ("I" if self.pgrep else "Sdq"):
                self.usage()
            elif key == "F":
                self.pidfile = value
                self.criteria = True
            elif key in LISTS:
                self.lists.setdefault(key, []).extend(self.elements(key, value))
                self.criteria = True
            elif key == "d":
                self.delimiter = value
            else:
                self.flags.add(key)
                self.criteria = self.criteria or key in "no"
        if not (self.criteria or parsed.args):
            self.usage()
        if {"n", "o"} <= self.flags:
            self.p.errx(STATUS_ERROR, "Options -n and -o are mutually exclusive")
        if "L" in self.flags and self.pidfile is None:
            self.p.errx(STATUS_ERROR, "Option -L doesn't make sense without -F")
        return parsed.args

    # lists ---------------------------------------------------------------------------------------------------------
    def elements(self, key: str, text: str) -> list[int | str]:
        """The elements of a list argument."""
        words = text.split(",")
        if "" in words:
            self.usage()
        return [self.element(key, word) for word in words]

    def element(self, key: str, word: str) -> int | str:
        """One element: a number, or a name."""
        number = c_integer(word)
        if key == "c":
            return word
        if number is not None:
            return self.number(key, word, number)
        if key in "Uu":
            user = getpwnam(self.p, word)
            if user is None:
                self.p.errx(STATUS_BADUSAGE, f"Unknown user `{word}'")
            return user.uid
        if key == "G":
            group = getgrnam(self.p, word)
            if group is None:
                self.p.errx(STATUS_BADUSAGE, f"Unknown group `{word}'")
            return group.gid
        if key == "j":
            return self.jail(word)
        if key == "t":
            return self.terminal(word)
        self.usage()
        return 0

    def number(self, key: str, word: str, number: int) -> int | str:
        """An element that is a number; 0 stands for our own group, our own session, any jail."""
        if key == "g" and number == 0:
            return self.p.sys.getpgrp()
        if key == "s" and number == 0:
            me = self.p.sys.getpid()
            return next((k.sid for k in self.p.sys.sysctl("kern.proc") if k.pid == me), 0)
        if key == "j":
            if number < 0:
                self.p.errx(STATUS_BADUSAGE, f"Negative jail ID `{word}'")
            return number or ANY
        if key == "t":
            if number < 0:
                self.p.errx(STATUS_BADUSAGE, f"Negative /dev/pts tty `{word}'")
            try:
                self.p.sys.stat(f"/dev/pts/{word}")
            except KError:
                self.p.errx(STATUS_BADUSAGE, f"No such tty: `/dev/pts/{word}'")
            return f"pts/{word}"
        return number

    def jail(self, word: str) -> int:
        """A jail by name."""
        if word in ("none", "any"):
            return 0 if word == "none" else ANY
        try:
            return jail_getid(self.p.sys, word)
        except JailError:
            self.p.errx(STATUS_BADUSAGE, f"Invalid jail ID or name `{word}'")

    def terminal(self, word: str) -> str:
        """A terminal by name; "-" for processes without one."""
        if word == "-":
            return ""
        for name in ("console" if word == "co" else word, f"tty{word}"):
            try:
                st = self.p.sys.stat(f"/dev/{name}")
            except KError:
                continue
            if st.st_mode & S_IFMT != S_IFCHR:
                self.p.errx(STATUS_BADUSAGE, f"Not a tty: `{word}'")
            return name
        # A session without a terminal of ours has that of the system's console.
        used = {k.tty for k in self.p.sys.sysctl("kern.proc")}
        for name in (word, f"tty{word}"):
            if name in used:
                return name
        self.p.errx(STATUS_BADUSAGE, f"No such tty: `{word}'")

    def take_pid(self) -> int | None:
        """-F: the process id in a file."""
        if self.pidfile is None:
            return None
        name = self.pidfile
        try:
            text = decode(slurp(self.p, name))
        except KError as e:
            self.p.err(STATUS_ERROR, e, f"Cannot open pidfile `{name}'")
        if "L" in self.flags:
            fd = self.p.sys.open(name)
            try:
                self.p.sys.flock_nowait(fd, LOCK_EX | LOCK_NB)
                self.p.errx(STATUS_ERROR, f"File '{name}' can be locked")
            except KError as e:
                if e.errno != EAGAIN:
                    self.p.errx(STATUS_ERROR, f"Error while locking file '{name}'")
        if not text:
            self.p.errx(STATUS_ERROR, f"Pidfile `{name}' is empty")
        line = text.split("\n")[0]
        word = line.split()[0] if line.split() else ""
        number = int(word) if word.isascii() and word.isdigit() and not line[:1].isspace() else -1
        if not MIN_PID <= number <= MAX_PID:
            self.p.errx(STATUS_ERROR, f"Invalid pid in file `{name}'")
        return number

    # matching ------------------------------------------------------------------------------------------------------
    def processes(self) -> list[KinfoProc]:
        """All processes but ourselves and (without -S) the kernel's, newest first as kvm(3) lists them."""
        me = self.p.sys.getpid()
        found: list[KinfoProc] = self.p.sys.sysctl("kern.proc")
        return [k for k in found if k.pid != me and (not k.system or "S" in self.flags)]

    def select(self, patterns: list[str], procs: list[KinfoProc], pid: int | None) -> set[int]:
        """The ids of the processes that match."""
        chosen: set[int] = set() if patterns else {k.pid for k in procs}
        for pattern in patterns:
            try:
                regex = regcomp(pattern, EXTENDED | (ICASE if "i" in self.flags else 0))
            except RegexError as e:
                self.p.errx(STATUS_BADUSAGE, f"Cannot compile regular expression `{pattern}' ({e})")
            for k in procs:
                text = " ".join(k.args) if "f" in self.flags and k.args else k.comm
                match = regex.find(text)
                if match is not None and ("x" not in self.flags or match == (0, len(text))):
                    chosen.add(k.pid)
        for k in procs:
            if (pid is not None and k.pid != pid) or not all(self.listed(key, k) for key in self.lists):
                chosen.discard(k.pid)
        if "a" not in self.flags:
            chosen -= self.ancestors()
        return self.extreme(chosen, procs)

    def listed(self, key: str, k: KinfoProc) -> bool:
        """True if a process is in one of the lists."""
        if key == "c":
            return not k.system and "default" in self.lists[key]
        value = getattr(k, LISTS[key])
        return value in self.lists[key] or (key == "j" and ANY in self.lists[key] and value > 0)

    def ancestors(self) -> set[int]:
        """Those from which we descend are not matched."""
        parents = {k.pid: k.ppid for k in self.p.sys.sysctl("kern.proc")}
        found = set()
        pid = self.p.sys.getppid()
        while pid and pid not in found:
            found.add(pid)
            pid = parents.get(pid, 0)
        return found

    def extreme(self, chosen: set[int], procs: list[KinfoProc]) -> set[int]:
        """-n and -o: only the newest or the oldest."""
        if not self.flags & {"n", "o"}:
            return chosen
        matching = [k for k in procs if k.pid in chosen]
        if not matching:
            return set()
        pick = max if "n" in self.flags else min
        return {pick(matching, key=lambda k: (k.start, k.pid)).pid}

    # acting --------------------------------------------------------------------------------------------------------
    def describe(self, k: KinfoProc) -> str:
        """How a process is shown."""
        if ("l" in self.flags or not self.pgrep) and "f" in self.flags and k.args:
            return f"{k.pid} {' '.join(k.args)}"
        if "l" in self.flags or not self.pgrep:
            return f"{k.pid} {k.comm}"
        return str(k.pid)

    async def act(self, k: KinfoProc) -> bool:
        """Print or signal one process; True if that counts as a match."""
        p = self.p
        if self.pgrep:
            if "q" not in self.flags:
                p.stdout.write((self.delimiter if self.printed else "") + self.describe(k))
            self.printed = True
            return True
        if "I" in self.flags:
            p.stdout.write(f"kill {self.describe(k)}? ")
            p.stdout.flush()
            answer = await p.stdin.readline()
            if answer[:1] not in (b"y", b"Y"):
                return True
        try:
            p.sys.kill(k.pid, self.signal)
        except KError as e:
            if e.errno != ESRCH:
                p.warn(e, f"signalling pid {k.pid}")
            return False
        return True

    async def run(self) -> int:
        """The exit status."""
        patterns = self.parse()
        pid = self.take_pid()
        if pid is not None and all(k.pid != pid for k in self.p.sys.sysctl("kern.proc")):
            self.p.errx(STATUS_ERROR, "Cannot get process list (kvm_getprocs: No such process)")
        procs = self.processes()
        chosen = self.select(patterns, procs, pid)
        matched = told = False
        for k in procs:
            inverse = "v" in self.flags
            if k.pid in chosen and "l" in self.flags and not self.pgrep:
                told = True
                self.p.stdout.write(f"kill -{self.signal} {k.pid}\n")
            if (k.pid in chosen) != inverse:
                matched = await self.act(k) or matched
        if matched and self.pgrep and "q" not in self.flags:
            self.p.stdout.write("\n")
        if not told and not self.pgrep and "l" in self.flags:
            self.p.stderr.write("No matching processes belonging to you were found\n")
        return STATUS_MATCH if matched else STATUS_NOMATCH


def c_integer(text: str) -> int | None:
    """strtol(text, &end, 0), None unless all of it is a number."""
    body = text[1:] if text[:1] in ("+", "-") else text
    base = 16 if body[:2].lower() == "0x" else 8 if body.startswith("0") and len(body) > 1 else 10
    if not (body.isascii() and body.isalnum()):
        return None
    try:
        return int(text, base)
    except ValueError:
        return None


def signal_of(text: str) -> int | None:
    """A signal given as the first argument of pkill."""
    if text and text.isascii() and text.isdigit():
        return int(text)
    name = text.upper().removeprefix("SIG")
    return SIGNAMES.index(name) if name in SIGNAMES[1:] else None


@program("/bin/pgrep", "/bin/pkill", "/usr/bin/pgrep", "/usr/bin/pkill")
async def main(p: Program) -> int:
    """pgrep [-LSfilnoqvx] [-d delim] ... pattern ...; pkill [-signal] [-ILfilnovx] ... pattern ..."""
    return await Pgrep(p).run()
