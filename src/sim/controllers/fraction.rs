//! Numbers that may be percentages of another: `maxSurge`, `maxUnavailable`.
//! Source: `k8s.io/apimachinery/pkg/util/intstr` and `ResolveFenceposts` in `pkg/controller/deployment/util`.

use serde_json::Value;

/// Which way a percentage of few is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    Up,
    Down,
}

/// The number that `value` (a number, or text such as `25%`) is of `total`. What is neither is nothing.
pub fn of(value: Option<&Value>, total: i64, round: Round) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or_default(),
        Some(Value::String(text)) => {
            let percent: i64 = text.strip_suffix('%').and_then(|number| number.parse().ok()).unwrap_or_default();
            let product = percent * total;
            match round {
                Round::Up => (product + 99).div_euclid(100),
                Round::Down => product.div_euclid(100),
            }
        }
        _ => 0,
    }
}

/// Surge and unavailable Pods that a rolling update of `replicas` may have. Both zero would not move, so one may be unavailable.
pub fn fenceposts(rolling: Option<&Value>, replicas: i64) -> (i64, i64) {
    let field = |key: &str| rolling.and_then(|rolling| rolling.get(key));
    let surge = of(field("maxSurge"), replicas, Round::Up);
    let unavailable = of(field("maxUnavailable"), replicas, Round::Down);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        let quarter = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
        assert_eq!(fenceposts(Some(&quarter), 3), (1, 0));
        assert_eq!(fenceposts(Some(&quarter), 10), (3, 2));
        assert_eq!(fenceposts(Some(&json!({"maxSurge": 0, "maxUnavailable": "1%"})), 3), (0, 1));
        assert_eq!(fenceposts(Some(&json!({"maxSurge": 2, "maxUnavailable": 3})), 3), (2, 3));
    }
}
