"""pw user ... (usr.sbin/pw/pw_user.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.commands.pw.dates import parse_date
from vshell.commands.pw.group import (
    EX_DATAERR,
    EX_NOUSER,
    Command,
    check_name,
    identifier,
    must_be_root,
    next_gid,
    next_id,
    options,
)
from vshell.commands.pw.home import mail_spool, make_home
from vshell.userland.fts import FTS_DP, Fts
from vshell.userland.program import Program
from vshell.userland.pwfiles import CHANGE, CLASS, DIR, EXPIRE, GECOS, GID, NAME, PASSWD, SHELL, UID, Files
from vshell.userland.setmode import setmode

EX_CONFIG = 78
LOCKED = "*LOCKED*"
SHELL_PATH = ("/bin", "/usr/bin", "/usr/local/bin")


def find(p: Program, files: Files, found: dict[str, str], operand: str) -> list[str]:
    """The user meant by an operand, -n or -u."""
    numeric = operand.isascii() and operand.isdigit()
    name = found.get("n", "" if numeric else operand)
    if name:
        user = files.user(name)
        if user is None:
            check_name(p, name)
            p.errx(EX_NOUSER, f"no such user `{name}'")
        return user
    if "u" not in found and not numeric:
        p.errx(EX_DATAERR, "username or id required")
    uid = identifier(p, operand if numeric else found["u"], "uid")
    user = files.user_by_id(uid)
    if user is None:
        p.errx(EX_NOUSER, f"no such uid `{uid}'")
    return user


def next_uid(files: Files) -> int:
    """The id a new user gets."""
    return next_id({int(u[UID]) for u in files.users if len(u) >= 10 and u[UID].isdecimal()})


def shell_path(p: Program, name: str) -> str:
    """The path of a shell given by name or path."""
    if "/" in name or not name:
        return name
    for directory in SHELL_PATH:
        try:
            p.sys.stat(f"{directory}/{name}")
        except KError:
            continue
        return f"{directory}/{name}"
    p.errx(EX_CONFIG, "no default shell available or defined")


def group_id(p: Program, files: Files, name: str, user: str, uid: int) -> int:
    """The primary group: the one asked for, or a new one with the user's name."""
    if name:
        group = files.group(name) or (files.group_by_id(int(name)) if name.isdecimal() else None)
        if group is None:
            p.errx(EX_NOUSER, f"group `{name}' does not exist")
        return int(group[2])
    group = files.group(user)
    if group is not None:
        return int(group[2])
    gid = next_gid(files, uid)
    files.groups.append([user, "*", str(gid), ""])
    return gid


def join_groups(p: Program, files: Files, user: str, text: str) -> None:
    """-G: further groups."""
    for word in text.replace(" ", ",").split(","):
        if not word:
            continue
        group = files.group(word) or (files.group_by_id(int(word)) if word.isdecimal() else None)
        if group is None:
            p.errx(EX_NOUSER, f"group `{word}' does not exist")
        members = [m for m in group[3].split(",") if m]
        if user not in members:
            group[3] = ",".join([*members, user])


def show_line(user: list[str], flags: dict[str, str]) -> str:
    """A user as the line of master.passwd, of passwd (-7), or for people (-P)."""
    if "7" in flags:
        return ":".join([user[NAME], "*", user[UID], user[GID], user[GECOS], user[DIR], user[SHELL]]) + "\n"
    if "P" not in flags:
        return ":".join([user[NAME], "*", *user[2:10]]) + "\n"
    full, office, work, home = [*user[GECOS].split(","), "", "", ""][:4]
    full = full.replace("&", user[NAME].capitalize())
    lines = [
        f"Login Name: {user[NAME]:<15}   #{user[UID]:<12} Group: {'':<15} #{user[GID]}",
        f" Full Name: {full}",
        f"      Home: {user[DIR]:<26}      Class: {user[CLASS]}",
        f"     Shell: {user[SHELL]:<26}     Office: {office}",
        f"Work Phone: {work:<26} Home Phone: {home}",
        "Acc Expire: [none]".ljust(38) + " Pwd Expire: [none]",
    ]
    return "\n".join(lines) + "\n\n"


