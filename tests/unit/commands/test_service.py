"""service(8) and the scripts of /etc/rc.d."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]

CONF = """
    echo 'a { path = /; persist; }  b { path = /; persist; vnet; }' > /etc/jail.conf
"""


def test_one_jail(run: Run) -> None:
    result = run(CONF + "service jail onestart a; jls name; cat /var/run/jail_a.id; service jail onestop a; jls name")
    assert result.stdout == b"Starting jails: a.\na\n1\nStopping jails: a.\n"


def test_enabled_services_start(run: Run) -> None:
    result = run(CONF + "service jail start; service jail enable; service -e; service jail start; jls name; service jail delete")
    assert result.stdout.decode().splitlines() == [
        "Cannot 'start' jail. Set jail_enable to YES in /etc/rc.conf or use 'onestart' instead of 'start'.",
        "jail enabled in /etc/rc.conf",
        "/etc/rc.d/jail",
        "/etc/rc.d/netif",
        "/etc/rc.d/syslogd",
        "Starting jails: a b.",
        "a",
        "b",
        "jail_enable deleted in /etc/rc.conf",
    ]


def test_complaints(run: Run) -> None:
    result = run("service nosuch; service jail foo; service jail onestart nosuch")
    assert result.stdout.splitlines()[0] == b"nosuch does not exist in /etc/rc.d or the local startup"
    assert result.stderr.decode().splitlines()[:2] == [
        "/etc/rc.d/jail: unknown directive 'foo'.",
        "Usage: /etc/rc.d/jail [fast|force|one|quiet](start|stop|restart|rcvar|enable|disable|delete|enabled|describe|"
        "extracommands|config|console|status|status|poll)",
    ]
    assert b"Invalid configuration for nosuch" in result.stderr


def test_in_a_jail(run: Run) -> None:
    assert {"ipfw", "jail", "pf"} <= set(run("jail -c name=j persist; service -j j -l").stdout.decode().split())


def test_daemons(run: Run) -> None:
    result = run(
        "service syslogd start; service syslogd status | sed 's/[0-9]*\\.$/N/'; service syslogd stop > /dev/null; service -e"
    )
    assert result.stdout.decode() == "Starting syslogd.\nsyslogd is running as pid N\n/etc/rc.d/netif\n/etc/rc.d/syslogd\n"


def test_the_network_of_rc_conf(run: Run) -> None:
    """rc.d/netif and rc.d/routing: clones, addresses, aliases, the default route, forwarding."""
    result = run("""
        sysrc -q cloned_interfaces="lo1 epair0" ifconfig_vtnet0="inet 10.5.5.5/24 mtu 1400" > /dev/null
        sysrc -q ifconfig_vtnet0_alias0="inet 10.5.5.6/32" ifconfig_vtnet0_ipv6="inet6 2001:db8::5/64 no_dad" > /dev/null
        sysrc -q defaultrouter=10.5.5.1 gateway_enable=YES static_routes=lab route_lab="-net 10.9.0.0/16 10.5.5.9" > /dev/null
        service netif start | grep -v '^[[:space:]]'
        service routing start 2> /dev/null | grep -v 'lo0\\|::'
        route -n get default | grep gateway; sysctl -n net.inet.ip.forwarding
        service netif stop vtnet0 | head -1; ifconfig vtnet0 inet | grep -c inet; service netif clonedown
    """)
    out = result.stdout.decode().splitlines()
    assert out[:3] == ["Created clone interfaces: lo1 epair0a epair0b.", "Starting Network: lo0 vtnet0.", out[2]]
    assert [line.partition(":")[0] for line in out[2:4]] == ["lo0", "vtnet0"]
    assert out[4:] == [
        "add net 10.9.0.0: gateway 10.5.5.9",
        "add net default: gateway 10.5.5.1",
        "Additional inet routing options: gateway=YES.",
        "    gateway: 10.5.5.1",
        "1",
        "Stopping Network: vtnet0.",
        "0",
        "Destroyed clone interfaces: lo1 epair0.",
    ]


def test_a_jail_starts_as_its_manual_says(run: Run) -> None:
    """exec.start and exec.stop of jail.conf(5)'s examples: /etc/rc and /etc/rc.shutdown."""
    result = run("""
        cat > /etc/jail.conf << 'EOF'
        exec.start = "/bin/sh /etc/rc";
        exec.stop = "/bin/sh /etc/rc.shutdown jail";
        exec.clean;
        path = "/";
        web { vnet; vnet.interface = epair0b; persist; }
EOF
        ifconfig epair0 create > /dev/null; sysrc -q ifconfig_epair0b="inet 10.0.0.2/24" > /dev/null
        jail -c web 2> /dev/null | grep -e Starting -e created; jexec web ifconfig epair0b inet | grep inet
        jail -r web; ifconfig -l
    """)
    assert result.stdout.decode().splitlines() == [
        "web: created",
        "Starting Network: lo0 epair0b.",
        "Starting syslogd.",
        "\tinet 10.0.0.2 netmask 0xffffff00 broadcast 10.0.0.255",
        ".",
        "web: removed",
        "vtnet0 vtnet1 lo0 epair0a epair0b",
    ]
