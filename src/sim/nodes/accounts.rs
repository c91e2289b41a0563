//! Who a container runs as: users and groups by the lists its image brings, as the runtime looks them up.
//! What the numbers mean in its Pod is the security context's. Source: containerd `pkg/oci/spec_opts.go`, WithUser and
//! WithAdditionalGIDs; `internal/cri/server/container_create.go`.

use serde_json::Value;

use super::images::Image;
use crate::object::meta;

/// The user of a container's processes.
pub struct Account {
    pub user: i64,
    pub group: i64,
    /// Further groups.
    pub groups: Vec<i64>,
    pub home: String,
}

/// The account for a user and a group that are asked for, or else are the image's and that user's.
pub fn of(image: &Image, (user, group): (Option<i64>, Option<i64>), pod: &Value) -> Account {
    let user = user.unwrap_or(i64::from(image.user));
    let known = rows(users(image)).find(|row| row.get(2).is_some_and(|id| id.parse() == Ok(user)));
    let field = |at: usize| known.as_ref().and_then(|row| row.get(at)).copied();
    let name = field(0).unwrap_or_default();
    let in_it = |row: &Vec<&str>| row.last().is_some_and(|names| names.split(',').any(|one| one == name));
    let groups = rows(self::groups(image)).filter(|row| !name.is_empty() && in_it(row));
    let own = pod.pointer("/spec/securityContext/fsGroup").and_then(Value::as_i64);
    let more = meta::list(pod, "/spec/securityContext/supplementalGroups").iter().filter_map(Value::as_i64);
    Account {
        user,
        group: group.or_else(|| field(3)?.parse().ok()).unwrap_or_default(),
        groups: groups.filter_map(|row| row.get(2)?.parse().ok()).chain(own).chain(more).collect(),
        home: field(5).unwrap_or("/").to_owned(),
    }
}

fn rows(list: &str) -> impl Iterator<Item = Vec<&str>> {
    list.lines().map(|line| line.split(':').collect())
}

/// An image's `/etc/passwd`.
pub fn users(image: &Image) -> &'static str {
    match base(image) {
        Base::Busybox => include_str!("../../../assets/nodes/accounts/busybox.passwd"),
        Base::Alpine => include_str!("../../../assets/nodes/accounts/alpine.passwd"),
        Base::Debian => include_str!("../../../assets/nodes/accounts/debian.passwd"),
    }
}

/// An image's `/etc/group`.
pub fn groups(image: &Image) -> &'static str {
    match base(image) {
        Base::Busybox => include_str!("../../../assets/nodes/accounts/busybox.group"),
        Base::Alpine => include_str!("../../../assets/nodes/accounts/alpine.group"),
        Base::Debian => include_str!("../../../assets/nodes/accounts/debian.group"),
    }
}

/// What an image is made from.
enum Base {
    Busybox,
    Alpine,
    Debian,
}

fn base(image: &Image) -> Base {
    match image.is_busybox() {
        true if image.own_name() == "busybox" => Base::Busybox,
        true => Base::Alpine,
        false => Base::Debian,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::images::resolve;
    use super::*;

    #[test]
    fn the_image_knows_the_group_and_the_home_of_its_users() {
        let told = |reference: &str, user: Option<i64>, group: Option<i64>| {
            let account = of(resolve(reference).unwrap(), (user, group), &json!({ "spec": {} }));
            (account.group, account.groups, account.home)
        };
        assert_eq!(told("busybox", None, None), (0, vec![10], "/root".to_owned()));
        assert_eq!(told("busybox", Some(65534), None), (65534, vec![], "/home".to_owned()));
        assert_eq!(told("busybox", Some(1), Some(0)), (0, vec![], "/usr/sbin".to_owned()));
        assert_eq!(told("nginx", Some(1234), None), (0, vec![], "/".to_owned()));
    }
}
