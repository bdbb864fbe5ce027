"""The steps of a jail's life: running commands, mounting, assigning interfaces (usr.sbin/jail/command.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vshell.abi.errno import EINTR, EPERM, KError, strerror
from vshell.abi.fcntl import WIFSIGNALED, WNOHANG, WTERMSIG
from vshell.abi.signal import SIGALRM, SIGTERM
from vshell.commands.jail.jailp import (
    IP__IP4_IFADDR,
    IP__IP6_IFADDR,
    IP__MOUNT_FROM_FSTAB,
    IP__OP,
    JF_FAILED,
    JF_FROM_RUNQ,
    JF_PERSIST,
    JF_SLEEPQ,
    JF_STOP,
    JF_TIMEOUT,
    PF_REV,
    CfJail,
    CfString,
    Jail,
)  # fmt: skip
from vshell.commands.jail.spawn import check_path, spawn

if TYPE_CHECKING:
    from vshell.abi.proc import KinfoProc

NS = 1_000_000_000
POLL = 10_000_000
"""How often processes that are not our children are looked at, ns."""
DEFAULT_STOP_TIMEOUT = 10

DONE, SLEEPING, FAILED = 0, 1, -1
_FLAG_STEPS = ("mount.devfs", "mount.fdescfs", "mount.procfs")
_NOT_UNDONE = ("exec.prestart", "exec.created", "exec.start", "command", "exec.poststart", "exec.prepare")
"""Steps that mean nothing when a failed start is undone."""


def next_command(jail: Jail, j: CfJail) -> bool:
    """Go on with a jail; True if it has to wait or has failed, False when all steps are done."""
    if jail.paralimit == 0:
        if j.flags & JF_FROM_RUNQ:
            jail.requeue_head(j, jail.runnable)
        else:
            jail.requeue(j, jail.runnable)
        return True
    j.flags &= ~JF_FROM_RUNQ
    undoing = j.flags & (JF_STOP | JF_FAILED) == JF_FAILED
    while True:
        string = _next_value(j)
        if string is None:
            if not _next_step(j, undoing):
                return False
            continue
        assert j.steps is not None
        if not string.s or (undoing and j.steps[j.step] in _NOT_UNDONE):
            continue
        result = run_command(jail, j, string)
        if result == FAILED:
            jail.failed(j)
        if result != DONE:
            return True


def _next_value(j: CfJail) -> CfString | None:
    """The next value of the current step."""
    j.at += 1
    return j.values[j.at] if j.at < len(j.values) else None


def _next_step(j: CfJail, undoing: bool) -> bool:
    """Go to the next step (backwards when undoing); False at the end."""
    assert j.steps is not None
    j.step += -1 if undoing else 1
    step = j.steps[j.step]
    j.at, j.values = -1, []
    if not step:
        return False
    if step in (IP__OP, "stop.timeout"):
        j.values = [CfString("-")]
    elif step in _FLAG_STEPS:
        j.values = [CfString("-")] if j.flag(step) else []
    elif (param := j.intparams.get(step)) is not None:
        backwards = undoing or (j.flags & JF_STOP and param.flags & PF_REV)
        j.values = list(reversed(param.val)) if backwards else list(param.val)
    return True


def finish_command(jail: Jail, j: CfJail) -> bool:
    """See how a command ended; True if the jail has failed."""
    if not j.flags & JF_SLEEPQ:
        return False
    j.flags &= ~JF_SLEEPQ
    assert j.steps is not None
    if j.steps[j.step] == "stop.timeout":
        j.flags &= ~JF_TIMEOUT
        j.pstatus = 0
        return False
    jail.paralimit += 1
    if jail.runnable:
        first = jail.runnable[0]
        first.flags |= JF_FROM_RUNQ
        jail.requeue(first, jail.ready)
    problem = ""
    if j.flags & JF_TIMEOUT:
        j.flags &= ~JF_TIMEOUT
        problem = "timed out"
    elif j.pstatus:
        problem = f"exited on signal {WTERMSIG(j.pstatus)}" if WIFSIGNALED(j.pstatus) else "failed"
        j.pstatus = 0
    if problem:
        jail.warnx(j, f"{j.comline}: {problem}")
        jail.failed(j)
    j.comline = ""
    return bool(problem)


# waiting -------------------------------------------------------------------------------------------------------


async def next_proc(jail: Jail, nonblock: bool) -> CfJail | None:
    """A jail whose command has ended or run out of time."""
    while jail.sleeping:
        first = jail.sleeping[0]
        left = first.timeout - jail.p.sys.clock_gettime() if first.timeout else None
        if left is not None and left <= 0:
            first.flags |= JF_TIMEOUT
            first.pids.clear()
            return first
        if nonblock and _stopping(jail):
            # Those told to end do so while this process goes on: there is more than one processor.
            await jail.p.sys.nanosleep(1)
        ended = _foreign(jail) or await _wait(jail, nonblock, left)
        if ended is not None:
            pid, status = ended
            j = next((each for each in jail.sleeping if pid in each.pids), None)
            if j is not None:
                j.pids.discard(pid)
                j.pstatus = status
                if not j.pids:
                    return j
        elif nonblock:
            return None
    return None


def _stopping(jail: Jail) -> list[CfJail]:
    """Jails whose processes were told to end."""
    return [j for j in jail.sleeping if j.steps is not None and j.steps[j.step] == "stop.timeout"]


def _foreign(jail: Jail) -> tuple[int, int] | None:
    """A process of a jail that was told to end and has; it is no child of ours."""
    waiting = _stopping(jail)
    if not waiting:
        return None
    alive = {proc.pid for proc in _processes(jail) if proc.state != "Z"}
    for j in waiting:
        for pid in sorted(j.pids - alive):
            return pid, 0
    return None


async def _wait(jail: Jail, nonblock: bool, left: int | None) -> tuple[int, int] | None:
    """Wait for a child, for so long at most; None if none ended."""
    sys = jail.p.sys
    foreign = bool(_stopping(jail))
    if nonblock or foreign:
        try:
            pid, status = await sys.wait4(-1, WNOHANG)
        except KError:
            pid, status = 0, 0
        if pid:
            return pid, status
        if not nonblock:
            await sys.nanosleep(POLL if left is None else min(POLL, left))
        return None
    sys.sigaction(SIGALRM, lambda sig: None, False)
    sys.alarm(left or 0)
    try:
        return await sys.wait4(-1, 0)
    except KError as e:
        if e.errno != EINTR:
            # Nothing is left to wait for: the commands are gone.
            for j in jail.sleeping:
                for pid in j.pids:
                    return pid, 0
        return None
    finally:
        sys.alarm(0)


def add_proc(jail: Jail, j: CfJail, pid: int) -> None:
    """A process belongs to a jail's current command."""
    j.pids.add(pid)
    j.flags |= JF_SLEEPQ
    j.queue.remove(j)
    queue = jail.sleeping
    at = len(queue)
    if j.timeout:
        at = next((i for i, each in enumerate(queue) if not each.timeout or j.timeout <= each.timeout), at)
    queue.insert(at, j)
    j.queue = queue


