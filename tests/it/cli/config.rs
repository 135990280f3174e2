//! `initlab config`: the reference of configs, and the page that holds it.

use std::fs;
use std::path::Path;

use super::initlab;

#[test]
fn the_page_is_what_the_command_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.md");
    let printed = initlab(["config", "--markdown"]).stdout;
    let advice = "write the page anew: initlab config --markdown > docs/config.md";
    assert!(fs::read_to_string(page).unwrap_or_default() == printed, "{advice}");
}

#[test]
fn a_section_is_printed_with_the_tables_below_it() {
    let printed = initlab(["config", "model.stages"]).stdout;
    assert!(printed.starts_with("[[model.stages]]\n") && printed.contains("\n[model.stages.pool]\n"), "{printed}");
    assert!(printed.contains("layers: an integer, at least 1; default 1\n"), "{printed}");
    let refused = initlab(["config", "trian"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("did you mean `train`?"), "{refused:?}");
}
