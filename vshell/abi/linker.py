"""kldstat(2): what is known of a kernel file (sys/linker.h)."""

from __future__ import annotations

from vshell.abi.record import Record


class KldFileStat(Record):
    """struct kld_file_stat, with the modules in the file."""

    name: str
    refs: int
    id: int
    address: int
    size: int
    pathname: str
    modules: tuple[tuple[int, str], ...] = ()
    """(id, name) of each module."""
