"""Speaks the Legwork adapter protocol for gensec, Samba's security contexts, through its Python bindings."""

import os
import pathlib
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "samba-ntlm-auth"), str(HERE.parents[1] / "sdk" / "python")]

import samba
from directory import Directory, domain_of, plain, with_password
from legwork_adapter import (
    DATA,
    TOKEN,
    Adapter,
    Json,
    Unsupported,
    buffer,
    first,
    library,
    readable,
    returned,
    run,
    status,
    text_from,
    text_of,
    token_in,
    token_out,
)
from samba.auth import AuthContext
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.gensec import FEATURE_SEAL, FEATURE_SIGN, Security
from samba.param import LoadParm
from samba_shared import HONOURS, namespace_of, nowhere, settings_of, smb_conf

# Samba makes a database of privileges here when it is asked who has logged on, and remembers wrong passwords.
PRIVATE = HERE / ".private"
OWN = {
    "private dir": str(PRIVATE),
    "ldb:nosync": "yes",
    # A domain controller looks at the domain of who logs on, a standalone server does not.
    "server role": "active directory domain controller",
}
# gensec's names of its mechanisms. Negotiate has Kerberos as well, which is not tried without a domain: its credentials
# say so.
MECHANISMS = {"ntlm": "ntlmssp", "negotiate": "spnego"}
NULL_SESSION, ALLOW_NULL_SESSION = 0x00040000, 0x00100000
# gensec allocates its tokens, asked or not.
ALLOCATE_MEMORY = 0x00000100
# The requirement and attribute bits that a feature stands for: a signature has a sequence number, so FEATURE_SIGN
# detects replays, too.
FEATURES = {
    "initiator": {FEATURE_SIGN: 0x0001000C, FEATURE_SEAL: 0x00000010},
    "acceptor": {FEATURE_SIGN: 0x0002000C, FEATURE_SEAL: 0x00000010},
}


class Context:
    """A gensec context, and what it only borrows."""

    def __init__(self, role: str, requirements: int, security: Security, *borrowed: typing.Any) -> None:
        self.features = FEATURES[role]
        self.allocated = requirements & ALLOCATE_MEMORY
        self.security = security
        self.borrowed = borrowed

    def granted(self) -> Json:
        bits = sum(bits for feature, bits in self.features.items() if self.security.have_feature(feature))
        return {"attributes": {"namespace": "sspi", "bits": bits | self.allocated}}


