//! Effects, as transcripts write them.

use wharf_protocol::effect::{Credential, Effect, Operation};
use wharf_protocol::transfer::{
    ListFormat, ListOrder, Protection, Representation, Transfer, TransferKind, TransferMode,
};

/// The lines of a transcript that stand for `effect`.
pub fn written(effect: &Effect) -> Vec<String> {
    match effect {
        Effect::Reply(reply) => reply
            .to_string()
            .split_terminator("\r\n")
            .map(|line| format!("S: {line}"))
            .collect(),
        Effect::ReplyLine(line) => vec![format!("S: {}", line.to_string().trim_end())],
        other => vec![format!("> {}", order(other))],
    }
}

fn order(effect: &Effect) -> String {
    match effect {
        Effect::Reply(reply) => reply.to_string(),
        Effect::ReplyLine(line) => line.to_string(),
        Effect::StartTls => "start tls".to_owned(),
        Effect::StopTls => "stop tls".to_owned(),
        Effect::Login(Credential::User(name)) => format!("login user {name}"),
        Effect::Login(Credential::Password(secret)) => {
            format!("login password {}", secret.expose())
                .trim_end()
                .to_owned()
        }
        Effect::Login(Credential::Account(secret)) => format!("login account {}", secret.expose()),
        Effect::Logout => "logout".to_owned(),
        Effect::Listen {
            extended: false, ..
        } => "listen".to_owned(),
        Effect::Listen {
            extended: true,
            family: None,
        } => "listen extended".to_owned(),
        Effect::Listen {
            extended: true,
            family: Some(family),
        } => {
            format!("listen extended {family:?}")
        }
        Effect::Connect(address) => format!("connect {address}"),
        Effect::ForgetDataConnection => "forget data connection".to_owned(),
        Effect::Perform(operation) => format!("perform {}", performed(operation)),
        Effect::Prepare(transfer) => format!("prepare {}", prepared(transfer)),
        Effect::Run => "run".to_owned(),
        Effect::TellProgress => "tell progress".to_owned(),
        Effect::Abort => "abort".to_owned(),
        Effect::Close => "close".to_owned(),
    }
}

fn performed(operation: &Operation) -> String {
    match operation {
        Operation::ChangeDirectory(path) => format!("ChangeDirectory {path}"),
        Operation::MakeDirectory(path) => format!("MakeDirectory {path}"),
        Operation::RemoveDirectory(path) => format!("RemoveDirectory {path}"),
        Operation::Delete(path) => format!("Delete {path}"),
        Operation::RenameFrom(path) => format!("RenameFrom {path}"),
        Operation::Rename { source, target } => format!("Rename {source} -> {target}"),
        Operation::Size(path) => format!("Size {path}"),
        Operation::Modified(path) => format!("Modified {path}"),
        Operation::SetModified { path, modified } => format!("SetModified {modified} {path}"),
        Operation::SetMode { path, mode } => format!("SetMode {mode:o} {path}"),
        Operation::Describe(path) => format!("Describe {path}"),
        Operation::Status(path) => format!("Status {path}"),
        Operation::Checksum {
            path,
            algorithm,
            range: None,
        } => {
            format!("Checksum {} {path}", algorithm.name())
        }
        Operation::Checksum {
            path,
            algorithm,
            range: Some((start, end)),
        } => {
            format!("Checksum {} {start}..{end} {path}", algorithm.name())
        }
        Operation::Available(path) => format!("Available {path}"),
    }
}

fn prepared(transfer: &Transfer) -> String {
    let Transfer {
        kind,
        representation,
        mode,
        protection,
    } = transfer;
    let mut text = match kind {
        TransferKind::Retrieve { path, offset } => format!("Retrieve {path} from {offset}"),
        TransferKind::Store {
            path,
            offset,
            size_hint,
        } => {
            format!("Store {path} from {offset}{}", hint(*size_hint))
        }
        TransferKind::Append { path, size_hint } => format!("Append {path}{}", hint(*size_hint)),
        TransferKind::StoreUnique { directory, name } => {
            format!(
                "StoreUnique {directory} like {}",
                name.as_deref().unwrap_or("nothing")
            )
        }
        TransferKind::List {
            path,
            format,
            hidden,
            order,
            said_in,
        } => {
            let format = match format {
                ListFormat::Long => "Long".to_owned(),
                ListFormat::Names => "Names".to_owned(),
                ListFormat::Facts(facts) => format!("Facts {}", facts.names()),
            };
            let order = order.filter(|order| *order != ListOrder::default());
            format!(
                "List {format} {path}{}{}{}",
                if *hidden { " hidden" } else { "" },
                order.map_or(String::new(), |ListOrder { by, reversed }| format!(
                    " by {by:?}{}",
                    if reversed { " reversed" } else { "" }
                )),
                match said_in.as_str() {
                    "" => String::new(),
                    said => format!(" in {said}"),
                }
            )
        }
    };
    let traits = [
        (*representation == Representation::Ascii).then_some("ascii"),
        (*mode == TransferMode::Deflate).then_some("deflate"),
        (*protection == Protection::Private).then_some("private"),
    ];
    for name in traits.into_iter().flatten() {
        text.push(' ');
        text.push_str(name);
    }
    text
}

fn hint(size: Option<u64>) -> String {
    size.map_or_else(String::new, |size| format!(" expecting {size}"))
}
