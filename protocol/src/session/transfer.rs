//! RETR, STOR, STOU, APPE, LIST, NLST, MLSD, and what happens while one is under way.

use std::mem;

use super::context::Context;
use super::{Order, State, Waiting};
use crate::command::{Command, ListArgument};
use crate::effect::{Effect, Effects, Finished, Prepared};
use crate::failure::Failure;
use crate::path::{PathArgument, PathError, VirtualPath};
use crate::reply::{Code, Reply, ReplyLine, Situation};
use crate::transfer::{ListFormat, Representation, Transfer, TransferKind};

/// A transfer, from its command to its final reply.
#[derive(Debug)]
pub(super) struct Underway {
    /// What 150 calls it.
    object: String,
    /// What a sink that cannot do it could not do.
    situation: Situation,
    /// ABOR was passed on.
    aborted: bool,
    /// STAT waits for the bytes moved so far.
    asked: bool,
    /// The final reply has begun: nothing else can be said before it ends.
    replying: bool,
}

impl Context {
    pub(super) fn retr(&mut self, path: VirtualPath, effects: &mut Effects) -> State {
        let offset = self.parameters.take_next().offset;
        self.transfer(TransferKind::Retrieve { path, offset }, effects)
    }

    pub(super) fn stor(&mut self, path: VirtualPath, effects: &mut Effects) -> State {
        let next = self.parameters.take_next();
        let kind = TransferKind::Store {
            path,
            offset: next.offset,
            size_hint: next.size,
        };
        self.transfer(kind, effects)
    }

    pub(super) fn appe(&mut self, path: VirtualPath, effects: &mut Effects) -> State {
        let size_hint = self.parameters.take_next().size;
        self.transfer(TransferKind::Append { path, size_hint }, effects)
    }

    /// The argument, if any, says where, and which name the client would like.
    pub(super) fn stou(
        &mut self,
        argument: Option<&PathArgument>,
        effects: &mut Effects,
    ) -> Result<State, PathError> {
        let wanted = argument
            .map(|argument| self.resolve(argument))
            .transpose()?;
        self.parameters.take_next();
        let name = wanted
            .as_ref()
            .and_then(|path| path.name().map(str::to_owned));
        let parent = wanted.and_then(|path| path.parent());
        let directory = parent.unwrap_or_else(|| self.login.directory().clone());
        Ok(self.transfer(TransferKind::StoreUnique { directory, name }, effects))
    }

    /// LIST and NLST.
    pub(super) fn list(
        &mut self,
        argument: ListArgument,
        format: ListFormat,
        effects: &mut Effects,
    ) -> Result<State, PathError> {
        let path = self.resolve_or_here(argument.path.as_ref())?;
        self.parameters.take_next();
        let said = argument.path.as_ref().map_or("", PathArgument::as_str);
        let said_in = &said[..said.rfind('/').map_or(0, |slash| slash + 1)];
        Ok(self.transfer(
            TransferKind::List {
                path,
                format,
                hidden: argument.hidden,
                order: Some(argument.order),
                said_in: said_in.to_owned(),
            },
            effects,
        ))
    }

    /// MLSD: the client is a program, which gets every name.
    pub(super) fn mlsd(
        &mut self,
        argument: Option<PathArgument>,
        effects: &mut Effects,
    ) -> Result<State, PathError> {
        let path = self.resolve_or_here(argument.as_ref())?;
        self.parameters.take_next();
        let format = ListFormat::Facts(self.parameters.facts);
        Ok(self.transfer(
            TransferKind::List {
                path,
                format,
                hidden: true,
                order: None,
                said_in: String::new(),
            },
            effects,
        ))
    }

    /// ABOR outside a transfer: a data connection that waits for one is closed.
    pub(super) fn abor(&mut self, effects: &mut Effects) -> State {
        if self.data.agreed {
            self.forget_data_connection(effects);
            effects.reply(
                Code::NoTransfer,
                "No transfer, the data connection is closed",
            );
        } else {
            effects.reply(Code::TransferComplete, "No transfer to abort");
        }
        State::Ready
    }

