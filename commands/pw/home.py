"""Home directories and mailboxes of pw(8) (usr.sbin/pw/cpdir.c, pw_user.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_WRONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from vshell.userland.program import Program
from vshell.userland.pwfiles import DIR, GID, UID
from vshell.userland.slurp import slurp


def make_home(p: Program, root: str, user: list[str], skeleton: str, mode: int) -> None:
    """-m: the home directory with copies of the skeleton's files; what is there already stays."""
    home = user[DIR]
    if not home.startswith("/") or home == "/":
        return
    made = root
    for part in home.strip("/").split("/")[:-1]:
        made += "/" + part
        try:
            p.sys.mkdir(made, 0o755)
        except KError:
            continue
    copy_folder(p, f"{root}/{skeleton.lstrip('/')}", root + home, mode, int(user[UID]), int(user[GID]))


def copy_folder(p: Program, source: str, target: str, mode: int, uid: int, gid: int) -> None:
    """copymkdir."""
    mask = p.sys.umask(0)
    p.sys.umask(mask)
    try:
        p.sys.mkdir(target, mode)
    except KError as e:
        if e.errno != EEXIST:
            p.warn(e, f"mkdir({target})")
            return
        p.sys.chmod(target, mode & ~mask)
    p.sys.chown(target, uid, gid)
    try:
        names = p.sys.listdir(source)
    except KError:
        return
    for name in names:
        own = f"{source}/{name}"
        to = f"{target}/{name[3:] if name.startswith('dot.') else name}"
        try:
            st = p.sys.lstat(own)
            kind = st.st_mode & S_IFMT
            if kind == S_IFDIR:
                copy_folder(p, own, to, st.st_mode & 0o777, uid, gid)
            elif kind == S_IFLNK:
                p.sys.symlink(p.sys.readlink(own), to)
                p.sys.chown(to, uid, gid, False)
            elif kind == S_IFREG:
                data = slurp(p, own)
                fd = p.sys.open(to, O_WRONLY | O_CREAT | O_EXCL, st.st_mode & 0o7777)
                p.sys.write_nowait(fd, data)
                p.sys.close(fd)
                p.sys.chown(to, uid, gid)
        except KError:
            continue


def mail_spool(p: Program, root: str, name: str, uid: int, gid: int) -> None:
    """An empty mailbox."""
    path = f"{root}/var/mail/{name}"
    try:
        p.sys.close(p.sys.open(path, O_WRONLY | O_CREAT, 0o600))
        p.sys.chown(path, uid, gid)
    except KError:
        pass
