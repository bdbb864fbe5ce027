"""The data of jail(8): jails, their parameters, the tables of internal parameters (usr.sbin/jail/jailp.h, config.c)."""

from __future__ import annotations

from vshell.userland.cnumber import strtol
from vshell.userland.libjail import JailParam
from vshell.userland.program import Program

PF_VAR, PF_APPEND, PF_BAD, PF_INTERNAL, PF_BOOL, PF_INT, PF_CONV, PF_REV, PF_IMMUTABLE, PF_NAMEVAL = (1 << i for i in range(10))
"""Flags of a parameter: a variable; adds to the list; cannot be resolved; not for the kernel; boolean; number; a converted
copy of another; undone in reverse order; may be given once; written without "="."""

JF_START, JF_SET, JF_STOP, JF_DEPEND, JF_WILD, JF_FAILED, JF_PARAMS, JF_RDTUN, JF_PERSIST, JF_TIMEOUT, JF_SLEEPQ = (
    1 << i for i in range(11)
)
JF_FROM_RUNQ, JF_CLEANUP = 1 << 11, 1 << 12
JF_OP_MASK = JF_START | JF_SET | JF_STOP
JF_RESTART = JF_START | JF_STOP
JF_START_SET = JF_START | JF_SET
JF_SET_RESTART = JF_SET | JF_STOP
JF_START_SET_RESTART = JF_START | JF_SET | JF_STOP

IP__OP = "(op)"
IP__IP4_IFADDR, IP__IP6_IFADDR, IP__MOUNT_FROM_FSTAB = "(ip4.addr)", "(ip6.addr)", "(mount.fstab)"
"""Steps that have no parameter of their own: creating or removing, and converted copies of parameters."""

INTERNAL: dict[str, int] = {
    "allow.dying": PF_INTERNAL | PF_BOOL, "command": PF_INTERNAL, "depend": PF_INTERNAL, "exec.clean": PF_INTERNAL | PF_BOOL,
    "exec.consolelog": PF_INTERNAL, "exec.fib": PF_INTERNAL | PF_INT, "exec.jail_user": PF_INTERNAL,
    "exec.poststart": PF_INTERNAL, "exec.poststop": PF_INTERNAL, "exec.prepare": PF_INTERNAL, "exec.prestart": PF_INTERNAL,
    "exec.prestop": PF_INTERNAL, "exec.release": PF_INTERNAL, "exec.created": PF_INTERNAL, "exec.start": PF_INTERNAL,
    "exec.stop": PF_INTERNAL, "exec.system_jail_user": PF_INTERNAL | PF_BOOL, "exec.system_user": PF_INTERNAL,
    "exec.timeout": PF_INTERNAL | PF_INT, "interface": PF_INTERNAL, "ip_hostname": PF_INTERNAL | PF_BOOL,
    "mount": PF_INTERNAL | PF_REV, "mount.devfs": PF_INTERNAL | PF_BOOL, "mount.fdescfs": PF_INTERNAL | PF_BOOL,
    "mount.procfs": PF_INTERNAL | PF_BOOL, "mount.fstab": PF_INTERNAL, "stop.timeout": PF_INTERNAL | PF_INT,
    "vnet.interface": PF_INTERNAL, "zfs.dataset": PF_INTERNAL, IP__IP4_IFADDR: PF_INTERNAL | PF_CONV | PF_REV,
    IP__IP6_IFADDR: PF_INTERNAL | PF_CONV | PF_REV, IP__MOUNT_FROM_FSTAB: PF_INTERNAL | PF_CONV | PF_REV,
    "allow.chflags": 0, "allow.mount": 0, "allow.raw_sockets": 0, "allow.set_hostname": 0, "allow.socket_af": 0,
    "allow.sysvipc": 0, "devfs_ruleset": 0, "host.hostname": 0, "ip4.addr": 0, "ip6.addr": 0, "jid": PF_IMMUTABLE,
    "name": PF_IMMUTABLE, "path": 0, "persist": 0, "securelevel": 0, "vnet": 0,
}  # fmt: skip
"""Parameters jail(8) itself looks at, with their flags."""

CONVERTED_NAMES = {IP__IP4_IFADDR: "ip4.addr", IP__IP6_IFADDR: "ip6.addr", IP__MOUNT_FROM_FSTAB: "mount.fstab"}

