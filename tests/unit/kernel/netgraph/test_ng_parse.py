"""The ASCII forms of all messages."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from random import Random

import pytest

import vshell.kernel.netgraph
from vshell.abi.errno import ERANGE, KError
from vshell.kernel.netgraph.ng_base import NgCmd, Node
from vshell.kernel.netgraph.ng_parse import UINT32, Array, NgStruct, ParseType, preceding


def classes(base: type[Node]) -> Iterator[type[Node]]:
    """All that are derived."""
    for cls in base.__subclasses__():
        yield cls
        yield from classes(cls)


def types() -> dict[str, ParseType]:
    """The arguments and answers of all messages."""
    for module in pkgutil.iter_modules(vshell.kernel.netgraph.__path__):
        import_module(f"vshell.kernel.netgraph.{module.name}")
    found = {}
    for cls in classes(Node):
        for cmd in vars(cls).values():
            if isinstance(cmd, NgCmd):
                found.update({f"{cls.__name__} {cmd.name} {i}": t for i, t in enumerate((cmd.arg, cmd.resp)) if t})
    return found


TYPES = types()
BLANKS = ("Netflow info 1", "Netflow ifinfo 1", "Netflow v9info 1")


def has_default(name: str) -> bool:
    """False for what has an address in it, which must be given."""
    try:
        TYPES[name].default(bytearray())
    except KError:
        return False
    return True


@pytest.mark.parametrize("name", [name for name in sorted(TYPES) if has_default(name)])
def test_forth_and_back(name: str) -> None:
    """What ASCII says becomes the same ASCII again; small numbers only, as there the others end at 2^63."""
    kind, random = TYPES[name], Random(name)
    default = bytearray()
    kind.default(default)
    for _ in range(5):
        data = bytes(random.choice((0, 0, 1, 2, 65, 100)) for _ in default) + bytes(256)
        try:
            text, _ = kind.unparse(data, 0)
        except KError:
            continue
        if name in BLANKS or '""' in text:
            # Names of fields with blanks, and strings with something behind their end.
            continue
        binary = bytearray()
        kind.parse(text, 0, binary)
        assert kind.unparse(bytes(binary), 0)[0] == text


def test_too_long() -> None:
    """A number of elements that promises more than a message can hold is refused at once."""
    kind = NgStruct(("n", UINT32), ("all", Array(UINT32, preceding(4))))
    with pytest.raises(KError) as e:
        kind.parse("{ n=500000000 }", 0, bytearray())
    assert e.value.errno == ERANGE
