"""Group memberships of interfaces (netinet/in_mcast.c): who is a member of what, and the link-level filter that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ENOSPC, KError
from vshell.abi.in_ import MCAST_EXCLUDE, MCAST_INCLUDE, MCAST_UNDEFINED
from vshell.abi.socket import AF_INET
from vshell.kernel.netinet.igmp import igmp_change_state
from vshell.kernel.netinet.igmp_var import InMulti, Mfilter, Msource, drop_link, igmp_of, inm_acquire, inm_release
from vshell.kernel.netinet.ip_var import IpGlobal

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet


def in_joingroup(ifp: Ifnet, group: bytes, imf: Mfilter | None = None) -> None:
    """One more member of a group on an interface; the kernel's own ones want every source.  ENOSPC."""
    imf = imf or Mfilter(MCAST_UNDEFINED, MCAST_EXCLUDE)
    inm_acquire(ifp, group)
    igi = igmp_of(ifp)
    if igi is None:
        return
    inm = igi.members.get(group)
    if inm is None:
        inm = igi.members[group] = InMulti(group)
    try:
        inm_merge(ifp, inm, imf)
    except KError:
        inm_release(ifp, group)
        raise
    igmp_change_state(ifp, igi, inm)


def in_leavegroup(ifp: Ifnet, group: bytes, imf: Mfilter | None = None) -> None:
    """One member less; the last one ends the membership."""
    if not ifp.multiaddrs.get((AF_INET, group)):
        return
    igi = igmp_of(ifp)
    inm = igi.members.get(group) if igi is not None else None
    if igi is not None and inm is not None:
        inm_merge(ifp, inm, imf or Mfilter(MCAST_EXCLUDE, MCAST_UNDEFINED))
        igmp_change_state(ifp, igi, inm)
    inm_release(ifp, group)


def in_changefilter(ifp: Ifnet, group: bytes, imf: Mfilter) -> None:
    """A member wants to hear other sources than before.  ENOSPC."""
    igi = igmp_of(ifp)
    inm = igi.members.get(group) if igi is not None else None
    if igi is not None and inm is not None:
        inm_merge(ifp, inm, imf)
        igmp_change_state(ifp, igi, inm)


def inm_merge(ifp: Ifnet, inm: InMulti, imf: Mfilter) -> None:
    """What a socket wants becomes part of what the interface wants.  ENOSPC: too many sources, nothing is changed."""
    changed = {source: st for source, st in imf.sources.items() if st[0] != st[1]}
    if len(inm.sources.keys() | changed.keys()) > ifp.kernel[IpGlobal].mcast_maxgrpsrc:
        raise KError(ENOSPC)
    for source, (before, after) in changed.items():
        ims = inm.sources.setdefault(source, Msource())
        for mode, step in ((before, -1), (after, 1)):
            if mode == MCAST_EXCLUDE:
                ims.ex[1] += step
            elif mode == MCAST_INCLUDE:
                ims.inc[1] += step
    _count_listeners(inm, imf)
    if changed:
        inm.reap()


def _count_listeners(inm: InMulti, imf: Mfilter) -> None:
    """How many listeners of each kind there are now, and the mode that follows."""
    st = inm.st[1]
    had = sum(modes[0] == imf.st0 for modes in imf.sources.values())
    has = sum(modes[1] == imf.st1 for modes in imf.sources.values())
    if imf.st0 == imf.st1 == MCAST_INCLUDE and not has:
        st.inc -= 1
    if imf.st0 != imf.st1:
        if imf.st0 == MCAST_EXCLUDE:
            st.ex -= 1
        elif imf.st0 == MCAST_INCLUDE:
            st.inc -= 1
        if imf.st1 == MCAST_EXCLUDE:
            st.ex += 1
        elif imf.st1 == MCAST_INCLUDE and has:
            st.inc += 1
    st.fmode = MCAST_EXCLUDE if st.ex > 0 else MCAST_INCLUDE if st.inc > 0 else MCAST_UNDEFINED
    if imf.st0 == MCAST_EXCLUDE and not had and (imf.st1 != MCAST_EXCLUDE or has):
        st.asm -= 1
    if imf.st1 == MCAST_EXCLUDE and not has:
        st.asm += 1


def in_purgemaddrs(ifp: Ifnet) -> None:
    """The interface leaves its stack: all memberships of IPv4 end, and nobody is told."""
    for family, group in [k for k in ifp.multiaddrs if k[0] == AF_INET]:
        del ifp.multiaddrs[family, group]
        drop_link(ifp, group)
    igi = igmp_of(ifp)
    if igi is not None:
        igi.members.clear()
        igi.gq.clear()
        igi.tick.stop()
        igi.slow.stop()
