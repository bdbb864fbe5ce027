"""Names of bits: flags, capabilities (print_bits and printb)."""

from __future__ import annotations

from collections.abc import Sequence

from vshell.abi.sockio import IFCAP_NAMES

IFFBITS = (
    "UP", "BROADCAST", "DEBUG", "LOOPBACK", "POINTOPOINT", "NEEDSEPOCH", "RUNNING", "NOARP", "PROMISC", "ALLMULTI",
    "DRV_OACTIVE", "SIMPLEX", "LINK0", "LINK1", "LINK2", "MULTICAST", "CANTCONFIG", "PPROMISC", "MONITOR", "STATICARP",
    "STICKYARP", "DYING", "RENAMING", "PALLMULTI", "LOWER_UP",
)  # fmt: skip

IFCAPBITS = tuple(IFCAP_NAMES)


def print_bits(kind: str, value: int, names: Sequence[str]) -> str:
    """<NAME,NAME>, nothing for 0; bits without a name are KIND_N."""
    found = [
        names[i] if i < len(names) else f"{kind}_{i}" for i in range(value.bit_length()) if value >> i & 1
    ]  # fmt: skip
    return f"<{','.join(found)}>" if found else ""


def printb(label: str, value: int, names: dict[int, str]) -> str:
    """label=hex<NAMES>, as the kernel's %b; bits without a name are left out."""
    return f"{label}={value:x}<{','.join(name for bit, name in names.items() if value & bit)}>"
