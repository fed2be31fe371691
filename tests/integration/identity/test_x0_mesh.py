# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh` as an operator uses it, to the node that is enrolled and recognised."""

import io
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.cli.base import OK, PROBLEM
from agent.cli.main import main
from agent.identity import bundle, bundleupdate, enrolment, keys, revocation, sealed, svid, token
from agent.identity.authority import Authority
from agent.identity.errors import EnrolmentError, KeyFileError, RevocationError, TokenError
from agent.identity.issuer import Issuer
from agent.identity.issuerfolders import open_issuer
from agent.identity.moment import Moment
from agent.identity.register import Register
from agent.identity.revoked import Entry, Kind

PASSPHRASE = "six words of a long phrase"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cheap key derivation, our folder, our passphrase."""
    real = sealed.seal
    monkeypatch.setattr(sealed, "seal", lambda secret, passphrase: real(secret, passphrase, n=2**10))
    monkeypatch.setenv("X0_MESH_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("X0_MESH_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


def x0(*words: str, code: int = OK) -> None:
    assert main(["mesh", *words]) == code


def answered(capsys: Capture, *words: str, code: int = OK) -> dict[str, Any]:
    capsys.readouterr()
    x0(*words, "--json", code=code)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Path:
    x0("init", "valley.mesh")
    x0("issuer", "Hill", "--dir", "valley.mesh")
    monkeypatch.setenv("X0_MESH_DIR", "valley.mesh")
    capsys.readouterr()
    return Path("valley.mesh")


def enrol(folder: Path, text: str, name: str, now: float, register: Path) -> enrolment.Answer:
    """What the issuing node does with its folder."""
    signer, token_key = open_issuer(folder)
    mesh = json.loads((folder / "mesh.json").read_text())["mesh"]
    roots = bundle.load((folder / "bundle.json").read_bytes(), mesh)
    book = Register(register)
    one, other = (keys.generate(signer.certificate.algorithm) for _ in range(2))
    issuer = Issuer(signer.certificate.common_name, signer, roots, token_key, book)
    target = enrolment.Target(mesh, issuer.name, bytes(enrolment.CHANNEL_BYTES))
    try:
        return issuer.enrol(enrolment.ask(target, name, one, other, token=text), target.channel, Moment(now))
    finally:
        book.close()


@pytest.mark.parametrize("suite", ["standard", "cnsa"])
def test_from_init_to_a_node_its_peers_recognise(tmp_path: Path, capsys: Capture, suite: str) -> None:
    assert answered(capsys, "init", "valley.mesh", "--suite", suite)["suite"] == suite
    ends = answered(capsys, "issuer", "hill", "--dir", "valley.mesh")["ends"]
    found = answered(capsys, "token", "--dir", "valley.mesh", "--uses", "2", "--role", "router")
    now = found["ends"] - 7 * 86_400
    folder = Path("valley.mesh/issuers/hill")
    book = tmp_path / "register.db"
    answers = [enrol(folder, found["token"], name, now, book) for name in ("hill-n1", "hill-n2")]
    x0("show", "--bundle", "--dir", "valley.mesh")
    roots = bundle.load(capsys.readouterr().out.strip().encode(), "valley.mesh")
    names = [svid.verify(answer.svid, roots, Moment(now)).node for answer in answers]
    assert names == ["hill-n1", "hill-n2"]
    assert ends > now
    with pytest.raises(TokenError, match="used up"):
        enrol(folder, found["token"], "hill-n3", now, book)


def test_keys_are_for_their_owner_alone_and_no_passphrase_is_printed(made: Path, capsys: Capture) -> None:
    x0("token")
    said = capsys.readouterr()
    assert PASSPHRASE not in said.out + said.err
    secret = [
        path for path in made.rglob("*") if path.suffix in (".key", ".json") or path.name == "issuer.pem"
    ]
    open_ones = {path.name for path in secret if path.is_file() and path.stat().st_mode & 0o077}
    assert open_ones == {"bundle.json", "mesh.json"}
    assert all(b"BEGIN PRIVATE" not in path.read_bytes() for path in (made / "roots").iterdir())


def test_a_mesh_is_never_made_over_another(made: Path, capsys: Capture) -> None:
    before = (made / "bundle.json").read_bytes()
    x0("init", "valley.mesh", code=PROBLEM)
    assert "holds a mesh already" in capsys.readouterr().err
    assert (made / "bundle.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("init", "Valley Mesh"), "cannot name a mesh"),
        (("issuer", "hill top"), "cannot name a node"),
        (("token", "dale"), "no issuer is named dale (there are: hill)"),
        (("token", "--uses", "0"), "a token for 0 uses"),
        (("token", "--name", "dale-roof"), "issuer hill gives no name dale-roof"),
        (("issuer", "hill-top"), "issuers hill-top and hill would both name nodes hill-top-..."),
        (("token", "--for", "2d", "--role", "Root user"), "cannot name a role"),
        (("revoke", "issuer", "dale"), "no issuer is named dale"),
        (("revoke", "issuer", "hill", "--stand-in", "lake"), "no issuer is named hill, standing in at lake"),
        (("revoke", "node", "hill-n1", "--void"), "are for issuers, not for a node"),
        (("issuer", "dale", "--stand-in", "lake"), "there is no issuer dale to stand in for"),
        (("revoke", "node", "n 1"), "cannot name a node"),
        (("revoke", "key", "abc"), "cannot be revoked"),
        (("root", "retire"), "no rotation is under way"),
        (("show", "--dir", "nowhere"), "nowhere/mesh.json cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_mend(
    made: Path, capsys: Capture, words: tuple[str, ...], what: str
) -> None:
    x0(*words, code=PROBLEM)
    said = capsys.readouterr().err
    assert what in said
    assert "\nMend: " in said
    assert "Traceback" not in said
    assert what in answered(capsys, *words, code=PROBLEM)["error"]["what"]


def test_a_wrong_passphrase_changes_nothing(
    made: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X0_MESH_PASSPHRASE", "not the passphrase of it")
    for words in (("issuer", "dale"), ("revoke", "node", "hill-n1"), ("root", "rotate")):
        x0(*words, code=PROBLEM)
        assert "the passphrase is wrong" in capsys.readouterr().err
    assert Authority(made).issuers.names() == ("hill",)
    assert not (made / "revocations").exists()


def test_the_passphrase_comes_from_a_private_file_too(
    made: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("X0_MESH_PASSPHRASE")
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\nmore\n")
    file.chmod(0o600)
    x0("issuer", "dale", "--passphrase-file", str(file))
    file.chmod(0o644)
    x0("issuer", "dale", "--passphrase-file", str(file), code=PROBLEM)
    assert "can be read or written by others" in capsys.readouterr().err


def test_without_a_terminal_or_a_passphrase_the_ways_to_give_it_are_named(
    made: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("X0_MESH_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    x0("issuer", "dale", code=PROBLEM)
    assert "--passphrase-file" in capsys.readouterr().err


def test_on_a_terminal_a_new_passphrase_is_asked_for_twice(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("X0_MESH_PASSPHRASE")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    typed = iter([PASSPHRASE, PASSPHRASE + "!", PASSPHRASE, PASSPHRASE, PASSPHRASE])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    x0("init", "valley.mesh", code=PROBLEM)
    assert "not the same" in capsys.readouterr().err
    x0("init", "valley.mesh")
    x0("issuer", "hill", "--dir", "valley.mesh")
    assert list(typed) == []
    assert PASSPHRASE not in capsys.readouterr().out


def test_no_option_takes_the_passphrase_itself() -> None:
    for command in ("init", "issuer", "revoke", "root"):
        ran = subprocess.run(
            [sys.executable, "-m", "agent.cli.main", "mesh", command, "x", "x", "--passphrase", "x"],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        assert ran.returncode != OK
        assert PASSPHRASE not in ran.stdout


def test_a_short_passphrase_makes_no_mesh(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X0_MESH_PASSPHRASE", "short")
    x0("init", "valley.mesh", code=PROBLEM)
    assert "six words" in capsys.readouterr().err
    assert not Path("valley.mesh").exists()


def test_revocations_add_up_and_nodes_take_the_list(made: Path, capsys: Capture) -> None:
    answered(capsys, "revoke", "node", "Hill-N9", "--reason", "stolen")
    found = answered(capsys, "revoke", "issuer", "hill")
    assert (found["sequence"], found["entries"]) == (2, 2)
    mesh = Authority(made)
    taken = revocation.load(Path(found["list"]).read_bytes(), mesh.bundle, Moment(mesh.record.created + 60.0))
    assert {entry.value for entry in taken.entries} == {"hill-n9", *found["values"]}
    shown = answered(capsys, "show", code=PROBLEM)
    assert shown["warnings"] == [
        "issuer hill is revoked: x0 mesh issuer hill gives it a new key and makes its tokens void"
    ]
    answered(capsys, "issuer", "hill")
    assert answered(capsys, "show")["warnings"] == []


def test_a_list_no_node_would_take_does_not_replace_the_one_before(made: Path, capsys: Capture) -> None:
    path = Path(answered(capsys, "revoke", "node", "hill-n9")["list"])
    before = path.read_bytes()
    mesh = Authority(made)
    entry = Entry(Kind.NODE, "hill-n8", 1)
    with pytest.raises(RevocationError, match="a clock is wrong"):
        mesh.revoke([entry], lambda: PASSPHRASE, mesh.record.created - 30 * 86_400.0)
    assert path.read_bytes() == before


def test_a_root_rotates_with_both_trusted_and_no_node_left_behind(
    made: Path, tmp_path: Path, capsys: Capture
) -> None:
    given = answered(capsys, "token", "--uses", "2")
    now = given["ends"] - 7 * 86_400
    first = Authority(made).bundle
    old = enrol(made / "issuers/hill", given["token"], "hill-n1", now, tmp_path / "r.db")
    x0("revoke", "node", "hill-n9")
    update = Path(answered(capsys, "root", "rotate")["update"])
    both = bundleupdate.take(update.read_bytes(), first, Moment(now))
    assert svid.verify(old.svid, both, Moment(now)).node == "hill-n1"
    x0("root", "rotate", code=PROBLEM)
    x0("root", "retire", code=PROBLEM)
    assert "issuers still under the old root: hill" in capsys.readouterr().err
    assert "still under the old root" in answered(capsys, "show", code=PROBLEM)["warnings"][0]
    x0("issuer", "hill")
    new = enrol(made / "issuers/hill", given["token"], "hill-n2", now, tmp_path / "r.db")
    assert svid.verify(new.svid, both, Moment(now)).node == "hill-n2"
    retired = answered(capsys, "root", "retire")
    alone = bundleupdate.take(Path(retired["update"]).read_bytes(), both, Moment(now))
    carried = revocation.load(Path(retired["list"]).read_bytes(), alone, Moment(now))
    assert [entry.value for entry in carried.entries] == ["hill-n9"]
    assert (made / "issuers/hill/revocations.cose").read_bytes() == carried.data
    assert svid.verify(new.svid, alone, Moment(now)).node == "hill-n2"
    with pytest.raises(svid.SvidError):
        svid.verify(old.svid, alone, Moment(now))
    lists = Authority(made).lists(now)
    assert lists.revoked.node("hill-n9") is not None
    assert answered(capsys, "show")["warnings"] == []


def test_tokens_given_out_stay_good_when_their_issuer_is_made_anew(
    made: Path, tmp_path: Path, capsys: Capture
) -> None:
    given = answered(capsys, "token")
    x0("issuer", "hill")
    now = given["ends"] - 7 * 86_400
    assert enrol(made / "issuers/hill", given["token"], "hill-n1", now, tmp_path / "r.db").svid


def test_a_stolen_issuer_s_tokens_are_void_once_it_is_revoked_and_made_anew(
    made: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder, book = made / "issuers/hill", tmp_path / "r.db"
    given = answered(capsys, "token", "--uses", "9")
    now = given["ends"] - 7 * 86_400.0
    thiefs = token.make((folder / "token.key").read_bytes(), "valley.mesh", "hill", now, uses=1000)[0]
    x0("revoke", "issuer", "hill")
    assert answered(capsys, "issuer", "hill")["tokens_void"]
    for text in (given["token"], thiefs):
        with pytest.raises(TokenError) as caught:
            enrol(folder, text, "hill-n1", now, book)
        assert caught.value.reason == "forged"
    fresh = answered(capsys, "token")["token"]
    assert not answered(capsys, "issuer", "hill")["tokens_void"]
    assert enrol(folder, fresh, "hill-n1", now, book).svid


def test_tokens_are_void_too_where_an_earlier_key_is_revoked_that_they_went_out_with(
    made: Path, capsys: Capture
) -> None:
    first = answered(capsys, "show")["issuers"][0]["key"]
    assert not answered(capsys, "issuer", "hill")["tokens_void"]
    x0("revoke", "key", first)
    assert answered(capsys, "issuer", "hill")["tokens_void"]


def test_tokens_are_made_void_by_hand(made: Path, capsys: Capture) -> None:
    before = (made / "issuers/hill/token.key").read_bytes()
    x0("issuer", "hill", "--new-token-key")
    assert "tokens given out for it are void" in capsys.readouterr().out
    assert (made / "issuers/hill/token.key").read_bytes() != before


@pytest.mark.parametrize("record", ["kept", "of an older x0", "without the folder"])
def test_revoking_an_issuer_revokes_every_key_it_ever_had(
    made: Path, tmp_path: Path, capsys: Capture, record: str
) -> None:
    given = answered(capsys, "token")
    now = given["ends"] - 7 * 86_400.0
    old = enrol(made / "issuers/hill", given["token"], "hill-n1", now, tmp_path / "r.db")
    keys_made = [answered(capsys, "show")["issuers"][0]["key"]]
    if record == "of an older x0":
        shutil.rmtree(made / "issued")
    again = answered(capsys, "issuer", "hill")
    keys_made.append(again["key"])
    assert [each["key"] for each in again["earlier"]] == keys_made[:1]
    assert answered(capsys, "show")["issuers"][0]["earlier"] == again["earlier"]
    if record == "without the folder":
        shutil.rmtree(made / "issuers/hill")
    assert sorted(answered(capsys, "revoke", "issuer", "hill")["values"]) == sorted(keys_made)
    mesh = Authority(made)
    with pytest.raises(svid.SvidError, match="issuer-not-revoked"):
        svid.verify(old.svid, mesh.bundle, Moment(now), revoked=mesh.lists(now).revoked)
    assert answered(capsys, "issuer", "hill")["earlier"] == []


def test_what_a_stolen_issuer_revoked_is_void_only_where_that_is_asked_for(
    made: Path, capsys: Capture
) -> None:
    mesh, now = Authority(made), Authority(made).record.created + 60.0
    signer = open_issuer(made / "issuers/hill")[0]
    entry = Entry(Kind.NODE, "hill-n1", int(now))
    data = revocation.make("valley.mesh", 1, [entry], signer, now)
    heard = mesh.lists(now)
    heard.take(revocation.load(data, mesh.bundle, Moment(now)))
    for words, still in ((("issuer", "hill"), True), (("issuer", "hill", "--void"), False)):
        x0("revoke", *words)
        for each in mesh.lists(time.time()).all():
            heard.take(each)
        assert (heard.revoked.node("hill-n1") is not None) is still


def test_a_node_that_stands_in_for_an_issuer_renews_and_does_not_enrol(
    made: Path, tmp_path: Path, capsys: Capture
) -> None:
    given = answered(capsys, "token", "--uses", "2")
    now = given["ends"] - 7 * 86_400.0
    folder = Path(answered(capsys, "issuer", "hill", "--stand-in", "Lake")["folder"])
    assert {path.name for path in folder.iterdir()} == {"issuer.pem", "bundle.json", "mesh.json"}
    with pytest.raises(EnrolmentError, match="stands in for issuer hill"):
        enrol(folder, given["token"], "hill-n1", now, tmp_path / "lake.db")
    shown = answered(capsys, "show")["issuers"]
    assert [(each["name"], each["stand_in"], each["earlier"]) for each in shown] == [
        ("hill", "", []),
        ("hill", "lake", []),
    ]
    x0("root", "rotate")
    x0("issuer", "hill")
    x0("root", "retire", code=PROBLEM)
    assert "still under the old root: hill, standing in at lake" in capsys.readouterr().err
    x0("issuer", "hill", "--stand-in", "lake")
    x0("root", "retire")


def test_a_stolen_stand_in_is_revoked_alone_and_voids_no_token(made: Path, capsys: Capture) -> None:
    key = answered(capsys, "issuer", "hill", "--stand-in", "lake")["key"]
    assert answered(capsys, "revoke", "issuer", "hill", "--stand-in", "lake")["values"] == [key]
    assert answered(capsys, "show", code=PROBLEM)["warnings"] == [
        "issuer hill, standing in at lake is revoked: x0 mesh issuer hill --stand-in lake gives it a new key"
    ]
    assert not answered(capsys, "issuer", "hill")["tokens_void"]


def test_a_name_once_an_issuers_is_not_given_to_another_whose_nodes_it_would_name(
    made: Path, capsys: Capture
) -> None:
    """Even where the first is gone: its nodes' names are still its own."""
    x0("issuer", "dale")
    shutil.rmtree(made / "issuers/hill")
    x0("issuer", "hill-top", code=PROBLEM)
    assert "would both name nodes" in capsys.readouterr().err
    x0("issuer", "hilltop")
    x0("issuer", "hill")


