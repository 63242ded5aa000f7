//! tmp
use legwork::{suite::Suite, run::case, runner::{self, Options}, check::Verdict, kill};
fn main() {
    let suite = match Suite::embedded() { Ok(s) => s, Err(e) => { for e in e { println!("{e}"); } return; } };
    let cases = case::expand(&suite);
    let t = std::time::Instant::now();
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).map(String::as_str) == Some("kill") {
        let m = kill::matrix(&suite, &cases, &Options::default(), |_| {});
        println!("survivors:"); for s in &m.survivors { let k = m.saboteurs.iter().find(|k| k.name == *s).unwrap(); println!("  {s} ({}) failed: {:?}", k.rule, k.failed.keys().collect::<Vec<_>>()); }
        println!("open: {:#?}", m.open); println!("noisy {:?}", m.noisy); println!("broken {:?}", m.broken);
        println!("{:?}", t.elapsed());
        return;
    }
    let filter = args.get(1).cloned().unwrap_or_default();
    let cases: Vec<_> = cases.into_iter().filter(|c| case::matches(&filter, &c.id)).collect();
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    let mut counts = std::collections::BTreeMap::new();
    for r in &results {
        *counts.entry(r.verdict).or_insert(0) += 1;
        if r.verdict != Verdict::Pass {
            println!("{} {:?} end {:?}", r.key(), r.verdict, r.trace.end);
            for f in r.findings.iter().filter(|f| f.verdict != Verdict::Pass).take(4) { println!("    {:?} {} {} {:?} {}", f.verdict, f.rule, f.side.name(), f.event, f.message); }
        }
    }
    println!("{counts:?} {:?}", t.elapsed());
}
