//! The WebDAV server that `cargo xtask test` has started: where it is, and what it holds.

use std::fs;
use std::process::Command;

use crate::binaries;
use crate::outside::{self, variable};
use crate::process;
use crate::server::{Directory, Server};
use crate::settings::Settings;

/// A collection that no other test uses.
pub struct WebDav {
    url: String,
    user: String,
    password: String,
}

impl Default for WebDav {
    fn default() -> Self {
        let whole = variable("WHARF_WEBDAV_URL");
        let webdav = Self {
            url: format!("{whole}{}/", outside::unique()),
            user: variable("WHARF_WEBDAV_USER"),
            password: variable("WHARF_WEBDAV_PASSWORD"),
        };
        webdav.ask("MKCOL", "");
        webdav
    }
}

impl WebDav {
    /// A collection in it.
    pub fn below(&self, name: &str) -> Self {
        self.ask("MKCOL", &format!("{name}/"));
        Self {
            url: format!("{}{name}/", self.url),
            user: self.user.clone(),
            password: self.password.clone(),
        }
    }

    /// Its address without the scheme and the path.
    pub fn address(&self) -> &str {
        let parts: Vec<_> = self.url.split('/').collect();
        parts[2]
    }

    /// Its password, which nobody may be shown.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// A server of which it is the sink of [`outside::USER`], with these `[limits]`.
    pub fn serve(&self, limits: &str) -> Server {
        self.serve_at(self.address(), &self.password, limits)
    }

    /// As [`Self::serve`], where it is reached at another address or told another password.
    pub fn serve_at(&self, address: &str, password: &str, limits: &str) -> Server {
        let url = self.url.replace(self.address(), address);
        let user = &self.user;
        let settings = Settings {
            sinks: "[sink.cloud]\nkind = \"plugin\"\nplugin = \"50-webdav\"\n".to_owned(),
            users: outside::user_of("cloud"),
            ..Settings::default()
        };
        let sidecar = format!(
            "[config]\nurl = \"{url}\"\nuser = \"{user}\"\npassword = \"cloud\"\n\
             [allow]\nhttp = [\"http://{address}\"]\nhttp-private = true\n\
             secrets = {{ cloud = '{password}' }}\n[limits]\n{limits}\n"
        );
        let directory = Directory::new(&settings);
        let plugin = directory.path().join("plugins/50-webdav");
        let built = binaries::plugins().join("webdav.wasm");
        fs::copy(built, plugin.with_extension("wasm")).expect("it was built");
        fs::write(plugin.with_extension("toml"), sidecar).expect("there is room");
        directory.serve()
    }

    /// The paths of what it holds as the server writes them, in their order.
    pub fn paths(&self) -> Vec<String> {
        let answer = self.ask("PROPFIND", "");
        let paths = answer.split("href>").skip(1).step_by(2);
        let path = |rest: &str| {
            let path = rest.split("</").next()?;
            let own = self.url.split_once(self.address())?.1;
            Some(path.strip_prefix(own)?.to_owned())
        };
        let mut paths: Vec<_> = paths
            .filter_map(path)
            .filter(|path| !path.is_empty())
            .collect();
        paths.sort();
        paths
    }

    /// Does what `method` says to `path`, and tells the answer.
    pub fn ask(&self, method: &str, path: &str) -> String {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--request", method])
            .args(["--header", "Depth: infinity"])
            .args(["--user", &format!("{}:{}", self.user, self.password)])
            .arg(format!("{}{path}", self.url));
        process::run(&mut curl, "").success().stdout
    }
}
