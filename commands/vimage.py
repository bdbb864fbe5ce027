"""vimage(8): network stacks by name (tools/tools/vimage/vimage.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError, strerror
from vshell.abi.jail import JAIL_CREATE, JAIL_UPDATE
from vshell.abi.signal import SIGSEGV
from vshell.abi.socket import AF_INET, SOCK_DGRAM
from vshell.abi.sockio import SIOCSIFNAME, SIOCSIFVNET
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import (
    JailError,
    JailParam,
    jail_getid,
    jailparam_get,
    jailparam_import,
    jailparam_init,
    jailparam_set,
)  # fmt: skip
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

IF_MAXUNIT = 0x7FFF
MAXPARAMS = 32

DETAILS = (
    ("Path", "path"), ("Hostname", "host.hostname"), ("Domainname", "host.domainname"), ("Children", "children.cur"),
)  # fmt: skip
MORE = (
    ("Children limit", "children.max"), ("CPUsetID", "cpuset.id"), ("JID", "jid"), ("PJID", "parent"),
    ("Raw sockets allowed", "allow.raw_sockets"), ("All AF allowed", "allow.socket_af"), ("Mount allowed", "allow.mount"),
)  # fmt: skip


def _usage(p: Program) -> NoReturn:
    name = p.argv[0]
    p.usage(
        f"usage: {name} [-c | -m] vname [param=value ...]\n"
        f"       {name} -d vname\n"
        f"       {name} -l[rvj] [vname]\n"
        f"       {name} -i vname ifname [newifname]\n"
        f"       {name} vname [command ...]"
    )


def _fail(p: Program, reason: str) -> NoReturn:
    p.stderr.write(f"Error: {reason}\n")
    p.exit(1)


@program("/usr/sbin/vimage")
def main(p: Program) -> int:
    """One of five commands, chosen by the options."""
    options = Getopt(p, "cdijlmrv")
    command = new = ""
    recurse, verbose = False, 0
    for letter, _ in options:
        if letter in "cmdli":
            new = letter
        elif letter == "r":
            recurse = True
        elif letter == "v":
            verbose += 1
        elif letter == "j":
            verbose = 2
        else:
            _usage(p)
        if command not in ("", new):
            _usage(p)
        command = new
    args = options.args
    if (
        (command != "l" and (not args or recurse or verbose))
        or (command == "i" and not 2 <= len(args) <= 3)
        or (command == "m" and len(args) < 2)
        or len(args) >= MAXPARAMS
    ):
        _usage(p)
    try:
        if command == "l":
            return _list(p, args[0] if len(args) == 1 else "", recurse, verbose)
        if command == "i":
            return _move(p, *args)
        if command == "d":
            p.sys.jail_remove(jail_getid(p.sys, args[0]))
            return 0
        if command:
            if command == "c":
                _create(p, args[0])
                if len(args) == 1:
                    return 0
            return _modify(p, args)
        return _switch_to(p, args)
    except JailError as e:
        _fail(p, e.text)
    except KError as e:
        _fail(p, strerror(e.errno))


# -l ------------------------------------------------------------------------------------------------------------


def _list(p: Program, prefix: str, recurse: bool, verbose: int) -> int:
    names = ["lastjid", "vnet", "name"]
    if verbose:
        names += [name for _, name in DETAILS]
    if verbose > 1:
        names += [name for _, name in MORE]
    params = [jailparam_init(p.sys, name) for name in names]
    params[0].value = 0
    found: list[dict[str, object]] = []
    while True:
        try:
            jid = jailparam_get(p.sys, params, 0)
        except JailError:
            break
        values = {param.name: param.value for param in params} | {"jid": jid}
        params[0].value = jid
        if values["vnet"] == 1 and _wanted(str(values["name"]), prefix, recurse):
            found.append(values)
    for values in sorted(found, key=lambda v: str(v["name"])):
        _print(p, values, verbose)
    return 0


def _wanted(name: str, prefix: str, recurse: bool) -> bool:
    if prefix and name != prefix and not name.startswith(prefix + "."):
        return False
    return recurse or "." not in name[len(prefix) :]


def _print(p: Program, values: dict[str, object], verbose: int) -> None:
    if not verbose:
        p.stdout.write(f"{values['name']}\n")
        return
    p.stdout.write(f"{values['name']}:\n")
    for label, name in DETAILS + (MORE if verbose > 1 else ()):
        p.stdout.write(f"    {label}: {values[name]}\n")


# -i ------------------------------------------------------------------------------------------------------------


def _move(p: Program, vname: str, ifname: str, newname: str = "eth0") -> int:
    s = p.sys.socket(AF_INET, SOCK_DGRAM)
    jid = jail_getid(p.sys, vname)
    p.sys.ioctl(s, SIOCSIFVNET(ifname, jid))
    p.sys.close(s)
    name = newname[:15]
    if ifname != name:
        p.sys.jail_attach(jid)
        s = p.sys.socket(AF_INET, SOCK_DGRAM)
        stem = name.rstrip("0123456789") if name[:1].isalpha() else ""
        letters = len(stem) if stem.isalpha() else next((i for i, c in enumerate(name) if not c.isalpha()), len(name))
        unit = 0
        while not _rename(p, s, ifname, name):
            name = (name[:letters] + str(unit))[:15]
            unit += 1
            if unit > IF_MAXUNIT:
                name = ifname
                break
    p.stdout.write(f"{name}@{vname}\n")
    return 0


def _rename(p: Program, s: int, old: str, new: str) -> bool:
    try:
        p.sys.ioctl(s, SIOCSIFNAME(old, new))
    except KError:
        return False
    return True


# -c, -m --------------------------------------------------------------------------------------------------------


def _create(p: Program, name: str) -> None:
    defaults = (
        ("name", name), ("vnet", None), ("host", None), ("persist", None), ("allow.raw_sockets", "true"),
        ("allow.socket_af", "true"), ("allow.mount", "true"),
    )  # fmt: skip
    params = [jailparam_import(jailparam_init(p.sys, param), value) for param, value in defaults]
    jailparam_set(p.sys, params, JAIL_CREATE)


def _modify(p: Program, args: list[str]) -> int:
    params = [jailparam_import(jailparam_init(p.sys, "name"), args[0])]
    for word in args[1:]:
        name, _, value = word.partition("=")
        if not value:
            # The original gives up without setting an error.
            _fail(p, strerror(0))
        param = _param(p, name, value)
        if param is None:
            return 0
        params.append(param)
    jailparam_set(p.sys, params, JAIL_UPDATE)
    return 0


def _param(p: Program, name: str, value: str) -> JailParam | None:
    try:
        param = jailparam_init(p.sys, name)
    except JailError:
        # The original does not look at the result and follows the null pointer it was left with.
        p.sys.kill(p.sys.getpid(), SIGSEGV)
        return None
    try:
        return jailparam_import(param, value)
    except JailError:
        # Nor does it look here: a bad value counts as none.
        return param


# switching -----------------------------------------------------------------------------------------------------


def _switch_to(p: Program, args: list[str]) -> int:
    p.sys.jail_attach(jail_getid(p.sys, args[0]))
    if len(args) > 1:
        execvp(p.sys, args[1:], p.env)
    p.stdout.write(f"Switched to vimage {args[0]}\n")
    if p.stdout.isatty():
        p.stdout.flush()
    else:
        # exec(2) throws away what stdio had not written yet.
        p.stdout.discard()
    shell = p.env.get("SHELL", "/bin/sh")
    if "/" in shell:
        p.sys.execve(shell, [p.argv[0]], p.env)
    execvp(p.sys, [shell], p.env)


def complete(c: Context) -> Iterator[Candidate]:
    """Stacks, then a command as it would run there."""
    o = c.options()
    if not o.operands:
        if "c" not in o.values:
            yield from c.jails()
    elif "i" in o.values:
        yield from c.interfaces()
    elif not set("cdilmr") & set(o.values):
        yield from c.command(o.operands[1:], o.operands[0])