START: tuple[str, ...] = (
    "", "exec.prepare", IP__IP4_IFADDR, IP__IP6_IFADDR, "mount", IP__MOUNT_FROM_FSTAB, "mount.devfs", "mount.fdescfs",
    "mount.procfs", "exec.prestart", IP__OP, "exec.created", "zfs.dataset", "vnet.interface", "exec.start", "command",
    "exec.poststart", "",
)  # fmt: skip
_UNDO = (
    "exec.poststop", "mount.procfs", "mount.fdescfs", "mount.devfs", IP__MOUNT_FROM_FSTAB, "mount", IP__IP6_IFADDR,
    IP__IP4_IFADDR, "exec.release", "",
)  # fmt: skip
STOP: tuple[str, ...] = ("", "exec.prestop", "exec.stop", "stop.timeout", IP__OP, *_UNDO)
CLEAN: tuple[str, ...] = ("", *_UNDO)
"""The steps of starting and stopping a jail, in order."""

LIST_PARAMS = ("ip4.addr", "ip6.addr", "vnet.interface", "zfs.dataset")
"""Parameters whose value on the command line is a list with commas."""


class CfString:
    """A value, with the variables that are still to be put in: [name, position]."""

    __slots__ = ("s", "vars")

    def __init__(self, s: str, variables: list[list[str | int]] | None = None) -> None:
        self.s = s
        self.vars = variables if variables is not None else []

    def copy(self) -> CfString:
        """A copy to change."""
        return CfString(self.s, [list(v) for v in self.vars])


class CfParam:
    """A parameter of a jail."""

    __slots__ = ("flags", "gen", "name", "val")

    def __init__(self, name: str, flags: int = 0) -> None:
        self.name = name
        self.val: list[CfString] = []
        self.flags = flags
        self.gen = 0


class Depend:
    """An edge: jail `j[0]` depends on jail `j[1]`."""

    __slots__ = ("flags", "j")

    def __init__(self, a: CfJail, b: CfJail, flags: int) -> None:
        self.j = (a, b)
        self.flags = flags


class CfJail:
    """A jail that something is to be done with."""

    def __init__(self, queue: list[CfJail]) -> None:
        self.name: str | None = None
        self.params: list[CfParam] = []
        self.dep: tuple[list[Depend], list[Depend]] = ([], [])
        self.queue = queue
        queue.append(self)
        self.parent: CfJail | None = None
        self.intparams: dict[str, CfParam] = {}
        self.steps: tuple[str, ...] | None = None
        """START, STOP or CLEAN once it is under way."""
        self.step = 0
        self.values: list[CfString] = []
        self.at = -1
        """The values of the current step's parameter, in the order of running, and which is running; -1 before the first."""
        self.comline = ""
        self.jp: list[JailParam] = []
        self.timeout = 0
        """When the command must be done, ns since the epoch; 0 is never."""
        self.flags = 0
        self.jid = 0
        self.seq = 0
        self.pstatus = 0
        self.ndeps = 0
        self.pids: set[int] = set()

    def string(self, name: str) -> str | None:
        """The last value of a parameter (string_param)."""
        param = self.intparams.get(name)
        return param.val[-1].s if param is not None and param.val else None

    def flag(self, name: str) -> bool:
        """bool_param."""
        return bool_param(self.intparams.get(name))

    def number(self, name: str) -> int | None:
        """int_param."""
        text = self.string(name)
        return None if text is None else strtol(text)[0]

    @property
    def stopping(self) -> bool:
        """JF_DO_STOP."""
        return self.flags & (JF_SET | JF_STOP) == JF_STOP


def bool_param(param: CfParam | None) -> bool:
    """Whether a boolean parameter is there and true."""
    if param is None:
        return False
    negative = param.name.rpartition(".")[2].startswith("no")
    true = not param.val or param.val[-1].s.lower() == "true" or bool(strtol(param.val[-1].s)[0])
    return negative != true


def equalopts(one: str, two: str) -> bool:
    """True for the same parameter, with or without a "no" in front of its last component."""
    if one == two:
        return True
    a, dot, x = one.rpartition(".")
    b, other, y = two.rpartition(".")
    return a == b and dot == other and (x == "no" + y or y == "no" + x)


def _spellings() -> dict[str, str]:
    """What equalopts takes for one of the internal parameters -> that parameter."""
    found: dict[str, str] = {}
    for internal, extra in INTERNAL.items():
        if not extra & PF_CONV:
            head, dot, last = internal.rpartition(".")
            for spelling in (last, "no" + last, last.removeprefix("no")):
                found.setdefault(head + dot + spelling, internal)
    return found


_SPELLINGS = _spellings()


def wild_jail_name(name: str) -> bool:
    """True if some component of the name is "*"."""
    return "*" in name.split(".")


