//! Deliberate deviations: omitted or altered checks, and wrong tokens made on purpose. Only with feature `sabotage`.
//!
//! The saboteurs that prove a rule's check able to fail, and the misbehaving peers that subjects meet, are made of
//! the same two things.

use std::{any::Any, fmt};

use crate::{
    error::{CallerMisuse, EnvironmentFault, Error, PeerMisbehaved, Rejection, TokenErrorKind},
    status::SecurityStatus,
};

/// What the engine does wrong on purpose.
#[derive(Debug, Default)]
pub struct Sabotage {
    /// An omitted or altered check, consulted at exactly one place.
    pub deviation: Option<Deviation>,
    /// Changes tokens before lengths, codes and signatures are computed.
    pub shaper: Option<Box<dyn Shaper + Send>>,
}

impl Sabotage {
    /// Whether this deviation is on.
    #[must_use]
    pub fn deviates(&self, deviation: Deviation) -> bool {
        self.deviation == Some(deviation)
    }

    /// The wrong status for an error, if the deviation is about it.
    #[must_use]
    pub fn altered_status(&self, error: &Error) -> Option<SecurityStatus> {
        type Status = SecurityStatus;
        match (self.deviation?, error) {
            (Deviation::UnknownPackageAsUnsupported, Error::CallerMisuse(CallerMisuse::UnknownPackage)) => {
                Some(Status::SEC_E_UNSUPPORTED_FUNCTION)
            }
            (Deviation::WrongMessageTypeAsUnsupported, Error::InvalidToken(token))
                if matches!(token.kind, TokenErrorKind::WrongMessageType(_)) =>
            {
                Some(Status::SEC_E_UNSUPPORTED_FUNCTION)
            }
            (Deviation::TruncatedSignatureAsInternalError, Error::InvalidToken(token))
                if token.field == "Signature" && matches!(token.kind, TokenErrorKind::BadLength(_)) =>
            {
                Some(Status::SEC_E_INTERNAL_ERROR)
            }
            (Deviation::OutOfSequenceAsAltered, Error::PeerMisbehaved(PeerMisbehaved::OutOfSequence)) => {
                Some(Status::SEC_E_MESSAGE_ALTERED)
            }
            (Deviation::UndocumentedStatus, Error::InvalidToken(token))
                if token.kind == TokenErrorKind::BadSignature =>
            {
                Some(SecurityStatus(0x8009_0FFF))
            }
            (Deviation::MalformedAsInternalError, Error::InvalidToken(token))
                if !matches!(token.kind, TokenErrorKind::WrongMessageType(_)) =>
            {
                Some(Status::SEC_E_INTERNAL_ERROR)
            }
            (Deviation::NoCredentialsAsUnknown, Error::CallerMisuse(CallerMisuse::NoCredentials)) => {
                Some(Status::SEC_E_UNKNOWN_CREDENTIALS)
            }
            (Deviation::StaleContextAsInternalError, Error::CallerMisuse(CallerMisuse::StaleContext))
            | (Deviation::ForeignContextAsInternalError, Error::CallerMisuse(CallerMisuse::ForeignContext))
            | (Deviation::SecondDeleteAsInternalError, Error::CallerMisuse(CallerMisuse::DeletedTwice))
            | (Deviation::MemoryFaultAsInternalError, Error::Environment(EnvironmentFault::Memory)) => {
                Some(Status::SEC_E_INTERNAL_ERROR)
            }
            (Deviation::CompletionAsInternalError, Error::CallerMisuse(CallerMisuse::NothingToComplete)) => {
                Some(Status::SEC_E_INTERNAL_ERROR)
            }
            (Deviation::InternalFaultAsInvalidToken, Error::Environment(EnvironmentFault::Internal))
            | (
                Deviation::UnknownAttributeAsInvalidToken,
                Error::CallerMisuse(CallerMisuse::UnknownAttribute),
            ) => Some(Status::SEC_E_INVALID_TOKEN),
            (Deviation::AuthorityFaultAsDenied, Error::Environment(EnvironmentFault::NoAuthority)) => {
                Some(Status::SEC_E_LOGON_DENIED)
            }
            (Deviation::UnknownUserAsNoCredentials, Error::Rejected(Rejection::UnknownUser)) => {
                Some(Status::SEC_E_NO_CREDENTIALS)
            }
            _ => None,
        }
    }

