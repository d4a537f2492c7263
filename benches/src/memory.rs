//! The memory of this process, as Linux tells it.

use std::fs;

use crate::Outcome;

/// Bytes in memory now.
///
/// # Errors
/// Where there is no `/proc`.
pub fn resident_bytes() -> Outcome<u64> {
    field("VmRSS:")
}

/// The most bytes that were in memory since the start, or since
/// [`forget_peak`].
///
/// # Errors
/// Where there is no `/proc`.
pub fn peak_bytes() -> Outcome<u64> {
    field("VmHWM:")
}

/// Begins the peak anew from what is in memory now.
///
/// # Errors
/// Where there is no `/proc`, or it may not be written to.
pub fn forget_peak() -> Outcome {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

fn field(name: &str) -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = kib.ok_or_else(|| format!("/proc/self/status without {name}"))?.parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_remembered_until_it_is_forgotten() {
        // Far more than the tests take that run beside this one.
        let block = vec![1_u8; 256 << 20];
        let with_it = peak_bytes().unwrap();
        assert!(with_it >= block.len() as u64);
        drop(block);
        // The kernel sums up what each thread used only now and then.
        assert!(peak_bytes().unwrap() > with_it - (32 << 20));
        forget_peak().unwrap();
        assert!(peak_bytes().unwrap() < with_it - (128 << 20));
    }
}
