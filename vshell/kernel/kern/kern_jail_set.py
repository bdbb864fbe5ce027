"""jail_set(2): create or change a jail (kern_jail_set of kern_jail.c).

Everything is checked before anything is changed, in the order of the original, because several things can be wrong at
once and one of them is reported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import (
    E2BIG,
    EADDRINUSE,
    EAGAIN,
    EEXIST,
    EFBIG,
    EINVAL,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    EPERM,
    KError,
    fail,
)  # fmt: skip
from vshell.abi.jail import (
    HOSTUUIDLEN,
    JAIL_ATTACH,
    JAIL_CREATE,
    JAIL_SET_MASK,
    JAIL_SYS_DISABLE,
    JAIL_SYS_INHERIT,
    JAIL_SYS_NEW,
    JAIL_UPDATE,
    MAXHOSTNAMELEN,
    OSRELEASELEN,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.kern.kern_jail import (
    PRISON_STATE_ALIVE,
    Prison,
    allow_error,
    do_jail_attach,
    prison_deref,
    prison_set_allow,
)  # fmt: skip
from vshell.kernel.kern.kern_priv import PRIV_JAIL_ATTACH, PRIV_JAIL_SET, priv_check
from vshell.kernel.kern.prison_ip import (
    IP_RESTRICTED,
    IP_USER,
    prison_ip_conflict,
    prison_ip_copyin,
    prison_ip_parent_match,
    prison_ip_set,
)  # fmt: skip
from vshell.kernel.kern.prison_params import (
    BOOL_FLAGS,
    DEFAULT_ALLOW,
    JAILSYS_FLAGS,
    JAILSYS_MODULES,
    METADATA,
    PR_HOST,
    PR_IP4_USER,
    PR_IP6_USER,
    PR_PERSIST,
    PR_VNET,
    sanitized,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.vfs import Vnode

_FAMILIES = ((AF_INET, "4"), (AF_INET6, "6"))


class Request:
    """The parameters of one call, checked; what is not asked for is None."""

    def __init__(self, td: Proc, params: dict[str, Any], flags: int) -> None:
        self.td = td
        self.params = params = sanitized(params)
        self.flags = flags
        self.cuflags = flags & (JAIL_CREATE | JAIL_UPDATE)
        self.my = td.ucred.prison
        self.seen = {"errmsg"}
        self.pr_flags = self.ch_flags = 0
        self.allow: set[str] = set()
        self.noallow: set[str] = set()
        self.addrs: dict[int, tuple[bytes, ...]] = {}
        self.root: Vnode | None = None

    # fetching --------------------------------------------------------------------------------------------------
    def integer(self, name: str) -> int | None:
        """A number, None if it was not given."""
        if name not in self.params:
            return None
        self.seen.add(name)
        value = self.params[name]
        return value if isinstance(value, int) else fail(EINVAL)

    def string(self, name: str, limit: int = MAXHOSTNAMELEN) -> str | None:
        """A string that must fit `limit` with its NUL."""
        if name not in self.params:
            return None
        self.seen.add(name)
        value = self.params[name]
        if not isinstance(value, str):
            raise KError(EINVAL)
        if len(value.encode("utf-8", "surrogateescape")) >= limit:
            raise KError(ENAMETOOLONG)
        return value

    def flag(self, name: str) -> bool:
        """True if a boolean was given by that name."""
        self.seen.add(name)
        return name in self.params

    # checking --------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """Everything that can be checked without knowing which jail it is about."""
        if not self.cuflags:
            raise KError(EINVAL, "no valid operation (create or update)")
        if "desc" in self.params:
            raise KError(EINVAL, "unexpected desc")
        priv_check(self.td, PRIV_JAIL_SET)
        if self.flags & JAIL_ATTACH:
            priv_check(self.td, PRIV_JAIL_ATTACH)
        self.jid = self.integer("jid") or 0
        self.securelevel = self.integer("securelevel")
        self.childmax = self.integer("children.max")
        self.enforce = self.integer("enforce_statfs")
        if self.enforce is not None and not 0 <= self.enforce <= 2:
            raise KError(EINVAL)
        self.rsnum = self.integer("devfs_ruleset")
        self._check_flags()
        self._check_allow()
        self.name = self.string("name")
        self._check_host()
        for af, digit in _FAMILIES:
            self._check_addrs(af, digit)
        if self.ch_flags & PR_VNET and self.ch_flags & (PR_IP4_USER | PR_IP6_USER):
            raise KError(EINVAL, "vnet jails cannot have IP address restrictions")
        self._check_creation_only()

    def _check_flags(self) -> None:
        for yes, no, flag in BOOL_FLAGS:
            if self.flag(yes):
                self.pr_flags |= flag
            if self.flag(no):
                self.ch_flags |= flag
        self.ch_flags |= self.pr_flags
        for name, disable, new in JAILSYS_FLAGS:
            if name == "vnet" and not self.my.kernel.vimage:
                continue
            value = self.integer(name)
            if value is None:
                continue
            if value == JAIL_SYS_NEW:
                self.pr_flags |= new
            elif value == JAIL_SYS_DISABLE and disable:
                self.pr_flags |= disable
            elif value != JAIL_SYS_INHERIT:
                raise KError(EINVAL)
            self.ch_flags |= new | disable
        if self.flags & (JAIL_CREATE | JAIL_ATTACH) == JAIL_CREATE and not self.pr_flags & PR_PERSIST:
            raise KError(EINVAL, "new jail must persist or attach")
        if self.flags & JAIL_UPDATE:
            for name, flag in (("vnet", PR_VNET), ("ip4", PR_IP4_USER), ("ip6", PR_IP6_USER)):
                if self.ch_flags & flag:
                    raise KError(EINVAL, f"{name} cannot be changed after creation")

    def _check_allow(self) -> None:
        allow = self.my.all.allow
        for param in self.params:
            if not param.startswith("allow."):
                continue
            prefix, dot, last = param[6:].rpartition(".")
            found = [(param[6:], self.allow)]
            if last.startswith("no"):
                found.append((f"{prefix}{dot}{last[2:]}", self.noallow))
            for name, names in found:
                if name in allow and (name != "nfsd" or self.my.kernel.vimage):
                    self.seen.add(param)
                    names.add(name)

    def _check_host(self) -> None:
        self.hostname = self.string("host.hostname")
        self.domainname = self.string("host.domainname")
        self.hostuuid = self.string("host.hostuuid", HOSTUUIDLEN)
        self.hostid = self.integer("host.hostid")
        if self.sets_host:
            self.ch_flags |= PR_HOST
            self.pr_flags |= PR_HOST

    @property
    def sets_host(self) -> bool:
        """True if some part of the host's identity is given."""
        return any(v is not None for v in (self.hostname, self.domainname, self.hostuuid, self.hostid))

    def _check_addrs(self, af: int, digit: str) -> None:
        name = f"ip{digit}.addr"
        if name not in self.params:
            return
        self.seen.add(name)
        addrs = self.params[name]
        size = 4 if af == AF_INET else 16
        if not isinstance(addrs, tuple) or any(not isinstance(a, bytes) or len(a) != size for a in addrs):
            raise KError(EINVAL)
        self.ch_flags |= IP_USER[af]
        self.pr_flags |= IP_USER[af]
        if len(addrs) > self.my.all.max_af_ips:
            raise KError(EINVAL, f"too many IPv{digit} addresses")
        if addrs:
            checked = prison_ip_copyin(addrs)
            if checked is None:
                raise KError(EINVAL)
            self.addrs[af] = checked

    def _check_creation_only(self) -> None:
        update = self.flags & JAIL_UPDATE
        self.osrelease = self.params.get("osrelease")
        if self.flag("osrelease"):
            if update:
                raise KError(EINVAL, "osrelease cannot be changed after creation")
            if not isinstance(self.osrelease, str):
                raise KError(EINVAL)
            if len(self.osrelease) + 1 >= OSRELEASELEN:
                raise KError(ENAMETOOLONG, f"osrelease string must be 1-{OSRELEASELEN - 1} bytes long")
        self.osreldate = self.integer("osreldate")
        if self.osreldate is not None:
            if update:
                raise KError(EINVAL, "osreldate cannot be changed after creation")
            if not self.osreldate:
                raise KError(EINVAL, "osreldate cannot be 0")
        self.path: str | None = None
        if self.flag("path"):
            if update:
                raise KError(EINVAL, "path cannot be changed after creation")
            self._check_path()

    def _check_path(self) -> None:
        from vshell.kernel.kern.vfs import namei, vn_fullpath

        path = self.params["path"]
        if not isinstance(path, str):
            raise KError(EINVAL)
        self.root = namei(self.td, path)
        if not self.root.isdir:
            raise KError(ENOTDIR)
        self.path = vn_fullpath(self.root, self.my.kernel.rootvnode)

    # finding the jail ------------------------------------------------------------------------------------------
    def find(self) -> Prison | None:
        """The jail to change, None to make a new one below `self.parent`."""
        self.parent = self.my
        self.last = self.name.rpartition(".")[2] if self.name is not None else None
        if self.cuflags == JAIL_CREATE and not self.jid and self.last is not None:
            self.jid = int(self.last) if re.fullmatch(r"[ \t]*\+?[0-9]{1,9}", self.last) else 0
        if not self.my.isalive:
            raise KError(EAGAIN)
        pr = self._find_jid() if self.jid else None
        if self.name is not None:
            pr = self._find_name(pr)
        elif self.cuflags == JAIL_UPDATE and pr is None:
            raise KError(ENOENT, "update specified no jail")
        return pr

    def _find_jid(self) -> Prison | None:
        jid = self.jid
        if jid < 0:
            raise KError(EINVAL, "negative jid")
        pr = self.my.all.by_id.get(jid)
        self.dead = pr if pr is not None and not pr.isalive else None
        if self.dead is not None:
            pr = None
        if self.cuflags == JAIL_CREATE and pr is not None:
            raise KError(EEXIST, f"jail {jid} already exists")
        if (self.cuflags == JAIL_UPDATE) if pr is None else not self.my.ischild(pr):
            raise KError(ENOENT, f"jail {jid} not found")
        return pr

    dead: Prison | None = None
    """A dying jail that has the jid which is asked for."""

    def _find_name(self, pr: Prison | None) -> Prison | None:
        name = self.name
        assert name is not None
        prefix, dot, last = name.rpartition(".")
        if dot:
            if pr is not None:
                if prefix != self.parent.name:
                    raise KError(EINVAL, "cannot change jail's parent")
            else:
                parent = self.my.find_name(prefix)
                if parent is None:
                    raise KError(ENOENT, f'jail "{prefix}" not found')
                if not parent.isalive:
                    raise KError(ENOENT, f'jail "{prefix}" is dying')
                self.parent = parent
        if not last:
            return pr
        full = last if self.parent.parent is None else f"{self.parent.name}.{last}"
        for child in self.my.all.by_name.get(full, ()):
            if child is pr or not child.isalive or child.parent is not self.parent:
                continue
            if self.cuflags == JAIL_CREATE or pr is not None:
                raise KError(EEXIST, f'jail "{name}" already exists')
            return child
        if pr is None and self.cuflags == JAIL_UPDATE:
            raise KError(ENOENT, f'jail "{name}" not found')
        return pr

    # creating --------------------------------------------------------------------------------------------------
    def create(self) -> Prison:
        """A new jail with the defaults and what it inherits, not alive yet; holds one reference."""
        for tpr in (self.my, *self.my.ancestors()):
            if tpr.childcount >= tpr.childmax:
                raise KError(EPERM, "prison limit exceeded")
        every = self.my.all
        if self.dead is not None:
            moved = every.next_deadid()
            every.remove(self.dead)
            self.dead.id = moved
            every.insert(self.dead)
        jid = self.jid or every.next_prid()
        if not jid:
            raise KError(EAGAIN, "no available jail IDs")
        self.jid = jid
        parent = self.parent
        pr = Prison(self.my.kernel, jid, parent, every)
        pr.ref = 1
        every.insert(pr)
        parent.ref += 1
        parent.uref += 1
        parent.children.insert(0, pr)
        for tpr in pr.ancestors():
            tpr.childcount += 1
        if self.last is None:
            self.last = ""
        if self.root is None:
            self.path, self.root = "/", self.my.root
        self._inherit(pr, parent)
        return pr

    def _inherit(self, pr: Prison, parent: Prison) -> None:
        from vshell.kernel.net.vnet import vnet_alloc

        pr.flags |= PR_HOST
        if not self.pr_flags & PR_VNET:
            for af, _ in _FAMILIES:
                user, restricted = IP_USER[af], IP_RESTRICTED[af]
                if not self.ch_flags & user:
                    pr.flags |= restricted | user
                elif not self.pr_flags & user:
                    pr.flags |= parent.flags & restricted
                    if af in parent.addrs:
                        pr.addrs[af] = parent.addrs[af]
        pr.securelevel = parent.securelevel
        pr.allow = set(DEFAULT_ALLOW & parent.allow)
        pr.enforce_statfs = pr.all.default_enforce_statfs
        pr.devfs_rsnum = parent.devfs_rsnum
        pr.osreldate = self.osreldate or parent.osreldate
        pr.osrelease = parent.osrelease if self.osrelease is None else self.osrelease
        if self.pr_flags & PR_VNET:
            pr.flags |= PR_VNET
            pr.vnet = vnet_alloc(pr.kernel)
        else:
            pr.vnet = parent.vnet
        pr.root = self.my.root
        pr.cpuset = pr.all.cpuset_alloc()

    def check_update(self, pr: Prison) -> None:
        """What cannot be changed in a jail that exists."""
        if pr.flags & PR_VNET and self.ch_flags & (PR_IP4_USER | PR_IP6_USER):
            raise KError(EINVAL, "vnet jails cannot have IP address restrictions")
        for name, flag in (("ip4", PR_IP4_USER), ("ip6", PR_IP6_USER)):
            if flag & self.ch_flags & (self.pr_flags ^ pr.flags):
                raise KError(EINVAL, f"{name} cannot be changed after creation")

    def check_final(self, pr: Prison) -> None:
        """The checks that need the jail and its parent."""
        parent = self.parent
        if self.securelevel is not None and self.securelevel < parent.securelevel:
            raise KError(EPERM)
        if self.childmax is not None and self.childmax >= parent.childmax:
            raise KError(EPERM)
        if self.enforce is not None and self.enforce < parent.enforce_statfs:
            raise KError(EPERM)
        self._check_ruleset()
        for af, digit in _FAMILIES:
            addrs = self.addrs.get(af)
            if addrs is None:
                continue
            if parent.flags & IP_RESTRICTED[af] and not prison_ip_parent_match(parent, af, addrs):
                raise KError(EPERM)
            if prison_ip_conflict(parent, pr, af, addrs):
                raise KError(EADDRINUSE, f"IPv{digit} addresses clash")
        self._check_name(pr)
        if allow_error(parent, self.allow):
            raise KError(EPERM)
        self._check_modules(pr)
        for name in self.params:
            if name not in self.seen:
                raise KError(EINVAL, f"unknown parameter: {name}")

    def _check_ruleset(self) -> None:
        if self.rsnum is None:
            return
        if not 0 <= self.rsnum <= 65535:
            raise KError(EINVAL)
        if self.my.isjail:
            if self.rsnum > 0 and self.rsnum != self.parent.devfs_rsnum:
                raise KError(EPERM)
            self.rsnum = self.parent.devfs_rsnum

    def _check_name(self, pr: Prison) -> None:
        if self.last is None:
            return
        if not self.last:
            self.last = str(self.jid)
        elif re.fullmatch(r"[ \t]*[-+]?[0-9]+", self.last) and self.last != str(self.jid or pr.id):
            raise KError(EINVAL, "name cannot be numeric (unless it is the jid)")
        prefix = 0 if self.parent.parent is None else len(self.parent.name) + 1
        grow = len(self.last) - len(pr.name[prefix:])
        if prefix + len(self.last) + 1 > MAXHOSTNAMELEN:
            raise KError(ENAMETOOLONG)
        if any(len(tpr.name) + grow >= MAXHOSTNAMELEN for tpr in pr.descendants()):
            raise KError(ENAMETOOLONG)

    def _check_modules(self, pr: Prison) -> None:
        for name in JAILSYS_MODULES:
            value = self.integer(name)
            if value in (JAIL_SYS_NEW, JAIL_SYS_INHERIT):
                if name not in self.parent.modules:
                    raise KError(EPERM)
            elif value not in (None, JAIL_SYS_DISABLE):
                raise KError(EINVAL)
        for name in self.params:
            if name.partition(".")[0] in METADATA:
                self.seen.add(name)

    # setting ---------------------------------------------------------------------------------------------------
    def apply(self, pr: Prison) -> None:
        """Change the jail; nothing can fail any more."""
        for af, _ in _FAMILIES:
            if self.pr_flags & IP_USER[af]:
                pr.flags |= IP_RESTRICTED[af]
                prison_ip_set(pr, af, self.addrs.get(af, ()))
        self._apply_limits(pr)
        if self.last is not None:
            _rename(pr, self.last)
        if self.path is not None and self.root is not None:
            pr.path, pr.root = self.path, self.root
        self._apply_host(pr)
        pr.allow = (pr.allow - self.noallow - self.allow) | self.allow
        if self.noallow - self.allow:
            prison_set_allow(pr, self.noallow - self.allow, False)
        self._apply_persist(pr)
        pr.flags = (pr.flags & ~self.ch_flags) | self.pr_flags
        self._apply_modules(pr)

    def _apply_limits(self, pr: Prison) -> None:
        if self.securelevel is not None:
            for each in (pr, *pr.descendants()):
                each.securelevel = self.securelevel if each is pr else max(each.securelevel, self.securelevel)
        if self.childmax is not None:
            pr.childmax = self.childmax
            _limit_children(pr, self.childmax, 1)
        if self.enforce is not None:
            for each in (pr, *pr.descendants()):
                each.enforce_statfs = self.enforce if each is pr else max(each.enforce_statfs, self.enforce)
        if self.rsnum is not None:
            for each in (pr, *pr.descendants()):
                each.devfs_rsnum = self.rsnum

    def _apply_host(self, pr: Prison) -> None:
        parent = pr.parent
        if PR_HOST & self.ch_flags & ~self.pr_flags:
            if pr.flags & PR_HOST and parent is not None:
                pr.hostname, pr.domainname = parent.hostname, parent.domainname
                pr.hostuuid, pr.hostid = parent.hostuuid, parent.hostid
        elif self.sets_host:
            set_host(pr, self.hostname, self.domainname, self.hostuuid, self.hostid)

    def _apply_persist(self, pr: Prison) -> None:
        self.unpersist = False
        if self.ch_flags & PR_PERSIST & (self.pr_flags ^ pr.flags):
            if self.pr_flags & PR_PERSIST:
                pr.ref += 1
                pr.uref += 1
            else:
                self.unpersist = True

    def _apply_modules(self, pr: Prison) -> None:
        for name in JAILSYS_MODULES:
            value = self.params.get(name)
            if value is None:
                value = JAIL_SYS_INHERIT if "sysvipc" in self.allow else JAIL_SYS_DISABLE if "sysvipc" in self.noallow else None
            if value is not None:
                _set_module(pr, name, value)


