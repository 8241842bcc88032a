//! A `wharf serve` of its own for a test.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::binaries;
use crate::client::{Endpoint, Security};
use crate::ftp::Ftp;
use crate::log::{self, Log};
use crate::ports;
use crate::process::{self, Output};
use crate::settings::{Listener, PASSWORD, Settings, USER};

/// A configuration directory.
pub struct Directory {
    path: PathBuf,
    /// What goes away with it.
    _temporary: Option<TempDir>,
}

impl Directory {
    /// What `wharf init` makes, with `settings` written over it.
    pub fn new(settings: &Settings) -> Self {
        let temporary = TempDir::with_prefix("wharf-").expect("there is room for a test");
        let directory = Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        };
        let init = ["init", "--user", USER, "--password-stdin"];
        let output = directory.wharf(&init, &[], &format!("{PASSWORD}\n"));
        output.success();
        settings.write(directory.path(), ports::free_block(settings.passive_ports));
        fs::create_dir_all(directory.home(USER)).expect("a test can make directories");
        directory
    }

    /// One that is there already, and goes away with this value.
    pub(crate) fn of(temporary: TempDir) -> Self {
        Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a user's files are.
    pub fn home(&self, user: &str) -> PathBuf {
        self.path().join("data/home").join(user)
    }

    /// Run a command of `wharf` on this directory: `arguments`, then `more`.
    pub fn wharf(&self, arguments: &[&str], more: &[&str], input: &str) -> Output {
        let mut command = Command::new(binaries::wharf());
        command.env("WHARF_PLUGINS", binaries::plugins());
        match arguments {
            ["init", rest @ ..] => command.arg("init").arg(self.path()).args(rest),
            _ => command.args(arguments).arg("--config").arg(self.path()),
        };
        process::run(command.args(more), input)
    }

    /// Serve it.
    pub fn serve(self) -> Server {
        let (child, log) = launch(self.path());
        let mut server = Server {
            directory: self,
            child,
            log,
            addresses: HashMap::new(),
        };
        server.wait_until_ready();
        server
    }
}

/// Serve a configuration directory that is somebody else's.
pub fn serve(path: &Path) -> Server {
    let directory = Directory {
        path: path.to_owned(),
        _temporary: None,
    };
    directory.serve()
}

fn launch(directory: &Path) -> (Child, Log) {
    let mut command = Command::new(binaries::wharf());
    command
        .args(["serve", "--log-format", "json", "--config"])
        .arg(directory);
    command
        .env("RUST_BACKTRACE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = process::spawn(&mut command);
    let log = Log::default();
    log.follow(child.stdout.take().expect("standard output is piped"));
    log.follow(child.stderr.take().expect("standard error is piped"));
    (child, log)
}

/// A running server; dropping it kills it.
pub struct Server {
    directory: Directory,
    child: Child,
    log: Log,
    addresses: HashMap<String, SocketAddr>,
}

impl Server {
    /// Start one and wait until it listens.
    pub fn start(settings: &Settings) -> Self {
        Directory::new(settings).serve()
    }

    /// One with the default settings.
    pub fn ordinary() -> Self {
        Self::start(&Settings::default())
    }

    /// The configuration directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Where [`USER`]'s files are.
    pub fn home(&self) -> PathBuf {
        self.directory.home(USER)
    }

    /// What it logs.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The address of the listener.
    pub fn address(&self, listener: Listener) -> SocketAddr {
        self.addresses[listener.name]
    }

    /// A session of the user, in clear, for bytes as they are.
    pub fn session(&self) -> Ftp {
        let mut ftp = Ftp::logged_in(self.address(Listener::EXPLICIT));
        ftp.command("TYPE I", 200);
        ftp
    }

    /// What a real client is told.
    pub fn endpoint(&self, security: Security) -> Endpoint {
        Endpoint {
            address: self.address(Listener::serving(security)),
            security,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes, now.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.expect("every process tells VmRSS") * 1024
    }

    /// How many files, sockets and the like it holds open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .expect("the server runs")
            .count()
    }

    /// Send it a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "SIG{name} cannot be sent"
        );
    }

    /// Wait for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it can be waited for")
    }

    /// End it without a word, as a crash does, and leave the directory.
    pub fn crash(mut self) -> Directory {
        self.child.kill().expect("it can be killed");
        self.wait();
        let nothing = Directory {
            path: PathBuf::new(),
            _temporary: None,
        };
        std::mem::replace(&mut self.directory, nothing)
    }

    /// The addresses of all listeners.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.values().copied()
    }

    fn wait_until_ready(&mut self) {
        let text = fs::read_to_string(self.directory.path().join("wharf.toml"));
        let listeners = text.expect("it is there").matches("[[listener]]").count();
        let mut ready = 0;
        while ready < listeners {
            let known = &self.addresses;
            let (name, address) = self.log.wait("its listeners", |line| {
                let listening = log::field(line, "message")? == "listening";
                let name = log::field(line, "listener").filter(|_| listening)?;
                (!known.contains_key(&name)).then_some(())?;
                Some((name, log::field(line, "address")?.parse().ok()?))
            });
            self.addresses.insert(name, address);
            ready += 1;
        }
        self.log.wait("that it is ready", |line| {
            (log::field(line, "message")? == "ready").then_some(())
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log:\n{}", self.log.text());
        }
    }
}
