//! Colours and weights by what they are for. The themes are files in `assets/themes`; a test reads them all.
//! Nothing may be told by colour alone: every mark and state has a sign or a word too.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

/// The themes that come with the program, by name.
pub const THEMES: &[(&str, &str)] = &[
    ("dark", include_str!("../../assets/themes/dark.yaml")),
    ("light", include_str!("../../assets/themes/light.yaml")),
    ("mono", include_str!("../../assets/themes/mono.yaml")),
];

/// A style for everything that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    pub name: String,
    pub text: Style,
    pub dim: Style,
    pub brand: Style,
    pub title: Style,
    pub accent: Style,
    pub good: Style,
    pub bad: Style,
    pub warn: Style,
    pub rule: Style,
    pub rule_focus: Style,
    pub selected: Style,
    pub key: Style,
    pub label: Style,
    pub heading: Style,
    pub strong: Style,
    pub emphasis: Style,
    pub code: Style,
    pub block: Style,
    pub link: Style,
    pub removed: Style,
    pub added: Style,
    pub bar: Style,
    pub track: Style,
}

/// Why a theme's text is no theme.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    #[error("the theme cannot be read: {0}")]
    Yaml(String),
    #[error("style {style} names the colour {colour}, which is neither in the palette nor #rrggbb")]
    Colour { style: String, colour: String },
    #[error("there is no style {0}")]
    Missing(&'static str),
    #[error("nothing is drawn in the style {0}")]
    Unknown(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    palette: BTreeMap<String, String>,
    styles: BTreeMap<String, Looks>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Looks {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// The 256 of xterm.
    Indexed,
}

impl Depth {
    /// What the terminal says of itself.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        match variable("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ => Self::Indexed,
        }
    }
}

impl Theme {
    /// Reads a theme.
    pub fn parse(text: &str, depth: Depth) -> Result<Self, ThemeError> {
        let mut file: File = serde_yaml::from_str(text).map_err(|error| ThemeError::Yaml(error.to_string()))?;
        let mut style = |name: &'static str| -> Result<Style, ThemeError> {
            let looks = file.styles.remove(name).ok_or(ThemeError::Missing(name))?;
            looks.style(name, &file.palette, depth)
        };
        let theme = Self {
            name: file.name,
            text: style("text")?,
            dim: style("dim")?,
            brand: style("brand")?,
            title: style("title")?,
            accent: style("accent")?,
            good: style("good")?,
            bad: style("bad")?,
            warn: style("warn")?,
            rule: style("rule")?,
            rule_focus: style("rule_focus")?,
            selected: style("selected")?,
            key: style("key")?,
            label: style("label")?,
            heading: style("heading")?,
            strong: style("strong")?,
            emphasis: style("emphasis")?,
            code: style("code")?,
            block: style("block")?,
            link: style("link")?,
            removed: style("removed")?,
            added: style("added")?,
            bar: style("bar")?,
            track: style("track")?,
        };
        match file.styles.into_keys().next() {
            Some(name) => Err(ThemeError::Unknown(name)),
            None => Ok(theme),
        }
    }

    /// One of the themes that come with the program; plain when there is none of that name.
    pub fn named(name: &str, depth: Depth) -> Self {
        let text = THEMES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        text.and_then(|text| Self::parse(text, depth).ok()).unwrap_or_default()
    }

    /// What the environment asks for: none of any colour with `NO_COLOR` or a dumb terminal, else `KUBEDRILL_THEME`, else by the
    /// background that `COLORFGBG` tells of.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String> + Copy) -> Self {
        let depth = Depth::of_environment(variable);
        let set = |name| variable(name).filter(|value: &String| !value.is_empty());
        if set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb" || term.contains("mono")) {
            return Self::named("mono", depth);
        }
        if let Some(name) = set("KUBEDRILL_THEME").filter(|name| THEMES.iter().any(|(known, _)| known == name)) {
            return Self::named(&name, depth);
        }
        let light = set("COLORFGBG").is_some_and(|both| matches!(both.rsplit(';').next(), Some("7" | "15")));
        Self::named(if light { "light" } else { "dark" }, depth)
    }
}

impl Looks {
    fn style(&self, name: &str, palette: &BTreeMap<String, String>, depth: Depth) -> Result<Style, ThemeError> {
        let colour = |asked: &String| {
            let text = palette.get(asked).unwrap_or(asked);
            let wrong = || ThemeError::Colour { style: name.to_owned(), colour: asked.clone() };
            hex(text).map(|(r, g, b)| depth.colour(r, g, b)).ok_or_else(wrong)
        };
        let mut style = Style::new();
        style.fg = self.fg.as_ref().map(colour).transpose()?;
        style.bg = self.bg.as_ref().map(colour).transpose()?;
        for (wanted, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

fn hex(text: &str) -> Option<(u8, u8, u8)> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = number.to_be_bytes();
    Some((r, g, b))
}

impl Depth {
    fn colour(self, r: u8, g: u8, b: u8) -> Color {
        match self {
            Self::True => Color::Rgb(r, g, b),
            Self::Indexed => Color::Indexed(nearest(r, g, b)),
        }
    }
}

/// The nearest of xterm's colour cube (16–231) and its greys (232–255).
fn nearest(r: u8, g: u8, b: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| (0..6u8).min_by_key(|i| STEPS[usize::from(*i)].abs_diff(value)).unwrap_or(0);
    let far = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    let distance = |(x, y, z): (u8, u8, u8)| far(x, r) + far(y, g) + far(z, b);
    let (i, j, k) = (step(r), step(g), step(b));
    let in_cube = (STEPS[usize::from(i)], STEPS[usize::from(j)], STEPS[usize::from(k)]);
    let mean = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3) as u8;
    let grey = (mean.saturating_sub(3) / 10).min(23);
    let in_greys = 8 + 10 * grey;
    if distance((in_greys, in_greys, in_greys)) < distance(in_cube) { 232 + grey } else { 16 + 36 * i + 6 * j + k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_that_comes_along_is_whole() {
        for (name, text) in THEMES {
            let theme = Theme::parse(text, Depth::True).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(theme.name, *name);
        }
    }

    #[test]
    fn no_color_means_none_in_any_style() {
        let theme = Theme::of_environment(|name| (name == "NO_COLOR").then(|| "1".to_owned()));
        let Theme { text, dim, brand, selected, good, bad, removed, added, code, .. } = theme;
        for style in [text, dim, brand, selected, good, bad, removed, added, code] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn a_wrong_theme_says_what_is_wrong() {
        let text = THEMES[0].1.replace("dim: { fg: grey }", "dim: { fg: gray }");
        let error = Theme::parse(&text, Depth::True).err().map(|error| error.to_string());
        let expected = "style dim names the colour gray, which is neither in the palette nor #rrggbb";
        assert_eq!(error.as_deref(), Some(expected));
    }

    #[test]
    fn colours_have_near_ones_among_256() {
        assert_eq!(nearest(255, 0, 0), 196);
        assert_eq!(nearest(128, 128, 128), 244);
        assert_eq!(nearest(95, 135, 175), 67);
    }
}
