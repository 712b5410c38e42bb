//! [`Limits`]: every bound that hardpan keeps, each with its reason. A bound that is not here does not exist.

/// The bounds; a type without values, so that a use reads `Limits::RECIPE_BYTES`.
#[derive(Debug, Clone, Copy)]
pub enum Limits {}

impl Limits {
    /// A recipe is written by hand; 1 MiB is far above any real one and keeps a hostile one cheap.
    pub const RECIPE_BYTES: u64 = 1 << 20;
    /// Files that extend one another: who reads a recipe follows each of them.
    pub const EXTENDS_DEPTH: usize = 8;
    /// Recipes that one pattern of a workspace names: each of them is read for the lock that they share.
    pub const WORKSPACE_RECIPES: usize = 10_000;
    /// Shards of a fleet: GitHub's largest matrix has 256 jobs, GitLab's 200.
    pub const SHARDS: usize = 1000;
    /// A metadata file, or a SARIF report, that is read for its shard: a fleet's reports at a few KiB a finding.
    pub const SHARD_REPORT_BYTES: u64 = 128 << 20;
    /// A lock: a pin takes 200 bytes, and recipes that share a lock may have thousands.
    pub const LOCK_BYTES: u64 = 8 << 20;
    /// Instructions of a Dockerfile; Docker's own limit of layers is 127. Each remembers the variables before it.
    pub const DOCKERFILE_INSTRUCTIONS: usize = 1000;
    /// All variables at one place of a Dockerfile: those that hold each other twice would grow without end.
    pub const DOCKERFILE_VALUE_BYTES: usize = 64 << 10;
    /// How deep a `COPY --from` of a Dockerfile is followed through its stages, and variables inside of defaults.
    pub const DOCKERFILE_DEPTH: usize = 16;
    /// Entries of a folder that `init` looks through for projects, programs and files; beyond it, it has seen enough.
    pub const SURVEY_ENTRIES: usize = 20_000;
    /// A text that is held in memory: `text` of a file, a certificate file, a passwd entry's source.
    pub const CERTIFICATE_BYTES: u64 = 8 << 20;
    /// Linux' `PATH_MAX`: a longer path cannot be opened by the kernel that runs the image.
    pub const PATH_BYTES: usize = 4096;
    /// Linux' `NAME_MAX`, for one component.
    pub const NAME_BYTES: usize = 255;
    /// Registries must accept manifests of 4 MiB (distribution-spec); larger ones are refused when reading.
    pub const MANIFEST_BYTES: u64 = 4 << 20;
    /// A config is as large as its labels and history; the same bound, doubled.
    pub const CONFIG_BYTES: u64 = 8 << 20;
    /// All manifests and configs of one layout; parsed, they are all in memory at once.
    pub const DOCUMENTS_BYTES: u64 = 64 << 20;
    /// What the smallest document counts as against `DOCUMENTS_BYTES`: parsed, it is larger than it was.
    pub const DOCUMENT_COST: u64 = 4 << 10;
    /// Docker's limit of layers in one image is 127; no reader takes more.
    pub const LAYERS: usize = 127;
    /// Entries of one image; beyond it the plan alone would take gigabytes.
    pub const ENTRIES: usize = 1_000_000;
    /// The memory that the entries of all layers of one inspected place take: two million and their names.
    pub const REPORT_BYTES: usize = 512 << 20;
    /// One extended header of a tar: a path and a link name of [`Self::PATH_BYTES`] each take a hundredth of it.
    pub const PAX_BYTES: u64 = 1 << 20;
    /// Entries of an archive: the blobs of a hundred images of [`Self::LAYERS`] layers are a tenth of it.
    pub const ARCHIVE_ENTRIES: usize = 100_000;
    /// What is read of an archive before its blobs are, headers and what follows the end: one page for each of
    /// [`Self::ARCHIVE_ENTRIES`], and some. Contents are passed over, so honest archives of any size need a thousandth.
    pub const ARCHIVE_HEADERS_BYTES: u64 = 512 << 20;
    /// All names in an archive, in memory at once: 160 bytes for each of [`Self::ARCHIVE_ENTRIES`].
    pub const ARCHIVE_NAMES_BYTES: usize = 16 << 20;
    /// What a layer may unpack to for each stored byte, above [`Self::UNPACK_BYTES`]: real ones stay below 20, a
    /// deflate bomb has 1032, one of zstd 30,000.
    pub const UNPACK_RATIO: u64 = 200;
    /// Every layer may unpack to this much, so that a small one full of zeros is no bomb yet.
    pub const UNPACK_BYTES: u64 = 1 << 30;
    /// The largest window of a zstd frame, as a power of two: 128 MiB, what `zstd --ultra -22` makes and every decoder
    /// takes unasked.
    pub const ZSTD_WINDOW_LOG: u32 = 27;
    /// Images of a base's index that are read for their platform, because the index does not give it: real ones name all.
    pub const BASE_IMAGES: usize = 64;
    /// How deep indexes may nest in a layout from outside.
    pub const INDEX_DEPTH: usize = 4;
    /// Layers up to this are written by the thread that needs them, without a job slot: one block, so that no thread is
    /// started.
    pub const SMALL_LAYER_BYTES: u64 = 256 << 10;
    /// Layers up to this that need no file of the host are made again rather than looked up: it takes some 30 microseconds.
    pub const CHEAP_LAYER_BYTES: u64 = 32 << 10;
    /// Threads that compress one layer. Each holds blocks of its own, about 6 MiB; more threads than this find nothing
    /// to do, because hashing and reading do not keep up.
    pub const COMPRESSORS: usize = 12;
    /// Threads that read the files of a recipe or of one tree before they are asked for. Opening files waits for locks of
    /// the file system soon enough.
    pub const READERS: usize = 4;
    /// Files that are worth a thread: below it, starting the thread takes longer.
    pub const READER_FILES: usize = 64;
    /// Bytes of few files that are worth a thread: read and hashed in a millisecond or two.
    pub const READER_BYTES: u64 = 2 << 20;
    /// Links followed while resolving one path; Linux stops at 40 too.
    pub const LINK_DEPTH: usize = 40;
    /// What one program header, dynamic section or string table of an ELF file may take in memory.
    pub const ELF_TABLE_BYTES: u64 = 16 << 20;
    /// What one compiler process takes: rustc on a large crate and a link with debug information take about as much, most
    /// crates and Go packages a third of it. A compile runs as many as there are jobs.
    pub const COMPILER_BYTES: u64 = 768 << 20;
    /// Output of a child process that is kept for a message.
    pub const CHILD_OUTPUT_BYTES: u64 = 16 << 20;
    /// `uid` and `gid`: runc and containerd reject anything above.
    pub const ID: u32 = 2_147_483_647;
    /// The largest files of a layer that an audit names: what a treemap can show.
    pub const AUDIT_LARGEST: usize = 64;
    /// Further places of one finding that a report lists: more would only repeat that it is everywhere.
    pub const AUDIT_ALSO: usize = 32;
    /// The beginning of an ELF file that an audit keeps. Most programs are there whole; of the largest known ones the names
    /// of symbols, which come first, end below 4 MiB. A build of one may take 64 MiB altogether.
    pub const ELF_HEAD_BYTES: usize = 16 << 20;
    /// Twice this is kept of the end of a longer one: section headers and symbols' names. A multiple of what tables are
    /// aligned to.
    pub const ELF_TAIL_BYTES: usize = 4 << 20;
    /// A dynamic section behind the beginning that an audit keeps: 16 bytes a library and 20 more entries.
    pub const ELF_DYNAMIC_BYTES: u64 = 64 << 10;
    /// Go's build information in a program: a line for each module, and Kubernetes has 300 of them.
    pub const GO_BUILD_INFO_BYTES: u64 = 256 << 10;
    /// Places of a program that look like it: what embeds other programs has several.
    pub const GO_BUILD_INFOS: usize = 4;
    /// The beginning of a segment behind the beginning of the file that an audit keeps: patchelf puts the names of libraries
    /// there.
    pub const ELF_SEGMENT_BYTES: u64 = 128 << 10;
    /// All parts of an ELF file that an audit keeps behind its beginning: a table of all sections that there can be takes 4 MiB.
    pub const ELF_KEPT_BYTES: usize = 8 << 20;
    /// Places of a program that look like the names of its sections: tools that read programs have the word in their data.
    pub const ELF_SECTION_NAMES: usize = 16;
    /// The names of compilers in an ELF file; real ones take a line each.
    pub const ELF_COMMENT_BYTES: u64 = 64 << 10;
    /// Input that the search for secrets examines at once: it stays in the second cache of any processor.
    pub const SECRET_BLOCK: usize = 64 << 10;
    /// Bytes before a keyword that a detector may read: a URL's scheme, the start of a token, a line or two.
    pub const SECRET_BEHIND: usize = 512;
    /// Bytes from a keyword on that a detector may read: more than the largest key or token.
    pub const SECRET_AHEAD: usize = 32 << 10;
    /// A key in PEM: RSA of 16384 bits takes 12.5 KiB of base64, and escapes may make that a fifth more.
    pub const PEM_BYTES: usize = 24 << 10;
    /// A key in DER, as a whole file: RSA of 16384 bits takes 9.3 KiB.
    pub const DER_KEY_BYTES: usize = 10 << 10;
    /// One of the three parts of a JSON Web Token. Servers refuse headers above 8 KiB altogether.
    pub const JWT_PART_BYTES: usize = 8 << 10;
    /// The start of a file that tells text from binary; git looks at as much.
    pub const SNIFF_BYTES: usize = 8 << 10;
    /// Documents inside of strings of documents: BuildKit packs one in one, and a deeper one is no document of an image.
    pub const NESTED_DOCUMENTS: usize = 4;
    /// Bytes around one content of a tar that are searched for secrets: a name, a link and records of [`Self::PAX_BYTES`] each.
    /// Behind the end of a tar real ones have zeros.
    pub const TAR_AROUND_BYTES: usize = 4 << 20;
    /// One line of a file that is read line by line for the settings in it. Lines of people have some hundred bytes; those of
    /// kubeconfigs have a certificate or a chain of them in base64.
    pub const SECRET_LINE_BYTES: usize = 64 << 10;
    /// One string of JSON, or one tag of XML. A private key of [`Self::PEM_BYTES`] with its line breaks escaped fits.
    pub const SECRET_TOKEN_BYTES: usize = 32 << 10;
    /// The name of a setting; longer ones are text.
    pub const SECRET_NAME_BYTES: usize = 256;
    /// Containers of JSON whose names are known, one in the other. What is deeper is read by its own name alone. serde_json
    /// reads 128, and documents of people have ten.
    pub const SECRET_JSON_DEPTH: usize = 64;
    /// Flags of Go's linker; a command line of people has some hundred bytes.
    pub const LINKER_FLAGS_BYTES: usize = 8 << 10;
    /// Secrets of one file that are reported; the heaviest stay.
    pub const SECRETS_PER_FILE: usize = 64;
    /// Bytes below which nothing of a secret is shown, not even a part of its digest: such a one can be guessed.
    pub const MASKABLE_BYTES: usize = 20;
    /// Packed files that are opened inside of each other: a program in a jar in a Debian package.
    pub const PACKED_DEPTH: usize = 3;
    /// What one packed file may unpack to, whatever its size: three times the largest jars and wheels that are seen. A small
    /// one may unpack to [`Self::UNPACK_RATIO`] times its size.
    pub const PACKED_FILE_BYTES: u64 = 4 << 30;
    /// What the smallest packed files may unpack to: zeros pack to a thousandth.
    pub const PACKED_SMALL_BYTES: u64 = 64 << 20;
    /// What the packed files of one layer may unpack to altogether: half a minute of searching.
    pub const PACKED_LAYER_BYTES: u64 = 8 << 30;
    /// Members of one packed file, at all depths: the largest jars have a hundred thousand.
    pub const PACKED_MEMBERS: usize = 500_000;
    /// The window of a decoder inside of another packed file, as a power of two: 32 MiB, four times what Debian's packages
    /// have, so that all decoders of one file take less than the outermost.
    pub const PACKED_WINDOW_LOG: u32 = 25;
    /// Parts of one layer, and of one image, that could not be read and are listed; all are counted.
    pub const AUDIT_UNREAD: usize = 1000;
    /// The memory that all entries of an audited image take: a million of them with names of usual length.
    pub const AUDIT_BYTES: usize = 512 << 20;
    /// Images that are audited at the same time, each of which may take [`Self::AUDIT_BYTES`].
    pub const AUDITS_AT_ONCE: usize = 4;
    /// Images of one report: their facts are all in memory, and the page is still one that a browser opens.
    pub const AUDIT_IMAGES: usize = 2000;
    /// Entries of a folder that holds images.
    pub const AUDIT_FOLDER: usize = 10_000;
    /// A list of images: room for [`Self::AUDIT_IMAGES`] references, and comments.
    pub const IMAGE_LIST_BYTES: u64 = 1 << 20;
    /// A deployment file; Kubernetes takes objects of 1.5 MiB, and a file has several.
    pub const DEPLOYMENT_BYTES: u64 = 4 << 20;
    /// Deployment files of one call, which are all in memory.
    pub const DEPLOYMENT_FILES: usize = 2000;
    /// A file of `--metadata-file`: a thousand images take half of it.
    pub const METADATA_BYTES: u64 = 4 << 20;
    /// Oddities of one layer's tar that are kept; a layer with more is odd enough.
    pub const AUDIT_FLAWS: usize = 1000;
    /// Secrets of one layer that are kept.
    pub const AUDIT_SECRETS: usize = 10_000;
    /// Extended attributes of one entry, and bytes of one: capabilities take 24.
    pub const AUDIT_XATTRS: usize = 64;
    /// Bytes of one attribute that are kept.
    pub const AUDIT_XATTR_BYTES: usize = 64;
    /// Steps that finding the places of all entries may take: a million paths of twenty folders, and links.
    pub const AUDIT_STEPS: u64 = 50_000_000;
    /// A passwd or group file, and any other that a rule reads whole. Larger is a finding of its own.
    pub const AUDIT_KEPT_BYTES: usize = 1 << 20;
    /// A file with settings that a rule reads, such as `.npmrc` or a part of sudoers: written by people, line by line.
    pub const AUDIT_SETTING_BYTES: usize = 64 << 10;
    /// Files with settings in one image: a system with all its users has some dozens. With more, that is reported.
    pub const AUDIT_SETTINGS: usize = 1000;
    /// The beginning of a file by which a dump is known: a dump names its maker within the first lines.
    pub const DATA_HEAD_BYTES: usize = 256;
    /// A line of passwd or group; runtimes read lines whole.
    pub const AUDIT_ACCOUNT_LINE: usize = 64 << 10;
    /// Libraries that are looked for in one image, for all programs together: a system of ten thousand programs of a
    /// hundred libraries each.
    pub const AUDIT_LIBRARIES: usize = 1_000_000;
    /// Findings of one rule in one image that stand alone; the heaviest and first do, and of further ones those below one
    /// folder are one finding with the number of their places.
    pub const AUDIT_FINDINGS: usize = 200;
    /// Credential files of one kind below one folder, above which they are one finding: one cause, such as a checkout that
    /// was copied whole.
    pub const AUDIT_FLOOD: usize = 20;
    /// Places of one finding that exceptions are asked about one by one, besides those that are listed; where there are
    /// more, only an exception of the whole finding helps. Their paths take some MiB.
    pub const AUDIT_JUDGED: usize = 10_000;
    /// Files smaller than this are no waste when their content is there twice.
    pub const AUDIT_DUPLICATE_BYTES: u64 = 64 << 10;
    /// Paths of the build machine that are reported for one program.
    pub const AUDIT_SAMPLES: usize = 3;
    /// Layers above which an image is slow to pull and to start.
    pub const AUDIT_LAYERS: usize = 32;
    /// A baseline: some 300 bytes a finding, of all images of a report.
    pub const BASELINE_BYTES: u64 = 16 << 20;
    /// Findings of one rule that the text of an audit shows without `-v`: after these are repaired, another audit shows the
    /// rest.
    pub const AUDIT_SHOWN: usize = 10;
    /// Findings of one rule on the page of an audit: a browser still scrolls through all rules with so many.
    pub const AUDIT_PAGE: usize = 200;
    /// An address that a registry sends us to: upload sessions put signed state of a few KiB into theirs.
    pub const URL_BYTES: usize = 16 << 10;
    /// Challenges of one answer, parameters of one, scopes of one: a registry sends one or two.
    pub const CHALLENGES: usize = 16;
    /// A file of credentials, and what a credential helper says: written by logins, one line each.
    pub const AUTH_FILE_BYTES: u64 = 1 << 20;
    /// A `registries.conf`, or a `daemon.json` of docker: a table a registry.
    pub const REGISTRIES_CONF_BYTES: u64 = 1 << 20;
    /// Files beside a `registries.conf` that add to it: each is read for every image that is pulled.
    pub const REGISTRIES_CONF_FILES: usize = 1000;
    /// A password on stdin: registries take tokens for passwords, and those that are JSON keys have 3 KiB.
    pub const PASSWORD_BYTES: u64 = 64 << 10;
    /// Files in one host's folder in `certs.d`: an authority or two, a certificate and its key.
    pub const CERTS_D_FILES: usize = 256;
    /// What a `url` of a recipe leads to: a model or a database that an image has with it. Whoever has more mounts it.
    pub const DOWNLOAD_BYTES: u64 = 1 << 30;
    /// What a broken download must have brought before its next breaks count from none again: as much as a slow line
    /// brings in a second, and enough that no server keeps us by the byte.
    pub const DOWNLOAD_PIECE_BYTES: u64 = 16 << 10;
    /// Warnings of registries that are shown; a registry usually sends one or two.
    pub const NOTICES: usize = 16;
    /// A registry's answer with a token: the longest tokens that are seen have 20 KiB.
    pub const TOKEN_BYTES: u64 = 256 << 10;
    /// A registry's error document, which is a sentence or two in JSON; of a longer one only the status is reported.
    pub const REFUSAL_BYTES: u64 = 64 << 10;
    /// Repetitions of one request after a fault that may pass; with their pauses about 6 seconds.
    pub const RETRIES: u32 = 5;
    /// Blobs that are sent at once: what crane does, and registries expect of one client.
    pub const UPLOADS: usize = 4;
    /// A blob up to this is sent in the request that closes its upload, which saves a wait for an answer; of a larger one it is worth
    /// more that a broken upload goes on where it was.
    pub const WHOLE_BLOB_BYTES: u64 = 8 << 20;
    /// Questions to one registry at once, for each upload at once: they have no body.
    pub const LOOKS_PER_UPLOAD: usize = 2;
    /// Further upload sessions for one blob, when one was lost.
    pub const UPLOAD_SESSIONS: u32 = 3;
    /// The smallest piece of a blob when a registry keeps nothing of larger ones; below it headers would count.
    pub const PIECE_BYTES: u64 = 1 << 20;
    /// The most that `--retry` takes: a runner ends its jobs before.
    pub const RETRY_TIME: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
    /// The longest pause that a registry may ask for: Docker Hub and ECR ask for less than a minute.
    pub const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(120);
    /// Logins for one request: the first token, one with the scope that the registry names, one that is not expired.
    pub const LOGINS: u32 = 3;
    /// Redirects of one request; a registry needs one, to where its blobs are.
    pub const REDIRECTS: u32 = 5;
    /// Records of files whose content is known: all entries of one image. More are read again.
    pub const MEMO_RECORDS: usize = Self::ENTRIES;
    /// The memo of the cache: 104 bytes a record, and notes.
    pub const MEMO_BYTES: u64 = 256 << 20;
    /// What is noted of one input besides its digest: the headers of an ELF file name a few dozen libraries.
    pub const MEMO_NOTE_BYTES: usize = 64 << 10;
    /// Days after which a file that no build asked for is forgotten.
    pub const MEMO_DAYS: u32 = 60;
    /// Days after which it is written down that a file is still asked for.
    pub const MEMO_FRESH_DAYS: u32 = 7;
    /// The memory for scans of layers that several images of one call share.
    pub const AUDIT_SHARED_BYTES: usize = 256 << 10;
    /// Blobs below this are read again rather than believed by their file's state: it takes a third of a millisecond.
    pub const REREAD_BYTES: u64 = 64 << 10;
    /// One record of the cache: what an audit saw of a layer with a million entries is the largest.
    pub const RECORD_BYTES: u64 = 512 << 20;
    /// A record of a shared cache: lists of the inputs of a program, 100 bytes each; a Rust program with all tools has a few
    /// hundred, a large Go program a few thousand.
    pub const SHARED_RECORD_BYTES: u64 = 16 << 20;
    /// All records of an archive of the cache, in memory at once: some 100,000 programs and layers.
    pub const CACHE_ARCHIVE_BYTES: u64 = 512 << 20;
    /// Requests to a shared cache that may fail in one call before it is not asked again: an outage costs some seconds.
    pub const SHARED_FAULTS: u32 = 3;
    /// Lists of inputs that are kept for one request: a program has another one with each new package that it imports.
    pub const INPUT_LISTS: usize = 16;
    /// The size of blobs and records in the cache: the layers of hundreds of services, and bases.
    pub const CACHE_BYTES: u64 = 10_000_000_000;
    /// How long a use of the cache's entry lasts before it is noted again.
    pub const CACHE_TOUCH: std::time::Duration = std::time::Duration::from_secs(3600);
    /// Age after which an unused entry of a toolchain's build cache is removed.
    pub const CACHE_AGE: std::time::Duration = std::time::Duration::from_secs(60 * 86_400);
}
