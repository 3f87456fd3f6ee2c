//! What a scheduler does where there is no bridge, or none that talks gRPC.

use std::time::{Duration, Instant};

use mesosbridge::proto::mesosbridge::v1::{DeleteStateRequest, KillTaskRequest, PutStateRequest};
use mesosbridge::{Event, Options, connect};
use tokio::net::TcpListener;

fn options(bridge: String) -> Options {
    Options {
        bridge,
        framework_name: "nobody".to_owned(),
        backoff_initial: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        ..Options::default()
    }
}

/// An address where nothing listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn tells_each_failure_and_gives_up() {
    let give_up_after = Some(Duration::from_millis(100));
    let (_scheduler, mut events) = connect(Options { give_up_after, ..options(nowhere().await) }).unwrap();
    let mut attempts = Vec::new();
    let error = loop {
        match events.next().await {
            Some(Ok(Event::Detached(e))) => attempts.push(e.attempt),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(error)) => break error,
            None => panic!("the events should end with an error"),
        }
    };
    assert!(error.is_retryable() && error.message().contains("refused"), "{error}");
    assert!(attempts.len() > 1 && attempts.iter().copied().eq(1..=attempts.len() as u32), "{attempts:?}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn attaches_again_when_connections_are_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cutting = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let (scheduler, mut events) = connect(options(address)).unwrap();
    for attempt in 1..=3 {
        match events.next().await {
            Some(Ok(Event::Detached(e))) => assert_eq!(e.attempt, attempt),
            other => panic!("{other:?}"),
        }
    }
    scheduler.close().await;
    cutting.abort();
}

#[tokio::test]
async fn a_call_that_finds_no_attachment_was_not_sent() {
    let call_timeout = Duration::from_millis(50);
    let (scheduler, _events) = connect(Options { call_timeout, ..options(nowhere().await) }).unwrap();
    let error = scheduler.kill_task(KillTaskRequest::default()).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (tonic::Code::DeadlineExceeded, "NOT_SENT"));
    assert!(error.is_retryable() && !error.is_outcome_unknown());
}

#[tokio::test]
async fn state_that_finds_no_attachment_was_neither_read_nor_written() {
    let call_timeout = Duration::from_millis(50);
    let (scheduler, _events) = connect(Options { call_timeout, ..options(nowhere().await) }).unwrap();
    let (get, list, put, delete) = tokio::join!(
        scheduler.get_state("a"),
        scheduler.list_state(""),
        scheduler.put_state(PutStateRequest { key: "a".to_owned(), ..Default::default() }),
        scheduler.delete_state(DeleteStateRequest { key: "a".to_owned(), ..Default::default() }),
    );
    for error in [get.unwrap_err(), list.unwrap_err(), put.unwrap_err(), delete.unwrap_err()] {
        assert_eq!((error.code(), error.reason()), (tonic::Code::DeadlineExceeded, "NOT_SENT"));
    }
}

#[tokio::test]
async fn closing_ends_the_events_and_waiting_calls_at_once() {
    let (scheduler, mut events) = connect(options(nowhere().await)).unwrap();
    let started = Instant::now();
    let call = scheduler.kill_task(KillTaskRequest::default());
    let (result, ()) = tokio::join!(call, scheduler.close());
    assert_eq!(result.unwrap_err().code(), tonic::Code::Cancelled);
    while let Some(event) = events.next().await {
        assert!(matches!(event, Ok(Event::Detached(_))));
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn options_that_can_not_be_are_refused() {
    assert!(connect(options("no address".to_owned())).is_err());
    assert!(connect(Options { framework_name: String::new(), ..options(nowhere().await) }).is_err());
}

/// An address of a proxy that says this to whoever connects.
async fn proxy(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.writable().await.unwrap();
            stream.try_write(answer.as_bytes()).unwrap();
            // It reads what it is asked, or the answer is lost with the connection.
            let mut request = [0; 1024];
            stream.readable().await.unwrap();
            while matches!(stream.try_read(&mut request), Ok(1..)) {}
        }
    });
    address
}

#[tokio::test]
async fn tells_how_a_proxy_failed() {
    let failures = [
        (nowhere().await, "can't be reached: Connection refused"),
        (proxy("HTTP/1.1 407 Who are you\r\n\r\n").await, "did not connect to bridge:1: it answered HTTP/1.1 407"),
        (proxy("HTTP/1.1 2").await, "did not connect to bridge:1"),
    ];
    for (proxy, expected) in failures {
        let proxy = Some(format!("http://me:secret@{proxy}"));
        let give_up_after = Some(Duration::ZERO);
        let (_scheduler, mut events) =
            connect(Options { proxy, give_up_after, ..options("bridge:1".to_owned()) }).unwrap();
        let error = loop {
            if let Some(Err(error)) = events.next().await {
                break error;
            }
        };
        assert!(error.message().contains(expected) && !error.message().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn refuses_what_is_not_a_proxy_and_does_not_repeat_it() {
    for proxy in ["", "https://me:secret@proxy:1", "http://me:secret@proxy:1/path", "http://me:secret@proxy:port"] {
        let wrong = Options { proxy: Some(proxy.to_owned()), ..options("bridge:1".to_owned()) };
        let error = connect(wrong).err().unwrap();
        assert!(error.message().contains("HOST:PORT") && !error.message().contains("secret"), "{error}");
    }
}