def wild_jail_match(name: str, wild: str) -> bool:
    """True if a wildcard covers the name: "*" stands for one component, at the end for one or more."""
    jc, wc = name, wild
    while "." in jc and "." in wc:
        j, _, jc_rest = jc.partition(".")
        w, _, wc_rest = wc.partition(".")
        if w not in (j, "*"):
            return False
        jc, wc = jc_rest, wc_rest
    return jc == wc or wc == "*"


class Jail:
    """One run of jail(8)."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.cfjails: list[CfJail] = []
        self.ready: list[CfJail] = []
        self.depend: list[CfJail] = []
        self.sleeping: list[CfJail] = []
        self.runnable: list[CfJail] = []
        self.byname: list[CfJail] = []
        """The jails of the configuration by name."""
        self.iflag = False
        self.note_remove = False
        self.verbose = 0
        self.paralimit = -1

    def add_jail(self) -> CfJail:
        """A new jail record."""
        return CfJail(self.cfjails)

    def find_jail(self, name: str) -> CfJail | None:
        """A jail of the configuration; of several by one name the one that bsearch(3) comes upon."""
        low, count = 0, len(self.byname)
        while count:
            at = low + (count >> 1)
            found = self.byname[at].name or ""
            if found == name:
                return self.byname[at]
            if name > found:
                low = at + 1
                count -= 1
            count >>= 1
        return None

    def requeue(self, j: CfJail, queue: list[CfJail]) -> None:
        """Move a jail to the end of another list."""
        if j.queue is not queue:
            j.queue.remove(j)
            queue.append(j)
            j.queue = queue

    def requeue_head(self, j: CfJail, queue: list[CfJail]) -> None:
        """Move a jail to the front of a list."""
        j.queue.remove(j)
        queue.insert(0, j)
        j.queue = queue

    def failed(self, j: CfJail) -> None:
        """Mark a jail's failure and see to it at once."""
        j.flags |= JF_FAILED
        self.requeue_head(j, self.ready)

    def note(self, j: CfJail, text: str) -> None:
        """jail_note."""
        self.p.stdout.write(f"{j.name}: {text}" if j.name is not None else text)

    def warnx(self, j: CfJail, text: str) -> None:
        """jail_warnx."""
        self.p.warnx(f"{j.name}: {text}" if j.name is not None else text)

    # parameters ------------------------------------------------------------------------------------------------
    def add_word(self, j: CfJail | None, word: str) -> None:
        """A parameter from the command line: name or name=value."""
        name, equals, value = word.partition("=")
        self._add(j, name, PF_APPEND, [CfString(value)] if equals else [], "")

    def add_internal(self, j: CfJail | None, name: str, value: str | None = None) -> None:
        """A parameter of ours; `name` may be one of the converted ones."""
        values = [] if value is None else [CfString(value)]
        self._add(j, CONVERTED_NAMES.get(name, name), PF_APPEND | INTERNAL[name], values, name)

    def add_param(self, j: CfJail, param: CfParam) -> None:
        """A copy of a parameter of another record."""
        self._add(j, param.name, param.flags, [s.copy() for s in param.val], "")

    def _add(self, j: CfJail | None, name: str, flags: int, values: list[CfString], key: str) -> None:
        if j is None:
            j = self.cfjails[-1] if self.cfjails else self.add_jail()
        if key:
            old = j.intparams.get(key)
        else:
            old = next((p for p in j.params if not p.flags & PF_CONV and equalopts(p.name, name)), None)
        if old is not None:
            self._change(j, old, name, flags, values)
            return
        new = CfParam(name, flags)
        new.val = values
        j.params.append(new)
        if key:
            j.intparams[key] = new
            return
        internal = _SPELLINGS.get(name)
        if internal is None:
            return
        if flags & PF_VAR:
            self._clash(j, name)
            return
        j.intparams[internal] = new
        new.flags |= INTERNAL[internal]

    def _clash(self, j: CfJail, name: str) -> None:
        self.warnx(j, f'variable "${name}" cannot have the same name as a parameter.')
        j.flags |= JF_FAILED

    def _change(self, j: CfJail, old: CfParam, name: str, flags: int, values: list[CfString]) -> None:
        if (flags ^ old.flags) & PF_VAR:
            self._clash(j, name)
            return
        if old.flags & PF_IMMUTABLE:
            self.warnx(j, f'cannot redefine parameter "{old.name}".')
            j.flags |= JF_FAILED
            return
        old.name = name
        if not flags & PF_APPEND or not values:
            old.val = []
        old.val = old.val + values
        old.flags |= flags
