//! One control connection from its greeting to its end: reads inputs, lets the session decide,
//! performs the effects, and feeds their results back.
//!
//! It alone knows every stage. One task owns all of it. What takes time is a job, of which there
//! is at most one, because a session waits for the answer to what it asked.

use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::time::{Instant, Interval, sleep_until, timeout};
use tracing::debug;
use wharf_protocol::effect::{Effect, Effects, EndReason, Input};
use wharf_protocol::failure::Failure;
use wharf_protocol::line::{Decoder, Event};
use wharf_protocol::session::Session;

use self::data_route::{DataRoute, meet};
use self::job::{Completed, Job, NotPrepared, Refused};
use self::login::Login;
use self::stream::ControlStream;
use self::tell::{Attempt, Teller};
use self::transfers::{Ready, Running};
use crate::config::Charset;
use crate::event;
use crate::host::{Host, Phase};
use crate::limits;
use crate::tls::{HandshakeError, SessionTls};

pub use self::accept::accept;

mod accept;
mod after_tls;
mod data_route;
mod gate;
mod guard;
mod job;
mod login;
mod prepare;
mod stream;
mod tell;
#[cfg(test)]
mod tests;
mod transfers;

/// A control connection, greeted or about to be.
struct Control {
    host: Arc<Host>,
    stream: ControlStream,
    decoder: Decoder,
    session: Session,
    login: Login,
    teller: Arc<Teller>,
    /// The transfer that was asked for, until it is told what became of it.
    attempt: Option<Arc<Attempt>>,
    /// What failed, until the client hears with which reply.
    untold: Option<event::Event>,
    tls: Option<SessionTls>,
    local: SocketAddr,
    /// The client, also where a balancer connects for it.
    peer: SocketAddr,
    /// The balancers by which it may come.
    proxies: Arc<[IpNet]>,
    /// Where the next data connection comes from.
    route: Option<DataRoute>,
    /// A transfer whose object is open and whose data connection is there.
    ready: Option<Box<Ready>>,
    /// The transfer that moves bytes now; dropping it aborts it.
    running: Option<Running>,
    /// What the session waits for.
    job: Option<Job>,
    /// What the client said, while it is decided whether the session may go on.
    held: Option<Input>,
    /// Replies not sent yet.
    replies: Vec<u8>,
    /// Since when nobody is logged in.
    logged_out: Instant,
    /// When the client was last heard, or something that it asked for was done.
    active: Instant,
    /// When to look whether the client went away during a job. One timer for the session: another
    /// one for each job would wake the reactor each time, to wait for less long than it does.
    peer_check: Interval,
}

/// Why a control connection ends.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the session is over")]
    BySession,
    #[error("the client closed the control connection")]
    ByClient,
    #[error("the control connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("the client does not take its replies")]
    NotReading,
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("the server is shutting down")]
    Stopped,
}

impl Control {
    /// Serves the connection until it ends, and says why it did.
    async fn run(mut self) -> Ended {
        let opening = match self.ask_before_greeting().await {
            Ok(None) => self.session.start(),
            Ok(Some(refused)) => self.session.handle(Input::End(refused)),
            Err(ended) => return ended,
        };
        if let Err(ended) = self.perform_all(opening).await {
            return ended;
        }
        loop {
            let effects = match self.next_input().await {
                Ok(input) => self.session.handle(input),
                Err(ended) => return ended,
            };
            if let Err(ended) = self.perform_all(effects).await {
                return ended;
            }
        }
    }

