package mesosbridge

import (
	"strings"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
)

// Outcome is what a status means for the scheduler that launched the task.
type Outcome string

const (
	// Active: it has not ended.
	Active Outcome = "active"
	// Finished: it succeeded.
	Finished Outcome = "finished"
	// Failed by its own fault: a retry would not help.
	Failed Outcome = "failed"
	// Killed on request.
	Killed Outcome = "killed"
	// Lost by Mesos or an agent: a new task may succeed. A TASK_UNREACHABLE task may come back: kill it then.
	Lost Outcome = "lost"
)

// OutcomeOf the task that the status is of.
func OutcomeOf(status *mesos.TaskStatus) Outcome {
	switch status.GetState() {
	case mesos.TaskState_TASK_FINISHED:
		return Finished
	case mesos.TaskState_TASK_FAILED:
		if notTheTask(status) {
			return Lost
		}
		return Failed
	case mesos.TaskState_TASK_ERROR:
		return Failed
	case mesos.TaskState_TASK_KILLED:
		return Killed
	case mesos.TaskState_TASK_LOST, mesos.TaskState_TASK_DROPPED, mesos.TaskState_TASK_UNREACHABLE,
		mesos.TaskState_TASK_GONE, mesos.TaskState_TASK_GONE_BY_OPERATOR, mesos.TaskState_TASK_UNKNOWN:
		return Lost
	}
	return Active
}

// notTheTask is true if TASK_FAILED is not the task's fault: its container or its executor died.
func notTheTask(status *mesos.TaskStatus) bool {
	switch reason := status.GetReason(); reason {
	case mesos.TaskStatus_REASON_EXECUTOR_TERMINATED, mesos.TaskStatus_REASON_EXECUTOR_UNREGISTERED,
		mesos.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT, mesos.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
		mesos.TaskStatus_REASON_IO_SWITCHBOARD_EXITED:
		return true
	default:
		name := reason.String()
		return strings.HasPrefix(name, "REASON_CONTAINER_") && status.Reason != nil
	}
}

// Describe the task and its status in words: "task-1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: Executor terminated".
func Describe(status *mesos.TaskStatus) string {
	text := status.GetTaskId().GetValue() + ": " + status.GetState().String()
	if status.Reason != nil {
		text += ", " + status.GetReason().String()
	}
	if message := status.GetMessage(); message != "" {
		text += ": " + message
	}
	return text
}
