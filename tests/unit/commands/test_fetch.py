"""fetch(1) against labhttpd."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

SERVER = """
mkdir -p /tmp/www; echo hello > /tmp/www/a.txt; dd if=/dev/zero of=/tmp/www/big bs=1000 count=100 2> /dev/null
labhttpd -p 8080 /tmp/www; cd /tmp; u=http://127.0.0.1:8080
"""


def test_files(run: Run) -> None:
    result = run(SERVER + "fetch -qo - $u/a.txt; fetch -s $u/big; fetch -q $u/big; cmp big www/big; ls -l big | awk '{print $5}'")
    assert result.stdout.decode().splitlines() == ["hello", "100000", "100000"]
    assert result.stderr == b""


def test_what_is_shown(run: Run) -> None:
    result = run(SERVER + "fetch $u/a.txt")
    assert result.stderr.decode().startswith(f"{'a.txt':<46}        {6:4d}  B ")
    assert result.stderr.decode().endswith("ps    00s\n")


def test_resume_and_conditions(run: Run) -> None:
    result = run(
        SERVER
        + "head -c 1000 www/big > big; touch -r www/big big; fetch -qr $u/big; cmp big www/big; fetch -i www/a.txt $u/a.txt"
    )
    assert result.stderr == b"fetch: http://127.0.0.1:8080/a.txt: Not Modified\n"


def test_errors(run: Run) -> None:
    result = run(
        SERVER + "fetch $u/nosuch; echo $?; fetch http://127.0.0.1:81/x; fetch http://nosuch.example.org/; "
        "fetch http://10.9.9.9/; fetch -S x $u"
    )
    assert result.stdout == b"1\n"
    assert result.stderr.decode().splitlines() == [
        "fetch: http://127.0.0.1:8080/nosuch: Not Found",
        "fetch: http://127.0.0.1:81/x: Connection refused",
        "fetch: http://nosuch.example.org/: Transient resolver failure",
        "fetch: http://10.9.9.9/: Network is unreachable",
        "fetch: invalid size (x)",
    ]


def test_out_of_inetd(run: Run) -> None:
    result = run(
        SERVER
        + "echo 'http stream tcp nowait root /usr/local/bin/labhttpd labhttpd -i /tmp/www' > /etc/inetd.conf; inetd; sleep 1; "
        "fetch -qo - http://127.0.0.1/a.txt"
    )
    assert result.stdout == b"hello\n"
