"""A bridge at the socket that does what a test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc

from mesos.v1 import mesos_pb2
from mesos.v1.scheduler import scheduler_pb2 as mesos_scheduler_pb2
from mesosbridge.v1 import scheduler_pb2, scheduler_pb2_grpc

Subscribe = Callable[[scheduler_pb2.SubscribeRequest, grpc.aio.ServicerContext], AsyncIterator]


class Bridge(scheduler_pb2_grpc.SchedulerServiceServicer):
    def __init__(self, subscribe: Subscribe) -> None:
        self._subscribe = subscribe
        self.acknowledged: list[str] = []
        # The attachments that sent a message.
        self.senders: list[str] = []
        self.confirm_error: grpc.StatusCode | None = None

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
