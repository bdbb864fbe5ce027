"""The manual: every program has a page, what a page says is so, and the programs that show pages."""

from __future__ import annotations

import ast
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest

from vshell.app import USAGE
from vshell.commands.ifconfig.keywords import commands
from vshell.commands.ifconfig.wireless import COMMANDS
from vshell.commands.jail.jailp import INTERNAL
from vshell.commands.route.keywords import COMMANDS as route_commands
from vshell.commands.route.keywords import MODIFIERS
from vshell.commands.vshell import subcommands
from vshell.labs.replay import replay
from vshell.labs.report import differences
from vshell.machine import FILES, Machine, open_session
from vshell.shell.completion import Reader, complete
from vshell.shell.config import DEFAULTS
from vshell.userland.manual import FOLDER, REFERENCE, TITLES, Page, html, links, options, parse, plain, section, text
from vshell.userland.programs import Programs
from vshell.userland.sh.builtins import table
from vshell.userland.sh.state import OPTIONS as SH_OPTIONS

TOP = Path(__file__).resolve().parents[3]
PAGES = sorted(Path(FILES, FOLDER.lstrip("/")).glob("*.md"))
FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/libexec", "/libexec")
OTHERS = {"dnctl": set("abcdDefhiNpqStTx"), "ngctl": set("cl")}
"""Letters of another program in the same file; of commands within the program."""
WHOLE = """
    arp divertcat dnctl fetch flowctl ifconfig ifmcstat inetd ip6addrctl ipfw jail jexec jls kldconfig kldload kldstat kldunload
    kldxref labhttpd nc ndp netstat ngctl nghook ping route rtadvctl rtadvd rtsold service setfib sockstat sysctl syslogd sysrc
    tcpdrop tcpdump traceroute traceroute6 vimage
"""
"""Pages that tell all options."""


def page_of(path: Path) -> Page:
    """A page, which must be one."""
    page = parse(path.read_text("utf-8"))
    assert page is not None, path
    return page


BY_NAME: dict[str, Page] = {}
for _path in PAGES:
    _page = page_of(_path)
    for _name in (_page.heading.name, *_page.heading.names):
        if _page.heading.section in "18":
            BY_NAME.setdefault(_name, _page)


