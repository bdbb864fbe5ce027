"""pw group ... (usr.sbin/pw/pw_group.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.userland.getopt import Getopt
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program
from vshell.userland.pwfiles import Files

EX_USAGE, EX_DATAERR, EX_NOUSER, EX_SOFTWARE, EX_NOPERM = 64, 65, 67, 70, 77
MIN_ID, MAX_ID = 1001, 32000
BAD_IN_NAME = ' ,\t:+&#%$^()!@~*?<>=|\\/";'


def options(p: Program, letters: str, rest: list[str]) -> tuple[dict[str, str], list[str]]:
    """Switches and their values, and the operands behind them."""
    parsed = Getopt(p, letters, [p.name, *rest])
    found: dict[str, str] = {}
    for key, value in parsed:
        if key == "?":
            p.exit(EX_USAGE)
        found[key] = value
    return found, parsed.args


def must_be_root(p: Program) -> None:
    """Changes are for root."""
    if p.sys.geteuid() != 0:
        p.errx(EX_NOPERM, "you must be root")


def check_name(p: Program, name: str, gecos: bool = False) -> str:
    """pw_checkname: only characters that do no harm."""
    for at, c in enumerate(name):
        bad = c in (":" if gecos else BAD_IN_NAME) or (not gecos and (ord(c) < 32 or ord(c) >= 128)) or ord(c) == 127
        if (bad or (c == "-" and at == 0 and not gecos)) and (gecos or c != "$" or at != len(name) - 1 or not at):
            shown = f"`{c}'" if c.isprintable() else f"0x{ord(c):02x}"
            p.errx(EX_DATAERR, f"invalid character {shown} at position {at} in {'gecos field' if gecos else 'userid/group name'}")
    if not gecos and len(name) > 32:
        p.errx(EX_USAGE, f"name too long `{name}' (max is 32)")
    return name


def identifier(p: Program, text: str, what: str) -> int:
    """A numeric id."""
    number, problem = strtonum(text, 0, 0xFFFFFFFF)
    if problem:
        p.errx(EX_USAGE, f"Bad id '{text}': {problem}")
    return number


def next_id(used: set[int], most: int = MAX_ID) -> int:
    """The first free id above all that are used in the range, as pw chooses it."""
    taken = [i for i in used if MIN_ID <= i <= most]
    candidate = max(taken) + 1 if taken else MIN_ID
    return candidate if candidate <= most else next((i for i in range(MIN_ID, most) if i not in used), -1)


def next_gid(files: Files, preferred: int = -1) -> int:
    """A gid for a new group: that of its user if it is free."""
    used = {int(g[2]) for g in files.groups if len(g) >= 4 and g[2].isdecimal()}
    return preferred if preferred >= 0 and preferred not in used else next_id(used)


def find(p: Program, files: Files, found: dict[str, str], operand: str) -> list[str]:
    """The group meant by an operand, -n or -g."""
    numeric = operand.isascii() and operand.isdigit()
    name = found.get("n", "" if numeric else operand)
    if name:
        group = files.group(name)
        if group is None:
            p.errx(EX_DATAERR, f"unknown group `{name}'")
        return group
    if "g" not in found and not numeric:
        p.errx(EX_DATAERR, "groupname or id required")
    gid = identifier(p, operand if numeric else found["g"], "gid")
    group = files.group_by_id(gid)
    if group is None:
        p.errx(EX_DATAERR, f"unknown gid `{gid}'")
    return group


def members(p: Program, files: Files, text: str) -> list[str]:
    """The users of a list of names or ids."""
    names = []
    for word in text.replace(" ", ",").split(","):
        if not word:
            continue
        user = files.user(word) or (files.user_by_id(int(word)) if word.isdecimal() else None)
        if user is None:
            p.errx(EX_NOUSER, f"user `{word}' does not exist")
        names.append(user[0])
    return names


def show_line(group: list[str], pretty: bool) -> str:
    """A group as its line, or with -P for people."""
    if not pretty:
        return ":".join([group[0], "*" if group[1] else "", *group[2:]]) + "\n"
    out = f"Group Name: {group[0]:<15}   #{group[2]}\n   Members: "
    return out + group[3] + "\n\n"


def group_show(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw groupshow"""
    found, args = options(p, "C:qn:g:FPa", rest)
    operand = operand or (args[0] if args else "")
    if "a" in found:
        p.stdout.write("".join(show_line(g, "P" in found) for g in files.groups if len(g) >= 4))
    else:
        p.stdout.write(show_line(find(p, files, found, operand), "P" in found))
    return 0


def group_next(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw groupnext"""
    p.stdout.write(f"{next_gid(files)}\n")
    return 0


def group_add(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw groupadd"""
    found, args = options(p, "C:qn:g:h:H:M:oNPY", rest)
    name = found.get("n") or operand or (args[0] if args else "")
    must_be_root(p)
    if not name:
        p.errx(EX_DATAERR, "group name required")
    if files.group(name) is not None:
        p.errx(EX_DATAERR, f"group name `{name}' already exists")
    if "g" in found:
        gid = identifier(p, found["g"], "gid")
        if "o" not in found and files.group_by_id(gid) is not None:
            p.errx(EX_DATAERR, f"gid `{gid}' has already been allocated")
    else:
        gid = next_gid(files)
    entry = [check_name(p, name), "*", str(gid), ",".join(members(p, files, found.get("M", "")))]
    if "N" in found:
        p.stdout.write(show_line(entry, "P" in found))
        return 0
    files.groups.append(entry)
    files.save_groups()
    return 0


def group_del(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw groupdel"""
    found, args = options(p, "C:qn:g:Y", rest)
    must_be_root(p)
    group = find(p, files, found, operand or (args[0] if args else ""))
    files.groups.remove(group)
    files.save_groups()
    return 0


def group_mod(p: Program, files: Files, operand: str, rest: list[str]) -> int:
    """pw groupmod: -l rename, -M set, -m add, -d remove members"""
    found, args = options(p, "C:qn:d:g:l:h:H:M:m:NPY", rest)
    must_be_root(p)
    by_id = "g" in found and not found.get("n") and not operand and not args
    group = find(p, files, found if by_id else {k: v for k, v in found.items() if k != "g"}, operand or (args[0] if args else ""))
    if "g" in found and not by_id:
        group[2] = str(identifier(p, found["g"], "gid"))
    if "l" in found:
        group[0] = check_name(p, found["l"])
    now = [m for m in group[3].split(",") if m]
    if "M" in found:
        now = members(p, files, found["M"])
    if "m" in found:
        now += [m for m in members(p, files, found["m"]) if m not in now]
    if "d" in found:
        gone = found["d"].replace(" ", ",").split(",")
        now = [m for m in now if m not in gone]
    group[3] = ",".join(now)
    if "N" in found:
        p.stdout.write(show_line(group, "P" in found))
        return 0
    files.save_groups()
    return 0


Command = Callable[[Program, Files, str, list[str]], int]
GROUP_COMMANDS: dict[str, Command] = {
    "add": group_add, "del": group_del, "mod": group_mod, "show": group_show, "next": group_next,
}  # fmt: skip