def _processes(jail: Jail) -> list[KinfoProc]:
    found: list[KinfoProc] = jail.p.sys.sysctl("kern.proc")
    return found


def term_procs(jail: Jail, j: CfJail) -> int:
    """Send SIGTERM to all processes of a jail and wait for them to end."""
    timeout = j.number("stop.timeout")
    if timeout is None:
        timeout = DEFAULT_STOP_TIMEOUT
    elif timeout == 0:
        return DONE
    noted = False
    for proc in _processes(jail):
        if proc.jid != j.jid or proc.state == "Z":
            continue
        try:
            jail.p.sys.kill(proc.pid, SIGTERM)
        except KError:
            continue
        add_proc(jail, j, proc.pid)
        if jail.verbose > 0:
            if not noted:
                noted = True
                jail.note(j, "sent SIGTERM to:")
            jail.p.stdout.write(f" {proc.pid}")
    if noted:
        jail.p.stdout.write("\n")
    if not j.pids:
        return DONE
    j.timeout = jail.p.sys.clock_gettime() + timeout * NS
    return SLEEPING


# running -------------------------------------------------------------------------------------------------------


def run_command(jail: Jail, j: CfJail, string: CfString) -> int:
    """One step: DONE, SLEEPING until its process ends, or FAILED."""
    assert j.steps is not None
    step = j.steps[j.step]
    if step == "stop.timeout":
        return term_procs(jail, j)
    if step == IP__OP:
        return _remove(jail, j) if j.flags & (JF_STOP | JF_FAILED) else _create(jail, j)
    background = False
    argv: list[str] | None
    if step in _BUILDERS:
        argv = _BUILDERS[step](jail, j, string.s, bool(j.flags & (JF_STOP | JF_FAILED)))
        if argv is None:
            return FAILED
    elif step == "command" and j.name is None:
        argv = [s.s for s in j.values]
        j.at = len(j.values)
    else:
        argv, background = _shell_words(string.s)
        if background:
            string.s = string.s[:-1]
    if not argv:
        return DONE
    seconds = j.number("exec.timeout")
    j.timeout = jail.p.sys.clock_gettime() + seconds * NS if seconds else 0
    pid = spawn(jail, j, argv, step in ("exec.start", "command", "exec.stop"), background)
    if pid is None:
        return FAILED
    if background:
        j.comline = ""
        return DONE
    add_proc(jail, j, pid)
    jail.paralimit -= 1
    return SLEEPING


def _remove(jail: Jail, j: CfJail) -> int:
    from vshell.commands.jail.state import DF_LIGHT, dep_done

    try:
        jail.p.sys.jail_remove(j.jid)
    except KError as e:
        if e.errno == EPERM:
            jail.warnx(j, f"jail_remove: {strerror(e.errno)}")
            return FAILED
    wanted = jail.note_remove if j.flags & JF_STOP else j.name is not None
    if jail.verbose > 0 or (jail.verbose == 0 and wanted):
        jail.note(j, "removed\n")
    j.jid = -1
    if j.flags & JF_STOP:
        dep_done(jail, j, DF_LIGHT)
    else:
        j.flags &= ~JF_PERSIST
    return DONE


