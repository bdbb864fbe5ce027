"""The program `vshell`: from its command line to a machine, and from the machine's shell to an exit status."""

from __future__ import annotations

import sys

from vshell.abi.errno import KError, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from vshell.abi.vshell import RERUN
    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.machine import Machine

USAGE = """\
usage: vshell [option ...] [FILE [argument ...]]
       vshell [option ...] -c COMMANDS [name [argument ...]]
       vshell [option ...] -s [argument ...]
       vshell [option ...] replay [-q] [-j JOBS] [--json FILE] [--junit FILE]
              FILE ...
"""

HELP = f"""\
{USAGE}
A FreeBSD 15.1 machine and its shell, in this process.  Without a FILE or
commands, and on a terminal, the shell is interactive and time is real;
otherwise virtual time jumps to the next event.

  -c COMMANDS               run these commands
  -s                        read commands from standard input
  -i                        interactive, as sh -i: errors do not end the shell,
                            prompts go to standard error
  -abCEefhIimnPpTuVvx, -o NAME    options of sh
  --seed N                  where the machine's random numbers start (0)
  --clock pace|jump         real time, or jump to the next event
  --mount HOST:GUEST[:ro]   show a folder of this computer inside the machine
  --kernel novimage         a kernel without virtual network stacks
  --plain                   no escape codes, no line editor
  --norc                    no settings from ~/.config/vshell/config.toml
  --version, --help

Options of vshell stand before FILE, replay and what follows -c COMMANDS.
"""

SHELL = "/bin/sh"
SH_FLAGS = frozenset("abCEefhIimnPpTuVvx")


class Usage(Exception):
    """The command line makes no sense."""


class Options:
    """The parsed command line."""

    def __init__(self) -> None:
        self.command: str | None = None
        self.stdin = False
        self.interactive = False
        self.flags: list[str] = []
        """Options that are handed to sh."""
        self.operands: list[str] = []
        self.seed = 0
        self.clock = ""
        self.mounts: list[tuple[str, str, bool]] = []
        self.vimage = True
        self.plain = False
        self.norc = False
        self.replay = False
        self.show = ""
        """"help" or "version"."""


def _mount(text: str) -> tuple[str, str, bool]:
    host, _, rest = text.partition(":")
    guest, _, mode = rest.partition(":")
    if not host or not guest.startswith("/") or mode not in ("", "ro"):
        raise Usage(f"--mount {text}: expected HOST:GUEST[:ro]")
    return host, guest, mode == "ro"


