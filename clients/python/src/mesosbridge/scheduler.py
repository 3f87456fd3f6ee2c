"""The scheduler that blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar

import grpc

from mesos.v1 import mesos_pb2

from .aio import AsyncScheduler
from .errors import BridgeError
from .events import Event
from .options import Options

T = TypeVar("T")


def _blocking(name: str):
    """The method of that name of AsyncScheduler, waited for."""
    method = getattr(AsyncScheduler, name)

    @wraps(method)
    def call(self: Scheduler, *args: Any, **kwargs: Any) -> Any:
        return self._wait(method(self._scheduler, *args, **kwargs))

    return call


class Scheduler:
    """AsyncScheduler for programs without asyncio: the same arguments, events and calls.

        with Scheduler("127.0.0.1:50051", "example", FrameworkInfo(user="me")) as scheduler:
            for event in scheduler:
                if isinstance(event, Offers):
                    scheduler.decline_offers(event.offers)

    The stream is read in a thread of its own. Calls may be made from any thread.
    """

    def __init__(
        self,
        bridge: str,
        framework_name: str,
        framework_info: mesos_pb2.FrameworkInfo | None = None,
        options: Options | None = None,
    ) -> None:
        self._scheduler = AsyncScheduler(bridge, framework_name, framework_info, options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"mesosbridge {framework_name}", daemon=True
        )
        self._thread.start()

    launch_tasks = _blocking("launch_tasks")
    accept_offers = _blocking("accept_offers")
    decline_offers = _blocking("decline_offers")
    revive_offers = _blocking("revive_offers")
    suppress_offers = _blocking("suppress_offers")
    kill_task = _blocking("kill_task")
    reconcile_tasks = _blocking("reconcile_tasks")
    send_message = _blocking("send_message")
    acknowledge = _blocking("acknowledge")
    get_state = _blocking("get_state")
    put_state = _blocking("put_state")
    delete_state = _blocking("delete_state")
    list_state = _blocking("list_state")
    call = _blocking("call")
    teardown = _blocking("teardown")
    close_session = _blocking("close_session")
    hand_over = _blocking("hand_over")
    next_event = _blocking("next_event")
    handled = _blocking("handled")

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    def events(self) -> Iterator[Event]:
        """The events, in order, as those of AsyncScheduler."""
        while (event := self.next_event()) is not None:
            yield event
            self.handled(event)

    def close(self, drain: float = 5.0) -> None:
        """Detaches, as AsyncScheduler does."""
        if self._loop.is_closed():
            return
        self._wait(self._scheduler.close(drain))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        # Where functions that give tokens ran.
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            coroutine.close()
            raise BridgeError(grpc.StatusCode.CANCELLED, "the scheduler is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise BridgeError(grpc.StatusCode.CANCELLED, "the scheduler was closed") from None
        except KeyboardInterrupt:
            future.cancel()
            raise