def password(p: Program, found: dict[str, str]) -> str | None:
    """-h - locks the account, -w none opens it.

    DIFFERS: nothing is encrypted here: descriptors are not read, and "yes" and "random" give no password either.
    """
    if "w" in found and found["w"] not in ("none", "no", "yes", "random"):
        p.errx(1, f"Invalid value for default password: `{found['w']}'")
    if found.get("h") == "-" or found.get("H") == "-":
        return "*"
    if "w" in found:
        return "" if found["w"] == "none" else "*"
    return None


def user_add(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw useradd"""
    found, args = options(p, "C:qn:u:c:d:e:p:g:G:mM:k:s:oL:i:w:h:H:Db:NPy:Y", rest)
    must_be_root(p)
    name = found.get("n") or operand or (args[0] if args else "")
    if not name:
        p.errx(EX_DATAERR, "login name required" if "u" in found else "user name or id required")
    if files.user(name) is not None:
        p.errx(EX_DATAERR, f"login name `{name}' already exists")
    check_name(p, name)
    if "u" in found:
        uid = identifier(p, found["u"], "uid")
        if "o" not in found and files.user_by_id(uid) is not None:
            p.errx(EX_DATAERR, f"uid `{uid}' has already been allocated")
    else:
        uid = next_uid(files)
    gid = group_id(p, files, found.get("g", ""), name, uid)
    secret = password(p, found)
    user = [
        name, secret if secret is not None else "*", str(uid), str(gid), found.get("L", ""), *expiry(p, found),
        check_name(p, found.get("c", "User &"), gecos=True), found.get("d") or f"{found.get('b', '/home')}/{name}",
        shell_path(p, found.get("s", "sh")),
    ]  # fmt: skip
    if uid == 0:
        p.warnx(f"WARNING: new account `{name}' has a uid of 0 (superuser access!)")
    if "N" in found:
        p.stdout.write(show_line(user, found))
        return 0
    join_groups(p, files, name, found.get("G", ""))
    files.users.append(user)
    files.save_users()
    files.save_groups()
    if files.root is not None:
        mail_spool(p, files.root, name, uid, gid)
        if "m" in found:
            make_home(p, files.root, user, found.get("k", "/usr/share/skel"), home_mode(p, found))
    return 0


def expiry(p: Program, found: dict[str, str]) -> tuple[str, str]:
    """-p and -e: when the password and the account expire."""
    change, expire = (parse_date(p, found[key]) if key in found else "0" for key in ("p", "e"))
    return change, expire


def home_mode(p: Program, found: dict[str, str]) -> int:
    """-M: permissions of the home directory."""
    if "M" not in found:
        return 0o755
    mode = setmode(found["M"])
    if mode is None:
        p.errx(EX_DATAERR, f"invalid directory creation mode '{found['M']}'")
    return mode.apply(0o777, 0)


def user_del(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw userdel"""
    found, args = options(p, "C:qn:u:rYy:", rest)
    must_be_root(p)
    user = find(p, files, found, operand or (args[0] if args else ""))
    name = user[NAME]
    if user[UID] == "0" and name == "root":
        p.errx(EX_DATAERR, "cannot remove user 'root'")
    files.users.remove(user)
    for group in files.groups:
        if len(group) >= 4:
            group[3] = ",".join(m for m in group[3].split(",") if m and m != name)
    own = files.group(name)
    if own is not None and own[2] == user[GID] and not own[3]:
        files.groups.remove(own)
    files.save_users()
    files.save_groups()
    if files.root is None:
        return 0
    remove_tree(p, f"{files.root}/var/mail/{name}")
    remove_tree(p, f"{files.root}/var/cron/tabs/{name}")
    if "r" in found and user[DIR] not in ("", "/") and not any(len(u) >= 10 and u[DIR] == user[DIR] for u in files.users):
        remove_tree(p, files.root + user[DIR])
    return 0


def remove_tree(p: Program, path: str) -> None:
    """rm -r, silently."""
    for e in Fts(p.sys, [path]):
        if e.stat is None or (e.st.st_mode & S_IFMT == S_IFDIR and e.info != FTS_DP):
            continue
        try:
            (p.sys.rmdir if e.info == FTS_DP else p.sys.unlink)(e.path)
        except KError:
            pass


def user_mod(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw usermod"""
    found, args = options(p, "C:qn:u:c:d:e:p:g:G:mM:l:k:s:w:L:h:H:NPYy:F", rest)
    must_be_root(p)
    name = operand or (args[0] if args else "") or found.get("n", "")
    user = find(p, files, found if not name else {}, name)
    old = user[NAME]
    if name and "u" in found:
        uid = identifier(p, found["u"], "uid")
        if old == "root" and uid != 0:
            p.errx(EX_DATAERR, "can't change uid of `root' account")
        user[UID] = str(uid)
    if "l" in found:
        if old == "root":
            p.errx(EX_DATAERR, "can't rename `root' account")
        user[NAME] = check_name(p, found["l"])
    if "g" in found:
        user[GID] = str(group_id(p, files, found["g"], old, int(user[UID])))
    if "c" in found:
        check_name(p, found["c"], gecos=True)
    for key, field in (("c", GECOS), ("d", DIR), ("L", CLASS)):
        if key in found:
            user[field] = found[key]
    for key, field in (("e", EXPIRE), ("p", CHANGE)):
        if key in found:
            user[field] = parse_date(p, found[key])
    if "s" in found:
        user[SHELL] = shell_path(p, found["s"])
    secret = password(p, found)
    user[PASSWD] = user[PASSWD] if secret is None else secret
    if "G" in found:
        for group in files.groups:
            if len(group) >= 4:
                group[3] = ",".join(m for m in group[3].split(",") if m and m != old)
        join_groups(p, files, user[NAME], found["G"])
    for group in files.groups:
        if user[NAME] != old and len(group) >= 4:
            group[3] = ",".join(user[NAME] if m == old else m for m in group[3].split(","))
    if "N" in found:
        p.stdout.write(show_line(user, found))
        return 0
    files.save_users()
    files.save_groups()
    if "m" in found and files.root is not None:
        make_home(p, files.root, user, found.get("k", "/usr/share/skel"), home_mode(p, found))
    return 0


def user_show(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw usershow"""
    found, args = options(p, "qn:u:FPa7", rest)
    if "a" in found:
        p.stdout.write("".join(show_line(u, found) for u in files.users if len(u) >= 10))
        return 0
    p.stdout.write(show_line(find(p, files, found, operand or (args[0] if args else "")), found))
    return 0


def user_next(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw usernext"""
    p.stdout.write(f"{next_uid(files)}:{next_gid(files)}\n")
    return 0


def _lock(p: Program, files: Files, operand: str, rest: list[str], lock: bool) -> int:
    found, args = options(p, "Cqn:u:", rest)
    must_be_root(p)
    who = operand or (args[0] if args else "")
    user = files.user(who) or find(p, files, found, who)  # here a name may be a number
    locked = user[PASSWD].startswith(LOCKED)
    if locked == lock:
        p.errx(EX_DATAERR, f"user '{user[NAME]}' is {'already' if lock else 'not'} locked")
    user[PASSWD] = LOCKED + user[PASSWD] if lock else user[PASSWD][len(LOCKED) :]
    files.save_users()
    return 0


def user_lock(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw lock"""
    return _lock(p, files, operand, rest, True)


def user_unlock(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw unlock"""
    return _lock(p, files, operand, rest, False)


USER_COMMANDS: dict[str, Command] = {
    "add": user_add, "del": user_del, "mod": user_mod, "show": user_show, "next": user_next, "lock": user_lock,
    "unlock": user_unlock,
}  # fmt: skip
