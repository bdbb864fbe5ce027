"""jail(8): the command line, jail.conf(5), hooks, order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.commands.jail.jailp import equalopts, wild_jail_match
from vshell.machine import Result

Run = Callable[..., Result]


def conf(text: str, commands: str) -> str:
    """Commands with a configuration file in place."""
    return f"cat > /etc/jail.conf <<'END'\n{text}\nEND\n{commands}"


def test_create_change_remove(run: Run) -> None:
    result = run("""
        jail -v -c name=a vnet host.hostname='two words' persist
        jail -m name=a host.hostname=x; jls -n name vnet host.hostname
        jail -v -r a; jail -r a
    """)
    assert result.stdout.decode().splitlines() == [
        'jail_set(JAIL_CREATE) name=a vnet=new host.hostname="two words" persist',
        "created",
        "name=a vnet=new host.hostname=x",
        "a: removed",
    ]
    assert result.stderr == b'jail: "a" not found\n'
    assert result.status == 1


def test_a_jail_without_persist_ends_with_its_command(run: Run) -> None:
    result = run("jail -c name=a command=/bin/sh -c 'jls name; exit 3'; jls name")
    assert (result.stdout, result.stderr) == (b"", b"jail: /bin/sh -c jls name; exit 3: failed\n")


def test_hooks_run_in_order(run: Run) -> None:
    steps = ("prepare", "prestart", "created", "start", "poststart", "prestop", "stop", "poststop", "release")
    text = "a { persist; host.hostname = inside; " + "".join(f"exec.{s} = 'echo {s} $(hostname)'; " for s in steps) + "}"
    lines = run(conf(text, "jail -c a; jail -r a")).stdout.decode().splitlines()
    where = {"start": "inside", "stop": "inside"}
    said = [f"{s} {where.get(s, 'vhost')}" for s in steps]
    assert [line for line in lines if not line.startswith("a: ")] == said
    assert lines.index("a: created") == 2
    assert lines.index("a: removed") == 8


def test_failed_start_is_undone(run: Run) -> None:
    result = run(conf("a { persist; vnet; exec.start = false; exec.release = 'echo undone'; }", "jail -c a; jls name"))
    assert result.stdout == b"a: created\na: removed\n"
    assert result.stderr == b"jail: a: false: failed\n"


def test_dependencies(run: Run) -> None:
    text = "persist; web { depend = db; }\ndb { depend = disk; }\ndisk { }\n"
    out = run(conf(text, "jail -p 1 -c web; jail -p 1 -r '*'; jail -c db; jail -r disk")).stdout.decode()
    assert out.splitlines() == [
        *(f"{name}: created" for name in ("disk", "db", "web")),
        *(f"{name}: removed" for name in ("web", "db", "disk")),
        *(f"{name}: created" for name in ("disk", "db")),
        *(f"{name}: removed" for name in ("db", "disk")),
    ]


def test_dependency_loop(run: Run) -> None:
    assert run(conf("x { depend = y; }\ny { depend = x; }", "jail -c x")).stderr.startswith(b"jail: x: dependency loop\n")


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ('$d = lab; a { host.hostname = "${name}.$d"; }', "name=a host.hostname=a.lab"),
        ("a { exec.start = x, 'y z'; exec.start += w; }", 'name=a exec.start=x,"y z",w'),
        ("* { persist; } a { nopersist; } b { }", "name=a nopersist\nname=b persist"),
        ("a { b { path = /; } }", "name=a\nname=a.b path=/"),
        ("/* c */ a { host.hostname = one\"t\\x77o\"'3'; } # end", "name=a host.hostname=onetwo3"),
    ],
)
def test_configuration(run: Run, text: str, out: str) -> None:
    assert run(conf(text, "jail -e ' '")).stdout.decode() == out + "\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a { host.hostname = $nosuch; }", 'a: host.hostname: variable "nosuch" not found'),
        ("a { $x = $y; $y = $x; path = $x; }", "a: x: variable loop"),
        ("a { persist }", "/etc/jail.conf line 1: }: syntax error"),
        ("a { persist;", "/etc/jail.conf: unexpected EOF"),
        ('a { path = "x; }', "/etc/jail.conf line 1: unterminated string"),
        ("a { $name = x; }", 'a: variable "$name" cannot have the same name as a parameter.'),
    ],
)
def test_configuration_errors(run: Run, text: str, error: str) -> None:
    result = run(conf(text, "jail -c a"))
    assert result.stderr.decode().splitlines()[0] == f"jail: {error}"
    assert result.status == 1


def test_timeout_of_a_command(run: Run) -> None:
    result = run(conf("a { persist; exec.timeout = 1; exec.start = 'sleep 30'; }", "jail -c a; jls name"))
    assert result.stderr == b"jail: a: sleep 30: timed out\n"


def test_stopping_ends_processes(run: Run) -> None:
    result = run("jail -c name=a persist; jexec a sleep 1000 & sleep 1; jail -v -r a; sleep 1; jls -d name")
    lines = result.stdout.decode().splitlines()
    assert lines[0].startswith("a: sent SIGTERM to: ")
    assert lines[1:] == ["a: removed"]


def test_interface_comes_home(run: Run) -> None:
    result = run("""
        ifconfig epair0 create > /dev/null
        jail -c name=a vnet vnet.interface=epair0a persist; jexec a ifconfig -l; jail -r a; ifconfig -l
        jail -c name=a vnet vnet.interface=epair9a persist; jls name
    """)
    assert result.stdout == b"lo0 epair0a\nvtnet0 vtnet1 lo0 epair0b epair0a\n"
    assert b"jail: /sbin/ifconfig epair9a vnet 2: failed\n" in result.stderr


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [("persist", "nopersist", True), ("allow.nomount", "allow.mount", True), ("nope", "pe", True), ("a.b", "a.c", False)],
)
def test_equalopts(one: str, two: str, same: bool) -> None:
    assert equalopts(one, two) is same
    assert equalopts(two, one) is same


@pytest.mark.parametrize(
    ("name", "wild", "matches"),
    [
        ("a", "*", True),
        ("a.b", "*", True),
        ("a.b", "a.*", True),
        ("a.b.c", "*.b.*", True),
        ("a", "a.*", False),
        ("b.c", "a.*", False),
    ],
)
def test_wildcards(name: str, wild: str, matches: bool) -> None:
    assert wild_jail_match(name, wild) is matches
