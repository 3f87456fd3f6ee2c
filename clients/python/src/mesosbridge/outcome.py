"""What a status means for the scheduler that launched the task."""

from __future__ import annotations

from typing import Literal

from mesos.v1 import mesos_pb2

Outcome = Literal["active", "finished", "failed", "killed", "lost"]

_OUTCOMES: dict[int, Outcome] = {
    mesos_pb2.TASK_FINISHED: "finished",
    mesos_pb2.TASK_FAILED: "failed",
    mesos_pb2.TASK_ERROR: "failed",
    mesos_pb2.TASK_KILLED: "killed",
    mesos_pb2.TASK_LOST: "lost",
    mesos_pb2.TASK_DROPPED: "lost",
    mesos_pb2.TASK_UNREACHABLE: "lost",
    mesos_pb2.TASK_GONE: "lost",
    mesos_pb2.TASK_GONE_BY_OPERATOR: "lost",
    mesos_pb2.TASK_UNKNOWN: "lost",
}
_STATUS = mesos_pb2.TaskStatus
# TASK_FAILED with one of these is not the task's fault: its container or its executor died.
_NOT_THE_TASK = frozenset(
    {
        _STATUS.REASON_EXECUTOR_TERMINATED,
        _STATUS.REASON_EXECUTOR_UNREGISTERED,
        _STATUS.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
        _STATUS.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
        _STATUS.REASON_CONTAINER_LAUNCH_FAILED,
        _STATUS.REASON_CONTAINER_UPDATE_FAILED,
        _STATUS.REASON_CONTAINER_PREEMPTED,
        _STATUS.REASON_CONTAINER_LIMITATION,
        _STATUS.REASON_CONTAINER_LIMITATION_MEMORY,
        _STATUS.REASON_CONTAINER_LIMITATION_DISK,
        _STATUS.REASON_IO_SWITCHBOARD_EXITED,
    }
)


def task_outcome(status: mesos_pb2.TaskStatus) -> Outcome:
    """`active`: it has not ended; `finished`: it succeeded; `failed`: its own fault, so a retry would not help;
    `killed`: on request; `lost`: Mesos or an agent lost it, and a new task may succeed.

    TASK_UNREACHABLE counts as `lost`, but may come back: kill it then. A state that this version does not know is
    `active`.
    """
    if not status.HasField("state"):
        return "active"
    outcome = _OUTCOMES.get(status.state, "active")
    if status.state == mesos_pb2.TASK_FAILED and status.HasField("reason") and status.reason in _NOT_THE_TASK:
        return "lost"
    return outcome


def describe(status: mesos_pb2.TaskStatus) -> str:
    """The task and its status in words: `task-1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: Executor terminated`."""
    state = mesos_pb2.TaskState.Name(status.state) if status.HasField("state") else "unknown"
    text = f"{status.task_id.value}: {state}"
    if status.HasField("reason"):
        text += f", {_STATUS.Reason.Name(status.reason)}"
    return f"{text}: {status.message}" if status.message else text