def _seed(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise Usage(f"--seed {text}: not a number") from None


def _choice(name: str, text: str, *allowed: str) -> str:
    if text not in allowed:
        raise Usage(f"{name} {text}: expected {' or '.join(allowed)}")
    return text


def _long(o: Options, name: str, value: str | None, rest: list[str]) -> None:
    """One option that begins with two dashes."""
    if name in ("help", "version", "plain", "norc"):
        if value is not None:
            raise Usage(f"--{name} takes no value")
        if name == "plain":
            o.plain = True
        elif name == "norc":
            o.norc = True
        else:
            o.show = name
        return
    if name not in ("seed", "clock", "mount", "kernel"):
        raise Usage(f"unknown option --{name}")
    if value is None:
        if not rest:
            raise Usage(f"--{name} needs a value")
        value = rest.pop(0)
    if name == "seed":
        o.seed = _seed(value)
    elif name == "clock":
        o.clock = _choice("--clock", value, "pace", "jump")
    elif name == "mount":
        o.mounts.append(_mount(value))
    else:
        o.vimage = _choice("--kernel", value, "vimage", "novimage") == "vimage"


def _short(o: Options, word: str, rest: list[str]) -> None:
    """One word of single-letter options."""
    sign, letters = word[0], word[1:]
    want_command = False
    for letter in letters:
        if letter == "c" and sign == "-":
            want_command = True
        elif letter == "s" and sign == "-":
            o.stdin = True
        elif letter == "i" and sign == "-":
            o.interactive = True
        elif letter == "o":
            if not rest:
                raise Usage(f"{sign}o needs a name")
            o.flags += [sign + "o", rest.pop(0)]
        elif letter in SH_FLAGS:
            o.flags.append(sign + letter)
        else:
            raise Usage(f"unknown option {sign}{letter}")
    if want_command:
        # as in sh the commands are the first operand, after all options
        o.command = ""


def parse(argv: Sequence[str]) -> Options:
    """The options of `vshell`; what follows the first operand belongs to the commands."""
    o = Options()
    rest = list(argv)
    while rest and rest[0][:1] in ("-", "+") and rest[0] != "+":
        word = rest.pop(0)
        if word in ("-", "--"):
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            _long(o, name, value if equals else None, rest)
        else:
            _short(o, word, rest)
    if o.command is not None:
        if not rest:
            raise Usage("-c needs commands")
        o.command = rest.pop(0)
    elif rest[:1] == ["replay"] and not o.stdin:
        o.replay = True
        rest.pop(0)
    o.operands = rest
    return o


def tune_memory() -> None:
    """Set the collector of cyclic garbage for a process that is all machine, whose stacks live long."""
    import gc

    gc.set_threshold(50_000, 20, 50)


def main(argv: Sequence[str]) -> int:
    """Run `vshell ARG...`; returns the exit status."""
    try:
        o = parse(argv)
    except Usage as e:
        sys.stderr.write(f"vshell: {e}\n{USAGE}")
        return 2
    tune_memory()
    try:
        if o.show:
            return _show(o.show)
        return _replay(o) if o.replay else _run(o)
    except KError as e:
        # The machine cannot start its shell: something was mounted over it.
        sys.stderr.write(f"vshell: {SHELL}: {strerror(e.errno)}\n")
        return 126
    except OSError as e:
        name = "standard output" if e.filename is None else e.filename or "''"
        sys.stderr.write(f"vshell: {name}: {e.strerror}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _show(what: str) -> int:
    """Answer --help and --version."""
    from vshell import __version__

    sys.stdout.write(HELP if what == "help" else f"vshell {__version__}\n")
    sys.stdout.flush()
    return 0


def _replay(o: Options) -> int:
    from functools import partial

    from vshell.labs.cli import main as replay
    from vshell.machine import open_session

    return replay(o.operands, partial(open_session, seed=o.seed, vimage=o.vimage, mounts=tuple(o.mounts)))


def _run(o: Options) -> int:
    from vshell.machine import Machine, exit_status

    script: bytes | None = None
    if o.command is None and o.operands and not o.stdin:
        with open(o.operands[0], "rb") as f:
            script = f.read()
    terminal = o.command is None and script is None and not o.stdin and sys.stdin.isatty()
    paced = o.clock == "pace" or (terminal and o.clock != "jump")
    if terminal:
        return _interact(o, paced)
    machine = Machine(seed=o.seed, vimage=o.vimage, mounts=o.mounts, paced=paced)
    machine.kernel.on_panic = _report
    from vshell.shell.batch import serve

    return exit_status(serve(machine, lambda stdin: _shell(machine, o, script, stdin), paced, o.interactive).xstat)


def _interact(o: Options, paced: bool) -> int:
    """A session at this terminal."""
    from vshell.machine import Machine, exit_status
    from vshell.shell.config import Config, ConfigError, config_path, load
    from vshell.shell.interactive import run
    from vshell.shell.journal import Journal
    from vshell.shell.seat import Seat
    from vshell.shell.terminal import edit

    try:
        config = Config() if o.norc else load(config_path())
    except ConfigError as e:
        sys.stderr.write(f"vshell: {e}\n")
        return 2

    def boot(journal: Journal) -> Machine:
        machine = Machine(seed=journal.seed, vimage=journal.vimage, mounts=o.mounts, paced=paced)
        machine.kernel.on_panic = _report
        return machine

    def rerun(journal: Journal, request: RERUN) -> bytes:
        from vshell.labs.record import transcribe
        from vshell.machine import open_session

        session = open_session(seed=journal.seed, vimage=journal.vimage, mounts=tuple(o.mounts))
        session.machine.shield(True)
        return transcribe(session, request.lines, request.markdown).encode("utf-8", "surrogateescape")

    editor = edit if config.on("host-editor") else None
    return exit_status(run(Seat(boot, Journal(o.seed, o.vimage), paced, rerun, editor), o.plain, config))


def _shell(machine: Machine, o: Options, script: bytes | None, stdin: File) -> Proc:
    """Start sh as the command line asks for it."""
    from vshell.shell.hostio import FedInput, HostOutput

    files: list[File] = [stdin, HostOutput(1), HostOutput(2)]
    argv = ["-sh", "-i"] if o.interactive else ["sh"]
    argv += o.flags
    if script is None:
        argv += ["-s"] if o.stdin else []
        return machine.spawn(argv + (["-c", o.command] if o.command is not None else []) + o.operands, files)
    # An interactive shell takes a file for what is typed; its name is then no business of the shell's.
    argv += ["-s", *o.operands[1:]] if o.interactive else o.operands
    return machine.spawn_script(argv, files, FedInput(script, end=True))


def _report(trace: str) -> None:
    """A bug of the emulator's kernel showed itself: say so, with what is needed to mend it."""
    sys.stderr.write(f"vshell: panic, please report this:\n{trace}")
