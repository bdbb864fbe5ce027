"""labhttpd: a small server of files over HTTP/1.1 for labs.  vshell's own: FreeBSD's base system has no web server.

It serves the files of a folder, in the background or, with -i, one connection that inetd(8) accepted.
"""

from __future__ import annotations

from vshell.abi.errno import EACCES, EINTR, ENOENT, KError
from vshell.abi.fcntl import O_RDONLY
from vshell.abi.in6 import IPV6_V6ONLY
from vshell.abi.signal import SIG_IGN, SIGCHLD, SIGPIPE
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IPV6,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_STREAM,
    SOL_SOCKET,
    SockaddrIn,
    SockaddrIn6,
)  # fmt: skip
from vshell.abi.syscalls import Syscalls
from vshell.userland.daemonize import daemon
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import AI_PASSIVE, GaiError, gai_strerror, getaddrinfo
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program
from vshell.userland.strftime import gmtime, strftime

USAGE = """usage: labhttpd [-46f] [-a address] [-P pidfile] [-p port] [folder]
       labhttpd -i [folder]
A small HTTP server for labs; it belongs to vshell, not to FreeBSD.
"""
NS = 1_000_000_000
S_IFMT, S_IFDIR, S_IFREG = 0o170000, 0o040000, 0o100000
CHUNK = 65536
MAX_HEADER = 16384
REASONS = {
    200: "OK", 206: "Partial Content", 301: "Moved Permanently", 304: "Not Modified", 400: "Bad Request", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 416: "Requested Range Not Satisfiable", 505: "HTTP Version not supported",
}  # fmt: skip
TYPES = {
    "html": "text/html", "htm": "text/html", "txt": "text/plain", "css": "text/css", "js": "text/javascript",
    "json": "application/json", "xml": "text/xml", "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif",
    "svg": "image/svg+xml",
}  # fmt: skip


class Server:
    """What is served."""

    def __init__(self, root: str) -> None:
        self.root = root

    async def talk(self, sys: Syscalls, fd: int, out: int) -> None:
        """One connection: requests until the other end has had enough."""
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer and b"\n\n" not in buffer:
                    data = await sys.read(fd, 8192)
                    if not data or len(buffer) > MAX_HEADER:
                        return
                    buffer += data
                end = b"\r\n\r\n" if b"\r\n\r\n" in buffer else b"\n\n"
                head, _, buffer = buffer.partition(end)
                if not await self.answer(sys, out, head.decode("latin-1")):
                    return
        except KError:
            return

    async def answer(self, sys: Syscalls, out: int, head: str) -> bool:
        """One request; False when the connection is to be closed."""
        lines = head.splitlines()
        words = lines[0].split() if lines else []
        fields = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        version = words[2] if len(words) == 3 else ""
        keep = fields.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        if not version.startswith("HTTP/") or not words[1].startswith("/"):
            return await self.refuse(sys, out, 400, False)
        if not version.startswith("HTTP/1."):
            return await self.refuse(sys, out, 505, False)
        if words[0] not in ("GET", "HEAD"):
            return await self.refuse(sys, out, 405, keep, Allow="GET, HEAD")
        return await self.serve(sys, out, unquote(words[1].partition("?")[0]), fields, words[0] == "HEAD", keep)

    async def refuse(self, sys: Syscalls, out: int, status: int, keep: bool, only_head: bool = False, **more: str) -> bool:
        """An answer that is only a status."""
        body = f"{status} {REASONS[status]}\n".encode()
        await self.header(sys, out, status, keep, len(body), "text/plain", more)
        if not only_head:
            await sys.write(out, body)
        return keep

    async def header(
        self, sys: Syscalls, out: int, status: int, keep: bool, length: int, kind: str, more: dict[str, str]
    ) -> None:
        """The head of an answer."""
        fields = {
            "Date": stamp(sys.clock_gettime()), "Server": "labhttpd", "Content-Length": str(length), "Content-Type": kind,
            "Connection": "keep-alive" if keep else "close", **more,
        }  # fmt: skip
        text = f"HTTP/1.1 {status} {REASONS[status]}\r\n" + "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in fields.items())
        await sys.write(out, (text + "\r\n").encode("latin-1", "replace"))

    async def serve(self, sys: Syscalls, out: int, name: str, fields: dict[str, str], only_head: bool, keep: bool) -> bool:
        """A file, or what a folder holds."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in name:
            return await self.refuse(sys, out, 403, keep, only_head)
        path = "/".join([self.root, *parts])
        try:
            found = sys.stat(path)
            if found.st_mode & S_IFMT == S_IFDIR:
                if not name.endswith("/"):
                    return await self.refuse(sys, out, 301, keep, only_head, Location=name + "/")
                try:
                    found = sys.stat(path + "/index.html")
                    path += "/index.html"
                except KError:
                    return await self.folder(sys, out, path, name, only_head, keep)
            if found.st_mode & S_IFMT != S_IFREG:
                return await self.refuse(sys, out, 403, keep, only_head)
            file = sys.open(path, O_RDONLY)
        except KError as e:
            return await self.refuse(sys, out, 403 if e.errno == EACCES else 404, keep, only_head)
        try:
            return await self.file(sys, out, file, path, found.st_size, found.st_mtime, fields, only_head, keep)
        finally:
            sys.close(file)

    async def folder(self, sys: Syscalls, out: int, path: str, name: str, only_head: bool, keep: bool) -> bool:
        """A list of names."""
        rows = []
        for each in sorted(sys.listdir(path)):
            mark = "/" if sys.stat(f"{path}/{each}").st_mode & S_IFMT == S_IFDIR else ""
            rows.append(f'<li><a href="{escape(each)}{mark}">{escape(each)}{mark}</a></li>\n')
        body = f"<html><head><title>{escape(name)}</title></head><body><ul>\n{''.join(rows)}</ul></body></html>\n"
        data = body.encode("utf-8", "surrogateescape")
        await self.header(sys, out, 200, keep, len(data), "text/html", {})
        if not only_head:
            await sys.write(out, data)
        return keep

    async def file(
        self,
        sys: Syscalls,
        out: int,
        file: int,
        path: str,
        size: int,
        mtime: int,
        fields: dict[str, str],
        only_head: bool,
        keep: bool,
    ) -> bool:
        """A file, or the part of it that is asked for."""
        modified = stamp(mtime)
        more = {"Last-Modified": modified, "Accept-Ranges": "bytes"}
        if fields.get("if-modified-since") == modified:
            await self.header(sys, out, 304, keep, 0, kind_of(path), more)
            return keep
        first, last, status = 0, size - 1, 200
        if "range" in fields:
            span = span_of(fields["range"], size)
            if span is None:
                return await self.refuse(sys, out, 416, keep, only_head, Content_Range=f"bytes */{size}")
            (first, last), status = span, 206
            more["Content-Range"] = f"bytes {first}-{last}/{size}"
        await self.header(sys, out, status, keep, last - first + 1, kind_of(path), more)
        if only_head:
            return keep
        sys.lseek(file, first, 0)
        left = last - first + 1
        while left > 0 and (data := await sys.read(file, min(CHUNK, left))):
            await sys.write(out, data)
            left -= len(data)
        return keep and left <= 0


def stamp(ns: int) -> str:
    """A date as HTTP writes it."""
    return strftime("%a, %d %b %Y %T GMT", gmtime(ns // NS))


def kind_of(path: str) -> str:
    """The type of a file, by its name."""
    return TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")


def span_of(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte of "bytes=FIRST-LAST"; None if that cannot be satisfied."""
    first, _, last = text.removeprefix("bytes=").partition(",")[0].partition("-")
    if (first and not first.isdecimal()) or (last and not last.isdecimal()) or not (first or last):
        return None
    if not first:
        return (max(size - int(last), 0), size - 1) if int(last) and size else None
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    return (start, end) if start <= end else None


