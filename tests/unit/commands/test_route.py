"""route(8), netstat -r and setfib(1) as programs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Machine, Result

Run = Callable[..., Result]

UP = "ifconfig epair0 create > /dev/null; ifconfig epair0a inet 10.0.0.1/24 up; ifconfig epair0b up;"


def both(result: Result) -> list[str]:
    """What it printed and what it complained about."""
    return (result.stdout + result.stderr).decode().splitlines()


@pytest.mark.parametrize(
    ("command", "lines", "status"),
    [
        ("route add 10.9.0.0/16 10.0.0.2", ["add net 10.9.0.0: gateway 10.0.0.2"], 0),
        ("route add default 10.0.0.2", ["add net default: gateway 10.0.0.2"], 0),
        ("route add 10.9.0.1 10.0.0.2", ["add host 10.9.0.1: gateway 10.0.0.2"], 0),
        ("route add -net 10.9 10.0.0.2", ["add net 10.9: gateway 10.0.0.2"], 0),
        ("route -q add 10.9.0.0/16 10.0.0.2", [], 0),
        ("route add 10.9.0.0/16 -interface epair0a", ["add net 10.9.0.0: gateway epair0a"], 0),
        ("route delete 10.9.0.0/16", ["delete net 10.9.0.0 fib 0: not in table", "route: route has not been found"], 1),
        ("route -q delete 10.9.0.0/16", ["route: route has not been found"], 1),
        ("route -q add 10.9.0.0/16 192.0.2.1", ["route: message indicates error: Invalid argument"], 1),
        ("route get 192.0.2.1", ["route: route has not been found"], 255),
        ("route add", ["route: destination parameter required"], 64),
        ("route add 10.9.0.0/33 10.0.0.2", ["route: bad mask length: 33"], 68),
    ],
)
def test_commands(run: Run, command: str, lines: list[str], status: int) -> None:
    result = run(UP + command)
    assert both(result)[: len(lines)] == lines
    assert result.status == status


def test_an_address_brings_its_network_and_takes_it_away(run: Run) -> None:
    show = "netstat -rn4 | awk 'NR > 4 { print $1, $2, $3, $4 }'"
    result = run(f"{UP} ifconfig lo0 -alias 127.0.0.1; {show}; ifconfig epair0a down; {show}; ifconfig epair0a -alias; {show}")
    assert both(result) == [
        "10.0.0.0/24 link#4 U epair0a",
        "10.0.0.1 link#3 UHS lo0",
        "10.0.0.1 link#3 UHS lo0",
    ]


def test_two_gateways_for_one_prefix(run: Run) -> None:
    result = run(
        UP + "route -q add 10.9.0.0/16 10.0.0.2; route -q add 10.9.0.0/16 10.0.0.3 -weight 3; netstat -rn4 | grep ^10.9;"
        "route -q delete 10.9.0.0/16 10.0.0.2; netstat -rn4 | grep ^10.9"
    )
    assert [line.split()[1] for line in both(result)] == ["10.0.0.2", "10.0.0.3", "10.0.0.3"]


def test_routes_go_with_their_interface_but_not_with_its_name(run: Run) -> None:
    result = run(
        UP
        + "ifconfig lo1 create up; route -q add 10.9.0.0/16 -interface lo1; ifconfig lo1 name lan0; netstat -rn4 | grep -c lan0;"
        "ifconfig lan0 destroy; netstat -rn4 | grep -c ^10.9"
    )
    assert both(result) == ["lan0", "1", "0"]


def test_fibs_are_tables_of_their_own(run: Run) -> None:
    result = run(
        "sysctl -q net.fibs=2 > /dev/null;" + UP + "route -q add 10.9.0.0/16 -interface epair0a -fib 1; route -n get 10.9.0.1;"
        "setfib 1 route -n get 10.9.0.1 | grep interface; setfib 7 true"
    )
    assert both(result) == ["  interface: epair0a", "route: route has not been found", "setfib: 7: invalid FIB (max 1)"]


def test_expiry(run: Run) -> None:
    count = "netstat -rn4 | grep -c ^10.9"
    result = run(f"{UP} route -q add 10.9.0.0/16 10.0.0.2 -expire $(($(date +%s) + 5)); {count}; sleep 10; {count}")
    assert both(result) == ["1", "0"]


def test_monitor_tells_of_changes(run: Run) -> None:
    result = run(f"{UP} timeout 2 route -n monitor > /tmp/log & sleep 1; route -q add 10.9.0.0/16 10.0.0.2; wait; cat /tmp/log")
    assert "add/repl route 10.9.0.0/16 gw 10.0.0.2 iface epair0a mtu 1500 table inet.0" in result.stdout.decode()


def test_a_thousand_routes() -> None:
    script = UP + (
        "i=0; while [ $i -lt 40 ]; do j=0; while [ $j -lt 25 ]; do route -q add 20.$i.$j.0/24 10.0.0.2; j=$((j+1)); done;"
        "i=$((i+1)); done; netstat -rn4 | grep -c ^20; route -n get 20.39.24.1 | grep -c 'gateway: 10.0.0.2'"
    )
    assert Machine().run(script).stdout.split() == [b"1000", b"1"]


@pytest.mark.parametrize(
    ("command", "lines", "status"),
    [
        ("netstat -F 9 -rn", ["netstat: 9: invalid fib"], 64),
        ("netstat -f x", ["netstat: x: unknown address family"], 65),
        ("netstat -p x", ["netstat: x: unknown or uninstrumented protocol"], 65),
        ("netstat -rs", ["routing:", "\t0 bad routing redirects"], 0),
        ("netstat -j nosuch", ["netstat: Jail not found"], 69),
        ("netstat -gs4", ["No IPv4 MROUTING kernel support."], 0),
        ("netstat -M /nosuch -m", ["netstat: kvm not available: /nosuch: No such file or directory"], 0),
    ],
)
def test_netstat(run: Run, command: str, lines: list[str], status: int) -> None:
    result = run(command)
    assert both(result)[: len(lines)] == lines
    assert result.status == status


def test_netstat_as_json(run: Run) -> None:
    import json

    tables = json.loads(run(UP + "netstat --libxo json -rn4").stdout)["statistics"]["route-information"]["route-table"][
        "rt-family"
    ]
    entries = tables[0]["rt-entry"]
    assert [e["destination"] for e in entries] == ["10.0.0.0/24", "10.0.0.1", "127.0.0.1"]
