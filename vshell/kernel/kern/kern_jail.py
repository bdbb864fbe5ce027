"""Jails: struct prison, the hierarchy and the life of jails, and the jail system calls (jail(2), kern_jail.c).

A jail has two counts.  `uref` counts what keeps it alive: its processes, its children and, if it is persistent, the
`persist` flag; when it drops to zero the jail is dying.  `ref` counts whatever points to it, user references and
credentials (of zombies, of sockets); when it drops to zero the jail is gone, and its network stack with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, KError
from vshell.abi.fcntl import X_OK
from vshell.abi.jail import DEFAULT_HOSTUUID, JAIL_MAX
from vshell.abi.signal import SIGKILL
from vshell.abi.socket import AF_INET, AF_INET6, AF_LOCAL, AF_NETLINK, AF_ROUTE
from vshell.kernel.kern.kern_priv import PRIV_JAIL_ATTACH, PRIV_JAIL_REMOVE, priv_check
from vshell.kernel.kern.kern_sig import psignal
from vshell.kernel.kern.prison_params import (
    ALLOW,
    ALLOW_DIFFERENCES,
    JAILSYS_MODULES,
    PR_HOST,
    PR_IP4,
    PR_IP4_SADDRSEL,
    PR_IP6,
    PR_IP6_SADDRSEL,
    PR_PERSIST,
    PR_REMOVE,
    PR_VNET,
)  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.vfs import Vnode
    from vshell.kernel.net.vnet import Vnet

PRISON_STATE_INVALID, PRISON_STATE_ALIVE, PRISON_STATE_DYING = 0, 1, 2

HOSTUUID = "402f96dd-1b4e-4b4f-a4cf-b958b9632c19"
HOSTID = 0x19738A56
"""The identity of the host, and what rc.d/hostid makes of it."""

OSRELDATE = 1501000
OSRELEASE = "15.1-RELEASE-p1"


class AllPrison:
    """What all jails of a kernel share (allprison, lastprid, lastdeadid and the permissions there are)."""

    def __init__(self) -> None:
        self.list: list[Prison] = []
        """Every jail but the host, by jid."""
        self.by_id: dict[int, Prison] = {}
        self.by_name: dict[str, list[Prison]] = {}
        """Full name to the jails that have it, the oldest first: at most one is alive."""
        self.lastprid = 0
        self.lastdeadid = 0
        self.cpusets: set[int] = {1, 2}
        """Numbered cpusets in use; at first the default set and the kernel's own."""
        self.lowest_cpuset = 1
        """No number below it is free."""
        self.allow: list[str] = list(ALLOW)
        """Permissions that exist, in order of creation."""
        self.default_allow = {"set_hostname", "reserved_ports", "unprivileged_proc_debug", "suser"}
        self.default_enforce_statfs = 2
        self.max_af_ips = 255
        self.meta_maxbufsize = self.meta_announced = 4096

    def insert(self, pr: Prison) -> None:
        """Link a jail in at the place of its jid."""
        insort(self.list, pr, key=_jid)
        self.by_id[pr.id] = pr

    def remove(self, pr: Prison) -> None:
        """Take a jail out."""
        del self.list[bisect_left(self.list, pr.id, key=_jid)]
        del self.by_id[pr.id]

    def after(self, jid: int) -> Iterator[Prison]:
        """The jails with a higher jid, in order."""
        for at in range(bisect_right(self.list, jid, key=_jid), len(self.list)):
            yield self.list[at]

    def renamed(self, pr: Prison, old: str, new: str) -> None:
        """A jail changed its name; an empty one is none."""
        if old:
            same = self.by_name[old]
            same.remove(pr)
            if not same:
                del self.by_name[old]
        if new:
            self.by_name.setdefault(new, []).append(pr)

    def next_prid(self) -> int:
        """get_next_prid: the jid of a jail that did not ask for one, 0 if there is none left."""
        used = self.by_id
        jid = self.lastprid
        for _ in range(JAIL_MAX):
            jid = jid % JAIL_MAX + 1
            if jid not in used:
                self.lastprid = jid
                return jid
        return 0

    def next_deadid(self) -> int:
        """get_next_deadid: where a dying jail whose jid is wanted moves to, counting down from the end."""
        used = self.by_id
        jid = self.lastdeadid or JAIL_MAX + 1
        for _ in range(JAIL_MAX):
            jid = jid - 1 or JAIL_MAX
            if jid not in used:
                self.lastdeadid = jid
                return jid
        return 0

    def cpuset_alloc(self) -> int:
        """The lowest free cpuset id."""
        number = self.lowest_cpuset
        while number in self.cpusets:
            number += 1
        self.cpusets.add(number)
        self.lowest_cpuset = number + 1
        return number

    def cpuset_free(self, number: int) -> None:
        """Give a cpuset id back."""
        self.cpusets.discard(number)
        self.lowest_cpuset = min(self.lowest_cpuset, max(number, 1))


