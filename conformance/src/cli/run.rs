//! `legwork run`.

use std::{
    fs::{self, File},
    io::BufWriter,
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use legwork::{
    control::Control,
    expectations::Expectations,
    protocol::{Hello, Role},
    report::{
        Run, Who,
        expectation_update::{self, Audience},
        log,
    },
    run::{case::Case, portion::Shard, spent::Spent},
    runner::{self, CaseResult, ForeignRun, Options},
    subject::{description::Located, reference::HELLO},
    suite::Suite,
};

use super::{
    console::{self, Done, Failure},
    list,
    options::{self, RoleName, SubjectChoice, SuiteChoice},
    outputs::Outputs,
    progress,
    setup::set_up,
};

/// Run the suite.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only cases whose id matches; components are compared one by one, `*` is any text in one, `**` any components
    #[arg(long, value_name = "GLOB")]
    filter: Vec<String>,
    /// List the cases instead of running them
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    subject: SubjectChoice,
    /// Run the subject in this role only
    #[arg(long, value_enum, requires = "subject")]
    role: Option<RoleName>,
    /// Run the setup commands of the subject's description first
    #[arg(long, requires = "subject")]
    setup: bool,
    /// Cases that run at the same time; the default is one a processor, and two with a subject, for which they wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten)]
    suite: SuiteChoice,
    #[command(flatten)]
    outputs: Outputs,
    /// Write everything that happens to a file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Run one part of the cases only, such as 1/4; `legwork merge` puts the logs together
    #[arg(long, value_name = "PART/PARTS")]
    shard: Option<Shard>,
    /// Run the cases in an order that this seed decides
    #[arg(long, value_name = "SEED")]
    shuffle: Option<u64>,
    /// A warning fails the run
    #[arg(long)]
    strict: bool,
    /// Known deviations; the default is expectations.yaml beside subject.yaml
    #[arg(long, value_name = "FILE", requires = "subject")]
    expectations: Option<PathBuf>,
    /// Known deviations that are not public: they are counted and not shown
    #[arg(long, value_name = "FILE", requires = "subject")]
    private_expectations: Option<PathBuf>,
    /// Count failures that can let somebody in, and crashes, and do not tell them: for a run whose report is public
    #[arg(long, requires = "subject")]
    withhold: bool,
    /// Add every unexpected failure to the file of known deviations, for a person to give reasons
    #[arg(long, requires = "subject")]
    update_expectations: bool,
}

/// Everything that is read before the first case runs.
struct Prepared<'a> {
    suite: &'a Suite,
    cases: Vec<Case<'a>>,
    options: Options,
    located: Option<Located>,
    roles: Vec<Role>,
    expectations: Expectations,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let mut suite = arguments.suite.load()?;
    let located = arguments.subject.load()?;
    if let Some(located) = &located {
        options::teach(&mut suite, located)?;
    }
    let cases = options::choose(&suite, &arguments.filter)?;
    if arguments.list {
        console::print(&list::cases(&cases))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut known = expectations(arguments, located.as_ref())?;
    if arguments.withhold {
        known.withhold(&suite);
    }
    let prepared = Prepared {
        suite: &suite,
        cases,
        options: Options {
            keep_traces: false,
            measure: arguments.log.is_some(),
            shard: arguments.shard,
            shuffle: arguments.shuffle,
            ..arguments.subject.options()
        },
        roles: roles(arguments),
        expectations: known,
        located,
    };
    if let (true, Some(located)) = (arguments.setup, &prepared.located) {
        set_up(located, false)?;
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs(arguments))
        .build();
    let pool = pool.map_err(|error| Failure::Usage(format!("cannot start threads: {error}")))?;
    pool.install(|| prepared.go(arguments))
}

/// Cases that run at the same time. Who waits for an adapter leaves the processor to another.
fn jobs(arguments: &Arguments) -> usize {
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    match (arguments.jobs, &arguments.subject.subject) {
        (Some(jobs), _) => usize::from(jobs),
        (None, Some(_)) => processors().saturating_mul(2),
        (None, None) => processors(),
    }
}

