"""The key that the shop makes for itself when nobody gives it one."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from storefront import secret_key
from storefront.config import SettingsError


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    """Whoever was signed in stays so when the shop is started again."""
    file = tmp_path / "instance" / "secret_key"

    first = secret_key.kept_in(file)

    assert secret_key.kept_in(file) == first == file.read_text()
    assert len(first) >= 40
    assert secret_key.kept_in(tmp_path / "another") != first


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Whatever the shop's files are otherwise open to."""
    before = os.umask(0)
    try:
        secret_key.kept_in(tmp_path / "secret_key")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_those_who_start_at_the_same_time_share_one(tmp_path: Path) -> None:
    """Each sees a whole key, the same one, and no draft is left behind."""
    file, together = tmp_path / "secret_key", Barrier(16)

    def start(_number: int) -> str:
        together.wait()
        return secret_key.kept_in(file)

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(start, range(16)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """It says which file, and nothing of what is in it."""
    (tmp_path / "short").write_text("short-secret\n")
    (tmp_path / "noise").write_bytes(b"\xff" * 40)
    for unusable in ("short", "noise", "short/secret_key", "."):
        with pytest.raises(SettingsError, match="SECRET_KEY") as caught:
            secret_key.kept_in(tmp_path / unusable)
        assert str(tmp_path) in str(caught.value)
        assert "short-secret" not in str(caught.value)


def test_a_shop_that_keeps_nothing_has_a_new_one_each_time() -> None:
    """Its sessions end with its process, as everything else of it does."""
    assert secret_key.kept_in(None) != secret_key.kept_in(None)
