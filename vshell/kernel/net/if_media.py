"""Media of an interface: what it supports, what is chosen (ifmedia(9), net/if_media.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.errno import ENXIO, EOPNOTSUPP, KError
from vshell.abi.if_media import IFM_AUTO, IFM_NONE, IFM_SUBTYPE
from vshell.abi.sockio import IfMediaReq

Status = Callable[[], tuple[int, int]]
"""Answers (status, active medium)."""


class Ifmedia:
    """struct ifmedia."""

    __slots__ = ("change", "current", "media", "status", "words")

    def __init__(self, words: tuple[int, ...], status: Status, change: Callable[[], None] | None = None) -> None:
        self.words = words[::-1]
        """What is supported, the last added first."""
        self.current = words[0]
        self.media = IFM_NONE
        self.status = status
        self.change = change
        """Makes the driver follow a choice; None if it cannot."""

    def get(self) -> IfMediaReq:
        """SIOCGIFMEDIA."""
        status, active = self.status()
        return IfMediaReq(self.current, 0, status, active, self.words)

    def set(self, word: int) -> None:
        """SIOCSIFMEDIA.  ENXIO if it is not supported."""
        if word not in self.words:
            raise KError(ENXIO)
        if IFM_SUBTYPE(word) != IFM_AUTO and word == self.media and word == self.current:
            return
        if self.change is None:
            raise KError(EOPNOTSUPP)
        self.change()
        self.current = self.media = word
