//! Pages: headings, text, tables, charts and maps as one HTML file that needs nothing else.

use std::fmt::Write;

use crate::numerals::number;
use crate::record::finding::Finding;
use crate::report::chart::{Chart, Row};
use crate::report::draw::{self, Frame, OK, swatch};
use crate::report::heat::{self, Heat, Line};
use crate::report::palette;
use crate::report::scale::Kind;
use crate::report::text::{escape, shorten};

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// The result, in a sentence or two.
    pub lead: String,
    /// The findings from the records.
    pub findings: Vec<Finding>,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A heading and what stands below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// The subject of its pictures, where other sections have the same ones: stands in their files' names.
    pub of: Option<String>,
    /// The blocks below it.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// A table.
    Table(Table),
    /// Text as it stands, such as a config.
    Code(String),
    /// A chart.
    Chart(Chart),
    /// A map of colours.
    Heat(Heat),
    /// Figures of which one set is looked at at a time.
    Choice(Choice),
    /// Small charts of the same series in a row, with one legend.
    Multiples(Vec<Chart>),
}

/// Figures of which one set is looked at at a time, such as those of one layer. Without scripts all stand below each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The kind of thing to choose, such as `layer`.
    pub what: String,
    /// Names, and what each shows: charts and maps.
    pub options: Vec<(String, Vec<Block>)>,
}

/// A table; its first column names the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its content in words; empty if the text above says so.
    pub caption: String,
    /// Heads of the columns.
    pub head: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

/// Rows of the table below a chart: enough to read, the records have them all.
const ROWS: usize = 12;

impl Section {
    /// A section with nothing in it yet.
    pub fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), of: None, blocks: Vec::new() }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    /// Adds a chart, unless it is empty.
    pub fn chart(&mut self, chart: Chart) {
        if !chart.is_empty() {
            self.blocks.push(Block::Chart(chart));
        }
    }

    /// Adds a map, unless it is empty.
    pub fn heat(&mut self, heat: Heat) {
        if heat.values.iter().any(|v| v.is_finite()) {
            self.blocks.push(Block::Heat(heat));
        }
    }
}

impl Page {
    /// The HTML file.
    pub fn html(&self) -> String {
        let mut to = String::with_capacity(1 << 16);
        let title = escape(&shorten(&self.title, 120));
        write!(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n").expect(OK);
        // Nothing is ever fetched: the browser is told so too.
        to.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; ");
        to.push_str("style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n");
        to.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        to.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
        write!(to, "<title>{title}</title>\n<style>\n{}{}", include_str!("page.css"), palette::rules(false)).expect(OK);
        write!(to, "@media screen and (prefers-color-scheme:dark){{\n{}}}\n</style>\n</head>\n", palette::rules(true))
            .expect(OK);
        write!(to, "<body>\n<main>\n<header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n", escape(&self.lead))
            .expect(OK);
        findings(&mut to, &self.findings);
        to.push_str("</header>\n");
        self.contents(&mut to);
        let mut figures = 0;
        for (i, section) in self.sections.iter().enumerate() {
            write!(to, "<section id=\"s{i}\">\n<h2>{}</h2>\n", escape(&section.heading)).expect(OK);
            blocks(&mut to, &section.blocks, &mut figures);
            to.push_str("</section>\n");
        }
        write!(to, "</main>\n<script>\n{}</script>\n</body>\n</html>\n", include_str!("page.js")).expect(OK);
        to
    }

    fn contents(&self, to: &mut String) {
        to.push_str("<nav aria-label=\"Contents\"><ul>");
        for (i, section) in self.sections.iter().enumerate() {
            write!(to, "<li><a href=\"#s{i}\">{}</a></li>", escape(&shorten(&section.heading, 60))).expect(OK);
        }
        to.push_str("</ul></nav>\n");
    }
}

/// Writes the findings and their remedies; words say how much each matters, for those who do not see colours.
fn findings(to: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    to.push_str("<ul class=\"findings\">");
    for Finding { severity, text, advice, .. } in findings {
        let name = severity.name();
        write!(to, "<li class=\"{name}\"><strong>{name}</strong> <span>{}", escape(text)).expect(OK);
        if !advice.is_empty() {
            write!(to, "<br><em>{}</em>", escape(advice)).expect(OK);
        }
        to.push_str("</span></li>");
    }
    to.push_str("</ul>\n");
}

fn blocks(to: &mut String, blocks: &[Block], figures: &mut usize) {
    // Neighbouring figures share a grid.
    let is_figure = |block: &Block| matches!(block, Block::Chart(_) | Block::Heat(_));
    for group in blocks.chunk_by(|a, b| is_figure(a) && is_figure(b)) {
        let grid = is_figure(&group[0]);
        if grid {
            let small = group.iter().all(|b| matches!(b, Block::Heat(map) if map.height < draw::HEIGHT));
            to.push_str(if small { "<div class=\"figures small\">\n" } else { "<div class=\"figures\">\n" });
        }
        group.iter().for_each(|b| block(to, b, figures));
        if grid {
            to.push_str("</div>\n");
        }
    }
}

fn block(to: &mut String, block: &Block, figures: &mut usize) {
    match block {
        Block::Text(text) => writeln!(to, "<p>{}</p>", escape(text)).expect(OK),
        Block::Code(text) => writeln!(to, "<pre tabindex=\"0\"><code>{}</code></pre>", escape(text)).expect(OK),
        Block::Facts(facts) => {
            to.push_str("<dl class=\"facts\">");
            for (name, value) in facts {
                write!(to, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)).expect(OK);
            }
            to.push_str("</dl>\n");
        }
        Block::Table(content) => table(to, content),
        Block::Chart(content) => {
            *figures += 1;
            figure(to, "curves", &content.title, &content.about, |to| {
                to.push_str(&draw::chart(content, Frame::Page(&format!("f{figures}"))));
                legend(to, content);
                values(to, &[chart_values(content)]);
            });
        }
        Block::Choice(choice) => options(to, choice, figures),
        Block::Multiples(charts) => multiples(to, charts, figures),
        Block::Heat(content) => {
            *figures += 1;
            figure(to, "map", &content.title, &content.about, |to| {
                to.push_str(&heat::heat(content, Frame::Page(&format!("f{figures}"))));
                let line = content.line.as_ref().map(line_values);
                values(to, &std::iter::once(heat_values(content)).chain(line).collect::<Vec<_>>());
            });
        }
    }
}

