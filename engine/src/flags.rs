//! The four flag words of context calls. They are four types because the same bit means different things in them.
//!
//! Source: the argument tables of InitializeSecurityContext and AcceptSecurityContext; numbers cross-checked over
//! several public headers. Bits above 31 exist in newer headers only and cannot be passed in these calls.

macro_rules! flag_word {
    ($(#[$doc:meta])* $type:ident, $prefix:literal { $($name:ident = $value:literal;)* }) => {
        bitflags::bitflags! {
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct $type: u32 {
                $(
                    #[doc = concat!("`", $prefix, stringify!($name), "`.")]
                    const $name = $value;
                )*
                // Unknown bits survive: they are evidence.
                const _ = !0;
            }
        }

        impl $type {
            /// The prefix that the documentation puts before the names of this word.
            pub const PREFIX: &'static str = $prefix;

            /// Every named bit.
            pub const NAMED: &'static [(&'static str, Self)] = &[$((stringify!($name), Self::$name)),*];

            /// The bit of a name in lower case with hyphens (`mutual-auth`), as scenarios write it.
            #[must_use]
            pub fn from_kebab(name: &str) -> Option<Self> {
                let found = Self::NAMED.iter().find(|(known, _)| same_name(known, name));
                found.map(|(_, value)| *value)
            }
        }
    };
}

/// Whether a name in upper case with underscores is one in lower case with hyphens.
fn same_name(known: &str, kebab: &str) -> bool {
    let lower = |letter: u8| match letter {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    };
    known.len() == kebab.len() && known.bytes().map(lower).eq(kebab.bytes())
}

flag_word! {
    /// What a caller of InitializeSecurityContext asks for (fContextReq).
    InitRequirements, "ISC_REQ_" {
        DELEGATE = 0x00000001;
        MUTUAL_AUTH = 0x00000002;
        REPLAY_DETECT = 0x00000004;
        SEQUENCE_DETECT = 0x00000008;
        CONFIDENTIALITY = 0x00000010;
        USE_SESSION_KEY = 0x00000020;
        PROMPT_FOR_CREDS = 0x00000040;
        USE_SUPPLIED_CREDS = 0x00000080;
        ALLOCATE_MEMORY = 0x00000100;
        USE_DCE_STYLE = 0x00000200;
        DATAGRAM = 0x00000400;
        CONNECTION = 0x00000800;
        CALL_LEVEL = 0x00001000;
        FRAGMENT_SUPPLIED = 0x00002000;
        EXTENDED_ERROR = 0x00004000;
        STREAM = 0x00008000;
        INTEGRITY = 0x00010000;
        IDENTIFY = 0x00020000;
        NULL_SESSION = 0x00040000;
        MANUAL_CRED_VALIDATION = 0x00080000;
        FRAGMENT_TO_FIT = 0x00200000;
        FORWARD_CREDENTIALS = 0x00400000;
        NO_INTEGRITY = 0x00800000;
        USE_HTTP_STYLE = 0x01000000;
        UNVERIFIED_TARGET_NAME = 0x20000000;
        CONFIDENTIALITY_ONLY = 0x40000000;
    }
}

flag_word! {
    /// What InitializeSecurityContext grants (pfContextAttr).
    InitAttributes, "ISC_RET_" {
        DELEGATE = 0x00000001;
        MUTUAL_AUTH = 0x00000002;
        REPLAY_DETECT = 0x00000004;
        SEQUENCE_DETECT = 0x00000008;
        CONFIDENTIALITY = 0x00000010;
        USE_SESSION_KEY = 0x00000020;
        USED_COLLECTED_CREDS = 0x00000040;
        USED_SUPPLIED_CREDS = 0x00000080;
        ALLOCATED_MEMORY = 0x00000100;
        USED_DCE_STYLE = 0x00000200;
        DATAGRAM = 0x00000400;
        CONNECTION = 0x00000800;
        INTERMEDIATE_RETURN = 0x00001000;
        CALL_LEVEL = 0x00002000;
        EXTENDED_ERROR = 0x00004000;
        STREAM = 0x00008000;
        INTEGRITY = 0x00010000;
        IDENTIFY = 0x00020000;
        NULL_SESSION = 0x00040000;
        MANUAL_CRED_VALIDATION = 0x00080000;
        FRAGMENT_ONLY = 0x00200000;
        FORWARD_CREDENTIALS = 0x00400000;
        USED_HTTP_STYLE = 0x01000000;
        NO_ADDITIONAL_TOKEN = 0x02000000;
        REAUTHENTICATION = 0x08000000;
        CONFIDENTIALITY_ONLY = 0x40000000;
    }
}

flag_word! {
    /// What a caller of AcceptSecurityContext asks for (fContextReq).
    AcceptRequirements, "ASC_REQ_" {
        DELEGATE = 0x00000001;
        MUTUAL_AUTH = 0x00000002;
        REPLAY_DETECT = 0x00000004;
        SEQUENCE_DETECT = 0x00000008;
        CONFIDENTIALITY = 0x00000010;
        USE_SESSION_KEY = 0x00000020;
        SESSION_TICKET = 0x00000040;
        ALLOCATE_MEMORY = 0x00000100;
        USE_DCE_STYLE = 0x00000200;
        DATAGRAM = 0x00000400;
        CONNECTION = 0x00000800;
        CALL_LEVEL = 0x00001000;
        FRAGMENT_SUPPLIED = 0x00002000;
        EXTENDED_ERROR = 0x00008000;
        STREAM = 0x00010000;
        INTEGRITY = 0x00020000;
        LICENSING = 0x00040000;
        IDENTIFY = 0x00080000;
        ALLOW_NULL_SESSION = 0x00100000;
        ALLOW_NON_USER_LOGONS = 0x00200000;
        ALLOW_CONTEXT_REPLAY = 0x00400000;
        FRAGMENT_TO_FIT = 0x00800000;
        FRAGMENT_NO_TOKEN = 0x01000000;
        NO_TOKEN = 0x01000000;
        PROXY_BINDINGS = 0x04000000;
        ALLOW_MISSING_BINDINGS = 0x10000000;
    }
}

flag_word! {
    /// What AcceptSecurityContext grants (pfContextAttr).
    AcceptAttributes, "ASC_RET_" {
        DELEGATE = 0x00000001;
        MUTUAL_AUTH = 0x00000002;
        REPLAY_DETECT = 0x00000004;
        SEQUENCE_DETECT = 0x00000008;
        CONFIDENTIALITY = 0x00000010;
        USE_SESSION_KEY = 0x00000020;
        SESSION_TICKET = 0x00000040;
        ALLOCATED_MEMORY = 0x00000100;
        USED_DCE_STYLE = 0x00000200;
        DATAGRAM = 0x00000400;
        CONNECTION = 0x00000800;
        CALL_LEVEL = 0x00002000;
        THIRD_LEG_FAILED = 0x00004000;
        EXTENDED_ERROR = 0x00008000;
        STREAM = 0x00010000;
        INTEGRITY = 0x00020000;
        LICENSING = 0x00040000;
        IDENTIFY = 0x00080000;
        NULL_SESSION = 0x00100000;
        ALLOW_NON_USER_LOGONS = 0x00200000;
        ALLOW_CONTEXT_REPLAY = 0x00400000;
        FRAGMENT_ONLY = 0x00800000;
        NO_TOKEN = 0x01000000;
        NO_ADDITIONAL_TOKEN = 0x02000000;
        NO_PROXY_BINDINGS = 0x04000000;
        MISSING_BINDINGS = 0x10000000;
    }
}
