//! What a warehouse is made with.

use std::path::PathBuf;

use icecore_types::{ByteSize, Code, Error, Name, Result};
use serde::{Deserialize, Serialize};

/// The size and the limits of a warehouse.
///
/// ```
/// use icecore_warehouse::WarehouseSettings;
/// let settings = WarehouseSettings::default();
/// assert_eq!(settings.name.as_str(), "DEFAULT");
/// assert_eq!(settings.concurrency, 8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseSettings {
    /// Its name: `DEFAULT` for the one that is there without being made.
    pub name: Name,
    /// Threads that run its statements, at least 1; default: as many as the
    /// machine runs at once. More give one statement more of the machine, and
    /// leave less to other warehouses.
    pub threads: usize,
    /// Memory that all its statements share; default 1 GiB. More lets sorts,
    /// joins and aggregations finish without spilling; a statement that needs
    /// more and cannot spill ends with `ResourcesExhausted`.
    pub memory: ByteSize,
    /// The folder that holds its spill folder, made if it is absent; default:
    /// the system's temporary folder.
    pub spill_root: PathBuf,
    /// The stack of each thread; default 8 MiB. More lets deeper expressions
    /// be planned; it is only used as far as it is needed.
    pub stack: ByteSize,
    /// Statements that run at once, at least 1; default 8. Others wait in the
    /// order in which they came.
    pub concurrency: usize,
}

impl Default for WarehouseSettings {
    fn default() -> Self {
        Self {
            name: Name::quoted("DEFAULT"),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: ByteSize::gib(1),
            spill_root: std::env::temp_dir(),
            stack: ByteSize::mib(8),
            concurrency: 8,
        }
    }
}

impl WarehouseSettings {
    pub(crate) fn check(&self) -> Result<()> {
        let limits = [
            ("threads", self.threads as u64, 1, 1024),
            ("memory", self.memory.get(), 1 << 20, u64::MAX),
            ("stack", self.stack.get(), 1 << 20, 1 << 30),
            ("concurrency", self.concurrency as u64, 1, 100_000),
        ];
        match limits.iter().find(|(_, value, least, most)| value < least || value > most) {
            None => Ok(()),
            Some((setting, value, least, most)) => {
                let message =
                    format!("a warehouse cannot be made warehouse={} {setting}={value}", self.name);
                Err(Error::new(Code::INVALID_OPTION, message)
                    .with_help(format!("{setting} is from {least} to {most}")))
            }
        }
    }
}
