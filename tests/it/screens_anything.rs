//! Whatever a learner does, at whatever size: nothing panics, and the way back is always there.
//! Random sessions; what a given key does stands in `screens_behaviour`.

use crossterm::event::{MouseButton, MouseEventKind};
use kubedrill::tui::model::Place;
use proptest::prelude::*;

use crate::screens_room::Room;

#[derive(Clone, Debug)]
enum Deed {
    Keys(&'static str),
    Resize(u16, u16),
    ResizeUnheard(u16, u16),
    Mouse(MouseEventKind, u16, u16),
    Pass(i64),
    Hold(bool),
    Release,
}

const KEYS: [&str; 40] = [
    "<ret>", "<esc>", "<tab>", "j", "k", "g", "h", "s", "r", "z", "q", "y", "n", "e", "f", "m", "o", "p", "?", "/",
    "1", "2", "3", "G", "<up>", "<down>", "<pgdn>", "<pgup>", "<end>", "<home>", "<back>", "<f1>", "<f2>", "<f3>",
    "<f4>", "<f5>", "<f6>", "<f9>", "<c-g>", "漢",
];

fn deed() -> impl Strategy<Value = Deed> {
    let kinds = [
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
    ];
    prop_oneof![
        12 => prop::sample::select(&KEYS[..]).prop_map(Deed::Keys),
        2 => (1u16..220, 1u16..60).prop_map(|(columns, rows)| Deed::Resize(columns, rows)),
        1 => (1u16..220, 1u16..60).prop_map(|(columns, rows)| Deed::ResizeUnheard(columns, rows)),
        3 => (prop::sample::select(kinds.to_vec()), 0u16..220, 0u16..60).prop_map(|(kind, x, y)| Deed::Mouse(kind, x, y)),
        1 => (0i64..3000).prop_map(Deed::Pass),
        1 => any::<bool>().prop_map(Deed::Hold),
        1 => Just(Deed::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_a_learner_does_panics(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut room = Room::new(80, 24);
        for deed in deeds {
            match deed {
                Deed::Keys(keys) => drop(room.keys(keys)),
                Deed::Resize(columns, rows) => drop(room.resize(columns, rows)),
                Deed::ResizeUnheard(columns, rows) => room.resize_unheard(columns, rows),
                Deed::Mouse(kind, x, y) => drop(room.mouse(kind, (x, y), 2)),
                Deed::Pass(seconds) => drop(room.pass(seconds)),
                Deed::Hold(on) => room.holding = on,
                Deed::Release => drop(room.release(2)),
            }
            room.screen();
        }
        // From anywhere, leaving leads home: close what is open, then leave what is under it.
        room.holding = false;
        room.resize(80, 24).release(99);
        for _ in 0..8 {
            room.keys("<esc><c-g>q<esc>");
            if room.model.place != Place::Home {
                room.keys("<f10>y");
            }
        }
        prop_assert_eq!(room.model.place, Place::Home, "{}", room.screen());
    }
}
