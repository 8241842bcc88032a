//! The server that a checkout leaves running, with its configuration in `run/`.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::project::Project;
use crate::{program, test, wasm};

const USER: &str = "demo";

/// Those that `wharf init` chooses.
const PASSIVE_PORTS: RangeInclusive<u16> = 40000..=40999;

/// How long the server may take to serve, and to stop; a start compiles the plugins once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The files of a running server.
struct Run {
    folder: PathBuf,
}

/// What a client needs to log in. It is kept in a file that only its owner reads, as the
/// configuration holds no more than the password's hash.
struct Login {
    port: u16,
    password: String,
}

/// Builds what is missing and leaves a server running that a user can log in to.
///
/// # Errors
/// Something does not build, or the server does not serve.
pub fn start(project: &Project) -> Result<()> {
    let run = Run {
        folder: project.root.join("run"),
    };
    if let Some(process) = run.process() {
        println!("Wharf is already running.");
        return run.introduce(process, &Login::read(&run.login())?);
    }
    let known = match run.folder.exists() {
        true => Some(Login::read(&run.login())?),
        false => None,
    };
    wasm::build(project, wasm::Route::find()?)?;
    test::host(project)?;
    let login = match known {
        Some(login) => {
            run.renew_plugin(project)?;
            login
        }
        None => run.set_up(project)?,
    };
    let mut server = run.spawn(project)?;
    if let Err(error) = login.wait(&mut server) {
        server.kill().and_then(|()| server.wait())?;
        let log = fs::read_to_string(run.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        bail!(
            "{error:#}; its log, {}, ends with\n{end}",
            run.log().display()
        );
    }
    fs::write(run.pid(), server.id().to_string())?;
    println!("Wharf is running.");
    run.introduce(server.id(), &login)
}

/// Stops the server and waits until it is gone.
///
/// # Errors
/// It does not go.
pub fn stop(project: &Project) -> Result<()> {
    let run = Run {
        folder: project.root.join("run"),
    };
    let Some(process) = run.process() else {
        println!("Wharf is not running.");
        return Ok(());
    };
    program::run(Command::new("kill").arg(process.to_string()))?;
    let start = Instant::now();
    while run.process().is_some() {
        ensure!(start.elapsed() < PATIENCE, "process {process} does not end");
        pause();
    }
    fs::remove_file(run.pid())?;
    println!("Wharf has stopped.");
    Ok(())
}

impl Run {
    fn login(&self) -> PathBuf {
        self.folder.join("login")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("wharf.log")
    }

    fn pid(&self) -> PathBuf {
        self.folder.join("wharf.pid")
    }

    /// The process of the server, if it runs.
    fn process(&self) -> Option<u32> {
        let process = fs::read_to_string(self.pid()).ok()?.trim().parse().ok()?;
        // The number may be another's by now. A dead process that nobody buried has no program.
        let program = fs::read_link(format!("/proc/{process}/exe")).ok()?;
        let name = program.file_name()?.to_string_lossy();
        name.starts_with("wharf").then_some(process)
    }

    /// Makes the configuration, with a user whose password is new.
    fn set_up(&self, project: &Project) -> Result<Login> {
        let login = Login {
            port: free_port()?,
            password: new_password()?,
        };
        let mut init = Command::new(project.wharf());
        init.arg("init")
            .arg(&self.folder)
            .args(["--address", "127.0.0.1"]);
        init.args([
            "--port",
            &login.port.to_string(),
            "--user",
            USER,
            "--password-stdin",
        ]);
        // What it says to do next is done already.
        init.stdin(Stdio::piped())
            .stdout(Stdio::null())
            .env("WHARF_PLUGINS", project.plugins());
        let mut init = init.spawn().context("cannot run `wharf init`")?;
        let mut input = init.stdin.take().context("the input is piped")?;
        writeln!(input, "{}", login.password)?;
        drop(input);
        ensure!(init.wait()?.success(), "`wharf init` failed");
        login.write(&self.login())?;
        Ok(login)
    }

    /// Brings the plugin that `wharf init` copied up to date, if it is still there.
    fn renew_plugin(&self, project: &Project) -> Result<()> {
        let copy = self.folder.join("plugins/10-static-users.wasm");
        if copy.is_file() {
            fs::copy(project.plugins().join("static-users.wasm"), copy)?;
        }
        Ok(())
    }

    /// Starts the server, apart from the terminal.
    fn spawn(&self, project: &Project) -> Result<Child> {
        let log = File::create(self.log())?;
        Command::new(project.wharf())
            .args(["serve", "--config"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start the server")
    }

    /// Tells how to talk to the server.
    fn introduce(&self, process: u32, login: &Login) -> Result<()> {
        let Login { port, password } = login;
        println!(
            "
  address   127.0.0.1:{port}
  user      {USER}
  password  {password}   (kept in {login})
  files     {files}
  log       {log}
  process   {process}; `cargo xtask stop` ends it

  curl --ssl-reqd --insecure --user {USER}:{password} ftp://127.0.0.1:{port}/
  lftp -e 'set ssl:verify-certificate no' -u {USER},{password} ftp://127.0.0.1:{port}
",
            login = self.login().display(),
            files = self.folder.join("data").display(),
            log = self.log().display(),
        );
        Ok(())
    }
}

impl Login {
    fn read(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(path).display();
        let unknown = || format!("{folder} was not set up by this task: move it away");
        let text = fs::read_to_string(path).with_context(unknown)?;
        let (port, password) = text.trim_end().split_once(' ').with_context(unknown)?;
        Ok(Self {
            port: port.parse().with_context(unknown)?,
            password: password.to_owned(),
        })
    }

    fn write(&self, path: &Path) -> Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(writeln!(file, "{} {}", self.port, self.password)?)
    }

    /// Waits until the server lets the user in.
    fn wait(&self, server: &mut Child) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = server.try_wait()? {
                bail!("the server ended: {status}");
            }
            match self.log_in() {
                Ok(()) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => {
                    return Err(error.context("the server does not let its user in"));
                }
                Err(_) => pause(),
            }
        }
    }

    /// Logs in as any client does.
    fn log_in(&self) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut control = TcpStream::connect_timeout(&address, PATIENCE)?;
        control.set_read_timeout(Some(PATIENCE))?;
        let mut replies = BufReader::new(control.try_clone()?).lines();
        let steps = [
            (String::new(), "220"),
            (format!("USER {USER}\r\n"), "331"),
            (format!("PASS {}\r\n", self.password), "230"),
            ("QUIT\r\n".into(), "221"),
        ];
        for (command, expected) in steps {
            control.write_all(command.as_bytes())?;
            let mut reply = || -> Result<String> {
                Ok(replies
                    .next()
                    .context("the server closed the connection")??)
            };
            let mut line = reply()?;
            ensure!(line.starts_with(expected), "the server answered {line}");
            // A reply may have several lines, the last of which has a space there.
            while !(line.starts_with(expected) && line.as_bytes().get(3) == Some(&b' ')) {
                line = reply()?;
            }
        }
        Ok(())
    }
}

