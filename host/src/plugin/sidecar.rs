//! The file `NAME.toml` beside a plugin: its settings, what it is allowed, its limits.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::allow::Allowances;
use super::limits::{Limits, MAX_MEMORY};
use super::settings::Settings;
use crate::config::error::{Origin, Problem, Problems};
use crate::config::expand::{Environment, Missing, ProcessEnvironment, read_failure};
use crate::config::section::{self, Section};
use crate::config::value::{ByteSize, Value};

/// The most instances of one plugin: half of what the engine holds for all.
const MAX_INSTANCES: u32 = 128;

/// What a sidecar says. An absent one says nothing of all this.
#[derive(Clone, Debug, Default)]
pub struct Sidecar {
    /// The component, where it is not the `.wasm` of the same name.
    pub wasm: Option<PathBuf>,
    /// `[config]`
    pub settings: Settings,
    /// `[allow]`
    pub allow: Allowances,
    /// `[limits]`
    pub limits: Limits,
    /// `[policy] on-failure`
    pub on_failure: OnFailure,
    /// `[policy] sha256`: any other component is refused.
    pub sha256: Option<Sha256Pin>,
    /// Where all this stands.
    pub origin: Option<Origin>,
    /// What was read to know all this.
    pub fingerprint: Fingerprint,
    /// The files that values were taken from.
    pub value_files: Vec<PathBuf>,
}

/// The SHA-256 of everything that a sidecar was read from: its text, and what its values are taken
/// from. All zero where there is no sidecar.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl fmt::Debug for Fingerprint {
    /// Some of what it is made of is secret and short enough to be guessed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// Passes on what values are taken from, and keeps account of it.
struct Recorder<'e> {
    environment: &'e dyn Environment,
    read: RefCell<Sha256>,
    value_files: RefCell<Vec<PathBuf>>,
}

impl Recorder<'_> {
    /// Takes the name and the value in, each with its length so that no two are the same.
    fn note(&self, name: &str, value: Option<&str>) {
        let mut read = self.read.borrow_mut();
        read.update((name.len() as u64).to_le_bytes());
        read.update(name);
        read.update(
            value
                .map_or(u64::MAX, |value| value.len() as u64)
                .to_le_bytes(),
        );
        read.update(value.unwrap_or_default());
    }
}

impl Environment for Recorder<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let value = self.environment.variable(name);
        self.note(name, value.as_deref());
        value
    }

    fn file(&self, path: &str, directory: &Path) -> Result<String, Missing> {
        let text = self.environment.file(path, directory);
        self.note(path, text.as_deref().ok());
        self.value_files.borrow_mut().push(directory.join(path));
        text
    }
}

/// What happens where an answer is needed and the plugin gives none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// As if it had said no.
    #[default]
    Deny,
    /// As if it had said yes, which only guards and gates may.
    Allow,
}

impl Value for OnFailure {
    const NAME: &'static str = "a failure policy";

    fn form() -> String {
        "write \"deny\", or \"allow\" for a guard or gate whose failure must not stop anybody"
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "deny" => Ok(Self::Deny),
            "allow" => Ok(Self::Allow),
            _ => Err("it is neither \"deny\" nor \"allow\"".to_owned()),
        }
    }
}

/// The SHA-256 of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256Pin(pub [u8; 32]);

impl Value for Sha256Pin {
    const NAME: &'static str = "a SHA-256";

    fn form() -> String {
        "write the 64 hexadecimal digits that `sha256sum` prints".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut pin = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("it does not have 64 hexadecimal digits".to_owned());
        }
        for (byte, digits) in pin.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|error| error.to_string())?;
        }
        Ok(Self(pin))
    }
}

