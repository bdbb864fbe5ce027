"""The counters netstat -s shows of IPv4, UDP, ICMP, IGMP and ARP: field, plural, and libxo format of each line (inet.c).

Plurals: "s", "es" and "ies" are the endings of the noun in the line, "-" says that it has none to inflect, two letters
are for lines with two numbers.  A line that begins with "{" or "}" opens or closes a container.
"""

from __future__ import annotations

Table = tuple[tuple[str, str, str], ...]

UDP: Table = (
    ("ipackets", "s", "\t{:received-datagrams/%ju} {N:/datagram%s received}\n"),
    ("hdrops", "-", "\t{:dropped-incomplete-headers/%ju} {N:/with incomplete header}\n"),
    ("badlen", "-", "\t{:dropped-bad-data-length/%ju} {N:/with bad data length field}\n"),
    ("badsum", "-", "\t{:dropped-bad-checksum/%ju} {N:/with bad checksum}\n"),
    ("nosum", "-", "\t{:dropped-no-checksum/%ju} {N:/with no checksum}\n"),
    ("noport", "-", "\t{:dropped-no-socket/%ju} {N:/dropped due to no socket}\n"),
    ("fullsock", "-", "\t{:dropped-full-socket-buffer/%ju} {N:/dropped due to full socket buffers}\n"),
    ("pcbhashmiss", "-", "\t{:not-for-hashed-pcb/%ju} {N:/not for hashed pcb}\n"),
    ("opackets", "s", "\t{:output-packets/%ju} {N:/datagram%s output}\n"),
    ("filtermcast", "s", "\t{:multicast-source-filter-matches/%ju} {N:/time%s multicast source filter matched}\n"),
)  # fmt: skip

IP: Table = (
    ("total", "s", "\t{:received-packets/%ju} {N:/total packet%s received}\n"),
    ("badsum", "s", "\t{:dropped-bad-checksum/%ju} {N:/bad header checksum%s}\n"),
    ("toosmall", "-", "\t{:dropped-below-minimum-size/%ju} {N:/with size smaller than minimum}\n"),
    ("tooshort", "-", "\t{:dropped-short-packets/%ju} {N:/with data size < data length}\n"),
    ("toolong", "-", "\t{:dropped-too-long/%ju} {N:/with ip length > max ip packet size}\n"),
    ("badhlen", "-", "\t{:dropped-short-header-length/%ju} {N:/with header length < data size}\n"),
    ("badlen", "-", "\t{:dropped-short-data/%ju} {N:/with data length < header length}\n"),
    ("badoptions", "-", "\t{:dropped-bad-options/%ju} {N:/with bad options}\n"),
    ("badvers", "-", "\t{:dropped-bad-version/%ju} {N:/with incorrect version number}\n"),
    ("fragments", "s", "\t{:received-fragments/%ju} {N:/fragment%s received}\n"),
    ("fragdropped", "s", "\t{:dropped-fragments/%ju} {N:/fragment%s dropped (dup or out of space)}\n"),
    ("fragtimeout", "s", "\t{:dropped-fragments-after-timeout/%ju} {N:/fragment%s dropped after timeout}\n"),
    ("reassembled", "s", "\t{:reassembled-packets/%ju} {N:/packet%s reassembled ok}\n"),
    ("delivered", "s", "\t{:received-local-packets/%ju} {N:/packet%s for this host}\n"),
    ("noproto", "s", "\t{:dropped-unknown-protocol/%ju} {N:/packet%s for unknown\\/unsupported protocol}\n"),
    ("forward", "s", "\t{:forwarded-packets/%ju} {N:/packet%s forwarded}"),
    ("fastforward", "s", " ({:fast-forwarded-packets/%ju} {N:/packet%s fast forwarded})"),
    ("cantforward", "s", "\t{:packets-cannot-forward/%ju} {N:/packet%s not forwardable}\n"),
    ("notmember", "s", "\t{:received-unknown-multicast-group/%ju} {N:/packet%s received for unknown multicast group}\n"),
    ("redirectsent", "s", "\t{:redirects-sent/%ju} {N:/redirect%s sent}\n"),
    ("localout", "s", "\t{:sent-packets/%ju} {N:/packet%s sent from this host}\n"),
    ("rawout", "s", "\t{:send-packets-fabricated-header/%ju} {N:/packet%s sent with fabricated ip header}\n"),
    ("odropped", "s", "\t{:discard-no-mbufs/%ju} {N:/output packet%s dropped due to no bufs, etc.}\n"),
    ("noroute", "s", "\t{:discard-no-route/%ju} {N:/output packet%s discarded due to no route}\n"),
    ("fragmented", "s", "\t{:sent-fragments/%ju} {N:/output datagram%s fragmented}\n"),
    ("ofragments", "s", "\t{:fragments-created/%ju} {N:/fragment%s created}\n"),
    ("cantfrag", "s", "\t{:discard-cannot-fragment/%ju} {N:/datagram%s that can't be fragmented}\n"),
    ("nogif", "s", "\t{:discard-tunnel-no-gif/%ju} {N:/tunneling packet%s that can't find gif}\n"),
    ("badaddr", "s", "\t{:discard-bad-address/%ju} {N:/datagram%s with bad address in header}\n"),
)  # fmt: skip

