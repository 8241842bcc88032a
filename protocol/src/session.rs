//! A session: what a client's commands and the host's answers lead to, without I/O.
//!
//! [`Session::handle`] takes one [`Input`] and gives the [`Effects`] that it has. At any time the
//! session is in one `State`, which owns what only that state needs; waiting for the host is a
//! state too. What survives from command to command is the `Context`, whose methods are found by
//! their concern in the modules below.

mod context;
mod data;
mod dispatch;
mod files;
mod information;
mod login;
mod navigation;
mod parameters;
mod policy;
mod security;
mod transfer;

use std::collections::VecDeque;
use std::mem;

use self::context::Context;
use self::data::Passive;
use self::files::Awaited;
pub use self::policy::{AsciiMode, ControlTls, DataTls, Policy};
use self::security::DataSecurity;
use self::transfer::Underway;
use crate::command::{Command, CommandError, Request, Verb};
use crate::effect::{Effect, Effects, EndReason, Input};
use crate::path::VirtualPath;
use crate::reply::Code;
use crate::transfer::Protection;

/// Commands kept while a transfer runs. Clients that pipeline send fewer than a dozen; behind this
/// bound the host reads no further, and TCP holds the client back.
const WAITING_MAX: usize = 16;

/// One control connection, from the greeting to its close.
#[derive(Debug)]
pub struct Session {
    context: Context,
    state: State,
    /// What came during a transfer and is answered after it, in order.
    waiting: VecDeque<Waiting>,
    /// Whether it waits for [`Input::GoOn`] as well.
    held_back: bool,
}

/// What the session waits for. Each state owns what only it needs.
#[derive(Debug)]
enum State {
    /// For a command.
    Ready,
    /// For RNTO: any other command forgets the source.
    Renaming(VirtualPath),
    /// For the TLS handshake, which brings this for data connections.
    Securing(DataSecurity),
    /// For the authenticator.
    Authenticating,
    /// For a passive listener.
    Listening(Passive),
    /// For an operation on storage.
    Performing(Awaited),
    /// For the object and the data connection of a transfer.
    Preparing(Underway),
    /// For the end of a transfer.
    Transferring(Underway),
    /// For nothing: the connection is being closed.
    Closing,
}

/// What a line asks for.
#[derive(Debug)]
enum Order {
    /// A verb, and the command that it makes with its argument.
    Command(&'static Verb, Result<Command, CommandError>),
    /// Something that begins with no verb.
    Strange(CommandError),
    /// A line beyond the bound.
    TooLong,
}

/// What is answered after the transfer.
#[derive(Debug)]
enum Waiting {
    /// An order whose turn comes then.
    Order(Order),
    /// ABOR, which was acted on at once.
    Abort,
}

impl Order {
    fn read(line: &[u8]) -> Self {
        match Request::recognise(line) {
            Ok(request) => Self::Command(request.verb(), request.command()),
            Err(error) => Self::Strange(error),
        }
    }
}

impl Session {
    /// A session that has not greeted yet. Under [`ControlTls::Implicit`] the handshake is done.
    pub fn new(policy: Policy) -> Self {
        Self {
            context: Context::new(policy),
            state: State::Ready,
            waiting: VecDeque::new(),
            held_back: false,
        }
    }

    /// The greeting.
    pub fn start(&self) -> Effects {
        self.context.greeting()
    }

    /// Whether a line may be handed in now. Where not, the host leaves it unread, so that a client
    /// that sends faster than it is served is held back.
    pub fn wants_line(&self) -> bool {
        match &self.state {
            State::Ready | State::Renaming(_) => !self.held_back,
            State::Preparing(transfer) | State::Transferring(transfer) => {
                self.waiting.len() < WAITING_MAX && !transfer.is_asked() && !self.is_leaving()
            }
            _ => false,
        }
    }

    /// Whether the next data connection will be under TLS (PROT P, RFC 4217 section 9).
    pub fn protects_data(&self) -> bool {
        self.context.channel.protection() == Protection::Private
    }

    /// Whether QUIT waits for the end of a transfer. The client has nothing more to say and may
    /// close its end; before QUIT, that would be an abort (RFC 959 section 4.1.1).
    pub fn is_leaving(&self) -> bool {
        let last = self.waiting.back();
        matches!(
            last,
            Some(Waiting::Order(Order::Command(_, Ok(Command::Quit))))
        )
    }

    /// Whether something would be done now that waits for [`Input::GoOn`].
    pub fn is_held_back(&self) -> bool {
        self.held_back && matches!(self.state, State::Ready | State::Renaming(_))
    }

