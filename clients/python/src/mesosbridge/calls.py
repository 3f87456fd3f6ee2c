"""The calls of the bridge."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import grpc

from mesos.v1 import mesos_pb2
from mesos.v1.scheduler import scheduler_pb2 as mesos_scheduler_pb2

from . import reasons
from .attachment import Attachment
from .backoff import Backoff
from .bridges import Bridges
from .errors import BridgeError, bridge_error
from .v1 import scheduler_pb2

OfferIds = Iterable["mesos_pb2.Offer | mesos_pb2.OfferID | str"]
Send = Callable[[scheduler_pb2.CallHeader], Awaitable[object]]

_TERM_OVER = "another scheduler may have been active since this call began: look at the snapshot, and decide anew"


class Calls:
    """Each call waits for an attachment, tries again where that is safe, and ends with a BridgeError.

    Safe is: no master, connection broken, attached anew. Where a call returns, the Mesos master has taken it. `timeout`
    is in seconds and covers all of that; None: the scheduler's `call_timeout`. `request_id` makes a retry of yours
    safe: the same id within 10 minutes is not done twice.

    With `Options.standby`, `launch_tasks`, `accept_offers`, `send_message`, `put_state`, `delete_state` and `call` fail
    with ATTACHMENT_SUPERSEDED if another scheduler may have been active since the `Opened` that the program got last:
    what they ask for may have been done already.
    """

    _bridges: Bridges
    _attachment: Attachment
    _framework_name: str
    _call_timeout: float
    # As standby: the term of the last `Opened` that the program was handed; 0 before the first.
    _term: int

    async def start(self) -> None:
        raise NotImplementedError

    async def launch_tasks(
        self,
        offer_ids: OfferIds,
        tasks: Iterable[mesos_pb2.TaskInfo],
        *,
        cookies: Mapping[str, bytes] | None = None,
        state: Iterable[scheduler_pb2.StateChange] = (),
        refuse_seconds: float | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Launches tasks on offers of one agent. What they leave over is declined, for 5 s by default.

        `cookies` are bytes of your own by task id: they come back in the `Tasks` events of each snapshot until the
        task's end is acknowledged. At most 512 KiB per call. Default: none.

        `state` are changes of the framework's state, in one commit with the tasks. Returns the version of the keys that
        they have written; 0 if they have written none.

        OFFER_GONE, STATE_CHANGED: nothing was launched. With `outcome_unknown`: reconcile before launching again. A
        bridge that can't keep cookies or state refuses the launch, which is retried.
        """
        request = scheduler_pb2.LaunchTasksRequest(
            offer_ids=_ids(offer_ids), tasks=tasks, filters=_filters(refuse_seconds), cookies=cookies, state=state
        )
        response = await self._once(lambda: self._bridges.stub.LaunchTasks, request, request_id, timeout)
        return response.state_version

    async def accept_offers(
        self,
        offer_ids: OfferIds,
        operations: Iterable[mesos_pb2.Offer.Operation],
        *,
        cookies: Mapping[str, bytes] | None = None,
        state: Iterable[scheduler_pb2.StateChange] = (),
        refuse_seconds: float | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Accepts offers of one agent with any operations. The rest is as for `launch_tasks`."""
        request = scheduler_pb2.AcceptOffersRequest(
            offer_ids=_ids(offer_ids),
            operations=operations,
            filters=_filters(refuse_seconds),
            cookies=cookies,
            state=state,
        )
        response = await self._once(lambda: self._bridges.stub.AcceptOffers, request, request_id, timeout)
        return response.state_version

    async def decline_offers(
        self, offer_ids: OfferIds, *, refuse_seconds: float | None = None, timeout: float | None = None
    ) -> None:
        """Declines offers, for 5 s by default. Those that are gone already do no harm."""
        request = scheduler_pb2.DeclineOffersRequest(offer_ids=_ids(offer_ids), filters=_filters(refuse_seconds))
        if request.offer_ids:
            await self._repeatedly(lambda: self._bridges.stub.DeclineOffers, request, timeout)

    async def revive_offers(self, roles: Iterable[str] = (), *, timeout: float | None = None) -> None:
        """Asks for offers again, and forgets what earlier declines said. Without roles: for all of them."""
        await self._repeatedly(
            lambda: self._bridges.stub.ReviveOffers, scheduler_pb2.ReviveOffersRequest(roles=roles), timeout
        )

    async def suppress_offers(self, roles: Iterable[str] = (), *, timeout: float | None = None) -> None:
        """Stops offers until `revive_offers`. Open offers stay open."""
        await self._repeatedly(
            lambda: self._bridges.stub.SuppressOffers, scheduler_pb2.SuppressOffersRequest(roles=roles), timeout
        )

    async def kill_task(
        self,
        task_id: str,
        *,
        agent_id: str | None = None,
        kill_policy: mesos_pb2.KillPolicy | None = None,
        timeout: float | None = None,
    ) -> None:
        """Asks for a task to be killed. What comes of it is an update."""
        request = scheduler_pb2.KillTaskRequest(
            task_id=mesos_pb2.TaskID(value=task_id),
            agent_id=None if agent_id is None else mesos_pb2.AgentID(value=agent_id),
            kill_policy=kill_policy,
        )
        await self._repeatedly(lambda: self._bridges.stub.KillTask, request, timeout)

    async def reconcile_tasks(self, task_ids: Iterable[str] = (), *, timeout: float | None = None) -> None:
        """Asks for the state of tasks; without any, of all that Mesos knows. The answers are updates."""
        task = mesos_scheduler_pb2.Call.Reconcile.Task
        tasks = [task(task_id=mesos_pb2.TaskID(value=value)) for value in task_ids]
        await self._repeatedly(
            lambda: self._bridges.stub.ReconcileTasks, scheduler_pb2.ReconcileTasksRequest(tasks=tasks), timeout
        )

    async def send_message(self, agent_id: str, executor_id: str, data: bytes, *, timeout: float | None = None) -> None:
        """Sends bytes to an executor. Mesos may drop them."""
        request = scheduler_pb2.SendMessageRequest(
            agent_id=mesos_pb2.AgentID(value=agent_id),
            executor_id=mesos_pb2.ExecutorID(value=executor_id),
            data=data,
        )
        await self._once(lambda: self._bridges.stub.SendMessage, request, None, timeout)

    async def acknowledge(self, ack_tokens: Iterable[str], *, timeout: float | None = None) -> None:
        """Acknowledges updates, in the order given. Use it only if you turned `Options.acknowledge` off."""
        request = scheduler_pb2.AcknowledgeRequest(ack_tokens=ack_tokens)
        if request.ack_tokens:
            await self._repeatedly(lambda: self._bridges.stub.Acknowledge, request, timeout)

    async def get_state(self, key: str, *, timeout: float | None = None) -> scheduler_pb2.StateEntry | None:
        """Reads a key of the framework's state; None if there is no such key.

        The state is on the bridge's disk: bytes of your own that the next instance of the scheduler needs.
        """
        request = scheduler_pb2.GetStateRequest(key=key)
        response = await self._repeatedly(lambda: self._bridges.stub.GetState, request, timeout)
        return response.entry if response.HasField("entry") else None

    async def put_state(
        self,
        key: str,
        value: bytes,
        *,
        if_version: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Writes a key of the framework's state, and returns its version.

        Once it returns, the value is on the bridge's disk. A key has 1 to 255 letters, digits and characters of
        `._-:/`, and a value at most 512 KiB. With `if_version` nothing is changed unless the key has this version; 0:
        unless there is no such key.

        STATE_CHANGED: the key has another version. ATTACHMENT_SUPERSEDED: another scheduler may have been active since
        your last `Opened`. With `outcome_unknown`: it may have been written; read it.
        """
        request = scheduler_pb2.PutStateRequest(key=key, value=value, if_version=if_version)
        response = await self._in_term(lambda: self._bridges.stub.PutState, request, request_id, timeout)
        return response.version

    async def delete_state(
        self,
        key: str,
        *,
        if_version: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Deletes a key of the framework's state, if it is there. `if_version` and errors are as for `put_state`."""
        request = scheduler_pb2.DeleteStateRequest(key=key, if_version=if_version)
        await self._in_term(lambda: self._bridges.stub.DeleteState, request, request_id, timeout)

    async def list_state(self, prefix: str = "", *, timeout: float | None = None) -> list[scheduler_pb2.StateEntry]:
        """Reads all keys of the framework's state that begin with `prefix`, in order.

        `timeout` counts for each page.
        """
        entries: list[scheduler_pb2.StateEntry] = []
        request = scheduler_pb2.ListStateRequest(prefix=prefix, page_size=_STATE_PAGE)
        while True:
            page = await self._repeatedly(lambda: self._bridges.stub.ListState, request, timeout)
            entries += page.entries
            if page.next_page_token == "":
                return entries
            request.page_token = page.next_page_token

    async def call(
        self, call: mesos_scheduler_pb2.Call, *, request_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Sends any call of Mesos but SUBSCRIBE."""
        await self._once(lambda: self._bridges.stub.Call, scheduler_pb2.CallRequest(call=call), request_id, timeout)

    async def teardown(self, *, timeout: float | None = None) -> None:
        """Ends the framework: Mesos kills its tasks, and the bridge deletes its state. The events end."""
        await self._ending(lambda: self._bridges.stub.Teardown, scheduler_pb2.TeardownRequest(), timeout)

    async def close_session(self, *, timeout: float | None = None) -> None:
        """Ends the session and leaves the framework to Mesos, for its failover timeout. The events end."""
        await self._ending(lambda: self._bridges.stub.CloseSession, scheduler_pb2.CloseSessionRequest(), timeout)

    async def hand_over(self, *, timeout: float | None = None) -> None:
        """Lets the standby that has waited longest take over. The events end. Without one, the lease begins, as after
        `close`."""
        request = scheduler_pb2.CloseSessionRequest(handover=True)
        await self._ending(lambda: self._bridges.stub.CloseSession, request, timeout)

    async def _once(self, method, request, request_id: str | None, timeout: float | None) -> Any:
        """For what Mesos must not get twice: an outcome that is not known ends the call, and so does another scheduler
        that may have been active."""
        return await self._invoke(_Attempt(self, method, request, request_id, self._term), False, timeout)

    async def _in_term(self, method, request, request_id: str | None, timeout: float | None) -> Any:
        """For what does no harm when it is done twice, by the scheduler that was active when it decided to."""
        return await self._invoke(_Attempt(self, method, request, request_id, self._term), True, timeout)

    async def _repeatedly(self, method, request, timeout: float | None) -> Any:
        """For what does no harm when Mesos gets it twice."""
        return await self._invoke(_Attempt(self, method, request, None), True, timeout)

    async def _ending(self, method, request, timeout: float | None) -> None:
        """For what ends the session: after a try without an answer, finding the session ended means that it worked."""
        attempt = _Attempt(self, method, request, None)
        try:
            await self._invoke(attempt, True, timeout)
        except BridgeError:
            if not (attempt.failed and self._attachment.ended_well):
                raise

    async def _invoke(self, attempt: _Attempt, repeat: bool, timeout: float | None) -> Any:
        """Gives the response."""
        await self.start()
        try:
            async with asyncio.timeout(self._call_timeout if timeout is None else timeout):
                while (error := await attempt.make()) is not None:
                    unknown = repeat and error.reason == reasons.OUTCOME_UNKNOWN
                    if attempt.has_fresh_token(error):
                        continue
                    if attempt.hopeless or not (error.retryable or error.stale or unknown):
                        raise attempt.verdict(error)
                    if unknown:
                        attempt.request_id = str(uuid.uuid4())
                    if not error.stale:
                        await asyncio.sleep(max(attempt.backoff.next(), error.retry_delay))
        except TimeoutError:
            raise attempt.late() from None
        return attempt.response


# Entries of the state that are read at a time.
_STATE_PAGE = 1_000


class _Attempt:
    """One call, tried once or more."""

    def __init__(
        self, calls: Calls, method: Callable[[], Callable], request, request_id: str | None, term: int | None = None
    ) -> None:
        self._calls = calls
        self._method = method
        self._request = request
        self.request_id = request_id or str(uuid.uuid4())
        self.backoff = Backoff(0.1, 2.0)
        # The attachment whose call was refused: only another one can help.
        self._stale_id: str | None = None
        # True when a try may have reached Mesos.
        self._maybe_sent = False
        # What the last try that came to an end got.
        self._last: BridgeError | None = None
        self._token_refused = False
        # The term that it must be sent in; None: any.
        self._term = term
        self.response: Any = None
        """What the bridge gave, once the call was taken."""
        self.hopeless = False
        """True if it can't be sent any more: there is no attachment and never will be, or its term is over."""
        self.failed = False
        """True when a try went out and did not come back well."""

    async def make(self) -> BridgeError | None:
        """Tries once. Gives the error, or None when the call was taken."""
        try:
            attachment_id = await self._calls._attachment.ready(self._stale_id)
        except BridgeError as error:
            self.hopeless = True
            return error
        if self._term is not None and not self._calls._attachment.is_term(self._term):
            self.hopeless = True
            return BridgeError(grpc.StatusCode.FAILED_PRECONDITION, _TERM_OVER, reasons.ATTACHMENT_SUPERSEDED)
        header = scheduler_pb2.CallHeader(
            framework_name=self._calls._framework_name, attachment_id=attachment_id, request_id=self.request_id
        )
        self._request.header.CopyFrom(header)
        before, self._maybe_sent = self._maybe_sent, True
        self.failed = True
        try:
            self.response = await self._method()(self._request)
        except grpc.aio.AioRpcError as failure:
            error = bridge_error(failure)
        except BridgeError as no_token:
            error = no_token
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() > 0:
                raise
            error = BridgeError(grpc.StatusCode.CANCELLED, "the scheduler was closed")
        else:
            return None
        self._maybe_sent = before or error.outcome_unknown
        if error.stale:
            self._stale_id = attachment_id
        self._last = error
        return error

    def has_fresh_token(self, error: BridgeError) -> bool:
        """True once, for a token that was refused, if the next one may be another."""
        refused = self._token_refused
        self._token_refused = self._token_refused or error.code == grpc.StatusCode.UNAUTHENTICATED
        is_first = self._token_refused and not refused
        return is_first and not self.hopeless and self._calls._bridges.gives_fresh_tokens

    def verdict(self, error: BridgeError) -> BridgeError:
        """A clear refusal after a try that got no answer says nothing about that try."""
        if not self._maybe_sent or error.outcome_unknown:
            return error
        text = f"an earlier try of this call got no answer, then: {error.message}"
        return BridgeError(grpc.StatusCode.UNAVAILABLE, text, reasons.OUTCOME_UNKNOWN)

    def late(self) -> BridgeError:
        """The time was up. If no attempt can have reached Mesos, the reason says that nothing was sent."""
        why = "" if self._last is None else f": {self._last.message}"
        reason = reasons.OUTCOME_UNKNOWN if self._maybe_sent else reasons.NOT_SENT
        return BridgeError(grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer in time{why}", reason)


def _ids(offers: OfferIds) -> list[mesos_pb2.OfferID]:
    def of(offer: mesos_pb2.Offer | mesos_pb2.OfferID | str) -> mesos_pb2.OfferID:
        if isinstance(offer, mesos_pb2.Offer):
            return offer.id
        return mesos_pb2.OfferID(value=offer) if isinstance(offer, str) else offer

    return [of(offer) for offer in offers]


def _filters(refuse_seconds: float | None) -> mesos_pb2.Filters | None:
    return None if refuse_seconds is None else mesos_pb2.Filters(refuse_seconds=refuse_seconds)
