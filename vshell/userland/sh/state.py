"""The state of one shell process: variables, options, output buffers, and the errors that unwind it.

Everything that a fork copies is an attribute here; `fork_copy` is what fork(2) does to the memory of a shell.
"""

from __future__ import annotations

from vshell.abi.errno import KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, NoReturn

    from vshell.abi.syscalls import Syscalls
    from vshell.userland.sh.jobs import Job
    from vshell.userland.sh.nodes import Node
    from vshell.userland.sh.source import Source

OPTIONS = (
    ("e", "errexit"), ("f", "noglob"), ("I", "ignoreeof"), ("i", "interactive"), ("m", "monitor"), ("n", "noexec"),
    ("s", "stdin"), ("x", "xtrace"), ("v", "verbose"), ("V", "vi"), ("E", "emacs"), ("C", "noclobber"),
    ("a", "allexport"), ("b", "notify"), ("u", "nounset"), ("p", "privileged"), ("T", "trapsasync"), ("P", "physical"),
    ("h", "trackall"), ("", "nolog"), ("", "pipefail"), ("", "verify"),
)  # fmt: skip
OPTNAMES = tuple(f"{letter}flag" if letter else f"{name}flag" for letter, name in OPTIONS)

DEFPATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
STDPATH = "/usr/bin:/bin:/usr/sbin:/sbin"

SKIPBREAK, SKIPCONT, SKIPRETURN = 1, 2, 3

EV_EXIT, EV_TESTED, EV_BACKCMD = 1, 2, 4


class ShError(Exception):
    """An error that was reported; ends the command, and a shell that is not interactive."""


class ShExit(Exception):
    """The tree that was to be the last has been run."""


class ShInterrupt(Exception):
    """SIGINT at an interactive shell."""


class Params:
    """Positional parameters, with the state of getopts that belongs to them."""

    __slots__ = ("args", "optargs", "optind", "optrest", "reset")

    def __init__(self, args: list[str]) -> None:
        self.args = args
        self.reset = True
        self.optargs: list[str] | None = None
        self.optind = -1
        self.optrest = ""


class Local:
    """What a local variable hides."""

    __slots__ = ("exported", "name", "new", "options", "readonly", "value")

    def __init__(self, name: str, value: str | None, new: bool, exported: bool, readonly: bool) -> None:
        self.name = name
        self.value = value
        self.new = new
        self.exported = exported
        self.readonly = readonly
        self.options: list[bool] | None = None


_BUCKETS: dict[str, int] = {}


def bucket(name: str) -> int:
    """The place of a variable in the table of bin/sh/var.c: its order in `export` and in the environment."""
    value = _BUCKETS.get(name)
    if value is None:
        h = 0
        for b in name.encode("utf-8", "surrogateescape"):
            h = 2 * h + b & 0xFFFFFFFF
        value = _BUCKETS[name] = h % 39
    return value


class Builtin:
    """A builtin command: its function, whether it is a special one, and whether $(...) may run it without a process."""

    __slots__ = ("plain", "run", "safe", "special", "wait")

    def __init__(
        self, run: Callable[..., Any], special: bool = False, safe: bool = False, wait: bool = False, plain: bool = False
    ) -> None:
        self.run = run
        self.plain = plain
        """True unless the evaluator itself must know about it (command, builtin, exec)."""
        self.special = special
        self.safe = safe
        self.wait = wait
        """True if `run` is a coroutine function."""