def strings(node: ast.expr, constants: dict[str, ast.expr]) -> list[str]:
    """The texts an expression may stand for."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        return strings(constants[node.id], constants) if node.id in constants else []
    if isinstance(node, ast.IfExp):
        return strings(node.body, constants) + strings(node.orelse, constants)
    if isinstance(node, ast.BinOp):
        return strings(node.left, constants) + strings(node.right, constants)
    return []


def optstrings(program: str) -> str:
    """The option strings of getopt in the source of a program, together; "" if it has none."""
    module = Programs._module(program)
    place = TOP / "commands" / module
    found: list[str] = []
    for file in sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        tree = ast.parse(file.read_text("utf-8"))
        constants: dict[str, ast.expr] = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if "getopt" in name.lower():
                    found += strings(node.args[1], constants)
    return "".join(found)


def letters(page: Page) -> set[str]:
    """The letters among the options of a page."""
    return {o.letter[1] for o in options(page) if len(o.letter) == 2}


def test_every_program_has_a_page() -> None:
    """Also under its other names; none is of a program that is not there."""
    programs = Programs()
    names = {name for folder in FOLDERS for name in programs.listing(folder)}
    assert not sorted(names - BY_NAME.keys())
    assert not sorted(page.heading.name for page in BY_NAME.values() if page.heading.name not in names | {"builtin"})


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name.removesuffix(".md"))
def test_page(path: Path) -> None:
    """The form of a page, and that its options are those of its program."""
    page = page_of(path)
    head = page.heading
    assert path.name == f"{head.name}.{head.section}.md"
    assert head.name in head.names
    assert head.section in TITLES
    titles = [plain(block.text) for block in page.blocks if block.kind == "section"]
    assert "Description" in titles
    if head.section in "18":
        assert titles[:2] == ["Synopsis", "Description"]
        assert next(section(page, "Synopsis")).kind == "code"
    assert len(titles) == len(set(titles))
    assert all(len(line) <= 80 for line in text(page).splitlines() if not line.startswith(" " * 9)), head.name
    assert all(block.text or block.term for block in page.blocks)


def options_by_page() -> dict[str, str]:
    """Page to the options its program takes, where that leaves reading them to getopt."""
    programs = Programs()
    owners = {name: owner for folder in FOLDERS for name, owner in programs.listing(folder).items()}
    names = {page.heading.name for page in BY_NAME.values()} - {"builtin", "vshell"}
    found = {name: optstrings(owners.get(name, name)) for name in sorted(names)}
    return {name: known for name, known in found.items() if known}


OPTIONS = options_by_page()


@pytest.mark.parametrize("name", OPTIONS)
def test_options(name: str) -> None:
    """Options of a page are options of the program; some pages tell all of them."""
    page, known = BY_NAME[name], OPTIONS[name]
    assert not letters(page) - set(known)
    if name in WHOLE.split():
        assert not {c for c in known if c.isalnum() or c == "#"} - letters(page) - OTHERS.get(name, set())


@pytest.mark.parametrize("path", [p for p in PAGES if "```console" in p.read_text("utf-8")], ids=lambda p: p.stem)
def test_examples(path: Path) -> None:
    """The console blocks of a page say what the machine answers."""
    result = replay(path, partial(open_session))
    assert not result.different and not result.panics, "\n".join(differences([result]))


def test_references() -> None:
    """What a page sends its reader to is there."""
    known = links(page_of(path).heading for path in PAGES)
    missing = []
    for path in PAGES:
        for block in section(page_of(path), "See also"):
            missing += [f"{path.stem}: {m[0]}" for m in REFERENCE.finditer(plain(block.text)) if (m[1], m[2]) not in known]
    assert not missing


@pytest.fixture(scope="module")
def machine() -> Machine:
    """A machine to ask."""
    return Machine()


@pytest.mark.parametrize(
    ("command", "status", "out", "err"),
    [
        ("man true | head -4", 0, ["TRUE(1) ", "NAME", "     true - do nothing, with status 0"], ""),
        ("man -w ping6", 0, [f"{FOLDER}/ping.8.md"], ""),
        ("man -aw jail", 0, [f"{FOLDER}/jail.8.md"], ""),
        ("man 5 jail.conf | head -1", 0, ["JAIL.CONF(5)"], ""),
        ("man -S 4:9 -w vnet bridge", 0, [f"{FOLDER}/vnet.9.md", f"{FOLDER}/bridge.4.md"], ""),
        ("man 1 ifconfig", 1, [], 'No manual entry for "ifconfig"\n'),
        ("man nosuch true >/dev/null", 1, [], 'No manual entry for "nosuch"\n'),
        ("man", 1, [], "What manual page do you want?\n"),
        ("man 8", 1, [], "What manual page do you want?\n"),
        ("man ../etc/passwd", 1, [], 'No manual entry for "../etc/passwd"\n'),
        ("man -l /etc/passwd", 1, [], "/etc/passwd: not a page of the manual\n"),
        ("man -l /nosuch", 1, [], "Cannot read /nosuch\n"),
        (f"man -l {FOLDER}/true.1.md | head -1", 0, ["TRUE(1)"], ""),
        ("man -M /nosuch ls", 1, [], 'No manual entry for "ls"\n'),
        ("MANWIDTH=40 man true | head -1 | wc -m", 0, ["      41"], ""),
        ("man -K 'lives. in|stack of its own' -w | head -1", 0, [FOLDER], ""),
        ("man -K '('", 1, [], "man: (: parentheses not balanced\n"),
        ("man -h >/dev/null", 0, [], "Usage:\n man [-adhlo]"),
        ("man -Z", 1, [], "Illegal option -Z\nUsage:\n"),
        ("man -M", 1, [], "No arg for -M option\nUsage:\n"),
        ("man -f -k x | head -1", 1, ["Incompatible options: -f and -k"], ""),
        ("man -k nosuchthing", 5, [], "apropos: nothing appropriate\n"),
        ("man -f ping", 0, ["ping, ping6(8) - "], ""),
        ("whatis ping6 route", 0, ["ping, ping6(8) - ", "route(8) - "], ""),
        ("whatis pin", 5, [], "whatis: nothing appropriate\n"),
        ("apropos -s 9 stack", 0, ["vnet, vimage(9) - network stacks of jails"], ""),
        ("apropos Nm=vxlan -a sec=4", 0, ["vxlan, if_vxlan(4) - "], ""),
        (r"apropos Nm~^vx -a \( Nd=tunnel -o Nd=nothing \)", 0, ["vxlan, if_vxlan(4) - "], ""),
        ("apropos '('", 5, [], "apropos: unclosed parenthesis\napropos: nothing appropriate\n"),
        ("apropos '[' 2>&1 | head -1", 5, ["apropos: regcomp /[/: brackets ([ ]) not balanced"], ""),
        ("apropos", 5, [], "usage: apropos "),
        ("whatis ng_tee", 0, ["ng_nodes, ng_async, ng_bpf, ng_bridge, ...(4) - types"], ""),
        ("whatis -q x", 5, [], "whatis: illegal option -- q\nusage: whatis "),
        ("help cd | head -1", 0, ["SH(1)"], ""),
        ("help test | head -1", 0, ["TEST(1)"], ""),
        ("help nosuch", 1, [], 'No manual entry for "nosuch"\n'),
        ("help -x", 1, [], "usage: help [name ...]\n"),
        ("vshell doc", 2, [], "usage: vshell doc FOLDER\n"),
        ("vshell doc -x /tmp/doc", 2, [], "usage: vshell doc FOLDER\n"),
        ("vshell doc /nosuch/doc", 1, [], "vshell: doc: /nosuch/doc: No such file or directory\n"),
        ("vshell doc /etc/passwd", 1, [], "vshell: doc: /etc/passwd: Not a directory\n"),
    ],
)  # fmt: skip
def test_programs(machine: Machine, command: str, status: int, out: list[str], err: str) -> None:
    """man, apropos, whatis, help, vshell doc."""
    result = machine.run(f"set -o pipefail; {command}")
    assert result.status == status
    lines = result.stdout.decode().splitlines()
    assert len(lines) >= len(out)
    for want in out:
        assert any(line.startswith(want) for line in lines), (want, lines)
    assert bool(lines) == bool(out)
    assert result.stderr.decode().startswith(err) and bool(result.stderr) == bool(err)


@pytest.mark.parametrize(
    ("command", "status", "out"),
    [
        ("MANPAGER=cat script -q /dev/null man true", 0, "N\bNA\bAM\bME\bE"),
        ("PAGER='tail -1' script -q /dev/null man true", 0, "vshell  "),
        ("script -q /dev/null man -P 'exit 3' true", 3, ""),
        ("script -q /dev/null man -P true ifconfig", 0, ""),
        ("script -q /dev/null man -P nosuch true", 127, "nosuch: not found"),
        ("script -q /dev/null man -w true", 0, "true.1.md"),
        ("script -q /dev/null man -P cat nosuch true", 1, 'No manual entry for "nosuch"'),
        ("(sleep 1; echo G; sleep 1; echo q) | script -q /dev/null man true", 0, "\x1b[1mSEE"),
    ],
)
def test_pager(machine: Machine, command: str, status: int, out: str) -> None:
    """On a terminal pages go through the pager, whose status counts."""
    result = machine.run(command)
    assert out in result.stdout.decode()
    assert result.status == status


def test_help_fits_a_screen(machine: Machine) -> None:
    """24 lines of 80 columns, and all commands in it are there."""
    lines = machine.run("help").stdout.decode().splitlines()
    assert len(lines) <= 23
    assert all(len(line) < 80 for line in lines)
    names = {line.split()[0] for line in lines if line.startswith("  ")}
    assert names <= BY_NAME.keys()


def test_doc(machine: Machine) -> None:
    """All pages, whose links lead to pages."""
    assert machine.run("vshell doc /tmp/doc").stdout == f"/tmp/doc/index.html and {len(PAGES)} pages\n".encode()
    names = set(machine.run("ls /tmp/doc").stdout.decode().split())
    assert len(names) == len(PAGES) + 1
    index = machine.run("cat /tmp/doc/index.html").stdout.decode()
    assert {m for m in re.findall(r'href="([^"]*)"', index)} == names - {"index.html"}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_html(path: Path) -> None:
    """Elements are closed in their order."""
    open_: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                open_.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_.pop() == tag

    page = page_of(path)
    Checker().feed(html(page, links([page.heading])))
    assert not open_


def test_struck() -> None:
    """For a pager, what stands out is overstruck, and the rest is the same."""
    page = BY_NAME["ping"]
    struck = text(page, struck=True)
    assert "N\bNA\bAM\bME\bE" in struck
    assert "_\bh_\bo_\bs_\bt" in text(parse_text("*host*"), struck=True)
    assert re.sub(".\b", "", struck) == text(page)


def parse_text(body: str) -> Page:
    """A page with that description."""
    page = parse(f"# x(1)\n\nx - y\n\n## Description\n\n{body}\n")
    assert page is not None
    return page


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# x",
        "# x(1)",
        "# x(1)\n\nno summary",
        "x - y",
        "\udcff",
        "# x(1)\n\nx - y\n\n```\nnever closed",
        "# x(1)\n\nx - y\n\n- `a",
    ],
)
def test_odd_pages(source: str) -> None:
    """Anything is a page or is none."""
    page = parse(source)
    if page is not None:
        assert text(page) and html(page, {}) and not options(page)


def test_options_of_a_page() -> None:
    """Letters, what they take, and the first sentence."""
    page = parse("# x(1)\n\nx - y\n\n## Options\n\n- `-a`, `-b N`: do *it*. And more.\n- `word`: no option.\n- no term\n")
    assert page is not None
    assert [tuple(o) for o in options(page)] == [("-a", "do it", False), ("-b", "do it", True)]


def test_completion(machine: Machine) -> None:
    """Options come from the page where the command itself offers none."""
    programs = Programs()
    reader = Reader(machine.login().sysent, "", lambda kind: [], programs.offer)
    offered = {c.text.strip(): c.about for c in complete("jls -", reader)}
    assert offered["-v"] == "several lines about each"
    assert [c.text for c in complete("netstat -x", reader)] == ["-x "]
    assert not complete("jls -- -", reader)
    assert not complete("vshell -", reader)
    about = {c.text.strip(): c.about for c in complete("ifconfig lo0 ", reader)}
    assert about["mtu"] == "the size of the largest packet"
    assert about["-promisc"] == "not: take frames for others too"
    assert "-maxdepth" in {c.text.strip() for c in complete("find . -m", reader)}
    assert "vnet " in [c.text for c in complete("man vn", reader)]


def first_words(name: str, *titles: str) -> set[str]:
    """What items of some sections of a page (all, if none is named) explain: the first word of each term."""
    page = next(p for p in map(page_of, PAGES) if name == p.heading.name)
    wanted = titles or tuple(b.text for b in page.blocks if b.kind == "section")
    return {
        word.split()[0]
        for block in section(page, *wanted)
        if block.kind == "item" and block.term
        for term in re.findall("`([^`]+)`", block.term)
        for word in term.split(", ")
    }


def test_ifconfig_keywords() -> None:
    """The page (or that of an interface type) and the tables of ifconfig have the same words."""
    page = BY_NAME["ifconfig"]
    titles = [b.text for b in page.blocks if b.kind == "section" and b.text.startswith(("Keywords of", "Creating"))]
    told = first_words("ifconfig", *titles) - {"inet", "ether"}
    known = {name for name, _ in commands()}
    wireless = {c.name for c in COMMANDS}
    assert not told - known
    told |= {word for p in PAGES if ".4." in p.name for word in first_words(page_of(p).heading.name, "Keywords")}
    assert not {name.removeprefix("-") for name in known - wireless} - {name.removeprefix("-") for name in told}


def test_words_of_grammars() -> None:
    """The words that tables of programs hold are on their pages, and none else."""
    modifiers = {"-" + word for word in MODIFIERS}
    assert first_words("route", "Commands") == set(route_commands)
    assert first_words("route", "Modifiers") == modifiers
    machine = Machine()
    ngctl = {line.split()[0] for line in machine.run("ngctl help | sed 1d").stdout.decode().splitlines()}
    assert first_words("ngctl", "Commands") == ngctl
    inside = {f"vshell {name}" for name in subcommands()}
    shown = {m for b in BY_NAME["vshell"].blocks for m in re.findall(r"`(vshell [a-z]+)", b.term)}
    assert shown == inside


def test_types_of_nodes() -> None:
    """Each type of node is on ng_nodes(4), or has a page of its own."""
    source = "".join(file.read_text("utf-8") for file in sorted((TOP / "vshell/kernel/netgraph").glob("ng_*.py")))
    types = {f"ng_{name}" for name in re.findall(r'ngtype="(\w+)"', source)}
    heads = [page_of(p).heading for p in PAGES if ".4." in p.name]
    assert types <= {name for head in heads for name in head.names}
    (listed,) = (head for head in heads if head.name == "ng_nodes")
    assert set(listed.names) <= types | {"ng_nodes"}


@pytest.mark.parametrize("path", [p for p in PAGES if p.name.startswith("ng_") and p.stem != "ng_nodes.4"], ids=lambda p: p.stem)
def test_messages_of_nodes(path: Path) -> None:
    """A page of a node type tells its messages."""
    page = page_of(path)
    source = (TOP / "vshell/kernel/netgraph" / f"{page.heading.name}.py").read_text("utf-8")
    messages = set(re.findall(r'ngmsg\([^)"]*"(\w+)"', source))
    assert first_words(page.heading.name, "Messages") == messages


def test_words_of_sh() -> None:
    """The page of sh tells all options and all builtins."""
    source = next(p for p in PAGES if p.name == "sh.1.md").read_text("utf-8")
    assert letters(BY_NAME["sh"]) == {letter for letter, _ in SH_OPTIONS if letter} | {"c", "o"}
    assert not [name for _, name in SH_OPTIONS if not re.search(rf"\b{name}\b", source)]
    assert first_words("sh", "Builtins") == set(table())


def test_settings_and_options_of_vshell() -> None:
    """The page tells all settings and all options of the host's program."""
    source = next(p for p in PAGES if p.name == "vshell.1.md").read_text()
    assert all(f"`{name}`" in source for name in DEFAULTS)
    for option in re.findall(r"^  (--[a-z]+)", USAGE, re.M):
        assert f"`{option}" in source or option in ("--version", "--help")


def test_parameters_of_jails() -> None:
    """Parameters that jail(8) itself obeys are on its page."""
    source = next(p for p in PAGES if p.name == "jail.8.md").read_text()
    assert not [name for name in INTERNAL if not name.startswith("(") and name not in source]
