//! What tags add to the policies of a table: which of their values it has
//! today, and which masks these bring.

use std::collections::BTreeMap;

use icecore_governance::{PolicyStatus, TagLevels, TagMask, TagPolicy, masks_of_tags};
use icecore_snapshot::{Head, Object};
use icecore_types::{
    Code, ColumnId, Error, ObjectId, ObjectKind, Result, TableDefinition, TagDefinition, TagValues,
};

/// The masking policies of the tags that an object and its columns have, their
/// own and those that they inherit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TagPolicies {
    columns: BTreeMap<ColumnId, Vec<TagPolicy>>,
    /// Of the object itself, then of what it is in.
    above: TagLevels,
}

impl TagPolicies {
    /// Those of an object as it is in this snapshot.
    ///
    /// # Errors
    /// `Corrupted` if a policy of a tag is not there.
    pub(crate) fn of(head: &Head, object: &Object) -> Result<Self> {
        let mut found = Self::default();
        for (column, values) in object.body().tags()?.columns {
            let policies = policies_of(head, &values)?;
            if !policies.is_empty() {
                found.columns.insert(column, policies);
            }
        }
        let mut next = Some(object);
        while let Some(level) = next {
            let policies = policies_of(head, &level.body().tags()?.own)?;
            if !policies.is_empty() {
                found.above.push(policies);
            }
            next = level.parent().and_then(|id| head.object(id));
        }
        Ok(found)
    }

    /// Whether they mask nothing, whatever columns there are.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.above.is_empty()
    }

    /// The masks of the columns of a table.
    pub(crate) fn masks(&self, table: &TableDefinition) -> Vec<TagMask> {
        if self.is_empty() {
            return Vec::new();
        }
        masks_of_tags(table, |column| {
            self.columns.get(&column).into_iter().chain(&self.above).cloned().collect()
        })
    }

    /// The table under these masks too.
    ///
    /// # Errors
    /// `InvalidInput` if one of them cannot be evaluated: then nothing of the
    /// table is seen.
    pub(crate) fn govern(&self, table: &mut TableDefinition) -> Result<()> {
        for TagMask { mask, status, .. } in self.masks(table) {
            if status != PolicyStatus::Active {
                let column = table.columns.iter().find(|column| column.id == mask.column);
                let column = column.map_or("", |column| column.name.as_str());
                let what = format!(
                    "the masking policies of tags cannot be evaluated column={column} status={}",
                    status.as_str()
                );
                return Err(Error::new(Code::INVALID_STATEMENT, what)
                    .with_help("INFORMATION_SCHEMA.POLICY_REFERENCES says which they are"));
            }
            table.policies.masks.push(mask);
        }
        Ok(())
    }
}

/// The definition of a table under all policies that govern it: those that are
/// attached to it and those of tags.
///
/// # Errors
/// `InvalidInput` if what tags say of a column cannot be evaluated.
pub(crate) fn governed(head: &Head, table: &Object) -> Result<TableDefinition> {
    let mut definition: TableDefinition = table.body().read()?;
    TagPolicies::of(head, table)?.govern(&mut definition)?;
    Ok(definition)
}

/// Whether anything of an object is governed by a policy.
///
/// # Errors
/// `Corrupted` if its definition cannot be read.
pub(crate) fn is_governed(head: &Head, object: &Object) -> Result<bool> {
    if !object.policies()?.is_empty() {
        return Ok(true);
    }
    let policies = TagPolicies::of(head, object)?;
    Ok(match object.kind() {
        ObjectKind::Table | ObjectKind::DynamicTable => {
            !policies.masks(&object.body().read()?).is_empty()
        }
        _ => !policies.is_empty(),
    })
}

/// The masking policies of tags that are there.
fn policies_of(head: &Head, values: &TagValues) -> Result<Vec<TagPolicy>> {
    let mut found = Vec::new();
    for id in values.keys() {
        let Some(tag) = head.object(*id).filter(|tag| tag.is_live()) else { continue };
        for policy in tag.body().read::<TagDefinition>()?.masks {
            found.push(of_tag(head, *id, policy)?);
        }
    }
    Ok(found)
}

fn of_tag(head: &Head, tag: ObjectId, policy: ObjectId) -> Result<TagPolicy> {
    let object = head.object(policy).filter(|policy| policy.is_live());
    let object = object.ok_or_else(|| Error::corrupted("a policy of a tag that is not there"))?;
    Ok(TagPolicy { tag, policy, definition: object.body().read()? })
}
