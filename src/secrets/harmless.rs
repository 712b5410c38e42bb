//! Published secrets of manuals and test suites, which are not reported.
//!
//! Keys of libraries' self-tests, such as those of GnuTLS, are among them: they are in every copy of the library, and are
//! known by the bytes that they encode.
//!
//! By digest, so that nothing that looks like a token is in this source.

use crate::oci::Digest;

/// The SHA-256 of each, sorted.
const HARMLESS: &[&str] = &[
    "0011cc25eb4320717494d2703e8cba85743e71b500283c21c8b88147992f9059",
    "01bfa457f9af0822682c874cda4a7bbeae0e77db889dffa0c0ab0d4eb1bcdea1",
    "0294b4406902e33bb02f89eaf4c691328790d7a9cd01b873d68edac994f310a1",
    "09416ba3e0782523c56225fb168cd58cda7796e938db1b53f79b6abbaed2bbc7",
    "09f1c1a4680df80b9e8e6e587d3a787de7402a919e366426ad807a1c0f8c98c1",
    "1a5d44a2dca19669d72edf4c4f1c27c4c1ca4b4408fbb17f6ce4ad452d78ddb3",
    "1f32c5b45987a05f903dd5fa054bd858e849efa62ed36c75b64b36eea8e144d7",
    "2037abcaffb2b77785da716cf7ccff4ff4d00c4ea930db0167b7d71f50af7eb4",
    "27a9a42931dff7eb2f8434e20a9bce976ea364e7bee49187f19d5cfeca9c7045",
    "2859ff03b44c8f0e4f96604b8cced325ef4d01ca935422b2041d88d8809f8fa1",
    "2cafc0970149a84f3b9e62eaf169f36f59907a3b3e31f7b82e68c69cd27f7326",
    "3543c50b0cb9cea8e55eb1f529b79f043cb250d485fde7b66cabbb5183add7da",
    "37f8f09bdf12c2f2eae4ead7273a62ddb0c23459cbf902892f282b57f7ed6619",
    "3a8b61d0f636b007840c0d40ba12bcf48465dc054cdc1a68704a33521d84b665",
    "3f370c9dd8225c63b5c77de1f785edc9712958f18bb612d5fa2e0ae33aeca682",
    "458022ddcb5598b39253bc027eb02c4f3dba00e2bdbaef239a35bc91c9bd4f3a",
    "49f777db995e8260da7ca9ffdf0c08d66f0453e97ec967018baf2cdfe3b582d0",
    "4c98242dcadc8b29005c6b4aad526552d5ea1842149154c0694adeec75847583",
    "60c323abe4854b03743005874156ef6e0343bc9c05c09a2a43335cdda19342b3",
    "662640ac029f0eb86102c9855e09fafd7f26ba2b036cb40c0079b2e0142b2069",
    "78314b11be2e581549ac1c4f616563fad3fdf0c3b71678f6e2299182080e0598",
    "7e8de44ea9ecf6d53415c90f5b249a8591f7abafbf7d65a2c0d855afeca3ec09",
    "7f75367e7881255134e1375e723d1dea8ad5f6a4fdb79d938df1f1754a830606",
    "8731261cb72d86267a32a532ebd3df429e2144e5e4ced7e13568bc9e6c8fb1b1",
    "87e288dc7dbc29a24241b596ec8c84f949d9f09f34fc0cf69242481fb2274770",
    "976b57ee8acdfcf45f76bcc5e329a23655bd0e1e7eeffd8ec98bab6ca6cdd660",
    "995b8d5b08ac126a74f39d812fc8cce270d026093d810f366de923bb0fe47f60",
    "a19f89ab3555eac10c40741f6df79ecf0935998f15569f8db9d67bce0181fff6",
    "a6c814bc555ae62c7bd8b58ec07bf559c7ed3a009976a1e0acc9cef0d4473b41",
    "b1b1128f9f90f60ceb2bfa814bc2bc9fe4c83674a5572bfbcd238dab6ffecf1a",
    "bc3ae723f57c6b9e3fd80b699fcc420f6074b0b1718039669d22631d508ac0a7",
    "c1c3b09c4d18e096209edf25bc8dfc2f11dc29896085e49e5f4e487fbd97dbb6",
    "c4341ce2cfcb5209124439c61efbae3ceb5d10b48997f67face25578db0918a2",
    "c6ea27c534f993d31f0aef882e3d200e7b87470c379ae79c8f9b19d3bd363dc9",
    "c794fa6d20c64efb9adf980ae93af472a1679775862d421ffe55d4a57fad5b3e",
    "d245e52c341a76645e1b0e56c58dc964cd4f3ecaea64a9c6d6db9897d4948a8a",
    "da816f9f2c16e6c5390e7636cadc40c43551bf0bbcf8f36c65539e6633a9c5e8",
    "dc0fcf046c61640cbd1e8b999ada3262d722c2ca4bf42dceac999020ffdbb614",
    "e21b597ba6b9cafa59d9ebc4d65c0385f5eb3fa56abab2607fa76589ad849a33",
    "e4a5542bb7fd7b67e943c71ad29c34b5972c9840597e7eda53e666f44d5da0b9",
    "ea9bb1082cf95663f5faca23b8b15ef2aa0fce0a5c6df9c32dcb85b2e0a4513d",
    "eb540d2b6ee2a0a47c5779bc8a0141784c6b753840d4c6f4e2428a6e86e9e0b1",
    "f2d6ca16515033e5dce14eba840b979d27b5cbae24bb3e5bf484339667f86397",
    "f56e323494a6ffc2064e7a955908957d84f0755e5f975dabd64328d0359a8f7c",
];

/// Whether `secret` is one of a manual, which was never of use.
pub(super) fn is_harmless(secret: &[u8]) -> bool {
    let digest = Digest::of(secret).hex();
    HARMLESS.binary_search(&digest.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_knows_the_pair_of_the_aws_manual() {
        assert!(HARMLESS.is_sorted());
        assert!(HARMLESS.iter().all(|digest| Digest::parse_hex(digest).is_ok()));
        assert!(is_harmless(["AKIAIOSFODNN7", "EXAMPLE"].concat().as_bytes()));
        assert!(is_harmless(["wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"].concat().as_bytes()));
        assert!(!is_harmless(b""));
    }
}
