"""The Pygments lexers: nothing is lost, nothing is an error, and what matters is told apart."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Generic, Keyword, Name, Number, String, Token, _TokenType

TOP = Path(__file__).resolve().parents[2]
ENTRY_POINTS: dict[str, str] = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["entry-points"]["pygments.lexers"]

SAMPLES: dict[str, tuple[str, list[tuple[_TokenType, str]]]] = {
    "freebsd-sh": (
        '#!/bin/sh\n# x\nfor i in 1 2; do ifconfig epair${i}a "$IP/24" up && echo `id -u` $((i + 1)); done > /dev/null 2>&1\n',
        [
            (Comment.Hashbang, "#!/bin/sh\n"),
            (Keyword, "for"),
            (Name.Function, "ifconfig"),
            (Name.Builtin, "echo"),
            (Keyword, "done"),
        ],
    ),
    "freebsd-console": (
        "root@vhost:~ # ifconfig -l\nlo0 vtnet0\n$ false\n[1]\n$ for i in a\n> do echo $i; done\na\n",
        [
            (Generic.Prompt, "root@vhost:~ # "),
            (Generic.Output, "lo0 vtnet0\n"),
            (Token.Literal.Number, "[1]\n"),
            (Generic.Prompt, "> "),
        ],
    ),
    "ipfw": (
        "add 100 allow tcp from 10.0.0.0/8 to me 22 setup keep-state // ssh\npipe 1 config bw 1Mbit/s delay 20ms\n",
        [(Keyword, "add"), (Name.Function, "allow"), (Number, "10.0.0.0/8"), (Comment.Single, "// ssh"), (Number, "1Mbit/s")],
    ),
    "ngctl": (
        'mkpeer . bridge x link0\nmsg sw: setconfig { loopTimeout=60 text="a b" }\n# end\n',
        [(Keyword, "mkpeer"), (Name.Variable, "sw:"), (Name.Attribute, "loopTimeout"), (String.Double, '"a b"')],
    ),
    "pf-conf": (
        'ext = "vtnet0"\ntable <bad> persist { 10.0.0.0/8 }\nblock in quick on $ext from <bad> to any # no\npass out\n',
        [(Name.Variable, "ext"), (Keyword, "block"), (Name.Class, "<bad>"), (Name.Builtin, "quick"), (Name.Variable, "$ext")],
    ),
    "jail-conf": (
        'exec.start = "/bin/sh /etc/rc";\nr1 {\n  vnet;\n  vnet.interface = epair0a, epair1a;\n  path = /jails/$name; // x\n}\n',
        [(Name.Attribute, "exec.start"), (Name.Class, "r1"), (Name.Attribute, "vnet"), (Name.Variable, "$name")],
    ),
}


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_sample(name: str) -> None:
    """A piece of each language."""
    module, _, cls = ENTRY_POINTS[name].partition(":")
    lexer = getattr(import_module(module), cls)()
    text, expected = SAMPLES[name]
    tokens = list(lexer.get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert not [value for kind, value in tokens if kind in Error]
    for token in expected:
        assert token in tokens
