"""``tap-dixa-sandbox``: serve a local Dixa, or run a command against one."""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from tap_dixa.timestamps import to_rfc3339

try:
    from tap_dixa.sandbox.behaviour import Behaviour, TooLong
    from tap_dixa.sandbox.dataset import DataSet
    from tap_dixa.sandbox.faults import read_plan
    from tap_dixa.sandbox.filters import Bounds
    from tap_dixa.sandbox.paths import DIXA_API, EXPORTS, may_begin
    from tap_dixa.sandbox.server import Sandbox
except ImportError as error:
    sys.exit(
        f"{error.name} is not installed: give tap-dixa its extra, as in pip install '.[sandbox]'"
    )

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOPBACK = "127.0.0.1,localhost"


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
    """Add what both commands can be told about the data and the server."""
    some, any_number = click.IntRange(1), click.IntRange(0)
    bound = click.Choice(["inclusive", "exclusive"])
    options = (
        click.option("--conversations", type=some, default=5000, help="About how many there are."),
        click.option(
            "--contacts",
            type=some,
            help="How many end users there are; if not given, a third of the conversations.",
        ),
        click.option("--days", type=some, default=90, help="How many days back they go."),
        click.option("--seed", default=1, help="Another seed gives other data."),
        click.option(
            "--late-seconds",
            type=any_number,
            default=30,
            help="How long it takes at most until a change shows.",
        ),
        click.option("--token", default="sandbox-token", help="The API token to let in."),
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
            help="A JSON list of what the export requests get, in order; null: a proper answer.",
        ),
        click.option(
            "--latency",
            type=click.FloatRange(0),
            callback=_finite,
            default=0,
            metavar="SECONDS",
            help="How long each export takes before its first byte.",
        ),
        click.option(
            "--longest-export",
            type=click.FloatRange(0, min_open=True),
            callback=_finite,
            metavar="DAYS",
            help="The longest window that is exported; anything up to 31 if not given.",
        ),
        click.option(
            "--too-long",
            type=click.Choice(get_args(TooLong)),
            default="504",
            help="What a longer export gets: a status, half a body, or no response at all.",
        ),
        click.option(
            "--new-fields", is_flag=True, help="Send fields that are in no schema, everywhere."
        ),
        click.option(
            "--out-of-place",
            type=any_number,
            default=0,
            metavar="N",
            help="How many records from other times each export has.",
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
    """A local Dixa with sample data that ends now, for trying things out and for tests."""


@main.command()
@_options
def serve(**options: Any) -> None:
    """Serve until interrupted.

    POST /sandbox/anonymize/CSID anonymizes a conversation.
    """
    with _sandbox(**options) as sandbox:
        _introduce(sandbox, "Put these lines into another shell; Ctrl-C stops it.")
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
    """Run COMMAND with a sandbox behind it, and end with its exit status.

    COMMAND finds the sandbox through the tap's environment variables. Write it after --.
    """
    with _sandbox(**options) as sandbox:
        _introduce(sandbox, f"Running {command[0]} against it.")
        proxies = {name: os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy")}
        environment = {
            **os.environ,
            **{name: f"{value},{_LOOPBACK}".strip(",") for name, value in proxies.items()},
            **_settings(sandbox),
        }
        try:
            child = subprocess.Popen(command, env=environment)  # noqa: S603 (it is what the user asked for)
        except OSError as error:
            raise click.ClickException(f"{command[0]} cannot be run: {error.strerror}") from None
        # Ctrl-C reaches COMMAND by itself; it is waited for, however long it tidies up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        status = child.wait()
    # A shell's way to say which signal ended a command.
    sys.exit(status if status >= 0 else 128 - status)


def _sandbox(**options: Any) -> Sandbox:
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
        out_of_place=options["out_of_place"],
        missing=set(options["without"]),
        beta_only=set(options["beta_only"]),
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


def _introduce(sandbox: Sandbox, what_next: str) -> None:
    # Not to standard output, which is COMMAND's, or for a shell to read.
    click.echo(f"A sandbox with sample data is at {sandbox.url}. {what_next}", err=True)


def _settings(sandbox: Sandbox) -> dict[str, str]:
    return {
        "TAP_DIXA_API_TOKEN": sandbox.behaviour.token,
        "TAP_DIXA_EXPORTS_API_URL": sandbox.url,
        "TAP_DIXA_DIXA_API_URL": sandbox.url,
        "TAP_DIXA_START_DATE": to_rfc3339(sandbox.data.start),
    }
