"""What a scheduler says of its own accord: that it waits, and for what."""

from __future__ import annotations

import asyncio
import logging

from .errors import BridgeError
from .events import Event, LinkChanged, Offers, Opened, Standby, Update

_log = logging.getLogger("mesosbridge")
# Offers come within one or two of Mesos's allocation intervals, of 1 s each.
_WAIT_FOR_OFFERS = 5.0


class Notices:
    """Logs once what it waits for, not with each try. Without a configuration of `logging`, that is on stderr."""

    def __init__(self, wants_offers: bool) -> None:
        self._wants_offers = wants_offers
        self._lost = False
        self._link: Opened | LinkChanged | None = None
        self._timer: asyncio.TimerHandle | None = None

    def failed(self, error: BridgeError) -> None:
        """An attempt to attach failed, and another one follows."""
        if not self._lost:
            _log.warning("not attached to the bridge: %s; trying again", error)
        self._lost = True
        self.close()

    def seen(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._opened(event)
        elif isinstance(event, Standby):
            self._lost = False
            _log.warning("on standby: another scheduler of the framework may be active")
        elif isinstance(event, LinkChanged):
            self._link = event
        elif isinstance(event, Offers | Update):
            self._wants_offers = False
            self.close()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _opened(self, opened: Opened) -> None:
        if self._lost:
            _log.info("attached to the bridge")
        self._lost = False
        self._link = opened
        if self._wants_offers and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WAIT_FOR_OFFERS, self._no_offers)

    def _no_offers(self) -> None:
        self._wants_offers = False
        what = (
            "offers"
            if self._link is None or self._link.linked
            else "a Mesos master, which the bridge does not have yet"
        )
        _log.warning("attached to the bridge, and waiting for %s", what)
