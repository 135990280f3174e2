//! Published results replayed: figures over few seeds, independent of threads, and the committed report.

use std::path::Path;

use initlab::papers::figure::Measured;
use initlab::papers::outcome::Outcome;
use initlab::papers::published::published;
use initlab::papers::{ITEMS, Item, Replayed, Setting};

fn replay(name: &str, seeds: usize, threads: usize) -> Outcome {
    let item = Item::of(name).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| (item.replay)(&Setting { data: None, seeds, done: &|| () })).unwrap()
}

#[test]
fn quick_items_are_inside_and_do_not_depend_on_the_number_of_threads() {
    for item in ITEMS.iter().filter(|item| item.quick) {
        let outcome = replay(item.name, 2000, 2);
        let replayed = Replayed::new(item, 2000, outcome.clone());
        assert!(replayed.inside(), "{}: {:?}", item.name, replayed.outside());
        assert_eq!(outcome, replay(item.name, 2000, 1), "{}", item.name);
    }
}

#[test]
fn the_share_of_the_dead_is_counted_over_all_seeds() {
    let outcome = replay("dying-relu", 300, 2);
    let share = |name: &str| {
        let figure = outcome.figures.iter().find(|figure| figure.name == name).unwrap();
        let Measured::Share { hits, of } = figure.measured else { panic!("{figure:?}") };
        assert_eq!(of, 300);
        hits
    };
    assert!(share("born dead, width 2") > share("born dead, width 5"));
    assert!(share("born dead, width 2, asymmetric") < share("born dead, width 2"));
}

#[test]
fn the_committed_report_has_every_item_or_says_that_it_was_not_run() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/papers.md")).unwrap();
    assert!(text.starts_with("# Papers replayed\n\nWritten by `initlab papers "));
    let sections: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("## ")).map(|line| line.split(':').next().unwrap()).collect();
    let counted = text.lines().find(|line| line.contains(" items: ")).unwrap();
    let not_run = counted.split_once("not run: ").map_or("", |(_, names)| names);
    let expected = ITEMS.iter().map(|item| item.name).filter(|name| {
        let missing = not_run.split([',', ' ']).any(|word| word == *name);
        assert!(missing != sections.contains(name), "{name}");
        !missing
    });
    assert!(expected.eq(sections.iter().copied()));
    assert!(ITEMS.iter().filter(|item| item.quick).all(|item| sections.contains(&item.name)));
    for number in published().iter().filter(|number| sections.contains(&number.item.as_str())) {
        assert!(text.contains(&format!("| {} | {:.4} |", number.figure, number.value)), "{}", number.figure);
    }
}
