//! A host that answers every effect, well or badly, as the tests choose.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use wharf_protocol::effect::{
    Credential, Effect, Effects, Finished, Input, LoginDenial, LoginStep, Operation, Outcome,
    Prepared,
};
use wharf_protocol::failure::Failure;
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::path::VirtualPath;
use wharf_protocol::reply::Reply;
use wharf_protocol::session::{Policy, Session};
use wharf_protocol::timestamp::Timestamp;

/// A session and what it still waits for.
pub struct Host {
    pub session: Session,
    /// Replies so far, the greeting among them.
    pub replies: Vec<Reply>,
    /// What the session asked and nobody has answered.
    pub owed: Vec<Owed>,
    /// The connection is closed.
    pub closed: bool,
    /// How often the handshake was asked for.
    pub handshakes: usize,
    /// A reply has begun and not ended.
    replying: bool,
    /// A reply ended with another code than it began with, so nothing but the close may follow.
    broken: bool,
}

/// An answer that the host owes.
#[derive(Clone, Debug)]
pub enum Owed {
    Secured,
    /// A password is asked for where the user's name is `ask`.
    Login {
        asks: bool,
    },
    Listening,
    Performed(Operation),
    Prepared,
    Finished,
    Progress,
}

impl Host {
    pub fn new(policy: Policy) -> Self {
        let session = Session::new(policy);
        let greeting = session.start();
        let mut host = Self {
            session,
            replies: Vec::new(),
            owed: Vec::new(),
            closed: false,
            handshakes: 0,
            replying: false,
            broken: false,
        };
        host.carry_out(greeting);
        host
    }

    pub fn hear(&mut self, input: Input) {
        let effects = self.session.handle(input);
        self.carry_out(effects);
    }

    pub fn line(&mut self, line: &str) {
        assert!(self.session.wants_line(), "no line is wanted: {line}");
        self.hear(Input::Line(line.as_bytes().to_vec().into()));
    }

    /// Gives the answer that has been owed the longest; badly, if `well` is false. STAT is
    /// answered before the transfer ends, as the contract says.
    pub fn answer(&mut self, well: bool) {
        let progress = self
            .owed
            .iter()
            .position(|owed| matches!(owed, Owed::Progress));
        if self.owed.is_empty() {
            return;
        }
        let owed = self.owed.remove(progress.unwrap_or(0));
        self.hear(if well { good(&owed) } else { bad(&owed) });
    }

    /// Answers well until nothing is owed.
    pub fn settle(&mut self) {
        while !self.owed.is_empty() {
            self.answer(true);
        }
    }

    /// Replies that end a command (or greet).
    pub fn final_replies(&self) -> Vec<&Reply> {
        self.replies
            .iter()
            .filter(|reply| !reply.is_preliminary())
            .collect()
    }

    fn carry_out(&mut self, effects: Effects) {
        for effect in effects {
            assert!(!self.closed, "{effect:?} after the close");
            match effect {
                Effect::Reply(reply) => {
                    assert!(!self.broken, "{reply:?} after a broken reply");
                    self.broken = self.replying && reply.code() != 226;
                    self.replying = false;
                    self.replies.push(reply);
                }
                Effect::ReplyLine(_) => self.replying = true,
                Effect::StartTls => {
                    self.handshakes += 1;
                    self.owed.push(Owed::Secured);
                }
                Effect::Login(credential) => {
                    let asks = credential == Credential::User("ask".to_owned());
                    self.owed.push(Owed::Login { asks });
                }
                Effect::Listen { .. } => self.owed.push(Owed::Listening),
                Effect::Perform(operation) => self.owed.push(Owed::Performed(operation)),
                Effect::Prepare(_) => self.owed.push(Owed::Prepared),
                Effect::Run => self.owed.push(Owed::Finished),
                Effect::TellProgress => self.owed.push(Owed::Progress),
                Effect::Close => {
                    self.closed = true;
                    self.owed.clear();
                }
                Effect::StopTls
                | Effect::Logout
                | Effect::Connect(_)
                | Effect::ForgetDataConnection
                | Effect::Abort => {}
            }
        }
        assert!(!self.broken || self.closed, "a broken reply and no close");
    }
}

fn good(owed: &Owed) -> Input {
    match owed {
        Owed::Secured => Input::Secured,
        Owed::Login { asks: true } => Input::Login(LoginStep::NeedPassword { text: None }),
        Owed::Login { asks: false } => Input::Login(LoginStep::Granted {
            home: VirtualPath::root(),
            welcome: None,
            modification_times: true,
        }),
        Owed::Listening => {
            Input::Listening(Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40000)))
        }
        Owed::Performed(operation) => Input::Performed(Ok(outcome(operation))),
        Owed::Prepared => Input::Prepared(Ok(Prepared::default())),
        Owed::Finished => Input::Finished(Ok(Finished {
            bytes: 1,
            name: None,
        })),
        Owed::Progress => Input::Progress(1),
    }
}

fn bad(owed: &Owed) -> Input {
    let denied = LoginStep::Denied {
        reason: LoginDenial::Credentials,
        text: None,
        close: false,
    };
    match owed {
        Owed::Login { .. } => Input::Login(denied),
        Owed::Listening => Input::Listening(Err(Failure::NoDataConnection)),
        Owed::Performed(_) => Input::Performed(Err(Failure::NotFound)),
        Owed::Prepared => Input::Prepared(Err(Failure::NoDataConnection)),
        Owed::Finished => Input::Finished(Err(Failure::Aborted)),
        Owed::Secured | Owed::Progress => good(owed),
    }
}

fn outcome(operation: &Operation) -> Outcome {
    match operation {
        Operation::Size(_) => Outcome::Size(1),
        Operation::Modified(_) => Outcome::Modified(Timestamp::EPOCH),
        Operation::Describe(_) => Outcome::Entry(entry()),
        Operation::Status(_) => Outcome::Entries {
            directory: true,
            entries: vec![entry()],
            now: Timestamp::EPOCH,
        },
        Operation::Checksum { .. } => Outcome::Checksum {
            hex: "00".to_owned(),
            start: 0,
            end: 1,
        },
        Operation::Available(_) => Outcome::Available(1),
        _ => Outcome::Done,
    }
}

fn entry() -> Entry {
    Entry::new("a", EntryKind::File).expect("a is a name")
}
