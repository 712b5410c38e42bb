//! Writes a Deployment (`apps/v1`) for the Pod Security Standard "restricted", with ports a Service (`v1`), a
//! PersistentVolumeClaim (`v1`) for each volume, and a NetworkPolicy (`networking.k8s.io/v1`) that lets traffic in to the declared
//! ports alone.

use super::{
    Port, Profile, WritableMount,
    yaml::{Yaml, map, text},
};

/// Where a recommended label says what a pod is.
const NAME_LABEL: &str = "app.kubernetes.io/name";

/// Needs that an image does not state, as the comments of a container.
const NEEDS: &str = "\
The image does not say how much it needs. Measure it, then set for example:
resources:
  requests: {cpu: 100m, memory: 64Mi}
  limits: {memory: 128Mi}";
/// The same with a port to probe.
const PROBE: &str = "\
Nor does it say when it is ready. If an open port means that:
readinessProbe:
  tcpSocket: {port: PORT}
  periodSeconds: 5";

pub(super) fn write(profile: &Profile, namespace: Option<&str>) -> String {
    let mut out = profile.remarks();
    let mut documents = vec![deployment(profile, namespace)];
    if !profile.ports.is_empty() {
        documents.push(service(profile, namespace));
    }
    let volumes = profile.mounts.iter().filter(|mount| mount.volume);
    documents.extend(volumes.map(|mount| claim(profile, mount, namespace)));
    documents.push(network_policy(profile, namespace));
    let documents: Vec<_> = documents.iter().map(Yaml::document).collect();
    out.push_str(&documents.join("---\n"));
    out
}

fn deployment(profile: &Profile, namespace: Option<&str>) -> Yaml {
    let mut spec = map([("replicas", Yaml::Number(1))]);
    if profile.mounts.iter().any(|mount| mount.volume) {
        // A claim that one node mounts would keep the next pod from starting elsewhere while the last one runs.
        spec.put("strategy", map([("type", text("Recreate"))]));
    }
    spec.put("selector", map([("matchLabels", labels(profile))]));
    spec.put("template", map([("metadata", map([("labels", labels(profile))])), ("spec", pod(profile))]));
    map([
        ("apiVersion", text("apps/v1")),
        ("kind", text("Deployment")),
        ("metadata", metadata(&profile.name, profile, namespace)),
        ("spec", spec),
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
        let volume = |mount: &WritableMount| {
            let source = if mount.volume {
                ("persistentVolumeClaim", map([("claimName", text(mount.volume_name(&profile.name)))]))
            } else {
                ("emptyDir", map([]))
            };
            map([("name", text(&mount.name)), source])
        };
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
    container.comment(NEEDS);
    if let Some(port) = profile.ports.iter().find(|port| port.protocol == "tcp") {
        container.comment(&PROBE.replace("PORT", &port_name(*port)));
    }
    if !profile.mounts.is_empty() {
        let mount = |mount: &WritableMount| map([("name", text(&mount.name)), ("mountPath", text(&mount.path))]);
        container.put("volumeMounts", Yaml::List(profile.mounts.iter().map(mount).collect()));
    }
    container
}

fn service(profile: &Profile, namespace: Option<&str>) -> Yaml {
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
        ("metadata", metadata(&profile.name, profile, namespace)),
        ("spec", map([("selector", labels(profile)), ("ports", Yaml::List(profile.ports.iter().map(port).collect()))])),
    ])
}

/// The storage of a volume. What was written to it stays when the Deployment is deleted.
fn claim(profile: &Profile, mount: &WritableMount, namespace: Option<&str>) -> Yaml {
    let mut spec = map([("accessModes", Yaml::List(vec![text("ReadWriteOnce")]))]);
    spec.comment("1Gi stands for any size: the image does not say how much it keeps.");
    spec.put("resources", map([("requests", map([("storage", text("1Gi"))]))]));
    map([
        ("apiVersion", text("v1")),
        ("kind", text("PersistentVolumeClaim")),
        ("metadata", metadata(&mount.volume_name(&profile.name), profile, namespace)),
        ("spec", spec),
    ])
}

/// Traffic to the declared ports; without one there is no ingress at all.
fn network_policy(profile: &Profile, namespace: Option<&str>) -> Yaml {
    let port = |port: &Port| {
        map([("port", Yaml::Number(port.number.into())), ("protocol", text(port.protocol.to_ascii_uppercase()))])
    };
    let rules = match profile.ports.as_slice() {
        [] => Vec::new(),
        ports => vec![map([("ports", Yaml::List(ports.iter().map(port).collect()))])],
    };
    let mut spec = map([("podSelector", map([("matchLabels", labels(profile))]))]);
    spec.comment("Egress is as it was: the image does not say whom it talks to.");
    spec.put("policyTypes", Yaml::List(vec![text("Ingress")]));
    spec.put("ingress", Yaml::List(rules));
    map([
        ("apiVersion", text("networking.k8s.io/v1")),
        ("kind", text("NetworkPolicy")),
        ("metadata", metadata(&profile.name, profile, namespace)),
        ("spec", spec),
    ])
}

fn metadata(name: &str, profile: &Profile, namespace: Option<&str>) -> Yaml {
    let mut metadata = map([("name", text(name))]);
    if let Some(namespace) = namespace {
        metadata.put("namespace", text(namespace));
    }
    metadata.put("labels", labels(profile));
    metadata
}

fn labels(profile: &Profile) -> Yaml {
    map([(NAME_LABEL, text(&profile.name))])
}

/// An IANA service name: at most 15 characters.
fn port_name(port: Port) -> String {
    format!("{}-{}", port.protocol, port.number)
}
