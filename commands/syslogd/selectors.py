"""syslog.conf(5): which messages go where (cfline, readconfigfile of usr.sbin/syslogd/syslogd.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from vshell.abi.record import Record
from vshell.userland.regex import EXTENDED, ICASE, RegexError, regcomp
from vshell.userland.syslog import FACILITIES, PRIORITIES

NOPRI = 0x10
LT, EQ, GT = 1, 2, 4
NFACILITIES = 25
MARK = 24
PROPERTIES = ("msg", "hostname", "source", "programname")
COMPARISONS = ("contains", "isequal", "startswith", "regex", "ereregex")


class ConfigError(Exception):
    """A line that cannot be understood."""


class PropFilter:
    """A filter of properties: `msg, !icase_contains, "text"` (prop_filter_compile, evaluate_prop_filter)."""

    def __init__(self, text: str) -> None:
        """ConfigError."""
        match = re.match(r'[, \t]*([^, \t]+)[, \t]+([^, \t]+)[, \t]+"((?:[^"\\]|\\.)+)"[ \t]*$', text)
        if match is None:
            raise ConfigError("unable to parse prop filter")
        self.name, how = match[1].lower(), match[2].lower()
        self.exclude = how.startswith("!")
        how = how.removeprefix("!")
        self.icase = how.startswith("icase_")
        self.how = how.removeprefix("icase_")
        self.value = re.sub(r"\\(.)", r"\1", match[3])
        if self.name not in PROPERTIES or self.how not in COMPARISONS:
            raise ConfigError("unable to parse prop filter")
        self.regex = None
        if self.how.endswith("regex"):
            try:
                self.regex = regcomp(self.value, (EXTENDED if self.how == "ereregex" else 0) | (ICASE if self.icase else 0))
            except RegexError:
                raise ConfigError("unable to parse prop filter") from None

    def matches(self, properties: dict[str, str]) -> bool:
        """Does a message with these properties pass?"""
        text, value = properties[self.name], self.value
        if self.regex is not None:
            return (self.regex.find(text) is not None) != self.exclude
        if self.icase:
            text, value = text.lower(), value.lower()
        if self.how == "contains":
            found = value in text
        else:
            found = text == value if self.how == "isequal" else text.startswith(value)
        return found != self.exclude


class Action:
    """One line: its selectors and what is done with messages (struct filed)."""

    def __init__(self, target: str, program: str, host: str, prop: PropFilter | None = None) -> None:
        self.target = target
        self.program, self.host, self.prop = program, host, prop
        self.mask = [NOPRI] * NFACILITIES
        self.compare = [0] * NFACILITIES
        self.fd = -1
        self.peer: Record | None = None
        """Where a forwarder sends to."""
        self.kind = {"@": "forward", "/": "file", "|": "pipe", "*": "wall"}.get(target[:1], "users")
        self.previous = ""
        self.count = self.since = self.backoff = 0

    def wants(self, facility: int, priority: int, host: str, program: str, text: str) -> bool:
        """Does a message of this kind go here?"""
        mask, compare = self.mask[facility], self.compare[facility]
        if mask == NOPRI:
            return False
        matches = (compare & EQ and mask == priority) or (compare & LT and mask < priority) or (compare & GT and mask > priority)
        if not matches or not _named(self.program, program) or not _named(self.host, host):
            return False
        return self.prop is None or self.prop.matches({"msg": text, "hostname": host, "source": host, "programname": program})


def _named(wanted: str, name: str) -> bool:
    """True if a list of names, or with - in front its complement, has a name."""
    if not wanted or wanted == "*":
        return True
    excluded = wanted.startswith("-")
    return (name in wanted.lstrip("-+").split(",")) != excluded


def parse_line(line: str, program: str, host: str, unique: bool, prop: PropFilter | None = None) -> Action:
    """cfline.  ConfigError."""
    at = next((i for i, c in enumerate(line) if c in " \t"), len(line))
    selectors, target = line[:at], line[at:].strip()
    if not target:
        raise ConfigError("syntax error")
    action = Action(target.removeprefix("-"), program, host, prop)
    for selector in selectors.split(";"):
        if selector:
            _select(action, selector, unique)
    return action


def _select(action: Action, selector: str, unique: bool) -> None:
    facilities, dot, level = selector.partition(".")
    if not dot:
        raise ConfigError("syntax error")
    negated = level.startswith("!")
    level = level.removeprefix("!")
    compare = 0
    while level[:1] in ("<", "=", ">") and level:
        compare |= {"<": LT, "=": EQ, ">": GT}[level[0]]
        level = level[1:]
    if not compare:
        compare = EQ if unique else EQ | GT
    if negated:
        compare ^= LT | EQ | GT
    if level == "*":
        priority, compare = 7, LT | EQ | GT
    elif level.lower() in PRIORITIES:
        priority = PRIORITIES[level.lower()]
    else:
        raise ConfigError(f'unknown priority name "{level}"')
    # "a or higher" is written with > in the file: a smaller number here.
    for name in facilities.split(","):
        if name == "*":
            numbers = list(range(NFACILITIES - 1))
        elif name.lower() in FACILITIES:
            numbers = [FACILITIES[name.lower()] >> 3]
        else:
            raise ConfigError(f'unknown facility name "{name}"')
        for number in numbers:
            action.mask[number], action.compare[number] = priority, compare


class State:
    """To which messages the lines apply that come next."""

    def __init__(self) -> None:
        self.program = self.host = ""
        self.prop: PropFilter | None = None


def read(
    text: str,
    unique: bool,
    include: Callable[[str], list[str]],
    complain: Callable[[str], None],
    state: State | None = None,
) -> Iterator[Action]:
    """readconfigfile: the lines of a file, and of those it includes (`include` answers their texts)."""
    state = state or State()
    for raw in text.split("\n"):
        line = raw.rstrip()
        if line.startswith("include") and line[7:8] in (" ", "\t"):
            for other in include(line[7:].strip()):
                yield from read(other, unique, include, complain, state)
            continue
        if line.startswith("#") and line[1:2] in ("!", "+", "-", ":"):
            line = line[1:]
        if not line.strip() or line.startswith("#"):
            continue
        line = line.lstrip()
        if line[0] == "!":
            name = line[1:].strip()
            state.program = "" if name == "*" else name
        elif line[0] == ":":
            name = line[1:].strip()
            try:
                state.prop = None if name == "*" else PropFilter(name)
            except ConfigError as e:
                complain(str(e))
        elif line[0] in "+-" and "." not in line.split()[0]:
            name = line.removeprefix("+").strip()
            state.host = "" if name in ("*", "-*") else name
        else:
            try:
                yield parse_line(_unescaped(line), state.program, state.host, unique, state.prop)
            except ConfigError as e:
                complain(str(e))


def _unescaped(line: str) -> str:
    """A comment ends a line unless # is written \\#."""
    out, at = "", 0
    while at < len(line):
        if line[at] == "\\" and line[at + 1 : at + 2] == "#":
            out += "#"
            at += 2
            continue
        if line[at] == "#":
            break
        out += line[at]
        at += 1
    return out.rstrip()
