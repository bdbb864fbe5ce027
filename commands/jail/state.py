"""Which jail is next: dependencies and queues (usr.sbin/jail/state.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.jail import JAIL_DYING
from vshell.commands.jail.command import next_proc
from vshell.commands.jail.jailp import (
    JF_DEPEND,
    JF_FAILED,
    JF_OP_MASK,
    JF_SET,
    JF_START,
    JF_STOP,
    JF_WILD,
    CfJail,
    Depend,
    Jail,
    wild_jail_match,
    wild_jail_name,
)  # fmt: skip
from vshell.userland.cnumber import strtol

DF_SEEN, DF_LIGHT, DF_NOFAIL = 0x01, 0x02, 0x04
"""An edge that has been followed; one that only asks for existence; (a flag of dep_done) do not pass failure on."""

FROM, TO = 0, 1


def dep_setup(jail: Jail, docf: bool) -> None:
    """Build the edges and look for loops."""
    if not docf:
        j = jail.cfjails[0] if jail.cfjails else None
        if j is not None and "depend" in j.intparams:
            for string in j.intparams["depend"].val:
                if running_jail(jail, string.s, 0) is None:
                    jail.p.warnx(f'depends on nonexistent jail "{string.s}"')
                    j.flags |= JF_FAILED
        return
    jail.byname = sorted(jail.cfjails, key=lambda j: j.name or "")
    deps = light = 0
    for j in jail.cfjails:
        if j.flags & JF_FAILED:
            continue
        deps += _depend_param(jail, j)
        parent = jail.find_jail((j.name or "").rpartition(".")[0])
        if parent is not None and "." in (j.name or ""):
            light += 1
            _dep_add(j, parent, DF_LIGHT)
    if deps and (deps > 1 or light):
        _find_loops(jail)


def _depend_param(jail: Jail, j: CfJail) -> int:
    count = 0
    param = j.intparams.get("depend")
    for string in param.val if param is not None else ():
        other = jail.find_jail(string.s)
        if other is not None:
            count += 1
            _dep_add(j, other, 0)
        else:
            jail.warnx(j, f'depends on undefined jail "{string.s}"')
            j.flags |= JF_FAILED
    return count


def _dep_add(j: CfJail, other: CfJail, flags: int) -> None:
    edge = Depend(j, other, flags)
    j.dep[FROM].append(edge)
    other.dep[TO].append(edge)


def _find_loops(jail: Jail) -> None:
    start_state(jail, None, False, 0, False)
    while jail.ready:
        j = jail.ready[0]
        jail.requeue(j, jail.cfjails)
        dep_done(jail, j, DF_NOFAIL)
    while jail.depend:
        j = jail.depend[0]
        jail.warnx(j, "dependency loop")
        j.flags |= JF_FAILED
        while True:
            jail.requeue(j, jail.cfjails)
            dep_done(jail, j, DF_NOFAIL)
            if not jail.ready:
                break
            j = jail.ready[0]
    for j in jail.cfjails:
        for edge in j.dep[FROM]:
            edge.flags &= ~DF_SEEN


def dep_check(jail: Jail, j: CfJail) -> bool:
    """True if the jail has to wait for others; what they have to do is decided here."""
    if not j.ndeps:
        return False
    stopping = j.stopping
    mine, theirs = (TO, FROM) if stopping else (FROM, TO)
    count = 0
    for edge in j.dep[mine]:
        if edge.flags & DF_SEEN:
            continue
        other = edge.j[theirs]
        if other.flags & JF_FAILED:
            if not j.flags & (JF_DEPEND | JF_FAILED) and jail.verbose >= 0:
                jail.warnx(j, "skipped")
            j.flags |= JF_FAILED
            continue
        _set_dependee(jail, j, other)
        if not (edge.flags & DF_LIGHT and (other.jid < 0 if stopping else other.jid > 0)):
            count += 1
    if not count:
        return False
    jail.requeue(j, jail.depend)
    return True


def _set_dependee(jail: Jail, j: CfJail, other: CfJail) -> None:
    """Set or change what another jail is to do because of this one."""
    if (other.flags & JF_OP_MASK).bit_count() > 1:
        return
    reset = False
    if not other.flags & JF_OP_MASK:
        reset = True
        other.flags |= JF_DEPEND
        jail.requeue(other, jail.ready)
    operation = j.flags & JF_OP_MASK
    if operation == JF_START:
        other.flags |= JF_START
    elif operation == JF_SET:
        if not other.flags & JF_OP_MASK:
            other.flags |= JF_SET
        elif other.flags & JF_STOP:
            other.flags |= JF_START
    elif operation in (JF_STOP, JF_STOP | JF_START):
        if not other.flags & JF_STOP:
            reset = True
        other.flags |= JF_STOP
        if other.flags & JF_SET:
            other.flags ^= JF_START | JF_SET
    if reset:
        dep_reset(other)


def dep_done(jail: Jail, j: CfJail, flags: int) -> None:
    """A jail is finished: those that wait for it may be ready."""
    mine, theirs = (TO, FROM) if j.stopping else (FROM, TO)
    for edge in j.dep[theirs]:
        if edge.flags & DF_SEEN or flags & ~edge.flags & DF_LIGHT:
            continue
        edge.flags |= DF_SEEN
        other = edge.j[mine]
        failed = j.flags & JF_FAILED and j.flags & (JF_OP_MASK | JF_DEPEND) != JF_SET | JF_DEPEND
        if failed and not flags & DF_NOFAIL:
            if not other.flags & (JF_DEPEND | JF_FAILED) and jail.verbose >= 0:
                jail.warnx(other, "skipped")
            other.flags |= JF_FAILED
        other.ndeps -= 1
        if not other.ndeps and other.queue is jail.depend:
            jail.requeue(other, jail.ready)


def dep_reset(j: CfJail) -> None:
    """Count a jail's dependencies."""
    j.ndeps = len(j.dep[TO if j.stopping else FROM])


