"""Speaks the Legwork adapter protocol for the command line of curl: NTLM and Negotiate over HTTP, initiator.

The adapter is the server. Each context is one curl and one listening socket on the loopback interface: what curl
sends as `Authorization` is the token of a leg, and the next leg answers the request with 401 and `WWW-Authenticate`.
"""

import contextlib
import functools
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "sdk" / "python"))

from legwork_adapter import Adapter, Handles, Json, Unsupported, readable, run, text_of, token_in, token_out  # noqa: E402

CURL = "/usr/bin/curl"
# No settings of the user's, no proxy, no progress; an answer of 400 and above is an error.
OPTIONS = ["--disable", "--noproxy", "*", "--silent", "--show-error", "--fail", "--output", os.devnull]
# Negotiate is what GSS-API has, with the credentials that it has.
SCHEMES = {"ntlm": ["--ntlm"], "negotiate": ["--negotiate", "--user", ":"]}
# NTLM's tokens of an initiator: what the acceptor says to the last one comes with the page.
LAST = 2
SILENT: Json = {"status": {"namespace": "return", "code": "silent"}}


def argument(text: str) -> bytes:
    """A text as a program takes it; on this system that is UTF-8 without zeros."""
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unsupported("text:unpaired-surrogate") from None
    if 0 in encoded:
        raise Unsupported("text:zero")
    return encoded


def user_argument(identity: Json) -> bytes:
    """The argument of --user, `DOMAIN\\user:password`: the first colon ends the user, the first backslash the domain."""
    user, domain, password = (text_of(identity.get(name)) for name in ("user", "domain", "password"))
    if user is None:
        raise Unsupported("identity:no-user")
    if password is None:
        # curl would ask the terminal.
        raise Unsupported("identity:no-password")
    name = user if domain is None else f"{domain}\\{user}"
    if ":" in name:
        raise Unsupported("identity:colon")
    if "\\" in (domain or "") or domain is None and re.search(r"[\\/]", user):
        raise Unsupported("identity:separator")
    return argument(f"{name}:{password}")


def user_line(identity: Json) -> bytes:
    """The line of NTLM_USER_FILE, `DOMAIN:user:password`, which gss-ntlmssp has its credentials from."""
    user, domain, password = (text_of(identity.get(name)) for name in ("user", "domain", "password"))
    if user is None:
        raise Unsupported("identity:no-user")
    if password is None:
        raise Unsupported("identity:no-password")
    parts = [domain or "", user, password]
    if any(re.search(r"[:\r\n]", part) for part in parts) or parts[0].startswith("#"):
        raise Unsupported("identity:not-expressible-in-NTLM_USER_FILE")
    return argument(":".join(parts) + "\n")


class Exchange:
    """One curl, and the server that it talks to."""

    def __init__(self, package: str, user: typing.Optional[bytes], http: Json) -> None:
        self.wrapped = package == "negotiate"
        arguments = [CURL, *OPTIONS, *SCHEMES[package], *self.arguments(http)]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        if self.wrapped:
            # No tickets, and no names to look up for them.
            environment.update(KRB5_CONFIG=os.devnull, KRB5CCNAME="MEMORY:none")
        elif user is not None:
            arguments += ["--user", user]
        self.listener = socket.create_server(("127.0.0.1", 0))
        arguments += ["--connect-to", f"::127.0.0.1:{self.listener.getsockname()[1]}"]
        self.connection: typing.Optional[socket.socket] = None
        self.tokens = 0
        with contextlib.ExitStack() as files:
            inherited = []
            if self.wrapped and user is not None:
                # A file without a name: it ends with the last process that has it.
                file = files.enter_context(os.fdopen(os.memfd_create("users"), "wb", buffering=0))
                file.write(user)
                inherited.append(file.fileno())
                environment["NTLM_USER_FILE"] = f"/proc/self/fd/{file.fileno()}"
            self.curl = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=inherited,
            )
        self.life = os.pidfd_open(self.curl.pid)
        self.over = False

    @staticmethod
    def arguments(http: Json) -> typing.List[str]:
        """The request that the tokens belong to."""
        if http["body"]:
            raise Unsupported("http:body")
        headers = dict(http["headers"])
        host = headers.pop("Host")
        others = [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
        return ["--request", http["method"], *others, f"http://{host}{http['uri']}"]

    def respond(self, header: typing.Optional[bytes]) -> None:
        """Answers the last request, with a value of WWW-Authenticate if there is one: 401 while the exchange goes on, and 200
        with what an acceptor of Negotiate says to the initiator's last token (RFC 4559 section 5)."""
        line = b"200 OK" if self.wrapped and self.tokens == LAST else b"401 Unauthorized"
        field = b"" if header is None else b"WWW-Authenticate: %s\r\n" % header
        # A curl that has ended meanwhile tells so by its exit code.
        with contextlib.suppress(ConnectionError):
            self.connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n%s\r\n" % (line, field))

    def request(self) -> typing.Optional[typing.Dict[bytes, bytes]]:
        """The header fields of the next request, by their names in small letters; None if curl has ended instead."""
        received = b""
        while b"\r\n\r\n" not in received:
            source = self.connection or self.listener
            ready = select.select([source, self.life], [], [])[0]
            if source not in ready:
                return None
            if self.connection is None:
                self.connection = self.listener.accept()[0]
                continue
            part = self.connection.recv(65536)
            received += part
            if not part:
                self.connection.close()
                self.connection = None
        lines = received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}

    def ended(self) -> Json:
        """The status of a curl that has ended."""
        self.over = True
        message = self.curl.communicate()[1].decode("utf-8", "replace").strip()
        if self.curl.returncode < 0:
            # The harness sees a crash of curl in that of the adapter.
            signal.signal(-self.curl.returncode, signal.SIG_DFL)
            os.kill(os.getpid(), -self.curl.returncode)
        if self.wrapped and self.curl.returncode == 0:
            # The page came; what stands beside it in the header curl does not read.
            return SILENT
        status = {"namespace": "exit", "code": str(self.curl.returncode)}
        return {"status": {**status, "message": readable(message)} if message else status}

    def close(self) -> None:
        self.curl.kill()
        self.curl.wait()
        self.curl.stderr.close()
        os.close(self.life)
        self.listener.close()
        if self.connection is not None:
            self.connection.close()


