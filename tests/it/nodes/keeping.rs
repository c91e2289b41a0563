//! Properties of what is kept of Pods: a file torn at any byte holds all that was written down before it, and a run that is brought
//! back goes on as if nothing had been. What a store keeps is `storing.rs`.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kubedrill::sim::nodes::keeping::Keeper;
use kubedrill::sim::nodes::process::replay::Again;
use kubedrill::sim::nodes::process::sandbox::Sandbox;
use kubedrill::sim::nodes::process::tree::{Entry, Tree};
use kubedrill::sim::nodes::runtime::Runtime;
use kubedrill::sim::nodes::snapshot::{PodRecord, Snapshot};
use proptest::prelude::*;
use proptest::sample::Index;

use super::scripts::{asked, at, begin};

const VOLUMES: [&str; 3] = ["node/node01", "pv/disk", "uid-0/empty"];
const WRITES: &str = "echo begun; n=0; while true; do n=$((n+1)); echo tick $n; echo $n >> /tmp/f; sleep 1; done";

/// Something done to the runtimes of a cluster.
#[derive(Clone, Debug)]
enum Deed {
    Put(usize, usize, Vec<u8>),
    Take(usize, usize),
    /// Seconds pass in a Pod, which is there from then on.
    Pass(usize, i64),
    /// A Pod ends its container, or is forgotten.
    Kill(usize),
    Forget(usize),
    /// Everything is written down.
    Keep,
    /// Everything becomes what it was when it was written down last.
    Restore,
}

fn folder() -> Entry {
    Entry::folder(begin())
}

fn deed() -> impl Strategy<Value = Deed> {
    let text = prop_oneof![any::<Vec<u8>>(), Just("Größe 大\n".as_bytes().to_vec())];
    prop_oneof![
        6 => (0usize..3, 0usize..4, text).prop_map(|(volume, name, bytes)| Deed::Put(volume, name, bytes)),
        2 => (0usize..3, 0usize..4).prop_map(|(volume, name)| Deed::Take(volume, name)),
        6 => (0usize..3, 0i64..5).prop_map(|(pod, seconds)| Deed::Pass(pod, seconds)),
        1 => (0usize..3).prop_map(Deed::Kill),
        1 => (0usize..3).prop_map(Deed::Forget),
        4 => Just(Deed::Keep),
        1 => Just(Deed::Restore),
    ]
}

/// A cluster's runtimes, and what time it is.
struct Told {
    runtime: Runtime,
    now: Timestamp,
}

impl Told {
    fn act(&mut self, deed: &Deed, kept: &Snapshot) {
        let uid = |pod: &usize| format!("uid-{pod}");
        match deed {
            Deed::Put(volume, name, bytes) => {
                let (now, name) = (self.now, format!("f{name}"));
                let files = self.runtime.files(VOLUMES[*volume], "", &folder());
                files.change(|tree| tree.insert(name, Entry::file(bytes.clone(), now)));
            }
            Deed::Take(volume, name) => {
                self.runtime.files(VOLUMES[*volume], "", &folder()).change(|tree| tree.remove(&format!("f{name}")));
            }
            Deed::Pass(pod, seconds) => {
                self.now += SignedDuration::from_secs(*seconds);
                self.runtime.make_again(&uid(pod), |record| record.map(|record| again(&record)));
                self.runtime.with(&uid(pod), (self.now, self.now), |sandbox| {
                    if sandbox.run("c").is_none() {
                        sandbox.start("c", asked("busybox", &["sh", "-c", WRITES])).expect("it can be started");
                    }
                });
            }
            Deed::Kill(pod) => {
                self.runtime.look(&uid(pod), |sandbox| sandbox.run("c").iter().for_each(|run| run.kill()));
            }
            Deed::Forget(pod) => self.runtime.forget(&uid(pod)),
            Deed::Keep => {}
            Deed::Restore => self.runtime.restore(kept),
        }
    }
}

fn again(record: &PodRecord) -> Sandbox {
    let runs = record.runs.iter().cloned();
    let all = runs.map(|(record, written)| Again { record, written, start: asked("busybox", &[]) });
    Sandbox::again(all.collect(), record.now)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).expect("there").len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_file_torn_at_any_byte_holds_all_that_was_written_down_before(
        deeds in prop::collection::vec(deed(), 1..60),
        cut in any::<Index>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cluster.files.jsonl");
        let mut told = Told { runtime: Runtime::default(), now: begin() };
        let keeper = Keeper::begin(path.clone(), told.runtime.snapshot()).expect("writable");
        let mut states = vec![(length(&path), told.runtime.snapshot())];
        for deed in deeds.iter().chain([&Deed::Keep]) {
            let last = states.last().expect("at least one").1.clone();
            told.act(deed, &last);
            if matches!(deed, Deed::Keep) {
                keeper.write(&told.runtime);
                states.push((length(&path), told.runtime.snapshot()));
            }
        }
        let cut = cut.index(usize::try_from(length(&path)).expect("small") + 1) as u64;
        File::options().write(true).open(&path).and_then(|file| file.set_len(cut)).expect("writable");
        // A line without its newline is whole already.
        let expected = states.iter().rev().find(|(end, _)| *end <= cut + 1).map(|(_, state)| state.clone());
        prop_assert_eq!(Snapshot::load(&path).expect("readable"), expected.expect("the file begins empty"));
    }

    #[test]
    fn a_run_that_is_brought_back_any_number_of_times_goes_on_as_if_nothing_had_been(
        times in prop::collection::vec(0i64..40, 1..8),
    ) {
        let start = || {
            let mut sandbox = Sandbox::new(begin());
            sandbox.start("c", asked("busybox", &["sh", "-c", WRITES])).expect("it can be started");
            sandbox
        };
        let (mut undisturbed, mut disturbed) = (start(), start());
        let mut now = 0;
        for seconds in times {
            now += seconds;
            undisturbed.run_until(at(now));
            disturbed.run_until(at(now));
            disturbed = again(&PodRecord::of(&disturbed));
            prop_assert_eq!(PodRecord::of(&disturbed), PodRecord::of(&undisturbed));
        }
    }
}

#[test]
fn what_is_remembered_costs_nothing_until_it_changes() {
    let runtime = Runtime::default();
    runtime.files("pv/disk", "a/b", &folder());
    let (one, other) = (runtime.snapshot(), runtime.snapshot());
    assert!(Arc::ptr_eq(&one.kept["pv/disk"], &other.kept["pv/disk"]));
    runtime.files("pv/disk", "a", &folder()).change(Tree::clear);
    assert_eq!((one.kept["pv/disk"].len(), runtime.snapshot().kept["pv/disk"].len()), (2, 0));
}
