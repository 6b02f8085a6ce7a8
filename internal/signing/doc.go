// Package signing owns who vouches for a set of files: keys, what is signed, and
// whose signatures are trusted.
//
// The layout is OpenSSF model signing v1.0, which the public tool model_signing
// writes and reads. From the inside out:
//
//   - an in-toto statement (https://in-toto.io/Statement/v1) with the predicate type
//     https://model_signing/signature/v1.0: one subject, named as the model, whose
//     SHA-256 is that of the files' digests one after another; the predicate lists
//     every file with its SHA-256, sorted by name, and says that model.sig itself is
//     not among them;
//   - a DSSE envelope around it: the statement in base64, and one signature of
//     "DSSEv1 28 application/vnd.in-toto+json LENGTH STATEMENT";
//   - a sigstore bundle (v0.3, JSON) around that, which names the key by the SHA-256
//     of its public half in PEM. That is the ID of a key everywhere here.
//
// Keys are Ed25519, or ECDSA on P-256, which is all that model_signing 1.1 verifies
// by key. Either signs the same bytes with the same signature (RFC 8032; RFC 6979),
// so that a signed thing has one form. The encoding is canonical, and nothing else
// is read: there is one way to write what a signature says. An unpacked bundle (tar
// -xf) that a P-256 key signed is verified by
//
//	model_signing verify key DIR --signature DIR/model.sig --public_key NAME.pub
//
// and one that an Ed25519 key signed by bench/reference/signing.py, with that tool's
// code around another verifier of the signature itself.
//
// A private key is PKCS #8 in PEM. A public key is SubjectPublicKeyInfo in PEM; a
// line "Not-After: 2027-11-25T00:00:00Z" before it, in its file, is when it ceases to
// be trusted. No clock but the verifier's is believed: what was signed before does
// not outlive the key.
//
// What the files are is bundle's; where keys are found is configuration.
package signing
