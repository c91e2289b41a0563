//! What a learner can do, and the keys that do it. Each screen has one list of these; keys, key bar, help and mouse all come from it.
//! What an action means stands with the screen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::hits::Pane;

/// Something a learner does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    /// Opens or agrees to what is chosen.
    Enter,
    /// Goes back, or says no.
    Back,
    Quit,
    Help,
    Filter,
    /// Shows one of the home screens: 0 practice, 1 exams, 2 history.
    Tab(usize),
    NextTab,
    /// The scenario to do now.
    Suggested,
    Reload,
    Focus(Pane),
    SwitchFocus,
    Zoom,
    /// The next key is for us, not for the shell.
    Leader,
    Grade,
    Hint,
    Solution,
    Explain,
    Reset,
    Overview,
    NextTask,
    PreviousTask,
    Flag,
    Note,
    Submit,
    Yes,
    No,
    Copy(String),
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

/// A key that types a character.
pub const fn key(c: char) -> Key {
    Key { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }
}

/// A character held with Ctrl.
pub const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
}

/// Any other key.
pub const fn named(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::NONE }
}

impl Key {
    /// Whether this key was pressed. Shift is no modifier of a character: it is in the character.
    pub fn is(self, event: &KeyEvent) -> bool {
        let mut modifiers = event.modifiers;
        if matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers.remove(KeyModifiers::SHIFT);
        }
        self.code == event.code && self.modifiers == modifiers
    }
}

/// Keys, what they do, and how the bar and the help say it.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub keys: Vec<Key>,
    /// The keys as the bar and the help show them: `F5`, `↑↓`.
    pub shown: &'static str,
    /// One or two words for the bar.
    pub label: &'static str,
    /// A sentence's worth for the help.
    pub help: &'static str,
    pub action: Action,
    /// Not in the bar: the help tells it.
    pub hidden: bool,
}

/// A binding that the bar shows.
pub fn bind(keys: &[Key], shown: &'static str, (label, help): (&'static str, &'static str), action: Action) -> Binding {
    Binding { keys: keys.to_vec(), shown, label, help, action, hidden: false }
}

impl Binding {
    /// The same, in the help only.
    pub fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }
}

/// What the key does by these bindings.
pub fn action_of(bindings: &[Binding], event: &KeyEvent) -> Option<Action> {
    bindings.iter().find(|binding| binding.keys.iter().any(|key| key.is(event))).map(|binding| binding.action.clone())
}

/// The keys by which every list and text moves.
pub fn moving() -> Vec<Binding> {
    vec![
        bind(&[named(KeyCode::Down), key('j')], "↓ j", ("Down", "down"), Action::Down).hidden(),
        bind(&[named(KeyCode::Up), key('k')], "↑ k", ("Up", "up"), Action::Up).hidden(),
        bind(
            &[named(KeyCode::PageDown), ctrl('d'), ctrl('f'), key(' ')],
            "PgDn ^D",
            ("Page down", "a page down"),
            Action::PageDown,
        )
        .hidden(),
        bind(&[named(KeyCode::PageUp), ctrl('u'), ctrl('b')], "PgUp ^U", ("Page up", "a page up"), Action::PageUp)
            .hidden(),
        bind(&[named(KeyCode::Home)], "Home", ("Top", "to the first"), Action::Top).hidden(),
        bind(&[named(KeyCode::End), key('G')], "End G", ("Bottom", "to the last"), Action::Bottom).hidden(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capital_is_a_character_of_its_own() {
        let pressed = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert!(key('G').is(&pressed));
        assert!(!key('g').is(&pressed));
        assert!(!key('g').is(&KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL)));
    }
}