    fn transfer(&mut self, kind: TransferKind, effects: &mut Effects) -> State {
        if self.refuses_clear_data(effects) {
            return State::Ready;
        }
        if !self.data.agreed {
            effects.reply(Code::NoDataConnection, "Use PASV or EPSV first");
            return State::Ready;
        }
        let representation = self.effective_representation();
        if offset(&kind) > 0 && representation == Representation::Ascii {
            // An offset would count bytes that exist on the wire only (RFC 3659 section 5.3).
            effects.reply(Code::ParameterNotImplemented, "REST needs TYPE I");
            return State::Ready;
        }
        self.data.agreed = false;
        let underway = Underway::new(&kind);
        effects.push(Effect::Prepare(Transfer {
            kind,
            representation,
            mode: self.parameters.mode,
            protection: self.channel.protection(),
        }));
        State::Preparing(underway)
    }

    /// The object of a transfer is open and the data connection is there, or not.
    ///
    /// What is refused leaves the data connection to the next command: lynx asks for a directory
    /// with RETR, hears 550, and lists it over the same connection.
    pub(super) fn prepared(
        &mut self,
        transfer: Underway,
        result: Result<Prepared, Failure>,
        effects: &mut Effects,
    ) -> State {
        let result = result.and_then(|prepared| match transfer.aborted {
            true => Err(Failure::Aborted),
            false => Ok(prepared),
        });
        match result {
            Ok(prepared) => {
                effects.reply(Code::TransferStarts, transfer.opening(&prepared));
                effects.push(Effect::Run);
                State::Transferring(transfer)
            }
            Err(failure) => {
                let lost = matches!(failure, Failure::NoDataConnection | Failure::DataHandshake);
                self.data.agreed = !transfer.aborted && !lost;
                if !self.data.agreed {
                    effects.push(Effect::ForgetDataConnection);
                }
                transfer.fail(failure, effects)
            }
        }
    }
}

impl Underway {
    fn new(kind: &TransferKind) -> Self {
        let situation = match offset(kind) {
            0 => Situation::Ordinary,
            _ => Situation::Resume,
        };
        Self {
            object: object(kind),
            situation,
            aborted: false,
            asked: false,
            replying: false,
        }
    }

