//! The world of a case: both sides' environments and what is asked for, resolved from the scenario's setup.

use std::collections::BTreeMap;

use legwork_engine::ntlm::messages::NegotiateFlags;

use crate::{
    protocol::{Account, Environment, Host, Identity, Role, SECOND, Text},
    suite::{
        names,
        scenario::{IdentitySetup, Setup, SideSetup},
    },
};

/// The default clock: 2024-01-17 12:53:20 UTC in 100 ns units since 1601-01-01.
pub const DEFAULT_CLOCK: u64 = 133_499_696_000_000_000;

const DEFAULT_REQUIREMENTS: [&str; 5] = [
    "integrity",
    "confidentiality",
    "replay-detect",
    "sequence-detect",
    "connection",
];

/// Both sides of a case.
#[derive(Clone, Debug)]
pub struct World {
    /// Who logs on; none if no identity is given.
    pub identity: Option<Identity>,
    /// The acceptor's accounts.
    pub accounts: Vec<Account>,
    /// Name of the target.
    pub target: Option<Text>,
    /// The initiator's side.
    pub initiator: Side,
    /// The acceptor's side.
    pub acceptor: Side,
}

/// One side of a case.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Requirement bits of the side's call.
    pub requirements: u32,
    /// Application data of the channel bindings.
    pub bindings: Option<Vec<u8>>,
    /// Policy switches that differ from the default.
    pub policy: BTreeMap<String, serde_json::Value>,
    /// Faults to provoke.
    pub faults: Vec<String>,
    /// Seconds that the clock is ahead of the default clock.
    pub clock_ahead: i64,
    /// Packages that an acceptor's credential may use; the initiator's stand in the identity.
    pub package_list: Option<Text>,
}

impl World {
    /// The world of the setups in order; later ones are patches over earlier ones.
    #[must_use]
    pub fn resolve(setups: &[&Setup]) -> Self {
        let mut world = Self::default();
        for setup in setups {
            world.patch(setup);
        }
        world
    }

    /// The side of a role.
    #[must_use]
    pub fn side(&self, role: Role) -> &Side {
        match role {
            Role::Initiator => &self.initiator,
            Role::Acceptor => &self.acceptor,
        }
    }

    /// Who a side's ordinary credential is for: nobody in particular on the accepting side, whose credential has its list
    /// of packages alone.
    #[must_use]
    pub fn credential(&self, role: Role) -> Option<Identity> {
        match role {
            Role::Initiator => self.identity.clone(),
            Role::Acceptor => self.acceptor.package_list.as_ref().map(|list| Identity {
                user: None,
                domain: None,
                password: None,
                package_list: Some(list.clone()),
            }),
        }
    }

    /// The environment of a side, as the protocol tells it.
    #[must_use]
    pub fn environment(&self, role: Role, seed: u64, clock: u64) -> Environment {
        let side = self.side(role);
        let mut bytes = vec![0; 8];
        bytes.extend_from_slice(&seed.to_be_bytes());
        Environment {
            seed: bytes,
            clock: clock.saturating_add_signed(side.clock_ahead.saturating_mul(SECOND)),
            host: host(role),
            accounts: match role {
                Role::Initiator => Vec::new(),
                Role::Acceptor => self.accounts.clone(),
            },
            policy: side.policy.clone(),
            faults: side.faults.clone(),
        }
    }