def _rename(pr: Prison, last: str) -> None:
    old = pr.name
    parent = pr.parent
    assert parent is not None
    pr.name = last if parent.parent is None else f"{parent.name}.{last}"
    for each in pr.descendants():
        each.name = pr.name + each.name[len(old) :]


def _limit_children(pr: Prison, childmax: int, level: int) -> None:
    for child in pr.children:
        child.childmax = min(child.childmax, max(childmax - level, 0))
        _limit_children(child, childmax, level + 1)


def set_host(pr: Prison, hostname: str | None, domainname: str | None, hostuuid: str | None, hostid: int | None) -> None:
    """Set the identity of a jail and of those below that share it."""
    if hostname is not None:
        pr.hostname = hostname
    if domainname is not None:
        pr.domainname = domainname
    if hostuuid is not None:
        pr.hostuuid = hostuuid
    if hostid is not None:
        pr.hostid = hostid
    for child in pr.children:
        if not child.flags & PR_HOST:
            set_host(child, hostname, domainname, hostuuid, hostid)


def _set_module(pr: Prison, name: str, value: int) -> None:
    """sysvmsg and its kin: whose objects a jail sees (msg_prison_set)."""
    old = pr.modules.get(name)
    parent = pr.parent
    assert parent is not None
    new = None if value == JAIL_SYS_DISABLE else pr if value == JAIL_SYS_NEW else parent.modules.get(name)
    _replace_module(pr, name, old, new)


