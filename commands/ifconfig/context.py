"""What runs through all of ifconfig(8): the interface, the socket, errno, and what is to be done in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from vshell.abi.errno import ENXIO, EPERM, KError, strerror
from vshell.abi.netlink_iface import RTM_GETLINK, Link
from vshell.abi.record import Record
from vshell.abi.socket import AF_LOCAL, AF_NETLINK, SOCK_DGRAM, SOCK_RAW
from vshell.abi.sockio import SIOCGIFFLAGS, IfRequest
from vshell.userland.program import Program

if TYPE_CHECKING:
    from vshell.commands.ifconfig.arguments import Args
    from vshell.commands.ifconfig.keywords import Family

Callback = Callable[["Context", Any], None]


class Context:
    """struct ifconfig_context, and ifconfig's global variables.

    `errno` is C's: the number of the last system call that failed.  Some messages print it whether it belongs to
    them or not.
    """

    def __init__(self, p: Program, args: Args) -> None:
        self.p = p
        self.sys = p.sys
        self.args = args
        self.ifname = ""
        self.family: Family
        """The address family of the addresses that follow."""
        self.errno = 0
        self.exterr = ""
        """What the kernel had to say about it (uexterr_gettext); err(3) prints that too."""
        self.exit_code = 0
        self.ifname_to_print = ""
        self.sock = -1
        self.nlsock = -1
        self.callbacks: list[tuple[Callback, Any]] = []
        """Run when all words were read, the last one first."""
        self.setaddr = self.setmask = 0
        self.doalias = 0
        self.clearaddr = False
        self.newaddr = True
        self.shared: dict[str, Any] = {}
        """What a section keeps between its keywords."""

    # messages --------------------------------------------------------------------------------------------------
    def out(self, text: str) -> None:
        """printf(3)."""
        self.p.stdout.write(text)

    def warn(self, text: str) -> None:
        """warn(3)."""
        self.warnx(f"{text}: {strerror(self.errno)}" + (f" ({self.exterr})" if self.exterr else ""))

    def warnx(self, text: str) -> None:
        """warnx(3)."""
        self.p.warnx(text)

    def err(self, text: str) -> NoReturn:
        """err(3) with status 1."""
        self.warn(text)
        self.p.exit(1)

    def errx(self, text: str) -> NoReturn:
        """errx(3) with status 1."""
        self.p.errx(1, text)

    def perror(self, what: str, error: int | None = None) -> NoReturn:
        """Perror, Perrorc: two errors have texts of their own, but they are looked for in errno."""
        if self.errno == ENXIO:
            self.errx(f"{what}: no such interface")
        if self.errno == EPERM:
            self.errx(f"{what}: permission denied")
        self.errx(f"{what}: {strerror(self.errno if error is None else error)}")

    # system calls ----------------------------------------------------------------------------------------------
    def ioctl(self, request: IfRequest, sock: int | None = None) -> Any:
        """ioctl(2) on the socket at hand; KError, with errno set."""
        if sock is None:
            sock = self.sock if self.sock >= 0 else self.local_socket()
        try:
            return self.sys.ioctl(sock, request)
        except KError as e:
            self.errno, self.exterr = e.errno, e.text
            raise

    def local_socket(self) -> int:
        """A socket of no protocol, for questions any interface answers."""
        if "local" not in self.shared:
            self.shared["local"] = self.socket(AF_LOCAL, "socket(family AF_LOCAL,SOCK_DGRAM")
        sock: int = self.shared["local"]
        return sock

    def socket(self, domain: int, what: str) -> int:
        """socket(2), or the end."""
        try:
            return self.sys.socket(domain, SOCK_DGRAM)
        except KError as e:
            self.errno = e.errno
            self.err(what)

    def netlink(self, message: Record) -> list[Any]:
        """A netlink request; its failure does not touch errno."""
        if self.nlsock < 0:
            self.nlsock = self.sys.socket(AF_NETLINK, SOCK_RAW)
        return self.sys.netlink(self.nlsock, message)

    def getlink(self, name: str) -> Link | None:
        """The link of that name."""
        try:
            link: Link = self.netlink(RTM_GETLINK(name))[0]
        except KError:
            return None
        return link

    def if_nametoindex(self, name: str) -> int:
        """if_nametoindex(3)."""
        link = self.getlink(name) if name else None
        if link is None:
            self.errno = ENXIO
            return 0
        return link.index

    def getifflags(self, name: str, local: bool = False, err_ok: bool = False) -> int:
        """The flags, or the end."""
        try:
            flags: int = self.ioctl(SIOCGIFFLAGS(name), self.local_socket() if local else None)
        except KError:
            if not err_ok:
                self.perror("ioctl (SIOCGIFFLAGS)")
            return 0
        return flags

    def ifname_update(self, name: str) -> None:
        """The interface has another name now, which the user will want to know."""
        self.ifname = self.ifname_to_print = name

    def callback_register(self, function: Callback, argument: Any = None) -> None:
        """Do something when all words were read."""
        self.callbacks.insert(0, (function, argument))
