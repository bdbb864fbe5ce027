"""The files behind sysrc(8): what sh(1) makes of them, and changes to their lines (bsdconfig's sysrc.subr)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, W_OK
from vshell.abi.syscalls import Syscalls
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.userland.system import wait_for

DEFAULTS = "/etc/defaults/rc.conf"
S_IFMT, S_IFREG = 0o170000, 0o100000
_CLEAN = """
for _v in $(set | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do
	case $_v in
	IFS|OPTIND|PATH|_v|@KEEP@)	;;
	*)	unset "$_v" ;;
	esac
done
unset _v
"""
_READ = """
if [ -n "${RC_CONFS+set}" ]; then rc_conf_files=$RC_CONFS; fi
source_rc_confs > /dev/null 2>&1
"""


class Conf:
    """The configuration as the files in `confs` have it, or those that rc_conf_files names."""

    def __init__(self, p: Program, confs: str | None) -> None:
        self.p = p
        self.confs = confs
        self.defaults = p.env.get("RC_DEFAULTS", DEFAULTS)

    async def sh(self, script: str, *args: str) -> tuple[int, str]:
        """Run a script; its status and standard output."""
        sys = self.p.sys
        reader, writer = sys.pipe()
        env = {"PATH": "/sbin:/bin:/usr/sbin:/usr/bin", "RC_DEFAULTS": self.defaults}
        if self.confs is not None:
            env["RC_CONFS"] = self.confs

        async def child(own: Syscalls) -> int:
            own.close(reader)
            null = own.open("/dev/null", O_RDWR)
            own.dup2(writer, 1)
            own.dup2(null, 2)
            for fd in (writer, null):
                if fd > 2:
                    own.close(fd)
            try:
                own.execve("/bin/sh", ["sh", "-c", script, "sysrc", *args], env)
            except KError:
                return 127

        pid = sys.fork(child)
        sys.close(writer)
        out = b""
        while data := await sys.read(reader, 65536):
            out += data
        sys.close(reader)
        status = await wait_for(self.p, pid)
        return (status >> 8) or (status & 0x7F), decode(out)

    def is_file(self, path: str) -> bool:
        """test -f."""
        try:
            return self.p.sys.stat(path).st_mode & S_IFMT == S_IFREG
        except KError:
            return False

    async def value(self, name: str, must: bool = False) -> str | None:
        """f_sysrc_get: the value; None if there is none and one `must` be."""
        if not name or name[0].isdecimal() or not self.is_file(self.defaults):
            return None
        script = f'. "$RC_DEFAULTS" > /dev/null 2>&1\n_files=$rc_conf_files{_READ}'
        if name == "rc_conf_files":
            # What the files say of themselves counts, the override does not.
            script += '[ -n "${RC_CONFS+set}" ] && [ "$rc_conf_files" = "$RC_CONFS" ] && rc_conf_files=$_files\n'
        script += "unset RC_CONFS RC_DEFAULTS _files\n"
        script += f"printf '%s\\n' \"${{{name}{'?' if must else ''}}}\""
        status, out = await self.sh(script)
        return None if status else out.removesuffix("\n")

    async def everything(self, defaults: bool) -> list[tuple[str, str]]:
        """All variables by name with their values: those the files set, or with the `defaults`."""
        script = _CLEAN.replace("@KEEP@", "RC_CONFS|RC_DEFAULTS") + '. "$RC_DEFAULTS" > /dev/null 2>&1\n'
        if not defaults:
            script += _CLEAN.replace("@KEEP@", "RC_CONFS|RC_DEFAULTS|rc_conf_files|source_rc_confs_defined")
        script += _READ + "unset RC_CONFS RC_DEFAULTS\n"
        script += (
            "for _v in $(set | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do\n"
            'eval "printf \'%s\\0%s\\0\' $_v \\"\\$$_v\\""\ndone\n'
        )
        _, out = await self.sh(script)
        words = out.split("\0")
        hidden = {"IFS", "OPTIND", "PATH", "_v"}
        pairs = [(n, v) for n, v in zip(words[::2], words[1::2], strict=False) if n and n not in hidden]
        if not defaults and await self.find("rc_conf_files") == self.defaults:
            pairs = [pair for pair in pairs if pair[0] != "rc_conf_files"]
        return [pair for pair in pairs if defaults or pair[0] != "source_rc_confs_defined"]

    async def files(self) -> list[str]:
        """The files to look at."""
        return (self.confs if self.confs is not None else await self.value("rc_conf_files") or "").split()

    async def first(self) -> str:
        """Where a new variable goes."""
        return next(iter(await self.files()), "")

    async def find(self, name: str) -> str:
        """f_sysrc_find: the last file that sets a variable, "" if none does."""
        match = re.match(r"\w+", name, re.ASCII)
        if match is None or name[0].isdecimal():
            return ""
        pattern = re.compile(rf"^[ \t]*{match.group()}=", re.MULTILINE)
        for path in [*reversed(await self.files()), self.defaults]:
            if self.is_file(path) and pattern.search(self._text(path)):
                return path
        return ""

    def _text(self, path: str) -> str:
        try:
            return decode(slurp(self.p, path))
        except KError:
            return ""

    def description(self, name: str) -> str:
        """f_sysrc_desc: the comment behind a default, and in the lines that follow."""
        lines = self._text(self.defaults).split("\n")
        for at, line in enumerate(lines):
            if re.match(rf"^\s*{re.escape(name)}=", line) is None:
                continue
            text = re.sub(r"^[^#]*(#\s*)?", "", line, count=1)
            for more in lines[at + 1 :]:
                if not re.match(r"^\s*#", more) or re.match(r"^\s*#[A-Za-z_]\w*=", more):
                    break
                text += " " + re.sub(r"(.*#)*\s*", "", more, count=1)
            return text.strip()
        return ""

    async def correct(self) -> bool:
        """True if all files are correct shell scripts."""
        files = self.confs.split() if self.confs is not None else [self.defaults, *await self.files()]
        for path in files:
            if self.is_file(path) and not await self._parses(path):
                return False
        return True

    async def _parses(self, path: str) -> bool:
        return (await self.sh('/bin/sh -n "$1"', path))[0] == 0

    def _write(self, path: str, text: str) -> bool:
        sys = self.p.sys
        try:
            fd = sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        except KError as e:
            self.p.warn(e, path)
            return False
        sys.write_nowait(fd, text.encode("utf-8", "surrogateescape"))
        sys.close(fd)
        return True

    def _writable(self, path: str) -> bool:
        try:
            self.p.sys.access(path, W_OK)
        except KError:
            return False
        return True

    async def set(self, name: str, new: str) -> bool:
        """f_sysrc_set: in the last line that sets the variable, or in a new one."""
        file = await self.find(name)
        if file in ("", self.defaults):
            file = await self.first()
            text = self._text(file)
            if text and not text.endswith("\n"):
                text += "\n"
            return self._write(file, f'{text}{name}="{new}"\n')
        if not self._writable(file):
            self.p.stderr.write(f"{self.p.name}: cannot create {file}: Permission denied\n")
            return False
        lines = self._text(file).removesuffix("\n").split("\n")
        pattern = re.compile(rf"^\s*{re.escape(name)}=")
        at = max(i for i, line in enumerate(lines) if pattern.match(line))
        match = pattern.match(lines[at])
        assert match is not None
        changed = assignment(match.group(), lines[at][match.end() :], new)
        if changed is None:
            lines.append(f'{name}="{new}"')
        else:
            lines[at] = changed
        return await self._replace(file, "\n".join(lines) + "\n")

    async def _replace(self, file: str, text: str) -> bool:
        """Put a new content in place if sh(1) understands it."""
        temporary = f"/tmp/{self.p.name}.{self.p.sys.getpid()}"
        if not self._write(temporary, text):
            return False
        fine = await self._parses(temporary)
        self.p.sys.unlink(temporary)
        if not fine:
            self.p.stderr.write(f"{self.p.name}: Not overwriting `{file}' due to previous syntax errors\n")
            return False
        return self._write(file, text)

    async def delete(self, name: str) -> bool:
        """f_sysrc_delete: every line that sets the variable."""
        pattern = re.compile(rf"^\s*{re.escape(name)}=")
        for file in await self.files():
            if not self.is_file(file):
                continue
            lines = self._text(file).split("\n")
            left = [line for line in lines if not pattern.match(line)]
            if len(left) == len(lines):
                continue
            if not self._writable(file):
                self.p.stderr.write(f"{self.p.name}: {file}: Permission denied\n")
                return False
            if not await self._replace(file, "\n".join(left)):
                return False
        return True

    async def services(self) -> list[str]:
        """service -l."""
        _, out = await self.sh("service -l")
        return out.split()

    async def service(self, name: str) -> list[str] | None:
        """f_sysrc_service_configs: the rc.conf.d files of a service; None if there is no such service."""
        startup = (await self.value("local_startup") or "").split()
        for folder in ["/etc/rc.d", *startup]:
            path = f"{folder}/{name}"
            if self.is_file(path) and self.p.sys.stat(path).st_mode & 0o111:
                break
        else:
            return None
        names = list(dict.fromkeys(re.findall(r"^\s*load_rc_config\s+(\S+)", self._text(path), re.MULTILINE)))
        found: list[str] = []
        for each in names:
            each = name if each.startswith("$") else each
            for folder in ["/etc/rc.d", *startup]:
                conf = f"{folder.removesuffix('/rc.d')}/rc.conf.d/{each}"
                found += self._folder(conf)
        return found

    def _folder(self, path: str) -> list[str]:
        try:
            return [f"{path}/{each}" for each in sorted(self.p.sys.listdir(path)) if self.is_file(f"{path}/{each}")]
        except KError:
            return [path]


def assignment(head: str, rest: str, new: str) -> str | None:
    """A line with another value, its quotes and what follows kept; None if the value is not plain text."""
    first = rest[:1]
    if first and first in "`$\\":
        return None
    before = after = first
    if first == "'":
        rest = re.sub(r"^'[^']*", "", rest, count=1)
        after = first if rest else ""
        rest = rest.removeprefix("'")
    elif first == '"':
        rest = re.sub(r'^"(.*\\\\+")*[^"]*', "", rest, count=1)
        after = first if rest else ""
        rest = rest.removeprefix('"')
    else:
        before = after = '"'
        if first and not first.isspace() and first != ";":
            rest = re.sub(r"^\S*", "", rest, count=1)
    return f"{head}{before}{new}{after}{rest}"
