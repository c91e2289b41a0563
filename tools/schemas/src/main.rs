//! Makes `assets/kubernetes/*` of Kubedrill.
//!
//! `facts` asks a real API server and the Go sources for what they know and writes `facts/types.txt` (committed);
//! `assets` joins that file with the descriptions of k8s-openapi and writes the assets. Only `facts` needs a cluster.

mod assets;
mod descriptions;
mod facts;
mod golang;
mod model;
mod server;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["facts", kubectl, modules] => facts::write(kubectl, modules),
        ["assets"] => assets::write(),
        _ => bail!("usage: schemas facts KUBECTL GO_MODULES/k8s.io   or   schemas assets"),
    }
}
