"""Speaks the Legwork adapter protocol for Samba's ntlm_auth: one helper process for each context.

The helper is asked and answers in lines, tokens in base64. Its line codes and NTSTATUS names are passed on.
"""

import base64
import os
import pathlib
import re
import signal
import subprocess
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "sdk" / "python"))

import samba.ntstatus
from legwork_adapter import (
    Adapter,
    Json,
    Raised,
    Unsupported,
    returned,
    run,
    status,
    text_from,
    text_of,
    token_in,
    token_out,
)
from samba_shared import HONOURS, namespace_of, settings_of, smb_conf

HELPER = "ntlm_auth"
PROTOCOLS = {
    "ntlm": {"initiator": "ntlmssp-client-1", "acceptor": "squid-2.5-ntlmssp"},
    "negotiate": {"initiator": "gss-spnego-client", "acceptor": "gss-spnego"},
}
# Longer lines the helper refuses on its standard error, and reads their rest as another request.
LONGEST_LINE = 600_000

# ISC_REQ_* bits by the helper's feature. Its signature has a sequence number, so SIGN detects replays, too.
FEATURES = {
    0x00000004: "NTLMSSP_FEATURE_SIGN",
    0x00000008: "NTLMSSP_FEATURE_SIGN",
    0x00000010: "NTLMSSP_FEATURE_SEAL",
    0x00010000: "NTLMSSP_FEATURE_SIGN",
}
# Tokens come as text of any length: there is no buffer of the caller's.
ALLOCATE_MEMORY = 0x00000100
# An acceptor grants the same whether asked or not. Asked for a feature, it would refuse a peer that does not want it.
REQUIREMENTS = {"initiator": sum(FEATURES) | ALLOCATE_MEMORY, "acceptor": 0x0002001C | ALLOCATE_MEMORY}


class Refused(Exception):
    """A line of the helper that says that something failed; its text is the line, without a token that stood in it."""

    def __init__(self, text: str, token: typing.Optional[bytes] = None) -> None:
        super().__init__(text)
        self.token = token


def argument(name: str, text: str) -> bytes:
    """An option of the helper, in UTF-8, Samba's default."""
    try:
        value = text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unsupported("text:unpaired-surrogate") from None
    if b"\0" in value:
        raise Unsupported("text:zero")
    return f"--{name}=".encode("ascii") + value


def identity_arguments(identity: typing.Optional[Json]) -> typing.List[bytes]:
    identity = identity or {}
    if "\\" in (text_of(identity.get("user")) or ""):
        raise Unsupported("identity:user-with-separator")
    options = {"user": "username", "domain": "domain", "password": "password"}
    return [
        argument(option, text_of(identity[part]) or "")
        for part, option in options.items()
        if identity.get(part) is not None
    ]


def target_arguments(target: typing.Optional[str]) -> typing.List[bytes]:
    if target is None:
        return []
    service, slash, hostname = target.partition("/")
    if not (service and slash and hostname):
        raise Unsupported("target:not-service/host")
    return [argument("target-service", service), argument("target-hostname", hostname)]


def token_of(word: str) -> typing.Optional[bytes]:
    """A token in a line; an asterisk says that there is none."""
    return None if word in ("", "*") else base64.b64decode(word, validate=True)