impl Sidecar {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in its order.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::load_noting(path, &mut Vec::new())
    }

    /// Reads the file at `path`, and adds to `value_files` the files that its values are taken
    /// from, also where one of them is what is wrong.
    ///
    /// # Errors
    /// Everything that is wrong with it, in its order.
    pub fn load_noting(path: &Path, value_files: &mut Vec<PathBuf>) -> Result<Self, Problems> {
        let source = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("this file {}", read_failure(&error));
            Problem::new(path, message, "make it readable for the host")
        })?;
        Self::parse(path, &source, &ProcessEnvironment, value_files)
    }

    fn parse(
        path: &Path,
        source: &str,
        environment: &dyn Environment,
        value_files: &mut Vec<PathBuf>,
    ) -> Result<Self, Problems> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let recorder = Recorder {
            environment,
            read: RefCell::new(Sha256::new_with_prefix(source)),
            value_files: RefCell::default(),
        };
        let read = section::read(path, source, directory, &recorder, Self::read);
        let files = recorder.value_files.into_inner();
        value_files.extend_from_slice(&files);
        let (sidecar, origin) = read?;
        Ok(Self {
            origin: Some(origin),
            fingerprint: Fingerprint(recorder.read.into_inner().finalize().into()),
            value_files: files,
            ..sidecar
        })
    }

    /// Checks that every sink it allows is one of the `configured` ones.
    ///
    /// # Errors
    /// Those that are not.
    pub fn check_sinks(&self, configured: &[String]) -> Result<(), Problems> {
        let unknown = |origin| self.allow.unknown_sinks(configured, origin);
        Problems::check(self.origin.as_ref().map(unknown).unwrap_or_default())
    }

    fn read(file: &mut Section<'_, '_>) -> Self {
        let wasm = file.path("wasm");
        let settings = read_settings(file);
        let allow = file.section("allow", Allowances::read).unwrap_or_default();
        let limits = file.section("limits", read_limits).unwrap_or_default();
        let policy = file.section("policy", |section| {
            let on_failure = section.option("on-failure").unwrap_or_default();
            (on_failure, section.option("sha256"))
        });
        let (on_failure, sha256) = policy.unwrap_or_default();
        Self {
            wasm,
            settings,
            allow,
            limits,
            on_failure,
            sha256,
            origin: None,
            fingerprint: Fingerprint::default(),
            value_files: Vec::new(),
        }
    }
}

fn read_settings(file: &mut Section<'_, '_>) -> Settings {
    match file.json("config") {
        Some(Json::Object(table)) => Settings::new(table),
        Some(_) => {
            file.problem("config", "`config` is not a table", "head it with [config]");
            Settings::default()
        }
        None => Settings::default(),
    }
}

fn read_limits(section: &mut Section<'_, '_>) -> Limits {
    let mut limits = Limits::default();
    let mut memory = ByteSize(limits.memory as u64);
    section.positive("memory", &mut memory);
    section.positive("cpu", &mut limits.cpu);
    section.positive("host-cpu", &mut limits.host_cpu);
    section.positive("deadline", &mut limits.deadline);
    let mut instances = u32::try_from(limits.instances).unwrap_or(u32::MAX);
    section.positive("instances", &mut instances);
    let mut log_rate = ByteSize(limits.log_rate);
    section.positive("log-rate", &mut log_rate);
    limits.log_rate = log_rate.0;

    let mebibytes = MAX_MEMORY >> 20;
    limits.memory = usize::try_from(memory.0).unwrap_or(usize::MAX);
    if limits.memory > MAX_MEMORY {
        let advice = format!("an instance may have up to {mebibytes}MiB");
        section.problem("memory", "`memory` is more than the host has", advice);
    }
    if limits.deadline > LONGEST_DEADLINE {
        let advice = format!("a call may take up to {} s", LONGEST_DEADLINE.as_secs());
        section.problem(
            "deadline",
            "`deadline` is longer than any client waits",
            advice,
        );
    }
    if instances > MAX_INSTANCES {
        let advice = format!("a plugin may have up to {MAX_INSTANCES}");
        section.problem("instances", "`instances` is more than the host has", advice);
    }
    limits.instances = instances as usize;
    limits
}

