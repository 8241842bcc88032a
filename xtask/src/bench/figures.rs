//! What is measured, and what it may cost.

/// Bytes of a big file. Three of them are uploaded at a time.
pub const BIG: &str = "1073741824";

/// Bytes of a small file.
pub const SMALL: &str = "4096";

/// Files in the directory that is listed.
pub const LIST_ENTRIES: u32 = 10_000;

/// A workload.
pub struct Measure {
    /// Shown in the table.
    pub name: &'static str,
    /// The arguments of `ftpload` against the host, with a space between them.
    pub load: &'static str,
    /// Whether that is over TLS 1.3, explicit with the host and implicit with the floor.
    pub tls: bool,
    /// The server that does only what cannot be spared.
    pub floor: Option<Floor>,
    /// What is told of it.
    pub figures: &'static [Figure],
}

/// A mode of the floor server.
pub struct Floor {
    /// Its name.
    pub mode: &'static str,
    /// The file that it sends, or whose name those begin with that it receives.
    pub file: &'static str,
    /// The arguments of `ftpload`.
    pub load: &'static str,
}

/// A number that `ftpload` reports.
pub struct Figure {
    /// Its name in the report.
    pub field: &'static str,
    /// What it is multiplied by.
    pub scale: f64,
    /// What it is then measured in.
    pub unit: &'static str,
    /// The most that it may be: times the floor, where there is one.
    pub target: Option<f64>,
}

/// A figure as it is reported.
pub const fn figure(field: &'static str, unit: &'static str, target: Option<f64>) -> Figure {
    Figure {
        field,
        scale: 1.0,
        unit,
        target,
    }
}

const BULK: &[Figure] = &[figure(
    "server_cpu_s_per_gib",
    "s of CPU per GiB",
    Some(1.3),
)];

const LISTING: &[Figure] = &[Figure {
    field: "server_cpu_us_per_op",
    scale: 1e-3,
    unit: "ms of CPU",
    target: Some(20.0),
}];

/// A transfer that waits for a delayed acknowledgement takes 40 ms.
const SMALL_FILES: &[Figure] = &[
    figure("server_cpu_us_per_op", "us of CPU", None),
    figure("p50_ms", "ms, median", None),
    figure("p99_ms", "ms, 99 of 100", Some(40.0)),
];

const LOGINS: &[Figure] = &[
    figure("per_second", "a second", None),
    figure("server_cpu_us_per_op", "us of CPU", None),
];

const IDLE: &[Figure] = &[figure("pss_kib_per_session", "KiB of memory", Some(40.0))];

/// Everything, in the order of the table.
pub const MEASURES: &[Measure] = &[
    Measure {
        name: "RETR 1 GiB",
        load: "retr --size 1073741824 --count 3 --path big",
        tls: false,
        floor: Some(Floor {
            mode: "sendfile",
            file: "big",
            load: "raw --size 1073741824 --count 3",
        }),
        figures: BULK,
    },
    Measure {
        name: "STOR 1 GiB",
        load: "stor --size 1073741824 --count 3 --path up-{i} --files 3",
        tls: false,
        floor: Some(Floor {
            mode: "recv",
            file: "up",
            load: "raw --up --size 1073741824 --count 3",
        }),
        figures: BULK,
    },
    Measure {
        name: "RETR 1 GiB, TLS",
        load: "retr --size 1073741824 --count 3 --path big",
        tls: true,
        floor: Some(Floor {
            mode: "tls-send",
            file: "big",
            load: "raw --size 1073741824 --count 3",
        }),
        figures: BULK,
    },
    Measure {
        name: "STOR 1 GiB, TLS",
        load: "stor --size 1073741824 --count 3 --path up-{i} --files 3",
        tls: true,
        floor: Some(Floor {
            mode: "tls-recv",
            file: "up",
            load: "raw --up --size 1073741824 --count 3",
        }),
        figures: BULK,
    },
    Measure {
        name: "LIST 10,000",
        load: "list --command LIST --path list --entries 10000",
        tls: false,
        floor: None,
        figures: LISTING,
    },
    Measure {
        name: "MLSD 10,000",
        load: "list --command MLSD --path list --entries 10000",
        tls: false,
        floor: None,
        figures: LISTING,
    },
    Measure {
        name: "RETR 4 KiB",
        load: "retr --size 4096 --clients 8 --secs 4 --path small",
        tls: false,
        floor: None,
        figures: SMALL_FILES,
    },
    Measure {
        name: "STOR 4 KiB",
        load: "stor --size 4096 --clients 8 --secs 4 --path up-{c}",
        tls: false,
        floor: None,
        figures: SMALL_FILES,
    },
    Measure {
        name: "RETR 4 KiB, TLS",
        load: "retr --size 4096 --clients 8 --secs 4 --path small",
        tls: true,
        floor: None,
        figures: SMALL_FILES,
    },
    Measure {
        name: "STOR 4 KiB, TLS",
        load: "stor --size 4096 --clients 8 --secs 4 --path up-{c}",
        tls: true,
        floor: None,
        figures: SMALL_FILES,
    },
    Measure {
        name: "idle session",
        load: "idle --sessions 500",
        tls: false,
        floor: None,
        figures: IDLE,
    },
    Measure {
        name: "idle session, TLS",
        load: "idle --sessions 500",
        tls: true,
        floor: None,
        figures: IDLE,
    },
    Measure {
        name: "login",
        load: "login --secs 3",
        tls: false,
        floor: None,
        figures: LOGINS,
    },
];
