"""Chromium without a window, driven over a pipe: no port, no package."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile

# Seconds that the browser may be silent.
PATIENCE = 60

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find():
    """The program, or none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page in one process. Commands and events are those of the DevTools protocol."""

    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_child, self.writer = os.pipe()
        self.reader, from_child = os.pipe()
        arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self.profile.name}",
            "--remote-debugging-pipe", "about:blank",
        ]

        def places():
            # The protocol wants descriptors 3 and 4; they are duplicated from above, for either may be in the way.
            high_in, high_out = os.dup(to_child), os.dup(from_child)
            while min(high_in, high_out) <= 4:
                high_in, high_out = os.dup(high_in), os.dup(high_out)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self.process = subprocess.Popen(
            arguments, preexec_fn=places, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self.number = 0
        self.rest = b""
        self.events = []
        self.session = None
        self.scripts = True
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        self.command("Emulation.setFocusEmulationEnabled", enabled=True)

    def close(self):
        try:
            self.session = None
            self.command("Browser.close")
        except (OSError, EOFError, RuntimeError):
            pass
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.reader)
        os.close(self.writer)
        self.profile.cleanup()

    def command(self, method, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self):
        while b"\0" not in self.rest:
            if not select.select([self.reader], [], [], PATIENCE)[0]:
                raise TimeoutError(f"the browser is silent for {PATIENCE} s")
            more = os.read(self.reader, 1 << 16)
            if not more:
                raise EOFError("the browser has ended")
            self.rest += more
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def open(self, address):
        """Goes to a page and waits until it is loaded; what it complained of."""
        self.events.clear()
        self.command("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())
        if self.scripts:
            self.evaluate("new Promise(done => requestAnimationFrame(() => done(0)))")
        return self.complaints()

    def complaints(self):
        told = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                told.append(parameters["exceptionDetails"].get("text", "exception"))
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                told.append(" ".join(str(part.get("value")) for part in parameters["args"]))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                told.append(parameters["entry"]["text"])
            elif method == "Network.requestWillBeSent":
                address = parameters["request"]["url"]
                if not address.startswith(("file:", "data:")):
                    told.append(f"asks the network for {address}")
            elif method == "Network.loadingFailed":
                told.append(f"cannot be loaded: {parameters['errorText']}")
        return told

    def evaluate(self, expression):
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "exception"))
        return result["result"].get("value")

    def show(self, width, height, scheme):
        """The size of the window, and the colours that the reader prefers; nothing moves by itself."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"},
        ])

    def allow_scripts(self, allowed):
        self.scripts = allowed
        self.command("Emulation.setScriptExecutionDisabled", value=not allowed)

    def key(self, key):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
        parameters = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        if key == "Enter":
            parameters["text"] = "\r"
        self.command("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.command("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=codes[key])

    def press(self, x, y):
        """A finger on a place of the window."""
        self.command("Emulation.setTouchEmulationEnabled", enabled=True)
        self.evaluate("window.pressed = new Promise(done => { addEventListener('click', done, {once: true}); setTimeout(done, 2000); }); 0")
        self.command("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.evaluate("pressed.then(() => 0)")
        self.command("Emulation.setTouchEmulationEnabled", enabled=False)

    def picture(self, file, most=2600):
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], most), "scale": 1}
        data = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))
