"""From a configuration to the parameters of each jail (usr.sbin/jail/config.c)."""

from __future__ import annotations

from vshell.abi.errno import KError, strerror
from vshell.commands.jail.jailp import (
    IP__IP4_IFADDR,
    IP__IP6_IFADDR,
    IP__MOUNT_FROM_FSTAB,
    JF_FAILED,
    JF_OP_MASK,
    JF_STOP,
    PF_BAD,
    PF_BOOL,
    PF_INT,
    PF_INTERNAL,
    PF_VAR,
    CfJail,
    CfParam,
    CfString,
    Jail,
    wild_jail_match,
    wild_jail_name,
)  # fmt: skip
from vshell.commands.jail.jailparse import Config
from vshell.userland.cnumber import strtol
from vshell.userland.libjail import JailError, JailParam, jailparam_import, jailparam_init
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode


def load_config(jail: Jail, name: str, text: str | None = None) -> None:
    """Read a configuration: wildcards apply to the jails they match, in the order of the file; variables are put in."""
    Config(jail).parse_config("STDIN" if text is not None else name, text)
    wild: list[CfJail] = []
    for seq, j in enumerate(list(jail.cfjails), 1):
        j.seq = seq
        if wild_jail_name(j.name or ""):
            jail.requeue(j, wild)
    for j in list(jail.cfjails):
        _collect(jail, j, wild)
        _substitute(jail, j)
        j.params = [p for p in j.params if not p.flags & PF_VAR]


def _collect(jail: Jail, j: CfJail, wild: list[CfJail]) -> None:
    """The parameters of a jail: its name, its own, and those of matching wildcards."""
    own, j.params = j.params, []
    name = j.name or ""
    number, rest, _ = strtol(name)
    jail.add_internal(j, "jid" if number and not rest else "name", name)
    done = False
    for w in wild:
        if j.seq < w.seq and not done:
            for param in own:
                jail.add_param(j, param)
            done = True
        if wild_jail_match(name, w.name or ""):
            for param in w.params:
                jail.add_param(j, param)
    if not done:
        for param in own:
            jail.add_param(j, param)
    if "name" not in j.intparams:
        jail.add_internal(j, "name", name)


def _substitute(jail: Jail, j: CfJail) -> None:
    """Put the values of variables (and of parameters) into the strings that mention them."""
    generation = 0
    at = 0
    while at < len(j.params):
        param = j.params[at]
        generation += 1
        param.gen = generation
        while True:
            first = _resolve(jail, j, param, generation)
            if first is None:
                break
            # Its own variables come first: it moves in front and is done now.
            j.params.remove(first)
            j.params.insert(j.params.index(param), first)
            param = first
        at = j.params.index(param) + 1


def _resolve(jail: Jail, j: CfJail, param: CfParam, generation: int) -> CfParam | None:
    """Resolve one parameter; returns another one that has to be resolved before it."""
    i = 0
    while i < len(param.val):
        string = param.val[i]
        while string.vars:
            name, position = str(string.vars[0][0]), int(string.vars[0][1])
            source = next((p for p in j.params if p.name == name), None)
            problem = _problem(source, param, name, string, generation)
            if problem is not None:
                if problem:
                    jail.warnx(j, problem)
                _bad(j, generation)
                string.vars.pop(0)
                continue
            assert source is not None
            if any(s.vars for s in source.val):
                source.gen = generation
                return source
            _insert(param, i, string, source, position)
            i += len(source.val) - 1
        i += 1
    return None


def _problem(source: CfParam | None, param: CfParam, name: str, string: CfString, generation: int) -> str | None:
    """What keeps a variable from being put in: a message, "" if it was given before, None if nothing does."""
    if source is None or not source.val:
        return f'{param.name}: variable "{name}" not found'
    if source.flags & PF_BAD:
        return ""
    if source.gen == generation:
        return f"{name}: variable loop"
    if not any(s.vars for s in source.val) and len(source.val) > 1 and (string.s or len(string.vars) > 1):
        return f"{param.name}: array cannot be substituted inline"
    return None


def _bad(j: CfJail, generation: int) -> None:
    j.flags |= JF_FAILED
    for p in j.params:
        if p.gen == generation:
            p.flags |= PF_BAD