def test_a_token_says_which_names_it_gives(made: Path, capsys: Capture) -> None:
    x0("token", "--name", "hill-farm-*")
    assert "for names hill-farm-*" in capsys.readouterr().out
    assert answered(capsys, "token", "--name", "hill-roof")["name"] == "hill-roof"


def test_show_says_in_words_what_needs_a_hand(made: Path, capsys: Capture) -> None:
    x0("issuer", "dale", "--life", "30d")
    x0("revoke", "node", "hill-n9", "--reason", "stolen")
    capsys.readouterr()
    x0("show", code=PROBLEM)
    said = capsys.readouterr().out
    assert "Mesh valley.mesh (standard), bundle 1" in said
    assert "stolen" in said
    assert "! issuer dale ends 20" in said


def test_a_damaged_folder_is_named(made: Path, capsys: Capture) -> None:
    for name, what in (
        ("mesh.json", "damaged"),
        ("bundle.json", "no JSON"),
        ("issuers/hill/issuer.pem", "damaged"),
    ):
        kept = (made / name).read_bytes()
        (made / name).write_bytes(b"{")
        x0("token", code=PROBLEM)
        assert what in capsys.readouterr().err
        (made / name).write_bytes(kept)
    (made / "issuers/hill/token.key").write_bytes(b"short")
    with pytest.raises(KeyFileError, match="its tokens are void then"):
        open_issuer(made / "issuers/hill")


def test_the_command_works_without_an_agent_in_a_process_of_its_own(made: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "mesh", "show", "--json", "--dir", str(made.resolve())],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert ran.returncode == OK, ran.stderr
    assert json.loads(ran.stdout)["issuers"][0]["name"] == "hill"


def test_other_commands_load_no_cryptography() -> None:
    code = "import sys; from agent.cli.main import _parser; _parser(); print('cryptography' in sys.modules)"
    root = Path(__file__).parents[3]
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root).stdout.strip()
        == "False"
    )
