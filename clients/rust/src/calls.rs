use crate::attempt::{Caller, Client, Repeat};
use crate::proto::mesosbridge::v1::{
    AcceptOffersRequest, AcceptOffersResponse, AcknowledgeRequest, CallHeader, CallRequest, CloseSessionRequest,
    DeclineOffersRequest, DeleteStateRequest, GetStateRequest, KillTaskRequest, LaunchTasksRequest,
    LaunchTasksResponse, ListStateRequest, PutStateRequest, ReconcileTasksRequest, ReviveOffersRequest,
    SendMessageRequest, StateEntry, SuppressOffersRequest, TeardownRequest,
};
use crate::{Error, Scheduler};

/// Sends a copy of the request with its header. Gives the response.
macro_rules! ask {
    ($request:expr, $method:ident) => {
        |mut client: Client, header: CallHeader| {
            let mut request = $request.clone();
            request.header = Some(header);
            async move { client.$method(request).await.map(tonic::Response::into_inner) }
        }
    };
}

/// The same for a call whose response says nothing.
macro_rules! send {
    ($request:expr, $method:ident) => {
        |mut client: Client, header: CallHeader| {
            let mut request = $request.clone();
            request.header = Some(header);
            async move { client.$method(request).await.map(drop) }
        }
    };
}

/// Entries of the state that are read at a time.
const STATE_PAGE: i32 = 1_000;

/// All calls of the bridge. Each waits for an attachment, tries again where that is safe (no master, connection broken,
/// attached anew) until `Options::call_timeout` is over, and ends with an [`Error`]. Where it is Ok, the Mesos master
/// has taken the call; calls about the framework's state end at the bridge. The header of a request is filled in; a
/// request id of the caller's own is kept.
impl Scheduler {
    /// Launches tasks on offers of one agent. What they leave over is declined. Cookies are bytes of your own by task id:
    /// they come back in the `Event::Tasks` of each snapshot until the task's end is acknowledged. At most 512 KiB per
    /// call; default: none. State changes keys of the framework's state, in one commit with the tasks; the response has
    /// their version. A bridge that can't keep cookies or state refuses the launch, which is retried.
    ///
    /// # Errors
    ///
    /// `OFFER_GONE`, `STATE_CHANGED`: nothing was launched. With [`Error::is_outcome_unknown`]: reconcile before
    /// launching again. With `Options::standby` also `ATTACHMENT_SUPERSEDED`: nothing was launched, and another
    /// scheduler may have been active since the last `Event::Opened` that was taken before the call.
    pub async fn launch_tasks(&self, request: LaunchTasksRequest) -> Result<LaunchTasksResponse, Error> {
        let send = ask!(request, launch_tasks);
        self.caller().call(Repeat::Never, request.header.as_ref(), send).await
    }

    /// Accepts offers of one agent with any operations. Its cookies, state and errors are those of `launch_tasks`.
    pub async fn accept_offers(&self, request: AcceptOffersRequest) -> Result<AcceptOffersResponse, Error> {
        let send = ask!(request, accept_offers);
        self.caller().call(Repeat::Never, request.header.as_ref(), send).await
    }

    /// Declines offers. Those that are gone already do no harm.
    pub async fn decline_offers(&self, request: DeclineOffersRequest) -> Result<(), Error> {
        if request.offer_ids.is_empty() {
            return Ok(());
        }
        let send = send!(request, decline_offers);
        self.caller().call(Repeat::Safe, request.header.as_ref(), send).await
    }

    /// Asks for offers again, and forgets what earlier declines said. Without roles: for all of them.
    pub async fn revive_offers(&self, roles: &[&str]) -> Result<(), Error> {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        let request = ReviveOffersRequest { header: None, roles };
        self.caller().call(Repeat::Safe, None, send!(request, revive_offers)).await
    }

    /// Stops offers until `revive_offers`. Open offers stay open.
    pub async fn suppress_offers(&self, roles: &[&str]) -> Result<(), Error> {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        let request = SuppressOffersRequest { header: None, roles };
        self.caller().call(Repeat::Safe, None, send!(request, suppress_offers)).await
    }

    /// Asks for a task to be killed. What comes of it is an update.
    pub async fn kill_task(&self, request: KillTaskRequest) -> Result<(), Error> {
        let send = send!(request, kill_task);
        self.caller().call(Repeat::Safe, request.header.as_ref(), send).await
    }

