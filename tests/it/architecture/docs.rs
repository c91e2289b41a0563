//! Pages: every link in a Markdown file of the repository leads somewhere.
//! Links to other sites are not followed.

use std::path::{Path, PathBuf};

use super::{files, none, read, top};

/// The targets of the links and pictures in a page; what stands in code is left out.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        found.extend(
            prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()),
        );
    }
    found
}

/// The name by which a heading is linked to, as forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn has_heading(page: &Path, name: &str) -> bool {
    let text = read(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim()).any(|heading| anchor(heading) == name)
}

fn complaint(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, name) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap_or(Path::new("")).join(file) };
    if !top().join(&target).exists() {
        return Some(format!("{} links to {link}: no such file", page.display()));
    }
    let missing = !name.is_empty() && !has_heading(&target, name);
    missing.then(|| format!("{} links to {link}: no such heading", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let pages: Vec<PathBuf> = files("", ".md");
    assert!(pages.iter().any(|page| page == Path::new("README.md")), "{pages:?}");
    let broken =
        |page: &PathBuf| links(&read(page)).into_iter().filter_map(|link| complaint(page, &link)).collect::<Vec<_>>();
    none("links in pages lead somewhere", &pages.iter().flat_map(broken).collect::<Vec<_>>());
}

#[test]
fn links_are_found_in_prose_only() {
    let text = "[a](x.md) and ![b](y.png#z), `[c](no)`\n```\n[d](no)\n```\n[e](#the-end)";
    assert_eq!(links(text), ["x.md", "y.png#z", "#the-end"]);
    assert_eq!(anchor("The end, `really`?"), "the-end-really");
}
