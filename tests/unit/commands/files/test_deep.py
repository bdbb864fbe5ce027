"""Trees deeper than a path can say."""

from __future__ import annotations

from vshell.machine import Machine


def test_rm_of_a_tree_whose_paths_are_too_long() -> None:
    name = "directory" * 6
    script = f"cd /tmp; i=0; while [ $i -lt 40 ]; do mkdir {name}; cd {name}; : > f; i=$((i + 1)); done; cd /tmp"
    done = Machine().run(f"{script}; rm -r {name}; echo $?; pwd; ls {name}")
    assert (done.stdout, done.stderr.decode()) == (b"0\n/tmp\n", f"ls: {name}: No such file or directory\n")
    done = Machine().run(f"{script}; mkdir x; rm -rv x {name} | tail -1; ls; /libexec/ld-elf.so.1 /bin/echo ran")
    assert done.stdout.decode() == f"{name}\nran\n"
