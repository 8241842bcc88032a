//! What an operator allows a plugin: the table `[allow]` of its sidecar.

use std::collections::{BTreeMap, BTreeSet};

use wharf_protocol::secret::Secret;

use self::origin::OriginPattern;
use crate::config::error::{Origin, Problem};
use crate::config::section::Section;
use crate::config::value::{ByteSize, Value, choices};
use crate::sink::Key;

pub mod origin;

/// The most that a plugin's state may hold: it is made for counters and tokens, not for files.
const MAX_STATE: ByteSize = ByteSize(1 << 30);

/// The table `[allow]`. What is not named is denied.
#[derive(Clone, Debug, Default)]
pub struct Allowances {
    /// `http`: where requests may go.
    pub http: Vec<OriginPattern>,
    /// `http-private`: also where a name leads to an address that is not public.
    pub http_private: bool,
    /// `secrets`: by name.
    pub secrets: BTreeMap<String, Secret>,
    /// `state`: the bytes that its keys and values may have together.
    pub state: Option<u64>,
    /// `sinks`: where it may read and write by itself.
    pub sinks: Vec<SinkAllowance>,
}

/// An item of `sinks`: some operations on what stands below a prefix of one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkAllowance {
    /// The sink.
    pub sink: String,
    /// The directory; the root where the sidecar does not say it.
    pub prefix: Key,
    /// What may be done there.
    pub operations: BTreeSet<SinkOperation>,
}

choices! {
    /// What a plugin may do in a sink.
    #[derive(PartialOrd, Ord)]
    pub enum SinkOperation("an operation of a sink") {
        /// Read a file.
        Get = "get",
        /// Write a file, over one that is there.
        Put = "put",
        /// Ask what stands at a key.
        Head = "head",
        /// List a directory.
        List = "list",
        /// Remove a file.
        Delete = "delete",
        /// Have a file copied to where it may `put`, without reading it.
        Copy = "copy",
    }
}

impl Allowances {
    /// Whether the plugin may do `operation` at `key` of `sink`.
    pub fn permits(&self, operation: SinkOperation, sink: &str, key: &Key) -> bool {
        self.sinks
            .iter()
            .any(|allowed| allowed.permits(operation, sink, key))
    }

    /// What is wrong where the sinks are called `configured`: an allowance for one that does not
    /// exist is a slip of the pen.
    pub fn unknown_sinks(&self, configured: &[String], origin: &Origin) -> Vec<Problem> {
        let items = self.sinks.iter().enumerate();
        items
            .filter(|(_, allowed)| !configured.contains(&allowed.sink))
            .map(|(index, allowed)| {
                let message = format!("there is no sink {:?}", allowed.sink);
                let advice = match configured {
                    [] => "no sink is configured".to_owned(),
                    names => format!("the sinks are {}", names.join(", ")),
                };
                origin.problem(&format!("allow.sinks.{index}.name"), message, advice)
            })
            .collect()
    }

    /// Reads the table.
    pub fn read(section: &mut Section<'_, '_>) -> Self {
        let state = section.section("state", |state| state.required("max-bytes"));
        let mut allowances = Self {
            http: section.list("http"),
            http_private: section.option("http-private").unwrap_or_default(),
            secrets: section.map("secrets"),
            state: None,
            sinks: section
                .sections("sinks", SinkAllowance::read)
                .into_iter()
                .flatten()
                .collect(),
        };
        if let Some(max @ ByteSize(bytes)) = state.flatten() {
            if bytes == 0 || max > MAX_STATE {
                let advice = format!("write something up to {}MiB", MAX_STATE.0 >> 20);
                section.problem("state.max-bytes", "`max-bytes` makes no sense", advice);
            }
            allowances.state = Some(bytes);
        }
        allowances
    }
}

impl SinkAllowance {
    /// Whether it allows `operation` at `key` of `sink`.
    pub fn permits(&self, operation: SinkOperation, sink: &str, key: &Key) -> bool {
        self.sink == sink
            && self.operations.contains(&operation)
            && (self.prefix == *key || self.prefix.holds(key))
    }

    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let sink = section.required("name");
        let prefix = section.option("prefix").unwrap_or_default();
        let operations: BTreeSet<_> = section.list("operations").into_iter().collect();
        if operations.is_empty() {
            section.problem(
                "operations",
                "`operations` names nothing that is allowed",
                SinkOperation::form(),
            );
        }
        Some(Self {
            sink: sink?,
            prefix,
            operations,
        })
    }
}

impl Value for Key {
    const NAME: &'static str = "a place in a sink";

    fn form() -> String {
        "write directories with / between them, such as \"incoming/today\", without . and .."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_| "it leads out of the sink, or is not in its form".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_holds_below_its_prefix_for_its_operations() {
        let key = |text| Key::parse(text).unwrap();
        let allowance = SinkAllowance {
            sink: "archive".to_owned(),
            prefix: key("in/box"),
            operations: BTreeSet::from([SinkOperation::Get, SinkOperation::List]),
        };
        let cases = [
            (SinkOperation::Get, "archive", "in/box/a", true),
            (SinkOperation::List, "archive", "in/box", true),
            (SinkOperation::Put, "archive", "in/box/a", false),
            (SinkOperation::Get, "local", "in/box/a", false),
            (SinkOperation::Get, "archive", "in/boxes/a", false),
            (SinkOperation::Get, "archive", "in", false),
            (SinkOperation::Get, "archive", "", false),
        ];
        for (operation, sink, at, permitted) in cases {
            assert_eq!(
                allowance.permits(operation, sink, &key(at)),
                permitted,
                "{operation:?} {sink} {at}"
            );
        }
    }
}
