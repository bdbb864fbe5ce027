"""The initial tree: what a fresh FreeBSD 15.1 has, as far as anything looks at it (hier(7)).

A directory is filled when it is first searched.  Words in a directory's text:

    name/  name/MODE      a directory             name@TARGET    a symbolic link
    name  name:MODE       a file whose content is the data file of the same path, read when it is first looked at
    name!  name!:MODE     an empty file           name#          a shared object: an image nobody runs
    name=PATH             a file with the content of another data file
    *                     all data files of the folder of the same path
"""

from __future__ import annotations

from vshell.abi.elf import KLD_IDENT
from vshell.kernel.kern.vfs import DirVnode, ProgramDir, RegularVnode, SymlinkVnode, image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TREE = {
    "": """bin/ boot/ dev/555 etc/ home/ lib/ libexec/ media/ mnt/ net/ proc/555 rescue/ root/750 sbin/ sys@usr/src/sys
        tmp/1777 usr/ var/ .cshrc! .profile=root/.profile COPYRIGHT""",
    "boot": "defaults/ kernel/ modules/ loader.conf",
    "etc": """defaults/ newsyslog.conf.d/ rc.d/ rc.conf.d/ syslog.d/ ssh/ devd/ pam.d/ mtree/ periodic/ security/ ssl/ zfs/
        fstab group hostid hosts login.conf master.passwd:600 motd.template networks nsswitch.conf passwd profile
        pf.os protocols pwd.db=etc/passwd rc rc.conf rc.firewall rc.shutdown rc.subr resolv.conf services shells syslog.conf
        spwd.db=etc/master.passwd:600 motd@../var/run/motd localtime!""",
    "etc/defaults": "rc.conf devfs.rules!",
    "etc/rc.d": "dnctl:555 inetd:555 ipfw:555 jail:555 netif:555 pf:555 pflog:555 routing:555 rtadvd:555 rtsold:555 syslogd:555",
    "lib": """casper/ geom/ nvmecontrol/ libc.so.7# libcrypt.so.5# libcrypto.so.35# libedit.so.8# libjail.so.1# libkvm.so.7#
        libm.so.5# libmd.so.7# libncursesw.so.9# libnv.so.1# libsbuf.so.6# libssl.so.35# libthr.so.3# libtinfow.so.9#
        libutil.so.10# libxo.so.0# libz.so.6#""",
    "libexec": "resolvconf/",
    "root": ".cshrc! .login! .profile .shrc .k5login!",
    "usr": "bin/ include/ lib/ lib32/ libdata/ libexec/ local/ obj/ ports/ sbin/ share/ src/ tests/",
    "usr/lib": "clang/ libalias.so.7# libbsdxml.so.4# libcurses.so@../../lib/libncursesw.so.9 libnetgraph.so.4# libpcap.so.8#",
    "usr/local": "bin/ etc/ include/ lib/ libdata/ libexec/ sbin/ share/ www/",
    "usr/local/share": "vshell/",
    "usr/local/share/vshell": "manual/",
    "usr/local/share/vshell/manual": "*",
    "usr/share": "calendar/ dict/ doc/ examples/ locale/ man/ misc/ skel/ syscons/ vt/ zoneinfo/",
    "usr/share/examples": "etc/ ipfw/ jails/ netgraph/ pf/",
    "usr/share/examples/jails": "jng:444",
    "usr/share/examples/netgraph": "virtual.chain:444 virtual.lan:444",
    "usr/share/misc": "termcap!",
    "usr/src": "sys/",
    "var": """account/ at/ audit/ authpf/770 backups/ cache/ crash/750 cron/ db/ empty/555 games/ heimdal/ log/ mail/775
        msgs/ preserve/ run/ rwho/ spool/ tmp/1777 unbound/ yp/""",
    "var/db": "entropy/700 etcupdate/ freebsd-update/700 ntp/ pkg/ ports/ services.db!",
    "var/log": """auth.log!:600 cron!:600 daemon.log! debug.log!:600 lastlog! maillog!:640 messages! security!:600 userlog!
        utx.log!""",
    "var/mail": "root!:600",
    "var/run": "dmesg.boot! motd! utx.active! ld-elf.so.hints!",
}

