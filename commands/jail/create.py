"""Creating and changing a jail through libjail (create_jail and its kin of usr.sbin/jail/jail.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOTDIR, KError, strerror
from vshell.abi.fcntl import S_IFDIR
from vshell.abi.jail import JAIL_CREATE, JAIL_UPDATE
from vshell.commands.jail.jailp import JF_PERSIST, JF_RDTUN, CfJail, Jail, equalopts
from vshell.userland.cnumber import strtol
from vshell.userland.libjail import JailError, JailParam, jailparam_export, jailparam_get, jailparam_init, jailparam_set

S_IFMT = 0o170000


def create_jail(jail: Jail, j: CfJail) -> int:
    """Create a jail, persistent for the time being if commands are to follow; its jid or -1."""
    path = j.string("path")
    if path is not None and not _check_root(jail, j, path):
        return -1
    persist = not j.flag("persist") and any(step in j.intparams for step in ("exec.start", "command", "exec.poststart"))
    params = list(j.jp)
    if persist:
        params = [jailparam_init(jail.p.sys, "persist"), *(q for q in params if not equalopts(q.name, "persist"))]
    j.jid = jailparam_set_note(jail, j, params, JAIL_CREATE)
    if j.jid < 0:
        jail.failed(j)
    elif persist:
        j.flags |= JF_PERSIST
    return j.jid


def _check_root(jail: Jail, j: CfJail, path: str) -> bool:
    if j.name is not None and not path.startswith("/"):
        jail.warnx(j, f"path {path}: not an absolute pathname")
        return False
    try:
        stat = jail.p.sys.stat(path)
        error = 0 if stat.st_mode & S_IFMT == S_IFDIR else ENOTDIR
    except KError as e:
        error = e.errno
    if error:
        jail.warnx(j, f"path {path}: {strerror(error)}")
    return not error


def clear_persist(jail: Jail, j: CfJail) -> None:
    """Take the temporary "persist" away."""
    if not j.flags & JF_PERSIST:
        return
    j.flags &= ~JF_PERSIST
    reason = ""
    try:
        jail.p.sys.jail_set({"jid": j.jid, "nopersist": None}, JAIL_UPDATE)
    except KError as e:
        reason = f": {strerror(e.errno)}"
    if jail.verbose > 0:
        jail.note(j, f"jail_set(JAIL_UPDATE) jid={j.jid} nopersist{reason}\n")


def _read_only(param: JailParam) -> bool:
    """JP_RDTUN: can be set only at creation."""
    return param.flags == "t"


def update_jail(jail: Jail, j: CfJail) -> bool:
    """Change a jail's parameters; False if the jail has failed."""
    params = [q for q in j.jp if not _read_only(q)]
    if not params:
        return True
    jid = jailparam_init(jail.p.sys, "jid")
    jid.value = j.jid
    if jailparam_set_note(jail, j, [jid, *params], JAIL_UPDATE) < 0:
        jail.failed(j)
        return False
    return True


def rdtun_params(jail: Jail, j: CfJail, fail: bool) -> int:
    """1 if some parameter could only be set by making the jail anew; with `fail` that is an error and -1."""
    if j.flags & JF_RDTUN:
        return 0
    j.flags |= JF_RDTUN
    wanted = [q for q in j.jp if _read_only(q) and q.name != "jid"]
    if not wanted:
        return 0
    sys = jail.p.sys
    jid = jailparam_init(sys, "jid")
    jid.value = j.jid
    current = [jailparam_init(sys, q.name) for q in wanted]
    try:
        jailparam_get(sys, [jid, *current], 0)
    except JailError:
        return 0
    for now, param in zip(current, wanted, strict=True):
        value = param.value
        if value is None and (param.isbool or param.jailsys):
            value = 1
        if value is None and param.type == "string":
            value = ""
        if value != now.value:
            if not fail:
                return 1
            jail.warnx(j, f"{param.name} cannot be changed after creation")
            jail.failed(j)
            return -1
    return 0


def running_jid(jail: Jail, j: CfJail) -> None:
    """Find the jid of a jail that exists; -1 if it does not."""
    j.jid = -1
    query: dict[str, object]
    if (text := j.string("jid")) is not None:
        number, rest, _ = strtol(text)
        if not number or rest:
            return
        query = {"jid": number}
    elif (text := j.string("name")) is not None:
        query = {"name": text}
    else:
        return
    try:
        j.jid = jail.p.sys.jail_get(query, 0)["jid"]
    except KError:
        return
    if "jid" not in j.intparams:
        jail.add_internal(j, "jid", str(j.jid))


def jailparam_set_note(jail: Jail, j: CfJail, params: list[JailParam], flags: int) -> int:
    """jail_set(2), shown with -v; the jid or -1."""
    error: JailError | None = None
    jid = -1
    try:
        jid = jailparam_set(jail.p.sys, params, flags)
    except JailError as e:
        error = e
    if jail.verbose > 0:
        jail.note(j, f"jail_set({'JAIL_CREATE' if flags == JAIL_CREATE else 'JAIL_UPDATE'})")
        for param in params:
            value = "" if param.value is None or param.value == () else "=" + quoted(jailparam_export(param))
            jail.p.stdout.write(f" {param.name}{value}")
        jail.p.stdout.write(f"{f': {strerror(error.errno)}' if error is not None else ''}\n")
    if error is not None:
        jail.warnx(j, error.text)
    return jid


def quoted(text: str) -> str:
    """A string in quotes if it needs them (quoted_print)."""
    if not text or "'" in text:
        mark = '"'
    elif '"' in text:
        mark = "'"
    else:
        mark = '"' if " " in text or "\t" in text else ""
    out = text.replace("\\", "\\\\")
    return mark + (out.replace(mark, "\\" + mark) if mark else out) + mark
