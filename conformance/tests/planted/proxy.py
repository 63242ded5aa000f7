"""Stands between the harness and a good adapter and makes one mistake, on purpose.

Called with the name of the mistake and the command of the good adapter. What each mistake is, stands in the table at
the end; `legwork adapter check` has to find and name every one.
"""

import json
import subprocess
import sys


class Proxy:
    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.count = 0

    def ask(self, request):
        """The good adapter's reply."""
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def answer(self, request):
        return self.ask(request)

    def write(self, reply):
        print(json.dumps(reply), flush=True)

    def run(self):
        for line in sys.stdin:
            request = json.loads(line)
            self.write(self.answer(request))
            if request["op"] == "bye":
                break


class SpeaksAnotherVersion(Proxy):
    """hello says protocol 2."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            reply["outcome"]["hello"]["protocol"] = 2
        return reply


class MisspellsObservable(Proxy):
    """hello says `session_key`."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            for drive in reply["outcome"]["hello"]["drives"]:
                drive["observables"] = [name.replace("-", "_") for name in drive["observables"]]
        return reply


class CountsForItself(Proxy):
    """The number of a reply is the adapter's own count."""

    def answer(self, request):
        self.count += 1
        return {**self.ask(request), "seq": self.count}


class AnswersTwice(Proxy):
    """Every reset is answered twice."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "reset":
            self.write(reply)
        return reply


class MisspellsField(Proxy):
    """`atributes` for `attributes`."""

    def answer(self, request):
        reply = self.ask(request)
        outcome = reply.get("outcome", {})
        if "attributes" in outcome:
            outcome["atributes"] = outcome.pop("attributes")
        return reply


class UpperCaseHex(Proxy):
    """Tokens in upper-case hex."""

    def answer(self, request):
        reply = self.ask(request)
        for buffer in reply.get("outcome", {}).get("buffers", []):
            buffer["bytes"] = buffer["bytes"].upper()
        return reply


class DecimalCodes(Proxy):
    """Codes of statuses in decimal."""

    def answer(self, request):
        reply = self.ask(request)
        status = reply.get("outcome", {}).get("status")
        if status:
            status["code"] = str(int(status["code"], 16))
        return reply


class IgnoresPolicy(Proxy):
    """Policy switches are passed over in silence."""

    def answer(self, request):
        if request["op"] == "reset":
            request["environment"]["policy"] = {}
        return self.ask(request)


class IgnoresFaults(Proxy):
    """Faults to provoke are passed over in silence."""

    def answer(self, request):
        if request["op"] == "reset":
            request["environment"]["faults"] = []
        return self.ask(request)


class DrawsOfItsOwn(Proxy):
    """The seed of `reset` is passed over, though hello says that it counts."""

    def answer(self, request):
        if request["op"] == "reset":
            self.count += 1
            request["environment"]["seed"] = f"{self.count:032x}"
        return self.ask(request)


class KeepsItsName(Proxy):
    """The names of the machine in `reset` are passed over, though hello says that they count."""

    def answer(self, request):
        if request["op"] == "reset":
            request["environment"]["host"]["netbios-computer"] = "SERVER"
        return self.ask(request)


class FaultsOnUnknownRequest(Proxy):
    """An unknown operation is the adapter's own failure."""

    def answer(self, request):
        reply = self.ask(request)
        if reply.get("unsupported", {}).get("what") == request["op"]:
            return {"seq": request["seq"], "fault": {"message": f"KeyError: {request['op']}"}}
        return reply


class KeepsHandles(Proxy):
    """A `reset` right after `acquire` that brings the same environment again forgets nothing."""

    last = environment = None

    def answer(self, request):
        before, self.last = self.last, request["op"]
        if request["op"] == "reset":
            same = self.environment == request["environment"]
            self.environment = request["environment"]
            if same and before == "acquire":
                return {"seq": request["seq"], "outcome": {}}
        return self.ask(request)


class FaultsOnForeignHandle(Proxy):
    """A number that was never given is the adapter's own failure."""

    def answer(self, request):
        if request.get("context", 0) > 100:
            return {"seq": request["seq"], "fault": {"message": f"KeyError: {request['context']}"}}
        return self.ask(request)


class InventsHandles(Proxy):
    """Promises handles, and does not show them to the library."""

    given = frozenset()

    def answer(self, request):
        if request["op"] == "reset":
            self.given = frozenset()
        if request["op"] == "free-credential":
            self.given = {request["credential"]}
        if request["op"] in ("initialize", "accept") and request.get("credential") in self.given:
            return {"seq": request["seq"], "unsupported": {"what": "stale-handle"}}
        return self.ask(request)


