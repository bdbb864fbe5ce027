"""Which processes ps(1) shows: lists of ids, users, groups, jails, terminals (bin/ps/ps.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.proc import KinfoProc
from vshell.userland.program import Program
from vshell.userland.pwd import getgrgid, getgrnam, getpwnam, getpwuid

PID_MAX = 99999
MAXLOGNAME = 33
SEPARATORS = " \t"


class Selection:
    """What the options asked for; a process that matches any of it is shown."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.pids: list[int] = []
        self.gids: list[int] = []
        self.jids: list[int] = []
        self.uids: list[int] = []
        self.ttys: list[str] = []
        self.up = self.down = False
        self.fatal = False
        self.used = False
        """True once a list other than of process ids was given."""

    @property
    def any(self) -> bool:
        """True if something was asked for."""
        return bool(self.used or self.pids)

    def direction(self, word: str) -> bool:
        """-D; False if the word is none."""
        low = word.lower()
        if low and "up".startswith(low):
            self.up = True
        elif low and "down".startswith(low):
            self.down = True
        elif low and "both".startswith(low):
            self.up = self.down = True
        else:
            return not low and self._both()
        return True

    def _both(self) -> bool:
        self.up = True
        return True

    def add(self, key: str, text: str) -> None:
        """A list of elements, separated by commas or blanks."""
        if key != "p":
            self.used = True
        elements = text.replace(",", " , ").split() if text.strip(SEPARATORS) else [""]
        words: list[str] = []
        expect = True
        for element in elements:
            if element == ",":
                if expect:
                    words.append("")
                expect = True
            else:
                words.append(element)
                expect = False
        if expect and text.rstrip(SEPARATORS).endswith(","):
            words.append("")
        for word in words:
            self._element(key, word)

    def _element(self, key: str, word: str) -> None:
        {"p": self._pid, "G": self._gid, "J": self._jid, "U": self._uid, "t": self._tty}[key](word)

    def _bad(self, text: str) -> None:
        self.p.warnx(text)
        self.fatal = True

    def _pid(self, word: str) -> None:
        if not word:
            self._bad("Invalid (zero-length) process id")
        elif not (word.isascii() and word.isdigit()):
            self._bad(f"Invalid process id: {word}")
        elif int(word) > PID_MAX:
            self._bad(f"process id too large: {word}")
        else:
            self.pids.append(int(word))

    def _length(self, word: str, what: str) -> bool:
        if not word:
            self._bad(f"Invalid (zero-length) {what} name")
        elif len(word) >= MAXLOGNAME:
            self._bad(f"{what} name too long: {word}")
        return bool(word) and len(word) < MAXLOGNAME

    def _gid(self, word: str) -> None:
        if not self._length(word, "group"):
            return
        number = word.isascii() and word.isdigit()
        group = (getgrgid(self.p, int(word)) if number else None) or getgrnam(self.p, word)
        if group is None:
            self._bad(f"No group {'name or ID matches' if number else 'named'} '{word}'")
        else:
            self.gids.append(group.gid)

    def _uid(self, word: str) -> None:
        if not self._length(word, "ruser"):
            return
        number = word.isascii() and word.isdigit()
        user = getpwnam(self.p, word) or (getpwuid(self.p, int(word)) if number else None)
        if user is None:
            self._bad(f"No ruser {'name or ID matches' if number else 'named'} '{word}'")
        else:
            self.uids.append(user.uid)

    def _jid(self, word: str) -> None:
        from vshell.userland.libjail import JailError, jail_getid

        if not word:
            self._bad("Invalid (zero-length) jail id")
            return
        try:
            self.jids.append(jail_getid(self.p.sys, word))
        except JailError:
            self._bad(f"Invalid jail id: {word}")

    def _tty(self, word: str) -> None:
        name = word.removeprefix("/dev/")
        for candidate in (name, f"tty{name}", f"pts/{name}", "console" if name == "co" else name):
            try:
                self.p.sys.stat(f"/dev/{candidate}")
            except KError:
                continue
            self.ttys.append(candidate)
            return
        try:
            self.p.sys.stat(f"/dev/{name}")
        except KError as e:
            if word.startswith("/") or word.startswith("tty"):
                self.p.warn(e, f"/dev/{name}")
            else:
                self.p.warn(e, f"/dev/pts/{name}, /dev/tty{name}, and /dev/{name}")
            self.fatal = True

    def matches(self, k: KinfoProc) -> bool:
        """True if the process is in one of the lists but that of process ids."""
        return k.rgid in self.gids or k.jid in self.jids or k.ruid in self.uids or bool(k.tty and k.tty in self.ttys)


def relatives(s: Selection, procs: list[KinfoProc]) -> None:
    """-D: add descendants and ancestors to the process ids."""
    initial = len(s.pids)
    if s.down:
        for pid in s.pids:
            s.pids += [k.pid for k in procs if k.ppid == pid and k.pid != pid and k.pid not in s.pids]
    if s.up:
        parents = {k.pid: k.ppid for k in procs}
        for pid in s.pids[:initial]:
            while pid in parents and parents[pid] != pid:
                pid = parents[pid]
                if pid not in s.pids:
                    s.pids.append(pid)


def select(s: Selection, procs: list[KinfoProc], everything: bool, keep: bool) -> list[KinfoProc]:
    """The processes to show; `keep` those without a terminal."""
    relatives(s, procs)
    own = s.p.sys.geteuid()
    found = []
    for k in procs:
        if k.pid in s.pids:
            found.append(k)
            continue
        if not keep and not k.tty:
            continue
        if everything or (k.uid == own if not s.any else s.matches(k)):
            found.append(k)
    return found
