"""vshell map: boxes, what hangs in them, and the lanes of wires."""

from __future__ import annotations

from vshell.machine import Machine

NETWORK = """
for j in a b; do jail -c name=$j vnet persist; done
ifconfig epair create >/dev/null; ifconfig epair0a vnet a; ifconfig epair0b vnet b
ifconfig -j a epair0a 10.0.1.1/24; ifconfig -j b epair0b 10.0.1.2/24
ifconfig epair create >/dev/null; ifconfig epair1b vnet b; ifconfig epair1a up
ifconfig bridge create >/dev/null; ifconfig bridge0 addm epair1a 10.9.0.1/24 up
ifconfig vtnet0.7 create; ifconfig vtnet0.7 10.7.0.1/24
"""

PICTURE = """\
╭─ vhost ───────────────────╮
│ ○ vtnet0                  │
│ └─ ● vtnet0.7 10.7.0.1/24 │
│ ● bridge0 10.9.0.1/24     │
│ └─ ● epair1a              ├───┐
╰───────────────────────────╯   │
╭─ a (jid 1) ───────────────╮   │
│ ● epair0a 10.0.1.1/24     ├─┐ │
╰───────────────────────────╯ │ │
╭─ b (jid 2) ───────────────╮ │ │
│ ● epair0b 10.0.1.2/24     ├─┘ │
│ ○ epair1b                 ├───┘
╰───────────────────────────╯
"""


def run(commands: str) -> tuple[int, str, str]:
    """Status, output and errors of commands in a machine with the network."""
    result = Machine().run(NETWORK + commands)
    return result.status, result.stdout.decode(), result.stderr.decode()


def test_picture() -> None:
    """All stacks, their interfaces, and the wires."""
    assert run("vshell map") == (0, PICTURE, "")


def test_some_stacks() -> None:
    """Wires to stacks that are left out are left out too."""
    status, out, _ = run("vshell map b")
    assert status == 0
    assert out == "╭─ b (jid 2) ───────────╮\n│ ● epair0b 10.0.1.2/24 │\n│ ○ epair1b             │\n╰───────────────────────╯\n"
    assert run("vshell map nosuch") == (1, "", "vshell: map: no such stack: nosuch\n")


def test_inside_a_jail() -> None:
    """A jail sees itself and what is below it."""
    status, out, _ = run("jexec a vshell map")
    assert status == 0
    assert out == "╭─ a (jid 1) ───────────╮\n│ ● epair0a 10.0.1.1/24 │\n╰───────────────────────╯\n"


def test_netgraph() -> None:
    """Nodes are rows, hooks are wires; the node of an interface is the interface's row."""
    nodes = "ngctl mkpeer eiface x ether; ngctl mkpeer ngeth0: bridge ether link0; ngctl name ngeth0:ether sw; "
    assert Machine().run(nodes + "vshell map").stdout.decode() == (
        "╭─ vhost ──────╮\n│ ○ ngeth0     ├─┐\n│ ◆ sw  bridge ├─┘\n╰──────────────╯\n"
    )


def test_usage() -> None:
    """What there is, and what there is not."""
    status, out, _ = run("vshell help")
    assert status == 0
    assert "vshell map [-a] [--svg FILE | --dot FILE | --mermaid FILE] [stack ...]\n      draw the stacks" in out
    assert run("vshell nosuch")[0] == 2
    assert run("vshell map -x")[0] == 2


def test_files() -> None:
    """The forms of vshell graph, under map's name."""
    status, out, _ = run("vshell map --svg /tmp/m.svg a b; vshell map --dot /tmp/m.dot; head -c 4 /tmp/m.svg; head -1 /tmp/m.dot")
    assert status == 0
    assert out.startswith("<svg")
    assert "graph" in out
    assert run("vshell map --svg")[0] == 2