    /// Asks for the state of tasks; without any, of all that Mesos knows. The answers are updates.
    pub async fn reconcile_tasks(&self, request: ReconcileTasksRequest) -> Result<(), Error> {
        let send = send!(request, reconcile_tasks);
        self.caller().call(Repeat::Safe, request.header.as_ref(), send).await
    }

    /// Sends bytes to an executor. Mesos may drop them.
    pub async fn send_message(&self, request: SendMessageRequest) -> Result<(), Error> {
        let send = send!(request, send_message);
        self.caller().call(Repeat::Never, request.header.as_ref(), send).await
    }

    /// Acknowledges updates, in the order given. Only for who chose `Options::manual_acknowledge`.
    pub async fn acknowledge(&self, ack_tokens: Vec<String>) -> Result<(), Error> {
        self.caller().acknowledge(ack_tokens).await
    }

    /// Reads a key of the framework's state, which is on the bridge's disk: bytes of your own that the next instance
    /// of the scheduler needs. None if there is no such key.
    pub async fn get_state(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        let request = GetStateRequest { header: None, key: key.to_owned() };
        Ok(self.caller().call(Repeat::Safe, None, ask!(request, get_state)).await?.entry)
    }

    /// Writes a key of the framework's state, and gives its version. Once it is Ok, the value is on the bridge's disk.
    /// A key has 1 to 255 letters, digits and characters of `._-:/`, and a value at most 512 KiB. With `if_version`
    /// nothing is changed unless the key has this version; 0: unless there is no such key.
    ///
    /// # Errors
    ///
    /// `STATE_CHANGED`: the key has another version. `ATTACHMENT_SUPERSEDED`: another scheduler may have been active
    /// since your last `Event::Opened`. With [`Error::is_outcome_unknown`]: it may have been written; read it.
    pub async fn put_state(&self, request: PutStateRequest) -> Result<u64, Error> {
        let send = ask!(request, put_state);
        Ok(self.caller().call(Repeat::InTerm, request.header.as_ref(), send).await?.version)
    }

    /// Deletes a key of the framework's state, if it is there. Its errors are those of `put_state`.
    pub async fn delete_state(&self, request: DeleteStateRequest) -> Result<(), Error> {
        let send = send!(request, delete_state);
        self.caller().call(Repeat::InTerm, request.header.as_ref(), send).await
    }

    /// Reads all keys of the framework's state that begin with `prefix`, in order. `Options::call_timeout` is that of
    /// each page.
    pub async fn list_state(&self, prefix: &str) -> Result<Vec<StateEntry>, Error> {
        let mut entries = Vec::new();
        let mut request = ListStateRequest { prefix: prefix.to_owned(), page_size: STATE_PAGE, ..Default::default() };
        loop {
            let page = self.caller().call(Repeat::Safe, None, ask!(request, list_state)).await?;
            entries.extend(page.entries);
            if page.next_page_token.is_empty() {
                return Ok(entries);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Sends any call of Mesos but SUBSCRIBE.
    pub async fn call(&self, request: CallRequest) -> Result<(), Error> {
        let send = send!(request, call);
        self.caller().call(Repeat::Never, request.header.as_ref(), send).await
    }

    /// Ends the framework: Mesos kills its tasks, and the bridge deletes its state. The events end.
    pub async fn teardown(&self) -> Result<(), Error> {
        self.caller().end(send!(TeardownRequest::default(), teardown)).await
    }

    /// Ends the session and leaves the framework to Mesos, for its failover timeout. The events end.
    pub async fn close_session(&self) -> Result<(), Error> {
        self.caller().end(send!(CloseSessionRequest::default(), close_session)).await
    }

    /// Lets the standby that has waited longest take over. The events end. Without one, the lease begins, as after
    /// `close`.
    pub async fn hand_over(&self) -> Result<(), Error> {
        let request = CloseSessionRequest { handover: true, ..Default::default() };
        self.caller().end(send!(request, close_session)).await
    }
}

impl Caller {
    pub(crate) async fn acknowledge(&self, ack_tokens: Vec<String>) -> Result<(), Error> {
        if ack_tokens.is_empty() {
            return Ok(());
        }
        let request = AcknowledgeRequest { header: None, ack_tokens };
        self.call(Repeat::Safe, None, send!(request, acknowledge)).await
    }
}
