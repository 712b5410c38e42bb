//! The help of `hardpan cache` around its options.

use super::verb_page::VerbPage;

/// The page of `cache`.
pub(super) const CACHE: VerbPage = VerbPage {
    about: "\
Shows, prunes or verifies the cache, which saves builds from making or downloading anything twice.

It is in `XDG_CACHE_HOME/hardpan`, else `~/.cache/hardpan`: layers that were built or pulled and files that were downloaded, \
by digest; results computed from them; and what Go and cargo compiled. All of it takes at most 10 GB: the least recently used \
is removed automatically, and compiled code also when it was not used for 60 days. \
Nothing is removed while a build uses the cache: `prune` and `verify` wait for it.

Every entry is verified before it is used, so the cache may be removed, copied or restored at any time, and entries that are \
damaged or forged are made again. Blobs are known by their digests. What is remembered besides is sealed with a key that is not in \
the cache: the file that HARDPAN_CACHE_KEY_FILE names, else `XDG_STATE_HOME/hardpan/cache.key`, else \
`~/.local/state/hardpan/cache.key`. The first build makes it; runners that share a cache share the key. A key that others can read \
is not used, nor is a cache that belongs to somebody else (but root) or that everybody can write to: a note says so, and the build \
goes on without.

`verify` hashes every blob, and unpacks every layer and compares it with its record; of other records it checks the seals, and \
counts them apart.

A build without a cache (no `XDG_CACHE_HOME` and no `HOME`, or a folder that cannot be written) gives the \
same image, and so does one with a cache that can only be read (a read-only mount, files of root that a pipeline restored): \
it is used, and nothing is added. Go and cargo then work in a folder below `TMPDIR`, which is removed at the end; a note \
says so. The same goes for the module cache of Go and the cargo home: `GOMODCACHE` and `CARGO_HOME` name folders that are kept.

`export` writes layers and compiled programs to a tar, signed with `--cache-sign`: the same bytes for the same cache. `import` adds \
them on another machine if a key of `--cache-trust` signed all of them; an archive that was changed or cut short adds nothing. \
`key` prints the public key of a private one, and `key --new` makes it. The same keys are those of `build --cache-url`.",
    examples: &[
        ("hardpan cache status", "where it is, and what is in it"),
        ("hardpan cache status --json | jq .blobs.bytes", "the same for programs"),
        ("hardpan cache prune --max-size 2GB", "leave the most recent 2 GB"),
        ("hardpan cache verify", "recompute it, remove what is damaged or forged"),
        ("hardpan cache key --new cache.key > cache.pub", "a key, and what others trust"),
        ("hardpan cache export cache.tar --cache-sign cache.key --max-size 2GB", "keep it"),
        ("hardpan cache import cache.tar --cache-trust cache.pub", "and take it in the next job"),
    ],
    end: "\
Exit codes:
  0  done
  1  `verify` removed damaged or forged entries, whose names go to stdout
  2  the cache or its key cannot be used, or it is not known what is there",
};
