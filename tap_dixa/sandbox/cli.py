"""The command ``tap-dixa-sandbox``: serve a local Dixa, or run a command against one."""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from tap_dixa.timestamps import to_rfc3339

try:
    from tap_dixa.sandbox.behaviour import Behaviour, TooLong
    from tap_dixa.sandbox.dataset import DataSet
    from tap_dixa.sandbox.faults import read_plan
    from tap_dixa.sandbox.filters import Bounds
    from tap_dixa.sandbox.intelligence import Presence, Shape
    from tap_dixa.sandbox.paths import DIXA_API, EXPORTS, may_begin
    from tap_dixa.sandbox.server import Sandbox
except ImportError as error:
    sys.exit(
        f"{error.name} is not installed: give tap-dixa its extra, as in pip install '.[sandbox]'"
    )

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOPBACK = "127.0.0.1,localhost"
_LOAD = ("meltano", "--environment=sandbox", "run", "tap-dixa", "target-duckdb")
_SUMMARY = Path("examples/summary.py")


def _finite(_: click.Context, __: click.Parameter, number: float | None) -> float | None:
    # NaN lies in every range, and infinity in those without an end.
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number")
    return number


def _served(*paths: str) -> Callable[..., tuple[str, ...]]:
    """Make a check that each value is the beginning of a path that the sandbox serves."""

    def check(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not may_begin(value, paths):
                raise click.BadParameter(
                    f"{value} begins no path that can be given here, such as /v1/agents"
                )
        return values

    return check


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of both commands."""
    some, any_number = click.IntRange(1), click.IntRange(0)
    bound = click.Choice(["inclusive", "exclusive"])
    options = (
        click.option(
            "--conversations", type=some, default=5000, help="Approximate number of conversations."
        ),
        click.option(
            "--contacts",
            type=some,
            help="Number of end users; a third of the conversations if not given.",
        ),
        click.option("--days", type=some, default=90, help="Days of history."),
        click.option("--seed", default=1, help="Another seed gives other data."),
        click.option(
            "--late-seconds",
            type=any_number,
            default=30,
            help="The longest time until a change is visible.",
        ),
        click.option("--token", default="sandbox-token", help="The API token that is accepted."),
        click.option(
            "--requests-per-minute",
            type=any_number,
            default=10,
            help="The exports' rate limit; 0 for none.",
        ),
        click.option("--after", type=bound, default="inclusive", help="Lower filter bounds."),
        click.option("--before", type=bound, default="inclusive", help="Upper filter bounds."),
        click.option(
            "--faults",
            type=click.File(encoding="utf-8"),
            help="A JSON list of the export requests' faults, in order; null: a normal response.",
        ),
        click.option(
            "--latency",
            type=click.FloatRange(0),
            callback=_finite,
            default=0,
            metavar="SECONDS",
            help="What each export takes before its first byte.",
        ),
        click.option(
            "--longest-export",
            type=click.FloatRange(0, min_open=True),
            callback=_finite,
            metavar="DAYS",
            help="The longest window that is exported; 31 if not given.",
        ),
        click.option(
            "--too-long",
            type=click.Choice(get_args(TooLong)),
            default="504",
            help="How a longer export fails: a status, half a body, or no response at all.",
        ),
        click.option("--new-fields", is_flag=True, help="Add fields that are in no schema."),
        click.option(
            "--documented-forms",
            is_flag=True,
            help="Send records as Dixa's newest pages show them.",
        ),
        click.option(
            "--out-of-place",
            type=any_number,
            default=0,
            metavar="N",
            help="Records from outside the requested interval in each export.",
        ),
        click.option(
            "--without",
            multiple=True,
            callback=_served(*EXPORTS, *DIXA_API),
            metavar="PATH",
            help="Respond with 404 under this path. Can be repeated.",
        ),
        click.option(
            "--beta-only",
            multiple=True,
            callback=_served(*DIXA_API),
            metavar="PATH",
            help="Serve this path of the Dixa API under /beta alone. Can be repeated.",
        ),
        click.option(
            "--intelligence-rows",
            type=click.Choice(get_args(Shape)),
            default="cells",
            help="The shape of the rows of the Intelligence API.",
        ),
        click.option(
            "--presence",
            type=click.Choice(get_args(Presence)),
            default="start",
            help="Which intervals of presence a period of the Intelligence API has.",
        ),
        click.option(
            "--analytics-filters",
            is_flag=True,
            help="Refuse a query of the Analytics API for records without a filter.",
        ),
        click.option(
            "--analytics-page-keys",
            is_flag=True,
            help="Give pages of the Analytics API's records a pageKey instead of a link.",
        ),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=0,
            help="The loopback port; 0 for any free one.",
        ),
    )
    for option in reversed(options):  # help shows the last one that is added first
        command = option(command)
    return command


@click.group(context_settings={"show_default": True})
def main() -> None:
    """A local Dixa with sample data whose history ends now."""


@main.command()
@_options
def serve(**options: Any) -> None:
    """Serve until interrupted.

    POST /sandbox/anonymize/CSID anonymizes a conversation.
    """
    with made_with(**options) as sandbox:
        _print_address(sandbox, "Put these lines into another shell; Ctrl-C stops it.")
        for name, value in _settings(sandbox).items():
            click.echo(f"export {name}={shlex.quote(value)}")
        try:
            sandbox.wait()
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], **options: Any) -> None:
    """Run COMMAND against a sandbox, and exit with its status.

    The tap's environment variables give COMMAND the sandbox's address. Write it after --.
    """
    sys.exit(_run(command, options))


@main.command()
@_options
def demo(**options: Any) -> None:
    """Load sample data into DuckDB with Meltano, and print a summary.

    For a checkout of tap-dixa: it uses its meltano.yml and examples.
    """
    if not (Path("meltano.yml").is_file() and _SUMMARY.is_file()):
        raise click.ClickException(
            "demo needs a checkout of tap-dixa: run it in the folder with meltano.yml"
        )
    summary = (sys.executable, str(_SUMMARY))
    sys.exit(_run(_LOAD, options) or subprocess.call(summary))  # noqa: S603 (it is the checkout's)


def _run(command: tuple[str, ...], options: dict[str, Any]) -> int:
    """Run a command against a sandbox; return its exit status as a shell does."""
    with made_with(**options) as sandbox:
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


def made_with(**options: Any) -> Sandbox:
    """Make the sandbox that the options of the commands describe, by their names.

    Raises:
        ClickException: The plan of faults or the port cannot be used.
    """
    data = DataSet(
        conversations=options["conversations"],
        days=options["days"],
        now=lambda: time.time_ns() // 1_000_000,
        seed=options["seed"],
        late=options["late_seconds"] * 1000,
        contacts=options["contacts"],
    )
    bounds = Bounds(options["after"] == "inclusive", options["before"] == "inclusive")
    behaviour = Behaviour(
        token=options["token"],
        requests_per_minute=options["requests_per_minute"],
        bounds=bounds,
        latency=options["latency"],
        longest_export_days=options["longest_export"],
        too_long=options["too_long"],
        new_fields=options["new_fields"],
        documented_forms=options["documented_forms"],
        out_of_place=options["out_of_place"],
        missing=set(options["without"]),
        beta_only=set(options["beta_only"]),
        intelligence_rows=options["intelligence_rows"],
        presence=options["presence"],
        analytics_filters=options["analytics_filters"],
        analytics_page_keys=options["analytics_page_keys"],
    )
    if options["faults"] is not None:
        try:
            behaviour.faults.extend(read_plan(options["faults"].read()))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise click.ClickException(f"--faults is no plan: {error}") from None
    try:
        return Sandbox(data, behaviour, options["port"])
    except OSError as error:
        raise click.ClickException(
            f"--port {options['port']} cannot be used: {error.strerror}"
        ) from None


def _print_address(sandbox: Sandbox, next_step: str) -> None:
    # Standard output is COMMAND's, or is read by a shell.
    click.echo(f"A sandbox with sample data is at {sandbox.url}. {next_step}", err=True)


def _settings(sandbox: Sandbox) -> dict[str, str]:
    return {
        "TAP_DIXA_API_TOKEN": sandbox.behaviour.token,
        "TAP_DIXA_EXPORTS_API_URL": sandbox.url,
        "TAP_DIXA_DIXA_API_URL": sandbox.url,
        "TAP_DIXA_START_DATE": to_rfc3339(sandbox.data.start),
    }
