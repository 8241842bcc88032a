//! aioftps3: FTPS before a bucket, configured by environment variables without defaults.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::path::Path;

use ipnet::IpNet;

use super::migration::Migration;
use super::port::Port;
use super::store::{Host, Suffix};
use super::variables::Variables;
use super::written::Written;
use crate::config::AdvertisedAddress;
use crate::config::template::quote;
use crate::config::value::Value;

/// What variables of its begin with.
const PREFIXES: [&str; 5] = ["FTP_", "AWS_S3_", "AWS_ROUTE_53__", "ACME_", "HEALTHCHECK_"];

/// What does not exist here, by what its variables begin with, and what to do instead.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "AWS_S3_ACME_BUCKET__",
        "certificates are not fetched from a bucket: let an ACME client keep the files of [tls], \
         which are read again when they change",
    ),
    (
        "ACME_",
        "certificates are not ordered here: let an ACME client, such as certbot or lego with its \
         Route 53 plugin, keep the files of [tls], which are read again when they change",
    ),
    (
        "AWS_ROUTE_53__",
        "no names are registered here: let the balancer or the service discovery of the platform \
         do it",
    ),
    ("ECS_CONTAINER_METADATA_URI", "it is not needed"),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "it must be in the environment of `wharf serve`, as ECS has it",
    ),
];

/// The configuration that does what `variables` made aioftps3 do, or all that is wrong with them.
pub fn migrate(variables: &mut Variables) -> Result<Written, Vec<String>> {
    let mut migration = Migration::new(variables);
    write(&mut migration);
    migration.end()
}

fn write(migration: &mut Migration<'_>) {
    let networks = networks(migration);
    let listener = listener(migration);
    let tls = certificate(migration);
    let passive = passive(migration, &networks);
    let limits = limits(&networks);
    let health = health(migration);
    let sink = sink(migration);
    users(migration);
    migration.written.main = format!(
        "# Made by `wharf migrate aioftps3`. `wharf init DIR` writes every key that there is.\n\
         \n{listener}\n{tls}\n{passive}\n{limits}\n{health}{sink}"
    );
    for name in migration.variables.left(&PREFIXES) {
        let known = ELSEWHERE.iter().find(|(it, _)| name.starts_with(it));
        let what = known.map_or("it is none of aioftps3's, and was left out", |it| it.1);
        migration.written.note(&name, what);
    }
}

fn port(migration: &mut Migration<'_>, name: &str) -> Option<u16> {
    migration.required(&[name]).map(|Port(port)| port)
}

fn listener(migration: &mut Migration<'_>) -> String {
    let port = port(migration, "FTP_COMMAND_PORT").unwrap_or_default();
    format!(
        "[[listener]]\n\
         address = \"0.0.0.0:{port}\"\n\
         tls = \"required\"                     # nobody logs in before AUTH TLS\n"
    )
}

/// What it kept in its home directory, where that can be seen from here.
fn certificate(migration: &mut Migration<'_>) -> String {
    let home = migration.variables.take("HOME");
    // What is not absolute would be looked for somewhere else by whoever serves.
    let home = home.filter(|home| home.starts_with('/'));
    let files = home.map(|home| ["ssl.crt", "ssl.key"].map(|name| format!("{home}/{name}")));
    let files = files.filter(|files| files.iter().all(|file| Path::new(file).is_file()));
    let mut text = "[tls]\ndata = \"required\"\n".to_owned();
    match files {
        Some(files) => {
            let [certificate, key] = files.map(|file| quote(&file));
            text += &format!("certificate = {certificate}\nkey = {key}\n");
        }
        None => migration.written.notes.push(
            "$HOME/ssl.crt and $HOME/ssl.key are not here: name the certificate and its key \
             in [tls]; until then one is made that nobody has signed"
                .to_owned(),
        ),
    }
    text
}

fn networks(migration: &mut Migration<'_>) -> Vec<(IpNet, AdvertisedAddress)> {
    const NAME: &str = "FTP_DATA_CIDR_TO_DOMAINS";
    let listed = migration.variables.take_list(NAME, ["CIDR", "DOMAIN"]);
    let mut networks = Vec::new();
    for (number, [network, domain]) in listed {
        let [network, domain] = [("CIDR", network), ("DOMAIN", domain)].map(|(field, text)| {
            let name = format!("{NAME}__{number}__{field}");
            if text.is_none() {
                migration.problem(format!("{name} is not set"));
            }
            text.map(|text| (name, text))
        });
        let network = network.and_then(|(name, text)| migration.parsed::<IpNet>(&name, &text));
        let domain = domain.and_then(|(name, text)| migration.parsed(&name, &text));
        networks.extend(network.zip(domain));
    }
    networks
}

