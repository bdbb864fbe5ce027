"""The GENERIC configuration: which kernel files are compiled in, and what a machine has when it has booted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.kernel.conf.rc import configure

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel

KERNEL: tuple[str, ...] = (
    "kern.kern_sysctl",
    "kern.uipc_usrreq",
    "net.netlink",
    "net.ifnet",
    "net.bpf",
    "net.pfil",
    "net.drops",
    "net.netisr_sysctl",
    "net.ifhwioctl",
    "net.if_vmove",
    "net.netlink_iface",
    "net.if_vtnet",
    "net.if_wlan",
    "net.if_gif",
    "net.if_loop",
    "net.if_tuntap",
    "net.if_vlan",
    "net.route.route_tables",
    "net.netlink_route",
    "netinet.ip_var",
    "netinet.if_ether",
    "netinet.in_",
    "netinet.ip_icmp",
    "netinet.ip_reass",
    "netinet.raw_ip",
    "netinet.ip_input",
    "netinet.udp_usrreq",
    "netinet.igmp",
    "netinet.igmp_input",
    "netinet.neigh",
    "netinet.in_gif",
    "netinet6.in6_var",
    "netinet6.in6_policy",
    "netinet6.in6",
    "netinet6.nd6_ioctl",
    "netinet6.icmp6",
    "netinet6.nd6_ra",
    "netinet6.icmp6_nodeinfo",
    "netinet6.mld6",
    "netinet6.mld6_input",
    "netinet6.frag6",
    "netinet6.raw_ip6",
    "netinet6.udp6_usrreq",
    "netinet6.in6_gif",
    "netinet.tcp_var",
    "netinet.tcp_syncookie",
    "netinet.cc",
    "netinet.cc_cubic",
    "netinet.tcp_hostcache",
    "netinet.tcp_usrreq",
    "netinet.tcp_timeout",
    "netinet.tcp_input",
    "netinet.tcp6_usrreq",
)
"""Kernel files in the order they initialise within one SI_SUB."""

BOOT: tuple[str, ...] = ()
"""Loadable files the boot loader brings in."""


SETUP: tuple[Callable[[Kernel], None], ...] = (configure,)
"""What the boot does once every module is in."""
