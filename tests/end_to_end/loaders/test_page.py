"""The page names the versions that were run."""

import pytest

from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.loader import Loader
from tests.pages import DOCS

PAGE = (DOCS / "loaders.md").read_text()
RUN = [value for value in vars(pins).values() if isinstance(value, Loader)]


@pytest.mark.parametrize("loader", RUN, ids=lambda loader: loader.requirements[0])
def test_the_page_has_the_version_of_every_loader_that_is_run(loader):
    assert f"| {loader.requirements[0].replace('==', ' ')}" in PAGE.replace(", ", "| ")
