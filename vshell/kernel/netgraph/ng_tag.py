"""ng_tag(4): tags on packets: look for them, take them off, put them on (netgraph/ng_tag.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import HOOKBUF, UINT8, UINT16, UINT32, ByteArray, NgStruct, preceding

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2AB0)

COMMON = (("tag_cookie", UINT32), ("tag_id", UINT16), ("tag_len", UINT16), ("tag_data", ByteArray(preceding(2))))
HOOKIN = NgStruct(("thisHook", HOOKBUF), ("ifMatch", HOOKBUF), ("ifNotMatch", HOOKBUF), ("strip", UINT8), *COMMON)
HOOKOUT = NgStruct(("thisHook", HOOKBUF), *COMMON)
IN_SIZE, OUT_SIZE = 108, 40
TAGS = "ng_tag"
"""Where an mbuf has its tags: tuples (cookie, id, data)."""
MTAG_IPFW, IPFW_TAGS = 1148380143, "ipfw_tags"
"""The tags of ipfw(8), which has the set of their numbers elsewhere."""


class HookInfo:
    """What a hook looks for, and what it puts on."""

    __slots__ = ("match", "nomatch", "tag_in", "tag_out")

    def __init__(self, name: str) -> None:
        common = {"thisHook": name, "tag_cookie": 0, "tag_id": 0, "tag_len": 0, "tag_data": []}
        self.tag_in: dict[str, Any] = {**common, "ifMatch": "", "ifNotMatch": "", "strip": 0}
        self.tag_out: dict[str, Any] = dict(common)
        self.match: NgHook | None = None
        self.nomatch: NgHook | None = None


class Tag(LastHook, ngtype="tag", cookie=1149771193):
    """The node."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """Any name will do."""
        hook.private = HookInfo(name)

    def disconnect(self, hook: NgHook) -> None:
        """Nobody sends there any more."""
        for other in self.hooks:
            info = other.private
            if info.match is hook:
                info.match = None
            if info.nomatch is hook:
                info.nomatch = None
        super().disconnect(hook)

    def _info(self, name: str) -> HookInfo:
        hook = self.findhook(name)
        if hook is None:
            raise KError(ENOENT)
        info: HookInfo = hook.private
        return info

    @ngmsg(1, "sethookin", arg=HOOKIN, size=0)
    def sethookin(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """What to look for, and where to go then."""
        if len(msg.data) < IN_SIZE + arg["tag_len"]:
            raise KError(EINVAL)
        info = self._info(arg["thisHook"])
        info.tag_in = arg
        info.match, info.nomatch = self.findhook(arg["ifMatch"]), self.findhook(arg["ifNotMatch"])

    @ngmsg(2, "gethookin", arg=HOOKBUF, resp=HOOKIN)
    def gethookin(self, arg: str, msg: NgMsg) -> Any:
        """What is looked for."""
        return self._info(arg).tag_in

    @ngmsg(3, "sethookout", arg=HOOKOUT, size=0)
    def sethookout(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """What to put on."""
        if len(msg.data) < OUT_SIZE + arg["tag_len"]:
            raise KError(EINVAL)
        self._info(arg["thisHook"]).tag_out = arg

    @ngmsg(4, "gethookout", arg=HOOKBUF, resp=HOOKOUT)
    def gethookout(self, arg: str, msg: NgMsg) -> Any:
        """What is put on."""
        return self._info(arg).tag_out

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_tag_rcvdata."""
        info: HookInfo = hook.private
        wanted = info.tag_in
        tags = _tags(m)
        found = None
        if wanted["tag_cookie"] or wanted["tag_id"]:
            data = bytes(wanted["tag_data"])
            kind = wanted["tag_cookie"], wanted["tag_id"]
            found = next((t for t in tags if t[:2] == kind and t[2][: len(data)] == data), None)
        if found is not None and wanted["strip"]:
            tags.remove(found)
        dest = info.nomatch if found is None else info.match
        if dest is None:
            return ng_drop(self, hook, m, f"there is no hook for what {'matches' if found else 'does not match'}")
        new = dest.private.tag_out
        if new["tag_cookie"] or new["tag_id"]:
            tags.insert(0, (new["tag_cookie"], new["tag_id"], bytes(new["tag_data"])))
        if tags or m.tags:
            _set_tags(m, tags)
        return ng_send_data(dest, m)


def _tags(m: Mbuf) -> list[tuple[int, int, bytes]]:
    """All tags of a packet that have a number."""
    have = m.tags or {}
    return [*have.get(TAGS, ()), *((MTAG_IPFW, number, b"") for number in sorted(have.get(IPFW_TAGS, ())))]


def _set_tags(m: Mbuf, tags: list[tuple[int, int, bytes]]) -> None:
    ours = [tag for tag in tags if tag[0] != MTAG_IPFW]
    numbers = frozenset(tag[1] for tag in tags if tag[0] == MTAG_IPFW)
    m.tags = {**(m.tags or {}), TAGS: ours, IPFW_TAGS: numbers}
