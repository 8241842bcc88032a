//! What the server under test uses: CPU time and memory of its process tree,
//! and of its control groups where it was put into some.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Probe {
    /// Root of the server's process tree, for CPU time and memory
    #[arg(long, global = true)]
    pub pid: Option<u32>,
    /// Control group directories of the server (cpuacct and memory of version
    /// 1, or one of version 2): CPU time to the nanosecond, kernel memory
    #[arg(long, global = true)]
    pub cgroup: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub processes: usize,
    pub rss: u64,
    pub pss: u64,
    /// User and kernel memory as the control group has it
    pub cgroup: Option<u64>,
}

impl Probe {
    fn cgroup_value(&self, file: &str) -> Option<String> {
        self.cgroup
            .iter()
            .find_map(|dir| fs::read_to_string(dir.join(file)).ok())
    }

    /// CPU seconds by the control group, exact to the nanosecond (version 1)
    /// or microsecond (version 2).
    pub fn cgroup_cpu(&self) -> Option<f64> {
        if let Some(ns) = self.cgroup_value("cpuacct.usage") {
            return ns.trim().parse::<f64>().ok().map(|ns| ns / 1e9);
        }
        let stat = self.cgroup_value("cpu.stat")?;
        let usec = stat
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "))?;
        usec.parse::<f64>().ok().map(|us| us / 1e6)
    }

    /// User and system seconds of the process tree, with those of children
    /// that ended and were waited for.
    pub fn tree_cpu(&self) -> Option<f64> {
        let hz = rustix::param::clock_ticks_per_second() as f64;
        let tree = tree(self.pid?);
        Some(tree.iter().map(|p| p.ticks).sum::<u64>() as f64 / hz)
    }

    /// Resident bytes of the root of the tree; from now on the most that it had is counted anew.
    pub fn watch_growth(&self) -> Option<u64> {
        let pid = self.pid?;
        // proc(5): 5 resets the peak, VmHWM.
        fs::write(format!("/proc/{pid}/clear_refs"), "5").ok()?;
        status(pid, "VmRSS:")
    }

    /// By how many bytes it was larger than `before` at its largest, since [`Self::watch_growth`].
    pub fn growth(&self, before: u64) -> Option<u64> {
        Some(status(self.pid?, "VmHWM:")?.saturating_sub(before))
    }

    pub fn memory(&self) -> Option<Memory> {
        let mut memory = Memory {
            cgroup: self
                .cgroup_value("memory.usage_in_bytes")
                .or_else(|| self.cgroup_value("memory.current"))
                .and_then(|s| s.trim().parse().ok()),
            ..Memory::default()
        };
        for process in tree(self.pid?) {
            let path = format!("/proc/{}/smaps_rollup", process.pid);
            let Ok(rollup) = fs::read_to_string(path) else {
                continue;
            };
            let field = |name: &str| -> u64 {
                let line = rollup.lines().find_map(|line| line.strip_prefix(name));
                let kib = line.and_then(|rest| rest.split_whitespace().next());
                kib.and_then(|kib| kib.parse().ok()).unwrap_or(0) * 1024
            };
            memory.processes += 1;
            memory.rss += field("Rss:");
            memory.pss += field("Pss:");
        }
        Some(memory)
    }
}

/// A field of a process's status that tells a size, in bytes.
fn status(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

struct Process {
    pid: u32,
    parent: u32,
    ticks: u64,
}

/// The process `root` and all its descendants that are alive.
fn tree(root: u32) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    let mut found = Vec::new();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in pids.filter_map(|e| e.file_name().to_str()?.parse().ok()) {
        match read_process(pid) {
            Some(process) if pid == root => found.push(process),
            Some(process) => children.entry(process.parent).or_default().push(process),
            None => {}
        }
    }
    let mut next = 0;
    while next < found.len() {
        found.extend(children.remove(&found[next].pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn read_process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold spaces; what follows it does not.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
    let number = |n: usize| fields.get(n)?.parse::<u64>().ok();
    let ticks = (11..15).filter_map(number).sum(); // utime, stime, cutime, cstime
    Some(Process {
        pid,
        parent: number(1)? as u32,
        ticks,
    })
}
