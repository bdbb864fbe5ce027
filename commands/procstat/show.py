"""What procstat(1) can show of a process: one method for each of its commands (procstat_*.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY
from vshell.abi.proc import KinfoFile, KinfoProc
from vshell.abi.record import Record
from vshell.abi.signal import SIGNAMES
from vshell.abi.socket import AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM, SockaddrIn, SockaddrIn6, SockaddrUn
from vshell.userland.addr import inet_ntop
from vshell.userland.humanize import humanize_number
from vshell.userland.libxo import Xo
from vshell.userland.program import Program

NSIG = 128
LIMITS = (
    ("cpu", "cputime", "sec"), ("fsize", "filesize", "B  "), ("data", "datasize", "B  "), ("stack", "stacksize", "B  "),
    ("core", "coredumpsize", "B  "), ("rss", "memoryuse", "B  "), ("memlock", "memorylocked", "B  "),
    ("nproc", "maxprocesses", "   "), ("nofile", "openfiles", "   "), ("sbsize", "sbsize", "B  "), ("vmem", "vmemoryuse", "B  "),
    ("npts", "pseudo-terminals", "   "), ("swap", "swapuse", "B  "), ("kqueues", "kqueues", "   "), ("umtxp", "umtxp", "   "),
    ("pipebuf", "pipebuf", "B  "),
)  # fmt: skip
RUSAGE = (
    "maximum RSS", "integral shared memory", "integral unshared data", "integral unshared stack", "page reclaims", "page faults",
    "swaps", "block reads", "block writes", "messages sent", "messages received", "signals received",
    "voluntary context switches", "involuntary context switches",
)  # fmt: skip
HUMAN = 4
"""So many of them are amounts of memory."""
STATES = {"R": "run", "S": "sleep", "T": "stop", "Z": "zomb"}
VNODE_TYPES = {"r": "regular", "d": "directory", "b": "block", "c": "character", "l": "link", "s": "socket", "f": "fifo"}
FILE_TYPES = {"vnode": "v", "socket": "s", "pipe": "p", "fifo": "f"}
PROTOCOLS = {6: "TCP", 17: "UDP", 1: "ICM", 255: "RAW", 132: "SCT"}
OSREL = 1501000
"""DIFFERS: memory maps, auxiliary vectors, kernel stacks and kqueues are not modelled; their tables stay empty."""


def _address(addr: Record | None, family: int) -> str:
    if isinstance(addr, SockaddrUn):
        return addr.path or "-"
    if isinstance(addr, SockaddrIn):
        host = "*" if not any(addr.addr) else inet_ntop(addr.addr)
        return f"{host}:{addr.port}"
    if isinstance(addr, SockaddrIn6):
        return f"{inet_ntop(addr.addr)}.{addr.port}"
    return {AF_INET: "*:0", AF_INET6: "::.0", AF_UNIX: "-"}.get(family, "")


def protocol_name(f: KinfoFile) -> str:
    """Three letters for the kind of a socket."""
    if f.domain in (AF_INET, AF_INET6):
        return PROTOCOLS.get(f.protocol, "IP?")
    if f.domain == AF_UNIX:
        return {1: "UDS", 2: "UDD", 5: "UDQ"}.get(f.sotype, "UD?")
    return "?"


def format_time(ns: int) -> str:
    """xxx days hh:mm:ss.uuuuuu"""
    seconds, fraction = divmod(ns // 1000, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    lead = "1 day " if days == 1 else f"{days} days " if days else ""
    return f"{lead}{hours:02d}:{minutes:02d}:{seconds:02d}.{fraction:06d}"


def human_limit(value: int, suffix: str) -> str:
    """A limit; without a prefix it gets a blank more."""
    if value < 0:
        return "infinity     "
    text = humanize_number(value, 13, suffix, decimal=True)
    return text if text.removesuffix(suffix)[-1:] in "KMGTPE" else text + " "


class Show:
    """The commands."""

    def __init__(self, p: Program, xo: Xo) -> None:
        self.p = p
        self.xo = xo
        self.flags: set[str] = set()

    def procs(self) -> list[KinfoProc]:
        """Every process one may see, by id."""
        found: list[KinfoProc] = self.p.sys.sysctl("kern.proc")
        return found

    def _title(self, form: str, *names: str) -> None:
        if "h" not in self.flags:
            self.xo.emit(f"{{T:/{form}}}\n", *names)

    def _strings(self, k: KinfoProc, title: str, plural: str, field: str, values: list[str] | None) -> None:
        xo = self.xo
        self._title("%5s %-16s %-53s", "PID", "COMM", title)
        xo.emit("{k:process_id/%5d/%d} {:command/%-16s/%s}", k.pid, k.comm)
        if values is None:
            xo.emit(f" {{d:{field}/-}}\n")
            return
        xo.open_list(plural)
        for value in values:
            xo.emit(f" {{l:{field}/%s}}", value)
        xo.close_list(plural)
        xo.emit("\n")

    def _argv(self, k: KinfoProc) -> list[str] | None:
        return list(k.args) or None

    def _envv(self, k: KinfoProc) -> list[str] | None:
        try:
            return self.p.sys.proc_env(k.pid) or None
        except KError:
            return None

    def _files(self, k: KinfoProc) -> list[KinfoFile] | None:
        try:
            return self.p.sys.proc_files(k.pid)
        except KError:
            return None

    def arguments(self, k: KinfoProc) -> None:
        """-c"""
        self._strings(k, "ARGS", "arguments", "args", self._argv(k))

    def environment(self, k: KinfoProc) -> None:
        """-e"""
        self._strings(k, "ENVIRONMENT", "environment", "env", self._envv(k))

    def basic(self, k: KinfoProc) -> None:
        """Without any option."""
        self._title(
            "%5s %5s %5s %5s %5s %3s %-8s %-9s %-13s %-12s",
            "PID", "PPID", "PGID", "SID", "TSID", "THR", "LOGIN", "WCHAN", "EMUL", "COMM",
        )  # fmt: skip
        xo = self.xo
        xo.emit("{k:process_id/%5d/%d} {:parent_process_id/%5d/%d} ", k.pid, k.ppid)
        xo.emit("{:process_group_id/%5d/%d} {:session_id/%5d/%d} ", k.pgid, k.sid)
        xo.emit("{:terminal_session_id/%5d/%d} {:threads/%3d/%d} ", k.sid if k.tty else 0, 1)
        xo.emit("{:login/%-8s/%s} {:wait_channel/%-9s/%s} ", k.login or "-", k.wchan or "-")
        xo.emit("{:emulation/%-13s/%s} {:command/%-12s/%s}\n", "-" if k.system else "FreeBSD ELF64", k.comm)

    def binary(self, k: KinfoProc) -> None:
        """-b"""
        self._title("%5s %-16s %8s %s", "PID", "COMM", "OSREL", "PATH")
        try:
            path = self.p.sys.proc_path(k.pid)
        except KError:
            return
        self.xo.emit("{k:process_id/%5d/%d} {:command/%-16s/%s} ", k.pid, k.comm)
        self.xo.emit("{:osrel/%8d/%d} {:pathname/%s}\n", OSREL if path else 0, path or "-")

    def credentials(self, k: KinfoProc) -> None:
        """-s"""
        self._title(
            "%5s %-16s %5s %5s %5s %5s %5s %5s %5s %5s %-15s",
            "PID", "COMM", "EUID", "RUID", "SVUID", "EGID", "RGID", "SVGID", "UMASK", "FLAGS", "GROUPS",
        )  # fmt: skip
        xo = self.xo
        xo.emit("{k:process_id/%5d/%d} {:command/%-16s/%s} ", k.pid, k.comm)
        xo.emit("{:uid/%5d} {:ruid/%5d} {:svuid/%5d} ", k.uid, k.ruid, k.svuid)
        xo.emit("{:group/%5d} {:rgid/%5d} {:svgid/%5d} ", k.gid, k.rgid, k.svgid)
        xo.emit("{:umask/%5s} ", f"{k.umask:03o}")
        xo.emit("{:cr_flags/%s}{P:     }", "C" if k.capmode else "-")
        xo.open_list("groups")
        for i, gid in enumerate((k.gid, *k.groups)):
            xo.emit("{D:/%s}{l:groups/%d}", "," if i else "", gid)
        xo.close_list("groups")
        xo.emit("\n")

    # open files ------------------------------------------------------------------------------------------------
    def files(self, k: KinfoProc) -> None:
        """-f"""
        xo = self.xo
        files = self._files(k)
        if "C" in self.flags:
            self._title(
                "%5s %-16s %5s %1s %-8s %-12s %-3s %-12s", "PID", "COMM", "FD", "T", "FLAGS", "CAPABILITIES", "PRO", "NAME"
            )
        else:
            self._title(
                "%5s %-16s %5s %1s %1s %-8s %3s %7s %-3s %-12s",
                "PID", "COMM", "FD", "T", "V", "FLAGS", "REF", "OFFSET", "PRO", "NAME",
            )  # fmt: skip
        if files is None:
            return
        xo.emit("{ek:process_id/%5d/%d}{e:command/%-16s/%s}", k.pid, k.comm)
        xo.open_list("files")
        for f in files:
            xo.open_instance("files")
            xo.emit("{dk:process_id/%5d/%d} {d:command/%-16s/%s} ", k.pid, k.comm)
            self._file(f)
            xo.emit("\n")
            xo.close_instance("files")
        xo.close_list("files")

    def _file(self, f: KinfoFile) -> None:
        xo = self.xo
        if isinstance(f.fd, int):
            xo.emit("{:fd/%5d} ", f.fd)
        else:
            xo.emit(("{P:  }" if f.fd == "cwd" else "{P: }") + "{:fd/%s} ", f.fd)
        xo.emit(f"{{eq:fd_type/{f.type}}}")
        xo.emit("{d:fd_type/%1s/%s} ", FILE_TYPES.get(f.type, "?"))
        if "C" not in self.flags:
            vtype = "-"
            if f.type == "vnode":
                vtype = f.vtype
                xo.emit(f"{{eq:vode_type/{VNODE_TYPES.get(vtype, 'unknown')}}}")
            xo.emit("{d:vnode_type/%1s/%s} ", vtype)
        self._fd_flags(f)
        if "C" not in self.flags:
            for name, width, value in (("ref_count", 3, f.refs), ("offset", 7, f.offset)):
                if value > -1:
                    xo.emit(f"{{:{name}/%{width}d/%d}} ", value)
                else:
                    xo.emit(f"{{q:{name}/%{width}s/%s}} ", "-")
        else:
            xo.emit("-{P:           } ")
            xo.open_list("capabilities")
            xo.close_list("capabilities")
        if f.type == "socket":
            self._socket(f)
        else:
            xo.emit("{:protocol/%-3s/%s} {:path/%-18s/%s}", "-", f.path or "-")

    def _fd_flags(self, f: KinfoFile) -> None:
        access = f.flags & O_ACCMODE
        present = (
            ("r", "read", access != O_WRONLY), ("w", "write", access != O_RDONLY), ("a", "append", f.flags & O_APPEND),
            ("s", "async", 0),
            ("f", "fsync", 0), ("n", "nonblocking", f.flags & O_NONBLOCK), ("d", "direct_io", 0), ("l", "lock_held", 0),
        )  # fmt: skip
        xo = self.xo
        for letter, _, on in present:
            xo.emit("{d:/%s}", letter if on else "-")
        xo.emit(" ")
        xo.open_list("fd_flags")
        for _, name, on in present:
            if on:
                xo.emit(f"{{elq:fd_flags/{name}}}")
        xo.close_list("fd_flags")

    def _socket(self, f: KinfoFile) -> None:
        xo = self.xo
        xo.emit("{:protocol/%-3s/%s} ", protocol_name(f))
        if f.sotype == SOCK_STREAM:
            xo.emit("{:sendq/%u} {:recvq/%u} ", f.sendq, f.recvq)
        local, peer = _address(f.local, f.domain), _address(f.peer, f.domain)
        if f.domain == AF_UNIX:
            xo.emit("{:path/%s}", local if local != "-" else peer)
        else:
            xo.emit("{:path/%s %s}", local, peer)

    # signals ---------------------------------------------------------------------------------------------------
    def _signal_name(self, sig: int) -> str:
        number = "n" in self.flags or sig >= len(SIGNAMES)
        name = str(sig) if number else SIGNAMES[sig]
        self.xo.emit("{d:signal/%-7s/%s} ", name)
        self.xo.open_container(name)
        self.xo.emit(" ")
        return name

    def _member(self, members: frozenset[int], sig: int, letter: str) -> None:
        on = sig in members
        name = {"B": "mask", "C": "catch", "P": "list", "I": "ignore"}[letter]
        self.xo.emit("{d:sigmember/%s}", letter if on else "-")
        self.xo.emit(f"{{en:{name}/%s}}", "true" if on else "false")

    def signals(self, k: KinfoProc) -> None:
        """-i"""
        self._title("%5s %-16s %-7s %4s", "PID", "COMM", "SIG", "FLAGS")
        xo = self.xo
        xo.emit("{ek:process_id/%5d/%d}{e:command/%-16s/%s}", k.pid, k.comm)
        xo.open_container("signals")
        for sig in range(1, NSIG + 1):
            xo.emit("{dk:process_id/%5d/%d} {d:command/%-16s/%s} ", k.pid, k.comm)
            name = self._signal_name(sig)
            self._member(k.sigpend, sig, "P")
            self._member(k.sigignore, sig, "I")
            self._member(k.sigcatch, sig, "C")
            xo.close_container(name)
            xo.emit("\n")
        xo.close_container("signals")

    def tsignals(self, k: KinfoProc) -> None:
        """-j"""
        self._title("%5s %6s %-16s %-7s %4s", "PID", "TID", "COMM", "SIG", "FLAGS")
        xo = self.xo
        thread = 100000 + k.pid
        xo.emit("{ek:process_id/%5d/%d}{e:command/%-16s/%s}", k.pid, k.comm)
        xo.open_container("threads")
        xo.open_container(str(thread))
        xo.emit("{e:thread_id/%6d/%d}", thread)
        xo.open_container("signals")
        for sig in range(1, NSIG + 1):
            xo.emit("{dk:process_id/%5d/%d} {d:thread_id/%6d/%d} {d:command/%-16s/%s} ", k.pid, thread, k.comm)
            name = self._signal_name(sig)
            self._member(k.sigpend, sig, "P")
            self._member(k.sigmask, sig, "B")
            xo.close_container(name)
            xo.emit("\n")
        xo.close_container("signals")
        xo.close_container(str(thread))
        xo.close_container("threads")

    # limits and use --------------------------------------------------------------------------------------------
    def rlimit(self, k: KinfoProc) -> None:
        """-l"""
        self._title("%5s %-16s %-16s %16s %16s", "PID", "COMM", "RLIMIT", "SOFT     ", "HARD     ")
        xo = self.xo
        xo.emit("{ek:process_id/%5d}{e:command/%-16s/%s}", k.pid, k.comm)
        try:
            limits = self.p.sys.proc_limits(k.pid)
        except KError:
            return
        for key, name, suffix in LIMITS:
            xo.emit("{dk:process_id/%5d} {d:command/%-16s} {d:rlimit_param/%-16s} ", k.pid, k.comm, name)
            xo.open_container(name)
            for label, value in zip(("soft_limit", "hard_limit"), limits[key], strict=True):
                xo.emit(f"{{e:{label}/%s}}", "infinity") if value < 0 else xo.emit(f"{{e:{label}/%u}}", value)
            xo.close_container(name)
            soft, hard = limits[key]
            xo.emit("{d:rlim_cur/%16s} {d:rlim_max/%16s}\n", human_limit(soft, suffix), human_limit(hard, suffix))

    def rlimitusage(self, k: KinfoProc) -> None:
        """DIFFERS: what a process uses of its limits is not counted."""
        self._title("%7s %12s %4s %18s", "PID", "RESOURCE", "ID", "USAGE")
        xo = self.xo
        xo.emit("{ek:process_id/%d}", k.pid)
        xo.open_list("resource_usage")
        for i, (key, _, _) in enumerate(LIMITS):
            xo.open_instance("resource_usage")
            xo.emit("{dk:process_id/%7d} {:resource/%12s} ", k.pid, "umtx" if key == "umtxp" else key)
            xo.emit("{:resid/%4d} {:usage/%18d}\n", i, 0)
            xo.close_instance("resource_usage")
        xo.close_list("resource_usage")

    def _prefix(self, k: KinfoProc) -> None:
        self.xo.emit("{d:process_id/%5d/%d} ", k.pid)
        if "H" in self.flags:
            self.xo.emit("{d:thread_id/%6d/%d} ", 100000 + k.pid)
        self.xo.emit("{d:command/%-16s/%s} ", k.comm)

    def rusage(self, k: KinfoProc) -> None:
        """-r"""
        xo = self.xo
        if "h" not in self.flags:
            xo.emit("{d:ta/%5s} ", "PID")
            if "H" in self.flags:
                xo.emit("{d:tb/%6s} ", "TID")
            xo.emit("{d:tc/%-16s %-32s %14s}\n", "COMM", "RESOURCE", "VALUE        ")
        threads = "H" in self.flags
        if threads:
            xo.emit("{e:process_id/%d}{e:command/%s}", k.pid, k.comm)
            xo.open_container("threads")
        times = (("user time", format_time(k.utime)), ("system time", format_time(k.stime)))
        for name, text in times:
            self._prefix(k)
            xo.emit("{d:resource/%-14s} {d:usage/%29s}{P:   }\n", name, text)
        if threads:
            xo.open_container(str(100000 + k.pid))
            xo.emit("{e:thread_id/%d}", 100000 + k.pid)
        else:
            xo.emit("{e:process_id/%d}{e:command/%s}", k.pid, k.comm)
        for name, text in times:
            xo.emit(f"{{e:{name}/%s}}", text)
        for i, name in enumerate(RUSAGE):
            self._prefix(k)
            xo.emit(f"{{e:{name}/%d}}", 0)
            xo.emit("{d:resource/%-32s} {d:usage/%14s}\n", name, "0 KB" if i < HUMAN else "0   ")
        if threads:
            xo.close_container(str(100000 + k.pid))
            xo.close_container("threads")

    def threads(self, k: KinfoProc) -> None:
        """-t"""
        self._title("%5s %6s %-19s %-19s %2s %4s %-7s %-9s", "PID", "TID", "COMM", "TDNAME", "CPU", "PRI", "STATE", "WCHAN")
        xo = self.xo
        thread = 100000 + k.pid
        xo.emit("{ek:process_id/%d}{e:command/%s}", k.pid, k.comm)
        xo.open_container("threads")
        xo.open_container(str(thread))
        xo.emit("{dk:process_id/%5d/%d} {:thread_id/%6d/%d} {d:command/%-19s/%s} ", k.pid, thread, k.comm)
        xo.emit("{:thread_name/%-19s/%s} {:cpu/%3d/%d} {:priority/%4d/%d} ", "-", 0, 120)
        xo.emit("{:run_state/%-7s/%s} {:wait_channel/%-9s/%s} ", STATES.get(k.state, "??"), k.wchan or "-")
        xo.close_container(str(thread))
        xo.emit("\n")
        xo.close_container("threads")

    def cpuset(self, k: KinfoProc) -> None:
        """-S"""
        self._title("%5s %6s %-19s %-19s %2s %4s %-7s", "PID", "TID", "COMM", "TDNAME", "CPU", "CSID", "CPU MASK")
        xo = self.xo
        xo.emit("{k:process_id/%5d/%d} {:thread_id/%6d/%d} ", k.pid, 100000 + k.pid)
        xo.emit("{:command/%-19s/%s} {:thread_name/%-19s/%s} {:cpu/%3d/%d} ", k.comm, "-", 0)
        try:
            number = self.p.sys.cpuset_getid("cpuset", "pid", k.pid)
            mask = sorted(self.p.sys.cpuset_getaffinity("", "pid", k.pid))
        except KError:
            number, mask = -1, []
        xo.emit("{:cpu_set_id/%4d/%d} ", number)
        if mask:
            xo.emit("{:cpu_set/%s}", _ranges(mask))
        xo.emit("\n")

    # the small programs ----------------------------------------------------------------------------------------
    def _vector(self, k: KinfoProc, label: str, field: str, values: list[str] | None) -> None:
        xo = self.xo
        xo.emit("{k:process_id/%d}:  {:command/%s/%s}\n", k.pid, k.comm)
        if values is None:
            xo.emit(f"{{d:{field}/-}}\n")
            return
        for i, value in enumerate(values):
            xo.emit(f"{{Ld:{label}[}}{{Ld:/%d}}{{Ldwc:]}}{{l:{label}/%s}}\n", i, value)

    def pargs(self, k: KinfoProc) -> None:
        """pargs(1)"""
        self._vector(k, "argv", "args", self._argv(k))

    def penv(self, k: KinfoProc) -> None:
        """penv(1)"""
        self._vector(k, "envp", "env", self._envv(k))

    def pwdx(self, k: KinfoProc) -> None:
        """pwdx(1)"""
        for f in self._files(k) or ():
            if f.fd == "cwd" and f.path:
                self.xo.emit("{k:process_id/%d}{P::  }{:cwd/%s}\n", k.pid, f.path)

    # tables that stay empty ------------------------------------------------------------------------------------
    def auxv(self, k: KinfoProc) -> None:
        """-x"""
        self._title("%5s %-19s %-16s %-16s", "PID", "COMM", "AUXV", "VALUE")
        self.xo.emit("{e:process_id/%5d/%d}{e:command/%-19s/%s}\n", k.pid, k.comm)

    def kstack(self, k: KinfoProc) -> None:
        """-k"""
        self._title("%5s %6s %-19s %-19s %-29s", "PID", "TID", "COMM", "TDNAME", "KSTACK")

    def vm(self, k: KinfoProc) -> None:
        """-v"""
        self._title(
            "%5s %18s %18s %3s %4s %4s %3s %3s %-5s %-2s %-s",
            "PID",
            "START",
            "END",
            "PRT",
            "RES",
            "PRES",
            "REF",
            "SHD",
            "FLAG",
            "TP",
            "PATH",
        )

    def kqueue(self, k: KinfoProc) -> None:
        """kqueues"""
        self._title(
            "%7s %10s %8s %10s %10s %10s %10s %10s %10s",
            "PID", "KQUEUE", "FILTER", "IDENT", "FLAGS", "FFLAGS", "DATA", "UDATA", "STATUS",
        )  # fmt: skip

    def advlock(self, k: KinfoProc) -> None:
        """advlocks"""
        self._title(
            "%2s %5s %5s %5s %18s %18s %8s %9s %9s %s",
            "RW", "TYPE", "PID", "SYSID", "FSID", "RDEV", "INO", "START", "LEN", "PATH",
        )  # fmt: skip

    def nothing(self, k: KinfoProc) -> None:
        """ptlwpinfo and sigfastblock."""


def _ranges(numbers: list[int]) -> str:
    out: list[list[int]] = []
    for n in numbers:
        if out and n == out[-1][1] + 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


class Command:
    """An entry of the table of commands."""

    def __init__(
        self,
        name: str,
        container: str,
        show: Callable[[Show, KinfoProc], None],
        *,
        usage: str = "",
        options: str = "",
        plural: bool = False,
        substr: bool = False,
    ) -> None:
        self.name = name
        self.container = container
        self.show = show
        self.usage = usage
        self.options = options
        self.plural = plural
        self.substr = substr


COMMANDS = (
    Command("advlock", "advisory_locks", Show.advlock, plural=True, substr=True),
    Command("argument", "arguments", Show.arguments, plural=True, substr=True),
    Command("auxv", "auxv", Show.auxv),
    Command("basic", "basic", Show.basic),
    Command("binary", "binary", Show.binary, substr=True),
    Command("cpuset", "cs", Show.cpuset),
    Command("cs", "cs", Show.cpuset),
    Command("credential", "credentials", Show.credentials, plural=True, substr=True),
    Command("environment", "environment", Show.environment, substr=True),
    Command("fd", "files", Show.files, usage="[-C]", options="C", plural=True),
    Command("file", "files", Show.files, usage="[-C]", options="C", plural=True),
    Command("kqueue", "kqueues", Show.kqueue, options="v", plural=True),
    Command("kstack", "kstack", Show.kstack, usage="[-v]", options="v"),
    Command("pargs", "args", Show.pargs),
    Command("penv", "env", Show.penv),
    Command("ptlwpinfo", "ptlwpinfo", Show.nothing),
    Command("pwdx", "pwd", Show.pwdx),
    Command("rlimit", "rlimit", Show.rlimit),
    Command("rlimitusage", "rlimitusage", Show.rlimitusage),
    Command("rusage", "rusage", Show.rusage, usage="[-Ht]", options="Ht"),
    Command("sigfastblock", "sigfastblock", Show.nothing),
    Command("signal", "signals", Show.signals, usage="[-n]", options="n", plural=True, substr=True),
    Command("thread", "threads", Show.threads, plural=True),
    Command("tsignal", "thread_signals", Show.tsignals, usage="[-n]", options="n", plural=True, substr=True),
    Command("vm", "vm", Show.vm),
)
COMPAT = tuple(Command(c.name, c.container, c.show) for c in COMMANDS if c.name in ("pargs", "penv", "pwdx"))
"""As programs of their own."""
