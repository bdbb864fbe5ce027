"""ipfw(4) as programs see it: rules as typed instructions, and the requests of the IP_FW3 socket option (netinet/ip_fw.h)."""

from __future__ import annotations

from vshell.abi.record import Record

Address = bytes
"""4 bytes or 16; a name of its own since records have fields called `bytes`."""

IP_FW3 = 48
"""The socket option at level IPPROTO_IP; its value is one of the requests below, its answer a record."""

IPFW_DEFAULT_RULE = 65535
RESVD_SET = 31
IPFW_MAX_SETS = 32
IPFW_ARG_MIN, IPFW_ARG_MAX = 1, 65534
IP_FW_TARG = 0
"""An argument taken from the table entry that matched (tablearg)."""

F_NOT, F_OR = 0x80, 0x40
IPFW_RULE_NOOPT, IPFW_RULE_JUSTOPTS = 1, 2

(
    O_NOP, O_IP_SRC, O_IP_SRC_MASK, O_IP_SRC_ME, O_IP_SRC_SET, O_IP_DST, O_IP_DST_MASK, O_IP_DST_ME, O_IP_DST_SET,
    O_IP_SRCPORT, O_IP_DSTPORT, O_PROTO, O_MACADDR2, O_MAC_TYPE, O_LAYER2, O_IN, O_FRAG, O_RECV, O_XMIT, O_VIA, O_IPOPT,
    O_IPLEN, O_IPID, O_IPTOS, O_IPPRECEDENCE, O_IPTTL, O_IPVER, O_UID, O_GID, O_ESTAB, O_TCPFLAGS, O_TCPWIN, O_TCPSEQ,
    O_TCPACK, O_ICMPTYPE, O_TCPOPTS, O_VERREVPATH, O_VERSRCREACH, O_PROBE_STATE, O_KEEP_STATE, O_LIMIT, O_LIMIT_PARENT,
    O_LOG, O_PROB, O_CHECK_STATE, O_ACCEPT, O_DENY, O_REJECT, O_COUNT, O_SKIPTO, O_PIPE, O_QUEUE, O_DIVERT, O_TEE,
    O_FORWARD_IP, O_FORWARD_MAC, O_NAT, O_REASS, O_IPSEC, O_IP_SRC_LOOKUP, O_IP_DST_LOOKUP, O_ANTISPOOF, O_JAIL, O_ALTQ,
    O_DIVERTED, O_TCPDATALEN, O_IP6_SRC, O_IP6_SRC_ME, O_IP6_SRC_MASK, O_IP6_DST, O_IP6_DST_ME, O_IP6_DST_MASK, O_FLOW6ID,
    O_ICMP6TYPE, O_EXT_HDR, O_IP6, O_NETGRAPH, O_NGTEE, O_IP4, O_UNREACH6, O_TAG, O_TAGGED, O_SETFIB, O_FIB, O_SOCKARG,
    O_CALLRETURN, O_FORWARD_IP6, O_DSCP, O_SETDSCP, O_IP_FLOW_LOOKUP, O_EXTERNAL_ACTION, O_EXTERNAL_INSTANCE,
    O_EXTERNAL_DATA, O_SKIP_ACTION, O_TCPMSS, O_MAC_SRC_LOOKUP, O_MAC_DST_LOOKUP, O_SETMARK, O_MARK, O_TABLE_LOOKUP,
) = range(100)  # fmt: skip
"""enum ipfw_opcodes."""

ICMP_REJECT_RST, ICMP_REJECT_ABORT = 0x100, 0x101
ICMP6_UNREACH_RST, ICMP6_UNREACH_ABORT = 0x100, 0x101
RETURN_NEXT_RULENUM, RETURN_NEXT_RULE = 0, 1

EXT_FRAGMENT, EXT_HOPOPTS, EXT_ROUTING, EXT_AH, EXT_ESP, EXT_DSTOPTS, EXT_RTHDR0, EXT_RTHDR2 = 1, 2, 4, 8, 16, 32, 64, 128

DYN_SRC_ADDR, DYN_SRC_PORT, DYN_DST_ADDR, DYN_DST_PORT = 1, 2, 4, 8

