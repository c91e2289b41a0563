//! `base64` and check sums.
//! SHA-1 is not computed: what stands for it is part of a SHA-256.

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
    let length = if program.name() == "sha1sum" { 40 } else { 64 };
    let mut code = 0;
    for path in paths {
        if super::stress::is_endless(&path) {
            return super::stress::read_for_ever(&program).await;
        }
        match program.read(&path).await {
            Err(why) => code = program.fail(&format!("can't open '{path}': {why}"), 1).await,
            Ok(bytes) if program.name() == "md5sum" => {
                let digest: String = md5(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                program.say(&format!("{digest}  {path}")).await;
            }
            Ok(bytes) => {
                let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                program.say(&format!("{}  {path}", &digest[..length])).await;
            }
        }
    }
    code
}

/// How far each round of MD5 turns its words, four by four (RFC 1321, 3.4).
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The MD5 of some bytes (RFC 1321).
fn md5(bytes: &[u8]) -> [u8; 16] {
    let bits = (bytes.len() as u64).wrapping_mul(8);
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    padded.resize((bytes.len() + 9).next_multiple_of(64) - 8, 0);
    padded.extend(bits.to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let word = |at: usize| {
            let bytes = &block[at * 4..at * 4 + 4];
            bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
        };
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64 {
            let (mixed, at) = match step / 16 {
                0 => (b & c | !b & d, step),
                1 => (d & b | !d & c, (5 * step + 1) % 16),
                2 => (b ^ c ^ d, (3 * step + 5) % 16),
                _ => (c ^ (b | !d), 7 * step % 16),
            };
            // The table of RFC 1321: the sines of the steps' numbers.
            let sine = (((step + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(mixed).wrapping_add(sine).wrapping_add(word(at));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(TURNS[step / 16][step % 4]));
        }
        for (whole, part) in state.iter_mut().zip([a, b, c, d]) {
            *whole = whole.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

#[test]
fn md5_is_what_the_rfc_says() {
    let hex = |text: &str| md5(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(""), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(hex(&"1234567890".repeat(8)), "57edf4a22be3c955ac49da2e2107b67a");
}
