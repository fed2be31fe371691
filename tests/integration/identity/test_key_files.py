# SPDX-License-Identifier: Apache-2.0
"""Files of keys: private or refused, whole or as before."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.codec import cbor
from agent.identity import bundle, issuing, keyfile, keys, revocation, sealed
from agent.identity.errors import BundleError, KeyFileError
from agent.identity.keys import ML_DSA_65, ML_DSA_87
from agent.identity.limits import BUNDLE_ROOTS, LIST_BYTES, LISTS_OF_ONE, REVOCATION_LISTS, STATE_FILE_BYTES
from agent.identity.moment import Moment
from agent.identity.nodefiles import Keyed, NodeFiles
from agent.identity.revocation import Lists
from agent.identity.revoked import Entry, Kind
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

AT_NOW = Moment(NOW)


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    return NodeFiles(tmp_path / "identity")


def own() -> Keyed:
    return Keyed(mesh().node_key, tuple(mesh().chain))


@pytest.mark.parametrize("algorithm", [ML_DSA_65, ML_DSA_87])
def test_a_key_survives_its_file(tmp_path: Path, algorithm: str) -> None:
    key = keys.generate(algorithm)
    found = keys.from_pem(keys.to_pem(key), "here")
    assert keys.to_pem(found) == keys.to_pem(key)
    assert keys.algorithm_of(found) == algorithm


def test_a_node_finds_key_and_certificates_again_and_nobody_else_can_read_them(files: NodeFiles) -> None:
    assert files.svid() is None
    files.put_svid(own())
    found = files.svid()
    assert found is not None
    assert found.chain == own().chain
    assert keys.to_pem(found.key) == keys.to_pem(own().key)
    assert (files.folder / "svid.pem").stat().st_mode & 0o777 == 0o600
    assert files.folder.stat().st_mode & 0o077 == 0


def test_the_umask_does_not_open_a_key_file(files: NodeFiles) -> None:
    before = os.umask(0)
    try:
        files.put_svid(own())
    finally:
        os.umask(before)
    assert (files.folder / "svid.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_key_file_others_can_read_or_write_is_refused_with_the_mend(files: NodeFiles, mode: int) -> None:
    files.put_svid(own())
    (files.folder / "svid.pem").chmod(mode)
    with pytest.raises(KeyFileError, match=rf"mode {mode:o}.*chmod 600"):
        files.svid()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no key that can be read"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no key that can be read"),
        (b"\xff" * 1000, "no key that can be read"),
        (b"x" * 70_000, "more than 65536 bytes"),
        (
            keys.to_pem(mesh().node_key) + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "is damaged",
        ),
        (keys.to_pem(mesh().node_key) + b"-----BEGIN CERTIFICATE-----\n", "is damaged"),
    ],
    ids=["empty", "short", "noise", "large", "bad certificate", "half a certificate"],
)
def test_a_damaged_key_file_is_refused_in_words(files: NodeFiles, content: bytes, why: str) -> None:
    keyfile.write(files.folder / "svid.pem", content)
    with pytest.raises(KeyFileError, match=why) as caught:
        files.svid()
    assert "svid.pem" in caught.value.what
    assert caught.value.mend


def test_a_certificate_of_another_key_is_noticed(files: NodeFiles) -> None:
    files.put_svid(Keyed(keys.generate(ML_DSA_65), own().chain))
    with pytest.raises(KeyFileError, match="another key"):
        files.svid()


def test_a_key_of_another_kind_is_refused(files: NodeFiles) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    keyfile.write(files.folder / "svid.pem", pem)
    with pytest.raises(KeyFileError, match="not an ML-DSA key"):
        files.svid()


def test_a_fifo_or_folder_in_the_place_of_a_key_does_not_hold_us(files: NodeFiles) -> None:
    files.folder.mkdir()
    os.mkfifo(files.folder / "svid.pem")
    with pytest.raises(KeyFileError, match="no ordinary file"):
        files.svid()
    (files.folder / "signer.pem").mkdir()
    with pytest.raises(KeyFileError):
        files.signer()


def test_the_signing_key_is_never_replaced_by_another(files: NodeFiles) -> None:
    files.put_signer(Keyed(mesh().node_key))
    files.put_signer(own())
    with pytest.raises(KeyFileError, match="keeps its key for life"):
        files.put_signer(Keyed(keys.generate(ML_DSA_65)))
    found = files.signer()
    assert found is not None
    assert found.chain == own().chain


FULL = """
import os, resource, signal, sys
from pathlib import Path
from agent.identity import keys
from agent.identity.errors import KeyFileError
from agent.identity.nodefiles import Keyed, NodeFiles
files = NodeFiles(Path(sys.argv[1]))
before = files.svid()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    files.put_svid(Keyed(keys.generate(keys.ML_DSA_65), before.chain))
except KeyFileError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.parametrize("room", [0, 100, 8_000])
def test_a_rotation_without_room_leaves_the_old_identity_valid_and_no_rubbish(
    files: NodeFiles, room: int
) -> None:
    files.put_svid(own())
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(files.folder), str(room)], capture_output=True, text=True
    )
    assert ran.returncode == 7, ran.stderr
    assert "what was there before is still in force" in ran.stdout
    assert [path.name for path in files.folder.iterdir()] == ["svid.pem"]
    found = files.svid()
    assert found is not None
    assert (keys.to_pem(found.key), found.chain) == (keys.to_pem(own().key), own().chain)


