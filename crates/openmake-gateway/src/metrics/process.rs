//! What the system says of this process. Only Linux says it in files.

/// The kernel counts processors' time for programs in hundredths of a second
/// on every architecture that we build for.
const TICKS_A_SECOND: f64 = 100.0;

/// What it takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Process {
    /// Memory that it has now.
    pub(super) memory_bytes: Option<i64>,
    /// Processors' time since its start.
    pub(super) cpu_seconds: Option<f64>,
}

/// Asks the system. The files are made up by the kernel in memory: reading
/// them waits for no disk.
pub(super) fn read() -> Process {
    let file = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    Process {
        memory_bytes: file("status").and_then(|text| memory(&text)),
        cpu_seconds: file("stat").and_then(|text| processor_time(&text)),
    }
}

fn memory(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

fn processor_time(stat: &str) -> Option<f64> {
    // The name, in parentheses, may have any character in it.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some((user + system) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let status = "Name:\topenmake\nVmPeak:\t  900 kB\nVmRSS:\t   2048 kB\nThreads:\t4\n";
        assert_eq!(memory(status), Some(2_097_152));
        let stat = "17 (open) make) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 1 2 3";
        assert_eq!(processor_time(stat), Some(3.0));
        assert_eq!(memory(""), None);
        assert_eq!(processor_time("17 (x) S 1"), None);
    }
}
