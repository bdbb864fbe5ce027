"""Nodes of kern and security whose values are computed (kern_mib.c, kern_jail.c, kern_proc.c)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, EPERM, KError
from vshell.abi.jail import HOSTUUIDLEN, MAXHOSTNAMELEN
from vshell.abi.proc import KinfoProc
from vshell.abi.signal import SIG_IGN
from vshell.kernel.kern.kern_jail import host_prison, prison_set_allow
from vshell.kernel.kern.kern_jail_set import set_host
from vshell.kernel.kern.kern_priv import PRIV_MSGBUF, priv_check
from vshell.kernel.kern.kern_proc import p_cansee
from vshell.kernel.kern.kern_sysctl import HANDLERS, SysctlTree, sysctl_handler

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc

HZ, STATHZ = 100, 127
BOOT_TEXT = """\
---<<BOOT>>---
Copyright (c) 1992-2025 The FreeBSD Project.
Copyright (c) 1979, 1980, 1983, 1986, 1988, 1989, 1991, 1992, 1993, 1994
	The Regents of the University of California. All rights reserved.
FreeBSD is a registered trademark of The FreeBSD Foundation.
"""
CONSOLE = "ttyu0"
"""The terminal of sessions that were started without one: the serial console."""


# the identity of the host --------------------------------------------------------------------------------------


def _host_string(attr: str, limit: int) -> Any:
    def handler(td: Proc, new: Any) -> Any:
        pr = host_prison(td)
        old = getattr(pr, attr)
        if new is not None:
            if not td.ucred.prison.allows("set_hostname"):
                raise KError(EPERM)
            if len(new.encode("utf-8", "surrogateescape")) >= limit:
                raise KError(EINVAL)
            hostname, domainname, hostuuid = (new if attr == each else None for each in ("hostname", "domainname", "hostuuid"))
            set_host(pr, hostname, domainname, hostuuid, None)
        return old

    return handler


HANDLERS["kern.hostname"] = _host_string("hostname", MAXHOSTNAMELEN)
HANDLERS["kern.domainname"] = _host_string("domainname", MAXHOSTNAMELEN)
HANDLERS["kern.hostuuid"] = _host_string("hostuuid", HOSTUUIDLEN)


@sysctl_handler("kern.hostid")
def sysctl_hostid(td: Proc, new: Any) -> Any:
    """kern.hostid."""
    pr = host_prison(td)
    old = pr.hostid
    if new is not None:
        if not td.ucred.prison.allows("set_hostname"):
            raise KError(EPERM)
        set_host(pr, None, None, None, new)
    return old


@sysctl_handler("kern.securelevel")
def sysctl_kern_securelvl(td: Proc, new: Any) -> Any:
    """kern.securelevel: may only rise, and takes the jails below along."""
    pr = td.ucred.prison
    old = pr.securelevel
    if new is not None:
        if new < old:
            raise KError(EPERM)
        for each in (pr, *pr.descendants()):
            each.securelevel = new if each is pr else max(each.securelevel, new)
    return old


HANDLERS["kern.osrelease"] = lambda td, new: td.ucred.prison.osrelease
HANDLERS["kern.osreldate"] = lambda td, new: td.ucred.prison.osreldate


@sysctl_handler("kern.module_path")
def sysctl_module_path(td: Proc, new: Any) -> Any:
    """kern.module_path: where kernel files are looked for."""
    linker = td.kernel.linker
    old = linker.path
    if new is not None:
        linker.path = new
    return old


# time and processes --------------------------------------------------------------------------------------------


def _timeval(ns: int) -> bytes:
    return struct.pack("<qq", ns // 1_000_000_000, ns % 1_000_000_000 // 1000)


HANDLERS["kern.clockrate"] = lambda td, new: struct.pack("<5i", HZ, 1_000_000 // HZ, 0, STATHZ, STATHZ)


@sysctl_handler("kern.msgbuf")
def sysctl_kern_msgbuf(td: Proc, new: Any) -> str:
    """kern.msgbuf: what the kernel had to say, from its start on."""
    priv_check(td, PRIV_MSGBUF)
    kernel = td.kernel
    lines = list(kernel.msgbuf)
    if not kernel.msgbuf_cleared and len(lines) < (kernel.msgbuf.maxlen or 0):
        version = kernel[SysctlTree].table()["kern.version"].value
        lines[:0] = (BOOT_TEXT + str(version)).splitlines()
    return "".join(f"{line}\n" for line in lines)


@sysctl_handler("kern.msgbuf_clear")
def sysctl_kern_msgbuf_clear(td: Proc, new: Any) -> int:
    """kern.msgbuf_clear: writing to it empties the message buffer."""
    if new is not None:
        td.kernel.msgbuf.clear()
        td.kernel.msgbuf_cleared = True
    return 0


@sysctl_handler("kern.boottime")
def sysctl_kern_boottime(td: Proc, new: Any) -> bytes:
    """kern.boottime."""
    return _timeval(td.kernel.clock.boottime)


@sysctl_handler("net.my_fibnum")
def sysctl_my_fibnum(td: Proc, new: Any) -> int:
    """net.my_fibnum: the routing table the process uses."""
    return td.fibnum


HANDLERS["vm.loadavg"] = lambda td, new: struct.pack("<3I4xq", 0, 0, 0, 2048)


@sysctl_handler("kern.cp_time")
def sysctl_kern_cp_time(td: Proc, new: Any) -> bytes:
    """kern.cp_time: ticks in user, nice, system, interrupt and idle."""
    clock = td.kernel.clock
    busy = sum(p.rusage["utime"] + p.rusage["stime"] for p in td.kernel.procs.values()) * STATHZ // 1_000_000_000
    return struct.pack("<5q", busy, 0, 0, 0, max(clock.now * STATHZ // 1_000_000_000 - busy, 0))


def _state(p: Proc) -> str:
    return "Z" if p.exited else "T" if p.stopped else "S" if p.sleeping else "R"


@sysctl_handler("kern.proc")
def sysctl_kern_proc(td: Proc, new: Any) -> list[KinfoProc]:
    """kern.proc: the processes the caller may see, in the order of their ids."""
    kernel = td.kernel
    mine = td.ucred.prison
    found = []
    if not mine.isjail:
        start = kernel.clock.boottime
        found.append(KinfoProc(0, 0, 0, 0, 0, 0, 0, 0, "kernel", (), start, "S", "swapin", 0, 0, 0, "", 0, "", system=True))
    for pid in sorted(kernel.procs):
        p = kernel.procs[pid]
        if not p_cansee(td, p):
            continue
        prison = p.ucred.prison
        cred = p.ucred
        wchan = p.wchans[0].name if p.wchans else ""
        tty = p.ctty.name if p.ctty is not None else CONSOLE if p.sid in kernel.console_sessions else ""
        found.append(
            KinfoProc(
                p.pid, p.parent.pid if p.parent is not None else 0, p.pgid, p.sid, cred.uid, cred.ruid, cred.gid,
                prison.id if prison is not mine else 0, p.comm, tuple(p.args), kernel.clock.boottime + p.start, _state(p), wchan,
                p.rusage["utime"], p.rusage["stime"], p.nice, tty, p.fibnum, mine.name_of(prison) if prison is not mine else "",
                rgid=cred.rgid, svuid=cred.svuid, svgid=cred.svgid, groups=cred.groups, jailed=prison.isjail, umask=p.cmask,
                foreground=p.ctty is not None and p.ctty.pgrp == p.pgid, cutime=p.rusage["cutime"] + p.rusage["cstime"],
                capmode=cred.capmode, sigpend=frozenset(p.siglist), sigmask=p.sigmask,
                sigignore=frozenset(s for s, (h, _) in p.sigacts.items() if h == SIG_IGN),
                sigcatch=frozenset(s for s, (h, _) in p.sigacts.items() if callable(h)),
            )
        )  # fmt: skip
    return found


# jails ---------------------------------------------------------------------------------------------------------

HANDLERS["security.jail.jailed"] = lambda td, new: int(td.ucred.prison.isjail)
HANDLERS["security.jail.vnet"] = lambda td, new: int(td.ucred.prison.isjail and td.ucred.prison.owns_vnet)
HANDLERS["security.jail.children.cur"] = lambda td, new: td.ucred.prison.childcount
HANDLERS["security.jail.children.max"] = lambda td, new: td.ucred.prison.childmax
HANDLERS["security.jail.env"] = lambda td, new: td.ucred.prison.metadata.get("env", "")
HANDLERS["security.jail.devfs_ruleset"] = lambda td, new: td.ucred.prison.devfs_rsnum


@sysctl_handler("security.jail.enforce_statfs")
def sysctl_jail_default_level(td: Proc, new: Any) -> int:
    """The level of this jail; on the host the default of new jails, which nothing checks."""
    pr = td.ucred.prison
    old = pr.enforce_statfs if pr.isjail else pr.all.default_enforce_statfs
    if new is not None:
        pr.all.default_enforce_statfs = new
    return old


JAIL_FILE_SYSTEMS = ("tmpfs", "procfs", "devfs", "nullfs", "fdescfs", "linprocfs", "linsysfs")


def _default_allow(name: str, inverted: bool = False) -> Any:
    def handler(td: Proc, new: Any) -> int:
        pr = td.ucred.prison
        names = pr.allow if pr.isjail else pr.all.default_allow
        old = int((name in names) != inverted)
        if new is not None:
            (pr.all.default_allow.add if bool(new) != inverted else pr.all.default_allow.discard)(name)
        return old

    return handler


for _node, _name in (
    *((f"mount_{fs}_allowed", f"mount.{fs}") for fs in JAIL_FILE_SYSTEMS),
    ("mlock_allowed", "mlock"), ("mount_allowed", "mount"), ("chflags_allowed", "chflags"), ("allow_raw_sockets", "raw_sockets"),
    ("sysvipc_allowed", "sysvipc"), ("set_hostname_allowed", "set_hostname"),
):  # fmt: skip
    HANDLERS[f"security.jail.{_node}"] = _default_allow(_name)
HANDLERS["security.jail.socket_unixiproute_only"] = _default_allow("socket_af", inverted=True)


def _all_attribute(attr: str) -> Any:
    def handler(td: Proc, new: Any) -> Any:
        every = td.ucred.prison.all
        old = getattr(every, attr)
        if new is not None:
            setattr(every, attr, new)
        return old

    return handler


HANDLERS["security.jail.jail_max_af_ips"] = _all_attribute("max_af_ips")


@sysctl_handler("security.jail.meta_maxbufsize")
def jm_sysctl_meta_maxbufsize(td: Proc, new: Any) -> int:
    """The limit for new values; the one that is announced stays while a jail may still have something longer."""
    every = td.ucred.prison.all
    old = every.meta_maxbufsize
    if new is not None:
        every.meta_maxbufsize = new
        if new >= every.meta_announced or not every.list:
            every.meta_announced = new
    return old


def jm_sysctl_param_meta(td: Proc, new: Any) -> str:
    """How long a value that is read may be."""
    return str(td.ucred.prison.all.meta_announced)


HANDLERS["security.jail.param.meta"] = HANDLERS["security.jail.param.env"] = jm_sysctl_param_meta


def _own_allow(name: str) -> Any:
    def handler(td: Proc, new: Any) -> int:
        pr = td.ucred.prison
        old = int(name in pr.allow)
        if new is not None:
            prison_set_allow(pr, {name}, bool(new))
        return old

    return handler


HANDLERS["security.bsd.suser_enabled"] = _own_allow("suser")
HANDLERS["security.bsd.unprivileged_proc_debug"] = _own_allow("unprivileged_proc_debug")


# the network ---------------------------------------------------------------------------------------------------


@sysctl_handler("kern.ipc.somaxconn")
def sysctl_somaxconn(td: Proc, new: Any) -> Any:
    """The old name of kern.ipc.soacceptqueue."""
    return td.kernel[SysctlTree].access(td, "kern.ipc.soacceptqueue", new)


@sysctl_handler("kern.ipc.maxsockets")
def sysctl_maxsockets(td: Proc, new: Any) -> Any:
    """kern.ipc.maxsockets: may grow as far as there may be files."""
    tree = td.kernel[SysctlTree]
    if new is not None and new != tree.stored(td, "kern.ipc.maxsockets", None) and new > tree.access(td, "kern.maxfiles", None):
        raise KError(EINVAL)
    return tree.stored(td, "kern.ipc.maxsockets", new)


def _choice(name: str, error: int, allowed: Callable[[Proc, str], bool]) -> None:
    """A string that must be one of several words."""

    def handler(td: Proc, new: Any) -> Any:
        tree = td.kernel[SysctlTree]
        if new is not None and not allowed(td, new):
            raise KError(error)
        return tree.stored(td, name, new)

    HANDLERS[name] = handler


HANDLERS["net.inet.tcp.fastopen.ccache_list"] = lambda td, new: (
    "\nLocal IP address     Remote IP address     Port   MSS Disabled Cookie\n"
)
_choice("net.inet.tcp.functions_default", ENOENT, lambda td, word: word == "freebsd")
_choice("net.isr.dispatch", EINVAL, lambda td, word: word in ("default", "deferred", "hybrid", "direct"))
