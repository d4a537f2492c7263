//! A runtime of its own, with its memory, its spill folder and its queue.

use std::path::Path;
use std::sync::Arc;

use icecore_types::{ByteSize, Code, Error, Name, Result, Timer};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::admission::Admission;
use crate::spill::SpillFolder;
use crate::{Permit, WarehouseSettings, WarehouseStatistics};

/// A warehouse that runs. Dropping it stops its threads without waiting for
/// them and removes what it spilled; it may be dropped anywhere.
///
/// It does not know what it runs: the memory limit is for whoever plans to
/// keep, and a permit for whoever runs to take.
///
/// ```
/// use std::sync::Arc;
/// use icecore_types::SystemTimer;
/// use icecore_warehouse::{Warehouse, WarehouseSettings};
///
/// let settings = WarehouseSettings { threads: 1, ..WarehouseSettings::default() };
/// let warehouse = Warehouse::start(settings, Arc::new(SystemTimer::default()))?;
/// let folder = warehouse.spill_folder().to_owned();
/// assert!(folder.is_dir());
/// drop(warehouse);
/// assert!(!folder.exists());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Debug)]
pub struct Warehouse {
    settings: WarehouseSettings,
    admission: Admission,
    handle: Handle,
    /// Gone only while it is dropped.
    runtime: Option<Runtime>,
    // After the runtime: its threads are told to stop before their files go.
    spill: SpillFolder,
}

impl Warehouse {
    /// Starts the threads and makes the spill folder. `timer` tells for how
    /// long statements run.
    ///
    /// # Errors
    /// `InvalidInput` for settings out of their limits, `ResourcesExhausted`
    /// if threads or spill folder cannot be made.
    pub fn start(settings: WarehouseSettings, timer: Arc<dyn Timer>) -> Result<Self> {
        settings.check()?;
        let spill = SpillFolder::make(&settings.spill_root)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(settings.threads)
            .thread_name(format!("icecore-{}", settings.name.as_str()))
            .thread_stack_size(settings.stack.as_usize())
            .enable_all()
            .build()
            .map_err(|source| {
                let message = format!("a warehouse cannot be started warehouse={}", settings.name);
                Error::new(Code::RESOURCES_EXHAUSTED, message).with_source(source)
            })?;
        let handle = runtime.handle().clone();
        let admission = Admission::new(settings.concurrency, timer);
        Ok(Self { settings, admission, handle, runtime: Some(runtime), spill })
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.settings.name
    }

    /// What it was made with.
    pub fn settings(&self) -> &WarehouseSettings {
        &self.settings
    }

    /// Runs what is spawned on it on the warehouse's threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Threads that run statements.
    pub fn threads(&self) -> usize {
        self.settings.threads
    }

    /// Memory that its statements share.
    pub fn memory(&self) -> ByteSize {
        self.settings.memory
    }

    /// The folder that only it writes, there for as long as it runs.
    pub fn spill_folder(&self) -> &Path {
        self.spill.path()
    }

    /// Waits until one more statement may run, in the order of asking. The
    /// future does not borrow the warehouse; dropping it gives the place up.
    pub fn admit(&self) -> impl Future<Output = Permit> + Send + 'static {
        self.admission.admit()
    }

    /// What it has done and is doing.
    pub fn statistics(&self) -> WarehouseStatistics {
        self.admission.statistics()
    }
}

impl Drop for Warehouse {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for the threads is not allowed inside another runtime.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use icecore_types::{ErrorKind, SystemTimer};

    use super::*;

    fn start(root: &Path, threads: usize) -> Result<Warehouse> {
        let spill_root = root.to_owned();
        let settings = WarehouseSettings { threads, spill_root, ..WarehouseSettings::default() };
        Warehouse::start(settings, Arc::new(SystemTimer::default()))
    }

    #[test]
    fn work_runs_on_its_own_threads_with_its_own_stack() {
        let root = tempfile::tempdir().unwrap();
        let settings = WarehouseSettings {
            stack: ByteSize::mib(64),
            spill_root: root.path().to_owned(),
            ..WarehouseSettings::default()
        };
        let warehouse = Warehouse::start(settings, Arc::new(SystemTimer::default())).unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        warehouse.handle().spawn(async move {
            let name = std::thread::current().name().map(str::to_owned);
            send.send((name, deep(16 * 1024))).unwrap();
        });
        let (name, depth) = receive.recv().unwrap();
        assert_eq!((name.as_deref(), depth), (Some("icecore-DEFAULT"), 16 * 1024));
    }

    /// Takes at least 1 KiB of stack for each level.
    fn deep(levels: usize) -> usize {
        let frame = std::hint::black_box([1_u8; 1024]);
        match levels {
            0 => 0,
            _ => deep(levels - 1) + usize::from(frame[levels % 1024]),
        }
    }

    #[tokio::test]
    async fn it_may_be_dropped_inside_a_runtime_while_it_works() {
        let root = tempfile::tempdir().unwrap();
        let warehouse = start(root.path(), 1).unwrap();
        let never = warehouse.handle().spawn(std::future::pending::<()>());
        let permit = warehouse.admit().await;
        let folder = warehouse.spill_folder().to_owned();
        drop(warehouse);
        assert!(never.await.unwrap_err().is_cancelled());
        assert!(!folder.exists());
        drop(permit);
    }

    #[test]
    fn two_warehouses_share_nothing_but_the_root() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (start(root.path(), 1).unwrap(), start(root.path(), 1).unwrap());
        assert_ne!(a.spill_folder(), b.spill_folder());
        let (send, receive) = std::sync::mpsc::channel();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let spinning = Arc::clone(&stop);
        a.handle().spawn(async move {
            while !spinning.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        b.handle().spawn(async move { send.send(()).unwrap() });
        receive.recv().unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    #[test]
    fn settings_out_of_their_limits_are_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let spill_root = root.path().to_owned();
        let good = WarehouseSettings { spill_root, ..WarehouseSettings::default() };
        for (settings, names) in [
            (WarehouseSettings { threads: 0, ..good.clone() }, "threads"),
            (WarehouseSettings { memory: ByteSize::bytes(1), ..good.clone() }, "memory"),
            (WarehouseSettings { stack: ByteSize::kib(1), ..good.clone() }, "stack"),
            (WarehouseSettings { concurrency: 0, ..good.clone() }, "concurrency"),
        ] {
            let error = Warehouse::start(settings, Arc::new(SystemTimer::default())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(names), "{error}");
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
