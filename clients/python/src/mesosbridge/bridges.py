"""The addresses where the bridge may be."""

from __future__ import annotations

import grpc

from .connector import Connector
from .errors import BridgeError
from .v1 import scheduler_pb2_grpc


class Bridges:
    """One of the addresses is used at a time, for the stream and for all calls."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        # They connect with their first call, and stay: calls may be under way.
        self._channels = connector.open()
        self._stubs = [scheduler_pb2_grpc.SchedulerServiceStub(channel) for channel in self._channels]
        self._current = 0
        # Addresses tried since the last good stream.
        self._tried = 0

    @property
    def stub(self) -> scheduler_pb2_grpc.SchedulerServiceStub:
        """That of the address that is used now."""
        return self._stubs[self._current]

    def failed(self, error: BridgeError) -> bool:
        """Turns to the next address if the error says that this one does not serve.

        True if the next one has not failed yet since the last good stream, so that it is worth trying at once.
        """
        if error.reason and error.code != grpc.StatusCode.UNAVAILABLE:
            return False
        self._current = (self._current + 1) % len(self._stubs)
        self._tried += 1
        return self._tried % len(self._stubs) != 0

    async def explained(self, error: BridgeError) -> BridgeError:
        """The error of a failed attempt to attach, with what it means here."""
        return await self._connector.explained(error, self._current)

    @property
    def gives_fresh_tokens(self) -> bool:
        """True if another try may have another token."""
        return self._connector.gives_fresh_tokens

    def served(self) -> None:
        """A stream lived long enough to be called a good one."""
        self._tried = 0

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
