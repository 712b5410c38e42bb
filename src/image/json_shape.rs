//! The structs into which engines decode the documents of an image: those of the OCI image specification (1.1), of
//! Docker and of podman, with the JSON names of their fields. `strict_json` compares the keys of a document with them.

/// The Go type that a JSON value is decoded into, as far as it decides how keys are read.
#[derive(Debug)]
pub(super) enum JsonShape {
    /// A struct with these fields, beside others that no image is read by.
    Struct(&'static [(&'static str, &'static Self)]),
    /// A slice.
    List(&'static Self),
    /// A map from strings: its keys are the author's own words, and are exact.
    Map,
    /// A string, number or boolean, or a value that no engine decodes.
    Any,
}

use JsonShape::{Any, List, Map, Struct};

impl JsonShape {
    /// The shape of the elements, where this value is a list.
    pub(super) fn of_element(&'static self) -> &'static Self {
        if let List(element) = self { element } else { &Any }
    }
}

/// `oci-layout`.
pub(super) static LAYOUT: JsonShape = Struct(&[("imageLayoutVersion", &Any)]);

/// A manifest or an index, OCI's or Docker's: one table, because a reader may take one for the other.
pub(super) static DOCUMENT: JsonShape = Struct(&[
    ("schemaVersion", &Any),
    ("mediaType", &Any),
    ("artifactType", &Any),
    ("config", &DESCRIPTOR),
    ("layers", &List(&DESCRIPTOR)),
    ("manifests", &List(&DESCRIPTOR)),
    ("subject", &DESCRIPTOR),
    ("annotations", &Map),
    // Schema 1 of Docker: what has them is no image that is read.
    ("fsLayers", &Any),
    ("signatures", &Any),
]);

static DESCRIPTOR: JsonShape = Struct(&[
    ("mediaType", &Any),
    ("digest", &Any),
    ("size", &Any),
    ("urls", &Any),
    ("annotations", &Map),
    ("data", &Any),
    ("artifactType", &Any),
    ("platform", &PLATFORM),
]);

static PLATFORM: JsonShape = Struct(&[
    ("architecture", &Any),
    ("os", &Any),
    ("os.version", &Any),
    ("os.features", &Any),
    ("variant", &Any),
    ("features", &Any),
]);

/// The config of an image, with what Docker has beside the specification.
pub(super) static CONFIG: JsonShape = Struct(&[
    ("created", &Any),
    ("author", &Any),
    ("architecture", &Any),
    ("variant", &Any),
    ("os", &Any),
    ("os.version", &Any),
    ("os.features", &Any),
    ("config", &RUN),
    ("container_config", &RUN),
    ("rootfs", &Struct(&[("type", &Any), ("diff_ids", &Any)])),
    ("history", &List(&HISTORY)),
    ("id", &Any),
    ("parent", &Any),
    ("comment", &Any),
    ("container", &Any),
    ("docker_version", &Any),
]);

static HISTORY: JsonShape =
    Struct(&[("created", &Any), ("created_by", &Any), ("author", &Any), ("comment", &Any), ("empty_layer", &Any)]);

/// How a container runs: `config` of the config.
static RUN: JsonShape = Struct(&[
    ("User", &Any),
    ("ExposedPorts", &Map),
    ("Env", &Any),
    ("Entrypoint", &Any),
    ("Cmd", &Any),
    ("Volumes", &Map),
    ("WorkingDir", &Any),
    ("Labels", &Map),
    ("StopSignal", &Any),
    ("StopTimeout", &Any),
    ("Memory", &Any),
    ("MemorySwap", &Any),
    ("CpuShares", &Any),
    ("Healthcheck", &HEALTHCHECK),
    ("ArgsEscaped", &Any),
    ("OnBuild", &Any),
    ("Shell", &Any),
    ("Hostname", &Any),
    ("Domainname", &Any),
    ("AttachStdin", &Any),
    ("AttachStdout", &Any),
    ("AttachStderr", &Any),
    ("Tty", &Any),
    ("OpenStdin", &Any),
    ("StdinOnce", &Any),
    ("Image", &Any),
    ("NetworkDisabled", &Any),
    ("MacAddress", &Any),
]);

static HEALTHCHECK: JsonShape = Struct(&[
    ("Test", &Any),
    ("Interval", &Any),
    ("Timeout", &Any),
    ("StartPeriod", &Any),
    ("StartInterval", &Any),
    ("Retries", &Any),
]);

/// `manifest.json` of an archive that Docker saved.
pub(super) static ARCHIVE: JsonShape =
    List(&Struct(&[("Config", &Any), ("RepoTags", &Any), ("Layers", &Any), ("Parent", &Any), ("LayerSources", &Any)]));
