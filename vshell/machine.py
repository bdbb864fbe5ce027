"""A machine: kernel, programs and file system put together and booted; what a test or an embedding program constructs.

>>> Machine().run("echo hello").stdout
b'hello\\n'
"""

from __future__ import annotations

import os
import sys
from functools import cache

from vshell.abi.errno import KError
from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED, WTERMSIG
from vshell.abi.signal import SIGHUP, SIGKILL
from vshell.kernel.kern.kern_sig import psignal
from vshell.kernel.kern.kernel import Kernel
from vshell.kernel.kern.tty import Tty, TtyFile
from vshell.shell.hostio import FedInput, Output
from vshell.userland.crt0 import start
from vshell.userland.programs import Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Entry, Proc
    from vshell.shell.hostfs import HostMount

    Mounts = Sequence[tuple[str, str, bool]]
    """(folder of the host, where it appears, read-only)."""

SHELL = "/bin/sh"
LOGIN_SHELL = "-sh"
ENVIRONMENT = {
    "USER": "root",
    "LOGNAME": "root",
    "HOME": "/root",
    "SHELL": "/bin/sh",
    "PATH": "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/root/bin",
    "TERM": "xterm",
    "BLOCKSIZE": "K",
    "MAIL": "/var/mail/root",
    "LANG": "C.UTF-8",
    "MM_CHARSET": "UTF-8",
}
"""What login(1) gives root."""

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel", "conf", "files")
"""The content of files that a fresh system has."""

SCRIPT = 10
"""The descriptor on which a shell reads a script of the host: where sh itself puts the script it opens."""

STEPS = 1_000_000
"""Turns of processes that a command of a session may take before it counts as hung."""

REPLAY_STEPS = 100_000
"""The same in a replay, where no recorded command needs a hundredth of it."""


class Result:
    """How a run ended."""

    def __init__(self, stdout: bytes, stderr: bytes, status: int) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.status = status

    def __repr__(self) -> str:
        return f"Result(stdout={self.stdout!r}, stderr={self.stderr!r}, status={self.status})"


def exit_status(xstat: int) -> int:
    """The status a shell reports for an ended process."""
    return WEXITSTATUS(xstat) if WIFEXITED(xstat) else 128 + WTERMSIG(xstat)


def load_data(name: str) -> bytes:
    """The content of a file of the initial file system."""
    with open(os.path.join(FILES, name), "rb") as f:
        return f.read()


@cache
def list_data(folder: str) -> tuple[str, ...]:
    """The files of the initial file system in one of its folders."""
    return tuple(sorted(os.listdir(os.path.join(FILES, folder))))


@cache
def list_modules() -> tuple[str, ...]:
    """The loadable modules among the kernel's files: those that declare a KLD or a cloner and are not compiled in."""
    from vshell.kernel.conf.generic import KERNEL
    from vshell.kernel.kern.kern_linker import FOLDERS

    found = []
    for folder in FOLDERS:
        where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel", folder)
        for file in sorted(os.listdir(where)) if os.path.isdir(where) else ():
            name, _, kind = file.partition(".")
            if kind != "py" or f"{folder}.{name}" in KERNEL:
                continue
            with open(os.path.join(where, file), encoding="utf-8") as f:
                text = f.read()
            if "\nKLD = " in text or "\n@cloner(" in text:
                found.append(name)
    return tuple(found)


