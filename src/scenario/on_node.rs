//! How packs name what is on a node: paths from its root, permissions in octal digits.
//! The checks and steps that do stand with those.

/// Permissions from octal digits.
pub fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| format!("`{text}` are no permissions: give octal digits such as \"0600\""))
}

/// A path from a node's root.
pub fn from_the_root(path: &str) -> Result<(), String> {
    let climbs = path.split('/').any(|part| part == "..");
    if path.starts_with('/') && !climbs {
        Ok(())
    } else {
        Err(format!("the path `{path}` must begin with / and have no `..`"))
    }
}
