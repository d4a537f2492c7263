//! The order of system calls of the real binary, as `strace` sees them: what is
//! acknowledged is on the disk, and nothing else of the machine is touched.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCRIPT: &str = "CREATE TABLE t (n INT, v VARCHAR); \
    INSERT INTO t VALUES (1, 'one'); \
    INSERT INTO t SELECT SEQ4(), MD5(SEQ4()::VARCHAR) FROM TABLE(GENERATOR(ROWCOUNT => 5000)); \
    DELETE FROM t WHERE n % 3 = 0; \
    SELECT COUNT(*) FROM t";

/// A call that came to its end: its name, its arguments and what it returned.
#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
    result: String,
}

impl Call {
    /// The paths that stand in quotes among the arguments.
    fn paths(&self) -> Vec<PathBuf> {
        self.arguments.split('"').skip(1).step_by(2).map(PathBuf::from).collect()
    }

    /// The path that `-y` prints behind the first descriptor.
    fn descriptor(&self) -> Option<PathBuf> {
        let (_, rest) = self.arguments.split_once('<')?;
        rest.split_once('>').map(|(path, _)| PathBuf::from(path))
    }

    fn succeeded(&self) -> bool {
        !self.result.starts_with('-') && !self.result.starts_with('?')
    }

    /// Whether it tells the caller of the shell something.
    fn answers(&self) -> bool {
        self.name == "write" && self.arguments.starts_with("1<")
    }
}

/// What the shell calls while it runs the script; none if there is no strace.
fn traced(folder: &Path, durability: &str) -> Option<Vec<Call>> {
    let trace = folder.join("trace");
    let spill = folder.join("spill");
    std::fs::create_dir(&spill).unwrap();
    let status = Command::new("strace")
        .args(["-f", "-y", "-s", "0", "-o"])
        .arg(&trace)
        .args(["-e", "trace=%file,%network,write,pwrite64,writev,fsync,fdatasync"])
        .arg(env!("CARGO_BIN_EXE_icecore"))
        .args(["--durability", durability, "--format", "json", "--store"])
        .arg(folder.join("store"))
        .args(["-c", SCRIPT])
        .env("TMPDIR", &spill)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    match status {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        status => assert!(status.unwrap().success()),
    }
    Some(calls(&std::fs::read_to_string(trace).unwrap()))
}

/// Calls in the order in which they ended; an answer where it began.
fn calls(trace: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        let text = if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            if !start.starts_with("write(1<") {
                begun.insert(thread, start.to_owned());
                continue;
            }
            format!("{start}) = 0")
        } else if let Some((_, end)) = rest.split_once(" resumed>") {
            let Some(start) = begun.remove(thread) else { continue };
            start + end
        } else {
            rest.to_owned()
        };
        let (Some((name, rest)), Some((_, result))) =
            (text.split_once('('), text.rsplit_once(" = "))
        else {
            continue;
        };
        let arguments = rest.rsplit_once(" = ").map_or(rest, |(arguments, _)| arguments);
        let (name, arguments, result) = (name.to_owned(), arguments.to_owned(), result.to_owned());
        calls.push(Call { name, arguments, result });
    }
    calls
}

/// What of the store must be durable before anybody relies on it: the log, all
/// that it names, and the folders on the way there. Journals are not.
fn matters(path: &Path) -> bool {
    const NAMED: [&str; 4] = ["log", "segment", "deletes", "manifest"];
    let below: Vec<_> = path.components().map(|part| part.as_os_str()).collect();
    let account = below.iter().position(|part| *part == "account");
    match account {
        Some(at) => below.get(at + 2).is_none_or(|part| NAMED.iter().any(|named| part == named)),
        None => path.ends_with("format.json"),
    }
}

/// What the order of calls leaves to luck.
#[derive(Default)]
struct Watch {
    synced: HashSet<PathBuf>,
    /// Names that were given in a folder that was not synced since.
    loose: BTreeSet<PathBuf>,
    complaints: Vec<String>,
    records: usize,
    segments: usize,
    answers: usize,
}

impl Watch {
    fn over(calls: &[Call]) -> Self {
        let mut watch = Self::default();
        calls.iter().filter(|call| call.succeeded()).for_each(|call| watch.see(call));
        watch
    }

    fn see(&mut self, call: &Call) {
        match call.name.as_str() {
            _ if call.answers() => {
                self.answers += 1;
                self.settled("an answer");
            }
            "write" | "pwrite64" | "writev" => {
                call.descriptor().map(|path| self.synced.remove(&path));
            }
            "fsync" | "fdatasync" => {
                let Some(path) = call.descriptor() else { return };
                self.loose.retain(|name| name.parent() != Some(&path));
                self.synced.insert(path);
            }
            "mkdir" | "mkdirat" => {
                self.loose.extend(call.paths().into_iter().filter(|path| matters(path)));
            }
            "link" | "linkat" | "rename" | "renameat" | "renameat2" => {
                if let [from, to] = call.paths().as_slice() {
                    self.name(from, to);
                }
            }
            _ => {}
        }
    }

    fn name(&mut self, from: &Path, to: &Path) {
        if !matters(to) {
            return;
        }
        if !self.synced.contains(from) {
            self.complaints.push(format!("named before its bytes were synced: {}", to.display()));
        }
        if to.extension().is_some_and(|extension| extension == "rec") {
            self.settled("a record");
            self.records += 1;
        } else if to.components().any(|part| part.as_os_str() == "segment") {
            self.segments += 1;
        }
        self.loose.insert(to.to_owned());
    }

    /// Whoever comes now relies on every name that was given.
    fn settled(&mut self, before: &str) {
        let complaint = |name: &PathBuf| format!("not durable before {before}: {}", name.display());
        self.complaints.extend(self.loose.iter().map(complaint));
    }
}

/// Opened so that something could change.
fn opened_for_writing(call: &Call) -> bool {
    let flags = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];
    call.name.starts_with("open") && flags.iter().any(|flag| call.arguments.contains(flag))
}

#[test]
fn what_is_answered_is_on_the_disk_and_nothing_else_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let Some(calls) = traced(&root, "full") else {
        eprintln!("not checked: there is no strace on this machine");
        return;
    };
    let watch = Watch::over(&calls);
    assert_eq!(watch.complaints, [""; 0]);
    assert!(watch.records >= 4, "one for each statement that changes: {}", watch.records);
    assert!(watch.segments >= 1 && watch.answers >= 5);

    let allowed = [root.as_path(), Path::new("/dev"), Path::new("/proc")];
    for call in calls.iter().filter(|call| call.succeeded()) {
        assert!(!call.name.starts_with("connect"), "no network: {call:?}");
        let inet = call.name == "socket" && call.arguments.contains("INET");
        assert!(!inet, "no network: {call:?}");
        if opened_for_writing(call) {
            let inside =
                call.paths().iter().all(|path| allowed.iter().any(|it| path.starts_with(it)));
            assert!(inside, "written outside of the store and the spill folder: {call:?}");
        }
    }
}

#[test]
fn without_syncing_the_order_is_found_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let Some(calls) = traced(&root, "os") else {
        eprintln!("not checked: there is no strace on this machine");
        return;
    };
    let watch = Watch::over(&calls);
    let complains = |of: &str| watch.complaints.iter().any(|complaint| complaint.contains(of));
    assert!(complains("named before its bytes were synced"));
    assert!(complains("not durable before an answer"));
    assert!(complains("not durable before a record"));
}
