"""ipfw nat64lsn (sbin/ipfw/nat64lsn.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.abi.ip_fw_nat64 import NAT64LSN_ALLOW_SWAPCONF, EactionConfig, EactionStates, Nat64LsnConfig, Nat64LsnState
from vshell.abi.record import replace
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.nat64 import COUNTERS, FLAG_WORDS, Instances, check_nat64prefix, flags_text, set_flag, token
from vshell.commands.ipfw.words import EX_OSERR, EX_USAGE
from vshell.userland.addr import inet_ntoa, inet_ntop6, inet_pton4, inet_pton6, masked
from vshell.userland.cnumber import strtol

AGES = {
    "host_del_age": ("nh_delete_delay", "host delete delay required"),
    "pg_del_age": ("pg_delete_delay", "portgroup delete delay required"),
    "tcp_syn_age": ("st_syn_ttl", "tcp syn age required"),
    "tcp_close_age": ("st_close_ttl", "tcp close age required"),
    "tcp_est_age": ("st_estab_ttl", "tcp est age required"),
    "udp_age": ("st_udp_ttl", "udp age required"),
    "icmp_age": ("st_icmp_ttl", "icmp age required"),
}
"""Options with a number of seconds, in the order they are printed."""
NUMBERS = {
    **{word: (*rest, 0xFFFF) for word, rest in AGES.items()},
    "jmaxlen": ("jmaxlen", "job queue length required", 0xFFFFFFFF),
    "states_chunks": ("states_chunks", "number of chunks required", 0xFF),
    "max_ports": ("", "Max per-user ports required", 0),
}
"""All options with a number: the field, what is said if it is missing, and how much of it is kept."""
SWAP = {"swap_conf": True, "-swap_conf": False}
OPTIONS = ("prefix6", "prefix4", *NUMBERS, *FLAG_WORDS, *SWAP)
TCP, UDP, ICMP = 6, 17, 1
NAMES = {TCP: "TCP", UDP: "UDP", ICMP: "ICMPv6"}


class Nat64Lsn(Instances):
    """Instances of stateful translation."""

    kind = "nat64lsn"
    stats_words = "nat64lsn stats command"
    counters = (
        *COUNTERS,
        ("nomatch4", "packets not matched with IPv4 prefix"),
        ("jreinjected", "mbufs queued for post processing"),
        ("jcalls", "times the job queue was processed"),
        ("jrequests", "job requests queued"),
        ("jmaxlen", "job requests queue limit reached"),
        ("jnomem", "job requests failed due to memory allocation problems"),
        ("hostcount", "hosts allocated"),
        ("jhostsreq", "hosts requested"),
        ("jhostfails", "host requests failed"),
        ("jportreq", "portgroups requested"),
        ("spgcreated", "portgroups allocated"),
        ("spgdeleted", "portgroups deleted"),
        ("jportfails", "portgroup requests failed"),
        ("tcpchunks", "portgroups allocated for TCP"),
        ("udpchunks", "portgroups allocated for UDP"),
        ("icmpchunks", "portgroups allocated for ICMP"),
        ("screated", "states created"),
        ("sdeleted", "states deleted"),
    )

    def parse_prefix(self, text: str, four: bool) -> tuple[bytes, int]:
        """nat64lsn_parse_prefix: bits behind the prefix are cleared."""
        o = self.o
        name, slash, length = text.partition("/")
        if not slash:
            o.errx(EX_USAGE, "Prefix length required")
        prefix = inet_pton4(name) if four else inet_pton6(name)
        if prefix is None:
            o.errx(EX_USAGE, f"Bad prefix: {name}")
        plen, rest, _ = strtol(length)
        plen &= 0xFFFF
        if rest or not 0 < plen <= (32 if four else 96):
            o.errx(EX_USAGE, f"Bad prefix length: {text}")
        return masked(prefix, plen), plen

    def _option(self, c: Any, given: str, word: str) -> Any:
        """An option that create and config have in common; None for another."""
        if word in FLAG_WORDS:
            return replace(c, flags=set_flag(c.flags, word))
        if word in SWAP:
            flags = c.flags | NAT64LSN_ALLOW_SWAPCONF if SWAP[word] else c.flags & ~NAT64LSN_ALLOW_SWAPCONF
            return replace(c, flags=flags)
        if word not in NUMBERS:
            return None
        field, missing, mask = NUMBERS[word]
        text = self.need(missing)
        number, rest, _ = strtol(text)
        if rest:
            self.o.errx(EX_USAGE, f"Invalid {given} value: {text}\n")
        return replace(c, **{field: number & mask}) if field else c

    def parse(self, name: str) -> EactionConfig:
        """nat64lsn_create."""
        o = self.o
        c: Any = Nat64LsnConfig(name, self.set)
        while self.av:
            given = self.av.pop(0)
            word = token(o, OPTIONS, given, "option")
            if word == "prefix4":
                prefix, plen = self.parse_prefix(self.need("IPv4 prefix required"), True)
                c = replace(c, prefix4=prefix, plen4=plen)
            elif word == "prefix6":
                text = self.need("IPv6 prefix required")
                prefix, plen = self.parse_prefix(text, False)
                if not check_nat64prefix(prefix, plen) and prefix != bytes(16):
                    o.errx(EX_USAGE, f"Bad prefix6 {text}")
                c = replace(c, prefix6=prefix, plen6=plen)
            else:
                c = self._option(c, given, word)
        if not c.plen4:
            o.errx(EX_USAGE, "prefix4 required")
        made: EactionConfig = c
        return made

    def change(self, config: Any) -> EactionConfig:
        """nat64lsn_config: all but the prefixes."""
        while self.av:
            given = self.av.pop(0)
            config = self._option(config, given, token(self.o, OPTIONS, given, "option"))
            if config is None:
                self.o.errx(EX_USAGE, f"Can't change {given} option")
        changed: EactionConfig = config
        return changed

    def blank(self, name: str) -> EactionConfig:
        """A configuration to try options on."""
        return Nat64LsnConfig(name, self.set)

    def list(self, name: str | None) -> None:
        """list, show [config | states]."""
        if self.av and token(self.o, ("states", "config"), self.av[0], "nat64lsn list command") == "states":
            self.states(name)
        else:
            super().list(name)

    def text(self, c: Any) -> str:
        """nat64lsn_show_cb: what differs from the defaults, or all with -v."""
        default, verbose = Nat64LsnConfig(""), self.o.verbose
        out = f"prefix4 {inet_ntoa(c.prefix4)}/{c.plen4} prefix6 {inet_ntop6(c.prefix6)}/{c.plen6}"
        if verbose or c.states_chunks > 1:
            out += f" states_chunks {c.states_chunks}"
        for word, (field, *_) in (*AGES.items(), ("jmaxlen", ("jmaxlen",))):
            value = getattr(c, field)
            if verbose or value != getattr(default, field):
                out += f" {word} {value}"
        return out + (" swap_conf" if c.flags & NAT64LSN_ALLOW_SWAPCONF else "") + flags_text(c.flags)

    def states(self, name: str | None) -> None:
        """list states; a set counts only if it is not the first."""
        for c in self.sorted():
            if name not in (None, c.name) or (self.set and c.set != self.set):
                continue
            try:
                found = self.o.request(EactionStates(self.kind, c.name, self.set)) or ()
            except KError as e:
                self.o.err(EX_OSERR, e, "Error reading nat64lsn states")
            for state in found:
                self.o.p.stdout.write(_state_text(state))


def _state_text(s: Nat64LsnState) -> str:
    """nat64lsn_print_states."""
    host, alias, peer = inet_ntop6(s.host6), inet_ntoa(s.alias), inet_ntoa(s.daddr)
    name = NAMES.get(s.proto, str(s.proto))
    if s.proto not in (TCP, UDP):
        return f"{host}\t{alias}\t{name}\t\t{s.idle}\t{peer}\n"
    flags = "".join(letter for bit, letter in ((2, "S"), (4, "E"), (1, "F")) if s.flags & bit) if s.proto == TCP else ""
    return f"{host}:{s.sport}\t{alias}:{s.aport}\t{name}\t{flags}\t{s.idle}\t{peer}:{s.dport}\n"


def handler(o: Options, av: list[str]) -> None:
    """nat64lsn ..."""
    Nat64Lsn(o, av).run()
