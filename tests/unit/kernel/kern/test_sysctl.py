"""The sysctl tree: where values live, who may change them, what is listed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.abi.errno import ENOENT, EPERM, KError
from vshell.abi.jail import JAIL_CREATE, JAIL_SYS_NEW
from vshell.machine import Machine, Result


def test_a_value_per_stack_and_a_common_one(run: Callable[..., Result]) -> None:
    out = run("""
        jail -c name=a vnet persist
        jexec a sysctl -n net.inet.tcp.msl=50 > /dev/null
        sysctl -n net.inet.tcp.keepidle=6000 > /dev/null
        for j in '' 'jexec a'; do $j sysctl -n net.inet.tcp.msl net.inet.tcp.keepidle; done
    """).stdout.split()
    assert out == [b"30000", b"6000", b"50", b"6000"]


def test_new_stack_begins_with_the_defaults(run: Callable[..., Result]) -> None:
    assert run("sysctl -n net.inet.ip.ttl=9 >/dev/null; vimage -c a; vimage a sysctl -n net.inet.ip.ttl").stdout == b"64\n"


def test_identity_follows_the_jail(run: Callable[..., Result]) -> None:
    out = run("""
        jail -c name=own host.hostname=own persist; jail -c name=same host=inherit persist
        jexec same sysctl kern.hostname=new > /dev/null
        hostname; jexec own hostname; jexec same hostname
    """).stdout
    assert out == b"new\nown\nnew\n"


def test_rights() -> None:
    kernel = Machine().kernel
    assert kernel.initproc is not None
    sys = kernel.initproc.sysent
    for name in ("kern.ostype", "net.inet.tcp.tcbhashsize"):
        with pytest.raises(KError) as e:
            sys.sysctl(name, 1)
        assert e.value.errno == EPERM
    with pytest.raises(KError) as e:
        sys.sysctl("net.inet.nosuch")
    assert e.value.errno == ENOENT
    sys.sysctl("kern.securelevel", 1)
    with pytest.raises(KError):
        sys.sysctl("kern.securelevel", 0)


def test_numbers_wrap_around() -> None:
    kernel = Machine().kernel
    assert kernel.initproc is not None
    sys = kernel.initproc.sysent
    sys.sysctl("kern.ipc.sooverinterval", 2147483648)
    assert sys.sysctl("kern.ipc.sooverinterval") == -2147483648
    sys.sysctl("kern.ipc.maxsockbuf", -1)
    assert sys.sysctl("kern.ipc.maxsockbuf") == 2**64 - 1


def test_nodes_of_modules_come_and_go(run: Callable[..., Result]) -> None:
    result = run("sysctl net.link.epair; kldload if_epair; sysctl -N net.link.epair")
    assert result.stderr == b"sysctl: unknown oid 'net.link.epair'\n"
    assert result.stdout.startswith(b"net.link.epair.")


def test_every_node_can_be_read() -> None:
    kernel = Machine().kernel
    assert kernel.initproc is not None
    sys = kernel.initproc.sysent
    names = sys.sysctl_names()
    assert len(names) > 700
    for name in names:
        info = sys.sysctl_info(name)
        if info.type != "node":
            sys.sysctl(name)


def test_jail_parameters_are_nodes() -> None:
    kernel = Machine().kernel
    assert kernel.initproc is not None
    sys = kernel.initproc.sysent
    info = sys.sysctl_info("security.jail.param.ip4.addr")
    assert (info.type, info.fmt, info.flags) == ("opaque", "S,in_addr,a", "w")
    assert sys.sysctl("security.jail.param.host.hostname") == "256"
    sys.jail_set({"name": "a", "vnet": JAIL_SYS_NEW, "persist": None}, JAIL_CREATE)
    assert sys.sysctl("security.jail.children.cur") == 1


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("net.inet.tcp.mssdflt=215", "net.inet.tcp.mssdflt: 536\nsysctl: net.inet.tcp.mssdflt=215: Invalid argument\n"),
        ("net.inet.tcp.mssdflt=216", "net.inet.tcp.mssdflt: 536 -> 216\n"),
        ("net.inet.tcp.udp_tunneling_port=-1", "net.inet.tcp.udp_tunneling_port: 0\n"),
        ("kern.ipc.somaxconn=0", "kern.ipc.somaxconn: 128\nsysctl: kern.ipc.somaxconn=0: Invalid argument\n"),
        ("kern.ipc.somaxconn=4096", "kern.ipc.somaxconn: 128 -> 4096\n"),
        ("kern.ipc.nmbclusters=100", "sysctl: kern.ipc.nmbclusters=100: Invalid argument\n"),
        ("kern.ipc.nmbclusters=40000", "kern.ipc.nmbclusters: 30548 -> 40000\n"),
        ("kern.ipc.maxsockets=15664", "sysctl: kern.ipc.maxsockets=15664: Invalid argument\n"),
        ("kern.maxfiles=20000 kern.ipc.maxsockets=15664", "kern.ipc.maxsockets: 15663 -> 15664\n"),
        ("net.inet.tcp.delacktime=9", "sysctl: net.inet.tcp.delacktime=9: Invalid argument\n"),
        ("net.inet.tcp.keepidle=1234567", "net.inet.tcp.keepidle: 7200000 -> 1234560\n"),
        ("net.inet.tcp.functions_default=rack", "sysctl: net.inet.tcp.functions_default=rack: No such file or directory\n"),
    ],
)
def test_handlers_refuse_or_round(run: Callable[..., Result], assignment: str, says: str) -> None:
    """What the handlers of uipc_socket.c, kern_mbuf.c, tcp_subr.c and tcp_timer.c do to values."""
    assert says in run(f"sysctl {assignment} 2>&1").stdout.decode()


def test_tables_keep_their_lines(run: Callable[..., Result]) -> None:
    out = run("sysctl -n net.inet.tcp.functions_available; sysctl -n net.inet.tcp.hostcache.histo | head -3").stdout.decode()
    assert out.splitlines() == [
        "",
        "Stack                           D Alias                            PCB count",
        "freebsd                         * freebsd                          0",
        "",
        "",
        "Length\tCount",
        "0\t512",
    ]
