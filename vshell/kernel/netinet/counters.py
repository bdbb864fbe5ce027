"""Protocol statistics (VNET_PCPUSTAT): integers that the data path counts up and sysctl hands out as one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.record import Record

_TYPES: dict[type[Record], type[Counters]] = {}


class Counters:
    """The counters of one protocol in one stack: an attribute for each field of a statistics record of abi/.

    There are hundreds of them in every stack and most never move, so zeroes stand at a class made for the record and
    an instance holds only what has been counted.
    """

    _record: type[Record]

    def __new__(cls, record: type[Record]) -> Counters:
        kind = _TYPES.get(record)
        if kind is None:
            zeroes = {n: 0 for n in record.fields if not isinstance(getattr(record, n), tuple)}
            kind = _TYPES[record] = type(record.__name__ + "Counters", (Counters,), {**zeroes, "_record": record})
        return object.__new__(kind)

    def __init__(self, record: type[Record]) -> None:
        pass

    def clear(self) -> None:
        """Back to zero (netstat -z)."""
        self.__dict__.clear()

    def snapshot(self) -> Record:
        """The record as it stands."""
        record = self._record
        values = {n: getattr(self, n) if n in self.__dict__ else getattr(record, n) for n in record.fields}
        return record(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})

    def sysctl(self, new: Any) -> Record:
        """Serve a sysctl node: the values; writing anything clears them."""
        if new is not None:
            self.clear()
        return self.snapshot()

    def __getattr__(self, name: str) -> Any:
        """Histograms come into being when they are first looked at."""
        if name.startswith("_") or name not in self._record.fields:
            raise AttributeError(name)
        value = self.__dict__[name] = list(getattr(self._record, name))
        return value

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...
