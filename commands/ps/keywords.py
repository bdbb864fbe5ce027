"""The columns of ps(1): keywords, headings, and what each shows (bin/ps/keyword.c, print.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.proc import KinfoProc
from vshell.userland.program import Program
from vshell.userland.pwd import group_from_gid, user_from_uid
from vshell.userland.strftime import localtime, strftime

NS = 1_000_000_000
DFMT = "pid,tt,state,time,command"
JFMT = "user,pid,ppid,pgid,sid,jobc,state,tt,time,command"
LFMT = "uid,pid,ppid,cpu,pri,nice,vsz,rss,mwchan,state,tt,time,command"
UFMT = "user,pid,%cpu,%mem,vsz,rss,tt,state,start,time,command"
VFMT = "pid,state,time,sl,re,pagein,vsz,rss,lim,tsiz,%cpu,%mem,command"

VSZ_KB, RSS_KB = 13_836, 2_412
"""Sizes shown for every process: about those of a small program; memory is not modelled."""


class Row:
    """One process as the columns see it."""

    def __init__(self, p: Program, k: KinfoProc, flags: set[str], prefix: str) -> None:
        self.p = p
        self.k = k
        self.flags = flags
        self.prefix = prefix
        self.now = p.sys.clock_gettime()

    def args(self) -> str:
        """The command line as kvm_getargv and fmt_argv put it together."""
        k = self.k
        if k.state == "Z":
            return "<defunct>"
        if not k.args:
            return f"[{k.comm}]"
        text = visible(" ".join(a for a in k.args if a))
        first = k.args[0].rpartition("/")[2]
        return text if first[:39] == k.comm else f"{text} ({k.comm})"

    def state(self) -> str:
        """The STAT column."""
        k = self.k
        out = k.state
        out += "<" if k.nice < 0 else "N" if k.nice > 0 else ""
        out += "L" if k.system else ""
        out += "C" if k.capmode else ""
        out += "s" if k.sid == k.pid and k.pid else ""
        out += "+" if k.foreground else ""
        return out + ("J" if k.jailed else "")

    def tt(self) -> str:
        """The TT column: without "tty"; a blank or a dash (terminal gone) at its end."""
        name = self.k.tty
        if not name:
            return "- "
        return name.removeprefix("tty").removeprefix("pts/") + " "

    def started(self) -> str:
        """The STARTED column."""
        age = (self.now - self.k.start) // NS
        form = "%H:%M  " if age < 86400 else "%a%H  " if age < 7 * 86400 else "%e%b%y"
        return strftime(form, localtime(self.k.start // NS, self.p.env))

    def elapsed(self) -> str:
        """The ELAPSED column."""
        minutes, seconds = divmod((self.now - self.k.start) // NS, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        if days:
            return f"{days:3d}-{hours:02d}:{minutes:02d}:{seconds:02d}"
        return (f"{hours:02d}:" if hours else "") + f"{minutes:02d}:{seconds:02d}"

    def cpu(self, ns: int) -> str:
        """A processor time."""
        cents = (ns // 1000 + 5000) // 10000
        return f"{cents // 6000}:{cents // 100 % 60:02d}.{cents % 100:02d}"

    def cputime(self) -> str:
        """The TIME column, with -S also of ended children."""
        return self.cpu(self.k.utime + self.k.stime + (self.k.cutime if "S" in self.flags else 0))

    def percent(self) -> str:
        """The share of the processor since the start."""
        age = max(self.now - self.k.start, 1)
        return f"{min(100.0 * (self.k.utime + self.k.stime) / age, 100.0):.1f}"


def visible(text: str) -> str:
    """strvis(3) with VIS_NL and VIS_CSTYLE."""
    if text.isprintable():
        return text
    special = {"\n": "\\n", "\r": "\\r", "\b": "\\b", "\a": "\\a", "\v": "\\v", "\f": "\\f", "\0": "\\0", "\t": "\t"}
    out = []
    for c in text:
        if c in special:
            out.append(special[c])
        elif ord(c) < 32 or ord(c) == 127:
            out.append(f"\\^{chr(ord(c) ^ 64)}")
        else:
            out.append(c)
    return "".join(out)


def command(row: Row, last: bool) -> str:
    """The COMMAND column with arguments; cut where others follow."""
    text = row.k.comm if "c" in row.flags else row.args()
    if last:
        return row.prefix + text
    return text if "c" in row.flags else text[:16]


def ucomm(row: Row, last: bool) -> str:
    """The name of the program."""
    return row.prefix + row.k.comm if last else row.k.comm


def arguments(row: Row, last: bool) -> str:
    """The arguments."""
    return row.args() if last else row.args()[:16]


Show = Callable[[Row, bool], str]


class Key:
    """A keyword: heading, name in structured output, how it is aligned, what it shows."""

    __slots__ = ("field", "header", "left", "name", "show")

    def __init__(self, name: str, header: str, field: str, show: Show, left: bool = False) -> None:
        self.name = name
        self.header = header
        self.field = field
        self.show = show
        self.left = left


def _field(name: str, form: str = "d") -> Show:
    return lambda row, last: format(getattr(row.k, name), form)


def _text(function: Callable[[Row], str]) -> Show:
    return lambda row, last: function(row)


def _constant(value: str) -> Show:
    return lambda row, last: value


def _priority(row: Row) -> str:
    return str(20 + row.k.nice) if row.k.nice else "20"


_TABLE = (
    Key("%cpu", "%CPU", "percent-cpu", _text(Row.percent)),
    Key("%mem", "%MEM", "percent-memory", _constant("0.2")),
    Key("acflag", "ACFLG", "accounting-flag", _constant("0")),
    Key("args", "COMMAND", "arguments", arguments, True),
    Key("class", "CLASS", "login-class", _text(lambda r: "-" if r.k.system else "default"), True),
    Key("comm", "COMMAND", "command", ucomm, True),
    Key("command", "COMMAND", "command", command, True),
    Key("cow", "COW", "copy-on-write-faults", _constant("0")),
    Key("cpu", "C", "on-cpu", _constant("0")),
    Key("dsiz", "DSIZ", "data-size", _constant("64")),
    Key("emul", "EMUL", "emulation-envirnment", _text(lambda r: "-" if r.k.system else "FreeBSD ELF64"), True),
    Key("etime", "ELAPSED", "elapsed-time", _text(Row.elapsed)),
    Key("etimes", "ELAPSED", "elapsed-times", _text(lambda r: str((r.now - r.k.start) // NS))),
    Key("f", "F", "flags", _text(lambda r: f"{0x10004002 | (0x1000000 if r.k.jailed else 0):x}")),
    Key("f2", "F2", "flags2", _constant("00000001")),
    Key("fib", "FIB", "fib", _field("fib")),
    Key("gid", "GID", "gid", _field("gid")),
    Key("group", "GROUP", "group", _text(lambda r: group_from_gid(r.p, r.k.gid)), True),
    Key("inblk", "INBLK", "read-blocks", _constant("0")),
    Key("jail", "JAIL", "jail-name", _text(lambda r: r.k.jailname or "-"), True),
    Key("jid", "JID", "jail-id", _field("jid")),
    Key("jobc", "JOBC", "job-control-count", _text(lambda r: "1" if r.k.pgid != r.k.sid else "0")),
    Key("ktrace", "KTRACE", "ktrace", _constant("0")),
    Key("label", "LABEL", "label", _constant("-"), True),
    Key("lim", "LIM", "memory-limit", _constant("-")),
    Key("lockname", "LOCK", "lock-name", _constant("-"), True),
    Key("login", "LOGIN", "login-name", _text(lambda r: r.k.login or "-"), True),
    Key("lstart", "STARTED", "start-time", _text(lambda r: strftime("%c", localtime(r.k.start // NS, r.p.env))), True),
    Key("lwp", "LWP", "thread-id", _text(lambda r: str(100000 + r.k.pid))),
    Key("majflt", "MAJFLT", "major-faults", _constant("0")),
    Key("minflt", "MINFLT", "minor-faults", _constant("0")),
    Key("msgrcv", "MSGRCV", "received-messages", _constant("0")),
    Key("msgsnd", "MSGSND", "sent-messages", _constant("0")),
    Key("mwchan", "MWCHAN", "wait-channel", _text(lambda r: r.k.wchan or "-"), True),
    Key("nice", "NI", "nice", _field("nice")),
    Key("nivcsw", "NIVCSW", "involuntary-context-switches", _constant("0")),
    Key("nlwp", "NLWP", "threads", _constant("1")),
    Key("nsigs", "NSIGS", "signals-taken", _constant("0")),
    Key("nswap", "NSWAP", "swaps", _constant("0")),
    Key("nvcsw", "NVCSW", "voluntary-context-switches", _constant("0")),
    Key("nwchan", "NWCHAN", "wait-channel-address", _constant("-"), True),
    Key("oublk", "OUBLK", "written-blocks", _constant("0")),
    Key("paddr", "PADDR", "process-address", _constant("0")),
    Key("pagein", "PAGEIN", "pageins", _constant("0")),
    Key("pgid", "PGID", "process-group", _field("pgid")),
    Key("pid", "PID", "pid", _field("pid")),
    Key("ppid", "PPID", "ppid", _field("ppid")),
    Key("pri", "PRI", "priority", _text(_priority)),
    Key("re", "RE", "residency-time", _text(lambda r: str(min((r.now - r.k.start) // NS, 127)))),
    Key("rgid", "RGID", "real-gid", _field("rgid")),
    Key("rgroup", "RGROUP", "real-group", _text(lambda r: group_from_gid(r.p, r.k.rgid)), True),
    Key("rss", "RSS", "rss", _constant(str(RSS_KB))),
    Key("rtprio", "RTPRIO", "realtime-priority", _constant("normal:44")),
    Key("ruid", "RUID", "real-uid", _field("ruid")),
    Key("ruser", "RUSER", "real-user", _text(lambda r: user_from_uid(r.p, r.k.ruid)), True),
    Key("sid", "SID", "sid", _field("sid")),
    Key("sig", "PENDING", "signals-pending", _constant("0")),
    Key("sigcatch", "CAUGHT", "signals-caught", _constant("0")),
    Key("sigignore", "IGNORED", "signals-ignored", _constant("0")),
    Key("sigmask", "BLOCKED", "signal-mask", _constant("0")),
    Key("sl", "SL", "sleep-time", _constant("0")),
    Key("ssiz", "SSIZ", "stack-size", _constant("128")),
    Key("start", "STARTED", "start-time", _text(Row.started), True),
    Key("state", "STAT", "state", _text(Row.state), True),
    Key("svgid", "SVGID", "saved-gid", _field("svgid")),
    Key("svuid", "SVUID", "saved-uid", _field("svuid")),
    Key("systime", "SYSTIME", "system-time", _text(lambda r: r.cpu(r.k.stime))),
    Key("tdaddr", "TDADDR", "thread-address", _constant("0")),
    Key("tdev", "TDEV", "terminal-device", _text(lambda r: "0x6b" if r.k.tty else "-")),
    Key("tdname", "TDNAME", "thread-name", _constant("      "), True),
    Key("time", "TIME", "cpu-time", _text(Row.cputime)),
    Key("tpgid", "TPGID", "terminal-process-gid", _field("pgid")),
    Key("tracer", "TRACER", "tracer", _constant("0")),
    Key("tsid", "TSID", "terminal-sid", _field("sid")),
    Key("tsiz", "TSIZ", "text-size", _constant("16")),
    Key("tt", "TT ", "terminal-name", _text(Row.tt)),
    Key("tty", "TTY", "tty", _text(lambda r: r.k.tty or "-"), True),
    Key("ucomm", "UCOMM", "accounting-name", ucomm, True),
    Key("uid", "UID", "uid", _field("uid")),
    Key("upr", "UPR", "user-priority", _text(_priority)),
    Key("uprocp", "UPROCP", "process-address", _constant("0")),
    Key("user", "USER", "user", _text(lambda r: user_from_uid(r.p, r.k.uid)), True),
    Key("usertime", "USERTIME", "user-time", _text(lambda r: r.cpu(r.k.utime))),
    Key("vmaddr", "VMADDR", "vmspace-address", _constant("0")),
    Key("vsz", "VSZ", "virtual-size", _constant(str(VSZ_KB))),
    Key("wchan", "WCHAN", "wait-channel", _text(lambda r: r.k.wchan or "-"), True),
    Key("xstat", "XSTAT", "exit-status", _constant("0")),
)
ALIASES = {
    "acflg": "acflag", "blocked": "sigmask", "caught": "sigcatch", "cputime": "time", "egid": "gid", "egroup": "group",
    "euid": "uid", "flags": "f", "flags2": "f2", "ignored": "sigignore", "inblock": "inblk", "logname": "login", "ni": "nice",
    "nsignals": "nsigs", "oublock": "oublk", "pcpu": "%cpu", "pending": "sig", "pmem": "%mem", "stat": "state", "tdnam": "tdname",
    "tid": "lwp", "usrpri": "upr", "vsize": "vsz",
}  # fmt: skip
_BY_NAME = {key.name: key for key in _TABLE}


def _alias(name: str) -> Key:
    """A second name of a keyword.  It is never left-justified: the flag is lost on the way (keyword.c, merge_alias)."""
    key = _BY_NAME[ALIASES[name]]
    return Key(key.name, key.header, key.field, key.show)


KEYWORDS: dict[str, Key] = {name: _BY_NAME[name] if name in _BY_NAME else _alias(name) for name in sorted([*_BY_NAME, *ALIASES])}
"""All keywords in the order of ps -L."""


class Column:
    """A column asked for: a keyword, perhaps with a heading of its own; `keep` if the user named it."""

    __slots__ = ("header", "keep", "key", "width")

    def __init__(self, key: Key, header: str, keep: bool) -> None:
        self.key = key
        self.header = header
        self.keep = keep
        self.width = len(header)

    def text(self, row: Row, last: bool) -> str:
        """What it shows of a process."""
        return self.key.show(row, last)


def parsefmt(text: str, columns: list[Column], keep: bool) -> tuple[list[tuple[str, str]], bool]:
    """Add the columns of a format; returns (unknown keyword, heading)s and whether there is still no column."""
    bad: list[tuple[str, str]] = []
    while text:
        end = next((i for i, c in enumerate(text) if c in "= \t,\n"), len(text))
        name, sep, rest = text[:end], text[end : end + 1], text[end + 1 :]
        header = rest if sep == "=" else None
        text = "" if sep == "=" else rest
        if not name:
            if header is not None:
                bad.append(("", header))
        elif name not in KEYWORDS:
            bad.append((name, ""))
        else:
            key = KEYWORDS[name]
            columns.append(Column(key, key.header if header is None else header, keep))
    return bad, not columns
