"""pfctl(8): what it makes of pf.conf(5), and what it says about mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("pass", "pass all flags S/SA keep state"),
        ("block return in proto tcp to port { 22 80 }", "block return in proto tcp from any to any port = ssh"),
        ("pass in proto udp from any port 1:9 no state", "pass in proto udp from any port 1:9 to any no state"),
        ('x = "10.0.0.0/8"\npass from $x to !$x', "pass inet from 10.0.0.0/8 to ! 10.0.0.0/8 flags S/SA keep state"),
        ("match in proto tcp scrub (max-mss 1400 no-df)", "match in proto tcp all scrub( no-df max-mss 1400)"),
        ("nat on lo0 inet from any to any -> 10.1.1.1", "nat on lo0 inet all -> 10.1.1.1"),
        ("set skip on lo0", "set skip on { lo0 }"),
    ],
)
def test_rules_are_printed_in_the_one_order(run: Run, text: str, printed: str) -> None:
    result = run(f"kldload pf; cat > /tmp/c <<'X'\n{text}\nX\npfctl -nvf /tmp/c | grep -v ' = \"' | head -1")
    assert result.stdout.decode() == printed + "\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pass\nblok", "/tmp/c:2: syntax error"),
        ("pass proto icmp to port 80", "/tmp/c:1: port only applies to tcp/udp/sctp"),
        ("pass to port nosuch", "/tmp/c:1: unknown port nosuch"),
        ("pass\nset limit states 5", "/tmp/c:2: Rules must be in order"),
        ("pass from $none", "/tmp/c:1: macro 'none' not defined"),
    ],
)
def test_mistakes_are_told_with_their_line(run: Run, text: str, complaint: str) -> None:
    result = run(f"kldload pf; cat > /tmp/c <<'X'\n{text}\nX\npfctl -nf /tmp/c")
    assert result.status == 1
    assert result.stderr.decode().startswith(complaint)


def test_nothing_changes_if_the_file_is_wrong(run: Run) -> None:
    result = run("kldload pf; echo block | pfctl -f -; printf 'pass\\nnonsense\\n' | pfctl -f - 2> /dev/null; pfctl -sr")
    assert result.stdout == b"block drop all\n"


def test_without_the_module_there_is_no_device(run: Run) -> None:
    result = run("pfctl -e")
    assert (result.status, result.stderr) == (1, b"pfctl: /dev/pf: No such file or directory\n")


def test_tables_can_be_changed_in_place(run: Run) -> None:
    script = (
        "kldload pf; pfctl -q -t t -T add 10.0.0.0/8 '!10.1.0.0/16'; pfctl -q -t t -T test 10.1.2.3; echo $?; pfctl -t t -T show"
    )
    assert run(script).stdout.decode().split() == ["2", "10.0.0.0/8", "!10.1.0.0/16"]


def test_pflogd_writes_what_tcpdump_reads(run: Run) -> None:
    script = (
        "echo 'block log all' > /etc/pf.conf; sysrc -q pf_enable=YES pflog_enable=YES > /dev/null; service -q pflog start;"
        "service -q pf start; ping -c 1 -t 1 127.0.0.1 > /dev/null 2>&1; sleep 1; service -q pflog stop > /dev/null;"
        "tcpdump -n -e -r /var/log/pflog 2> /dev/null | cut -d' ' -f2-8"
    )
    assert run(script).stdout.decode().splitlines()[-1].startswith("rule 0/0(match): block out on lo0: 127.0.0.1")
