"""-ls and -printf of find(1) (usr.bin/find/ls.c, printf.c)."""

from __future__ import annotations

from vshell.abi.errno import ELOOP, ENOENT, KError
from vshell.abi.fcntl import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, Stat
from vshell.commands.find.context import NS, Context
from vshell.userland.fts import FtsEntry
from vshell.userland.pwd import group_from_gid, user_from_uid
from vshell.userland.setmode import strmode
from vshell.userland.strftime import gmtime, localtime, strftime

SIXMONTHS = 365 // 2 * 86400
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
LETTERS = {S_IFIFO: "p", S_IFCHR: "c", S_IFDIR: "d", S_IFBLK: "b", S_IFREG: "f", S_IFLNK: "l", S_IFSOCK: "s"}


def long_line(c: Context, e: FtsEntry) -> str:
    """The line of -ls."""
    st = e.st
    seconds = st.st_mtime // NS
    form = "%b %e %R" if c.now - SIXMONTHS < seconds < c.now + SIXMONTHS else "%b %e  %Y"
    device = st.st_mode & S_IFMT in (S_IFCHR, S_IFBLK)
    size = f"{st.st_rdev:#8x}" if device else f"{st.st_size:8d}"
    user, group = user_from_uid(c.p, st.st_uid), group_from_gid(c.p, st.st_gid)
    line = f"{st.st_ino:6d} {st.st_blocks:8d} {strmode(st.st_mode)} {st.st_nlink:3d} {user:<32} {group:<32} {size} "
    line += f"{strftime(form, localtime(seconds, c.p.env))} {e.path}"
    if st.st_mode & S_IFMT == S_IFLNK:
        line += f" -> {link(c, e)}"
    return line + "\n"


def link(c: Context, e: FtsEntry) -> str:
    """Where a link leads."""
    try:
        return c.p.sys.readlink(e.path)
    except KError:
        return ""


def escape(c: Context, text: str) -> str:
    """Backslash sequences; \\c ends the text."""
    out = []
    at = 0
    while at < len(text):
        ch = text[at]
        at += 1
        if ch != "\\" or at >= len(text):
            out.append(ch)
            continue
        ch = text[at]
        at += 1
        if ch == "c":
            break
        if ch in "01234567":
            end = at
            while end < len(text) and end < at + 2 and text[end] in "01234567":
                end += 1
            out.append(chr(int(text[at - 1 : end], 8) & 0xFF))
            at = end
        elif ch in ESCAPES:
            out.append(ESCAPES[ch])
        else:
            c.p.warnx(f"Unknown character {ch} after \\.")
            out.append(ch)
    return "".join(out)


def printf(c: Context, form: str, e: FtsEntry) -> str:
    """The text of -printf for one entry."""
    form = escape(c, form)
    out = []
    at = 0
    while at < len(form):
        ch = form[at]
        at += 1
        if ch != "%" or at >= len(form):
            out.append(ch)
            continue
        ch = form[at]
        at += 1
        if ch in "ABCT":
            field = {"A": "st_atime", "B": "st_birthtime", "C": "st_ctime", "T": "st_mtime"}[ch]
            seconds = getattr(e.st, field) // NS
            how = form[at : at + 1]
            out.append(str(seconds) if how == "@" else strftime(f"%{how}", gmtime(seconds)))
            at += 1
        else:
            out.append(convert(c, ch, e))
    return "".join(out)


def convert(c: Context, ch: str, e: FtsEntry) -> str:
    """One conversion without an argument."""
    st = e.st
    if ch in "act":
        field = {"a": "st_atime", "c": "st_ctime", "t": "st_mtime"}[ch]
        return strftime("%c", localtime(getattr(st, field) // NS, c.p.env))
    simple = {
        "%": "%", "p": e.path, "f": e.name, "h": e.path.rpartition("/")[0] if "/" in e.path else ".", "G": str(st.st_gid),
        "U": str(st.st_uid), "m": f"{st.st_mode & 0o7777:o}", "M": strmode(st.st_mode)[:10], "k": str(st.st_blocks // 2),
        "b": str(st.st_blocks), "s": str(st.st_size), "d": str(e.level), "D": str(st.st_dev), "i": str(st.st_ino),
        "n": str(st.st_nlink), "y": LETTERS.get(st.st_mode & S_IFMT, "U"),
    }  # fmt: skip
    if ch in simple:
        return simple[ch]
    if ch == "g":
        return group_from_gid(c.p, st.st_gid)
    if ch == "u":
        return user_from_uid(c.p, st.st_uid)
    if ch == "l":
        return link(c, e) if st.st_mode & S_IFMT == S_IFLNK else ""
    if ch == "S":
        return f"{st.st_blocks * 512 / st.st_size:3.1f}" if st.st_size else "nan"
    if ch == "Y":
        return followed(c, e, st)
    if ch in "PHFZ":
        c.p.errx(1, f"%{ch} is unimplemented")
    return f"%{ch}"


def followed(c: Context, e: FtsEntry, st: Stat) -> str:
    """The type of what a link leads to."""
    if st.st_mode & S_IFMT == S_IFLNK:
        try:
            st = c.p.sys.stat(e.path)
        except KError as error:
            return {ELOOP: "L", ENOENT: "N"}.get(error.errno, "?")
    return LETTERS.get(st.st_mode & S_IFMT, "U")
