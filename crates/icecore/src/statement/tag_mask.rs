//! The masking policies of tags.

use icecore_governance::{Verb, same_data};
use icecore_snapshot::{Object, Requirement};
use icecore_types::{
    Body, Code, Error, ObjectId, ObjectKind, PolicyDefinition, QualifiedName, Result, SqlType,
    TagDefinition,
};

use super::Planning;
use super::alter::replaced;
use super::change::Change;

impl Planning {
    /// ALTER TAG .. SET MASKING POLICY: from the next statement of anybody on.
    pub(super) fn set_masks(
        &self,
        tag: &Object,
        policies: &[QualifiedName],
        force: bool,
    ) -> Result<Change> {
        let mut definition: TagDefinition = tag.body().read()?;
        let (mut needs, mut set) = (Vec::new(), Vec::<ObjectId>::new());
        for name in policies {
            let policy = self.resolver.object(ObjectKind::MaskingPolicy, name)?;
            self.resolver.act(Verb::Apply, policy);
            let masks = self.masked_type(policy.id())?;
            if let Some(there) = self.mask_of(&definition, &masks)? {
                if !force || set.contains(&there) {
                    let what = format!(
                        "the tag has a masking policy of this type already tag={} type={masks}",
                        tag.name()
                    );
                    return Err(Error::new(Code::ALREADY_EXISTS, what)
                        .with_help("FORCE puts this one in its place"));
                }
                self.act_on_mask(there);
                definition.masks.retain(|mask| *mask != there);
            }
            definition.masks.push(policy.id());
            set.push(policy.id());
            needs.push(Requirement::ObjectUnchanged { id: policy.id() });
        }
        let mut change = replaced(tag, Body::of(&definition)?)?;
        change.requirements.extend(needs);
        Ok(change)
    }

    /// ALTER TAG .. UNSET MASKING POLICY.
    pub(super) fn unset_masks(&self, tag: &Object, policies: &[QualifiedName]) -> Result<Change> {
        let mut definition: TagDefinition = tag.body().read()?;
        for name in policies {
            let policy = self.resolver.object(ObjectKind::MaskingPolicy, name)?;
            self.resolver.act(Verb::Apply, policy);
            let before = definition.masks.len();
            definition.masks.retain(|mask| *mask != policy.id());
            if definition.masks.len() == before {
                let what = format!("tag '{}' does not have masking policy '{name}'", tag.name());
                return Err(Error::new(Code::OPERATION_IMPOSSIBLE, what));
            }
        }
        replaced(tag, Body::of(&definition)?)
    }

    fn mask_of(&self, tag: &TagDefinition, masks: &SqlType) -> Result<Option<ObjectId>> {
        for policy in &tag.masks {
            if same_data(&self.masked_type(*policy)?, masks) {
                return Ok(Some(*policy));
            }
        }
        Ok(None)
    }

    /// The type of the columns that a policy masks.
    fn masked_type(&self, policy: ObjectId) -> Result<SqlType> {
        let gone = || Error::corrupted("a policy of a tag that is not there");
        let object = self.resolver.head().object(policy).ok_or_else(gone)?;
        let returns = object.body().read::<PolicyDefinition>()?.returns.value();
        returns.ok_or_else(|| Error::corrupted("a policy of a tag that masks nothing"))
    }

    /// Who takes a policy off a tag must be one who may put it there.
    fn act_on_mask(&self, policy: ObjectId) {
        if let Some(policy) = self.resolver.head().object(policy) {
            self.resolver.act(Verb::Apply, policy);
        }
    }

    /// Refuses to drop a tag that masks columns: they would be seen.
    ///
    /// # Errors
    /// `InvalidInput` if a tag that is dropped, alone or with what it is in,
    /// has a masking policy and something outside has the tag; a tag alone
    /// is not dropped while it has one.
    pub(super) fn refuse_masking(
        &self,
        dropped: &Object,
        inside: &[ObjectId],
    ) -> Result<Vec<Requirement>> {
        let head = self.resolver.head();
        let mut needs = Vec::new();
        for id in inside {
            let Some(tag) = head.object(*id).filter(|it| it.kind() == ObjectKind::Tag) else {
                continue;
            };
            // Until it is dropped it is given no policy, and nothing is given it.
            needs.push(Requirement::ObjectUnchanged { id: tag.id() });
            if tag.body().read::<TagDefinition>()?.masks.is_empty() {
                continue;
            }
            needs.push(Requirement::PolicyUnattached { policy: tag.id() });
            if tag.id() == dropped.id() || self.is_given_outside(tag.id(), inside)? {
                let what = format!(
                    "tag '{}' cannot be dropped/replaced as it is associated with a masking policy",
                    tag.name()
                );
                return Err(Error::new(Code::INVALID_STATEMENT, what)
                    .with_help("ALTER TAG .. UNSET MASKING POLICY takes it off"));
            }
        }
        Ok(needs)
    }

    /// Whether something outside has a value of a tag, or had when it was
    /// dropped and can come back.
    fn is_given_outside(&self, tag: ObjectId, inside: &[ObjectId]) -> Result<bool> {
        let outside = |object: &&Object| object.kind().has_tags() && !inside.contains(&object.id());
        for object in self.resolver.head().objects().filter(outside) {
            let comes_back = || object.is_live() || self.comes_back(object);
            if object.body().tags()?.gives(tag) && comes_back() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
