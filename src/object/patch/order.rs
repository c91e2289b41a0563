//! The order of a merged list: what the patch names follows the patch's order, what only the server has keeps its place as well as it can.
//! Source: k8s.io/apimachinery `pkg/util/strategicpatch/patch.go`, `normalizeElementOrder` and `mergeSortedSlice`.

use serde_json::Value;

/// Orders `merged`: elements in `patch_order` follow it; the others follow `server_order` and are woven in where they stood.
/// Elements are told apart by their `key`, or by themselves when there is none.
pub(super) fn arrange(
    merged: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: Option<&str>,
) -> Vec<Value> {
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|element| place(patch_order, element, key).is_some());
    named.sort_by_key(|element| place(patch_order, element, key));
    others.sort_by_key(|element| place(server_order, element, key));
    weave(others, named, server_order, key)
}

/// Merges two ordered lists, comparing heads by their places in `server_order`; where one has none, `right` goes first.
fn weave(left: Vec<Value>, right: Vec<Value>, server_order: &[Value], key: Option<&str>) -> Vec<Value> {
    let mut woven = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let left_first = match (left.peek(), right.peek()) {
            (None, None) => return woven,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(l), Some(r)) => match (place(server_order, l, key), place(server_order, r, key)) {
                (Some(l), Some(r)) => l < r,
                _ => false,
            },
        };
        woven.extend(if left_first { left.next() } else { right.next() });
    }
}

/// Where `element` stands in `list`.
fn place(list: &[Value], element: &Value, key: Option<&str>) -> Option<usize> {
    list.iter().position(|other| same(other, element, key))
}

/// Whether two elements are the same to a merge.
pub(super) fn same(one: &Value, other: &Value, key: Option<&str>) -> bool {
    match key {
        Some(key) => one.get(key).is_some() && one.get(key) == other.get(key),
        None => one == other,
    }
}
