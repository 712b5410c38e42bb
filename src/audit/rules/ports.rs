//! NET002 to NET005: ports and volumes.

use super::{
    super::{FindingPlace, Presence, image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::Rule;

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::AdminPort, Rule::PrivilegedPort, Rule::InvalidPort, Rule::SensitiveVolume],
    files: true,
    run: check_ports,
};

/// Ports of administration services, and what listens there.
const ADMIN: [(u16, &str); 7] = [
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (2375, "docker"),
    (2376, "docker"),
    (3389, "remote desktop"),
    (5900, "vnc"),
];

/// Folders that a volume must not cover, with all below them.
const SYSTEM: [&str; 12] =
    ["/etc", "/proc", "/sys", "/dev", "/boot", "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin"];

fn check_ports(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for port in view.keys("ExposedPorts") {
        let place = || FindingPlace::key(format!("config.ExposedPorts[{port}]"));
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let number = number.parse::<u16>().ok().filter(|number| *number > 0 && !port.starts_with('+'));
        let protocol = protocol.to_ascii_lowercase();
        let Some(number) = number.filter(|_| matches!(protocol.as_str(), "tcp" | "udp" | "sctp")) else {
            notes.found(Rule::InvalidPort, place(), format!("`{port}` is not a port"));
            continue;
        };
        if let Some((_, service)) = ADMIN.iter().find(|(admin, _)| *admin == number) {
            notes.found(Rule::AdminPort, place(), format!("the port {number} of {service} is declared"));
        }
        if number < 1024 && view.user.uid.is_some_and(|uid| uid != 0) && !has_capability(view) {
            notes.found(
                Rule::PrivilegedPort,
                place(),
                format!("the port {number} is declared, and the run user is not root"),
            );
        }
    }
    for volume in view.keys("Volumes") {
        let clean = crate::rootfs::join("/", volume);
        let covers =
            |folder: &str| clean == folder || clean.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        if clean == "/" || SYSTEM.into_iter().any(covers) || clean.ends_with("/docker.sock") {
            let message = format!("the volume `{volume}` covers a folder of the system");
            notes.found(Rule::SensitiveVolume, FindingPlace::key(format!("config.Volumes[{volume}]")), message);
        }
    }
}

/// Whether some file brings a capability of its own; it may be that for low ports.
fn has_capability(view: &ImageView<'_>) -> bool {
    view.entries().any(|(at, entry)| {
        view.rootfs.presence(at) == Presence::Final
            && entry.xattrs().iter().any(|(name, _)| name == "security.capability")
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleImage, has};
    use super::*;

    #[test]
    fn ports_and_volumes_are_judged() {
        let port = |port: &str| has(&SampleImage::new().port(port).audit(), CHECK.rules);
        assert_eq!(port("8080/tcp"), []);
        assert_eq!(port("8080"), []);
        assert_eq!(port("22/tcp"), [Rule::AdminPort, Rule::PrivilegedPort]);
        assert_eq!(port("2375/tcp"), [Rule::AdminPort]);
        assert_eq!(port("443/tcp"), [Rule::PrivilegedPort]);
        assert_eq!(port("8080/UDP"), []);
        for bad in ["0/tcp", "-1/tcp", " 80/tcp", "80-90/tcp", "65536", "70000/tcp", "80/http", "x", "", "+80/tcp"] {
            assert_eq!(port(bad), [Rule::InvalidPort], "{bad}");
        }
        let volume = |path: &str| has(&SampleImage::new().volume(path).audit(), CHECK.rules);
        assert_eq!(volume("/var/lib/hello"), []);
        assert_eq!(volume("/libdata"), []);
        for bad in ["/", "/etc", "etc", "/lib32", "/usr/share", "/x/../etc", "/var/run/docker.sock"] {
            assert_eq!(volume(bad), [Rule::SensitiveVolume], "{bad}");
        }
        let root = SampleImage::new().user("0").port("80/tcp");
        assert_eq!(has(&root.audit(), CHECK.rules), []);
    }
}
