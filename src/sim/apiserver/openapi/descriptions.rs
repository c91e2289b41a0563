//! What `kubectl explain` says of types and fields: the texts of k8s-openapi, packed in `assets/kubernetes/descriptions.txt.gz`.
//! Its form: `+type text`, then `field text` lines, tab-separated; line ends, tabs and backslashes escaped. Read at first use.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::sync::OnceLock;

const PACKED: &[u8] = include_bytes!("../../../../assets/kubernetes/descriptions.txt.gz");

/// By type and field; the empty field is the type itself.
type Texts = HashMap<&'static str, HashMap<&'static str, Cow<'static, str>>>;

/// What a type is.
pub(super) fn of_type(name: &str) -> Option<&'static str> {
    of_field(name, "")
}

/// What a field is.
pub(super) fn of_field(name: &str, field: &str) -> Option<&'static str> {
    let text: &str = texts().get(name)?.get(field)?;
    if text.is_empty() { None } else { Some(text) }
}

fn texts() -> &'static Texts {
    static TEXT: OnceLock<String> = OnceLock::new();
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let text = TEXT.get_or_init(|| {
            let mut text = String::with_capacity(1 << 20);
            // The asset is part of the binary; a test reads all of it.
            let _ = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text);
            text
        });
        let mut texts = Texts::with_capacity(600);
        let mut last = "";
        for (name, text) in text.lines().filter_map(|line| line.split_once('\t')) {
            let field = match name.strip_prefix('+') {
                Some(of) => {
                    last = of;
                    ""
                }
                None => name,
            };
            texts.entry(last).or_default().insert(field, plain(text));
        }
        texts
    })
}

fn plain(text: &'static str) -> Cow<'static, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next().map(|letter| match letter {
                'n' => '\n',
                't' => '\t',
                other => other,
            })),
            letter => out.push(letter),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_whole() {
        assert!(texts().values().map(HashMap::len).sum::<usize>() > 2500);
        let pods = of_type("io.k8s.api.core.v1.Pod").unwrap_or_default();
        assert!(pods.starts_with("Pod is a collection of containers"), "{pods}");
        let quantity = of_type("io.k8s.apimachinery.pkg.api.resource.Quantity").unwrap_or_default();
        assert!(quantity.contains('\n') && !quantity.contains("\\n"));
    }
}
