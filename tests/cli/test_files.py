"""Outputs go where they are told to and nowhere else; what is read is bounded; nothing from outside reaches a terminal as it is.

The suite may run as root, whom no permission stops: full disks are /dev/full and its like, devices are nodes of our own.
"""
from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from odenet import files, load, loads
from odenet.syntax import MAX_BYTES, decode

SPEC = "model M\ndim n = 3\nstate x : R[n]\nfield f { x' = -x }\nflow g = lie(f) over [0, 1] steps 2\nclaim g : nonexpansive\n"
HOSTILE = "t\x1b]0;PWN\a\n\u202e.ode"
needs_linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


@pytest.fixture
def node(tmp_path):
    """A private character device: 3 is null, 7 is full. The real ones are never written over by a test."""

    def make(minor):
        path = tmp_path / f"node{minor}"
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        except (OSError, AttributeError):
            pytest.skip("no device nodes here")
        return path

    return make


def _shell(folder, *arguments, **streams):
    return subprocess.run([sys.executable, "-m", "odenet", *arguments], cwd=folder, text=True, timeout=120, check=False, **streams)


# --- writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [("compile", "m.ode", "-q", "-o"), ("verify", "m.ode", "--certificates")])
def test_a_device_stays_a_device(run, node, option):
    null = node(3)
    assert run(*option, str(null), m=SPEC).exit_code == 0
    assert stat.S_ISCHR(null.stat().st_mode)
    result = run(*option, str(node(7)))
    assert result.exit_code == 2 and "No space left" in result.output


def test_a_pipe_gets_the_text(run, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    assert run("compile", "m.ode", "-q", "-o", str(pipe), m=SPEC).exit_code == 0
    assert reader.communicate()[0].startswith('"""M: compiled by odenet') and stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("is_dangling", [False, True])
def test_links_are_followed(run, tmp_path, is_dangling):
    target, link = tmp_path / "target.py", tmp_path / "link.py"
    link.symlink_to("target.py")
    if not is_dangling:
        target.write_text("old")
    assert run("compile", "m.ode", "-q", "-o", "link.py", m=SPEC).exit_code == 0
    assert link.is_symlink() and target.read_text().startswith('"""M')


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_modes_are_kept(tmp_path, mode):
    path, new = tmp_path / "file", tmp_path / "new"
    path.write_text("old")
    path.chmod(mode)
    try:
        files.write(path, "new")
        assert path.read_text() == "new"
    except files.CannotWrite as error:  # whoever is not root may not write to it
        assert mode == 0o444 and "write-protected" in str(error)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    before = os.umask(0o027)
    try:
        files.write(new, "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


def test_fmt_keeps_links_and_modes_and_speaks_afterwards(run, tmp_path, monkeypatch):
    real = tmp_path / "real.ode"
    real.write_text("model   M\nstate x : R\n")
    real.chmod(0o600)
    (tmp_path / "link.ode").symlink_to("real.ode")
    assert "formatted link.ode" in run("fmt", "link.ode").output
    assert (tmp_path / "link.ode").is_symlink() and real.read_text() == "model M\nstate x : R\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    real.write_text("model   M\nstate x : R\n")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("odenet.files.os.replace", full)
    result = run("fmt", "real.ode")
    assert result.exit_code == 2 and "formatted" not in result.output and "cannot write real.ode: No space left" in result.output
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("arguments", [
    ("compile", "m.ode", "-o", "m.ode"), ("compile", "m.ode", "-o", "alias.py"), ("compile", "m.ode", "-o", "hard.py"),
    ("compile", "x.py"),
    ("verify", "m.ode", "--certificates", "m.ode"), ("graph", "x.json", "-o", "x.json"), ("prune", "m.ode", "w.pt", "-o", "w.py"),
    ("prune", "x.py", "w.pt", "-o", "x.py"), ("certify", "m.ode", "w.pt", "--data", "d.npz", "--plot", "d.npz"),
], ids=" ".join)
def test_no_output_is_an_input(run, tmp_path, arguments):
    (tmp_path / "m.ode").write_text(SPEC)
    for name in ("x.py", "x.json", "w.pt", "d.npz"):
        (tmp_path / name).write_text(SPEC)
    (tmp_path / "alias.py").symlink_to("m.ode")
    os.link(tmp_path / "m.ode", tmp_path / "hard.py")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    result = run(*arguments)
    assert result.exit_code == 2 and "it is one of the files that are read" in result.output
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_name_as_long_as_names_are(tmp_path):
    path = tmp_path / ("n" * 250)
    files.write(path, "text")
    assert path.read_text() == "text" and len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    dead, alive = tmp_path / ".odenet-dead.tmp", tmp_path / ".odenet-alive.tmp"
    dead.write_text("half")
    with alive.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        files.write(tmp_path / "out.py", "text")
        assert alive.exists() and not dead.exists()


def test_several_files_are_replaced_together_or_not_at_all(tmp_path, node):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")
    with pytest.raises(files.CannotWrite, match="two: it is a folder"):
        two.mkdir()
        files.write_all([(one, b"new"), (two, b"new")])
    assert one.read_text() == "old" and not list(tmp_path.glob(".odenet*"))


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    ("new", "", "--from", "pendulum"), ("new", "sub/", "--from", "pendulum"), ("new", ".ode", "--from", "pendulum"),
    ("new", "nodir/x", "--from", "pendulum"), ("new", "/proc/x", "--from", "pendulum"), ("new", "dangling", "--from", "pendulum"),
    ("compile", "m.ode", "-o", ""), ("compile", "m.ode", "-o", "/proc/x.py"), ("compile", "m.ode", "-o", "sub"), ("verify", ""),
    ("verify", "m.ode", "--certificates", ""), ("compile", "m.ode", "--set", f"n={'9' * 5000}"),
    ("compile", "m.ode", "--set", "self=3"), ("compile", "m.ode", "--set", "seconds=3"), ("verify", "m.ode", "--seconds", "inf"),
    ("verify", "m.ode", "--seconds", "nan"),
    ("verify", "m.ode", "--seconds", "1e300"), ("explain", f"m.ode:{'9' * 5000}"), ("demo", "--seed", "9" * 5000),
], ids=lambda a: " ".join(a)[:40])
def test_no_option_ends_in_a_traceback(run, tmp_path, arguments):
    (tmp_path / "sub").mkdir()
    (tmp_path / "dangling.ode").symlink_to("nowhere")
    result = run(*arguments, m=SPEC)
    assert result.exit_code == 2, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dangling.ode", "m.ode", "sub"] and not list((tmp_path / "sub").iterdir())


