//! Lets implementations talk to each other.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use rayon::prelude::*;

use super::{
    Cell, Matrix, Player, Profile,
    blame::{self, Trial},
    layout, profiles,
};
use crate::{
    check::Seen,
    control,
    protocol::{Hello, Role},
    run::{
        case::Case,
        driver::{self, Foreign, Seat},
        spent::Spent,
        trace::Trace,
        world::World,
    },
    runner::{self, CaseResult, Options},
    subject::{
        self, Subject,
        description::Located,
        process::Process,
        reference::{HELLO, Reference},
    },
    suite::Suite,
};

/// An implementation with the processes of its adapter that wait for a case.
struct Stable {
    /// None for the reference.
    located: Option<Located>,
    hello: Hello,
    /// Whether its conduct is judged.
    judged: bool,
    idle: Mutex<Vec<Foreign>>,
}

/// How every player fares beside the reference in a role and profile; none where it cannot do it.
type Alone = BTreeMap<(usize, Role, usize), Option<Trial>>;

/// Who sits on a side of an exchange.
enum Horse {
    Reference(Box<Reference>),
    Foreign(Foreign),
}

/// Pairs implementations and the reference, each with each, by all profiles.
///
/// # Errors
/// A profile has no case, or an adapter does not start or does not speak the protocol.
pub fn run<'a>(
    suite: &'a Suite,
    located: &[Located],
    options: &Options,
    begin: impl Fn(u64),
    done: impl Fn() + Sync,
) -> Result<Matrix<'a>, String> {
    let profiles = profiles(suite)?;
    let mut stables = located
        .iter()
        .map(|located| Stable::of(suite, located, options))
        .collect::<Result<Vec<_>, _>>()?;
    stables.push(Stable::reference());
    let course = Course {
        suite,
        options,
        stables,
        profiles,
    };
    let cells = course.cells(&begin, &done);
    let players = course
        .stables
        .iter()
        .map(|stable| stable.player(&course.profiles))
        .collect();
    Ok(Matrix {
        players,
        profiles: course.profiles,
        cells,
    })
}

struct Course<'a, 'o> {
    suite: &'a Suite,
    options: &'o Options,
    stables: Vec<Stable>,
    profiles: Vec<Profile<'a>>,
}

impl Stable {
    /// The implementation, started in the way that brings most of it under control.
    fn of(suite: &Suite, located: &Located, options: &Options) -> Result<Self, String> {
        let started = control::start(suite, options, located);
        let (located, process, _) =
            started.map_err(|message| format!("{}: {message}", located.description.name))?;
        let hello = process.hello().clone();
        let idle = Mutex::new(vec![foreign(&located, process)]);
        Ok(Self {
            located: Some(located),
            hello,
            judged: true,
            idle,
        })
    }

    fn reference() -> Self {
        Self {
            located: None,
            hello: HELLO.clone(),
            judged: false,
            idle: Mutex::default(),
        }
    }

    fn label(&self) -> &str {
        let located = self.located.as_ref();
        located.map_or("reference", |located| &located.description.name)
    }

