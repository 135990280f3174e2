//! The tables of a study for papers and slides: Markdown, and LaTeX with booktabs.

use crate::report::page::Table;
use crate::report::study_tables;
use crate::study::record::StudyRecord;

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    /// Tables between bars.
    Markdown,
    /// `table` with `tabular` and the rules of booktabs.
    Latex,
}

/// The tables of the report: verdicts and numbers of every arm, and every pair where that was asked for.
pub(crate) fn text(record: &StudyRecord, markup: Markup) -> String {
    let seeds = record.seeds.len();
    let target = record.targets.first().map_or_else(String::new, |target| format!(", until {}", target.text()));
    let about = format!("{}, {seeds} seeds, on {}{target}", record.name, record.data.name);
    let tables = study_tables(record);
    let written = tables.iter().map(|table| match markup {
        Markup::Markdown => markdown(table, &about),
        Markup::Latex => latex(table, &about),
    });
    let head = match markup {
        Markup::Markdown => "",
        Markup::Latex => "% \\usepackage{booktabs}\n",
    };
    head.to_owned() + &written.collect::<Vec<_>>().join("\n")
}

fn markdown(table: &Table, about: &str) -> String {
    let cell = |text: &String| text.replace('|', "\\|").replace(['\n', '\r'], " ");
    let line = |cells: &[String]| format!("| {} |\n", cells.iter().map(cell).collect::<Vec<_>>().join(" | "));
    let sides: Vec<&str> = (0..table.head.len()).map(|i| if table.is_words(i) { "---" } else { "---:" }).collect();
    let rows: String = table.rows.iter().map(|row| line(row)).collect();
    format!("**{}: {}**\n\n{}|{}|\n{rows}", about, table.caption, line(&table.head), sides.join("|"))
}

fn latex(table: &Table, about: &str) -> String {
    let line =
        |cells: &[String]| format!("{} \\\\\n", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" & "));
    let sides: String = (0..table.head.len()).map(|i| if table.is_words(i) { 'l' } else { 'r' }).collect();
    let rows: String = table.rows.iter().map(|row| line(row)).collect();
    format!(
        "\\begin{{table}}\n\\caption{{{}: {}}}\n\\begin{{tabular}}{{{sides}}}\n\\toprule\n{}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n\
         \\end{{table}}\n",
        escaped(about),
        escaped(&table.caption),
        line(&table.head)
    )
}

/// Text as LaTeX takes it.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '\\' => out.push_str("\\textbackslash{}"),
            '<' => out.push_str("$<$"),
            '>' => out.push_str("$>$"),
            '×' => out.push_str("$\\times$"),
            '±' => out.push_str("$\\pm$"),
            '≤' => out.push_str("$\\le$"),
            '≥' => out.push_str("$\\ge$"),
            '≈' => out.push_str("$\\approx$"),
            '∞' => out.push_str("$\\infty$"),
            '−' => out.push_str("$-$"),
            '…' => out.push_str("\\dots{}"),
            '–' => out.push_str("--"),
            'σ' => out.push_str("$\\sigma$"),
            '²' => out.push_str("$^2$"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_end_its_row_in_either_form() {
        let table = Table {
            caption: "at the end".into(),
            head: vec!["arm".into(), "× baseline".into()],
            rows: vec![vec!["a|b & 50 %_{c}\\x\ny".into(), "0.65 (0.60 … 0.70)".into()]],
        };
        let written = markdown(&table, "study");
        assert!(written.contains("| a\\|b & 50 %_{c}\\x y | 0.65 (0.60 … 0.70) |\n"), "{written}");
        assert!(written.contains("|---|---:|\n"), "{written}");
        let written = latex(&table, "study");
        let row = "a|b \\& 50 \\%\\_\\{c\\}\\textbackslash{}x y & 0.65 (0.60 \\dots{} 0.70) \\\\\n";
        assert!(written.contains(row) && written.contains("{tabular}{lr}"), "{written}");
    }
}
