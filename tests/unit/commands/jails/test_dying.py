"""Jails that are removed while a connection of theirs lives on."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

CONNECTED = """
    jail -c name=a vnet persist; jail -c name=b vnet persist
    ifconfig epair0 create > /dev/null; ifconfig epair0a vnet a; ifconfig epair0b vnet b
    jexec a ifconfig epair0a 10.0.0.1/24; jexec b ifconfig epair0b 10.0.0.2/24
    jexec a nc -k -l 10.0.0.1 7000 > /dev/null & sleep 1
    jexec b nc 10.0.0.1 7000 > /dev/null & sleep 1
"""


def test_a_connection_keeps_the_jail(run: Run) -> None:
    result = run(CONNECTED + "jail -r a; jls name; jls -d name dying; jls -j a name; jexec a true; ifconfig -l")
    assert result.stdout == b"b\na true\nb false\nvtnet0 vtnet1 lo0\n"
    assert result.stderr == b'jls: jail "a" is dying\njexec: jail "a" is dying\n'


def test_the_name_and_the_jid_can_be_had_again(run: Run) -> None:
    result = run(CONNECTED + "jail -r a; jail -c name=a persist; jail -c jid=1 name=c persist; jls -d jid name dying")
    assert result.stdout == b"1 c false\n2 b false\n3 a false\n999999 a true\n"


def test_the_end_of_the_connection_is_the_end_of_the_jail(run: Run) -> None:
    result = run(CONNECTED + "jail -r a; jail -r b; sleep 700; jls -d name; ifconfig -l")
    assert result.stdout == b"vtnet0 vtnet1 lo0 epair0b epair0a\n"
