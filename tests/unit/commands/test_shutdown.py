"""reboot(8), halt(8), shutdown(8), poweroff(8): the machine ends, and with it the session."""

from __future__ import annotations

import pytest

from vshell.machine import Machine


@pytest.mark.parametrize("command", ["reboot", "halt", "reboot -q", "poweroff; sleep 60", "shutdown -r now; sleep 60", "halt -p"])
def test_the_session_ends(command: str) -> None:
    machine = Machine()
    result = machine.run(f"sleep 1000 & {command}; echo still here")
    assert b"still here" not in result.stdout
    assert result.status > 128
    assert not machine.kernel.panics


def test_processes_have_time_to_end() -> None:
    machine = Machine()
    machine.run("sh -c 'trap \"echo saved > /tmp/f; exit\" TERM; while :; do sleep 1; done' & sleep 2; reboot")
    assert machine.run("cat /tmp/f").stdout == b"saved\n"


def test_a_jail_ends_itself_but_not_the_machine() -> None:
    result = Machine().run("jail -c name=j persist; jexec j sleep 100 & sleep 1; jexec j reboot; jls name")
    assert b"reboot: Operation not permitted" in result.stderr
    assert b"j\n" in result.stdout


def test_shutdown_waits_and_closes_the_doors() -> None:
    machine = Machine()
    result = machine.run("shutdown -p +10 upgrade; sleep 240; ls /var/run/nologin; sleep 120; cat /var/run/nologin; date")
    assert b"Shutdown at Sun Nov 22 12:10:0" in result.stdout
    assert b"NO LOGINS: System going down at 12:10\n\nupgrade\n" in result.stdout
    assert b"ls: /var/run/nologin: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("shutdown", b"usage: shutdown [-]"),
        ("shutdown soon", b"shutdown: bad time format\n"),
        ("shutdown +5y", b"shutdown: bad time format\n"),
        ("shutdown 2599", b"shutdown: bad time format\n"),
        ("shutdown 2601010000", b"shutdown: that time is already past.\n"),
        ("shutdown -h -r now", b"shutdown: incompatible switches -c, -h, -k, -p and -r\n"),
        ("shutdown -n now", b"shutdown: -n requires -o\n"),
        ("reboot now", b"usage: reboot [-cdlNnpqr] [-k kernel]\n"),
        ("halt -d", b"halt: cannot dump (-d) when halting; must reboot instead\n"),
        ("reboot -k none", b"reboot: stat /boot/none/kernel: No such file or directory\n"),
        ("su -m nobody -c /sbin/reboot", b"reboot: Operation not permitted\n"),
    ],
)
def test_what_is_refused(command: str, complaint: bytes) -> None:
    result = Machine().run(f"{command}; echo $?")
    assert complaint in result.stderr
    assert result.stdout.endswith(b"1\n")
