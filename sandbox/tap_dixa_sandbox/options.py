"""The options of ``tap-dixa-sandbox``, and the sandbox that they describe."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from tap_dixa_sandbox.behaviour import Behaviour, TooLong
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.faults import read_plan
from tap_dixa_sandbox.filters import Bounds
from tap_dixa_sandbox.paths import DIXA_API, EXPORTS, may_begin
from tap_dixa_sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from tap_dixa_sandbox.faults import Fault


def _finite(_: click.Context, __: click.Parameter, number: float | None) -> float | None:
    # NaN lies in every range, and infinity in those without an end.
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number")
    return number


def _served(*paths: str) -> Callable[..., set[str]]:
    """Make a check that each value is the beginning of a path that the sandbox serves."""

    def check(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> set[str]:
        for value in values:
            if not may_begin(value, paths):
                raise click.BadParameter(
                    f"{value} is not the beginning of a path that this option takes, such as "
                    "/v1/agents"
                )
        return set(values)

    return check


def options(command: Callable[..., Any]) -> Callable[..., Any]:
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
            "longest_export_days",
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
            "missing",
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


def made_with(**options: Any) -> Sandbox:
    """Make the sandbox that the options describe.

    Args:
        options: The options, by their parameters' names: some are those of `Behaviour`.

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
    given = {one.name: options[one.name] for one in fields(Behaviour) if one.name in options}
    behaviour = Behaviour(**{**given, "bounds": bounds, "faults": _plan(options["faults"])})
    try:
        return Sandbox(data, behaviour, options["port"])
    except OSError as error:
        raise click.ClickException(
            f"--port {options['port']} cannot be used: {error.strerror}"
        ) from None


def _plan(file: TextIO | None) -> deque[Fault | None]:
    if file is None:
        return deque()
    try:
        return deque(read_plan(file.read()))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise click.ClickException(f"--faults is not a valid plan of faults: {error}") from None
