//! The results as a page of Markdown: what was measured, against its goal, and no more.

use super::Results;
use super::footprint::Footprint;
use super::sample::{Pair, Ratio, median, quantile, range, ratio};

/// The goals, as the first issue states them.
const LAG: f64 = 1.05;
const RESTORE: f64 = 1.05;
const START: f64 = 2.5;
const START_MB: f64 = 10.0;
const MEMORY: f64 = 30.0;
const CPU: f64 = 0.5;

/// The whole page.
pub(super) fn render(results: &Results) -> String {
    let mut page = String::from("# Benchmarks\n\n");
    page.push_str(
        "Written by `cargo xtask bench`. \"Bare\" is the same Litestream and MinIO without the engine, with the same intervals \
         and flags, measured in the same run by turns with ours.\n\n",
    );
    page.push_str(&where_and_when(results));
    if let Some(pair) = &results.lag {
        page.push_str(&lag(pair));
    }
    page.push_str(&restores(&results.restores));
    page.push_str(&starts(&results.starts));
    page.push_str(&idle(&results.idle));
    page
}

fn where_and_when(results: &Results) -> String {
    let machine = &results.machine;
    let versions: Vec<String> =
        results.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "- Machine: {}, {} cores, {:.0} GiB of memory, Linux {}, {}.\n\
         - Measured: {}.\n\
         - When: {} UTC. Load of the machine (1, 5, 15 minutes): {} before, {} after. Above {} something else wanted its \
         cores as well.\n\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.disk,
        versions.join(", "),
        results.began,
        results.load_before,
        results.load_after,
        machine.cores,
    )
}

fn lag(pair: &Pair) -> String {
    let p99 = |values: &[f64]| quantile(values, 0.99);
    let mut text = format!(
        "## From commit to restorable\n\n\
         From the end of a commit until the level-0 object that holds it is in the store; one-row commits at random moments, \
         sync interval 1 s, database of 10 MB, {} of each side; the observer looks every {} ms. The range is that of five \
         consecutive parts of the run. Goal: at most 5 % worse than bare.\n\n\
         | | ours | bare | ratio | goal |\n| --- | ---: | ---: | ---: | --- |\n",
        pair.ours.len(),
        super::lag::LOOK.as_millis(),
    );
    for (name, of) in [("p50", &median as &dyn Fn(&[f64]) -> Option<f64>), ("p99", &p99)] {
        let ratio = ratio(pair, 5, of);
        let met = goal(ratio.map(|ratio| ratio.of_all), LAG);
        text.push_str(&format!(
            "| {name} | {} | {} | {} | ≤ {LAG}: {met} |\n",
            seconds(of(&pair.ours)),
            seconds(of(&pair.bare)),
            shown(ratio),
        ));
    }
    let largest = |values: &[f64]| range(values).map(|(_, most)| most);
    text + &format!(
        "| largest | {} | {} | | |\n\n",
        seconds(largest(&pair.ours)),
        seconds(largest(&pair.bare))
    )
}

fn restores(all: &[(String, f64, Pair)]) -> String {
    let Some((_, megabytes, pair)) = all.first() else { return String::new() };
    let mut text = format!(
        "## Restore\n\n\
         `sqlite-replicate restore --to FILE` (with its progress) beside `litestream restore`: {} of random bytes, {} \
         of each, the disk flushed before each. The range is that of neighbouring runs. Goal: at most 1.05 times.\n\n\
         | integrity check | ours, median | bare, median | ratio | goal |\n| --- | ---: | ---: | ---: | --- |\n",
        size(*megabytes),
        pair.ours.len(),
    );
    for (integrity, _, pair) in all {
        let ratio = ratio(pair, pair.ours.len(), median);
        text.push_str(&format!(
            "| {integrity} | {} | {} | {} | ≤ {RESTORE}: {} |\n",
            seconds(median(&pair.ours)),
            seconds(median(&pair.bare)),
            shown(ratio),
            goal(ratio.map(|ratio| ratio.of_all), RESTORE),
        ));
    }
    text + "\n"
}

fn starts(all: &[(f64, Pair)]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "## Start\n\n\
         From the start of `sqlite-replicate run` with a fresh home until the status says that everything is stored; bare: \
         from the start of MinIO, with Litestream started as soon as it serves, until the first object is in the store. \
         Median (least to most).\n\n\
         | database | starts | ours | bare | goal |\n| --- | ---: | ---: | ---: | --- |\n",
    );
    for (megabytes, pair) in all {
        let is_small = (*megabytes - START_MB).abs() < f64::EPSILON;
        let met = format!("≤ {START} s: {}", goal(median(&pair.ours), START));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            size(*megabytes),
            pair.ours.len(),
            spread(&pair.ours),
            spread(&pair.bare),
            if is_small { &met } else { "none" },
        ));
    }
    text + "\n"
}

