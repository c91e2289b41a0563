//! The packs inside the program: all load, all scenarios draw for several seeds, and the same seed draws the same.
//! Whether they grade rightly is proved by `pack verify`.

use kubedrill::base::seed::Seed;
use kubedrill::scenario::{Catalogue, NotFound};

#[test]
fn every_scenario_inside_the_program_can_be_drawn() {
    let catalogue = Catalogue::embedded().unwrap_or_else(|error| panic!("{}", error.render(false)));
    assert!(catalogue.scenarios().count() > 0, "no scenario is inside the program");
    for scenario in catalogue.scenarios() {
        for seed in 1..=20 {
            let variant = scenario.variant(Seed(seed)).unwrap_or_else(|error| panic!("{}", error.render(false)));
            assert_eq!(variant.points(), scenario.points(), "{}", scenario.id());
            let again = scenario.variant(Seed(seed)).unwrap_or_else(|error| panic!("{}", error.render(false)));
            assert_eq!(format!("{variant:?}"), format!("{again:?}"));
        }
    }
}

#[test]
fn scenarios_are_found_by_id_and_by_name_and_slips_are_mended() {
    let catalogue = Catalogue::embedded().unwrap();
    assert_eq!(catalogue.find("cka/user-by-csr").unwrap().name, "user-by-csr");
    assert_eq!(catalogue.find("user-by-csr").unwrap().id(), "cka/user-by-csr");
    let near = |name: &str| match catalogue.find(name) {
        Err(NotFound::Scenario { near, .. }) => near,
        other => panic!("{other:?}"),
    };
    assert_eq!(near("user-by-crs").as_deref(), Some("user-by-csr"));
    assert_eq!(near("cka/user-by-scr").as_deref(), Some("cka/user-by-csr"));
    assert_eq!(near("something else entirely"), None);
}