fn roles(arguments: &Arguments) -> Vec<Role> {
    let by_key = |pattern: &String| options::split_key(pattern).1;
    match arguments.role {
        Some(role) => vec![role.into()],
        None => match arguments.filter.iter().map(by_key).collect::<Option<Vec<Role>>>() {
            Some(roles) if !roles.is_empty() => Role::BOTH
                .into_iter()
                .filter(|role| roles.contains(role))
                .collect(),
            _ => Role::BOTH.to_vec(),
        },
    }
}

fn expectations(arguments: &Arguments, located: Option<&Located>) -> Result<Expectations, Failure> {
    // A file that is to be written need not be there yet.
    let to_come = |file: &PathBuf| arguments.update_expectations && !file.exists();
    let beside = located.map(Located::expectations);
    let beside = beside.filter(|file| file.is_file());
    let public = arguments.expectations.clone().or(beside);
    let mut expectations = match public.filter(|file| !to_come(file)) {
        Some(file) => Expectations::load(&file).map_err(Failure::Broken)?,
        None => Expectations::default(),
    };
    let private = arguments.private_expectations.clone();
    if let Some(file) = private.filter(|file| !to_come(file)) {
        expectations.add_private(&file).map_err(Failure::Broken)?;
    }
    let version = located.and_then(|located| located.description.version.as_deref());
    Ok(expectations.for_version(version))
}

type Log<'a> = Mutex<log::Writer<'a, BufWriter<File>>>;

