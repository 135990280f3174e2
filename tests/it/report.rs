//! Charts as text: the same bytes for the same chart, and nothing of a name becomes markup.

use std::path::Path;

use initlab::report::chart::{Axis, Chart, Rule, Series, Shape};
use initlab::report::draw::{Frame, chart};
use initlab::report::heat::{Heat, Line, Side, heat};
use initlab::report::page::{Block, Page, Section, Table};
use initlab::report::palette::Style;
use initlab::report::scale::Kind;
use initlab::report::thin::{Point, thin};

const HOSTILE: &str = "<script>alert(1)</script>\"'&\n🦀 ]]> --> </svg></style>";

fn curves(name: &str) -> Chart {
    let wave = |i: usize| 2.0 * 0.99f64.powi(i as i32) * (1.0 + 0.3 * libm::sin(i as f64));
    let long = thin((0..400).map(|i| i as f64), (0..400).map(wave), 40);
    let mut falling = Series::new(name, Style::Category(0), Shape::Line, long);
    falling.faint.push(vec![Point::new(0.0, 2.5), Point::new(200.0, f64::NAN), Point::new(399.0, 0.5)]);
    falling.crosses.push((399.0, 0.5));
    let stairs = [(0.0, 1.0), (100.0, 0.5), (300.0, 0.1)].map(|(x, y)| Point { x, y, low: 0.5 * y, high: 2.0 * y });
    let dots = [Point::new(50.0, 0.2), Point { x: 250.0, y: 0.3, low: 0.0, high: 0.6 }];
    Chart {
        title: name.into(),
        about: "every shape once".into(),
        x: Axis::counts("step"),
        y: Axis::log("loss"),
        series: vec![
            falling,
            Series::new("stairs", Style::Category(1), Shape::Stairs, stairs.to_vec()),
            Series::new("dots", Style::Depth(3, 5), Shape::Dots, dots.to_vec()),
        ],
        rules: vec![
            Rule { upright: false, value: 0.05, label: "limit".into() },
            Rule { upright: true, value: 120.0, label: name.into() },
        ],
    }
}

fn map(name: &str) -> Heat {
    Heat {
        title: name.into(),
        about: "six cells".into(),
        x: Side { label: "step".into(), range: [0.0, 30.0], kind: Kind::Linear, whole: true, names: vec![] },
        y: Side {
            label: "layer".into(),
            range: [0.0, 2.0],
            kind: Kind::Linear,
            whole: true,
            names: vec![name.into(); 2],
        },
        columns: 3,
        values: vec![0.1, 1.0, 10.0, f64::NAN, 0.0, 100.0],
        label: "std".into(),
        kind: Kind::Log,
        scale: None,
        smooth: false,
        height: 210.0,
        line: Some(Line {
            label: name.into(),
            path: vec![(1.0, 0.5), (20.0, 1.5), (90.0, 1.0)],
            side: name.into(),
            values: vec![(name.into(), name.into())],
        }),
    }
}

/// Compares with a file under `tests/snapshots`; UPDATE_SNAPSHOTS=1 writes it anew.
fn assert_snapshot(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    let at = found.bytes().zip(expected.bytes()).position(|(a, b)| a != b).unwrap_or(found.len().min(expected.len()));
    assert!(
        found == expected,
        "{name} differs at byte {at}: {}",
        &found[at.saturating_sub(60)..found.len().min(at + 60)]
    );
}

#[test]
fn drawings_are_the_same_bytes_as_before() {
    assert_snapshot("curves.svg", &chart(&curves("falling"), Frame::Alone));
    assert_snapshot("map.svg", &heat(&map("linear"), Frame::Alone));
}

/// The names of all elements, in order, and whether every one is closed in its turn.
fn elements(markup: &str) -> (Vec<String>, bool) {
    let (mut names, mut open, mut balanced) = (Vec::new(), Vec::new(), true);
    for (at, _) in markup.match_indices('<') {
        let tag = &markup[at + 1..at + markup[at..].find('>').expect("a tag ends")];
        let name = tag.trim_start_matches('/').split([' ', '/', '>']).next().unwrap().to_string();
        if tag.starts_with('/') {
            balanced &= open.pop().as_ref() == Some(&name);
        } else {
            if !tag.ends_with('/') {
                open.push(name.clone());
            }
            names.push(name);
        }
    }
    (names, balanced && open.is_empty())
}

#[test]
fn names_are_text_whatever_they_hold() {
    let long = format!("{HOSTILE}{}", "x".repeat(300));
    for frame in [Frame::Page("f1"), Frame::Alone] {
        for (hostile, plain) in [
            (chart(&curves(&long), frame), chart(&curves("plain"), frame)),
            (heat(&map(&long), frame), heat(&map("plain"), frame)),
        ] {
            let (names, balanced) = elements(&hostile);
            assert!(balanced, "{hostile}");
            assert_eq!(names, elements(&plain).0, "the same elements as with a plain name");
        }
    }
    let mut section = Section::new(&long);
    section.text(&long);
    section.blocks.push(Block::Facts(vec![(long.clone(), long.clone())]));
    section.blocks.push(Block::Code(long.clone()));
    let rows = vec![vec![long.clone(), long.clone()]];
    section.blocks.push(Block::Table(Table { caption: long.clone(), head: vec![long.clone(), long.clone()], rows }));
    section.chart(curves(&long));
    section.heat(map(&long));
    let html = Page { title: long.clone(), lead: long, findings: vec![], sections: vec![section] }.html();
    assert_eq!(html.matches("<script").count(), 1, "the page's own");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn a_page_names_no_other_address() {
    let html = Page { title: "t".into(), lead: String::new(), findings: vec![], sections: vec![] }.html();
    for part in ["http:", "https:", "src=", "@import", "url("] {
        // The name of SVG's namespace is no address that is fetched.
        let found = html.replace("http://www.w3.org/2000/svg", "").contains(part);
        assert!(!found, "{part}");
    }
}

#[test]
fn charts_without_anything_to_draw_are_left_out() {
    let mut empty = curves("empty");
    empty.series = vec![Series::new("nothing", Style::Category(0), Shape::Line, vec![Point::new(0.0, f64::NAN)])];
    let mut section = Section::new("s");
    section.chart(empty.clone());
    section.heat(Heat { values: vec![f64::NAN; 6], ..map("empty") });
    assert!(section.blocks.is_empty());
    assert!(elements(&chart(&empty, Frame::Alone)).1, "and drawn all the same they are whole");
}
