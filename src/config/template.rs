//! A config with a comment at every key, made from the tables of keys: what is set stands as it is, everything else behind a `#`
//! with its default, or with a value that would do.

use crate::config::error::folded_at;
use crate::config::key::Row;
use crate::config::reference::Chapter;
use crate::config::value::TABLE;

/// A key by its path, and its value as a config has it; empty for one that is left out here.
pub type Given<'a> = (&'a str, &'a str);

/// The tables `names` of `chapters`, in this order, the top level as `top`; the keys of `given` are set.
pub fn commented(chapters: &[Chapter], names: &[&str], given: &[Given<'_>]) -> String {
    let tables = names.iter().filter_map(|name| chapters.iter().find(|chapter| chapter.name == *name));
    tables.map(|chapter| table(chapters, chapter, given)).collect::<Vec<_>>().join("\n")
}

fn table(chapters: &[Chapter], chapter: &Chapter, given: &[Given<'_>]) -> String {
    let is_top = chapter.is_top();
    let path = |row: &Row| if is_top { row.name.to_owned() } else { format!("{}.{}", chapter.name, row.name) };
    let value = |row: &Row| given.iter().find(|(key, _)| *key == path(row)).map(|(_, value)| *value);
    let kind = chapter.rows().find(|row| row.name == "kind").map(|row| value(row).unwrap_or(&row.example).to_owned());
    let mut text = if is_top { String::new() } else { format!("[{}]\n", chapter.name) };
    for (when, row) in chapter.rows_when() {
        // Tables of the top level follow it, and the keys of other kinds mean nothing here.
        let of_other_kind = !when.is_empty() && kind.as_ref().is_some_and(|kind| !when.contains(kind.as_str()));
        if of_other_kind || (is_top && row.form == TABLE) || value(row) == Some("") {
            continue;
        }
        let table = chapters.iter().find(|chapter| chapter.name == path(row));
        let of_table = table.and_then(Chapter::naming_row);
        text += &format!("# {}\n", folded_at(&about(row, of_table), 0, 78).replace('\n', "\n# "));
        text += &match value(row) {
            Some(value) => format!("{} = {value}\n", row.name),
            None => format!("# {} = {}\n", row.name, row.example),
        };
    }
    text
}

/// Describes a key for the comment above it: its meaning, its values, and the effect of leaving it out.
fn about(row: &Row, of_table: Option<&Row>) -> String {
    let choices = of_table.filter(|_| row.choices.is_empty()).unwrap_or(row).choices.iter();
    let names = choices.map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let form = if names.is_empty() { format!("{}.", capital(&row.form)) } else { format!("One of: {names}.") };
    let absent = row.absent.strip_prefix("else ").map_or(String::new(), |meaning| format!(" Without it {meaning}."));
    format!("{} {form}{absent}", row.help)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
