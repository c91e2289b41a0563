//! Puts the packs under `scenarios/` into the program, as a table of their files' texts.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("scenarios");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut table = String::from(
        "/// The packs inside the program: their names, and their files' paths and texts.\nstatic EMBEDDED: &[(&str, &[(&str, &str)])] = &[\n",
    );
    for pack in children(&root)?.into_iter().filter(|path| path.join("pack.yaml").is_file()) {
        let name = pack.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _ = writeln!(table, "({name:?}, &[");
        write_files(&pack, "", &mut table)?;
        table.push_str("]),\n");
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("packs.rs");
    fs::write(out, table)
}

fn write_files(folder: &Path, prefix: &str, table: &mut String) -> io::Result<()> {
    for path in children(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inside = format!("{prefix}{name}");
        if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            write_files(&path, &format!("{inside}/"), table)?;
        } else {
            let _ = writeln!(table, "({inside:?}, include_str!({:?})),", path.display().to_string());
        }
    }
    Ok(())
}

/// What a folder holds, sorted, hidden files left out; nothing where there is no folder.
fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                children.push(entry.path());
            }
        }
    }
    children.sort();
    Ok(children)
}