def unquote(text: str) -> str:
    """%20 and the like."""
    from urllib.parse import unquote as decode

    return decode(text, errors="surrogateescape")


def escape(text: str) -> str:
    """For HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def listeners(p: Program, family: int, address: str | None, port: str) -> list[int]:
    """Sockets that wait for callers."""
    try:
        found = getaddrinfo(p, address, port, family, SOCK_STREAM, 0, AI_PASSIVE)
    except GaiError as e:
        p.errx(1, f"{address or port}: {gai_strerror(e.code)}")
    fds: list[int] = []
    problem: KError | None = None
    for info in found:
        if not isinstance(info.addr, SockaddrIn | SockaddrIn6):
            continue
        try:
            fd = p.sys.socket(info.family, SOCK_STREAM | SOCK_CLOEXEC)
            if info.family == AF_INET6:
                p.sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
            p.sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
            p.sys.bind(fd, info.addr)
            p.sys.listen(fd, -1)
        except KError as e:
            problem = e
            continue
        fds.append(fd)
    if not fds:
        p.err(1, problem or ENOENT, "bind")
    return fds


async def run(p: Program, server: Server, fds: list[int]) -> int:
    """For ever: a process for each caller."""
    from vshell.abi.fcntl import POLLIN

    sys = p.sys
    sys.sigaction(SIGCHLD, SIG_IGN)
    sys.sigaction(SIGPIPE, SIG_IGN)
    while True:
        try:
            ready = await sys.poll([(fd, POLLIN) for fd in fds], None)
        except KError as e:
            if e.errno == EINTR:
                continue
            raise
        for fd, _ in ready:
            try:
                caller, _name = await sys.accept(fd)
            except KError:
                continue

            async def child(own: Syscalls, caller: int = caller) -> int:
                for each in fds:
                    own.close(each)
                await server.talk(own, caller, caller)
                own.close(caller)
                return 0

            sys.fork(child)
            sys.close(caller)


@program("/usr/local/bin/labhttpd")
async def main(p: Program) -> int:
    """labhttpd [-46fi] [-a address] [-P pidfile] [-p port] [folder]"""
    family, address, port, pidpath = 0, None, "80", "/var/run/labhttpd.pid"
    flags: set[str] = set()
    parsed = Getopt(p, "46a:fiP:p:")
    for letter, value in parsed:
        if letter in "46":
            family = AF_INET if letter == "4" else AF_INET6
        elif letter == "a":
            address = value
        elif letter == "P":
            pidpath = value
        elif letter == "p":
            port = value
        elif letter == "?":
            p.usage(USAGE)
        else:
            flags.add(letter)
    if len(parsed.args) > 1:
        p.usage(USAGE)
    root = parsed.args[0] if parsed.args else "/usr/local/www"
    root = root if root.startswith("/") else f"{p.sys.getcwd().rstrip('/')}/{root}"
    try:
        p.sys.listdir(root)
    except KError as e:
        p.err(1, e, root)
    server = Server(root.rstrip("/"))
    if "i" in flags:
        await server.talk(p.sys, 0, 1)
        return 0
    fds = listeners(p, family, address, port)
    try:
        pidfile = Pidfile(p, pidpath)
    except Running as e:
        p.errx(1, f"already running, pid: {e.pid}")
    except KError as e:
        p.err(1, e, pidpath)

    async def body(q: Program) -> int:
        pidfile.write(q)
        return await run(q, server, fds)

    if "f" in flags:
        return await body(p)
    daemon(p, body)
    return 0