ICMP: Table = (
    ("error", "s", "\t{:icmp-calls/%lu} {N:/call%s to icmp_error}\n"),
    ("oldicmp", "s", "\t{:errors-not-from-message/%lu} {N:/error%s not generated in response to an icmp message}\n"),
    ("badcode", "s", "\t{:dropped-bad-code/%lu} {N:/message%s with bad code fields}\n"),
    ("tooshort", "s", "\t{:dropped-too-short/%lu} {N:/message%s less than the minimum length}\n"),
    ("checksum", "s", "\t{:dropped-bad-checksum/%lu} {N:/message%s with bad checksum}\n"),
    ("badlen", "s", "\t{:dropped-bad-length/%lu} {N:/message%s with bad length}\n"),
    ("bmcastecho", "-", "\t{:dropped-multicast-echo/%lu} {N:/multicast echo requests ignored}\n"),
    ("bmcasttstamp", "-", "\t{:dropped-multicast-timestamp/%lu} {N:/multicast timestamp requests ignored}\n"),
    ("reflect", "s", "\t{:sent-packets/%lu} {N:/message response%s generated}\n"),
    ("badaddr", "es", "\t{:discard-invalid-return-address/%lu} {N:/invalid return address%s}\n"),
    ("noroute", "s", "\t{:discard-no-route/%lu} {N:/no return route%s}\n"),
)  # fmt: skip

IGMP: Table = (
    ("rcv_total", "s", "\t{:received-messages/%ju} {N:/message%s received}\n"),
    ("rcv_tooshort", "s", "\t{:dropped-too-short/%ju} {N:/message%s received with too few bytes}\n"),
    ("rcv_badttl", "s", "\t{:dropped-wrong-ttl/%ju} {N:/message%s received with wrong TTL}\n"),
    ("rcv_badsum", "s", "\t{:dropped-bad-checksum/%ju} {N:/message%s received with bad checksum}\n"),
    ("rcv_v1v2_queries", "ies", "\t{:received-membership-queries/%ju} {N:/V1\\/V2 membership quer%s received}\n"),
    ("rcv_v3_queries", "ies", "\t{:received-v3-membership-queries/%ju} {N:/V3 membership quer%s received}\n"),
    ("rcv_badqueries", "ies", "\t{:dropped-membership-queries/%ju} {N:/membership quer%s received with invalid field(s)}\n"),
    ("rcv_gen_queries", "ies", "\t{:received-general-queries/%ju} {N:/general quer%s received}\n"),
    ("rcv_group_queries", "ies", "\t{:received-group-queries/%ju} {N:/group quer%s received}\n"),
    ("rcv_gsr_queries", "ies", "\t{:received-group-source-queries/%ju} {N:/group-source quer%s received}\n"),
    ("drop_gsr_queries", "ies", "\t{:dropped-group-source-queries/%ju} {N:/group-source quer%s dropped}\n"),
    ("rcv_reports", "s", "\t{:received-membership-requests/%ju} {N:/membership report%s received}\n"),
    ("rcv_badreports", "s", "\t{:dropped-membership-reports/%ju} {N:/membership report%s received with invalid field(s)}\n"),
    (
        "rcv_ourreports", "s",
        "\t{:received-membership-reports-matching/%ju} {N:/membership report%s received for groups "
        "to which we belong}\n",
    ),
    ("rcv_nora", "s", "\t{:received-v3-reports-no-router-alert/%ju} {N:/V3 report%s received without Router Alert}\n"),
    ("snd_reports", "s", "\t{:sent-membership-reports/%ju} {N:/membership report%s sent}\n"),
)  # fmt: skip

