"""The recipes of docs/personal-data.md, as a configuration of the tap."""

import yaml

PAGE = "personal-data.md"
FLAT = "Allow-list fields, and flatten"
SEED = "only the tests know it"


def merged(*recipes):
    """Put recipes together, as a meltano.yml with all of them would have them."""

    def put(into, recipe):
        for name, value in recipe.items():
            if isinstance(value, dict) and name in into:
                put(into[name], value)
            else:
                assert into.get(name, value) == value, name
                into[name] = value

    whole = {}
    for recipe in recipes:
        (plugin,) = yaml.safe_load(recipe)["plugins"]["extractors"]
        put(whole, plugin)
    assert whole.pop("name") == "tap-dixa"
    return whole


def with_secret(config):
    assert config["stream_map_config"] == {"hash_seed": "$TAP_DIXA_HASH_SEED"}
    return {**config, "stream_map_config": {"hash_seed": SEED}}
