"""daemon(8): run a program in the background, watched or not (usr.sbin/daemon/daemon.c)."""

from __future__ import annotations

from vshell.abi.errno import ECHILD, EINTR, KError
from vshell.abi.fcntl import O_APPEND, O_CLOEXEC, O_CREAT, O_RDWR, O_WRONLY, POLLIN, WNOHANG
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGCHLD, SIGHUP, SIGTERM
from vshell.abi.syscalls import Syscalls
from vshell.userland.environ import Environ
from vshell.userland.execvp import execvp
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrouplist, getpwnam
from vshell.userland.setmode import setmode
from vshell.userland.stdio import decode
from vshell.userland.syslog import FACILITIES, PRIORITIES, syslog

USAGE = """\
usage: daemon [-cfHrS] [-p child_pidfile] [-P supervisor_pidfile]
              [-u user] [-o output_file] [-M output_file_mode] [-t title]
              [-l syslog_facility] [-s syslog_priority]
              [-T syslog_tag] [-m output_mask] [-R restart_delay_secs]
              [-C restart_count]
command arguments ...
  --change-dir         -c         Change the current working directory to root
  --close-fds          -f         Set stdin, stdout, stderr to /dev/null
  --sighup             -H         Close and re-open output file on SIGHUP
  --syslog             -S         Send output to syslog
  --output-file        -o <file>  Append output of the child process to file
  --output-file-mode   -M <mode>  Output file mode of the child process
  --output-mask        -m <mask>  What to send to syslog/file
                                  1=stdout, 2=stderr, 3=both
  --child-pidfile      -p <file>  Write PID of the child process to file
  --supervisor-pidfile -P <file>  Write PID of the supervisor process to file
  --restart            -r         Restart child if it terminates (1 sec delay)
  --restart-count      -C <N>     Restart child at most N times, then exit
  --restart-delay      -R <N>     Restart child if it terminates after N sec
  --title              -t <title> Set the title of the supervisor process
  --user               -u <user>  Drop privileges, run as given user
  --syslog-priority    -s <prio>  Set syslog priority
  --syslog-facility    -l <flty>  Set syslog facility
  --syslog-tag         -T <tag>   Set syslog tag
  --help               -h         Show this help
"""
LONGS = {
    "change-dir": (NO, "c"), "close-fds": (NO, "f"), "sighup": (NO, "H"), "syslog": (NO, "S"), "output-file": (REQUIRED, "o"),
    "output-file-mode": (REQUIRED, "M"), "output-mask": (REQUIRED, "m"), "child-pidfile": (REQUIRED, "p"),
    "supervisor-pidfile": (REQUIRED, "P"), "restart": (NO, "r"), "restart-count": (REQUIRED, "C"),
    "restart-delay": (REQUIRED, "R"), "title": (REQUIRED, "t"), "user": (REQUIRED, "u"), "syslog-priority": (REQUIRED, "s"),
    "syslog-facility": (REQUIRED, "l"), "syslog-tag": (REQUIRED, "T"), "help": (NO, "h"),
}  # fmt: skip
MAX_RESTART_DELAY, MAX_RESTART_COUNT = 31536000, 128
LBUF_SIZE = 4096
NS = 1_000_000_000
START_COST, USER_COST = 300_000, 20_000_000
"""Virtual time until the background process gets to its work, ns; looking up a user takes longer."""


