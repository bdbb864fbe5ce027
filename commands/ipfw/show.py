"""From a rule to words (show_static_rule and print_* of sbin/ipfw/ipfw2.c): its parts are looked up in a fixed order."""

from __future__ import annotations

from vshell.abi.ip_fw import (
    F_NOT,
    F_OR,
    IPFW_RULE_JUSTOPTS,
    IPFW_RULE_NOOPT,
    O_CHECK_STATE,
    O_EXTERNAL_ACTION,
    O_EXTERNAL_INSTANCE,
    O_IN,
    O_IP4,
    O_IP6,
    O_IP6_DST,
    O_IP6_DST_MASK,
    O_IP6_DST_ME,
    O_IP6_SRC,
    O_IP6_SRC_MASK,
    O_IP6_SRC_ME,
    O_IP_DST,
    O_IP_DST_LOOKUP,
    O_IP_DST_MASK,
    O_IP_DST_ME,
    O_IP_DST_SET,
    O_IP_DSTPORT,
    O_IP_SRC,
    O_IP_SRC_LOOKUP,
    O_IP_SRC_MASK,
    O_IP_SRC_ME,
    O_IP_SRC_SET,
    O_IP_SRCPORT,
    O_NOP,
    O_PROB,
    O_PROTO,
    FwCounters,
    Insn,
    IpFwRule,
)
from vshell.abi.socket import IPPROTO_IPV6
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.show_action import ACTION_ORDER, MODIFIERS, action_text
from vshell.commands.ipfw.show_insn import insn_text

SRC = (
    O_IP_SRC, O_IP_SRC_LOOKUP, O_IP_SRC_MASK, O_IP_SRC_ME, O_IP_SRC_SET, O_IP6_SRC, O_IP6_SRC_MASK, O_IP6_SRC_ME,
)  # fmt: skip
DST = (
    O_IP_DST, O_IP_DST_LOOKUP, O_IP_DST_MASK, O_IP_DST_ME, O_IP_DST_SET, O_IP6_DST, O_IP6_DST_MASK, O_IP6_DST_ME,
)  # fmt: skip
HAVE_PROTO, HAVE_SRCIP, HAVE_DSTIP, HAVE_PROBE_STATE = 1, 2, 4, 8


