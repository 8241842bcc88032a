//! The servers that are measured, in turn, and what loads them.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::figures::{BIG, Figure, Floor, LIST_ENTRIES, Measure, SMALL};
use crate::program;
use crate::project::Project;
use crate::server::{PATIENCE, new_password, pause};

/// Where files are: in memory, so that no disk is measured.
pub const MEMORY: &str = "/dev/shm";

const USER: &str = "bench";

/// Below the ports that clients connect from, so that none is taken by chance.
const PASSIVE: &str = "20000-21999";

/// What one figure was.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Of the host.
    pub host: f64,
    /// Of the floor.
    pub floor: Option<f64>,
}

/// The programs and files of a run; dropping it removes the files.
pub struct Site {
    folder: PathBuf,
    programs: PathBuf,
    password: String,
    port: u16,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

impl Site {
    /// Makes a configuration and the files that clients ask for.
    pub fn prepare(project: &Project) -> Result<Self> {
        let site = Self::empty(project)?;
        for (name, size) in [("big", BIG), ("small", SMALL)] {
            site.generate(size, &site.data().join(name))?;
        }
        fs::create_dir(site.data().join("list"))?;
        for number in 0..LIST_ENTRIES {
            File::create(site.data().join(format!("list/file-{number}.dat")))?;
        }
        Ok(site)
    }

    /// Makes a configuration.
    pub fn empty(project: &Project) -> Result<Self> {
        ensure!(
            Path::new(MEMORY).is_dir(),
            "there is no {MEMORY} to keep files in"
        );
        let site = Self {
            folder: Path::new(MEMORY).join(format!("wharf-bench-{}", std::process::id())),
            programs: project.release.clone(),
            password: new_password()?,
            port: free_port()?,
        };
        site.configure(project)?;
        Ok(site)
    }

    /// Writes a file as clients expect it, of `size` bytes.
    pub fn generate(&self, size: &str, file: &Path) -> Result<()> {
        let mut generate = Command::new(self.program("ftpload"));
        generate.args(["gen", "--size", size, "--out"]).arg(file);
        program::output(&mut generate).map(drop)
    }

    /// A program that was built for this.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Replaces `from` in a file of the configuration.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(from), "`wharf init` did not write {from}");
        Ok(fs::write(path, text.replace(from, to))?)
    }

    fn configure(&self, project: &Project) -> Result<()> {
        let mut init = Command::new(self.program("wharf"));
        init.arg("init").arg(&self.folder);
        init.args(["--user", USER, "--password-stdin", "--address", "127.0.0.1"]);
        init.args(["--passive", PASSIVE, "--port", &self.port.to_string()]);
        init.env("WHARF_PLUGINS", project.plugins());
        let mut init = init.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        writeln!(
            init.stdin.take().context("the input is piped")?,
            "{}",
            self.password
        )?;
        ensure!(init.wait()?.success(), "`wharf init` failed");
        // All clients come from one address and as one user.
        for name in ["connections-per-address", "sessions-per-user"] {
            let usual = format!("{name} = 50\n");
            self.edit("wharf.toml", &usual, &format!("{name} = 2000\n"))?;
        }
        Ok(())
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Measures each figure once.
    pub fn measure(&self, measure: &Measure) -> Result<Vec<Sample>> {
        let (explicit, implicit) = match measure.tls {
            true => ("explicit", "implicit"),
            false => ("none", "none"),
        };
        let figures = measure.figures;
        let host = {
            let server = self.host(|_| {})?;
            // What the first logins of a server allocate belongs to no session.
            self.load(&server, explicit, "login --clients 16 --count 1", &[])?;
            self.load(&server, explicit, measure.load, figures)?
        };
        self.remove_uploads()?;
        let Some(floor) = &measure.floor else {
            return Ok(host
                .into_iter()
                .map(|host| Sample { host, floor: None })
                .collect());
        };
        let of_floor = self.load(&self.floor(floor)?, implicit, floor.load, figures)?;
        self.remove_uploads()?;
        let floor = of_floor.into_iter().map(Some);
        Ok(host
            .into_iter()
            .zip(floor)
            .map(|(host, floor)| Sample { host, floor })
            .collect())
    }

    /// Starts the host, which `tell` may tell more.
    pub fn host(&self, tell: impl FnOnce(&mut Command)) -> Result<Server> {
        let mut serve = Command::new(self.program("wharf"));
        serve.args(["serve", "--config"]).arg(&self.folder);
        tell(serve.env("RUST_LOG", "warn"));
        Server::start(&mut serve, self.port)
    }

    fn floor(&self, floor: &Floor) -> Result<Server> {
        let secrets = self.folder.join("state/self-signed.pem");
        let mut serve = Command::new(self.program("floor"));
        let address = format!("127.0.0.1:{}", self.port);
        serve
            .arg(floor.mode)
            .arg(address)
            .arg(self.data().join(floor.file));
        serve.args([&secrets, &secrets]);
        Server::start(&mut serve, self.port)
    }

    /// Loads a server and tells the figures.
    pub fn load(
        &self,
        server: &Server,
        tls: &str,
        load: &str,
        figures: &[Figure],
    ) -> Result<Vec<f64>> {
        let mut command = Command::new(self.program("ftpload"));
        command.arg("--port").arg(self.port.to_string());
        command.arg("--pid").arg(server.0.id().to_string());
        command.args(["--user", USER, "--password", &self.password]);
        command.args(["--tls", tls, "--tls-version", "1.3"]);
        for figure in figures {
            command.args(["--fields", figure.field]);
        }
        command.args(load.split(' ')).stderr(Stdio::inherit());
        let output = command.output().context("cannot run ftpload")?;
        let (succeeded, output) = (output.status.success(), String::from_utf8(output.stdout)?);
        let told = || format!("ftpload {load} told: {output}");
        ensure!(succeeded, told());
        let lines = output.lines().map(str::parse::<f64>);
        let numbers = lines
            .zip(figures)
            .map(|(number, figure)| Ok(number? * figure.scale));
        let numbers: Vec<f64> = numbers.collect::<Result<_>>().with_context(told)?;
        ensure!(numbers.len() == figures.len(), told());
        Ok(numbers)
    }

    /// Removes what clients uploaded, which fills the memory.
    fn remove_uploads(&self) -> Result<()> {
        for entry in fs::read_dir(self.data())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("up-") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// A server that runs; dropping it ends it.
pub struct Server(Child);

impl Server {
    /// Starts it and waits until it listens on `port`.
    pub fn start(command: &mut Command, port: u16) -> Result<Self> {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self(quiet.spawn().context("cannot start a server")?);
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = server.0.try_wait()? {
                bail!("a server ended: {status}");
            }
            ensure!(start.elapsed() < PATIENCE, "a server does not listen");
            pause();
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
