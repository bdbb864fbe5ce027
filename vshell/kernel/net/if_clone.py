"""Cloned interfaces: types, their units, creation and destruction (if_clone(9), net/if_clone.c).

A type is declared on its class:

    @cloner("disc")
    class Disc(Ifnet):
        @classmethod
        def clone(cls, ifc, name, unit, params, td): ...

which adds the module `IfCloner` of that name to the file, so that every stack gets its own cloner (with its own units and
its own list of interfaces) when the file is in the kernel, and its interfaces die when the file leaves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from vshell.abi.errno import EEXIST, EINVAL, ENOENT, ENOSPC, ENXIO, KError
from vshell.abi.sockio import IFNAMSIZ, SIOCIFCREATE2, SIOCIFDESTROY, SIOCIFGCLONERS
from vshell.kernel.kern.module import SI_SUB_PSEUDO, VnetModule
from vshell.kernel.net.if_groups import if_addgroup, if_delgroup
from vshell.kernel.net.ifioctl import ifunit, stackrequest
from vshell.kernel.net.ifnet import Ifnet, VnetIf

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet

IF_MAXUNIT = 0x7FFF
INT_MAX = 0x7FFFFFFF

C = TypeVar("C", bound=type[Ifnet])


class IfCloner(VnetModule, sub=SI_SUB_PSEUDO):
    """One type of interface in one stack (struct if_clone)."""

    name: ClassVar[str] = ""
    ifclass: ClassVar[type[Ifnet]]
    autounit: ClassVar[bool] = True
    """Units are handled here; otherwise the type's `clone` does it."""
    maxunit: ClassVar[int] = IF_MAXUNIT
    minifs: ClassVar[int] = 0
    """So many are made at once and may not be destroyed by hand."""
    host_only: ClassVar[bool] = False

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ifaces: list[Ifnet] = []
        """Its interfaces, the youngest first; they may be in other stacks."""
        self.units: set[int] = set()
        self.lowest = 0
        """All units below are taken."""

    def init(self) -> None:
        """ifc_attach_cloner."""
        if self.host_only and self.vnet is not self.vnet.kernel.vnet0:
            return
        self.vnet[VnetIf].cloners.insert(0, self)
        for unit in range(self.minifs):
            if_clone_createif(self, f"{self.name}{unit}", None, None)

    def destroy(self) -> None:
        """ifc_detach_cloner: takes all its interfaces along, wherever they are."""
        cloners = self.vnet[VnetIf].cloners
        if self in cloners:
            cloners.remove(self)
        while self.ifaces:
            if_clone_destroyif(self, self.ifaces[0], force=True)

    def match(self, name: str) -> bool:
        """ifc_simple_match: the type's name, then digits or nothing."""
        rest = name[len(self.name) :]
        return name.startswith(self.name) and (not rest or (rest.isascii() and rest.isdigit()))

    # units -----------------------------------------------------------------------------------------------------
    def alloc_unit(self, unit: int) -> int:
        """ifc_alloc_unit: that unit, or with -1 the next free one.  ENOSPC, EEXIST."""
        if unit >= 0:
            self._alloc_specific(unit)
            return unit
        unit = self.lowest
        while unit in self.units:
            unit += 1
        self.lowest = unit
        while True:
            try:
                self._alloc_specific(unit)
            except KError as e:
                if e.errno != EEXIST:
                    raise
                unit += 1
            else:
                return unit

    def _alloc_specific(self, unit: int) -> None:
        if unit > self.maxunit:
            raise KError(ENOSPC)
        if unit in self.units or ifunit(self.vnet, f"{self.name}{unit}") is not None:
            raise KError(EEXIST)
        self.units.add(unit)

    def free_unit(self, unit: int | None) -> None:
        """ifc_free_unit."""
        if unit is not None:
            self.units.discard(unit)
            self.lowest = min(self.lowest, unit)

    # interfaces ------------------------------------------------------------------------------------------------
    def link_ifp(self, ifp: Ifnet) -> None:
        """ifc_link_ifp: it is one of ours and of the group of our name."""
        try:
            if_addgroup(ifp, self.name)
        except KError:
            pass
        ifp.cloner = self
        self.ifaces.insert(0, ifp)

    def unlink_ifp(self, ifp: Ifnet) -> bool:
        """ifc_unlink_ifp."""
        if ifp not in self.ifaces:
            return False
        self.ifaces.remove(ifp)
        try:
            if_delgroup(ifp, self.name)
        except KError as e:
            assert e.errno == ENOENT
        return True


