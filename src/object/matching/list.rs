//! Lists: by merge key where there is one, in order for command lines, in any order otherwise; and which element comes closest.
//! What single elements are compared by is `walk`'s and `scalar`'s.

use std::collections::BTreeSet;

use serde_json::Value;

use super::walk::{self, Site};
use super::{Finding, scalar};
use crate::object::path::{Path, Segment};
use crate::object::schema::Shape;

/// Lists whose order is their meaning (core/v1 Container and ExecAction).
const ORDERED: [&str; 2] = ["command", "args"];

pub(super) fn compare(site: &Site, expected: &[Value], found: &[Value]) -> Vec<Finding> {
    let inner = match site.shape {
        Some(Shape::List(inner)) => Some(&**inner),
        _ => None,
    };
    let holds = |wanted: &Value| found.iter().any(|there| scalar::same(wanted, there, inner));
    let fine = if expected.is_empty() {
        found.is_empty()
    } else if is_ordered(&site.path) {
        expected.len() == found.len()
            && expected.iter().zip(found).all(|(wanted, there)| scalar::same(wanted, there, inner))
    } else if expected.iter().any(|wanted| wanted.is_object() || wanted.is_array()) {
        return elements(site, inner, expected, found);
    } else {
        expected.iter().all(holds)
    };
    if fine { Vec::new() } else { site.finding(&expected.into(), Some(&found.into())) }
}

fn is_ordered(path: &Path) -> bool {
    matches!(path.segments().last(), Some(Segment::Field(name)) if ORDERED.contains(&name.as_str()))
}

/// One list of maps against another.
struct Elements<'a> {
    site: &'a Site,
    inner: Option<&'static Shape>,
    found: &'a [Value],
    /// Places in `found` that answer for some expected element already.
    taken: BTreeSet<usize>,
}

fn elements(site: &Site, inner: Option<&'static Shape>, expected: &[Value], found: &[Value]) -> Vec<Finding> {
    let mut all = Elements { site, inner, found, taken: BTreeSet::new() };
    let mut findings = Vec::new();
    let mut unkeyed = Vec::new();
    for wanted in expected {
        match all.keys_of(wanted) {
            Some(keys) => findings.extend(all.keyed(wanted, &keys)),
            None => unkeyed.push(wanted),
        }
    }
    findings.extend(all.in_any_order(&unkeyed));
    findings
}

impl Elements<'_> {
    /// The keys that tell this element apart, when the schema names some and the author gave them.
    fn keys_of(&self, wanted: &Value) -> Option<Vec<&'static str>> {
        let field = self.site.field?;
        let given = |key: &&str| wanted.get(*key).is_some_and(|value| !value.is_null());
        let all = !field.list_map_keys.is_empty() && field.list_map_keys.iter().all(given);
        if all {
            Some(field.list_map_keys.clone())
        } else {
            field.merge_key.filter(|key| given(key)).map(|key| vec![key])
        }
    }

    fn at(&self, path: Path) -> Site {
        Site { path, field: None, shape: self.inner, element: true }
    }

    fn keyed(&mut self, wanted: &Value, keys: &[&str]) -> Vec<Finding> {
        let Some(first) = keys.first() else { return Vec::new() };
        let site = self.at(self.site.path.element(first, wanted.get(*first).unwrap_or(&Value::Null)));
        let alike = |there: &Value| keys.iter().all(|key| equal(wanted.get(*key), there.get(*key)));
        let places = (0..self.found.len()).filter(|place| !self.taken.contains(place) && alike(&self.found[*place]));
        let compared = places.map(|place| (walk::compare(&site, wanted, Some(&self.found[place])), place));
        match compared.min_by_key(|(findings, _)| leaves_in(findings)) {
            Some((findings, place)) => {
                self.taken.insert(place);
                findings
            }
            None => site.finding(wanted, None),
        }
    }

    /// Gives every expected element a found one of its own, as many as can be; the rest report what comes closest to them.
    fn in_any_order(&mut self, expected: &[&Value]) -> Vec<Finding> {
        let free: Vec<usize> = (0..self.found.len()).filter(|place| !self.taken.contains(place)).collect();
        let compared: Vec<Vec<Vec<Finding>>> = expected
            .iter()
            .map(|wanted| {
                let at = |place: &usize| {
                    walk::compare(&self.at(self.site.path.index(*place)), wanted, Some(&self.found[*place]))
                };
                free.iter().map(at).collect()
            })
            .collect();
        let fits: Vec<Vec<bool>> = compared.iter().map(|row| row.iter().map(Vec::is_empty).collect()).collect();
        let (chosen, mut used) = assign(&fits, free.len());
        let mut findings = Vec::new();
        for ((wanted, row), chosen) in expected.iter().zip(compared).zip(chosen) {
            if chosen.is_some() {
                continue;
            }
            let left = row.into_iter().enumerate().filter(|(place, _)| !used[*place]);
            let closest = left.min_by_key(|(_, findings)| leaves_in(findings));
            match closest.filter(|(_, findings)| leaves_in(findings) < leaves(wanted)) {
                Some((place, near)) => {
                    used[place] = true;
                    findings.extend(near);
                }
                None => findings.extend(self.at(self.site.path.then(Segment::Any)).finding(wanted, None)),
            }
        }
        findings
    }
}

fn equal(wanted: Option<&Value>, there: Option<&Value>) -> bool {
    matches!((wanted, there), (Some(wanted), Some(there)) if scalar::same(wanted, there, None))
}

/// The largest set of pairs of rows and columns that fit, by augmenting paths: the column of each row, and which columns are used.
fn assign(fits: &[Vec<bool>], columns: usize) -> (Vec<Option<usize>>, Vec<bool>) {
    let mut owner: Vec<Option<usize>> = vec![None; columns];
    for row in 0..fits.len() {
        augment(row, fits, &mut owner, &mut vec![false; columns]);
    }
    let mut chosen = vec![None; fits.len()];
    for (column, row) in owner.iter().enumerate() {
        if let Some(row) = row {
            chosen[*row] = Some(column);
        }
    }
    (chosen, owner.iter().map(Option::is_some).collect())
}

fn augment(row: usize, fits: &[Vec<bool>], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for column in 0..owner.len() {
        if !fits[row][column] || std::mem::replace(&mut seen[column], true) {
            continue;
        }
        if owner[column].is_none_or(|other| augment(other, fits, owner, seen)) {
            owner[column] = Some(row);
            return true;
        }
    }
    false
}

fn leaves_in(findings: &[Finding]) -> usize {
    findings.iter().map(|finding| leaves(&finding.expected)).sum()
}

/// How many scalars a value holds; an empty map or list counts as one, `null` as none: nearly everything lacks it.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Object(fields) => fields.values().map(leaves).sum::<usize>().max(1),
        Value::Array(items) => items.iter().map(leaves).sum::<usize>().max(1),
        _ => 1,
    }
}
