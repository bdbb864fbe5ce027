"""One transfer of fetch(1): from a URL into a file, with what is shown meanwhile (usr.bin/fetch/fetch.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError, strerror
from vshell.abi.fcntl import O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY
from vshell.abi.signal import SIGALRM, SIGINT
from vshell.commands.fetch.http import ERRORS, NOT_MODIFIED, Answer, FetchError, Http
from vshell.commands.fetch.url import Url, parse
from vshell.userland.program import Program

NS = 1_000_000_000
S_IFMT, S_IFREG = 0o170000, 0o100000


class Failure(Exception):
    """The transfer failed and that has been said; `keep` what is there of the file."""

    def __init__(self, keep: bool = False) -> None:
        super().__init__(keep)
        self.keep = keep


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.verbose = 1
        self.family = 0
        self.output: str | None = None
        self.ims = ""
        self.size = 0
        self.timeout = self.wait = 0
        self.env: dict[str, str] = {}


class File:
    """The body of a file: URL, read like an answer."""

    def __init__(self, p: Program, fd: int, size: int) -> None:
        self.p, self.fd, self.size = p, fd, size

    async def read(self) -> bytes:
        """More of it."""
        return await self.p.sys.read(self.fd, 65536)

    def close(self) -> None:
        """No more."""
        self.p.sys.close(self.fd)


class Stat:
    """The line that tells how far it is (struct xferstat)."""

    def __init__(self, p: Program, name: str, size: int, offset: int, verbose: int) -> None:
        self.p, self.name, self.size, self.offset = p, name, size, offset
        self.start = p.sys.clock_gettime()
        self.shown = verbose > 0
        self.progress = self.shown and p.stderr.isatty()
        self.last, self.before = self.start, offset
        if self.progress:
            self.display(offset, 1)
        elif self.shown:
            p.stderr.write(f"{name:<46}")

    def display(self, received: int, force: int) -> None:
        """stat_display."""
        now = self.p.sys.clock_gettime()
        if not force and now // NS <= self.last // NS:
            return
        text = f"\r{self.name:<46.46}"
        if received >= self.size:
            text += f"        {size_text(received)}"
        else:
            text += f"{100 * received // self.size:3d}% of {size_text(self.size)}"
        since, base = (self.start, self.offset) if force == 2 else (self.last, self.before)
        self.last, self.before = now, received
        text += f" {speed(received - base, now - since)}"
        if force == 2 or (self.size > 0 and received > 0 and now // NS >= self.start // NS + 3):
            text += f" {self.eta(received)}"
        self.p.stderr.write(text)

    def eta(self, received: int) -> str:
        """stat_eta: the time left, or taken."""
        elapsed = self.last // NS - self.start // NS
        done = received - self.offset
        left = elapsed * (self.size - received) // done if done else 0
        return seconds(left if left > 0 else elapsed)

    def end(self, received: int) -> None:
        """stat_end."""
        if self.progress:
            self.display(received, 2)
            self.p.stderr.write("\n")
        elif self.shown:
            self.last = self.p.sys.clock_gettime()
            rate = speed(received - self.offset, self.last - self.start)
            self.p.stderr.write(f"        {size_text(received)} {rate} {self.eta(received)}\n")


def size_text(count: int) -> str:
    """stat_bytes."""
    prefixes = " kMGTP"
    at = 0
    while count > 9999 and at < len(prefixes) - 1:
        count //= 1024
        at += 1
    return f"{count:4d} {prefixes[at]}B"


def speed(count: int, ns: int) -> str:
    """stat_bps."""
    return f"{size_text(count * NS // ns)}ps" if ns > 0 else "?? Bps"


def seconds(count: int) -> str:
    """stat_seconds."""
    if count > 86400:
        return f"{count // 86400:02d}d{count % 86400 // 3600:02d}h"
    if count > 3600:
        return f"{count // 3600:02d}h{count % 3600 // 60:02d}m"
    if count > 60:
        return f"{count // 60:02d}m{count % 60:02d}s"
    return f"   {count:02d}s"


class Transfer:
    """One URL."""

    def __init__(self, p: Program, o: Options, url: str, path: str) -> None:
        self.p, self.o, self.text, self.path = p, o, url, path
        self.stdout = o.output == "-"
        self.again = False
        """True if the error may go away."""
        self.alarmed = self.interrupted = False
        self.http = Http(p, o.family, o.verbose > 1, "A" in o.flags, o.env)

    def _signal(self, sig: int) -> None:
        if sig == SIGALRM:
            self.alarmed = True
        else:
            self.interrupted = True

    async def run(self) -> bool:
        """True if it worked."""
        self.p.sys.sigaction(SIGALRM, self._signal, restart=False)
        self.p.sys.sigaction(SIGINT, self._signal, restart=False)
        try:
            return await self._fetch()
        except Failure:
            return False

    def fail(self, text: str, keep: bool = False) -> Failure:
        """Say why."""
        self.p.stdout.flush()
        self.p.warnx(text)
        return Failure(keep)

    def _url(self) -> Url:
        if not self.text:
            raise self.fail("empty URL")
        url = parse(self.text)
        if url is None:
            raise self.fail(f"{self.text}: parse error")
        if not url.scheme:
            if not url.host:
                url.scheme = "file"
            elif url.host.startswith("ftp."):
                url.scheme, url.port = "ftp", url.port or 21
            elif url.host.startswith("www."):
                url.scheme, url.port = "http", url.port or 80
        if url.scheme in ("http", "https") and self.o.ims:
            try:
                url.ims_time = self.p.sys.stat(self.o.ims).st_mtime // NS
            except KError as e:
                raise self.fail(f"{self.o.ims}: stat(): {strerror(e.errno)}") from e
        return url

    async def _get(self, url: Url, method: str) -> tuple[Answer | File, int, int]:
        """fetchXGet: the body, its size (-1: unknown) and its time."""
        if self.o.timeout:
            self.p.sys.alarm(self.o.timeout * NS)
        try:
            if url.scheme == "file":
                return self._open(url)
            if url.scheme in ("http", "https"):
                answer = await self.http.request(url, method)
                return answer, answer.size, answer.mtime
            if url.scheme == "ftp":
                connection = await self.http.connect(url.host, url.port or 21)
                connection.close()
                raise FetchError("Protocol error")
            raise FetchError("Invalid URL scheme")
        finally:
            self.p.sys.alarm(0)

    def _open(self, url: Url) -> tuple[File, int, int]:
        try:
            fd = self.p.sys.open(url.doc, O_RDONLY)
            found = self.p.sys.fstat(fd)
            if url.offset:
                self.p.sys.lseek(fd, url.offset, 0)
        except KError as e:
            raise FetchError(strerror(e.errno)) from e
        return File(self.p, fd, found.st_size), found.st_size, found.st_mtime // NS

    async def _fetch(self) -> bool:
        url = self._url()
        o = self.o
        if "s" in o.flags:
            return await self._size(url)
        local = self._local()
        tries = 1
        while True:
            if local >= 0 and ("r" in o.flags or tries > 1):
                url.offset = local
            try:
                body, size, when = await self._get(url, "GET")
            except FetchError as e:
                return self._refused(e)
            if o.size and size == -1:
                self.p.warnx(f"{self.text}: size unknown")
            elif o.size and size != o.size:
                raise self.fail(f"{self.text}: size mismatch: expected {o.size}, actual {size}")
            if await self._receive(url, body, size, when, local):
                return True
            if "a" not in o.flags:
                raise Failure(True)
            if o.wait:
                await self.p.sys.nanosleep(o.wait * NS)
            tries += 1
            local = self._local()

    def _refused(self, e: FetchError) -> bool:
        if self.alarmed:
            raise self.fail("transfer timed out")
        if self.interrupted:
            raise self.fail("transfer interrupted")
        self.again = e.again
        if self.o.ims and str(e) == ERRORS[NOT_MODIFIED]:
            if self.o.verbose > 0:
                self.p.warnx(f"{self.text}: {e}")
            return True
        raise self.fail(f"{self.text}: {e}")

    async def _size(self, url: Url) -> bool:
        """-s."""
        try:
            body, size, _ = await self._get(url, "HEAD")
        except FetchError as e:
            raise self.fail("transfer timed out" if self.alarmed else str(e)) from e
        self._close(body)
        self.p.stdout.write("Unknown\n" if size == -1 else f"{size}\n")
        return True

    def _close(self, body: Answer | File) -> None:
        if isinstance(body, File):
            body.close()
        else:
            body.connection.close()

    def _local(self) -> int:
        """How much of the file there is; -1 if it is no file."""
        if self.stdout:
            return -1
        try:
            found = self.p.sys.stat(self.path)
        except KError as e:
            if e.errno != ENOENT:
                raise self.fail(f"{self.path}: stat(): {strerror(e.errno)}") from e
            return -1
        return found.st_size if found.st_mode & S_IFMT == S_IFREG else -1

    async def _receive(self, url: Url, body: Answer | File, size: int, when: int, local: int) -> bool:
        """The body goes into the file; False if it was cut off and may be tried again."""
        o, sys = self.o, self.p.sys
        if "l" in o.flags and url.scheme == "file" and not self.stdout:
            try:
                sys.symlink(url.doc, self.path)
            except KError as e:
                raise self.fail(f"{self.path}: symlink(): {strerror(e.errno)}") from e
            return True
        if size == -1 and not self.stdout and o.verbose > 0:
            self.p.warnx(f"{self.text}: size of remote file is not known")
        if o.verbose > 1:
            if local >= 0:
                self.p.stderr.write(f"local size / mtime: {local} / {sys.stat(self.path).st_mtime // NS}\n")
            if size != -1:
                self.p.stderr.write(f"remote size / mtime: {size} / {when}\n")
        if local >= 0 and self._complete(url, size, when, local):
            self._close(body)
            return True
        fd = 1 if self.stdout else self._output(url, local)
        count = await self._copy(url, body, size, fd)
        if when and not self.stdout and "n" not in o.flags:
            sys.utimes(self.path, when * NS, when * NS)
        if self.alarmed:
            self.p.warnx("transfer timed out")
        if self.interrupted:
            raise self._broken("transfer interrupted")
        if size != -1 and count < size:
            self.p.warnx(f"{self.path} appears to be truncated: {count}/{size} bytes")
            if self.stdout or count <= max(local, 0):
                raise Failure(True)
            return False
        if self.alarmed and size == -1:
            raise self.fail(f"{self.path} may be truncated", True)
        return True

    def _complete(self, url: Url, size: int, when: int, local: int) -> bool:
        """-r, -m: True if there is nothing to be done."""
        o, found = self.o, self.p.sys.stat(self.path)
        if "r" in o.flags:
            if "F" not in o.flags and when and found.st_mtime // NS != when:
                if "R" in o.flags:
                    raise self.fail(f"{self.path}: local modification time does not match remote", True)
                url.offset = 0
            elif size != -1:
                if size == local:
                    return True
                if local > size:
                    text = f"{self.path}: local file ({local} bytes) is longer than remote file ({size} bytes)"
                    raise self.fail(text)
        return "m" in o.flags and local == size and found.st_mtime // NS == when

    def _output(self, url: Url, local: int) -> int:
        sys = self.p.sys
        try:
            if url.offset and local >= 0:
                fd = sys.open(self.path, O_WRONLY)
                sys.lseek(fd, url.offset, 0)
                return fd
            return sys.open(self.path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
        except KError as e:
            raise self.fail(f"{self.path}: open(): {strerror(e.errno)}") from e

    async def _copy(self, url: Url, body: Answer | File, size: int, fd: int) -> int:
        count = url.offset
        stat = Stat(self.p, self.path, size, count, self.o.verbose)
        try:
            while not self.interrupted and not self.alarmed and (size == -1 or count < size):
                if self.o.timeout:
                    self.p.sys.alarm(self.o.timeout * NS)
                data = await body.read()
                if not data:
                    break
                count += len(data)
                if stat.progress:
                    stat.display(count, 0)
                await self.p.sys.write(fd, data)
        except FetchError as e:
            stat.end(count)
            if not (self.alarmed or self.interrupted):
                raise self._broken(f"{self.text}: {e}") from e
            return count
        except KError as e:
            stat.end(count)
            raise self._broken(f"{self.path}: {strerror(e.errno)}") from e
        finally:
            self.p.sys.alarm(0)
            self._close(body)
            if fd != 1:
                self.p.sys.close(fd)
        stat.end(count)
        return count

    def _broken(self, text: str) -> Failure:
        """It ends in the middle: what there is goes, unless -r or -R want it."""
        failure = self.fail(text)
        if not self.stdout and not {"r", "R"} & self.o.flags:
            try:
                self.p.sys.unlink(self.path)
            except KError:
                pass
        return failure