class RuleText:
    """A rule being printed (struct show_state): what was printed already, what the next instruction may leave out."""

    def __init__(self, o: Options, rule: IpFwRule) -> None:
        self.o = o
        self.rule = rule
        self.body = rule.cmd[: rule.act_ofs]
        self.printed: set[int] = set()
        self.flags = 0
        self.proto = 0
        self.or_block = False
        self.out: list[str] = []

    def put(self, text: str) -> None:
        """bprintf."""
        self.out.append(text)

    def instruction(self, index: int) -> bool:
        """print_instruction: False if it was printed before."""
        if index in self.printed:
            return False
        cmd = self.rule.cmd[index]
        if cmd.flags & F_OR and not self.or_block:
            self.put(" {")
        if cmd.opcode != O_IN and cmd.flags & F_NOT:
            self.put(" not")
        self.put(insn_text(self, cmd))
        if cmd.flags & F_OR:
            self.put(" or")
            self.or_block = True
        elif self.or_block:
            self.put(" }")
            self.or_block = False
        self.printed.add(index)
        return True

    def opcode(self, opcode: int) -> Insn | None:
        """print_opcode: the next unprinted instruction of a kind; with -1 of any, comments apart."""
        for i, cmd in enumerate(self.body):
            if opcode >= 0 and cmd.opcode != opcode:
                continue
            if cmd.opcode == O_NOP and opcode != O_NOP:
                continue
            if self.instruction(i):
                return cmd
        return None

    def action(self, opcode: int) -> Insn | None:
        """print_action."""
        for i in range(self.rule.act_ofs, len(self.rule.cmd)):
            cmd = self.rule.cmd[i]
            if cmd.opcode == opcode and i not in self.printed:
                self.put(action_text(cmd))
                self.printed.add(i)
                return cmd
        return None

    def protocol(self) -> None:
        """print_proto."""
        proto = ip4 = ip6 = 0
        for one in self.body:
            if one.opcode == O_PROTO:
                proto += 1
            elif one.opcode == O_IP4:
                ip4 = 2 if one.flags & F_OR else 1
            elif one.opcode == O_IP6:
                ip6 = 2 if one.flags & F_OR else 1
        if not (proto or ip4 or ip6):
            self.flags |= HAVE_PROTO
            self.put(" ip")
            return
        cmd: Insn | None = None
        if ip4 or ip6:
            cmd = self.opcode(O_IP4 if ip4 > ip6 else O_IP6)
        if cmd is not None and cmd.flags & F_OR:
            cmd = self.opcode(O_IP6 if ip4 > ip6 else O_IP4)
        if cmd is None or cmd.flags & F_OR:
            for _ in range(proto):
                cmd = self.opcode(O_PROTO)
                if cmd is None or not cmd.flags & F_OR:
                    break
        self.flags |= HAVE_PROTO
        if not self.proto and ip6:
            self.proto = IPPROTO_IPV6

    def address(self, opcodes: tuple[int, ...], port: int, have: int) -> None:
        """print_address: a side with its ports, unless those come several times or in a block."""
        found = [i for i, cmd in enumerate(self.body) if cmd.opcode in opcodes]
        if not found:
            self.put(" any")
        for i in found:
            self.instruction(i)
            if not self.rule.cmd[i].flags & F_OR:
                break
        ports = [i for i, cmd in enumerate(self.body) if cmd.opcode == port]
        if len(ports) == 1:
            before = ports[0] and self.body[ports[0] - 1].flags & F_OR
            if not before and not self.body[ports[0]].flags & F_OR:
                self.instruction(ports[0])
        self.flags |= have

    def head(self) -> bool:
        """Probability, action, modifiers; False if nothing but a comment follows."""
        self.opcode(O_PROB)
        for opcode in ACTION_ORDER:
            cmd = self.action(opcode)
            if cmd is None:
                continue
            if cmd.opcode == O_CHECK_STATE:
                return False
            if cmd.opcode not in (O_EXTERNAL_ACTION, O_EXTERNAL_INSTANCE):
                break
        for opcode in MODIFIERS:
            self.action(opcode)
        return not self.o.comment_only

    def text(self) -> str:
        """The rule from its action on."""
        if self.head():
            options = True
            if self.rule.flags & IPFW_RULE_JUSTOPTS:
                self.flags |= HAVE_PROTO | HAVE_SRCIP | HAVE_DSTIP
                if all(i in self.printed for i in range(self.rule.act_ofs)):
                    self.put(" proto ip")
                    options = False
            else:
                self.protocol()
                if not (self.o.compact and self.rule.flags & IPFW_RULE_NOOPT):
                    self.put(" from")
                    self.address(SRC, O_IP_SRCPORT, HAVE_SRCIP)
                    self.put(" to")
                    self.address(DST, O_IP_DSTPORT, HAVE_DSTIP)
            while options and self.opcode(-1) is not None:
                pass
        if self.opcode(O_NOP) is None and self.o.comment_only:
            self.put(" // ...")
        return "".join(self.out)


def counter_text(o: Options, counters: FwCounters, widths: tuple[int, int]) -> str:
    """Counters and the time of the last match, as far as they are wanted."""
    out = ""
    if any(widths):
        out += f"{counters.packets:>{widths[0]}} {counters.bytes:>{widths[1]}} "
    if o.time == "numeric":
        out += f"{counters.timestamp:10d} "
    elif o.time == "string":
        out += f"{ctime(o, counters.timestamp) if counters.timestamp else '':24s} "
    return out


def ctime(o: Options, seconds: int) -> str:
    """ctime(3) without the newline."""
    from vshell.userland.strftime import localtime, strftime

    return strftime("%a %b %e %H:%M:%S %Y", localtime(seconds, o.p.env))


def show_static_rule(
    o: Options, rule: IpFwRule, counters: FwCounters | None = None, widths: tuple[int, int] = (0, 0), sets: int = 0xFFFFFFFF
) -> str:
    """One line of a listing; nothing for a rule in a disabled set, unless sets are shown."""
    out = ""
    if not sets & 1 << rule.set:
        if not o.show_sets:
            return ""
        out = "# DISABLED "
    out += f"{rule.rulenum:05d} "
    if counters is not None:
        out += counter_text(o, counters, widths)
    if o.show_sets:
        out += f"set {rule.set} "
    return out + RuleText(o, rule).text() + "\n"