def _replace_module(pr: Prison, name: str, old: Prison | None, new: Prison | None) -> None:
    if new is None:
        pr.modules.pop(name, None)
    else:
        pr.modules[name] = new
    for child in pr.children:
        current = child.modules.get(name)
        if current is not None and (new is None or current is old):
            _replace_module(child, name, current, new)


def _set_metadata(pr: Prison, params: dict[str, Any]) -> None:
    """meta and env, as a whole or by key (kern_jailmeta.c): a key that is set moves to the front."""
    for kind in METADATA:
        text = pr.metadata.get(kind, "")
        changed = False
        for name, value in params.items():
            if name != kind and not name.startswith(kind + "."):
                continue
            changed = True
            if value is not None and not isinstance(value, str):
                raise KError(EINVAL)
            if value is not None and len(value) + 1 > pr.all.meta_maxbufsize:
                raise KError(EFBIG)
            if name == kind:
                text = value or ""
                continue
            key = name[len(kind) + 1 :]
            if not key:
                raise KError(EINVAL)
            lines = [line for line in text.split("\n") if not line.startswith(key + "=")] if text else []
            text = "\n".join(lines if value is None else [f"{key}={value}", *lines])
        if changed:
            if len(text.encode("utf-8", "surrogateescape")) + 1 > pr.all.meta_maxbufsize:
                raise KError(EFBIG)
            pr.metadata[kind] = text


