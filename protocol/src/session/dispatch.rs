//! From a request to the method that carries it out, and who may ask for it.

use super::context::Context;
use super::{Order, State};
use crate::command::{Command, CommandError, SiteCommand};
use crate::effect::{Effect, Effects};
use crate::path::{PathError, VirtualPath};
use crate::reply::{Code, Reply};
use crate::transfer::ListFormat;

/// Lines in a row that are no command of any FTP server, after which the connection is closed.
/// Clients try two or three verbs that nobody knows; who sends this many speaks no FTP.
const STRANGE_LINES_MAX: u8 = 20;

impl Context {
    /// Carries out `order`. `source` is what RNFR named directly before.
    pub(super) fn obey(
        &mut self,
        order: Order,
        source: Option<VirtualPath>,
        effects: &mut Effects,
    ) -> State {
        let (verb, command) = match order {
            Order::Command(verb, command) => (verb, command),
            Order::Strange(error) => return self.strange(error, effects),
            Order::TooLong => {
                let reply = Reply::new(Code::SyntaxError, "The line is too long");
                return self.count_strange(reply, effects);
            }
        };
        self.strange_lines = 0;
        if !verb.in_clear && !self.login.is_user() && self.refuses_clear_login(effects) {
            return State::Ready;
        }
        if verb.needs_login && !self.login.is_user() {
            effects.reply(Code::NotLoggedIn, "Log in with USER and PASS first");
            return State::Ready;
        }
        let reply = match command.map(|command| self.carry_out(command, source, effects)) {
            Ok(Ok(state)) => return state,
            Ok(Err(error)) => error.into(),
            Err(CommandError::UnsupportedNetworkProtocol) => self.wrong_family(),
            Err(error) => error.into(),
        };
        effects.push(Effect::Reply(reply));
        State::Ready
    }

    /// The table of who does what. Fails where a path is too long once it is absolute.
    fn carry_out(
        &mut self,
        command: Command,
        source: Option<VirtualPath>,
        effects: &mut Effects,
    ) -> Result<State, PathError> {
        Ok(match command {
            Command::User(name) => self.user(name, effects),
            Command::Pass(password) => self.pass(password, effects),
            Command::Acct(account) => self.acct(account, effects),
            Command::Rein => self.rein(effects),
            Command::Quit => quit(effects),
            Command::Auth(mechanism) => self.auth(mechanism, effects),
            Command::Pbsz(_) => self.pbsz(effects),
            Command::Prot(level) => self.prot(level, effects),
            Command::Ccc => self.ccc(effects),
            Command::Host(_) => self.host(effects),
            Command::Feat => self.feat(effects),
            Command::Help(about) => self.help(about.as_deref(), effects),
            Command::Syst => self.syst(effects),
            Command::Stat(None) => self.stat(effects),
            Command::Stat(Some(argument)) => self.status_of(argument, effects)?,
            Command::Noop => self.noop(effects),
            Command::Opts(option) => self.opts(option, effects),
            Command::Clnt(_) => self.clnt(effects),
            Command::Lang(tag) => self.lang(tag.as_deref(), effects),
            Command::Pwd => self.pwd(effects),
            Command::Cwd(path) => self.cwd(self.resolve(&path)?, effects),
            Command::Cdup => self.cdup(effects),
            Command::Mkd(path) => self.mkd(self.resolve(&path)?, effects),
            Command::Rmd(path) => self.rmd(self.resolve(&path)?, effects),
            Command::Dele(path) => self.dele(self.resolve(&path)?, effects),
            Command::Rnfr(path) => self.rnfr(self.resolve(&path)?, effects),
            Command::Rnto(path) => self.rnto(source, self.resolve(&path)?, effects),
            Command::List(argument) => self.list(argument, ListFormat::Long, effects)?,
            Command::Nlst(argument) => self.list(argument, ListFormat::Names, effects)?,
            Command::Mlsd(path) => self.mlsd(path, effects)?,
            Command::Mlst(path) => self.mlst(self.resolve_or_here(path.as_ref())?, effects),
            Command::Size(path) => self.size(self.resolve(&path)?, effects),
            Command::Mdtm(path) => self.mdtm(self.resolve(&path)?, effects),
            Command::MdtmSet { modified, path } | Command::Mfmt { modified, path } => {
                self.set_modified(self.resolve(&path)?, modified, effects)
            }
            Command::Avbl(path) => self.avbl(self.resolve_or_here(path.as_ref())?, effects),
            Command::Hash(path) => self.hash(self.resolve(&path)?, effects),
            Command::Checksum {
                algorithm,
                path,
                range,
            } => self.checksum(algorithm, self.resolve(&path)?, range, effects),
            Command::Retr(path) => self.retr(self.resolve(&path)?, effects),
            Command::Stor(path) => self.stor(self.resolve(&path)?, effects),
            Command::Appe(path) => self.appe(self.resolve(&path)?, effects),
            Command::Stou(path) => self.stou(path.as_ref(), effects)?,
            Command::Rest(offset) => self.rest(offset, effects),
            Command::Allo(size) => self.allo(size, effects),
            Command::Abor => self.abor(effects),
            Command::Type(representation) => self.representation(representation, effects),
            Command::Mode(mode) => self.mode(mode, effects),
            Command::Stru => self.stru(effects),
            Command::Pasv => self.pasv(effects),
            Command::Epsv(argument) => self.epsv(argument, effects),
            Command::Port(address) => self.active(address.into(), effects),
            Command::Eprt(address) => self.eprt(address, effects),
            Command::Site(site) => self.site(site, effects)?,
        })
    }

    fn site(&mut self, site: SiteCommand, effects: &mut Effects) -> Result<State, PathError> {
        Ok(match site {
            SiteCommand::Help => self.site_help(effects),
            SiteCommand::Chmod { mode, path } => self.chmod(self.resolve(&path)?, mode, effects),
            SiteCommand::Utime { modified, path } => {
                self.set_modified(self.resolve(&path)?, modified, effects)
            }
        })
    }

    /// A line that is no command. Another protocol's is the last one.
    fn strange(&mut self, error: CommandError, effects: &mut Effects) -> State {
        if let CommandError::NotFtp(_) = error {
            effects.push(Effect::Reply(error.into()));
            return close(effects);
        }
        self.count_strange(error.into(), effects)
    }

    /// Answers with `reply`; with 421, which closes, where there were too many of them in a row.
    fn count_strange(&mut self, reply: Reply, effects: &mut Effects) -> State {
        self.strange_lines += 1;
        if self.strange_lines < STRANGE_LINES_MAX {
            effects.push(Effect::Reply(reply));
        } else {
            effects.reply(
                Code::ServiceClosing,
                "Too many lines that are no commands, closing",
            );
        }
        State::Ready
    }
}

fn quit(effects: &mut Effects) -> State {
    effects.reply(Code::Goodbye, "Goodbye");
    close(effects)
}

fn close(effects: &mut Effects) -> State {
    effects.push(Effect::Close);
    State::Closing
}
