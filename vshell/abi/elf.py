"""What program files and kernel modules begin with (elf(5)); ours hold a name behind it instead of machine code."""

from __future__ import annotations

ELF_IDENT = b"\x7fELF\x02\x01\x01\x09" + bytes(8)
"""The identification of an ELF64 file of FreeBSD."""
KLD_IDENT = ELF_IDENT + b"kld\0"
"""A kernel module: its name and a NUL follow."""
