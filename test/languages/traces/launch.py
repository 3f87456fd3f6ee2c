"""Launches one task within the trace of TRACEPARENT, and sees it finish."""

import asyncio
import os
import sys

import grpc

from mesos.v1 import mesos_pb2
from mesosbridge import AsyncScheduler, Offers, Options, ResourcePool, Update


class Traced(grpc.aio.UnaryUnaryClientInterceptor):
    """As OpenTelemetry's interceptor: adds the trace of what goes on to the calls that it makes."""

    async def intercept_unary_unary(self, continuation, client_call_details, request):
        if client_call_details.method.endswith(b"/LaunchTasks"):
            metadata = grpc.aio.Metadata(
                *(client_call_details.metadata or ()), ("traceparent", os.environ["TRACEPARENT"])
            )
            client_call_details = client_call_details._replace(metadata=metadata)
        return await continuation(client_call_details, request)


def launch(offer: mesos_pb2.Offer) -> mesos_pb2.TaskInfo:
    return mesos_pb2.TaskInfo(
        name="traced",
        task_id=mesos_pb2.TaskID(value="traced-python-task"),
        agent_id=offer.agent_id,
        resources=ResourcePool(offer.resources).take(0.1, 32),
        command=mesos_pb2.CommandInfo(value="true"),
    )


async def main(bridge: str) -> None:
    info = mesos_pb2.FrameworkInfo(user="root", name="traced-python")
    options = Options(interceptors=[Traced()])
    launched = False
    async with AsyncScheduler(bridge, "traced-python", info, options) as scheduler:
        async for event in scheduler:
            match event:
                case Offers() if not launched:
                    launched = True
                    offer = event.offers[0]
                    await scheduler.launch_tasks([offer], [launch(offer)])
                case Update() if event.status.state == mesos_pb2.TASK_FINISHED:
                    await scheduler.teardown()
                    return


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
