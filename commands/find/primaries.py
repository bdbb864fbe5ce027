"""The primaries of find(1): each makes a test from its arguments (usr.bin/find/function.c, option.c)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vshell.abi.errno import ENOTEMPTY, KError
from vshell.abi.fcntl import (
    O_CREAT,
    O_TRUNC,
    O_WRONLY,
    R_OK,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    W_OK,
    X_OK,
    Stat,
)
from vshell.commands.find.context import Context
from vshell.commands.find.listing import long_line, printf
from vshell.userland.fflags import strtofflags
from vshell.userland.fnmatch import fnmatch
from vshell.userland.fts import FTS_D, FTS_DC, FTS_DNR, FTS_DP, FTS_SL, FTS_SLNONE, FtsEntry
from vshell.userland.program import Program
from vshell.userland.pwd import getgrgid, getgrnam, getpwnam, getpwuid
from vshell.userland.regex import ICASE, RegexError, regcomp
from vshell.userland.setmode import setmode
from vshell.userland.strftime import Tm, mktime
from vshell.userland.strptime import strptime

Test = Callable[[FtsEntry], "bool | Awaitable[bool]"]
NS = 1_000_000_000
ARG_MAX = 524288
TYPES = {"b": S_IFBLK, "c": S_IFCHR, "d": S_IFDIR, "f": S_IFREG, "l": S_IFLNK, "p": S_IFIFO, "s": S_IFSOCK}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SCALES = {"c": 0, "k": 10, "M": 20, "G": 30, "T": 40, "P": 50}
TIME_FIELDS = {"a": "st_atime", "B": "st_birthtime", "c": "st_ctime", "m": "st_mtime"}


class Args:
    """The words of the expression that are left."""

    def __init__(self, c: Context, words: list[str], option: str = "") -> None:
        self.c = c
        self.words = list(words)
        self.option = option

    def next(self) -> str:
        """The argument of a primary."""
        if not self.words:
            self.c.p.errx(1, f"{self.option}: requires additional arguments")
        return self.words.pop(0)


class Number:
    """n, +n or -n."""

    def __init__(self, c: Context, option: str, text: str, units: str = "") -> None:
        self.sign = text[0] if text[:1] in ("+", "-") else ""
        body = text[len(self.sign) :]
        value, self.rest = leading(body)
        if value is None:
            c.p.errx(1, f"{option}: {text}: illegal numeric value")
        if self.rest and not units:
            c.p.errx(1, f"{option}: {text}: illegal trailing character")
        self.value = value

    def matches(self, value: int) -> bool:
        """Compare as the sign says."""
        if self.sign == "+":
            return value > self.value
        return value < self.value if self.sign == "-" else value == self.value


def leading(text: str) -> tuple[int | None, str]:
    """strtoq: (the number a text begins with, the rest)."""
    body = text.lstrip(" \t\n")
    at = 1 if body[:1] in ("+", "-") else 0
    end = at
    while end < len(body) and body[end] in "0123456789":
        end += 1
    return (int(body[:end]) if end > at else None), body[end:]


# tests of the name -------------------------------------------------------------------------------------------------


def c_name(c: Context, option: str, args: Args) -> Test:
    """-name, -iname, -path, -ipath, -lname, -ilname ..."""
    pattern = args.next()
    fold = option.startswith("-i")
    if option in ("-lname", "-ilname"):

        def link(e: FtsEntry) -> bool:
            if e.info not in (FTS_SL, FTS_SLNONE):
                return False
            try:
                return fnmatch(pattern, c.p.sys.readlink(e.path), fold)
            except KError:
                return False

        return link
    if option in ("-name", "-iname"):
        return lambda e: fnmatch(pattern, e.name, fold)
    return lambda e: fnmatch(pattern, e.path, fold)


def c_regex(c: Context, option: str, args: Args) -> Test:
    """-regex, -iregex: the whole path matches."""
    pattern = args.next()
    try:
        regex = regcomp(pattern, c.regex_flags | (ICASE if option == "-iregex" else 0))
    except RegexError as e:
        c.p.errx(1, f"{option}: {pattern}: {e}")

    def test(e: FtsEntry) -> bool:
        return regex.find(e.path) == (0, len(e.path))

    return test


# tests of the status -----------------------------------------------------------------------------------------------


def c_type(c: Context, option: str, args: Args) -> Test:
    """-type c"""
    word = args.next()
    if word[:1] not in TYPES or not word:
        c.p.errx(1, f"{option}: {word}: unknown type")
    kind = TYPES[word[0]]
    if kind == S_IFDIR:
        return lambda e: e.info in (FTS_D, FTS_DC, FTS_DNR, FTS_DP)
    return lambda e: e.st.st_mode & S_IFMT == kind


def c_age(c: Context, option: str, args: Args) -> Test:
    """-mtime, -amin and their like: rounded up to whole days or minutes, or to the second with units."""
    field = TIME_FIELDS[option[1]]
    text = args.next()
    period = 60 if option.endswith("min") else 86400
    exact = None
    if period == 86400:
        exact, number = parse_age(c, option, text)
    else:
        number = Number(c, option, text)

    def test(e: FtsEntry) -> bool:
        age = c.now - getattr(e.st, field) // NS
        if exact:
            return number.matches(age)
        return number.matches((age + period - 1) // period)

    if not exact and number.sign == "-":
        number.value += 1
    return test


def parse_age(c: Context, option: str, text: str) -> tuple[bool, Number]:
    """(units were given, the number)."""
    sign = text[:1] if text[:1] in ("+", "-") else ""
    value, rest = leading(text[len(sign) :])
    if value is None:
        c.p.errx(1, f"{option}: {text}: illegal time value")
    number = Number(c, option, f"{sign}0")
    number.value = value
    if not rest:
        return False, number
    seconds = 0
    while True:
        if rest[0] not in UNITS:
            c.p.errx(1, f"{option}: {text}: bad unit '{rest[0]}'")
        assert value is not None
        seconds += value * UNITS[rest[0]]
        if not rest[1:]:
            break
        value, rest = leading(rest[1:])
        if value is None:
            c.p.errx(1, f"{option}: {text}: illegal time value")
        if not rest:
            c.p.errx(1, f"{option}: {text}: missing trailing unit")
    number.value = seconds
    return True, number


def c_newer(c: Context, option: str, args: Args) -> Test:
    """-newer file, -newerXY reference, -anewer ..."""
    what, than = "m", "m"
    if option.startswith("-newer") and len(option) == 8:
        what, than = option[6], option[7]
    elif option != "-newer":
        what = option[1]
    word = args.next()
    if than == "t":
        seconds = get_date(c.p, word)
        if seconds is None:
            c.p.errx(1, f"Can't parse date/time: {word}")
        limit = seconds * NS + NS - 1
    else:
        limit = getattr(reference(c, word), TIME_FIELDS[than])
    field = TIME_FIELDS[what]
    return lambda e: bool(getattr(e.st, field) > limit)


def reference(c: Context, path: str) -> Stat:
    """The status of a file named in the expression."""
    try:
        return c.p.sys.stat(path) if c.logical else c.p.sys.lstat(path)
    except KError as e:
        c.p.err(1, e, path)


def get_date(p: Program, text: str) -> int | None:
    """A date as people write it; the forms of getdate.y that are unambiguous."""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%a %b %e %T %Z %Y", "%b %d %Y", "@%s"):
        tm = Tm()
        got = strptime(text.strip(), form, tm)
        if got is not None and not got[0].strip():
            return tm.timegm() if got[1] else mktime(tm, p.env)
    words = {"now": 0, "today": 0, "yesterday": -86400, "tomorrow": 86400}
    if text.strip() in words:
        return p.sys.clock_gettime() // NS + words[text.strip()]
    return None


def c_size(c: Context, option: str, args: Args) -> Test:
    """-size n[ckMGTP]: blocks of 512 bytes unless a unit is given."""
    text = args.next()
    number = Number(c, option, text, units="yes")
    if number.rest:
        if number.rest[0] not in SCALES:
            c.p.errx(1, f"{option}: {text}: illegal trailing character")
        c.size_in_blocks = False
        number.value <<= SCALES[number.rest[0]]
    return lambda e: number.matches((e.st.st_size + 511) // 512 if c.size_in_blocks else e.st.st_size)


def c_perm(c: Context, option: str, args: Args) -> Test:
    """-perm mode, -mode (all of these bits), +mode (any of them)."""
    text = args.next()
    how = text[0] if text[:1] in ("-", "+", "/") else ""
    mode = setmode(text[len(how) :])
    if mode is None:
        c.p.errx(1, f"{option}: {text[len(how) :]}: illegal mode string")
    umask = c.p.sys.umask(0)
    c.p.sys.umask(umask)
    wanted = mode.apply(0, umask)
    if how == "-":
        return lambda e: e.st.st_mode & 0o7777 & wanted == wanted
    if how:
        return lambda e: bool(e.st.st_mode & wanted)
    return lambda e: e.st.st_mode & 0o7777 == wanted


def c_user(c: Context, option: str, args: Args) -> Test:
    """-user, -uid"""
    name = args.next()
    user = getpwnam(c.p, name)
    number = owner(c, option, name, None if user is None else user.uid, "user")
    return lambda e: number.matches(e.st.st_uid)


def c_group(c: Context, option: str, args: Args) -> Test:
    """-group, -gid"""
    name = args.next()
    group = getgrnam(c.p, name)
    number = owner(c, option, name, None if group is None else group.gid, "group")
    return lambda e: number.matches(e.st.st_gid)


def owner(c: Context, option: str, name: str, found: int | None, kind: str) -> Number:
    """The id to compare with."""
    if found is not None:
        return Number(c, option, str(found))
    body = name[1:] if name[:1] in ("+", "-") else name
    if not leading(body)[0] and body[:1] != "0":
        c.p.errx(1, f"{option}: {body}: no such {kind}")
    return Number(c, option, name)


def c_nouser(c: Context, option: str, args: Args) -> Test:
    """-nouser, -nogroup"""
    if option == "-nouser":
        return lambda e: getpwuid(c.p, e.st.st_uid) is None
    return lambda e: getgrgid(c.p, e.st.st_gid) is None


def c_number(c: Context, option: str, args: Args) -> Test:
    """-links, -inum"""
    number = Number(c, option, args.next())
    field = "st_nlink" if option == "-links" else "st_ino"
    return lambda e: number.matches(getattr(e.st, field))


def c_samefile(c: Context, option: str, args: Args) -> Test:
    """-samefile file"""
    inode = reference(c, args.next()).st_ino
    return lambda e: e.st.st_ino == inode


def c_empty(c: Context, option: str, args: Args) -> Test:
    """-empty"""

    def test(e: FtsEntry) -> bool:
        kind = e.st.st_mode & S_IFMT
        if kind == S_IFDIR:
            try:
                return not c.p.sys.listdir(e.path)
            except KError:
                return False
        return kind == S_IFREG and e.st.st_size == 0

    return test


def c_access(c: Context, option: str, args: Args) -> Test:
    """-readable, -writable, -executable"""
    mode = {"-readable": R_OK, "-writable": W_OK, "-executable": X_OK}[option]

    def test(e: FtsEntry) -> bool:
        try:
            c.p.sys.access(e.path, mode)
        except KError:
            return False
        return True

    return test


def c_flags(c: Context, option: str, args: Args) -> Test:
    """-flags [-+]flags,noflags"""
    text = args.next()
    how = text[0] if text[:1] in ("-", "+") else ""
    wanted, unwanted, bad = strtofflags(text[len(how) :])
    if bad:
        c.p.errx(1, f"{option}: {bad}: illegal flags string")
    if how == "-":
        return lambda e: e.st.st_flags & wanted == wanted and not e.st.st_flags & unwanted
    if how == "+":
        return lambda e: bool(e.st.st_flags & wanted or ~e.st.st_flags & unwanted)
    return lambda e: e.st.st_flags == wanted and not wanted & unwanted


def c_fstype(c: Context, option: str, args: Args) -> Test:
    """-fstype type (or local, rdonly)"""
    word = args.next()
    option_word = {"local": "local", "rdonly": "read-only"}.get(word)

    def test(e: FtsEntry) -> bool:
        try:
            fs = c.p.sys.statfs(e.path)
        except KError:
            return False
        if option_word is not None:
            return option_word in fs.options  # type: ignore[attr-defined]
        return bool(fs.f_fstypename == word)  # type: ignore[attr-defined]

    return test


def c_sparse(c: Context, option: str, args: Args) -> Test:
    """-sparse"""
    return lambda e: e.st.st_blocks < (e.st.st_size + 511) // 512


# options and constants ---------------------------------------------------------------------------------------------


def c_true(c: Context, option: str, args: Args) -> Test:
    """-true, -false and options that do nothing here."""
    return (lambda e: False) if option in ("-false", "-xattr", "-acl") else (lambda e: True)


def c_xattrname(c: Context, option: str, args: Args) -> Test:
    """-xattrname: no file here has extended attributes."""
    args.next()
    return lambda e: False


def c_maxdepth(c: Context, option: str, args: Args) -> Test:
    """-maxdepth, -mindepth"""
    text = args.next()
    if text.startswith("-"):
        c.p.errx(1, f"{option}: {text}: value must be positive")
    value = Number(c, option, text).value
    if option == "-maxdepth":
        c.maxdepth = value
    else:
        c.mindepth = value
    return lambda e: True


def c_depth(c: Context, option: str, args: Args) -> Test:
    """-depth, and -depth n"""
    word = args.words[0] if args.words else ""
    body = word[1:] if word[:1] in ("+", "-") else word
    body = body[1:] if body[:1] in ("+", "-") else body
    if body[:1] in tuple("0123456789"):
        number = Number(c, option, args.next())
        return lambda e: number.matches(e.level)
    c.depth = True
    return lambda e: True


def c_follow(c: Context, option: str, args: Args) -> Test:
    """-follow"""
    c.follow = "L"
    return lambda e: True


def c_xdev(c: Context, option: str, args: Args) -> Test:
    """-xdev, -mount"""
    c.xdev = True
    return lambda e: True


def c_prune(c: Context, option: str, args: Args) -> Test:
    """-prune"""

    def test(e: FtsEntry) -> bool:
        e.skip = True
        return True

    return test


def c_quit(c: Context, option: str, args: Args) -> Test:
    """-quit"""

    def test(e: FtsEntry) -> bool:
        c.quit = True
        return False

    return test


# actions -----------------------------------------------------------------------------------------------------------


def c_print(c: Context, option: str, args: Args) -> Test:
    """-print, -print0"""
    c.output = True
    end = "\0" if option == "-print0" else "\n"

    def test(e: FtsEntry) -> bool:
        c.p.stdout.write(e.path + end)
        return True

    return test


def c_fprint(c: Context, option: str, args: Args) -> Test:
    """-fprint, -fprint0 file"""
    c.output = True
    end = "\0" if option == "-fprint0" else "\n"
    path = args.next()
    try:
        fd = c.p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    except KError as e:
        c.p.err(1, e, f"fprint: cannot create {path}")

    def test(e: FtsEntry) -> bool:
        c.p.sys.write_nowait(fd, (e.path + end).encode("utf-8", "surrogateescape"))
        return True

    return test


def c_ls(c: Context, option: str, args: Args) -> Test:
    """-ls"""
    c.output = True

    def test(e: FtsEntry) -> bool:
        c.p.stdout.write(long_line(c, e))
        return True

    return test


def c_printf(c: Context, option: str, args: Args) -> Test:
    """-printf format"""
    c.output = True
    form = args.next()

    def test(e: FtsEntry) -> bool:
        c.p.stdout.write(printf(c, form, e))
        return True

    return test


def c_delete(c: Context, option: str, args: Args) -> Test:
    """-delete"""
    c.output = c.depth = True

    def test(e: FtsEntry) -> bool:
        if e.path in (".", ".."):
            return True
        if c.logical:
            c.p.errx(1, "-delete: forbidden when symlinks are followed")
        isdir = e.st.st_mode & S_IFMT == S_IFDIR
        try:
            if e.st.st_flags & 0x6 and not e.st.st_flags & 0x60000 and c.p.sys.geteuid() == 0:
                c.p.sys.chflags(e.path, e.st.st_flags & ~0x6, follow=False)
            (c.p.sys.rmdir if isdir else c.p.sys.unlink)(e.path)
        except KError as error:
            if not isdir or error.errno != ENOTEMPTY:
                c.p.warn(error, f"-delete: {'rmdir' if isdir else 'unlink'}({e.path})")
        return True

    return test


class Exec:
    """-exec, -execdir, -ok, -okdir utility ... ; and -exec utility ... {} +"""

    def __init__(self, c: Context, option: str, argv: list[str], plus: bool) -> None:
        self.c = c
        self.argv = argv
        self.plus = plus
        self.ask = option.startswith("-ok")
        self.indir = option.endswith("dir")
        self.files: list[str] = []
        self.size = 0
        self.directory: str | None = None
        if plus:
            c.pending.append(self.flush)

    async def test(self, e: FtsEntry) -> bool:
        """Run the utility, or remember the file for later."""
        name = e.path
        if self.indir:
            head, slash, tail = e.path.rpartition("/")
            if slash:
                name = tail
            self.directory = (head or "/") if slash else None
        if self.plus:
            self.files.append(name)
            self.size += len(name) + 8
            if self.indir or len(self.files) >= ARG_MAX // 16 or self.size >= ARG_MAX - 65536:
                await self.flush()
            return True
        argv = [word.replace("{}", name) for word in self.argv]
        if self.ask and not await self.c.confirm(argv):
            return False
        return await self.c.run(argv, self.directory)

    async def flush(self) -> None:
        """Run the utility with all remembered files."""
        if not self.files:
            return
        argv = self.argv + self.files
        self.files, self.size = [], 0
        if self.ask and not await self.c.confirm(argv):
            return
        if not await self.c.run(argv, self.directory):
            self.c.status = 1


def c_exec(c: Context, option: str, args: Args) -> Test:
    """Collect the words of the utility."""
    c.output = True
    words = args.words
    for at, word in enumerate(words):
        plus = word[:1] == "+" and at > 0 and words[at - 1] == "{}"
        if word[:1] == ";" or plus:
            break
    else:
        c.p.errx(1, f'{option}: no terminating ";" or "+"')
    if not at:
        c.p.errx(1, f"{option}: no command specified")
    argv = words[: at - 1] if plus else words[:at]
    args.words = words[at + 1 :]
    return Exec(c, option, argv, plus).test


Create = Callable[[Context, str, Args], Test]
PRIMARIES: dict[str, Create] = {
    "-delete": c_delete, "-depth": c_depth, "-d": c_depth, "-empty": c_empty, "-exec": c_exec, "-execdir": c_exec,
    "-executable": c_access, "-flags": c_flags, "-follow": c_follow, "-fprint": c_fprint, "-fprint0": c_fprint,
    "-fstype": c_fstype, "-gid": c_group, "-group": c_group, "-inum": c_number, "-iregex": c_regex, "-links": c_number,
    "-ls": c_ls, "-maxdepth": c_maxdepth, "-mindepth": c_maxdepth, "-mount": c_xdev, "-newer": c_newer, "-nogroup": c_nouser,
    "-nouser": c_nouser, "-ok": c_exec, "-okdir": c_exec, "-perm": c_perm, "-print": c_print, "-print0": c_print,
    "-printf": c_printf, "-prune": c_prune, "-quit": c_quit, "-readable": c_access, "-regex": c_regex,
    "-samefile": c_samefile, "-size": c_size, "-sparse": c_sparse, "-type": c_type, "-uid": c_user, "-user": c_user,
    "-writable": c_access, "-xattrname": c_xattrname, "-xdev": c_xdev,
}  # fmt: skip
for _word in ("-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-lname", "-ilname"):
    PRIMARIES[_word] = c_name
for _word in ("-true", "-false", "-noleaf", "-ignore_readdir_race", "-noignore_readdir_race", "-xattr", "-acl"):
    PRIMARIES[_word] = c_true
for _letter in "aBcm":
    PRIMARIES[f"-{_letter}min"] = PRIMARIES[f"-{_letter}time"] = c_age
    PRIMARIES[f"-{_letter}newer"] = c_newer
    for _other in "aBcmt":
        PRIMARIES[f"-newer{_letter}{_other}"] = c_newer
