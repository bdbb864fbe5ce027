"""The kernel: time, the scheduler, the table of processes, the modules that are in.

A driver constructs one, calls `boot`, and then `step` for as long as there is work; between two steps it moves the
clock (`clock.next`, `clock.advance`).  The kernel never waits and never looks outside.
"""

from __future__ import annotations

from collections import deque
from importlib import import_module
from itertools import repeat

from vshell.kernel.kern.clock import Clock
from vshell.kernel.kern.kern_descrip import File, FileDesc
from vshell.kernel.kern.kern_fork import exec_entry, fork1, init_main, life, start
from vshell.kernel.kern.kern_proc import Proc, Ucred
from vshell.kernel.kern.module import KernelModule
from vshell.kernel.kern.random import Random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from vshell.abi.vshell import MetaRequest
    from vshell.kernel.kern.devfs import Cdev
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_linker import Linker
    from vshell.kernel.kern.kern_proc import Entry, Proc
    from vshell.kernel.kern.module import VnetModule
    from vshell.kernel.kern.vfs import Mount, Vnode
    from vshell.kernel.net.vnet import Vnet

    M = TypeVar("M", bound=KernelModule)
    Instances = dict[type[KernelModule], Any]
    ProgramLoader = Callable[[str], Callable[[list[str], dict[str, str]], Entry] | None]
else:
    Instances = dict

PACKET_COST = 20_000
"""Virtual time the handling of one packet takes, ns."""

FIRST_PID = 640
"""Where process ids start for users: a booted system has spent these."""

SLICE = 100
"""Turns of processes between two looks at whether a run has reached its end."""
PATIENCE = 100
"""After so many slices in which somebody was always running, running takes time too: who polls for an event sees it come."""
TURN_COST = 100_000
"""Virtual time a turn takes then, ns."""
BURST = 1024
"""So many packets are handled in a row before timers and processes get their turn: a storm in a loop of bridges has no end."""