async def next_jail(jail: Jail) -> CfJail | None:
    """The next jail that can do something; when stopping, the last one first."""
    ready = jail.ready
    j = await next_proc(jail, bool(ready))
    if j is None and ready:
        j = ready[0]
        if j.stopping:
            j = next((each for each in reversed(ready) if each.stopping), None)
    if j is not None:
        jail.requeue(j, jail.cfjails)
    return j


def start_state(jail: Jail, target: str | None, docf: bool, state: int, running: bool) -> bool:
    """Decide what is to be done with which jails; False if the target does not exist."""
    if target is None or (not docf and state & JF_OP_MASK != JF_STOP) or (not running and target == "*"):
        for j in list(jail.cfjails):
            j.flags = (j.flags & JF_FAILED) | state | (JF_WILD if docf else 0)
            dep_reset(j)
            jail.requeue(j, jail.depend if j.ndeps else jail.ready)
    elif wild_jail_name(target):
        for j in _running(jail, target) if running else list(jail.cfjails):
            if wild_jail_match(j.name or "", target):
                j.flags = (j.flags & JF_FAILED) | state | JF_WILD
                dep_reset(j)
                jail.requeue(j, jail.ready)
    else:
        found = jail.find_jail(target)
        if found is None and state & JF_OP_MASK == JF_STOP:
            found = running_jail(jail, target, JAIL_DYING)
        if found is None:
            jail.p.warnx(f'"{target}" not found')
            return False
        found.flags = (found.flags & JF_FAILED) | state
        dep_reset(found)
        jail.requeue(found, jail.ready)
    return True


def _running(jail: Jail, target: str) -> list[CfJail]:
    """Records of the jails that exist now and match."""
    found: list[CfJail] = []
    last = 0
    while True:
        try:
            values = jail.p.sys.jail_get({"lastjid": last, "name": None}, 0)
        except KError:
            return found
        last = values["jid"]
        if wild_jail_match(values["name"], target):
            j = jail.add_jail()
            j.name, j.jid = values["name"], last
            found.append(j)


def running_jail(jail: Jail, name: str, flags: int) -> CfJail | None:
    """The record of a jail that exists now, by name or jid."""
    number, rest, _ = strtol(name)
    query: dict[str, object] = {"jid": number, "name": None} if number and not rest else {"name": name}
    try:
        values = jail.p.sys.jail_get(query, flags)
    except KError:
        return None
    found = values.get("name", name)
    j = jail.find_jail(found)
    if j is None:
        j = jail.add_jail()
        j.name, j.jid = found, values["jid"]
    return j
