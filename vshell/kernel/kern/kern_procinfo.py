"""What one process may learn about another: sysctl kern.proc.filedesc, .env, .pathname (kern_proc.c, kern_descrip.c)."""

from __future__ import annotations

import stat

from vshell.abi.errno import EPERM, ESRCH, KError
from vshell.abi.fcntl import O_RDONLY, O_RDWR
from vshell.abi.proc import KinfoFile
from vshell.abi.record import replace
from vshell.kernel.kern.devfs import MemoryDevice
from vshell.kernel.kern.kern_mib import CONSOLE
from vshell.kernel.kern.kern_proc import p_cansee, pfind
from vshell.kernel.kern.sys_pipe import PipeEnd
from vshell.kernel.kern.tty import TtyFile
from vshell.kernel.kern.uipc_socket import Socket
from vshell.kernel.kern.vfs import namei, vn_fullpath
from vshell.kernel.kern.vfs_file import FifoEnd, VnodeFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.vfs import Vnode

VTYPES = {stat.S_IFREG: "r", stat.S_IFDIR: "d", stat.S_IFCHR: "c", stat.S_IFLNK: "l", stat.S_IFIFO: "f", stat.S_IFSOCK: "s"}
ADDRESS = 0xFFFFF80000000000
"""Where kernel memory begins."""


def kernel_address(thing: object) -> int:
    """A number for a kernel object that looks like the address it would have."""
    return ADDRESS | id(thing) & 0xFFFFFFFF8


class ProcInfoCalls:
    """System calls that look into processes."""

    proc: Proc
    kernel: Kernel

    def proc_files(self, pid: int) -> list[KinfoFile]:
        """kern.proc.filedesc: everything a process has open, first what has no descriptor."""
        target = self._debuggable(pid)
        found = []
        if target.text is not None:
            found.append(self._vnode("text", target.text[0], self.proc_path(pid)))
        tty = target.ctty.name if target.ctty is not None else CONSOLE if target.sid in self.kernel.console_sessions else ""
        if tty:
            found.append(self._ctty(tty))
        for name, vnode in (("cwd", target.cdir), ("root", target.rdir)):
            found.append(self._vnode(name, vnode, self._path(vnode)))
        if target.ucred.prison.isjail:
            found.append(self._vnode("jail", target.ucred.prison.root, self._path(target.ucred.prison.root)))
        found += [self._file(fd, file) for fd, file in sorted(target.fd.files.items())]
        return found

    def proc_env(self, pid: int) -> list[str]:
        """kern.proc.env."""
        return [f"{name}={value}" for name, value in self._debuggable(pid).env.items()]

    def proc_path(self, pid: int) -> str:
        """kern.proc.pathname."""
        target = self._visible(pid)
        if target is None or target.text is None:
            return ""
        _, path, start = target.text
        return path if path.startswith("/") else f"{self._path(start).rstrip('/')}/{path}"

    def _visible(self, pid: int) -> Proc | None:
        """ESRCH for a process one may not see; None for the kernel itself."""
        if pid == 0 and not self.proc.ucred.prison.isjail:
            return None
        target = pfind(self.kernel, pid)
        if target is None or not p_cansee(self.proc, target):
            raise KError(ESRCH)
        return target

    def _debuggable(self, pid: int) -> Proc:
        """p_candebug: one's own processes, or root."""
        target = self._visible(pid)
        cred = self.proc.ucred
        if (
            target is None
            or target.exited
            or (cred.uid and {target.ucred.uid, target.ucred.ruid, target.ucred.svuid} != {cred.uid})
        ):
            raise KError(EPERM)
        return target

    def _path(self, vnode: Vnode) -> str:
        try:
            return vn_fullpath(vnode, self.proc.rdir)
        except KError:
            return ""

    def _vnode(self, fd: str, vnode: Vnode, path: str) -> KinfoFile:
        st = vnode.getattr()
        kind = VTYPES.get(vnode.type, "?")
        return KinfoFile(
            fd, "vnode", O_RDONLY, path=path, vtype=kind, mode=st.st_mode, ino=st.st_ino, size=st.st_size, dev=st.st_dev,
            rdev=st.st_rdev, mntdir=vnode.mount.onname,
        )  # fmt: skip

    def _ctty(self, name: str) -> KinfoFile:
        path = f"/dev/{name}"
        try:
            return replace(self._vnode("ctty", namei(self.proc, path), path), flags=O_RDWR)
        except KError:
            return KinfoFile("ctty", "vnode", O_RDWR, path=path, vtype="c", mode=stat.S_IFCHR | 0o600, mntdir="/dev")

    def _file(self, fd: int, file: File) -> KinfoFile:
        if isinstance(file, Socket):
            return KinfoFile(fd, "socket", file.flags, file.refs, **_socket(file))
        try:
            st = file.stat(self.proc)
        except KError:
            return KinfoFile(fd, "none", file.flags, file.refs)
        kind = "vnode"
        found: dict[str, Any] = {
            "mode": st.st_mode, "ino": st.st_ino, "size": st.st_size, "dev": st.st_dev, "rdev": st.st_rdev,
            "vtype": VTYPES.get(stat.S_IFMT(st.st_mode), "?"),
        }  # fmt: skip
        if isinstance(file, VnodeFile):
            found.update(offset=file.offset, mntdir=file.vnode.mount.onname)
            if file.named is not None:
                directory, name = file.named
                if name and directory.entries.get(name) is file.vnode:
                    found["path"] = f"{self._path(directory).rstrip('/')}/{name}"
        elif isinstance(file, FifoEnd):
            kind = "fifo"
            found["mntdir"] = file.vnode.mount.onname
        elif isinstance(file, PipeEnd):
            kind = "pipe"
            address = kernel_address(file.pipe)
            side = (file.flags & 1) << 7
            found.update(size=len(file.pipe.data), addr=address | side, peeraddr=address | side ^ 1 << 7)
        elif found["vtype"] == "c":
            name = file.name if isinstance(file, MemoryDevice) else file.tty.name if isinstance(file, TtyFile) else ""
            found.update(offset=0, mntdir="/dev", path=f"/dev/{name}" if name else "")
            self._device(found)
        return KinfoFile(fd, kind, file.flags, file.refs, **found)

    def _device(self, found: dict[str, Any]) -> None:
        """What the node of an open device in /dev says."""
        try:
            st = namei(self.proc, found["path"]).getattr()
        except KError:
            return
        found.update(mode=st.st_mode, ino=st.st_ino, dev=st.st_dev, rdev=st.st_rdev)


def _socket(so: Socket) -> dict[str, Any]:
    found: dict[str, Any] = {
        "domain": so.pr.domain, "sotype": so.pr.type, "protocol": so.protocol, "recvq": so.rcv.cc, "sendq": so.snd.cc,
        "addr": kernel_address(so),
    }  # fmt: skip
    for name, call in (("local", so.pr.sockaddr), ("peer", so.pr.peeraddr)):
        try:
            found[name] = call(so)
        except KError:
            continue
    return found
