"""Jails as system calls: hierarchy, limits, references, what an error says."""

from __future__ import annotations

from typing import Any

import pytest

from vshell.abi.errno import EEXIST, EINVAL, ENOENT, EPERM, KError
from vshell.abi.jail import JAIL_CREATE, JAIL_SYS_DISABLE, JAIL_SYS_INHERIT, JAIL_SYS_NEW, JAIL_UPDATE
from vshell.kernel.kern.kern_proc import Proc
from vshell.machine import Machine


class Host:
    """A machine and the system calls of a process on it."""

    def __init__(self, **options: Any) -> None:
        self.kernel = Machine(**options).kernel
        assert self.kernel.initproc is not None
        self.sys = self.kernel.initproc.sysent

    def process(self) -> Proc:
        """Another process, which never runs."""
        return self.kernel.new_proc(self.kernel.initproc, self.kernel.initproc.ucred)  # type: ignore[union-attr]

    def create(self, name: str, **params: Any) -> int:
        """A persistent jail; underscores stand for dots."""
        values = {key.replace("_", "."): value for key, value in params.items()}
        jid: int = self.sys.jail_set({"name": name, "persist": None, **values}, JAIL_CREATE)
        return jid

    def get(self, name: str, *params: str) -> Any:
        """Parameters of a jail, one alone or a list."""
        values = self.sys.jail_get({"name": name, **dict.fromkeys(params)}, 0)
        found = [values[param] for param in params]
        return found[0] if len(found) == 1 else found


@pytest.fixture
def host() -> Host:
    """A booted machine."""
    return Host()


def test_jids_count_up_and_are_not_reused(host: Host) -> None:
    assert [host.create(name) for name in "ab"] == [1, 2]
    host.sys.jail_remove(1)
    assert host.create("c") == 3
    assert host.sys.jail_set({"jid": 77, "persist": None}, JAIL_CREATE) == 77
    assert host.create("d") == 4


def test_defaults(host: Host) -> None:
    host.create("a", vnet=JAIL_SYS_NEW)
    host.create("b")
    assert host.get("a", "vnet", "ip4", "host", "path") == [JAIL_SYS_NEW, JAIL_SYS_INHERIT, JAIL_SYS_NEW, "/"]
    assert host.get("b", "vnet", "ip4", "ip6") == [JAIL_SYS_INHERIT, JAIL_SYS_DISABLE, JAIL_SYS_DISABLE]
    assert host.get("a", "allow.set_hostname", "allow.raw_sockets", "allow.nomount") == [1, 0, 1]


@pytest.mark.parametrize(
    ("params", "flags", "errno", "text"),
    [
        ({"name": "a", "persist": None}, JAIL_CREATE, EEXIST, 'jail "a" already exists'),
        ({"name": "b"}, JAIL_CREATE, EINVAL, "new jail must persist or attach"),
        ({"name": "b", "persist": None, "vnet": JAIL_SYS_DISABLE}, JAIL_CREATE, EINVAL, ""),
        ({"name": "x.b", "persist": None}, JAIL_CREATE, ENOENT, 'jail "x" not found'),
        ({"name": "b", "host.hostname": "h"}, JAIL_UPDATE, ENOENT, 'jail "b" not found'),
        ({"name": "a", "vnet": JAIL_SYS_NEW}, JAIL_UPDATE, EINVAL, "vnet cannot be changed after creation"),
        ({"name": "a", "nosuch": 1}, JAIL_UPDATE, EINVAL, "unknown parameter: nosuch"),
        ({"jid": 9, "persist": None}, JAIL_UPDATE, ENOENT, "jail 9 not found"),
        ({"jid": 3, "name": "4", "persist": None}, JAIL_CREATE, EINVAL, "name cannot be numeric (unless it is the jid)"),
        ({"name": "b", "persist": None, "path": "/nosuch"}, JAIL_CREATE, ENOENT, ""),
    ],
)
def test_refusals(host: Host, params: dict[str, Any], flags: int, errno: int, text: str) -> None:
    host.create("a")
    with pytest.raises(KError) as e:
        host.sys.jail_set(params, flags)
    assert (e.value.errno, e.value.text) == (errno, text)
    # A jail that was refused leaves nothing behind.
    assert [pr.name for pr in host.kernel.prison0.all.list] == ["a"]
    assert host.kernel.prison0.childcount == 1


def test_hierarchy(host: Host) -> None:
    host.create("top", children_max=2)
    host.create("top.kid", vnet=JAIL_SYS_NEW)
    assert host.get("top", "children.cur", "children.max") == [1, 2]
    inside = host.process()
    inside.sysent.jail_attach(1)
    assert inside.sysent.jail_get({"lastjid": 0, "name": None, "parent": None}, 0) == {"name": "kid", "parent": 0, "jid": 2}
    inside.sysent.jail_set({"name": "two", "persist": None}, JAIL_CREATE)
    with pytest.raises(KError) as e:
        inside.sysent.jail_set({"name": "three", "persist": None}, JAIL_CREATE)
    assert (e.value.errno, e.value.text) == (EPERM, "prison limit exceeded")
    host.sys.jail_set({"name": "top", "children.max": 1, "jid": 1}, JAIL_UPDATE)
    host.sys.jail_set({"jid": 1, "name": "root"}, JAIL_UPDATE)
    assert [pr.name for pr in host.kernel.prison0.all.list] == ["root", "root.kid", "root.two"]
    assert len(host.kernel.vnets) == 2
    host.sys.jail_remove(1)
    assert not inside.exited
    assert [pr.state for pr in host.kernel.prison0.all.list] == [2]
    assert len(host.kernel.vnets) == 1