def kern_jail_set(td: Proc, params: dict[str, Any], flags: int) -> int:
    """Create or change a jail; its jid."""
    my = td.ucred.prison
    if flags & JAIL_CREATE and not my.childmax:
        raise KError(EPERM)
    if flags & ~JAIL_SET_MASK:
        raise KError(EINVAL)
    if len(params) > 256:
        raise KError(E2BIG)
    r = Request(td, params, flags)
    params = r.params
    r.check()
    pr = r.find()
    created = pr is None
    if pr is None:
        pr = r.create()
    else:
        pr.hold()
        r.jid = pr.id
    try:
        if not created:
            r.check_update(pr)
        r.check_final(pr)
        r.apply(pr)
        _set_metadata(pr, params)
        if created:
            pr.state = PRISON_STATE_ALIVE
        if flags & JAIL_ATTACH:
            do_jail_attach(td, pr)
    except KError:
        if created and pr.flags & PR_PERSIST:
            # What was promised to live for ever does not: undo the reference of `persist`.
            pr.flags &= ~PR_PERSIST
            pr.ref -= 1
            pr.uref -= 1
            pr.state = 0
        prison_deref(pr, deref=True)
        raise
    if r.unpersist:
        pr.ref -= 1
    prison_deref(pr, deref=True, deuref=r.unpersist)
    return r.jid