ARP: Table = (
    ("txrequests", "s", "\t{:sent-requests/%ju} {N:/ARP request%s sent}\n"),
    ("txerrors", "s", "\t{:sent-failures/%ju} {N:/ARP request%s failed to sent}\n"),
    ("txreplies", "ies", "\t{:sent-replies/%ju} {N:/ARP repl%s sent}\n"),
    ("rxrequests", "s", "\t{:received-requests/%ju} {N:/ARP request%s received}\n"),
    ("rxreplies", "ies", "\t{:received-replies/%ju} {N:/ARP repl%s received}\n"),
    ("received", "s", "\t{:received-packets/%ju} {N:/ARP packet%s received}\n"),
    ("dropped", "s", "\t{:dropped-no-entry/%ju} {N:/total packet%s dropped due to no ARP entry}\n"),
    ("timeouts", "s", "\t{:entries-timeout/%ju} {N:/ARP entry%s timed out}\n"),
    ("dupips", "s", "\t{:dropped-duplicate-address/%ju} {N:/Duplicate IP%s seen}\n"),
)  # fmt: skip

PIM: Table = (
    ("rcv_total_msgs", "s", "\t{:received-messages/%ju} {N:/message%s received}\n"),
    ("rcv_total_bytes", "s", "\t{:received-bytes/%ju} {N:/byte%s received}\n"),
    ("rcv_tooshort", "s", "\t{:dropped-too-short/%ju} {N:/message%s received with too few bytes}\n"),
    ("rcv_badsum", "s", "\t{:dropped-bad-checksum/%ju} {N:/message%s received with bad checksum}\n"),
    ("rcv_badversion", "s", "\t{:dropped-bad-version/%ju} {N:/message%s received with bad version}\n"),
    ("rcv_registers_msgs", "s", "\t{:received-data-register-messages/%ju} {N:/data register message%s received}\n"),
    ("rcv_registers_bytes", "s", "\t{:received-data-register-bytes/%ju} {N:/data register byte%s received}\n"),
    (
        "rcv_registers_wrongiif", "s",
        "\t{:received-data-register-wrong-interface/%ju} {N:/data register message%s received on "
        "wrong iif}\n",
    ),
    ("rcv_badregisters", "s", "\t{:received-bad-registers/%ju} {N:/bad register%s received}\n"),
    ("snd_registers_msgs", "s", "\t{:sent-data-register-messages/%ju} {N:/data register message%s sent}\n"),
    ("snd_registers_bytes", "s", "\t{:sent-data-register-bytes/%ju} {N:/data register byte%s sent}\n"),
)  # fmt: skip

CARP: Table = (
    ("ipackets", "s", "\t{:received-inet-packets/%ju} {N:/packet%s received (IPv4)}\n"),
    ("ipackets6", "s", "\t{:received-inet6-packets/%ju} {N:/packet%s received (IPv6)}\n"),
    ("badttl", "s", "\t\t{:dropped-wrong-ttl/%ju} {N:/packet%s discarded for wrong TTL}\n"),
    ("hdrops", "s", "\t\t{:dropped-short-header/%ju} {N:/packet%s shorter than header}\n"),
    ("badsum", "s", "\t\t{:dropped-bad-checksum/%ju} {N:/discarded for bad checksum%s}\n"),
    ("badver", "s", "\t\t{:dropped-bad-version/%ju} {N:/discarded packet%s with a bad version}\n"),
    ("badlen", "-", "\t\t{:dropped-short-packet/%ju} {N:/discarded because packet too short}\n"),
    ("badauth", "-", "\t\t{:dropped-bad-authentication/%ju} {N:/discarded for bad authentication}\n"),
    ("badvhid", "-", "\t\t{:dropped-bad-vhid/%ju} {N:/discarded for bad vhid}\n"),
    ("badaddrs", "-", "\t\t{:dropped-bad-address-list/%ju} {N:/discarded because of a bad address list}\n"),
    ("opackets", "s", "\t{:sent-inet-packets/%ju} {N:/packet%s sent (IPv4)}\n"),
    ("opackets6", "s", "\t{:sent-inet6-packets/%ju} {N:/packet%s sent (IPv6)}\n"),
    ("onomem", "-", "\t\t{:send-failed-memory-error/%ju} {N:/send failed due to mbuf memory error}\n"),
    ("ostates", "s", "\t\t{:send-state-updates/%s} {N:/state update%s sent}\n"),
)  # fmt: skip

DIVERT: Table = (
    ("diverted", "s", "\t{:diverted-packets/%ju} {N:/packet%s successfully diverted to userland}\n"),
    ("noport", "s", "\t{:noport-fails/%ju} {N:/packet%s failed to divert due to no socket bound at port}\n"),
    ("outbound", "s", "\t{:outbound-packets/%ju} {N:/packet%s successfully re-injected as outbound}\n"),
    ("inbound", "s", "\t{:inbound-packets/%ju} {N:/packet%s successfully re-injected as inbound}\n"),
)  # fmt: skip
