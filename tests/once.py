"""What each of a thousand applications would do anew is done once for a run of tests: compiling templates, routes, statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from werkzeug.routing import Rule

from storefront.database import Database

database_at = cache(Database)
"""The database of an address, for every shop that names it: SQLAlchemy compiles a statement once for each engine."""


class _Rule(Rule):
    """A route whose address builder is taken from another application's route, if one was alike."""

    _builders: ClassVar[dict[tuple[Any, ...], Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        alike = (self.rule, repr(self.defaults), append_unknown)
        if alike not in self._builders:
            self._builders[alike] = super()._compile_builder(append_unknown)
        return self._builders[alike]


@contextmanager
def compiled(folder: Path) -> Iterator[None]:
    """While the block runs, applications share their compiled templates, kept in a folder, and routes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": FileSystemBytecodeCache(str(folder))})
        patch.setattr(Flask, "url_rule_class", _Rule)
        yield
