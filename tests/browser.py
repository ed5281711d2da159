"""Headless Chromium by the DevTools protocol over pipes, for tests of pages."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars"),
)


def find_chromium():
    """Return the path of Chromium: ``CHROMIUM``, one on the path, or playwright's; None if there is none."""
    if os.environ.get("CHROMIUM"):
        return os.environ["CHROMIUM"]
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
        binaries = sorted(Path(folder).glob("chromium*/chrome-*linux*/*"))
        found = next((str(p) for p in binaries if p.name in ("chrome", "headless_shell")), None)
    return found


class Browser:
    """A tab of Chromium; ``requests`` are the addresses it has asked for."""

    def __init__(self, path, timeout=120):
        self.timeout = timeout
        self.requests = []
        self.session = None
        self._buffer = b""
        self._number = 0
        self._closing = contextlib.ExitStack()
        profile = self._closing.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        ends = [*os.pipe(), *os.pipe()]
        theirs = [fcntl.fcntl(ends[k], fcntl.F_DUPFD, 10) for k in (0, 3)]
        os.close(ends[0])
        os.close(ends[3])
        self._write, self._read = ends[1], ends[2]
        os.set_blocking(self._read, False)
        script = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
        command = ["bash", "-c", script, "_", path, *FLAGS, f"--user-data-dir={profile}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=theirs, **quiet)
        for end in theirs:
            os.close(end)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.terminate()
        self._process.wait(self.timeout)
        os.close(self._write)
        os.close(self._read)
        self._closing.close()

    def call(self, method, **parameters):
        """Call a method of the protocol, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, path, width, scheme, height=900):
        """Load a file in a window of a width, and a colour scheme."""
        self.requests.clear()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Page.navigate", url=Path(path).absolute().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script):
        """Return the value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def screenshot(self, path):
        """Write a picture of the whole page."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def pdf(self, path):
        """Write the page as it is printed."""
        answer = self.call("Page.printToPDF", preferCSSPageSize=True)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def _next(self):
        """Return the next message."""
        end = time.monotonic() + self.timeout
        while b"\0" not in self._buffer:
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError("Chromium does not answer")
            try:
                self._buffer += os.read(self._read, 1 << 20)
            except BlockingIOError:
                time.sleep(0.005)
        message, _, self._buffer = self._buffer.partition(b"\0")
        event = json.loads(message)
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(event["params"]["request"]["url"])
        return event
