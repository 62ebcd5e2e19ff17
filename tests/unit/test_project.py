"""The project's own promises about itself: what is in the README, and that the compose file speaks our command line."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from brain.cli import COMMANDS, brain

ROOT = Path(__file__).parents[2]


def test_every_command_adapter_and_analytic_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in COMMANDS:
        assert f"brain {command}" in readme or f"make {command}" in readme, command
    for adapter in (p.parent.name for p in (ROOT / "ingest/adapters").glob("*/*rules.yaml")):
        assert f"`{adapter}`" in readme, adapter
    for analytic in (ROOT / "brain/analytics").glob("[a-z]*.py"):
        assert f"`{analytic.stem}`" in readme, analytic


def test_the_compose_file_runs_commands_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for name in ("ingest", "serve"):
        command, *args = compose["services"][name]["command"]
        found = brain.get_command(click.Context(brain), command)
        assert found is not None
        found.make_context(command, args)  # raises for an unknown option
    for service in compose["services"].values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "published on the loopback alone"


def test_docker_accepts_the_compose_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed; it is not needed for anything else")
    command = [docker, "compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, env={"NEO4J_PASSWORD": "secret", "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
