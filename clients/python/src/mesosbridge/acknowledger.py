"""Sends acknowledgements in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .errors import BridgeError

# The bridge takes 10,000 at once; smaller batches come back sooner.
_MAX_BATCH = 1_000
# Above this many owed acknowledgements the consumer waits.
MAX_OWED = 10_000
_RETRY = 0.25


class Acknowledger:
    """Sends them in the order in which they were added, in batches: while one is on its way the next fills up.

    What fails is sent again until the bridge takes it or refuses it.
    """

    def __init__(
        self, send: Callable[[list[str]], Awaitable[None]], refused: Callable[[str, BridgeError], None]
    ) -> None:
        self._send = send
        self._refused = refused
        # In order. A snapshot may bring an update whose acknowledgement is still on its way.
        self._owed: dict[str, None] = {}
        self._changed = asyncio.Event()

    @property
    def owed(self) -> int:
        """How many acknowledgements the bridge has not confirmed yet."""
        return len(self._owed)

    def has(self, ack_token: str) -> bool:
        """True while this acknowledgement was added and not yet confirmed."""
        return ack_token in self._owed

    def add(self, ack_token: str) -> None:
        self._owed[ack_token] = None
        self._wake()

    async def wait_until(self, limit: int) -> None:
        """Waits until fewer than `limit` are owed."""
        while len(self._owed) >= limit:
            await self._changed.wait()

    async def run(self) -> None:
        """Sends until it is cancelled."""
        size = _MAX_BATCH
        while True:
            if not self._owed:
                await self._changed.wait()
                continue
            size = await self._send_one(list(self._owed)[:size], size)

    async def _send_one(self, batch: list[str], size: int) -> int:
        """Gives the size of the next batch. After a refusal each token goes alone, to find the bad one."""
        try:
            await self._send(batch)
        except BridgeError as error:
            if error.retryable or error.outcome_unknown:
                await asyncio.sleep(_RETRY)
                return size
            if len(batch) > 1:
                return 1
            self._refused(batch[0], error)
            size = _MAX_BATCH
        for token in batch:
            self._owed.pop(token, None)
        self._wake()
        return size

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
