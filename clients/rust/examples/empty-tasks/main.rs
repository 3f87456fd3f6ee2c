//! Launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit status is 0 if all did, 1 if
//! not, 2 if it was called wrongly.

mod tasks;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use mesosbridge::proto::mesos::v1::{FrameworkInfo, framework_info::Capability, framework_info::capability::Type};
use mesosbridge::proto::mesosbridge::v1::ExpiryPolicy;
use mesosbridge::{Error, Event, Events, Options, Scheduler, connect};
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
    #[arg(long, value_name = "NAME")]
    framework_name: Option<String>,
    /// Wait while another instance is active, and take over when it is gone; an interrupt hands over
    #[arg(long)]
    standby: bool,
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
    if arguments.standby && arguments.framework_name.is_none() {
        let text = "--standby needs --framework-name: the instances share one";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, text).exit();
    }
    match run(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
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

/// Gives whether there is nothing left to do.
async fn run(arguments: &Arguments) -> Result<bool, Error> {
    let (scheduler, events) = connect(options(arguments)?)?;
    let mut tasks = Tasks::new(scheduler.clone(), arguments.tasks, arguments.command.clone(), arguments.retries);
    let was_active = tokio::select! {
        result = see_through(&mut tasks, events) => result?,
        () = interrupted() => {
            leave(&scheduler, arguments.standby).await;
            return Ok(tasks.finished == arguments.tasks);
        }
    };
    if arguments.standby && !was_active {
        println!("another instance has ended the framework");
        return Ok(true);
    }
    scheduler.teardown().await?;
    scheduler.close().await;
    println!("{} of {} finished, {} failed", tasks.finished, arguments.tasks, tasks.failed);
    Ok(tasks.finished == arguments.tasks)
}

/// Runs until all tasks have ended, or no more events come. Gives whether this scheduler was ever active.
async fn see_through(tasks: &mut Tasks, mut events: Events) -> Result<bool, Error> {
    let mut was_active = false;
    // If an update was lost, Mesos reports the task's state only on request.
    let mut reconcile = interval(Duration::from_secs(30));
    while !tasks.done() {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => {
                    let event = event?;
                    was_active |= matches!(event, Event::Opened(_));
                    tasks.handle(event).await?;
                }
                None => break,
            },
            _ = reconcile.tick() => tasks.reconcile().await?,
        }
    }
    events.handled();
    Ok(was_active)
}

/// Ends the framework. A standby leaves it to the other instances.
async fn leave(scheduler: &Scheduler, is_standby: bool) {
    if !is_standby {
        eprintln!("ending the framework");
        finish("ended", scheduler.teardown()).await;
    } else if scheduler.is_attached() {
        eprintln!("handing over");
        finish("handed over", scheduler.hand_over()).await;
    } else {
        scheduler.close().await;
    }
}

/// Makes a last call, and says why if it fails.
async fn finish(what: &str, call: impl Future<Output = Result<(), Error>>) {
    match timeout(Duration::from_secs(10), call).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("the framework was not {what}: {error}"),
        Err(_) => eprintln!("the framework was not {what}: no answer in time"),
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
        framework_name: arguments.framework_name.clone().unwrap_or_else(free_name),
        standby: arguments.standby,
        framework_info: Some(info),
        expiry_policy: ExpiryPolicy::Teardown,
        replace_removed: true,
        give_up_after: Some(Duration::from_secs(arguments.give_up_after)),
        ..access
    })
}
