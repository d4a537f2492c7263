use super::*;

#[test]
fn known_texts_have_their_digests() {
    for (text, md5, sha1) in [
        ("", "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ] {
        assert_eq!(hex(&Md5::digest(text)), md5, "{text}");
        assert_eq!(hex(&Sha1::digest(text)), sha1, "{text}");
    }
}
