"""syslogd(8): write messages to files, programs and other hosts (usr.sbin/syslogd/syslogd.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.daemonize import daemon
from vshell.userland.getopt import Getopt
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program

USAGE = """usage: syslogd [-468ACcdFHknosTuv] [-a allowed_peer]
               [-b bind_address] [-f config_file]
               [-l [mode:]path] [-M fwd_length]
               [-m mark_interval] [-O format] [-P pid_file]
               [-p log_socket] [-S logpriv_socket]
"""
CONFFILE, PIDFILE, LOG, LOGPRIV = "/etc/syslog.conf", "/var/run/syslog.pid", "/var/run/log", "/var/run/logpriv"
FORMATS = {"bsd": "bsd", "rfc3164": "bsd", "rfc3164-strict": "strict", "syslog": "rfc5424", "rfc5424": "rfc5424"}


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.conffile, self.pidfile = CONFFILE, PIDFILE
        self.sockets: list[tuple[str, int]] = []
        """Sockets in the file system: path and mode."""
        self.bind: list[str] = []
        self.allowed: list[tuple[bytes, int, str]] = []
        """Who may send: address, prefix length, port or * ."""
        self.secure = self.uncompressed = self.facilities = 0
        self.mark = 20 * 60
        self.format = "bsd"
        self.maxforward = 1024


def _socket(p: Program, o: Options, letter: str, text: str) -> None:
    """-l, -p, -S [mode:]path."""
    mode = 0o600 if letter == "S" else 0o666
    path = text
    if not text.startswith("/"):
        word, colon, path = text.partition(":")
        if not colon:
            p.errx(1, f"invalid filename {text}, exiting")
        if not path.startswith("/"):
            p.errx(1, "socket name must be absolute path")
        if not word or word.strip("01234567") or int(word, 8) & ~0o777:
            p.errx(1, f"invalid mode {word}, exiting")
        mode = int(word, 8)
    o.sockets.append((path, mode))


def _allow(text: str) -> tuple[bytes, int, str] | None:
    """-a address/len[:service]; None if that is no address."""
    from vshell.userland.addr import inet_aton, inet_pton6

    service = "514"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        host += rest.partition(":")[0]
        service = rest.partition(":")[2] or service
    else:
        host, _, given = text.partition(":") if text.count(":") < 2 else (text, "", "")
        service = given or service
    host, slash, plen = host.partition("/")
    addr = inet_pton6(host) if ":" in host else inet_aton(host)
    if addr is None or (slash and not plen.isdecimal()) or (plen and int(plen) > len(addr) * 8):
        return None
    return addr, int(plen) if plen else len(addr) * 8, "514" if service == "syslog" else service


def parse(p: Program) -> Options:
    """Read the options, or end."""
    o = Options()
    parsed = Getopt(p, "468Aa:b:cCdf:FHkl:M:m:nNoO:p:P:sS:Tuv")
    numbers = {"M": "maxforward", "m": "mark"}
    for letter, value in parsed:
        o.flags.add(letter)
        if letter == "a":
            peer = _allow(value)
            if peer is None:
                p.usage(USAGE)
            else:
                o.allowed.append(peer)
        elif letter == "b":
            o.bind.append(value)
        elif letter == "f":
            o.conffile = value
        elif letter == "P":
            o.pidfile = value
        elif letter in "lpS":
            _socket(p, o, letter, value)
        elif letter in numbers:
            setattr(o, numbers[letter], int(value) if value.isdecimal() else 0)
        elif letter == "O" and value in FORMATS:
            o.format = FORMATS[value]
        elif letter in "?O":
            p.usage(USAGE)
    o.secure = sum(1 for word in p.argv[1:] if word.startswith("-") for c in word[1:] if c == "s")
    o.uncompressed = sum(1 for word in p.argv[1:] if word.startswith("-") for c in word[1:] if c == "c")
    o.facilities = sum(1 for word in p.argv[1:] if word.startswith("-") for c in word[1:] if c == "v")
    if "m" in o.flags:
        o.mark *= 60
    if "M" in o.flags and o.maxforward < 480:
        p.errx(1, "minimum length limit of forwarded messages is 480 bytes")
    if parsed.args:
        p.usage(USAGE)
    if "p" not in o.flags:
        o.sockets.append((LOG, 0o666))
    if "S" not in o.flags:
        o.sockets.append((LOGPRIV, 0o600))
    return o


@program("/usr/sbin/syslogd")
async def main(p: Program) -> int:
    """syslogd [-468ACcdFHkNnosTuv] [-a allowed_peer] [-b bind_address] [-f config_file] ..."""
    from vshell.commands.syslogd.server import Syslogd

    o = parse(p)
    pidfile: Pidfile | None = None
    try:
        pidfile = Pidfile(p, o.pidfile)
    except Running as e:
        p.errx(1, f"syslogd already running, pid: {e.pid}")
    except KError as e:
        p.warn(e, "cannot open pid file")
    server = Syslogd(p, o, pidfile)
    server.open()
    if {"d", "F"} & o.flags:
        return await server.run(p)
    daemon(p, server.run)
    return 0
