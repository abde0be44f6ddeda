"""The command line of the tap: its options, the files that they name, and what each starts."""

import logging
import re
from abc import abstractmethod
from pathlib import Path
from typing import IO, Any

import click
from singer_sdk import Tap
from singer_sdk.metrics import get_metrics_logger
from singer_sdk.singerlib import Catalog
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

import tap_dixa.singer.about  # noqa: F401 (it registers what --about writes)
from tap_dixa.environment import parse_json
from tap_dixa.errors import SettingsError
from tap_dixa.singer.catalog import read_catalog
from tap_dixa.state_input import read_state

_NO_FILE_NAME = re.compile(r"""[{}"'\n]|:\s|^\s*api_token""")
"""What JSON, YAML or a setting has that is given in place of a file's name."""


class CommandTap(Tap):
    """A tap that reads the files that its options name, and checks them."""

    @abstractmethod
    def sync_streams(self) -> None:
        """Sync the selected streams."""

    @abstractmethod
    def test_connection(self, shapes: IO[bytes] | None) -> None:
        """Read a little of every stream, and write the shapes of the responses to a file."""

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        metrics_log = get_metrics_logger()
        # A log configuration that names it asks for metrics, and so does the level DEBUG.
        if metrics_log.level == logging.NOTSET and not metrics_log.handlers:
            metrics_log.addFilter(lambda _: metrics_log.level <= logging.DEBUG)
        for option in command.params:
            if option.name in {"catalog", "state"}:
                # The SDK would read them in the encoding of the locale.
                option.type = click.Path()
        file = click.File("wb", lazy=False)
        about = "With --test: also write the shapes of Dixa's responses to a file, without values."
        command.params.append(click.Option(["--shapes"], type=file, is_eager=True, help=about))
        return command

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":
                # The SDK does not name the file that it cannot read.
                given.config |= read_object("--config", path)
        return given

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        if value in {CliTestOptionValue.Disabled.value, CliTestOptionValue.Schema.value}:
            super().cb_test(ctx, param, value)
            return
        config = ctx.params["config"]
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        tap.test_connection(ctx.params.get("shapes"))
        ctx.exit()

    @classmethod
    @override
    def invoke(  # type: ignore[override] # the SDK's takes open files
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        state: str | None = None,
        catalog: str | None = None,
        shapes: IO[bytes] | None = None,
    ) -> None:
        if shapes is not None:
            raise click.UsageError("--shapes needs --test")
        super(Tap, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        tap = cls(
            config=config.config,
            # Schedulers make an empty file when there is no state yet.
            state=read_object("--state", state, may_be_empty=True) if state else None,
            catalog=cls._read_catalog(catalog) if catalog else None,
            parse_env_config=config.parse_env,
        )
        tap.sync_streams()

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        # The SDK's constructor calls this with what --state holds, before a stream reads it.
        keys = {name: stream.replication_key for name, stream in self.streams.items()}
        super().load_state(read_state(state, keys))

    @classmethod
    def _read_catalog(cls, path: str) -> Catalog:
        discovering = cls(config={}, validate_config=False, setup_mapper=False)
        return read_catalog(read_object("--catalog", path), discovering.catalog)


def read_object(option: str, path: str, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Read a JSON object from the file that an option names.

    If it may be empty, an empty file, or null in it, counts as an empty object.

    Nothing of its content, and nothing that is given in its place, is in an error: it may be the
    token.

    Raises:
        SettingsError: It cannot be read, or holds no JSON object; or JSON is given in its place.
    """
    try:
        # Some editors begin a file with a byte order mark.
        text = Path(path).read_bytes().decode("utf-8-sig")
        if may_be_empty and text.strip() in {"", "null"}:
            return {}
        content = parse_json(text)
    except UnicodeDecodeError:
        raise SettingsError(f"{option} {path} is not UTF-8: save it with that encoding") from None
    except OSError as error:
        if _NO_FILE_NAME.search(path):
            raise SettingsError(
                f"{option} expects a file name: values on the command line are visible to other "
                "users of this machine"
            ) from None
        raise SettingsError(f"{option} {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{option} {path} {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{option} {path} does not hold a JSON object")
    return content
