"""help: where to begin.  Not a FreeBSD program (mandoc's help(1) shows pages too, but nothing without a name)."""

from __future__ import annotations

from collections.abc import Iterator

from vshell.abi.errno import KError
from vshell.userland.completion import Candidate, Context
from vshell.userland.manual import Manual
from vshell.userland.program import Program, program

SCREEN = """\
This is a FreeBSD 15.1 machine with as many network stacks as you like. Nothing
here touches your computer; when you leave, the machine is gone.

  ifconfig                     the interfaces of this stack
  jail -c name=a vnet persist  a new stack, called a: a jail of its own
  jls                          the jails there are
  ifconfig epair create        a wire: its ends are epair0a and epair0b
  ifconfig epair0a vnet a      put an end into a
  jexec a COMMAND              run a command in a; without one: a shell there
  ifconfig epair0b 10.0.0.1/24 give an interface an address
  ping 10.0.0.2                ask whether somebody answers (^C ends it)
  netstat -rn; arp -a          routes; neighbours

  vshell map                   draw the stacks and their wires
  vshell trace COMMAND         follow the packets of a command, hop by hop
  vshell why                   the last packets that were dropped, and why
  vshell undo                  take the last command back
  vshell help                  more of this kind

More: man NAME (a page), apropos WORD (which page?), man intro (a first hour).
Tab completes commands, options and names. exit or ^D leaves.
"""

BUILTINS = """
    . : [ alias bg bind break case cd chdir command continue echo eval exec exit export false fc fg for function getopts hash if
    jobid jobs kill local printf pwd read readonly return set setvar shift test times trap true type ulimit umask unalias unset
    until wait while wordexp { ! do done then else elif fi esac
"""
"""What sh itself does, or reads as its language."""


def own_page(manual: Manual, name: str) -> bool:
    """True if there is a page of that name; not if it only stands on another."""
    return any(f"/{name}." in path for path in manual.find(name))


@program("/usr/local/bin/help")
def main(p: Program) -> int:
    """help [name ...]"""
    if len(p.argv) == 1:
        p.stdout.write(SCREEN)
        return 0
    names = p.argv[1:]
    if names[0].startswith("-"):
        p.usage("usage: help [name ...]")
    manual = Manual(p.sys)
    pages = ["sh" if name in BUILTINS.split() and not own_page(manual, name) else name for name in names]
    try:
        p.sys.execve("/usr/bin/man", ["man", *pages], p.env)
    except KError as e:
        p.err(1, e, "/usr/bin/man")


def complete(c: Context) -> Iterator[Candidate]:
    """The names of pages."""
    for _, head in Manual(c.sys).headings():
        for name in dict.fromkeys((head.name, *head.names)):
            yield Candidate(name, head.summary)
