//! The call of `cargo rustc`: its arguments, link flags and environment.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        cargo_graph::CargoGraph,
        child::{Child, ChildOutput},
        chosen_binary::ChosenBinary,
        dependency_list::DependencyList,
        dependency_object,
        environment::Environment,
        machine::{TraceForm, c_wrappers::CWrappers},
    },
    CargoJob, STATIC,
    artifacts::Artifacts,
    linker::Linker,
};
use crate::{oci::Digest, recipe::Strip, report::Failure};

impl CargoJob<'_> {
    /// Runs the compile where it belongs.
    pub(super) fn run_cargo(
        &self,
        choice: &ChosenBinary,
        linker: &Linker,
        trace: Option<&(TraceForm, PathBuf)>,
        graph: &CargoGraph,
        artifacts: &Artifacts<'_>,
    ) -> Result<ChildOutput, Failure> {
        let mut arguments: Vec<OsString> = ["rustc", "--quiet", "--locked", "--offline"].map(Into::into).into();
        let target_dir = self.paths.inside(&self.compile_folder.target());
        arguments.extend(["--target".into(), self.target.into(), "--target-dir".into(), target_dir.into_os_string()]);
        arguments.push(format!("--profile={}", self.profile()).into());
        arguments.extend(["--package", &choice.package, "--bin", &choice.binary].map(OsString::from));
        arguments.push("--message-format=json-render-diagnostics".into());
        arguments.push(format!("--jobs={}", self.toolchain.jobs).into());
        arguments.extend(self.binary.features.iter().map(|feature| format!("--features={}", feature.value).into()));
        arguments.extend(self.binary.flags.iter().map(|flag| OsString::from(&flag.value)));
        arguments.push("--".into());
        arguments.extend(self.link_flags(linker, graph)?.into_iter().map(OsString::from));
        arguments.extend(trace.map(|(form, list)| linker.trace_flags().of_trace(*form, &self.paths.inside(list))));
        let (environment, dir) = (self.inside_environment(), self.paths.inside(self.dir));
        let hear = |line: &[u8]| artifacts.take_line(line);
        let cargo =
            Child::new(&self.rust.cargo, &dir, &environment).in_enclosure(self.paths.stage()).with_line_handler(&hear);
        cargo.args(&self.overrides).args(arguments).with_progress(self.toolchain.progress).run()
    }

    /// The flags of the last link.
    fn link_flags(&self, linker: &Linker, graph: &CargoGraph) -> Result<Vec<String>, Failure> {
        let mut flags = linker.flags();
        match self.binary.strip {
            // Taken out afterwards.
            _ if self.binary.debug_file.is_some() => flags.extend(["-Cstrip=none".to_owned(), linker.build_id()]),
            Strip::Symbols => flags.push("-Cstrip=symbols".to_owned()),
            Strip::DebugInfo => flags.push("-Cstrip=debuginfo".to_owned()),
            Strip::Nothing => flags.push("-Cstrip=none".to_owned()),
        }
        if self.binary.auditable {
            let section = DependencyList::of(graph)?.section()?;
            let object = dependency_object::object(self.target, &section)?;
            // Its name is that of its content: cargo links again when the flags change, not when a file does.
            let name = format!("dependencies-{}.o", Digest::of(&object).hex());
            let file = self.compile_folder.target().join(&name);
            fs::write(&file, object).map_err(|error| Failure::io("write the dependency list", &file, &error))?;
            flags.push(format!("-Clink-arg={}", self.paths.inside(&file).display()));
            flags.extend(linker.undefined(dependency_object::SYMBOL));
        }
        // With such a flag cargo leaves all of them out of `-C metadata`: the names of symbols do not depend on them.
        flags.push("--remap-path-prefix=/build/none=/build/none".to_owned());
        Ok(flags)
    }

    /// The environment of the compile, in its own paths.
    fn inside_environment(&self) -> Environment {
        let mut environment = self.environment.clone();
        for name in ["HOME", "TMPDIR", "CARGO_HOME", "CARGO_BUILD_BUILD_DIR", "PKG_CONFIG_LIBDIR"] {
            if let Some(value) = environment.get_mut(OsStr::new(name)) {
                *value = self.paths.inside(Path::new(value)).into_os_string();
            }
        }
        // First of all: the names of C compilers are those of the scripts.
        let path = environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        let folders = std::iter::once(self.paths.inside(&self.tools_folder().join(CWrappers::IN_PATH)))
            .chain(env::split_paths(&path));
        if let Ok(path) = env::join_paths(folders) {
            environment.insert("PATH".into(), path);
        }
        environment
    }

    /// The flags of every crate of the target; build scripts and macros, which run here, get none.
    pub(super) fn rustflags(&self, mut flags: Vec<String>, maps: &[(PathBuf, String)]) -> Vec<String> {
        flags.extend(self.binary.rustflags.iter().map(|flag| flag.value.clone()));
        flags.push(STATIC.to_owned());
        flags.extend(maps.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
        flags
    }
}
