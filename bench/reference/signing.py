"""Reference signature for internal/signing, by OpenSSF's model_signing.

    pip install -r bench/reference/signing.requirements.txt
    python bench/reference/signing.py

writes internal/signing/testdata/model_signing.json: a few files, a key made for this,
and what model_signing says of them. With arguments,

    python bench/reference/signing.py DIR KEY.pub

it verifies a bundle that was unpacked into DIR (tar -xf) with model_signing, also
where the key is Ed25519, which model_signing does not verify by key itself.
"""

import json
import pathlib
import sys
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import model_signing
from model_signing._signing import sign_sigstore_pb

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/signing/testdata/model_signing.json"
FILES = {"manifest.json": "{}\n", "model.json": '{"é": 1}\n', "MODEL_CARD.md": "# card\n", "a": ""}


class Ed25519Verifier(sign_sigstore_pb.Verifier):
    """What model_signing's verifier of keys does, for a key of another kind."""

    def __init__(self, key):
        self._key = key

    def _verify_bundle(self, bundle):
        envelope = bundle.dsse_envelope
        self._key.verify(envelope.signatures[0].sig, sign_sigstore_pb.pae(envelope.payload))
        return envelope.payload_type, envelope.payload


def verify(directory, public):
    directory = pathlib.Path(directory)
    key = serialization.load_pem_public_key(pathlib.Path(public).read_bytes())
    config = model_signing.verifying.Config()
    if isinstance(key, ed25519.Ed25519PublicKey):
        config._verifier = Ed25519Verifier(key)
    else:
        config.use_elliptic_key_verifier(public_key=public)
    config.verify(directory, directory / "model.sig")
    print("verified:", directory)


def write():
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with tempfile.TemporaryDirectory() as top:
        model = pathlib.Path(top) / "flights"
        model.mkdir()
        for name, text in FILES.items():
            (model / name).write_text(text)
        pem = pathlib.Path(top) / "key.pem"
        pem.write_bytes(private)
        hashing = model_signing.hashing.Config().set_ignored_paths(paths=["model.sig"], ignore_git_paths=False)
        signer = model_signing.signing.Config().set_hashing_config(hashing).use_elliptic_key_signer(private_key=pem)
        signer.sign(model, model / "model.sig")
        signature = json.loads((model / "model.sig").read_text())
    OUT.write_text(json.dumps({"model": "flights", "files": FILES, "public_key": public.decode(), "signature": signature}, indent=1) + "\n")


if __name__ == "__main__":
    verify(*sys.argv[1:]) if len(sys.argv) == 3 else write()
