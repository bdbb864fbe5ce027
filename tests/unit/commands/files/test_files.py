"""Programs that make, move, change and remove files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]


def lines(result: Result) -> list[str]:
    """Everything it said."""
    return (result.stdout + result.stderr).decode("utf-8", "surrogateescape").splitlines()


CASES = {
    "cp -R keeps the tree and -p the times": (
        "mkdir -p a/b; echo x > a/b/f; ln -s f a/b/l; touch -t 200001020304 a/b/f; cp -Rp a c; readlink c/b/l;"
        " stat -f '%Sm' -t %Y%m%d%H%M c/b/f",
        ["f", "200001020304"],
    ),
    "cp of a directory without -R": ("mkdir a; cp a b; echo $?", ["1", "cp: a is a directory (not copied)."]),
    "cp onto itself": ("echo x > f; cp f f; echo $?; cat f", ["1", "x", "cp: f and f are identical (not copied)."]),
    "cp of several to what is no directory": (
        "touch a b c; cp a b c; echo $?",
        ["1", "cp: c: Not a directory"],
    ),
    "cp -n does not overwrite": ("echo a > a; echo b > b; cp -n a b; cat b", ["b"]),
    "mv into a directory and over a file": ("mkdir d; echo a > a; echo b > d/a; mv -f a d; cat d/a; ls", ["a", "d"]),
    "mv across file systems": (
        "mkdir t; mount -t tmpfs tmpfs t; mkdir a; echo x > a/f; chmod 640 a/f; mv a t/; stat -f %Lp t/a/f; ls",
        ["640", "t"],
    ),
    "rm wants to know": ("mkdir d; rm d; echo $?; rm -f nothing; echo $?", ["1", "0", "rm: d: is a directory"]),
    "rm protects the dots": ("rm -rf . ..; echo $?", ["1", 'rm: "." and ".." may not be removed']),
    "rm -i reads answers": ("touch a b; printf 'y\\nn\\n' | rm -i a b 2> /dev/null; ls", ["b"]),
    "mkdir -p tolerates, mkdir -m sets": (
        "mkdir -p a/b/c; mkdir -p a/b; mkdir -m 700 p; stat -f %Lp p; mkdir a; echo $?",
        ["700", "1", "mkdir: a: File exists"],
    ),
    "rmdir -p": ("mkdir -p a/b/c; rmdir -pv a/b/c", ["a/b/c", "a/b", "a"]),
    "ln -s into a directory, -f replaces": (
        "mkdir d; touch f; ln -s ../f d; ln -sf /etc/passwd d/f; readlink d/f; ln f g; stat -f %l g",
        ["/etc/passwd", "2"],
    ),
    "chmod by letters": (
        "touch f; for m in u=rwx,go= go+rX +t a=r u+w,g=u; do chmod $m f; stat -f %Mp%Lp f; done",
        ["0700", "0755", "1755", "1444", "1664"],
    ),
    "chmod -v -R": (
        "mkdir d; touch d/f; chmod -R -vv 700 d",
        ["d: 040755 [drwxr-xr-x ] -> 040700 [drwx------ ]", "d/f: 0100644 [-rw-r--r-- ] -> 0100700 [-rwx------ ]"],
    ),
    "chmod of nonsense": ("touch f; chmod q+x f; echo $?", ["1", "chmod: invalid file mode: q+x"]),
    "chown by name and number": (
        "touch f; chown nobody:operator f; stat -f '%Su %Sg' f; chown :0 f; stat -f %g f; chown nosuch f; echo $?",
        ["nobody operator", "0", "1", "chown: nosuch: illegal user name"],
    ),
    "chflags": (
        "touch f; chflags schg f; rm -f f; ls -lo f | awk '{print $5}'; chflags noschg f",
        ["schg", "rm: f: Operation not permitted"],
    ),
    "touch -d and -r": (
        "touch -d 2001-02-03T04:05:06Z a; touch -r a b; stat -f %m a b; touch -c c; ls c",
        ["981173106", "981173106", "ls: c: No such file or directory"],
    ),
    "mktemp": (
        "t=$(mktemp /tmp/work.XXXXXX); test -f $t && stat -f %Lp $t; d=$(mktemp -d); test -d $d && echo made;"
        " mktemp -u x.XXX | wc -c",
        ["600", "made", "       6"],
    ),
    "truncate": ("truncate -s 1k f; truncate -s -24 f; truncate -s %100 f; stat -f %z f", ["1000"]),
    "basename and dirname": (
        "basename /a/b.c .c; basename -a -s .x 1.x 2.x; basename /; dirname /a/b a a/ / ''",
        ["b", "1", "2", "/", "/a", ".", ".", "/", "."],
    ),
    "realpath and readlink": (
        "mkdir d; ln -s d l; realpath l/../d/.; readlink -f l/../l; realpath nope; realpath -q nope; echo $?",
        ["/tmp/w/d", "/tmp/w/d", "1", "realpath: nope: No such file or directory"],
    ),
    "stat formats": (
        "printf abc > f; chmod 4711 f; stat -f '%N %z %HT %Sp %5l|%-5l|%#p' f; stat -x f | sed -n 1,2p",
        ["f 3 Regular File -rws--x--x     1|1    |0104711", '  File: "f"', "  Size: 3            FileType: Regular File"],
    ),
    "mkfifo": ("mkfifo -m 600 p; (echo through > p) & cat p; stat -f %HT p", ["through", "Fifo File"]),
    "dd": (
        "printf abcdefgh | dd bs=2 skip=1 count=2 2> /dev/null; echo;"
        " printf ab | dd conv=ucase,sync bs=4 status=none | od -An -tx1; dd x=1",
        ["cdef", "           41  42  00  00                                                ", "dd: unknown operand x"],
    ),
    "du counts links once": (
        "mkdir d; truncate -s 1m d/f; dd if=/dev/zero of=d/g bs=64k count=1 2> /dev/null; ln d/g d/h;"
        " BLOCKSIZE=512 du -sA d | cut -f1",
        ["2177"],
    ),
    "install": (
        "echo x > a; install -m 4750 -o nobody a b; stat -f '%Mp%Lp %Su' b; install -d p/q; install -C a p/q; ls p/q; echo y > a;"
        " install -b a b; cat b b.old; install -lrs /tmp/w/a p; readlink p/a; install a 2> /dev/null; echo $?",
        ["4750 nobody", "a", "y", "x", "../a", "64"],
    ),
    "tar": (
        "mkdir d; echo x > d/f; ln -s f d/l; ln d/f d/h; chmod 600 d/f; tar -czf t.tgz d; mkdir o; tar xf t.tgz -C o; ls o/d;"
        " stat -f '%Lp %l' o/d/f; readlink o/d/l; tar -tf t.tgz d/f nosuch",
        [
            "f",
            "h",
            "l",
            "600 2",
            "f",
            "d/f",
            "tar: nosuch: Not found in archive",
            "tar: Error exit delayed from previous errors",
        ],
    ),
    "cksum": (
        "printf abc > f; cksum f; sum f; cksum -o 2 < f; cksum -o 3 f",
        ["1219131554 3 f", "16556 1 f", "294 1", "891568578 3 f"],
    ),
    "whereis": ("whereis -b ls nosuch; whereis -bq ls", ["ls: /bin/ls", "nosuch:", "/bin/ls"]),
    "which": ("which ls nosuch; echo $?; which -a sh; which -s ls && echo yes", ["/bin/ls", "1", "/bin/sh", "yes"]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(run: Run, name: str) -> None:
    """One row of the table."""
    commands, expected = CASES[name]
    assert lines(run(f"mkdir /tmp/w; cd /tmp/w; {commands}")) == expected


LS = """
mkdir -p d/sub; cd d; printf 12345 > b; touch -t 202001010000 a; ln -s b link; mkfifo pipe; chmod 755 b
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "a b link pipe sub"),
        ("-a", ". .. a b link pipe sub"),
        ("-A", "a b link pipe sub"),
        ("-F", "a b* link@ pipe| sub/"),
        ("-p", "a b link pipe sub/"),
        ("-r", "sub pipe link b a"),
        ("-S b a", "b a"),
        ("-t b a", "b a"),
        ("-tr b a", "a b"),
        ("-d .", "."),
        ("-m", "a, b, link, pipe, sub"),
        ("-B", "a b link pipe sub"),
    ],
)
def test_ls(run: Run, options: str, expected: str) -> None:
    """Names, in order."""
    assert " ".join(lines(run(f"cd /tmp; {LS} ls {options}"))) == expected


