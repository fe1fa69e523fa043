"""The real command, in a process of its own on free ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Running:
    """A command that is ready: where it answers, and its process."""

    urls: dict[str, str]
    process: subprocess.Popen[str]


def storefront(data: Path, *arguments: str, **settings: str) -> AbstractContextManager[Running]:
    """Run `storefront …` in a folder until the block ends.

    Raises:
        RuntimeError: it did not get ready; the text is what it wrote.
    """
    return running(data, "storefront", *arguments, **settings)


@contextmanager
def running(data: Path, module: str, *arguments: str, **settings: str) -> Iterator[Running]:
    """Run `python -m …` in a folder, from the line `ready name=address` on until the block ends.

    Raises:
        RuntimeError: it did not get ready; the text is what it wrote.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMP_")}
    with (data / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=data,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment | {"RATE_LIMITS": "off"} | settings,
        )
        assert process.stdout
        for line in process.stdout:
            if line.split()[:1] == ["ready"]:
                break
        else:
            log.seek(0)
            raise RuntimeError(f"{arguments} did not get ready:\n{log.read()}")
        try:
            yield Running(dict(re.findall(r"(\w+)=(\S+)", line)), process)
        finally:
            process.terminate()
            code = process.wait(timeout=30)
            process.stdout.close()
        assert code in (0, -9), f"{arguments} ended with {code}"


def keys_for(sandbox_url: str) -> dict[str, str]:
    """The settings of a shop that talks to a sandbox at an address."""
    return {
        "IMP_CODE": "imp00000000",
        "IMP_KEY": "sandbox_key",
        "IMP_SECRET": "sandbox_secret",
        "IMP_API_URL": sandbox_url,
        "IMP_SDK_URL": f"{sandbox_url}/v1/iamport.js",
    }
