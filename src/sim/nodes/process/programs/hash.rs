//! `base64` and check sums.
//! MD5 and SHA-1 are not computed: what stands for them is part of a SHA-256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{has, options, value};
use crate::sim::nodes::process::program::Program;

pub async fn base64(program: Program) -> i32 {
    let (options, paths) = options(&program, "w");
    let decode = has(&options, 'd') || has(&options, 'D') || program.args().any(|word| word == "--decode");
    let path = paths.iter().find(|path| !path.starts_with("--")).map_or("-", String::as_str);
    let bytes = match program.read(path).await {
        Ok(bytes) => bytes,
        Err(why) => return program.fail(&format!("{path}: {why}"), 1).await,
    };
    if decode {
        let text: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        return match STANDARD.decode(text) {
            Ok(bytes) => i32::from(!program.write(&bytes).await),
            Err(_) => program.fail("truncated input", 1).await,
        };
    }
    let text = STANDARD.encode(bytes);
    let width = value(&options, 'w').and_then(|width| width.parse().ok()).unwrap_or(76);
    if width == 0 {
        return i32::from(!program.write(text.as_bytes()).await);
    }
    let letters: Vec<char> = text.chars().collect();
    for line in letters.chunks(width) {
        program.say(&line.iter().collect::<String>()).await;
    }
    0
}

pub async fn sum(program: Program) -> i32 {
    let (_, mut paths) = options(&program, "");
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let length = match program.name() {
        "md5sum" => 32,
        "sha1sum" => 40,
        _ => 64,
    };
    let mut code = 0;
    for path in paths {
        if super::stress::is_endless(&path) {
            return super::stress::read_for_ever(&program).await;
        }
        match program.read(&path).await {
            Err(why) => code = program.fail(&format!("can't open '{path}': {why}"), 1).await,
            Ok(bytes) => {
                let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                program.say(&format!("{}  {path}", &digest[..length])).await;
            }
        }
    }
    code
}
