//! PWD, CWD, CDUP, MKD and RMD.

use super::State;
use super::context::{Context, perform};
use super::files::Awaited;
use super::login::Login;
use crate::effect::{Effects, Operation};
use crate::path::VirtualPath;
use crate::reply::{Code, Reply, quoted};

impl Context {
    pub(super) fn pwd(&self, effects: &mut Effects) -> State {
        let here = quoted(self.login.directory().as_str());
        effects.reply(Code::Path, format!("{here} is the current directory"));
        State::Ready
    }

    pub(super) fn cwd(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(
            Operation::ChangeDirectory(path.clone()),
            Awaited::Directory(path),
            effects,
        )
    }

    /// The parent of the root is the root.
    pub(super) fn cdup(&self, effects: &mut Effects) -> State {
        let here = self.login.directory();
        self.cwd(here.parent().unwrap_or_else(VirtualPath::root), effects)
    }

    pub(super) fn mkd(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(
            Operation::MakeDirectory(path.clone()),
            Awaited::Made(path),
            effects,
        )
    }

    pub(super) fn rmd(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(Operation::RemoveDirectory(path), Awaited::Removed, effects)
    }

    /// Goes to `path`, which storage said is a directory.
    pub(super) fn entered(&mut self, path: VirtualPath) -> Reply {
        let text = format!("{} is the current directory", quoted(path.as_str()));
        self.login = Login::User { directory: path };
        Reply::new(Code::ActionDone, text)
    }
}