    fn plays(&self, role: Role, profiles: &[Profile<'_>]) -> bool {
        let mut packages = profiles.iter().map(|profile| &profile.case.entry.package);
        packages.any(|package| subject::drive(&self.hello, package, role).is_some())
    }

    fn player(&self, profiles: &[Profile<'_>]) -> Player {
        let plays = |role: &Role| self.plays(*role, profiles);
        Player {
            label: self.label().to_owned(),
            title: format!("{} {}", self.hello.name, self.hello.version)
                .trim()
                .to_owned(),
            roles: Role::BOTH.into_iter().filter(plays).collect(),
        }
    }

    fn horse(&self, options: &Options) -> Result<Horse, String> {
        let Some(located) = &self.located else {
            return Ok(Horse::Reference(Box::default()));
        };
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let started = || Process::start(located.clone(), options.deadline);
        waiting
            .map_or_else(|| started().map(|process| foreign(located, process)), Ok)
            .map(Horse::Foreign)
    }

    fn back(&self, horse: Horse) {
        if let Horse::Foreign(foreign) = horse {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(foreign);
        }
    }
}

fn foreign(located: &Located, process: Process) -> Foreign {
    Foreign {
        subject: Box::new(process),
        name: located.description.name.clone(),
        spent: Spent::default(),
    }
}

impl Horse {
    fn seat(&mut self) -> Seat<'_> {
        match self {
            Self::Reference(reference) => Seat::Reference(reference),
            Self::Foreign(foreign) => Seat::Foreign(foreign),
        }
    }
}

impl Course<'_, '_> {
    fn cells(&self, begin: &impl Fn(u64), done: &(impl Fn() + Sync)) -> Vec<Cell> {
        let players = |role| {
            let all = self.stables.iter().enumerate();
            let playing = all.filter(move |(_, stable)| stable.plays(role, &self.profiles));
            playing.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let (initiators, acceptors) = (players(Role::Initiator), players(Role::Acceptor));
        let places: Vec<(usize, usize, usize)> = initiators
            .iter()
            .flat_map(|initiator| acceptors.iter().map(move |acceptor| (*initiator, *acceptor)))
            .flat_map(|(initiator, acceptor)| {
                (0..self.profiles.len()).map(move |profile| (initiator, acceptor, profile))
            })
            .collect();
        begin(u64::try_from(places.len()).unwrap_or_default());
        let cell = |(initiator, acceptor, profile): (usize, usize, usize)| {
            let cell = self.cell(initiator, acceptor, profile);
            done();
            cell
        };
        let mut cells: Vec<Cell> = places.into_par_iter().filter_map(cell).collect();
        let alone = self.alone(&cells);
        cells.par_iter_mut().for_each(|cell| {
            if cell.end == super::Ending::Bad {
                cell.blame = Some(self.blame(cell, &alone));
            }
        });
        cells
    }

    fn cell(&self, initiator: usize, acceptor: usize, profile: usize) -> Option<Cell> {
        let case = &self.profiles.get(profile)?.case;
        let result = self.exchange(
            case,
            &case.world,
            self.stables.get(initiator)?,
            self.stables.get(acceptor)?,
        )?;
        let names = [
            self.stables.get(initiator)?.label(),
            self.stables.get(acceptor)?.label(),
        ];
        let end = blame::ending(&self.suite.mapping, &result, names);
        let mismatch = blame::mismatch(&self.suite.mapping, &result, names);
        Some(Cell {
            stage: mismatch.map(|mismatch| mismatch.stage),
            initiator,
            acceptor,
            profile,
            result,
            end,
            blame: None,
        })
    }

    /// How every implementation fares beside the reference.
    fn alone(&self, cells: &[Cell]) -> Alone {
        let reference = self.stables.len().saturating_sub(1);
        let mut alone = Alone::new();
        for cell in cells {
            for role in Role::BOTH
                .into_iter()
                .filter(|role| cell.player(role.peer()) == reference)
            {
                let names = self.names(cell);
                let trial = Trial::of(&self.suite.mapping, &cell.result, names, role.peer());
                alone.insert((cell.player(role), role, cell.profile), trial);
            }
        }
        alone
    }

    /// Labels of the initiator and the acceptor of a cell.
    fn names(&self, cell: &Cell) -> [&str; 2] {
        Role::BOTH.map(|role| self.stables.get(cell.player(role)).map_or("", Stable::label))
    }

    fn blame(&self, cell: &Cell, alone: &Alone) -> blame::Blame {
        let names = self.names(cell);
        let package = self
            .profiles
            .get(cell.profile)
            .map(|profile| &profile.case.entry.package);
        // In another wrapper something else may be refused, so that the reference wears the peer's.
        let with_reference = |role: Role| match package.map(String::as_str) {
            Some("negotiate") => self.by_reference(cell, role.peer(), names, layout::imitate_wrapper),
            _ => alone.get(&(cell.player(role), role, cell.profile)).cloned()?,
        };
        let again = |sender: Role| self.by_reference(cell, sender, names, layout::imitate);
        blame::blame(&self.suite.mapping, &cell.result, names, &again, &with_reference)
    }

    /// The same exchange with the reference in the place of a side, and options of that side; none if it cannot have them.
    fn by_reference(
        &self,
        cell: &Cell,
        sender: Role,
        names: [&str; 2],
        imitate: fn(&mut World, &Trace, Role, &str) -> Option<()>,
    ) -> Option<Trial> {
        let mut case = self.profiles.get(cell.profile)?.case.clone();
        let world = case.world.clone();
        let package = &case.entry.package;
        imitate(&mut case.world, &cell.result.trace, sender, package)?;
        // What it sends is judged, by the world in which nobody is told to imitate: it may have to break a rule.
        let reference = Stable {
            judged: true,
            ..Stable::reference()
        };
        let (result, names) = match sender {
            Role::Initiator => {
                let other = self.stables.get(cell.acceptor)?;
                (
                    self.exchange(&case, &world, &reference, other)?,
                    ["reference", names[1]],
                )
            }
            Role::Acceptor => {
                let other = self.stables.get(cell.initiator)?;
                (
                    self.exchange(&case, &world, other, &reference)?,
                    [names[0], "reference"],
                )
            }
        };
        Trial::of(&self.suite.mapping, &result, names, sender)
    }

    /// One exchange, judged by a world, which need not be the one in which it is played; none if an adapter cannot be started
    /// again.
    fn exchange(
        &self,
        case: &Case<'_>,
        world: &World,
        initiator: &Stable,
        acceptor: &Stable,
    ) -> Option<CaseResult> {
        let mut first = initiator.horse(self.options).ok()?;
        let mut second = acceptor.horse(self.options).ok()?;
        let foreign = [initiator, acceptor]
            .into_iter()
            .filter(|stable| stable.located.is_some());
        let options = Options {
            clock: runner::clock_for(foreign.map(|stable| &stable.hello), self.options),
            ..self.options.clone()
        };
        let settings = runner::settings(self.suite, case, &options, None);
        let mut trace = driver::run(case, first.seat(), second.seat(), settings);
        trace.world = world.clone();
        let result = runner::conclude(self.suite, case, trace, seen(initiator), seen(acceptor));
        initiator.back(first);
        acceptor.back(second);
        Some(result)
    }
}

fn seen<'s>(stable: &'s Stable) -> Seen<'s> {
    Seen {
        hello: &stable.hello,
        name: stable.label(),
        judged: stable.judged,
    }
}