def _insert(param: CfParam, at: int, string: CfString, source: CfParam, position: int) -> None:
    first = source.val[0].s
    string.s = string.s[:position] + first + string.s[position:]
    string.vars.pop(0)
    for variable in string.vars:
        variable[1] = int(variable[1]) + len(first)
    param.val[at + 1 : at + 1] = [CfString(s.s) for s in source.val[1:]]


# checking ------------------------------------------------------------------------------------------------------


def check_intparams(jail: Jail, j: CfJail) -> bool:
    """Check the parameters of ours, derive some from others; False if the jail has failed."""
    good = _check_formats(jail, j)
    if (
        (j.flags & JF_OP_MASK != JF_STOP or "interface" in j.intparams)
        and j.flag("ip_hostname")
        and (hostname := j.string("host.hostname"))
    ):
        good = _look_up(jail, j, hostname) and good
    _split_addresses(jail, j, "ip4.addr", IP__IP4_IFADDR)
    _split_addresses(jail, j, "ip6.addr", IP__IP6_IFADDR)
    good = _read_fstabs(jail, j) and good
    if not good:
        jail.failed(j)
    return good


def _check_formats(jail: Jail, j: CfJail) -> bool:
    good = True
    for param in j.params:
        if not param.val or not param.flags & (PF_BOOL | PF_INT):
            continue
        value = param.val[-1].s
        rest = strtol(value)[1]
        if param.flags & PF_BOOL:
            if value.lower() not in ("true", "false") and rest:
                jail.warnx(j, f'{param.name}: unknown boolean value "{value}"')
                good = False
        elif not value or rest:
            jail.warnx(j, f'{param.name}: non-integer value "{value}"')
            good = False
    return good


def _look_up(jail: Jail, j: CfJail, hostname: str) -> bool:
    """ip_hostname: the addresses of host.hostname."""
    from vshell.abi.socket import AF_INET, SOCK_STREAM
    from vshell.userland.addr import inet_ntop
    from vshell.userland.netdb import GaiError, gai_strerror, getaddrinfo

    j.intparams.pop("ip_hostname", None)
    try:
        found = getaddrinfo(jail.p, hostname, socktype=SOCK_STREAM)
    except GaiError as e:
        jail.warnx(j, f"host.hostname {hostname}: {gai_strerror(e.code)}")
        return False
    for info in found:
        name = "ip4.addr" if info.family == AF_INET else "ip6.addr"
        jail.add_internal(j, name, inet_ntop(info.addr.addr))
    return True


def _split_addresses(jail: Jail, j: CfJail, name: str, copy: str) -> None:
    """interface|address/mask options: the whole goes to ifconfig, the bare address to the kernel."""
    param = j.intparams.get(name)
    if param is None:
        return
    default = j.string("interface") is not None
    for string in param.val:
        if "|" in string.s or default:
            jail.add_internal(j, copy, string.s)
        if "|" in string.s:
            string.s = string.s.partition("|")[2]
        string.s = string.s.partition("/")[0].partition(" ")[0]


def _read_fstabs(jail: Jail, j: CfJail) -> bool:
    """mount.fstab: every line of the file is a mount."""
    param = j.intparams.get("mount.fstab")
    good = True
    for string in param.val if param is not None else ():
        if not string.s:
            continue
        try:
            text = decode(slurp(jail.p, string.s))
        except KError as e:
            jail.warnx(j, f"mount.fstab: {string.s}: {strerror(e.errno)}")
            good = False
            continue
        for line in text.split("\n")[: None if text and not text.endswith("\n") else -1]:
            jail.add_internal(j, IP__MOUNT_FROM_FSTAB, line.partition("#")[0])
    return good


def import_params(jail: Jail, j: CfJail) -> bool:
    """Convert the kernel's parameters to what libjail wants; False if the jail has failed."""
    good = True
    j.jp = []
    for param in j.params:
        if param.flags & PF_INTERNAL:
            continue
        try:
            jp = jailparam_init(jail.p.sys, param.name)
            j.jp.append(jailparam_import(jp, _value(param, jp)))
        except JailError as e:
            jail.warnx(j, e.text)
            good = False
    if not good:
        j.jp = []
        jail.failed(j)
    return good


def _value(param: CfParam, jp: JailParam) -> str | None:
    if not param.val:
        return None
    return ",".join(s.s for s in param.val) if jp.size else param.val[-1].s
