"""dummynet: its objects and their configuration (netpfil/ipfw/ip_dummynet.c).

Numbers (N is 65536): `sched i` and `pipe i` have scheduler and link i; a pipe has a FIFO of its own too, scheduler and link
i + N, whose flowset is i + 2N.  `queue i` is flowset i.  The flowset of a scheduler with one queue is i + N.

Time is counted in ticks of the kernel clock.  The real one has a timer that goes off at every tick; here it only does while
there is something to do, and what ticks that did nothing would have counted is made up for afterwards (ip_dummynet_io.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.dummynet import (
    DN_HAVE_MASK,
    DN_IS_AQM,
    DN_IS_RED,
    DN_MAX_ID,
    DN_PIPE_CMD,
    DN_QHT_HASH,
    DN_QSIZE_BYTES,
    DnExtra,
    DnFs,
    DnLink,
    DnProfile,
    DnSch,
    FlowId,
)
from vshell.abi.errno import EBUSY, EINVAL, EPERM, KError
from vshell.abi.record import replace
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netpfil.ipfw.ip_dummynet_aqm import AQMS, DnDefaults, LostPie, Pie, cleanup
from vshell.kernel.netpfil.ipfw.ip_dummynet_flow import Flow, flow_hash, mask_flow, nonzero_mask, or_masks
from vshell.kernel.netpfil.ipfw.ip_dummynet_heap import DnHeap, DnHt
from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import HZ, DnQueue, Fsk, SchInst, Schk
from vshell.kernel.netpfil.ipfw.ip_dummynet_sched import DnAlg, Fifo, Prio, RoundRobin, Wf2q, bound_var

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_args import DnArgs
    from vshell.kernel.netpfil.ipfw.ip_dummynet_io import DnTimer

MAX_HASH_SIZE = 65536


def find_sched_type(name: str) -> type[DnAlg] | None:
    """The algorithm of a name, in any case of letters."""
    from vshell.kernel.netpfil.ipfw.ip_dummynet_fq import FqCodel, FqPie
    from vshell.kernel.netpfil.ipfw.ip_dummynet_qfq import Qfq

    kinds: tuple[type[DnAlg], ...] = (Fifo, Wf2q, RoundRobin, Qfq, Prio, FqCodel, FqPie)
    return next((kind for kind in kinds if kind.name.lower() == name.lower()), None)


def number_hash(number: int) -> int:
    """fsk_hash, schk_hash."""
    return number >> 8 ^ number >> 4 ^ number


def _int32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


class Dummynet(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """dummynet of a stack (struct dn_parms)."""

    io_fast = Sysctl("net.inet.ip.dummynet.io_fast", 0, "Enable fast dummynet io.")
    debug = Sysctl("net.inet.ip.dummynet.debug", 0, "Dummynet debug level")
    red_lookup_depth = Sysctl("net.inet.ip.dummynet.red_lookup_depth", 256, "Depth of RED lookup table", flags="r")
    red_avg_pkt_size = Sysctl("net.inet.ip.dummynet.red_avg_pkt_size", 512, "RED Medium packet size", flags="r")
    red_max_pkt_size = Sysctl("net.inet.ip.dummynet.red_max_pkt_size", 1500, "RED Max packet size", flags="r")
    schk_count = Sysctl("net.inet.ip.dummynet.schk_count", 0, "Number of schedulers", flags="r")
    si_count = Sysctl("net.inet.ip.dummynet.si_count", 0, "Number of scheduler instances", flags="r")
    fsk_count = Sysctl("net.inet.ip.dummynet.fsk_count", 0, "Number of flowsets", flags="r")
    queue_count = Sysctl("net.inet.ip.dummynet.queue_count", 0, "Number of queues", flags="r")
    io_pkt = Sysctl("net.inet.ip.dummynet.io_pkt", 0, "Number of packets passed to dummynet.", flags="r", fmt="unsigned long")
    io_pkt_fast = Sysctl(
        "net.inet.ip.dummynet.io_pkt_fast", 0, "Number of packets bypassed dummynet scheduler.", flags="r", fmt="unsigned long"
    )
    io_pkt_drop = Sysctl(
        "net.inet.ip.dummynet.io_pkt_drop", 0, "Number of packets dropped by dummynet.", flags="r", fmt="unsigned long"
    )
    timer: DnTimer

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.defaults: DnDefaults = vnet.kernel[DnDefaults]
        self.hash_size, self.slot_limit, self.byte_limit = 64, 100, 1024 * 1024
        self.schedhash = DnHt(self.hash_size)
        self.fshash = DnHt(self.hash_size)
        self.fsu: list[Fsk] = []
        """Flowsets without a scheduler, the youngest first."""
        self.evheap = DnHeap()
        """Instances and delay lines by the tick they are due."""
        self.curr_time = 0

    def init(self) -> None:
        """Tell the firewalls (ip_dn_io_ptr)."""
        from vshell.kernel.netpfil.ipfw.ip_dummynet_io import DnTimer, dummynet_io

        self.timer = self.vnet[DnTimer]
        self.timer.dn = self

        def io(m: Mbuf, args: DnArgs) -> bool:
            return dummynet_io(self, m, args)

        self.vnet[Ip].dummynet_io = io

    def destroy(self) -> None:
        """The stack dies, or the module goes: packets are lost."""
        self.vnet[Ip].dummynet_io = None
        self.flush()

    def unload(self) -> None:
        """An fq_ scheduler with instances, an AQM in a stack that is not the first, keep the module in."""
        fq = any(s.fp.name.startswith("FQ_") and s.instances() for s in self.schedhash.scan())
        aqm = self.vnet is not self.vnet.kernel.vnet0 and any(f.aqm is not None for f in self.fshash.scan())
        if fq or aqm:
            raise KError(EBUSY)

    def rand(self) -> int:
        """random(9): 31 bits."""
        return self.vnet.kernel.random.next64() >> 33

    # variables -------------------------------------------------------------------------------------------------
    def _limit(self, attr: str, new: Any, least: int, most: int) -> int:
        if new is not None:
            if not least <= new <= most:
                raise KError(EINVAL)
            setattr(self, attr, new)
        value: int = getattr(self, attr)
        return value

    @sysctl_proc("net.inet.ip.dummynet.hash_size", "Default hash table size")
    def _hash_size(self, td: Any, new: Any) -> Any:
        return self._limit("hash_size", new, 16, 65536)

    @sysctl_proc("net.inet.ip.dummynet.pipe_slot_limit", "Upper limit in slots for pipe queue.", fmt="long integer")
    def _slot_limit(self, td: Any, new: Any) -> Any:
        return self._limit("slot_limit", new, 1, (1 << 63) - 1)

    @sysctl_proc("net.inet.ip.dummynet.pipe_byte_limit", "Upper limit in bytes for pipe queue.", fmt="long integer")
    def _byte_limit(self, td: Any, new: Any) -> Any:
        return self._limit("byte_limit", new, 1500, (1 << 63) - 1)

    # queues ----------------------------------------------------------------------------------------------------
    def q_find(self, fs: Fsk, si: SchInst, flow: Flow) -> DnQueue:
        """ipdn_q_find: the queue of a flow, made if there is none."""
        if not fs.hashed:
            if fs.single is None:
                fs.single = self._q_new(fs, si)
            return fs.single
        if fs.qht is None:
            fs.qht = DnHt(fs.fs.buckets)
        key = mask_flow(fs.mask, flow)
        q: DnQueue | None = fs.qht.index.get(key)
        if q is None:
            q = self._q_new(fs, si, key)
            fs.qht.insert(key, flow_hash(key), q)
        return q

    def _q_new(self, fs: Fsk, si: SchInst, *key: Flow) -> DnQueue:
        q = DnQueue(fs, si, *key)
        si.q_count += 1
        assert fs.sched is not None
        fs.sched.fp.new_queue(q)
        if fs.aqm is not None:
            fs.aqm.init(q)
        self.queue_count += 1
        return q

    def delete_queue(self, q: DnQueue) -> None:
        """dn_delete_queue; packets in it are lost."""
        cleanup(q)
        assert q.fs.sched is not None
        q.fs.sched.fp.free_queue(q)
        q.si.q_count -= 1
        self.queue_count -= 1

    def qht_delete(self, fs: Fsk) -> None:
        """All queues of a flowset go."""
        for q in fs.queues():
            self.delete_queue(q)
        fs.qht = fs.single = None

    # instances of schedulers -----------------------------------------------------------------------------------
    def si_find(self, s: Schk, flow: Flow) -> SchInst:
        """ipdn_si_find: the instance for a flow, made if there is none."""
        if s.siht is None:
            if s.single is None:
                s.single = self._si_new(s)
            return s.single
        key = mask_flow(s.sch.sched_mask, flow)
        si: SchInst | None = s.siht.index.get(key)
        if si is None:
            si = self._si_new(s, key)
            s.siht.insert(key, flow_hash(key), si)
        return si

    def _si_new(self, s: Schk, *key: Flow) -> SchInst:
        si = SchInst(s, *key)
        s.fp.new_sched(si)
        if si.queue is not None and s.fs is not None and s.fs.aqm is not None:
            s.fs.aqm.init(si.queue)
        self.si_count += 1
        return si

    def si_destroy(self, si: SchInst) -> None:
        """An instance goes, with its packets."""
        self.evheap.extract(si.dline)
        self.evheap.extract(si)
        if si.queue is not None:
            cleanup(si.queue)
        si.sched.fp.free_sched(si)
        self.si_count -= 1

    # flowsets --------------------------------------------------------------------------------------------------
    def _fsk_new(self, number: int) -> Fsk:
        fs = Fsk(self, number)
        self.fshash.insert(number, number_hash(number), fs)
        self.fsk_count += 1
        self.fsu.insert(0, fs)
        return fs

    def aqm_cleanup(self, fs: Fsk) -> None:
        """aqm_cleanup_deconfig_fs: the flowset has no AQM any more."""
        if fs.aqm is None:
            return
        s = fs.sched
        if s is not None:
            own = [si.queue for si in s.instances() if si.queue is not None] if fs.number > DN_MAX_ID else []
            for q in own or fs.queues():
                cleanup(q)
        fs.aqm = LostPie(self) if isinstance(fs.aqm, Pie | LostPie) else None

    def fsk_detach(self, fs: Fsk, delete: bool) -> None:
        """Take a flowset off its scheduler; its queues go."""
        (self.fsu if fs.sched is None else fs.sched.fsk_list).remove(fs)
        self.qht_delete(fs)
        self.aqm_cleanup(fs)
        fs.sched = None
        if delete:
            self.fsk_count -= 1
        else:
            self.fsu.insert(0, fs)

    def delete_fs(self, number: int) -> None:
        """queue N delete."""
        fs = self.fshash.index.get(number)
        if fs is None:
            raise KError(EINVAL)
        self.fshash.remove(fs)
        self.fsk_detach(fs, True)

    def fsk_attach(self, fs: Fsk, s: Schk) -> None:
        """Put a flowset without a scheduler on one; masks of both tell flows apart."""
        self.fsu.remove(fs)
        fs.sched = s
        s.fsk_list.insert(0, fs)
        s.fp.new_fsk(fs)
        fs.mask = fs.fs.flow_mask
        if s.masked:
            fs.mask = or_masks(s.sch.sched_mask, fs.mask)
        fs.hashed = nonzero_mask(fs.mask)
        fs.qht = fs.single = None
        if fs.fs.flags & DN_IS_RED:
            self._config_red(fs)

    def _config_red(self, fs: Fsk) -> None:
        assert fs.sched is not None
        bandwidth = fs.sched.link.bandwidth
        fs.red.configure(fs.fs, bandwidth, self.red_lookup_depth, self.red_avg_pkt_size, self.red_max_pkt_size)

    def _config_aqm(self, fs: Fsk, extra: DnExtra | None, busy: bool) -> None:
        """config_aqm; nobody hears about errors."""
        if extra is None or not extra.name or not extra.aqm:
            return
        if busy:
            self.vnet.kernel.printf("config_aqm Unable to configure flowset, flowset busy!")
            return
        self.aqm_cleanup(fs)
        kind = AQMS.get(extra.name.lower())
        if kind is None:
            fs.fs = replace(fs.fs, flags=fs.fs.flags & ~DN_IS_AQM)
            return
        fs.fs = replace(fs.fs, flags=fs.fs.flags | DN_IS_AQM)
        fs.aqm = kind(self, extra)

    def config_fs(self, new: DnFs, extra: DnExtra | None) -> Fsk:
        """Make or change a flowset.  EPERM if it does not exist and no scheduler is named (a 1 that is not meant as errno)."""
        if not 0 < new.fs_nr < 3 * DN_MAX_ID:
            raise KError(EPERM)
        if new.flags & DN_QSIZE_BYTES:
            qsize = bound_var(_int32(new.qsize), 16384, 1500, _int32(self.byte_limit))
        else:
            qsize = bound_var(_int32(new.qsize), 50, 1, _int32(self.slot_limit))
        buckets = bound_var(new.buckets, self.hash_size, 1, MAX_HASH_SIZE) if new.flags & DN_HAVE_MASK else 1
        fs = self.fshash.index.get(new.fs_nr)
        if fs is None:
            if not new.sched_nr:
                self.vnet.kernel.printf(f"config_fs  missing sched for flowset {new.fs_nr}")
                raise KError(EPERM)
            fs = self._fsk_new(new.fs_nr)
        par = tuple(old if value == -1 else value for value, old in zip(new.par, fs.par, strict=True))
        sched_nr = new.sched_nr or fs.fs.sched_nr
        new = replace(new, qsize=qsize, buckets=buckets, sched_nr=sched_nr, par=(0, 0, 0, 0))
        s: Schk | None = self.schedhash.index.get(sched_nr)
        busy = s is not None and (s.masked or s.single is not None)
        flags = fs.fs.flags | (DN_QHT_HASH if fs.hashed else 0)
        if replace(fs.fs, flags=flags) == new and tuple(fs.par) == par and not fs.pl_bad:
            self._config_aqm(fs, extra, busy)
            return fs
        if fs.sched is not None:
            self.fsk_detach(fs, False)
        fs.fs, fs.par = new, list(par)
        fs.pl_bad = False
        fs.aqm = None
        self._config_aqm(fs, extra, busy)
        if s is not None:
            self.fsk_attach(fs, s)
        return fs

    # schedulers ------------------------------------------------------------------------------------------------
    def schk_delete(self, s: Schk) -> None:
        """schk_delete_cb: flowsets are left without a scheduler, instances go."""
        while s.fsk_list:
            self.fsk_detach(s.fsk_list[0], False)
        for si in s.instances():
            self.si_destroy(si)
        self.schk_count -= 1

    def delete_schk(self, number: int) -> None:
        """Delete a scheduler with its own flowset."""
        s = self.schedhash.index.get(number)
        if s is None:
            raise KError(EINVAL)
        self.schedhash.remove(s)
        if number + DN_MAX_ID in self.fshash.index:
            self.delete_fs(number + DN_MAX_ID)
        self.schk_delete(s)

    def delete_pipe(self, number: int) -> None:
        """pipe N delete: both its schedulers."""
        failed = None
        for each in (number, number + DN_MAX_ID):
            try:
                self.delete_schk(each)
            except KError as e:
                failed = failed or e
        if failed is not None:
            raise failed

    def flush(self) -> None:
        """Delete everything."""
        for s in self.schedhash.scan():
            self.schk_delete(s)
        self.schedhash = DnHt(self.schedhash.mask + 1)
        while self.fsu:
            self.fsk_detach(self.fsu[0], True)
        self.fshash = DnHt(self.fshash.mask + 1)
        self.evheap = DnHeap()

    def config_sched(self, sch: DnSch, extra: DnExtra | None) -> None:
        """Make or change a scheduler and the FIFO that goes with it, whose mask is a pipe's.  EINVAL."""
        number, pipe = sch.sched_nr, bool(sch.flags & DN_PIPE_CMD)
        if not 0 < number < DN_MAX_ID:
            raise KError(EINVAL)
        if sch.flags & DN_HAVE_MASK:
            sch = replace(sch, buckets=bound_var(sch.buckets, self.hash_size, 1, MAX_HASH_SIZE))
        sch = replace(sch, flags=sch.flags & ~DN_PIPE_CMD)
        base = sch
        old: Schk | None = self.schedhash.index.get(number)
        kind = find_sched_type(sch.name) if sch.name else None
        if kind is None and sch.name:
            self.vnet.kernel.printf(f"config_sched invalid scheduler type 0 {sch.name}")
            raise KError(EINVAL)
        if kind is None and old is not None:
            kind = None if pipe else type(old.fp)
        elif kind is None:
            kind = Wf2q
            if pipe:
                base = replace(sch, sched_mask=FlowId(), buckets=0, flags=sch.flags & ~DN_HAVE_MASK)
        if kind is not None:
            self._config_sched(replace(base, name=kind.name), kind, extra)
        if pipe or number + DN_MAX_ID not in self.schedhash.index:
            self._config_sched(replace(sch, sched_nr=number + DN_MAX_ID, name=Fifo.name), Fifo, extra)

    def _config_sched(self, sch: DnSch, kind: type[DnAlg], extra: DnExtra | None) -> None:
        """One scheduler; a change makes a new one on the old link."""
        old: Schk | None = self.schedhash.index.get(sch.sched_nr)
        s = old
        if old is None or type(old.fp) is not kind or old.sch != sch:
            if old is not None:
                self.schedhash.remove(old)
                self.schk_delete(old)
            s = Schk(sch)
            s.fp = kind(self, s)
            self.schedhash.insert(sch.sched_nr, number_hash(sch.sched_nr), s)
            self.schk_count += 1
            if old is not None:
                s.link, s.profile = old.link, old.profile
        assert s is not None
        if not kind.multiqueue and s.fs is None:
            # A pipe's FIFO takes the flowset of a scheduler of that number if there is one.
            s.fs = self.fshash.index.get(sch.sched_nr)
            if s.fs is None:
                s.fs = self.config_fs(DnFs(sch.sched_nr + DN_MAX_ID, sched_nr=sch.sched_nr, par=(0, 0, 0, 0)), None)
        s.fp.config(extra)
        for fs in tuple(self.fsu):
            if fs.fs.sched_nr == sch.sched_nr:
                self.fsk_attach(fs, s)
            else:
                unlinked = f"fs {fs.number} for sch {fs.fs.sched_nr} not {sch.sched_nr} still unlinked"
                self.vnet.kernel.printf(f"update_fs  {unlinked}")

    def config_link(self, link: DnLink) -> None:
        """A link and that of the FIFO.  EINVAL."""
        if not 0 < link.link_nr < DN_MAX_ID:
            raise KError(EINVAL)
        ticks = _int32(link.delay) * HZ
        delay = ticks // 1000 if ticks >= 0 else -(-ticks // 1000)
        for number in (link.link_nr, link.link_nr + DN_MAX_ID):
            s: Schk | None = self.schedhash.index.get(number)
            if s is None:
                raise KError(EINVAL)
            s.profile = None
            changed = s.link.bandwidth != link.bandwidth
            s.link = DnLink(number, link.bandwidth, delay, link.burst * 8 * HZ)
            if changed:
                for fs in s.fsk_list:
                    if fs.fs.flags & DN_IS_RED:
                        self._config_red(fs)
            for si in s.instances():
                si.credit = s.link.burst + (s.link.bandwidth if self.io_fast else 0)

    def config_profile(self, profile: DnProfile) -> None:
        """A delay profile for a link.  EINVAL."""
        if not 0 < profile.link_nr < DN_MAX_ID:
            raise KError(EINVAL)
        for number in (profile.link_nr, profile.link_nr + DN_MAX_ID):
            s: Schk | None = self.schedhash.index.get(number)
            if s is None:
                raise KError(EINVAL)
            s.profile = profile if profile.samples_no else None


CONFIGURE: dict[type[Any], Callable[[Dummynet, Any, DnExtra | None], object]] = {
    DnSch: Dummynet.config_sched,
    DnFs: Dummynet.config_fs,
    DnLink: lambda dn, link, extra: dn.config_link(link),
    DnProfile: lambda dn, profile, extra: dn.config_profile(profile),
}
"""What configures an object, by its type (do_config)."""
