"""Limits of the machine: processes, and files that are larger than they look."""

from __future__ import annotations

from vshell.machine import Machine


def test_recursion_ends_when_there_are_no_more_processes() -> None:
    done = Machine().run("f() { $(f); }; f; echo done")
    assert (done.stdout, done.stderr) == (b"done\n", b"sh: Cannot fork: Resource temporarily unavailable\n")


def test_holes_take_no_room() -> None:
    script = """cd /tmp; truncate -s 1t big; stat -f '%z %b' big; dd if=big bs=1k count=3 2>/dev/null | wc -c
        echo abc > f; truncate -s 8 f; echo d >> f; od -An -c f; truncate -s 2 f; cat f; truncate -s 1e big"""
    done = Machine().run(script)
    assert " ".join(done.stdout.decode().split()) == "1099511627776 0 3072 a b c \\n \\0 \\0 \\0 \\0 d \\n ab"
    assert done.stderr == b"truncate: big: File too large\n"


def test_removed_directory_holds_nothing() -> None:
    done = Machine().run("mkdir /tmp/d; cd /tmp/d; rmdir /tmp/d; ls; echo $?; echo x > f")
    assert done.stdout == b"1\n"
    assert done.stderr == b"ls: .: No such file or directory\nsh: cannot create f: No such file or directory\n"
