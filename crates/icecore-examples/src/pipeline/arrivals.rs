//! The day: what the producer drops into the bucket, and what the bucket says.

use icecore::{Code, Error, FileEvent, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::data::Data;
use crate::notebook::Notebook;

/// What the bucket is called where files are named by their URL.
const BUCKET: &str = "memory://drops";
/// A second file of flights in July, written by hand: five that the month's
/// file has already, three that land before they start, two that start at a
/// time that no clock shows, and one from nowhere.
pub(super) const BY_HAND: &str = "flights_2013-07_by_hand.csv";
const BY_HAND_ROWS: &str = include_str!("by_hand.csv");
/// Which of its rows break which expectation.
pub(super) const BY_HAND_BROKEN: [(&str, i64); 4] =
    [("AIR_TIME", 3), ("DEPARTURE", 2), ("ONCE", 5), ("ORIGIN", 1)];

/// Something that happens to a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    /// It lands, and the bucket says so once, twice or not at all.
    Lands { told: u32 },
    /// Half of it lands.
    Breaks,
    /// All of it lands where half of it was.
    Mended,
    /// The bucket says again what it said hours ago.
    ToldAgain,
}

/// In minutes of the day; 0 is the file that was written by hand.
type Happening = (u32, u32, Event);

const MORNING: [Happening; 8] = [
    (6 * 60 + 3, 1, Event::Lands { told: 1 }),
    (7 * 60 + 8, 2, Event::Lands { told: 2 }),
    (8 * 60 + 1, 3, Event::Lands { told: 1 }),
    (9 * 60 + 4, 4, Event::Lands { told: 0 }),
    (10 * 60 + 6, 5, Event::Lands { told: 1 }),
    (11 * 60 + 2, 7, Event::Lands { told: 1 }),
    (12 * 60 + 7, 8, Event::Lands { told: 1 }),
    (12 * 60 + 15, 2, Event::ToldAgain),
];
const BROKEN: [Happening; 1] = [(13 * 60 + 5, 9, Event::Breaks)];
const REST: [Happening; 7] = [
    (13 * 60 + 41, 9, Event::Mended),
    (14 * 60 + 3, 10, Event::Lands { told: 1 }),
    (15 * 60 + 8, 11, Event::Lands { told: 2 }),
    (15 * 60 + 12, 7, Event::ToldAgain),
    (16 * 60 + 5, 12, Event::Lands { told: 1 }),
    (17 * 60 + 2, 0, Event::Lands { told: 1 }),
    (18 * 60 + 4, 6, Event::Lands { told: 1 }),
];

/// A file as its producer knows it.
pub(super) struct Arrival {
    pub(super) file: String,
    /// When it landed, in minutes of the day; twice if it was mended.
    pub(super) landed: Vec<u32>,
    /// How often the bucket said so.
    pub(super) told: u32,
}

/// The whole day, and the files in the order in which they landed first.
pub(super) async fn run(notebook: &mut Notebook, data: &Data) -> Result<Vec<Arrival>> {
    let mut arrivals = Vec::new();
    notebook.heading("The morning");
    notebook.say(
        "A file an hour. The bucket tells of each as S3 does: usually once, sometimes twice, \
         sometimes hours later once more, and now and then not at all. The pipe loads every file \
         once; one that it was not told of it finds when it looks.",
    );
    happen(notebook, data, &MORNING, &mut arrivals).await?;
    let rows = notebook
        .show(
            "SELECT month, COUNT(*) AS flights FROM processed.flights GROUP BY month ORDER BY month",
        )
        .await?;
    notebook.check("months by noon", rows.len(), 7)?;
    broken(notebook, data, &mut arrivals).await?;
    notebook.heading("The rest of the day");
    notebook.say(
        "The producer sends September again under its name. In the evening somebody adds flights \
         to July by hand, and June, which everybody had forgotten, comes last.",
    );
    happen(notebook, data, &REST, &mut arrivals).await?;
    let status = notebook.show("SELECT SYSTEM$PIPE_STATUS('raw.monthly') AS status").await?;
    let idle =
        |status: &str| status.contains("\"executionState\":\"RUNNING\",\"pendingFileCount\":0,");
    let idle = status[0][0].as_deref().is_some_and(idle);
    notebook.check("the pipe runs and has nothing left to load", idle, true)?;
    let told: u32 = arrivals.iter().map(|arrival| arrival.told).sum();
    notebook.check("notifications", told, 17)?;
    notebook.check("files", arrivals.len(), 13)?;
    Ok(arrivals)
}

