"""Options of text tools that the recordings do not use."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

FILES = {"a": "1\n2\n", "b": "1\nx\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("wc --libxo json a", '{"__version": "1", "wc": {"file": [{"lines":2,"words":2,"characters":4,"filename":"a"}]}}\n'),
        ("wc -l --libxo:X < a", '<wc version="1"><file><lines>2</lines></file></wc>'),
        ("wc -l a b", "       2 a\n       2 b\n       4 total\n"),
        ("diff --color=always a b", "2c2\n\033[31m< 2\n\033[m---\n\033[32m> x\n\033[m"),
        ("diff --color=always -i a b", "2c2\n\033[31m< 2\033[m\n---\n\033[32m> x\033[m\n"),
        ("DIFFCOLORS=1:2 diff --color=always -U0 -L a -L b a b", "--- a\n+++ b\n@@ -2 +2 @@\n\033[2m-2\n\033[m\033[1m+x\n\033[m"),
        ("awk -safe 'BEGIN { system(\"echo no\") }' 2>&1 | head -1", "awk: system is unsafe at source line 1\n"),
        (
            "awk -safe 'BEGIN { print > \"x\" }' 2>&1 | head -1; ls x 2>&1",
            "awk: print > is unsafe at source line 1\nls: x: No such file or directory\n",
        ),
        ("awk -safe 'BEGIN { print ENVIRON[\"HOME\"] 1 }'; awk -safe 'BEGIN { \"ls\" | getline }'; echo $?", "1\n2\n"),
        ("diff --color a b", "2c2\n< 2\n---\n> x\n"),
        ("mount --libxo json -t devfs", '{"mount": {"mounted": [{"special":"devfs","node":"/dev","fstype":"devfs"}]}}\n'),
        ("mount -p --libxo text -t devfs", "devfs\t\t\t/dev\t\t\tdevfs\trw\t\t0 0\n"),
    ],
)
def test_output(sh: Sh, script: str, out: str) -> None:
    assert sh(script, FILES).stdout.decode() == out
