//! hardpan turns a short declarative recipe into a hardened, reproducible OCI image.
//!
//! # The line
//!
//! ```text
//! recipe.toml ─parse─▶ Recipe ─resolve─▶ Plan ─assemble─▶ Image ─write─▶ Descriptor
//!                                (all pinned)  (layers, config, manifest, index)  (layout)
//!
//! a folder ─init─▶ recipe.toml
//!
//! any place ─open─▶ Image ─inspect─▶ Report
//!                           └─apply layers─▶ Rootfs ─audit─▶ Report
//! ```
//!
//! # The floors
//!
//! A room may use the rooms on floors below its own, and never one on its own floor or above. A test reads this
//! table and refuses an import that points up or sideways.
//!
//! floor 6: cli
//! floor 5: commands
//! floor 4: audit, build, deploy, init, inspect
//! floor 3: engine, output, registry
//! floor 2: image, recipe, rootfs
//! floor 1: cache, elf, layer, policy, secrets
//! floor 0: oci, report
//!
//! `oci` and `report` are the ground: `oci` may use `report`, never the other way round.
//!
//! `policy` is what images must keep to: profiles, exceptions, and the one matcher of exceptions, which the early check of
//! `build` and the audit share. The catalogue of rules is in `report`, because a `Failure` names the rule it is about.
//! `rootfs` is the file system of an image: what layers hold, how they are applied, where paths lead, what programs load. The
//! audit, bases and the image that a recipe plans share it.
//! `image` reads images wherever they are; `output` writes them to a disk, `registry` fetches and pushes them, `engine` hands
//! them to Docker, podman and containerd.
//! `deploy` finds and replaces references to recipes in deployment files; it reads neither recipes nor registries.
//! `secrets` finds private keys, tokens and passwords in bytes and texts; it knows no image, and never shows a secret.
//!
//! # Invariants
//!
//! 1. `oci`, `report`, `policy`, `secrets` and `recipe` open no file and no socket, but for `report::atomic_file`, with which
//!    other rooms write files; parsers take `&str` or bytes.
//! 2. Only `cli` reads the environment, the clock and the terminal, and hands them down as values; only
//!    `build::compile`, `engine` and `registry::auth` start a child process.
//! 3. Nothing after `Plan` sees the host path of an input.
//! 4. `audit` and `inspect` take images, never a plan or a recipe.
//! 5. No map with unordered iteration reaches a serializer.
//! 6. `commands` has no loops over bytes; `cli` has no knowledge of images.

pub mod audit;
pub mod build;
pub mod cache;
pub mod cli;
pub mod commands;
pub mod deploy;
pub mod elf;
pub mod engine;
pub mod image;
pub mod init;
pub mod inspect;
pub mod layer;
pub mod oci;
pub mod output;
pub mod policy;
pub mod recipe;
pub mod registry;
pub mod report;
pub mod rootfs;
pub mod secrets;
