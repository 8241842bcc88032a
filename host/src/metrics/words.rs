//! The words that stand in labels: closed lists, so that no series grows without end.

use ::metrics::SharedString;

use super::LabelValue;
use crate::plugin::Role;

/// Declares an enum whose every variant is one word of a label.
macro_rules! words {
    ($(
        $(#[$meta:meta])*
        $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As labels and the status have it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl LabelValue for $name {
            fn value(self) -> SharedString {
                SharedString::const_str(self.word())
            }
        }
    )+};
}

words! {
    /// Why a connection was turned away before its greeting.
    ConnectionRefusal {
        /// As many connections as the host takes.
        Full = "full",
        /// As many as one address may have.
        AddressFull = "address_full",
        /// Too many failed logins from there.
        Banned = "banned",
        /// A session guard said no, or could not decide.
        Guard = "guard",
        /// Not by a balancer that is trusted, or without the header of the PROXY protocol.
        Proxy = "proxy",
    }

    /// How a login ended.
    LoginOutcome {
        /// Somebody is in.
        Granted = "granted",
        /// The credentials are wrong, or another rule says no.
        Denied = "denied",
        /// No decision could be had.
        Undecided = "undecided",
        /// Nobody was asked: too many logins failed from that address.
        Banned = "banned",
        /// Nobody was asked: too many logins of that user failed.
        Locked = "locked",
        /// As many sessions as the user may have.
        TooMany = "too_many",
    }

    /// What is transferred.
    Transfer {
        /// RETR
        Download = "download",
        /// STOR, STOU, APPE
        Upload = "upload",
        /// LIST, NLST, MLSD
        Listing = "listing",
    }

    /// How a transfer ended.
    TransferOutcome {
        /// Every byte went, and an upload is committed.
        Finished = "finished",
        /// The client stopped it.
        Aborted = "aborted",
        /// It broke off.
        Failed = "failed",
    }

    /// Which way bytes go.
    Direction {
        /// From clients.
        Received = "received",
        /// To clients.
        Sent = "sent",
    }

    /// Who has to look at an error.
    Blame {
        /// The client, or the network on the way to it.
        Client = "client",
        /// Whoever configured this host and the machine that it runs on.
        Operator = "operator",
        /// The author of a plugin, or what the plugin depends on.
        Plugin = "plugin",
        /// The storage behind a sink.
        Storage = "storage",
    }

    /// Which connection TLS is on.
    Connection {
        /// Commands and replies.
        Control = "control",
        /// A transfer.
        Data = "data",
    }

    /// How a TLS handshake ended.
    HandshakeOutcome {
        /// All anew.
        Full = "full",
        /// It resumed an earlier session.
        Resumed = "resumed",
        /// The client did not finish in time.
        TimedOut = "timed_out",
        /// It should have resumed the session of the control connection.
        NotResumed = "not_resumed",
        /// The two sides could not agree, or the connection broke.
        Failed = "failed",
    }

    /// Why a plugin's call gave no answer.
    CallFailure {
        /// It says that it cannot decide.
        Undecided = "undecided",
        /// Its answer makes no sense.
        Nonsense = "nonsense",
        /// It trapped.
        Trap = "trap",
        /// It used more CPU or memory than it may.
        Bound = "bound",
        /// It took longer than it may.
        Deadline = "deadline",
        /// Too many calls waited already.
        Queue = "queue",
        /// A fault before had ended the instance that served the transfer.
        Gone = "gone",
        /// No instance could be started.
        Start = "start",
        /// It failed so often that it is not asked for a while.
        Breaker = "breaker",
    }

    /// What a plugin can be denied.
    #[derive(Hash)]
    Capability {
        /// An origin that is not under `http`, or an address that is not public.
        Http = "http",
        /// A secret that is not under `secrets`.
        Secrets = "secrets",
        /// Any state without `state`.
        State = "state",
        /// A place or an operation that is not under `sinks`.
        Sinks = "sinks",
    }

    /// What became of a change in the directory of plugins.
    ReloadOutcome {
        /// It serves.
        Applied = "applied",
        /// What served before still does.
        Rejected = "rejected",
    }
}

impl LabelValue for Role {
    fn value(self) -> SharedString {
        SharedString::const_str(self.interface())
    }
}
