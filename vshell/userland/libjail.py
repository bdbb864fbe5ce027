"""libjail: jail parameters by name, with their types as the kernel tells them (jail(3), lib/libjail)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ENOENT, KError, strerror
from vshell.abi.jail import JAIL_SYS_NEW
from vshell.userland.cnumber import LONG_MAX, strtol

if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

SJPARAM = "security.jail.param"
JAILSYS = ("disable", "new", "inherit")
BOOLEAN = ("false", "true")

ULONG_MAX = (1 << 64) - 1


class JailError(Exception):
    """A library call failed; the text is jail_errmsg."""

    def __init__(self, text: str, errno: int = EINVAL) -> None:
        super().__init__(text)
        self.text = text
        self.errno = errno


def noname(name: str) -> str:
    """The "no" counterpart of a boolean."""
    prefix, dot, last = name.rpartition(".")
    return f"{prefix}{dot}no{last}"


def nononame(name: str) -> str | None:
    """The boolean a "no" counterpart denies; None if it is none."""
    prefix, dot, last = name.rpartition(".")
    return f"{prefix}{dot}{last[2:]}" if last.startswith("no") else None


def strtoul_int(text: str) -> tuple[int, str]:
    """(int)strtoul(3) in base 10, as the jail programs read a jid."""
    number, rest, _ = strtol(text, 10, -ULONG_MAX, ULONG_MAX)
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number, rest


class JailParam:
    """One parameter (struct jailparam)."""

    __slots__ = ("boolean", "flags", "jailsys", "keyvalue", "name", "nobool", "raw", "size", "type", "value")

    def __init__(self, name: str) -> None:
        self.name = name
        self.type = "integer"
        self.flags = "w"
        """What the kernel says about writing it: w, t (only at creation) or neither."""
        self.boolean = self.nobool = self.jailsys = self.keyvalue = False
        self.size = 0
        """Bytes of an address, for a parameter that is a list of them."""
        self.value: Any = None
        self.raw = False

    @property
    def isbool(self) -> bool:
        """A boolean, under its own or its "no" name."""
        return self.boolean or self.nobool


def jailparam_init(sys: Syscalls, name: str) -> JailParam:
    """Look a parameter up (jailparam_init, jailparam_type); JailError if there is none of that name."""
    param = JailParam(name)
    if name in ("lastjid", "desc"):
        return param
    info = _find(sys, name)
    if info is None and _kldload_param(sys, name):
        info = _find(sys, name)
    if info is None:
        positive = nononame(name)
        if positive is not None and (info := _find(sys, positive)) is not None:
            param.nobool = True
    if info is None and "." in name and (info := _find(sys, name.partition(".")[0])) is not None:
        param.keyvalue = True
    if info is None:
        raise JailError(f"unknown parameter: {name}", ENOENT)
    if info.type == "node":
        info = _node_value(sys, info.name)
        if info is None:
            raise JailError(f"unknown parameter: {name}", ENOENT)
    _set_type(param, info)
    return param


def _find(sys: Syscalls, name: str) -> Any:
    if not name or name.endswith("."):
        return None
    try:
        return sys.sysctl_info(f"{SJPARAM}.{name}")
    except KError:
        return None


def _node_value(sys: Syscalls, node: str) -> Any:
    """The value of a node that has others below: its child with an empty name."""
    try:
        info: Any = sys.sysctl_info(node + ".")
    except KError:
        return None
    return info if info.name == node + "." else None


def _kldload_param(sys: Syscalls, name: str) -> bool:
    """Try to load the module that would bring the parameter."""
    if name == "linux" or name.startswith("linux."):
        names = ["linux"]
    elif name in ("sysvmsg", "sysvsem", "sysvshm"):
        names = [name]
    elif name.startswith("allow.mount."):
        last = name[12:]
        names = [last, last[2:]] if last.startswith("no") else [last]
    else:
        return False
    for each in names:
        try:
            sys.kldload(each)
        except KError as e:
            if e.errno == EEXIST:
                return False
        else:
            return True
    return False


def _set_type(param: JailParam, info: Any) -> None:
    unknown = JailError(f"unknown parameter: {param.name}", ENOENT)
    if param.nobool and not (info.type == "integer" and info.fmt.startswith("B")):
        raise unknown
    if param.keyvalue and info.fmt != "A,keyvalue":
        raise unknown
    param.type = info.type
    param.flags = info.flags
    if info.type == "integer" and not param.nobool:
        param.boolean = info.fmt.startswith("B")
        param.jailsys = info.fmt == "E,jailsys"
    elif info.fmt == "S,in_addr,a":
        param.size = 4
    elif info.fmt == "S,in6_addr,a":
        param.size = 16


def jailparam_all(sys: Syscalls) -> list[JailParam]:
    """Every parameter there is, in the order of the kernel (jailparam_all)."""
    found = []
    for full in sys.sysctl_names(SJPARAM):
        name = full[len(SJPARAM) + 1 :]
        if name != "mac":
            found.append(jailparam_init(sys, name.rstrip(".")))
    return found


# values --------------------------------------------------------------------------------------------------------


def jailparam_import(param: JailParam, value: str | None) -> JailParam:
    """Convert a value from text (jailparam_import)."""
    if value is None:
        return param
    if param.type == "string":
        param.value = value
    elif param.size:
        words = [] if value in ("", "-") else value.split(",")
        param.value = tuple(_address(param, word) for word in words)
    elif param.isbool:
        param.value = _enum(param, value, BOOLEAN, "boolean")
    elif param.jailsys:
        param.value = JAIL_SYS_NEW if not value else _enum(param, value, JAILSYS, "jailsys")
    else:
        param.value = _integer(param, value)
    return param


def _enum(param: JailParam, text: str, names: tuple[str, ...], what: str) -> int:
    if text.lower() in names:
        return names.index(text.lower())
    number, rest, _ = strtol(text)
    if rest:
        raise JailError(f'{param.name}: unknown {what} value "{text}"')
    return number


def _integer(param: JailParam, text: str) -> int:
    number, rest, _ = strtol(text, 10, -ULONG_MAX, ULONG_MAX)
    if rest:
        raise JailError(f'{param.name}: non-integer value "{text}"')
    if param.type == "integer":
        number = max(min(number, LONG_MAX), -LONG_MAX - 1) & 0xFFFFFFFF
        return number - (1 << 32) if number >> 31 else number
    return number & ULONG_MAX


def _address(param: JailParam, text: str) -> bytes:
    from vshell.userland.addr import inet_pton4, inet_pton6

    packed = (inet_pton4 if param.size == 4 else inet_pton6)(text)
    if packed is None:
        raise JailError(f"{param.name}: not an IPv{4 if param.size == 4 else 6} address: {text}")
    return packed


def jailparam_export(param: JailParam) -> str:
    """A value as text (jailparam_export)."""
    value = param.value
    if value is None:
        raise JailError(f"parameter {param.name} was not imported")
    if param.size:
        from vshell.userland.addr import inet_ntop

        return ",".join(inet_ntop(a) for a in value)
    if param.isbool and value in (0, 1):
        return BOOLEAN[value]
    if param.jailsys and 0 <= value < len(JAILSYS):
        return JAILSYS[value]
    return "" if value == () else str(value)


# system calls --------------------------------------------------------------------------------------------------


def _call(what: str, call: Callable[[], Any]) -> Any:
    """Run a system call; its error becomes a JailError with the kernel's text or the standard one."""
    try:
        return call()
    except KError as e:
        raise JailError(e.text or f"{what}: {strerror(e.errno)}", e.errno) from None


