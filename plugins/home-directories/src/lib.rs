//! Shows each user directories that are made of his name, his groups and the date.

mod template;

use serde::Deserialize;
use wharf_plugin::config::Section;
use wharf_plugin::paths::is_path;
use wharf_plugin::{
    Failure, Lifecycle, Location, Mount, Operation, Operations, PathMapper, Problems, Resolution,
    Session, clock, config,
};

use crate::template::{Template, Values};

/// What every user sees.
struct Homes {
    homes: Vec<Home>,
}

/// A directory, and where it leads.
struct Home {
    directory: Template,
    sink: String,
    key: Template,
    permissions: Operations,
}

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    mounts: Vec<Section>,
}

/// One of `[[config.mounts]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "root")]
    directory: String,
    #[serde(default = "local")]
    sink: String,
    key: String,
    #[serde(default = "everything")]
    permissions: Operations,
}

wharf_plugin::export!(Homes: PathMapper);

impl Lifecycle for Homes {
    fn start() -> Result<Self, Problems> {
        let settings: Settings = config::parse()?;
        let mut problems = Problems::new();
        let mut homes = Vec::new();
        for (index, section) in settings.mounts.into_iter().enumerate() {
            let key = format!("mounts[{index}]");
            match section.read::<Written>(&key) {
                Ok(written) => homes.extend(written.resolve(&key, &mut problems)),
                Err(problem) => problems.push(problem),
            }
        }
        problems.or(Self { homes })
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.homes.is_empty() {
            warnings.add("mounts", "there is none, so nothing is shown");
        }
        warnings
    }
}

impl PathMapper for Homes {
    fn mounts(&self, session: &Session<'_>) -> Result<Vec<Mount>, Failure> {
        let shown = self.shown(session)?;
        let mount = |home: Shown| {
            let mount = Mount::new(home.directory, home.target).allow(home.permissions);
            if home.dated { mount.dynamic() } else { mount }
        };
        Ok(shown.into_iter().map(mount).collect())
    }

    /// A session may live over midnight: what is made of the date is made anew for each path.
    fn locate(
        &self,
        session: &Session<'_>,
        _what: Operation,
        path: &str,
    ) -> Result<Resolution, Failure> {
        let shown = self.shown(session)?.into_iter();
        let below = shown.filter_map(|home| Some((home.below(path)?.to_owned(), home)));
        let nearest = below.max_by_key(|(_, home)| home.directory.len());
        Ok(match nearest {
            Some((rest, home)) if home.dated => Resolution::At(home.target.join(&rest)),
            _ => Resolution::Pass,
        })
    }
}

/// A directory as one user sees it now.
struct Shown {
    directory: String,
    target: Location,
    permissions: Operations,
    /// Whether the target will be another one tomorrow.
    dated: bool,
}

impl Shown {
    /// What the path is below this directory.
    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.directory.as_str() {
            "/" => path.strip_prefix('/'),
            directory if directory == path => Some(""),
            directory => path.strip_prefix(directory)?.strip_prefix('/'),
        }
    }
}

impl Homes {
    /// What this user sees now.
    fn shown(&self, session: &Session<'_>) -> Result<Vec<Shown>, Failure> {
        let groups = session.groups();
        let today = clock::Date::of(clock::now());
        let mut shown = Vec::new();
        for home in &self.homes {
            // A directory for each group, or one that is made of the first.
            let each = match home.directory.names_group() {
                true => groups.iter().map(|group| Some(group.as_str())).collect(),
                false => vec![groups.first().map(String::as_str)],
            };
            for group in each {
                let values = Values {
                    session,
                    group,
                    today,
                };
                shown.push(home.shown(&values)?);
            }
        }
        Ok(shown)
    }
}

impl Home {
    fn shown(&self, values: &Values<'_>) -> Result<Shown, Failure> {
        Ok(Shown {
            directory: format!("/{}", self.directory.fill(values)?),
            target: Location::new(&self.sink, self.key.fill(values)?),
            permissions: self.permissions,
            dated: self.key.names_date(),
        })
    }
}

impl Written {
    fn resolve(self, key: &str, problems: &mut Problems) -> Option<Home> {
        if !is_path(&self.directory) {
            let message = "is not an absolute path such as \"/today\"";
            problems.add(format!("{key}.directory"), message);
        }
        let mut read = |setting: &str, text: &str| {
            let template = Template::parse(text.trim_matches('/'));
            template
                .map_err(|why| problems.add(format!("{key}.{setting}"), why))
                .ok()
        };
        let directory = read("directory", &self.directory);
        let template = read("key", &self.key);
        if directory.as_ref().is_some_and(Template::names_date) {
            let message = "cannot hold a date: a session may live over midnight";
            problems.add(format!("{key}.directory"), message);
        }
        Some(Home {
            directory: directory?,
            sink: self.sink,
            key: template?,
            permissions: self.permissions,
        })
    }
}

fn root() -> String {
    "/".into()
}

/// The name of the sink that `wharf init` sets up.
fn local() -> String {
    "local".into()
}

fn everything() -> Operations {
    Operations::ALL
}

#[cfg(test)]
mod tests;