    /// Whether the host owes an answer to [`Effect::TellProgress`].
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }

    /// Acts on what must not wait for the end of the transfer; gives back what has to be answered
    /// after it. Where something waits already, the rest waits too, so that replies keep the order
    /// of the commands; only the effect of ABOR is immediate always.
    pub(super) fn meanwhile(
        &mut self,
        order: Order,
        others_wait: bool,
        effects: &mut Effects,
    ) -> Option<Waiting> {
        let others_wait = others_wait || self.replying;
        let (verb, command) = match order {
            Order::Command(verb, Ok(command)) if verb.at_once => (verb, command),
            order => return Some(Waiting::Order(order)),
        };
        match command {
            Command::Abor => {
                if !self.aborted {
                    self.aborted = true;
                    effects.push(Effect::Abort);
                }
                Some(Waiting::Abort)
            }
            Command::Noop if !others_wait => {
                effects.reply(Code::Okay, "A transfer is under way");
                None
            }
            Command::Stat(None) if !others_wait => {
                self.asked = true;
                effects.push(Effect::TellProgress);
                None
            }
            // QUIT lets the transfer finish (RFC 959 section 4.1.1), STAT of a path needs storage.
            command => Some(Waiting::Order(Order::Command(verb, Ok(command)))),
        }
    }

    /// The bytes are moved and committed, or not.
    pub(super) fn finished(
        mut self,
        result: Result<Finished, Failure>,
        effects: &mut Effects,
    ) -> State {
        let finished = match result {
            Ok(finished) => finished,
            Err(failure) => return self.fail(failure, effects),
        };
        self.answer_status(Some(finished.bytes), effects);
        match &finished.name {
            // Net::FTP of Perl reads the name from these words, which were those of wu-ftpd.
            Some(name) => effects.reply(
                Code::TransferComplete,
                format!("Stored (unique file name: {name})"),
            ),
            None => effects.reply(Code::TransferComplete, "Transfer complete"),
        }
        State::Ready
    }

    /// The answer to [`Effect::TellProgress`].
    pub(super) fn progressed(mut self, bytes: u64, effects: &mut Effects) -> Self {
        self.answer_status(Some(bytes), effects);
        self
    }

    /// The upload is all in, and what becomes of it is still being decided. Clients wait for a
    /// reply for 20 s (FileZilla) or 60 s (tnftp, rclone), and begin anew with each line that
    /// comes. Of what could be said, each client was tried:
    ///
    /// * lines of the reply that it will be if all goes well are understood by all of them;
    /// * another preliminary reply is taken for the final one by curl, ftplib and tnftp;
    /// * empty lines, lines without a code and Telnet's NOP upset ftplib, and most of them tnftp.
    ///
    /// curl gives the whole reply 60 s whatever comes meanwhile, and no server can change that.
    pub(super) fn still_committing(mut self, effects: &mut Effects) -> Self {
        if self.asked {
            return self;
        }
        self.replying = true;
        let line = ReplyLine::new(Code::TransferComplete, "Received, not stored yet");
        effects.push(Effect::ReplyLine(line));
        self
    }

    /// A reply that began as a success cannot end as a failure (RFC 959 section 4.2). So its own
    /// line with its own code is followed by the end of the connection: curl, lftp and wget read
    /// that line, those that wait for the code it began with see the connection end, and none takes
    /// the upload for stored. Without the line, lftp would send the file again.
    fn fail(mut self, failure: Failure, effects: &mut Effects) -> State {
        self.answer_status(None, effects);
        effects.push(Effect::Reply(Reply::refusing(failure, self.situation)));
        if !self.replying {
            return State::Ready;
        }
        effects.push(Effect::Close);
        State::Closing
    }

    /// Answers STAT, if it was asked: bytes moved, or `None` where the transfer failed meanwhile.
    fn answer_status(&mut self, bytes: Option<u64>, effects: &mut Effects) {
        if mem::take(&mut self.asked) {
            let object = &self.object;
            let text = match bytes {
                Some(bytes) => format!("Transfer of {object} under way, {bytes} bytes moved"),
                None => format!("Transfer of {object} ended"),
            };
            effects.reply(Code::SystemStatus, text);
        }
    }

    /// The text of 150. Clients read the size between the parentheses for their progress bars, and
    /// the name of STOU behind `FILE:` (RFC 1123 section 4.1.2.9).
    fn opening(&self, prepared: &Prepared) -> String {
        match prepared {
            Prepared {
                name: Some(name), ..
            } => format!("FILE: {name}"),
            Prepared {
                size: Some(size), ..
            } => {
                format!("Opening data connection for {} ({size} bytes)", self.object)
            }
            Prepared { .. } => format!("Opening data connection for {}", self.object),
        }
    }
}

fn offset(kind: &TransferKind) -> u64 {
    match kind {
        TransferKind::Retrieve { offset, .. } | TransferKind::Store { offset, .. } => *offset,
        _ => 0,
    }
}

fn object(kind: &TransferKind) -> String {
    match kind {
        TransferKind::Retrieve { path, .. }
        | TransferKind::Store { path, .. }
        | TransferKind::Append { path, .. } => path.name().unwrap_or("/").to_owned(),
        TransferKind::StoreUnique { .. } => "a unique file".to_owned(),
        TransferKind::List { .. } => "the listing".to_owned(),
    }
}
