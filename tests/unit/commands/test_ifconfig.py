"""ifconfig(8) as a program: options, what it prints, keywords that belong to other interfaces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.commands.ifconfig.keywords import commands, families
from vshell.machine import Result

Run = Callable[..., Result]


def test_the_display_of_a_network_card(run: Run) -> None:
    assert run("ifconfig vtnet0 inet 192.0.2.1/24; ifconfig vtnet0 inet").stdout.decode().splitlines() == [
        "vtnet0: flags=1008843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST,LOWER_UP> metric 0 mtu 1500",
        "\toptions=880028<VLAN_MTU,JUMBO_MTU,LINKSTATE,HWSTATS>",
        "\tinet 192.0.2.1 netmask 0xffffff00 broadcast 192.0.2.255",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-l", "vtnet0 vtnet1 lo0"),
        ("-l ether", "vtnet0 vtnet1"),
        ("-lu", "lo0"),
        ("-ld", "vtnet0 vtnet1"),
        ("-C", "vlan vmnet tap tun lo gif wlan"),
        ("-g lo", "lo0"),
        ("-f inet:cidr lo0 inet", None),
    ],
)
def test_options(run: Run, options: str, expected: str | None) -> None:
    text = run(f"ifconfig {options}").stdout.decode()
    if expected is None:
        assert text.splitlines()[-1].strip() == "inet 127.0.0.1/8"
    else:
        assert text == expected + "\n"


def test_an_address_may_come_with_mask_broadcast_and_alias(run: Run) -> None:
    script = (
        "ifconfig epair0 create > /dev/null; ifconfig epair0a 10.0.0.1 netmask 255.255.0.0 broadcast 10.0.9.9;"
        "ifconfig epair0a 10.1.0.1/30 alias; ifconfig epair0a | grep 'inet '"
    )
    assert run(script).stdout.decode().splitlines() == [
        "\tinet 10.0.0.1 netmask 0xffff0000 broadcast 10.0.9.9",
        "\tinet 10.1.0.1 netmask 0xfffffffc broadcast 10.1.0.3",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bogus", "ifconfig: bogus: bad value"),
        ("mtu", "ifconfig: 'mtu' requires argument"),
        ("inet 10.0.0.1/33", "ifconfig: 10.0.0.1/33: bad value (width too large)"),
        ("addm lo0", "ifconfig: BRDGADD lo0: Invalid argument"),
        ("ssid lab", "ifconfig: SIOCS80211: Invalid argument"),
        ("syncpeer 192.0.2.1", "ifconfig: SIOCGETPFSYNCNV: Invalid argument"),
        ("laggproto fast", "ifconfig: Invalid aggregation protocol: fast"),
        ("vhid 300", "ifconfig: vhid must be greater than 0 and less than 255"),
        ("vxlanttl 300", "ifconfig: invalid TTL value: 300"),
    ],
)
def test_mistakes(run: Run, words: str, message: str) -> None:
    result = run(f"ifconfig vtnet0 {words}")
    assert (result.stderr.decode().rstrip("\n"), result.status) == (message, 1)


def test_modules_are_loaded_by_name_unless_forbidden(run: Run) -> None:
    result = run(
        "ifconfig -n bridge0 create; ifconfig bridge0 create; for m in if_bridge bridgestp; do kldstat -q -m $m; echo $?; done"
    )
    assert (result.stdout, result.stderr) == (b"0\n0\n", b"ifconfig: SIOCIFCREATE2 (bridge0): Invalid argument\n")


def test_the_grammar_is_complete_enough_to_be_completed() -> None:
    names = {name for name, _ in commands()}
    assert {"up", "-alias", "vlan", "addm", "laggport", "vni", "ssid", "vhid", "tunnel", "grekey", "mediaopt"} <= names
    assert {"inet", "inet6", "ether", "link", "lladdr"} <= {family.name for family in families()}


def test_netstat_shows_the_same_interfaces(run: Run) -> None:
    lines = run("ifconfig vtnet0 inet 192.0.2.1/24; netstat -in").stdout.decode().splitlines()
    assert lines[0].split()[:3] == ["Name", "Mtu", "Network"]
    assert any(line.split()[:4] == ["vtnet0", "-", "192.0.2.0/24", "192.0.2.1"] for line in lines)


def test_an_empty_name_is_no_interface(run: Run) -> None:
    assert b"interface  does not exist" in run('ifconfig "" 2>&1').stdout
    assert b"SIOCIFCREATE2 (): Invalid argument" in run('ifconfig "" create 2>&1').stdout
