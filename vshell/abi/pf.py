"""pf(4) as programs see it: rules, tables, states, and the requests of /dev/pf (net/pfvar.h, netpfil/pf/pf.h)."""

from __future__ import annotations

from vshell.abi.record import Record

Octets = bytes
"""The type, where a record has a field called `bytes`."""
Rows = list

PF_INOUT, PF_IN, PF_OUT = 0, 1, 2
(
    PF_PASS, PF_DROP, PF_SCRUB, PF_NOSCRUB, PF_NAT, PF_NONAT, PF_BINAT, PF_NOBINAT, PF_RDR, PF_NORDR, PF_SYNPROXY_DROP,
    PF_DEFER, PF_MATCH, PF_AFRT, PF_RT,
) = range(15)  # fmt: skip
(
    PF_RULESET_SCRUB, PF_RULESET_FILTER, PF_RULESET_NAT, PF_RULESET_BINAT, PF_RULESET_RDR, PF_RULESET_ALTQ, PF_RULESET_TABLE,
    PF_RULESET_ETH,
) = range(8)  # fmt: skip
RULESETS = 5
"""How many kinds of rules an anchor holds: scrub, filter, nat, binat, rdr."""
(
    PF_OP_NONE, PF_OP_IRG, PF_OP_EQ, PF_OP_NE, PF_OP_LT, PF_OP_LE, PF_OP_GT, PF_OP_GE, PF_OP_XRG, PF_OP_RRG,
) = range(10)  # fmt: skip
PF_DEBUG_NONE, PF_DEBUG_URGENT, PF_DEBUG_MISC, PF_DEBUG_NOISY = range(4)
PF_STATE_NORMAL, PF_STATE_MODULATE, PF_STATE_SYNPROXY = 1, 2, 3
(
    PFTM_TCP_FIRST_PACKET, PFTM_TCP_OPENING, PFTM_TCP_ESTABLISHED, PFTM_TCP_CLOSING, PFTM_TCP_FIN_WAIT, PFTM_TCP_CLOSED,
    PFTM_UDP_FIRST_PACKET, PFTM_UDP_SINGLE, PFTM_UDP_MULTIPLE, PFTM_ICMP_FIRST_PACKET, PFTM_ICMP_ERROR_REPLY,
    PFTM_OTHER_FIRST_PACKET, PFTM_OTHER_SINGLE, PFTM_OTHER_MULTIPLE, PFTM_FRAG, PFTM_INTERVAL, PFTM_ADAPTIVE_START,
    PFTM_ADAPTIVE_END, PFTM_SRC_NODE, PFTM_TS_DIFF, PFTM_SCTP_FIRST_PACKET, PFTM_SCTP_OPENING, PFTM_SCTP_ESTABLISHED,
    PFTM_SCTP_CLOSING, PFTM_SCTP_CLOSED, PFTM_MAX, PFTM_PURGE, PFTM_UNLINKED,
) = range(28)  # fmt: skip
PFTM_DEFAULTS = (
    120, 30, 86400, 900, 45, 90, 60, 30, 60, 20, 10, 60, 30, 60, 60, 10, 60000, 120000, 0, 30, 120, 30, 86400, 900, 90,
)  # fmt: skip
PF_NOPFROUTE, PF_FASTROUTE, PF_ROUTETO, PF_DUPTO, PF_REPLYTO = range(5)
(
    PF_LIMIT_STATES, PF_LIMIT_SRC_NODES, PF_LIMIT_FRAGS, PF_LIMIT_TABLE_ENTRIES, PF_LIMIT_ANCHORS, PF_LIMIT_ETH_ANCHORS,
    PF_LIMIT_MAX,
) = range(7)  # fmt: skip
PF_LIMIT_DEFAULTS = (100000, 10000, 5000, 200000, 512, 512)
PF_POOL_NONE, PF_POOL_BITMASK, PF_POOL_RANDOM, PF_POOL_SRCHASH, PF_POOL_ROUNDROBIN = range(5)
PF_POOL_TYPEMASK, PF_POOL_STICKYADDR, PF_POOL_ENDPI, PF_POOL_IPV6NH = 0x0F, 0x20, 0x40, 0x80
(
    PF_ADDR_ADDRMASK, PF_ADDR_NOROUTE, PF_ADDR_DYNIFTL, PF_ADDR_TABLE, PF_ADDR_URPFFAILED, PF_ADDR_RANGE, PF_ADDR_NONE,
) = range(7)  # fmt: skip
PFI_AFLAG_NETWORK, PFI_AFLAG_BROADCAST, PFI_AFLAG_PEER, PFI_AFLAG_MODEMASK, PFI_AFLAG_NOALIAS = 1, 2, 4, 7, 8
PF_LOG, PF_LOG_ALL, PF_LOG_USER, PF_LOG_FORCE, PF_LOG_MATCHES = 1, 2, 4, 8, 16
PF_FLUSH, PF_FLUSH_GLOBAL = 1, 2
PF_PRIO_MAX, PF_PRIO_ZERO = 7, 0xFF
PF_NAT_PROXY_PORT_LOW, PF_NAT_PROXY_PORT_HIGH = 50001, 65535
PF_OSFP_ANY, PF_OSFP_UNKNOWN, PF_OSFP_NOMATCH = 0, -1, -2
PF_WSCALE_FLAG, PF_WSCALE_MASK = 0x80, 0x0F
PF_RESERVED_ANCHOR = "_pf"
PF_ANCHOR_NAME_SIZE, PF_TABLE_NAME_SIZE, PF_TAG_NAME_SIZE, PF_QNAME_SIZE = 64, 32, 64, 64
PF_RULE_LABEL_SIZE, PF_RULE_MAX_LABEL_COUNT = 64, 5
PF_REASS_ENABLED, PF_REASS_NODF = 1, 2
PF_SYNCOOKIES_NEVER, PF_SYNCOOKIES_ALWAYS, PF_SYNCOOKIES_ADAPTIVE = range(3)
PF_SYNCOOKIES_HIWATPCT, PF_SYNCOOKIES_LOWATPCT = 25, 12
PF_THRESHOLD_MAX = 0xFFFFFFFF // 1000
PF_SN_LIMIT, PF_SN_NAT, PF_SN_ROUTE = range(3)

