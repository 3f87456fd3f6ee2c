package io.github.mesosbridge;

import java.util.Locale;
import org.apache.mesos.v1.Protos.TaskStatus;

/** What a status means for the scheduler that launched the task. */
public enum Outcome {
  /** It has not ended. */
  ACTIVE,
  /** It succeeded. */
  FINISHED,
  /** Its own fault: a retry would not help. */
  FAILED,
  /** Killed on request. */
  KILLED,
  /** Mesos or an agent lost it: a new task may succeed. A TASK_UNREACHABLE task may come back: kill it then. */
  LOST;

  /** The outcome of the task that the status is of. */
  public static Outcome of(TaskStatus status) {
    // The getter would give a default for a state that is not known.
    if (!status.hasState()) {
      return ACTIVE;
    }
    return switch (status.getState()) {
      case TASK_FINISHED -> FINISHED;
      case TASK_FAILED -> isNotItsFault(status) ? LOST : FAILED;
      case TASK_ERROR -> FAILED;
      case TASK_KILLED -> KILLED;
      case TASK_LOST, TASK_DROPPED, TASK_UNREACHABLE, TASK_GONE, TASK_GONE_BY_OPERATOR, TASK_UNKNOWN -> LOST;
      default -> ACTIVE;
    };
  }

  /** True if the container or the executor died, which is not the task's fault. */
  private static boolean isNotItsFault(TaskStatus status) {
    if (!status.hasReason()) {
      return false;
    }
    return switch (status.getReason()) {
      case REASON_EXECUTOR_TERMINATED,
          REASON_EXECUTOR_UNREGISTERED,
          REASON_EXECUTOR_REGISTRATION_TIMEOUT,
          REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
          REASON_CONTAINER_LAUNCH_FAILED,
          REASON_CONTAINER_UPDATE_FAILED,
          REASON_CONTAINER_PREEMPTED,
          REASON_CONTAINER_LIMITATION,
          REASON_CONTAINER_LIMITATION_MEMORY,
          REASON_CONTAINER_LIMITATION_DISK,
          REASON_IO_SWITCHBOARD_EXITED ->
          true;
      default -> false;
    };
  }

  /** The task and its status in words: {@code t1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: Executor terminated}. */
  public static String describe(TaskStatus status) {
    String text = status.getTaskId().getValue() + ": ";
    text += status.hasState() ? status.getState().name() : "unknown";
    if (status.hasReason()) {
      text += ", " + status.getReason().name();
    }
    return status.getMessage().isEmpty() ? text : text + ": " + status.getMessage();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
