"""ld-elf.so.1(1): the run-time linker, called to run a program (libexec/rtld-elf/rtld.c, parse_args)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError, strerror
from vshell.userland.execvp import DEFAULT_PATH
from vshell.userland.program import Program, program

OPTIONS = """\

Options:
  -h        Display this help message
  -b <exe>  Execute <exe> instead of <binary>, arg0 is <binary>
  -d        Ignore lack of exec permissions for the binary
  -o <OPT>=<VAL> Set LD_<OPT> to <VAL>, without polluting env
  -p        Search in PATH for named binary
  -u        Ignore LD_ environment variables
  --        End of RTLD options
  <binary>  Name of process to execute
  <args>    Arguments to the executed process
"""


def die(p: Program, text: str) -> NoReturn:
    """rtld_die."""
    p.stderr.write(f"ld-elf.so.1: {text}\n")
    p.exit(1)


def usage(p: Program) -> None:
    """print_usage."""
    p.stdout.write(f"Usage: {p.argv[0]} [-h] [-b <exe>] [-d] [-p] [--] <binary> [<args>]\n{OPTIONS}")


@program("/libexec/ld-elf.so.1")
def main(p: Program) -> int:
    """ld-elf.so.1 [-h] [-b exe] [-d] [-o OPT=VAL] [-p] [-u] [--] binary [args]"""
    args = p.argv[1:]
    image, search = "", False
    while args and args[0].startswith("-"):
        word = args.pop(0)
        if word == "--":
            break
        for i, c in enumerate(word[1:], 1):
            if c == "h":
                usage(p)
                return 0
            if c in "bo":
                if i != len(word) - 1 or not args:
                    die(p, f"Invalid options: {word}")
                value = args.pop(0)
                if c == "b":
                    image = value
                elif "=" not in value:
                    die(p, "No '=' in -o parameter")
            elif c == "p":
                search = True
            elif c not in "du":
                die(p, f"Invalid argument: '{word}'")
    if not args:
        usage(p)
        return 1
    name = image or args[0]
    places = p.env.get("PATH", DEFAULT_PATH).split(":") if search and "/" not in name else [""]
    error = 2
    for folder in places:
        try:
            p.sys.execve(f"{folder}/{name}" if folder else name, args, p.env)
        except KError as e:
            error = e.errno
    die(p, f"Cannot open {name}: {strerror(error)}")