def test_the_limit_of_that_test_is_a_real_one() -> None:
    assert signal.SIGXFSZ
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] != 0


def test_a_draft_a_kill_left_behind_is_in_nobodys_way(files: NodeFiles) -> None:
    files.put_svid(own())
    (files.folder / f".svid.pem.{os.getpid()}").write_bytes(b"half a key")
    files.put_svid(own())
    assert [path.name for path in files.folder.iterdir()] == ["svid.pem"]


def test_the_bundle_is_kept_and_one_of_another_mesh_refused(files: NodeFiles) -> None:
    assert files.bundle(DOMAIN) is None
    files.put_bundle(mesh().bundle)
    assert files.bundle(DOMAIN) == mesh().bundle
    with pytest.raises(BundleError, match="not of mesh"):
        files.bundle("other.mesh")


def test_revocations_are_kept_and_checked_anew_when_read(files: NodeFiles) -> None:
    entry = Entry(Kind.NODE, "n1", int(NOW), "lost")
    lists = Lists()
    for signer in (mesh().issuer, mesh().root):
        lists.take(revocation.load(revocation.make(DOMAIN, 1, [entry], signer, NOW), mesh().bundle, AT_NOW))
    files.put_revocations(lists)
    found, wrong = files.revocations(mesh().bundle)
    assert (len(found.all()), found.revoked.node("n1"), wrong) == (2, entry, ())
    found, wrong = files.revocations(mesh("other.mesh").bundle)
    assert (found.all(), len(wrong)) == ((), 2)
    (files.folder / "revocations.cbor").write_bytes(cbor.encode([b"", [b"", True], [b"\0", 1]]))
    assert len(files.revocations(mesh().bundle)[1]) == 3


@pytest.mark.parametrize("content", [b"\xff", b"\0" * (STATE_FILE_BYTES + 1)], ids=["noise", "too large"])
def test_damaged_revocations_are_said_and_keep_no_node_from_starting(
    files: NodeFiles, content: bytes
) -> None:
    keyfile.write(files.folder / "revocations.cbor", content)
    found, wrong = files.revocations(mesh().bundle)
    assert (found.all(), "fetched again" in wrong[0]) == ((), True)


def test_revocations_outlast_a_power_cut_their_issuers_end_and_their_roots(files: NodeFiles) -> None:
    next_key = keys.generate(ML_DSA_65)
    next_root = issuing.root(next_key, DOMAIN, NOW)
    hill = Entry(Kind.KEY, mesh().issuer.certificate.key_id.hex(), int(NOW))
    lists = Lists(mesh().bundle)
    for entry, signer in ((Entry(Kind.NODE, "n1", int(NOW)), mesh().issuer), (hill, mesh().root)):
        lists.take(revocation.load(revocation.make(DOMAIN, 1, [entry], signer, NOW), mesh().bundle, AT_NOW))
    files.put_revocations(lists)
    found, wrong = files.revocations(bundle.make(DOMAIN, 3, (next_root,)))
    assert wrong == ()
    assert found.revoked.node("n1") is not None
    assert found.revoked.issuer(mesh().issuer.certificate.key_id) == hill


def test_the_state_files_bound_holds_as_many_lists_as_are_kept() -> None:
    most = BUNDLE_ROOTS * LISTS_OF_ONE + REVOCATION_LISTS
    assert len(cbor.encode([[bytes(LIST_BYTES), True]] * most)) <= STATE_FILE_BYTES


def test_a_sealed_key_opens_with_its_passphrase_only() -> None:
    data = sealed.seal(b"secret", "a long enough passphrase", n=2**10)
    assert sealed.unseal(data, "a long enough passphrase", "here") == b"secret"
    for wrong in ("", "a long enough passphras", "A long enough passphrase"):
        with pytest.raises(KeyFileError, match="passphrase is wrong"):
            sealed.unseal(data, wrong, "here")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"n": 1024', b'"n": 2048', "wrong, or the file is damaged"),
        (b'"n": 1024', b'"n": 1073741824', "out of bounds"),
        (b'"n": 1024', b'"n": 1000', "out of bounds"),
        (b'"n": 1024', b'"n": true', "out of bounds"),
        (b'"r": 8', b'"r": 9000', "out of bounds"),
        (b'"p": 1', b'"p": 0', "out of bounds"),
        (b"x0-sealed-key-1", b"x0-sealed-key-2", "out of bounds"),
        (b'"sealed"', b'"opened"', "no sealed key"),
        (b"{", b"[", "no sealed key"),
        (b'"salt": "', b'"salt": "%', "no sealed key"),
    ],
)
def test_a_changed_sealed_key_is_refused_before_it_costs_memory(old: bytes, new: bytes, why: str) -> None:
    data = sealed.seal(b"secret", "a long enough passphrase", n=2**10)
    assert old in data
    with pytest.raises(KeyFileError, match=why):
        sealed.unseal(data.replace(old, new, 1), "a long enough passphrase", "here")


def test_short_passphrases_are_refused() -> None:
    with pytest.raises(KeyFileError, match="six words"):
        sealed.check_passphrase("too short")
