"""Knows how to run a stranger's regular expression with a time limit. Never what it is for."""

from __future__ import annotations

import json
import re
import select
import subprocess
import sys
import threading

# The expression runs in a child process, since nothing stops Python's `re` inside a thread.
_CHILD = """
import json, re, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
for line in sys.stdin:
    pattern, text, how = json.loads(line)
    try:
        found = getattr(re.compile(pattern, re.ASCII), how)(text)
        if found is None:
            answer = None
        else:
            answer = found.group(1 if found.re.groups else 0) or ""
    except re.error:
        answer = None
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""


class TimedOut(Exception):
    """The expression needed longer than it may."""


def as_python(pattern: str) -> str:
    """A Java expression for Python's `re`: only named groups are spelt differently."""
    return re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", pattern).replace("\\/", "/")


def compiles(pattern: str) -> bool:
    try:
        re.compile(as_python(pattern), re.ASCII)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


class Matcher:
    """Runs expressions one at a time in a child process, started when first needed."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def search(self, pattern: str, text: str) -> str | None:
        """What the first parenthesis captured anywhere in the text (the whole match where the
        expression has none); None without a match. Raises TimedOut."""
        return self._ask(pattern, text, "search")

    def matches(self, pattern: str, text: str) -> bool:
        """Whether the expression matches the whole text. Raises TimedOut."""
        return self._ask(pattern, text, "fullmatch") is not None

    def stop(self) -> None:
        with self._lock:
            self._end()

    def _ask(self, pattern: str, text: str, how: str) -> str | None:
        question = json.dumps([as_python(pattern), text, how]).encode() + b"\n"
        with self._lock:
            child = self._child or self._begin()
            assert child.stdin is not None and child.stdout is not None
            try:
                child.stdin.write(question)
                child.stdin.flush()
                ready, _, _ = select.select([child.stdout], [], [], self._limit)
                answer = json.loads(child.stdout.readline() if ready else b"")
            except (OSError, ValueError):
                # Too slow, or the expression was too much for the child: the same to the caller.
                self._end()
                raise TimedOut from None
        return answer if isinstance(answer, str) else None

    def _begin(self) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(  # noqa: S603 our own program, fixed above
            [sys.executable, "-I", "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