PFRULE_DROP, PFRULE_RETURNRST, PFRULE_FRAGMENT, PFRULE_RETURNICMP, PFRULE_RETURN = 0, 1, 2, 4, 8
PFRULE_NOSYNC, PFRULE_SRCTRACK, PFRULE_RULESRCTRACK = 0x10, 0x20, 0x40
PFRULE_NODF, PFRULE_FRAGMENT_NOREASS, PFRULE_RANDOMID, PFRULE_REASSEMBLE_TCP, PFRULE_SET_TOS = 0x100, 0x200, 0x800, 0x1000, 0x2000
PFRULE_IFBOUND, PFRULE_STATESLOPPY, PFRULE_PFLOW = 0x10000, 0x20000, 0x40000
PFRULE_ALLOW_RELATED, PFRULE_AFTO = 0x80000, 0x200000
PFRULE_DN_IS_PIPE, PFRULE_DN_IS_QUEUE = 0x40, 0x80

PFSTATE_ALLOWOPTS, PFSTATE_SLOPPY, PFSTATE_PFLOW, PFSTATE_NOSYNC, PFSTATE_ACK = 1, 2, 4, 8, 16
PFSTATE_NODF, PFSTATE_SETTOS, PFSTATE_RANDOMID, PFSTATE_SCRUB_TCP, PFSTATE_SETPRIO = 0x20, 0x40, 0x80, 0x100, 0x200
PFSTATE_DN_IS_PIPE, PFSTATE_DN_IS_QUEUE = 0x10000, 0x20000
PFSTATE_SCRUBMASK = PFSTATE_NODF | PFSTATE_RANDOMID | PFSTATE_SCRUB_TCP
PFSTATE_SETMASK = PFSTATE_SETTOS | PFSTATE_SETPRIO
PFSTATE_SRC_NODE_LIMIT, PFSTATE_SRC_NODE_NAT, PFSTATE_SRC_NODE_ROUTE, PFSTATE_SRC_NODE_LIMIT_GLOBAL = 1, 2, 4, 16

