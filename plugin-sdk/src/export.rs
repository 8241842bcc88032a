//! The macro line of a plugin, and the instance behind it.

use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::{Failure, Lifecycle, log};

/// Makes a type the plugin of this crate, in the roles named after it:
/// `wharf_plugin::export!(Users: Authenticator);`
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
/// [`Failure::Misconfigured`] if it does not start; its problems are in the log.
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "called by the component")
)]
pub(crate) fn call<I: Instance, R>(
    role: impl FnOnce(&I::Plugin) -> Result<R, Failure>,
) -> Result<R, Failure> {
    log_panics();
    I::cell(|cell| match cell.get() {
        Some(plugin) => role(plugin),
        None => match I::Plugin::start() {
            Ok(plugin) => role(cell.get_or_init(|| plugin)),
            Err(problems) => {
                problems.log();
                Err(Failure::Misconfigured(
                    "the plugin's settings are not valid".into(),
                ))
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
