use std::fmt;

use crate::proto::mesos::v1::{TaskState, TaskStatus, task_status::Reason};

/// What a status means for who launched the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Active,
    /// It succeeded.
    Finished,
    /// Its own fault: a retry would not help.
    Failed,
    /// Killed on request.
    Killed,
    /// Mesos or an agent lost it: a new task may succeed. A `TASK_UNREACHABLE` task may come back: kill it then.
    Lost,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Lost => "lost",
        })
    }
}

/// The outcome of the task that the status is of.
pub fn outcome(status: &TaskStatus) -> Outcome {
    match TaskState::try_from(status.state) {
        Ok(TaskState::TaskFinished) => Outcome::Finished,
        Ok(TaskState::TaskFailed) if is_not_its_fault(status) => Outcome::Lost,
        Ok(TaskState::TaskFailed | TaskState::TaskError) => Outcome::Failed,
        Ok(TaskState::TaskKilled) => Outcome::Killed,
        Ok(
            TaskState::TaskLost
            | TaskState::TaskDropped
            | TaskState::TaskUnreachable
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown,
        ) => Outcome::Lost,
        Ok(TaskState::TaskStaging | TaskState::TaskStarting | TaskState::TaskRunning | TaskState::TaskKilling)
        | Err(_) => Outcome::Active,
    }
}

/// True if the container or the executor died, which is not the task's fault.
fn is_not_its_fault(status: &TaskStatus) -> bool {
    matches!(
        status.reason.map(Reason::try_from),
        Some(Ok(Reason::ExecutorTerminated
            | Reason::ExecutorUnregistered
            | Reason::ExecutorRegistrationTimeout
            | Reason::ExecutorReregistrationTimeout
            | Reason::ContainerLaunchFailed
            | Reason::ContainerUpdateFailed
            | Reason::ContainerPreempted
            | Reason::ContainerLimitation
            | Reason::ContainerLimitationMemory
            | Reason::ContainerLimitationDisk
            | Reason::IoSwitchboardExited))
    )
}

/// The task and its status in words: `task-1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: Executor terminated`.
pub fn describe(status: &TaskStatus) -> String {
    let task = &status.task_id.value;
    let state = TaskState::try_from(status.state).map_or("unknown", |state| state.as_str_name());
    let reason = status.reason.map_or(String::new(), |reason| {
        let name = Reason::try_from(reason).map_or("unknown", |reason| reason.as_str_name());
        format!(", {name}")
    });
    match status.message() {
        "" => format!("{task}: {state}{reason}"),
        message => format!("{task}: {state}{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::mesos::v1::TaskId;

    fn status(state: TaskState, reason: Option<Reason>) -> TaskStatus {
        let task_id = TaskId { value: "t1".to_owned() };
        TaskStatus { task_id, state: state.into(), reason: reason.map(Into::into), ..Default::default() }
    }

    #[test]
    fn a_task_that_fails_is_lost_where_its_executor_did_not_live() {
        use TaskState::{TaskFailed, TaskGone, TaskRunning};
        assert_eq!(outcome(&status(TaskFailed, None)), Outcome::Failed);
        assert_eq!(outcome(&status(TaskFailed, Some(Reason::CommandExecutorFailed))), Outcome::Failed);
        assert_eq!(outcome(&status(TaskFailed, Some(Reason::ExecutorTerminated))), Outcome::Lost);
        assert_eq!(outcome(&status(TaskGone, None)), Outcome::Lost);
        assert_eq!(outcome(&status(TaskRunning, None)), Outcome::Active);
    }

    #[test]
    fn a_state_that_is_not_known_is_active() {
        let unknown = TaskStatus { state: 77, ..status(TaskState::TaskRunning, None) };
        assert_eq!(outcome(&unknown), Outcome::Active);
        assert_eq!(describe(&unknown), "t1: unknown");
    }

    #[test]
    fn tells_a_status_in_words() {
        let mut failed = status(TaskState::TaskFailed, Some(Reason::ExecutorTerminated));
        assert_eq!(describe(&failed), "t1: TASK_FAILED, REASON_EXECUTOR_TERMINATED");
        failed.message = Some("gone".to_owned());
        assert_eq!(describe(&failed), "t1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: gone");
    }
}