PFR_TFLAG_PERSIST, PFR_TFLAG_CONST, PFR_TFLAG_ACTIVE, PFR_TFLAG_INACTIVE = 1, 2, 4, 8
PFR_TFLAG_REFERENCED, PFR_TFLAG_REFDANCHOR, PFR_TFLAG_COUNTERS = 0x10, 0x20, 0x40
PFR_FLAG_DUMMY, PFR_FLAG_FEEDBACK, PFR_FLAG_ADDRSTOO, PFR_FLAG_REPLACE, PFR_FLAG_ALLRSETS = 2, 4, 0x10, 0x20, 0x40
(
    PFR_FB_NONE, PFR_FB_MATCH, PFR_FB_ADDED, PFR_FB_DELETED, PFR_FB_CHANGED, PFR_FB_CLEARED, PFR_FB_DUPLICATE, PFR_FB_NOTMATCH,
    PFR_FB_CONFLICT, PFR_FB_NOCOUNT,
) = range(10)  # fmt: skip
PFI_IFLAG_SKIP = 0x100

PFRES_NAMES = (
    "match", "bad-offset", "fragment", "short", "normalize", "memory", "bad-timestamp", "congestion", "ip-option",
    "proto-cksum", "state-mismatch", "state-insert", "state-limit", "src-limit", "synproxy", "map-failed", "translate",
)  # fmt: skip
LCNT_NAMES = (
    "max states per rule", "max-src-states", "max-src-nodes", "max-src-conn", "max-src-conn-rate", "overload table insertion",
    "overload flush states", "synfloods detected", "syncookies sent", "syncookies validated",
)  # fmt: skip
FCNT_NAMES = ("searches", "inserts", "removals")

ZERO = bytes(16)


Address = bytes
"""An address, 4 or 16 bytes: a name for the type where a field is called bytes."""


class PfAddr(Record):
    """struct pf_addr_wrap.  Addresses and masks have 16 octets, of which IPv4 uses the first four."""

    type: int = PF_ADDR_ADDRMASK
    addr: bytes = ZERO
    mask: bytes = ZERO
    """The mask, or the end of a range."""
    name: str = ""
    """Of an interface or a table."""
    iflags: int = 0
    count: int = 0
    """Told by the kernel: addresses of the interface or the table, -1 for a table that does not exist."""


class PfRuleAddr(Record):
    """struct pf_rule_addr."""

    addr: PfAddr = PfAddr()
    port: tuple[int, int] = (0, 0)
    neg: bool = False
    port_op: int = PF_OP_NONE


class PfPoolAddr(Record):
    """struct pf_pooladdr."""

    addr: PfAddr
    ifname: str = ""
    af: int = 0


class PfPool(Record):
    """struct pf_pool."""

    list: tuple[PfPoolAddr, ...] = ()
    key: tuple[int, int, int, int] = (0, 0, 0, 0)
    proxy_port: tuple[int, int] = (0, 0)
    mape: tuple[int, int, int] = (0, 0, 0)
    """Offset, length and number of a MAP-E port set."""
    opts: int = 0


class PfRule(Record):
    """struct pf_rule: what a rule says."""

    src: PfRuleAddr = PfRuleAddr()
    dst: PfRuleAddr = PfRuleAddr()
    label: tuple[str, ...] = ()
    ridentifier: int = 0
    ifname: str = ""
    rcv_ifname: str = ""
    qname: str = ""
    pqname: str = ""
    tagname: str = ""
    match_tagname: str = ""
    overload_tblname: str = ""
    rdr: PfPool = PfPool()
    nat: PfPool = PfPool()
    route: PfPool = PfPool()
    os_fingerprint: str = ""
    """The name asked for, "" for any."""
    rtableid: int = -1
    timeout: tuple[int, ...] = (0,) * PFTM_MAX
    max_states: int = 0
    max_src_nodes: int = 0
    max_src_states: int = 0
    max_src_conn: int = 0
    max_src_conn_rate: tuple[int, int] = (0, 0)
    max_pkt_size: int = 0
    pktrate: tuple[int, int] = (0, 0)
    prob: int = 0
    return_icmp: int = 0
    return_icmp6: int = 0
    max_mss: int = 0
    dnpipe: int = 0
    dnrpipe: int = 0
    free_flags: int = 0
    nr: int = 0
    uid: tuple[int, int, int] = (0, 0, 0)
    """First, second, operator."""
    gid: tuple[int, int, int] = (0, 0, 0)
    rule_flag: int = 0
    action: int = PF_PASS
    direction: int = PF_INOUT
    log: int = 0
    logif: int = 0
    quick: int = 0
    ifnot: bool = False
    rcvifnot: bool = False
    match_tag_not: bool = False
    natpass: int = 0
    keep_state: int = 0
    af: int = 0
    naf: int = 0
    proto: int = 0
    type: int = 0
    """ICMP type + 1, 0 for any; `code` likewise."""
    code: int = 0
    flags: int = 0
    flagset: int = 0
    min_ttl: int = 0
    allow_opts: int = 0
    rt: int = 0
    return_ttl: int = 0
    tos: int = 0
    set_tos: int = 0
    flush: int = 0
    prio: int = 0
    set_prio: tuple[int, int] = (0, 0)
    divert_port: int = 0
    scrub_flags: int = 0


