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

/// An element the author wants, with the keys that tell it apart; without keys any element may be it.
struct Wanted<'a> {
    value: &'a Value,
    keys: Vec<&'static str>,
}

impl<'a> Wanted<'a> {
    fn new(site: &Site, value: &'a Value) -> Self {
        Self { value, keys: keys_of(site, value) }
    }

    fn is_keyed(&self) -> bool {
        !self.keys.is_empty()
    }

    fn is_alike(&self, there: &Value) -> bool {
        self.keys.iter().all(|key| equal(self.value.get(*key), there.get(*key)))
    }
}

/// The keys that tell an element apart, when the schema names some and the author gave them.
fn keys_of(site: &Site, wanted: &Value) -> Vec<&'static str> {
    let Some(field) = site.field else { return Vec::new() };
    let given = |key: &&str| wanted.get(*key).is_some_and(|value| !value.is_null());
    if field.list_map_keys.iter().all(given) && !field.list_map_keys.is_empty() {
        field.list_map_keys.clone()
    } else {
        field.merge_key.filter(given).into_iter().collect()
    }
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
    let wanted = expected.iter().map(|value| Wanted::new(site, value));
    let (keyed, unkeyed): (Vec<Wanted>, Vec<Wanted>) = wanted.partition(Wanted::is_keyed);
    let mut findings = all.pair(&keyed);
    findings.extend(all.pair(&unkeyed));
    findings
}

impl Elements<'_> {
    /// Gives every expected element a found one of its own, as many as can be; the rest report what comes closest to them.
    fn pair(&mut self, expected: &[Wanted]) -> Vec<Finding> {
        let free: Vec<usize> = (0..self.found.len()).filter(|place| !self.taken.contains(place)).collect();
        let row = |wanted| free.iter().map(|place| self.compare(wanted, *place)).collect();
        let compared: Vec<Vec<Option<Vec<Finding>>>> = expected.iter().map(row).collect();
        let is_fit = |findings: &Option<Vec<Finding>>| findings.as_ref().is_some_and(Vec::is_empty);
        let fits: Vec<Vec<bool>> = compared.iter().map(|row| row.iter().map(is_fit).collect()).collect();
        let (chosen, mut used) = assign(&fits, free.len());
        let mut findings = Vec::new();
        for ((wanted, row), chosen) in expected.iter().zip(compared).zip(chosen) {
            if chosen.is_some() {
                continue;
            }
            let left = row.into_iter().enumerate().filter(|(column, _)| !used[*column]);
            let closest =
                left.filter_map(|(column, near)| Some((column, near?))).min_by_key(|(_, near)| leaves_in(near));
            match closest.filter(|(_, near)| wanted.is_keyed() || leaves_in(near) < leaves(wanted.value)) {
                Some((column, near)) => {
                    used[column] = true;
                    findings.extend(near);
                }
                None => findings.extend(self.at(wanted, Segment::Any).finding(wanted.value, None)),
            }
        }
        self.taken.extend(free.iter().zip(used).filter_map(|(place, used)| used.then_some(*place)));
        findings
    }

    /// What an element lacks of the wanted one; `None` when its keys are others.
    fn compare(&self, wanted: &Wanted, place: usize) -> Option<Vec<Finding>> {
        let there = &self.found[place];
        let site = self.at(wanted, Segment::Index(place));
        wanted.is_alike(there).then(|| walk::compare(&site, wanted.value, Some(there)))
    }

    /// Where an element is: by its key, or at a place.
    fn at(&self, wanted: &Wanted, place: Segment) -> Site {
        let list = &self.site.path;
        let path = match wanted.keys.first() {
            Some(key) => list.element(key, wanted.value.get(*key).unwrap_or(&Value::Null)),
            None => list.then(place),
        };
        Site { path, field: None, shape: self.inner, element: true }
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
