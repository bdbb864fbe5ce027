"""External actions: what other modules do with packets that match a rule, and their named instances (ip_fw_eaction.c).

A module registers its action by name in each stack; a rule names the action and, mostly, an instance of it.  Both are objects
with an index, as `ipfw internal olist` shows them.  When a module goes, rules that named its action drop packets instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ESRCH, KError
from vshell.abi.ip_fw import (
    O_EXTERNAL_ACTION,
    O_EXTERNAL_DATA,
    O_EXTERNAL_INSTANCE,
    Insn,
    ObjectList,
    RangeRequest,
    SetSwap,
)
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, VnetModule
from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
from vshell.kernel.netpfil.ipfw.ip_fw_action import DENY, LOADABLE, Action
from vshell.kernel.netpfil.ipfw.ip_fw_sockopt import fw3, manage_sets

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import Rule
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

EA_NEXT, EA_MATCHED = 0, 1
"""Answers of an action besides the verdicts: the rule did not match after all; it matched, and the next one is tried."""

Handler = Callable[["IpFw", "FwArgs", Any], int]
DROP = "drop"
EACTION = "EACTION"
HASH_SIZE = 32


def _hash(name: str) -> int:
    """fnv_32_str: the place of a name among the objects."""
    value = 33554467
    for octet in name.encode("latin-1", "replace"):
        value = value * 0x01000193 & 0xFFFFFFFF ^ octet
    return value % HASH_SIZE


class NamedObject:
    """struct named_object: `type` is EACTION, or the action an instance belongs to."""

    def __init__(self, type: str, name: str, which: int) -> None:
        self.type, self.name, self.set = type, name, which
        self.kidx = 0
        self.refs = 0


class Eaction(NamedObject):
    """An action, with what it does; without a handler packets are dropped.  `data` is how it reads a number in place of an
    instance."""

    def __init__(self, name: str, handler: Handler | None, data: Callable[[int], Any] | None = None) -> None:
        super().__init__(EACTION, name, 0)
        self.handler, self.data = handler, data
        self.refs = 1


DYNSTATE = "DYNSTATE"
EVERYWHERE = -1
"""The set of names of states: they are the same in all sets."""


class StateName(NamedObject):
    """A name of dynamic states, which lasts as long as rules use it."""

    def __init__(self, srv: SrvObjects, name: str) -> None:
        self._refs = 0
        self.srv = srv
        super().__init__(DYNSTATE, name, EVERYWHERE)

    @property
    def refs(self) -> int:
        """Rules that use it."""
        return self._refs

    @refs.setter
    def refs(self, value: int) -> None:
        gone = self._refs > 0 and not value
        self._refs = value
        if gone:
            self.srv.remove(self)


def state_names(vnet: Vnet, names: set[str]) -> list[StateName]:
    """The objects of names of states, made where there are none yet."""
    srv: SrvObjects | None = vnet.get(SrvObjects)
    if srv is None:
        return []
    out = []
    for name in sorted(names):
        no = srv.find(DYNSTATE, name, EVERYWHERE)
        if no is None:
            no = StateName(srv, name)
            srv.add(no)
        out.append(no)
    return out


class SrvObjects(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The named objects of a stack besides tables (CHAIN_TO_SRV)."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.names: list[list[NamedObject]] = [[] for _ in range(HASH_SIZE)]
        self.kinds: dict[str, Any] = {}
        """Actions with instances, each an EactionModule by its name."""
        self.add(Eaction(DROP, None))

    def __iter__(self) -> Iterator[NamedObject]:
        for bucket in self.names:
            yield from bucket

    def add(self, no: NamedObject) -> None:
        """A new object under the lowest free index."""
        used = {other.kidx for other in self}
        no.kidx = next(i for i in range(1, len(used) + 2) if i not in used)
        self.names[_hash(no.name)].insert(0, no)

    def remove(self, no: NamedObject) -> None:
        """It is gone."""
        self.names[_hash(no.name)].remove(no)

    def find(self, type: str, name: str, which: int) -> Any:
        """The object of that name in a set, None if there is none."""
        for no in self.names[_hash(name)]:
            if (no.type, no.name, no.set) == (type, name, which):
                return no
        return None

    def of_type(self, type: str) -> list[Any]:
        """All of a type."""
        return [no for no in self if no.type == type]

    def add_eaction(self, eaction: Eaction) -> None:
        """ipfw_add_eaction."""
        if self.find(EACTION, eaction.name, 0) is None:
            self.add(eaction)

    def del_eaction(self, name: str) -> None:
        """ipfw_del_eaction: rules that named it drop packets now, and name no instance any more."""
        eaction = self.find(EACTION, name, 0)
        if eaction is None:
            return
        f = self.vnet.get(IpFw)
        for rule in f.map if f is not None else ():
            if any(c.opcode == O_EXTERNAL_ACTION and c.data[0] == name for c in rule.insns):
                self._reset(rule, eaction)
        self.remove(eaction)

    def _reset(self, rule: Rule, eaction: Eaction) -> None:
        drop = self.find(EACTION, DROP, 0)
        gone = (O_EXTERNAL_INSTANCE, O_EXTERNAL_DATA)
        insns = (c for c in rule.insns if c.opcode not in gone)
        rule.insns = tuple(Insn(O_EXTERNAL_ACTION, 0, 0, (DROP,), 2) if c.opcode == O_EXTERNAL_ACTION else c for c in insns)
        rule.action = _drop
        drop.refs += 1
        rule.tables = [t for t in rule.tables if t is not eaction and getattr(t, "type", "") != eaction.name]
        rule.tables.append(drop)


def _drop(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
    f.count(rule, a)
    return DENY


class Referred:
    """What a rule with an external action refers to: the action and the instance, as one object with `refs`."""

    __slots__ = ("objects",)

    def __init__(self, objects: list[NamedObject]) -> None:
        self.objects = objects

    @property
    def refs(self) -> int:
        """How often they are referred to; of the instance, if there is one."""
        return self.objects[-1].refs

    @refs.setter
    def refs(self, value: int) -> None:
        by = value - self.refs
        for no in self.objects:
            no.refs += by

    @property
    def type(self) -> str:
        """The name of the action."""
        return self.objects[0].name


def _make_eaction(vnet: Vnet, cmds: tuple[Insn, ...], which: int) -> tuple[Action, Any]:
    """An external action with an instance or a number.  ESRCH if there is no action or instance of that name."""
    srv: SrvObjects | None = vnet.get(SrvObjects)
    name = str(cmds[0].data[0])
    eaction: Eaction | None = srv.find(EACTION, name, 0) if srv is not None else None
    if srv is None or eaction is None:
        raise KError(ESRCH)
    objects: list[NamedObject] = [eaction]
    what: Any = None
    if len(cmds) == 2 and cmds[1].opcode == O_EXTERNAL_INSTANCE:
        what = srv.find(name, str(cmds[1].data[0]), which)
        if what is None:
            raise KError(ESRCH)
        objects.append(what)
    elif len(cmds) == 2 and cmds[1].opcode == O_EXTERNAL_DATA and eaction.data is not None:
        what = eaction.data(cmds[1].arg1)
    elif len(cmds) != 1:
        raise KError(EINVAL)
    handler = eaction.handler
    if handler is None:
        return _drop, Referred(objects)

    def action(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        answer = EA_NEXT if a.layer2 else handler(f, a, what)
        if answer != EA_NEXT:
            f.count(rule, a)
        return pos + 1 if answer >= 0 else answer

    return action, Referred(objects)


LOADABLE[O_EXTERNAL_ACTION] = _make_eaction


def _manage_sets(f: IpFw, r: RangeRequest, test: bool) -> None:
    """ipfw_obj_manage_sets: instances go with the rules.  EEXIST if one of that name is in the set they are moved to."""
    srv: SrvObjects = f.vnet[SrvObjects]
    swap = isinstance(r, SetSwap)
    if swap and not test:
        for no in list(srv):
            other = srv.find(no.type, no.name, r.new_set)
            if no.set == r.set and other is not None and no.type in srv.kinds:
                srv.kinds[no.type].swapped(no, other)
    for no in [no for no in srv if no.type != EACTION]:
        if test:
            if not swap and no.set == r.set and srv.find(no.type, no.name, r.new_set) is not None:
                raise KError(EEXIST)
        elif no.set == r.set:
            no.set = r.new_set
        elif no.set == r.new_set and swap:
            no.set = r.set


manage_sets.append(_manage_sets)


@fw3(ObjectList)
def dump_srvobjects(f: IpFw, r: ObjectList) -> tuple[tuple[int, str, str], ...]:
    """IP_FW_DUMP_SRVOBJECTS."""
    return tuple((no.kidx, no.type, no.name) for no in f.vnet[SrvObjects])
