//! Links of the documentation: each relative one leads to a file that is there, and to a heading of it.

use std::path::{Component, Path, PathBuf};

use super::page::{Page, page, pages, root};

/// Places that the package leaves out, as Cargo.toml lists them: tests run from the package, too.
fn left_out() -> Vec<String> {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let excluded = manifest["package"]["exclude"].as_array().unwrap();
    excluded.iter().map(|place| place.as_str().unwrap().trim_matches('/').to_owned()).collect()
}

/// The place from the root to which `target` leads from `page`, without its anchor.
fn place(page: &Page, target: &str) -> PathBuf {
    let mut place = Path::new(&page.name).parent().unwrap().to_path_buf();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => assert!(place.pop(), "{}: {target} leads out of the repository", page.name),
            Component::CurDir => {}
            Component::Normal(_) | Component::Prefix(_) | Component::RootDir => place.push(part),
        }
    }
    place
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let left_out = left_out();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for from in pages() {
        for link in from.links().iter().filter(|link| !link.target.contains("://")) {
            seen += 1;
            let (path, anchor) = link.target.split_once('#').unwrap_or((link.target, ""));
            let to = if path.is_empty() { PathBuf::from(&from.name) } else { place(&from, path) };
            if !root().join(&to).exists() {
                if !left_out.iter().any(|place| to.starts_with(place)) {
                    wrong.push(format!("{}: [{}]({}): no such file", from.name, link.words, link.target));
                }
                continue;
            }
            if !anchor.is_empty() && !page(to.to_str().unwrap()).anchors().iter().any(|one| one == anchor) {
                wrong.push(format!("{}: [{}]({}): no such heading", from.name, link.words, link.target));
            }
        }
    }
    assert!(seen > 100, "{seen} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_of_docs_is_linked_from_another() {
    let all = pages();
    let linked: Vec<PathBuf> = all
        .iter()
        .flat_map(|from| {
            let targets = from.links().into_iter().map(|link| link.target).filter(|target| !target.contains("://"));
            let targets = targets.map(|target| target.split('#').next().unwrap()).filter(|path| !path.is_empty());
            let places: Vec<PathBuf> = targets.map(|path| place(from, path)).collect();
            places.into_iter().filter(|place| *place != Path::new(&from.name))
        })
        .collect();
    for page in all.iter().filter(|page| page.name.starts_with("docs/")) {
        assert!(linked.iter().any(|to| to == Path::new(&page.name)), "{} is linked from nowhere", page.name);
    }
}