class Machine:
    """One booted machine."""

    def __init__(self, *, seed: int = 0, vimage: bool = True, paced: bool = False, mounts: Mounts = ()) -> None:
        # A program reads a number of any length and says itself that it is too large; by default int() gives up at 4300 digits.
        sys.set_int_max_str_digits(0)
        self.kernel = kernel = Kernel(seed=seed, vimage=vimage, paced=paced)
        self.programs = kernel.programs = Programs()
        kernel.load_program = self._load
        kernel.load_data = load_data
        kernel.list_data = list_data
        kernel.list_modules = list_modules
        kernel.boot()
        self.console = Tty(kernel, "ttyv0", lambda data: None)
        self._folders = [self._mount(*mount) for mount in mounts]

    def _load(self, name: str) -> Any:
        """How to start the program of that name: what the kernel asks when a program file is executed."""
        main = self.programs.load(name)
        if main is None:
            return None
        return lambda argv, env: lambda sysent: start(main, sysent, argv, env)

    def shield(self, on: bool) -> None:
        """While it is on, what is changed in folders of the host stays in the machine."""
        for mount in self._folders:
            mount.shadow = {} if on else None

    def _mount(self, host: str, guest: str, read_only: bool) -> HostMount:
        from vshell.kernel.kern.vfs import DirVnode, namei
        from vshell.shell.hostfs import mount_host

        init = self.kernel.initproc
        assert init is not None
        path = ""
        for name in guest.strip("/").split("/"):
            path += "/" + name
            try:
                init.sysent.stat(path)
            except KError:
                init.sysent.mkdir(path, 0o755)
        covered = namei(init, path)
        if not isinstance(covered, DirVnode):
            raise NotADirectoryError(20, "Not a directory in the machine", guest)
        return mount_host(self.kernel, host, path, covered, read_only)

    # processes -------------------------------------------------------------------------------------------------
    def spawn(self, argv: list[str], files: list[File], path: str = SHELL, env: dict[str, str] | None = None) -> Proc:
        """Start a session with a program in /root; `files` become its descriptors 0, 1, 2 ..."""
        proc = self.kernel.spawn_init(path, argv, dict(ENVIRONMENT if env is None else env), files)
        proc.sysent.chdir("/root")
        return proc

    def spawn_script(self, argv: list[str], files: list[File], script: File) -> Proc:
        """Start a session with a shell whose commands come from `script`, a file that has no name in the machine."""
        from vshell.userland.sh.interp import run_commands

        async def entry(sysent: Any) -> int:
            return await start(lambda p: run_commands(p, SCRIPT), sysent, argv, dict(ENVIRONMENT))

        proc = self.process(entry, argv, files)
        proc.comm = "sh"
        proc.fd.put(SCRIPT, script)
        proc.fd.cloexec.add(SCRIPT)
        return proc

    def process(self, entry: Entry, argv: Sequence[str] = ("process",), files: Sequence[File] = ()) -> Proc:
        """Start a session with a process that runs `entry(its system calls)`, a coroutine of the caller."""
        from vshell.kernel.kern.kern_fork import fork1

        init = self.kernel.initproc
        assert init is not None
        proc = fork1(self.kernel, init, entry)
        proc.comm, proc.args = argv[0], list(argv)
        proc.pgid = proc.sid = proc.pid
        self.kernel.console_sessions.add(proc.sid)
        for fd, file in enumerate(files):
            proc.fd.put(fd, file)
        proc.sysent.chdir("/root")
        return proc

    def login(self) -> Proc:
        """An interactive shell on the console."""
        tty = TtyFile(self.console)
        proc = self.spawn([LOGIN_SHELL], [tty, tty, TtyFile(self.console, error=True)])
        proc.ctty = self.console
        self.console.pgrp = proc.pgid
        return proc

    def hangup(self, shell: Proc) -> None:
        """The terminal is gone: what ran on it is told, and given the chance to end."""
        for p in list(self.kernel.procs.values()):
            if p.sid == shell.sid and not p.exited:
                psignal(p, SIGHUP)
        self.kernel.step(STEPS)
        if not shell.exited:
            psignal(shell, SIGKILL)
            self.kernel.step(STEPS)

    # running ---------------------------------------------------------------------------------------------------
    def run(self, commands: str, *args: str, stdin: bytes = b"") -> Result:
        """Run commands as `sh -c` does, in virtual time; `args` are $0, $1 ..."""
        out, err = bytearray(), bytearray()
        files: list[File] = [FedInput(stdin, end=True), Output(out.extend), Output(err.extend)]
        shell = self.spawn(["sh", "-c", commands, *args], files)
        self.finish(shell)
        return Result(bytes(out), bytes(err), exit_status(shell.xstat))

    def kill_job(self, shell: Proc) -> bool:
        """Kill what a shell started last, with all that came of it: the command it waits for.  False if nothing is left."""
        job = max((p for p in shell.children if not p.exited), key=lambda p: p.pid, default=None)
        if job is None:
            return False
        family = [job]
        for p in family:
            family += p.children
            psignal(p, SIGKILL)
        return True

    def finish(self, shell: Proc, steps: int = 1 << 62, interactive: bool = False) -> bool:
        """Jump from event to event until the process has ended; kills it and returns False if it never will.

        Of an interactive shell only the command that never ends is killed: it goes on with the next one.
        """
        done = self.kernel.run(lambda: shell.exited, steps=steps)
        while not done and interactive and self.kill_job(shell):
            done = self.kernel.run(lambda: shell.exited, steps=steps)
        if not done:
            psignal(shell, SIGKILL)
            self.kernel.run(lambda: shell.exited)
        return done


class Session:
    """An interactive shell (`sh -i`) that is fed its commands piece by piece, in virtual time."""

    def __init__(self, machine: Machine, steps: int = STEPS) -> None:
        self.machine = machine
        self.steps = steps
        self.output = bytearray()
        self.errors = bytearray()
        self.input = FedInput()
        out, err = Output(self.output.extend), Output(self.errors.extend)
        self.shell = machine.spawn([LOGIN_SHELL, "-i"], [self.input, out, err])
        self.feed("")

    @property
    def ended(self) -> bool:
        """True once the shell has ended."""
        return self.shell.exited

    @property
    def panics(self) -> list[str]:
        """Where the emulator itself failed."""
        return self.machine.kernel.panics

    @property
    def status(self) -> int:
        """The exit status of the ended shell."""
        return exit_status(self.shell.xstat)

    def feed(self, text: str) -> bytes:
        """Run `text`; returns what came on standard output until the shell waited for more.

        A command that never comes to an end is killed, with all that it started.
        """
        del self.output[:]
        self.input.feed(text.encode("utf-8", "surrogateescape"))
        kernel = self.machine.kernel
        if not kernel.run(lambda: self.shell.exited or self.input.wanted, steps=self.steps):
            self._kill()
        return bytes(self.output)

    def _kill(self) -> None:
        """End what hangs: the command that runs, what was started before it if need be, and the shell if it hangs itself."""
        kernel = self.machine.kernel
        while self.machine.kill_job(self.shell):
            if kernel.run(lambda: self.shell.exited or self.input.wanted, steps=self.steps):
                return
        psignal(self.shell, SIGKILL)
        kernel.run(lambda: self.shell.exited, steps=self.steps)


def open_session(*, seed: int = 0, vimage: bool = True, mounts: Mounts = ()) -> Session:
    """A session for a replay, in a machine of its own."""
    return Session(Machine(seed=seed, vimage=vimage, mounts=mounts), REPLAY_STEPS)
