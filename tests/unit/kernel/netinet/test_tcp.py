"""TCP: connections from the handshake to their end, over good and bad ways (netinet/tcp_*.c)."""

from __future__ import annotations

import pytest

from tests.unit.kernel.netinet.lab import PAIR, ROUTER, lines, run

STATES = "jexec {0} netstat -an -p tcp | awk '/^tcp/ {{print $4, $5, $6}}'"


def test_a_conversation() -> None:
    out = lines(
        PAIR
        + """
        echo from b | jexec b nc -N -l 5000 > /tmp/b & sleep 1; echo from a | jexec a nc -N 10.0.0.2 5000; wait; cat /tmp/b
        """
    )
    assert out == ["from b", "from a"]


def test_states_of_a_connection() -> None:
    out = lines(
        PAIR
        + f"""
        mkfifo /tmp/f; jexec b nc -l 5000 > /dev/null & sleep 1
        {STATES.format("b")}
        jexec a nc -N -p 4000 10.0.0.2 5000 < /tmp/f & exec 5> /tmp/f; sleep 1; {STATES.format("a")}
        exec 5>&-; sleep 1; {STATES.format("a")}; {STATES.format("b")}; sleep 70; {STATES.format("a")}
        """
    )
    names = "10.0.0.1.4000 10.0.0.2.5000"
    assert out == ["*.5000 *.* LISTEN", f"{names} ESTABLISHED", f"{names} TIME_WAIT"]


def test_refused_and_unanswered() -> None:
    out = lines(PAIR + "for h in 10.0.0.2 10.0.0.9 10.9.9.9; do jexec a nc -vz -w 2 $h 9; done")
    reasons = [line.partition("failed: ")[2] for line in out]
    assert reasons == ["Connection refused", "Operation timed out", "Network is unreachable"]


@pytest.mark.parametrize("mtu", [1500, 576, 296])
def test_bulk_arrives_whole(mtu: int) -> None:
    out = lines(
        ROUTER
        + f"""
        jexec r ifconfig epair1a mtu {mtu}; jexec b ifconfig epair1b mtu {mtu}
        jot 30000 > /tmp/data; jexec b nc -l 9000 > /tmp/copy & sleep 1
        jexec a nc -N -w 5 10.1.0.1 9000 < /tmp/data; wait; cmp /tmp/data /tmp/copy && echo equal
        """
    )
    assert out == ["equal"]


def test_a_stopped_reader_stops_the_writer_and_nothing_is_lost() -> None:
    out = lines(
        PAIR
        + """
        jot 60000 > /tmp/data; jexec b nc -l 9000 > /tmp/copy & r=$!; sleep 1; kill -STOP $r
        jexec a nc -N 10.0.0.2 9000 < /tmp/data & sleep 5; jexec b netstat -n -p tcp | awk '/^tcp/ {print ($2 > 10000)}'
        kill -CONT $r; wait; cmp /tmp/data /tmp/copy && echo equal
        """
    )
    assert out == ["1", "equal"]


def test_an_interrupted_way_is_survived() -> None:
    out = lines(
        PAIR
        + """
        mkfifo /tmp/f; jexec b nc -l 9000 > /tmp/copy & sleep 1; jexec a nc -N 10.0.0.2 9000 < /tmp/f & exec 5> /tmp/f
        echo one >&5; sleep 1; jexec b ifconfig epair0b down; echo two >&5; sleep 3; jexec b ifconfig epair0b up
        echo three >&5; exec 5>&-; wait; cat /tmp/copy; jexec a netstat -ss -p tcp | grep -c retransmitted
        """
    )
    assert out == ["one", "two", "three", "1"]


def test_tcpdrop_resets() -> None:
    out = lines(
        PAIR
        + """
        jexec b nc -lk 9000 > /dev/null & sleep 1; jexec a nc -d -p 4000 10.0.0.2 9000 & sleep 1
        jexec a tcpdrop 10.0.0.1 4000 10.0.0.2 9000; jexec b netstat -n -p tcp | grep -c 4000
        jexec b netstat -ss -p tcp | grep -c '1 drop'
        """
    )
    assert out == ["10.0.0.1 4000 10.0.0.2 9000: dropped", "0", "1"]


def test_a_connection_to_oneself() -> None:
    talk = "jexec a nc -l 9000 & sleep 1; echo self | jexec a nc -N 127.0.0.1 9000; wait"
    out = lines(f"{PAIR} jexec a ifconfig lo0 127.0.0.1/8; {talk}")
    assert out == ["self"]


def test_both_families_on_one_port() -> None:
    out = lines(
        PAIR
        + """
        jexec a ifconfig epair0a inet6 no_dad 2001:db8::1/64; jexec b ifconfig epair0b inet6 no_dad 2001:db8::2/64
        printf 'http stream tcp46 nowait root /bin/echo echo hello\\n' > /tmp/i.conf
        jexec b inetd -p /tmp/i.pid /tmp/i.conf; sleep 1; jexec b netstat -an -p tcp | awk '/^tcp/ {print $1, $4}'
        jexec a nc -d 10.0.0.2 80; jexec a nc -d 2001:db8::2 80; kill $(cat /tmp/i.pid)
        """
    )
    assert out == ["tcp46 *.80", "hello", "hello"]


def test_many_at_a_time() -> None:
    out = run(
        PAIR
        + """
        printf 'echo stream tcp nowait root internal\\n' > /tmp/i.conf; jexec b inetd -p /tmp/i.pid /tmp/i.conf; sleep 1
        for i in $(jot 20); do echo $i | jexec a nc -N 10.0.0.2 7 > /tmp/e$i & done; wait; cat /tmp/e* | sort -n | uniq | wc -l
        kill $(cat /tmp/i.pid)
        """
    )
    assert out.split() == ["20"]