class Kernel(Instances):
    """One machine.  As a mapping: the instances of its KernelModule classes."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, *, seed: int = 0, vimage: bool = True, paced: bool = False) -> None:
        super().__init__()
        self.clock = Clock()
        self.random = Random(seed)
        self.vimage = vimage
        self.paced = paced
        """True when wall-clock time drives the clock: then work costs no extra virtual time."""
        self.runq: deque[Proc] = deque()
        self.netisrq: deque[tuple[Callable[..., object], Any, Any]] = deque()
        """Packets on their way: (handler, first argument, mbuf)."""
        self.procs: dict[int, Proc] = {}
        self.lastpid = 0
        self.curproc: Proc | None = None
        self.initproc: Proc | None = None
        self.process_exit: list[Callable[[Proc], None]] = []
        self.panics: list[str] = []
        """Bugs that showed themselves: the traceback of each."""
        self.on_panic: Callable[[str], None] = self.panics.append
        self.msgbuf: deque[str] = deque(maxlen=1000)
        """The kernel's messages (dmesg(8)), the newest last."""
        self.msgbuf_cleared = False
        """The messages of the boot are gone too."""
        self.steps = 0
        """Times a process was given the processor; a driver can bound a run with it."""
        self.programs: Any = None
        """Where programs are installed (userland/programs.py), handed in by the machine."""
        self.load_program: ProgramLoader = lambda name: None
        self.load_data: Callable[[str], bytes] = lambda name: b""
        """Reads a data file of the initial file system, handed in by the machine."""
        self.list_data: Callable[[str], tuple[str, ...]] = lambda folder: ()
        """The names of the data files in a folder, handed in by the machine."""
        self.list_modules: Callable[[], tuple[str, ...]] = tuple
        """The names of the loadable modules there are files for, handed in by the machine."""
        self.outside: Callable[[Proc, MetaRequest], Any] | None = None
        """Answers what only the front end can (abi/vshell.py), handed in by it."""
        self.kenv: dict[str, str] = {}
        """The kernel environment (kern_environment.py)."""
        self.console_sessions: set[int] = set()
        """Sessions that run on the console."""
        self.mounts: list[Mount] = []
        self.devices: dict[str, Cdev] = {}
        self.dev_minor = 0
        self.rootvnode: Vnode
        self.prison0: Prison
        self._network = False
        self._vnets: list[Vnet] = []
        self._linker: Linker
        self._vnet_modules: list[type[VnetModule]] = []

    # life ------------------------------------------------------------------------------------------------------
    def boot(self) -> None:
        """Bring up the modules of the configuration, the root file system, process 1."""
        from vshell.kernel.kern import kern_jail, vfs

        self.prison0 = kern_jail.prison0(self)
        vfs.mount_root(self)
        self.prison0.root = self.rootvnode
        self.initproc = init = self.new_proc(None, Ucred(self.prison0))
        init.comm, init.args = "init", ["/sbin/init"]
        init.cdir = init.rdir = self.rootvnode
        start(init, init_main(init))
        self.lastpid = FIRST_PID

    def network(self) -> None:
        """Bring up the modules of the configuration and the first stack, if nobody has yet.

        Done when somebody first asks for a stack, a module, a sysctl node: a shell that only runs `true` must not
        wait for a network.  Nothing in it depends on when it happens.
        """
        if self._network:
            return
        self._network = True
        from vshell.kernel.conf import generic
        from vshell.kernel.kern import kern_linker
        from vshell.kernel.net import vnet

        self._linker = kern_linker.Linker(self)
        self.prison0.vnet = vnet.vnet_alloc(self)
        kern_linker.load_static(self, generic.KERNEL, generic.BOOT)
        for setup in generic.SETUP:
            setup(self)

    @property
    def vnet0(self) -> Vnet:
        """The stack of the host."""
        return self.prison0.vnet

    @property
    def vnets(self) -> list[Vnet]:
        """Every living stack, in order of birth."""
        self.network()
        return self._vnets

    @property
    def linker(self) -> Linker:
        """The kernel files that are in."""
        self.network()
        return self._linker

    @property
    def vnet_modules(self) -> list[type[VnetModule]]:
        """Modules every stack has, in SI_SUB order."""
        self.network()
        return self._vnet_modules

    @vnet_modules.setter
    def vnet_modules(self, modules: list[type[VnetModule]]) -> None:
        self._vnet_modules = modules

    def __missing__(self, cls: type[M]) -> M:
        if not self._network:
            self.network()
            found: M = self[cls]
            return found
        raise KeyError(f"{cls.__name__} is not loaded")

    def new_proc(self, parent: Proc | None, ucred: Ucred) -> Proc:
        """Allocate a process (the caller fills in what is inherited and starts it)."""
        from vshell.kernel.kern.syscalls import ProcSyscalls

        self.lastpid += 1
        while self.lastpid in self.procs:
            self.lastpid += 1
        if self.lastpid > 99999:
            self.lastpid = 100
        p = Proc(self, self.lastpid, parent, ucred)
        p.fd = FileDesc(p.limits)
        p.sysent = ProcSyscalls(self, p)
        self.procs[p.pid] = p
        if parent is not None:
            parent.children.append(p)
        ucred.prison.proc_enter(p)
        return p

    def spawn_init(self, path: str, argv: list[str], env: dict[str, str], files: list[File]) -> Proc:
        """Start a program as init starts a session: child of process 1, session leader, `files` as descriptors 0.."""
        assert self.initproc is not None

        async def entry(sysent: Any) -> int:
            sysent.execve(path, argv, env)
            return 127

        exec_entry(self.initproc, path, argv, env)  # fail here rather than in the child
        p = fork1(self, self.initproc, entry)
        p.pgid = p.sid = p.pid
        self.console_sessions.add(p.sid)
        for fd, file in enumerate(files):
            p.fd.put(fd, file)
        return p

    # the scheduler ---------------------------------------------------------------------------------------------
    def charge(self, p: Proc, ns: int) -> bool:
        """Account processor time to a process; True if something else wants to run now."""
        p.rusage["utime"] += ns
        clock = self.clock
        if not self.paced:
            clock.now += ns
        heap = clock.heap
        return bool(self.runq or self.netisrq or (heap and heap[0][0] <= clock.now) or self.paced)

    def idle_for(self, ns: int) -> bool:
        """Let that much time pass if nothing else would happen meanwhile; False (and no time passed) otherwise."""
        clock = self.clock
        heap = clock.heap
        if self.paced or self.runq or self.netisrq or (heap and heap[0][0] <= clock.now + ns):
            return False
        clock.now += ns
        return True

    def log(self, level: int, text: str) -> None:
        """log(9): a line for the message buffer; `level` is syslog(3)'s."""
        self.msgbuf.append(f"<{level}>{text}")

    def printf(self, text: str) -> None:
        """printf(9): a line for the console and the message buffer."""
        self.msgbuf.append(text)

    def step(self, limit: int = 1 << 62) -> bool:
        """Do everything that is due now; True if `limit` turns of processes were not enough, or a bug cut it short."""
        try:
            return self._step(limit)
        except Exception:
            from traceback import format_exc

            self.on_panic(f"kernel:\n{format_exc()}")
            return True

    def _step(self, limit: int) -> bool:
        clock, runq, netisrq, heap = self.clock, self.runq, self.netisrq, self.clock.heap
        while True:
            for _ in repeat(None, BURST):
                if not netisrq:
                    break
                handler, arg, m = netisrq.popleft()
                clock.now += PACKET_COST
                handler(arg, m)
            else:
                limit -= 1
                if limit <= 0:
                    return True
            if heap and heap[0][0] <= clock.now:
                clock.run_due()
            elif runq:
                if limit <= 0:
                    return True
                limit -= 1
                self.resume(runq.popleft())
            elif not netisrq:
                return False

    def run_netisr(self) -> None:
        """Deliver every packet that is on its way, without letting a process run."""
        while self.netisrq:
            handler, arg, m = self.netisrq.popleft()
            handler(arg, m)

    def resume(self, p: Proc) -> None:
        """Let a process run until it sleeps."""
        if p.exited:
            return
        self.curproc = p
        self.steps += 1
        coro = p.coro
        if coro is None:
            coro = p.coro = life(p, p.entry)
        try:
            coro.send(None)
        except StopIteration:
            pass
        except Exception:
            self.panic(p)
        finally:
            self.curproc = None

    def panic(self, p: Proc) -> None:
        """Something that is not an errno escaped: a bug.  The process dies as of an abort, the machine lives on."""
        from traceback import format_exc

        from vshell.abi.signal import SIGABRT
        from vshell.kernel.kern.kern_fork import exit1

        self.on_panic(f"process {p.pid} ({' '.join(p.args)}):\n{format_exc()}")
        if not p.exited:
            exit1(p, SIGABRT | 0x80)

    def run(self, until: Callable[[], bool], horizon: int = 3600 * 1_000_000_000, steps: int = 1 << 62) -> bool:
        """The jump driver: run until `until()`; False when nothing can happen any more.

        Nothing can happen when there is no deadline, or when for `horizon` ns only timers of the kernel went off,
        or when `steps` turns were used up.
        """
        clock = self.clock
        quiet = clock.now
        last = self.steps
        end = self.steps + steps
        slices = 0
        while True:
            # In slices, since with a process that never sleeps a step has no end.
            busy = self.step(min(SLICE, end - self.steps))
            if until():
                return True
            if busy:
                if self.steps >= end:
                    return False
                slices += 1
                if slices > PATIENCE:
                    self.spend(SLICE)
                continue
            slices = 0
            if self.steps != last:
                last, quiet = self.steps, clock.now
            deadline = clock.next()
            if deadline is None or clock.now - quiet > horizon:
                return False
            clock.advance(deadline)

    def spend(self, turns: int) -> None:
        """Let pass the time that so many turns of processes take where running takes time."""
        self.clock.advance(self.clock.now + turns * TURN_COST)

    def import_file(self, name: str) -> Any:
        """Import the kernel file `name` ("netinet.ip_icmp")."""
        return import_module(f"vshell.kernel.{name}")
