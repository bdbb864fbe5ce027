"""The options of ifconfig(8) and the usage message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.userland.getopt import Getopt
from vshell.userland.program import Program

if TYPE_CHECKING:
    from vshell.commands.ifconfig.keywords import Family

OPTIONS = "G:adDf:j:klmnuvg:CL"

_SECTIONS = "[-g groupname] [-C] [-L] "
USAGE = f"""\
usage: ifconfig [-j jail] [-f type:format] {_SECTIONS}interface address_family
                [address [dest_address]] [parameters]
       ifconfig [-j jail] interface create
       ifconfig [-j jail] -a {_SECTIONS}[-d] [-m] [-u] [-v] [address_family]
       ifconfig [-j jail] -l [-d] [-u] [address_family]
       ifconfig [-j jail] {_SECTIONS}[-d] [-m] [-u] [-v]
"""

FORMATS = ("addr", "ether", "inet", "inet6")


class Args:
    """struct ifconfig_args, and the formats asked for with -f."""

    def __init__(self) -> None:
        self.all = self.downonly = self.drivername = self.printkeys = self.namesonly = self.supmedia = False
        self.noload = self.uponly = self.allfamilies = self.lifetimes = False
        self.verbose = 0
        self.matchgroup: str | None = None
        self.nogroup: str | None = None
        self.ifname: str | None = None
        self.family: Family | None = None
        self.words: list[str] = []
        """What follows the options."""
        self.formats: dict[str, str] = {}

    def setformat(self, p: Program, text: str) -> None:
        """A list of type:format."""
        for part in text.split(","):
            category, colon, modifier = part.partition(":")
            if colon:
                if category in FORMATS:
                    self.formats[category] = modifier
            elif category == "default":
                # freeformat() frees the strings but keeps the pointers: what was set stays in force.
                continue
            elif category == "cidr":
                self.formats["inet"] = self.formats["inet6"] = category
            else:
                p.warnx(f"Skipping invalid format: {category}\n")


_FLAGS = {
    "a": "all", "d": "downonly", "D": "drivername", "k": "printkeys", "l": "namesonly", "m": "supmedia", "n": "noload",
    "u": "uponly", "L": "lifetimes",
}  # fmt: skip


def parse(p: Program, args: Args) -> None:
    """Read the options and the address family of a listing."""
    options = Getopt(p, OPTIONS)
    for letter, value in options:
        if letter in _FLAGS:
            setattr(args, _FLAGS[letter], True)
        elif letter == "v":
            args.verbose += 1
        elif letter == "f":
            args.setformat(p, value)
        elif letter == "j":
            attach(p, value)
        elif letter == "G" and args.all:
            args.nogroup = value
        elif letter == "g" and args.all:
            args.matchgroup = value
        elif letter == "g":
            from vshell.commands.ifconfig.group import printgroup

            printgroup(p, value)
        elif letter == "C":
            from vshell.commands.ifconfig.clone import list_cloners

            list_cloners(p)
        else:
            p.usage(USAGE)
    args.words = options.args
    if (args.namesonly and (args.all or args.supmedia)) or (args.uponly and args.downonly):
        p.usage(USAGE)
    if not args.namesonly and not args.words:
        args.all = True
    if args.all or args.namesonly:
        _listing_family(p, args)
    elif not args.words:
        p.usage(USAGE)


def _listing_family(p: Program, args: Args) -> None:
    from vshell.commands.ifconfig.keywords import family_by_name

    if len(args.words) > 1:
        p.usage(USAGE)
    if args.words:
        args.family = family_by_name(args.words[0])
        if args.family is None:
            p.warnx(f"Address family '{args.words[0]}' unknown.")
            p.usage(USAGE)


def attach(p: Program, name: str) -> None:
    """-j: go on inside a jail."""
    from vshell.abi.errno import ENOENT, EPERM, KError
    from vshell.userland.libjail import JailError, jail_getid

    try:
        jid = jail_getid(p.sys, name)
    except JailError:
        # jail_getid(3) leaves the reason in errno: whatever it is, the jail is not there for us.
        p.err(1, ENOENT, "jail not found")
    try:
        p.sys.jail_attach(jid)
    except KError as e:
        if e.errno == EPERM:
            p.errx(1, "cannot attach to jail: permission denied")
        p.err(1, e, "cannot attach to jail")
