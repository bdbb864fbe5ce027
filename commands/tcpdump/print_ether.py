"""tcpdump: Ethernet frames, VLAN tags, and what is in them (print-ether.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, Trunc, tok2str

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ETHERNET_LENGTH_VAL = 1500
ETHERTYPES: dict[int, str] = {
    0x0800: "IPv4",
    0x8847: "MPLS unicast",
    0x8848: "MPLS multicast",
    0x86DD: "IPv6",
    0x8100: "802.1Q",
    0x9100: "802.1Q-9100",
    0x88A8: "802.1Q-QinQ",
    0x9200: "802.1Q-9200",
    0x88E5: "802.1AE MACsec",
    0x0200: "PUP",
    0x0806: "ARP",
    0x8035: "Reverse ARP",
    0x0600: "NS",
    0x0500: "Sprite",
    0x1000: "Trail",
    0x6001: "MOP DL",
    0x6002: "MOP RC",
    0x6003: "DN",
    0x6004: "LAT",
    0x6007: "SCA",
    0x6558: "TEB",
    0x8038: "Lanbridge",
    0x803C: "DEC DNS",
    0x803E: "DEC DTS",
    0x805B: "VEXP",
    0x805C: "VPROD",
    0x809B: "Appletalk",
    0x80F3: "Appletalk ARP",
    0x8137: "IPX",
    0x880B: "PPP",
    0x8808: "MPCP",
    0x8809: "Slow Protocols",
    0x8863: "PPPoE D",
    0x8864: "PPPoE S",
    0x888E: "EAPOL",
    0x8899: "Realtek protocols",
    0x886F: "MS NLB heartbeat",
    0x8870: "Jumbo",
    0x894F: "NSH",
    0x9000: "Loopback",
    0xFEFE: "OSI",
    0x00FE: "GRE-OSI",
    0xABCD: "CFM (old)",
    0x8902: "CFM",
    0x893A: "IEEE1905.1",
    0x88CC: "LLDP",
    0x88CA: "TIPC",
    0x0707: "GeoNet (old)",
    0x8947: "GeoNet",
    0x1111: "CALM FAST",
    0x88A2: "AoE",
    0x88F7: "PTP",
    0xD28B: "Arista Vendor Specific Protocol",
}
VLANS = (0x8100, 0x9100, 0x9200, 0x88A8)
ETHERTYPE_JUMBO = 0x8870

# Where the printers are: module (below this folder) and function, called as f(ndo, at, length).
PRINTERS = {
    0x0800: ("print_ip", "ip_print"), 0x86DD: ("print_ip6", "ip6_print"), 0x0806: ("print_arp", "arp_print"),
    0x8035: ("print_arp", "arp_print"), 0x8863: ("print_ppp", "pppoe_print"), 0x8864: ("print_ppp", "pppoe_print"),
    0x3C12: ("print_ppp", "pppoe_print"), 0x3C13: ("print_ppp", "pppoe_print"), 0x8809: ("print_slow", "slow_print"),
    0x88CC: ("print_lldp", "lldp_print"), 0x9000: ("print_loopback", "loopback_print"), 0x8847: ("print_mpls", "mpls_print"),
    0x8848: ("print_mpls", "mpls_print"),
}  # fmt: skip


def find(where: tuple[str, str]) -> Callable[[Ndo, int, int], None]:
    """The function of a printer; its file is loaded when it is first needed."""
    from importlib import import_module

    found: Callable[[Ndo, int, int], None] = getattr(import_module(f"vshell.commands.tcpdump.{where[0]}"), where[1])
    return found


def ethertype_print(ndo: Ndo, etype: int, at: int, length: int, caplen: int) -> bool:
    """Print what an Ethernet type announces; False if it has no printer."""
    if etype == 0x880B:
        if length:
            ndo.p(": ")
            find(("print_ppp", "ppp_print"))(ndo, at, length)
        return True
    where = PRINTERS.get(etype)
    if where is None:
        return False
    find(where)(ndo, at, length)
    return True


def ether_type(ndo: Ndo, etype: int) -> None:
    """ether_type_print."""
    if ndo.q:
        ndo.p(tok2str(ETHERTYPES, "Unknown Ethertype (0x%04x)", etype))
    else:
        ndo.p(f"ethertype {ETHERTYPES.get(etype, 'Unknown')} (0x{etype:04x})")


def tci(tag: int) -> str:
    """ieee8021q_tci_string."""
    return f"vlan {tag & 0xFFF}, p {tag >> 13}{', DEI' if tag & 0x1000 else ''}"


def ether_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """A frame; the length of its header."""
    ndo.protocol = "ether"
    if length < caplen:
        ndo.p(f"[length {length} < caplen {caplen}]")
        ndo.invalid()
        return length
    if caplen < 14:
        ndo.trunc()
        return caplen
    return Frame(ndo, at, length, caplen).print()


class Frame:
    """A frame that is being printed."""

    def __init__(self, ndo: Ndo, at: int, length: int, caplen: int) -> None:
        self.ndo = ndo
        self.dst, self.src = at, at + 6
        self.orig_length = length
        self.at = at + 12
        self.length, self.caplen = length - 12, caplen - 12
        self.hdrlen = 12
        self.printed_length = False

    def skip(self, size: int) -> None:
        """Go on."""
        self.at += size
        self.length -= size
        self.caplen -= size
        self.hdrlen += size

    def addresses(self) -> None:
        """ether_addresses_print."""
        self.ndo.p(f"{self.ndo.etheraddr(self.src)} > {self.ndo.etheraddr(self.dst)}, ")

    def print(self) -> int:
        """ether_common_print."""
        ndo = self.ndo
        if ndo.e:
            self.addresses()
        etype = ndo.u2(self.at)
        self.skip(2)
        while etype in VLANS:
            if min(self.caplen, self.length) < 4:
                ndo.protocol = "vlan"
                ndo.trunc()
                return self.hdrlen + min(self.caplen, self.length)
            self.vlan(etype)
            etype = ndo.u2(self.at + 2)
            self.skip(4)
        if etype <= MAX_ETHERNET_LENGTH_VAL:
            self.length_field(etype)
        elif etype == ETHERTYPE_JUMBO:
            self.llc()
        else:
            self.payload(etype)
        return self.hdrlen

    def vlan(self, etype: int) -> None:
        """An 802.1Q tag."""
        ndo = self.ndo
        if ndo.e:
            ether_type(ndo, etype)
            ndo.p(", " if self.printed_length else f", length {self.orig_length}: ")
            self.printed_length = True
            ndo.p(tci(ndo.u2(self.at)) + ", ")

    def length_field(self, size: int) -> None:
        """802.3: it is a length."""
        ndo = self.ndo
        if size < self.length:
            self.length = size
            self.caplen = min(self.caplen, size)
        saved = ndo.snapend
        ndo.snapend = min(saved, self.at + self.length)
        if ndo.e:
            ndo.p("802.3")
            if not self.printed_length:
                ndo.p(f", length {self.length}: ")
        self.llc()
        ndo.snapend = saved

    def llc(self) -> None:
        """An LLC header follows."""
        from vshell.commands.tcpdump.print_llc import llc_print

        ndo = self.ndo
        hdrlen = llc_print(ndo, self.at, self.length, self.caplen, self.src, self.dst)
        if hdrlen < 0:
            if not ndo.suppress_default_print:
                ndo.default_print(self.at, self.caplen)
            hdrlen = -hdrlen
        self.hdrlen += hdrlen

    def payload(self, etype: int) -> None:
        """It is a type."""
        ndo = self.ndo
        if ndo.e:
            ether_type(ndo, etype)
            ndo.p(", " if self.printed_length else f", length {self.orig_length}: ")
        if not ethertype_print(ndo, etype, self.at, self.length, self.caplen):
            if not ndo.e:
                self.addresses()
                ether_type(ndo, etype)
                ndo.p(f", length {self.orig_length}: ")
            if not ndo.suppress_default_print:
                ndo.default_print(self.at, self.caplen)


def ether_within(ndo: Ndo, at: int, length: int) -> None:
    """A frame in another packet."""
    if at > ndo.snapend:
        raise Trunc
    ether_print(ndo, at, length, ndo.avail(at))
