//! Measures the host with a bucket behind it that is far away, and `rclone` on the same way.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::figures::{Figure, figure};
use super::rclone::Rclone;
use super::site::{MEMORY, Sample, Server, Site, free_port};
use super::{median, shown};
use crate::project::Project;
use crate::s3_server::S3Server;
use crate::{program, wasm};

/// Milliseconds to the store and back.
const ROUND_TRIP: f64 = 30.0;
/// MiB a second that each connection to it moves.
const RATE: f64 = 20.0;
/// Where it is told where the store is, so that one configuration serves near and far.
const SINK: &str = r#"
[sink.archive]
kind = "s3"
bucket = "${WHARF_S3_BUCKET}"
endpoint = "${WHARF_S3_ENDPOINT}"
path-style = true
access-key = "${WHARF_S3_KEY}"
secret-key = "${WHARF_S3_SECRET}"
"#;

/// Something to measure.
struct Measure {
    name: &'static str,
    rounds: usize,
    /// Whether it takes so long, and so much room, that it is only done where its name is given.
    is_huge: bool,
    columns: &'static [Column],
    /// Gives a sample for each column.
    perform: fn(&Distance) -> Result<Vec<Sample>>,
}

/// What is told of it.
struct Column {
    unit: &'static str,
    target: Target,
}

enum Target {
    /// Times what `rclone` does.
    AtLeast(f64),
    AtMost(f64),
}

const fn column(unit: &'static str, target: Target) -> Column {
    Column { unit, target }
}

const SPEED: Figure = Figure {
    scale: 1e6 / 1_048_576.0,
    ..figure("mb_per_s", "MiB/s", None)
};
const GROWTH: Figure = figure("server_growth_mib", "MiB of memory", None);
const LATENCY: Figure = figure("p50_ms", "ms", None);

const MEASURES: &[Measure] = &[
    Measure {
        name: "STOR 512 MiB",
        rounds: 3,
        is_huge: false,
        columns: &[
            column("MiB/s", Target::AtLeast(0.9)),
            column("MiB of memory", Target::AtMost(160.0)),
        ],
        perform: |distance| {
            let load = "stor --size 536870912 --count 1 --path ftp";
            let host = distance.load(Place::Far, load, &[SPEED, GROWTH])?;
            let rclone = distance.rclone.up(&distance.source, SIZE)?;
            Ok(vec![beside(host[0], rclone), alone(host[1])])
        },
    },
    Measure {
        name: "RETR 512 MiB",
        rounds: 3,
        is_huge: false,
        columns: &[
            column("MiB/s", Target::AtLeast(0.9)),
            column("MiB of memory", Target::AtMost(96.0)),
        ],
        perform: |distance| {
            let load = "retr --size 536870912 --count 1 --path rclone";
            let host = distance.load(Place::Far, load, &[SPEED, GROWTH])?;
            let fetched = distance.site.folder().join("fetched");
            let rclone = distance.rclone.down(&fetched, SIZE)?;
            fs::remove_file(fetched)?;
            Ok(vec![beside(host[0], rclone), alone(host[1])])
        },
    },
    Measure {
        name: "STOR 4 KiB",
        rounds: 3,
        is_huge: false,
        columns: &[column("round trips to the store", Target::AtMost(1.2))],
        perform: |distance| {
            let load = "stor --size 4096 --count 40 --path small";
            let far = distance.load(Place::Far, load, &[LATENCY])?;
            let near = distance.load(Place::Near, load, &[LATENCY])?;
            Ok(vec![alone((far[0] - near[0]) / ROUND_TRIP)])
        },
    },
    Measure {
        name: "20 x STOR 256 MiB at a time",
        rounds: 1,
        is_huge: false,
        // The sink's `memory`.
        columns: &[column("MiB of memory", Target::AtMost(1024.0))],
        perform: |distance| {
            let load = "stor --clients 20 --size 268435456 --count 1 --path many-{c}";
            let growth = distance.load(Place::Far, load, &[GROWTH])?;
            Ok(vec![alone(growth[0])])
        },
    },
    Measure {
        name: "12 GiB",
        rounds: 1,
        is_huge: true,
        columns: &[
            column("up, MiB of memory", Target::AtMost(96.0)),
            column("down, MiB of memory", Target::AtMost(96.0)),
        ],
        perform: |distance| {
            let growth = |load| distance.load(Place::Near, load, &[GROWTH]);
            let up = growth("stor --size 12884901888 --count 1 --path huge")?;
            let down = growth("retr --size 12884901888 --count 1 --path huge")?;
            Ok(vec![alone(up[0]), alone(down[0])])
        },
    },
];

/// Bytes of the file that `rclone` moves, too.
const SIZE: u64 = 512 << 20;

fn beside(host: f64, rclone: f64) -> Sample {
    Sample {
        host,
        floor: Some(rclone),
    }
}

fn alone(host: f64) -> Sample {
    Sample { host, floor: None }
}

