//! Channels: opened, appended to, shown and dropped.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_governance::Verb;
use icecore_snapshot::{Object, Requirement, Update};
use icecore_sql::{Scope, Show};
use icecore_types::{
    Body, ChannelDefinition, Code, Error, Name, NameSpace, ObjectId, ObjectKind, QualifiedName,
    Result, SqlType,
};

use super::change::Change;
use super::request::AppendRows;
use super::show::{cut, selected, shown};
use super::{Planning, Write};
use crate::cells::{Cell, Columns};

const TEXT: SqlType = SqlType::TEXT;
const CHANNELS: Columns = &[
    ("created_on", SqlType::TimestampLtz),
    ("name", TEXT),
    ("table_name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("client_sequencer", SqlType::Integer),
    ("rows_inserted", SqlType::Integer),
    ("offset_token", TEXT),
    ("last_active_on", SqlType::TimestampLtz),
];

/// A channel that somebody wants to have for themselves.
pub(crate) struct OpenChannel {
    pub(crate) table: QualifiedName,
    pub(crate) name: Name,
}

/// Rows through a channel.
pub(crate) struct AppendChannel {
    pub(crate) table: QualifiedName,
    pub(crate) channel: ObjectId,
    pub(crate) name: Name,
    /// The opening that they come through.
    pub(crate) opened: u64,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    /// What the channel's token is from then on; as it was if there is none.
    pub(crate) offset_token: Option<String>,
}

impl Planning {
    /// Makes the channel, or takes it from whoever had it.
    pub(super) fn open_channel(&self, open: &OpenChannel) -> Result<Change> {
        let (table, _) = self.target(&open.table, Verb::Insert)?;
        let now = self.session.engine().now();
        let head = self.resolver.head();
        let message = format!("Channel {} successfully opened.", open.name);
        let space = NameSpace::Channel;
        if let Some(found) = head.lookup(Some(table.id()), space, &open.name) {
            let mut channel: ChannelDefinition = found.body().read()?;
            channel.opened += 1;
            channel.active = now;
            let update = Update::ReplaceBody { id: found.id(), body: Body::of(&channel)? };
            return Ok(Change::one(update, message).requires_unchanged(found.id()));
        }
        let channel = ChannelDefinition { opened: 1, offset_token: None, rows: 0, active: now };
        let update = Update::CreateObject {
            id: self.session.engine().next_object_id(),
            kind: ObjectKind::Channel,
            parent: Some(table.id()),
            name: open.name.clone(),
            owner: table.owner(),
            body: Body::of(&channel)?,
        };
        let (parent, name) = (Some(table.id()), open.name.clone());
        let mut change = Change::one(update, message);
        change.requirements.push(Requirement::NameFree { parent, space, name });
        Ok(change)
    }

    /// Rows and token in one transaction: replacing the body fails if anybody
    /// else replaced it since it was read here.
    pub(super) fn append_channel(&self, append: &AppendChannel) -> Result<Write> {
        let found = self.resolver.head().object(append.channel).filter(|it| it.is_live());
        let found = found.ok_or_else(|| lost(&append.name, "it was dropped"))?;
        let mut channel: ChannelDefinition = found.body().read()?;
        if channel.opened != append.opened {
            return Err(lost(&append.name, "somebody else has opened it since"));
        }
        let rows: u64 = append.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        channel.rows += rows;
        channel.active = self.session.engine().now();
        if append.offset_token.is_some() {
            channel.offset_token.clone_from(&append.offset_token);
        }
        let mut write = self.append(&AppendRows {
            table: append.table.clone(),
            schema: Arc::clone(&append.schema),
            batches: append.batches.clone(),
            text: String::new(),
        })?;
        if found.parent() != Some(write.table) {
            return Err(lost(&append.name, "its table is another now"));
        }
        write.before.push(Update::ReplaceBody { id: found.id(), body: Body::of(&channel)? });
        Ok(write)
    }

    /// Drops a channel that is as it was when it was found to be idle.
    pub(super) fn drop_channel(&self, id: ObjectId) -> Result<Change> {
        let found = self.resolver.head().object(id).filter(|it| it.is_live());
        let Some(found) = found else { return Ok(Change::nothing("The channel is gone.")) };
        let table = self.table_of(found)?;
        self.resolver.act(Verb::Alter, table);
        let message = format!("Channel {} successfully dropped.", found.name());
        Ok(Change::one(Update::DropObject { id }, message).requires_unchanged(id))
    }

    fn table_of(&self, channel: &Object) -> Result<&Object> {
        let table = channel.parent().and_then(|id| self.resolver.head().object(id));
        table.ok_or_else(|| Error::internal("a channel of no table"))
    }

    /// SHOW CHANNELS.
    pub(super) fn show_channels(&self, show: &Show) -> Result<RecordBatch> {
        let of_table = match &show.scope {
            Some(Scope::Table(name)) => Some(self.resolver.object(ObjectKind::Table, name)?.id()),
            _ => None,
        };
        let within = match of_table {
            Some(_) => None,
            None => Some(self.within_scope(show)?),
        };
        let mut found: Vec<&Object> = self
            .resolver
            .head()
            .objects()
            .filter(|object| object.kind() == ObjectKind::Channel && object.is_live())
            .filter(|object| match (of_table, within) {
                (Some(table), _) => object.parent() == Some(table),
                (None, Some(within)) => self.is_within(object, within),
                (None, None) => true,
            })
            .filter(|object| selected(show, object.name().as_str()))
            // Who sees a table sees what goes into it.
            .filter(|object| self.table_of(object).is_ok_and(|it| self.resolver.sees(it)))
            .collect();
        found.sort_by_cached_key(|object| self.resolver.path(object.id()));
        let rows = cut(show, found).into_iter().map(|channel| self.channel_row(channel));
        shown(show, CHANNELS, rows.collect::<Result<_>>()?)
    }

    fn channel_row(&self, object: &Object) -> Result<Vec<Cell>> {
        let channel: ChannelDefinition = object.body().read()?;
        let path = self.resolver.path(object.id());
        let part = |at: usize| Cell::maybe_text(path.get(at).map(Name::as_str));
        Ok(vec![
            Cell::Time(object.created_at()),
            Cell::text(object.name().as_str()),
            part(2),
            part(0),
            part(1),
            Cell::count(channel.opened),
            Cell::count(channel.rows),
            Cell::maybe_text(channel.offset_token),
            Cell::Time(channel.active),
        ])
    }
}

/// A channel that its holder has no more.
fn lost(name: &Name, why: &str) -> Error {
    Error::new(Code::OPERATION_IMPOSSIBLE, format!("channel '{name}' cannot be used: {why}"))
        .with_help("open it again: its latest offset token says where to go on")
}
