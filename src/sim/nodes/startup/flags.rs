//! The flags of the programs of a cluster: which there are, what they take, and what is said of others.
//! The tables are data in `assets/machine/flags`, from each program's `--help` of 1.35. Source of the words: github.com/spf13/pflag; Go's `flag` for etcd.

use std::collections::BTreeMap;

use crate::object::duration::duration;

/// What a program was given: values by flag, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given(BTreeMap<String, Vec<String>>);

impl Given {
    /// A flag's value; the last counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// Every flag with its value.
    pub fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_str())))
    }
}

/// The table of a program: a flag and what it takes in each line.
fn table(program: &str) -> &'static str {
    match program {
        "kubelet" => include_str!("../../../../assets/machine/flags/kubelet.txt"),
        "kube-apiserver" => include_str!("../../../../assets/machine/flags/kube-apiserver.txt"),
        "kube-controller-manager" => include_str!("../../../../assets/machine/flags/kube-controller-manager.txt"),
        "kube-scheduler" => include_str!("../../../../assets/machine/flags/kube-scheduler.txt"),
        "kube-proxy" => include_str!("../../../../assets/machine/flags/kube-proxy.txt"),
        _ => include_str!("../../../../assets/machine/flags/etcd.txt"),
    }
}

fn kind(program: &str, flag: &str) -> Option<&'static str> {
    table(program).lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == flag).map(|(_, kind)| kind)
}

/// Reads the arguments of a program; the error is what the program says.
pub fn read(program: &str, args: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(bare) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
            return Err(stray(program, arg));
        };
        let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
        let Some(kind) = kind(program, name) else { return Err(unknown(program, arg, name)) };
        let value = match (value, kind) {
            (Some(value), _) => value.to_owned(),
            (None, "bool" | "version[=true]") => "true".to_owned(),
            (None, _) => args.next().cloned().ok_or_else(|| wanting(program, name))?,
        };
        check(program, name, kind, &value)?;
        given.0.entry(name.to_owned()).or_default().push(value);
    }
    Ok(given)
}

fn stray(program: &str, arg: &str) -> String {
    match program {
        "kubelet" => format!("unknown command {arg}"),
        "etcd" => format!("'{arg}' is not a valid flag"),
        _ => format!("unknown command {arg:?} for {program:?}"),
    }
}

fn unknown(program: &str, arg: &str, name: &str) -> String {
    match (program, arg.starts_with("--")) {
        ("etcd", _) => format!("flag provided but not defined: -{name}"),
        (_, true) => format!("unknown flag: --{name}"),
        (_, false) => {
            format!("unknown shorthand flag: '{}' in {arg}", name.chars().next().unwrap_or_default())
        }
    }
}

fn wanting(program: &str, name: &str) -> String {
    match program {
        "etcd" => format!("flag needs an argument: -{name}"),
        _ => format!("flag needs an argument: --{name}"),
    }
}

/// Whether a value is one that the flag takes.
fn check(program: &str, name: &str, kind: &str, value: &str) -> Result<(), String> {
    let syntax = |function: &str| format!("strconv.{function}: parsing {value:?}: invalid syntax");
    let why = match kind {
        "bool"
            if !matches!(
                value,
                "true" | "false" | "1" | "0" | "t" | "f" | "T" | "F" | "True" | "False" | "TRUE" | "FALSE"
            ) =>
        {
            syntax("ParseBool")
        }
        "int" | "int32" if value.parse::<i64>().is_err() => syntax("ParseInt"),
        "Level" if value.parse::<i32>().is_err() => syntax("ParseInt"),
        "float" | "float32" if value.parse::<f64>().is_err() => syntax("ParseFloat"),
        "ip" if value.parse::<std::net::IpAddr>().is_err() && !value.is_empty() => {
            format!("failed to parse IP: {value:?}")
        }
        "duration" => match duration(value) {
            Err(why) => why,
            Ok(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(match (program, name) {
        ("etcd", _) => format!("invalid value {value:?} for flag -{name}: parse error"),
        (_, "v") => format!("invalid argument {value:?} for \"-v, --v\" flag: {why}"),
        _ => format!("invalid argument {value:?} for \"--{name}\" flag: {why}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(program: &str, line: &str) -> Result<Given, String> {
        read(program, &line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn each_program_says_what_it_does_not_know_in_its_own_words() {
        assert_eq!(read_line("kube-scheduler", "--foo=1").unwrap_err(), "unknown flag: --foo");
        let wrong =
            "invalid argument \"abc\" for \"--secure-port\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax";
        assert_eq!(read_line("kube-apiserver", "--secure-port=abc").unwrap_err(), wrong);
        let wrong = "invalid argument \"maybe\" for \"--leader-elect\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax";
        assert_eq!(read_line("kube-scheduler", "--leader-elect=maybe").unwrap_err(), wrong);
        let wrong =
            "invalid argument \"10\" for \"--node-monitor-grace-period\" flag: time: missing unit in duration \"10\"";
        assert_eq!(read_line("kube-controller-manager", "--node-monitor-grace-period=10").unwrap_err(), wrong);
        assert_eq!(read_line("etcd", "--foo=1").unwrap_err(), "flag provided but not defined: -foo");
        let given = read_line("kubelet", "--config /var/a --fail-swap-on --node-ip=10.0.0.1 --config=/var/b").unwrap();
        assert_eq!(given.get("config"), Some("/var/b"));
        assert_eq!(given.get("fail-swap-on"), Some("true"));
        assert!(read_line("kube-apiserver", "--request-timeout=1m30s --v=2").is_ok());
    }
}
