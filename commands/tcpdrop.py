"""tcpdrop(8): drop TCP connections (usr.sbin/tcpdrop/tcpdrop.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.in_pcb import Xinpcb
from vshell.abi.socket import IPPROTO_TCP, SOCK_STREAM
from vshell.abi.tcp import TCPS_CLOSED, TCPS_LISTEN, TCPSTATES, TcpDrop, Xtcpcb
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.netdb import Addrinfo, GaiError, getaddrinfo, numeric_name
from vshell.userland.program import Program, program

USAGE = """\
usage: tcpdrop local-address local-port foreign-address foreign-port
       tcpdrop local-address:local-port foreign-address:foreign-port
       tcpdrop local-address.local-port foreign-address.foreign-port
       tcpdrop [-l] -a
       tcpdrop [-l] -C cc-algo [-S stack] [-s state]
       tcpdrop [-l] [-C cc-algo] -S stack [-s state]
       tcpdrop [-l] [-C cc-algo] [-S stack] -s state
"""


class Dropper:
    """One run."""

    def __init__(self, p: Program, listing: bool) -> None:
        self.p, self.listing = p, listing
        self.ok = True

    def drop(self, request: TcpDrop) -> None:
        """Drop one connection, or say how it could be."""
        p = self.p
        local, foreign = numeric_name(p, request.laddr, request.scope), numeric_name(p, request.faddr, request.scope)
        text = f"{local} {request.lport} {foreign} {request.fport}"
        if self.listing:
            p.stdout.write(f"tcpdrop {text}\n")
            return
        try:
            p.sys.sysctl("net.inet.tcp.drop", request)
        except KError as e:
            p.warn(e, text)
            self.ok = False
            return
        p.stdout.write(f"{text}: dropped\n")

    def drop_all(self, wanted: dict[str, str]) -> None:
        """tcpdropall."""
        try:
            found = self.p.sys.sysctl("net.inet.tcp.pcblist")
        except KError as e:
            self.p.err(1, e, "sysctlbyname net.inet.tcp.pcblist")
        for inp in found:
            if not isinstance(inp, Xinpcb) or not isinstance(inp.tcp, Xtcpcb) or inp.tcp.state == TCPS_LISTEN:
                continue
            if "s" in wanted and TCPSTATES[inp.tcp.state] != wanted["s"]:
                continue
            if wanted.get("C", inp.tcp.cc) == inp.tcp.cc and wanted.get("S", inp.tcp.stack) == inp.tcp.stack:
                self.drop(TcpDrop(inp.faddr, inp.fport, inp.laddr, inp.lport, inp.lscope))

    def drop_named(self, words: list[str]) -> None:
        """tcpdropbyname."""
        local, foreign = self._names(words[0], words[1]), self._names(words[2], words[3])
        pairs = [(one.addr, two.addr) for one in local for two in foreign if one.family == two.family]
        for lsa, fsa in pairs:
            self.drop(TcpDrop(fsa.addr, fsa.port, lsa.addr, lsa.port, getattr(lsa, "scope_id", 0)))
        if not pairs:
            self.p.warnx(f"{' '.join(words)}: different address families")
            self.ok = False

    def _names(self, host: str, port: str) -> list[Addrinfo]:
        try:
            return getaddrinfo(self.p, host, port, 0, SOCK_STREAM, IPPROTO_TCP)
        except GaiError as e:
            self.p.errx(1, f"getaddrinfo: {host} port {port}: {e}")


def split(p: Program, word: str) -> list[str]:
    """Address and port of a word that holds both."""
    at = max(word.rfind("."), word.rfind(":"))
    if at < 0 or at == len(word) - 1:
        p.usage(USAGE)
    return [word[:at], word[at + 1 :]]


@program("/usr/sbin/tcpdrop")
def main(p: Program) -> int:
    """tcpdrop(8)."""
    options, args = getopt_or_usage(p, "aC:lS:s:", USAGE)
    wanted = {letter: value for letter, value in options if letter in "CSs"}
    letters = {letter for letter, _ in options}
    state = wanted.get("s")
    if state is not None and (state not in TCPSTATES or TCPSTATES.index(state) in (TCPS_CLOSED, TCPS_LISTEN)):
        p.usage(USAGE)
    if "a" in letters and wanted:
        p.usage(USAGE)
    dropper = Dropper(p, "l" in letters)
    if "a" in letters or wanted:
        if args:
            p.usage(USAGE)
        dropper.drop_all(wanted)
        return 0 if dropper.ok else 1
    if len(args) not in (2, 4) or dropper.listing:
        p.usage(USAGE)
    dropper.drop_named([*split(p, args[0]), *split(p, args[1])] if len(args) == 2 else args)
    return 0 if dropper.ok else 1