fn passive(migration: &mut Migration<'_>, networks: &[(IpNet, AdvertisedAddress)]) -> String {
    let first = port(migration, "FTP_DATA_PORTS_FIRST");
    let count: Option<u32> = migration.required(&["FTP_DATA_PORTS_COUNT"]);
    let mut text = "[passive]\n".to_owned();
    if let (Some(first), Some(count)) = (first, count) {
        let last = count
            .checked_sub(1)
            .and_then(|more| first.checked_add(u16::try_from(more).ok()?));
        match last {
            Some(last) => text += &format!("ports = \"{first}-{last}\"\n"),
            None => migration.problem(format!(
                "FTP_DATA_PORTS_COUNT: {count} ports from {first} on are none, or too many"
            )),
        }
    }
    if networks
        .iter()
        .any(|(network, _)| network.prefix_len() == 0)
    {
        migration.written.note(
            "FTP_DATA_CIDR_TO_DOMAINS",
            "a network is the whole Internet, from all of which aioftps3 took data \
             connections; here they come from their client's own address. Behind balancers \
             that hide it, name their networks instead, and write \
             data-peer = \"same-networks\" in [passive]",
        );
    } else if !networks.is_empty() {
        text += "data-peer = \"same-networks\"          # of the balancers below\n";
    }
    for (network, address) in networks {
        let address = match address {
            AdvertisedAddress::Ip(address) => address.to_string(),
            AdvertisedAddress::Name(name) => name.clone(),
        };
        let address = quote(&address);
        let written = writeln!(
            text,
            "\n[[passive.advertise]]\nclients = \"{network}\"\naddress = {address}"
        );
        written.expect("a string has room");
    }
    text
}

fn health(migration: &mut Migration<'_>) -> String {
    const NAME: &str = "HEALTHCHECK_PORT";
    let port: Option<Port> = migration.value(NAME);
    port.map_or_else(String::new, |Port(port)| {
        format!("[health]\naddress = \"0.0.0.0:{port}\"\n\n")
    })
}

fn sink(migration: &mut Migration<'_>) -> String {
    let name = bucket::<String>(migration, "NAME").unwrap_or_default();
    let region = bucket::<String>(migration, "REGION").unwrap_or_default();
    let Host(host) = bucket(migration, "HOST").unwrap_or_default();
    let Suffix(suffix) = bucket(migration, "DIR_SUFFIX").unwrap_or_default();
    let [long, short] = spellings("VERIFY_CERTS");
    let verifies = migration.variables.take_any(&[&long, &short]);
    if let Some((variable, _)) = verifies.filter(|(_, value)| value != "true") {
        migration.written.note(
            variable,
            "the store's certificate is always verified: write ca = \"FILE\" with its \
             authority in [sink.bucket]",
        );
    }
    let endpoint = format!("https://{host}");
    let [name, region, suffix, endpoint] =
        [name, region, suffix, endpoint].map(|text| quote(&text));
    let credentials = credentials(migration);
    format!(
        "[sink.bucket]\n\
         kind = \"s3\"\n\
         bucket = {name}\n\
         region = {region}\n\
         endpoint = {endpoint}\n\
         path-style = true\n\
         directories = \"markers\"              # a directory is what has a marker\n\
         directory-suffix = {suffix}\n\
         remove = \"recursive\"\n{credentials}"
    )
}

/// What is said of the bucket.
fn bucket<T: Value>(migration: &mut Migration<'_>, field: &str) -> Option<T> {
    let [long, short] = spellings(field);
    migration.required(&[&long, &short])
}

/// How its last version and its README call a variable of the bucket.
fn spellings(field: &str) -> [String; 2] {
    ["AWS_S3_BUCKET__", "AWS_S3_BUCKET_"].map(|prefix| format!("{prefix}{field}"))
}

