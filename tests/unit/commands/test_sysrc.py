"""sysrc(8)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]


def test_ask_and_change(run: Run) -> None:
    result = run(
        "sysrc hostname; sysrc rtadvd_enable=YES; sysrc -n rtadvd_enable; sysrc -a; sysrc -x rtadvd_enable; cat /etc/rc.conf"
    )
    assert result.stdout.decode().splitlines() == [
        "hostname: vhost",
        "rtadvd_enable: NO -> YES",
        "YES",
        "hostname: vhost",
        "rtadvd_enable: YES",
        'hostname="vhost"',
    ]


def test_lists(run: Run) -> None:
    result = run("sysrc l+=b l+=a; sysrc l-=b; sysrc l+=,x; grep ^l= /etc/rc.conf")
    assert result.stdout.decode().splitlines() == ["l:  -> b", "l: b -> b a", "l: b a -> a", "l: a -> a,x", 'l="a,x"']


def test_ways_of_showing(run: Run) -> None:
    result = run("sysrc -v hostname; sysrc -e hostname; sysrc -F hostname; sysrc -N hostname; sysrc -D hostname; sysrc -l")
    assert result.stdout.decode().splitlines() == [
        "/etc/rc.conf: hostname: vhost",
        'hostname="vhost"',
        "hostname: /etc/rc.conf",
        "hostname",
        "hostname: ",
        "/etc/rc.conf /etc/rc.conf.local",
    ]


def test_check(run: Run) -> None:
    result = run("sysrc -cv hostname=x; echo $?; sysrc -c hostname=vhost; echo $?; sysrc nosuch; echo $?")
    assert result.stdout.decode().splitlines() == ["/etc/rc.conf: hostname: would change from `vhost' to `x'", "1", "0", "1"]
    assert result.stderr == b"sysrc: unknown variable 'nosuch'\n"


def test_lines_keep_their_quotes_and_comments(run: Run) -> None:
    result = run("printf \"a='1' # one\\nb=2 # two\\n\" > /tmp/f; sysrc -qf /tmp/f a=x b=y c=z; cat /tmp/f")
    assert result.stdout.decode().splitlines()[-3:] == ["a='x' # one", 'b="y" # two', 'c="z"']
