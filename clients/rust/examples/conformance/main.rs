//! The conformance driver of the Rust client: test/conformance/README.md describes drivers.

mod printed;

use std::error::Error as StdError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use mesosbridge::proto::mesos::v1::scheduler::call::reconcile;
use mesosbridge::proto::mesos::v1::{CommandInfo, Filters, FrameworkInfo, Offer, TaskId, TaskInfo};
use mesosbridge::proto::mesosbridge::v1::{
    DeclineOffersRequest, DeleteStateRequest, ExpiryPolicy, KillTaskRequest, LaunchTasksRequest, PutStateRequest,
    ReconcileTasksRequest, StateChange, StateEntry,
};
use mesosbridge::{Error, Event, Events, Options, Pem, Pool, Scheduler, Tls, Token, connect};
use printed::{printed_entry, printed_error, printed_event};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;

/// What a driver can't do.
type Failure = Box<dyn StdError + Send + Sync>;

/// How the loop ends at an event.
enum End {
    Handled,
    Unhandled,
}

struct Driver {
    scheduler: Scheduler,
    rules: Vec<Value>,
    events: Vec<Value>,
    calls: Vec<Value>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut runs = JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        let input: Value = serde_json::from_str(&line)?;
        runs.spawn(async move { println!("{}", answer(&input).await) });
    }
    while let Some(run) = runs.join_next().await {
        run?;
    }
    Ok(())
}

async fn answer(input: &Value) -> Value {
    match drive(input).await {
        Ok((driver, error)) => {
            json!({ "run": input["run"], "events": driver.events, "calls": driver.calls, "error": error })
        }
        Err(cause) => json!({ "run": input["run"], "failure": cause.to_string() }),
    }
}

/// One run. Gives what it saw, and the error that the events ended with.
async fn drive(input: &Value) -> Result<(Driver, Value), Failure> {
    let (scheduler, events) = connect(options(input))?;
    let rules = input["rules"].as_array().cloned().unwrap_or_default();
    let mut driver = Driver { scheduler, rules, events: Vec::new(), calls: Vec::new() };
    let error = driver.run(events).await?;
    Ok((driver, error))
}

fn options(input: &Value) -> Options {
    let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
    let options = &input["options"];
    let ms = |name: &str, other: u64| Duration::from_millis(options[name].as_u64().unwrap_or(other));
    let size = |name: &str, other: usize| options[name].as_u64().map_or(other, |n| n as usize);
    let defaults = Options::default();
    Options {
        bridge: text("bridge"),
        proxy: options["proxy"].as_str().map(str::to_owned),
        tls: options["tls"].as_object().map(|_| tls(&options["tls"])),
        token: token(options),
        framework_name: text("frameworkName"),
        framework_info: Some(FrameworkInfo { user: text("user"), ..Default::default() }),
        backoff_initial: ms("backoffInitialMs", 1),
        backoff_max: ms("backoffMaxMs", 50),
        call_timeout: ms("callTimeoutMs", 10_000),
        give_up_after: options["giveUpAfterMs"].as_u64().map(Duration::from_millis),
        lease: options["leaseMs"].as_u64().map(Duration::from_millis),
        expiry_policy: match options["expiry"].as_str() {
            Some("teardown") => ExpiryPolicy::Teardown,
            _ => ExpiryPolicy::Unspecified,
        },
        replace_removed: options["replaceRemoved"].as_bool().unwrap_or(false),
        standby: options["standby"].as_bool().unwrap_or(false),
        suppressed_roles: texts(&options["suppressedRoles"]),
        max_buffered: size("maxBuffered", defaults.max_buffered),
        max_message_bytes: size("maxMessageBytes", defaults.max_message_bytes),
        ..defaults
    }
}

fn tls(given: &Value) -> Tls {
    let pem = |name: &str| given[name].as_str().map(Pem::from);
    Tls {
        ca: pem("ca"),
        cert: pem("cert"),
        key: pem("key"),
        server_name: given["serverName"].as_str().map(str::to_owned),
    }
}