/// Every option; the page's script shows one at a time.
fn options(to: &mut String, choice: &Choice, figures: &mut usize) {
    writeln!(to, "<div class=\"choice\" data-what=\"{}\">", escape(&choice.what)).expect(OK);
    for (name, content) in &choice.options {
        let name = escape(&shorten(name, 80));
        write!(to, "<div class=\"option\" data-name=\"{name}\">\n<p class=\"chosen\">{name}</p>\n").expect(OK);
        blocks(to, content, figures);
        to.push_str("</div>\n");
    }
    to.push_str("</div>\n");
}

/// Charts beside each other, and one legend for all.
fn multiples(to: &mut String, charts: &[Chart], figures: &mut usize) {
    to.push_str("<div class=\"figures small\">\n");
    for chart in charts {
        *figures += 1;
        figure(to, "curves", &chart.title, &chart.about, |to| {
            to.push_str(&draw::chart(chart, Frame::Page(&format!("f{figures}"))));
            values(to, &[chart_values(chart)]);
        });
    }
    to.push_str("</div>\n");
    if let Some(chart) = charts.first() {
        legend(to, chart);
    }
}

fn figure(to: &mut String, class: &str, title: &str, about: &str, content: impl FnOnce(&mut String)) {
    let (title, about) = (escape(title), escape(about));
    write!(to, "<figure class=\"{class}\" aria-label=\"{title}\"><h3>{title}</h3><p class=\"about\">{about}</p>")
        .expect(OK);
    content(to);
    to.push_str("</figure>\n");
}

fn legend(to: &mut String, chart: &Chart) {
    to.push_str("<ul class=\"legend\">");
    for series in &chart.series {
        let name = escape(&shorten(&series.name, 80));
        write!(to, "<li class=\"{}\"><svg viewBox=\"-1 -7 30 14\" aria-hidden=\"true\">", series.style.class())
            .expect(OK);
        write!(to, "{}</svg><span>{name}</span></li>", swatch(series)).expect(OK);
    }
    to.push_str("</ul>");
}

