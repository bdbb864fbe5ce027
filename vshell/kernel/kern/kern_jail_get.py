"""jail_get(2): find a jail and tell its parameters (kern_jail_get of kern_jail.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, KError
from vshell.abi.jail import JAIL_DYING, JAIL_GET_MASK, JAIL_SYS_DISABLE, JAIL_SYS_INHERIT, JAIL_SYS_NEW
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.kern.prison_params import BOOL_FLAGS, JAILSYS_FLAGS, JAILSYS_MODULES, METADATA, sanitized

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Proc

_PLAIN: dict[str, Callable[[Prison, Prison], Any]] = {
    "jid": lambda my, pr: pr.id,
    "parent": lambda my, pr: 0 if pr.parent is my or pr.parent is None else pr.parent.id,
    "name": lambda my, pr: my.name_of(pr),
    "cpuset.id": lambda my, pr: pr.cpuset,
    "path": lambda my, pr: my.path_of(pr),
    "ip4.addr": lambda my, pr: pr.addrs.get(AF_INET, ()),
    "ip6.addr": lambda my, pr: pr.addrs.get(AF_INET6, ()),
    "securelevel": lambda my, pr: pr.securelevel,
    "children.cur": lambda my, pr: pr.childcount,
    "children.max": lambda my, pr: pr.childmax,
    "host.hostname": lambda my, pr: pr.hostname,
    "host.domainname": lambda my, pr: pr.domainname,
    "host.hostuuid": lambda my, pr: pr.hostuuid,
    "host.hostid": lambda my, pr: pr.hostid,
    "enforce_statfs": lambda my, pr: pr.enforce_statfs,
    "devfs_ruleset": lambda my, pr: pr.devfs_rsnum,
    "dying": lambda my, pr: int(not pr.isalive),
    "nodying": lambda my, pr: int(pr.isalive),
    "osreldate": lambda my, pr: pr.osreldate,
    "osrelease": lambda my, pr: pr.osrelease,
}


def kern_jail_get(td: Proc, params: dict[str, Any], flags: int) -> dict[str, Any]:
    """The wanted parameters of the jail that "lastjid", "jid" or "name" selects, and its jid."""
    if flags & ~JAIL_GET_MASK:
        raise KError(EINVAL)
    if "desc" in params:
        raise KError(EINVAL, "unexpected desc")
    params = sanitized(params)
    my = td.ucred.prison
    pr = _find(my, params, flags)
    values: dict[str, Any] = {}
    for name in params:
        if name in ("lastjid", "errmsg"):
            continue
        value = _value(my, pr, name)
        if value is None:
            raise KError(EINVAL, f"unknown parameter: {name}")
        values[name] = value
    values["jid"] = pr.id
    return values


def _find(my: Prison, params: dict[str, Any], flags: int) -> Prison:
    dying_too = bool(flags & JAIL_DYING)
    if "lastjid" in params:
        last = params["lastjid"]
        for pr in my.all.after(last):
            if (dying_too or pr.isalive) and my.ischild(pr):
                return pr
        raise KError(ENOENT, f"no jail after {last}")
    found: Prison | None
    if params.get("jid"):
        what = str(params["jid"])
        found = my.find_child(params["jid"])
    elif "name" in params and params["name"] is not None:
        what = f'"{params["name"]}"'
        found = my.find_name(params["name"])
    else:
        raise KError(ENOENT, "no jail specified")
    if found is None:
        raise KError(ENOENT, f"jail {what} not found")
    if not found.isalive and not dying_too:
        raise KError(ENOENT, f"jail {what} is dying")
    return found


def _value(my: Prison, pr: Prison, name: str) -> Any:
    """The value of one parameter; None if there is no such parameter."""
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain(my, pr)
    for yes, no, flag in BOOL_FLAGS:
        if name in (yes, no):
            return int(bool(pr.flags & flag) == (name == yes))
    for key, disable, new in JAILSYS_FLAGS:
        if name == key:
            if key == "vnet" and not pr.kernel.vimage:
                return None
            return _jailsys(pr.flags & (disable | new), disable, new)
    if name.startswith("allow."):
        return _allow(pr, name[6:])
    if name in JAILSYS_MODULES:
        root = pr.modules.get(name)
        return JAIL_SYS_DISABLE if root is None else JAIL_SYS_NEW if root is pr else JAIL_SYS_INHERIT
    return _metadata(pr, name)


def _jailsys(flag: int, disable: int, new: int) -> int:
    if flag and flag == disable:
        return JAIL_SYS_DISABLE
    return JAIL_SYS_NEW if flag == new else JAIL_SYS_INHERIT


def _allow(pr: Prison, name: str) -> int | None:
    if name in pr.all.allow and (name != "nfsd" or pr.kernel.vimage):
        return int(name in pr.allow)
    prefix, _, last = name.rpartition(".")
    if last.startswith("no"):
        positive = f"{prefix}.{last[2:]}" if prefix else last[2:]
        if positive in pr.all.allow:
            return int(positive not in pr.allow)
    return None


def _metadata(pr: Prison, name: str) -> Any:
    """meta, env, or one key of them; a key that is not there has the value ()."""
    kind, dot, key = name.partition(".")
    if kind not in METADATA:
        return None
    text = pr.metadata.get(kind, "")
    if not dot:
        return text
    for line in text.split("\n"):
        if line.startswith(key + "="):
            return line[len(key) + 1 :]
    return ()