/// A key goes into files of its own; a role is found as every AWS tool finds it.
fn credentials(migration: &mut Migration<'_>) -> &'static str {
    const NAME: &str = "AWS_AUTH_MECHANISM";
    let mechanism = migration.variables.take(NAME);
    const KEY: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let [id, secret] = KEY.map(|name| migration.variables.take(name));
    match (mechanism.as_deref(), id, secret) {
        (Some("ecs_role"), id, secret) => {
            for (name, value) in KEY.into_iter().zip([id, secret]) {
                if value.is_some() {
                    migration
                        .written
                        .note(name, "with a role it was not used, and is left out");
                }
            }
            ""
        }
        (Some("secret_access_key"), Some(id), Some(secret)) => {
            let files = &mut migration.written.files;
            files.push(("secrets/aws-access-key-id".to_owned(), id + "\n"));
            files.push(("secrets/aws-secret-access-key".to_owned(), secret + "\n"));
            "access-key = { file = \"secrets/aws-access-key-id\" }\n\
             secret-key = { file = \"secrets/aws-secret-access-key\" }\n"
        }
        (Some("secret_access_key"), ..) => {
            let problem = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set";
            migration.problem(problem);
            ""
        }
        _ => {
            let problem = format!("{NAME} is neither secret_access_key nor ecs_role");
            migration.problem(problem);
            ""
        }
    }
}

/// The users with their passwords as they were encoded.
fn users(migration: &mut Migration<'_>) {
    const NAME: &str = "FTP_USERS";
    const FIELDS: [&str; 3] = ["LOGIN", "PASSWORD_HASHED", "PASSWORD_SALT"];
    let mut users = BTreeMap::new();
    for (number, fields) in migration.variables.take_list(NAME, FIELDS) {
        let [Some(login), Some(hash), Some(salt)] = fields else {
            let fields = FIELDS.join(", ");
            let problem = format!("{NAME}__{number}: of {fields} one is not set");
            migration.problem(problem);
            continue;
        };
        if salt.contains('$') {
            let name = format!("{NAME}__{number}__PASSWORD_SALT");
            migration.written.note(
                &name,
                "it holds a `$`, so that the password cannot be carried over: give the user \
                 one from `wharf hash-password`",
            );
            continue;
        }
        match users.entry(login) {
            Entry::Vacant(place) => {
                place.insert(format!("$aioftps3${salt}${hash}"));
            }
            // Which of the passwords is meant, nobody can tell from here.
            Entry::Occupied(place) => migration.problem(format!(
                "{NAME}__{number}__LOGIN: there is another {} before it",
                place.key()
            )),
        }
    }
    if users.is_empty() && migration.is_sound() {
        migration.problem(format!("{NAME}__i__LOGIN: there is no user"));
    }
    let mut sidecar = "[config]\nsink = \"bucket\"\nroot = \"\"\n".to_owned();
    for (login, password) in users {
        let [login, password] = [login, password].map(|text| quote(&text));
        let user = format!("\n[config.users.{login}]\npassword = {password}\n");
        sidecar.push_str(&user);
    }
    migration
        .written
        .plugin("10-static-users", "static-users", sidecar);
}

/// Its lockout, and limits on addresses that do not take a balancer for one client.
fn limits(networks: &[(IpNet, AdvertisedAddress)]) -> String {
    let balancers: Vec<String> = networks
        .iter()
        .filter(|(network, _)| network.prefix_len() > 0)
        .map(|(network, _)| quote(&network.to_string()))
        .collect();
    let mut text =
        "[limits]\nlockout = { count = 6, window = \"24h\", duration = \"30m\" }\n".to_owned();
    if !balancers.is_empty() {
        let balancers = balancers.join(", ");
        text += "connections-per-address = 10000      # an address stands for many clients\n";
        text += &format!("failed-logins = {{ exempt = [{balancers}] }}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_users_of_one_name_are_a_problem() {
        let user = |number: u32, login: &str| {
            format!(
                "FTP_USERS__{number}__LOGIN={login}\n\
                 FTP_USERS__{number}__PASSWORD_HASHED=hash\n\
                 FTP_USERS__{number}__PASSWORD_SALT=salt\n"
            )
        };
        let told = "a.env:4: FTP_USERS__7__LOGIN: there is another ann before it".to_owned();
        for (second, expected) in [("bob", vec![]), ("Ann", vec![]), ("ann", vec![told])] {
            let text = user(1, "ann") + &user(7, second);
            let mut variables = Variables::parse("a.env", &text).unwrap();
            let mut migration = Migration::new(&mut variables);
            users(&mut migration);
            let problems = migration.end().err().unwrap_or_default();
            assert_eq!(problems, expected, "{second}");
        }
    }
}
