//! Launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit status is 0 if all did, 1 if
//! not, 2 if it was called wrongly.

mod tasks;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use mesosbridge::proto::mesos::v1::{FrameworkInfo, framework_info::Capability, framework_info::capability::Type};
use mesosbridge::proto::mesosbridge::v1::ExpiryPolicy;
use mesosbridge::{Error, Events, Options, Scheduler, connect};
use tasks::Tasks;
use tokio::time::{interval, timeout};
use tonic::Code;

/// Launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit status is 0 if all did.
#[derive(Parser)]
#[command(name = "empty-tasks", version)]
struct Arguments {
    /// The Mesos bridge, also as unix:/PATH, or several addresses with commas between them
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    bridge: String,
    /// PEM file of the authorities that the bridge's certificate may be of, for TLS; also MESOS_BRIDGE_CA
    #[arg(long, value_name = "FILE")]
    bridge_ca: Option<PathBuf>,
    /// PEM file of this client's certificate, for TLS; also MESOS_BRIDGE_CERT
    #[arg(long, value_name = "FILE")]
    bridge_cert: Option<PathBuf>,
    /// PEM file of its key; also MESOS_BRIDGE_KEY
    #[arg(long, value_name = "FILE")]
    bridge_key: Option<PathBuf>,
    /// File of the token that says who calls; read for each stream and call; also MESOS_BRIDGE_TOKEN_FILE
    #[arg(long, value_name = "FILE")]
    bridge_token_file: Option<PathBuf>,
    /// Names this framework's session at the bridge; unless told, each run has its own
    #[arg(long, value_name = "NAME", default_value_t = free_name())]
    framework_name: String,
    /// The user that tasks run as on the agents
    #[arg(long, value_name = "NAME", default_value_t = user())]
    user: String,
    /// The Mesos role whose resources are used
    #[arg(long, default_value = "*")]
    role: String,
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: u32,
    /// The shell command of each task
    #[arg(long, default_value = "true")]
    command: String,
    /// How often a task is launched again when Mesos lost it
    #[arg(long, value_name = "N", default_value_t = 3)]
    retries: u32,
    /// End when the bridge could not be reached for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    give_up_after: u64,
}

/// Two runs don't end each other's framework.
fn free_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("empty-tasks-{:x}-{:x}", since.as_micros(), std::process::id())
}

/// Who runs this.
fn user() -> String {
    let output = Command::new("id").arg("-un").output();
    let name = output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    if name.is_empty() { "root".to_owned() } else { name }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(finished) if finished == arguments.tasks => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("empty-tasks: {}", explain(&error));
            // Options that can't be have no reason: they never reached a bridge.
            let is_usage = error.code() == Code::InvalidArgument && error.reason().is_empty();
            ExitCode::from(if is_usage { 2 } else { 1 })
        }
    }
}

fn explain(error: &Error) -> String {
    if error.reason() == "ATTACHMENT_SUPERSEDED" {
        return "another client attached under the same framework name; use another --framework-name to run both"
            .to_owned();
    }
    error.to_string()
}

async fn run(arguments: &Arguments) -> Result<u32, Error> {
    let (scheduler, events) = connect(options(arguments)?)?;
    let mut tasks = Tasks::new(scheduler.clone(), arguments.tasks, arguments.command.clone(), arguments.retries);
    tokio::select! {
        result = see_through(&mut tasks, events) => result?,
        () = interrupted() => {
            eprintln!("ending the framework");
            teardown(&scheduler, Duration::from_secs(10)).await;
            return Ok(tasks.finished);
        }
    }
    scheduler.teardown().await?;
    scheduler.close().await;
    println!("{} of {} finished, {} failed", tasks.finished, arguments.tasks, tasks.failed);
    Ok(tasks.finished)
}

/// Runs until all tasks have ended, or no more events come.
async fn see_through(tasks: &mut Tasks, mut events: Events) -> Result<(), Error> {
    // If an update was lost, Mesos reports the task's state only on request.
    let mut reconcile = interval(Duration::from_secs(30));
    while !tasks.done() {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => tasks.handle(event?).await?,
                None => break,
            },
            _ = reconcile.tick() => tasks.reconcile().await?,
        }
    }
    events.handled();
    Ok(())
}

async fn teardown(scheduler: &Scheduler, patience: Duration) {
    match timeout(patience, scheduler.teardown()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("the framework was not ended: {error}"),
        Err(_) => eprintln!("the framework was not ended: no answer in time"),
    }
}

/// Ends with Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        },
        _ => std::future::pending().await,
    }
}

fn options(arguments: &Arguments) -> Result<Options, Error> {
    let capabilities = [Type::MultiRole, Type::PartitionAware].map(|kind| Capability { r#type: Some(kind.into()) });
    let info = FrameworkInfo {
        user: arguments.user.clone(),
        roles: vec![arguments.role.clone()],
        capabilities: capabilities.into(),
        ..Default::default()
    };
    let access = Options::with_files(
        arguments.bridge_ca.clone(),
        arguments.bridge_cert.clone(),
        arguments.bridge_key.clone(),
        arguments.bridge_token_file.clone(),
    )?;
    Ok(Options {
        bridge: arguments.bridge.clone(),
        framework_name: arguments.framework_name.clone(),
        framework_info: Some(info),
        expiry_policy: ExpiryPolicy::Teardown,
        replace_removed: true,
        give_up_after: Some(Duration::from_secs(arguments.give_up_after)),
        ..access
    })
}