PROGRAM_DIRS = frozenset({"bin", "sbin", "usr/bin", "usr/sbin", "usr/libexec", "libexec", "rescue", "usr/local/bin"})

SETUID = {
    "sbin/ping": 0o4555, "sbin/ping6": 0o4555, "sbin/poweroff": 0o4554, "usr/bin/at": 0o4555, "usr/bin/chpass": 0o4555,
    "usr/bin/crontab": 0o4555, "usr/bin/login": 0o4555, "usr/bin/passwd": 0o4555, "usr/bin/quota": 0o4555,
    "usr/bin/su": 0o4555, "usr/sbin/traceroute": 0o4555, "usr/sbin/traceroute6": 0o4555,
}  # fmt: skip
"""Programs that run with their owner's rights, and their modes; the others have 0555."""

KO_SIZE = 8192


def ko_image(name: str) -> bytes:
    """The content of a kernel module's file; a shorter file is a damaged one."""
    return (KLD_IDENT + name.encode() + b"\0").ljust(KO_SIZE, b"\0")


def ko_name(content: bytes) -> str | None:
    """The module in a file's content, None if it is none or is damaged."""
    if not content.startswith(KLD_IDENT) or len(content) != KO_SIZE:
        return None
    return content[len(KLD_IDENT) :].partition(b"\0")[0].decode(errors="replace")


def fill_root(root: DirVnode) -> None:
    """Give the root directory its content."""
    root.populate = _filler("")


def _filler(path: str) -> Callable[[DirVnode], None]:
    def fill(directory: DirVnode) -> None:
        for word in TREE.get(path, "").split():
            for name in directory.mount.kernel.list_data(path) if word == "*" else (word,):
                _enter(directory, path, name)
        if path == "boot/kernel":
            _modules(directory)
        elif path == "boot/modules":
            _more_modules(directory)

    return fill


def _enter(directory: DirVnode, path: str, word: str) -> None:
    """Make the entry that `word` describes."""
    mount = directory.mount
    if "@" in word:
        name, _, target = word.partition("@")
        directory.enter(name, SymlinkVnode(mount, target))
        return
    if "/" in word and "=" not in word:
        name, _, mode = word.partition("/")
        full = f"{path}/{name}" if path else name
        sub: DirVnode
        if full in PROGRAM_DIRS:
            sub = ProgramDir(mount, "/" + full, _mode_of(full))
        else:
            sub = DirVnode(mount, int(mode or "755", 8))
        sub.populate = _filler(full)
        directory.enter(name, sub)
        return
    name, _, mode = word.partition(":")
    kind = name[-1]
    name, _, source = name.rstrip("!#").partition("=")
    full = f"{path}/{name}" if path else name
    vnode = RegularVnode(mount, int(mode or "644", 8), load=_content(directory, source or full, kind))
    directory.enter(name, vnode)


def _content(directory: DirVnode, full: str, kind: str) -> Callable[[], bytes] | None:
    if kind == "!":
        return None
    if kind == "#":
        return lambda: image(full.rpartition("/")[2])
    kernel = directory.mount.kernel
    return lambda: kernel.load_data(full)


def _mode_of(directory: str) -> Callable[[str], int]:
    return lambda name: SETUID.get(f"{directory}/{name}", 0o555)


def _modules(directory: DirVnode) -> None:
    """The kernel and its modules in /boot/kernel."""
    mount = directory.mount
    directory.enter("kernel", RegularVnode(mount, 0o555, load=lambda: image("kernel")))
    for name in mount.kernel.load_data("boot/kernel.names").decode().split():
        directory.enter(f"{name}.ko", RegularVnode(mount, 0o555, load=_module(f"{name}.ko")))
    directory.enter("linker.hints", RegularVnode(mount, 0o644))


def _more_modules(directory: DirVnode) -> None:
    """Modules that a FreeBSD does not have: what somebody added to this kernel is in /boot/modules, as ports are."""
    kernel = directory.mount.kernel
    known = set(kernel.load_data("boot/kernel.names").decode().split())
    for name in kernel.list_modules():
        if name not in known:
            directory.enter(f"{name}.ko", RegularVnode(directory.mount, 0o555, load=_module(f"{name}.ko")))


def _module(name: str) -> Callable[[], bytes]:
    return lambda: ko_image(name)
