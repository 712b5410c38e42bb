//! REP001 to REP008: reproducibility and size.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const VARYING_CREATED: RuleFacts = RuleFacts {
    code: "REP001",
    name: "varying-created",
    title: "the date of creation is the clock's",
    severity: Severity::Low,
    rationale: "A build at another second has another digest, so that the image cannot be verified by a rebuild.",
    remediation: "Take the date from `SOURCE_DATE_EPOCH`.",
    sources: &["reproducible-builds.org SOURCE_DATE_EPOCH"],
};

pub(in crate::report) const VARYING_TIMES: RuleFacts = RuleFacts {
    code: "REP002",
    name: "varying-times",
    title: "times of files are the clock's",
    severity: Severity::Low,
    rationale: "Two builds of the same content differ in every layer.",
    remediation: "Clamp times to `SOURCE_DATE_EPOCH`; leave sub-seconds, atime and ctime out.",
    sources: &["umoci#601", "dotnet/sdk#55689"],
};

pub(in crate::report) const GZIP_METADATA: RuleFacts = RuleFacts {
    code: "REP003",
    name: "gzip-metadata",
    title: "a gzip header holds a time or a name",
    severity: Severity::Low,
    rationale: "Two compressions of the same layer differ.",
    remediation: "Compress without a name and with time 0: `gzip -n`.",
    sources: &["rules_py#1395"],
};

pub(in crate::report) const OWNER_NAMES: RuleFacts = RuleFacts {
    code: "REP004",
    name: "owner-names",
    title: "names of the build's users are in a layer",
    severity: Severity::Low,
    rationale: "User and group names, and process ids in names of headers, depend on the machine that built the image.",
    remediation: "Write layers with numeric owners only.",
    sources: &["dotnet/sdk#55689"],
};

pub(in crate::report) const UNSORTED_ENTRIES: RuleFacts = RuleFacts {
    code: "REP005",
    name: "unsorted-entries",
    title: "entries of a layer are not sorted",
    severity: Severity::Info,
    rationale: "Their order is then that of the file system, which differs between machines.",
    remediation: "Sort entries by path, folders before what is in them.",
    sources: &[],
};

pub(in crate::report) const WASTED_BYTES: RuleFacts = RuleFacts {
    code: "REP006",
    name: "wasted-bytes",
    title: "layers carry what later ones replace or remove",
    severity: Severity::Low,
    rationale: "Every pull downloads bytes that no container sees.",
    remediation: "Build the final layers in one step, or copy from a build stage.",
    sources: &["dive"],
};

pub(in crate::report) const DUPLICATE_CONTENT: RuleFacts = RuleFacts {
    code: "REP007",
    name: "duplicate-content",
    title: "the same content is in several files",
    severity: Severity::Info,
    rationale: "The bytes are stored and pulled several times.",
    remediation: "Use a link.",
    sources: &[],
};

pub(in crate::report) const SIZE_BUDGET: RuleFacts = RuleFacts {
    code: "REP008",
    name: "size-budget",
    title: "the image is larger than the policy allows",
    severity: Severity::High,
    rationale: "A larger image is slower to start, and holds more that could be attacked.",
    remediation: "Raise `max-size`, or ship less.",
    sources: &["Dockerfile best practices"],
};
