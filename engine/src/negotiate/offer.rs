//! Which mechanisms there are, and which of them a side offers or takes: what is there, policy, the caller's list of
//! packages, and the target.

use super::messages::Oid;
use crate::{codec::utf16::Text, environment::Environment, mechanism::Mechanism};

/// A mechanism that is known by its identifier, whether it is there or not.
#[derive(Clone, Debug)]
pub struct Known {
    /// The identifier.
    pub oid: Oid<'static>,
    /// The package that it belongs to, as lists of packages name it.
    pub package: &'static str,
    /// The mechanism, if it is there.
    pub mechanism: Option<Mechanism>,
}

/// Every mechanism that is known, the preferred one first (MS-SPNG section 3.1.1, as Windows orders them).
pub const KNOWN: &[Known] = &[
    known(Oid::MS_KERBEROS, KERBEROS, None),
    known(Oid::KERBEROS, KERBEROS, None),
    known(Oid::KERBEROS_USER_TO_USER, KERBEROS, None),
    known(Oid::NEGOEX, "negoextender", None),
    known(Oid::NTLM, "ntlm", Some(Mechanism::Ntlm)),
];

/// The package that only reaches targets that have a principal's name.
const KERBEROS: &str = "kerberos";

const fn known(oid: Oid<'static>, package: &'static str, mechanism: Option<Mechanism>) -> Known {
    Known {
        oid,
        package,
        mechanism,
    }
}

/// What is known of an identifier.
#[must_use]
pub fn find(oid: &Oid<'_>) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.oid == *oid)
}

/// The mechanism of an identifier, if it is there.
#[must_use]
pub fn mechanism(oid: &Oid<'_>) -> Option<Mechanism> {
    find(oid).and_then(|known| known.mechanism)
}

/// A caller's list of packages (SEC_WINNT_AUTH_IDENTITY_EX, PackageList): names separated by commas, each to be used or,
/// behind an exclamation mark, not to be used. Where no name is to be used, all are but those that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageList {
    used: Vec<String>,
    excluded: Vec<String>,
}

impl PackageList {
    /// The list that a text is; case and space round names do not matter.
    #[must_use]
    pub fn parse(text: &Text) -> Self {
        let mut list = Self::default();
        for name in text.to_string().split(',') {
            let name = name.trim().to_ascii_lowercase();
            match name.strip_prefix('!') {
                Some(excluded) => list.excluded.push(excluded.trim().to_owned()),
                None if name.is_empty() => {}
                None => list.used.push(name),
            }
        }
        list
    }

    /// Whether a package may be used.
    #[must_use]
    pub fn allows(&self, package: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == package);
        (self.used.is_empty() || named(&self.used)) && !named(&self.excluded)
    }
}

/// The mechanisms of a side, the preferred one first: those of its policy, or all that are there, as far as the caller
/// allows them. Of identifiers that nobody knows the caller's list says nothing.
pub(super) fn allowed(packages: &PackageList, environment: &Environment) -> Vec<Oid<'static>> {
    let allows = |oid: &Oid<'_>| {
        find(oid).is_none_or(|known| packages.allows(known.package))
            || deviates!(environment, PackageListIgnored)
    };
    match &environment.policy.negotiate.mechanisms {
        Some(mechanisms) if !deviates!(environment, MechanismPolicyIgnored) => {
            mechanisms.iter().filter(|oid| allows(oid)).cloned().collect()
        }
        _ => KNOWN
            .iter()
            .filter(|known| known.mechanism.is_some())
            .map(|known| known.oid.clone())
            .filter(|oid| allows(oid))
            .collect(),
    }
}

/// The mechanisms that an initiator offers a target.
pub(super) fn offered(
    packages: &PackageList,
    target: Option<&Text>,
    environment: &Environment,
) -> Vec<Oid<'static>> {
    let mut mechanisms = allowed(packages, environment);
    mechanisms.retain(|oid| {
        find(oid).is_none_or(|known| known.package != KERBEROS)
            || names_principal(target)
            || deviates!(environment, TargetNotLookedAt)
    });
    mechanisms
}

/// Whether a target has a name that Kerberos can find: a service principal name, a user principal name, or the name of an
/// account. There is none for no target and for an address (page "Microsoft Negotiate").
#[must_use]
pub fn names_principal(target: Option<&Text>) -> bool {
    let Some(target) = target.map(Text::to_string) else {
        return false;
    };
    let host = target.split('/').nth(1).unwrap_or(&target);
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        // A port follows a name or an address of version 4; one of version 6 has more than one colon.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    !host.is_empty() && !is_address(host)
}

/// Whether a text is an address of version 4 or 6.
fn is_address(host: &str) -> bool {
    let quad = host.split('.').collect::<Vec<_>>();
    let is_octet = |part: &&str| part.len() <= 3 && part.parse::<u8>().is_ok();
    let version_4 = quad.len() == 4 && quad.iter().all(is_octet);
    let is_group = |part: &str| part.len() <= 4 && part.chars().all(|digit| digit.is_ascii_hexdigit());
    let zone = host.split('%').next().unwrap_or_default();
    let groups = zone
        .rsplit_once(':')
        .map(|(before, last)| (before, is_group(last) || last.contains('.')));
    let version_6 = groups.is_some_and(|(before, last)| last && before.split(':').all(is_group));
    version_4 || version_6
}
