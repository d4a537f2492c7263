//! Which of a plan's streams belong to the same execution of it.
//!
//! A plan may be executed more than once, also at the same time, and its
//! partitions in any order. One execution hands the same `TaskContext` to all
//! its partitions, so a stream belongs to the execution that has its context
//! and in which its partition was not executed yet.

use std::fmt;
use std::sync::{Arc, Weak};

use datafusion_execution::TaskContext;
use parking_lot::Mutex;

pub(crate) struct Executions<T> {
    open: Mutex<Vec<Execution<T>>>,
}

struct Execution<T> {
    /// Weak, so that a context is not kept alive; its address cannot be used
    /// again as long as this is here.
    context: Weak<TaskContext>,
    joined: Vec<bool>,
    shared: Arc<T>,
}

impl<T> Executions<T> {
    /// What the streams of this execution share: made by the first of them.
    /// One for which `is_over` holds is joined no more.
    pub(crate) fn join(
        &self,
        context: &Arc<TaskContext>,
        (partition, partitions): (usize, usize),
        is_over: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut over = Vec::new();
        let mut open = self.open.lock();
        let mut kept = Vec::with_capacity(open.len() + 1);
        for execution in open.drain(..) {
            if execution.context.strong_count() == 0 || is_over(&execution.shared) {
                over.push(execution);
            } else {
                kept.push(execution);
            }
        }
        let found = kept.iter_mut().find(|execution| {
            Weak::as_ptr(&execution.context) == Arc::as_ptr(context)
                && execution.joined.get(partition) == Some(&false)
        });
        let shared = match found {
            Some(execution) => {
                if let Some(joined) = execution.joined.get_mut(partition) {
                    *joined = true;
                }
                Arc::clone(&execution.shared)
            }
            None => {
                let shared = Arc::new(make());
                kept.push(Execution {
                    context: Arc::downgrade(context),
                    joined: (0..partitions).map(|i| i == partition).collect(),
                    shared: Arc::clone(&shared),
                });
                shared
            }
        };
        // Whoever joined last keeps it: nobody else can ask for it.
        kept.retain(|execution| execution.joined.contains(&false));
        *open = kept;
        drop(open);
        // Their end may call foreign code, which must not find the lock taken.
        drop(over);
        shared
    }
}

impl<T> Default for Executions<T> {
    fn default() -> Self {
        Self { open: Mutex::default() }
    }
}

impl<T> fmt::Debug for Executions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executions").field("open", &self.open.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Arc<TaskContext> {
        Arc::new(TaskContext::default())
    }

    #[test]
    fn partitions_of_one_context_share_in_any_order() {
        let executions = Executions::<usize>::default();
        let (a, b) = (context(), context());
        let join = |context, partition, value| {
            *executions.join(context, (partition, 3), |_| false, || value)
        };
        assert_eq!(join(&a, 2, 1), 1);
        assert_eq!(join(&b, 0, 2), 2);
        assert_eq!(join(&b, 2, 3), 2);
        assert_eq!(join(&a, 0, 4), 1);
        assert_eq!(join(&a, 0, 5), 5, "a partition executed again begins an execution");
        assert_eq!(join(&a, 1, 6), 1);
        assert_eq!(join(&a, 1, 7), 5);
        assert_eq!(executions.open.lock().len(), 2, "what everybody joined is forgotten");
    }

    #[test]
    fn what_is_over_or_has_no_context_is_forgotten() {
        let executions = Executions::<usize>::default();
        let a = context();
        executions.join(&a, (0, 2), |_| false, || 1);
        assert_eq!(*executions.join(&a, (1, 2), |n| *n == 1, || 2), 2);
        drop(a);
        executions.join(&context(), (0, 2), |_| false, || 3);
        assert_eq!(executions.open.lock().len(), 1);
    }
}
