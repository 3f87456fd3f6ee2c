"""Keeps one Subscribe stream open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import grpc

from .backoff import Backoff
from .bridges import Bridges
from .errors import BridgeError, bridge_error
from .events import Detached, Event, Gap, Opened, Standby, event_of
from .notices import Notices
from .options import Options
from .v1 import scheduler_pb2

# `Opened` comes at once from a bridge that is alive.
_OPEN_TIMEOUT = 15.0
_CONFIRM_TIMEOUT = 15.0
# So many intervals without any event, and the stream counts as broken.
_MISSED_PROGRESS = 3
_DEFAULT_PROGRESS_INTERVAL = 15.0
# A stream that lived that long was a good one: the next wait starts small again.
_GOOD_STREAM = 5.0
_OLD_BRIDGE = "the bridge does not know standby schedulers: update the bridge, or attach without standby"


class Attachment:
    """Attaches, watches the stream, and attaches again after it broke."""

    def __init__(
        self,
        bridges: Bridges,
        request: scheduler_pb2.SubscribeRequest,
        options: Options,
        deliver: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._bridges = bridges
        self._request = request
        self._standby = options.standby
        self._deliver = deliver
        self._give_up_after = options.give_up_after
        self._backoff = Backoff(options.backoff_initial, options.backoff_max)
        # Where a broken stream is taken up again. None until a snapshot was complete: its rest would be lost.
        self._resume: scheduler_pb2.Resume | None = None
        # Sequence of the last event received: where the next one shows a gap.
        self._last = 0
        # Whether the bridge has answered the stream, or the last one.
        self._opened = False
        self._progress_interval = _DEFAULT_PROGRESS_INTERVAL
        self._alive = time.monotonic()
        # In a row, since the last stream that was opened.
        self._failures = 0
        self._id: str | None = None
        self._error: BridgeError | None = None
        self.ended = False
        """True once there is no attachment and never will be."""
        # As standby: how often it became active after another scheduler may have been.
        self._term = 0
        self._changed = asyncio.Event()
        self._notices = Notices(wants_offers=not request.suppressed_roles)
        # Where there was a bridge once, it is the bridge that is away.
        self._found = False
        self._token_refused = False

    @property
    def id(self) -> str | None:
        """The attachment that the stream stands for; None while there is none, or it waits as standby."""
        return self._id

    @property
    def ended_well(self) -> bool:
        """True once the stream ended as it should: after a teardown, or because the session was closed."""
        return self.ended and self._error is None

    def is_term(self, term: int) -> bool:
        """True if no other scheduler can have been active since the program was in that term. In its first one, that
        also holds for what it began before."""
        return self._term == term or (self._term == 1 and term == 0)

    async def ready(self, previous: str | None = None) -> str:
        """The attachment's id, once there is one other than `previous`."""
        while self._id is None or self._id == previous:
            if self.ended:
                raise self._error or BridgeError(grpc.StatusCode.CANCELLED, "the session has ended")
            await self._changed.wait()
        return self._id

    async def run(self) -> None:
        """Runs until the session ends; raises the BridgeError that a new attachment can't fix."""
        try:
            while (broken := await self._read_stream()) is not None:
                self._set_id(None)
                if not self._found:
                    broken = await self._bridges.explained(broken)
                out_of_time = self._give_up_after is not None and time.monotonic() - self._alive > self._give_up_after
                has_fresh_token = self._has_fresh_token(broken)
                if not (self._is_fixable(broken) or has_fresh_token) or out_of_time:
                    self._error = broken
                    raise broken
                self._failures += 1
                self._notices.failed(broken)
                is_next_fresh = self._bridges.failed(broken)
                at_once = is_next_fresh or has_fresh_token
                wait = 0.0 if at_once else max(self._backoff.next(), broken.retry_delay)
                await self._deliver(Detached(error=broken, attempt=self._failures, retry_in=wait))
                await asyncio.sleep(wait)
        finally:
            self._notices.close()
            self.ended = True
            self._set_id(None)

    def _is_fixable(self, error: BridgeError) -> bool:
        """True if a new attachment may fix it. That of a standby does not end another one, so a standby attaches again
        even after it was superseded."""
        return error.retryable or (self._standby and error.stale)

    def _has_fresh_token(self, error: BridgeError) -> bool:
        """True once after each good stream, for a token that was refused, if the next one may be another."""
        refused, self._token_refused = self._token_refused, error.code == grpc.StatusCode.UNAUTHENTICATED
        return self._token_refused and not refused and self._bridges.gives_fresh_tokens

    async def _read_stream(self) -> BridgeError | None:
        """Reads one stream to its end. Gives the error that broke it; None when the bridge ended it in order."""
        request = scheduler_pb2.SubscribeRequest()
        request.CopyFrom(self._request)
        if self._resume is not None:
            request.resume.CopyFrom(self._resume)
        self._opened = False
        started = time.monotonic()
        call = self._bridges.stub.Subscribe(request)
        try:
            patience = _OPEN_TIMEOUT
            while True:
                async with asyncio.timeout(patience):
                    response = await call.read()
                if response is grpc.aio.EOF:
                    return None
                for event in response.events:
                    await self._take(event)
                patience = _MISSED_PROGRESS * self._progress_interval
        except grpc.aio.AioRpcError as error:
            return bridge_error(error)
        except BridgeError as error:
            # There is no token, or the bridge is too old.
            return error
        except TimeoutError:
            return BridgeError(grpc.StatusCode.UNAVAILABLE, f"no sign of life from the bridge for {patience:g} s")
        finally:
            call.cancel()
            if self._opened:
                self._alive = time.monotonic()
                if self._alive - started > _GOOD_STREAM:
                    self._backoff.reset()
                    self._bridges.served()

    async def _take(self, event: scheduler_pb2.SessionEvent) -> None:
        seen = event_of(event)
        if isinstance(seen, Standby):
            self._begin(seen)
        elif isinstance(seen, Opened):
            self._begin(seen)
            if self._standby:
                await self._confirm(event)
            self._adopt(seen)
        elif self._id is None:
            # It waits, and has lasted: a fresh token may be tried again. If `Opened` allowed that, a promotion whose
            # confirmation is refused would ask for tokens without end.
            self._token_refused = False
            return
        else:
            await self._advance(event)
        if seen is not None:
            self._notices.seen(seen)
            await self._deliver(seen)

    def _begin(self, seen: Opened | Standby) -> None:
        self._opened = True
        self._found = True
        self._failures = 0
        self._progress_interval = seen.progress_interval or _DEFAULT_PROGRESS_INTERVAL

    async def _confirm(self, event: scheduler_pb2.SessionEvent) -> None:
        """Tells the bridge that this scheduler is there. Otherwise it would promote the next one."""
        if not event.HasField("promoted"):
            # A bridge that knows standbys lets each one wait first.
            raise BridgeError(grpc.StatusCode.UNIMPLEMENTED, _OLD_BRIDGE)
        opened = event.promoted.opened
        header = scheduler_pb2.CallHeader(
            framework_name=self._request.framework_name, attachment_id=opened.attachment_id
        )
        request = scheduler_pb2.ConfirmPromotionRequest(header=header)
        try:
            # It also covers the function that gives tokens.
            async with asyncio.timeout(_CONFIRM_TIMEOUT):
                await self._bridges.stub.ConfirmPromotion(request)
        except TimeoutError:
            text = f"no answer to the confirmation of the promotion within {_CONFIRM_TIMEOUT:g} s"
            raise BridgeError(grpc.StatusCode.UNAVAILABLE, text) from None
        if not opened.resumed:
            self._term += 1

    def _adopt(self, opened: Opened) -> None:
        """Takes the attachment into use."""
        self._token_refused = False
        if opened.resumed and self._resume is not None:
            self._resume.attachment_id = opened.attachment_id
        else:
            self._resume = None
            self._last = opened.sequence
        self._set_id(opened.attachment_id)

    async def _advance(self, event: scheduler_pb2.SessionEvent) -> None:
        """Notes how far the stream was read. Pieces of an event count with the last one: resuming needs them all."""
        missing = event.sequence - self._last - 1
        if missing > 0:
            await self._deliver(Gap(missing=missing))
        self._last = event.sequence
        if self._resume is None and event.progress.snapshot_end:
            self._resume = scheduler_pb2.Resume(attachment_id=self._id)
        if self._resume is not None and not event.fragment:
            self._resume.after_sequence = event.sequence

    def _set_id(self, attachment_id: str | None) -> None:
        self._id = attachment_id
        self._changed.set()
        self._changed = asyncio.Event()