fn idle(all: &[Footprint]) -> String {
    let Some(first) = all.first() else { return String::new() };
    let mut text = format!(
        "## Idle\n\n\
         Everything stored, nobody writes. Memory at the end of {} s (PSS counts shared pages by their share; peak is the most \
         since the start), processor time over these seconds. The goals are for the engine alone: at most {MEMORY} MB resident, \
         at most {CPU} % of one core.\n\n\
         | databases | program | resident | PSS | peak | processor | goals |\n\
         | ---: | --- | ---: | ---: | ---: | ---: | --- |\n",
        first.seconds,
    );
    for footprint in all {
        for idle in &footprint.programs {
            let name = match idle.program.as_str() {
                "store" => "MinIO",
                "capture" => "Litestream",
                _ => "engine",
            };
            let goals = format!(
                "memory: {}, processor: {}",
                goal(Some(megabytes(idle.memory.rss)), MEMORY),
                goal(Some(idle.cpu_percent), CPU)
            );
            text.push_str(&format!(
                "| {} | {name} | {:.1} MB | {:.1} MB | {:.1} MB | {:.2} % | {} |\n",
                footprint.databases,
                megabytes(idle.memory.rss),
                megabytes(idle.memory.pss),
                megabytes(idle.memory.peak),
                idle.cpu_percent,
                if name == "engine" { &goals } else { "" },
            ));
        }
    }
    text
}

fn goal(value: Option<f64>, most: f64) -> &'static str {
    match value {
        Some(value) if value <= most => "met",
        Some(_) => "**not met**",
        None => "not measured",
    }
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3} s"))
}

fn shown(ratio: Option<Ratio>) -> String {
    let show = |ratio: Ratio| format!("{:.3} ({:.3}–{:.3})", ratio.of_all, ratio.least, ratio.most);
    ratio.map_or_else(|| "–".to_owned(), show)
}

fn spread(values: &[f64]) -> String {
    match (median(values), range(values)) {
        (Some(middle), Some((least, most))) if values.len() > 1 => {
            format!("{middle:.2} s ({least:.2}–{most:.2})")
        }
        (Some(middle), _) => format!("{middle:.2} s"),
        _ => "–".to_owned(),
    }
}

fn size(megabytes: f64) -> String {
    if megabytes >= 1000.0 { format!("{} GB", megabytes / 1000.0) } else { format!("{megabytes} MB") }
}

#[allow(clippy::cast_precision_loss, reason = "memory of a process, for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::footprint::Idle;
    use super::super::process::Cost;
    use super::*;

    fn results() -> Results {
        let idle = |program: &str, rss, cpu_percent| {
            let memory = Cost { rss, pss: rss / 2, peak: rss * 2, cpu_seconds: 1.0 };
            Idle { program: program.to_owned(), memory, cpu_percent }
        };
        let programs = vec![idle("engine", 25_000_000, 0.61), idle("store", 110_000_000, 1.0)];
        Results {
            lag: Some(Pair { ours: vec![0.4, 0.5, 0.6], bare: vec![0.4, 0.5, 0.5] }),
            starts: vec![
                (10.0, Pair { ours: vec![2.0, 2.6, 2.2], bare: vec![1.0, 1.0, 1.0] }),
                (1000.0, Pair { ours: vec![20.0], bare: vec![19.0] }),
            ],
            restores: vec![("none".to_owned(), 1000.0, Pair { ours: vec![8.0], bare: vec![8.0] })],
            idle: vec![Footprint { databases: 100, seconds: 60, programs }],
            ..Results::default()
        }
    }

    fn line<'a>(page: &'a str, start: &str) -> &'a str {
        page.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no `{start}` in\n{page}"))
    }

    #[test]
    fn each_number_stands_beside_its_goal() {
        let page = render(&results());
        assert!(line(&page, "| p50").ends_with("| 0.500 s | 0.500 s | 1.000 (1.000–1.200) | ≤ 1.05: met |"));
        assert!(line(&page, "| p99").ends_with("≤ 1.05: **not met** |"));
        assert!(line(&page, "| none").contains("| 8.000 s | 8.000 s | 1.000 (1.000–1.000) | ≤ 1.05: met |"));
        assert_eq!(
            line(&page, "| 10 MB"),
            "| 10 MB | 3 | 2.20 s (2.00–2.60) | 1.00 s (1.00–1.00) | ≤ 2.5 s: met |"
        );
        assert_eq!(line(&page, "| 1 GB"), "| 1 GB | 1 | 20.00 s | 19.00 s | none |");
    }

    #[test]
    fn goals_of_memory_and_processor_are_the_engines_alone() {
        let page = render(&results());
        let engine = line(&page, "| 100 | engine");
        assert!(
            engine
                .ends_with("| 25.0 MB | 12.5 MB | 50.0 MB | 0.61 % | memory: met, processor: **not met** |"),
            "{engine}"
        );
        assert!(line(&page, "| 100 | MinIO").ends_with("| 1.00 % |  |"));
    }

    #[test]
    fn what_was_not_measured_is_not_there() {
        let page = render(&Results { lag: None, starts: Vec::new(), ..results() });
        assert!(!page.contains("## From commit") && !page.contains("## Start") && page.contains("## Idle"));
    }
}
