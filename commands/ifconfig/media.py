"""Media of interfaces (ifmedia.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError, strerror
from vshell.abi.if_media import (
    IFM_ACTIVE,
    IFM_AVALID,
    IFM_FDX,
    IFM_HDX,
    IFM_IMASK,
    IFM_INST_MAX,
    IFM_ISHIFT,
    IFM_MMASK,
    IFM_TYPE,
)  # fmt: skip
from vshell.abi.sockio import SIOCGIFMEDIA, SIOCSIFMEDIA, IfMediaReq
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg
from vshell.commands.ifconfig.media_words import (
    get_instance,
    get_options,
    get_subtype,
    get_type,
    lookup_option,
    lookup_subtype,
)  # fmt: skip
from vshell.userland.cnumber import atoi

ORDER = 80


# display -------------------------------------------------------------------------------------------------------
def status(ctx: Context) -> None:
    """media_status."""
    try:
        media: IfMediaReq = ctx.ioctl(SIOCGIFMEDIA(ctx.ifname), ctx.local_socket())
    except KError:
        return
    if not media.ulist:
        ctx.warnx(f"{ctx.ifname}: no media types?")
        return
    active = "" if media.active == media.current else f" ({_medium(media.active, False)})"
    ctx.out(f"\tmedia: {_medium(media.current, True)}{active}\n")
    if media.status & IFM_AVALID:
        ctx.out(f"\tstatus: {'active' if media.status & IFM_ACTIVE else 'no carrier'}\n")
    if ctx.args.supmedia:
        ctx.out("\tsupported media:\n")
        for word in media.ulist:
            ctx.out(f"\t\t{_as_typed(word)}\n")


def _medium(word: int, whole: bool) -> str:
    """print_media."""
    kind, subtype = get_type(word), get_subtype(word)
    if kind is None:
        return "<unknown type>"
    text = f"{kind} " if whole else ""
    if subtype is None:
        return f"{kind if whole else ''}<unknown subtype>"
    options = get_options(word)
    text += subtype + (f" <{','.join(options)}>" if options else "")
    if whole and get_instance(word):
        text += f" instance {get_instance(word)}"
    return text


def _as_typed(word: int) -> str:
    """print_media_ifconfig."""
    if get_type(word) is None:
        return "<unknown type>"
    subtype = get_subtype(word)
    if subtype is None:
        return "<unknown subtype>"
    options = get_options(word)
    text = f"media {subtype}" + (f" mediaopt {','.join(options)}" if options else "")
    if get_instance(word):
        text += f" instance {get_instance(word)}"
    return text


# keywords ------------------------------------------------------------------------------------------------------
class State:
    """The medium that is being put together."""

    def __init__(self, media: IfMediaReq) -> None:
        self.first = media.ulist[0]
        self.word = media.current
        self.done = False


def getstate(ctx: Context) -> State:
    """ifmedia_getstate: what the interface has now, asked for once."""
    if "media" not in ctx.shared:
        try:
            media: IfMediaReq = ctx.ioctl(SIOCGIFMEDIA(ctx.ifname))
        except KError as e:
            ctx.errx(f"{ctx.ifname}: ifconfig_media_get_mediareq: {strerror(e.errno)}")
        if not media.ulist:
            ctx.errx(f"{ctx.ifname}: no media types?")
        ctx.shared["media"] = State(media)
    state: State = ctx.shared["media"]
    return state


def _apply(ctx: Context, state: State) -> None:
    if state.done:
        return
    try:
        ctx.ioctl(SIOCSIFMEDIA(ctx.ifname, state.word))
    except KError:
        ctx.err("SIOCSIFMEDIA (media)")
    state.done = True


def setmedia(ctx: Context, text: str) -> None:
    """media."""
    state = getstate(ctx)
    subtype = lookup_subtype(text)
    if subtype is None:
        ctx.errx(f"unknown media subtype: {text}")
    state.word = state.word & IFM_IMASK | IFM_TYPE(state.first) | subtype
    ctx.callback_register(_apply, state)


def _setopt(ctx: Context, text: str, clear: bool) -> None:
    state = getstate(ctx)
    options = 0
    for name in filter(None, text.split(",")):
        option = lookup_option(name)
        if option is None:
            ctx.errx(f"unknown option: {name}")
        options |= option
    if clear:
        state.word &= ~options
    else:
        if options & IFM_HDX:
            state.word &= ~IFM_FDX
            options &= ~IFM_HDX
        state.word |= options
    ctx.callback_register(_apply, state)


def setmediaopt(ctx: Context, text: str) -> None:
    """mediaopt."""
    _setopt(ctx, text, False)


def unsetmediaopt(ctx: Context, text: str) -> None:
    """-mediaopt."""
    _setopt(ctx, text, True)


def setmediainst(ctx: Context, text: str) -> None:
    """instance."""
    state = getstate(ctx)
    number = atoi(text)
    if not 0 <= number <= IFM_INST_MAX:
        ctx.errx(f"invalid media instance: {text}")
    state.word = state.word & ~IFM_IMASK | number << IFM_ISHIFT
    ctx.callback_register(_apply, state)


def setmediamode(ctx: Context, text: str) -> None:
    """mode: only wireless media have any, for the others every bit is set and no medium matches."""
    state = getstate(ctx)
    state.word = state.word & ~IFM_MMASK | 0xFFFFFFFF
    ctx.callback_register(_apply, state)


_KEYWORDS: dict[str, tuple[Any, str]] = {
    "media": (setmedia, "type"), "mode": (setmediamode, "mode"), "mediaopt": (setmediaopt, "opts"),
    "-mediaopt": (unsetmediaopt, "opts"), "inst": (setmediainst, "minst"), "instance": (setmediainst, "minst"),
}  # fmt: skip
COMMANDS = tuple(arg(word, func, what) for word, (func, what) in _KEYWORDS.items())
