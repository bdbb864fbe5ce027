"""ipfw internal: what the kernel keeps of tables, interfaces and names (ipfw_internal_handler of sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.ip_fw import AlgoList, IfaceList, ObjectList, ValueList
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.words import EX_OSERR, EX_UNAVAILABLE, EX_USAGE


def _algorithms(o: Options) -> None:
    """talist."""
    try:
        found = o.request(AlgoList()) or ()
    except KError as e:
        o.err(EX_OSERR, e, "Unable to request algorithm list")
    for name, type, refs in found:
        o.p.stdout.write(f"--- {name} ---\n type: {type}\n refcount: {refs}\n")


def _ifaces(o: Options) -> None:
    """iflist."""
    try:
        found = o.request(IfaceList()) or ()
    except KError as e:
        o.err(EX_OSERR, e, "Unable to request ipfw tracked interface list")
    for name, index, refs, changes in sorted(found, key=lambda i: (len(i[0]), i[0])):
        o.p.stdout.write(f"{name} ifindex: {index or 'unresolved'} refcount: {refs} changes: {changes}\n")


def _objects(o: Options) -> None:
    """olist; what goes wrong is not told."""
    try:
        found = o.request(ObjectList()) or ()
    except KError:
        return
    o.p.stdout.write("Objects list:\n" if found else "There are no objects\n")
    for index, type, name in found:
        o.p.stdout.write(f" kidx: {index:4d}\ttype: {type:>10}\tname: {name}\n")


def _values(o: Options) -> None:
    """vlist."""
    try:
        found = o.request(ValueList()) or ()
    except KError as e:
        o.err(EX_OSERR, e, "Unable to request value list")
    o.p.stdout.write("HEADER: legacy\n")
    for index, refs, value in sorted(found, key=lambda v: v[0]):
        o.p.stdout.write(f"[{index}] refs={refs} {value.tag}\n")


def _monitor(o: Options) -> None:
    """monitor [COMMENT]: the packets that rules log with "logdst rtsock"."""
    o.err(EX_UNAVAILABLE, KError(47), "socket(AF_IPFWLOG)")


COMMANDS = {"talist": _algorithms, "iflist": _ifaces, "olist": _objects, "vlist": _values, "monitor": _monitor}


def ipfw_internal(o: Options, av: list[str]) -> None:
    """internal COMMAND."""
    if not av:
        o.errx(EX_USAGE, "internal cmd required")
    if av[0] not in COMMANDS:
        o.errx(EX_USAGE, f"invalid internal sub-cmd: {av[0]}")
    COMMANDS[av[0]](o)
