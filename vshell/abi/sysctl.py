"""What the kernel tells about a sysctl node (sys/sysctl.h)."""

from __future__ import annotations

from vshell.abi.record import Record

TYPES = {
    "integer": (4, True), "unsigned integer": (4, False), "long integer": (8, True), "unsigned long": (8, False),
    "int8_t": (1, True), "int16_t": (2, True), "int32_t": (4, True), "int64_t": (8, True), "uint8_t": (1, False),
    "uint16_t": (2, False), "uint32_t": (4, False), "uint64_t": (8, False),
}  # fmt: skip
"""Numeric types as sysctl -t names them: (bytes, signed)."""

FORMATS = {
    "integer": "I", "unsigned integer": "IU", "long integer": "L", "unsigned long": "LU", "int8_t": "C", "int16_t": "S",
    "int32_t": "I", "int64_t": "Q", "uint8_t": "CU", "uint16_t": "SU", "uint32_t": "IU", "uint64_t": "QU", "string": "A",
    "opaque": "S", "node": "N",
}  # fmt: skip
"""The usual format of a type."""


class SysctlInfo(Record):
    """One node: its type as sysctl -t names it ("node", "string", "opaque" or one of TYPES), format and text."""

    name: str
    type: str
    flags: str
    """w writable, t boot tunable, v one value per stack, p may be written inside a jail."""
    fmt: str
    text: str
