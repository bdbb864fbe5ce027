"""service(8) and the scripts of /etc/rc.d."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

CONF = """
    echo 'a { path = /; persist; }  b { path = /; persist; vnet; }' > /etc/jail.conf
"""


def test_one_jail(run: Run) -> None:
    result = run(CONF + "service jail onestart a; jls name; cat /var/run/jail_a.id; service jail onestop a; jls name")
    assert result.stdout == b"Starting jails: a.\na\n1\nStopping jails: a.\n"


def test_enabled_services_start(run: Run) -> None:
    result = run(CONF + "service jail start; service jail enable; service -e; service jail start; jls name; service jail delete")
    assert result.stdout.decode().splitlines() == [
        "Cannot 'start' jail. Set jail_enable to YES in /etc/rc.conf or use 'onestart' instead of 'start'.",
        "jail enabled in /etc/rc.conf",
        "/etc/rc.d/jail",
        "/etc/rc.d/syslogd",
        "Starting jails: a b.",
        "a",
        "b",
        "jail_enable deleted in /etc/rc.conf",
    ]


def test_complaints(run: Run) -> None:
    result = run("service nosuch; service jail foo; service jail onestart nosuch")
    assert result.stdout.splitlines()[0] == b"nosuch does not exist in /etc/rc.d or the local startup"
    assert result.stderr.decode().splitlines()[:2] == [
        "/etc/rc.d/jail: unknown directive 'foo'.",
        "Usage: /etc/rc.d/jail [fast|force|one|quiet](start|stop|restart|rcvar|enable|disable|delete|enabled|describe|"
        "extracommands|config|console|status|status|poll)",
    ]
    assert b"Invalid configuration for nosuch" in result.stderr


def test_in_a_jail(run: Run) -> None:
    assert {"ipfw", "jail", "pf"} <= set(run("jail -c name=j persist; service -j j -l").stdout.decode().split())


def test_daemons(run: Run) -> None:
    result = run(
        "service syslogd start; service syslogd status | sed 's/[0-9]*\\.$/N/'; service syslogd stop > /dev/null; service -e"
    )
    assert result.stdout.decode() == "Starting syslogd.\nsyslogd is running as pid N\n/etc/rc.d/syslogd\n"