class Helper:
    """A running ntlm_auth, which holds one context."""

    def __init__(self, protocol: str, arguments: typing.Sequence[bytes], conf: bytes) -> None:
        # The file is in memory: nothing is left behind, whoever ends this process.
        descriptor = os.memfd_create("smb.conf")
        os.write(descriptor, conf)
        common = [f"--helper-protocol={protocol}", f"--configfile=/dev/fd/{descriptor}"]
        self.process = subprocess.Popen(
            [HELPER, *common, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[descriptor],
        )
        os.close(descriptor)
        self.protocol = protocol
        self.peer: typing.Optional[str] = None

    def ask(self, line: bytes) -> typing.Tuple[str, str]:
        """One request; the code of the answer, and the rest of its line."""
        if len(line) > LONGEST_LINE:
            raise Unsupported("token:too-long-for-a-line")
        try:
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer.endswith(b"\n"):
            self.die_as_it_died()
        code, _, rest = answer[:-1].decode("utf-8", "replace").partition(" ")
        if code in ("BH", "NA", "ERR"):
            raise Raised from self.refused(code, rest)
        return code, rest

    def refused(self, code: str, rest: str) -> Refused:
        """`gss-spnego` says token and reason, `gss-spnego-client` the token instead of the reason, if it has one."""
        token = ""
        if code == "NA" and self.protocol == "gss-spnego":
            token, _, rest = rest.partition(" ")
        elif code == "NA" and self.protocol == "gss-spnego-client" and re.fullmatch("[A-Za-z0-9+/]+=*", rest):
            token, rest = rest, ""
        return Refused(f"{code} {rest}".strip(), token_of(token))

    def die_as_it_died(self) -> typing.NoReturn:
        """The helper is gone, and with it the context: what the harness sees is this process ending so."""
        code = self.process.wait()
        print(f"ntlm_auth ended with {code}", file=sys.stderr, flush=True)
        if code < 0:
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code or 1)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class NtlmAuth(Adapter):
    name = "samba-ntlm-auth"
    drives = [
        {
            "package": package,
            "role": role,
            "operations": ["acquire", "free-credential", call, "delete", "query"],
            "observables": ["token", "status", "session-key", *more],
            "requirements": REQUIREMENTS[role],
            "honours": [*HONOURS[role], *(["identity:absent"] if role == "initiator" else [])],
        }
        for package in PROTOCOLS
        for role, call, more in (("initiator", "initialize", []), ("acceptor", "accept", ["peer-name"]))
    ]

    def forget(self) -> None:
        for helper in filter(None, getattr(self, "contexts", {}).values()):
            helper.end()
        super().forget()

    def hello(self, request: Json) -> Json:
        query = ["dpkg-query", "--show", "--showformat=${Version}", "winbind"]
        self.version = subprocess.run(query, check=True, capture_output=True, text=True).stdout
        return super().hello(request)

    def configure(self, environment: Json, policy: Json, faults: typing.List[str]) -> None:
        self.conf = smb_conf(settings_of(environment, policy))
        self.workstation = environment["host"]["netbios-computer"]
        self.accounts = environment.get("accounts", [])

    def acquire(self, request: Json) -> Json:
        """Keeps the options: the helper takes them when it is started."""
        if request["package"] not in PROTOCOLS:
            raise Unsupported(f"package:{request['package']}")
        if request["role"] == "acceptor":
            arguments = self.account_arguments(request.get("identity"))
        else:
            arguments = identity_arguments(request.get("identity"))
        self.credentials[request["credential"]] = PROTOCOLS[request["package"]][request["role"]], arguments
        return returned()

    def account_arguments(self, identity: typing.Optional[Json]) -> typing.List[bytes]:
        """The one password that the helper can check without winbindd."""
        if identity:
            raise Unsupported("identity:acceptor")
        if len(self.accounts) != 1:
            raise Unsupported(f"account:{len(self.accounts)}-accounts")
        if self.accounts[0].get("state"):
            raise Unsupported("account:state")
        return [argument("password", text_of(self.accounts[0]["password"]) or "")]

    def free_credential(self, request: Json) -> Json:
        self.credentials.drop(request["credential"])
        return returned()

    def delete(self, request: Json) -> Json:
        self.contexts.drop(request["context"]).end()
        return returned()

    def initialize(self, request: Json) -> Json:
        return self.leg(request, "initiator")

    def accept(self, request: Json) -> Json:
        return self.leg(request, "acceptor")

    def leg(self, request: Json, role: str) -> Json:
        protocol, arguments = self.credentials.find(request.get("credential"))
        if any(request.get("reserved", [])):
            raise Unsupported("reserved")
        if request.get("bindings") is not None:
            raise Unsupported("bindings")
        number, command = request.get("context"), b"KK"
        if number is None:
            number, command = request["new-context"], b"YR"
            self.contexts[number] = self.start(request, role, protocol, arguments)
        helper = self.contexts.find(number)
        line = command + b" " + base64.b64encode(token_in(request) or b"")
        return self.outcome(helper, role, *helper.ask(line))

    @staticmethod
    def outcome(helper: Helper, role: str, code: str, rest: str) -> Json:
        """What follows the code is a token, where an acceptor is done the peer's name, with `gss-spnego` both."""
        if code == "PW":
            # The helper asks its caller for the password: it has no other way to come by one.
            raise Unsupported("identity:password-absent")
        if code not in ("YR", "KK", "TT", "AF"):
            raise RuntimeError(f"the helper answers {code} {rest}")
        token, name = rest, ""
        if helper.protocol == "gss-spnego":
            token, _, name = rest.partition(" ")
        elif code == "AF" and role == "acceptor":
            token, name = "", rest
        if code == "AF" and role == "acceptor":
            helper.peer = name
        return {**returned(code == "AF"), **token_out(token_of(token))}

    def start(self, request: Json, role: str, protocol: str, arguments: typing.List[bytes]) -> Helper:
        if role == "acceptor":
            return Helper(protocol, arguments, self.conf)
        target = target_arguments(text_of(request.get("target")))
        helper = Helper(protocol, [*arguments, argument("workstation", self.workstation), *target], self.conf)
        features = sorted({name for bit, name in FEATURES.items() if request["requirements"] & bit})
        if features:
            helper.ask(b"SF " + ",".join(features).encode("ascii"))
        return helper

    def query(self, request: Json) -> Json:
        helper, attribute = self.contexts.find(request["context"]), request["attribute"]
        if attribute == "session-key":
            _, key = helper.ask(b"GK")
            return {**returned(), "values": {"session-key": base64.b64decode(key, validate=True).hex()}}
        if attribute == "names" and helper.peer is not None:
            return {**returned(), "values": {"user": text_from(helper.peer)}}
        raise Unsupported(f"query:{attribute}")

    def error_status(self, error: BaseException) -> Json:
        """The status whose name or number the line ends with; without one, the line's code."""
        code, _, rest = str(error).partition(" ")
        name = rest.rpartition(" ")[2]
        number = re.fullmatch("0x[0-9a-f]{8}", name)
        value = int(name, 16) if number else getattr(samba.ntstatus, name, None)
        told = {"status": {"namespace": "exception", "code": code, "message": rest}}
        if value is not None:
            told = status(namespace_of(value), value, message=str(error))
        return {**told, **token_out(getattr(error, "token", None))}


if __name__ == "__main__":
    run(NtlmAuth())
