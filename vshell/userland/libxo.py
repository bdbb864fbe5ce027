"""libxo: one description of the output, rendered as text, XML, JSON, HTML or CSV (libxo(3)).

    xo = Xo(p)
    argv = xo.parse_args(p.argv)
    xo.open_container("jail-information")
    xo.emit("{:jid/%6d}{P:  }{:hostname/%-29.29s/%s}\\n", 1, "a.lab")
    xo.close_container("jail-information")
    xo.finish()

Format strings, states and the bytes that come out are those of contrib/libxo.
"""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.abi.errno import KError, strerror
from vshell.userland.libxo_format import (
    ARGUMENT,
    COLON,
    DISPLAY_ONLY,
    ENCODE_ONLY,
    HUMANIZE,
    KEY,
    LEAF_LIST,
    NOQUOTE,
    QUOTE,
    TRIM_WS,
    WS,
    Field,
    Value,
    cformat,
    consumed,
    fix_encoding,
    is_numeric,
    parse,
)  # fmt: skip
from vshell.userland.program import Program

FLAGS = frozenset({
    "color", "color-force", "columns", "dtrt", "flush", "flush-line", "ignore-close", "info", "keys", "log-gettext", "log-syslog",
    "no-humanize", "no-locale", "no-retain", "no-top", "not-first", "pretty", "retain", "underscores", "units", "warn",
    "warn-xml", "xpath",
})  # fmt: skip
STYLES = ("text", "xml", "json", "html", "sdparams")
LETTERS = {
    "c": "color", "f": "flush", "F": "flush-line", "g": "log-gettext", "I": "info", "k": "keys", "n": "no-humanize",
    "P": "pretty", "U": "units", "u": "underscores", "W": "warn", "x": "xpath",
}  # fmt: skip
"""The old style: --libxo:JP."""

CLASSES = {"D": "decoration", "E": "error", "L": "label", "N": "note", "P": "padding", "W": "warning", "U": "units"}

HIGH_WATER = 8192 - 512
INIT, CONTAINER, LIST, INSTANCE, LEAFLIST = "init", "container", "list", "instance", "leaf list"


class Frame:
    """One open container, list or instance."""

    __slots__ = ("emitted", "keys", "leaf_list", "name", "not_first", "state")

    def __init__(self, name: str, state: str) -> None:
        self.name = name
        self.state = state
        self.not_first = False
        self.emitted = False
        """A plain value was emitted in it."""
        self.keys = ""
        self.leaf_list = False


