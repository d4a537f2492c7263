//! Virtual warehouses: threads, memory and spill space of their own, admission
//! and metering.
//!
//! ```
//! use std::sync::Arc;
//! use icecore_types::{ByteSize, SystemTimer};
//! use icecore_warehouse::{Warehouse, WarehouseSettings};
//!
//! let settings =
//!     WarehouseSettings { threads: 1, memory: ByteSize::mib(256), ..WarehouseSettings::default() };
//! let warehouse = Warehouse::start(settings, Arc::new(SystemTimer::default()))?;
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let permit = warehouse.admit().await;
//! let answer = warehouse.handle().spawn(async { 6 * 7 }).await;
//! assert_eq!(answer.ok(), Some(42));
//! drop(permit);
//! # });
//! assert_eq!(warehouse.statistics().admitted, 1);
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod admission;
mod settings;
mod spill;
mod warehouse;

pub use admission::{Permit, WarehouseStatistics};
pub use settings::WarehouseSettings;
pub use warehouse::Warehouse;
