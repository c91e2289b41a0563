//! `tar`: archives of files and folders, as `kubectl cp` asks for them.
//! Symbolic links are kept, owners are not. Source: POSIX, pax, "ustar Interchange Format".

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::sim::nodes::process::files::FileError;
use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::tree::Body;

const BLOCK: usize = 512;
/// So many bytes of a name fit into a block.
const FIELD: usize = 100;
/// No larger archive is read or written, bytes.
const LARGEST: usize = 64 << 20;
/// No larger file is taken out of one, bytes: longer files keep only their end.
const LARGEST_FILE: usize = 4 << 20;

/// What is asked for.
#[derive(Default)]
struct Asked {
    letters: String,
    archive: String,
    folder: String,
    names: Vec<String>,
}

fn asked(program: &Program) -> Asked {
    let mut asked = Asked { folder: program.folder.clone(), archive: "-".to_owned(), ..Asked::default() };
    let mut words = program.args().enumerate();
    while let Some((index, word)) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some(("directory", folder)) => asked.folder = program.path(folder),
                Some(("file", archive)) => archive.clone_into(&mut asked.archive),
                _ => {}
            }
            continue;
        }
        let letters = match word.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => letters,
            // The first word is options with or without a dash.
            _ if index == 0 => word,
            _ => {
                asked.names.push(word.to_owned());
                continue;
            }
        };
        for letter in letters.chars() {
            match letter {
                'f' => asked.archive = words.next().map_or("-", |(_, word)| word).to_owned(),
                'C' => asked.folder = program.path(words.next().map_or(".", |(_, word)| word)),
                letter => asked.letters.push(letter),
            }
        }
    }
    asked
}

pub async fn tar(program: Program) -> i32 {
    let asked = asked(&program);
    let files = &program.container.files;
    if !files.is_folder(&asked.folder) {
        let shown = asked.folder.as_str();
        return program.fail(&format!("can't change directory to '{shown}': No such file or directory"), 1).await;
    }
    if asked.letters.contains('c') {
        return create(&program, &asked).await;
    }
    if !asked.letters.contains(['x', 't']) {
        return program.fail("must specify exactly one of -c, -x or -t", 1).await;
    }
    let bytes = match program.read(&asked.archive).await {
        Ok(bytes) => bytes,
        Err(why) => return program.fail(&format!("can't open '{}': {why}", asked.archive), 1).await,
    };
    let plain = if bytes.starts_with(&[0x1f, 0x8b]) { unzipped(&bytes) } else { Some(bytes) };
    match plain.as_deref().and_then(members) {
        Some(members) => extract(&program, &asked, members).await,
        None => program.fail("invalid tar magic", 1).await,
    }
}

fn unzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).take(LARGEST as u64).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// What a member of an archive is.
enum Content<'a> {
    Folder,
    File(&'a [u8]),
    /// A symbolic link, and where it leads.
    Link(String),
}

/// A file, folder or link of an archive.
struct Member<'a> {
    name: String,
    content: Content<'a>,
    mode: u32,
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn number(field: &[u8]) -> Option<usize> {
    usize::from_str_radix(text(field).trim(), 8).ok()
}

/// The members of an archive; `None` when it is none.
fn members(mut bytes: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut found = Vec::new();
    let (mut long, mut far): (Option<String>, Option<String>) = (None, None);
    while let Some((head, rest)) = bytes.split_at_checked(BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = number(&head[124..136])?;
        let body = rest.get(..size)?;
        bytes = rest.get(size.div_ceil(BLOCK) * BLOCK..).unwrap_or_default();
        let prefix = if head[257..].starts_with(b"ustar\0") { text(&head[345..500]) } else { String::new() };
        let name = match prefix.as_str() {
            "" => text(&head[..100]),
            prefix => format!("{prefix}/{}", text(&head[..100])),
        };
        match head[156] {
            b'L' => long = Some(text(body)),
            b'K' => far = Some(text(body)),
            b'x' => (long, far) = (pax(body, "path").or(long), pax(body, "linkpath").or(far)),
            kind @ (b'0' | 0 | b'2' | b'5') => {
                let name = long.take().unwrap_or(name);
                let target = far.take().unwrap_or_else(|| text(&head[157..257]));
                let content = match kind {
                    b'2' => Content::Link(target),
                    b'5' => Content::Folder,
                    _ if name.ends_with('/') => Content::Folder,
                    _ => Content::File(body),
                };
                let mode = u32::try_from(number(&head[100..108])? & 0o777).unwrap_or(0o644);
                found.push(Member { name, content, mode });
            }
            _ => (long, far) = (None, None),
        }
    }
    Some(found)
}

/// What an extended header says under a key: lines of length, key and value.
fn pax(body: &[u8], key: &str) -> Option<String> {
    let (body, key) = (String::from_utf8_lossy(body), format!(" {key}="));
    body.lines().find_map(|line| Some(line.split_once(&key)?.1.to_owned()))
}

