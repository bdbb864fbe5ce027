"""Local sockets (uipc_usrreq.c)."""

from __future__ import annotations

from tests.unit.kernel.netinet.lab import lines


def test_a_stream_with_a_name() -> None:
    out = lines("nc -lU /tmp/s > /tmp/got & sleep 1; echo hello | nc -NU /tmp/s; wait; cat /tmp/got; ls -l /tmp/s | cut -c1")
    assert out == ["hello", "s"]


def test_a_name_outlives_its_socket_but_leads_nowhere() -> None:
    out = lines("nc -lU /tmp/s > /dev/null & sleep 1; nc -NU /tmp/s < /dev/null; wait; nc -U /tmp/s; echo $?; nc -lU /tmp/s")
    assert out == ["1", "nc: Address already in use"]


def test_messages() -> None:
    out = lines("nc -luU /tmp/d > /tmp/got & sleep 1; echo message | nc -uU -w 1 /tmp/d; wait; cat /tmp/got")
    assert out == ["message"]


def test_netstat_lists_them() -> None:
    out = lines("nc -lU /tmp/s & sleep 1; netstat -an -f unix | awk 'NR > 2 {print $2, $9}'; kill $!; netstat -f unix")
    assert out == ["stream /tmp/s"]
