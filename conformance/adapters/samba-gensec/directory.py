"""A directory of accounts for Samba's acceptor: a sam.ldb with just what its password check reads.

The file is in memory, and has no schema and none of the modules that compute attributes: those that Samba computes for
an account are stored with it.
"""

import os
import typing

import samba
from ldb import SCOPE_ONELEVEL
from legwork_adapter import Json, Unsupported, text_of
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc.security import dom_sid
from samba.ndr import ndr_pack

DOMAIN = "DC=legwork,DC=example"
USERS = f"CN=Users,{DOMAIN}"
CONFIGURATION = f"CN=Configuration,{DOMAIN}"
SERVICE = f"CN=NTDS Settings,{CONFIGURATION}"
DOMAIN_SID = "S-1-5-21-1-2-3"
NEVER = str(2**63 - 1)
# For each state, what the directory says of such an account; the flags are ADS_UF_*, the times NTTIME.
STATES: typing.Dict[typing.Optional[str], Json] = {
    None: {},
    "disabled": {"userAccountControl": "514", "msDS-User-Account-Control-Computed": "2"},
    "expired": {"accountExpires": "1"},
    "locked-out": {"msDS-User-Account-Control-Computed": "16"},
    "password-expired": {"msDS-UserPasswordExpiryTimeComputed": "1"},
}


def plain(text: str) -> str:
    """Text that the bindings take: UTF-8 without zeros."""
    if "\0" in text:
        raise Unsupported("text:zero")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unsupported("text:unpaired-surrogate") from None
    return text


def with_password(password: Json) -> Credentials:
    credentials = Credentials()
    credentials.set_utf16_password(bytes.fromhex(password["utf16"]))
    return credentials


def domain_of(accounts: typing.Sequence[Json]) -> str:
    """The one domain that a domain controller has accounts of."""
    domains = {plain(text_of(account["domain"]) or "") for account in accounts}
    if len(domains) > 1:
        raise Unsupported("account:several-domains")
    return domains.pop() if domains else ""


class Directory:
    """The file, and Samba's handle of it."""

    def __init__(self, lp: typing.Any) -> None:
        self.descriptor = os.memfd_create("sam.ldb")
        arguments = {"url": f"tdb:///proc/self/fd/{self.descriptor}", "lp": lp, "session_info": system_session(lp)}
        self.ldb = samba.Ldb(**arguments)
        self.add("@ATTRIBUTES", sAMAccountName="CASE_INSENSITIVE")
        self.add(
            "@ROOTDSE",
            defaultNamingContext=DOMAIN,
            rootDomainNamingContext=DOMAIN,
            configurationNamingContext=CONFIGURATION,
            schemaNamingContext=f"CN=Schema,{CONFIGURATION}",
            dsServiceName=SERVICE,
        )
        self.add("@MODULES", **{"@LIST": "rootdse,extended_dn_out_ldb"})
        # Opened again, so that the modules are loaded.
        self.ldb = samba.Ldb(**arguments)
        self.add_domain()

    def add(self, dn: str, **attributes: typing.Any) -> None:
        if not dn.startswith("@"):
            attributes["objectGUID"] = os.urandom(16)
        self.ldb.add({"dn": dn, **attributes})

    def add_domain(self) -> None:
        domain = {
            "objectClass": ["domain", "domainDNS"],
            "objectSid": ndr_pack(dom_sid(DOMAIN_SID)),
            "lockoutThreshold": "0",
            "msDS-LogonTimeSyncInterval": "0",
        }
        self.add(DOMAIN, **domain)
        self.add(SERVICE, objectClass="nTDSDSA")

    def fill(self, accounts: typing.Sequence[Json]) -> None:
        """These accounts and no others."""
        for entry in self.ldb.search(USERS, SCOPE_ONELEVEL, attrs=["cn"]):
            self.ldb.delete(entry.dn)
        for account in accounts:
            if account.get("state") not in STATES:
                raise Unsupported(f"account:{account['state']}")
            if "@" in (text_of(account["user"]) or ""):
                raise Unsupported("account:principal-name")
        for number, account in enumerate(accounts, 1000):
            self.add(f"CN={number},{USERS}", **self.attributes(account, number))

    @staticmethod
    def attributes(account: Json, number: int) -> Json:
        return {
            "objectClass": "user",
            "sAMAccountName": plain(text_of(account["user"]) or ""),
            "objectSid": ndr_pack(dom_sid(f"{DOMAIN_SID}-{number}")),
            "primaryGroupID": "513",
            "unicodePwd": with_password(account["password"]).get_nt_hash(),
            "userAccountControl": "512",
            "accountExpires": NEVER,
            "pwdLastSet": "1",
            "logonCount": "0",
            "msDS-User-Account-Control-Computed": "0",
            "msDS-UserPasswordExpiryTimeComputed": NEVER,
            **STATES[account.get("state")],
        }
