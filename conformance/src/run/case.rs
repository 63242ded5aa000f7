//! Cases: scenarios with every axis fixed.

use crate::{
    protocol::Role,
    suite::{
        ScenarioEntry, Suite,
        scenario::{Edit, Expect, Variation},
        vectors::{self, Known},
    },
};

use super::world::World;

/// A scenario with every axis fixed.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Id: that of the scenario and `axis:value` for each axis.
    pub id: String,
    /// The scenario.
    pub entry: &'a ScenarioEntry,
    /// The chosen value of each axis, in order.
    pub values: Vec<AxisValue<'a>>,
    /// Both sides.
    pub world: World,
}

/// A chosen value of an axis.
#[derive(Clone, Copy, Debug)]
pub struct AxisValue<'a> {
    /// The axis.
    pub axis: &'a str,
    /// The value.
    pub value: &'a str,
    /// What the value changes.
    pub variation: &'a Variation,
}

impl Case<'_> {
    /// The key of the case with a subject in a role, or with the reference on both sides: its id, and the role where
    /// only one is judged.
    #[must_use]
    pub fn key(&self, role: Option<Role>) -> String {
        let both = [self.judges(Role::Initiator), self.judges(Role::Acceptor)];
        let only = match both {
            [true, false] => Some(Role::Initiator),
            [false, true] => Some(Role::Acceptor),
            _ => None,
        };
        match role.or(only) {
            Some(role) => format!("{}@{}", self.id, role.name()),
            None => self.id.clone(),
        }
    }

    /// The edits that the chosen value of an axis brings.
    #[must_use]
    pub fn edits(&self, axis: &str) -> &[Edit] {
        self.variation(axis).map_or(&[], |variation| &variation.edits)
    }

    /// The sizes of fragments that the chosen value of an axis brings.
    #[must_use]
    pub fn sizes(&self, axis: &str) -> &[usize] {
        self.variation(axis).map_or(&[], |variation| &variation.sizes)
    }

    /// The expectation that the chosen value of an axis brings.
    #[must_use]
    pub fn expect(&self, axis: &str) -> Option<&Expect> {
        self.variation(axis)
            .and_then(|variation| variation.expect.as_ref())
    }

    /// The vector that the chosen value of an axis brings.
    #[must_use]
    pub fn vector(&self, axis: &str) -> Option<&'static Known> {
        vectors::known(self.variation(axis)?.vector.as_deref()?)
    }

    fn variation(&self, axis: &str) -> Option<&Variation> {
        self.values
            .iter()
            .find(|value| value.axis == axis)
            .map(|value| value.variation)
    }

    /// Whether an axis of it is generated.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        !self.entry.scenario.generated_axes.is_empty()
    }

    /// Whether a side can be judged by the case.
    #[must_use]
    pub fn judges(&self, role: Role) -> bool {
        self.entry.scenario.judges.contains(&role)
    }
}

/// All cases of a suite, in order of files and of writing; the last axis runs fastest.
#[must_use]
pub fn expand(suite: &Suite) -> Vec<Case<'_>> {
    suite.scenarios.iter().flat_map(expand_scenario).collect()
}

/// All cases of a scenario.
#[must_use]
pub fn expand_scenario(entry: &ScenarioEntry) -> Vec<Case<'_>> {
    let mut combinations: Vec<Vec<AxisValue<'_>>> = vec![Vec::new()];
    for (axis, values) in entry.scenario.axes.iter() {
        combinations = combinations
            .iter()
            .flat_map(|chosen| {
                values.iter().map(|(value, variation)| {
                    let mut next = chosen.clone();
                    next.push(AxisValue {
                        axis,
                        value,
                        variation,
                    });
                    next
                })
            })
            .collect();
    }
    combinations
        .into_iter()
        .map(|values| fix(entry, values))
        .collect()
}

fn fix<'a>(entry: &'a ScenarioEntry, values: Vec<AxisValue<'a>>) -> Case<'a> {
    let mut id = entry.id.clone();
    for value in &values {
        id.push_str(&format!("/{}:{}", value.axis, value.value));
    }
    let mut setups = vec![&entry.scenario.setup];
    setups.extend(values.iter().map(|value| &value.variation.setup));
    let world = World::resolve(&setups);
    Case {
        id,
        entry,
        values,
        world,
    }
}

/// Whether an id matches a pattern: components are compared one by one, `*` stands for any text within a component,
/// `**` for any components. A pattern of fewer components matches everything below it.
#[must_use]
pub fn matches(pattern: &str, id: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let id: Vec<&str> = id.split('/').collect();
    components(&pattern, &id)
}

fn components(pattern: &[&str], id: &[&str]) -> bool {
    match (pattern.split_first(), id.split_first()) {
        (None, _) => true,
        (Some((&"**", rest)), _) => {
            (0..=id.len()).any(|skip| id.get(skip..).is_some_and(|id| components(rest, id)))
        }
        (Some(_), None) => false,
        (Some((part, rest)), Some((name, below))) => component(part, name) && components(rest, below),
    }
}

/// Whether a name matches a pattern in which `*` stands for any text.
#[must_use]
pub fn component(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    rest.char_indices()
        .map(|(at, _)| at)
        .chain([rest.len()])
        .any(|at| component(after, rest.get(at..).unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_by_component() {
        for (pattern, id, expected) in [
            ("ntlm", "ntlm/mic/tampered/field:flags", true),
            ("ntlm/mic", "ntlm/mic/tampered", true),
            ("ntlm/mi", "ntlm/mic/tampered", false),
            ("ntlm/mi*", "ntlm/mic/tampered", true),
            ("*/mic/*/field:*", "ntlm/mic/tampered/field:flags", true),
            ("**/field:flags", "ntlm/mic/tampered/field:flags", true),
            ("**/field:mic", "ntlm/mic/tampered/field:flags", false),
        ] {
            assert_eq!(matches(pattern, id), expected, "{pattern} {id}");
        }
    }
}
