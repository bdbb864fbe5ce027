"""What the ipfw programs share: the options given (struct cmdline_opts), words of the command line, asking the kernel."""

from __future__ import annotations

from typing import Any, NoReturn

from vshell.abi.dummynet import DnRequest
from vshell.abi.errno import KError
from vshell.abi.ip_fw import IP_FW3, FwRequest
from vshell.abi.socket import AF_INET, IPPROTO_IP, IPPROTO_RAW, SOCK_RAW
from vshell.commands.ipfw.words import EX_UNAVAILABLE
from vshell.userland.program import Exit, Program


class Options:
    """The options in effect; they last for all lines of a rule file."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.acct = self.compact = self.comment_only = self.force = self.quiet = self.resolve = False
        self.show_sets = self.test_only = self.verbose = self.value_as_ip = False
        self.time = ""
        self.dynamic = 0
        self.sort = 0
        self.is_ipfw = True
        """ipfw, or dnctl, which is the same program for pipes, queues and schedulers only."""
        self.nat = False
        self.pipe = 0
        self.use_set: int | None = None
        self.fd = -1

    def warnx(self, text: str) -> None:
        """warnx(3) with the name in effect."""
        self.p.warnx(text)

    def errx(self, status: int, text: str) -> NoReturn:
        """errx(3)."""
        self.p.errx(status, text)

    def err(self, status: int, error: KError, text: str) -> NoReturn:
        """err(3)."""
        self.p.err(status, error, text)

    def exit(self, status: int) -> NoReturn:
        """exit(3)."""
        raise Exit(status)

    def request(self, request: FwRequest | DnRequest, option: int = IP_FW3) -> Any:
        """do_get3, do_set3, do_cmd: None if nothing is to be done (-n); KError."""
        if self.test_only:
            return None
        if self.fd < 0:
            try:
                self.fd = self.p.sys.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
            except KError as e:
                self.err(EX_UNAVAILABLE, e, "socket")
        return self.p.sys.setsockopt(self.fd, IPPROTO_IP, option, request)


def substrcmp(o: Options, word: str, full: str) -> bool:
    """_substrcmp: is the word the start of the full one?  An abbreviation is warned about."""
    if not full.startswith(word):
        return False
    if word != full:
        o.warnx(f"DEPRECATED: '{word}' matched '{full}' as a sub-string")
    return True


WHITE = " \t\f\v\n\r"


def split_words(text: str) -> list[str]:
    """A command given as one string: words, with the space after a comma left out and nothing after a '#'."""
    out: list[str] = []
    copy = False
    for c in text:
        if c == "#":
            break
        if copy:
            out.append(c)
            copy = c not in "," + WHITE
        else:
            copy = c not in WHITE
            if copy:
                out.append(c)
    if not copy and out:
        # The last blank goes, or whatever the last character was if nothing was being copied.
        out.pop()
    joined = "".join(out)
    for c in WHITE[1:]:
        joined = joined.replace(c, " ")
    return joined.split(" ") if joined else []


def join_commas(words: list[str]) -> list[str]:
    """Words that end with a comma go together with the next one."""
    out: list[str] = []
    held = ""
    for i, word in enumerate(words):
        held += word
        if not word.endswith(",") or i == len(words) - 1:
            out.append(held)
            held = ""
    return out
