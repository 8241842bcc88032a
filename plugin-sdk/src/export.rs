//! The macro line of a plugin, and the instance behind it.

use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::{Failure, Lifecycle, log};

/// Makes a type the plugin of this crate, in the roles named after it:
/// `wharf_plugin::export!(Users: Authenticator);`, or several: `Scan: UploadGate + StorageEvents`.
///
/// Write it once, beside the type. Natively it only checks that the roles are implemented.
#[macro_export]
macro_rules! export {
    ($plugin:ty : $role:ident $(+ $more:ident)*) => {
        const _: () = {
            struct Exported;

            impl $crate::__private::Instance for Exported {
                type Plugin = $plugin;

                fn cell<R>(
                    with: impl FnOnce(&::std::cell::OnceCell<$plugin>) -> R,
                ) -> R {
                    ::std::thread_local! {
                        static PLUGIN: ::std::cell::OnceCell<$plugin> =
                            const { ::std::cell::OnceCell::new() };
                    }
                    PLUGIN.with(with)
                }
            }

            $crate::__export_role!(Exported Lifecycle);
            $crate::__export_role!(Exported $role);
            $($crate::__export_role!(Exported $more);)*
        };
    };
}

/// Exports one role of the contract.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    ($exported:ident Lifecycle) => {
        $crate::__private::bindings::export_lifecycle!(
            $exported with_types_in $crate::__private::bindings::lifecycle
        );
    };
    ($exported:ident Authenticator) => {
        $crate::__private::bindings::export_authenticator!(
            $exported with_types_in $crate::__private::bindings::authenticator
        );
    };
    ($exported:ident SessionGuard) => {
        $crate::__private::bindings::export_session_guard!(
            $exported with_types_in $crate::__private::bindings::session_guard
        );
    };
    ($exported:ident PathMapper) => {
        $crate::__private::bindings::export_path_mapper!(
            $exported with_types_in $crate::__private::bindings::path_mapper
        );
    };
    ($exported:ident ListingFilter) => {
        $crate::__private::bindings::export_listing_filter!(
            $exported with_types_in $crate::__private::bindings::listing_filter
        );
    };
    ($exported:ident StorageGuard) => {
        $crate::__private::bindings::export_storage_guard!(
            $exported with_types_in $crate::__private::bindings::storage_guard
        );
    };
    ($exported:ident UploadGate) => {
        $crate::__private::bindings::export_upload_gate!(
            $exported with_types_in $crate::__private::bindings::upload_gate
        );
    };
    ($exported:ident StorageEvents) => {
        $crate::__private::bindings::export_storage_events!(
            $exported with_types_in $crate::__private::bindings::storage_events
        );
    };
    ($exported:ident StorageSink) => {
        $crate::__private::bindings::export_storage_sink!(
            $exported with_types_in $crate::__private::bindings::storage_sink
        );
    };
}

/// Checks that one role of the contract is implemented.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    ($exported:ident $role:ident) => {
        const _: () = {
            const fn implemented<T: $crate::$role>() {}
            implemented::<<$exported as $crate::__private::Instance>::Plugin>();
        };
    };
}

/// The one value of a plugin's type in an instance of its component.
pub trait Instance: 'static {
    /// The plugin.
    type Plugin: Lifecycle;

    /// Lends the cell that holds the plugin once it is started.
    fn cell<R>(with: impl FnOnce(&std::cell::OnceCell<Self::Plugin>) -> R) -> R;
}

/// Calls into the plugin, which is started by the first call.
///
/// # Errors
/// Those of the call, and [`Failure::Misconfigured`] if it does not start; its problems are in the
/// log.
#[cfg_attr(
    not(any(target_arch = "wasm32", test)),
    expect(dead_code, reason = "called by the component")
)]
pub(crate) fn call<I: Instance, R, E: From<Failure>>(
    role: impl FnOnce(&I::Plugin) -> Result<R, E>,
) -> Result<R, E> {
    log_panics();
    I::cell(|cell| match cell.get() {
        Some(plugin) => role(plugin),
        None => match I::Plugin::start() {
            Ok(plugin) => role(cell.get_or_init(|| plugin)),
            Err(problems) => {
                problems.log();
                Err(Failure::Misconfigured("the plugin's settings are not valid".into()).into())
            }
        },
    })
}

/// Has panics reported to the host, which otherwise sees a trap and no reason.
pub(crate) fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(log_panic)));
}

/// Writes a panic's message and place to the log.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let message = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(message), _) => message,
        (None, Some(message)) => message.as_str(),
        (None, None) => "no message",
    };
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    log::error("panicked", &[("message", message), ("at", &place)]);
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, OnceCell};

    use super::*;
    use crate::{Problem, Problems, testing};

    thread_local! {
        static STARTS: Cell<u32> = const { Cell::new(0) };
        static PLUGIN: OnceCell<Counted> = const { OnceCell::new() };
    }

    /// Starts the second time.
    struct Counted;

    impl Lifecycle for Counted {
        fn start() -> Result<Self, Problems> {
            STARTS.set(STARTS.get() + 1);
            let problem = || Problem {
                key: Some("a.b".into()),
                message: "is wrong".into(),
            };
            if STARTS.get() > 1 {
                Ok(Self)
            } else {
                Err(problem().into())
            }
        }
    }

    struct Exported;

    impl Instance for Exported {
        type Plugin = Counted;

        fn cell<R>(with: impl FnOnce(&OnceCell<Counted>) -> R) -> R {
            PLUGIN.with(with)
        }
    }

    #[test]
    fn a_plugin_starts_once_and_says_why_it_cannot() {
        let outcome = call::<Exported, _, Failure>(|_| Ok(()));
        assert!(
            matches!(outcome, Err(Failure::Misconfigured(_))),
            "{outcome:?}"
        );
        assert_eq!(testing::logged(), ["Error is wrong key=a.b"]);
        for _ in 0..2 {
            assert_eq!(call::<Exported, _, Failure>(|_| Ok(7)), Ok(7));
        }
        assert_eq!(STARTS.get(), 2);
    }

    #[test]
    fn a_panic_is_logged_with_its_place() {
        log_panics();
        let caught = std::panic::catch_unwind(|| panic!("{} hands", 3));
        // The other tests' panics are for whoever runs them to see.
        drop(std::panic::take_hook());
        assert!(caught.is_err());
        let logged = testing::logged().join("");
        assert!(
            logged.starts_with("Error panicked message=3 hands at="),
            "{logged}"
        );
        assert!(logged.contains("export.rs:"), "{logged}");
    }
}
