"""jls(8): list jails (usr.sbin/jls/jls.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.jail import JAIL_DYING, JAIL_SYS_NEW
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import (
    JailError,
    JailParam,
    jailparam_all,
    jailparam_export,
    jailparam_get,
    jailparam_init,
    noname,
    nononame,
    strtoul_int,
)  # fmt: skip
from vshell.userland.libxo import Xo
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

DEFAULT, HEADER, NAMEVAL, QUOTED, SKIP, VERBOSE, JAIL_NAME, EXISTS = (1 << i for i in range(8))

USAGE = "usage: jls [-dhNnqv] [-j jail] [param ...]\n            jls -c [-d] -j jail"

VERBOSE_PARAMS = ("jid", "host.hostname", "path", "name", "dying", "cpuset.id", "ip4.addr", "ip6.addr")


class Jls:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.xo = Xo(p, "2")
        self.pflags = self.jflags = self.jid = 0
        self.jname: str | None = None
        self.params: list[JailParam] = []
        self.user: list[JailParam] = []
        """Those to print, in order."""
        self.parents: dict[str, JailParam] = {}
        """For -s: the jailsys parameter that a parameter depends on."""

    def usage(self) -> NoReturn:
        """The usage, in libxo's manner."""
        self.xo.errx(1, USAGE)

    def options(self, argv: list[str]) -> list[str]:
        """Parse the options; the operands."""
        options = Getopt(self.p, "acdj:hNnqsv", argv)
        changes = {
            "c": (0, EXISTS), "h": (SKIP | VERBOSE, HEADER), "N": (0, JAIL_NAME), "n": (VERBOSE, NAMEVAL), "q": (0, QUOTED),
            "s": (HEADER | VERBOSE, NAMEVAL | QUOTED | SKIP), "v": (HEADER | NAMEVAL | SKIP, VERBOSE),
        }  # fmt: skip
        for letter, value in options:
            if letter in "ad":
                self.jflags |= JAIL_DYING
            elif letter == "j":
                number, rest = strtoul_int(value)
                if number and not rest:
                    self.jid = number
                else:
                    self.jid, self.jname = 0, value
            elif letter in changes:
                clear, add = changes[letter]
                self.pflags = (self.pflags & ~clear) | add
            else:
                self.usage()
        return options.args

    def choose(self, args: list[str]) -> None:
        """Decide which parameters to print."""
        pflags = self.pflags
        if pflags & EXISTS:
            self._check_exists(args)
        elif args:
            self.pflags &= ~VERBOSE
            for name in args:
                self.add(name)
        elif pflags & (HEADER | NAMEVAL):
            self.add("all")
        elif pflags & VERBOSE:
            for name in VERBOSE_PARAMS:
                self.add(name)
        else:
            self.pflags |= DEFAULT
            for name in ("name" if pflags & JAIL_NAME else "jid", "ip4.addr", "host.hostname", "path"):
                self.add(name)
        if self.pflags & SKIP:
            self._add_parents()

    def _check_exists(self, args: list[str]) -> None:
        if self.pflags & ~EXISTS:
            self.xo.warnx("-c is incompatible with other print options")
        elif args:
            self.xo.warnx("-c does not accept non-option arguments")
        elif not self.jid and self.jname is None:
            self.xo.warnx("-j jail to check must be provided for -c")
        else:
            self.xo.style = "text"
            return
        self.usage()

    def add(self, name: str) -> None:
        """One parameter to print, or "all"."""
        try:
            if name == "all":
                for param in sorted(jailparam_all(self.p.sys), key=lambda q: ("." in q.name, q.name)):
                    self._append(param)
            elif all(q.name != name for q in self.user):
                self._append(jailparam_init(self.p.sys, name))
        except JailError as e:
            self.xo.errx(1, e.text)

    def _append(self, param: JailParam) -> None:
        if all(q.name != param.name for q in self.user):
            self.user.append(param)
            self.params.append(param)

    def _add_parents(self) -> None:
        for param in self.user:
            name = param.name.partition(".")[0]
            if name == param.name:
                continue
            parent = next((q for q in self.params if q.name == name), None)
            if parent is None:
                try:
                    parent = jailparam_init(self.p.sys, name)
                except JailError:
                    continue
                self.params.append(parent)
            self.parents[param.name] = parent

    def key(self) -> JailParam:
        """Add the parameter that selects the jail."""
        name = "jid" if self.jid else "name" if self.jname is not None else "lastjid"
        param = next((q for q in self.params if q.name == name), None)
        if param is None:
            param = jailparam_init(self.p.sys, name)
            self.params.append(param)
        param.value = self.jid or (self.jname if self.jname is not None else 0)
        return param

    # output ----------------------------------------------------------------------------------------------------
    def header(self) -> None:
        """The lines above."""
        emit = self.xo.emit
        if self.pflags & VERBOSE:
            emit("{T:/%3s}{T:JID}{P:  }{T:Hostname}{Pd:/%22s}{T:Path}\n", "", "")
            emit("{P:/%8s}{T:Name}{Pd:/%26s}{T:State}\n", "", "")
            emit("{P:/%8s}{T:CPUSetID}\n", "")
            emit("{P:/%8s}{T:IP Address(es)}\n", "")
        elif self.pflags & DEFAULT:
            if self.pflags & JAIL_NAME:
                emit("{P: }{T:JID/%-15s}{P: }{T:IP Address/%-15s}{P: }{T:Hostname/%-29s}{P: }{T:Path}\n")
            else:
                emit("{T:JID/%6s}{P:  }{T:IP Address}{P:/%6s}{T:Hostname}{P:/%22s}{T:Path}\n", "", "")
        elif self.pflags & HEADER:
            for i, param in enumerate(self.user):
                if i:
                    emit("{P: }")
                emit(param.name)
            emit("{P:\n}")

    def run(self) -> int:
        """Print the jail or the jails."""
        key = self.key()
        self.header()
        self.xo.open_container("jail-information")
        self.xo.open_list("jail")
        if key.name != "lastjid":
            try:
                self.print_jail()
            except JailError as e:
                if self.pflags & EXISTS:
                    return 1
                self.xo.errx(1, e.text)
        else:
            self._print_all(key)
        self.xo.close_list("jail")
        self.xo.close_container("jail-information")
        self.xo.finish()
        return 0

    def _print_all(self, key: JailParam) -> None:
        from vshell.abi.errno import ENOENT

        while True:
            try:
                key.value = self.print_jail()
            except JailError as e:
                if e.errno != ENOENT:
                    self.xo.errx(1, e.text)
                return

    def print_jail(self) -> int:
        """Fetch and print one jail; its jid."""
        jid = jailparam_get(self.p.sys, self.params, self.jflags)
        if self.pflags & EXISTS:
            return 0
        self.xo.open_instance("jail")
        if self.pflags & VERBOSE:
            self._verbose()
        elif self.pflags & DEFAULT:
            self._default()
        else:
            self._listing()
        self.xo.close_instance("jail")
        return jid

    def _verbose(self) -> None:
        emit = self.xo.emit
        jid, host, path, name, dying, cpuset, ip4, ip6 = self.user
        emit(
            "{:jid/%6d}{P:  }{:hostname/%-29.29s/%s}{P: }{:path/%.74s/%s}\n",
            jid.value, host.value, path.value,
        )  # fmt: skip
        state = "DYING" if dying.value else "ACTIVE"
        emit("{P:        }{:name/%-29.29s/%s}{P: }{:state/%.74s}\n", name.value, state)
        emit("{P:        }{:cpusetid/%d}\n", cpuset.value)
        self._addresses("ipv4_addrs", ip4)
        self._addresses("ipv6_addrs", ip6)

    def _addresses(self, name: str, param: JailParam) -> None:
        self.xo.open_list(name)
        field = "ipv4_addr" if param.size == 4 else "ipv6_addr"
        for address in jailparam_export(param).split(",") if param.value else ():
            self.xo.emit(f"{{P:        }}{{ql:{field}}}{{P:\n}}", address)
        self.xo.close_list(name)

    def _default(self) -> None:
        name, ip4, host, path = self.user
        if self.pflags & JAIL_NAME:
            self.xo.emit("{P: }{:name/%-15s/%s}{P: }", name.value)
        else:
            self.xo.emit("{:jid/%6d}{P:  }", name.value)
        self.xo.emit(
            "{:ipv4/%-15.15s/%s}{P: }{:hostname/%-29.29s/%s}{P: }{:path/%.74s/%s}\n",
            jailparam_export(ip4).partition(",")[0], host.value, path.value,
        )  # fmt: skip

    def _listing(self) -> None:
        first = True
        for param in self.user:
            if self.pflags & SKIP and not param.keyvalue and self._skipped(param):
                continue
            if not first:
                self.xo.emit("{P: }")
            first = False
            self._one(param)
        self.xo.emit("{P:\n}")

    def _skipped(self, param: JailParam) -> bool:
        parent = self.parents.get(param.name)
        return not param.flags or (parent is not None and parent.value != JAIL_SYS_NEW)

    def _one(self, param: JailParam) -> None:
        name = param.name
        if param.keyvalue and param.value == ():
            if self.pflags & NAMEVAL:
                self.xo.emit("{d:%s}", name)
            return
        if self.pflags & NAMEVAL:
            if param.isbool:
                self._boolean(param)
                return
            self.xo.emit("{d:%s}=", name)
        if not self._special(param):
            self._quoted(name, jailparam_export(param))

    def _boolean(self, param: JailParam) -> None:
        name, shown = param.name, param.name
        if not param.value:
            shown = (nononame(name) if param.nobool else noname(name)) or name
        value = "true" if param.value or param.nobool else "false"
        self.xo.emit(f"{{en:{name}/{value}}}")
        self.xo.emit("{d:/%s}", shown)

    def _special(self, param: JailParam) -> bool:
        """Addresses: a list for programs, something visible when there are none."""
        as_list = self.xo.style in ("json", "xml")
        if not as_list and (param.size and not param.value):
            if self.pflags & QUOTED:
                self.xo.emit('{P:""}')
            elif not self.pflags & NAMEVAL:
                self.xo.emit("{P:-}")
        elif as_list and param.size:
            self._addresses(param.name, param)
        else:
            return False
        return True

    def _quoted(self, name: str, value: str) -> None:
        emit = self.xo.emit
        if not value:
            emit('{ea:/%s}{da:/""}', name, value, name)
            return
        quote = '"' if "'" in value else "'" if '"' in value else '"' if any(c.isspace() for c in value) else ""
        if quote and self.pflags & QUOTED:
            emit("{P:/%c}", quote)
        emit("{a:/%s}", name, value)
        if quote and self.pflags & QUOTED:
            emit("{P:/%c}", quote)


@program("/usr/sbin/jls")
def main(p: Program) -> int:
    """List jails."""
    jls = Jls(p)
    argv = jls.xo.parse_args(p.argv)
    jls.choose(jls.options(argv))
    return jls.run()


def complete(c: Context) -> Iterator[Candidate]:
    """Jails after -j, names of parameters otherwise."""
    from vshell.abi.vshell import NAMES
    from vshell.userland.completion import Candidate

    if c.options("j").typing == "j":
        yield from c.jails()
        return
    prefix = "security.jail.param."
    for name, about in c.sys.vshell(NAMES("sysctl", prefix + c.word)):
        yield Candidate(name.removeprefix(prefix), about, name.endswith("."))
