//! What a plugin can do in any role: fail, misbehave, use what it is not allowed, take its time.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use wharf_plugin::http::Request;
use wharf_plugin::{Denial, DenialReason, Failure, Location, crypto, log, secrets, sinks, state};

use crate::Settings;

thread_local! {
    /// How often this instance was asked for `third`.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// Does what every role can do. Nothing, if the role has to know the deed itself.
pub fn perform(deed: &str, settings: &Settings) -> Result<(), Failure> {
    match deed {
        "fail" => return Err(Failure::Unavailable("the back end is away".into())),
        "trap" => panic!("on purpose"),
        "third" => {
            COUNT.set(COUNT.get() + 1);
            assert!(COUNT.get() < 3, "the third time");
        }
        "loop" => spin(|| ()),
        "calls" => spin(|| drop(crypto::random(16))),
        "allocate" => allocate(),
        "recurse" => drop(black_box(recurse(1))),
        "flood" => (0..100_000).for_each(|_| log::warn("flood", &[("field", "value")])),
        "lie" => return Err(Failure::Unavailable(out_of_bounds())),
        "output" => return Err(Failure::Unavailable("x".repeat(6 << 20))),
        "origin" => drop(Request::get("https://forbidden.example").send()?),
        "followed" => {
            let response = Request::get(&settings.redirecting).send()?;
            drop(Request::get(response.header("location").unwrap_or_default()).send()?);
        }
        "http" => {
            let wait = Duration::from_millis(settings.wait_ms);
            let response = Request::get(&settings.url).timeout(wait).send()?;
            log::info("answered", &[("status", &response.status.to_string())]);
        }
        "state" => {
            let count = state::increment("count", 1, None)?;
            log::info("counted", &[("count", &count.to_string())]);
        }
        "secret" => {
            let length = secrets::get("token")?.expose().len();
            log::info("got the secret", &[("length", &length.to_string())]);
        }
        "sink" => sinks::put(&Location::new("local", "from-a-plugin"), b"put")?,
        _ => {}
    }
    Ok(())
}

/// The denials that every role can give: with a text that is fine, and with one that would be a
/// reply of its own.
pub fn denial(deed: &str) -> Option<Denial> {
    let denial = Denial::new(DenialReason::Policy).detail("as asked");
    match deed {
        "refuse" => Some(denial.text("refused by the plugin")),
        "lines" => Some(denial.text("a\r\n226 Transfer complete.")),
        "long" => Some(denial.text("x".repeat(1 << 20))),
        _ => None,
    }
}

/// A text that is nowhere in this plugin's memory.
#[expect(unsafe_code, reason = "a compiler would not let it lie")]
fn out_of_bounds() -> String {
    const LENGTH: usize = 4096;
    let nowhere = std::ptr::without_provenance_mut(0x7fff_ff00);
    // SAFETY: there is none, on purpose. Nothing here looks at it or frees it: where it is and how
    // long goes to the host, which finds nothing there and ends this instance.
    unsafe { String::from_raw_parts(nowhere, LENGTH, LENGTH) }
}

/// Never comes back.
fn spin(call: impl Fn()) -> ! {
    loop {
        call();
        black_box(());
    }
}

/// Wants ever more memory.
fn allocate() {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 20]);
        black_box(&held);
    }
}

/// Goes ever deeper.
#[expect(unconditional_recursion, reason = "this is what it is for")]
fn recurse(depth: u8) -> u8 {
    recurse(black_box(depth)).wrapping_add(black_box(1))
}