class Xo:
    """A libxo handle on the program's standard output."""

    def __init__(self, p: Program, version: str = "") -> None:
        self.p = p
        self.style = "text"
        self.flags: set[str] = set()
        self.indent_by = 2
        self.version = version
        self.stack = [Frame("", INIT)]
        self.indent = 0
        self.data: list[str] = []
        self.size = 0
        self.attrs = ""
        self.top_emitted = self.made_output = False
        self.div_open = False
        self.anchor = -1
        self.anchor_width = 0
        self.units_at = -1
        self.csv: list[tuple[str, str]] = []
        self.csv_header: list[str] = []

    # options ---------------------------------------------------------------------------------------------------
    def parse_args(self, argv: list[str]) -> list[str]:
        """Take the --libxo options out of `argv` (xo_parse_args); exits with 1 on a bad one."""
        left = argv[:1]
        rest = iter(argv[1:])
        for word in rest:
            if not word.startswith("--libxo"):
                left.append(word)
                continue
            option = word[7:]
            if not option:
                value = next(rest, None)
                if value is None:
                    self.warnx("missing libxo option")
                    self.p.exit(1)
                self._options(value)
            elif option[0] == ":":
                self._letters(option[1:])
            elif option[0] == "=":
                self._options(option[1:])
            elif option == "-check":
                self.p.exit(121)
            else:
                self.warnx(f"unknown libxo option: '{word}'")
                self.p.exit(1)
        self._set_version()
        return left

    def _letters(self, text: str) -> None:
        styles = {"H": "html", "J": "json", "T": "text", "X": "xml"}
        for letter in re.sub(r"i(\d+)", lambda m: self._set_indent(m[1]), text):
            if letter in styles:
                self.style = styles[letter]
            elif letter in LETTERS:
                self.flags.add(LETTERS[letter])

    def _set_indent(self, digits: str) -> str:
        self.indent_by = int(digits)
        return ""

    def _options(self, text: str) -> None:
        if text.startswith(":"):
            self._letters(text[1:])
            return
        style = ""
        bad = False
        for word in text.split(","):
            name, _, value = word.partition("=")
            if word.startswith("@") or name == "encoder":
                self.style = "csv" if (word[1:] if word.startswith("@") else value) == "csv" else self.style
                style = style or self.style
            elif name in STYLES:
                if style:
                    self.warnx(f"ignoring multiple styles: '{name}'")
                style = style or name
            elif name in FLAGS:
                self.flags.add(name)
            elif name == "no-color":
                self.flags.discard("color")
            elif name == "indent" and value.isdecimal():
                self.indent_by = int(value)
            elif name not in ("colors", "indent", ""):
                self.warnx(f"unknown libxo option value: '{name}'")
                bad = True
        if bad:
            self.p.exit(1)
        self.style = style or self.style

    def _set_version(self) -> None:
        if self.version and self.style == "xml":
            self.attr("version", self.version)

    # output ----------------------------------------------------------------------------------------------------
    @property
    def pretty(self) -> bool:
        """Newlines and indentation wanted."""
        return "pretty" in self.flags

    @property
    def encoding(self) -> bool:
        """A style for programs rather than for readers."""
        return self.style not in ("text", "html")

    def _put(self, text: str) -> None:
        self.data.append(text)
        self.size += len(text)

    def _blanks(self, extra: int = 0) -> str:
        if not self.pretty:
            return ""
        return " " * (self.indent * self.indent_by + (self.indent_by if self.top_emitted else 0) + extra)

    def flush(self) -> None:
        """Hand what was rendered to standard output."""
        if self.data:
            self.p.stdout.write("".join(self.data))
            self.data.clear()
            self.size = 0

    def escape(self, text: str, attribute: bool = False) -> str:
        """Text as the style needs it."""
        if self.style in ("xml", "html"):
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            return text.replace('"', "&quot;") if attribute else text
        if self.style == "json":
            return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        if self.style == "sdparams":
            return re.sub(r'(["\\\]])', r"\\\1", text)
        return text

    def attr(self, name: str, value: object) -> None:
        """An attribute of the next XML element (xo_attr)."""
        if self.style == "xml":
            self.attrs += f' {name}="{self.escape(str(value), True)}"'

    # containers, lists, instances ------------------------------------------------------------------------------
    def _push(self, name: str, state: str, indent: int) -> None:
        self.stack.append(Frame(name, state))
        if self.encoding:
            self.indent += indent

    def _pop(self, indent: int) -> Frame:
        frame = self.stack.pop() if len(self.stack) > 1 else self.stack[0]
        if self.encoding:
            self.indent = max(self.indent - indent, 0)
        return frame

    def _json_lead(self) -> str:
        if "no-top" not in self.flags and not self.top_emitted:
            nl = "\n" if self.pretty else ""
            self._put(f"{self._blanks()}{{{nl}")
            self.top_emitted = True
            if self.version:
                self._put(f'{self._blanks()}"__version": "{self.version}", {nl}')
        top = self.stack[-1]
        lead = (",\n" if self.pretty else ", ") if top.not_first else ""
        top.not_first = True
        return lead

    def _json_name(self, name: str) -> str:
        return name.replace("-", "_") if "underscores" in self.flags else name

    def _open(self, name: str, state: str, json: str) -> None:
        nl = "\n" if self.pretty else ""
        if self.style == "xml" and state != LIST:
            self._put(f"{self._blanks()}<{name}{self.attrs}>{nl}")
            self.attrs = ""
        elif self.style == "json":
            lead = self._json_lead()
            label = f'"{self._json_name(name)}": ' if state != INSTANCE else ""
            self._put(f"{lead}{self._blanks()}{label}{json}{nl}")
        self._push(name, state, 1 if state != LIST or self.style == "json" else 0)
        self.made_output = True

    def _close_top(self) -> None:
        frame = self.stack[-1]
        nl = "\n" if self.pretty else ""
        is_list = frame.state in (LIST, LEAFLIST)
        if self.style == "csv" and self.csv and not is_list:
            self._csv_record()
        if self.style == "xml" and not is_list:
            self._pop(1)
            self._put(f"{self._blanks()}</{frame.name}>{nl}")
        elif self.style == "json":
            self._pop(1)
            lead = "" if is_list and not frame.not_first else nl
            self._put(f"{lead}{self._blanks()}{']' if is_list else '}'}")
        else:
            self._pop(0 if is_list else 1)
        self.stack[-1].not_first = True

    def _close(self, name: str, state: str) -> None:
        for i in range(len(self.stack) - 1, 0, -1):
            if self.stack[i].state == state and (not name or self.stack[i].name == name):
                while len(self.stack) > i:
                    self._close_top()
                return

    def open_container(self, name: str) -> None:
        """xo_open_container."""
        if self.stack[-1].state in (LIST, LEAFLIST):
            self._close_top()
        self._open(name, CONTAINER, "{")

    def close_container(self, name: str = "") -> None:
        """xo_close_container."""
        self._close(name, CONTAINER)

    def open_list(self, name: str) -> None:
        """xo_open_list."""
        if self.stack[-1].state in (LIST, LEAFLIST):
            self._close_top()
        self._open(name, LIST, "[")

    def close_list(self, name: str = "") -> None:
        """xo_close_list."""
        self._close(name, LIST)

    def open_instance(self, name: str) -> None:
        """xo_open_instance."""
        state = self.stack[-1].state
        if state in (INSTANCE, LEAFLIST):
            self._close_top()
        elif state in (INIT, CONTAINER):
            self.open_list(name)
        self._open(name, INSTANCE, "{")

    def close_instance(self, name: str = "") -> None:
        """xo_close_instance."""
        self._close(name, INSTANCE)

    # fields ----------------------------------------------------------------------------------------------------
    def emit(self, fmt: str, *args: Value) -> None:
        """xo_emit: render a format string with its arguments."""
        left = list(args)
        for field in parse(fmt):
            self._field(field, left)
        self.made_output = True
        if (self.size > HIGH_WATER or "flush" in self.flags) and self.anchor < 0:
            self.flush()

    def _field(self, field: Field, args: list[Value]) -> None:
        kind, flags = field.kind, field.flags
        if kind == "\n":
            self._newline()
            return
        if kind == "+":
            self._text(field.content)
            return
        content = str(args.pop(0)) if flags & ARGUMENT else field.content
        if kind in "NU" and flags & WS:
            self._content("padding", " ", None, [], 0)
            flags &= ~WS
        if kind == "V":
            self._value(content, field, flags, args)
        elif kind == "[":
            self._anchor_start(content, field, args)
        elif kind == "]":
            self._anchor_stop(content, field, args)
        elif kind == "U" and self.units_at >= 0:
            self._units(content, field, args)
        elif kind in CLASSES and (content or field.format is not None):
            self._content(CLASSES[kind], content, field.format, args, flags)
        elif kind == "T" and (content or field.format is not None):
            self._title(content, field, args)
        if flags & COLON:
            self._content("decoration", ":", None, [], 0)
        if flags & WS:
            self._content("padding", " ", None, [], 0)

    def _newline(self) -> None:
        if self.style == "text":
            self._put("\n")
            if "flush-line" in self.flags:
                self.flush()
        elif self.style == "html":
            self._line_open()
            self.div_open = False
            self._put("</div>" + ("\n" if self.pretty else ""))

    def _line_open(self) -> None:
        if not self.div_open:
            self.div_open = True
            self._put('<div class="line">' + ("\n" if self.pretty else ""))

    def _text(self, text: str) -> None:
        if self.style == "text":
            self._put(text)
        elif self.style == "html":
            self._div("text", text, "")

    def _div(self, name: str, text: str, extra: str) -> None:
        self._line_open()
        if self.pretty:
            self._put(" " * ((self.indent + 1) * self.indent_by))
        self._put(f'<div class="{name}{extra}">{self.escape(text)}</div>' + ("\n" if self.pretty else ""))

    def _content(self, name: str, content: str, fmt: str | None, args: list[Value], flags: int) -> None:
        """A field that only readers see (xo_format_content)."""
        text = content or self._format(fmt, args)
        if flags & ENCODE_ONLY:
            return
        if self.style == "text":
            self._put(text)
        elif self.style == "html":
            self._div(name, text, "")

    def _format(self, fmt: str | None, args: list[Value]) -> str:
        """printf with as many arguments as the format takes (none if it is absent)."""
        if fmt is None:
            return ""
        count = consumed(fmt)
        taken = args[:count]
        del args[:count]
        return cformat(fmt, taken)

    def _title(self, content: str, field: Field, args: list[Value]) -> None:
        fmt = field.format if field.format is not None else "%s"
        text = cformat(fmt, [content]) if content else self._format(fmt, args)
        if self.style == "text":
            self._put(text)
        elif self.style == "html":
            self._div("title", text, "")

    def _value(self, name: str, field: Field, flags: int, args: list[Value]) -> None:
        fmt = field.format if field.format is not None else ""
        taken = args[: consumed(fmt)]
        del args[: len(taken)]
        self._frame_for(name, flags)
        self.units_at = -1
        top = self.stack[-1]
        if flags & LEAF_LIST and top.name:
            name = top.name
        if self.style in ("text", "html"):
            self._display(name, fmt, flags, taken)
            return
        if flags & DISPLAY_ONLY:
            return
        encoding = fix_encoding(fmt) if field.encoding is None else field.encoding
        text = cformat(encoding, taken)
        if flags & TRIM_WS:
            text = text.strip(" ")
        if self.style == "xml":
            self._xml(name, text, flags)
        elif self.style == "json":
            self._json(name, text, encoding, flags)
        elif self.style == "csv":
            self.csv.append((name, text))
        else:
            self._put(f'{self.escape(name)}="{self.escape(text)}" ')

    def _frame_for(self, name: str, flags: int) -> None:
        """Get the frame ready for a value (the start of xo_format_value)."""
        top = self.stack[-1]
        if flags & LEAF_LIST:
            if top.emitted or not top.leaf_list:
                if top.state != LIST:
                    if top.state == LEAFLIST:
                        self._close_top()
                    self._open_leaf_list(name)
                self.stack[-1].leaf_list = True
        else:
            if top.state in (LIST, LEAFLIST):
                self._close_top()
            self.stack[-1].emitted = True

    def _open_leaf_list(self, name: str) -> None:
        if self.style == "json":
            lead = self._json_lead()
            self._put(f'{lead}{self._blanks()}"{name}": [' + ("\n" if self.pretty else ""))
        self._push(name, LEAFLIST, 1 if self.style == "json" else 0)

    def _display(self, name: str, fmt: str, flags: int, args: list[Value]) -> None:
        if flags & ENCODE_ONLY:
            return
        text = cformat(fmt, args)
        if flags & HUMANIZE and "no-humanize" not in self.flags:
            text = humanize(text, flags)
        if self.style == "text":
            self._put(text)
        else:
            extra = f'" data-tag="{name}' + ('" data-key="key' if flags & KEY and "keys" in self.flags else "")
            self._div("data", text, extra)

    def _xml(self, name: str, text: str, flags: int) -> None:
        key = ' key="key"' if flags & KEY and "keys" in self.flags else ""
        name = name if name[:1].isalpha() or name[:1] == "_" else "_" + name
        self._put(f"{self._blanks()}<{name}{self.attrs}{key}")
        self.attrs = ""
        if "units" in self.flags:
            self.units_at = len(self.data)
        self._put(f">{self.escape(text)}</{name}>" + ("\n" if self.pretty else ""))

    def _json(self, name: str, text: str, fmt: str, flags: int) -> None:
        top = self.stack[-1]
        if top.not_first:
            self._put(",\n" if self.pretty else ",")
        top.not_first = True
        if flags & (QUOTE | NOQUOTE):
            quote = bool(flags & QUOTE)
        elif not fmt:
            quote, text = False, "true"
        else:
            quote = not is_numeric(fmt)
        mark = '"' if quote else ""
        self._put(self._blanks())
        if not flags & LEAF_LIST:
            self._put(f'"{self.escape(self._json_name(name))}":' + (" " if self.pretty else ""))
        self._put(f"{mark}{self.escape(text)}{mark}")

    def _units(self, content: str, field: Field, args: list[Value]) -> None:
        text = content or self._format(field.format, args)
        self.data.insert(self.units_at, f' units="{self.escape(text, True)}"')
        self.units_at = -1

    # anchors ---------------------------------------------------------------------------------------------------
    def _width(self, content: str, field: Field, args: list[Value]) -> int:
        text = self._format(field.format, args) if field.format is not None else content
        return int(text) if re.fullmatch(r"-?\d+", text) else 0

    def _anchor_start(self, content: str, field: Field, args: list[Value]) -> None:
        self.anchor = len(self.data)
        self.anchor_width = self._width(content, field, args)

    def _anchor_stop(self, content: str, field: Field, args: list[Value]) -> None:
        if self.anchor < 0:
            return
        width = self._width(content, field, args) or self.anchor_width
        start, self.anchor = self.anchor, -1
        if self.style != "text":
            return
        missing = abs(width) - len("".join(self.data[start:]))
        if missing > 0:
            self.data.insert(start if width > 0 else len(self.data), " " * missing)
            self.size += missing

    # csv -------------------------------------------------------------------------------------------------------
    def _csv_record(self) -> None:
        if not self.csv_header:
            self.csv_header = [name for name, _ in self.csv]
            self._put(",".join(self.csv_header) + "\n")
        values = dict(self.csv)
        self.csv.clear()
        self._put(",".join(_csv_quote(values.get(name, "")) for name in self.csv_header) + "\n")

    # the end ---------------------------------------------------------------------------------------------------
    def finish(self) -> None:
        """xo_finish: close what is open and write the rest."""
        while len(self.stack) > 1:
            self._close_top()
        if self.style == "csv" and self.csv:
            self._csv_record()
        if self.style == "json" and "no-top" not in self.flags:
            lead = "\n" if self.pretty else ""
            opening = ""
            if self.top_emitted:
                self.top_emitted = False
            elif not self.made_output:
                lead, opening = "", "{ "
            self._put(f"{lead}{self._blanks()}{opening}}}\n")
        self.flush()

    def warnx(self, text: str) -> None:
        """xo_warnx."""
        if "warn-xml" in self.flags:
            message = f"{self.p.name}: {text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            self._put(f"<error><message>{message}</message></error>\n")
            self.flush()
        else:
            self.p.warnx(text)

    def warn(self, error: KError | int, text: str = "") -> None:
        """xo_warn."""
        reason = strerror(error if isinstance(error, int) else error.errno)
        self.warnx(f"{text}: {reason}" if text else reason)

    def errx(self, status: int, text: str) -> NoReturn:
        """xo_errx: warn, finish, exit."""
        self.warnx(text)
        self.finish()
        self.p.exit(status)

    def err(self, status: int, error: KError | int, text: str = "") -> NoReturn:
        """xo_err."""
        self.warn(error, text)
        self.finish()
        self.p.exit(status)


def _csv_quote(value: str) -> str:
    if re.search(r'[\n\r",]', value) or value != value.strip():
        return '"' + value.replace('"', '""') + '"'
    return value


def humanize(text: str, flags: int) -> str:
    """A number as humanize_number(3) shortens it (xo_format_humanize); anything else as it is."""
    from vshell.userland.libxo_format import HN_1000, HN_DECIMAL, HN_SPACE

    match = re.match(r"\s*(\d+)", text)
    if match is None:
        return text
    value = int(match[1])
    step = 1000 if flags & HN_1000 else 1024
    scale, rest = 0, value
    while rest >= step:
        rest //= step
        scale += 1
    letter = ("", "k" if flags & HN_1000 else "K", "M", "G", "T", "P", "E")[scale]
    number = str((value + step**scale // 2) // step**scale)
    if flags & HN_DECIMAL and scale and value < 10 * step**scale:
        number = f"{value / step**scale:.1f}"
    return f"{number}{' ' if flags & HN_SPACE else ''}{letter}"
