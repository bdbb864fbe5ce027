"""Kernel subsystems: what a kernel file declares, and the order in which it comes to life (kernel.h, vnet.h).

A subsystem with state per network stack derives from VnetModule, one with a single state from KernelModule.  Their
variables that sysctl(8) shows are declared in the class with Sysctl; at run time they are plain attributes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, TypeVar

    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.vnet import Vnet

    T = TypeVar("T")
    SysctlHandler = Callable[[Any, Any, Any], Any]
    """handler(module, td, new): returns the value; sets it first when `new` is not None."""

SI_SUB_PSEUDO = 0x7000000
SI_SUB_INIT_IF = 0x3000000
SI_SUB_PROTO_BEGIN = 0x8000000
SI_SUB_PROTO_PFIL = 0x8100000
SI_SUB_PROTO_IF = 0x8400000
SI_SUB_PROTO_DOMAININIT = 0x8600000
SI_SUB_PROTO_MC = 0x8700000
SI_SUB_PROTO_DOMAIN = 0x8800000
SI_SUB_PROTO_FIREWALL = 0x8806000
SI_SUB_PROTO_IFATTACHDOMAIN = 0x8808000
SI_SUB_PROTO_END = 0x8FFFFFF
SI_SUB_NETGRAPH = 0xD000000
"""Orders of initialisation (sys/kernel.h): lower comes to life first and dies last."""

SI_ORDER_FIRST, SI_ORDER_SECOND, SI_ORDER_THIRD, SI_ORDER_MIDDLE, SI_ORDER_ANY = 0, 1, 2, 0x1000000, 0xFFFFFFF


class SysctlDecl:
    """The declaration of one node."""

    __slots__ = ("attr", "default", "flags", "fmt", "handler", "maximum", "minimum", "name", "text")

    def __init__(
        self,
        name: str,
        default: Any,
        text: str,
        flags: str,
        fmt: str,
        minimum: int | None,
        maximum: int | None,
        handler: SysctlHandler | None,
    ) -> None:
        self.name = name
        self.default = default
        self.text = text
        self.flags = flags
        self.fmt = fmt
        self.minimum, self.maximum = minimum, maximum
        self.handler = handler
        self.attr = ""


def Sysctl(
    name: str,
    default: T,
    text: str = "",
    *,
    flags: str = "w",
    fmt: str = "",
    minimum: int | None = None,
    maximum: int | None = None,
) -> T:
    """A variable of a module that is also a sysctl node.

    `flags`: "w" writable, "r" read-only, "t" boot tunable, "p" may be written inside a jail.  `fmt` is the type as
    `sysctl -t` names it ("integer" unless given, "string" for str).  A value outside minimum..maximum is EINVAL.
    """
    kind = fmt or ("string" if isinstance(default, str) else "integer")
    return SysctlDecl(name, default, text, flags, kind, minimum, maximum, None)  # type: ignore[return-value]


def sysctl_proc(name: str, text: str = "", *, flags: str = "w", fmt: str = "integer") -> Callable[[SysctlHandler], SysctlDecl]:
    """Decorate a method `(self, td, new)` that computes a node (SYSCTL_PROC)."""

    def mark(handler: SysctlHandler) -> SysctlDecl:
        return SysctlDecl(name, None, text, flags, fmt, None, None, handler)

    return mark


class _Module:
    sub: ClassVar[int] = SI_SUB_PSEUDO
    order: ClassVar[int] = SI_ORDER_ANY
    sysctls: ClassVar[dict[str, SysctlDecl]] = {}

    def __init_subclass__(cls, sub: int = SI_SUB_PSEUDO, order: int = SI_ORDER_ANY) -> None:
        cls.sub, cls.order = sub, order
        cls.sysctls = {}
        for attr, decl in list(cls.__dict__.items()):
            if isinstance(decl, SysctlDecl):
                decl.attr = attr
                cls.sysctls[decl.name] = decl
                # The default stays at the class: a stack that changes nothing stores nothing.
                setattr(cls, attr, decl.default)

    def init(self) -> None:
        """Constructor, after those of lower order."""

    def quiesce(self) -> None:
        """May the file be unloaded (MOD_QUIESCE)?  KError(EBUSY) refuses, unless it is forced."""

    def unload(self) -> None:
        """May it be unloaded at all (MOD_UNLOAD)?  KError(EBUSY) refuses even force."""

    def destroy(self) -> None:
        """Destructor, before those of lower order."""


class KernelModule(_Module):
    """State that exists once per kernel: `kernel[Class]`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel


class VnetModule(_Module):
    """State that exists once per network stack: `vnet[Class]`."""

    def __init__(self, vnet: Vnet) -> None:
        self.vnet = vnet


class Kld:
    """What a loadable kernel file says about itself, as `KLD = Kld(...)` in the file of its name; all of it optional.

    `modules`: the modules in it (its own name); `depends`: other files it brings along; `files`: further kernel files that
    belong to it ("netpfil.ipfw.ip_fw_table"); `size`: of its image; `kernel_refs`: how many of its dependencies are met by
    the kernel itself; `interfaces`: what others depend on where that is not the name of a module.
    """

    __slots__ = ("depends", "files", "interfaces", "kernel_refs", "modules", "size")

    def __init__(
        self,
        modules: tuple[str, ...] = (),
        depends: tuple[str, ...] = (),
        files: tuple[str, ...] = (),
        size: int = 0x4000,
        kernel_refs: int = 2,
        interfaces: tuple[str, ...] = (),
    ) -> None:
        self.modules = modules
        self.interfaces = interfaces
        self.depends = depends
        self.files = files
        self.size = size
        self.kernel_refs = kernel_refs
