"""The door of the command line: exit codes, where words go."""

import subprocess
import sys

import pytest

from launcher import cli


def test_version_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("launcher ")


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--no-such-option"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "--no-such-option" in streams.err


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["lunch"]) == 2
    assert "no command 'lunch'" in capsys.readouterr().err


def test_python_m_launcher_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("launcher ")