    /// The account that the identity names, if the acceptor has it; an empty domain is any domain.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        let identity = self.identity.as_ref()?;
        let upper = |text: &Text| text.text.to_uppercase();
        let user = identity.user.as_ref().map(upper)?;
        let domain = identity.domain.as_ref().map(upper).unwrap_or_default();
        self.accounts.iter().find(|account| {
            upper(&account.user) == user && (domain.is_empty() || upper(&account.domain) == domain)
        })
    }

    /// Whether the acceptor's policy makes a guest of who logs on.
    #[must_use]
    pub fn makes_guest(&self) -> bool {
        let guests = self.acceptor.policy.get("guest");
        guests.and_then(serde_json::Value::as_bool) == Some(true) && self.account().is_none()
    }

    fn patch(&mut self, setup: &Setup) {
        if let Some(identity) = &setup.identity {
            self.patch_identity(identity);
        }
        if let Some(accounts) = &setup.accounts {
            self.accounts = accounts
                .iter()
                .map(|account| Account {
                    user: account.user.as_str().into(),
                    domain: account.domain.as_str().into(),
                    password: account.password.as_str().into(),
                    state: account.state.clone(),
                })
                .collect();
        }
        if let Some(target) = &setup.target {
            self.target = (!target.none).then(|| target.name.as_str().into());
        }
        self.initiator.patch(Role::Initiator, &setup.initiator);
        self.acceptor.patch(Role::Acceptor, &setup.acceptor);
    }

    fn patch_identity(&mut self, setup: &IdentitySetup) {
        let absent = |part: &str| setup.absent.iter().any(|name| name == part);
        if absent("identity") {
            self.identity = None;
            return;
        }
        let Some(identity) = &mut self.identity else {
            return;
        };
        let parts = [
            ("user", &setup.user, &mut identity.user),
            ("domain", &setup.domain, &mut identity.domain),
            ("password", &setup.password, &mut identity.password),
            ("package-list", &setup.package_list, &mut identity.package_list),
        ];
        for (name, value, place) in parts {
            if let Some(value) = value {
                *place = Some(value.as_str().into());
            }
            if absent(name) {
                *place = None;
            }
        }
    }
}

impl Default for World {
    fn default() -> Self {
        let text = |text: &str| Text::from(text);
        let side = |role| Side {
            requirements: DEFAULT_REQUIREMENTS
                .iter()
                .filter_map(|name| names::requirement(role, name))
                .sum(),
            ..Side::default()
        };
        Self {
            identity: Some(Identity {
                user: Some(text("User")),
                domain: Some(text("Domain")),
                password: Some(text("Password")),
                package_list: None,
            }),
            accounts: vec![Account {
                user: text("User"),
                domain: text("Domain"),
                password: text("Password"),
                state: None,
            }],
            target: Some(text("HTTP/server.domain.example")),
            initiator: side(Role::Initiator),
            acceptor: side(Role::Acceptor),
        }
    }
}

impl Side {
    /// A switch of the policy that is on unless a setup says otherwise.
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        let value = self.policy.get(name).and_then(serde_json::Value::as_bool);
        value.unwrap_or(true)
    }

    /// A mask of the policy that lets everything through unless a setup says otherwise.
    #[must_use]
    pub fn mask(&self, name: &str) -> NegotiateFlags {
        let mask = self.policy.get(name).and_then(serde_json::Value::as_u64);
        let mask = mask.and_then(|mask| u32::try_from(mask).ok());
        NegotiateFlags::from_bits_retain(mask.unwrap_or(u32::MAX))
    }

    /// LmCompatibilityLevel; the strictest unless a setup says otherwise.
    #[must_use]
    pub fn level(&self) -> u64 {
        let level = self.policy.get("lm-compatibility-level");
        level.and_then(serde_json::Value::as_u64).unwrap_or(5)
    }

    fn patch(&mut self, role: Role, setup: &SideSetup) {
        if let Some(requirements) = &setup.requirements {
            self.requirements = requirements
                .iter()
                .filter_map(|name| names::requirement(role, name))
                .fold(0, |all, bit| all | bit);
        }
        if let Some(bindings) = &setup.bindings {
            self.bindings = (!bindings.is_empty()).then(|| bindings.as_bytes().to_vec());
        }
        for (name, value) in setup.policy.iter() {
            self.policy.insert(name.to_owned(), value.clone());
        }
        if let Some(faults) = &setup.faults {
            self.faults.clone_from(faults);
        }
        if let Some(seconds) = setup.clock_ahead {
            self.clock_ahead = seconds;
        }
        if let Some(list) = &setup.package_list {
            self.package_list = Some(list.as_str().into());
        }
    }
}

fn host(role: Role) -> Host {
    let (computer, dns) = match role {
        Role::Initiator => ("COMPUTER", "computer.domain.example"),
        Role::Acceptor => ("SERVER", "server.domain.example"),
    };
    Host {
        netbios_computer: computer.to_owned(),
        netbios_domain: "DOMAIN".to_owned(),
        dns_computer: dns.to_owned(),
        dns_domain: "domain.example".to_owned(),
        dns_tree: "domain.example".to_owned(),
    }
}
