"""jail(8): create, change and remove jails (usr.sbin/jail/jail.c).

The command line or jail.conf(5) gives jails and what is to be done with them; the main loop takes a jail that is ready, does its
next step, and puts it where it waits for a command, for another jail, or for nothing.
"""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.commands.jail.command import finish_command, next_command
from vshell.commands.jail.config import check_intparams, import_params, load_config
from vshell.commands.jail.create import clear_persist, quoted, rdtun_params, running_jid, update_jail
from vshell.commands.jail.jailp import (
    CLEAN,
    JF_CLEANUP,
    JF_DEPEND,
    JF_FAILED,
    JF_OP_MASK,
    JF_PARAMS,
    JF_RESTART,
    JF_SET,
    JF_SET_RESTART,
    JF_START,
    JF_START_SET,
    JF_START_SET_RESTART,
    JF_STOP,
    JF_WILD,
    LIST_PARAMS,
    START,
    STOP,
    CfJail,
    CfParam,
    Jail,
    wild_jail_name,
)  # fmt: skip
from vshell.commands.jail.state import dep_check, dep_done, dep_reset, dep_setup, next_jail, start_state
from vshell.userland.addr import inet_pton6
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.stdio import Writer, decode

CONF_FILE = "/etc/jail.conf"

USAGE = """\
usage: jail [-dhilqv] [-J jid_file] [-u username] [-U username]
            -[cmr] param=value ... [command=command ...]
       jail [-dqv] [-f file] -[cmr] [jail]
       jail [-qv] [-f file] -[rR] ['*' | jail ...]
       jail [-dhilqv] [-J jid_file] [-u username] [-U username]
            [-n jailname] [-s securelevel]
            path hostname ip[,...] command ...
       jail [-f file] -e separator"""

PERM_SYSCTL = (
    ("security.jail.set_hostname_allowed", "allow.set_hostname", False),
    ("security.jail.sysvipc_allowed", "allow.sysvipc", False),
    ("security.jail.allow_raw_sockets", "allow.raw_sockets", False),
    ("security.jail.chflags_allowed", "allow.chflags", False),
    ("security.jail.mount_allowed", "allow.mount", False),
    ("security.jail.socket_unixiproute_only", "allow.socket_af", True),
)
"""Where the old style of the command line gets its permissions from; True if the meaning is reversed."""

TEARDOWN = 10_000_000
"""How long jail_remove(2) takes for a jail with a stack of its own, ns."""


