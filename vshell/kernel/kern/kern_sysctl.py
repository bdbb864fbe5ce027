"""The sysctl tree (sysctl(9), kern_sysctl.c).

A node comes from one of three places, the first that has it: a handler (`@sysctl_handler`, kern_mib.py), a declaration in
a module class (Sysctl of module.py), or the table conf/files/sysctl.tsv, which knows every node of a GENERIC kernel, its text
and value; so a variable that nothing implements yet reads and keeps its value, per stack or per jail if the real one does.
The table also gives texts and the order of listing.  It is read on first use.
"""

from __future__ import annotations

from vshell.abi.errno import EINVAL, EISDIR, ENOENT, EPERM, KError
from vshell.abi.sysctl import FORMATS, TYPES, SysctlInfo
from vshell.kernel.kern.kern_priv import PRIV_SYSCTL_WRITE, PRIV_SYSCTL_WRITEJAIL, priv_check
from vshell.kernel.kern.module import KernelModule, SysctlDecl, VnetModule
from vshell.kernel.kern.prison_params import PARAMS, STRING_SIZES, VIMAGE_ONLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.vnet import Vnet

    Handler = Callable[[Proc, Any], Any]
    H = TypeVar("H", bound=Handler)

HANDLERS: dict[str, Handler] = {}
"""Nodes whose value is computed: name -> handler(td, new), which sets the value first when `new` is not None."""

PARAM = "security.jail.param"
VIMAGE_FEATURE = "kern.features.vimage"


def sysctl_handler(name: str) -> Callable[[H], H]:
    """Register the handler of a node that is in the table (SYSCTL_PROC)."""

    def register(handler: H) -> H:
        HANDLERS[name] = handler
        return handler

    return register


ROOM = {"net.inet.icmp.reply_src": 16}
"""Bytes a string may take with its NUL, where that is not 1024."""


class Oid:
    """One node (struct sysctl_oid)."""

    __slots__ = ("flags", "fmt", "module", "name", "text", "type", "value")

    def __init__(self, name: str, type: str, flags: str, value: str, text: str, fmt: str, module: str = "") -> None:
        self.name = name
        self.type = type
        self.flags = flags
        self.value: Any = int(value) if type in TYPES and value.lstrip("-").isdecimal() else value
        if type in TYPES and not isinstance(self.value, int):
            self.value = 0
        self.text = text
        self.fmt = fmt
        self.module = module


