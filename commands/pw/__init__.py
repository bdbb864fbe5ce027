"""pw(8): create, remove, change and show users and groups (usr.sbin/pw)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.commands.pw.group import GROUP_COMMANDS
from vshell.commands.pw.user import USER_COMMANDS
from vshell.userland.program import Program, program
from vshell.userland.pwfiles import Files

MODES = ("add", "del", "mod", "show", "next", "lock", "unlock")
EX_USAGE, EX_OSFILE = 64, 72


def help_text(p: Program, mode: str, which: str) -> None:
    """How to call it."""
    if not which:
        text = "usage:\n  pw [user|group|lock|unlock] [add|del|mod|show|next] [help|switches/values]\n"
    elif not mode:
        text = f"usage:\n  pw {which} [add|del|mod|show|next] [help|switches/values]\n"
    else:
        text = f"usage: pw {which}{mode} [{'uid|' if which == 'user' else ''}name] [switches]\n"
    p.usage(text, 0)


def split_word(word: str) -> tuple[str, str]:
    """("add", "user") for useradd or adduser, lock and unlock; ("", "") for anything else."""
    if word in ("lock", "unlock"):
        return word, "user"
    for which in ("user", "group"):
        for mode in MODES[:5]:
            if word in (which + mode, mode + which):
                return mode, which
    return "", ""


def keywords(p: Program) -> tuple[str, str, Files, str, list[str]]:
    """(mode, user or group, files, operand, options) of the command line."""
    args = p.argv[1:]
    mode = which = operand = ""
    etc = "/etc"
    root: str | None = ""
    while args:
        word = args[0]
        if word.startswith("-"):
            if word[1:2] not in ("V", "R"):
                break
            directory = word[2:] or (args[1] if len(args) > 1 else "")
            args = args[1 if word[2:] else 2 :]
            check_directory(p, directory)
            root = None if word[1] == "V" else directory.rstrip("/")
            etc = directory if root is None else f"{root}/etc"
            continue
        if not mode and word in MODES:
            mode = word
            which = which or ("user" if word in ("lock", "unlock") else "")
        elif not which and word in ("user", "group"):
            which = word
        elif not mode and not which and split_word(word) != ("", ""):
            mode, which = split_word(word)
        elif word == "help" and len(args) == 1:
            help_text(p, mode, which)
        elif mode and which:
            operand = word
        else:
            p.errx(EX_USAGE, f"unknown keyword `{word}'")
        args = args[1:]
    return mode, which, Files(p, etc, root), operand, args


def check_directory(p: Program, directory: str) -> None:
    """-V and -R name a directory."""
    try:
        st = p.sys.stat(directory)
    except KError:
        p.errx(EX_OSFILE, f"no such directory `{directory}'")
    if st.st_mode & S_IFMT != S_IFDIR:
        p.errx(EX_OSFILE, f"`{directory}' not a directory")


@program("/usr/sbin/pw")
def main(p: Program) -> int:
    """pw [-V etcdir | -R rootdir] user|group add|del|mod|show|next|lock|unlock [name] [switches]"""
    mode, which, files, operand, rest = keywords(p)
    if not mode or not which:
        help_text(p, mode, which)
    commands = USER_COMMANDS if which == "user" else GROUP_COMMANDS
    # Options may stand before a further operand: getopt(3) stops at it, pw takes it as the name.
    return commands[mode](p, files, operand, rest)
