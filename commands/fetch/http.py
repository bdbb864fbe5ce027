"""The HTTP half of fetch(3): connect, ask, take the answer (lib/libfetch/http.c, common.c)."""

from __future__ import annotations

import re
from base64 import b64encode

from vshell.abi.errno import EINTR, ETIMEDOUT, KError, strerror
from vshell.abi.socket import SOCK_STREAM
from vshell.commands.fetch.url import Url, parse
from vshell.userland.netdb import EAI_AGAIN, EAI_FAIL, EAI_NONAME, Addrinfo, GaiError, getaddrinfo
from vshell.userland.program import Program
from vshell.userland.strftime import MONTHS, days_from_civil, gmtime, strftime

MAX_REDIRECT = 20
OK, PARTIAL, NOT_MODIFIED, NEED_AUTH, BAD_RANGE = 200, 206, 304, 401, 416
REDIRECTS = (301, 302, 303, 305, 307, 308)
PERMANENT = (301, 308, 305)
ERRORS = {
    100: "Continue", 101: "Switching Protocols", 200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information",
    204: "No Content", 205: "Reset Content", 206: "Partial Content", 300: "Multiple Choices", 301: "Moved Permanently",
    302: "Moved Temporarily", 303: "See Other", 304: "Not Modified", 305: "Use Proxy", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
    408: "Request Time-out", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
    413: "Request Entity Too Large", 414: "Request-URI Too Large", 415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable", 417: "Expectation Failed", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out", 505: "HTTP Version not supported",
}  # fmt: skip
_RESOLVER = {
    EAI_AGAIN: "Transient resolver failure", EAI_FAIL: "Non-recoverable resolver failure", EAI_NONAME: "Host does not resolve",
}  # fmt: skip


class FetchError(Exception):
    """fetchLastErrString; `again` if it may work later (what -a goes by)."""

    def __init__(self, text: str, again: bool = False) -> None:
        super().__init__(text)
        self.again = again


class Connection:
    """A connected socket, read line by line."""

    def __init__(self, p: Program, fd: int) -> None:
        self.p, self.fd = p, fd
        self.buffer = b""
        self.eof = False

    async def fill(self) -> bool:
        """Read more; False at the end."""
        if self.eof:
            return False
        try:
            data = await self.p.sys.read(self.fd, 65536)
        except KError as e:
            raise FetchError(strerror(ETIMEDOUT if e.errno == EINTR else e.errno), True) from e
        self.buffer += data
        self.eof = not data
        return bool(data)

    async def line(self) -> str | None:
        """One line without its end; None at the end."""
        while b"\n" not in self.buffer:
            if not await self.fill():
                return None
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def close(self) -> None:
        """No more."""
        self.p.sys.close(self.fd)


