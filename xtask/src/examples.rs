//! Builds plugins in other languages as their authors do: made by `wharf plugin new`, built with
//! the one command that their README names. What has not changed is not built again.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::program;
use crate::project::Project;
use crate::system::{self, Package};
use crate::wasm::{Route, TARGET};

/// What the languages' compilers are fetched with and run on.
const TOOLS: &[Package] = &[
    Package {
        file: "node",
        name: "nodejs",
    },
    Package {
        file: "npm",
        name: "npm",
    },
    Package {
        file: "python3",
        name: "python3",
    },
    Package {
        file: "pip3",
        name: "python3-pip",
    },
];

/// A language, as `wharf plugin new --lang` and its example name it.
struct Language {
    lang: &'static str,
    example: &'static str,
    /// What builds a plugin in its directory.
    build: &'static [&'static str],
    /// Where its compiler is fetched to.
    tools: &'static str,
    /// What names the version of its compiler.
    pins: &'static str,
}

const LANGUAGES: &[Language] = &[
    Language {
        lang: "js",
        example: "javascript",
        build: &["node", "build.mjs"],
        tools: "node_modules",
        pins: "package-lock.json",
    },
    Language {
        lang: "python",
        example: "python",
        build: &["python3", "build.py"],
        tools: ".tools",
        pins: "requirements.txt",
    },
    Language {
        lang: "c",
        example: "c",
        build: &["python3", "build.py"],
        tools: ".tools",
        pins: "requirements.txt",
    },
];

/// All that a plugin can be.
const ROLES: &str = "authenticator,session-guard,path-mapper,listing-filter,storage-guard,\
                     upload-gate,storage-events,storage-sink";

/// Builds the example of each language, and what `wharf plugin new` makes with every role; puts all
/// of them beside the host.
///
/// # Errors
/// A compiler cannot be had, or a plugin does not build.
pub fn build(project: &Project) -> Result<()> {
    system::provide(TOOLS, "to build plugins in other languages")?;
    let to = project.plugins().join("examples");
    fs::create_dir_all(&to)?;
    for language in LANGUAGES {
        let every = format!("every-{}", language.lang);
        for (name, roles) in [(language.example, "authenticator"), (&*every, ROLES)] {
            let made = Made::new(project, name, language.lang, roles)?;
            made.build_once(&to, || {
                let tools = Tools::of(project, language, &made)?;
                let [program, arguments @ ..] = language.build else {
                    return Ok(());
                };
                let mut command = Command::new(program);
                program::run(command.args(arguments).current_dir(&made.directory))?;
                tools.keep(&made)
            })?;
        }
    }
    let made = Made::new(project, "every-rust", "rust", ROLES)?;
    made.build_once(&to, || build_rust(project, &made))
}

/// As the README says, but with the folder that other plugins are built in.
fn build_rust(project: &Project, made: &Made) -> Result<()> {
    let target = project.plugin_target();
    let locked = project.plugin_sources().join("Cargo.lock");
    fs::copy(locked, made.directory.join("Cargo.lock"))?;
    // Not locked: the plugin itself is still to be added to what is.
    let mut cargo = Route::find()?.cargo(&made.directory, &["build", "--release"]);
    program::run(
        cargo
            .args(["--target", TARGET, "--target-dir"])
            .arg(&target),
    )?;
    let built = target.join(TARGET).join("release/every_rust.wasm");
    fs::copy(built, made.directory.join("every-rust.wasm"))?;
    Ok(())
}

/// A directory that `wharf plugin new` made.
struct Made {
    name: String,
    directory: PathBuf,
    /// Of all that it made.
    fingerprint: String,
}

impl Made {
    fn new(project: &Project, name: &str, lang: &str, roles: &str) -> Result<Self> {
        let directory = work(project).join(name);
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut new = Command::new(project.wharf());
        new.args(["plugin", "new"]).arg(&directory);
        program::output(new.args(["--lang", lang, "--role", roles]))?;
        let fingerprint = fingerprint(&directory)?;
        Ok(Self {
            name: name.to_owned(),
            directory,
            fingerprint,
        })
    }

    /// Builds it and puts it into `to`, unless it stands there already.
    fn build_once(&self, to: &Path, build: impl FnOnce() -> Result<()>) -> Result<()> {
        let (wasm, toml) = (format!("{}.wasm", self.name), format!("{}.toml", self.name));
        fs::copy(self.directory.join(&toml), to.join(&toml))?;
        let built_from = to.join(format!("{}.built-from", self.name));
        let before = fs::read_to_string(&built_from).unwrap_or_default();
        if to.join(&wasm).is_file() && before == self.fingerprint {
            println!("{} is built already", self.name);
            return Ok(());
        }
        build()?;
        let from = self.directory.join(&wasm);
        fs::copy(&from, to.join(&wasm)).with_context(|| format!("no {}", from.display()))?;
        fs::write(built_from, &self.fingerprint)?;
        Ok(())
    }
}

/// Where plugins of other languages are made and built.
fn work(project: &Project) -> PathBuf {
    project.plugin_target().join("examples")
}

/// Tells apart what is not the same; it guards against no one.
fn fingerprint(directory: &Path) -> Result<String> {
    let mut files = Vec::new();
    list(directory, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(directory)?.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => list(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

/// The compiler of a language, which is fetched once for all of its plugins.
struct Tools {
    kept: PathBuf,
    used: PathBuf,
}

impl Tools {
    /// Lends the compiler that was kept to a directory, if it is of the version wanted there.
    fn of(project: &Project, language: &Language, made: &Made) -> Result<Self> {
        let pins = fs::read(made.directory.join(language.pins))?;
        let mut hasher = DefaultHasher::new();
        String::from_utf8_lossy(&pins)
            .replace(&format!("\"{}\"", made.name), "")
            .hash(&mut hasher);
        let name = format!("tools-{}-{:016x}", language.lang, hasher.finish());
        let tools = Self {
            kept: work(project).join(name),
            used: made.directory.join(language.tools),
        };
        if tools.kept.is_dir() {
            fs::rename(&tools.kept, &tools.used)?;
        }
        Ok(tools)
    }

    /// Takes it back.
    fn keep(self, made: &Made) -> Result<()> {
        let lost = || format!("{} was built without {}", made.name, self.used.display());
        fs::rename(&self.used, &self.kept).with_context(lost)
    }
}