class AcceptsAnyone(Proxy):
    """An acceptor that is done whatever the library says about the last token."""

    def answer(self, request):
        reply = self.ask(request)
        last = request["op"] == "accept" and any(
            buffer["kind"] == 2 and buffer.get("bytes", "")[16:18] == "03" for buffer in request["input"]
        )
        if last and "outcome" in reply:
            reply["outcome"]["status"] = {"namespace": "sspi", "code": "0x00000000"}
        return reply


class SwapsBytesOfText(Proxy):
    """Text is read with the bytes of a code unit in the wrong order."""

    def answer(self, request):
        for part in (request.get("identity") or {}).values():
            units = bytes.fromhex(part["utf16"])
            part["utf16"] = units.decode("utf-16-be", "surrogatepass").encode("utf-16-le", "surrogatepass").hex()
        return self.ask(request)


class SwallowsLastStatus(Proxy):
    """An acceptor's refusals are lost, and its success as well."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "accept" and reply.get("outcome", {}).get("status", {}).get("code") == "0x00000000":
            reply["outcome"]["status"]["code"] = "0x00090312"
        return reply


class TakesFirstBuffer(Proxy):
    """The token is the first buffer, whatever its kind."""

    def answer(self, request):
        if request.get("input"):
            request["input"] = [{**request["input"][0], "kind": 2}]
        return self.ask(request)


class NoneIsAFault(Proxy):
    """A leg without a token is the adapter's own failure, but for an initiator's first."""

    def answer(self, request):
        tokens = [buffer for buffer in request.get("input", []) if buffer["kind"] == 2]
        first = request["op"] == "initialize" and "context" not in request
        if "input" in request and not tokens and not first:
            return {"seq": request["seq"], "fault": {"message": "TypeError: NoneType"}}
        return self.ask(request)


class DiesOfSurrogates(Proxy):
    """Decodes text strictly."""

    def answer(self, request):
        for part in (request.get("identity") or {}).values():
            bytes.fromhex(part["utf16"]).decode("utf-16-le")
        return self.ask(request)


class DiesOfGarbage(Proxy):
    """A token that is not one ends the process."""

    def answer(self, request):
        for buffer in request.get("input", []):
            if buffer.get("bytes", "").startswith("a5a5"):
                sys.exit(3)
        return self.ask(request)


class BreaksPromise(Proxy):
    """The session key is promised and not answered."""

    def answer(self, request):
        reply = self.ask(request)
        if request.get("attribute") == "session-key":
            reply["outcome"].pop("values", None)
        return reply


class InventsPackages(Proxy):
    """A credential for every package there is."""

    def answer(self, request):
        if request["op"] == "acquire":
            request["package"] = "ntlm"
        return self.ask(request)


class MisnamesSettings(Proxy):
    """hello says that `channel-bindings` are honoured."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            for drive in reply["outcome"]["hello"]["drives"]:
                drive["honours"] = ["channel-bindings"]
        return reply


class HonoursOnPaper(Proxy):
    """hello says that `send-version` is honoured, and `reset` refuses it."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            for drive in reply["outcome"]["hello"]["drives"]:
                drive["honours"] = ["policy:send-version"]
        if request["op"] == "reset" and "send-version" in request["environment"].get("policy", {}):
            return {"seq": request["seq"], "unsupported": {"what": "policy:send-version"}}
        return reply


class MisnamesFunctions(Proxy):
    """hello says that `ntowf_v2` is computed."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            for drive in reply["outcome"]["hello"]["drives"]:
                drive["derive"] = [name.replace("-", "_") for name in drive["derive"]]
        return reply


class MisnamesTokens(Proxy):
    """hello says that `av-pairs` are decoded."""

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            for drive in reply["outcome"]["hello"]["drives"]:
                drive["decode"] = ["av-pairs" if name == "av_pair" else name for name in drive["decode"]]
        return reply


class PrintsBeforeReplies(Proxy):
    """Something of the library stands before the reply on the same line."""

    def write(self, reply):
        print("debug:", end=" ")
        super().write(reply)


class StaysAfterBye(Proxy):
    """`bye` is answered, and no more."""

    def run(self):
        for line in sys.stdin:
            request = json.loads(line)
            self.write(self.answer(request))


if __name__ == "__main__":
    mistakes = {mistake.__name__: mistake for mistake in Proxy.__subclasses__()}
    mistakes.get(sys.argv[1], Proxy)(sys.argv[2:]).run()
