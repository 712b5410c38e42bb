//! Writes a `.container` unit (podman-systemd.unit(5)), for podman 4.8 or newer. podman's default seccomp profile applies.
//!
//! Every value is made of characters that mean nothing to systemd: [`Profile`] has no others.

use std::fmt::Write as _;

use super::Profile;

pub(super) fn write(profile: &Profile) -> String {
    let mut out = profile.remarks();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "[Unit]\nDescription={}\n\n[Container]\nImage={}", profile.name, profile.image);
    let _ = writeln!(out, "User={}\nGroup={}", profile.user.uid, profile.user.gid);
    out.push_str("ReadOnly=true\nReadOnlyTmpfs=false\nNoNewPrivileges=true\nDropCapability=all\n");
    if let Some(port) = profile.lowest_privileged_port() {
        let _ = writeln!(out, "Sysctl=net.ipv4.ip_unprivileged_port_start={port}");
    }
    for port in &profile.ports {
        let _ = writeln!(out, "PublishPort={0}:{0}/{1}", port.number, port.protocol);
    }
    for mount in &profile.mounts {
        // A tmpfs of the run user's takes podman options that older ones do not know. A new volume gets the owner and the
        // mode of the folder in the image; one without a name goes with the container.
        let _ = if mount.volume {
            writeln!(out, "Volume={}:{}", mount.volume_name(&profile.name), mount.path)
        } else if mount.shared {
            writeln!(out, "Tmpfs={}:{}", mount.path, mount.tmpfs_options(profile.user))
        } else {
            writeln!(out, "Volume={}", mount.path)
        };
    }
    out.push_str("\n[Service]\nRestart=on-failure\n\n[Install]\nWantedBy=default.target\n");
    out
}
