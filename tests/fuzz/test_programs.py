"""Any argument vector and any script ends with a status and without a traceback."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vshell.abi.errno import EPIPE, KError
from vshell.kernel.kern.kern_descrip import File
from vshell.machine import Machine, Session
from vshell.shell.hostio import FedInput, Output
from vshell.userland.programs import Programs

STEPS = 20_000
FOLDERS = ("/sbin", "/bin", "/libexec", "/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/bin")
PROGRAMS = sorted(f"{folder}/{name}" for folder in FOLDERS for name in Programs().listing(folder))

WORDS = st.sampled_from(
    [
        "-a", "-n", "-l", "-r", "-v", "-x", "-c", "1", "0", "-1", "99999999999", "9" * 5000, "lo0", "vtnet0", "vtnet0.5",
        "epair0a", "inet", "inet6", "127.0.0.1", "10.0.0.1/24", "fe80::1%lo0", "default", "add", "delete",
        "get", "show", "create", "destroy", "up", "/etc/passwd", "/tmp", ".", "name=x", "vnet", "persist",
        "net.inet.ip.forwarding", "net.inet=1", "*", "", "-", "--", "a" * 300, "%s%d%n", "1/0", "s/a/b/",
        "{ print $1 }", "kern", "if_epair", "x", "\x00y", "\udcff", "é", "²", "٣",
    ]
)  # fmt: skip
ARGUMENTS = st.lists(WORDS | st.text(max_size=8), max_size=5)

quick = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Sink:
    """A reader that goes away when it has seen enough."""

    def __init__(self) -> None:
        self.left = 1_000_000

    def __call__(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            raise KError(EPIPE)


def check(machine: Machine) -> None:
    """Nothing but an errno ever left a system call, and no program failed as Python."""
    assert not machine.kernel.panics, machine.kernel.panics[0]


@pytest.mark.parametrize("path", PROGRAMS)
@quick
@given(arguments=ARGUMENTS, stdin=st.binary(max_size=40))
def test_argv(path: str, arguments: list[str], stdin: bytes) -> None:
    """Any arguments."""
    machine = Machine()
    sink = Sink()
    files: list[File] = [FedInput(stdin, end=True), Output(sink), Output(sink)]
    argv = [path.rpartition("/")[2], *(a.replace("\x00", "") for a in arguments)]
    machine.finish(machine.spawn(argv, files, path=path), steps=STEPS)
    check(machine)


PIECES = st.sampled_from(
    [
        "echo", "$x", "${x:-y}", "$(", ")", "`", "'", '"', "\\", ";", "&", "&&", "||", "|", ">", "<",
        "<<EOF\n", "EOF\n", "\n", "if", "then", "else", "fi", "for", "in", "do", "done", "while", "case",
        "esac", ";;", "{", "}", "f()", "$((", "))", "1+", "*", "$#", "$@", "set -e", "trap", "eval", "exec",
        "exit", "return", "local", "read x", "cd", "test -f", "[", "]", "=", "x=1", "!", "2>&1", "/dev/null",
        " ", "printf %d", "wait", "kill", "%1", "shift", "unset", "export", "a\tb", "\udcfe",
    ]
)  # fmt: skip


@settings(quick, max_examples=300)
@given(pieces=st.lists(PIECES | st.text(max_size=5), max_size=12))
def test_scripts(pieces: list[str]) -> None:
    """Any script."""
    machine = Machine()
    script = " ".join(pieces).replace("\x00", "")
    session = Session(machine, steps=STEPS)
    session.input.feed(script.encode("utf-8", "surrogateescape") + b"\n")
    session.input.finish()
    machine.finish(session.shell, steps=STEPS)
    check(machine)
