"""Statistics of the Internet protocols as sysctl hands them out (ip_var.h, icmp_var.h, udp_var.h, if_arp.h, ...)."""

from __future__ import annotations

from vshell.abi.record import Record


class Ipstat(Record):
    """struct ipstat."""

    total: int = 0
    badsum: int = 0
    tooshort: int = 0
    toosmall: int = 0
    badhlen: int = 0
    badlen: int = 0
    fragments: int = 0
    fragdropped: int = 0
    fragtimeout: int = 0
    forward: int = 0
    fastforward: int = 0
    cantforward: int = 0
    redirectsent: int = 0
    noproto: int = 0
    delivered: int = 0
    localout: int = 0
    odropped: int = 0
    reassembled: int = 0
    fragmented: int = 0
    ofragments: int = 0
    cantfrag: int = 0
    badoptions: int = 0
    noroute: int = 0
    badvers: int = 0
    rawout: int = 0
    toolong: int = 0
    notmember: int = 0
    nogif: int = 0
    badaddr: int = 0


class Icmpstat(Record):
    """struct icmpstat; the histograms are tuples by type."""

    error: int = 0
    oldshort: int = 0
    oldicmp: int = 0
    outhist: tuple[int, ...] = (0,) * 41
    badcode: int = 0
    tooshort: int = 0
    checksum: int = 0
    badlen: int = 0
    reflect: int = 0
    inhist: tuple[int, ...] = (0,) * 41
    bmcastecho: int = 0
    bmcasttstamp: int = 0
    badaddr: int = 0
    noroute: int = 0


class Arpstat(Record):
    """struct arpstat."""

    txrequests: int = 0
    txreplies: int = 0
    rxrequests: int = 0
    rxreplies: int = 0
    received: int = 0
    txerrors: int = 0
    dropped: int = 0
    timeouts: int = 0
    dupips: int = 0


class Udpstat(Record):
    """struct udpstat."""

    ipackets: int = 0
    hdrops: int = 0
    badsum: int = 0
    nosum: int = 0
    badlen: int = 0
    noport: int = 0
    noportbcast: int = 0
    fullsock: int = 0
    pcbcachemiss: int = 0
    pcbhashmiss: int = 0
    opackets: int = 0
    fastout: int = 0
    noportmcast: int = 0
    filtermcast: int = 0


class Igmpstat(Record):
    """struct igmpstat."""

    rcv_total: int = 0
    rcv_tooshort: int = 0
    rcv_badttl: int = 0
    rcv_badsum: int = 0
    rcv_v1v2_queries: int = 0
    rcv_v3_queries: int = 0
    rcv_badqueries: int = 0
    rcv_gen_queries: int = 0
    rcv_group_queries: int = 0
    rcv_gsr_queries: int = 0
    drop_gsr_queries: int = 0
    rcv_reports: int = 0
    rcv_badreports: int = 0
    rcv_ourreports: int = 0
    rcv_nora: int = 0
    snd_reports: int = 0
