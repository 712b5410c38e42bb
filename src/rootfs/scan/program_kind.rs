//! [`ProgramKind`]: programs that are known by the texts in them, whatever their files are called.
//!
//! Each kind needs two texts that are independent of each other, so that a program whose documentation mentions another
//! one is not taken for it. Like the words of [`super::markers`] they are written backwards here, so that hardpan's own
//! program does not hold them.

/// A program that gives whoever gets into a container more than the service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProgramKind {
    Bash,
    Dash,
    Zsh,
    Mksh,
    Ksh,
    BusyBox,
    ToyBox,
    Curl,
    Wget,
    Netcat,
    Ncat,
    Socat,
    OpenSsl,
    Python,
    Perl,
    Node,
    Ruby,
    Apk,
    Apt,
    Dpkg,
    Rpm,
}

impl ProgramKind {
    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Dash => "dash",
            Self::Zsh => "zsh",
            Self::Mksh => "mksh",
            Self::Ksh => "ksh",
            Self::BusyBox => "busybox",
            Self::ToyBox => "toybox",
            Self::Curl => "curl",
            Self::Wget => "wget",
            Self::Netcat => "netcat",
            Self::Ncat => "ncat",
            Self::Socat => "socat",
            Self::OpenSsl => "openssl",
            Self::Python => "python",
            Self::Perl => "perl",
            Self::Node => "node",
            Self::Ruby => "ruby",
            Self::Apk => "apk",
            Self::Apt => "apt",
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
        }
    }
}

/// The kinds, each with its two texts, backwards. A kind with several builds has a row for each of them: netcat has two
/// authors, and python and ruby are also small programs that load a library.
pub(super) const KINDS: [(ProgramKind, [&str; 2]); 25] = [
    (ProgramKind::Bash, ["OFNISREV_HSAB", "dnammoc_xinu_etucexe_hsab"]),
    (ProgramKind::Dash, ["edom YALEDN ffo gninrut :hs", "rof saila dekcart a"]),
    (ProgramKind::Zsh, ["GNIRTS_NOITUCEXE_HSZ", "dl% tixe :hsz"]),
    (ProgramKind::Mksh, ["HSK DSBRIM", "HCTAM_HSK"]),
    (ProgramKind::Ksh, ["crhsk.hsk/cte/", "hctam.hs."]),
    (ProgramKind::BusyBox, ["dnuof ton telppa :", "senibmoc taht yranib llac-itlum"]),
    (ProgramKind::ToyBox, [")pleh-- xobyot ees(", "xobyot/ten.yeldnal"]),
    (ProgramKind::Curl, ["loot enil dnammoc lruc", "dleif mrof nwonknu piks"]),
    (ProgramKind::Wget, ["stsh-tegw.", "SSAPKSA_TEGW"]),
    (ProgramKind::Netcat, ["U- htiw trop esu tonnac", "netsil rof troppus yxorp on"]),
    (ProgramKind::Netcat, ["deroxuf netsil lacol", "gra p- sdeen netsil PDU"]),
    (ProgramKind::Ncat, ["RDDA_ETOMER_TACN", "HTUA_YXORP_TACN"]),
    (ProgramKind::Socat, [")(langis_tacos", "PI_NETSIL_TLUAFED_TACOS"]),
    (ProgramKind::OpenSsl, ["tseuqer trec tupni ehT", "]n/y[ ?etacifitrec eht ngiS"]),
    (ProgramKind::Python, ["lanretxe_biltropmi_nezorf_", "SFERPMUDNOHTYP"]),
    (ProgramKind::Python, ["niaMsetyB_yP", "nohtypbil"]),
    (ProgramKind::Perl, ["BD5LREP", "TPO5LREP ni hctiws lagellI"]),
    (ProgramKind::Node, ["SGNINRAW_TCERIDER_EDON", "NOITACERPED_GNIDNEP_EDON"]),
    (ProgramKind::Ruby, ["TPOYBUR ni hctiws dilavni", "otomustaM orihikuY"]),
    (ProgramKind::Ruby, ["edon_nur_ybur", "tinisys_ybur"]),
    (ProgramKind::Apk, ["eeffoc nwo ruoy hctef", " sloot-kpa"]),
    (ProgramKind::Apt, ["reganam egakcap enildnammoc", "ehcac-tpa dna teg-tpa ekil"]),
    (ProgramKind::Apt, ["segakcap fo laveirter", "sIRU-tnirP::teG::TPA"]),
    (ProgramKind::Dpkg, ["NOISREV_GNINNUR_GKPD", "erutcetihcra-dda-- gkpd"]),
    (ProgramKind::Rpm, [")yreuq-- ro q- htiw( snoitpo yreuQ", "snoitpo esarE/edargpU/llatsnI"]),
];

/// The texts of [`KINDS`] that were found in one file: a bit for each row, for its first text and for its second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KindMarks([u32; 2]);

impl KindMarks {
    /// Notes that a text was found; texts are counted through all rows of [`KINDS`].
    pub(super) fn see(&mut self, text: usize) {
        if let Some(bits) = self.0.get_mut(text % 2) {
            *bits |= 1_u32.checked_shl(u32::try_from(text / 2).unwrap_or(u32::MAX)).unwrap_or(0);
        }
    }

    /// The kinds whose texts were both found, in the order of [`KINDS`].
    pub(crate) fn kinds(self) -> impl Iterator<Item = ProgramKind> {
        let Self([first, second]) = self;
        let both = first & second;
        KINDS.iter().enumerate().filter(move |(row, _)| both >> row & 1 == 1).map(|(_, (kind, _))| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_needs_both_of_its_texts() {
        let kinds = |texts: &[usize]| {
            let mut marks = KindMarks::default();
            for text in texts {
                marks.see(*text);
            }
            marks.kinds().collect::<Vec<_>>()
        };
        assert_eq!(kinds(&[0, 1]), [ProgramKind::Bash]);
        assert_eq!(kinds(&[0, 0, 2, 5]), []);
        assert_eq!(kinds(&[48, 2, 3, 49]), [ProgramKind::Dash, ProgramKind::Rpm]);
        assert_eq!(kinds(&[64, 65, usize::MAX, usize::MAX - 1]), [], "there is no such row");
    }
}
