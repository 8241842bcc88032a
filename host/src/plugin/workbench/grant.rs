//! A grant as JSON: what the user would see and might do.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json, json};

use crate::identity::{GrantMount, Identity, Operation, Operations, Rule};
use crate::sink::Location;

/// The operations by their names in the contract.
const OPERATIONS: &[(Operation, &str)] = &[
    (Operation::Browse, "browse"),
    (Operation::Stat, "stat"),
    (Operation::ChangeDirectory, "change-directory"),
    (Operation::Download, "download"),
    (Operation::Upload, "upload"),
    (Operation::Overwrite, "overwrite"),
    (Operation::Append, "append"),
    (Operation::Delete, "delete"),
    (Operation::Rename, "rename"),
    (Operation::MakeDirectory, "make-directory"),
    (Operation::RemoveDirectory, "remove-directory"),
    (Operation::SetTime, "set-time"),
    (Operation::SetMode, "set-mode"),
    (Operation::Checksum, "checksum"),
    (Operation::Copy, "copy"),
    (Operation::Other, "other"),
];

/// What `identity` grants; what it does not limit is left out.
pub fn written(identity: &Identity) -> Json {
    let seconds = |duration: Duration| duration.as_secs();
    let unix = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).map(seconds).ok();
    let all = json!({
        "principal": identity.principal,
        "root": identity.root.as_ref().map(place),
        "mounts": identity.mounts.iter().map(mount).collect::<Vec<_>>(),
        "home": identity.home.as_str(),
        "rules": identity.rules.iter().map(rule).collect::<Vec<_>>(),
        "upload-bandwidth": identity.bandwidth.upload,
        "download-bandwidth": identity.bandwidth.download,
        "max-sessions": identity.max_sessions,
        "max-upload-size": identity.max_upload_size,
        "idle-timeout": identity.idle_timeout.map(seconds),
        "revalidate-every": identity.revalidate_every.map(seconds),
        "expires-at": identity.expires_at.and_then(unix),
        "groups": identity.groups,
        "attributes": identity.attributes,
        "welcome": identity.welcome,
    });
    let told = |value: &Json| !(value.is_null() || *value == json!([]) || *value == json!({}));
    match all {
        Json::Object(all) => {
            let told: Map<_, _> = all.into_iter().filter(|(_, value)| told(value)).collect();
            Json::Object(told)
        }
        other => other,
    }
}

fn place(location: &Location) -> Json {
    json!({ "sink": &*location.sink, "prefix": location.key.as_str() })
}

fn mount(mount: &GrantMount) -> Json {
    json!({ "directory": mount.directory.as_str(), "target": place(&mount.target) })
}

fn rule(rule: &Rule) -> Json {
    let verb = if rule.permit { "allow" } else { "forbid" };
    json!({ verb: rule.pattern.to_string(), "operations": names(rule.operations) })
}

fn names(operations: Operations) -> Vec<&'static str> {
    let named = OPERATIONS
        .iter()
        .filter(|(operation, _)| operations.contains(*operation));
    named.map(|(_, name)| *name).collect()
}