def test_a_jail_lives_as_long_as_its_processes(host: Host) -> None:
    host.create("a", vnet=JAIL_SYS_NEW)
    p = host.process()
    p.sysent.jail_attach(1)
    assert p.vnet is host.kernel.vnets[1]
    host.sys.jail_set({"jid": 1, "nopersist": None}, JAIL_UPDATE)
    assert host.get("a", "persist") == 0
    prison = p.ucred.prison
    prison.proc_leave(p)
    assert not prison.isalive
    assert host.sys.jail_get({"name": "a", "dying": None}, 8)["dying"] == 1
    with pytest.raises(KError) as e:
        host.sys.jail_get({"name": "a"}, 0)
    assert e.value.text == 'jail "a" is dying'
    # Its jid is wanted: the dying one moves away.
    assert host.sys.jail_set({"jid": 1, "name": "b", "persist": None}, JAIL_CREATE) == 1
    assert prison.id == 999999
    prison.free()
    assert [pr.name for pr in host.kernel.prison0.all.list] == ["b"]
    assert len(host.kernel.vnets) == 1


def test_a_failed_jail_takes_its_stack_along(host: Host) -> None:
    with pytest.raises(KError):
        host.create("a", vnet=JAIL_SYS_NEW, nosuch=1)
    assert len(host.kernel.vnets) == 1
    assert (host.kernel.prison0.ref, host.kernel.prison0.uref) == (2, 2)


def test_addresses(host: Host) -> None:
    one, two, three = b"\x0a\0\0\x01", b"\x0a\0\0\x02", b"\x0a\0\0\x03"
    host.create("a", ip4_addr=(three, two, one), children_max=1)
    assert host.get("a", "ip4.addr") == (three, one, two)
    with pytest.raises(KError) as e:
        host.create("b", ip4_addr=(one, b"\x0a\0\0\x09"))
    assert e.value.text == "IPv4 addresses clash"
    host.sys.jail_set({"jid": 1, "ip4.addr": (one,)}, JAIL_UPDATE)
    host.create("a.kid", ip4_addr=(one,))
    with pytest.raises(KError) as e:
        host.sys.jail_set({"name": "a.kid", "ip4.addr": (two,)}, JAIL_UPDATE)
    assert e.value.errno == EPERM
    host.sys.jail_set({"jid": 1, "ip4.addr": (three,)}, JAIL_UPDATE)
    assert host.get("a.kid", "ip4.addr") == ()


def test_metadata(host: Host) -> None:
    host.create("a", meta="x=1\ny=2", env="seen=yes")
    host.sys.jail_set({"jid": 1, "meta.z": "3", "meta.x": None}, JAIL_UPDATE)
    assert host.get("a", "meta", "meta.y", "meta.nosuch", "env") == ["z=3\ny=2", "2", (), "seen=yes"]


def test_without_vimage() -> None:
    host = Host(vimage=False)
    with pytest.raises(KError) as e:
        host.create("a", vnet=JAIL_SYS_NEW)
    assert (e.value.errno, e.value.text) == (EINVAL, "unknown parameter: vnet")
    assert host.get("a", "ip4") == JAIL_SYS_DISABLE if host.create("a") else False


def test_privileges(host: Host) -> None:
    host.create("vn", vnet=JAIL_SYS_NEW)
    host.create("plain")
    for jid, allowed in ((1, True), (2, False)):
        p = host.process()
        p.sysent.jail_attach(jid)
        if allowed:
            p.sysent.sysctl("net.inet.ip.ttl", 5)
        else:
            with pytest.raises(KError):
                p.sysent.sysctl("net.inet.ip.ttl", 5)
        with pytest.raises(KError) as e:
            p.sysent.kldload("if_disc")
        assert e.value.errno == EPERM


def test_file_systems(host: Host) -> None:
    """A jail sees and mounts what enforce_statfs and allow.mount leave it."""
    for name in ("/j", "/m", "/u"):
        host.sys.mkdir(name, 0o755)
    host.create("j", allow_mount=True, allow_mount_tmpfs=True)
    host.sys.jail_set({"name": "j", "enforce_statfs": 1}, JAIL_UPDATE)
    proc = host.process()
    proc.sysent.jail_attach(host.get("j", "jid"))
    proc.sysent.nmount("tmpfs", "/m", {})
    assert [fs.f_mntonname for fs in proc.sysent.getfsstat()] == ["/", "/dev", "/m"]
    with pytest.raises(KError, match="Operation not permitted"):
        proc.sysent.nmount("nullfs", "/u", {"from": "/j"})
    with pytest.raises(KError, match="Operation not permitted"):
        proc.sysent.unmount("/dev")
    host.sys.jail_set({"name": "j", "enforce_statfs": 2}, JAIL_UPDATE)
    assert [fs.f_mntonname for fs in proc.sysent.getfsstat()] == ["/"]
    assert proc.sysent.statfs("/m").f_mntonname == "[restricted]"
    assert host.get("j", "allow.mount.nullfs") == 0
