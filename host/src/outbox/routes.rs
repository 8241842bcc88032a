//! Which plugins want which kinds of events.

use std::sync::Arc;

use crate::event::{Kind, KindPattern};

/// What one plugin wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The plugin's name.
    pub name: String,
    /// The kinds.
    pub kinds: Vec<KindPattern>,
}

/// The names of the plugins that want each kind.
#[derive(Debug, Default)]
pub(super) struct Routes([Arc<[String]>; Kind::ALL.len()]);

impl Routes {
    /// Those of `subscriptions`.
    pub(super) fn new(subscriptions: &[Subscription]) -> Self {
        let wanting = |kind: Kind| {
            let wants = |subscription: &&Subscription| {
                subscription
                    .kinds
                    .iter()
                    .any(|pattern| pattern.matches(kind))
            };
            let names = subscriptions.iter().filter(wants);
            names
                .map(|subscription| subscription.name.clone())
                .collect()
        };
        Self(std::array::from_fn(|index| wanting(Kind::ALL[index])))
    }

    /// The names of those that want `kind`.
    pub(super) fn names(&self, kind: Kind) -> &Arc<[String]> {
        &self.0[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_is_named_once_for_what_it_wants() {
        let subscription = |name: &str, kinds: &[&str]| Subscription {
            name: name.to_owned(),
            kinds: kinds.iter().map(|kind| KindPattern::new(*kind)).collect(),
        };
        let routes = Routes::new(&[
            subscription("a", &["*", "upload"]),
            subscription("b", &["upload*"]),
            subscription("c", &[]),
        ]);
        assert_eq!(**routes.names(Kind::Upload), ["a", "b"]);
        assert_eq!(**routes.names(Kind::Login), ["a"]);
        assert!(Routes::default().names(Kind::Login).is_empty());
    }
}
