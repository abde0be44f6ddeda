"""What the tap uses of the SDK beyond its documentation: to be reviewed with each SDK release."""

import ast
import inspect
from pathlib import Path

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.configuration import _dict_config
from singer_sdk.helpers import _classproperty
from singer_sdk.mapper import PluginMapper

import tap_dixa

PACKAGE = Path(tap_dixa.__file__).parent
BASES = (Stream, Tap, PluginMapper)

# Why each is used is said where it is used.
PRIVATE = {
    "streams/base.py": {
        "_finalize_state",
        "_generate_record_messages",
        "_increment_stream_state",
        "_stream_version",
        "_sync_batches",
        "_sync_records",
        "_tap",
        "_write_activate_version_message",
        "_write_starting_replication_value",
        "_write_state_message",
    },
    "streams/analytics.py": {"_write_starting_replication_value"},
    "tap.py": {
        "_config",
        "_env_var_config",
        "_env_var_prefix",
        "_handle_termination",
        "_setup_signal_handlers",
        "_validate_config",
    },
}
PARAMETERS = {
    "_sync_batches": ["self", "batch_config", "context"],
    "_sync_records": ["self", "context", "write_messages"],
    "_write_activate_version_message": ["self", "full_table_version"],
    "_finalize_state": ["self", "state"],
    "_generate_record_messages": ["self", "record"],
    "_increment_stream_state": ["self", "latest_record", "context"],
    "_write_starting_replication_value": ["self", "context"],
    "_write_state_message": ["self"],
    "_handle_termination": ["self", "signum", "frame"],
    "_setup_signal_handlers": ["self"],
    "_validate_config": ["self", "raise_errors"],
}


def assigned(kind):
    """Give the private attributes that a class's methods assign."""
    if not kind.__module__.startswith("singer_sdk"):
        return set()
    tree = ast.parse(inspect.getsource(inspect.getmodule(kind)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


def private_names_of_the_sdk():
    names = set()
    for base in BASES:
        for kind in base.__mro__:
            names |= vars(kind).keys() | assigned(kind)
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def used_in(file):
    """Give the private attributes and methods that a file uses, defines or overrides."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def test_the_sdks_private_names_are_used_where_the_design_allows_and_nowhere_else():
    private = private_names_of_the_sdk()
    files = list(PACKAGE.rglob("*.py"))
    used = {str(file.relative_to(PACKAGE)): used_in(file) & private for file in files}
    assert {name: names for name, names in used.items() if names} == PRIVATE


@pytest.mark.parametrize("name", PARAMETERS)
def test_they_are_still_called_as_the_tap_calls_them(name):
    owner = next(base for base in BASES if hasattr(base, name))
    assert list(inspect.signature(getattr(owner, name)).parameters) == PARAMETERS[name]


def test_the_private_modules_still_have_what_the_tap_imports():
    parameters = inspect.signature(_dict_config.parse_environment_config).parameters
    assert list(parameters)[:2] == ["config_schema", "prefix"]
    assert callable(_classproperty.classproperty)
