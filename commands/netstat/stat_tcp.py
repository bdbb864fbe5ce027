"""The counters netstat -s shows of TCP (tcp_stats of inet.c); see stat_tables.py for the form."""

from __future__ import annotations

from vshell.commands.netstat.stat_tables import Table

TCP: Table = (
    ("sndtotal", "s", "\t{:sent-packets/%ju} {N:/packet%s sent}\n"),
    ("sndpack sndbyte", "ss", "\t\t{:sent-data-packets/%ju} {N:/data packet%s} ({:sent-data-bytes/%ju} {N:/byte%s})\n"),
    (
        "sndrexmitpack sndrexmitbyte", "ss",
        "\t\t{:sent-retransmitted-packets/%ju} {N:/data packet%s} ({:sent-retransmitted-bytes/%ju} "
        "{N:/byte%s}) {N:retransmitted}\n",
    ),
    ("sndrexmitbad", "s", "\t\t{:sent-unnecessary-retransmitted-packets/%ju} {N:/data packet%s unnecessarily retransmitted}\n"),
    ("mturesent", "s", "\t\t{:sent-resends-by-mtu-discovery/%ju} {N:/resend%s initiated by MTU discovery}\n"),
    (
        "sndacks delack", "s-",
        "\t\t{:sent-ack-only-packets/%ju} {N:/ack-only packet%s/} ({:sent-packets-delayed/%ju} "
        "{N:delayed})\n",
    ),
    ("sndurg", "s", "\t\t{:sent-urg-only-packets/%ju} {N:/URG only packet%s}\n"),
    ("sndprobe", "s", "\t\t{:sent-window-probe-packets/%ju} {N:/window probe packet%s}\n"),
    ("sndwinup", "s", "\t\t{:sent-window-update-packets/%ju} {N:/window update packet%s}\n"),
    ("sndctrl", "s", "\t\t{:sent-control-packets/%ju} {N:/control packet%s}\n"),
    ("rcvtotal", "s", "\t{:received-packets/%ju} {N:/packet%s received}\n"),
    (
        "rcvackpack rcvackbyte", "ss",
        "\t\t{:received-ack-packets/%ju} {N:/ack%s} {N:(for} {:received-ack-bytes/%ju} "
        "{N:/byte%s})\n",
    ),
    ("rcvdupack", "s", "\t\t{:received-duplicate-acks/%ju} {N:/duplicate ack%s}\n"),
    ("tunneled_pkts", "s", "\t\t{:received-udp-tunneled-pkts/%ju} {N:/UDP tunneled pkt%s}\n"),
    ("tunneled_errs", "s", "\t\t{:received-bad-udp-tunneled-pkts/%ju} {N:/UDP tunneled pkt cnt with error%s}\n"),
    ("rcvacktoomuch", "s", "\t\t{:received-acks-for-data-not-yet-sent/%ju} {N:/ack%s for data not yet sent}\n"),
    (
        "rcvghostack", "s",
        "\t\t{:received-acks-for-data-never-been-sent/%ju} {N:/ack%s for data never been sent "
        "(ghost acks)}\n",
    ),
    ("rcvacktooold", "s", "\t\t{:received-acks-for-data-being-too-old/%ju} {N:/ack%s for data being too old}\n"),
    (
        "rcvpack rcvbyte", "ss",
        "\t\t{:received-in-sequence-packets/%ju} {N:/packet%s} ({:received-in-sequence-bytes/%ju} "
        "{N:/byte%s}) {N:received in-sequence}\n",
    ),
    (
        "rcvduppack rcvdupbyte", "ss",
        "\t\t{:received-completely-duplicate-packets/%ju} {N:/completely duplicate packet%s} "
        "({:received-completely-duplicate-bytes/%ju} {N:/byte%s})\n",
    ),
    ("pawsdrop", "s", "\t\t{:received-old-duplicate-packets/%ju} {N:/old duplicate packet%s}\n"),
    (
        "rcvpartduppack rcvpartdupbyte", "ss",
        "\t\t{:received-some-duplicate-packets/%ju} {N:/packet%s with some dup. data} "
        "({:received-some-duplicate-bytes/%ju} {N:/byte%s duped/})\n",
    ),
    (
        "rcvoopack rcvoobyte", "ss",
        "\t\t{:received-out-of-order/%ju} {N:/out-of-order packet%s} "
        "({:received-out-of-order-bytes/%ju} {N:/byte%s})\n",
    ),
    (
        "rcvpackafterwin rcvbyteafterwin", "ss",
        "\t\t{:received-after-window-packets/%ju} {N:/packet%s} "
        "({:received-after-window-bytes/%ju} {N:/byte%s}) {N:of data after window}\n",
    ),
    ("rcvwinprobe", "s", "\t\t{:received-window-probes/%ju} {N:/window probe%s}\n"),
    ("rcvwinupd", "s", "\t\t{:receive-window-update-packets/%ju} {N:/window update packet%s}\n"),
    ("dsack_count", "s", "\t\t{:received-with-dsack-packets/%ju} {N:/packet%s received with dsack}\n"),
    ("dsack_bytes", "s", "\t\t{:received-with-dsack-bytes/%ju} {N:/dsack byte%s received (no TLP involved)}\n"),
    ("dsack_tlp_bytes", "s", "\t\t{:received-with-dsack-bytes-tlp/%ju} {N:/dsack byte%s received (TLP responsible)}\n"),
    ("rcvafterclose", "s", "\t\t{:received-after-close-packets/%ju} {N:/packet%s received after close}\n"),
    ("rcvbadsum", "s", "\t\t{:discard-bad-checksum/%ju} {N:/discarded for bad checksum%s}\n"),
    ("rcvbadoff", "s", "\t\t{:discard-bad-header-offset/%ju} {N:/discarded for bad header offset field%s}\n"),
    ("rcvshort", "-", "\t\t{:discard-too-short/%ju} {N:discarded because packet too short}\n"),
    ("rcvreassfull", "-", "\t\t{:discard-reassembly-queue-full/%ju} {N:discarded due to full reassembly queue}\n"),
    ("connattempt", "s", "\t{:connection-requests/%ju} {N:/connection request%s}\n"),
    ("accepts", "s", "\t{:connections-accepts/%ju} {N:/connection accept%s}\n"),
    ("badsyn", "s", "\t{:bad-connection-attempts/%ju} {N:/bad connection attempt%s}\n"),
    ("listendrop", "s", "\t{:listen-queue-overflows/%ju} {N:/listen queue overflow%s}\n"),
    ("badrst", "s", "\t{:ignored-in-window-resets/%ju} {N:/ignored RSTs in the window%s}\n"),
    ("connects", "s", "\t{:connections-established/%ju} {N:/connection%s established (including accepts)}\n"),
    ("usedrtt", "s", "\t\t{:connections-hostcache-rtt/%ju} {N:/time%s used RTT from hostcache}\n"),
    ("usedrttvar", "s", "\t\t{:connections-hostcache-rttvar/%ju} {N:/time%s used RTT variance from hostcache}\n"),
    ("usedssthresh", "s", "\t\t{:connections-hostcache-ssthresh/%ju} {N:/time%s used slow-start threshold from hostcache}\n"),
    (
        "closed drops", "ss",
        "\t{:connections-closed/%ju} {N:/connection%s closed (including} {:connection-drops/%ju} "
        "{N:/drop%s})\n",
    ),
    ("cachedrtt", "s", "\t\t{:connections-updated-rtt-on-close/%ju} {N:/connection%s updated cached RTT on close}\n"),
    (
        "cachedrttvar", "s",
        "\t\t{:connections-updated-variance-on-close/%ju} {N:/connection%s updated cached RTT "
        "variance on close}\n",
    ),
    (
        "cachedssthresh", "s",
        "\t\t{:connections-updated-ssthresh-on-close/%ju} {N:/connection%s updated cached ssthresh "
        "on close}\n",
    ),
    ("conndrops", "s", "\t{:embryonic-connections-dropped/%ju} {N:/embryonic connection%s dropped}\n"),
    (
        "rttupdated segstimed", "ss",
        "\t{:segments-updated-rtt/%ju} {N:/segment%s updated rtt (of} "
        "{:segment-update-attempts/%ju} {N:/attempt%s})\n",
    ),
    ("rexmttimeo", "s", "\t{:retransmit-timeouts/%ju} {N:/retransmit timeout%s}\n"),
    ("timeoutdrop", "s", "\t\t{:connections-dropped-by-retransmit-timeout/%ju} {N:/connection%s dropped by rexmit timeout}\n"),
    ("persisttimeo", "s", "\t{:persist-timeout/%ju} {N:/persist timeout%s}\n"),
    ("persistdrop", "s", "\t\t{:connections-dropped-by-persist-timeout/%ju} {N:/connection%s dropped by persist timeout}\n"),
    (
        "finwait2_drops", "s",
        "\t{:connections-dropped-by-finwait2-timeout/%ju} {N:/Connection%s (fin_wait_2) dropped "
        "because of timeout}\n",
    ),
    ("keeptimeo", "s", "\t{:keepalive-timeout/%ju} {N:/keepalive timeout%s}\n"),
    ("keepprobe", "s", "\t\t{:keepalive-probes/%ju} {N:/keepalive probe%s sent}\n"),
    ("keepdrops", "s", "\t\t{:connections-dropped-by-keepalives/%ju} {N:/connection%s dropped by keepalive}\n"),
    (
        "progdrops", "s",
        "\t{:connections-dropped-due-to-progress-time/%ju} {N:/connection%s dropped due to "
        "exceeding progress time}\n",
    ),
    ("predack", "s", "\t{:ack-header-predictions/%ju} {N:/correct ACK header prediction%s}\n"),
    ("preddat", "s", "\t{:data-packet-header-predictions/%ju} {N:/correct data packet header prediction%s}\n"),
    ("{", "", "syncache"),
    ("sc_added", "ies", "\t{:entries-added/%ju} {N:/syncache entr%s added}\n"),
    ("sc_retransmitted", "-", "\t\t{:retransmitted/%ju} {N:/retransmitted}\n"),
    ("sc_dupsyn", "-", "\t\t{:duplicates/%ju} {N:/dupsyn}\n"),
    ("sc_dropped", "-", "\t\t{:dropped/%ju} {N:/dropped}\n"),
    ("sc_completed", "-", "\t\t{:completed/%ju} {N:/completed}\n"),
    ("sc_bucketoverflow", "-", "\t\t{:bucket-overflow/%ju} {N:/bucket overflow}\n"),
    ("sc_cacheoverflow", "-", "\t\t{:cache-overflow/%ju} {N:/cache overflow}\n"),
    ("sc_reset", "-", "\t\t{:reset/%ju} {N:/reset}\n"),
    ("sc_stale", "-", "\t\t{:stale/%ju} {N:/stale}\n"),
    ("sc_aborted", "-", "\t\t{:aborted/%ju} {N:/aborted}\n"),
    ("sc_badack", "-", "\t\t{:bad-ack/%ju} {N:/badack}\n"),
    ("sc_unreach", "-", "\t\t{:unreachable/%ju} {N:/unreach}\n"),
    ("sc_zonefail", "s", "\t\t{:zone-failures/%ju} {N:/zone failure%s}\n"),
    ("}", "", "syncache"),
    ("{", "", "syncookies"),
    ("sc_sendcookie", "s", "\t{:sent-cookies/%ju} {N:/cookie%s sent}\n"),
    ("sc_recvcookie", "s", "\t\t{:received-cookies/%ju} {N:/cookie%s received}\n"),
    ("sc_spurcookie", "s", "\t\t{:spurious-cookies/%ju} {N:/spurious cookie%s rejected}\n"),
    ("sc_failcookie", "s", "\t\t{:failed-cookies/%ju} {N:/failed cookie%s rejected}\n"),
    ("}", "", "syncookies"),
    ("{", "", "hostcache"),
    ("hc_added", "ies", "\t{:entries-added/%ju} {N:/hostcache entr%s added}\n"),
    ("hc_bucketoverflow", "-", "\t\t{:buffer-overflows/%ju} {N:/bucket overflow}\n"),
    ("}", "", "hostcache"),
    ("{", "", "sack"),
    ("sack_recovery_episode", "s", "\t{:recovery-episodes/%ju} {N:/SACK recovery episode%s}\n"),
    ("sack_rexmits", "s", "\t{:segment-retransmits/%ju} {N:/segment rexmit%s in SACK recovery episodes}\n"),
    ("sack_rexmits_tso", "s", "\t{:tso-chunk-retransmits/%ju} {N:/tso chunk rexmit%s in SACK recovery episodes}\n"),
    ("sack_rexmit_bytes", "s", "\t{:byte-retransmits/%ju} {N:/byte rexmit%s in SACK recovery episodes}\n"),
    ("sack_rcv_blocks", "s", "\t{:received-blocks/%ju} {N:/SACK option%s (SACK blocks) received}\n"),
    ("sack_send_blocks", "s", "\t{:sent-option-blocks/%ju} {N:/SACK option%s (SACK blocks) sent}\n"),
    ("sack_lostrexmt", "s", "\t{:lost-retransmissions/%ju} {N:/SACK retransmission%s lost}\n"),
    ("sack_sboverflow", "-", "\t{:scoreboard-overflows/%ju} {N:/SACK scoreboard overflow}\n"),
    ("}", "", "sack"),
    ("{", "", "ecn"),
    ("ecn_rcvce", "s", "\t{:received-ce-packets/%ju} {N:/packet%s received with ECN CE bit set}\n"),
    ("ecn_rcvect0", "s", "\t{:received-ect0-packets/%ju} {N:/packet%s received with ECN ECT(0) bit set}\n"),
    ("ecn_rcvect1", "s", "\t{:received-ect1-packets/%ju} {N:/packet%s received with ECN ECT(1) bit set}\n"),
    ("ecn_sndect0", "s", "\t{:sent-ect0-packets/%ju} {N:/packet%s sent with ECN ECT(0) bit set}\n"),
    ("ecn_sndect1", "s", "\t{:sent-ect1-packets/%ju} {N:/packet%s sent with ECN ECT(1) bit set}\n"),
    ("ecn_shs", "s", "\t{:handshakes/%ju} {N:/successful ECN handshake%s}\n"),
    ("ecn_rcwnd", "s", "\t{:congestion-reductions/%ju} {N:/time%s ECN reduced the congestion window}\n"),
    ("ace_nect", "s", "\t{:ace-nonect-syn/%ju} {N:/ACE SYN packet%s with Non-ECT}\n"),
    ("ace_ect0", "s", "\t{:ace-ect0-syn/%ju} {N:/ACE SYN packet%s with ECT0}\n"),
    ("ace_ect1", "s", "\t{:ace-ect1-syn/%ju} {N:/ACE SYN packet%s with ECT1}\n"),
    ("ace_ce", "s", "\t{:ace-ce-syn/%ju} {N:/ACE SYN packet%s with CE}\n"),
    ("}", "", "ecn"),
    ("{", "", "tcp-signature"),
    ("sig_rcvgoodsig", "s", "\t{:received-good-signature/%ju} {N:/packet%s with matching signature received}\n"),
    ("sig_rcvbadsig", "s", "\t{:received-bad-signature/%ju} {N:/packet%s with bad signature received}\n"),
    ("sig_err_buildsig", "s", "\t{:failed-make-signature/%ju} {N:/time%s failed to make signature due to no SA}\n"),
    ("sig_err_sigopt", "s", "\t{:no-signature-expected/%ju} {N:/time%s unexpected signature received}\n"),
    ("sig_err_nosigopt", "s", "\t{:no-signature-provided/%ju} {N:/time%s no signature provided by segment}\n"),
    ("}", "", "tcp-signature"),
    ("{", "", "pmtud"),
    ("pmtud_blackhole_activated", "s", "\t{:pmtud-activated/%ju} {N:/Path MTU discovery black hole detection activation%s}\n"),
    (
        "pmtud_blackhole_activated_min_mss", "s",
        "\t{:pmtud-activated-min-mss/%ju} {N:/Path MTU discovery black hole detection min MSS "
        "activation%s}\n",
    ),
    ("pmtud_blackhole_failed", "s", "\t{:pmtud-failed/%ju} {N:/Path MTU discovery black hole detection failure%s}\n"),
    ("}", "", "pmtud"),
    ("{", "", "tw"),
    ("tw_responds", "s", "\t{:tw_responds/%ju} {N:/time%s connection in TIME-WAIT responded with ACK}\n"),
    ("tw_recycles", "s", "\t{:tw_recycles/%ju} {N:/time%s connection in TIME-WAIT was actively recycled}\n"),
    ("tw_resets", "s", "\t{:tw_resets/%ju} {N:/time%s connection in TIME-WAIT responded with RST}\n"),
    ("}", "", "tw"),
)  # fmt: skip