class PfCounters(Record):
    """What the kernel counts for a rule.  Pairs are [in, out]."""

    evaluations: int = 0
    packets: tuple[int, int] = (0, 0)
    bytes: tuple[int, int] = (0, 0)
    states_cur: int = 0
    states_tot: int = 0
    src_nodes: int = 0
    src_nodes_type: tuple[int, int, int] = (0, 0, 0)
    cuid: int = 0
    cpid: int = 0
    last_active: int = 0
    """Seconds since the epoch, 0 for never."""
    skip: tuple[int, ...] = (-1,) * 8
    """Number of the rule the skip steps lead to, -1 for the end."""


class PfRuleInfo(Record):
    """A rule as it is in force."""

    rule: PfRule
    anchor_call: str
    wildcard: bool
    counters: PfCounters


class PfEthAddr(Record):
    """struct pfctl_eth_addr."""

    addr: bytes = bytes(6)
    mask: bytes = bytes(6)
    neg: bool = False
    isset: bool = False


class PfEthRule(Record):
    """struct pfctl_eth_rule."""

    action: int = PF_PASS
    direction: int = PF_INOUT
    quick: int = 0
    ifname: str = ""
    ifnot: bool = False
    bridge_to: str = ""
    proto: int = 0
    src: PfEthAddr = PfEthAddr()
    dst: PfEthAddr = PfEthAddr()
    ipsrc: PfRuleAddr = PfRuleAddr()
    ipdst: PfRuleAddr = PfRuleAddr()
    label: tuple[str, ...] = ()
    ridentifier: int = 0
    qname: str = ""
    tagname: str = ""
    match_tagname: str = ""
    match_tag_not: bool = False
    dnpipe: int = 0
    dnflags: int = 0
    nr: int = 0


class PfEthRuleInfo(Record):
    """An Ethernet rule in force."""

    rule: PfEthRule
    anchor_call: str
    wildcard: bool
    evaluations: int
    packets: int
    bytes: int
    last_active: int


class PfrTable(Record):
    """struct pfr_table."""

    name: str = ""
    anchor: str = ""
    flags: int = 0


class PfrAddr(Record):
    """struct pfr_addr; `fback` is PFR_FB_*."""

    af: int
    addr: bytes
    """4 octets or 16."""
    net: int
    neg: bool = False
    fback: int = PFR_FB_NONE


class PfrAstats(Record):
    """struct pfr_astats.  Rows are in and out; columns block and pass."""

    a: PfrAddr
    packets: tuple[tuple[int, int], tuple[int, int]]
    bytes: tuple[tuple[int, int], tuple[int, int]]
    tzero: int


class PfrTstats(Record):
    """struct pfr_tstats.  Rows are in and out; columns block, pass and xpass."""

    t: PfrTable
    packets: tuple[tuple[int, ...], tuple[int, ...]]
    bytes: tuple[tuple[int, ...], tuple[int, ...]]
    match: int
    nomatch: int
    tzero: int
    cnt: int
    refcnt: tuple[int, int]
    """Rules, anchors."""


class PfiKif(Record):
    """struct pfi_kif.  Counters are [family][direction][pass, block]."""

    name: str
    flags: int
    group: bool
    tzero: int
    rulerefs: int
    packets: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    bytes: tuple[tuple[tuple[int, int], tuple[int, int]], ...]