def cloner(
    name: str,
    *,
    autounit: bool = True,
    maxunit: int = IF_MAXUNIT,
    minifs: int = 0,
    host_only: bool = False,
    match: Callable[[IfCloner, str], bool] | None = None,
    sub: int = SI_SUB_PSEUDO,
) -> Callable[[C], C]:
    """Make an interface class a type that can be cloned; see the module's text."""

    def register(ifclass: C) -> C:
        members: dict[str, Any] = {
            "__doc__": f"The cloner of {name}.", "__module__": ifclass.__module__, "name": name, "ifclass": ifclass,
            "autounit": autounit, "maxunit": maxunit, "minifs": minifs, "host_only": host_only,
        }  # fmt: skip
        if match is not None:
            members["match"] = match
        module = type(f"{ifclass.__name__}Cloner", (IfCloner,), members, sub=sub)
        setattr(sys.modules[ifclass.__module__], module.__name__, module)
        return ifclass

    return register


def ifc_name2unit(name: str) -> int:
    """The number from the first digit on, -1 if there is none.  EINVAL for leading zeros and rubbish."""
    at = next((i for i, c in enumerate(name) if "0" <= c <= "9"), None)
    if at is None:
        return -1
    digits = name[at:]
    if (len(digits) > 1 and digits[0] == "0") or not (digits.isascii() and digits.isdigit()):
        raise KError(EINVAL)
    unit = int(digits)
    if unit > INT_MAX:
        raise KError(EINVAL)
    return unit


def ifc_find_cloner(vnet: Vnet, name: str) -> IfCloner | None:
    """The cloner of that name."""
    return next((c for c in vnet[VnetIf].cloners if c.name == name), None)


def if_clone_create(vnet: Vnet, name: str, params: Record | None, td: Proc | None) -> str:
    """Make an interface; returns its name.  EINVAL, EEXIST, ENOSPC."""
    ifc = next((c for c in vnet[VnetIf].cloners if c.match(name)), None)
    if ifc is None:
        raise KError(EINVAL)
    return if_clone_createif(ifc, name, params, td).xname


def if_clone_createif(ifc: IfCloner, name: str, params: Record | None, td: Proc | None) -> Ifnet:
    """if_clone_createif_nl."""
    if ifunit(ifc.vnet, name) is not None:
        raise KError(EEXIST)
    unit = -1
    if ifc.autounit:
        unit = ifc_name2unit(name)
        wildcard = unit < 0
        unit = ifc.alloc_unit(unit)
        if wildcard:
            name = f"{name}{unit}"
    try:
        if len(name) >= IFNAMSIZ:
            raise KError(ENOSPC)
        ifp: Ifnet = ifc.ifclass.clone(ifc, name, unit, params, td)  # type: ignore[attr-defined]
    except KError:
        if ifc.autounit:
            ifc.free_unit(unit)
        raise
    ifc.link_ifp(ifp)
    return ifp


def if_clone_destroy(vnet: Vnet, name: str) -> None:
    """Destroy an interface.  ENXIO if there is none, EINVAL if it was not cloned."""
    ifp = ifunit(vnet, name)
    if ifp is None:
        raise KError(ENXIO)
    home = ifp.home_vnet
    assert home is not None
    ifc = ifc_find_cloner(home, ifp.dname)
    if ifc is None:
        raise KError(EINVAL)
    if_clone_destroyif(ifc, ifp)


def if_clone_destroyif(ifc: IfCloner, ifp: Ifnet, force: bool = False) -> None:
    """if_clone_destroyif_flags."""
    if not force and ifp.dunit is not None and ifp.dunit < ifc.minifs:
        raise KError(EINVAL)
    if not ifc.unlink_ifp(ifp):
        raise KError(ENXIO)
    try:
        ifp.destroy()
    except KError:
        ifc.link_ifp(ifp)
        raise
    if ifc.autounit:
        ifc.free_unit(ifp.dunit)


@stackrequest(SIOCIFCREATE2, priv=True)
def _create(so: Socket, request: SIOCIFCREATE2, td: Proc) -> str:
    return if_clone_create(so.vnet, request.name, request.params, td)


@stackrequest(SIOCIFDESTROY, priv=True)
def _destroy(so: Socket, request: SIOCIFDESTROY, td: Proc) -> None:
    if_clone_destroy(so.vnet, request.name)


@stackrequest(SIOCIFGCLONERS)
def _cloners(so: Socket, request: SIOCIFGCLONERS, td: Proc) -> tuple[str, ...]:
    return tuple(c.name for c in so.vnet[VnetIf].cloners)