    /// The next thing that the session has to hear.
    async fn next_input(&mut self) -> Result<Input, Ended> {
        let mut phase = self.host.phase.clone();
        loop {
            if self.job.is_none() && self.session.is_held_back() {
                self.held = Some(Input::GoOn);
                self.job = Some(self.revalidate());
            }
            let (deadline, reason) = self.deadline();
            let wants_line = self.held.is_none() && self.session.wants_line();
            let busy = self.job.is_some();
            let committing = self.running.as_ref().is_some_and(Running::is_committing);
            let tls = self.tls.as_ref().filter(|_| self.session.protects_data());
            let handshake_limit = self.host.config.limits.data_connect_timeout;
            // In this order: a client that sends without a pause must not put off its end, and one
            // that went away must not have its upload committed.
            tokio::select! {
                biased;
                ended = ending(&mut phase, self.running.is_some()) => match ended {
                    Phase::Stopping => return Err(Ended::Stopped),
                    _ => return Ok(Input::End(EndReason::ShuttingDown)),
                },
                () = expiry(self.login.expires()) => return Ok(Input::End(EndReason::Expired)),
                () = sleep_until(deadline), if !busy => return Ok(Input::End(reason)),
                event = next_event(&mut self.stream, &mut self.decoder), if wants_line => {
                    self.active = Instant::now();
                    let event = event?.ok_or(Ended::ByClient)?;
                    let input = heard(event, self.host.config.protocol.charset);
                    if busy || !self.login.is_to_be_revalidated() {
                        return Ok(input);
                    }
                    self.held = Some(input);
                    self.job = Some(self.revalidate());
                }
                completed = completion(&mut self.job) => {
                    self.job = None;
                    self.active = Instant::now();
                    if let Some(input) = self.complete(completed)? {
                        self.hold_back();
                        return Ok(input);
                    }
                }
                _ = self.peer_check.tick(), if busy && (!wants_line || committing) => {
                    // Where nobody reads meanwhile, nothing else tells that the client went away.
                    if !wants_line && self.client_is_gone() {
                        return Err(Ended::ByClient);
                    }
                    // Who has left hears nothing more, and no write may fail before the commit.
                    if !self.session.is_leaving() && self.breaks_silence() {
                        return Ok(Input::StillCommitting);
                    }
                }
                never = meet(&mut self.route, tls, handshake_limit) => match never {},
            }
        }
    }

    /// When the session has waited long enough for the client. The timer rests during a job.
    fn deadline(&self) -> (Instant, EndReason) {
        let settings = &self.host.config.limits;
        let Some(identity) = self.login.identity() else {
            return (
                self.logged_out + settings.login_timeout,
                EndReason::LoginTimeout,
            );
        };
        let idle = identity.idle_timeout.unwrap_or(settings.idle_timeout);
        (self.active + idle, EndReason::Idle)
    }

    /// Performs `effects` in order and sends the replies among them.
    async fn perform_all(&mut self, effects: Effects) -> Result<(), Ended> {
        for effect in effects {
            self.perform(effect).await?;
        }
        self.flush().await
    }

    async fn perform(&mut self, effect: Effect) -> Result<(), Ended> {
        match effect {
            Effect::Reply(reply) => {
                debug!(code = reply.code(), "reply");
                self.tell_failure(reply.code());
                self.replies.extend_from_slice(&reply.to_bytes());
            }
            Effect::ReplyLine(line) => self.replies.extend_from_slice(&line.to_bytes()),
            Effect::StartTls => self.start_tls().await?,
            Effect::StopTls => {
                self.flush().await?;
                taken(self.stream.stop_tls()).await?;
                self.login.set_tls(None);
            }
            Effect::Login(credential) => self.job = Some(self.log_in(credential)),
            Effect::Logout => {
                self.tell_logout();
                self.login.forget();
                self.logged_out = Instant::now();
            }
            Effect::Listen { extended, family } => {
                self.route = None;
                self.job = Some(self.listen(extended, family));
            }
            Effect::Connect(target) => self.route = Some(DataRoute::Active(target)),
            Effect::ForgetDataConnection => {
                self.route = None;
                if self.ready.take().is_some() {
                    self.failed(Failure::Aborted.into());
                }
            }
            Effect::Perform(operation) => self.job = Some(self.operate(operation)),
            Effect::Prepare(transfer) => self.job = Some(self.prepare(transfer)),
            Effect::Run => self.run_transfer(),
            Effect::TellProgress => {
                let bytes = self.running.as_ref().map_or(0, Running::bytes);
                let effects = self.session.handle(Input::Progress(bytes));
                // The answer to a progress is a reply and nothing that could ask for one again.
                Box::pin(self.perform_all(effects)).await?;
            }
            Effect::Abort => self.abort(),
            Effect::Close => {
                self.flush().await?;
                taken(self.stream.shutdown()).await?;
                // Whoever does not close in time may miss the last reply.
                let _ = timeout(limits::CLOSE_LINGER, self.stream.closed_by_client()).await;
                return Err(Ended::BySession);
            }
        }
        Ok(())
    }

