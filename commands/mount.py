"""mount(8): mount file systems and list what is mounted (sbin/mount)."""

from __future__ import annotations

from vshell.abi.errno import ENOTDIR, KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.abi.mount import Statfs
from vshell.userland.getopt import Getopt
from vshell.userland.mntinfo import fstab, getmntinfo, vfs_filter
from vshell.userland.pathname import realpath
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.libxo import Xo

USAGE = """\
usage: mount [-adflpruvw] [-F fstab] [-o options] [-t [no]type[,type ...]]
       mount [-dfpruvw] special | node
       mount [-dfpruvw] [-o options] [-t [no]type[,type ...]] special node
"""
PROGRAMS = frozenset({"cd9660", "mfs", "msdosfs", "nfs", "nullfs", "smbfs", "udf", "unionfs"})
"""Types with a mount program of their own, whose name is in front of its errors."""
IGNORED = frozenset({"noauto", "late", "failok", "rw", "noro", ""})
OPTION_NAMES = {"read-only": "ro", "noexec": "noexec", "nosuid": "nosuid", "noatime": "noatime", "nosymfollow": "nosymfollow"}


class Mounter:
    """One run of mount."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.fstab = "/etc/fstab"
        self.flags: set[str] = set()
        self.options: list[str] = []
        self.types: str | None = None
        self.xo: Xo | None = None
        """Where an option asks for libxo(3)."""
        if any(word.startswith("--libxo") for word in p.argv):
            from vshell.userland.libxo import Xo

            self.xo = Xo(p)
            p.argv[:] = self.xo.parse_args(list(p.argv))
            self.xo.open_container("mount")

    def parse(self) -> list[str]:
        """The command line; returns the operands."""
        parsed = Getopt(self.p, "adF:fLlno:prt:uvw")
        for key, value in parsed:
            if key == "?":
                self.p.usage(USAGE)
            elif key == "F":
                self.fstab = value
            elif key == "o":
                self.options += value.split(",")
            elif key == "r":
                self.options.append("ro")
            elif key == "w":
                self.options.append("noro")
            elif key == "t":
                if self.types is not None:
                    self.p.errx(1, "only one -t option may be specified")
                self.types = value
            else:
                self.flags.add(key)
        return parsed.args

    def show(self) -> None:
        """Print what is mounted."""
        wanted = vfs_filter(self.types)
        self.report([fs for fs in getmntinfo(self.p) if wanted(fs.f_fstypename)])

    def report(self, found: list[Statfs]) -> None:
        """One line for each."""
        if self.xo is None:
            for fs in found:
                self.p.stdout.write(self.fstab_line(fs) if "p" in self.flags else self.line(fs))
            return
        name = "fstab" if "p" in self.flags else "mounted"
        self.xo.open_list(name)
        for fs in found:
            self.xo.open_instance(name)
            if name == "fstab":
                self.emit_fstab(fs)
            else:
                self.emit(fs)
            self.xo.close_instance(name)
        self.xo.close_list(name)

    def finish(self, status: int) -> int:
        """End the document."""
        if self.xo is not None:
            self.xo.close_container("mount")
            self.xo.finish()
        return status

    def emit(self, fs: Statfs) -> None:
        """line() through libxo: prmount()."""
        assert self.xo is not None
        self.xo.emit("{:special/%hs}{L: on }{:node/%hs}{L: (}{:fstype/%s}", fs.f_mntfromname, fs.f_mntonname, fs.f_fstypename)
        for option in fs.options:
            self.xo.emit("{D:, }{l:opts/%s}", option)
        if "v" in self.flags:
            self.xo.emit("{D:, }{Lw:fsid}{:fsid/%s}", f"{fs.f_fsid:016x}")
        self.xo.emit("{D:)}\n")

    def emit_fstab(self, fs: Statfs) -> None:
        """fstab_line() through libxo: putfsent()."""
        assert self.xo is not None
        fields = self.fstab_line(fs).split()
        for name, text in zip(("device", "mntpoint"), fields, strict=False):
            pad = "".join("\t" if len(text) < n else "" for n in (8, 16)) + ("\t" if len(text) < 24 else " ")
            self.xo.emit(f"{{:{name}/%s}}{{P:/%s}}", text, pad)
        self.xo.emit("{:fstype/%s}{P:\t}{:opts/%s}{P:/%s}", fields[2], fields[3], "\t" if len(fields[3]) < 8 else " ")
        self.xo.emit("{P:\t}{n:dump/%u}{P: }{n:pass/%u}\n", int(fields[4]), int(fields[5]))

    def line(self, fs: Statfs) -> str:
        """what on where (type, options)"""
        words = [fs.f_fstypename, *fs.options]
        if "v" in self.flags:
            words.append(f"fsid {fs.f_fsid:016x}")
        return f"{fs.f_mntfromname} on {fs.f_mntonname} ({', '.join(words)})\n"

    def fstab_line(self, fs: Statfs) -> str:
        """-p: as a line of fstab(5)."""
        read_only = "read-only" in fs.options
        options = [] if read_only else ["rw"]
        options += [OPTION_NAMES[w] for w in fs.options if w in OPTION_NAMES]
        numbers = next(((e[4], e[5]) for e in fstab(self.p, self.fstab) if e[0] == fs.f_mntfromname), None)
        dump, check = numbers or (("1", "1") if fs.f_fstypename == "ufs" else ("0", "0"))
        text = ""
        for field in (fs.f_mntfromname, fs.f_mntonname):
            text += field + "".join("\t" if len(field) < n else "" for n in (8, 16)) + ("\t" if len(field) < 24 else " ")
        words = ",".join(options)
        return f"{text}{fs.f_fstypename}\t{words}{chr(9) if len(words) < 8 else ' '}\t{dump} {check}\n"

    def all(self) -> int:
        """-a: everything in fstab that is not mounted yet."""
        wanted = vfs_filter(self.types)
        status = 0
        for spec, node, fstype, options, *_ in fstab(self.p, self.fstab):
            words = options.split(",")
            mounted = any(fs.f_mntonname == node and fs.f_fstypename == fstype for fs in getmntinfo(self.p))
            if "noauto" in words or not wanted(fstype) or mounted or fstype == "swap":
                continue
            status |= self.mount(fstype, spec, node, words)
        return status

    def mount(self, fstype: str, spec: str, node: str, options: list[str]) -> int:
        """Mount one; the exit status."""
        p = self.p
        try:
            path = realpath(p.sys, node)
            if p.sys.stat(path).st_mode & S_IFMT != S_IFDIR and fstype != "nullfs":
                raise KError(ENOTDIR)
        except KError as e:
            p.warn(e, node)
            return 1
        words: dict[str, str] = {}
        for option in [*options, *self.options]:
            name, _, value = option.partition("=")
            if name == "noro":
                words.pop("ro", None)
            elif name not in IGNORED:
                words[name] = value
        if "u" in self.flags or path == "/":
            words["update"] = ""
        if "d" in self.flags:
            args = "".join(f" -o {w}" for w in [*options, *self.options] if w)
            start = f"exec: mount_{fstype}" if fstype in PROGRAMS else f"mount -t {fstype}"
            p.stdout.write(f"{start}{args} {spec} {path}\n")
            return 0
        try:
            p.sys.nmount(fstype, path, {**words, "from": self.source(fstype, spec)})
        except KError as e:
            self.error(e, fstype, spec, path)
            return 1
        if "v" in self.flags:
            self.report([p.sys.statfs(path)])  # type: ignore[list-item]
        return 0

    def source(self, fstype: str, spec: str) -> str:
        """A directory is named by its real path."""
        try:
            return realpath(self.p.sys, spec) if fstype == "nullfs" else spec
        except KError:
            return spec

    def error(self, e: KError, fstype: str, spec: str, path: str) -> None:
        """Why it could not be mounted."""
        name = self.p.name
        if fstype in PROGRAMS:
            self.p.name = f"mount_{fstype}"
            self.p.warn(e, f"{path}: {e.text}" if e.text else path)
        else:
            self.p.warn(e, f"{spec}: {e.text}" if e.text else spec)
        self.p.name = name

    def one(self, name: str) -> int:
        """A device or directory of fstab, or with -u what is mounted there."""
        p = self.p
        name = name.rstrip("/") or "/"
        if "u" in self.flags:
            for fs in reversed(getmntinfo(p)):
                if fs.f_mntonname == name:
                    return self.mount(fs.f_fstypename, fs.f_mntfromname, name, [])
            p.errx(1, f"not currently mounted {name}")
        for spec, node, fstype, options, *_ in fstab(p, self.fstab):
            if name in (node, spec):
                return self.mount(fstype, spec, node, options.split(","))
        p.errx(1, f"{name}: unknown special file or file system")


@program("/sbin/mount", "/sbin/mount_nullfs")
def main(p: Program) -> int:
    """mount [-adflpruvw] [-o options] [-t type] [special] [node]"""
    m = Mounter(p)
    if p.name == "mount_nullfs":
        parsed = Getopt(p, "o:")
        for key, value in parsed:
            if key == "?":
                break
            m.options += value.split(",")
        if len(parsed.args) != 2:
            p.usage("usage: mount_nullfs [-o options] target mount-point", 64)
        return m.mount("nullfs", parsed.args[0], parsed.args[1], [])
    args = m.parse()
    if not args:
        if "a" in m.flags:
            return m.finish(m.all())
        m.show()
        return m.finish(0)
    if len(args) == 1:
        if m.types is not None:
            p.usage(USAGE)
        return m.finish(m.one(args[0]))
    if len(args) > 2:
        p.usage(USAGE)
    fstype = m.types if m.types is not None else "ufs"
    return m.finish(m.mount("msdosfs" if fstype == "msdos" else fstype, args[0], args[1], []))
