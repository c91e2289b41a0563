//! `kubedrill pack new|install|list`: folders for packs, and the packs at hand.
//! What a new pack holds stands in the scenario layer's scaffold.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::error::{AppError, Kind};
use crate::app::home::{self, Home};
use crate::app::records::unwritable;
use crate::cli::{Done, Output, output};
use crate::scenario::catalogue;
use crate::scenario::load::is_name;
use crate::scenario::pack::{PACK_FILE, Pack};
use crate::scenario::scaffold::{self, NewFile};

/// What to make.
#[derive(Debug, Args)]
pub struct New {
    /// The folder of the new pack, or of an existing one.
    folder: PathBuf,
    /// Add a scenario of this name to the pack in the folder.
    #[arg(long)]
    scenario: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Makes a pack, or a scenario in one.
pub fn new(asked: &New) -> Done {
    asked.output.refuse_junit()?;
    let wrong = |why: String| AppError::new(Kind::Usage, "nothing was made", why);
    let name = |text: &str| {
        let hint = "a name has at most 63 lower case letters, digits and -, with no - at either end";
        if is_name(text) { Ok(text.to_owned()) } else { Err(wrong(format!("{text:?} is no name")).hint(hint)) }
    };
    let there = asked.folder.join(PACK_FILE).exists();
    let files = match (&asked.scenario, there) {
        (None, true) => {
            let hint = "kubedrill pack new FOLDER --scenario NAME adds a scenario to it";
            return Err(wrong(format!("{} is a pack already", asked.folder.display())).hint(hint));
        }
        (None, false) => {
            let folder = std::path::absolute(&asked.folder).unwrap_or_else(|_| asked.folder.clone());
            let last = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            scaffold::pack(&name(&last)?)
        }
        (Some(scenario), _) => {
            let pack = Pack::open(&asked.folder)?;
            if pack.scenario(scenario).is_some() {
                return Err(wrong(format!("the pack has a scenario {scenario} already")).hint("choose another name"));
            }
            let domain = pack.spec.domains.first().map(|domain| domain.id.clone()).unwrap_or_default();
            scaffold::scenario(&name(scenario)?, &domain)
        }
    };
    write(&asked.folder, &files)?;
    let wrote: Vec<PathBuf> = files.iter().map(|file| asked.folder.join(&file.path)).collect();
    let mut told: String = wrote.iter().map(|path| format!("wrote {}\n", path.display())).collect();
    let next = "checks it, kubedrill pack verify";
    told.push_str(&format!("\nkubedrill pack lint {0} {next} {0} proves it.", asked.folder.display()));
    asked.output.done(&json!({ "wrote": wrote }), &told);
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, files: &[NewFile]) -> Result<(), AppError> {
    for file in files {
        let path = folder.join(&file.path);
        if path.exists() {
            return Err(AppError::new(Kind::Usage, "nothing was made", format!("{} is there already", path.display()))
                .hint("choose another folder"));
        }
    }
    for file in files {
        let path = folder.join(&file.path);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, &file.text));
        written.map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

/// Copies a pack to where it is always found.
pub fn install(folder: &Path, form: Output) -> Done {
    form.refuse_junit()?;
    let pack = home::sound_pack(folder)?;
    let dirs = home::dirs()?;
    let place = catalogue::install(&dirs, &pack).map_err(|error| unwritable(&dirs.data, &error))?;
    let told = format!("The pack {} {} is installed in {}.", pack.name, pack.spec.version, place.display());
    form.done(&json!({ "pack": pack.name, "version": pack.spec.version, "folder": place }), &told);
    Ok(ExitCode::SUCCESS)
}

/// Shows the packs at hand.
pub fn list(form: Output) -> Done {
    form.refuse_junit()?;
    let home = Home::open(None)?;
    let packs = home.catalogue.packs();
    if form == Output::Json {
        let row = |pack: &std::sync::Arc<Pack>| json!({ "name": pack.name, "version": pack.spec.version, "title": pack.spec.title, "scenarios": pack.scenarios.len(), "from": pack.folder.root() });
        output::json(&packs.iter().map(row).collect::<Vec<_>>());
    } else {
        let row = |pack: &std::sync::Arc<Pack>| {
            vec![
                pack.name.clone(),
                pack.spec.version.clone(),
                pack.scenarios.len().to_string(),
                pack.spec.title.clone(),
            ]
        };
        output::table(&["PACK", "VERSION", "SCENARIOS", "TITLE"], packs.iter().map(row).collect());
    }
    for broken in home.broken() {
        eprintln!("warning: an installed pack is left out: {}", broken.render(false));
    }
    Ok(ExitCode::SUCCESS)
}