/// The token, or a function that gives one after the other; the last one stays.
fn token(options: &Value) -> Option<Token> {
    let Some(tokens) = options["tokens"].as_array().cloned() else { return options["token"].as_str().map(Token::from) };
    let next = AtomicUsize::new(0);
    Some(Token::fresh(move || {
        let i = next.fetch_add(1, Ordering::Relaxed).min(tokens.len() - 1);
        let token = tokens[i].as_str().map(str::to_owned).ok_or("the issuer does not answer");
        async move { token }
    }))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Driver {
    /// Gives the error that the events ended with, or null.
    async fn run(&mut self, mut events: Events) -> Result<Value, Failure> {
        let mut error = Value::Null;
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(cause) => {
                    error = printed_error(&cause);
                    break;
                }
            };
            let printed = printed_event(&event);
            self.events.push(printed.clone());
            match self.react(&event, &printed).await? {
                Some(End::Handled) => {
                    events.handled();
                    break;
                }
                Some(End::Unhandled) => break,
                None => {}
            }
        }
        self.scheduler.close().await;
        Ok(error)
    }

    /// Does what the rules say of an event.
    async fn react(&mut self, event: &Event, printed: &Value) -> Result<Option<End>, Failure> {
        for i in 0..self.rules.len() {
            let rule = &mut self.rules[i];
            let where_ = rule["where"].as_object().cloned().unwrap_or_default();
            let applies =
                rule["on"] == printed["kind"] && where_.iter().all(|(key, value)| printed.get(key) == Some(value));
            if !applies || rule["times"].as_i64().is_some_and(|times| times <= 0) {
                continue;
            }
            if let Some(times) = rule["times"].as_i64() {
                rule["times"] = json!(times - 1);
            }
            for action in rule["do"].as_array().cloned().unwrap_or_default() {
                match action["end"].as_str() {
                    Some("handled") => return Ok(Some(End::Handled)),
                    Some(_) => return Ok(Some(End::Unhandled)),
                    None => {}
                }
                if let Some(ms) = action["pauseMs"].as_u64() {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                if let Some(call) = action["call"].as_str() {
                    let result = self.send(call, &action, event).await?;
                    let error = result.as_ref().err().map(printed_error);
                    self.calls.push(json!({ "call": call, "error": error, "result": result.unwrap_or_default() }));
                }
            }
        }
        Ok(None)
    }

    /// Makes a call. Gives what is printed of its result.
    async fn send(&self, call: &str, action: &Value, event: &Event) -> Result<Result<Value, Error>, Failure> {
        let key = action["key"].as_str().unwrap_or_default();
        let if_version = action["ifVersion"].as_u64();
        let scheduler = &self.scheduler;
        Ok(match call {
            "getState" => scheduler.get_state(key).await.map(|entry| json!(entry.as_ref().map(printed_entry))),
            "putState" => {
                let request =
                    PutStateRequest { header: None, key: key.to_owned(), value: bytes(&action["value"]), if_version };
                scheduler.put_state(request).await.map(|version| json!({ "version": version.to_string() }))
            }
            "deleteState" => {
                let request = DeleteStateRequest { header: None, key: key.to_owned(), if_version };
                scheduler.delete_state(request).await.map(|()| Value::Null)
            }
            "listState" => {
                let prefix = action["prefix"].as_str().unwrap_or_default();
                let printed = |entries: Vec<StateEntry>| entries.iter().map(printed_entry).collect::<Vec<_>>();
                scheduler.list_state(prefix).await.map(|entries| json!({ "entries": printed(entries) }))
            }
            "launchTasks" => {
                let Event::Offers(event) = event else { return Err("launchTasks is for events with offers".into()) };
                let offer = event.offers.first().ok_or("launchTasks is for events with offers")?;
                let result = scheduler.launch_tasks(launch(action, offer)).await;
                result.map(|response| json!({ "stateVersion": response.state_version.to_string() }))
            }
            other => self.send_other(other, action, event).await?.map(|()| Value::Null),
        })
    }

    /// Makes a call without a result.
    async fn send_other(&self, call: &str, action: &Value, event: &Event) -> Result<Result<(), Error>, Failure> {
        let offers: &[Offer] = if let Event::Offers(event) = event { &event.offers } else { &[] };
        let roles = texts(&action["roles"]);
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let scheduler = &self.scheduler;
        Ok(match call {
            "declineOffers" => {
                let offer_ids = offers.iter().map(|offer| offer.id.clone()).collect();
                let filters = Some(Filters { refuse_seconds: action["refuseSeconds"].as_f64() });
                scheduler.decline_offers(DeclineOffersRequest { header: None, offer_ids, filters }).await
            }
            "reviveOffers" => scheduler.revive_offers(&roles).await,
            "suppressOffers" => scheduler.suppress_offers(&roles).await,
            "killTask" => {
                let task_id = Some(TaskId { value: action["taskId"].as_str().unwrap_or_default().to_owned() });
                scheduler.kill_task(KillTaskRequest { task_id, ..Default::default() }).await
            }
            "reconcileTasks" => {
                let task = |value| reconcile::Task { task_id: TaskId { value }, agent_id: None };
                let tasks = texts(&action["taskIds"]).into_iter().map(task).collect();
                scheduler.reconcile_tasks(ReconcileTasksRequest { header: None, tasks }).await
            }
            "teardown" => scheduler.teardown().await,
            "closeSession" => scheduler.close_session().await,
            "handOver" => scheduler.hand_over().await,
            other => return Err(format!("this driver has no call {other}").into()),
        })
    }
}

fn launch(action: &Value, offer: &Offer) -> LaunchTasksRequest {
    let mut pool = Pool::new(&offer.resources);
    let tasks = action["tasks"].as_array().into_iter().flatten().map(|task| {
        let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| task[name].as_f64().unwrap_or_default();
        let command = CommandInfo { shell: Some(true), value: Some(text("command")), ..Default::default() };
        TaskInfo {
            name: text("id"),
            task_id: TaskId { value: text("id") },
            agent_id: offer.agent_id.clone(),
            resources: pool.take(number("cpus"), number("mem")).unwrap_or_default(),
            command: Some(command),
            ..Default::default()
        }
    });
    let tasks = tasks.collect();
    let cookies = action["tasks"].as_array().into_iter().flatten().filter_map(|task| {
        let cookie = BASE64_STANDARD.decode(task["cookie"].as_str()?).expect("a cookie in base64");
        Some((task["id"].as_str()?.to_owned(), cookie))
    });
    let cookies = cookies.collect();
    let state = action["state"].as_array().into_iter().flatten().map(|change| StateChange {
        key: change["key"].as_str().unwrap_or_default().to_owned(),
        value: bytes(&change["value"]),
        if_version: change["ifVersion"].as_u64(),
        delete: change["delete"].as_bool().unwrap_or(false),
    });
    let state = state.collect();
    LaunchTasksRequest { offer_ids: vec![offer.id.clone()], tasks, cookies, state, ..Default::default() }
}

fn bytes(base64: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(base64.as_str().unwrap_or_default()).expect("a value in base64")
}
