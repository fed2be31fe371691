# SPDX-License-Identifier: Apache-2.0
"""One tab: a phone's view of a page, its keys and clicks, and everything the browser complains about."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any, Final

from tools.browser.chromium import BrowserError, Chromium

PHONE: Final = (360, 740)  # CSS pixels of a small common phone
WAIT_S: Final = 30.0
LOOK_S: Final = 0.05
KEYS: Final = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Space": (" ", 32, " ")}


class Tab:
    """Make it before going anywhere: what is set here holds from the first page on."""

    def __init__(
        self,
        browser: Chromium,
        size: tuple[int, int] = PHONE,
        *,
        dark: bool = False,
        script: bool = True,
        languages: str = "en",
        density: float = 1,
        throttle: float = 1,
    ) -> None:
        self._browser = browser
        # a context of its own: no cookie, no stored theme of another tab
        self._context = browser.call("Target.createBrowserContext")["browserContextId"]
        self._target = browser.call("Target.createTarget", url="about:blank", browserContextId=self._context)[
            "targetId"
        ]
        attached = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self.session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(size, density)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=theme)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})
        if throttle != 1:
            self.call("Emulation.setCPUThrottlingRate", rate=throttle)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol to this tab."""
        return self._browser.call(method, self.session, **params)

    def resize(self, size: tuple[int, int], density: float = 1) -> None:
        """Another screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0], height=size[1], deviceScaleFactor=density, mobile=True,
        )  # fmt: skip

    def go(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        before = self._browser.last_event
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")
        self._browser.wait_event(self.session, "Page.loadEventFired", before)

    def loaded(self, after: int) -> None:
        """Wait for a page that something else opened (a form, a link) since event `after`."""
        self._browser.wait_event(self.session, "Page.loadEventFired", after)

    def mark(self) -> int:
        """For `loaded`."""
        return self._browser.last_event

    def eval(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression[:200]}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """What is to be read there."""
        found = self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    def wait(self, expression: str, within: float = WAIT_S) -> float:
        """Seconds until the expression is true."""
        began = time.monotonic()
        while not self.eval(expression):
            if time.monotonic() - began > within:
                raise BrowserError(f"not true within {within:g} s: {expression}")
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def press(self, key: str) -> None:
        """A key of KEYS, down and up."""
        name, code, text = KEYS[key]
        common = {"key": name, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Into what has the focus."""
        self.call("Input.insertText", text=text)

    def problems(self) -> list[str]:
        """Errors of the console, uncaught exceptions and policy violations since the tab was made."""
        found = []
        for _, event in self._browser.events(self.session, "Log.entryAdded"):
            entry = event["entry"]
            if entry["level"] in ("error", "warning"):
                found.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")
        for _, event in self._browser.events(self.session, "Runtime.exceptionThrown"):
            found.append(str(event["exceptionDetails"].get("exception", event["exceptionDetails"])))
        for _, event in self._browser.events(self.session, "Runtime.consoleAPICalled"):
            if event["type"] in ("error", "assert"):
                found.append(str(event["args"]))
        return found

    def offline(self, off: bool) -> None:
        """The phone walks out of the network, or back into it."""
        self.call(
            "Network.emulateNetworkConditions",
            offline=off, latency=0, downloadThroughput=-1, uploadThroughput=-1,
        )  # fmt: skip

    def shot(self, file: Path, whole: bool = False) -> None:
        """A PNG of the screen, or of the whole page."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(data["data"]))

    def close(self) -> None:
        """Ends the tab and what it stored."""
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)