    /// Sends the replies that wait. Before a job begins they are all with the kernel.
    async fn flush(&mut self) -> Result<(), Ended> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let replies = std::mem::take(&mut self.replies);
        taken(self.stream.write(&replies)).await
    }

    /// AUTH. Whatever was read in clear behind it is thrown away: it may be an attacker's, and
    /// must not be acted on as if it had come under TLS.
    async fn start_tls(&mut self) -> Result<(), Ended> {
        self.flush().await?;
        self.decoder.discard();
        self.secure().await?;
        let effects = self.session.handle(Input::Secured);
        Box::pin(self.perform_all(effects)).await
    }

    /// Takes the control connection under TLS, within the time for a login.
    async fn secure(&mut self) -> Result<(), Ended> {
        let tls = self.host.tls.for_session();
        let deadline = self.logged_out + self.host.config.limits.login_timeout;
        let mut phase = self.host.phase.clone();
        let facts = tokio::select! {
            biased;
            _ = ending(&mut phase, false) => return Err(Ended::Stopped),
            facts = self.stream.start_tls(&tls, deadline) => facts?,
        };
        self.login.set_tls(Some(facts));
        self.tls = Some(tls);
        Ok(())
    }

    /// What a completed job means to the session; `None` where the next job follows by itself.
    fn complete(&mut self, completed: Completed) -> Result<Option<Input>, Ended> {
        Ok(Some(match completed {
            Completed::LoggedIn(outcome) => Input::Login(self.settle(outcome)),
            Completed::Revalidated(ruling) => return Ok(self.rule(ruling)),
            Completed::Listening(Ok((address, route))) => {
                self.route = Some(route);
                Input::Listening(Ok(address))
            }
            Completed::Listening(Err(failure)) => Input::Listening(Err(failure)),
            Completed::Performed(result) => Input::Performed(result),
            Completed::Prepared(Ok((prepared, ready))) => {
                self.ready = Some(ready);
                Input::Prepared(Ok(prepared))
            }
            Completed::Prepared(Err(NotPrepared { refused, route })) => {
                self.route = route.or(self.route.take());
                Input::Prepared(Err(self.failed(refused)))
            }
            Completed::Received(received) => {
                if self.client_is_gone() {
                    return Err(Ended::ByClient);
                }
                self.job = Some(self.gate(received));
                return Ok(None);
            }
            Completed::Gated(received, ruling) => {
                if self.client_is_gone() {
                    return Err(Ended::ByClient);
                }
                self.job = Some(self.follow(received, ruling));
                return Ok(None);
            }
            Completed::Finished(result) => {
                let result = self.finished(result);
                if let Some(mut running) = self.running.take() {
                    running.log(&result);
                }
                Input::Finished(result)
            }
        }))
    }

    /// Whether the client closed its end, without having said that it leaves: nothing tells such a
    /// close from that of a client that was killed. After QUIT it is what was announced.
    fn client_is_gone(&self) -> bool {
        !self.session.is_leaving() && self.stream.peer_is_gone()
    }

    /// Stops the transfer. What is being prepared is dropped, which discards it; what moves bytes
    /// ends by itself as soon as its connection is shut down.
    fn abort(&mut self) {
        match &self.running {
            Some(running) => running.abort(),
            None => {
                self.job = Some(Box::pin(async {
                    Completed::Prepared(Err(Refused::from(Failure::Aborted).into()))
                }))
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.tell_end();
    }
}

/// The next line of the client; `None` where it closed the connection.
async fn next_event(
    stream: &mut ControlStream,
    decoder: &mut Decoder,
) -> io::Result<Option<Event>> {
    loop {
        if let Some(event) = decoder.next_event() {
            return Ok(Some(event));
        }
        if stream.read(decoder).await? == 0 {
            return Ok(None);
        }
    }
}

/// What the session is told of it. `charset` is that of clients that do not know UTF-8.
fn heard(event: Event, charset: Option<Charset>) -> Input {
    match event {
        Event::Line(line) => Input::Line(match charset {
            Some(charset) => charset.read(line),
            None => line,
        }),
        Event::TooLong => Input::LineTooLong,
        Event::ClientHello => Input::End(EndReason::NotFtp),
    }
}

/// Waits until the kernel took what is sent, which it does not for a client that takes nothing.
async fn taken(sending: impl Future<Output = io::Result<()>>) -> Result<(), Ended> {
    match timeout(limits::REPLY_TIMEOUT, sending).await {
        Ok(sent) => Ok(sent?),
        Err(_) => Err(Ended::NotReading),
    }
}

/// Waits for the job, for ever if there is none.
async fn completion(job: &mut Option<Job>) -> Completed {
    match job {
        Some(job) => poll_fn(|context| job.as_mut().poll(context)).await,
        None => pending().await,
    }
}

/// Waits until a grant runs out, for ever if it does not.
async fn expiry(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Waits until the host ends: at once when it drains, unless a transfer runs, which has until it
/// stops.
async fn ending(phase: &mut tokio::sync::watch::Receiver<Phase>, transferring: bool) -> Phase {
    let awaited = if transferring {
        Phase::Stopping
    } else {
        Phase::Draining
    };
    // An error means that the host is gone, which is an end as well.
    match phase.wait_for(|phase| *phase >= awaited).await {
        Ok(phase) => *phase,
        Err(_) => Phase::Stopping,
    }
}
