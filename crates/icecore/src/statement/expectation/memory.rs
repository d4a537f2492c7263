//! The memory of keys.

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use icecore_exec::from_datafusion;
use icecore_processed::KeyMemory;
use icecore_types::{Code, Error, Result};

use crate::statement::Planning;

/// Memory of the warehouse that a judge's keys take; free again when the judge
/// is gone.
#[derive(Debug)]
pub(super) struct WarehouseMemory(MemoryReservation);

impl WarehouseMemory {
    pub(super) fn new(planning: &Planning) -> Self {
        let pool = &planning.state.runtime_env().memory_pool;
        Self(MemoryConsumer::new("keys of expectations").register(pool))
    }
}

impl KeyMemory for WarehouseMemory {
    fn take(&self, bytes: usize) -> Result<()> {
        self.0.try_grow(bytes).map_err(|error| {
            let message = "the keys of UNIQUE and REFERENCES do not fit in the warehouse's memory";
            Error::new(Code::OUT_OF_MEMORY, message)
                .with_source(from_datafusion(error))
                .with_help("give the warehouse more memory, or drop the expectation")
        })
    }

    fn give_back(&self, bytes: usize) {
        self.0.shrink(bytes);
    }
}
