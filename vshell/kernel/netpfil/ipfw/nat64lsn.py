"""The nat64lsn action: IPv6 hosts share IPv4 addresses (nat64/nat64lsn.c, nat64lsn_control.c; RFC 6146).

Each inside host is given one of the addresses in turn.  Ports come in groups of 64, which are made as they are needed; hosts
and groups are made by a job a moment after the packet that needs them, which waits for it.  States, groups and hosts that
nobody uses go in two passes of a timer that runs every four seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw_nat64 import (
    NAT64_ALLOW_PRIVATE,
    NAT64_LOG,
    NAT64LSN_ALLOW_SWAPCONF,
    NAT64LSN_HOST_AGE,
    NAT64LSN_ICMP_AGE,
    NAT64LSN_JMAXLEN,
    NAT64LSN_PG_AGE,
    NAT64LSN_TCP_EST_AGE,
    NAT64LSN_TCP_FIN_AGE,
    NAT64LSN_TCP_SYN_AGE,
    NAT64LSN_UDP_AGE,
    Nat64LsnConfig,
    Nat64LsnState,
)
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.kern.clock import MS, NS
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN, KernelModule
from vshell.kernel.netinet.ip_reass import ip_reass
from vshell.kernel.netpfil.ipfw.ip_fw_action import DENY
from vshell.kernel.netpfil.ipfw.ip_fw_eaction_instance import EactionModule
from vshell.kernel.netpfil.ipfw.nat64_translate import (
    ECHO,
    ECHO6,
    ECHOREPLY,
    LENGTHS,
    PF_IN,
    REPLY6,
    TIMXCEED,
    UNREACH,
    Log,
    Nat64Instance,
    check_prefix6,
    do_handle_ip4,
    do_handle_ip6,
    embed_ip4,
    extract_ip4,
    last_header,
)

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

FLAGS = NAT64_LOG | NAT64_ALLOW_PRIVATE | NAT64LSN_ALLOW_SWAPCONF
MIN_PORT, PG_PORTS, PG_COUNT, CHUNK_PGS, TRY_PGCNT = 1024, 64, 1008, 32, 36
PERIODIC_DELAY, JOB_DELAY = 4 * NS, 10 * MS
FIN, SYN, ESTAB = 1, 2, 4
PROTOS = (IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP)
"""In the order states are listed."""


class Nat64LsnGlobal(KernelModule):
    """What all instances of a machine share: whose turn it is among the addresses."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.turn = 0


class State:
    """struct nat64lsn_state: ports are numbers, the addresses octets."""

    __slots__ = (
        "alias", "aport", "daddr", "dport", "flags", "host", "ip6_dst", "key", "proto", "ready", "sport", "stale", "timestamp",
    )  # fmt: skip

    def __init__(self, host: Host, key: tuple[int, bytes, int, int], ip6_dst: bytes, alias: bytes, aport: int) -> None:
        self.host, self.key, self.ip6_dst, self.alias, self.aport = host, key, ip6_dst, alias, aport
        self.proto, self.daddr, self.sport, self.dport = key
        self.flags = self.timestamp = 0
        self.ready, self.stale = True, False


class Portgroup:
    """struct nat64lsn_pg: 64 ports, each usable once for each chunk of destinations."""

    __slots__ = ("base_port", "chunks", "dead", "index", "proto", "timestamp")

    def __init__(self, index: int, proto: int, chunks: int, now: int) -> None:
        self.index, self.proto, self.timestamp = index, proto, now
        self.base_port = MIN_PORT + PG_PORTS * index
        self.dead = False
        self.chunks: list[dict[int, State]] = [{} for _ in range(chunks)]

    def chunk(self, daddr: bytes) -> dict[int, State]:
        """The states towards a destination, by port within the group."""
        return self.chunks[daddr[3] & (len(self.chunks) - 1)]


class Pool:
    """The groups of an address for one protocol."""

    __slots__ = ("chunks", "count", "last", "pgs")

    def __init__(self) -> None:
        self.pgs: dict[int, Portgroup] = {}
        self.chunks: set[int] = set()
        self.last = self.count = 0

    def usable(self, daddr: bytes) -> Portgroup | None:
        """nat64lsn_get_pg: the group used last, or one not far behind it, with a free port."""
        index = old = self.last
        for tried in range(TRY_PGCNT):
            if index // CHUNK_PGS not in self.chunks:
                index = 0
                if tried:
                    break
            pg = self.pgs.get(index)
            if pg is not None and not pg.dead and len(pg.chunk(daddr)) < PG_PORTS:
                if tried:
                    self.last = index
                return pg
            index += 1
        if old != index:
            self.last = index
        return None