class PfStatus(Record):
    """struct pfctl_status."""

    running: bool = False
    since: int = 0
    """Seconds since the epoch at which it was started or stopped, 0 for never."""
    debug: int = 0
    hostid: int = 0
    states: int = 0
    src_nodes: int = 0
    counters: tuple[int, ...] = ()
    lcounters: tuple[int, ...] = ()
    fcounters: tuple[int, ...] = ()
    scounters: tuple[int, ...] = ()
    ifname: str = ""
    pcounters: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()
    """[family][direction][pass, block] of that interface."""
    bcounters: tuple[tuple[int, int], ...] = ()
    chksum: bytes = bytes(16)
    reass: int = 0
    syncookies_mode: int = 0
    syncookies_active: bool = False
    syncookies_water: tuple[int, int] = (0, 0)
    """Low and high, in per cent."""
    halfopen: int = 0


class PfStatePeer(Record):
    """struct pfctl_state_peer."""

    seqlo: int
    seqhi: int
    seqdiff: int
    state: int
    wscale: int


class PfStateKey(Record):
    """struct pfctl_state_key: addresses of 16 octets and ports, [0] and [1]."""

    addr: tuple[bytes, bytes]
    port: tuple[int, int]
    af: int
    proto: int


class PfState(Record):
    """struct pfctl_state; times in seconds, pairs are [forward, back]."""

    id: int
    creatorid: int
    ifname: str
    orig_ifname: str
    direction: int
    wire: PfStateKey
    stack: PfStateKey
    src: PfStatePeer
    dst: PfStatePeer
    rule: int
    anchor: int
    nat_rule: int
    creation: int
    expire: int
    packets: tuple[int, int]
    bytes: tuple[int, int]
    state_flags: int
    src_node_flags: int
    log: int
    min_ttl: int
    max_mss: int
    set_tos: int
    set_prio: tuple[int, int]
    dnpipe: int
    dnrpipe: int
    rt: int
    rt_addr: Address
    rt_ifname: str
    rt_af: int
    rtableid: int


class PfSrcNode(Record):
    """struct pfctl_src_node."""

    af: int
    addr: bytes
    raf: int
    raddr: bytes
    states: int
    conn: int
    rate_count: int
    rate_seconds: int
    creation: int
    expire: int
    packets: int
    bytes: int
    ruletype: int
    rule: int
    type: int


class PfKill(Record):
    """struct pfctl_kill: which states are meant; what is empty says nothing."""

    af: int = 0
    proto: int = 0
    src: PfRuleAddr = PfRuleAddr()
    dst: PfRuleAddr = PfRuleAddr()
    rt_addr: PfRuleAddr = PfRuleAddr()
    ifname: str = ""
    label: str = ""
    kill_match: bool = False
    nat: bool = False
    id: int = 0
    creatorid: int = 0


class PfRequest(Record):
    """A request of /dev/pf."""


class PfGeneric(PfRequest):
    """One that goes over netlink in FreeBSD: jails without a stack of their own may not."""


class PfStart(PfGeneric):
    """EEXIST."""


class PfStop(PfGeneric):
    """ENOENT."""


class PfGetStatus(PfGeneric):
    """Answers a PfStatus."""


class PfClrStatus(PfGeneric):
    """Zero the counters."""


class PfSetStatusIf(PfGeneric):
    """Count for an interface."""

    ifname: str


class PfGetSyncookies(PfRequest):
    """Answers (mode, low, high)."""


class PfSetSyncookies(PfRequest):
    """Water marks in per cent."""

    mode: int
    low: int
    high: int


class PfGetAltqs(PfRequest):
    """ENODEV: the kernel has no ALTQ."""


class PfXBegin(PfRequest):
    """Open transactions for (kind of ruleset, anchor); answers their tickets."""

    items: tuple[tuple[int, str], ...]


class PfXCommit(PfRequest):
    """What was loaded comes into force, all of it or nothing (EBUSY)."""

    items: tuple[tuple[int, str, int], ...]
    """Kind of ruleset, anchor, ticket."""


class PfXRollback(PfXCommit):
    """Forget what was loaded."""


class PfAddRule(PfGeneric):
    """Add a rule to a transaction."""

    rule: PfRule
    anchor: str
    anchor_call: str
    ticket: int


class PfGetRules(PfGeneric):
    """Answers a list of PfRuleInfo; `clear` zeroes their counters afterwards."""

    anchor: str
    ruleset: int
    clear: bool = False


