//! Figures as people read them.

/// `bytes` with three digits and a unit.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// A time in milliseconds, in its two largest units.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A time in microseconds, where it was measured.
pub fn microseconds(microseconds: Option<f64>) -> String {
    match microseconds {
        None => "-".to_owned(),
        Some(time) if time < 1e3 => format!("{time:.0} µs"),
        Some(time) if time < 1e6 => format!("{:.1} ms", time / 1e3),
        Some(time) => format!("{:.1} s", time / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 * 1024 * 1024 / 2, "2.5 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        for (time, text) in [
            (999, "0s"),
            (61_000, "1m 1s"),
            (7_260_000, "2h 1m"),
            (90_000_000, "1d 1h"),
        ] {
            assert_eq!(duration(time), text);
        }
        for (time, text) in [
            (None, "-"),
            (Some(1.6), "2 µs"),
            (Some(1500.0), "1.5 ms"),
            (Some(2e6), "2.0 s"),
        ] {
            assert_eq!(microseconds(time), text);
        }
    }
}