async fn extract(program: &Program, asked: &Asked, members: Vec<Member<'_>>) -> i32 {
    let (files, now) = (&program.container.files, program.engine().now());
    let mut code = 0;
    for member in members {
        let name = member.name.trim_start_matches('/').trim_end_matches('/');
        let wanted = asked.names.is_empty() || asked.names.iter().any(|asked| name.starts_with(asked.as_str()));
        if name.is_empty() || !wanted || name.split('/').any(|part| part == "..") {
            continue;
        }
        if asked.letters.contains(['t', 'v']) {
            program.say(&member.name).await;
        }
        if asked.letters.contains('t') {
            continue;
        }
        let path = format!("{}/{name}", asked.folder.trim_end_matches('/'));
        let above = path.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty());
        let made = || above.map_or(Ok(()), |above| files.make_folder(above, true, now));
        let done = match member.content {
            Content::Folder => files.make_folder(&path, true, now),
            Content::File(bytes) if bytes.len() > LARGEST_FILE => {
                code = program.fail(&format!("{name}: write error: No space left on device"), 1).await;
                continue;
            }
            Content::File(bytes) => made()
                .and_then(|()| files.write(&path, bytes, false, now))
                .and_then(|()| files.set_mode(&path, member.mode)),
            Content::Link(target) => {
                // What stood there makes room, unless it is a folder.
                let _ = files.remove(&path, false);
                made().and_then(|()| files.make_link(&path, &target, now))
            }
        };
        if let Err(why) = done {
            code = program.fail(&format!("can't open '{name}': {why}"), 1).await;
        }
    }
    program.engine().stir();
    code
}

async fn create(program: &Program, asked: &Asked) -> i32 {
    let busybox = program.container.image.is_busybox();
    if asked.names.is_empty() {
        return program.fail("empty archive", 1).await;
    }
    let (mut archive, mut missing, mut told) = (Vec::new(), false, false);
    for name in &asked.names {
        let path = crate::sim::nodes::process::files::absolute(&asked.folder, name);
        match pack(program, &path, (name.trim_start_matches('/'), asked.letters.contains('h')), &mut archive) {
            Ok(()) if name.starts_with('/') && !told => {
                told = true;
                let line = if busybox { "removing leading '/'" } else { "Removing leading `/'" };
                program.fail(&format!("{line} from member names"), 0).await;
            }
            Ok(()) => {}
            Err(why) => {
                missing = true;
                let line = if busybox { format!("{name}: {why}") } else { format!("{name}: Cannot stat: {why}") };
                program.fail(&line, 1).await;
            }
        }
    }
    let code = match (missing, busybox) {
        (false, _) => 0,
        (true, true) => program.fail("error exit delayed from previous errors", 1).await,
        (true, false) => program.fail("Exiting with failure status due to previous errors", 2).await,
    };
    archive.resize(archive.len() + 2 * BLOCK, 0);
    if asked.letters.contains('z') {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Into memory.
        archive = encoder.write_all(&archive).and_then(|()| encoder.finish()).unwrap_or_default();
    }
    let out = match asked.archive.as_str() {
        "-" => Ok(program.output.clone()),
        path => program.open(path, false),
    };
    match out {
        Ok(out) => drop(out.write(program.engine(), &archive).await),
        Err(why) => return program.fail(&format!("can't open '{}': {why}", asked.archive), 1).await,
    }
    code
}

/// Puts a file, a link, or a folder with all in it, into an archive; or what links lead to, where that is wished.
fn pack(program: &Program, path: &str, (name, follow): (&str, bool), archive: &mut Vec<u8>) -> Result<(), FileError> {
    let files = &program.container.files;
    let entry = if follow { files.stat(path) } else { files.look(path) }.ok_or(FileError::Missing)?;
    let (changed, mode) = (entry.changed, entry.mode & 0o777);
    if let Body::Link(target) = &entry.body {
        head(archive, (name, b'2', target), 0, (mode, changed));
        return Ok(());
    }
    if !entry.is_folder() {
        let bytes = files.read(path)?;
        head(archive, (name, b'0', ""), bytes.len(), (mode, changed));
        archive.extend_from_slice(&bytes);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        return Ok(());
    }
    let name = if name.is_empty() { "." } else { name.trim_end_matches('/') };
    head(archive, (&format!("{name}/"), b'5', ""), 0, (mode, changed));
    for inner in files.list(path)? {
        if archive.len() > LARGEST {
            break;
        }
        let below = format!("{}/{inner}", path.trim_end_matches('/'));
        pack(program, &below, (&format!("{name}/{inner}"), follow), archive)?;
    }
    Ok(())
}

/// A name, or where a link leads, that does not fit its field goes ahead of it as a member of its own.
fn long(archive: &mut Vec<u8>, kind: u8, text: &str) {
    if text.len() > FIELD {
        head(archive, ("././@LongLink", kind, ""), text.len() + 1, (0o644, Timestamp::UNIX_EPOCH));
        archive.extend_from_slice(text.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
}

fn head(archive: &mut Vec<u8>, (name, kind, target): (&str, u8, &str), size: usize, (mode, changed): (u32, Timestamp)) {
    long(archive, b'L', name);
    long(archive, b'K', target);
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(FIELD)]);
    put(157, &target.as_bytes()[..target.len().min(FIELD)]);
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000\x000000000\0");
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{:011o}", changed.as_second().max(0)).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar  \0root");
    put(297, b"root");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    archive.extend_from_slice(&block);
}
