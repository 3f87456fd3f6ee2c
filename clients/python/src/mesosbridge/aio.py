"""The scheduler for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import grpc

from mesos.v1 import mesos_pb2

from .acknowledger import MAX_OWED, Acknowledger
from .attachment import Attachment
from .bridges import Bridges
from .calls import Calls
from .connector import Connector
from .errors import BridgeError
from .events import AcknowledgementRefused, Event, Opened, owed_token
from .options import Options
from .v1 import scheduler_pb2, scheduler_pb2_grpc


class AsyncScheduler(Calls):
    """A framework's scheduler, driven through the bridge.

    It attaches when its events are read first, or the first call is made, and again whenever the stream breaks.

        async with AsyncScheduler("127.0.0.1:50051", "example", FrameworkInfo(user="me")) as scheduler:
            async for event in scheduler:
                if isinstance(event, Offers):
                    await scheduler.decline_offers(event.offers)

    An update counts as handled, and is acknowledged, when the next event is asked for: the one at which the loop is
    left is not. The loop ends in order after `close`, `teardown`, `close_session` and `hand_over`, and else with a
    BridgeError.

    Args:
        bridge: where it is, as HOST:PORT or unix:/PATH. For a bridge that comes back on another host: several, as in
            "a:50051,b:50051". When the one in use can't be reached, the next one is tried at once.
        framework_name: names the session; the bridge keeps the Mesos framework id that belongs to it.
        framework_info: the framework as Mesos will know it; `user` is required, `name` defaults to `framework_name`.
            None: the one that the bridge has stored.
        options: the rest.
    """

    def __init__(
        self,
        bridge: str,
        framework_name: str,
        framework_info: mesos_pb2.FrameworkInfo | None = None,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        self._connector = Connector(bridge, self._options)
        self._framework_name = framework_name
        self._call_timeout = self._options.call_timeout
        self._term = 0
        self._request = self._options.request(framework_name, framework_info)
        # None is the end.
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._taken = asyncio.Event()
        # Acknowledgements of updates that wait for the consumer, or are with it.
        self._unhandled: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BridgeError | None = None
        self._closed = False

    async def start(self) -> None:
        """Attaches, unless that was done."""
        if self._tasks:
            return
        if self._closed:
            raise BridgeError(grpc.StatusCode.CANCELLED, "the scheduler is closed")
        self._bridges = Bridges(self._connector)
        self._attachment = Attachment(self._bridges, self._request, self._options, self._deliver)
        self._acknowledger = Acknowledger(self._send_acknowledgements, self._refused)
        acknowledging = asyncio.create_task(self._acknowledger.run())
        self._tasks = [asyncio.create_task(self._run(acknowledging)), acknowledging]

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def events(self) -> AsyncIterator[Event]:
        """The events, in order."""
        while (event := await self.next_event()) is not None:
            yield event
            await self.handled(event)

    async def next_event(self) -> Event | None:
        """The next event, for programs without `events`: call `handled` for it. None if they ended regularly."""
        await self.start()
        if self._options.standby:
            # Calls in tasks that the program has created begin before it is in another term.
            await asyncio.sleep(0)
        event = await self._queue.get()
        self._taken.set()
        if self._options.standby and isinstance(event, Opened) and not event.resumed:
            self._term += 1
        if event is None:
            self._queue.put_nowait(None)
            if self._failure is not None:
                raise self._failure
        return event

    async def handled(self, event: Event) -> None:
        """Acknowledges an update; nothing for other events. Waits while 10,000 acknowledgements are owed."""
        token = owed_token(event)
        if token is None:
            return
        self._unhandled.discard(token)
        if self._options.acknowledge and not self._attachment.ended:
            self._acknowledger.add(token)
            await self._drained(MAX_OWED)

    async def header(self) -> scheduler_pb2.CallHeader:
        """The header of a call made with `stub`, once there is an attachment."""
        await self.start()
        attachment_id = await self._attachment.ready()
        return scheduler_pb2.CallHeader(framework_name=self._framework_name, attachment_id=attachment_id)

    @property
    def stub(self) -> scheduler_pb2_grpc.SchedulerServiceStub:
        """The generated stub, for what this library has no method for, such as Calls. After `start`."""
        return self._bridges.stub

    async def close(self, drain: float = 5.0) -> None:
        """Detaches: the session and its tasks continue for the lease. First sends the pending acknowledgements.

        Args:
            drain: how long to try that, in seconds.
        """
        if self._closed:
            return
        self._closed = True
        self._queue.put_nowait(None)
        if not self._tasks:
            return
        try:
            async with asyncio.timeout(drain):
                await self._drained(1)
        except TimeoutError:
            # Mesos sends those updates again.
            pass
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bridges.close()

    async def __aenter__(self) -> AsyncScheduler:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, acknowledging: asyncio.Task[None]) -> None:
        try:
            await self._attachment.run()
        except BridgeError as error:
            self._failure = error
        finally:
            # What is still owed can't be sent any more; the bridge's next snapshot brings those updates again.
            acknowledging.cancel()
            self._queue.put_nowait(None)

    async def _drained(self, limit: int) -> None:
        """Waits until fewer than `limit` acknowledgements are owed, or nothing is sent any more."""
        waiting = asyncio.create_task(self._acknowledger.wait_until(limit))
        try:
            await asyncio.wait([waiting, self._tasks[1]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def _deliver(self, event: Event) -> None:
        token = owed_token(event)
        if token is not None:
            # A snapshot repeats what it does not know to be handled: what we have already must not come twice.
            if token in self._unhandled or self._acknowledger.has(token):
                return
            self._unhandled.add(token)
        self._queue.put_nowait(event)
        while self._queue.qsize() >= self._options.max_buffered:
            self._taken.clear()
            await self._taken.wait()

    async def _send_acknowledgements(self, ack_tokens: list[str]) -> None:
        try:
            await self.acknowledge(ack_tokens)
        except BridgeError:
            if self._attachment.ended:
                # Once the session has ended no acknowledgement is refused: they just can't be sent any more.
                raise asyncio.CancelledError from None
            raise

    def _refused(self, ack_token: str, error: BridgeError) -> None:
        self._queue.put_nowait(AcknowledgementRefused(ack_token=ack_token, error=error))