class Alias:
    """struct nat64lsn_alias: one IPv4 address."""

    def __init__(self, addr: bytes) -> None:
        self.addr = addr
        self.pools = {proto: Pool() for proto in PROTOS}
        self.portgroups: list[Portgroup] = []
        """The youngest first."""


class Host:
    """struct nat64lsn_host: an inside host."""

    __slots__ = ("addr", "alias", "dead", "states", "timestamp")

    def __init__(self, addr: bytes, alias: Alias, now: int) -> None:
        self.addr, self.alias, self.timestamp = addr, alias, now
        self.dead = False
        self.states: dict[tuple[int, bytes, int, int], State] = {}


class Job:
    """A packet that waits for a host or a group of ports (struct nat64lsn_job_item)."""

    __slots__ = ("dst", "flags", "host", "key", "m", "src")

    def __init__(self, a: FwArgs, key: tuple[int, bytes, int, int], flags: int, host: Host | None) -> None:
        self.m, self.src, self.dst = a.m.copy(), a.src, a.dst
        self.key, self.flags, self.host = key, flags, host


def tcp_flags(flags: int) -> int:
    """convert_tcp_flags: a reset counts as FIN, an acknowledgement as established."""
    return flags & (FIN | SYN) | (flags & 4) >> 2 | (flags & 16) >> 2