class Shell:
    """One shell process.  What needs the evaluator is filled in by interp.py."""

    builtins: ClassVar[dict[str, Builtin]] = {}

    def __init__(self, sys: Syscalls, arg0: str, env: dict[str, str]) -> None:
        self.sys = sys
        self.arg0 = arg0
        self.commandname: str | None = None
        self.scriptname: str | None = None
        self.rootpid = sys.getpid()
        self.rootshell = True
        # options
        self.eflag = self.fflag = self.Iflag = self.iflag = self.mflag = self.nflag = self.sflag = self.xflag = False
        self.vflag = self.Vflag = self.Eflag = self.Cflag = self.aflag = self.bflag = self.uflag = self.pflag = False
        self.Tflag = self.Pflag = self.hflag = self.nologflag = self.pipefailflag = self.verifyflag = False
        self.minusc: str | None = None
        # variables: None is a variable that exists (exported, say) but has no value
        self.values: dict[str, str | None] = {}
        self.exported: set[str] = set()
        self.readonly: set[str] = set()
        self.cmdenv: dict[str, str] | None = None
        self.locals: list[Local] = []
        self.forcelocal = 0
        self.environ: dict[str, str] | None = None
        self.params = Params([])
        self.utf8 = True
        self.collate = False
        # evaluation
        self.exitstatus = 0
        self.oexitstatus = 0
        self.evalskip = 0
        self.skipcount = 0
        self.loopnest = 0
        self.funcnest = 0
        self.evalnest = 0
        self.builtin_flags = 0
        self.viacommand = False
        self.busy = 0
        self._init_tables()
        self._import(env)

    def _init_tables(self) -> None:
        # commands
        self.functions: dict[str, Node | None] = {}
        self.aliases: dict[str, str] = {}
        self.hashed: dict[str, str] = {}
        self.seen_builtins: set[str] = set()
        self.hash_cd = False
        self.curdir: str | None = None
        # traps
        self.traps: dict[int, str] = {}
        self.sigmode: dict[int, int] = {}
        self.gotsig: set[int] = set()
        self.pendingsig = 0
        self.waitsig = 0
        self.intpending = False
        self.suppressint = 0
        self.in_dotrap = 0
        self.last_trapsig = 0
        self.ignore_sigchld = 0
        self.exiting: int | None = None
        # jobs
        self.jobs: list[Job | None] = []
        self.jobmru: list[Job] = []
        self.bgjob: Job | None = None
        self.bgpid = -1
        self.jobctl = False
        self.job_warning = 0
        self.ttyfd = -1
        self.history: list[tuple[int, str]] = []
        self.histloops = 0
        # input and output
        self.source: Source | None = None
        self.redirs: list[tuple[dict[int, int], bool] | None] = []
        self.fd0_redirected = False
        self.obuf: list[str] = []
        self.ebuf: list[str] = []
        self.out_memory: list[str] | None = None
        self.out2_memory = False
        self.outerror = False

    def _import(self, env: dict[str, str]) -> None:
        self.values = {"IFS": " \t\n", "PATH": DEFPATH, "PS1": "$ " if self.sys.geteuid() else "# ", "PS2": "> ", "PS4": "+ "}
        self.values["OPTIND"] = "1"
        self.values["PPID"] = str(self.sys.getppid())
        for name, value in env.items():
            self.values[name] = value
            self.exported.add(name)
        self.values["OPTIND"] = "1"
        self.values["IFS"] = " \t\n"
        self.update_locale()

    def update_locale(self) -> None:
        """LC_ALL, LC_CTYPE, LC_COLLATE or LANG changed: are characters UTF-8, does a language say how to sort."""
        self.utf8 = self._locale("LC_CTYPE").upper().endswith(".UTF-8")
        self.collate = self._locale("LC_COLLATE").partition(".")[0] not in ("", "C", "POSIX")

    def _locale(self, category: str) -> str:
        for name in ("LC_ALL", category, "LANG"):
            value = self.values.get(name)
            if value and name in self.exported:
                return value
        return "C"

    def fork_copy(self) -> Shell:
        """What fork makes of this shell; `sys` is set when the child runs."""
        new = Shell.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.values = self.values.copy()
        new.exported = self.exported.copy()
        new.readonly = self.readonly.copy()
        new.functions = self.functions.copy()
        new.aliases = self.aliases.copy()
        new.hashed = self.hashed.copy()
        new.seen_builtins = self.seen_builtins.copy()
        new.locals = self.locals.copy()
        new.traps = self.traps.copy()
        new.sigmode = self.sigmode.copy()
        new.gotsig = set()
        new.redirs = self.redirs.copy()
        new.obuf = []
        new.ebuf = []
        new.jobs = []
        new.jobmru = []
        new.bgjob = None
        new.rootshell = False
        new.forcelocal = 0
        new.jobctl = False
        new.out_memory = None
        new.out2_memory = False
        new.intpending = False
        new.suppressint = 0
        new.pendingsig = new.waitsig = 0
        old = self.params
        new.params = Params(old.args)
        for name in ("reset", "optargs", "optind", "optrest"):
            setattr(new.params, name, getattr(old, name))
        return new

    # the evaluator -----------------------------------------------------------------------------------------------
    async def evaltree(self, node: Node | None, flags: int) -> None:
        """Run a tree."""
        raise NotImplementedError

    async def evalstring(self, text: str, flags: int) -> None:
        """Run commands in a string."""
        raise NotImplementedError

    async def evalbackcmd(self, node: Node | None) -> str:
        """The output of a command substitution, without the newlines at its end."""
        raise NotImplementedError

    async def cmdloop(self, src: Source, top: bool) -> None:
        """Run the commands of an input."""
        raise NotImplementedError

    async def signals(self) -> None:
        """Act on signals that arrived."""
        raise NotImplementedError

    def prompt(self, which: int) -> str:
        """PS1 or PS2, formatted."""
        raise NotImplementedError

    # output ------------------------------------------------------------------------------------------------------
    def out(self, text: str) -> None:
        """Write to the buffer of standard output."""
        if self.out_memory is not None:
            self.out_memory.append(text)
        else:
            self.obuf.append(text)

    def out2(self, text: str) -> None:
        """Write to the buffer of standard error."""
        if self.out2_memory and self.out_memory is not None:
            self.out_memory.append(text)
        else:
            self.ebuf.append(text)

    def flush2(self) -> None:
        """Write standard error out."""
        if self.ebuf:
            data = "".join(self.ebuf).encode("utf-8", "surrogateescape")
            self.ebuf.clear()
            try:
                self.sys.write_nowait(2, data)
            except KError:
                pass

    def flush_nowait(self) -> None:
        """Write both buffers out as far as it goes without waiting."""
        if self.obuf:
            data = "".join(self.obuf).encode("utf-8", "surrogateescape")
            self.obuf.clear()
            try:
                done = self.sys.write_nowait(1, data)
                if done < len(data):
                    self.obuf.append(data[done:].decode("utf-8", "surrogateescape"))
            except KError:
                self.outerror = True
        self.flush2()

    async def flush(self) -> None:
        """flushall: write both buffers out."""
        if self.obuf:
            data = "".join(self.obuf).encode("utf-8", "surrogateescape")
            self.obuf.clear()
            try:
                done = self.sys.write_nowait(1, data)
                if done < len(data):
                    await self.sys.write(1, data[done:])
            except KError:
                self.outerror = True
                # SIGPIPE may be waiting; it ends us here as it would within write(2).
                await self.sys.sched_yield()
        self.flush2()

    def warning(self, text: str) -> None:
        """Report something on standard error, behind the name of the command or of the shell."""
        name = self.commandname if self.commandname is not None else self.arg0
        self.out2(f"{name}: {text}\n" if name else text + "\n")
        self.flush2()

    def error(self, text: str | None, status: int = 2) -> NoReturn:
        """Report an error and unwind to whoever handles it."""
        if text is not None:
            self.warning(text)
        self.flush_nowait()
        self.exitstatus = status
        raise ShError

    # variables ---------------------------------------------------------------------------------------------------
    def lookup(self, name: str) -> str | None:
        """The value of a variable, the assignments before a running builtin considered first (bltinlookup)."""
        if self.cmdenv is not None and name in self.cmdenv:
            return self.cmdenv[name]
        return self.values.get(name)

    def ifs(self) -> str:
        """The field separators."""
        value = self.values.get("IFS")
        return " \t\n" if value is None else value

    def setvar(self, name: str, value: str | None, export: bool = False, readonly: bool = False, local: bool = True) -> None:
        """Set a variable after checking its name; None leaves it without a value."""
        name = name.partition("=")[0] or name  # as the original takes it: what follows "=" is not looked at
        if not (name.isidentifier() and name.isascii()):
            self.error(f"{name}: bad variable name")
        self.assign(name, value, export, readonly, local)

    def assign(
        self, name: str, value: str | None, export: bool = False, readonly: bool = False, local: bool = True, reset: bool = True
    ) -> None:
        """Set a variable whose name is known to be good.  Without `reset` OPTIND does not restart getopts."""
        if self.forcelocal and local:
            self.mklocal(name, None)
        if name in self.readonly:
            self.error(f"{name}: is read only")
        if name in _HOOKED and reset:
            self._changed(name, value or "")
        self.values[name] = value
        if export or self.aflag:
            self.exported.add(name)
            self.environ = None
        elif name in self.exported:
            self.environ = None
        if readonly:
            self.readonly.add(name)
        if name in _LOCALE:
            self.update_locale()

    def _changed(self, name: str, value: str) -> None:
        if name == "PATH":
            self.clear_hash()
        elif name == "OPTIND" and value.lstrip("0") == "1":
            self.params.reset = True

    def unset(self, name: str) -> int:
        """Remove a variable; 1 if it is read only."""
        if name not in self.values:
            return 0
        if name in self.readonly:
            return 1
        if self.values[name]:
            self.setvar(name, "")
        if name in self.exported:
            self.exported.discard(name)
            self.environ = None
        if name in _FIXED or any(loc.name == name for loc in self.locals):
            self.values[name] = None
        else:
            del self.values[name]
        if name in _LOCALE:
            self.update_locale()
        return 0

    def mklocal(self, name: str, value: str | None) -> None:
        """Make a variable local; with `value` set it too."""
        if name == "-":
            local = Local("-", None, False, False, False)
            local.options = [getattr(self, n) for n in OPTNAMES]
            self.locals.append(local)
            return
        new = name not in self.values
        local = Local(name, self.values.get(name), new, name in self.exported, name in self.readonly)
        if new:
            self.setvar(name, value, local=False)
            self.locals.append(local)
        else:
            self.locals.append(local)
            if value is not None:
                self.setvar(name, value, local=False)

    def poplocals(self, depth: int) -> None:
        """Forget the local variables above `depth`."""
        while len(self.locals) > depth:
            local = self.locals.pop()
            name = local.name
            if local.options is not None:
                for n, v in zip(OPTNAMES, local.options, strict=True):
                    setattr(self, n, v)
                continue
            self.readonly.discard(name)
            self.environ = None
            if local.new:
                self.unset(name)
                continue
            if name in _HOOKED:
                self._changed(name, local.value or "")
            self.values[name] = local.value
            (self.exported.add if local.exported else self.exported.discard)(name)
            if local.readonly:
                self.readonly.add(name)
            if name in _LOCALE:
                self.update_locale()

    def table(self) -> list[str]:
        """The names of all variables in the order of the table."""
        rows: list[list[str]] = [[] for _ in range(39)]
        for name in self.values:
            rows[bucket(name)].append(name)
        # A new variable goes to the head of its chain.
        return [name for row in rows for name in reversed(row)]

    def environment(self) -> dict[str, str]:
        """The exported variables, for execve."""
        env = self.environ
        if env is None:
            env = self.environ = {}
            exported, values = self.exported, self.values
            rows: dict[int, list[str]] = {}
            for name in values:
                if name in exported and values[name] is not None:
                    rows.setdefault(bucket(name), []).append(name)
            for at in sorted(rows):
                for name in reversed(rows[at]):
                    env[name] = values[name]  # type: ignore[assignment]
        return env

    # history -----------------------------------------------------------------------------------------------------
    def remember(self, text: str) -> None:
        """Add a command to the history."""
        if not text.strip(" \t\n"):
            return
        size = self.values.get("HISTSIZE") or "100"
        self.history.append((self.history[-1][0] + 1 if self.history else 1, text))
        limit = int(size) if size.isdecimal() else 100
        if len(self.history) > limit:
            del self.history[: len(self.history) - limit]

    # commands ----------------------------------------------------------------------------------------------------
    def clear_hash(self) -> None:
        """Forget where programs were found."""
        self.hashed.clear()
        self.hash_cd = False


_HOOKED = frozenset(("PATH", "OPTIND"))
_LOCALE = frozenset(("LC_ALL", "LC_CTYPE", "LC_COLLATE", "LANG"))
_FIXED = frozenset(("IFS", "PATH", "PS1", "PS2", "PS4", "OPTIND", "MAIL", "MAILPATH", "TERM", "HISTSIZE"))
