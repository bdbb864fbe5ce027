"""gzip and its other names."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

FILES = {"f": "hello\n" * 100, "g": "x\n"}
HEAD = "  compressed uncompressed  ratio uncompressed_name\n"


@pytest.mark.parametrize(
    ("script", "out", "err"),
    [
        ("gzip f; ls; zcat f | wc -c; gunzip f.gz; ls", "f.gz\ng\n     600\nf\ng\n", ""),
        ("gzip -k f; ls f*; gzip -k f; echo $?", "f\nf.gz\n1\n", "gzip: f.gz already exists -- skipping\n"),
        ("gzip -v f; gunzip -v f", "", "f:\t\t   94.3% -- replaced with f.gz\nf.gz:\t\t   94.3% -- replaced with f\n"),
        ("gzip f; gzip -l f.gz", HEAD + "          34          600  94.3% f\n", ""),
        ("gzip f; gzip -tv f; mv f.gz h.tgz; gunzip h.tgz; ls h*", "h.tar\n", "f.gz:\t\t  OK\n"),
        ("printf foo | gzip -n9 | od -An -tx1 | head -1 | tr -d ' '", "1f8b08000000000002034bcbcf070021\n", ""),
        ("gunzip g; mv g g.gz; gunzip g; echo $?", "1\n", "gunzip: g: unknown suffix -- ignored\n"
         "gunzip: g.gz: unexpected end of file\n"),
        ("mkdir d; mv f g d; gzip d; gzip -r d; ls d", "f.gz\ng.gz\n", "gzip: d is a directory\n"),
        ("gzip nosuch; gzip -q nosuch; echo a | gzcat", "", "gzip: can't stat: nosuch: No such file or directory\n"
         "gzcat: (stdin): unexpected end of file\n"),
        ("gzip -S .zz f; ls f*; gunzip -S .zz f.zz; ln f h; gzip f", "f.zz\n", "gzip: f has 1 other links -- skipping\n"),
        ("gzip f; head -c 30 f.gz > h.gz; gunzip h.gz; ls h*", "h.gz\n",
         "gunzip: h.gz: unexpected end of file\ngunzip: h.gz: uncompress failed\n"),
    ],
)  # fmt: skip
def test_gzip(sh: Sh, script: str, out: str, err: str) -> None:
    result = sh(script, FILES)
    assert (result.stdout.decode(), result.stderr.decode()) == (out, err)