/// Clients give up on a reply after five minutes or less.
const LONGEST_DEADLINE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::allow::origin::Scheme;
    use crate::plugin::allow::{SinkAllowance, SinkOperation};
    use crate::plugin::workbench::case::CaseFile;
    use crate::sink::Key;

    struct Variables;

    impl Environment for Variables {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "TOKEN").then(|| "hush".to_owned())
        }
    }

    fn parse(source: &str) -> Result<Sidecar, String> {
        let path = Path::new("plugins/10-users.toml");
        Sidecar::parse(path, source, &Variables, &mut Vec::new())
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_the_pages_for_authors_show_is_right() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plugins");
        let mut sidecars = 0;
        for page in std::fs::read_dir(pages).unwrap() {
            let page = page.unwrap().path();
            let text = std::fs::read_to_string(&page).unwrap();
            for block in text.split("```toml\n").skip(1) {
                let block = block.split("```").next().unwrap_or_default();
                let block = block.replace('…', &"0".repeat(64));
                let read = match block.split('.').next() {
                    // Of `wharf.toml`.
                    Some("[sink") => continue,
                    _ if block.contains("[[case]]") => toml::from_str::<CaseFile>(&block)
                        .map(drop)
                        .map_err(|error| error.to_string()),
                    _ => parse(&block).map(drop),
                };
                assert_eq!(read, Ok(()), "{}", page.display());
                sidecars += 1;
            }
        }
        assert!(sidecars > 10, "{sidecars}");
    }

    #[test]
    fn everything_built_is_read() {
        let sidecar = parse(
            r#"
            wasm = "other.wasm"
            [config]
            users.alice.password = "$6$x"
            [allow]
            http = ["https://auth.example.com"]
            http-private = true
            secrets = { token = "${TOKEN}" }
            state = { max-bytes = "4MiB" }
            sinks = [{ name = "archive", prefix = "quarantine/", operations = ["put", "head"] }]
            [limits]
            memory = "64MiB"
            cpu = "100ms"
            host-cpu = "3s"
            deadline = "2s"
            instances = 3
            log-rate = "64KiB"
            [policy]
            on-failure = "deny"
            sha256 = "00000000000000000000000000000000000000000000000000000000000000ff"
            "#,
        )
        .unwrap();
        assert_eq!(
            sidecar.wasm.as_deref(),
            Some(Path::new("plugins/other.wasm"))
        );
        assert_eq!(sidecar.settings.value("users.alice.password"), Some("$6$x"));
        assert_eq!(sidecar.allow.secrets["token"].expose(), "hush");
        assert!(sidecar.allow.http[0].matches(Scheme::Https, "auth.example.com", 443));
        assert!(sidecar.allow.http_private);
        assert_eq!(sidecar.allow.state, Some(4 << 20));
        let archive = SinkAllowance {
            sink: "archive".to_owned(),
            prefix: Key::parse("quarantine").unwrap(),
            operations: [SinkOperation::Put, SinkOperation::Head].into(),
        };
        assert_eq!(sidecar.allow.sinks, [archive]);
        let limits = Limits {
            memory: 64 << 20,
            cpu: Duration::from_millis(100),
            host_cpu: Duration::from_secs(3),
            deadline: Duration::from_secs(2),
            instances: 3,
            log_rate: 64 << 10,
        };
        assert_eq!(sidecar.limits, limits);
        assert_eq!(sidecar.sha256.unwrap().0[31], 255);
        assert!(!format!("{sidecar:?}").contains("hush"));
    }

    #[test]
    fn the_sidecar_in_the_readme_shows_the_default_limits() {
        let sidecar = parse(crate::config::tests::blocks_of_the_readme()[1]).unwrap();
        assert_eq!(sidecar.limits, Limits::default());
        assert_eq!(sidecar.settings.value("users.alice.root"), Some("alice"));
    }

    #[test]
    fn the_allowances_in_the_readme_are_all_there_are() {
        let allow = parse(crate::config::tests::blocks_of_the_readme()[2])
            .unwrap()
            .allow;
        assert_eq!((allow.http.len(), allow.http_private), (1, false));
        assert_eq!((allow.secrets.len(), allow.sinks.len()), (1, 1));
        assert_eq!(allow.state, Some(4 << 20));
    }

    #[test]
    fn whatever_a_sidecar_is_read_from_is_in_its_fingerprint() {
        struct World(&'static str, &'static str);
        impl Environment for World {
            fn variable(&self, _: &str) -> Option<String> {
                Some(self.0.to_owned())
            }
            fn file(&self, _: &str, _: &Path) -> Result<String, Missing> {
                Ok(self.1.to_owned())
            }
        }
        let secrets = "[allow]\nsecrets = { a = \"${A}\", b = { file = \"b\" } }\n";
        let longer = format!("{secrets}# more\n");
        let read = |source, variable, file| {
            let path = Path::new("plugins/10-users.toml");
            let world = World(variable, file);
            let sidecar = Sidecar::parse(path, source, &world, &mut Vec::new()).unwrap();
            assert_eq!(sidecar.value_files, [Path::new("plugins/b")]);
            sidecar.fingerprint
        };
        let first = read(secrets, "one", "two");
        assert!(first == read(secrets, "one", "two"));
        for other in [
            read(secrets, "other", "two"),
            read(secrets, "one", "other"),
            read(&longer, "one", "two"),
        ] {
            assert!(first != other);
        }
        assert!(parse("").unwrap().fingerprint != Fingerprint::default());
        assert_eq!(format!("{first:?}"), "Fingerprint(..)");
    }

    #[test]
    fn the_allowances_in_the_documentation_can_be_written_so() {
        let page = include_str!("../../../docs/plugins/capabilities.md");
        let blocks = page.split("```toml\n").skip(1);
        let blocks: Vec<&str> = blocks
            .filter_map(|block| block.split("```").next())
            .collect();
        assert_eq!(blocks.len(), 4);
        for block in blocks {
            parse(block).unwrap();
        }
    }

    #[test]
    fn an_empty_sidecar_allows_nothing() {
        let sidecar = parse("").unwrap();
        assert_eq!(sidecar.limits, Limits::default());
        let allow = sidecar.allow;
        assert!(allow.http.is_empty() && allow.secrets.is_empty() && allow.sinks.is_empty());
        assert!(!allow.http_private && allow.state.is_none());
        assert_eq!(sidecar.settings.json(), "{}");
    }

    #[test]
    fn a_sink_that_is_not_configured_is_no_allowance() {
        let sinks = "[allow]\nsinks = [\n\
            { name = \"local\", operations = [\"get\"] },\n\
            { name = \"locl\", operations = [\"get\"] },\n]";
        let sidecar = parse(sinks).unwrap();
        let error = sidecar.check_sinks(&["local".to_owned()]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(":4:") && text.contains("no sink \"locl\""),
            "{text}"
        );
        assert!(text.contains("the sinks are local"), "{text}");
        let both = ["local".to_owned(), "locl".to_owned()];
        assert_eq!(sidecar.check_sinks(&both), Ok(()));
    }

    #[test]
    fn no_problem_shows_a_secret() {
        for source in [
            "[allow]\nsecrets = { a = 4711 }",
            "[allow]\nsecrets = { a = \"4711\", b = true }",
            "[allow]\nsecrets = [\"4711\"]",
            "[allow]\nsecrets = \"4711\"",
            "[allow]\nsecrets = { a = [4711] }",
            "[allow]\nsecret = { a = \"4711\" }",
            "allow = { secrets = { a = '4711' }, http = [1] }",
        ] {
            let error = parse(source).unwrap_err();
            assert!(!error.contains("4711"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let cases = [
            (
                "wasn = \"a.wasm\"",
                "10-users.toml:1:1: unknown key `wasn`",
                "did you mean `wasm`?",
            ),
            (
                "[limits]\nmemry = \"1MiB\"",
                ":2:1: unknown key `memry`",
                "`memory`",
            ),
            ("[limits]\nmemory = \"1GiB\"", ":2:", "256MiB"),
            ("[limits]\ninstances = 0", ":2:", "zero"),
            ("[limits]\ndeadline = \"1h\"", ":2:", "300 s"),
            ("[limits]\ninstances = 1000", ":2:", "128"),
            (
                "[allow]\nhttp = [\"https://*\"]",
                ":2:",
                "name the hosts that are needed",
            ),
            ("[allow]\nhttp-privat = true", ":2:", "`http-private`"),
            (
                "[allow]\nstate = {}",
                ":2:",
                "`max-bytes` is missing in [allow.state]",
            ),
            ("[allow.state]\nmax-bytes = \"2GiB\"", ":2:", "1024MiB"),
            ("[allow.state]\nmax-bytes = \"0B\"", ":2:", "makes no sense"),
            (
                "[[allow.sinks]]\nname = \"a\"\n",
                ":1:",
                "names nothing that is allowed",
            ),
            (
                "[[allow.sinks]]\nname = \"a\"\noperations = [\"write\"]",
                ":3:",
                "\"put\"",
            ),
            (
                "[[allow.sinks]]\nname = \"a\"\nprefix = \"a/../..\"\noperations = [\"put\"]",
                ":3:",
                "leads out of the sink",
            ),
            ("[allow]\nsinks = [\"a\"]", ":2:", "a list of tables"),
            ("[policy]\non-failure = \"never\"", ":2:", "\"deny\""),
            ("[policy]\nsha256 = \"abc\"", ":2:", "64 hexadecimal digits"),
            ("config = 3", ":1:", "[config]"),
        ];
        for (source, place, cause) in cases {
            let error = parse(source).unwrap_err();
            assert!(
                error.contains(place) && error.contains(cause),
                "{source}: {error}"
            );
        }
    }
}
