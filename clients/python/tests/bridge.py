"""A bridge at the socket that does what a test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from mesos.v1 import mesos_pb2
from mesos.v1.scheduler import scheduler_pb2 as mesos_scheduler_pb2
from mesosbridge import reasons
from mesosbridge.v1 import scheduler_pb2, scheduler_pb2_grpc

Subscribe = Callable[[scheduler_pb2.SubscribeRequest, grpc.aio.ServicerContext], AsyncIterator]


class Bridge(scheduler_pb2_grpc.SchedulerServiceServicer):
    def __init__(self, subscribe: Subscribe) -> None:
        self._subscribe = subscribe
        self.acknowledged: list[str] = []
        # The attachments that sent a message.
        self.senders: list[str] = []
        self.confirm_error: grpc.StatusCode | None = None
        self.state: dict[str, scheduler_pb2.StateEntry] = {}
        # Writes that are done and get no answer.
        self.lost_answers = 0
        # The ids of the requests to write.
        self.writes: list[str] = []
        self.page_sizes: list[int] = []

    async def Subscribe(self, request, context):
        async for response in self._subscribe(request, context):
            yield response

    async def Acknowledge(self, request, context):
        self.acknowledged += request.ack_tokens
        return scheduler_pb2.AcknowledgeResponse()

    async def SendMessage(self, request, context):
        self.senders.append(request.header.attachment_id)
        return scheduler_pb2.SendMessageResponse()

    async def ConfirmPromotion(self, request, context):
        if self.confirm_error is not None:
            await context.abort(self.confirm_error, "refused")
        return scheduler_pb2.ConfirmPromotionResponse()

    async def GetState(self, request, context):
        return scheduler_pb2.GetStateResponse(entry=self.state.get(request.key))

    async def PutState(self, request, context):
        self.writes.append(request.header.request_id)
        before = self.state[request.key].version if request.key in self.state else 0
        if request.HasField("if_version") and request.if_version != before:
            await refuse(context, grpc.StatusCode.ABORTED, reasons.STATE_CHANGED)
        self.state[request.key] = scheduler_pb2.StateEntry(key=request.key, value=request.value, version=before + 1)
        if self.lost_answers > 0:
            self.lost_answers -= 1
            await refuse(context, grpc.StatusCode.UNAVAILABLE, reasons.OUTCOME_UNKNOWN)
        return scheduler_pb2.PutStateResponse(version=before + 1)

    async def DeleteState(self, request, context):
        self.state.pop(request.key, None)
        return scheduler_pb2.DeleteStateResponse()

    async def ListState(self, request, context):
        """An entry a page."""
        self.page_sizes.append(request.page_size)
        keys = sorted(key for key in self.state if key.startswith(request.prefix) and key > request.page_token)
        entries = [self.state[key] for key in keys[:1]]
        return scheduler_pb2.ListStateResponse(entries=entries, next_page_token=keys[0] if len(keys) > 1 else "")


async def refuse(context: grpc.aio.ServicerContext, code: grpc.StatusCode, reason: str) -> None:
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="mesosbridge"))
    status = status_pb2.Status(code=code.value[0], message=reason, details=[info])
    await context.abort(code, reason, (("grpc-status-details-bin", status.SerializeToString()),))


@asynccontextmanager
async def serving(subscribe: Subscribe):
    """Gives the bridge and its address."""
    server = grpc.aio.server()
    bridge = Bridge(subscribe)
    scheduler_pb2_grpc.add_SchedulerServiceServicer_to_server(bridge, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield bridge, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def opened(attachment_id: str, role: int = scheduler_pb2.ATTACHMENT_ROLE_ACTIVE) -> scheduler_pb2.SubscribeResponse:
    event = scheduler_pb2.SessionEvent(opened=scheduler_pb2.Opened(attachment_id=attachment_id, role=role))
    return scheduler_pb2.SubscribeResponse(events=[event])


def standby() -> scheduler_pb2.SubscribeResponse:
    return opened("waiting", scheduler_pb2.ATTACHMENT_ROLE_STANDBY)


def promoted(attachment_id: str) -> scheduler_pb2.SubscribeResponse:
    promotion = scheduler_pb2.Promoted(opened=opened(attachment_id).events[0].opened)
    return scheduler_pb2.SubscribeResponse(events=[scheduler_pb2.SessionEvent(promoted=promotion)])


def update(sequence: int, task: str, token: str) -> scheduler_pb2.SubscribeResponse:
    status = mesos_pb2.TaskStatus(task_id=mesos_pb2.TaskID(value=task), state=mesos_pb2.TASK_RUNNING)
    event = mesos_scheduler_pb2.Event(
        type=mesos_scheduler_pb2.Event.UPDATE, update=mesos_scheduler_pb2.Event.Update(status=status)
    )
    return scheduler_pb2.SubscribeResponse(
        events=[scheduler_pb2.SessionEvent(sequence=sequence, ack_token=token, mesos=event)]
    )