def jailparam_set(sys: Syscalls, params: Sequence[JailParam], flags: int) -> int:
    """jail_set(2) with a list of parameters; the jid."""
    values: dict[str, Any] = {}
    for param in params:
        name, value = param.name, param.value
        if param.isbool:
            if value == 0:
                other = noname(name) if param.boolean else nononame(name)
                assert other is not None
                name = other
            values[name] = None
        elif value is None and not param.keyvalue:
            values[name] = jailparam_import(param, "").value
        else:
            values[name] = value
    jid: int = _call("jail_set", lambda: sys.jail_set(values, flags))
    return jid


def jailparam_get(sys: Syscalls, params: Sequence[JailParam], flags: int) -> int:
    """jail_get(2): fill in the values of the jail that "lastjid", "jid" or "name" among the parameters selects."""
    by_name = {p.name: p for p in params}
    key = by_name.get("lastjid")
    if key is None and (jid := by_name.get("jid")) is not None and jid.value:
        key = jid
    key = key or by_name.get("name")
    if key is None or key.value is None:
        raise JailError("no jail specified", ENOENT)
    query: dict[str, Any] = {p.name: None for p in params}
    query[key.name] = key.value
    for other in ("lastjid", "jid", "name"):
        if other in query and other != key.name:
            query[other] = None
    values = _call("jail_get", lambda: sys.jail_get(query, flags))
    for param in params:
        if param is not key:
            # Asked for its opposite as well, the kernel tells the last one alone.
            param.value = values.get(param.name, 0)
    found: int = values["jid"]
    return found


def jail_getid(sys: Syscalls, name: str) -> int:
    """The jid of a jail given by name or number (jail_getid); 0 is the host."""
    number, rest = strtoul_int(name)
    if name and not rest:
        if number == 0:
            return 0
        query: dict[str, Any] = {"jid": number}
    else:
        query = {"name": name}
    jid: int = _call("jail_get", lambda: sys.jail_get(query, 0))["jid"]
    return jid


def jail_getname(sys: Syscalls, jid: int) -> str:
    """The name of a jail (jail_getname)."""
    name: str = _call("jail_get", lambda: sys.jail_get({"jid": jid, "name": None}, 0))["name"]
    return name