async fn broken(notebook: &mut Notebook, data: &Data, arrivals: &mut Vec<Arrival>) -> Result<()> {
    notebook.heading("A broken file");
    notebook.say("The connection breaks while September is sent: half of a gzipped file lands.");
    let before = notebook.number("SELECT COUNT(*) FROM processed.flights").await?;
    happen(notebook, data, &BROKEN, arrivals).await?;
    let after = notebook.number("SELECT COUNT(*) FROM processed.flights").await?;
    let failed = notebook
        .show(
            "SELECT file_name, status, row_parsed, row_count, first_error_message\n\
             FROM TABLE(nyc.information_schema.copy_history(\n  \
             TABLE_NAME => 'processed.flights', START_TIME => '2014-01-01'::TIMESTAMP_LTZ))\n\
             WHERE status = 'Load failed'",
        )
        .await?;
    notebook.check("files that could not be loaded", failed.len(), 1)?;
    let why = failed[0][4].as_deref().unwrap_or_default();
    notebook.check("it says why", why.contains("gzip data ends too early"), true)?;
    notebook.check("rows that came of it", after - before, 0)
}

async fn happen(
    notebook: &mut Notebook,
    data: &Data,
    happenings: &[Happening],
    arrivals: &mut Vec<Arrival>,
) -> Result<()> {
    let mut log = Vec::new();
    for (minute, month, event) in happenings {
        notebook.until(*minute).await?;
        let file = match month {
            0 => BY_HAND.to_owned(),
            month => format!("flights_2013-{month:02}.csv.gz"),
        };
        let content = match month {
            0 => BY_HAND_ROWS.as_bytes().to_vec(),
            _ => data.bytes(&file)?,
        };
        let (what, told) = play(notebook, &file, content, *event).await?;
        log.push(format!("{:02}:{:02} `{file}` {what}", minute / 60, minute % 60));
        note(arrivals, file, *minute, (*event, told));
        if told > 0 {
            // A notification wakes the engine.
            notebook.until(minute + 1).await?;
        }
    }
    notebook.log(log);
    Ok(())
}

/// Does to the bucket what happens, and says how often it tells of it.
async fn play(
    notebook: &Notebook,
    file: &str,
    mut content: Vec<u8>,
    event: Event,
) -> Result<(&'static str, u32)> {
    let (what, told) = match event {
        Event::Lands { told: 0 } => ("lands, and the bucket forgets to tell", 0),
        Event::Lands { told: 1 } => ("lands", 1),
        Event::Lands { told } => ("lands, and the bucket tells of it twice", told),
        Event::Breaks => ("breaks off in the middle", 1),
        Event::Mended => ("lands again, whole", 1),
        Event::ToldAgain => ("is told of once more", 1),
    };
    if event == Event::Breaks {
        content.truncate(content.len() / 2);
    }
    let size_bytes = content.len() as u64;
    if event != Event::ToldAgain {
        let bucket = notebook.lake().memory_bucket("drops");
        put(&*bucket, file, content).await?;
    }
    let location = format!("{BUCKET}/flights/{file}");
    let event = FileEvent { size_bytes: Some(size_bytes), ..FileEvent::new(location) };
    for _ in 0..told {
        notebook.lake().notify([event.clone()]).await?;
    }
    Ok((what, told))
}

/// As any other program writes into a bucket.
async fn put(bucket: &dyn ObjectStore, file: &str, content: Vec<u8>) -> Result<()> {
    let path = Path::from(format!("flights/{file}"));
    bucket.put(&path, content.into()).await.map(drop).map_err(|source| {
        Error::new(Code::STORE_UNAVAILABLE, format!("cannot write path={path}")).with_source(source)
    })
}

fn note(arrivals: &mut Vec<Arrival>, file: String, minute: u32, (event, told): (Event, u32)) {
    let lands = (event != Event::ToldAgain).then_some(minute);
    match arrivals.iter_mut().find(|arrival| arrival.file == file) {
        Some(arrival) => {
            arrival.landed.extend(lands);
            arrival.told += told;
        }
        None => arrivals.push(Arrival { file, landed: lands.into_iter().collect(), told }),
    }
}
