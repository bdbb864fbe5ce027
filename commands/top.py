"""top(1): the busiest processes, once or again and again (usr.bin/top).

DIFFERS: a display is always drawn whole, and of the keys only those that need no answer work: q, a, I, j, S, t, u, H, blank.
"""

from __future__ import annotations

import re
import struct

from vshell.abi.errno import EINTR, KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.proc import KinfoProc
from vshell.abi.signal import SIG_DFL, SIGCONT, SIGINT, SIGQUIT, SIGTSTP
from vshell.abi.termios import TIOCGETA, TIOCSETA, Termios
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program, program
from vshell.userland.pwd import getpwnam, user_from_uid
from vshell.userland.strftime import localtime, strftime

NS = 1_000_000_000
OPTIONS = "CSIHPabijJ:nquvzs:d:U:m:o:p:Ttw"
USAGE = """\
[-abCHIijnPqSTtuvwz] [-d count] [-J jail] [-m cpu | io] [-o field]
     [-p pid] [-s time] [-U username] [number]"""
ORDERS = (
    "cpu", "size", "res", "time", "pri", "threads", "total", "read", "write", "fault", "vcsw", "ivcsw", "jid", "swap", "pid",
)  # fmt: skip
STATES = {"R": "running", "S": "sleeping", "T": "stopped", "Z": "zombie"}
PAGE_COUNTS = (
    ("active", "Active"),
    ("inactive", "Inact"),
    ("laundry", "Laundry"),
    ("wire", "Wired"),
    ("", "Buf"),
    ("free", "Free"),
)
NOMINAL = 18
"""So many processes are shown where nobody said how many."""
SIZE, RESIDENT = 13_000, 2_400
"""Of every process, in KB: memory is not modelled."""


def format_k(amount: int) -> str:
    """A number of KB, shorter where it gets long."""
    unit = "K"
    for bigger in "MGT":
        if amount < 10000 if unit == "K" else amount < 1024:
            break
        amount, unit = (amount + 512) // 1024, bigger
    return f"{amount}{unit}"


def format_time(seconds: int) -> str:
    """m:ss"""
    return f"{seconds // 60:3d}:{seconds % 60:02d}"


