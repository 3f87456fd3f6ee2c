use std::collections::{HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use mesosbridge::proto::mesos::v1::scheduler::call::reconcile;
use mesosbridge::proto::mesos::v1::{CommandInfo, Filters, Offer, Resource, TaskId, TaskInfo, TaskStatus};
use mesosbridge::proto::mesosbridge::v1::{DeclineOffersRequest, LaunchTasksRequest, ReconcileTasksRequest};
use mesosbridge::{Error, Event, Outcome, Pool, Scheduler, describe, outcome};

/// What one task needs: a tenth of a CPU and 32 MB.
const NEEDS: (f64, f64) = (0.1, 32.0);
/// What is not used is not wanted again soon: the framework asks when it wants more.
const FILTERS: Filters = Filters { refuse_seconds: Some(600.0) };

struct Task {
    number: u32,
    attempts: u32,
}

/// The tasks to run, and what became of them.
pub struct Tasks {
    scheduler: Scheduler,
    command: String,
    retries: u32,
    /// Distinguishes the task ids of this run from those of earlier ones of the same framework.
    run: u128,
    waiting: VecDeque<Task>,
    running: HashMap<String, Task>,
    pub finished: u32,
    pub failed: u32,
}

impl Tasks {
    pub fn new(scheduler: Scheduler, count: u32, command: String, retries: u32) -> Self {
        Self {
            scheduler,
            command,
            retries,
            run: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
            waiting: (1..=count).map(|number| Task { number, attempts: 0 }).collect(),
            running: HashMap::new(),
            finished: 0,
            failed: 0,
        }
    }

    pub fn done(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    pub async fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Offers(e) => {
                for offer in e.offers {
                    self.on_offer(offer).await?;
                }
            }
            Event::Update(e) => self.on_update(&e.status).await?,
            // What happened meanwhile was perhaps not seen.
            Event::Gap(_) | Event::Subscribed(_) => self.reconcile().await?,
            Event::Standby(_) => eprintln!("standing by"),
            Event::LinkChanged(e) if e.linked => eprintln!("the bridge is connected to the Mesos master {}", e.master),
            Event::LinkChanged(e) => eprintln!("the bridge has no Mesos master: {}", e.reason),
            Event::MesosError(e) => eprintln!("Mesos says: {}", e.message),
            Event::AcknowledgementRefused(e) => eprintln!("an acknowledgement was refused: {}", e.error),
            _ => {}
        }
        Ok(())
    }

    async fn on_offer(&mut self, offer: Offer) -> Result<(), Error> {
        let mut pool = Pool::new(&offer.resources);
        let mut tasks = Vec::new();
        while let Some(next) = self.waiting.get(tasks.len()) {
            let Some(resources) = pool.take(NEEDS.0, NEEDS.1) else { break };
            tasks.push(self.task_info(next, &offer, resources));
        }
        let offer_ids = vec![offer.id];
        if tasks.is_empty() {
            let request = DeclineOffersRequest { offer_ids, filters: Some(FILTERS), header: None };
            return tolerate(self.scheduler.decline_offers(request).await);
        }
        self.launch(LaunchTasksRequest { offer_ids, tasks, filters: Some(FILTERS), ..Default::default() }).await
    }

    fn task_info(&self, task: &Task, offer: &Offer, resources: Vec<Resource>) -> TaskInfo {
        let command = CommandInfo { shell: Some(true), value: Some(self.command.clone()), ..Default::default() };
        TaskInfo {
            name: format!("empty task {}", task.number),
            task_id: TaskId { value: format!("empty-{:x}-{}-{}", self.run, task.number, task.attempts + 1) },
            agent_id: offer.agent_id.clone(),
            resources,
            command: Some(command),
            ..Default::default()
        }
    }

    async fn launch(&mut self, request: LaunchTasksRequest) -> Result<(), Error> {
        let ids: Vec<String> = request.tasks.iter().map(|task| task.task_id.value.clone()).collect();
        let agent = request.tasks[0].agent_id.value.clone();
        let result = self.scheduler.launch_tasks(request).await.map(drop);
        match &result {
            // Nothing was launched. A gone offer is not the tasks' fault, nor is another instance that was active meanwhile;
            // more offers come by themselves.
            Err(error) if ["OFFER_GONE", "ATTACHMENT_SUPERSEDED"].contains(&error.reason()) => return Ok(()),
            Err(error) if !error.is_outcome_unknown() => return tolerate(result),
            _ => {}
        }
        let count = ids.len();
        for (id, mut task) in ids.into_iter().zip(self.waiting.drain(..count)) {
            task.attempts += 1;
            self.running.insert(id, task);
        }
        if result.is_err() {
            // Perhaps they run: then an update comes, or the answer to a reconciliation.
            return self.reconcile().await;
        }
        println!("launched {count} on agent {agent}");
        Ok(())
    }

    async fn on_update(&mut self, status: &TaskStatus) -> Result<(), Error> {
        let outcome = outcome(status);
        if outcome == Outcome::Active {
            return Ok(());
        }
        let Some(task) = self.running.remove(&status.task_id.value) else { return Ok(()) };
        if outcome == Outcome::Finished {
            self.finished += 1;
            println!("task {} finished", task.number);
        } else if outcome == Outcome::Lost && task.attempts <= self.retries {
            println!("task {} is launched again: {}", task.number, describe(status));
            self.waiting.push_back(task);
            return tolerate(self.scheduler.revive_offers(&[]).await);
        } else {
            self.failed += 1;
            println!("task {} failed: {}", task.number, describe(status));
        }
        Ok(())
    }

    /// Asks what became of the tasks that should run. The answers are updates.
    pub async fn reconcile(&self) -> Result<(), Error> {
        let question = |id: &String| reconcile::Task { task_id: TaskId { value: id.clone() }, agent_id: None };
        let tasks: Vec<_> = self.running.keys().map(question).collect();
        if tasks.is_empty() {
            return Ok(());
        }
        tolerate(self.scheduler.reconcile_tasks(ReconcileTasksRequest { header: None, tasks }).await)
    }
}

/// Goes on after what may be well again later: how long the bridge may be away is the scheduler's to say.
fn tolerate(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.is_retryable() || error.is_outcome_unknown() => {
            eprintln!("{error}");
            Ok(())
        }
        other => other,
    }
}