@pytest.mark.parametrize("name", ["seconds", "allow_undecided", "dims", "text"])
def test_a_dim_may_have_the_name_of_an_option(run, name):
    spec = SPEC.replace("dim n", f"dim {name}").replace("R[n]", f"R[{name}]")
    result = run("compile", "m.ode", "--set", f"{name}=7", "-o", "-", m=spec)
    assert result.exit_code == 0 and f"{name}: int = 7" in result.output
    assert getattr(loads(spec).module({name: 5})(), name) == 5


def test_a_hostile_name_is_spelled_out(run, tmp_path):
    (tmp_path / HOSTILE).write_text(SPEC)
    for arguments in (("verify", HOSTILE), ("recheck", HOSTILE), ("verify", f"no{HOSTILE}"), ("fmt", f"no{HOSTILE}"),
                      ("explain", f"{HOSTILE}:6"), ("explain", f"{HOSTILE}:1"), ("compile", HOSTILE, "-o", f"{HOSTILE}.py"),
                      ("recheck", HOSTILE, "--certificates", f"no{HOSTILE}"), ("new", HOSTILE, "--from", "pendulum")):
        output = run(*arguments).output
        assert "\x1b" not in output and "\u202e" not in output and "\a" not in output, arguments
        assert "t\\x1b]0;PWN\\x07\\x0a\\u{202e}" in output, arguments


# --- reading --------------------------------------------------------------------------------------------------------


def test_no_more_is_read_than_a_spec_may_have(tmp_path):
    path = tmp_path / "sparse.ode"
    with path.open("wb") as file:
        file.truncate(10_000_000_000)
    assert len(files.read_bytes(path, MAX_BYTES)) == MAX_BYTES + 1
    with pytest.raises(Exception, match="fault") as caught:
        load(path)
    assert [fault.code for fault in caught.value.faults] == ["ODE009"]
    assert decode("wide", "\U0001f600".encode() * (MAX_BYTES // 2)).text == "\U0001f600" * (MAX_BYTES // 4)


@needs_linux
@pytest.mark.parametrize("arguments", [
    ("verify", "/dev/zero"), ("fmt", "/dev/zero"), ("recheck", "m.ode", "--certificates", "/dev/zero"),
    ("recheck", "m.ode", "--module", "/dev/zero"),
], ids=" ".join)
def test_what_never_ends_is_refused(run, arguments):
    result = run(*arguments, m=SPEC)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.output


# --- streams --------------------------------------------------------------------------------------------------------


@needs_linux
@pytest.mark.parametrize("arguments", [("verify", "m.ode"), ("compile", "m.ode", "-o", "-"), ("--help",)], ids=" ".join)
def test_a_full_disk_under_the_output(tmp_path, arguments):
    (tmp_path / "m.ode").write_text(SPEC)
    with open("/dev/full", "w") as full:
        done = _shell(tmp_path, *arguments, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr == "error: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="closed by a shell")
def test_a_closed_output(tmp_path):
    (tmp_path / "m.ode").write_text(SPEC)
    for command, status in (("verify m.ode >&-", 2), ("compile m.ode -q -o m.py >&-", 0), ("verify nothing.ode >&- 2>&-", 2)):
        shell = ["sh", "-c", f"{sys.executable} -m odenet {command}"]
        done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status and "Traceback" not in done.stderr, done.stderr


def test_a_stream_that_cannot_show_a_character(tmp_path):
    (tmp_path / "m.ode").write_text(SPEC)
    done = _shell(tmp_path, "explain", "m.ode:6", env={**os.environ, "PYTHONIOENCODING": "ascii"}, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


def test_an_emitted_module_needs_no_temporary_folder(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    monkeypatch.setattr("tempfile.mkstemp", full)
    assert loads(SPEC).module()(4).n == 4
