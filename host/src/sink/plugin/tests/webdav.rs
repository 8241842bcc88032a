//! The checks of every sink, over a WebDAV server that `cargo xtask test` has started.

use std::env;
use std::time::UNIX_EPOCH;

use super::Fixture;
use crate::sink::suite;

/// The plugin, for what stands below `path` on the server.
async fn fixture(path: &str) -> Fixture {
    let variable = |name: &str| {
        env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
    };
    let (url, user) = (variable("WHARF_WEBDAV_URL"), variable("WHARF_WEBDAV_USER"));
    let password = variable("WHARF_WEBDAV_PASSWORD");
    let server = url.split_inclusive('/').take(3).collect::<String>();
    let sidecar = format!(
        "[config]\nurl = \"{url}{path}\"\nuser = \"{user}\"\npassword = \"password\"\n\
         [allow]\nhttp = [\"{}\"]\nhttp-private = true\nsecrets = {{ password = '{password}' }}\n\
         [limits]\ninstances = 16\ncpu = \"5s\"\ndeadline = \"5m\"\n",
        server.trim_end_matches('/')
    );
    Fixture::of("webdav.wasm", &sidecar).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webdav_server_passes_the_checks_of_every_sink() {
    let name = format!("suite-{}", UNIX_EPOCH.elapsed().unwrap().as_nanos());
    let whole = fixture("").await;
    let directory = suite::key(&name);
    whole
        .with_sink(move |sink| sink.make_directory(&directory))
        .await
        .unwrap();
    let below = fixture(&format!("{name}/")).await;
    below.with_sink(|sink| suite::run(sink)).await;
}
