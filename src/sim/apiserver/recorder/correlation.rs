//! Keeps a component from telling too much: many events alike become one, and about one object only so many are told.
//! Source: `EventAggregator` and `EventSourceObjectSpamFilter` in `k8s.io/client-go/tools/record/events_cache.go`.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

/// How many different messages make one of many.
const MANY: usize = 10;
/// How long events have to be apart not to be counted together.
const APART: SignedDuration = SignedDuration::from_mins(10);
/// How many events about an object are told at once, and how many seconds bring the right to one more.
const BURST: f64 = 25.0;
const REFILL: f64 = 300.0;

/// Events about one object, alike but for their message: its uid, type and reason.
type Alike<'a> = (&'a str, &'a str, &'a str);

/// What was told lately.
#[derive(Default)]
pub(super) struct Correlation {
    messages: HashMap<(String, String, String), (HashSet<String>, Timestamp)>,
    tokens: HashMap<String, (f64, Timestamp)>,
}

impl Correlation {
    /// Whether so many alike were told that this one is told with them.
    pub fn is_one_of_many(&mut self, (uid, kind, reason): Alike, message: &str, now: Timestamp) -> bool {
        let key = (uid.to_owned(), kind.to_owned(), reason.to_owned());
        let (messages, last) = self.messages.entry(key).or_insert_with(|| (HashSet::new(), now));
        if now.duration_since(*last) > APART {
            messages.clear();
        }
        *last = now;
        if messages.contains(message) || messages.len() + 1 < MANY {
            messages.insert(message.to_owned());
            return false;
        }
        true
    }

    /// Whether one more event about this object may be told.
    pub fn may_tell(&mut self, uid: &str, now: Timestamp) -> bool {
        let (tokens, last) = self.tokens.entry(uid.to_owned()).or_insert((BURST, now));
        *tokens = (*tokens + now.duration_since(*last).as_secs_f64() / REFILL).min(BURST);
        *last = now;
        let may = *tokens >= 1.0;
        if may {
            *tokens -= 1.0;
        }
        may
    }

    /// Forgets what is too long ago to matter.
    pub fn forget(&mut self, now: Timestamp) {
        self.messages.retain(|_, (_, last)| now.duration_since(*last) <= APART);
        self.tokens.retain(|_, (tokens, last)| *tokens + now.duration_since(*last).as_secs_f64() / REFILL < BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_alike_is_one_of_many() {
        let mut correlation = Correlation::default();
        let now = Timestamp::UNIX_EPOCH;
        let mut tell = |message: &str, now| correlation.is_one_of_many(("uid", "Normal", "Made"), message, now);
        let told: Vec<bool> = (0..12).map(|number| tell(&number.to_string(), now)).collect();
        assert_eq!(told.iter().position(|many| *many), Some(9));
        assert!(!tell("3", now), "one that was told counts up by itself");
        assert!(!tell("new", now + SignedDuration::from_mins(11)));
    }

    #[test]
    fn too_many_about_one_object_are_not_told() {
        let mut correlation = Correlation::default();
        let now = Timestamp::UNIX_EPOCH;
        let told = (0..40).filter(|_| correlation.may_tell("uid", now)).count();
        assert_eq!(told, 25);
        assert!(correlation.may_tell("other", now));
        assert!(correlation.may_tell("uid", now + SignedDuration::from_secs(301)));
    }
}
