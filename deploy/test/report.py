"""One line for each check, and whether all held."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class Report:
    def __init__(self) -> None:
        self.held = 0
        self.broken: list[str] = []
        self.began = time.monotonic()

    @contextmanager
    def check(self, what: str) -> Iterator[None]:
        """A check that says whether it held; the others go on when it did not."""
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            self.broken.append(what)
            print(f"FAIL  {what} ({time.monotonic() - began:.1f} s)", flush=True)
            place = traceback.extract_tb(error.__traceback__)[-1]
            print(f"      {type(error).__name__} at {place.filename}:{place.lineno}: {error}", flush=True)
            cause = error.__cause__
            if cause:
                print(f"      because: {type(cause).__name__}: {cause}", flush=True)
        else:
            self.held += 1
            print(f"ok    {what} ({time.monotonic() - began:.1f} s)", flush=True)

    def note(self, text: str) -> None:
        print(f"      {text}", flush=True)

    def summary(self) -> bool:
        took = time.monotonic() - self.began
        print(f"\n{self.held} checks held, {len(self.broken)} did not, in {took / 60:.1f} minutes")
        for what in self.broken:
            print(f"  broken: {what}")
        return not self.broken
