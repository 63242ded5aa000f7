//! The rules that warnings name.

macro_rules! rules {
    ($($name:ident = $id:literal;)*) => {
        $(pub(super) const $name: Option<&str> = Some($id);)*

        /// Every rule that a warning can name.
        pub const CITED: &[&str] = &[$($id),*];
    };
}

rules! {
    NEGOTIATE_MANDATORY_FLAGS = "wire/ntlm/negotiate-mandatory-flags";
    NEGOTIATE_CHARACTER_SET = "wire/ntlm/negotiate-character-set";
    NEGOTIATE_RESERVED_BITS = "wire/ntlm/negotiate-reserved-bits";
    NEGOTIATE_NAMES_FLAGGED = "wire/ntlm/negotiate-names-flagged";
    NEGOTIATE_NAMES_WITHOUT_FLAG = "wire/ntlm/negotiate-names-without-flag";
    NEGOTIATE_EXTENDED_SESSION_SECURITY = "wire/ntlm/negotiate-extended-session-security";
    VERSION_FILLED = "wire/ntlm/version-filled";
    CHALLENGE_MANDATORY_FLAGS = "wire/ntlm/challenge-mandatory-flags";
    CHALLENGE_RESERVED_BITS = "wire/ntlm/challenge-reserved-bits";
    CHALLENGE_ONE_CHARACTER_SET = "wire/ntlm/challenge-one-character-set";
    CHALLENGE_LM_KEY_EXCLUDED = "wire/ntlm/challenge-lm-key-excluded";
    CHALLENGE_ONE_TARGET_TYPE = "wire/ntlm/challenge-one-target-type";
    CHALLENGE_TARGET_NAME = "wire/ntlm/challenge-target-name";
    CHALLENGE_TARGET_INFO_FLAGGED = "wire/ntlm/challenge-target-info-flagged";
    CHALLENGE_TARGET_INFO_WITHOUT_FLAG = "wire/ntlm/challenge-target-info-without-flag";
    CHALLENGE_NAMES_PRESENT = "wire/ntlm/challenge-names-present";
    CHALLENGE_RESERVED_ZERO = "wire/ntlm/challenge-reserved-zero";
    CHALLENGE_TIMESTAMP = "wire/ntlm/challenge-timestamp";
    AV_PAIRS_TERMINATED = "wire/ntlm/av-pairs-terminated";
    AUTHENTICATE_ONE_CHARACTER_SET = "wire/ntlm/authenticate-one-character-set";
    AUTHENTICATE_RESERVED_BITS = "wire/ntlm/authenticate-reserved-bits";
    AUTHENTICATE_USER = "wire/ntlm/authenticate-user";
    NT_RESPONSE_HEADER = "wire/ntlm/nt-response-header";
    LM_RESPONSE = "wire/ntlm/lm-response";
    TARGET_NAME_COPIED = "wire/ntlm/target-name-copied";
    TIMESTAMP_COPIED = "wire/ntlm/timestamp-copied";
    MIC_ANNOUNCED = "wire/ntlm/mic-announced";
    MIC_WITH_TIMESTAMP = "wire/ntlm/mic-with-timestamp";
    ENCRYPTED_KEY_PRESENT = "wire/ntlm/encrypted-key-present";
    ENCRYPTED_KEY_WITHOUT_FLAG = "wire/ntlm/encrypted-key-without-flag";
    FIELDS_WITHIN_MESSAGE = "wire/ntlm/fields-within-message";
    FIRST_TOKEN_FRAMED = "wire/negotiate/first-token-framed";
    ENCODING_DISTINGUISHED = "wire/negotiate/encoding-distinguished";
    MESSAGE_DUE = "wire/negotiate/message-due";
    LIST_NOT_EMPTY = "wire/negotiate/list-not-empty";
    LIST_FIRST_IS_OPTIMISTIC = "wire/negotiate/list-first-is-optimistic";
    OPTIMISTIC_TOKEN_PRESENT = "wire/negotiate/optimistic-token-present";
    REQUEST_FLAGS_OMITTED = "wire/negotiate/request-flags-omitted";
    NO_MIC_IN_FIRST_TOKEN = "wire/negotiate/no-mic-in-first-token";
    HINT_NAME = "wire/negotiate/hint-name";
    HINT_ADDRESS_ABSENT = "wire/negotiate/hint-address-absent";
    HINTS_OF_ACCEPTOR_ONLY = "wire/negotiate/hints-of-acceptor-only";
    STATE_KNOWN = "wire/negotiate/state-known";
    REJECT_CARRIES_NOTHING = "wire/negotiate/reject-carries-nothing";
    MIC_OVER_LIST = "wire/negotiate/mic-over-list";
    MIC_SEQUENCE_ZERO = "wire/negotiate/mic-sequence-zero";
    SIGNATURE_VERSION = "message/ntlm/signature-version";
}
