//! Writes a Compose file (compose-spec). Docker's default seccomp profile applies unless a file takes it away.

use super::{
    Profile,
    yaml::{Yaml, map, text},
};

pub(super) fn write(profile: &Profile) -> String {
    let mut service = map([
        ("image", text(&profile.image)),
        ("user", text(profile.user.to_string())),
        ("read_only", Yaml::Bool(true)),
        ("cap_drop", Yaml::List(vec![text("ALL")])),
        ("security_opt", Yaml::List(vec![text("no-new-privileges:true")])),
    ]);
    if let Some(port) = profile.lowest_privileged_port() {
        service.put("sysctls", map([("net.ipv4.ip_unprivileged_port_start", text(port.to_string()))]));
    }
    if !profile.ports.is_empty() {
        let port = |port: &super::Port| text(format!("{0}:{0}/{1}", port.number, port.protocol));
        service.put("ports", Yaml::List(profile.ports.iter().map(port).collect()));
    }
    // Fresh named volumes take over content and owner of what they are mounted on; file systems in memory do not.
    let (volumes, memory): (Vec<_>, Vec<_>) = profile.mounts.iter().partition(|mount| mount.volume);
    if !memory.is_empty() {
        let mount =
            |mount: &&super::WritableMount| text(format!("{}:{}", mount.path, mount.tmpfs_options(profile.user)));
        service.put("tmpfs", Yaml::List(memory.iter().map(mount).collect()));
    }
    if !volumes.is_empty() {
        let mount = |mount: &&super::WritableMount| {
            map([
                ("type", text("volume")),
                ("source", text(mount.volume_name(&profile.name))),
                ("target", text(&mount.path)),
            ])
        };
        service.put("volumes", Yaml::List(volumes.iter().map(mount).collect()));
    }
    let mut file = map([("services", Yaml::Map(vec![(profile.name.clone(), service)]))]);
    if !volumes.is_empty() {
        file.put("volumes", Yaml::Map(profile.volume_names().into_iter().map(|name| (name, map([]))).collect()));
    }
    profile.remarks() + &file.document()
}