class PfAddEthRule(PfRequest):
    """Add an Ethernet rule."""

    rule: PfEthRule
    anchor: str
    anchor_call: str
    ticket: int


class PfGetEthRules(PfRequest):
    """Answers a list of PfEthRuleInfo."""

    anchor: str
    clear: bool = False


class PfGetRulesets(PfGeneric):
    """Answers the names of the anchors in an anchor."""

    path: str


class PfGetEthRulesets(PfRequest):
    """The same for Ethernet rules."""

    path: str


class PfSetTimeout(PfGeneric):
    """PFTM_* and seconds."""

    timeout: int
    seconds: int


class PfGetTimeout(PfGeneric):
    """Answers seconds."""

    timeout: int


class PfSetLimit(PfGeneric):
    """PF_LIMIT_*."""

    index: int
    limit: int


class PfGetLimit(PfGeneric):
    """Answers the limit."""

    index: int


class PfSetDebug(PfGeneric):
    """PF_DEBUG_*."""

    level: int


class PfSetHostid(PfRequest):
    """0 draws one."""

    hostid: int


class PfSetReass(PfRequest):
    """PF_REASS_*."""

    reass: int


class PfKeepCounters(PfRequest):
    """Rules that are loaded again keep their counters."""

    keep: bool


class PfSetIfFlag(PfRequest):
    """Set flags (PFI_IFLAG_SKIP) of an interface or a group; all with ""."""

    ifname: str
    flags: int


class PfClrIfFlag(PfSetIfFlag):
    """Clear them."""


class PfGetIfaces(PfRequest):
    """Answers a list of PfiKif."""

    filter: str = ""


class PfGetStates(PfGeneric):
    """Answers a list of PfState."""

    ifname: str = ""


class PfKillStates(PfGeneric):
    """Answers how many."""

    kill: PfKill


class PfClearStates(PfGeneric):
    """Answers how many: all, or those of an interface."""

    kill: PfKill


class PfGetCreators(PfGeneric):
    """Answers the ids of who made the states."""


class PfGetSrcNodes(PfGeneric):
    """Answers a list of PfSrcNode."""


class PfClrSrcNodes(PfRequest):
    """Forget all of them."""


class PfKillSrcNodes(PfRequest):
    """Answers how many."""

    af: int
    src: PfRuleAddr
    dst: PfRuleAddr


class PfOsfpFlush(PfRequest):
    """Forget the fingerprints."""


class PfOsfpAdd(PfRequest):
    """Add one: (class, version, subtype), then what a SYN must look like."""

    name: tuple[str, str, str]
    fingerprint: tuple[int, ...]


class PfOsfpGet(PfRequest):
    """Answers a list of PfOsfpAdd."""


class PfrRequest(PfRequest):
    """A request about tables."""

    table: PfrTable = PfrTable()
    flags: int = 0


class PfrClrTables(PfrRequest):
    """Answers how many tables went."""


class PfrAddTable(PfrRequest):
    """Answers how many were added."""


class PfrDelTable(PfrRequest):
    """Answers how many went."""


class PfrGetTables(PfrRequest):
    """Answers a list of PfrTable."""


class PfrGetTstats(PfrRequest):
    """Answers a list of PfrTstats."""


class PfrClrTstats(PfrRequest):
    """Answers how many."""


class PfrClrAddrs(PfrRequest):
    """Answers how many addresses went."""


class PfrAddrs(PfrRequest):
    """A request with addresses; answers (number, addresses with feedback)."""

    addrs: tuple[PfrAddr, ...] = ()


class PfrAddAddrs(PfrAddrs):
    """Add."""


class PfrDelAddrs(PfrAddrs):
    """Delete."""


class PfrSetAddrs(PfrAddrs):
    """Replace; answers (added, deleted, changed, addresses with feedback)."""


class PfrTstAddrs(PfrAddrs):
    """Do they match?  With PFR_FLAG_REPLACE what matched is answered."""


class PfrClrAstats(PfrAddrs):
    """Zero counters of addresses."""


class PfrGetAddrs(PfrRequest):
    """Answers a list of PfrAddr."""


class PfrGetAstats(PfrRequest):
    """Answers a list of PfrAstats."""


class PfrInaDefine(PfrAddrs):
    """Define a table in a transaction."""

    ticket: int = 0
