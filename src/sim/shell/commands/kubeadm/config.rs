//! `kubeadm config`: configurations to begin with, and the images of a release.
//! Source: `cmd/kubeadm/app/cmd/config.go`; the defaults are those the real 1.35.4 prints.

use super::release::Release;
use super::{Done, Typed, manifests};

static INIT: &str = include_str!("../../../../../assets/machine/kubeadm/init-defaults.yaml");
static JOIN: &str = include_str!("../../../../../assets/machine/kubeadm/join-defaults.yaml");

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    match typed.subcommand(&["images", "print", "migrate", "validate"])?.as_str() {
        "images" => images(typed).await,
        "print" => print(typed),
        other => Err(format!("{other} is not simulated by this practice cluster")),
    }
}

fn print(typed: &mut Typed) -> Done {
    let what = typed.subcommand(&["init-defaults", "join-defaults", "reset-defaults", "upgrade-defaults"])?;
    typed.flags(&[("component-configs", '\0', true)])?;
    let version = typed.version()?;
    let minor = version.split('.').nth(1).unwrap_or_default();
    match what.as_str() {
        "init-defaults" => typed.call.print(INIT.replace("$(VERSION)", &format!("1.{minor}.0"))),
        "join-defaults" => typed.call.print(JOIN.replace("$(NODE)", &typed.call.machine.name)),
        other => return Err(format!("{other} is not simulated by this practice cluster")),
    }
    Ok(())
}

async fn images(typed: &mut Typed) -> Done {
    let verb = typed.subcommand(&["list", "pull"])?;
    let flags = typed.flags(&[
        ("kubernetes-version", '\0', true),
        ("config", '\0', true),
        ("image-repository", '\0', true),
        ("cri-socket", '\0', true),
        ("feature-gates", '\0', true),
        ("output", 'o', true),
    ])?;
    let own = typed.version()?;
    let wanted = flags.get("kubernetes-version").unwrap_or(&own);
    let release = Release::read(wanted).ok_or_else(|| {
        format!("could not convert cfg to an internal cfg: version {wanted:?} doesn't match patterns for neither semantic version nor labels (stable, latest, ...)")
    })?;
    let oldest = Release::read(&own).map_or(release, Release::oldest);
    if release < oldest {
        let oldest = oldest.to_string();
        return Err(format!(
            "could not convert cfg to an internal cfg: this version of kubeadm only supports deploying clusters with the control plane version >= {}. Current version: {release}",
            oldest.trim_start_matches('v'),
        ));
    }
    let repository = flags.get("image-repository").unwrap_or("registry.k8s.io").to_owned();
    for image in all(&own, &release.to_string()) {
        let image = image.replacen("registry.k8s.io", &repository, 1);
        let line = if verb == "pull" { format!("[config/images] Pulled {image}") } else { image };
        typed.say(line);
    }
    Ok(())
}

/// The images of a release as this kubeadm lists them: etcd and CoreDNS are its own.
fn all(own: &str, version: &str) -> Vec<String> {
    let follows = |image: &String| image.ends_with(&format!(":{version}"));
    let (wanted, mine) = (manifests::images(version), manifests::images(own));
    wanted.into_iter().zip(mine).map(|(image, mine)| if follows(&image) { image } else { mine }).collect()
}
