#!/usr/bin/env python3
"""Opens reports in a headless browser with the network off, uses them as a reader would, and looks for faults.

    browser.py BROWSER OUT REPORT.html...

Speaks the DevTools protocol over a pipe, so that it needs nothing but Python. Screenshots go to OUT. Exits with 1 and says
what is wrong if a page logs an error, asks for anything, hides or clips a chart, or does not react.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = [1280, 390]

# Faults of a page as it stands, as a list of sentences.
LAYOUT = """
(() => {
  const faults = [];
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 1) faults.push(`the page is ${wide} pixels wider than the window`);
  // What was not chosen is not laid out.
  const charts = [...document.querySelectorAll('svg.chart')].filter((svg) => svg.getClientRects().length);
  if (!charts.length) faults.push('there is no chart');
  for (const svg of charts) {
    const name = svg.closest('figure').querySelector('h3').textContent.slice(0, 60);
    const box = svg.getBoundingClientRect();
    if (box.width < 200 || box.height < 80) faults.push(`${name}: ${box.width} by ${box.height} pixels`);
    const texts = [...svg.querySelectorAll('text')].map((node) => [node, node.getBoundingClientRect()]);
    for (const [node, t] of texts) {
      if (t.left < box.left - 1 || t.right > box.right + 1 || t.top < box.top - 1 || t.bottom > box.bottom + 1)
        faults.push(`${name}: the label "${node.textContent}" is clipped`);
      if (t.height < 8.5) faults.push(`${name}: the label "${node.textContent}" is ${t.height} pixels high`);
    }
    texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
      const across = Math.min(p.right, q.right) - Math.max(p.left, q.left), down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (across > 1 && down > 4) faults.push(`${name}: the labels "${a.textContent}" and "${b.textContent}" overlap`);
    }));
    const drawn = svg.querySelectorAll('.series path, image');
    if (!drawn.length) faults.push(`${name}: nothing is drawn`);
    if (!svg.closest('figure').querySelector('details table tbody tr')) faults.push(`${name}: no table`);
  }
  const levels = [...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1]);
  if (levels[0] !== 1 || levels.some((l, i) => i && l > levels[i - 1] + 1)) faults.push('the headings skip a level');
  const ids = [...document.querySelectorAll('[id]')].map((n) => n.id);
  if (new Set(ids).size !== ids.length) faults.push('an id stands twice');
  return faults;
})()
"""

# What the script adds, used once on every chart: faults as sentences.
USE = """
(async () => {
  const faults = [];
  for (const figure of document.querySelectorAll('figure.curves')) {
    if (!figure.getClientRects().length) continue;
    const name = figure.querySelector('h3').textContent.slice(0, 60);
    const svg = figure.querySelector('svg.chart'), tip = figure.querySelector('.tip');
    const drawn = () => [...svg.querySelectorAll('.series path')].map((p) => p.getAttribute('d') + p.getAttribute('transform')).join();
    const labels = () => [...svg.querySelectorAll('.ticks-y text')].map((t) => t.textContent).join();
    const before = [drawn(), labels()];
    const axis = figure.querySelector('.tools button');
    if (axis) {
      axis.click();
      if (labels() === before[1] && drawn() === before[0]) faults.push(`${name}: the other axis changes nothing`);
      if (/NaN|Infinity/.test(drawn())) faults.push(`${name}: places that are no numbers on the other axis`);
      axis.click();
      if (drawn().length === 0 || labels() === '') faults.push(`${name}: nothing left after both axes`);
    }
    const range = figure.querySelector('input[type=range]');
    if (range) {
      const rough = drawn();
      range.value = 0.9;
      range.dispatchEvent(new Event('input'));
      const flat = [...svg.querySelectorAll('.value')].every((p) => p.getBBox().height < 0.1);
      if (drawn() === rough && !flat) faults.push(`${name}: smoothing changes nothing`);
      range.value = 0;
      range.dispatchEvent(new Event('input'));
      if (drawn() !== rough) faults.push(`${name}: without smoothing it is not as before`);
    }
    const key = figure.querySelector('.legend button');
    if (key) {
      key.click();
      if (!svg.querySelector('.series').classList.contains('off') || key.getAttribute('aria-pressed') !== 'false')
        faults.push(`${name}: a series cannot be hidden`);
      key.click();
      if (svg.querySelector('.series').classList.contains('off')) faults.push(`${name}: a series cannot be shown again`);
    }
    svg.focus();
    svg.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    if (tip.hidden || !/\\d/.test(tip.textContent)) faults.push(`${name}: the arrow keys show no values`);
    svg.blur();
    if (!tip.hidden) faults.push(`${name}: the values stay`);
  }
  for (const choice of document.querySelectorAll('.choice')) {
    const options = [...choice.querySelectorAll('.option')], select = choice.querySelector('select');
    if (options.length < 2) continue;
    const shown = () => options.filter((option) => option.getClientRects().length).map((option) => option.dataset.name).join();
    if (shown() !== options[0].dataset.name) faults.push(`of the choices ${shown()} are shown, not the first alone`);
    select.selectedIndex = options.length - 1;
    select.dispatchEvent(new Event('change'));
    if (shown() !== options[options.length - 1].dataset.name) faults.push(`the last choice shows ${shown()}`);
    select.selectedIndex = 0;
    select.dispatchEvent(new Event('change'));
  }
  return faults;
})()
"""

# Where to point on each chart: the middle of its plot.
PLACE = """
(() => {
  const figure = [...document.querySelectorAll('figure')].filter((f) => f.getClientRects().length)[%d];
  figure.scrollIntoView({ block: 'center' });
  const box = figure.querySelector('svg.chart').getBoundingClientRect();
  return [box.left + box.width * 0.45, box.top + box.height * 0.45];
})()
"""
TIP = """
(() => {
  const figure = [...document.querySelectorAll('figure')].filter((f) => f.getClientRects().length)[%d], tip = figure.querySelector('.tip');
  const name = figure.querySelector('h3').textContent.slice(0, 60);
  if (tip.hidden || !/\\d/.test(tip.textContent)) return `${name}: pointing shows no value`;
  const box = tip.getBoundingClientRect();
  if (box.left < -1 || box.right > window.innerWidth + 1) return `${name}: the values lie beyond the window`;
  return '';
})()
"""


class Browser:
    """A headless browser at the other end of two pipes."""

    def __init__(self, command):
        read, self.write_fd = os.pipe()
        self.read_fd, write = os.pipe()
        self.profile = tempfile.TemporaryDirectory()
        arguments = [
            command,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={self.profile.name}",
            "--remote-debugging-pipe",
        ]

        def pipes():
            # The browser reads from 3 and writes to 4. Above the numbers in use first, then into place.
            a, b = os.dup(read), os.dup(write)
            a, b = (os.dup2(a, 60), os.dup2(b, 61))
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            arguments, close_fds=False, preexec_fn=pipes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(read)
        os.close(write)
        self.buffer, self.number, self.events = b"", 0, []

    def message(self):
        while b"\0" not in self.buffer:
            more = os.read(self.read_fd, 1 << 20)
            if not more:
                raise SystemExit("the browser ended early")
            self.buffer += more
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def close(self):
        self.call("Browser.close")
        self.process.wait(20)
        self.profile.cleanup()


class Tab:
    """A page of the browser, offline."""

    def __init__(self, browser):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def open(self, path, width):
        self.browser.events.clear()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.browser.wait("Page.loadEventFired")

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"the check itself failed: {result['exceptionDetails']}")
        return result["result"].get("value")

    def point(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def trouble(self):
        """What the page said or asked for since it was opened."""
        found = []
        for event in self.browser.events:
            parameters = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    found.append(f"an exception: {parameters['exceptionDetails']}")
                case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning"):
                    found.append(f"the console: {parameters['args']}")
                case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
                    found.append(f"the log: {parameters['entry']['text']}")
                case "Network.requestWillBeSent":
                    url = parameters["request"]["url"]
                    if not url.startswith(("file:", "data:")):
                        found.append(f"a request for {url}")
        return found


def pointing(tab):
    """Points at every figure with the real mouse."""
    faults = []
    for i in range(tab.evaluate("[...document.querySelectorAll('figure')].filter((f) => f.getClientRects().length).length")):
        x, y = tab.evaluate(PLACE % i)
        tab.point(x, y)
        # A map decodes its picture at the first look.
        tab.evaluate("new Promise((done) => setTimeout(done, 60))")
        tab.point(x + 1, y)
        tab.evaluate("new Promise((done) => setTimeout(done, 20))")
        faults.append(tab.evaluate(TIP % i))
    return [fault for fault in faults if fault]


def check(tab, path, out):
    faults = []
    for width in WIDTHS:
        tab.call("Emulation.setScriptExecutionDisabled", value=True)
        tab.open(path, width)
        faults += [f"without scripts, {width}: {fault}" for fault in tab.evaluate(LAYOUT)]
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
        tab.open(path, width)
        for step in (lambda: tab.evaluate(LAYOUT), lambda: tab.evaluate(USE), lambda: pointing(tab), tab.trouble):
            faults += [f"{width}: {fault}" for fault in step()]
        for scheme in ["light", "dark"]:
            tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            tab.open(path, width)
            tab.screenshot(out / f"{path.parent.name}-{path.stem}-{width}-{scheme}.png")
        tab.call("Emulation.setEmulatedMedia", features=[])
    return faults


def main():
    command, out, *paths = sys.argv[1:]
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    browser = Browser(command)
    tab, failed = Tab(browser), False
    for path in map(Path, paths):
        faults = check(tab, path, out)
        charts = tab.evaluate("document.querySelectorAll('svg.chart').length")
        print(f"{path}: {charts} charts, {len(faults)} faults", *faults, sep="\n  ")
        failed |= bool(faults)
    browser.close()
    sys.exit(failed)


if __name__ == "__main__":
    main()