def _create(jail: Jail, j: CfJail) -> int:
    from vshell.commands.jail.create import create_jail
    from vshell.commands.jail.state import DF_LIGHT, dep_done

    if create_jail(jail, j) < 0:
        return FAILED
    if jail.iflag:
        jail.p.stdout.write(f"{j.jid}\n")
    if jail.verbose >= 0 and (j.name is not None or jail.verbose > 0):
        jail.note(j, "created\n")
    if "jid" not in j.intparams:
        jail.add_internal(j, "jid", str(j.jid))
    if "name" not in j.intparams:
        jail.add_internal(j, "name", j.string("jid"))
    dep_done(jail, j, DF_LIGHT)
    return DONE


def _shell_words(text: str) -> tuple[list[str], bool]:
    """The arguments of a command; one with special characters is for the shell, one with a final & is not waited for."""
    special = re.search(r"[!\"$&'()*;<>?\[\\\]`{|}~]", text)
    background = special is not None and special[0] == "&" and special.end() == len(text)
    if special is not None and not background:
        return ["/bin/sh", "-c", text], False
    words = (text[:-1] if background else text).split()
    return words, background


def _ifconfig(jail: Jail, j: CfJail, text: str, down: bool, family: str) -> list[str]:
    """Set or take away an address, given as interface|address/mask options."""
    words = text.split(" ")
    extra = [w for w in words[1:] if w]
    interface, bar, addr = words[0].partition("|")
    if not bar:
        interface, addr = j.string("interface") or "", words[0]
    argv = ["/sbin/ifconfig", interface, family]
    host, slash, mask = addr.partition("/")
    if family == "inet6":
        argv += [addr] if slash else [addr, "prefixlen", "128"]
    elif not slash:
        argv += [addr, "netmask", "255.255.255.255"]
    elif "." in mask:
        argv += [host, "netmask", mask]
    else:
        argv.append(addr)
    if not down:
        argv += extra
    return [*argv, "-alias" if down else "alias"]


def _ip4(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    return _ifconfig(jail, j, text, down, "inet")


def _ip6(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    return _ifconfig(jail, j, text, down, "inet6")


def _vnet_interface(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    return ["/sbin/ifconfig", text, "-vnet" if down else "vnet", j.string("jid") or ""]


def _mount(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    """A line of fstab(5)."""
    assert j.steps is not None
    name = j.intparams[j.steps[j.step]].name
    words = text.split()[:4]
    if not words:
        return []
    if len(words) < 3:
        jail.warnx(j, f"{name}: {text}: missing information")
        return None
    source, target, fstype = words[:3]
    if not check_path(jail, j, name, target, False, fstype if down else None):
        return None
    if down:
        return ["/sbin/umount", "-t", fstype, target]
    options = ["-o", words[3]] if len(words) == 4 else []
    return ["/sbin/mount", "-t", fstype, *options, source, target]


def _pseudo(jail: Jail, j: CfJail, name: str, folder: str, fstype: str, down: bool) -> list[str] | None:
    """devfs, fdescfs, procfs at their usual place below the jail's root."""
    path = j.string("path")
    if path is None:
        jail.warnx(j, f"{name}: no jail root path defined")
        return None
    target = f"{path}/{folder}"
    if not check_path(jail, j, name, target, False, fstype if down else None):
        return None
    if down:
        return ["/sbin/umount", target]
    options = [f"-oruleset={j.string('devfs_ruleset') or '4'}"] if fstype == "devfs" else []
    return ["/sbin/mount", "-t", fstype, *options, ".", target]


def _devfs(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    return _pseudo(jail, j, "mount.devfs", "dev", "devfs", down)


def _fdescfs(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    return _pseudo(jail, j, "mount.fdescfs", "dev/fd", "fdescfs", down)


def _procfs(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    return _pseudo(jail, j, "mount.procfs", "proc", "procfs", down)


def _zfs(jail: Jail, j: CfJail, text: str, down: bool) -> list[str] | None:
    jid = j.string("jid")
    command = (
        f"if [ $(/sbin/zfs get -H -o value jailed {text}) = on ]; then /sbin/zfs jail {jid} {text}"
        f" || echo error, attaching {text} to jail {jid} failed;"
        f" else echo error, you need to set jailed=on for dataset {text}; fi"
    )
    return ["/bin/sh", "-c", command]


_BUILDERS = {
    IP__IP4_IFADDR: _ip4, IP__IP6_IFADDR: _ip6, "vnet.interface": _vnet_interface, "mount": _mount, IP__MOUNT_FROM_FSTAB: _mount,
    "mount.devfs": _devfs, "mount.fdescfs": _fdescfs, "mount.procfs": _procfs, "zfs.dataset": _zfs,
}  # fmt: skip
"""Steps that are commands of our own making: builder(jail, j, value, down) -> argv, [] for nothing, None for failure."""
