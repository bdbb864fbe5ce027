"""The heap and the hash table of dummynet (netpfil/ipfw/dn_heap.c).

Both are made as the real ones are, since the order in which equal things are served and listed comes from them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

NOWHERE = -16


class DnHeap:
    """A heap of objects by key; an object knows its place (`heap_pos`), so that it can be taken out of the middle."""

    __slots__ = ("keys", "objs")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.objs: list[Any] = []

    def insert(self, key: int, obj: Any) -> None:
        """heap_insert: the youngest of those with one key comes out first."""
        self.keys.append(key)
        self.objs.append(obj)
        self._up(len(self.keys) - 1)

    def _up(self, son: int) -> None:
        keys, objs = self.keys, self.objs
        while son > 0:
            father = (son - 1) // 2
            if keys[father] < keys[son]:
                break
            keys[father], keys[son] = keys[son], keys[father]
            objs[father], objs[son] = objs[son], objs[father]
            objs[son].heap_pos = son
            son = father
        objs[son].heap_pos = son

    def extract(self, obj: Any = None) -> bool:
        """heap_extract: take out the top, or an object; False if it is not here."""
        keys, objs = self.keys, self.objs
        last = len(keys) - 1
        father = 0 if obj is None else obj.heap_pos
        if not 0 <= father <= last or (obj is not None and objs[father] is not obj):
            return False
        objs[father].heap_pos = NOWHERE
        while (child := 2 * father + 1) <= last:
            if child != last and keys[child + 1] < keys[child]:
                child += 1
            keys[father], objs[father] = keys[child], objs[child]
            objs[father].heap_pos = father
            father = child
        key, moved = keys.pop(), objs.pop()
        if father != last:
            keys[father], objs[father] = key, moved
            self._up(father)
        return True


def hash_mask(buckets: int) -> int:
    """The number of buckets, less one: the power of two that is near."""
    most = (1 << buckets.bit_length()) - 1
    least = most >> 1
    return most if least * 4000 // 3000 < buckets else least


class DnHt:
    """A hash table of objects (struct dn_ht); an object keeps its key and bucket in `ht`."""

    __slots__ = ("chains", "index", "mask")

    def __init__(self, buckets: int) -> None:
        self.mask = hash_mask(buckets)
        self.index: dict[Hashable, Any] = {}
        self.chains: dict[int, list[Any]] = {}
        """Buckets with something in them, the youngest first."""

    def insert(self, key: Hashable, value: int, obj: Any) -> None:
        """Put an object with this hash value in."""
        bucket = 0 if self.mask == 1 else value & self.mask
        obj.ht = (key, bucket)
        self.index[key] = obj
        self.chains.setdefault(bucket, []).insert(0, obj)

    def remove(self, obj: Any) -> None:
        """Take an object out."""
        key, bucket = obj.ht
        del self.index[key]
        chain = self.chains[bucket]
        chain.remove(obj)
        if not chain:
            del self.chains[bucket]

    def scan(self) -> Iterator[Any]:
        """dn_ht_scan: everything, bucket by bucket; what is yielded may be removed."""
        for bucket in sorted(self.chains):
            yield from tuple(self.chains.get(bucket, ()))

    def bucket(self, number: int) -> tuple[Any, ...]:
        """What is in a bucket."""
        return tuple(self.chains.get(number, ()))
