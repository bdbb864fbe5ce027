"""service(8): run a script of /etc/rc.d as the system does when it starts (usr.sbin/service/service.sh)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_WRONLY
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

FOLDERS = ("/etc/rc.d", "/usr/local/etc/rc.d")
USAGE = """
Usage:
{0} [-j <jail name or id>] -e
{0} [-j <jail name or id>] [-q] -R
{0} [-j <jail name or id>] [-v] -l
{0} [-j <jail name or id>] [-v] -r
{0} [-j <jail name or id>] [-dqv] [-E var=value] <rc.d script> start|stop|etc.
{0} -h

-d\t\tEnable debugging of rc.d scripts
-j\t\tPerform actions within the named jail
-E n=val\tSet variable n to val before executing the rc.d script
-e\t\tShow services that are enabled
-R\t\tStop and start enabled /usr/local/etc/rc.d services
-l\t\tList all scripts in /etc/rc.d and /usr/local/etc/rc.d
-r\t\tShow the results of boot time rcorder
-q\t\tquiet
-v\t\tVerbose

"""
ENABLED = """
. /etc/rc.subr; load_rc_config
for file in "$@"; do
	grep -q ^rcvar "$file" || continue
	eval "$(grep ^name= "$file")"; eval "$(grep ^rcvar "$file")"
	checkyesno "$rcvar" 2> /dev/null || continue
	case $action in
	show)	echo "$file" ;;
	*)	"$file" "$action" ;;
	esac
done
"""
"""Go through scripts; `action` says what to do with those that are enabled."""


class Service:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.variables: list[str] = []
        self.jail = ""

    def parse(self) -> list[str]:
        """The command line; returns the operands."""
        options = Getopt(self.p, "dE:ehj:lqrRv")
        for flag, value in options:
            if flag == "E":
                self.variables += value.split()
            elif flag == "j":
                self.jail = value
            elif flag == "h":
                self.usage(0)
            elif flag == "?":
                self.usage(1)
            else:
                self.flags.add(flag)
        return options.args

    def usage(self, status: int) -> None:
        """What there is."""
        self.p.stdout.write(USAGE.format(self.p.name))
        self.p.exit(status)

    def scripts(self, *folders: str) -> list[str]:
        """All scripts of some folders."""
        found = []
        for folder in folders:
            try:
                found += [f"{folder}/{name}" for name in sorted(self.p.sys.listdir(folder))]
            except KError:
                continue
        return found

    def environment(self) -> dict[str, str]:
        """What a script finds: nothing of the caller's."""
        env = {"HOME": "/", "PATH": "/sbin:/bin:/usr/sbin:/usr/bin"}
        for each in self.variables:
            name, equals, value = each.partition("=")
            if equals:
                env[name] = value
        if "d" in self.flags:
            env["rc_debug"] = "yes"
        return env

    def become(self, argv: list[str], env: dict[str, str]) -> int:
        """Execute something in place of this program."""
        try:
            execvp(self.p.sys, argv, env)
        except KError as e:
            self.p.err(126, e, argv[0])

    def in_jail(self, args: list[str]) -> int:
        """-j: the same inside, the jail itself left out."""
        inside = [f"-{flag}" for flag in "elqrRv" if flag in self.flags]
        for each in self.variables:
            inside += ["-E", each]
        return self.become(["/usr/sbin/jexec", "-l", self.jail, "/usr/sbin/service", *inside, *args], self.p.env)

    def enabled(self, action: str, scripts: list[str]) -> int:
        """Do something with all scripts that rc.conf enables."""
        return self.become(["/bin/sh", "-c", ENABLED, "service", *scripts], {**self.environment(), "action": action})

    def listing(self) -> int:
        """-l: the names of all scripts."""
        for folder in FOLDERS:
            if "v" in self.flags:
                self.p.stdout.write(f"From {folder}:\n")
            for path in self.scripts(folder):
                self.p.stdout.write(path.rpartition("/")[2] + "\n")
        return 0

    def script(self, name: str, args: list[str]) -> int:
        """Run one script."""
        try:
            self.p.sys.chdir("/")
        except KError:
            pass
        for folder in FOLDERS:
            path = f"{folder}/{name}"
            if not self.executable(path):
                continue
            if "v" in self.flags:
                self.p.stdout.write(f"{name} is located in {folder}\n")
            if "q" in self.flags:
                self.silence()
            return self.become([path, *args], self.environment())
        self.p.stdout.write(f"{name} does not exist in /etc/rc.d or the local startup\n")
        self.p.stdout.write("directories (/usr/local/etc/rc.d), or is not executable\n")
        return 1

    def executable(self, path: str) -> bool:
        """test -x."""
        try:
            return bool(self.p.sys.stat(path).st_mode & 0o111)
        except KError:
            return False

    def silence(self) -> None:
        """-q: no output."""
        fd = self.p.sys.open("/dev/null", O_WRONLY)
        self.p.sys.dup2(fd, 1)
        self.p.sys.dup2(fd, 2)


@program("/usr/sbin/service")
def main(p: Program) -> int:
    """Do what the options say, else run a script."""
    service = Service(p)
    args = service.parse()
    flags = service.flags
    if service.jail:
        return service.in_jail(args)
    if "R" in flags:
        return service.enabled("restart", service.scripts(FOLDERS[1]))
    if "e" in flags:
        return service.enabled("show", service.scripts(*FOLDERS))
    if "l" in flags:
        return service.listing()
    if "r" in flags:
        p.stdout.write("".join(f"{path}\n" for path in service.scripts(*FOLDERS)))
        return 0
    if not args:
        service.usage(1)
    return service.script(args[0], args[1:])


def complete(c: Context) -> Iterator[Candidate]:
    """A script of /etc/rc.d, then what it can do."""
    from vshell.userland.completion import words

    o = c.options("Ej")
    if o.typing == "j":
        yield from c.jails()
    elif not o.operands:
        for name in c.inside(o.values.get("j", "")).sys.listdir("/etc/rc.d"):
            yield from words((name,))
    elif len(o.operands) == 1:
        yield from words(
            ("start", "stop", "restart", "status", "rcvar", "enable", "disable", "onestart", "onestop", "onerestart")
        )
