//! Every axis value makes a difference, and a value that makes none is found.

use legwork::{dead_axes, run::case, suite::Suite};

#[test]
fn no_axis_of_the_suite_is_dead() {
    let suite = Suite::embedded().expect("the embedded suite is sound");
    let cases = case::expand(&suite);
    assert_eq!(dead_axes::find(&suite, &cases), []);
}

#[test]
fn a_value_that_changes_nothing_is_found() {
    let mut suite = Suite::embedded().expect("the embedded suite is sound");
    let entry = suite
        .scenarios
        .iter_mut()
        .find(|entry| entry.id == "ntlm/good/default")
        .expect("the scenario is there");
    let mut values = legwork::suite::map::UniqueMap::default();
    values.set("one", legwork::suite::scenario::Variation::default());
    values.set("other", legwork::suite::scenario::Variation::default());
    entry.scenario.axes.set("idle", values);
    let cases = case::expand(&suite);
    let dead = dead_axes::find(&suite, &cases);
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].axis.as_str(), dead[0].value.as_str()), ("idle", "other"));
}