    /// Advances the session by `input`. What does not fit its state is ignored.
    pub fn handle(&mut self, input: Input) -> Effects {
        match input {
            Input::HoldBack => self.held_back = !self.waiting.is_empty(),
            Input::GoOn => self.held_back = false,
            _ => {}
        }
        let mut effects = Effects::default();
        let state = mem::replace(&mut self.state, State::Closing);
        let state = self.next(state, input, &mut effects);
        self.enter(state, &mut effects);
        while let State::Ready | State::Renaming(_) = self.state
            && !self.held_back
            && let Some(waiting) = self.waiting.pop_front()
        {
            let state = mem::replace(&mut self.state, State::Closing);
            let state = self.catch_up(state, waiting, &mut effects);
            self.enter(state, &mut effects);
        }
        effects
    }

    fn next(&mut self, state: State, input: Input, effects: &mut Effects) -> State {
        let context = &mut self.context;
        match (state, input) {
            (State::Closing, _) => State::Closing,
            (state, Input::End(reason)) => state.end(reason, effects),
            (state, Input::Line(line)) => self.obey(state, Order::read(&line), effects),
            (state, Input::LineTooLong) => self.obey(state, Order::TooLong, effects),
            (State::Securing(data), Input::Secured) => context.secured(data),
            (State::Authenticating, Input::Login(step)) => context.logged_in(step, effects),
            (State::Listening(passive), Input::Listening(result)) => {
                context.listening(passive, result, effects)
            }
            (State::Performing(awaited), Input::Performed(result)) => {
                context.performed(awaited, result, effects)
            }
            (State::Preparing(transfer), Input::Prepared(result)) => {
                context.prepared(transfer, result, effects)
            }
            (State::Transferring(transfer), Input::Finished(result)) => {
                transfer.finished(result, effects)
            }
            (State::Transferring(transfer), Input::StillCommitting) => {
                State::Transferring(transfer.still_committing(effects))
            }
            (State::Preparing(transfer), Input::Progress(bytes)) => {
                State::Preparing(transfer.progressed(bytes, effects))
            }
            (State::Transferring(transfer), Input::Progress(bytes)) => {
                State::Transferring(transfer.progressed(bytes, effects))
            }
            (state, _) => state,
        }
    }

    fn obey(&mut self, state: State, order: Order, effects: &mut Effects) -> State {
        let others_wait = !self.waiting.is_empty();
        match state {
            State::Ready => self.context.obey(order, None, effects),
            State::Renaming(source) => self.context.obey(order, Some(source), effects),
            State::Preparing(mut transfer) => {
                self.waiting
                    .extend(transfer.meanwhile(order, others_wait, effects));
                State::Preparing(transfer)
            }
            State::Transferring(mut transfer) => {
                self.waiting
                    .extend(transfer.meanwhile(order, others_wait, effects));
                State::Transferring(transfer)
            }
            // No line is wanted here.
            state => state,
        }
    }

    fn catch_up(&mut self, state: State, waiting: Waiting, effects: &mut Effects) -> State {
        match waiting {
            Waiting::Order(order) => self.obey(state, order, effects),
            Waiting::Abort => {
                effects.reply(Code::TransferComplete, "Abort done");
                State::Ready
            }
        }
    }

    /// Enters `state`, or closes where a reply said so: 421 always does (RFC 959 section 4.2).
    fn enter(&mut self, state: State, effects: &mut Effects) {
        self.state = match state {
            State::Closing => State::Closing,
            _ if effects.announces_close() => {
                effects.push(Effect::Close);
                State::Closing
            }
            state => state,
        };
        // What was pipelined in clear behind AUTH may be an attacker's (RFC 4217 section 15).
        if let State::Closing | State::Securing(_) = self.state {
            self.waiting.clear();
        }
    }
}

impl State {
    /// The host ends the session, whatever it was doing.
    fn end(self, reason: EndReason, effects: &mut Effects) -> Self {
        if let State::Preparing(_) | State::Transferring(_) = self {
            effects.push(Effect::Abort);
        }
        let code = match &reason {
            EndReason::LoggedOut { .. } => Code::NotLoggedIn,
            _ => Code::ServiceClosing,
        };
        let text = match &reason {
            EndReason::Idle => "Idle for too long, closing",
            EndReason::LoginTimeout => "No login in time, closing",
            EndReason::Expired => "The login has expired, closing",
            EndReason::Refused { text: Some(text) } => text,
            EndReason::Refused { text: None } => "This session is refused, closing",
            EndReason::LoggedOut { text: Some(text) } => text,
            EndReason::LoggedOut { text: None } => "Not logged in any more, closing",
            EndReason::Undecided => "Service not available now, try again later",
            EndReason::ShuttingDown => "The server is shutting down",
            EndReason::NotFtp => "This is an FTP server, closing",
        };
        effects.reply(code, text);
        effects.push(Effect::Close);
        State::Closing
    }
}