class Run(Jail):
    """The command line."""

    def __init__(self, p: Program) -> None:
        super().__init__(p)
        self.op = 0
        self.dying = self.Rflag = self.oldcl = False
        self.listing = False
        self.docf = True
        self.cfname = CONF_FILE
        self.jidfile: str | None = None
        self.separator = "\t"
        self.stdin = ""

    def usage(self) -> NoReturn:
        """How to use it."""
        self.p.usage(USAGE)

    def options(self) -> list[str]:
        """Parse the options; the operands."""
        options = Getopt(self.p, "cCde:f:hiJ:lmn:p:qrRs:u:U:v")
        operations = {"c": JF_START, "C": JF_CLEANUP, "m": JF_SET, "r": JF_STOP, "R": JF_STOP}
        for letter, value in options:
            if letter in operations:
                self.op |= operations[letter]
                self.Rflag = self.Rflag or letter == "R"
            elif letter in "hlnsuU":
                self._single(letter, value)
            elif letter == "?":
                self.usage()
            else:
                self._option(letter, value)
        return options.args

    def _single(self, letter: str, value: str) -> None:
        """Options that are parameters of a single jail."""
        names = {
            "h": "ip_hostname",
            "l": "exec.clean",
            "n": "name",
            "s": "securelevel",
            "u": "exec.jail_user",
            "U": "exec.jail_user",
        }
        self.add_internal(None, names[letter], None if letter in "hl" else value)
        if letter == "u":
            self.add_internal(None, "exec.system_jail_user")
        elif letter == "U":
            self.add_internal(None, "exec.system_jail_user", "false")
        self.docf = False

    def _option(self, letter: str, value: str) -> None:
        if letter == "d":
            self.dying = True
        elif letter == "e":
            self.listing, self.separator = True, value
        elif letter == "f":
            self.cfname = value
        elif letter == "i":
            self.iflag, self.verbose = True, -1
        elif letter == "J":
            self.jidfile = value
        elif letter == "p":
            self.paralimit = strtol(value)[0] or -1
        else:
            self.verbose = -1 if letter == "q" else 1

    def load(self) -> None:
        """Read the configuration."""
        load_config(self, self.cfname, self.stdin if self.cfname == "-" else None)

    # the four styles of the command line -----------------------------------------------------------------------
    def arguments(self, args: list[str]) -> None:
        """Find out what is to be done with which jails."""
        if not self.op:
            self._old_style(args)
        elif self.op == JF_STOP:
            if not self.docf or not args or (not self.Rflag and any("=" in arg for arg in args)):
                self.usage()
            self.docf = not self.Rflag and (self.cfname == "-" or self._exists(self.cfname))
            if self.docf:
                self.load()
            self.note_remove = self.docf or len(args) > 1 or wild_jail_name(args[0])
        elif len(args) > 1 or (len(args) == 1 and "=" in args[0]):
            if self.Rflag or self.op & JF_CLEANUP:
                self.usage()
            self.docf = False
            self._single_jail(args)
        else:
            if self.Rflag or not self.docf:
                self.usage()
            self.load()

    def _exists(self, path: str) -> bool:
        try:
            self.p.sys.stat(path)
        except KError:
            return False
        return True

    def _old_style(self, args: list[str]) -> None:
        """path hostname ip[,...] command ..."""
        if len(args) < 4 or not args[0].startswith("/"):
            self.usage()
        self.op, self.docf, self.oldcl = JF_START, False, True
        self.add_internal(None, "path", args[0])
        self.add_internal(None, "host.hostname", args[1])
        for word in args[2].split(",") if args[2] else ():
            self.add_internal(None, "ip4.addr" if inet_pton6(word) is None else "ip6.addr", word)
        for word in args[3:]:
            self.add_internal(None, "command", word)
        if not self.p.sys.sysctl("security.jail.jailed"):
            for node, name, reverse in PERM_SYSCTL:
                allowed = bool(self.p.sys.sysctl(node)) != reverse
                self.add_internal(None, name, None if allowed else "false")

    def _single_jail(self, args: list[str]) -> None:
        """param=value ... [command=command ...]"""
        for i, word in enumerate(args):
            name, equals, value = word.partition("=")
            if name == "command":
                for each in ([value] if equals else []) + args[i + 1 :]:
                    self.add_internal(None, "command", each)
                return
            if equals and name in LIST_PARAMS:
                for each in value.split(","):
                    self.add_internal(None, name, each)
            else:
                self.add_word(None, word)

    # listing ---------------------------------------------------------------------------------------------------
    def print_jail(self, out: Writer, j: CfJail, running: bool) -> None:
        """A line about a jail (print_jail)."""
        if self.oldcl:
            ip4, ip6 = _values(j.intparams.get("ip4.addr"), ","), _values(j.intparams.get("ip6.addr"), ",")
            parts = [str(j.jid)] if running else []
            parts += [_values(j.intparams.get("path"), ","), _values(j.intparams.get("host.hostname"), ",")]
            parts += [",".join(part for part in (ip4, ip6) if part), _values(j.intparams.get("command"), " ")]
        else:
            parts = [f"jid={j.jid}"] if running else []
            for param in j.params:
                if param.name != "jid":
                    parts.append(param.name + ("=" + _values(param, ",") if param.val else ""))
        out.write(self.separator.join(parts) + "\n")

    # the main loop ---------------------------------------------------------------------------------------------
    async def loop(self, out: Writer | None) -> int:
        """Do steps until nothing is left to do; the exit status."""
        error = 0
        warned = False
        while (j := await next_jail(self)) is not None:
            if j.flags & JF_FAILED:
                error = 1
                if j.steps is None:
                    dep_done(self, j, 0)
                    continue
            if not j.flags & JF_PARAMS and not self._prepare(j):
                continue
            if "allow.dying" in j.intparams and not warned:
                self.p.warnx("the 'allow.dying' parameter and '-d' flag are deprecated and have no effect.")
                warned = True
            if not j.jid:
                running_jid(self, j)
            if finish_command(self, j) or not self._settle_operation(j):
                continue
            operation = j.flags & JF_OP_MASK
            if operation == JF_START:
                self._start(j, out)
            elif operation == JF_SET:
                self._set(j)
            elif operation in (JF_STOP, JF_RESTART):
                if self.sleeping and j.jid > 0 and "vnet" in j.intparams:
                    # jail_remove(2) sleeps while it takes the stack down: commands begun for other jails run meanwhile.
                    await self.p.sys.nanosleep(TEARDOWN)
                self._stop(j)
        return error

    def _prepare(self, j: CfJail) -> bool:
        j.flags |= JF_PARAMS
        if self.dying:
            self.add_internal(j, "allow.dying")
        return check_intparams(self, j) and (not j.flags & (JF_START | JF_SET) or import_params(self, j))

    def _settle_operation(self, j: CfJail) -> bool:
        """Combined operations become one, as the jail exists or not; False if it has failed."""
        operation = j.flags & JF_OP_MASK
        cleanup = j.flags & JF_CLEANUP
        if operation == JF_START_SET:
            j.flags = cleanup | JF_START if j.jid < 0 else JF_SET
        elif operation == JF_SET_RESTART:
            if j.jid < 0 and not cleanup:
                self._quoted_warnx(j, "not found", "no jail specified")
                self.failed(j)
                return False
            j.flags = cleanup | JF_RESTART if rdtun_params(self, j, False) else JF_SET
        elif operation == JF_START_SET_RESTART:
            if j.jid < 0:
                j.flags = JF_START
            else:
                j.flags = cleanup | JF_RESTART if rdtun_params(self, j, False) else JF_SET
        if operation in (JF_SET_RESTART, JF_START_SET_RESTART) and j.flags == JF_RESTART:
            dep_reset(j)
        return True

    def _quoted_warnx(self, j: CfJail, named: str, nameless: str = "") -> None:
        name = j.name or j.string("jid") or j.string("name")
        self.p.warnx(f'"{name}" {named}' if name else nameless)

    def _start(self, j: CfJail, out: Writer | None) -> None:
        exists = False
        if j.steps is None:
            if j.jid > 0 and not j.flags & (JF_DEPEND | JF_WILD):
                self._quoted_warnx(j, "already exists")
                self.failed(j)
                return
            if dep_check(self, j):
                return
            exists = j.jid > 0
            if not exists:
                if j.flags & JF_CLEANUP:
                    j.flags |= JF_STOP
                self._begin(j, START)
        if not exists:
            if next_command(self, j):
                return
            if j.flags & JF_STOP:
                self._removed(j)
                return
        clear_persist(self, j)
        if out is not None:
            self.print_jail(out, j, True)
        dep_done(self, j, 0)

    @staticmethod
    def _begin(j: CfJail, steps: tuple[str, ...]) -> None:
        j.steps, j.step, j.at, j.values = steps, 0, -1, []

    def _set(self, j: CfJail) -> None:
        if j.jid < 0 and not j.flags & JF_DEPEND:
            self._quoted_warnx(j, "not found", "no jail specified")
            self.failed(j)
            return
        if dep_check(self, j):
            return
        if not j.flags & JF_DEPEND:
            if rdtun_params(self, j, True) < 0 or not update_jail(self, j):
                return
            if self.verbose >= 0 and (j.name is not None or self.verbose > 0):
                self.note(j, "updated\n")
        dep_done(self, j, 0)

    def _stop(self, j: CfJail) -> None:
        if j.steps is None:
            if dep_check(self, j):
                return
            if j.flags & JF_CLEANUP:
                self._begin(j, CLEAN if j.jid < 0 else STOP)
            elif j.jid < 0:
                if not j.flags & (JF_DEPEND | JF_WILD):
                    if self.verbose >= 0:
                        self._quoted_warnx(j, "not found")
                    # Those that depend on it hear of it when all others have been looked at.
                    self.failed(j)
                    return
                self._removed(j)
                return
            else:
                self._begin(j, STOP)
        elif j.flags & JF_FAILED and j.jid > 0:
            self._removed(j)
            return
        if not next_command(self, j):
            self._removed(j)

    def _removed(self, j: CfJail) -> None:
        dep_done(self, j, 0)
        if j.flags & (JF_START | JF_FAILED) == JF_START:
            j.steps = None
            j.flags &= ~(JF_STOP | JF_CLEANUP)
            dep_reset(j)
            self.requeue(j, self.depend if j.ndeps else self.ready)


def _values(param: CfParam | None, separator: str) -> str:
    return separator.join(quoted(s.s) for s in param.val) if param is not None else ""


@program("/usr/sbin/jail")
async def main(p: Program) -> int:
    """Parse the command line, then run the main loop."""
    run = Run(p)
    args = run.options()
    if run.cfname == "-":
        run.stdin = decode(await p.stdin.read())
    if run.listing:
        if run.op or args:
            run.usage()
        run.load()
        for j in run.cfjails:
            run.print_jail(p.stdout, j, False)
        return 0
    run.arguments(args)
    dep_setup(run, run.docf)
    error = 0
    if run.op & JF_OP_MASK == JF_STOP:
        for arg in args:
            if not start_state(run, arg, run.docf, run.op, run.Rflag):
                error = 1
    elif not start_state(run, args[0] if args else None, run.docf, run.op, False):
        return 1
    out = None
    if run.jidfile is not None:
        try:
            out = Writer(p.sys, p.sys.open(run.jidfile, O_WRONLY | O_CREAT | O_TRUNC, 0o666))
        except KError as e:
            p.err(1, e, f"open {run.jidfile}")
        out.setvbuf("line")
    p.stdout.setvbuf("line")
    return await run.loop(out) or error
