package mesosbridge

import (
	"strings"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
)

// Outcome is what a status means for who launched the task.
type Outcome string

const (
	// Active: it goes on.
	Active Outcome = "active"
	// Finished: it did what it should.
	Finished Outcome = "finished"
	// Failed by its own fault: again would not help.
	Failed Outcome = "failed"
	// Killed, as asked.
	Killed Outcome = "killed"
	// Lost by Mesos or an agent: a new task may do better. TASK_UNREACHABLE may come back: kill what does.
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

// notTheTask is true where TASK_FAILED is no fault of the task: its container or its executor did not live.
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

// Describe the status in words: "TASK_FAILED, REASON_EXECUTOR_TERMINATED: Executor terminated".
func Describe(status *mesos.TaskStatus) string {
	text := status.GetState().String()
	if status.Reason != nil {
		text += ", " + status.GetReason().String()
	}
	if message := status.GetMessage(); message != "" {
		text += ": " + message
	}
	return text
}
