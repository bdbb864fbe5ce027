"""Completion: where the cursor stands, what the commands offer there, and how it is quoted."""

from __future__ import annotations

import pytest

from vshell.machine import Machine
from vshell.shell.completion import Reader, complete
from vshell.shell.journal import Journal
from vshell.shell.lineparse import locate
from vshell.shell.seat import Seat

SETUP = """\
jail -c name=r1 vnet persist; jail -c name=r2 vnet persist; ifconfig epair create; ifconfig epair0a vnet r1; \
ngctl mkpeer eiface x ether; ngctl mkpeer ngeth0: bridge ether link0; ngctl name ngeth0:ether sw; \
kenv -q net.inet.ip.fw.default_to_accept=1; kldload ipfw; ipfw -q add 100 count ip from any to any; ipfw table pool create; \
FOO_BAR=1; foofunc() { :; }; alias fooalias=true; mkdir "/tmp/a b"
"""


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A shell at the prompt of a machine with a few things in it."""
    seat = Seat(lambda journal: Machine(), Journal(), paced=False)
    for keys in ("", SETUP):
        seat.keys(keys.encode()) if keys else None
        for _ in range(1000):
            seat.catch_up()
            if seat.reader_waits():
                break
    return Reader(seat.shell.sysent, "/sbin:/bin:/usr/sbin:/usr/bin", seat.names_of(seat.shell), seat.machine.programs.offer)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ifconf", ["ifconfig "]),
        ("ls | ifconf", ["ifconfig "]),
        ("if ifconf", ["ifconfig "]),
        ("A=1 ifconf", ["ifconfig "]),
        ("x=$(ifconf", ["ifconfig "]),
        ("x=`ifconf", ["ifconfig "]),
        ("foof", ["foofunc "]),
        ("fooa", ["fooalias "]),
        ("ifconfig ep", ["epair0b ", "epair "]),
        ("ifconfig -j r1 ep", ["epair0a ", "epair "]),
        ("ifconfig -j ", ["r1 ", "r2 "]),
        ("ifconfig epair0b vnet r", ["r1 ", "r2 "]),
        ("ifconfig epair0b mtu 1400 vne", ["vnet "]),
        ("ifconfig bridge0 addm epair0", ["epair0b "]),
        ("jexec r1 ifconfig epair0", ["epair0a "]),
        ("jexec r1 sh -c 'ifconfig epair0", ["'ifconfig epair0a "]),
        ('jexec r1 sh -c "ls; ifconfig epair0', ['"ls; ifconfig epair0a ']),
        ("jexec nosuch ifconfig e", []),
        ("vimage r1 ifconfig epair0", ["epair0a "]),
        ("timeout 5 nice -n 3 env A=b ifconf", ["ifconfig "]),
        ("route ad", ["add "]),
        ("route add default -ifp lo", ["lo0 "]),
        ("route delete 127", ["127.0.0.1 "]),
        ("route -j r1 delete 127", []),
        ("route flush -i", ["-inet ", "-inet6 "]),
        ("ngctl mkpe", ["mkpeer "]),
        ("ngctl show s", ["sw: "]),
        ("ngctl mkpeer sw: hu", ["hub "]),
        ("ngctl rmhook sw: l", ["link0 "]),
        ("ngctl msg sw: getst", ["getstats "]),
        ("sysctl net.inet.icmp.icmplim_o", ["net.inet.icmp.icmplim_output "]),
        ("sysctl net.inet.ip.dum", []),
        ("sysctl kern.hostn", ["kern.hostname "]),
        ("sysctl kern.ip", ["kern.ipc."]),
        ("kldload ng_brid", []),
        ("kldload if_brid", ["if_bridge "]),
        ("kldunload ng_eif", ["ng_eiface "]),
        ("jls host.hostn", ["host.hostname "]),
        ("kill -HU", ["-HUP "]),
        ("kill -s HU", ["HUP "]),
        ("trap 'ifconf", ["'ifconfig "]),
        ("trap '' HU", ["HUP "]),
        ("echo $FOO_", ["$FOO_BAR"]),
        ('echo "${FOO_', ["${FOO_BAR}"]),
        ("echo '$FOO_", []),
        ("unset FOO_", ["FOO_BAR "]),
        ("cat /etc/mast", ["/etc/master.passwd "]),
        ("cat </etc/mast", ["/etc/master.passwd "]),
        ("echo a 2>/etc/mast", ["/etc/master.passwd "]),
        ("cd /et", ["/etc/"]),
        ("cd /etc/mast", []),
        ("ls /tmp/a", ["/tmp/a\\ b/"]),
        ("ls '/tmp/a", ["'/tmp/a b/"]),
        ("ls # comment ifconf", []),
        ("nosuchcommand /etc/mast", ["/etc/master.passwd "]),
        ("ipfw del", ["delete "]),
        ("ipfw delete 1", ["100 "]),
        ("ipfw table po", ["pool "]),
        ("ipfw add 200 chec", ["check-state "]),
        ("ipfw add allow tcp from any to any keep", ["keep-state "]),
        ("ipfw add allow tcp from 'table(", ["'table(pool)' "]),
        ("ipfw add allow tcp from any to any via vtnet1", ["vtnet1 "]),
        ("tcpdump -i vtnet1", ["vtnet1 "]),
        ("netstat -f inet6", ["inet6 "]),
        ("service ipf", ["ipfw "]),
        ("service ipfw onesto", ["onestop "]),
        ("vshell un", ["undo "]),
        ("vshell map r", ["r1 ", "r2 "]),
        ("vshell graph -t m", ["mermaid "]),
        ("vshell why -j r1", ["r1 "]),
        ("jail -r ", ["r1 ", "r2 "]),
        ("jail -m name=r1", ["name=r1 "]),
        ("jail -c host.hostn", ["host.hostname="]),
        ("jail -c name=q vne", ["vnet ", "vnet.interface="]),
        ("jail -c name=q pers", ["persist "]),
        ("jail -c path=/et", ["path=/etc/"]),
        ("jail -c exec.sta", ["exec.start="]),
        ("set -o noc", ["noclobber "]),
        ("ipfw nat 1 config if vtnet1", ["vtnet1 "]),
        ("ipfw nat 1 config same", ["same_ports "]),
        ("ipfw pipe 1 con", ["config "]),
        ("ipfw pipe 1 config del", ["delay "]),
    ],
)
def test_complete(reader: Reader, line: str, expected: list[str]) -> None:
    """The words that are offered."""
    assert [choice.text for choice in complete(line, reader)] == expected


def test_about(reader: Reader) -> None:
    """Words come with what they are."""
    assert {c.shown: c.about for c in complete("ifconfig epair0", reader)} == {"epair0b": "down, wire to epair0a"}
    assert {c.shown: c.about for c in complete("jexec r", reader)} == {
        "r1": "jail 1, its own stack",
        "r2": "jail 2, its own stack",
    }
    assert [c.about for c in complete("route flu", reader)] == ["remove all routes that have a gateway"]


def test_no_trace(reader: Reader) -> None:
    """Looking changes nothing: a session with completions is replayed without them."""
    kernel = reader.sys.kernel  # type: ignore[attr-defined]
    before = kernel.lastpid, kernel.clock.now, kernel.clock.seq, len(kernel.procs)
    for line in ("ngctl show ", "jexec r1 ifconfig ", "ifconfig ", "sysctl net.", "ls /", "cat /etc/"):
        assert complete(line, reader)
    assert (kernel.lastpid, kernel.clock.now, kernel.clock.seq, len(kernel.procs)) == before


@pytest.mark.parametrize(
    ("text", "words", "word", "quote"),
    [
        ("", [], "", ""),
        ("a", [], "a", ""),
        ("a ", ["a"], "", ""),
        ("a|b c", ["b"], "c", ""),
        ("a;", [], "", ""),
        ("a 'b c", ["a"], "b c", "'"),
        ("a 'b'c", ["a"], "bc", ""),
        ('a "b\\"c', ["a"], 'b"c', '"'),
        ("a b\\ c", ["a"], "b c", ""),
        ("(cd x; ls", [], "ls", ""),
        ("(cd x); ls y", ["ls"], "y", ""),
        ("{ ls y", ["ls"], "y", ""),
        ("while read x; do echo $x", ["echo"], "$x", ""),
        ("x=1 y=2 cmd a", ["cmd"], "a", ""),
        ("cmd $(( 1 + 2 )) a", ["cmd", "$(( 1 + 2 ))"], "a", ""),
        ("cmd $(ls) a", ["cmd", "$(ls)"], "a", ""),
        ("cmd 2>&1 a", ["cmd"], "a", ""),
        ("cmd 2>/dev/null a", ["cmd"], "a", ""),
        ("a #b\nc d", ["c"], "d", ""),
        ("a \\", ["a"], "", ""),
    ],
)
def test_locate(text: str, words: list[str], word: str, quote: str) -> None:
    """The command around the cursor."""
    place = locate(text)
    assert place is not None
    assert (place.words, place.word, place.quote) == (words, word, quote)