/// The usual port if it is free, else any that is and does not lie among the passive ports, which
/// `wharf init` sets and which are the host's own.
fn free_port() -> Result<u16> {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, 2121)).is_ok() {
        return Ok(2121);
    }
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        if !PASSIVE_PORTS.contains(&port) {
            return Ok(port);
        }
    }
}

/// A password of 100 random bits, in letters and digits that are not mistaken for each other.
pub fn new_password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0_u8; 20];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

/// Lets a moment pass before looking again.
pub fn pause() {
    std::thread::park_timeout(Duration::from_millis(50));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::*;

    /// Serves one client with these replies, the first of which greets it.
    fn scripted(replies: &'static [&'static str]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut control, _) = listener.accept().unwrap();
            let mut commands = BufReader::new(control.try_clone().unwrap()).lines();
            for reply in replies {
                write!(control, "{reply}\r\n").unwrap();
                commands.next();
            }
        });
        port
    }

    #[test]
    fn only_a_login_counts_as_serving() {
        for (replies, works) in [
            (
                &["220 Wharf", "331 Password.", "230 Hello.", "221 Bye."][..],
                true,
            ),
            (
                &[
                    "220-Wharf\r\n 220 of\r\n220 it",
                    "331 P",
                    "230-A\r\n230 B",
                    "221 Bye.",
                ],
                true,
            ),
            (&["220 Wharf", "331 Password.", "530 No."], false),
            (&["421 Too many."], false),
            (&["220 Wharf"], false),
        ] {
            let login = Login {
                port: scripted(replies),
                password: "x".into(),
            };
            let outcome = login.log_in();
            assert_eq!(outcome.is_ok(), works, "{replies:?} {outcome:?}");
        }
    }

    #[test]
    fn the_login_is_kept_for_its_owner_alone() {
        let path = std::env::temp_dir().join(format!("wharf-login-{}", std::process::id()));
        let password = new_password().unwrap();
        Login {
            port: 2121,
            password: password.clone(),
        }
        .write(&path)
        .unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        let read = Login::read(&path);
        fs::remove_file(&path).unwrap();
        let read = read.unwrap();
        assert_eq!(
            (mode & 0o777, read.port, read.password),
            (0o600, 2121, password)
        );
    }

    #[test]
    fn passwords_differ_and_need_no_quotes() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());
        assert!(one != other && one.len() == 20);
        assert!(
            one.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{one}"
        );
    }
}
