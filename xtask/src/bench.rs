//! Measures the host beside servers that do nothing but move bytes, and prints how they compare.

use anyhow::{Result, ensure};

use self::congestion::Congestion;
use self::figures::{Figure, MEASURES, Measure};
use self::site::{Sample, Site};
use crate::project::Project;
use crate::{program, wasm};

mod congestion;
mod figures;
mod rclone;
pub mod s3;
mod site;

/// How often everything is measured. Host and floor take turns, and the median counts, because
/// what else the machine does comes and goes.
const ROUNDS: usize = 3;

/// Measures what `filter` names a part of (everything, if it is empty) and prints a table.
///
/// # Errors
/// Something could not be measured. A target that is missed is no error.
pub fn run(project: &Project, filter: &str) -> Result<()> {
    let measures: Vec<_> = MEASURES
        .iter()
        .filter(|measure| measure.name.contains(filter))
        .collect();
    ensure!(!measures.is_empty(), "nothing to measure is named {filter}");
    wasm::build(project, wasm::Route::find()?)?;
    // Together, so that what they share is built once.
    let mut build = program::cargo(&project.root, ["build", "--release", "--locked"]);
    program::run(build.args(["--package", "wharf", "--package", "ftpload"]))?;
    let congestion = Congestion::reno();
    let site = Site::prepare(project)?;
    // For each measure the samples of each round, one per figure.
    let mut samples = vec![Vec::new(); measures.len()];
    for round in 1..=ROUNDS {
        for (measure, samples) in measures.iter().zip(&mut samples) {
            println!("round {round} of {ROUNDS}: {}", measure.name);
            samples.push(site.measure(measure)?);
        }
    }
    let congestion = congestion.current()?;
    println!("\nmedians of {ROUNDS} rounds; TCP with {congestion}\n");
    println!(
        "{:<44} {:>9} {:>9} {:>7} {:>7}",
        "", "wharf", "floor", "ratio", "target"
    );
    for (measure, samples) in measures.iter().zip(samples) {
        for (index, figure) in measure.figures.iter().enumerate() {
            let of_figure: Vec<_> = samples.iter().map(|round| round[index]).collect();
            println!("{}", row(measure, figure, &of_figure));
        }
    }
    Ok(())
}

/// Measures what a plugin costs the host.
///
/// # Errors
/// Something could not be measured. A target that is missed is no error.
pub fn plugins(project: &Project) -> Result<()> {
    wasm::build(project, wasm::Route::find()?)?;
    let bench = [
        "bench",
        "--locked",
        "--package",
        "wharf",
        "--bench",
        "plugins",
    ];
    program::run(&mut program::cargo(&project.root, bench))
}

/// A line of the table. What has a floor is held to a ratio, the rest to a value.
fn row(measure: &Measure, figure: &Figure, samples: &[Sample]) -> String {
    let host = median(samples.iter().map(|sample| sample.host));
    let of_floor = |number: fn(f64, f64) -> f64| {
        let pairs = samples
            .iter()
            .filter_map(|sample| Some((sample.host, sample.floor?)));
        let numbers = pairs.map(|(host, floor)| number(host, floor));
        measure.floor.as_ref().map(|_| median(numbers))
    };
    let floor = of_floor(|_, floor| floor);
    // Of each round by itself, since host and floor then met the same machine.
    let ratio = of_floor(|host, floor| host / floor);
    let judged = ratio.unwrap_or(host);
    let (target, verdict) = match figure.target {
        Some(target) if judged <= target => (Some(target), "ok"),
        Some(target) => (Some(target), "missed"),
        None => (None, ""),
    };
    format!(
        "{:<44} {:>9} {:>9} {:>7} {:>7} {verdict}",
        format!("{}, {}", measure.name, figure.unit),
        shown(Some(host)),
        shown(floor),
        shown(ratio),
        shown(target),
    )
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A number with three digits or more, nothing where there is none.
fn shown(number: Option<f64>) -> String {
    let Some(number) = number else {
        return String::new();
    };
    let places = match number {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{number:.places$}")
}

#[cfg(test)]
mod tests {
    use super::figures::Floor;
    use super::*;

    #[test]
    fn a_row_tells_medians_and_whether_they_hold() {
        let floor = || Floor {
            mode: "recv",
            file: "up",
            load: "raw",
        };
        for (floor, target, expected) in [
            (None, None, "a, us 20.0"),
            (None, Some(20.0), "a, us 20.0 20.0 ok"),
            (None, Some(19.9), "a, us 20.0 19.9 missed"),
            (Some(floor()), Some(1.3), "a, us 20.0 10.0 2.00 1.30 missed"),
            (Some(floor()), Some(2.0), "a, us 20.0 10.0 2.00 2.00 ok"),
        ] {
            let of_floor = [(1000.0, 500.0), (20.0, 10.0), (0.1, 0.01)];
            let samples = of_floor.map(|(host, of_floor)| Sample {
                host,
                floor: floor.as_ref().map(|_| of_floor),
            });
            let measure = Measure {
                name: "a",
                load: "",
                tls: false,
                floor,
                figures: &[],
            };
            let figure = Figure {
                field: "",
                scale: 1.0,
                unit: "us",
                target,
            };
            let row = row(&measure, &figure, &samples);
            assert_eq!(
                row.split_whitespace().collect::<Vec<_>>().join(" "),
                expected
            );
        }
    }
}
