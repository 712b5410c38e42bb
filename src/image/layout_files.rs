//! The names in an OCI layout (image-spec, `image-layout.md`), which readers and the publisher of `output` share.

/// The marker file of a layout (image-spec, `image-layout.md`, "oci-layout file").
pub(crate) const LAYOUT_MARKER: &str = "oci-layout";
/// The entry point of a layout.
pub(crate) const LAYOUT_INDEX: &str = "index.json";
/// The files without which a folder is no layout.
pub const LAYOUT_NAMES: [&str; 2] = [LAYOUT_MARKER, LAYOUT_INDEX];
/// The one version of the layout there is.
pub(crate) const LAYOUT_VERSION: &str = "1.0.0";
/// The key under which a layout's index names its entries (`annotations.md`).
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
