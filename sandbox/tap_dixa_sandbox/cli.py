"""The command ``tap-dixa-sandbox``: serve a local Dixa, or run a command against one."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.server import Sandbox
from tap_dixa_sandbox.times import instant

_LOOPBACK = "127.0.0.1,localhost"
_WAREHOUSE = "sample.duckdb"
_SUMMARY = Path("examples/summary.py")
_MODELS = Path("transform")


_SOME, _ANY_NUMBER = click.IntRange(1), click.IntRange(0)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS: tuple[tuple[str, Any, Any, str], ...] = (
    ("--conversations", _SOME, 5000, "Approximate number of conversations."),
    ("--contacts", _SOME, None, "Number of end users; a third of the conversations if not given."),
    ("--days", _SOME, 90, "Days of history."),
    ("--seed", int, 1, "Another seed gives other data."),
    ("--late-seconds", _ANY_NUMBER, 30, "The longest time until a change is visible."),
    ("--token", str, "sandbox-token", "The API token that is accepted."),
    ("--requests-per-minute", _ANY_NUMBER, 10, "The exports' rate limit; 0 for none."),
    ("--port", click.IntRange(0, 65535), 0, "The loopback port; 0 for any free one."),
    ("--shapes", _FILE, None, "Serve a file of tap-dixa --test --shapes, not sample data."),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all commands have."""
    for name, kind, default, text in reversed(_OPTIONS):  # help shows the last one first
        command = click.option(name, type=kind, default=default, help=text)(command)
    return command


@click.group(context_settings={"show_default": True})
def main() -> None:
    """A local Dixa with sample data whose history ends now."""


@main.command()
@options
def serve(**given: Any) -> None:
    """Serve until interrupted.

    POST /sandbox/anonymize/CSID anonymizes a conversation, POST /sandbox/redact/CSID/MESSAGE_ID
    redacts a message.
    """
    with _sandbox(given) as sandbox:
        _print_address(sandbox, "Put these lines into another shell; Ctrl-C stops it.")
        for name, value in _settings(sandbox).items():
            click.echo(f"export {name}={shlex.quote(value)}")
        try:
            sandbox.wait()
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], **given: Any) -> None:
    """Run COMMAND against a sandbox, and exit with its status.

    The tap's environment variables give COMMAND the sandbox's address. Write it after --.
    """
    sys.exit(_run(command, given))


@main.command()
@options
@click.option("--models", is_flag=True, help="Build the dbt models too: uv run --group dbt.")
def demo(models: bool, **given: Any) -> None:  # noqa: FBT001 (click gives it by name)
    """Load sample data into sample.duckdb, and print a summary.

    For a checkout of tap-dixa: it uses its examples.
    """
    if not (_SUMMARY.is_file() and find_spec("duckdb")):
        raise click.ClickException(
            "demo needs a checkout of tap-dixa, and DuckDB: in the folder with README.md, "
            "uv run --group try tap-dixa-sandbox demo"
        )
    status = _run(("tap-dixa-load", _WAREHOUSE), given)
    if models and not status:
        profiles = ("--profiles-dir", str(_MODELS / "profiles" / "duckdb"))
        build = ("dbt", "--quiet", "build", "--project-dir", str(_MODELS), *profiles)
        environment = {**os.environ, "DBT_DUCKDB_PATH": str(Path(_WAREHOUSE).resolve())}
        status = subprocess.call(build, env=environment)  # noqa: S603 (it is the checkout's)
    summary = (sys.executable, str(_SUMMARY), _WAREHOUSE)
    sys.exit(status or subprocess.call(summary))  # noqa: S603 (it is the checkout's)


def _run(command: tuple[str, ...], given: dict[str, Any]) -> int:
    """Run a command against a sandbox; return its exit status as a shell does."""
    with _sandbox(given) as sandbox:
        _print_address(sandbox, f"Running {command[0]} against it.")
        proxies = {name: os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy")}
        environment = {
            **os.environ,
            **{name: f"{value},{_LOOPBACK}".strip(",") for name, value in proxies.items()},
            **_settings(sandbox),
        }
        try:
            child = subprocess.Popen(command, env=environment)  # noqa: S603 (it is what the user runs)
        except OSError as error:
            raise click.ClickException(f"{command[0]} cannot be run: {error.strerror}") from None
        # Ctrl-C reaches COMMAND directly; wait for it, however long its cleanup takes.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        status = child.wait()
    return status if status >= 0 else 128 - status


def _sandbox(given: dict[str, Any]) -> Sandbox:
    """Make the sandbox that the options describe."""
    data = DataSet(
        given["conversations"],
        given["days"],
        now=lambda: time.time_ns() // 1_000_000,
        seed=given["seed"],
        late=given["late_seconds"] * 1000,
        contacts=given["contacts"],
    )
    behaviour = Behaviour(given["token"], given["requests_per_minute"])
    port = given["port"]
    try:
        return Sandbox(data, behaviour, port, given["shapes"])
    except OSError as error:
        raise click.ClickException(f"--port {port} cannot be used: {error.strerror}") from None
    except (KeyError, TypeError, ValueError):
        raise click.ClickException("--shapes: tap-dixa has not written this file") from None


def _print_address(sandbox: Sandbox, next_step: str) -> None:
    # Standard output is COMMAND's, or is read by a shell.
    click.echo(f"A sandbox with sample data is at {sandbox.url}. {next_step}", err=True)


def _settings(sandbox: Sandbox) -> dict[str, str]:
    return {
        "TAP_DIXA_API_TOKEN": sandbox.behaviour.token,
        "TAP_DIXA_EXPORTS_API_URL": sandbox.url,
        "TAP_DIXA_DIXA_API_URL": sandbox.url,
        "TAP_DIXA_START_DATE": instant(sandbox.data.start),
    }
