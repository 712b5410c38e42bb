//! Writes a Deployment (`apps/v1`) and, with ports, a Service (`v1`) for the Pod Security Standard "restricted".

use super::{
    Port, Profile,
    yaml::{Yaml, map, text},
};

/// Where a recommended label says what a pod is.
const NAME_LABEL: &str = "app.kubernetes.io/name";

pub(super) fn write(profile: &Profile) -> String {
    let mut out = profile.remarks();
    out.push_str(&deployment(profile).document());
    if !profile.ports.is_empty() {
        out.push_str("---\n");
        out.push_str(&service(profile).document());
    }
    out
}

fn deployment(profile: &Profile) -> Yaml {
    map([
        ("apiVersion", text("apps/v1")),
        ("kind", text("Deployment")),
        ("metadata", metadata(profile)),
        (
            "spec",
            map([
                ("replicas", Yaml::Number(1)),
                ("selector", map([("matchLabels", labels(profile))])),
                ("template", map([("metadata", map([("labels", labels(profile))])), ("spec", pod(profile))])),
            ]),
        ),
    ])
}

fn pod(profile: &Profile) -> Yaml {
    let mut security = map([
        ("runAsNonRoot", Yaml::Bool(true)),
        ("runAsUser", Yaml::Number(profile.user.uid.into())),
        ("runAsGroup", Yaml::Number(profile.user.gid.into())),
    ]);
    if !profile.mounts.is_empty() {
        // A volume that is put in the place of an `emptyDir` belongs to root otherwise.
        security.put("fsGroup", Yaml::Number(profile.user.gid.into()));
    }
    security.put("seccompProfile", map([("type", text("RuntimeDefault"))]));
    if let Some(port) = profile.lowest_privileged_port() {
        let setting = map([("name", text("net.ipv4.ip_unprivileged_port_start")), ("value", text(port.to_string()))]);
        security.put("sysctls", Yaml::List(vec![setting]));
    }
    let mut pod = map([
        ("automountServiceAccountToken", Yaml::Bool(false)),
        ("securityContext", security),
        ("containers", Yaml::List(vec![container(profile)])),
    ]);
    if !profile.mounts.is_empty() {
        let volume = |mount: &super::WritableMount| map([("name", text(&mount.name)), ("emptyDir", map([]))]);
        pod.put("volumes", Yaml::List(profile.mounts.iter().map(volume).collect()));
    }
    pod
}

fn container(profile: &Profile) -> Yaml {
    let mut container = map([("name", text(&profile.name)), ("image", text(&profile.image))]);
    if !profile.ports.is_empty() {
        let port = |port: &Port| {
            map([
                ("name", text(port_name(*port))),
                ("containerPort", Yaml::Number(port.number.into())),
                ("protocol", text(port.protocol.to_ascii_uppercase())),
            ])
        };
        container.put("ports", Yaml::List(profile.ports.iter().map(port).collect()));
    }
    container.put(
        "securityContext",
        map([
            ("allowPrivilegeEscalation", Yaml::Bool(false)),
            ("capabilities", map([("drop", Yaml::List(vec![text("ALL")]))])),
            ("readOnlyRootFilesystem", Yaml::Bool(true)),
        ]),
    );
    if !profile.mounts.is_empty() {
        let mount = |mount: &super::WritableMount| map([("name", text(&mount.name)), ("mountPath", text(&mount.path))]);
        container.put("volumeMounts", Yaml::List(profile.mounts.iter().map(mount).collect()));
    }
    container
}

fn service(profile: &Profile) -> Yaml {
    let port = |port: &Port| {
        map([
            ("name", text(port_name(*port))),
            ("port", Yaml::Number(port.number.into())),
            ("targetPort", text(port_name(*port))),
            ("protocol", text(port.protocol.to_ascii_uppercase())),
        ])
    };
    map([
        ("apiVersion", text("v1")),
        ("kind", text("Service")),
        ("metadata", metadata(profile)),
        ("spec", map([("selector", labels(profile)), ("ports", Yaml::List(profile.ports.iter().map(port).collect()))])),
    ])
}

fn metadata(profile: &Profile) -> Yaml {
    map([("name", text(&profile.name)), ("labels", labels(profile))])
}

fn labels(profile: &Profile) -> Yaml {
    map([(NAME_LABEL, text(&profile.name))])
}

/// An IANA service name: at most 15 characters.
fn port_name(port: Port) -> String {
    format!("{}-{}", port.protocol, port.number)
}