fn values(to: &mut String, tables: &[Table]) {
    to.push_str("<details><summary>Values</summary>");
    tables.iter().for_each(|content| table(to, content));
    to.push_str("</details>");
}

fn table(to: &mut String, table: &Table) {
    to.push_str("<div class=\"scroll\" tabindex=\"0\"><table>");
    if !table.caption.is_empty() {
        write!(to, "<caption>{}</caption>", escape(&table.caption)).expect(OK);
    }
    to.push_str("<thead><tr>");
    let words: Vec<&str> =
        (0..table.head.len()).map(|i| if table.is_words(i) { " class=\"words\"" } else { "" }).collect();
    for (head, words) in table.head.iter().zip(&words) {
        write!(to, "<th scope=\"col\"{words}>{}</th>", escape(&shorten(head, 80))).expect(OK);
    }
    to.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        to.push_str("<tr>");
        for (i, (cell, words)) in row.iter().zip(&words).enumerate() {
            // A name says no more in a whole paragraph.
            let (cell, tag) = if i == 0 { (escape(&shorten(cell, 80)), "th") } else { (escape(cell), "td") };
            let scope = if i == 0 { " scope=\"row\"" } else { "" };
            write!(to, "<{tag}{scope}{words}>{cell}</{tag}>").expect(OK);
        }
        to.push_str("</tr>");
    }
    to.push_str("</tbody></table></div>\n");
}

impl Table {
    /// True if a column holds words, which are read from the left, and not numbers.
    pub fn is_words(&self, column: usize) -> bool {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.into_iter().any(|cell| cell.starts_with(char::is_alphabetic) && cell != "NaN")
    }
}

fn chart_values(chart: &Chart) -> Table {
    let (rows, all) = chart.rows(ROWS.max(chart.x.names.len()));
    let caption = if rows.len() == all {
        String::new()
    } else {
        format!("{} of the {all} points drawn, each with the last value up to there", rows.len())
    };
    let head = std::iter::once(&chart.x.label).chain(chart.series.iter().map(|s| &s.name)).cloned().collect();
    let place = |x: f64| match chart.x.names.get(x as usize) {
        Some(name) => name.clone(),
        None if chart.x.whole => number(x.round()),
        None => number(x),
    };
    let cell = |value: Option<f64>| value.map_or_else(String::new, number);
    let row = |row: Row| std::iter::once(place(row.x)).chain(row.values.into_iter().map(cell)).collect();
    Table { caption, head, rows: rows.into_iter().map(row).collect() }
}

fn heat_values(map: &Heat) -> Table {
    let (columns, rows) = (map.columns.max(1), map.values.len() / map.columns.max(1));
    let (across, down) = (columns.min(6), if map.y.names.is_empty() { rows.min(ROWS) } else { rows });
    let spread = |i: usize, kept: usize, n: usize| if kept < 2 { 0 } else { i * (n - 1) / (kept - 1) };
    let edge = |[from, to]: [f64; 2], kind: Kind, share: f64| match kind {
        Kind::Linear => from + share * (to - from),
        Kind::Log => from * (to / from).powf(share),
    };
    let x_name = |column: usize| match map.x.names.get(column) {
        Some(name) => name.clone(),
        None => number(edge(map.x.range, map.x.kind, (column as f64 + 0.5) / columns as f64)),
    };
    let y_name = |row: usize| match map.y.names.get(row) {
        Some(name) => name.clone(),
        None => number(edge(map.y.range, map.y.kind, 1.0 - (row as f64 + 0.5) / rows as f64)),
    };
    let head = std::iter::once(format!("{} \\ {}", map.y.label, map.x.label));
    let row = |i: usize| {
        let row = spread(i, down, rows);
        let cell = |j: usize| number(map.values[row * columns + spread(j, across, columns)]);
        std::iter::once(y_name(row)).chain((0..across).map(cell)).collect()
    };
    Table {
        caption: format!("{}, {down} of {rows} rows and {across} of {columns} columns", map.label),
        head: head.chain((0..across).map(|j| x_name(spread(j, across, columns)))).collect(),
        rows: (0..down).map(row).collect(),
    }
}

fn line_values(line: &Line) -> Table {
    let rows = line.values.iter().map(|(place, value)| vec![place.clone(), value.clone()]).collect();
    Table { caption: String::new(), head: vec![line.side.clone(), line.label.clone()], rows }
}
