"""What netstat(1) was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from vshell.userland.program import Program

if TYPE_CHECKING:
    from vshell.userland.libxo import Xo

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_OSERR, EX_IOERR = 64, 65, 69, 71, 74

USAGE = """\
usage: netstat [-j jail] [-46AaCcLnRSTWx] [-f protocol_family | -p protocol]
               [-M core] [-N system]
       netstat [-j jail] -i | -I interface [-46abdhnW] [-f address_family]
               [-M core] [-N system]
       netstat [-j jail] -w wait [-I interface] [-46d] [-M core] [-N system]
               [-q howmany]
       netstat [-j jail] -s [-46sz] [-f protocol_family | -p protocol]
               [-M core] [-N system]
       netstat [-j jail] -i | -I interface -s [-46s]
               [-f protocol_family | -p protocol] [-M core] [-N system]
       netstat [-j jail] -m [-M core] [-N system]
       netstat [-j jail] -B [-z] [-I interface]
       netstat [-j jail] -r [-46AnW] [-F fibnum] [-f address_family]
               [-M core] [-N system]
       netstat [-j jail] -rs [-s] [-M core] [-N system]
       netstat [-j jail] -g [-46W] [-f address_family] [-M core] [-N system]
       netstat [-j jail] -gs [-46s] [-f address_family] [-M core] [-N system]
       netstat [-j jail] -Q
"""


class Options:
    """The options, under the names the C program gives them."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        """Letters of the options that are simply on or off."""
        self.af = 0
        self.fib = -1
        self.interface: str | None = None
        self.interval = 0
        self.noutputs = 0
        self.numeric_addr = 0
        """How often -n was given."""
        self.numeric_port = False
        self.sflag = 0
        """How often -s was given."""
        self.protocol: str | None = None
        self.jail: str | None = None
        self.live = True
        """False with -N: the kernel's memory is read instead of sysctls."""
        self.core: str | None = None
        """-M."""
        self.xo: Xo | None = None
        """The encoder when --libxo asks for another than plain text."""

    @property
    def wide(self) -> bool:
        """-W."""
        return "W" in self.flags

    def parse_libxo(self, argv: list[str]) -> list[str]:
        """Take --libxo out of the arguments; `xo` stays None for plain text."""
        from vshell.userland.libxo import Xo

        xo = Xo(self.p)
        argv = xo.parse_args(argv)
        if xo.style != "text":
            self.xo = xo
        return argv

    def errx(self, status: int, text: str) -> NoReturn:
        """xo_errx: complain, close what is open, end."""
        if self.xo is not None:
            self.xo.errx(status, text)
        self.p.errx(status, text)

    def open_statistics(self, xo: Xo) -> None:
        """Open the outermost container; what is opened next carries the version of the format."""
        xo.open_container("statistics")
        if xo.style == "xml":
            xo.attr("version", "1")

    def close_statistics(self, xo: Xo) -> None:
        """Close it and write everything."""
        xo.close_container("statistics")
        xo.finish()

    def usage(self) -> NoReturn:
        """How it is used."""
        self.p.usage(USAGE, EX_USAGE)

    def sysctl(self, name: str, default: Any) -> Any:
        """A sysctl, or the default if there is no such node."""
        from vshell.abi.errno import KError

        try:
            return self.p.sys.sysctl(name)
        except KError:
            return default

    def check_fib(self) -> int:
        """The fib to show; ends the program if there is none of that number."""
        fib = self.fib if self.fib != -1 else int(self.sysctl("net.my_fibnum", 0))
        if not 0 <= fib < int(self.sysctl("net.fibs", 1)):
            self.errx(EX_USAGE, f"{fib}: invalid fib")
        return fib
