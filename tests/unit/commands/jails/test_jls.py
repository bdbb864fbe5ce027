"""jls, jexec, vimage, sysctl, kldload and their kin as a user sees them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]

TWO = "jail -c name=a host.hostname='two words' ip4.addr=10.0.0.1 persist; jail -c name=b vnet persist; "


def test_tables(run: Run) -> None:
    lines = run(TWO + "jls; jls -N -j a; jls -v -j b").stdout.decode().splitlines()
    assert lines[1] == "     1  10.0.0.1        two words                     /"
    assert lines[4] == " a               10.0.0.1        two words                     /"
    assert lines[-3:] == ["     2                                /", "        b                             ACTIVE", "        4"]


def test_parameters(run: Run) -> None:
    out = run(TWO + "jls -nq name host.hostname ip4.addr persist; jls -s name vnet dying children.max").stdout.decode()
    assert out.splitlines() == [
        'name=a host.hostname="two words" ip4.addr=10.0.0.1 persist',
        'name=b host.hostname="" ip4.addr="" persist',
        "name=a vnet=inherit children.max=0",
        "name=b vnet=new children.max=0",
    ]


def test_libxo(run: Run) -> None:
    out = run(TWO + "jls --libxo json -v; jls --libxo json,pretty -n name persist").stdout.decode()
    first, rest = out.split("\n", 1)
    jails = json.loads(first)["jail-information"]["jail"]
    assert jails[0] == {
        "jid": 1, "hostname": "two words", "path": "/", "name": "a", "state": "ACTIVE", "cpusetid": 3, "ipv4_addrs": ["10.0.0.1"],
        "ipv6_addrs": [],
    }  # fmt: skip
    assert json.loads(rest)["jail-information"]["jail"][1] == {"name": "b", "persist": True}


def test_all_parameters(run: Run) -> None:
    out = run(TWO + "jls -h | head -1; jls -j a -n all").stdout.decode().splitlines()
    assert out[0].split()[:4] == ["devfs_ruleset", "dying", "enforce_statfs", "env"]
    assert len(out[0].split()) == 53
    assert "allow.nomount" in out[1].split()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("jls -j nosuch name", 'jls: jail "nosuch" not found'),
        ("jls nosuch", "jls: unknown parameter: nosuch"),
        ("jls desc", "jls: unexpected desc"),
        ("jexec nosuch true", 'jexec: jail "nosuch" not found'),
        ("jexec a nosuch", "jexec: execvp: nosuch: No such file or directory"),
        ("jexec -u nosuch a true", "jexec: nosuch: no such user"),
        ("jexec -d /nosuch a true", "jexec: chdir(): /nosuch: No such file or directory"),
        ("vimage nosuch true", 'Error: jail "nosuch" not found'),
        ("vimage -m a vnet=new", "Error: vnet cannot be changed after creation"),
        ("vimage -m a host.hostname", "Error: No error: 0"),
        ("kldload nosuch", "kldload: can't load nosuch: No such file or directory"),
        ("kldload if_vlan", "kldload: can't load if_vlan: module already loaded or in kernel"),
        ("kldunload if_disc", "kldunload: can't find file if_disc"),
        ("kldstat -n nosuch", "kldstat: can't find file nosuch: No such file or directory"),
        ("sysctl net.nosuch", "sysctl: unknown oid 'net.nosuch'"),
        ("sysctl kern.ostype=x", "sysctl: oid 'kern.ostype' is read only"),
        ("sysctl net.inet.ip.ttl=abc", "sysctl: invalid integer 'abc'"),
        ("sysctl -j nosuch kern.ostype", "sysctl: jail not found"),
        ("jexec a hostname x.y z", "usage: hostname [-f] [-s | -d] [name-of-host]"),
    ],
)
def test_errors(run: Run, command: str, error: str) -> None:
    result = run(TWO + command)
    assert result.stderr.decode().splitlines()[0] == error
    assert result.status != 0


def test_jexec_as_a_user(run: Run) -> None:
    out = run("jail -c name=a persist; jexec -u nobody a id -un; jexec -l a sh -c 'echo $HOME $SHELL; pwd'").stdout
    assert out == b"nobody\n/root /bin/sh\n/\n"


def test_vimage_moves_interfaces(run: Run) -> None:
    out = run(
        "vimage -c n1; ifconfig epair create >/dev/null; vimage -i n1 epair0a; vimage -i n1 epair0b; vimage n1 ifconfig -l"
    ).stdout
    assert out == b"eth0@n1\neth1@n1\nlo0 eth0 eth1\n"


def test_vimage_follows_a_null_pointer(run: Run) -> None:
    result = run("vimage -c a; vimage -m a nosuch=1; echo $?")
    assert result.stdout == b"139\n"


def test_sysctl_forms(run: Run) -> None:
    out = run("""
        sysctl net.inet.ip.ttl; sysctl -n kern.ostype; sysctl -e net.inet.ip.ttl=32; sysctl -t net.inet.ip.ttl
        sysctl -x net.inet.ip.ttl; sysctl -d net.inet.icmp | head -1; sysctl -b kern.ostype | wc -c | tr -d ' '
    """).stdout.decode()
    assert out.splitlines() == [
        "net.inet.ip.ttl: 64", "FreeBSD", "net.inet.ip.ttl=64 -> 32", "net.inet.ip.ttl: integer", "net.inet.ip.ttl: 0x00000020",
        "net.inet.icmp: ICMP", "8",
    ]  # fmt: skip


def test_modules(run: Run) -> None:
    out = run("""
        kldload -v if_epair; kldstat | awk '{print $1, $2, $5}'; ifconfig epair create; vimage -c a; vimage -i a epair0a
        kldunload if_epair; kldstat -q -m if_epair || echo gone; ifconfig -l; vimage a ifconfig -l
    """).stdout.decode()
    assert out.splitlines() == [
        *("Loaded if_epair, id=2", "Id Refs Name", "1 3 kernel", "2 1 if_epair.ko"),
        *("epair0a", "eth0@a", "gone", "vtnet0 vtnet1 lo0", "lo0"),
    ]
