//! `ip`, `ifconfig`, `netstat`, `ss`: what the Pod itself has.
//! Only addresses, the way out, and the ports that are open.

use crate::sim::nodes::process::program::Program;

/// `ip addr`, `ifconfig`, `netstat -tln`.
pub async fn addresses(program: Program) -> i32 {
    let changes = ["add", "set", "del", "delete", "change", "replace", "flush"];
    if program.name() == "ip" && program.args().nth(1).is_some_and(|verb| changes.contains(&verb)) {
        return change(&program).await;
    }
    let address = program.container.address();
    let text = match program.name() {
        "ifconfig" => {
            format!("eth0      Link encap:Ethernet\n          inet addr:{address}  Bcast:0.0.0.0  Mask:255.255.255.0")
        }
        "netstat" | "ss" => {
            let mut lines =
                vec!["Proto Recv-Q Send-Q Local Address           Foreign Address         State".to_owned()];
            lines.extend(
                program
                    .container
                    .ports()
                    .iter()
                    .map(|port| format!("tcp        0      0 0.0.0.0:{port:<15} 0.0.0.0:*               LISTEN")),
            );
            lines.join("\n")
        }
        _ if program.args().any(|word| word.starts_with('r')) => {
            format!("default via {} dev eth0", address.rsplit_once('.').map_or("", |(net, _)| net).to_owned() + ".1")
        }
        _ => format!(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue\n    inet 127.0.0.1/8 scope host lo\n2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue\n    inet {address}/24 brd 10.244.0.255 scope global eth0"
        ),
    };
    i32::from(!program.say(&text).await)
}

/// `ip link add` and the like: who may not is told so; for who may, nothing comes of it.
async fn change(program: &Program) -> i32 {
    if program.may("NET_ADMIN") {
        return 0;
    }
    const REFUSED: &str = "RTNETLINK answers: Operation not permitted";
    if program.container.image.is_busybox() {
        return program.fail(REFUSED, 1).await;
    }
    super::complain(program, &format!("{REFUSED}\n")).await;
    2
}