class Top:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.jid = self.uid = self.pid = -1
        self.delay = 2 * NS
        self.displays = 0
        self.count = -1
        self.order = "cpu"
        self.warnings = 0
        self.smart = False
        self.leaving = False
        self.saved: Termios | None = None
        """How the terminal was."""
        self.busy: dict[int, tuple[int, int]] = {}
        """Processor time of each process at the display before, and when that was."""

    # options ---------------------------------------------------------------------------------------------------
    def warning(self, text: str) -> None:
        """A warning about the options."""
        self.p.warnx(f"warning: {text}")
        self.warnings += 1

    def options(self) -> None:
        """Take the options of $TOP and of the command line."""
        preset = self.p.env.get("TOP", "").split()
        for argv in ([self.p.name, *preset], self.p.argv):
            parsed = Getopt(self.p, OPTIONS, argv)
            for letter, value in parsed:
                self._option(letter, value)
            if parsed.args:
                self._number(parsed.args[0])

    def _number(self, word: str) -> None:
        if word.isascii() and word.isdigit():
            self.count = int(word)
        elif word not in ("infinity", "all"):
            self.warning("process display count should be non-negative -- using default")

    def _option(self, letter: str, value: str) -> None:
        p = self.p
        if letter == "?":
            p.errx(1, USAGE)
        elif letter == "v":
            p.errx(0, "version FreeBSD")
        elif letter in "nb":
            self.flags = self.flags - {"i"} | {"b"}
        elif letter == "d":
            if value.isdecimal() and int(value) > 0:
                self.displays = int(value)
            elif value not in ("infinity", "all"):
                self.warning("display count should be positive -- option ignored")
        elif letter == "s":
            self._delay(value)
        elif letter == "U":
            user = getpwnam(p, value)
            if user is None:
                p.errx(1, f"{value}: unknown user\n")
            self.uid = user.uid
        elif letter == "J":
            try:
                self.jid = 0 if value == "0" else jail_getid(p.sys, value)
            except JailError:
                p.stderr.write(f"{value}: unknown jail\n")
                p.exit(1)
            self.flags.add("j")
        elif letter == "p":
            self._pid(value)
        elif letter == "o":
            self.order = value
        elif letter == "m":
            if value not in ("io", "cpu"):
                p.errx(1, "warning: `-m' option can only take args 'io' or 'cpu'")
            self.flags = self.flags - {"io"} | ({"io"} if value == "io" else set())
        else:
            self.flags ^= {letter}

    def _delay(self, text: str) -> None:
        match = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)", text)
        if match is None:
            self.warning("invalid delay")
        elif float(match[0]) <= 0:
            self.warning("seconds delay should be positive -- using default")
        else:
            self.delay = min(int(float(match[0]) * NS), 1 << 62)

    def _pid(self, text: str) -> None:
        if not text.isdecimal() or all(k.pid != int(text) for k in self.p.sys.sysctl("kern.proc")):
            self.p.stderr.write(f"{text}: unknown pid\n")
            self.p.exit(1)
        self.pid = int(text)

    # the display -----------------------------------------------------------------------------------------------
    def sysctl(self, name: str, default: int = 0) -> int:
        """A number of the kernel, or what stands for it where there is none."""
        try:
            value = self.p.sys.sysctl(name)
        except KError:
            return default
        return int(value) if isinstance(value, int) else default

    def times(self) -> tuple[int, ...]:
        """kern.cp_time."""
        return struct.unpack("<5q", self.p.sys.sysctl("kern.cp_time"))

    def header(self, procs: list[KinfoProc], before: tuple[int, ...]) -> list[str]:
        """The lines above the processes."""
        p = self.p
        now, up = p.sys.clock_gettime() // NS, p.sys.clock_gettime("uptime") // NS
        loads = ",".join(f" {load:7.2f}" for load in (0, 0, 0))
        first = f"last pid: {max((k.pid for k in procs), default=0):5d};  load averages:{loads}"
        uptime = f"  up {up // 86400}+{up // 3600 % 24:02d}:{up // 60 % 60:02d}:{up % 60:02d}"
        clock = strftime("%H:%M:%S", localtime(now, p.env))
        states = [f"{n} {STATES[s]}" for s in STATES if (n := sum(k.state == s for k in procs))]
        cpu = [b - a for a, b in zip(before, self.times(), strict=True)]
        total = sum(cpu) or 1
        shares = [100 * n / total for n in cpu] if sum(cpu) else [0, 0, 0, 0, 100]
        names = ("user", "nice", "system", "interrupt", "idle")
        if self.smart:
            # what stands at the right edge is written over what is too long
            columns = self.size()[1]
            up_at = max(0, columns - 24 - (up >= 864_000))
            top = (first[:up_at].ljust(up_at) + uptime[1:]).ljust(columns - 8) + clock
        else:
            top = f"{first}{uptime}    {clock}"
        return [
            top,
            f"{len(procs)} processes:{' ' * max(0, 4 - len(str(len(procs))))}{', '.join(states)}",
            "CPU: " + ", ".join(f"{s:4.1f}% {n}" if s < 100 else f"{s:4.0f}% {n}" for s, n in zip(shares, names, strict=True)),
            f"Mem: {', '.join(self.memory())}",
            "",
            "",
        ]

    def memory(self) -> list[str]:
        """How much memory is used for what."""
        physical = self.sysctl("hw.physmem", 1 << 30) // 1024
        guess = {"active": 20_000, "inactive": 90_000, "laundry": 0, "wire": 180_000, "": 60_000}
        guess["free"] = max(physical - sum(guess.values()) + 60_000, 0)
        amounts = [
            (
                self.sysctl(f"vm.stats.vm.v_{name}_count", guess[name] // 4) * 4
                if name
                else self.sysctl("vfs.bufspace", 0) // 1024,
                text,
            )
            for name, text in PAGE_COUNTS
        ]
        return [f"{format_k(n)} {text}" for n, text in amounts if n]

    def columns(self) -> str:
        """The heading of the processes."""
        jail = " JID" if "j" in self.flags else ""
        user = "   UID  " if "u" in self.flags else "USERNAME"
        pid = " THR" if "T" in self.flags else "PID"
        if "io" in self.flags:
            return f"  {pid}{jail} {user:<10.10}   VCSW  IVCSW   READ  WRITE  FAULT  TOTAL PERCENT COMMAND"
        thr = "" if "H" in self.flags else "THR "
        swap = "SWAP " if "w" in self.flags else ""
        share = "CPU" if "C" in self.flags else "WCPU"
        return f"  {pid}{jail} {user:<10.10}  {thr}PRI NICE   SIZE    RES {swap}STATE    TIME  {share:>6} COMMAND"

    def line(self, k: KinfoProc, share: float) -> str:
        """One process."""
        user = str(k.ruid) if "u" in self.flags else user_from_uid(self.p, k.ruid)
        out = f"{k.pid + 100000 if 'T' in self.flags else k.pid:5d} " + (f"{k.jid:3d} " if "j" in self.flags else "")
        if "io" in self.flags:
            return out + f"{user:<10.10}" + f"{0:6d} " * 6 + f"{0:6.2f}% {self.command(k)}"
        state = {"R": "RUN", "S": k.wchan[:6], "T": "STOP", "Z": "ZOMB"}.get(k.state, "")
        seconds = (k.utime + k.stime + NS // 2) // NS
        out += f"{user:<10.10} " + (" " if "H" in self.flags else f"{1:4d} ")
        out += f"{20 + k.nice:3d} {k.nice:4d}{format_k(SIZE):>7} {format_k(RESIDENT):>6} "
        out += f"{'0B':>4} " if "w" in self.flags else ""
        return out + f"{state:<6.6} {format_time(seconds):>6} {share:6.2f}% {self.command(k)}"

    def command(self, k: KinfoProc) -> str:
        """The name, with -a the arguments."""
        if "a" not in self.flags:
            return k.comm
        if not k.args:
            return f"[{k.comm}]"
        text = " ".join(k.args)
        return text if k.args[0].rpartition("/")[2] == k.comm else f"{text} ({k.comm})"

    def chosen(self, procs: list[KinfoProc]) -> list[tuple[KinfoProc, float]]:
        """The processes to show, the busiest first, with their share of the processor."""
        now = self.p.sys.clock_gettime("uptime")
        me = self.p.sys.getpid()
        found = []
        for k in procs:
            used, when = self.busy.get(k.pid, (0, 0))
            spent = k.utime + k.stime
            share = 100 * (spent - used) / (now - when) if now > when else 0.0
            self.busy[k.pid] = (spent, now)
            wanted = "S" in self.flags or not k.system or self.pid == k.pid
            wanted = wanted and (self.jid < 0 or k.jid == self.jid) and (self.uid < 0 or k.ruid == self.uid)
            wanted = wanted and (self.pid < 0 or k.pid == self.pid) and not ("t" in self.flags and k.pid == me)
            if wanted and not ("I" in self.flags and k.state == "S"):
                found.append((k, share))
        if self.order == "pid":
            return sorted(found, key=lambda f: f[0].pid)
        if self.order == "jid":
            return sorted(found, key=lambda f: (f[0].jid, f[0].pid))
        if self.order == "pri":
            return sorted(found, key=lambda f: f[0].nice)
        time = [(-(k.utime + k.stime), -k.pid) for k, _ in found]
        by = {id(k): t for (k, _), t in zip(found, time, strict=True)}
        if self.order == "time":
            return sorted(found, key=lambda f: by[id(f[0])])
        return sorted(found, key=lambda f: (-round(f[1], 2), f[0].state != "R", by[id(f[0])]))

    def size(self) -> tuple[int, int]:
        """Rows and columns of the terminal."""
        try:
            return self.p.sys.ttysize(1)
        except KError:
            return 24, 80

    def show(self, before: tuple[int, ...]) -> None:
        """One display."""
        procs: list[KinfoProc] = self.p.sys.sysctl("kern.proc")
        lines = self.header(procs, before)
        count = self.count
        if count < 0:
            count = 1 << 30 if self.smart else NOMINAL
        if count:
            lines.append(self.columns())
            lines += [self.line(k, share) for k, share in self.chosen(procs)[:count]]
        if not self.smart:
            self.p.stdout.write("\n".join(lines) + "\n")
            return
        rows, columns = self.size()
        self.p.stdout.write("\x1b[H\x1b[2J" + "\r\n".join(line[:columns] for line in lines[: rows - 1]) + "\r\n")

    # running ---------------------------------------------------------------------------------------------------
    async def wait(self, interactive: bool) -> None:
        """Until the next display, or a key."""
        sys = self.p.sys
        try:
            if not interactive:
                await sys.nanosleep(self.delay)
            elif await sys.poll([(0, POLLIN)], self.delay):
                for key in (await sys.read(0, 1)).decode("ascii", "replace") or "q":
                    self.leaving = self.leaving or key == "q"
                    if key in "aIjStuHCw":
                        self.flags ^= {key}
        except KError as e:
            if e.errno != EINTR:
                raise

    def _leave(self, sig: int) -> None:
        self.leaving = True

    def _raw(self, sig: int = 0) -> None:
        """Keys one by one; ^Z gives the terminal back first, and who comes back from that does this again."""
        sys = self.p.sys
        sys.sigaction(SIGTSTP, self._stop, False)
        sys.ioctl(0, TIOCSETA(Termios(icanon=False, echo=False)))

    def _stop(self, sig: int) -> None:
        sys = self.p.sys
        if self.saved is not None:
            sys.ioctl(0, TIOCSETA(self.saved))
        sys.sigaction(SIGTSTP, SIG_DFL)
        sys.kill(sys.getpid(), SIGTSTP)

    async def run(self) -> int:
        """The whole run."""
        p = self.p
        self.options()
        if self.order not in ORDERS:
            p.warnx(f"'{self.order}' is not a recognized sorting order.")
            p.stderr.write(f"\tTry one of these: {', '.join(ORDERS)}\n")
            return 1
        self.smart = "b" not in self.flags and p.sys.isatty(1) and p.env.get("TERM", "dumb") not in ("", "dumb")
        interactive = "i" in self.flags or self.smart
        displays = self.displays or (-1 if self.smart else 1)
        if self.warnings:
            p.stderr.write("....")
            await p.sys.nanosleep(3 * NS * self.warnings)
            p.stderr.write("\n")
        if interactive and p.sys.isatty(0):
            self.saved = p.sys.ioctl(0, TIOCGETA())
            p.sys.sigaction(SIGCONT, self._raw, False)
            self._raw()
        for sig in (SIGINT, SIGQUIT):
            p.sys.sigaction(sig, self._leave, False)
        before: tuple[int, ...] = (0,) * 5
        while not self.leaving:
            self.show(before)
            before = self.times()
            p.stdout.flush()
            displays -= 1
            if not displays:
                break
            await self.wait(interactive)
        if self.saved is not None:
            p.sys.ioctl(0, TIOCSETA(self.saved))
        return 0


@program("/usr/bin/top")
async def main(p: Program) -> int:
    """top [-abCHIijnPqSTtuvwz] [-d count] [-J jail] [-o field] [-s time] [number]"""
    return await Top(p).run()