class Answer:
    """What a server answered: struct url_stat, and the body to be read."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.status = 0
        self.size = -1
        self.length = -1
        self.mtime = 0
        self.offset = 0
        self.location = ""
        self.challenge = ""
        self.chunked = False
        self._left = -1

    async def read(self) -> bytes:
        """More of the body; b"" at its end."""
        c = self.connection
        if self.chunked:
            return await self._chunk()
        if self._left < 0:
            self._left = self.length if self.length >= 0 else 1 << 62
        if not self._left or (not c.buffer and not await c.fill()):
            return b""
        data, c.buffer = c.buffer[: self._left], c.buffer[self._left :]
        self._left -= len(data)
        return data

    async def _chunk(self) -> bytes:
        c = self.connection
        if self._left <= 0:
            line = await c.line()
            line = await c.line() if line == "" else line
            word = (line or "").partition(";")[0].strip()
            if not word or word.strip("0123456789abcdefABCDEF"):
                raise FetchError("Protocol error")
            self._left = int(word, 16)
            if not self._left:
                return b""
        if not c.buffer and not await c.fill():
            return b""
        data, c.buffer = c.buffer[: self._left], c.buffer[self._left :]
        self._left -= len(data)
        return data


class Http:
    """Requests as the command line wants them."""

    def __init__(self, p: Program, family: int, verbose: bool, noredirect: bool, env: dict[str, str]) -> None:
        self.p, self.family, self.verbose, self.noredirect, self.env = p, family, verbose, noredirect, env

    def info(self, text: str) -> None:
        """-vv."""
        if self.verbose:
            self.p.stderr.write(text + "\n")

    def resolve(self, host: str, port: int) -> list[Addrinfo]:
        """fetch_resolve."""
        try:
            return list(getaddrinfo(self.p, host.strip("[]"), str(port), self.family, SOCK_STREAM))
        except GaiError as e:
            raise FetchError(_RESOLVER.get(e.code, "Unknown resolver error")) from e

    async def connect(self, host: str, port: int) -> Connection:
        """fetch_connect: the addresses in turn."""
        sys = self.p.sys
        self.info(f"resolving server address: {host}:{port}")
        places = self.resolve(host, port)
        bind = self.env.get("FETCH_BIND_ADDRESS", "")
        mine = self.resolve(bind, 0) if bind else []
        error = KError(EINTR)
        for place in places:
            fd = sys.socket(place.family, SOCK_STREAM)
            try:
                for own in mine:
                    if own.family == place.family:
                        sys.bind(fd, own.addr)
                        break
                await sys.connect(fd, place.addr)
            except KError as e:
                sys.close(fd)
                error = e
                continue
            return Connection(self.p, fd)
        self.info(f"failed to connect to {host}:{port}")
        raise FetchError(strerror(ETIMEDOUT if error.errno == EINTR else error.errno), True)

    async def request(self, url: Url, method: str) -> Answer:
        """http_request: follow redirections, authenticate if asked to."""
        authorize = False
        for _ in range(MAX_REDIRECT):
            if url.scheme == "https":
                self.p.stderr.write("SSL support disabled\n")
                raise FetchError("Authentication error")
            answer = await self._once(url, method, authorize)
            status = answer.status
            if status in (OK, PARTIAL, NOT_MODIFIED, BAD_RANGE):
                return self._accepted(url, answer)
            answer.connection.close()
            if status == NEED_AUTH and not authorize and (url.user or self.env.get("HTTP_AUTH")):
                self.info("server requires authorization")
                authorize = True
                continue
            follow = status in REDIRECTS and answer.location and not (self.noredirect and status not in PERMANENT)
            if not follow:
                raise FetchError(ERRORS.get(status, "Unknown HTTP error"), status >= 500)
            self.info(f"{status} redirect to {answer.location}")
            new = parse(answer.location)
            if answer.location.startswith("/"):
                new = Url(url.scheme, url.host, url.port, answer.location, url.user, url.password)
            if new is None or new.scheme not in ("http", "https"):
                raise FetchError("Protocol error")
            new.offset, new.ims_time = url.offset, url.ims_time
            url = new
        raise FetchError("Protocol error")

    def _accepted(self, url: Url, answer: Answer) -> Answer:
        if answer.status == NOT_MODIFIED and url.ims_time:
            answer.connection.close()
            raise FetchError(ERRORS[NOT_MODIFIED])
        if answer.status == BAD_RANGE and url.offset != answer.size:
            answer.connection.close()
            raise FetchError(ERRORS[BAD_RANGE])
        if answer.length == -1 and answer.size != -1:
            answer.length = answer.size - answer.offset
        if answer.size == -1 and answer.length != -1:
            answer.size = answer.length + answer.offset
        url.offset = answer.offset if answer.status != BAD_RANGE else url.offset
        return answer

    async def _once(self, url: Url, method: str, authorize: bool) -> Answer:
        connection = await self.connect(url.host, url.port or 80)
        self.info(f"requesting {url.text()}")
        lines = [f"{method} {url.doc} HTTP/1.1"]
        if url.ims_time:
            stamp = strftime("%a, %d %b %Y %T GMT", gmtime(url.ims_time))
            self.info(f"If-Modified-Since: {stamp}")
            lines.append(f"If-Modified-Since: {stamp}")
        lines.append(f"Host: {url.hostport()}")
        if authorize:
            lines.append(f"Authorization: Basic {self._credentials(url)}")
        accept = self.env.get("HTTP_ACCEPT", "*/*")
        lines += [f"Accept: {accept}"] if accept else []
        referer = self.env.get("HTTP_REFERER", "")
        if referer:
            lines.append(f"Referer: {url.text() if referer.lower() == 'auto' else referer}")
        agent = self.env.get("HTTP_USER_AGENT", f"{self.p.name} libfetch/2.0")
        lines += [f"User-Agent: {agent}"] if agent else []
        if url.offset > 0:
            lines.append(f"Range: bytes={url.offset}-")
        lines.append("Connection: close")
        try:
            await self.p.sys.write(connection.fd, ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))
        except KError as e:
            raise FetchError(strerror(e.errno), True) from e
        return await self._headers(connection)

    def _credentials(self, url: Url) -> str:
        user, password = url.user, url.password
        if not user:
            words = self.env.get("HTTP_AUTH", "").split(":")
            user, password = [*words[2:4], "", ""][:2]
        return b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode()

    async def _headers(self, connection: Connection) -> Answer:
        answer = Answer(connection)
        line = await connection.line()
        words = (line or "").split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/") or len(words[1]) != 3 or not words[1].isdecimal():
            connection.close()
            raise FetchError("Protocol error")
        answer.status = int(words[1])
        while line := await connection.line():
            name, _, value = line.partition(":")
            self._header(answer, name.strip().lower(), value.strip())
        return answer

    def _header(self, answer: Answer, name: str, value: str) -> None:
        if name == "content-length" and value.isdecimal():
            answer.length = int(value)
        elif name == "content-range":
            span, _, size = value.removeprefix("bytes ").partition("/")
            first = span.partition("-")[0]
            answer.offset = int(first) if first.isdecimal() else 0
            answer.size = int(size) if size.isdecimal() else -1
        elif name == "last-modified":
            answer.mtime = mtime(value)
        elif name == "location":
            answer.location = value
        elif name == "transfer-encoding":
            answer.chunked = value.lower() == "chunked"


def mtime(text: str) -> int:
    """An HTTP date in seconds since the epoch, 0 if it is none."""
    match = re.fullmatch(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", text)
    months = [name[:3] for name in MONTHS]
    if match is None or match.group(2) not in months:
        return 0
    day, year, hour, minute, second = (int(match.group(i)) for i in (1, 3, 4, 5, 6))
    days = days_from_civil(year, months.index(match.group(2)) + 1, day)
    return days * 86400 + hour * 3600 + minute * 60 + second
