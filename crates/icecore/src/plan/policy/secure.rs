//! Secure views: what they are made of is told to their owner only.

use icecore_governance::RoleId;
use icecore_snapshot::Object;
use icecore_types::{Error, Result, ViewDefinition};

use crate::plan::Binder;
use crate::statement::Resolver;

impl Resolver {
    /// The statement that made a view, or nothing for who may not see it.
    pub(crate) fn text_of_view(&self, view: &Object) -> Result<String> {
        let definition: ViewDefinition = view.body().read()?;
        Ok(match !definition.secure || self.owns(view) {
            true => definition.text,
            false => String::new(),
        })
    }

    /// Whether an object is a secure view, and who asks may not know what it is
    /// made of.
    pub(crate) fn is_closed(&self, object: &Object) -> Result<bool> {
        Ok(object.is_secure()? && !self.owns(object))
    }

    fn owns(&self, object: &Object) -> bool {
        let owner = RoleId::new(object.owner());
        self.who().is_none_or(|acting| acting.session.has_role(owner))
    }
}

impl Binder {
    /// The error of a view that cannot be planned, as it is told who asks: what
    /// names something inside of a secure view is told to its owner.
    pub(in crate::plan) fn told_of(
        &self,
        view: &Object,
        definition: &ViewDefinition,
        error: Error,
    ) -> Error {
        if !definition.secure || self.resolver().owns(view) {
            return error;
        }
        let code = error.code();
        Error::new(code, format!("the secure view cannot be read code={}", code.number()))
    }
}
