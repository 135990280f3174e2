//! The figures of a page as files of their own: which there are, and what they are called.

use crate::report::draw::{self, Frame};
use crate::report::heat;
use crate::report::page::{Block, Choice, Page};

impl Page {
    /// Every chart and map whose title is `wanted`, in order, as (title, SVG that stands alone).
    pub fn pictures(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for section in &self.sections {
            pictures(&section.blocks, section.of.as_slice(), wanted, &mut all);
        }
        all
    }

    /// The titles of the figures, in order.
    pub fn titles(&self) -> Vec<&str> {
        let mut titles = Vec::new();
        self.sections.iter().for_each(|section| of_figures(&section.blocks, &mut titles));
        titles
    }
}

/// The titles of the figures of these blocks.
fn of_figures<'a>(blocks: &'a [Block], titles: &mut Vec<&'a str>) {
    for block in blocks {
        match block {
            Block::Chart(chart) => titles.push(&chart.title),
            Block::Heat(map) => titles.push(&map.title),
            Block::Multiples(charts) => titles.extend(charts.iter().map(|chart| &*chart.title)),
            Block::Choice(choice) => choice.options.iter().for_each(|(_, blocks)| of_figures(blocks, titles)),
            Block::Text(_) | Block::Facts(_) | Block::Table(_) | Block::Code(_) => {}
        }
    }
}

/// The figures of these blocks by title; what they are of stands before it.
fn pictures(blocks: &[Block], of: &[String], wanted: &dyn Fn(&str) -> bool, all: &mut Vec<(String, String)>) {
    let mut add = |title: &str, draw: &dyn Fn() -> String| {
        if wanted(title) {
            all.push(([of, &[title.to_owned()]].concat().join(", "), draw()));
        }
    };
    for block in blocks {
        match block {
            Block::Chart(chart) => add(&chart.title, &|| draw::chart(chart, Frame::Alone)),
            Block::Heat(map) => add(&map.title, &|| heat::heat(map, Frame::Alone)),
            Block::Multiples(charts) => {
                charts.iter().for_each(|chart| add(&chart.title, &|| draw::chart(chart, Frame::Alone)));
            }
            Block::Choice(_) | Block::Text(_) | Block::Facts(_) | Block::Table(_) | Block::Code(_) => {}
        }
    }
    for block in blocks {
        if let Block::Choice(Choice { what, options }) = block {
            for (name, blocks) in options {
                pictures(blocks, &[of, &[format!("{what} {name}")]].concat(), wanted, all);
            }
        }
    }
}
