"""syslogd(8) and logger(1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]


def test_selectors_and_repetitions(run: Run) -> None:
    result = run(
        """
        syslogd -ss; logger one; logger -p daemon.debug -t prog two; logger three; logger three; logger three; logger four
        sleep 1; sed 's/^.* vhost //' /var/log/messages; echo --; sed 's/^.* vhost //' /var/log/debug.log
        """
    )
    assert result.stdout.decode().splitlines() == [
        "syslogd: kernel boot file is /boot/kernel/kernel",
        "root: one",
        "root: three",
        "last message repeated 2 times",
        "root: four",
        "--",
        "prog: two",
    ]


def test_another_host(run: Run) -> None:
    result = run(
        """
        jail -c name=a vnet persist; ifconfig epair create > /dev/null; ifconfig epair0a vnet a; ifconfig epair0b 10.0.0.2/24
        ifconfig -j a epair0a 10.0.0.1/24; mkdir /tmp/a; printf 'user.*\\t@10.0.0.2\\n' > /tmp/a/conf; : > /tmp/log
        printf 'user.*\\t/tmp/log\\n' > /tmp/conf; syslogd -f /tmp/conf -S /tmp/a/p
        sleep 1; jexec a logger -h 10.0.0.2 hello
        printf '<13>from afar' | nc -w 1 -uN 10.0.0.2 514; sleep 2; cat /tmp/log
        """
    )
    assert re.search(r"from afar\n", result.stdout.decode())


def test_usage(run: Run) -> None:
    result = run("syslogd -O nosuch; syslogd -M 5")
    assert result.stderr.decode().splitlines()[0] == "usage: syslogd [-468ACcdFHknosTuv] [-a allowed_peer]"
    assert result.stderr.decode().splitlines()[-1] == "syslogd: minimum length limit of forwarded messages is 480 bytes"