class SysctlValues(VnetModule):
    """What a stack keeps for per-stack nodes that nothing implements."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.values: dict[str, Any] = {}
        self.tunables = dict(vnet.kernel.kenv)
        """The kernel environment when the stack was born: what its tunables begin with."""


class SysctlTree(KernelModule):
    """The tree of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.values: dict[str, Any] = {}
        """Values of common nodes that nothing implements."""
        self._table: dict[str, Oid] | None = None
        self._declared: dict[str, tuple[type[Any], SysctlDecl]] = {}
        self._seen: object = None
        self.added: dict[str, tuple[type[Any], SysctlDecl]] = {}
        """Nodes that came with a device and go with it (sysctl_add_oid); replaced, not changed, when one comes or goes."""

    # what there is ---------------------------------------------------------------------------------------------
    def declared(self) -> dict[str, tuple[type[Any], SysctlDecl]]:
        """Nodes declared by the modules that are loaded now."""
        kernel = self.kernel
        state = (tuple(kernel.vnet_modules), len(kernel), self.added)
        if state != self._seen:
            self._seen = state
            self._declared = {n: (c, d) for c in (*kernel, *kernel.vnet_modules) for n, d in c.sysctls.items()}
            self._declared.update(self.added)
        return self._declared

    def table(self) -> dict[str, Oid]:
        """The nodes of a GENERIC kernel with everything loaded, in order."""
        if self._table is None:
            self._table = table = {}
            for line in self.kernel.load_data("sysctl.tsv").decode().splitlines():
                if line and not line.startswith("#"):
                    name, type, flags, value, text, fmt, module = (line.split("\t") + [""] * 6)[:7]
                    if name == "kern.version":
                        value = value.replace("\\n", "\n")
                    if name == VIMAGE_FEATURE and not self.kernel.vimage:
                        continue
                    table[name] = Oid(name, type, flags.replace("-", ""), value, text, fmt, module)
                    if name == f"{PARAM}.mac":
                        self._add_params(table)
        return self._table

    def _add_params(self, table: dict[str, Oid]) -> None:
        for name, type, fmt, flags, text in PARAMS:
            if name in VIMAGE_ONLY and not self.kernel.vimage:
                continue
            full = f"{PARAM}.{name}"
            parts = name.split(".")
            for i in range(1, len(parts)):
                node = f"{PARAM}.{'.'.join(parts[:i])}"
                table.setdefault(node, Oid(node, "node", "w", "", "", "N"))
            if name == "allow.mount.":
                for each in reversed(self.kernel.prison0.all.allow):
                    if each.startswith("mount."):
                        self._add_allow(table, each)
            table[full] = Oid(full, type, flags, str(STRING_SIZES.get(name, 0)), text, fmt)

    def _add_allow(self, table: dict[str, Oid], name: str) -> None:
        full = f"{PARAM}.allow.{name}"
        text = f"Jail may mount the {name.partition('.')[2]} file system"
        table[full] = Oid(full, "integer", "w", "0", text, "B")

    def add_allow(self, name: str) -> None:
        """A file system brought a permission of its own; the newest is listed first."""
        if f"{PARAM}.allow.{name}" in self.table():
            return
        table: dict[str, Oid] = {}
        for each, oid in self.table().items():
            table[each] = oid
            if each == "security.jail":
                full = f"security.jail.{name.replace('.', '_')}_allowed"
                text = f"Jail may mount the {name.partition('.')[2]} file system (deprecated)"
                table[full] = Oid(full, "integer", "w", "0", text, "I")
            elif each == f"{PARAM}.allow.mount":
                self._add_allow(table, name)
        self._table = table

    def exists(self, oid: Oid) -> bool:
        """False for a node whose module is not loaded."""
        return not oid.module or self.kernel.linker.find_module(oid.module) is not None

    def find(self, name: str) -> Oid | None:
        """The node of that name; a final dot is ignored unless it is part of the name."""
        oid = self._find(name)
        if oid is None and name.endswith("."):
            oid = self._find(name[:-1])
        return oid

    def _find(self, name: str) -> Oid | None:
        oid = self.table().get(name)
        entry = self.declared().get(name)
        if entry is not None:
            return _declared_oid(name, entry, oid)
        if oid is not None and self.exists(oid):
            return oid
        prefix = name + "."
        if any(n.startswith(prefix) for n in self.declared()):
            return Oid(name, "node", "w", "", oid.text if oid is not None else "", "N")
        return None

    def names(self, prefix: str, nodes: bool) -> list[str]:
        """The names of all leaves (and nodes) under a node, the whole tree for ""."""
        inside = prefix + "." if prefix and not prefix.endswith(".") else prefix
        declared = self.declared()
        found = [
            name
            for name, oid in self.table().items()
            if name.startswith(inside)
            and (nodes or oid.type != "node" or not oid.flags)
            and (name in declared or self.exists(oid))
        ]
        table = self.table()
        for name in declared:
            if name not in table and name.startswith(inside):
                _insert(found, name)
        return found

    # values ----------------------------------------------------------------------------------------------------
    def access(self, td: Proc, name: str, new: Any) -> Any:
        """Read a node after setting it if `new` is not None (sysctl_root)."""
        oid = self.find(name)
        if oid is None:
            raise KError(ENOENT)
        if new is not None:
            self._may_write(td, oid)
            new = self._limited(td, oid, convert(oid, new))
        from vshell.kernel.kern import kern_mib  # noqa: F401  (fills HANDLERS)

        handler = HANDLERS.get(oid.name)
        if handler is not None:
            return handler(td, new)
        if oid.type == "node":
            raise KError(EISDIR if new is not None else ENOENT)
        entry = self.declared().get(oid.name)
        if entry is not None:
            return self._declared_value(td, entry, oid, new)
        return self.stored(td, oid.name, new)

    def _limited(self, td: Proc, oid: Oid, new: Any) -> Any:
        from vshell.kernel.kern.sysctl_limits import NAMES, limited

        return limited(oid.name, oid.type, new, self.access(td, oid.name, None)) if oid.name in NAMES else new

    def stored(self, td: Proc, name: str, new: Any) -> Any:
        """The value of a node that the tree itself keeps."""
        oid = self.table()[name]
        store = self._store(td, oid)
        if new is not None:
            store[name] = new
        return store.get(name, self._default(td, oid))

    def _default(self, td: Proc, oid: Oid) -> Any:
        if oid.type == "opaque":
            return b""
        if "t" in oid.flags and "v" in oid.flags and (text := td.vnet[SysctlValues].tunables.get(oid.name)) is not None:
            return text if oid.type == "string" else int(text) if text.isdecimal() else oid.value
        return oid.value

    def _may_write(self, td: Proc, oid: Oid) -> None:
        if oid.type == "node" and oid.name not in HANDLERS:
            raise KError(EISDIR)
        if "w" not in oid.flags:
            raise KError(EPERM)
        prison = td.ucred.prison
        inside = "p" in oid.flags or ("v" in oid.flags and prison.owns_vnet)
        priv_check(td, PRIV_SYSCTL_WRITEJAIL if inside else PRIV_SYSCTL_WRITE)

    def _store(self, td: Proc, oid: Oid) -> dict[str, Any]:
        if "v" in oid.flags:
            values: dict[str, Any] = td.vnet[SysctlValues].values
            return values
        return td.ucred.prison.sysctls if "p" in oid.flags else self.values

    def _declared_value(self, td: Proc, entry: tuple[type[Any], SysctlDecl], oid: Oid, new: Any) -> Any:
        cls, decl = entry
        instance = self.kernel[cls] if issubclass(cls, KernelModule) else td.vnet[cls]
        if decl.handler is not None:
            return decl.handler(instance, td, new)
        if new is not None:
            if (decl.minimum is not None and new < decl.minimum) or (decl.maximum is not None and new > decl.maximum):
                raise KError(EINVAL)
            setattr(instance, decl.attr, new)
            if issubclass(cls, VnetModule) and "v" not in oid.flags:
                # Common to all stacks although a per-stack module keeps it.
                for vnet in self.kernel.vnets:
                    setattr(vnet[cls], decl.attr, new)
        return getattr(instance, decl.attr)