class Nat64LsnInstance(Nat64Instance):
    """struct nat64lsn_cfg."""

    def __init__(self, vnet: Vnet, c: Nat64LsnConfig) -> None:
        super().__init__(vnet, "nat64lsn", c.name, c.set, (c.prefix6, c.plen6), c.flags & FLAGS)
        self.c = c
        self.shared: Nat64LsnGlobal = vnet.kernel[Nat64LsnGlobal]
        self.first = int.from_bytes(c.prefix4, "big")
        self.naddr = 1 << 32 - c.plen4
        self.aliases: dict[int, Alias] = {}
        self.hosts: dict[bytes, Host] = {}
        self.jobs: list[Job] = []
        self.jcallout = vnet.kernel.clock.callout()
        self.timer = vnet.kernel.clock.after(PERIODIC_DELAY, self.periodic)

    def now(self) -> int:
        """time_uptime."""
        return self.vnet.kernel.clock.now // NS

    def alias_of(self, number: int) -> Alias:
        """The address of that place in the prefix."""
        number %= self.naddr
        if number not in self.aliases:
            self.aliases[number] = Alias((self.first + number).to_bytes(4, "big"))
        return self.aliases[number]

    # states ----------------------------------------------------------------------------------------------------
    def state6to4(self, host: Host, key: tuple[int, bytes, int, int], ip6_dst: bytes, flags: int) -> State | None:
        """nat64lsn_get_state6to4: the state of a connection, or a new one in a group that has a free port."""
        state = host.states.get(key)
        if state is not None:
            return state
        proto, daddr = key[:2]
        pg = host.alias.pools[proto].usable(daddr)
        if pg is None:
            return None
        chunk = pg.chunk(daddr)
        offset = next(i for i in range(PG_PORTS) if i not in chunk)
        state = chunk[offset] = State(host, key, ip6_dst, host.alias.addr, pg.base_port + offset)
        state.flags = flags
        state.timestamp = host.timestamp = self.now()
        host.states[key] = state
        self.stats["screated"] += 1
        return state

    def state4to6(self, alias: Alias, daddr: bytes, port: int, proto: int) -> State | None:
        """nat64lsn_get_state4to6: whose port it is."""
        if port < MIN_PORT:
            return None
        index, offset = divmod(port - MIN_PORT, PG_PORTS)
        pg = alias.pools[proto].pgs.get(index)
        state = pg.chunk(daddr).get(offset) if pg is not None else None
        return state if state is not None and state.ready else None

    def alloc_pg(self, job: Job) -> State | None:
        """nat64lsn_alloc_pg: another group of ports for the host's address, and a state in it."""
        assert job.host is not None
        alias, proto = job.host.alias, job.key[0]
        pool = alias.pools[proto]
        index = next((i for i in range(PG_COUNT) if i not in pool.pgs), None)
        if index is None:
            self.vnet.kernel.printf("NAT64LSN: nat64lsn_alloc_pg: failed to obtain PG\n")
            return None
        pool.chunks.add(index // CHUNK_PGS)
        pg = pool.pgs[index] = Portgroup(index, proto, self.c.states_chunks, self.now())
        pool.last = index
        pool.count += 1
        alias.portgroups.insert(0, pg)
        self.stats["spgcreated"] += 1
        return self.state6to4(job.host, job.key, job.dst, job.flags)

    def alloc_host(self, job: Job) -> State | None:
        """nat64lsn_alloc_host: a host, with the address whose turn it is, and its first state."""
        host = self.hosts.get(job.src)
        if host is None:
            alias = self.alias_of(self.shared.turn)
            self.shared.turn = self.shared.turn + 1 & 0xFFFFFFFF
            host = self.hosts[job.src] = Host(job.src, alias, self.now())
        job.host = host
        return self.state6to4(host, job.key, job.dst, job.flags) or self.alloc_pg(job)

    # jobs ------------------------------------------------------------------------------------------------------
    def request(self, job: Job) -> None:
        """nat64lsn_request_host, nat64lsn_request_pg: the packet waits."""
        if len(self.jobs) >= self.c.jmaxlen:
            self.stats["jmaxlen"] += 1
            self.stats["dropped"] += 1
            return
        self.jobs.append(job)
        self.stats["jrequests"] += 1
        self.stats["jportreq" if job.host is not None else "jhostsreq"] += 1
        if not self.jcallout.pending:
            self.jcallout.reset(JOB_DELAY, self.do_request)

    def do_request(self) -> None:
        """nat64lsn_do_request."""
        jobs, self.jobs = self.jobs, []
        self.stats["jcalls"] += 1
        for job in jobs:
            if job.host is None:
                state, failed = self.alloc_host(job), "jhostfails"
            else:
                state, failed = self.alloc_pg(job), "jportfails"
            if state is None:
                self.stats[failed] += 1
                continue
            self.translate6(job.m, state, job.flags)
            self.stats["jreinjected"] += 1

    def translate6(self, m: Mbuf, state: State, flags: int) -> None:
        """nat64lsn_translate6_internal; flags a state has none of are not remembered, as in the original."""
        state.timestamp = self.now()
        if state.flags & flags:
            state.flags |= flags
        do_handle_ip6(self, m, state.alias, state.aport, self.log(m, AF_INET6, state))

    def log(self, m: Mbuf, family: int, state: State) -> Log | None:
        """nat64lsn_log: show the packet as it came."""
        what = state.aport << 16 | state.proto << 8 | state.daddr[3]
        tap = self.tap("NAT64LSN", int.from_bytes(state.alias, "big"), what)
        if tap is not None:
            tap(family, PF_IN, m)
        return tap

    # time ------------------------------------------------------------------------------------------------------
    def periodic(self) -> None:
        """nat64lsn_periodic."""
        if self.hosts:
            self._expire_hosts()
            for alias in self.aliases.values():
                self._expire_portgroups(alias)
        self.timer.reset(PERIODIC_DELAY, self.periodic)

    def _expire_hosts(self) -> None:
        now = self.now()
        for host in list(self.hosts.values()):
            alive = host.states or now - host.timestamp < self.c.nh_delete_delay
            if alive:
                host.dead = False
            elif host.dead:
                del self.hosts[host.addr]
            else:
                host.dead = True

    def _expire_portgroups(self, alias: Alias) -> None:
        for pg in list(alias.portgroups):
            if not self._maintain(pg) or pg.base_port == MIN_PORT:
                continue
            pool = alias.pools[pg.proto]
            if pg.dead:
                alias.portgroups.remove(pg)
                pool.count -= 1
                self.stats["spgdeleted"] += 1
                continue
            pool.pgs.pop(pg.index, None)
            pg.dead = True
            if pool.last == pg.index:
                pool.last = 0

    def _maintain(self, pg: Portgroup) -> bool:
        """nat64lsn_maintain_pg: forget old states; True if the group itself is old."""
        now = self.now()
        for chunk in pg.chunks:
            for offset, state in list(chunk.items()):
                if state.stale:
                    del chunk[offset]
                    self.stats["sdeleted"] += 1
                elif now - state.timestamp > self._life(state):
                    state.host.states.pop(state.key, None)
                    state.ready, state.stale = False, True
                else:
                    pg.timestamp = now
        return now - pg.timestamp >= self.c.pg_delete_delay

    def _life(self, state: State) -> int:
        """nat64lsn_check_state: how long it may be idle."""
        c = self.c
        if state.proto == IPPROTO_UDP:
            return c.st_udp_ttl
        if state.proto == IPPROTO_ICMP:
            return c.st_icmp_ttl
        if state.flags & FIN:
            return c.st_close_ttl
        return c.st_estab_ttl if state.flags & ESTAB else c.st_syn_ttl


def _defaults(c: Nat64LsnConfig) -> Nat64LsnConfig:
    """nat64lsn_default_config: 0 stands for the default, and there are limits."""
    chunks = c.states_chunks
    if chunks >= 128:
        chunks = 128
    elif chunks & chunks - 1:
        chunks = min(1 << chunks.bit_length(), 128)
    return replace(
        c,
        jmaxlen=min(c.jmaxlen or NAT64LSN_JMAXLEN, 65536),
        nh_delete_delay=c.nh_delete_delay or NAT64LSN_HOST_AGE,
        pg_delete_delay=c.pg_delete_delay or NAT64LSN_PG_AGE,
        st_syn_ttl=c.st_syn_ttl or NAT64LSN_TCP_SYN_AGE,
        st_close_ttl=c.st_close_ttl or NAT64LSN_TCP_FIN_AGE,
        st_estab_ttl=c.st_estab_ttl or NAT64LSN_TCP_EST_AGE,
        st_udp_ttl=c.st_udp_ttl or NAT64LSN_UDP_AGE,
        st_icmp_ttl=c.st_icmp_ttl or NAT64LSN_ICMP_AGE,
        states_chunks=chunks or 1,
    )


class Nat64Lsn(EactionModule, sub=SI_SUB_PROTO_IFATTACHDOMAIN, order=SI_ORDER_ANY):
    """The instances of a stack."""

    kind = "nat64lsn"

    def make(self, config: Any) -> Nat64LsnInstance:
        """nat64lsn_create."""
        if not isinstance(config, Nat64LsnConfig) or config.plen4 > 32:
            raise KError(EINVAL)
        fit = check_prefix6(config.prefix6, config.plen6)
        if not fit and config.prefix6 == bytes(16) and config.plen6 not in LENGTHS:
            raise KError(EINVAL)
        if int.from_bytes(config.prefix4, "big") & (1 << 32 - config.plen4) - 1:
            raise KError(EINVAL)
        return Nat64LsnInstance(self.vnet, _defaults(config))

    def free(self, instance: Nat64LsnInstance) -> None:
        """nat64lsn_destroy_config."""
        instance.timer.stop()
        instance.jcallout.stop()

    def export(self, instance: Nat64LsnInstance) -> Nat64LsnConfig:
        """nat64lsn_export_config."""
        return replace(instance.c, name=instance.name, set=instance.set, flags=instance.flags)

    def configure(self, instance: Nat64LsnInstance, config: Any) -> None:
        """All but the prefixes; chunks of groups that are there stay as they are."""
        c = instance.c
        instance.c = replace(
            _defaults(config), name=c.name, set=c.set, prefix4=c.prefix4, plen4=c.plen4, prefix6=c.prefix6, plen6=c.plen6
        )
        instance.flags = config.flags & FLAGS

    def swapped(self, one: Nat64LsnInstance, two: Nat64LsnInstance) -> None:
        """nat64lsn_swap_sets_cb: what was learned stays where it is, if both allow that and are for the same prefixes."""
        same = all(getattr(one.c, n) == getattr(two.c, n) for n in ("prefix4", "plen4", "prefix6", "plen6"))
        if same and one.flags & two.flags & NAT64LSN_ALLOW_SWAPCONF:
            for name in ("c", "flags", "stats", "aliases", "hosts", "jobs"):
                mine, others = getattr(one, name), getattr(two, name)
                setattr(one, name, others)
                setattr(two, name, mine)

    def stats(self, instance: Nat64LsnInstance) -> dict[str, int]:
        """export_stats: counters, and how many there are of hosts and groups."""
        counts = {proto: sum(a.pools[proto].count for a in instance.aliases.values()) for proto in PROTOS}
        return {
            **instance.stats,
            "hostcount": len(instance.hosts),
            "tcpchunks": counts[IPPROTO_TCP],
            "udpchunks": counts[IPPROTO_UDP],
            "icmpchunks": counts[IPPROTO_ICMP],
        }

    def states(self, instance: Nat64LsnInstance) -> tuple[Nat64LsnState, ...]:
        """nat64lsn_states: by address, protocol, group, chunk and port."""
        out = []
        now = instance.now()
        for _, alias in sorted(instance.aliases.items()):
            for proto in PROTOS:
                for _, pg in sorted(alias.pools[proto].pgs.items()):
                    for chunk in pg.chunks:
                        for _, s in sorted(chunk.items()):
                            idle = now - s.timestamp & 0xFFFF
                            out.append(
                                Nat64LsnState(
                                    s.host.addr, s.alias, s.daddr, s.dport, s.aport, s.sport, idle, s.flags & 7, s.proto
                                )
                            )
        return tuple(out)

    # packets ---------------------------------------------------------------------------------------------------
    def handle(self, f: IpFw, a: FwArgs, instance: Nat64LsnInstance) -> int:
        """ipfw_nat64lsn: it ends here, translated or not."""
        if a.v4:
            self._translate4(instance, a)
        elif a.v6:
            size = instance.plat_plen // 8
            if instance.plat_prefix == bytes(16) or a.dst[:size] == instance.plat_prefix[:size]:
                self._translate6(instance, a)
        return DENY

    def _translate4(self, cfg: Nat64LsnInstance, a: FwArgs) -> None:
        """nat64lsn_translate4."""
        place = int.from_bytes(a.dst, "big") - cfg.first
        if not 0 <= place < cfg.naddr:
            cfg.stats["nomatch4"] += 1
            return
        m, proto, port = a.m, a.proto, a.dport
        frag = m.data[m.off + 6] & 0x3F or m.data[m.off + 7]
        if frag:
            whole = ip_reass(self.vnet, m)
            if whole is None:
                return
            m = whole
            if proto not in PROTOS:
                cfg.stats["noproto"] += 1
                return
        packet = m.data[m.off :]
        hlen = (packet[0] & 15) << 2
        if frag and proto in (IPPROTO_TCP, IPPROTO_UDP):
            port = packet[hlen + 2] << 8 | packet[hlen + 3]
        what: tuple[int, int, int] | None = (proto, place, port)
        if proto == IPPROTO_ICMP:
            what = _inspect_icmp(packet, hlen, place, cfg.first)
        if what is None or proto not in PROTOS:
            cfg.stats["noproto"] += 1
            return
        found, place, port = what
        state = None
        if 0 <= place < cfg.naddr:
            state = cfg.state4to6(cfg.alias_of(place), a.src, port, found)
        if state is None:
            cfg.stats["nomatch4"] += 1
            return
        flags = tcp_flags(packet[hlen + 13]) if proto == IPPROTO_TCP else 0
        state.timestamp = cfg.now()
        state.flags |= flags
        src6 = embed_ip4(state.ip6_dst, cfg.plat_plen, a.src)
        do_handle_ip4(cfg, m, src6, state.host.addr, state.sport, cfg.log(m, AF_INET, state))

    def _translate6(self, cfg: Nat64LsnInstance, a: FwArgs) -> None:
        """nat64lsn_translate6."""
        port, proto = a.sport, a.proto
        if proto == IPPROTO_ICMPV6:
            kind, at = last_header(a.m.data, a.m.off)
            if kind < 0:
                cfg.stats["dropped"] += 1
                return
            if kind == IPPROTO_ICMPV6 and a.m.data[at] in (ECHO6, REPLY6):
                port = a.m.data[at + 4] << 8 | a.m.data[at + 5]
            proto = IPPROTO_ICMP
        elif proto not in (IPPROTO_TCP, IPPROTO_UDP):
            cfg.stats["noproto"] += 1
            return
        daddr = extract_ip4(a.dst, cfg.plat_plen)
        if daddr is None or cfg.private(daddr):
            cfg.stats["dropped"] += 1
            return
        key = (proto, daddr, port, a.dport)
        flags = tcp_flags(a.tcpflags) if proto == IPPROTO_TCP and a.ulp >= 0 else 0
        host = cfg.hosts.get(a.src)
        state = cfg.state6to4(host, key, a.dst, flags) if host is not None else None
        if state is None:
            cfg.request(Job(a, key, flags, host))
        else:
            cfg.translate6(a.m, state, flags)


def _inspect_icmp(packet: bytearray, hlen: int, place: int, first: int) -> tuple[int, int, int] | None:
    """inspect_icmp_mbuf: protocol, place of the address and port the message is for or about."""
    if len(packet) < hlen + 8:
        return None
    if packet[hlen] in (ECHO, ECHOREPLY):
        return IPPROTO_ICMP, place, packet[hlen + 4] << 8 | packet[hlen + 5]
    inner = hlen + 8
    if packet[hlen] not in (UNREACH, TIMXCEED) or len(packet) < inner + 28:
        return None
    place = int.from_bytes(packet[inner + 12 : inner + 16], "big") - first
    up = inner + ((packet[inner] & 15) << 2)
    proto = packet[inner + 9]
    if len(packet) < up + 8:
        return None
    if proto in (IPPROTO_TCP, IPPROTO_UDP):
        return proto, place, packet[up] << 8 | packet[up + 1]
    if proto == IPPROTO_ICMP and packet[up] == ECHO:
        return IPPROTO_ICMP, place, packet[up + 4] << 8 | packet[up + 5]
    return None
