"""The addresses where the bridge may be."""

from __future__ import annotations

import grpc

from .errors import BridgeError
from .options import Options
from .proxy import Route
from .stranger import with_stranger
from .v1 import scheduler_pb2_grpc


def addresses_of(bridge: str) -> list[str]:
    """The addresses of `HOST:PORT`, or of several with commas between them. Raises ValueError if one is empty."""
    addresses = [address.strip() for address in bridge.split(",")]
    if "" in addresses:
        raise ValueError("bridge should be HOST:PORT, or several of them with commas between them")
    return addresses


class Bridges:
    """One of the addresses is used at a time, for the stream and for all calls."""

    def __init__(self, routes: list[Route], options: Options) -> None:
        self._routes = routes
        # They connect with their first call, and stay: calls may be under way.
        self._channels = [options.channel(route) for route in routes]
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
        route = self._routes[self._current]
        return error if route.options else await with_stranger(error, route.address)

    def served(self) -> None:
        """A stream lived long enough to be called a good one."""
        self._tried = 0

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
