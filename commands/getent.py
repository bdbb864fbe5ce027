"""getent(1): look names up in the databases of nsswitch.conf(5) (usr.bin/getent/getent.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.errno import KError
from vshell.userland.addr import inet_ntop, inet_pton
from vshell.userland.netdb import getservbyname, hosts, networks
from vshell.userland.program import Program, program
from vshell.userland.pwd import Group, Passwd, getgrgid, getgrnam, getpwnam, getpwuid, groups, users
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

RV_OK, RV_USAGE, RV_NOTFOUND, RV_NOENUM = range(4)


def table(p: Program, path: str) -> list[list[str]]:
    """The fields of a file with comments."""
    try:
        text = decode(slurp(p, path))
    except KError:
        return []
    return [f for f in (line.partition("#")[0].split() for line in text.split("\n")) if f]


def passwd(p: Program, keys: list[str]) -> int:
    """passwd"""

    def line(u: Passwd) -> str:
        return f"{u.name}:{u.passwd}:{u.uid}:{u.gid}:{u.gecos}:{u.dir}:{u.shell}\n"

    def find(key: str) -> Passwd | None:
        return getpwuid(p, int(key)) if key.isascii() and key.isdigit() else getpwnam(p, key)

    if not keys:
        p.stdout.write("".join(map(line, users(p))))
    for key in keys:
        user = find(key)
        if user is None:
            return RV_NOTFOUND
        p.stdout.write(line(user))
    return RV_OK


def group(p: Program, keys: list[str]) -> int:
    """group"""

    def line(g: Group) -> str:
        return f"{g.name}:{g.passwd}:{g.gid}:{','.join(g.members)}\n"

    if not keys:
        p.stdout.write("".join(map(line, groups(p))))
    for key in keys:
        found = getgrgid(p, int(key)) if key.isascii() and key.isdigit() else getgrnam(p, key)
        if found is None:
            return RV_NOTFOUND
        p.stdout.write(line(found))
    return RV_OK


def aliased(first: str, width: int, name: str, aliases: list[str]) -> str:
    """Two columns and what else it is called."""
    return f"{first:<{width}}  {name}" + "".join(f"  {a}" if i == 0 else f" {a}" for i, a in enumerate(aliases)) + "\n"


def hosts_db(p: Program, keys: list[str]) -> int:
    """hosts"""
    everything = hosts(p)
    if not keys:
        for h in everything:
            p.stdout.write(aliased(inet_ntop(h.addr), 16, h.names[0], list(h.names[1:])))
        return RV_OK
    for key in keys:
        addr = inet_pton(key)
        found = [h for h in everything if (h.addr == addr if addr is not None else key in h.names)]
        if not found:
            return RV_NOTFOUND
        # getaddrinfo's order: IPv6 addresses of a name come first.
        found.sort(key=lambda h: len(h.addr) == 4)
        for h in found[:1] if addr is not None else found:
            p.stdout.write(aliased(inet_ntop(h.addr), 16, h.names[0], list(h.names[1:])))
    return RV_OK


def networks_db(p: Program, keys: list[str]) -> int:
    """networks"""
    everything = networks(p)
    chosen = everything if not keys else [n for n in everything if n.name in keys or set(n.aliases) & set(keys)]
    if keys and not chosen:
        return RV_NOTFOUND
    for n in chosen:
        p.stdout.write(aliased(n.name, 16, str(n.net), list(n.aliases)))
    return RV_OK


def protocols(p: Program, keys: list[str]) -> int:
    """protocols"""
    everything = table(p, "/etc/protocols")
    for f in everything if not keys else []:
        p.stdout.write(aliased(f[0], 16, f[1], f[2:]))
    for key in keys:
        found = next((f for f in everything if key in (f[0], f[1]) or key in f[2:]), None)
        if found is None:
            return RV_NOTFOUND
        p.stdout.write(aliased(found[0], 16, found[1], found[2:]))
    return RV_OK


def services(p: Program, keys: list[str]) -> int:
    """services"""
    everything = table(p, "/etc/services")
    for f in everything if not keys else []:
        p.stdout.write(aliased(f[0], 16, f[1], f[2:]))
    for key in keys:
        name, _, proto = key.partition("/")
        found = next((f for f in everything if matches(f, name, proto)), None)
        if found is None or (not name.isdecimal() and getservbyname(p, name, proto or None) is None):
            return RV_NOTFOUND
        p.stdout.write(aliased(found[0], 16, found[1], found[2:]))
    return RV_OK


def matches(f: list[str], name: str, proto: str) -> bool:
    """True for a service of that name or port."""
    port, _, kind = f[1].partition("/")
    return (name in (f[0], port) or name in f[2:]) and proto in ("", kind)


def shells(p: Program, keys: list[str]) -> int:
    """shells"""
    everything = [f[0] for f in table(p, "/etc/shells")]
    for key in keys:
        if key not in everything:
            return RV_NOTFOUND
    p.stdout.write("".join(f"{s}\n" for s in keys or everything))
    return RV_OK


def unlisted(p: Program, keys: list[str]) -> int:
    """Databases that are empty here."""
    if keys:
        return RV_NOTFOUND
    p.stderr.write("Enumeration not supported on this database\n")
    return RV_NOENUM


DATABASES: dict[str, Callable[[Program, list[str]], int]] = {
    "ethers": unlisted, "group": group, "hosts": hosts_db, "netgroup": unlisted, "networks": networks_db, "passwd": passwd,
    "protocols": protocols, "rpc": unlisted, "services": services, "shells": shells, "utmpx": unlisted,
}  # fmt: skip


@program("/usr/bin/getent")
def main(p: Program) -> int:
    """getent database [key ...]"""
    args = p.argv[1:]
    if args and args[0] in DATABASES:
        return DATABASES[args[0]](p, args[1:])
    if args:
        p.stderr.write(f"Unknown database: {args[0]}\n")
    names = "".join(f" {name}" for name in DATABASES)
    p.usage(f"Usage: {p.name} database [key ...]\n       database may be one of:\n\t{names}")