    /// Lets the shaper change a typed message that the state machine built.
    pub fn shape(&mut self, token: &'static str, message: &mut dyn Any) {
        if let Some(shaper) = &mut self.shaper {
            shaper.shape(token, message);
        }
    }

    /// Lets the shaper change the emitted bytes before any code over them is computed.
    pub fn shape_bytes(&mut self, token: &'static str, bytes: &mut Vec<u8>) {
        if let Some(shaper) = &mut self.shaper {
            shaper.shape_bytes(token, bytes);
        }
    }
}

/// Changes tokens as they are sent: the sender believes what it changes.
pub trait Shaper: fmt::Debug {
    /// Changes the typed message of the token; `message` is the owned message type of that name.
    fn shape(&mut self, token: &'static str, message: &mut dyn Any);

    /// Changes the emitted bytes of the token, before any code over them is computed.
    fn shape_bytes(&mut self, token: &'static str, bytes: &mut Vec<u8>);
}

macro_rules! deviations {
    ($($(#[$doc:meta])* $name:ident = $kebab:literal;)*) => {
        /// An omitted or altered check. Each is consulted at exactly one place of the engine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Deviation {
            $($(#[$doc])* $name,)*
        }

        impl Deviation {
            /// Every deviation with its name.
            pub const NAMED: &[(&str, Self)] = &[$(($kebab, Self::$name)),*];

            /// The deviation of a name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, deviation)| *deviation)
            }
        }
    };
}

deviations! {
    /// The status for an unknown package is that for an unsupported function.
    UnknownPackageAsUnsupported = "unknown-package-as-unsupported";
    /// A credential is acquired with `SEC_I_CONTINUE_NEEDED`.
    AcquireReportsContinue = "acquire-reports-continue";
    /// The first leg says that no further leg is needed.
    FirstLegReportsOk = "first-leg-reports-ok";
    /// The initiator's last leg asks for another one.
    SecondLegReportsContinue = "second-leg-reports-continue";
    /// A malformed token is an internal error.
    MalformedAsInternalError = "malformed-as-internal-error";
    /// A token that is none of the protocol's is refused with a number that no document has.
    UndocumentedStatus = "undocumented-status";
    /// Missing credentials are unknown ones.
    NoCredentialsAsUnknown = "no-credentials-as-unknown";
    /// A deleted context handle is an internal error.
    StaleContextAsInternalError = "stale-context-as-internal-error";
    /// A context handle of somebody else is an internal error.
    ForeignContextAsInternalError = "foreign-context-as-internal-error";
    /// A freed credential still works.
    FreedCredentialAccepted = "freed-credential-accepted";
    /// No memory is an internal error.
    MemoryFaultAsInternalError = "memory-fault-as-internal-error";
    /// An internal error is a malformed token.
    InternalFaultAsInvalidToken = "internal-fault-as-invalid-token";
    /// An unreachable directory is a refused logon.
    AuthorityFaultAsDenied = "authority-fault-as-denied";
    /// Confidentiality is not reported.
    ConfidentialityNotReported = "confidentiality-not-reported";
    /// Integrity is not reported.
    IntegrityNotReported = "integrity-not-reported";
    /// Replay detection is not reported.
    ReplayDetectNotReported = "replay-detect-not-reported";
    /// Sequence detection is not reported.
    SequenceDetectNotReported = "sequence-detect-not-reported";
    /// Confidentiality is reported whatever was negotiated.
    ConfidentialityAlwaysReported = "confidentiality-always-reported";
    /// Delegation is reported.
    DelegateReported = "delegate-reported";
    /// Mutual authentication is reported.
    MutualAuthReported = "mutual-auth-reported";
    /// Allocation by the package is not reported.
    AllocationNotReported = "allocation-not-reported";
    /// Output that does not fit is cut.
    OutputTruncatedToCapacity = "output-truncated-to-capacity";
    /// A context that failed goes on.
    FailedContextStaysUsable = "failed-context-stays-usable";
    /// A key shorter than policy wants is taken.
    WeakEncryptionTolerated = "weak-encryption-tolerated";
    /// No response is right.
    RefusesEveryProof = "refuses-every-proof";
    /// The acceptor's last leg has a token.
    FinalLegEmitsToken = "final-leg-emits-token";
    /// Every response is right.
    SkipProofVerification = "skip-proof-verification";
    /// Nobody in particular may log on without permission.
    AnonymousTolerated = "anonymous-tolerated";
    /// The permission for nobody in particular is not looked at.
    NullSessionRefused = "null-session-refused";
    /// That nobody in particular is logged on is not reported.
    NullSessionNotReported = "null-session-not-reported";
    /// The initiator sends a NEGOTIATE message in datagram mode.
    DatagramBegins = "datagram-begins";
    /// The initiator goes on without datagram mode although it is required.
    DatagramNotRequired = "datagram-not-required";
    /// The acceptor takes a third message that is not of datagram mode.
    DatagramFlagNotKept = "datagram-flag-not-kept";
    /// The acceptor does not begin in datagram mode.
    DatagramRefused = "datagram-refused";
    /// Messages are counted in datagram mode, whatever the caller says.
    DatagramCounted = "datagram-counted";
    /// A user without any response is nobody in particular.
    NoResponseTolerated = "no-response-tolerated";
    /// The LAN Manager's response alone is refused at every level.
    LanManagerRefused = "lan-manager-refused";
    /// Version 1 is sent whatever the level.
    SendsVersionOne = "sends-version-one";
    /// Buffers that may only be read are sealed.
    SealsReadOnly = "seals-read-only";
    /// Datagram mode is not reported.
    DatagramNotReported = "datagram-not-reported";
    /// A context that is complete takes whatever comes.
    CompleteContextStaysOpen = "complete-context-stays-open";
    /// Messages are read beyond their end, as if zeros stood there.
    OverReads = "over-reads";
    /// Half of a proof is compared.
    ProofComparedByHalf = "proof-compared-by-half";
    /// Half of a checksum is compared.
    ChecksumComparedByHalf = "checksum-compared-by-half";
    /// The lower half of a sequence number is compared.
    SequenceComparedByHalf = "sequence-compared-by-half";
    /// The lowest byte of a signature's version is compared.
    SignatureVersionByByte = "signature-version-by-byte";
    /// A malformed list of AV pairs counts as none.
    MalformedPairsTolerated = "malformed-pairs-tolerated";
    /// AV pairs of unknown ids are malformed.
    UnknownPairsRefused = "unknown-pairs-refused";
    /// Sealing keys are never shortened.
    SealingKeyNotShortened = "sealing-key-not-shortened";
    /// Checksums are encrypted although no key was exchanged.
    ChecksumAlwaysEncrypted = "checksum-always-encrypted";
    /// The exchanged session key is not taken.
    SessionKeyNotExchanged = "session-key-not-exchanged";
    /// User names are mapped to upper case in ASCII alone.
    AsciiUpperCase = "ascii-upper-case";
    /// Domain names are mapped to upper case as user names are.
    DomainUpperCase = "domain-upper-case";
    /// Names are Unicode whatever was agreed on.
    NamesAlwaysUnicode = "names-always-unicode";
    /// The message integrity code is looked for behind a version, whether there is one or not.
    MicBehindVersion = "mic-behind-version";
    /// Responses of every version are taken.
    CompatibilityLevelIgnored = "compatibility-level-ignored";
    /// Messages of guests and of nobody are said to be protected, on the accepting side.
    UnprovenIsProtected = "unproven-is-protected";
    /// Messages of nobody are said to be protected, on the initiating side.
    NobodyIsProtected = "nobody-is-protected";
    /// A closed account can be logged on to.
    ClosedAccountTolerated = "closed-account-tolerated";
    /// An unknown user has no credentials.
    UnknownUserAsNoCredentials = "unknown-user-as-no-credentials";
    /// Another message than the one due is an unsupported function.
    WrongMessageTypeAsUnsupported = "wrong-message-type-as-unsupported";
    /// The message integrity code is not compared.
    SkipMicVerification = "skip-mic-verification";
    /// An announced message integrity code may be absent.
    MissingMicTolerated = "missing-mic-tolerated";
    /// Channel bindings are not compared.
    SkipBindingsVerification = "skip-bindings-verification";
    /// Absent channel bindings are taken without permission.
    AbsentBindingsTolerated = "absent-bindings-tolerated";
    /// A response of an unknown version is taken.
    ResponseVersionTolerated = "response-version-tolerated";
    /// The permission to leave out channel bindings is not looked at.
    AllowMissingBindingsIgnored = "allow-missing-bindings-ignored";
    /// Timestamps are not compared with the clock.
    SkipTimestampVerification = "skip-timestamp-verification";
    /// The session key cannot be queried.
    SessionKeyNotExported = "session-key-not-exported";
    /// An exported context begins anew.
    ExportForgets = "export-forgets";
    /// A credential serves one context.
    CredentialUsedUp = "credential-used-up";
    /// CompleteAuthToken is an internal error.
    CompletionAsInternalError = "completion-as-internal-error";
    /// A query for the attributes gets none.
    FlagsForgotten = "flags-forgotten";
    /// The names of the peer lack the domain.
    NamesWithoutDomain = "names-without-domain";
    /// An unknown attribute is a malformed token.
    UnknownAttributeAsInvalidToken = "unknown-attribute-as-invalid-token";
    /// Deletion asks for another leg.
    DeleteReportsContinue = "delete-reports-continue";
    /// A second deletion is an internal error.
    SecondDeleteAsInternalError = "second-delete-as-internal-error";
    /// Messages are not signed or sealed although that was agreed.
    RefusesToProtect = "refuses-to-protect";
    /// Signatures have version 2.
    SignatureVersionTwo = "signature-version-two";
    /// Sequence numbers start at one.
    SequenceStartsAtOne = "sequence-starts-at-one";
    /// Checksums of signatures are not encrypted.
    ChecksumNotEncrypted = "checksum-not-encrypted";
    /// Messages are sealed with the session key itself.
    SealsWithSessionKey = "seals-with-session-key";
    /// Each direction has a key stream of its own without extended session security.
    StreamForEachDirection = "stream-for-each-direction";
    /// No message is genuine.
    RefusesGenuineMessages = "refuses-genuine-messages";
    /// Signatures of signed messages are not compared.
    SkipSignatureVerification = "skip-signature-verification";
    /// Signatures of sealed messages are not compared.
    SkipSealVerification = "skip-seal-verification";
    /// An old message is taken.
    SkipSequenceVerification = "skip-sequence-verification";
    /// A message out of sequence is an altered one.
    OutOfSequenceAsAltered = "out-of-sequence-as-altered";
    /// A later message is taken.
    GapTolerated = "gap-tolerated";
    /// A short signature is an internal error.
    TruncatedSignatureAsInternalError = "truncated-signature-as-internal-error";
    /// A message without data buffer is sealed.
    MissingDataBufferTolerated = "missing-data-buffer-tolerated";
    /// A message without token buffer is signed and sealed.
    MissingTokenBufferTolerated = "missing-token-buffer-tolerated";
    /// The network data representation is an unsupported function.
    NetworkRepresentationRefused = "network-representation-refused";
    /// Messages are sealed although sealing was not agreed.
    UnnegotiatedProtectionTolerated = "unnegotiated-protection-tolerated";
    /// A signature that does not fit is cut.
    TokenBufferTruncated = "token-buffer-truncated";
    /// The context ends when it begins.
    ExpiryAtOnce = "expiry-at-once";
    /// The context that the first call gives out is not kept.
    ContextNotKept = "context-not-kept";
    /// Tokens are given out in data buffers.
    TokenInDataBuffer = "token-in-data-buffer";
    /// Allocation by the package is reported without any.
    AllocationAlwaysReported = "allocation-always-reported";
    /// A leg that goes on asks for CompleteAuthToken.
    AsksForCompletion = "asks-for-completion";
    /// The initiator reports a stream, and that it asked somebody for credentials.
    RequirementsReported = "requirements-reported";
    /// The initiator says after a further leg that it is done, while it is not.
    FurtherLegReportsOk = "further-leg-reports-ok";
    /// A query for the sizes gets zeros.
    SizesForgotten = "sizes-forgotten";
    /// A query for the names of both sides gets no target.
    TargetForgotten = "target-forgotten";
    /// A query for the lifespan gets none.
    LifespanForgotten = "lifespan-forgotten";
    /// A query for the package gets Negotiate.
    PackageInfoOfNegotiation = "package-info-of-negotiation";
    /// A query for the negotiation does not get the package that was chosen.
    ChosenPackageNotTold = "chosen-package-not-told";
    /// Credentials serve either side, whatever they were acquired for.
    CredentialUseIgnored = "credential-use-ignored";
    /// Lengths in more bytes than they need are refused.
    LongLengthRefused = "long-length-refused";
    /// A first token without framing is taken.
    UnframedTolerated = "unframed-tolerated";
    /// Elements of later versions are refused.
    ExtensionsRefused = "extensions-refused";
    /// Hints are taken for a code over the list of mechanisms.
    HintsReadAsCode = "hints-read-as-code";
    /// An empty list of mechanisms counts as any.
    EmptyListTolerated = "empty-list-tolerated";
    /// Mechanisms that nobody knows are refused, not passed over.
    UnknownMechanismsRefused = "unknown-mechanisms-refused";
    /// The caller's list of packages is not looked at.
    PackageListIgnored = "package-list-ignored";
    /// Kerberos is offered to addresses.
    TargetNotLookedAt = "target-not-looked-at";
    /// Datagram mode is passed on to the mechanism, which begins with the acceptor then.
    DatagramPassedOn = "datagram-passed-on";
    /// Integrity is asked of the mechanism although the caller does not want it.
    NoIntegrityIgnored = "no-integrity-ignored";
    /// Integrity is asked of the mechanism only if the caller asks for it.
    IntegrityLeftToCaller = "integrity-left-to-caller";
    /// A mechanism that was not offered may be chosen.
    UnofferedMechanismTolerated = "unoffered-mechanism-tolerated";
    /// Another mechanism than the initiator's first may be chosen without codes over the list.
    DowngradeTolerated = "downgrade-tolerated";
    /// A rejection is not looked at.
    RejectIgnored = "reject-ignored";
    /// A request for codes over the list is not looked at.
    RequestMicIgnored = "request-mic-ignored";
    /// Unknown states, and requests for codes out of their turn, are taken.
    StateOutOfTurnTolerated = "state-out-of-turn-tolerated";
    /// The acceptor may be done before the mechanism is.
    EarlyCompletionTolerated = "early-completion-tolerated";
    /// Codes over the list of mechanisms are not compared.
    MechListMicNotCompared = "mech-list-mic-not-compared";
    /// Codes over the list of mechanisms leave out its tag and length.
    MechListMicOverContent = "mech-list-mic-over-content";
    /// A required code over the list of mechanisms may be absent.
    MissingMechListMicTolerated = "missing-mech-list-mic-tolerated";
    /// The initiator sends no code over the list of mechanisms.
    MechListMicOmitted = "mech-list-mic-omitted";
    /// The acceptor does not answer a code over the list of mechanisms with its own.
    MechListMicNotReturned = "mech-list-mic-not-returned";
    /// The key stream runs on behind the list of mechanisms.
    StreamRunsOnBehindMechList = "stream-runs-on-behind-mech-list";
    /// Sequence numbers begin anew behind the list of mechanisms.
    SequenceResetBehindMechList = "sequence-reset-behind-mech-list";
    /// The acceptor does not request the codes that are required.
    RequestMicNotSent = "request-mic-not-sent";
    /// The acceptor does not read the token that came with the offer.
    OptimisticTokenIgnored = "optimistic-token-ignored";
    /// The acceptor passes the token of another mechanism to the chosen one.
    WrongGuessRead = "wrong-guess-read";
    /// The acceptor names a mechanism that was not offered.
    ChoosesUnoffered = "chooses-unoffered";
    /// The acceptor does not name the mechanism that it chose.
    SupportedMechOmitted = "supported-mech-omitted";
    /// The acceptor names the mechanism in later tokens, and not only in the first.
    SupportedMechRepeated = "supported-mech-repeated";
    /// The acceptor does not begin.
    HintRefused = "hint-refused";
    /// The acceptor takes no token without wrapper.
    UnwrappedRefused = "unwrapped-refused";
    /// A complete context does not authenticate again.
    ReauthenticationRefused = "reauthentication-refused";
    /// The negotiation is said to go on although it is complete.
    NegotiationNeverComplete = "negotiation-never-complete";
    /// The mechanisms of policy are not looked at.
    MechanismPolicyIgnored = "mechanism-policy-ignored";
    /// A list with requirements is refused.
    RequestFlagsRefused = "request-flags-refused";
    /// A list with hints is refused.
    HintsRefused = "hints-refused";
    /// An empty token of the mechanism is refused.
    EmptyTokenRefused = "empty-token-refused";
    /// A token without state is refused.
    AbsentStateRefused = "absent-state-refused";
    /// The acceptor is done without a word.
    CompletionTokenOmitted = "completion-token-omitted";
    /// A code over the list of mechanisms is required wherever the mechanism can sign.
    MechListMicAlwaysRequired = "mech-list-mic-always-required";
    /// A later answer that names the mechanism is refused.
    RepeatedSelectionRefused = "repeated-selection-refused";
    /// An acceptor that says behind the last token that it goes on is refused, whether a code is due or not.
    IncompleteWithoutCodeRefused = "incomplete-without-code-refused";
    /// A second list of mechanisms begins the negotiation anew.
    SecondListTolerated = "second-list-tolerated";
    /// The code over the list of mechanisms is made with the peer's keys.
    MechListMicWithKeysOfPeer = "mech-list-mic-with-keys-of-peer";
    /// A token in fragments is refused.
    FragmentRefused = "fragment-refused";
    /// Each fragment takes the place of those before it.
    FragmentsForgotten = "fragments-forgotten";
    /// A fragment is answered with a token.
    FragmentAnswered = "fragment-answered";
    /// A fragment completes the context.
    FragmentCompletes = "fragment-completes";
    /// Fragments of a token of any length are kept.
    FragmentsUnlimited = "fragments-unlimited";
    /// An empty token is refused while fragments are due.
    EmptyFragmentRefused = "empty-fragment-refused";
    /// A token that does not fit is kept although the caller takes fragments.
    FragmentToFitIgnored = "fragment-to-fit-ignored";
    /// A token that does not fit comes in fragments although the caller does not take them.
    FragmentsUnasked = "fragments-unasked";
    /// The first fragment ends the leg.
    FragmentEndsLeg = "fragment-ends-leg";
}
