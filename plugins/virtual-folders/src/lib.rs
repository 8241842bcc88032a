//! Shows folders of its settings to those that they are for.

use serde::Deserialize;
use wharf_plugin::config::Section;
use wharf_plugin::paths::{is_key, is_path};
use wharf_plugin::{
    Failure, Lifecycle, Location, Mount, Operations, PathMapper, Problems, Session, config,
};

/// The folders, in order.
struct Folders {
    folders: Vec<Folder>,
}

/// One of `[[config.folders]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Folder {
    directory: String,
    #[serde(default = "local")]
    sink: String,
    key: String,
    /// Principals; without these and groups it is for everybody.
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default = "read_only")]
    permissions: Operations,
}

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    folders: Vec<Section>,
}

wharf_plugin::export!(Folders: PathMapper);

impl Lifecycle for Folders {
    fn start() -> Result<Self, Problems> {
        let settings: Settings = config::parse()?;
        let mut problems = Problems::new();
        let mut folders = Vec::new();
        for (index, section) in settings.folders.into_iter().enumerate() {
            let key = format!("folders[{index}]");
            match section.read::<Folder>(&key) {
                Ok(folder) => {
                    folder.check(&key, &mut problems);
                    folders.push(folder);
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.or(Self { folders })
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.folders.is_empty() {
            warnings.add("folders", "there is none, so nothing is shown");
        }
        for (index, folder) in self.folders.iter().enumerate() {
            let mut before = self.folders[..index].iter();
            let hidden =
                before.any(|other| other.directory == folder.directory && other.is_for_everybody());
            if hidden {
                let message = "is never shown: one before it is for everybody";
                warnings.add(format!("folders[{index}]"), message);
            }
        }
        warnings
    }
}

impl PathMapper for Folders {
    fn mounts(&self, session: &Session<'_>) -> Result<Vec<Mount>, Failure> {
        let (principal, groups) = (session.principal(), session.groups());
        let mut mounts: Vec<Mount> = Vec::new();
        for folder in &self.folders {
            let taken = |mount: &Mount| mount.directory() == folder.directory;
            if folder.is_for(principal.as_deref(), &groups) && !mounts.iter().any(taken) {
                mounts.push(folder.mount());
            }
        }
        Ok(mounts)
    }
}

impl Folder {
    fn is_for_everybody(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    fn is_for(&self, principal: Option<&str>, groups: &[String]) -> bool {
        self.is_for_everybody()
            || self
                .users
                .iter()
                .any(|user| Some(user.as_str()) == principal)
            || self.groups.iter().any(|group| groups.contains(group))
    }

    fn mount(&self) -> Mount {
        let target = Location::new(&self.sink, &self.key);
        Mount::new(&self.directory, target).allow(self.permissions)
    }

    fn check(&self, key: &str, problems: &mut Problems) {
        if !is_path(&self.directory) {
            let message = "is not an absolute path such as \"/shared\"";
            problems.add(format!("{key}.directory"), message);
        }
        if !self.key.is_empty() && !is_key(&self.key) {
            let message = "is no place in a sink, such as \"shared/all\"; the root is \"\"";
            problems.add(format!("{key}.key"), message);
        }
    }
}

/// The name of the sink that `wharf init` sets up.
fn local() -> String {
    "local".into()
}

fn read_only() -> Operations {
    Operations::READ
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_plugin::testing::{self, Client};

    fn plugin(settings: &str) -> Result<Folders, Problems> {
        testing::set_config(settings);
        Folders::start()
    }

    /// What a user of these groups sees.
    fn seen(folders: &Folders, user: &str, groups: &[&str]) -> Vec<Mount> {
        let client = Client {
            groups: groups.iter().map(ToString::to_string).collect(),
            ..Client::logged_in(user)
        };
        let mounts = client.session(|session| folders.mounts(session));
        mounts.expect("the plugin decides")
    }

    fn keys(problems: &Problems) -> Vec<&str> {
        problems
            .iter()
            .filter_map(|found| found.key.as_deref())
            .collect()
    }

    #[test]
    fn folders_are_shown_to_whom_they_are_for() {
        let folders = plugin(
            r#"{ "folders": [
                { "directory": "/all", "key": "all" },
                { "directory": "/staff", "key": "s", "groups": ["staff"], "permissions": "full" },
                { "directory": "/staff", "key": "s", "groups": ["staff", "guests"] },
                { "directory": "/own", "sink": "archive", "key": "", "users": ["alice"] }
            ] }"#,
        )
        .expect("the settings are right");
        let mount = |directory: &str, sink, key, what| {
            Mount::new(directory, Location::new(sink, key)).allow(what)
        };
        let all = mount("/all", "local", "all", Operations::READ);
        let full = mount("/staff", "local", "s", Operations::ALL);
        let read = mount("/staff", "local", "s", Operations::READ);
        let own = mount("/own", "archive", "", Operations::READ);
        for (user, groups, expected) in [
            ("alice", &["staff"][..], vec![&all, &full, &own]),
            ("bob", &["guests"], vec![&all, &read]),
            ("bob", &["guests", "staff"], vec![&all, &full]),
            ("Alice", &[], vec![&all]),
        ] {
            let seen = seen(&folders, user, groups);
            assert_eq!(
                seen.iter().collect::<Vec<_>>(),
                expected,
                "{user} {groups:?}"
            );
        }
        assert_eq!(folders.warnings(), Problems::new());
    }

    #[test]
    fn every_problem_is_named_with_its_key() {
        let problems = plugin(
            r#"{ "folders": [
                { "directory": "all", "key": "/all" },
                { "directory": "/a", "key": "../b" },
                { "directory": "/a" },
                { "directory": "/a", "key": "a", "user": ["x"] }
            ] }"#,
        );
        let problems = problems.err().expect("they are wrong");
        let expected = [
            "folders[0].directory",
            "folders[0].key",
            "folders[1].key",
            "folders[2]",
            "folders[3].user",
        ];
        assert_eq!(keys(&problems), expected);
    }

    #[test]
    fn what_is_never_shown_is_warned_of() {
        let folders = plugin(
            r#"{ "folders": [{ "directory": "/a", "key": "a" },
                             { "directory": "/a", "key": "b", "users": ["alice"] }] }"#,
        );
        let warnings = folders.expect("they are right").warnings();
        assert_eq!(keys(&warnings), ["folders[1]"]);
        assert_eq!(
            keys(&plugin("{}").expect("it is right").warnings()),
            ["folders"]
        );
    }

    #[test]
    fn the_example_is_right() {
        let example: toml::Table = include_str!("../virtual-folders.toml").parse().unwrap();
        let folders = plugin(&serde_json::to_string(&example["config"]).unwrap());
        let folders = folders.expect("the example is right");
        assert_eq!(folders.warnings(), Problems::new());
        assert_eq!(seen(&folders, "alice", &["editors"]).len(), 3);
    }
}