/// Measures what `filter` names a part of, or everything but what is huge, and prints a table.
///
/// # Errors
/// Something could not be measured. A target that is missed is no error.
pub fn run(project: &Project, filter: &str) -> Result<()> {
    let chosen = |measure: &&Measure| match filter {
        "" => !measure.is_huge,
        name => measure.name.contains(name),
    };
    let measures: Vec<_> = MEASURES.iter().filter(chosen).collect();
    ensure!(!measures.is_empty(), "nothing to measure is named {filter}");
    wasm::build(project, wasm::Route::find()?)?;
    let mut build = program::cargo(&project.root, ["build", "--release", "--locked"]);
    program::run(build.args(["--package", "wharf", "--package", "ftpload"]))?;
    let is_huge = measures.iter().any(|measure| measure.is_huge);
    let distance = Distance::prepare(project, is_huge)?;
    let mut samples: Vec<Vec<Vec<Sample>>> = measures.iter().map(|_| Vec::new()).collect();
    let rounds = measures.iter().map(|measure| measure.rounds).max();
    for round in 1..=rounds.unwrap_or(0) {
        for (measure, samples) in measures.iter().zip(&mut samples) {
            if round <= measure.rounds {
                println!("round {round} of {}: {}", measure.rounds, measure.name);
                samples.push((measure.perform)(&distance)?);
            }
        }
    }
    println!("\nmedians; {ROUND_TRIP} ms to the store and back, {RATE} MiB/s for a connection\n");
    println!(
        "{:<54} {:>9} {:>9} {:>7} {:>7}",
        "", "wharf", "rclone", "ratio", "target"
    );
    for (measure, samples) in measures.iter().zip(&samples) {
        for (index, column) in measure.columns.iter().enumerate() {
            let of_column: Vec<_> = samples.iter().map(|round| round[index]).collect();
            println!("{}", row(measure.name, column, &of_column));
        }
    }
    Ok(())
}

/// A line of the table.
fn row(name: &str, column: &Column, samples: &[Sample]) -> String {
    let host = median(samples.iter().map(|sample| sample.host));
    let of_rclone = |number: fn(f64, f64) -> f64| {
        let numbers = samples
            .iter()
            .filter_map(|sample| Some(number(sample.host, sample.floor?)));
        let numbers: Vec<_> = numbers.collect();
        (!numbers.is_empty()).then(|| median(numbers.into_iter()))
    };
    let rclone = of_rclone(|_, rclone| rclone);
    // Of each round by itself, since both then met the same machine.
    let ratio = of_rclone(|host, rclone| host / rclone);
    let judged = ratio.unwrap_or(host);
    let (target, is_met) = match column.target {
        Target::AtLeast(target) => (target, judged >= target),
        Target::AtMost(target) => (target, judged <= target),
    };
    format!(
        "{:<54} {:>9} {:>9} {:>7} {:>7} {}",
        format!("{name}, {}", column.unit),
        shown(Some(host)),
        shown(rclone),
        shown(ratio),
        shown(Some(target)),
        if is_met { "ok" } else { "missed" },
    )
}

/// Which way to the store the host takes.
#[derive(Clone, Copy)]
enum Place {
    Near,
    Far,
}

/// The store, the way to it, and who goes there.
struct Distance {
    site: Site,
    rclone: Rclone,
    source: PathBuf,
    far: String,
    _way: Server,
    store: S3Server,
}

impl Distance {
    fn prepare(project: &Project, is_huge: bool) -> Result<Self> {
        let site = Site::empty(project)?;
        site.edit(
            "wharf.toml",
            "\n[sink.local]",
            &format!("{SINK}\n[sink.local]"),
        )?;
        site.edit(
            "plugins/10-static-users.toml",
            "sink = \"local\"",
            "sink = \"archive\"",
        )?;
        let source = site.folder().join("source");
        site.generate(&SIZE.to_string(), &source)?;
        // What is huge fits on a disk only, and its speed is not measured.
        let parent = match is_huge {
            true => std::env::temp_dir(),
            false => Path::new(MEMORY).to_owned(),
        };
        let store = S3Server::start_in(&parent, project, &[])?;
        let port = free_port()?;
        let address = (Ipv4Addr::LOCALHOST, port);
        let mut delay = Command::new(site.program("delay"));
        delay
            .arg(format!("{}:{port}", address.0))
            .arg(store.address())
            .args(["--round-trip", &ROUND_TRIP.to_string()])
            .args(["--rate", &RATE.to_string()]);
        let way = Server::start(&mut delay, port)?;
        let far = format!("http://{}:{port}", address.0);
        let rclone = Rclone::install(project, &far)?;
        // What is downloaded.
        rclone.up(&source, SIZE)?;
        Ok(Self {
            rclone,
            site,
            source,
            far,
            _way: way,
            store,
        })
    }

    /// Loads a host that was started for it.
    fn load(&self, place: Place, load: &str, figures: &[Figure]) -> Result<Vec<f64>> {
        let host = self.site.host(|serve| match place {
            Place::Near => self.store.tell(serve),
            Place::Far => S3Server::tell_at(&self.far, serve),
        })?;
        // What a first upload allocates belongs to the host, and it may go on with its connection.
        let first = "stor --size 4096 --count 2 --path first";
        self.site.load(&host, "none", first, &[])?;
        let patient = format!("--timeout 1800 {load}");
        self.site.load(&host, "none", &patient, figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_medians_and_whether_they_hold() {
        let (fast, slow) = (Target::AtLeast(0.9), Target::AtMost(19.9));
        let beside = [(50.0, 100.0), (95.0, 100.0), (99.0, 100.0)];
        let beside = beside.map(|(host, rclone)| super::beside(host, rclone));
        let expected = "a, b 95.0 100 0.950 0.900 ok";
        assert_eq!(words(&row("a", &column("b", fast), &beside)), expected);
        let alone = [20.0, 1.0, 30.0].map(alone);
        let expected = "a, b 20.0 19.9 missed";
        assert_eq!(words(&row("a", &column("b", slow), &alone)), expected);
    }

    fn words(row: &str) -> String {
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