@functools.lru_cache(maxsize=None)
def installed_version() -> str:
    """The version, with that of the distribution's corrections if curl tells."""
    text = subprocess.run([CURL, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    patched = re.search(r"security patched: (\S+)", text)
    return patched.group(1) if patched else text.split()[1]


class Curl(Adapter):
    name = "curl"
    drives = [
        {
            "package": package,
            "role": "initiator",
            "layer": "http-header",
            "operations": ["acquire", "free-credential", "initialize", "delete"],
            "observables": ["token", "status"],
            "requirements": 0,
            "honours": ["character-set:oem", "identity:absent", *more],
        }
        for package, more in (("ntlm", ["target:absent"]), ("negotiate", ["leg:after-the-last"]))
    ]

    @property
    def version(self) -> str:  # type: ignore[override]
        return installed_version()

    def forget(self) -> None:
        for exchange in filter(None, getattr(self, "contexts", Handles()).values()):
            exchange.close()
        super().forget()

    def acquire(self, request: Json) -> Json:
        if request["package"] not in SCHEMES:
            raise Unsupported(f"package:{request['package']}")
        if request["role"] != "initiator":
            raise Unsupported(f"role:{request['role']}")
        package, identity = request["package"], request.get("identity")
        express = user_line if package == "negotiate" else user_argument
        self.credentials[request["credential"]] = package, None if identity is None else express(identity)
        return SILENT

    def free_credential(self, request: Json) -> Json:
        self.credentials.drop(request["credential"])
        return SILENT

    def initialize(self, request: Json) -> Json:
        credential = self.credentials.find(request.get("credential"))
        if "bindings" in request:
            raise Unsupported("bindings")
        if any(request["reserved"]):
            raise Unsupported("reserved")
        if "context" in request:
            exchange = self.contexts.find(request["context"])
            if exchange.over:
                raise Unsupported("leg after curl has ended")
            exchange.respond(token_in(request))
            return self.leg(exchange)
        if token_in(request) is not None:
            raise Unsupported("token before curl has sent one")
        package, user = credential
        http, target = request["http"], text_of(request.get("target"))
        # NTLM says nothing of a target; the one that GSS-API is told is the host of the URL.
        if package == "negotiate" and target != f"HTTP/{dict(http['headers'])['Host']}":
            raise Unsupported("target:other-than-the-host")
        exchange = Exchange(package, user, http)
        self.contexts[request["new-context"]] = exchange
        return self.leg(exchange)

    def leg(self, exchange: Exchange) -> Json:
        fields = exchange.request()
        if fields is None:
            return exchange.ended()
        token = fields.get(b"authorization")
        exchange.tokens += token is not None
        return {**SILENT, **token_out(token)}

    def delete(self, request: Json) -> Json:
        self.contexts.drop(request["context"]).close()
        return SILENT


def main() -> None:
    adapter = Curl()
    try:
        run(adapter)
    finally:
        adapter.forget()


if __name__ == "__main__":
    main()
