"""tcpdump: protocols of text lines, and others of few words (txtproto_print in util-print.c, print-ssh.c, print-syslog.c,
print-tftp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str

MAX_TOKEN = 128
HTTP = (
    "GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE NOTIFY "
    "BDELETE CONNECT OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH UNCHECKOUT "
    "MKACTIVITY MKWORKSPACE UNSUBSCRIBE RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL"
)
RTSP = "DESCRIBE ANNOUNCE GET_PARAMETER OPTIONS PAUSE PLAY RECORD REDIRECT SETUP SET_PARAMETER TEARDOWN"
SIP = "ACK BYE CANCEL DO INFO INVITE MESSAGE NOTIFY OPTIONS PRACK QAUTH REFER REGISTER SPRACK SUBSCRIBE UPDATE PUBLISH"
COMMANDS = {"http": HTTP.split(), "rtsp": RTSP.split(), "sip": SIP.split()}


def fetch_token(ndo: Ndo, at: int, index: int, length: int) -> tuple[int, str]:
    """The next word and the index behind it, which is 0 if there is none."""
    word = ""
    while index < length:
        if not ndo.ttest(at + index, 1):
            return 0, ""
        c = ndo.u1(at + index)
        if c in (32, 9, 13, 10):
            break
        if not 32 <= c < 127 or len(word) + 2 > MAX_TOKEN + 1:
            return 0, ""
        word += chr(c)
        index += 1
    if not word:
        return 0, ""
    while index < length and ndo.ttest(at + index, 1) and ndo.u1(at + index) == 32:
        index += 1
    return index, word


def _line(ndo: Ndo, prefix: str, at: int, index: int, length: int) -> int:
    """print_txt_line: where the next line begins, 0 if there is none."""
    start = index
    after = 0
    while index < length:
        c = ndo.u1(at + index)
        if c == 10:
            after = index + 1
            break
        if c == 13:
            if index + 1 >= length or ndo.u1(at + index + 1) != 10:
                return 0
            after = index + 2
            break
        if not 32 <= c < 127 and c != 9:
            return 0
        index += 1
    ndo.p(prefix + ndo.get(at + start, index - start).decode("latin-1"))
    return after


def _worth(ndo: Ndo, at: int, length: int, commands: list[str]) -> bool:
    """Does it begin with a request or a response?"""
    index, word = fetch_token(ndo, at, 0, length)
    if not index:
        return False
    if word.upper() in commands:
        return True
    index, word = fetch_token(ndo, at, index, length)
    return bool(index) and len(word) == 3 and word.isdecimal()


def text_print(ndo: Ndo, at: int, length: int, protocol: str) -> None:
    """txtproto_print."""
    ndo.protocol = protocol
    commands = COMMANDS.get(protocol)
    worth = commands is None or _worth(ndo, at, length, commands)
    ndo.p(protocol.upper())
    if not worth:
        return
    if not ndo.v:
        _line(ndo, ": ", at, 0, length)
        return
    ndo.p(f", length: {length}")
    index = 0
    while index < length:
        index = _line(ndo, "\n\t", at, index, length)
        if not index:
            break


def sip_print(ndo: Ndo, at: int, length: int) -> None:
    """SIP."""
    text_print(ndo, at, length, "sip")


def ssh_print(ndo: Ndo, at: int, length: int) -> None:
    """The version exchange of SSH."""
    ndo.protocol = "ssh"
    for i, c in enumerate(b"SSH-"):
        if ndo.u1(at + i) != c:
            return
    index = 4
    while index < length:
        c = ndo.u1(at + index)
        if c == 10 or (c == 13 and index + 1 < length and ndo.u1(at + index + 1) == 10):
            ndo.p(": SSH: " + ndo.get(at, index).decode("latin-1"))
            return
        if not 32 <= c < 127:
            return
        index += 1


_SEVERITIES = "emergency alert critical error warning notice info debug"
SEVERITIES = dict(enumerate(_SEVERITIES.split()))
_FACILITIES = (
    "kernel user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console cron local0 local1 local2 "
    "local3 local4 local5 local6 local7"
)
FACILITIES = dict(enumerate(_FACILITIES.split()))


def syslog_print(ndo: Ndo, at: int, length: int) -> None:
    """syslog."""
    ndo.protocol = "syslog"
    offset, priority = 1, 0
    wrong = ndo.u1(at) != 60
    if not wrong:
        while offset <= 3 and 48 <= ndo.u1(at + offset) <= 57:
            priority = priority * 10 + ndo.u1(at + offset) - 48
            offset += 1
        wrong = ndo.u1(at + offset) != 62
    if wrong:
        ndo.invalid()
        return
    offset += 1
    facility, severity = (priority & 0x3F8) >> 3, priority & 7
    who, how = tok2str(FACILITIES, "unknown (%u)", facility), tok2str(SEVERITIES, "unknown (%u)", severity)
    if ndo.v < 1:
        ndo.p(f"SYSLOG {who}.{how}, length: {length}")
        return
    ndo.p(f"SYSLOG, length: {length}\n\tFacility {who} ({facility}), Severity {how} ({severity})\n\tMsg: ")
    if length > offset:
        ndo.printjn(at + offset, length - offset)
    if ndo.v > 1:
        ndo.unknown_data(at, "\n\t", length)


TFTP_OPS = {1: "RRQ", 2: "WRQ", 3: "DATA", 4: "ACK", 5: "ERROR", 6: "OACK"}
_TFTP_ERRORS = "EUNDEF ENOTFOUND EACCESS ENOSPACE EBADOP EBADID EEXISTS ENOUSER"
TFTP_ERRORS = dict(enumerate(_TFTP_ERRORS.split()))


def tftp_print(ndo: Ndo, at: int, length: int) -> None:
    """TFTP."""
    ndo.protocol = "tftp"
    ndo.p(f"TFTP, length {length}")
    if length < 2:
        ndo.trunc()
        return
    op = ndo.u2(at)
    ndo.p(", " + tok2str(TFTP_OPS, "tftp-#%u", op))
    at, length = at + 2, length - 2
    good = True
    if op in (1, 2):
        good = _tftp_request(ndo, at, length)
    elif op == 6:
        good = _tftp_strings(ndo, at, length)
    elif op in (3, 4):
        good = length >= 2
        if good:
            ndo.p(f" block {ndo.u2(at)}")
    elif op == 5:
        good = length >= 2
        if good:
            ndo.p(" " + tok2str(TFTP_ERRORS, 'tftp-err-#%u "', ndo.u2(at)))
            good = length > 2
        if good:
            ndo.p(' "')
            good = bool(ndo.printztn(at + 2, length - 2, ndo.snapend))
            ndo.p('"')
    if not good:
        ndo.trunc()


def _tftp_request(ndo: Ndo, at: int, length: int) -> bool:
    """A file name, a mode, options."""
    if not length:
        return False
    ndo.p(' "')
    took = ndo.printztn(at, length, ndo.snapend)
    ndo.p('"')
    if not took or took >= length:
        return False
    at, length = at + took, length - took
    ndo.p(" ")
    took = ndo.printztn(at, length, ndo.snapend)
    return bool(took) and _tftp_strings(ndo, at + took, length - took)


def _tftp_strings(ndo: Ndo, at: int, length: int) -> bool:
    """Options."""
    while length:
        if ndo.u1(at):
            ndo.p(" ")
        took = ndo.printztn(at, length, ndo.snapend)
        if not took:
            return False
        at, length = at + took, length - took
    return True