def _jid(pr: Prison) -> int:
    return pr.id


class Prison:
    """One jail; prison0 is the host."""

    def __init__(self, kernel: Kernel, jid: int, parent: Prison | None, all_prison: AllPrison) -> None:
        self.kernel = kernel
        self.all = all_prison
        self.id: int = jid
        self._name: str = ""
        self.path: str = "/"
        self.parent: Prison | None = parent
        self.children: list[Prison] = []
        """Jails directly below, the newest first."""
        self.state = PRISON_STATE_INVALID
        self.ref = self.uref = 0
        self.root: Vnode
        self._vnet: Vnet | None = None
        self.flags = PR_IP4_SADDRSEL | PR_IP6_SADDRSEL
        self.allow: set[str] = set()
        self.hostname: str = ""
        self.domainname: str = ""
        self.hostuuid: str = DEFAULT_HOSTUUID
        self.hostid: int = 0
        self.addrs: dict[int, tuple[bytes, ...]] = {}
        """Address family -> its addresses, the primary one first; no entry if it has none."""
        self.securelevel: int = -1
        self.childcount: int = 0
        self.childmax: int = 0
        self.enforce_statfs: int = 0
        self.devfs_rsnum: int = 0
        self.osreldate: int = OSRELDATE
        self.osrelease: str = OSRELEASE
        self.cpuset: int = 1
        self.modules: dict[str, Prison] = {}
        """sysvmsg, sysvsem, sysvshm -> the jail whose objects are used; no entry if disabled."""
        self.metadata: dict[str, str] = {}
        self.sysctls: dict[str, Any] = {}
        """Values of per-jail sysctl nodes that nobody else keeps."""
        self.procs: list[Proc] = []

    @property
    def name(self) -> str:
        """The full name: those of the jails above and its own, with dots between."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self.all.renamed(self, self._name, name)
        self._name = name

    @property
    def vnet(self) -> Vnet:
        """The stack of the jail."""
        if self._vnet is None:
            self.kernel.network()
            assert self._vnet is not None
        return self._vnet

    @vnet.setter
    def vnet(self, vnet: Vnet) -> None:
        self._vnet = vnet

    # hierarchy -------------------------------------------------------------------------------------------------
    def contains(self, other: Prison) -> bool:
        """True if `other` is this jail or below it."""
        return other is self or self.ischild(other)

    def ischild(self, other: Prison) -> bool:
        """True if `other` is below this jail (prison_ischild)."""
        pr = other.parent
        while pr is not None:
            if pr is self:
                return True
            pr = pr.parent
        return False

    def descendants(self) -> Iterator[Prison]:
        """Every jail below, parents before their children (FOREACH_PRISON_DESCENDANT)."""
        for child in list(self.children):
            yield child
            yield from child.descendants()

    def ancestors(self) -> Iterator[Prison]:
        """The parent, its parent and so on up to the host."""
        pr = self.parent
        while pr is not None:
            yield pr
            pr = pr.parent

    @property
    def isalive(self) -> bool:
        """prison_isalive."""
        return self.state == PRISON_STATE_ALIVE

    @property
    def isjail(self) -> bool:
        """False for the host."""
        return self.parent is not None

    @property
    def owns_vnet(self) -> bool:
        """prison_owns_vnet: it has a stack of its own."""
        return bool(self.flags & PR_VNET)

    def name_of(self, other: Prison) -> str:
        """The name of `other` as this jail sees it (prison_name)."""
        if other is self:
            return "0"
        if self.parent is None or not self.ischild(other):
            return other.name
        return other.name[len(self.name) + 1 :]

    def path_of(self, other: Prison) -> str:
        """The path of `other` as this jail sees it (prison_path)."""
        mine, its = self.path, other.path
        if mine == "/" or not its.startswith(mine):
            return its
        rest = its[len(mine) :]
        return "/" if not rest else rest if rest.startswith("/") else its

    def find_child(self, jid: int) -> Prison | None:
        """The jail with that jid below this one, alive or dying (prison_find_child)."""
        pr = self.all.by_id.get(jid)
        return pr if pr is not None and self.ischild(pr) else None

    def find_name(self, name: str) -> Prison | None:
        """The jail with that name as this one sees it; a dying one only if none is alive (prison_find_name)."""
        full = name if self.parent is None else f"{self.name}.{name}"
        dead = None
        for pr in self.all.by_name.get(full, ()):
            if self.ischild(pr):
                if pr.isalive:
                    return pr
                dead = dead or pr
        return dead

    # references ------------------------------------------------------------------------------------------------
    def hold(self) -> None:
        """Something points here: a credential that outlives its process (prison_hold)."""
        self.ref += 1

    def free(self) -> None:
        """It does not any more (prison_free)."""
        prison_deref(self, deref=True, task=True)

    def free_later(self) -> None:
        """The same from inside the network: the stack goes only when nobody is in it (pr_task)."""
        if self.ref > 1:
            self.ref -= 1
        else:
            self.kernel.netisrq.append((_free_task, self, None))

    def proc_enter(self, p: Proc) -> None:
        """A process joined: one user reference, and one of its credentials."""
        self.procs.append(p)
        self.ref += 1
        self.uref += 1

    def proc_leave(self, p: Proc) -> None:
        """A process left or ended; its credentials go with `free`, for a zombie when it is reaped."""
        self.procs.remove(p)
        prison_deref(self, deuref=True, task=True)

    # what it may do --------------------------------------------------------------------------------------------
    def allows(self, name: str) -> bool:
        """True if the permission allow.NAME is given (prison_allow)."""
        return name in self.allow

    def af_error(self, domain: int) -> int:
        """prison_check_af: EAFNOSUPPORT if the jail may not use the address family, else 0."""
        if self.owns_vnet:
            return 0
        if domain in (AF_INET, AF_INET6):
            restricted = self.flags & (PR_IP4 if domain == AF_INET else PR_IP6)
            return EAFNOSUPPORT if restricted and domain not in self.addrs else 0
        if domain in (AF_LOCAL, AF_ROUTE, AF_NETLINK) or "socket_af" in self.allow:
            return 0
        return EAFNOSUPPORT

    def check_af(self, domain: int) -> None:
        """What socket(2) says to an address family the jail may not use."""
        if self.af_error(domain):
            raise KError(EPROTONOSUPPORT)


def prison0(kernel: Kernel) -> Prison:
    """The host itself."""
    pr = Prison(kernel, 0, None, AllPrison())
    pr.name = "0"
    pr.state = PRISON_STATE_ALIVE
    pr.ref = pr.uref = 1
    pr.childmax = JAIL_MAX
    pr.flags |= PR_HOST | (PR_VNET if kernel.vimage else 0)
    pr.allow = set(ALLOW) - {"unprivileged_parent_tampering"}
    pr.modules = dict.fromkeys(JAILSYS_MODULES, pr)
    for name in ("devfs", "procfs", "tmpfs"):
        prison_add_allow(pr, f"mount.{name}")
    pr.hostname = "vhost"
    pr.hostuuid, pr.hostid = HOSTUUID, HOSTID
    return pr


def prison_add_allow(pr0: Prison, name: str) -> None:
    """A new permission allow.NAME; only the host has it at first (prison_add_allow)."""
    if name not in pr0.all.allow:
        pr0.all.allow.append(name)
        pr0.allow.add(name)


def prison_set_allow(pr: Prison, names: set[str], enable: bool) -> None:
    """Give permissions, or take them from a jail and all below it (prison_set_allow_locked)."""
    if enable:
        pr.allow |= names
        return
    for each in (pr, *pr.descendants()):
        each.allow -= names


def allow_error(pr: Prison, names: set[str]) -> bool:
    """True if a child of `pr` may not be given the permissions."""
    return bool(names - pr.allow - ALLOW_DIFFERENCES)


# end of life ---------------------------------------------------------------------------------------------------


VMOVE = 10_000_000
"""Before the next interface can go the protocols have to be done with one (epoch(9)), ns."""


def prison_deref(pr: Prison, *, kill: bool = False, deuref: bool = False, deref: bool = False, task: bool = False) -> None:
    """Drop references, after killing the jail if asked to; what nobody holds any more disappears (prison_deref).

    With `task` a thread of the kernel sees to that.
    """
    gone: list[Prison] = []
    victims: list[Proc] = []
    if kill and pr.isalive:
        if not deref:
            pr.ref += 1
            deref = True
        _kill(pr, gone)
        victims = [p for q in (pr, *pr.descendants()) for p in q.procs]
    each: Prison | None = pr
    while each is not None:
        if deuref:
            each.uref -= 1
            if not each.uref and each.isalive:
                each.state = PRISON_STATE_DYING
        if not deref:
            break
        each.ref -= 1
        if each.ref:
            break
        parent = each.parent
        assert parent is not None
        _unlink(each, gone)
        each, deuref = parent, True
    for p in victims:
        psignal(p, SIGKILL)
    for dead in gone:
        if task:
            _prison_complete(dead)
        else:
            _prison_free(dead)


def _prison_complete(pr: Prison) -> None:
    """The last process of a jail takes it along: a thread of the kernel sends its interfaces home, one after the other."""
    from vshell.kernel.net.if_vmove import if_vmove

    if pr.flags & PR_VNET:
        for ifp in pr.vnet.ifnets:
            if ifp.home_vnet is not None and ifp.home_vnet is not pr.vnet:
                if_vmove(ifp, ifp.home_vnet)
                pr.vnet.kernel.clock.after(VMOVE, _prison_complete, pr)
                return
    _prison_free(pr)


def _free_task(pr: Prison, _: object) -> None:
    pr.free()


def _unlink(pr: Prison, gone: list[Prison]) -> None:
    pr.state = PRISON_STATE_INVALID
    pr.all.remove(pr)
    pr.all.renamed(pr, pr.name, "")
    assert pr.parent is not None
    pr.parent.children.remove(pr)
    for each in pr.ancestors():
        each.childcount -= 1
    gone.append(pr)


def _kill(pr: Prison, gone: list[Prison]) -> None:
    """Mark a jail and all below it as dying and take their persistence; the caller holds `pr` (prison_deref_kill)."""
    family = [pr]
    for child in pr.descendants():
        if child.isalive:
            family.append(child)
    for each in family:
        each.ref += 1
        each.uref += 1
        each.state = PRISON_STATE_DYING
        each.flags |= PR_REMOVE
    for each in reversed(family):
        each.flags &= ~PR_REMOVE
        drop = 1
        if each.flags & PR_PERSIST:
            each.flags &= ~PR_PERSIST
            drop = 2
        each.uref -= drop
        each.ref -= drop
        if not each.ref and each is not pr:
            parent = each.parent
            assert parent is not None
            _unlink(each, gone)
            parent.ref -= 1
            parent.uref -= 1


def _prison_free(pr: Prison) -> None:
    """The last of a jail: its stack is taken down."""
    from vshell.kernel.net.vnet import vnet_destroy

    if pr.flags & PR_VNET:
        vnet_destroy(pr.vnet)
    pr.all.cpuset_free(pr.cpuset)
    pr.parent = None


# attaching -----------------------------------------------------------------------------------------------------


def do_jail_attach(p: Proc, pr: Prison) -> None:
    """Move a process into a jail: credentials, root and working directory; its open files stay what they are."""
    from vshell.kernel.kern.vfs import vaccess

    if pr.vnet is not p.vnet and p.fibnum >= pr.vnet.numfibs:
        # The new stack may have fewer routing tables (rtables_check_proc_fib).
        raise KError(EINVAL)
    if not pr.root.isdir:
        raise KError(EINVAL)
    vaccess(pr.root, p.ucred, X_OK)
    old = p.ucred.prison
    pr.proc_enter(p)
    p.cdir = p.rdir = pr.root
    p.ucred = p.ucred.copy()
    p.ucred.prison = pr
    old.proc_leave(p)
    old.free()


def host_prison(td: Proc) -> Prison:
    """The jail whose identity the process sees: its own, or that of the nearest jail above with one."""
    pr = td.ucred.prison
    while not pr.flags & PR_HOST and pr.parent is not None:
        pr = pr.parent
    return pr


class JailCalls:
    """System calls on jails."""

    proc: Proc
    kernel: Kernel

    def gethostname(self) -> str:
        """gethostname(3): what the sysctl kern.hostname reads, without the tree of all sysctls."""
        return host_prison(self.proc).hostname

    def jail_set(self, params: dict[str, Any], flags: int) -> int:
        """jail_set(2)."""
        from vshell.kernel.kern.kern_jail_set import kern_jail_set

        return kern_jail_set(self.proc, dict(params), flags)

    def jail_get(self, params: dict[str, Any], flags: int) -> dict[str, Any]:
        """jail_get(2)."""
        from vshell.kernel.kern.kern_jail_get import kern_jail_get

        return kern_jail_get(self.proc, dict(params), flags)

    def jail_attach(self, jid: int) -> None:
        """jail_attach(2)."""
        priv_check(self.proc, PRIV_JAIL_ATTACH)
        pr = self.proc.ucred.prison.find_child(jid)
        if pr is None or not pr.isalive:
            raise KError(EINVAL)
        do_jail_attach(self.proc, pr)

    def jail_remove(self, jid: int) -> None:
        """jail_remove(2)."""
        priv_check(self.proc, PRIV_JAIL_REMOVE)
        pr = self.proc.ucred.prison.find_child(jid)
        if pr is None:
            raise KError(EINVAL)
        pr.hold()
        prison_deref(pr, kill=True, deref=True)
