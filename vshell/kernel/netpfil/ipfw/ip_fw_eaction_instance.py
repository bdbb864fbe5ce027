"""Instances of external actions that programs make: what nptv6 and the nat64 translators have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EBUSY, EEXIST, EINVAL, ENOENT, EOPNOTSUPP, KError
from vshell.abi.ip_fw import IPFW_MAX_SETS
from vshell.abi.ip_fw_nat64 import (
    EactionConfig,
    EactionCreate,
    EactionDestroy,
    EactionGetConfig,
    EactionInstance,
    EactionList,
    EactionRequest,
    EactionResetStats,
    EactionSetConfig,
    EactionStates,
    EactionStats,
)
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN, VnetModule
from vshell.kernel.netpfil.ipfw.ip_fw_eaction import Eaction, NamedObject, SrvObjects
from vshell.kernel.netpfil.ipfw.ip_fw_sockopt import fw3

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs


class EactionModule(VnetModule, sub=SI_SUB_PROTO_IFATTACHDOMAIN, order=SI_ORDER_ANY):
    """An action with instances; the class of each says which."""

    kind = ""
    missing = ENOENT
    """What is said of an instance that is not there."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.srv: SrvObjects = vnet[SrvObjects]

    def init(self) -> None:
        """ipfw_add_eaction."""
        self.srv.add_eaction(Eaction(self.kind, self.handle))
        self.srv.kinds[self.kind] = self

    def destroy(self) -> None:
        """ipfw_del_eaction, and no instance stays."""
        srv = self.srv
        srv.del_eaction(self.kind)
        for each in srv.of_type(self.kind):
            self.free(each)
            srv.remove(each)
        del srv.kinds[self.kind]

    def handle(self, f: IpFw, a: FwArgs, instance: Any) -> int:
        """Do something with a packet: a verdict, EA_NEXT or EA_MATCHED."""
        raise NotImplementedError

    def find(self, name: str, which: int) -> Any:
        """The instance of that name."""
        found = self.srv.find(self.kind, name, which)
        if found is None:
            raise KError(self.missing)
        return found

    def find_config(self, name: str, which: int) -> Any:
        """The instance to be configured."""
        return self.find(name, which)

    def make(self, config: Any) -> NamedObject:
        """A new instance, not yet known by its name.  EINVAL."""
        raise NotImplementedError

    def free(self, instance: Any) -> None:
        """An instance is about to go."""

    def export(self, instance: Any) -> EactionConfig:
        """How it is configured."""
        raise NotImplementedError

    def configure(self, instance: Any, config: Any) -> None:
        """Change what can be changed."""
        raise KError(EOPNOTSUPP)

    def swapped(self, one: Any, two: Any) -> None:
        """Two instances of one name are about to exchange their sets."""

    def stats(self, instance: Any) -> dict[str, int]:
        """Its counters."""
        counters: dict[str, int] = instance.stats
        return counters

    def states(self, instance: Any) -> tuple[Any, ...]:
        """Its states, if the kind has any."""
        raise KError(EINVAL)


def _kind(f: IpFw, r: EactionRequest) -> EactionModule:
    srv: SrvObjects | None = f.vnet.get(SrvObjects)
    kind: EactionModule | None = srv.kinds.get(r.kind) if srv is not None else None
    if kind is None:
        raise KError(EINVAL)
    return kind


def _named(f: IpFw, r: EactionInstance) -> EactionModule:
    kind = _kind(f, r)
    if not 0 < len(r.name) < 64 or r.set >= IPFW_MAX_SETS:
        raise KError(EINVAL)
    return kind


def _instance(f: IpFw, r: EactionInstance) -> tuple[EactionModule, Any]:
    kind = _named(f, r)
    return kind, kind.find(r.name, r.set)


@fw3(EactionCreate)
def eaction_create(f: IpFw, r: EactionCreate) -> int:
    """A new instance."""
    kind, c = _kind(f, r), r.config
    if c is None or not 0 < len(c.name) < 64 or c.set >= IPFW_MAX_SETS:
        raise KError(EINVAL)
    srv = f.vnet[SrvObjects]
    made = kind.make(c)
    if srv.find(kind.kind, c.name, c.set) is not None:
        kind.free(made)
        raise KError(EEXIST)
    srv.add(made)
    return 0


@fw3(EactionDestroy)
def eaction_destroy(f: IpFw, r: EactionDestroy) -> int:
    """An instance goes, if no rule refers to it."""
    kind, found = _instance(f, r)
    if found.refs:
        raise KError(EBUSY)
    kind.free(found)
    f.vnet[SrvObjects].remove(found)
    return 0


@fw3(EactionGetConfig)
def eaction_get_config(f: IpFw, r: EactionGetConfig) -> EactionConfig:
    """How an instance is configured."""
    kind = _named(f, r)
    return kind.export(kind.find_config(r.name, r.set))


@fw3(EactionSetConfig)
def eaction_set_config(f: IpFw, r: EactionSetConfig) -> int:
    """Change an instance."""
    kind = _named(f, r)
    kind.configure(kind.find_config(r.name, r.set), r.config)
    return 0


@fw3(EactionList)
def eaction_list(f: IpFw, r: EactionList) -> tuple[EactionConfig, ...]:
    """All instances of a kind."""
    kind = _kind(f, r)
    return tuple(kind.export(each) for each in f.vnet[SrvObjects].of_type(kind.kind))


@fw3(EactionStats)
def eaction_stats(f: IpFw, r: EactionStats) -> dict[str, int]:
    """Counters."""
    kind, found = _instance(f, r)
    return dict(kind.stats(found))


@fw3(EactionResetStats)
def eaction_reset_stats(f: IpFw, r: EactionResetStats) -> int:
    """Begin to count anew."""
    _, found = _instance(f, r)
    found.stats = dict.fromkeys(found.stats, 0)
    return 0


@fw3(EactionStates)
def eaction_states(f: IpFw, r: EactionStates) -> tuple[Any, ...]:
    """States."""
    kind, found = _instance(f, r)
    return kind.states(found)
