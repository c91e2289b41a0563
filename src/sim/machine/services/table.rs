//! The units of a machine that nothing in a cluster hangs on: they run, and that is all.
//! Source: `systemctl list-units --type=service` on Ubuntu 24.04.

/// A unit that only runs.
pub struct Quiet {
    pub name: &'static str,
    pub description: &'static str,
    pub pid: u32,
}

const fn quiet(name: &'static str, description: &'static str, pid: u32) -> Quiet {
    Quiet { name, description, pid }
}

/// Those there are.
pub static QUIET: &[Quiet] = &[
    quiet("cron.service", "Regular background program processing daemon", 702),
    quiet("dbus.service", "D-Bus System Message Bus", 703),
    quiet("rsyslog.service", "System Logging Service", 741),
    quiet("ssh.service", "OpenBSD Secure Shell server", 812),
    quiet("systemd-journald.service", "Journal Service", 312),
    quiet("systemd-logind.service", "User Login Management", 716),
    quiet("systemd-networkd.service", "Network Configuration", 604),
    quiet("systemd-resolved.service", "Network Name Resolution", 651),
    quiet("systemd-timesyncd.service", "Network Time Synchronization", 652),
    quiet("systemd-udevd.service", "Rule-based Manager for Device Events and Files", 356),
];
