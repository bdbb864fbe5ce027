"""Record: the frozen structs that cross the system call boundary (ioctl requests, addresses, netlink messages)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    R = TypeVar("R", bound="Record")
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda cls: cls


@dataclass_transform(frozen_default=True, eq_default=True)
class Record:
    """A frozen struct whose fields are its annotated class attributes, in order, base classes first.

    The same contract as a frozen dataclass, but a class costs microseconds to create instead of most of a
    millisecond; there are hundreds of them and `vshell -c true` must not wait for any.  Class-level defaults
    are the field defaults, so they must be immutable.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    _known: ClassVar[frozenset[str]] = frozenset()
    _required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        own = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - the module inspect is slow to import
        new = tuple(n for n, t in own.items() if not str(t).startswith("ClassVar") and n not in cls.fields)
        cls.fields = cls.fields + new
        cls._known = frozenset(cls.fields)
        cls._required = frozenset(n for n in cls.fields if not hasattr(cls, n))

    def __init__(self, *args: Any, **kw: Any) -> None:
        cls = type(self)
        values = self.__dict__
        if args:
            if len(args) > len(cls.fields):
                raise TypeError(f"{cls.__name__} takes {len(cls.fields)} fields, got {len(args)}")
            values.update(zip(cls.fields, args, strict=False))
        if kw:
            if not (kw.keys() <= cls._known and kw.keys().isdisjoint(values)):
                raise TypeError(f"{cls.__name__}: bad or repeated field among {', '.join(kw)}")
            values.update(kw)
        if not cls._required <= values.keys():
            raise TypeError(f"{cls.__name__}: {', '.join(sorted(cls._required - values.keys()))} missing")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self.fields)})"

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, n) for n in self.fields)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))


def replace(record: R, **changes: Any) -> R:
    """A copy of `record` with some fields changed."""
    return type(record)(**{n: changes.get(n, getattr(record, n)) for n in record.fields})