def test_ls_long(run: Run) -> None:
    """The long format, also of links and of what is missing."""
    out = lines(run(f"cd /tmp; {LS} ls -ln a b link nosuch; ls -ldh ."))
    assert out[0] == "-rw-r--r--  1 0 0 0 Jan  1  2020 a"
    assert out[1].startswith("-rwxr-xr-x  1 0 0 5 ")
    assert out[2].endswith(" link -> b")
    assert out[-1] == "ls: nosuch: No such file or directory"


def test_ls_recursive_and_several(run: Run) -> None:
    """Directories get headings, files go first."""
    assert lines(run("mkdir -p /tmp/x/y; cd /tmp/x; touch y/f g; ls -R; ls y g")) == [
        "g",
        "y",
        "",
        "./y:",
        "f",
        "g",
        "",
        "y:",
        "f",
    ]


FIND = (
    "mkdir -p t/a/b t/c; echo 1 > t/f; echo 22 > t/a/g; touch t/a/b/h.c; ln -s f t/l; chmod 600 t/f; touch -t 200001010000 t/a/g;"
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-name '*.c'", "t/a/b/h.c"),
        ("-type d", "t t/a t/a/b t/c"),
        ("-type l -o -name g", "t/a/g t/l"),
        ("! -type d -a ! -name f", "t/a/b/h.c t/a/g t/l"),
        ("-maxdepth 1", "t t/a t/c t/f t/l"),
        ("-mindepth 3", "t/a/b/h.c"),
        ("-depth -path '*a*'", "t/a/b/h.c t/a/b t/a/g t/a"),
        ("-name a -prune -o -print", "t t/c t/f t/l"),
        ("-perm 600", "t/f"),
        ("-perm -o+r -type f", "t/a/b/h.c t/a/g"),
        ("-size +0c -type f", "t/a/g t/f"),
        ("-empty", "t/a/b/h.c t/c"),
        ("-newer t/a/g -type f", "t/a/b/h.c t/f"),
        ("-mtime +365 -type f", "t/a/g"),
        ("-links 1 -user root -group wheel -type f -name f", "t/f"),
        ("-regex '.*/[gh].*'", "t/a/b/h.c t/a/g"),
        ("-type f -exec echo {} +", "t/a/b/h.c t/a/g t/f"),
        ("-name f -exec cat {} \\; -quit", "1"),
        ("-type f -name g -delete -print", "t/a/g"),
    ],
)
def test_find(run: Run, expression: str, expected: str) -> None:
    """Primaries and operators."""
    out = run(f"cd /tmp; {FIND} find -s t {expression}").stdout.decode().split()
    assert sorted(out) == sorted(expected.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("t -nosuch", "find: -nosuch: unknown primary or operator"),
        ("t -name", "find: -name: requires additional arguments"),
        ("t \\( -name x", "find: (: missing closing ')'"),
        ("t -type q", "find: -type: q: unknown type"),
        ("nosuch", "find: nosuch: No such file or directory"),
    ],
)
def test_find_errors(run: Run, arguments: str, message: str) -> None:
    """What it says."""
    result = run(f"cd /tmp; mkdir t; find {arguments}")
    assert (result.stderr.decode(), result.status) == (message + "\n", 1)