IP_FW_TCPOPT_MSS, IP_FW_TCPOPT_WINDOW, IP_FW_TCPOPT_SACK, IP_FW_TCPOPT_TS, IP_FW_TCPOPT_CC = 1, 2, 4, 8, 16
IP_FW_IPOPT_LSRR, IP_FW_IPOPT_SSRR, IP_FW_IPOPT_RR, IP_FW_IPOPT_TS = 1, 2, 4, 8

IPFW_LOG_DEFAULT, IPFW_LOG_SYSLOG, IPFW_LOG_IPFW0, IPFW_LOG_RTSOCK = 0, 0x8000, 0x4000, 0x2000


class Insn(Record):
    """One instruction of a rule (ipfw_insn).

    `size` is what it takes in 32-bit words, `data` depends on the opcode: addresses as integers (IPv4) or bytes (IPv6)
    with their masks, ranges as pairs, names as strings.
    """

    opcode: int
    flags: int = 0
    arg1: int = 0
    data: tuple[object, ...] = ()
    size: int = 1


Octets = bytes
"""The type, where a field is called `bytes`."""


class IpFwRule(Record):
    """A rule (struct ip_fw_rule): instructions, of which those from `act_ofs` on are its action."""

    rulenum: int
    set: int
    flags: int
    cmd: tuple[Insn, ...]
    act_ofs: int


class FwCounters(Record):
    """struct ip_fw_bcounter; `timestamp` in seconds, 0 if nothing matched yet."""

    packets: int
    bytes: int
    timestamp: int


class FwState(Record):
    """A dynamic state (ipfw_dyn_rule)."""

    rulenum: int
    set: int
    kind: int
    """O_KEEP_STATE, O_LIMIT or O_LIMIT_PARENT."""
    packets: int
    bytes: int
    expire: int
    proto: int
    src: Octets
    dst: Octets
    sport: int
    dport: int
    name: str
    state: int = 0
    ack_fwd: int = 0
    ack_rev: int = 0
    count: int = 0


class FwConfig(Record):
    """The answer to XGet (ipfw_cfg_lheader and what follows it)."""

    set_mask: int
    rules: tuple[tuple[IpFwRule, FwCounters], ...]
    states: tuple[FwState, ...]


class FwRequest(Record):
    """What is asked with IP_FW3 (ip_fw3_opheader)."""


class XAdd(FwRequest):
    """IP_FW_XADD: add a rule; the answer is the rule as it was numbered.

    `named` says that names of tables, states or actions come along.
    """

    rule: IpFwRule
    named: bool = False


class XGet(FwRequest):
    """IP_FW_XGET: rules in a range, and states."""

    start_rule: int = 0
    end_rule: int = 0
    static: bool = True
    states: bool = False


IPFW_RCFLAG_RANGE, IPFW_RCFLAG_ALL, IPFW_RCFLAG_SET, IPFW_RCFLAG_DYNAMIC, IPFW_RCFLAG_DEFAULT = 1, 2, 4, 8, 0x100


class RangeRequest(FwRequest):
    """ipfw_range_tlv: rules by number, by set, or all; the answer is how many there were."""

    flags: int = 0
    start_rule: int = 0
    end_rule: int = 0
    set: int = 0
    new_set: int = 0


class XDel(RangeRequest):
    """IP_FW_XDEL."""


class XZero(RangeRequest):
    """IP_FW_XZERO."""


class XResetlog(RangeRequest):
    """IP_FW_XRESETLOG."""


class XMove(RangeRequest):
    """IP_FW_XMOVE: rules into another set."""


class SetSwap(RangeRequest):
    """IP_FW_SET_SWAP."""


class SetMove(RangeRequest):
    """IP_FW_SET_MOVE."""


class SetEnable(RangeRequest):
    """IP_FW_SET_ENABLE: `set` is the mask of sets to disable, `new_set` of those to enable."""


class SkiptoCache(FwRequest):
    """IP_FW_SKIPTO_CACHE."""

    enable: int


# tables --------------------------------------------------------------------------------------------------------


