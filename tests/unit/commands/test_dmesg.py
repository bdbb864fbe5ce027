"""dmesg(8) and kldxref(8)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.commands.dmesg import visible
from vshell.machine import Result

Run = Callable[..., Result]


def test_messages_and_clearing(run: Run) -> None:
    result = run("""
        dmesg | head -1; dmesg -c > /dev/null
        kldload if_epair; ifconfig epair0 create name x > /dev/null; ifconfig x promisc; dmesg | sed 's/: [0-9a-f:]*$/: mac/'
    """)
    assert result.stdout.decode().splitlines() == [
        "---<<BOOT>>---",
        "epair0a: Ethernet address: mac",
        "epair0b: Ethernet address: mac",
        "epair0a: link state changed to UP",
        "epair0b: link state changed to UP",
        "epair0a: changing name to 'x'",
        "x: permanently promiscuous mode enabled",
    ]


def test_jails_need_permission(run: Run) -> None:
    result = run("""
        jail -c name=a persist; jail -c name=b allow.read_msgbuf persist
        jexec a dmesg; jexec b dmesg | head -1
    """)
    assert result.stderr == b"dmesg: sysctl kern.msgbuf: Operation not permitted\n"
    assert result.stdout == b"---<<BOOT>>---\n"


def test_vis() -> None:
    assert visible("a\tb\x01\\\udcff\udc80\udca0\udcc1") == "a\tb\\^A\\\\\\M^?\\M^@\\240\\M-A"


def test_hints(run: Run) -> None:
    result = run("""
        mkdir /tmp/m; cp /boot/kernel/if_gre.ko /boot/kernel/if_disc.ko /etc/hosts /tmp/m
        kldxref -v /tmp/m; kldxref -d /tmp/m/if_disc.ko; kldxref /etc/hosts; cat /tmp/m/linker.hints
    """)
    text, hints = result.stdout[: -(4 + 28 + 28)], result.stdout[-(4 + 28 + 28) :]
    assert text.decode().splitlines() == [
        "/tmp/m/hosts",
        "/tmp/m/if_disc.ko",
        "/tmp/m/if_gre.ko",
        "/tmp/m/if_disc.ko",
        "  module if_disc",
        "  depends on kernel.1501000 (1501000,1501000)",
    ]
    assert hints[:4] == b"\2\0\0\0"
    assert hints[12:].startswith(b"\7if_disc\x0aif_disc.ko")
    assert result.stderr == b"kldxref: /etc/hosts: Not a directory\n"
