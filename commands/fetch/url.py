"""URLs as fetch(3) takes them apart (fetchParseURL of lib/libfetch/fetch.c)."""

from __future__ import annotations

import re

HOST_CHARS = frozenset("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
PORTS = {"http": 80, "https": 443, "ftp": 21}


class Url:
    """struct url."""

    def __init__(self, scheme: str, host: str, port: int, doc: str, user: str = "", password: str = "") -> None:
        self.scheme, self.host, self.port, self.doc = scheme, host, port, doc
        self.user, self.password = user, password
        self.offset = 0
        self.ims_time = 0
        """If-Modified-Since, seconds; 0 for none."""

    def hostport(self) -> str:
        """The host, with its port if that is an unusual one."""
        return self.host if self.port == PORTS.get(self.scheme) else f"{self.host}:{self.port}"

    def text(self) -> str:
        """Written again."""
        return f"{self.scheme}://{self.hostport()}{self.doc}"


def parse(text: str) -> Url | None:
    """Take a URL apart; None if it is none."""
    scheme = ""
    at = text.find(":/")
    if at >= 0:
        if at > 16:
            return None
        scheme, text = text[:at].lower(), text[at + 1 :]
        if text.startswith("//"):
            text = text[2:]
    if not text or text[0] in "/." or (not scheme and "/" not in text and ":" not in text):
        return Url(scheme, "", 0, text or "/")
    user = password = ""
    match = re.search("[/@]", text)
    if match is not None and match.group() == "@":
        login, _, text = text.partition("@")
        user, _, password = login.partition(":")
    if text.startswith("["):
        end = text.find("]") + 1
        if not end or not all(c in ":0123456789ABCDEFabcdef." for c in text[1 : end - 1]):
            return None
    else:
        end = next((i for i, c in enumerate(text) if c not in HOST_CHARS), len(text))
    host, rest = text[:end].lower(), text[end:]
    if rest and rest[0] not in "/:":
        return None
    port = 0
    if rest.startswith(":"):
        digits, slash, doc = rest[1:].partition("/")
        if digits and (not digits.isdecimal() or not 0 < int(digits) < 65536):
            return None
        port, rest = int(digits or "0"), slash + doc
    doc = rest or "/"
    if scheme in ("http", "https"):
        doc = re.sub(r"\s", lambda m: f"%{ord(m.group()):02x}", doc.partition("#")[0])
    return Url(scheme, host, port or PORTS.get(scheme, 0), doc, user, password)