impl Prepared<'_> {
    fn go(&self, arguments: &Arguments) -> Done {
        let keys = self.keys();
        if keys.is_empty() {
            return Err(Failure::Usage("none of these cases judges that side".to_owned()));
        }
        let planned = self.who(arguments, None);
        let plan = log::Plan {
            who: &planned,
            cases: &self.cases,
            keys: &keys,
            suite: self.suite,
            options: &self.options,
            strict: arguments.strict,
            whole: is_whole(arguments),
            expectations: &self.expectations,
        };
        let log: Option<Log<'_>> = arguments
            .log
            .as_deref()
            .map(|path| begin(path, plan))
            .transpose()?;
        let mine = |key: &&String| arguments.shard.is_none_or(|shard| shard.has(key));
        let bar = progress::bar(keys.iter().filter(mine).count(), "cases");
        let started = Instant::now();
        let run = self.play(|result| {
            if let Some(Ok(mut log)) = log.as_ref().map(Mutex::lock) {
                log.case(result);
            }
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        self.conclude(arguments, log, &run, started.elapsed())
    }

    /// Reports; an error of the log comes last, for the report is worth having without it.
    fn conclude(
        &self,
        arguments: &Arguments,
        log: Option<Log<'_>>,
        ForeignRun {
            hello,
            control,
            results,
            spent,
        }: &ForeignRun,
        elapsed: Duration,
    ) -> Done {
        let whole = is_whole(arguments) && arguments.shard.is_none();
        let outcome = self.expectations.judge(results, whole);
        let who = Who {
            control: control.clone(),
            ..self.who(arguments, Some(hello))
        };
        let run = Run {
            suite: self.suite,
            cases: &self.cases,
            options: &self.options,
            who: &who,
            results,
            expectations: &self.expectations,
            outcome: &outcome,
            strict: arguments.strict,
            elapsed,
            spent: self.located.is_some().then_some(*spent),
        };
        arguments.outputs.write(&run)?;
        if let Some(log) = log {
            finish(log, arguments, hello, &run)?;
        }
        if arguments.update_expectations {
            self.update(arguments, &run)?;
        }
        Ok(console::verdict(run.is_good()))
    }

    /// Adds entries to the files of expectations. What is not public goes to the private file or nowhere.
    fn update(&self, arguments: &Arguments, run: &Run<'_>) -> Result<(), Failure> {
        let beside = self.located.as_ref().map(Located::expectations);
        let public = arguments.expectations.clone().or(beside).unwrap_or_default();
        let targets = [
            (Audience::Public, Some(public)),
            (Audience::Private, arguments.private_expectations.clone()),
        ];
        for (audience, path) in targets {
            let count = expectation_update::count(run, audience);
            match path {
                Some(path) => update_file(run, audience, &path)?,
                None if count == 0 => {}
                None => console::note(&format!(
                    "{count} failed checks are of rules whose breach can let somebody in, or ended the process: they \
                     belong into a file that is not public until upstream has answered; name one with \
                     --private-expectations"
                )),
            }
        }
        Ok(())
    }

    fn play(&self, done: impl Fn(&CaseResult) + Sync) -> Result<ForeignRun, Failure> {
        let Some(located) = &self.located else {
            return Ok(ForeignRun {
                hello: HELLO.clone(),
                control: Control::of(&HELLO),
                results: runner::run_reference(self.suite, &self.cases, &self.options, done),
                spent: Spent::default(),
            });
        };
        runner::run_foreign(self.suite, &self.cases, &self.options, located, &self.roles, done)
            .map_err(|message| not_run(located, &message))
    }

    /// The keys of all results that there will be.
    fn keys(&self) -> Vec<String> {
        match &self.located {
            None => self.cases.iter().map(|case| case.key(None)).collect(),
            Some(_) => {
                let keys = |role: &Role| {
                    let role = *role;
                    let judged = self.cases.iter().filter(move |case| case.judges(role));
                    judged.map(move |case| case.key(Some(role)))
                };
                self.roles.iter().flat_map(keys).collect()
            }
        }
    }

    fn who(&self, arguments: &Arguments, hello: Option<&Hello>) -> Who {
        let Some(located) = &self.located else {
            return Who::reference();
        };
        let unknown = Hello::default();
        let argument = arguments.subject.argument();
        Who {
            origin: located.description.origin(),
            ..Who::of(&located.description.name, hello.unwrap_or(&unknown), argument)
        }
    }
}

/// Whether all cases of the suite are run, or shared out among the parts of a run.
fn is_whole(arguments: &Arguments) -> bool {
    arguments.filter.is_empty() && arguments.role.is_none()
}

/// Brings a file of expectations up to date. It is made only if there is something to write.
fn update_file(run: &Run<'_>, audience: Audience, path: &Path) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let old = if path.exists() {
        fs::read_to_string(path)
    } else {
        Ok(String::new())
    };
    let old = old.map_err(|error| Failure::Usage(format!("{shown}: cannot be read: {error}")))?;
    if old.is_empty() && expectation_update::count(run, audience) == 0 {
        return Ok(());
    }
    let text = expectation_update::update(run, audience, &shown, &old);
    let text = text.map_err(|error| Failure::Broken(vec![*error]))?;
    if text != old {
        fs::write(path, text).map_err(|error| Failure::Output(shown.clone(), error))?;
        console::note(&format!("{shown} is brought up to date; give the reasons"));
    }
    Ok(())
}

/// An adapter that could not be started, and how to set it up.
fn not_run(located: &Located, message: &str) -> Failure {
    let name = &located.description.name;
    let setup = match located.description.setup.is_empty() {
        true => "",
        false => "\nIts description has setup commands; `--setup` runs them first.",
    };
    Failure::Failed(format!(
        "adapter-fault: {name}: {message}\nNo case was run.{setup}"
    ))
}

fn begin<'a>(path: &Path, plan: log::Plan<'a>) -> Result<Log<'a>, Failure> {
    let file = File::create(path).map_err(|error| Failure::Output(path.display().to_string(), error))?;
    Ok(Mutex::new(log::Writer::begin(BufWriter::new(file), plan)))
}

/// Ends the log; an error at any time while it was written shows here.
fn finish(log: Log<'_>, arguments: &Arguments, hello: &Hello, run: &Run<'_>) -> Result<(), Failure> {
    let mut writer = log.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    writer.subject(hello, &run.who.control);
    let shown = arguments
        .log
        .as_ref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    writer.finish(run).map_err(|error| Failure::Output(shown, error))
}
