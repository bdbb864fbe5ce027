"""Protocol statistics (VNET_PCPUSTAT): integers that the data path counts up and sysctl hands out as one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.record import Record


class Counters:
    """The counters of one protocol in one stack: an attribute for each field of a statistics record of abi/."""

    def __init__(self, record: type[Record]) -> None:
        self._record = record
        self.clear()

    def clear(self) -> None:
        """Back to zero (netstat -z)."""
        for name in self._record.fields:
            value = getattr(self._record, name)
            setattr(self, name, list(value) if isinstance(value, tuple) else 0)

    def snapshot(self) -> Record:
        """The record as it stands."""
        values = {n: getattr(self, n) for n in self._record.fields}
        return self._record(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})

    def sysctl(self, new: Any) -> Record:
        """Serve a sysctl node: the values; writing anything clears them."""
        if new is not None:
            self.clear()
        return self.snapshot()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...
