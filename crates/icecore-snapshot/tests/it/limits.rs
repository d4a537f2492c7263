//! A real disk that takes no more, in a process of its own: a limit on the
//! length of a file fails a write in its middle, as a full disk does.

use std::process::Command;
use std::time::Duration;

use icecore_snapshot::{Durability, OpenOptions, Update, open_store};
use icecore_testkit::TestEnv;
use icecore_types::{Env, ErrorKind, SegmentLocation, SystemTimer};
use std::sync::Arc;

use crate::lab::{Lab, TABLE};

/// Set, in the process with the limit, to the folder of the store.
const FOLDER: &str = "ICECORE_LIMITED_FOLDER";
const NAME: &str = "limits::a_write_that_the_disk_does_not_take_is_an_error_and_nothing_is_lost";

async fn open(folder: &str, seed: u64) -> Lab {
    let store = open_store(folder, Durability::Full).unwrap();
    let world = TestEnv::new(store, seed).env;
    let env = Env { timer: Arc::new(SystemTimer::default()), ..world };
    // Long enough for a slow disk, for the one commit that never succeeds.
    let commit_deadline = Duration::from_secs(3);
    Lab::with(env, OpenOptions { commit_deadline, ..OpenOptions::default() }).await.unwrap()
}

fn large(lab: &Lab) -> Update {
    let mut segment = lab.segment(TABLE, 1000);
    segment.location = SegmentLocation::Inline { bytes: vec![7; 400_000].into() };
    Update::Append { table: TABLE, segments: vec![segment] }
}

/// Under the limit: a small commit, one that does not fit, and after it.
async fn limited(folder: &str) {
    let lab = open(folder, 1).await;
    lab.furnish().await;
    lab.append(TABLE, 3).await;
    let error = lab.try_run(large(&lab)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitOutcomeUnknown, "{error}");
    assert_eq!(lab.rows(TABLE), 3, "nothing of it is visible");
    let small = Update::Append { table: TABLE, segments: vec![lab.segment(TABLE, 1)] };
    let error = lab.try_run(small).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // Opened again, what fits is written.
    let again = open(folder, 2).await;
    assert_eq!(again.rows(TABLE), 3);
    again.append(TABLE, 4).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_the_disk_does_not_take_is_an_error_and_nothing_is_lost() {
    if let Ok(folder) = std::env::var(FOLDER) {
        limited(&folder).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("lake");
    // Without the signal that comes with it the limit is an error of the write.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" --exact \"$1\" --nocapture";
    let run = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(NAME)
        .env(FOLDER, &store)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let lab = open(store.to_str().unwrap(), 3).await;
    assert_eq!(lab.rows(TABLE), 7);
    lab.run(large(&lab)).await;
    assert_eq!(open(store.to_str().unwrap(), 4).await.rows(TABLE), 1007);
}