class State:
    """What the command line asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.argv: list[str] = []
        self.flags: set[str] = set()
        self.supervise = False
        self.child_path = self.parent_path = self.output = self.user = self.title = ""
        self.child_file: Pidfile | None = None
        self.parent_file: Pidfile | None = None
        self.output_mode = 0o600
        self.output_fd = -1
        self.mask = 3
        self.restart = self.use_syslog = False
        self.delay = 1
        self.count = -1
        self.tag = "daemon"
        self.priority, self.facility = PRIORITIES["notice"], FACILITIES["daemon"]

    def number(self, text: str, least: int, most: int, what: str) -> int:
        """A number in a range, or exit 6."""
        value, problem = strtonum(text, least, most)
        if problem:
            self.p.errx(6, f"{what}: {problem}")
        return value

    def option(self, key: str, value: str) -> None:
        """One letter."""
        p = self.p
        if key in "cfH":
            self.flags.add(key)
        elif key == "C":
            self.count = self.number(value, 0, MAX_RESTART_COUNT, "invalid restart count")
        elif key == "l":
            if value not in FACILITIES:
                p.errx(5, "unrecognized syslog facility")
            self.facility = FACILITIES[value]
        elif key == "m":
            self.mask = self.number(value, 0, 3, "unrecognized listening mask")
        elif key == "M":
            mode = setmode(value)
            if mode is None:
                p.errx(6, f"unrecognized output file mode: {value}")
            self.output_mode = mode.apply(0, 0)
        elif key == "R":
            self.delay = self.number(value, 1, MAX_RESTART_DELAY, "invalid restart delay")
        elif key == "s":
            if value not in PRIORITIES:
                p.errx(4, "unrecognized syslog priority")
            self.priority = PRIORITIES[value]
        elif key in "opPtuT":
            name = {"o": "output", "p": "child_path", "P": "parent_path", "t": "title", "u": "user", "T": "tag"}[key]
            setattr(self, name, value)
        elif key not in "rS":
            p.usage(USAGE, 0 if key == "h" else 1)
        self.restart = self.restart or key in "rR"
        self.use_syslog = self.use_syslog or key in "lsST"
        self.supervise = self.supervise or key in "lsSToprRP"

    def open_files(self) -> None:
        """The output file and the pid files, while there is still somebody to complain to."""
        p = self.p
        if self.output:
            try:
                self.output_fd = open_log(p.sys, self.output, self.output_mode)
            except KError as e:
                p.err(7, e, "open")
        self.child_file = self.open_pid(self.child_path, "pidfile")
        self.parent_file = self.open_pid(self.parent_path, "ppidfile")

    def open_pid(self, path: str, what: str) -> Pidfile | None:
        """One pid file."""
        if not path:
            return None
        try:
            return Pidfile(self.p, path)
        except (Running, KError) as e:
            if self.child_file is not None:
                self.child_file.remove(self.p)
            if isinstance(e, Running):
                self.p.errx(3, f"process already running, pid: {e.pid}")
            self.p.err(2, e, f"{what} ``{path}''")


def open_log(sys: Syscalls, path: str, mode: int) -> int:
    """The output file, opened for appending."""
    return sys.open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, mode)


def run_command(p: Program, s: State) -> int:
    """daemon_exec: become the command."""
    if s.child_file is not None:
        s.child_file.write(p)
    env = p.env
    if s.user:
        user = getpwnam(p, s.user)
        if user is None:
            p.errx(1, f"unknown user: {s.user}")
        p.sys.setgid(user.gid)
        p.sys.setgroups(getgrouplist(p, user.name, user.gid))
        p.sys.setuid(user.uid)
        environ = Environ(env)
        for name, value in (("USER", user.name), ("HOME", user.dir), ("SHELL", user.shell or "/bin/sh")):
            environ.set(name, value)
        env = environ.vars
    p.sys.sigaction(SIGHUP, SIG_DFL)
    p.sys.sigaction(SIGTERM, SIG_DFL)
    try:
        execvp(p.sys, s.argv, env)
    except KError as e:
        p.err(1, e, s.argv[0])


class Supervisor:
    """The process that watches the command."""

    def __init__(self, p: Program, s: State) -> None:
        self.p = p
        self.sys = p.sys
        self.s = s
        self.pid = 0
        self.pipe = -1
        self.buffer = b""
        self.terminate = self.hangup = self.child_event = False
        self.terminating = False
        self.restarted = 0

    def handler(self, sig: int) -> None:
        """Remember a signal."""
        if sig == SIGTERM:
            self.terminate = True
        elif sig == SIGHUP:
            self.hangup = True
        else:
            self.child_event = True

    def start(self) -> None:
        """Run the command with its output going to us."""
        s = self.s
        self.pipe, write_end = self.sys.pipe()
        read_end = self.pipe
        argv, env = self.p.argv, self.p.env

        async def child(sys: Syscalls) -> int:
            from vshell.userland.crt0 import start

            for number in (2, 1):
                if s.mask & number:
                    sys.dup2(write_end, number)
            if write_end not in (1, 2):
                sys.close(write_end)
            sys.close(read_end)
            return await start(lambda p: run_command(p, s), sys, argv, env)

        self.pid = self.sys.fork(child)
        self.sys.close(write_end)
        self.sys.setargs([f"daemon: {s.title}[{self.pid}]"])

    async def watch(self) -> None:
        """Until the command has ended."""
        open_pipe = True
        self.terminating = False
        while True:
            if self.child_event:
                self.child_event = False
                if self.reaped():
                    break
            if self.terminate:
                self.terminate = False
                if not self.terminating:
                    self.terminating = True
                    self.s.restart = False
                    self.kill()
            if self.hangup:
                self.hangup = False
                self.reopen()
            try:
                ready = await self.sys.poll([(self.pipe, POLLIN)] if open_pipe else [], None)
            except KError as e:
                if e.errno != EINTR:
                    raise
                continue
            if ready:
                open_pipe = await self.listen()
        while open_pipe:
            open_pipe = await self.listen(wait=False)
        self.sys.close(self.pipe)
        if self.s.child_file is not None and self.s.restart:
            self.s.child_file.truncate(self.p)

    def reaped(self) -> bool:
        """True once the command itself has ended."""
        while True:
            try:
                pid, _ = self._wait()
            except KError as e:
                return e.errno == ECHILD
            if pid == self.pid:
                self.pid = -1
                return True
            if pid == 0:
                return False

    def _wait(self) -> tuple[int, int]:
        """waitpid(-1, WNOHANG): never sleeps."""
        waiting = self.sys.wait4(-1, WNOHANG)
        try:
            waiting.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        waiting.close()
        return 0, 0

    def kill(self) -> None:
        """Pass SIGTERM on."""
        if self.pid > 0:
            try:
                self.sys.kill(self.pid, SIGTERM)
            except KError:
                pass

    def reopen(self) -> None:
        """-H: a new output file under the old name."""
        if "H" in self.s.flags and self.s.output_fd >= 0:
            self.sys.close(self.s.output_fd)
            self.s.output_fd = open_log(self.sys, self.s.output, self.s.output_mode)

    async def listen(self, wait: bool = True) -> bool:
        """Take what the command printed; False at its end."""
        if not wait and not await self.sys.poll([(self.pipe, POLLIN)], 0):
            return False
        data = await self.sys.read(self.pipe, LBUF_SIZE - len(self.buffer) - 1)
        self.buffer += data
        end = self.buffer.rfind(b"\n") + 1 if data and len(self.buffer) < LBUF_SIZE - 1 else len(self.buffer)
        await self.output(self.buffer[:end])
        self.buffer = self.buffer[end:]
        return bool(data)

    async def output(self, data: bytes) -> None:
        """Hand on what the command printed."""
        s = self.s
        if not data:
            return
        if s.use_syslog:
            for line in data.splitlines():
                await syslog(self.sys, s.facility | s.priority, s.tag, decode(line), self.sys.getpid())
        if s.output_fd >= 0:
            await self.sys.write(s.output_fd, data)
        if "f" not in s.flags and not s.use_syslog and s.output_fd < 0:
            await self.sys.write(1, data)

    async def pause(self) -> None:
        """The delay before a restart."""
        until = self.sys.clock_gettime("uptime") + self.s.delay * NS
        while self.s.restart and not self.terminate:
            left = until - self.sys.clock_gettime("uptime")
            if left <= 0:
                return
            try:
                await self.sys.nanosleep(left)
            except KError as e:
                if e.errno != EINTR:
                    raise
            if self.hangup:
                self.hangup = False
                self.reopen()
        self.s.restart = False

    async def run(self) -> int:
        """The life of the supervisor."""
        s = self.s
        if s.parent_file is not None:
            s.parent_file.write(self.p)
        for sig in (SIGHUP, SIGTERM, SIGCHLD):
            self.sys.sigaction(sig, self.handler)
        while True:
            self.start()
            await self.watch()
            await self.pause()
            if s.restart and s.count > -1:
                if self.restarted >= s.count:
                    s.restart = False
                self.restarted += 1
            if not s.restart:
                break
        for file in (s.child_file, s.parent_file):
            if file is not None:
                file.remove(self.p)
        return 1


def background(p: Program, s: State) -> None:
    """daemon(3): a child in a session of its own goes on."""
    argv, env = p.argv, p.env

    async def child(sys: Syscalls) -> int:
        from vshell.userland.crt0 import start

        sys.setsid()
        # The real one has work to do before it comes so far; meanwhile the caller goes on.
        await sys.nanosleep(USER_COST if s.user else START_COST)
        if "c" in s.flags:
            sys.chdir("/")
        if "f" in s.flags:
            null = sys.open("/dev/null", O_RDWR)
            for fd in (0, 1, 2):
                sys.dup2(null, fd)
            if null > 2:
                sys.close(null)
        if not s.supervise:
            return await start(lambda q: run_command(q, s), sys, argv, env)
        return await start(lambda q: Supervisor(q, s).run(), sys, argv, env)

    p.sys.fork(child)


@program("/usr/sbin/daemon")
def main(p: Program) -> int:
    """daemon [-cfHrS] [-p child_pidfile] [-P supervisor_pidfile] ... command arguments ..."""
    s = State(p)
    p.sys.sigaction(SIGHUP, SIG_IGN)
    p.sys.sigaction(SIGTERM, SIG_IGN)
    parsed = GetoptLong(p, "+cfHSp:P:ru:o:M:s:l:t:m:R:T:C:h", LONGS)
    for key, value in parsed:
        s.option(key, value)
    s.argv = parsed.args
    if not s.argv:
        p.usage(USAGE)
    s.title = s.title or s.argv[0]
    s.open_files()
    background(p, s)
    return 0
