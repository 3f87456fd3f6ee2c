package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.apache.mesos.v1.Protos.TaskID;
import org.apache.mesos.v1.Protos.TaskState;
import org.apache.mesos.v1.Protos.TaskStatus.Reason;
import org.apache.mesos.v1.Protos.TaskStatus;
import org.junit.jupiter.api.Test;

class OutcomeTest {
  private static TaskStatus.Builder status(TaskState state) {
    return TaskStatus.newBuilder().setTaskId(TaskID.newBuilder().setValue("t1")).setState(state);
  }

  @Test
  void aTaskThatFailsIsLostWhereItsExecutorDidNotLive() {
    TaskStatus.Builder failed = status(TaskState.TASK_FAILED);
    assertEquals(Outcome.FAILED, Outcome.of(failed.buildPartial()));
    failed.setReason(Reason.REASON_COMMAND_EXECUTOR_FAILED);
    assertEquals(Outcome.FAILED, Outcome.of(failed.buildPartial()));
    failed.setReason(Reason.REASON_EXECUTOR_TERMINATED);
    assertEquals(Outcome.LOST, Outcome.of(failed.buildPartial()));
    assertEquals(Outcome.LOST, Outcome.of(status(TaskState.TASK_GONE).buildPartial()));
  }

  @Test
  void aStateThatIsNotKnownIsActive() {
    TaskStatus unknown = TaskStatus.newBuilder().buildPartial();
    assertEquals(Outcome.ACTIVE, Outcome.of(unknown));
    assertEquals(": unknown", Outcome.describe(unknown));
  }

  @Test
  void tellsAStatusInWords() {
    TaskStatus.Builder failed =
        status(TaskState.TASK_FAILED)
            .setReason(Reason.REASON_EXECUTOR_TERMINATED)
            .setMessage("gone");
    assertEquals(
        "t1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: gone", Outcome.describe(failed.buildPartial()));
  }
}