class TableValue(Record):
    """What an entry of a table holds (ipfw_table_value): an argument for each kind of action; `nh6` with its zone."""

    skipto: int = 0
    pipe: int = 0
    fib: int = 0
    nat: int = 0
    dscp: int = 0
    tag: int = 0
    divert: int = 0
    netgraph: int = 0
    limit: int = 0
    nh4: int = 0
    nh6: Octets = bytes(16)
    mark: int = 0
    zoneid: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """What two values that are the same have in common."""
        return tuple(getattr(self, name) for name in self.fields)


VTYPES = ("skipto", "pipe", "fib", "nat", "dscp", "tag", "divert", "netgraph", "limit", "nh4", "nh6", "mark")
"""The kinds of values in the order of their bits (IPFW_VTYPE_*)."""
VTYPE_LEGACY = 0x7FFFFFFF
"""All kinds at once, and all the same."""
FLOW_FIELDS = ("src-ip", "proto", "src-port", "dst-ip", "dst-port")
"""What the key of a flow may be made of, in the order of the bits (IPFW_TFFLAG_*)."""


class TableEntry(Record):
    """An entry of a table.

    Its key is (octets, length of the prefix) for addresses, a number, the name of an interface, or for flows
    (source, protocol, source port, destination, destination port) with None or 0 for what does not count.
    """

    key: object
    value: TableValue = TableValue()


class TableClass(Record):
    """What an algorithm tells of itself (ipfw_ta_tinfo), for one family of addresses or for all."""

    kind: str
    """hash, array, radix, or unknown."""
    family: str
    size: int
    items: int
    itemsize: int
    itemsize6: int


class TableInfo(Record):
    """ipfw_xtable_info."""

    name: str
    set: int
    kidx: int
    type: str
    tflags: int
    algo: str
    vmask: int
    refs: int
    items: int
    limit: int
    locked: bool
    detail: tuple[TableClass, ...] = ()


class TableRequest(FwRequest):
    """A request about one table."""

    name: str
    set: int = 0


class TableCreate(TableRequest):
    """IP_FW_TABLE_XCREATE: of that type, or of the type of the algorithm."""

    type: str = "addr"
    tflags: int = 0
    algo: str = ""
    vmask: int = VTYPE_LEGACY
    limit: int = 0
    locked: bool = False


class TableDestroy(TableRequest):
    """IP_FW_TABLE_XDESTROY."""


class TableFlush(TableRequest):
    """IP_FW_TABLE_XFLUSH."""


class TableGet(TableRequest):
    """IP_FW_TABLE_XINFO: a TableInfo."""


class TableDump(TableRequest):
    """IP_FW_TABLE_XLIST: its entries."""


class TableLock(TableRequest):
    """IP_FW_TABLE_XMODIFY: lock, unlock."""

    lock: bool = True


class TableFind(TableRequest):
    """IP_FW_TABLE_XFIND: the entry a key finds; ENOENT."""

    key: object = None


class TableSwap(TableRequest):
    """IP_FW_TABLE_XSWAP."""

    other: str = ""


class TableLimit(TableRequest):
    """IP_FW_TABLE_XMODIFY: the limit, None to leave it as it is."""

    limit: int | None = None


class TableAdd(TableRequest):
    """IP_FW_TABLE_XADD: a TableResult.

    All or nothing if `atomic`; with `update` entries that are there get the new value.  `type` is what the keys are for.
    """

    entries: tuple[TableEntry, ...] = ()
    type: str = "addr"
    atomic: bool = False
    update: bool = False


class TableDel(TableRequest):
    """IP_FW_TABLE_XDEL: a TableResult."""

    entries: tuple[TableEntry, ...] = ()
    type: str = "addr"


class TableResult(Record):
    """The first error (0 if there was none), and what became of each entry: added, updated, exists, ..."""

    error: int
    results: tuple[str, ...]


class TablesList(FwRequest):
    """IP_FW_TABLES_XLIST: a TableInfo for each."""


class AlgoList(FwRequest):
    """IP_FW_TABLES_ALIST: (name, type, how many tables) of each algorithm."""


class ValueList(FwRequest):
    """IP_FW_TABLE_VLIST: (index, references, TableValue) of each value in use."""


class IfaceList(FwRequest):
    """IP_FW_XIFLIST: (name, index or 0, references, changes) of each interface that tables follow."""


class ObjectList(FwRequest):
    """IP_FW_DUMP_SRVOBJECTS: (index, type, name) of each external action and name of states."""
