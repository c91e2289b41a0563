//! Asking before anything is laid on a cluster that is not ours: the server is shown, and what looks like production is refused.
//! What a context is, the cluster layer knows.

use std::io::{IsTerminal, Write};

use clap::Args;

use crate::app::error::{AppError, Kind};
use crate::cluster::{Origin, context};

/// What the user agreed to beforehand.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Consent {
    /// Do not ask before a task is laid on a context's cluster.
    #[arg(long)]
    yes: bool,
    /// Lay tasks even on a cluster that looks like production.
    #[arg(long)]
    even_production: bool,
}

impl Consent {
    /// Makes sure that the user agrees to have tasks laid on clusters of an origin.
    pub fn to(self, origin: &Origin) -> Result<(), AppError> {
        let Origin::Context(name) = origin else { return Ok(()) };
        let target = context::look(name)?;
        if let (Some(word), false) = (target.production_word(), self.even_production) {
            let why = format!("context {name} at {} looks like production: it is called {word}", target.server);
            return Err(AppError::new(Kind::Usage, "nothing is laid there", why)
                .hint("name another context, or say --even-production if you are sure"));
        }
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            let why = format!("nobody is there to be asked whether {} may be used", target.server);
            return Err(AppError::new(Kind::Usage, "nothing is laid there", why).hint("say --yes to agree beforehand"));
        }
        eprint!(
            "Tasks will be laid on {} (context {name}), labelled and taken away again. Go on? [y/N] ",
            target.server
        );
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let heard = std::io::stdin().read_line(&mut answer);
        if heard.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(AppError::new(Kind::Usage, "nothing is laid there", "you did not agree")
            .hint("leave --cluster out for the embedded cluster"))
    }
}