class Gensec(Adapter):
    name = "samba-gensec"
    version = samba.version
    controls = ["account-state"]
    drives = [
        {
            "package": package,
            "role": role,
            "operations": [
                *("acquire", "free-credential", call, "delete", "query"),
                *("sign", "verify", "seal", "unseal"),
            ],
            "observables": ["token", "status", "attributes", "session-key", "per-message", *more],
            "forms": ["whole", "detached"],
            "requirements": sum(FEATURES[role].values()) | null_session | ALLOCATE_MEMORY,
            "honours": [*HONOURS[role], *(["identity"] if role == "initiator" else [])],
        }
        for package in MECHANISMS
        for role, call, null_session, more in (
            ("initiator", "initialize", NULL_SESSION, []),
            ("acceptor", "accept", ALLOW_NULL_SESSION, ["peer-name"]),
        )
    ]

    def __init__(self) -> None:
        super().__init__()
        # Made before the first environment: what is drawn in one is then the same each time.
        PRIVATE.mkdir(mode=0o700, exist_ok=True)
        self.directory = Directory(self.parameters(smb_conf({**nowhere(), **OWN})))

    def configure(self, environment: Json, policy: Json, faults: typing.List[str]) -> None:
        settings = settings_of(environment, policy)
        settings.update(OWN)
        accounts = environment.get("accounts", [])
        settings["workgroup"] = domain_of(accounts) or settings["workgroup"]
        self.lp = self.parameters(smb_conf(settings))
        self.workstation = environment["host"]["netbios-computer"]
        self.directory.fill(accounts)

    @staticmethod
    def parameters(conf: bytes) -> LoadParm:
        descriptor = os.memfd_create("smb.conf")
        os.write(descriptor, conf)
        parameters = LoadParm(filename_for_non_global_lp=f"/proc/self/fd/{descriptor}")
        os.close(descriptor)
        return parameters

    def acquire(self, request: Json) -> Json:
        if request["package"] not in MECHANISMS:
            raise Unsupported(f"package:{request['package']}")
        identity = request.get("identity")
        if request["role"] == "acceptor" and identity:
            raise Unsupported("identity:acceptor")
        self.credentials[request["credential"]] = request["package"], self.credentials_of(identity or {})
        return returned()

    def credentials_of(self, identity: Json) -> Credentials:
        password = identity.get("password")
        credentials = with_password(password) if password is not None else Credentials()
        with library():
            credentials.set_conf(self.lp)
            credentials.set_workstation(self.workstation)
            credentials.set_kerberos_state(DONT_USE_KERBEROS)
        for part, give in (("user", credentials.set_username), ("domain", credentials.set_domain)):
            if identity.get(part) is not None:
                text = plain(text_of(identity[part]) or "")
                with library():
                    give(text)
        return credentials

    def free_credential(self, request: Json) -> Json:
        self.credentials.drop(request["credential"])
        return returned()

    def delete(self, request: Json) -> Json:
        self.contexts.drop(request["context"])
        return returned()

    def initialize(self, request: Json) -> Json:
        return self.leg(request, self.start_client)

    def accept(self, request: Json) -> Json:
        return self.leg(request, self.start_server)

    def leg(self, request: Json, start: typing.Callable[[Json, str, Credentials], Context]) -> Json:
        package, credentials = self.credentials.find(request.get("credential"))
        if any(request.get("reserved", [])):
            raise Unsupported("reserved")
        if request.get("bindings") is not None:
            raise Unsupported("bindings")
        number = request.get("context")
        if number is None:
            number = request["new-context"]
            self.contexts[number] = start(request, MECHANISMS[package], credentials)
        context = self.contexts.find(number)
        with library():
            finished, token = context.security.update(token_in(request) or b"")
            granted = context.granted()
        # The bindings do not tell no token from an empty one.
        return {**returned(finished), **token_out(token or None), **granted}

    def start_client(self, request: Json, mechanism: str, credentials: Credentials) -> Context:
        target = text_of(request.get("target"))
        service, slash, hostname = plain(target or "").partition("/")
        if target is not None and not (service and slash and hostname):
            raise Unsupported("target:not-service/host")
        if request["requirements"] & NULL_SESSION:
            credentials = self.credentials_of({})
            credentials.set_anonymous()
        # The settings keep a pointer into the text.
        settings = {"lp_ctx": self.lp, "target_hostname": hostname}
        with library():
            security = Security.start_client(settings)
            if service:
                security.set_target_service(service)
            security.set_credentials(credentials)
            for feature, bits in FEATURES["initiator"].items():
                if request["requirements"] & bits:
                    security.want_feature(feature)
            security.start_mech_by_name(mechanism)
        return Context("initiator", request["requirements"], security, settings, credentials)

    def start_server(self, request: Json, mechanism: str, credentials: Credentials) -> Context:
        """Without features: an acceptor grants them unasked, and asked for them it would refuse who wants none."""
        methods = ["sam"]
        if request["requirements"] & ALLOW_NULL_SESSION:
            methods.insert(0, "anonymous")
        settings = {"lp_ctx": self.lp, "target_hostname": self.workstation}
        with library():
            verifier = AuthContext(lp_ctx=self.lp, ldb=self.directory.ldb, methods=methods)
            security = Security.start_server(settings, verifier)
            security.set_credentials(credentials)
            security.start_mech_by_name(mechanism)
        return Context("acceptor", request["requirements"], security, settings, credentials, verifier)

    def query(self, request: Json) -> Json:
        security, attribute = self.contexts.find(request["context"]).security, request["attribute"]
        values: Json = {}
        with library():
            if attribute == "session-key":
                values["session-key"] = security.session_key().hex()
            elif attribute == "names":
                info = security.session_info().info
                values["user"] = text_from(f"{info.domain_name}\\{info.account_name}")
            elif attribute == "sizes":
                values["max-signature"] = values["security-trailer"] = security.sig_size(0)
        if not values:
            raise Unsupported(f"query:{attribute}")
        return {**returned(), "values": values}

    def sign(self, request: Json) -> Json:
        security, data, _ = self.message(request, "detached")
        with library():
            signature = security.sign_packet(data, data)
        return {**returned(), "buffers": [buffer(DATA, data), buffer(TOKEN, signature)]}

    def verify(self, request: Json) -> Json:
        security, data, signature = self.message(request, "detached")
        with library():
            security.check_packet(data, data, signature)
        return {**returned(), "buffers": []}

    def seal(self, request: Json) -> Json:
        security, data, _ = self.message(request, "whole")
        with library():
            wrapped = security.wrap(data)
        return {**returned(), "buffers": [buffer(DATA, wrapped)]}

    def unseal(self, request: Json) -> Json:
        security, data, _ = self.message(request, "whole")
        with library():
            plaintext = security.unwrap(data)
        return {**returned(), "buffers": [buffer(DATA, plaintext)]}

    def message(self, request: Json, form: str) -> typing.Tuple[Security, bytes, bytes]:
        if request["form"] != form:
            raise Unsupported(f"{request['op']}:{request['form']}")
        if request.get("quality"):
            raise Unsupported("quality")
        buffers = request["buffers"]
        security = self.contexts.find(request["context"]).security
        return security, first(buffers, DATA) or b"", first(buffers, TOKEN) or b""

    def error_status(self, error: BaseException) -> Json:
        if isinstance(error, samba.NTSTATUSError):
            return status(namespace_of(error.args[0]), error.args[0], message=readable(str(error.args[1])))
        return super().error_status(error)


if __name__ == "__main__":
    run(Gensec())
