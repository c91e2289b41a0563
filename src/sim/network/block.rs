//! Blocks of addresses, as `ipBlock` of a NetworkPolicy names them.
//! What a policy makes of them is `policy.rs`.

use std::net::IpAddr;

use serde_json::Value;

use crate::object::meta;

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

/// Whether a block such as `10.0.0.0/8` holds an address.
fn holds(block: &str, address: IpAddr) -> bool {
    let Some((net, length)) = block.split_once('/') else { return false };
    let (Ok(net), Ok(length)) = (net.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let ((net, width), (address, of)) = (bits(net), bits(address));
    let shift = width.saturating_sub(length);
    width == of && (length == 0 || net.checked_shr(shift) == address.checked_shr(shift))
}

/// Whether an `ipBlock`, with what it leaves out, holds an address.
pub fn matches(block: &Value, address: IpAddr) -> bool {
    let excepted = meta::list(block, "/except").iter().filter_map(Value::as_str).any(|except| holds(except, address));
    holds(meta::text(block, "/cidr"), address) && !excepted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_hold_what_they_should() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(holds("0.0.0.0/0", at("8.8.8.8")));
        assert!(holds("10.244.0.0/16", at("10.244.7.1")) && !holds("10.244.0.0/16", at("10.245.0.1")));
        assert!(holds("10.0.0.1/32", at("10.0.0.1")) && !holds("::/0", at("10.0.0.1")));
        let block = json!({ "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] });
        assert!(matches(&block, at("10.2.0.1")) && !matches(&block, at("10.1.0.1")));
    }
}
