"""What both adapters of Samba share: the harness's environment as a smb.conf, and the namespace of a status."""

import typing

from legwork_adapter import Json, Unsupported

Settings = typing.Dict[str, str]

# Samba must not look at the machine's own configuration; below a device nothing can be written either.
NOWHERE = "/dev/null/samba"
DIRECTORIES = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")

ALL_FLAGS = 0xFFFFFFFF
EXTENDED_SESSION_SECURITY = 0x00080000
# Options `ntlmssp_client:NAME` and `ntlmssp_server:NAME`, by the negotiation flag that each leaves out.
CLIENT_FLAGS = {
    0x00000001: "unicode",
    0x00008000: "alwayssign",
    EXTENDED_SESSION_SECURITY: "ntlm2",
    0x20000000: "128bit",
    0x40000000: "keyexchange",
    0x80000000: "56bit",
}
SERVER_FLAGS = {flag: name for flag, name in CLIENT_FLAGS.items() if name != "unicode"}

# What `settings_of` takes, as hello declares it; Unicode is offered or the character set of the machine, never both.
HONOURS = {
    "initiator": [
        *("leg", "policy:lm-compatibility-level", "target:absent"),
        *(f"policy:offer:{flag}" for flag in ("unicode", "key-exch", "negotiate-128", "negotiate-56")),
    ],
    "acceptor": [
        *("character-set:oem", "leg", "policy:lm-compatibility-level", "policy:send-timestamp"),
        *(f"policy:grant:{flag}" for flag in ("extended-sessionsecurity", "key-exch", "negotiate-128", "negotiate-56")),
    ],
}


def yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def level_settings(level: int) -> Settings:
    """LmCompatibilityLevel in Samba's options, for both sides."""
    settings = {
        "client lanman auth": yes_or_no(level < 2),
        "client ntlmv2 auth": yes_or_no(level >= 3),
        "lanman auth": yes_or_no(level < 4),
        "ntlm auth": "ntlmv1-permitted" if level < 5 else "ntlmv2-only",
    }
    if level == 0:
        settings["ntlmssp_client:ntlm2"] = "no"
    return settings


def mask_settings(mask: int, prefix: str, names: typing.Dict[int, str], policy: str) -> Settings:
    """A mask of negotiation flags as the options that leave out what is not in it."""
    settings = {}
    for flag in (1 << bit for bit in range(32)):
        if not mask & flag:
            if flag not in names:
                raise Unsupported(f"policy:{policy}:{flag:#010x}")
            settings[f"{prefix}:{names[flag]}"] = "no"
    return settings


def nowhere() -> Settings:
    """Settings by which nothing of the machine's Samba is read or written."""
    return {**dict.fromkeys(DIRECTORIES, NOWHERE), "log file": "/dev/null"}


def settings_of(environment: Json, policy: Json) -> Settings:
    """Settings for an environment; switches that Samba has an option for are taken out of `policy`."""
    host = environment["host"]
    settings = nowhere()
    settings["server role"] = "standalone"
    settings["netbios name"], settings["workgroup"] = host["netbios-computer"], host["netbios-domain"]
    level = policy.pop("lm-compatibility-level", 5)
    offer, grant = policy.pop("offer", ALL_FLAGS), policy.pop("grant", ALL_FLAGS)
    if level >= 3 and not offer & EXTENDED_SESSION_SECURITY:
        # Samba answers with version 1 where it does not offer extended session security.
        raise Unsupported("policy:offer:version-two-without-extended-session-security")
    settings.update(level_settings(level))
    settings.update(mask_settings(offer, "ntlmssp_client", CLIENT_FLAGS, "offer"))
    settings.update(mask_settings(grant, "ntlmssp_server", SERVER_FLAGS, "grant"))
    if policy.pop("send-timestamp", True) is False:
        settings["ntlmssp_server:force_old_spnego"] = "yes"
    return settings


def smb_conf(settings: Settings) -> bytes:
    """The text of the file, which holds values as they are between line breaks and spaces."""
    for value in settings.values():
        if not value.isprintable() or value != value.strip() or value.endswith("\\"):
            raise Unsupported("text:not-expressible-in-smb.conf")
    lines = ["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""]
    return "\n".join(lines).encode("utf-8")


def namespace_of(value: int) -> str:
    """Samba's type for NTSTATUS also carries SEC_E_* numbers, of facility 9 among the HRESULT values."""
    return "sspi" if value >> 16 == 0x8009 else "ntstatus"
