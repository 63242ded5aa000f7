//! Attributes that a side reports, whatever the package.

use crate::{
    protocol::{Attributes, Namespace, Role},
    suite::{mapping::Mapping, names},
};

/// Whether an attribute is granted; none if the namespace cannot say.
pub(super) fn granted(
    mapping: &Mapping,
    side: Role,
    attributes: Option<&Attributes>,
    name: &str,
) -> Option<bool> {
    let attributes = attributes?;
    let bit = match attributes.namespace {
        Namespace::Sspi => names::attribute(side, name)?,
        namespace => mapping.attribute(namespace, name)?,
    };
    Some(attributes.bits & bit != 0)
}

/// Attributes for people.
pub(super) fn show(attributes: Option<&Attributes>) -> String {
    attributes
        .map(|attributes| format!("0x{:08x}", attributes.bits))
        .unwrap_or_default()
}