def _declared_oid(name: str, entry: tuple[type[Any], SysctlDecl], oid: Oid | None) -> Oid:
    cls, decl = entry
    if oid is not None:
        # The table is what the real system says; the declaration gives the value.
        return Oid(name, oid.type, oid.flags, "", decl.text or oid.text, oid.fmt, "")
    flags = decl.flags.replace("r", "") + ("v" if issubclass(cls, VnetModule) else "")
    return Oid(name, decl.fmt, flags, "", decl.text, FORMATS.get(decl.fmt, "S"))


def _insert(names: list[str], name: str) -> None:
    """Put a name that the table does not know behind its siblings."""
    parent = name
    while "." in parent:
        parent = parent.rpartition(".")[0]
        for i in range(len(names) - 1, -1, -1):
            if names[i].startswith(parent + ".") or names[i] == parent:
                names.insert(i + 1, name)
                return
    names.append(name)


def convert(oid: Oid, new: Any) -> Any:
    """A new value as the node's type holds it: numbers wrap around."""
    if oid.type in TYPES:
        if not isinstance(new, int):
            raise KError(EINVAL)
        size, signed = TYPES[oid.type]
        if oid.type == "uint8_t":
            return int(new & 0xFF != 0)
        new &= (1 << 8 * size) - 1
        return new - (1 << 8 * size) if signed and new >> (8 * size - 1) else new
    if oid.type == "string" and not (
        isinstance(new, str) and len(new.encode("utf-8", "surrogateescape")) < ROOM.get(oid.name, 1024)
    ):
        raise KError(EINVAL)
    return new


class SysctlCalls:
    """System calls on the sysctl tree."""

    proc: Proc
    kernel: Kernel

    def _tree(self) -> SysctlTree:
        tree: SysctlTree = self.kernel[SysctlTree]
        return tree

    def sysctl(self, name: str, new: Any = None) -> Any:
        """sysctl(3): the value of a node before it is set to `new`; opaque ones are bytes."""
        tree = self._tree()
        if new is None:
            return tree.access(self.proc, name, None)
        return tree.access(self.proc, name, new)

    def sysctl_info(self, name: str) -> SysctlInfo:
        """What a node is (CTL_SYSCTL_OIDFMT, CTL_SYSCTL_OIDDESCR)."""
        oid = self._tree().find(name)
        if oid is None:
            raise KError(ENOENT)
        return SysctlInfo(oid.name, oid.type, oid.flags, oid.fmt, oid.text)

    def sysctl_names(self, prefix: str = "", nodes: bool = False) -> list[str]:
        """Every leaf below a node, nodes too if asked for (CTL_SYSCTL_NEXT, CTL_SYSCTL_NEXTNOSKIP)."""
        return self._tree().names(prefix, nodes)
