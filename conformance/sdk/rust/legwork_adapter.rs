//! What every adapter in Rust needs: the messages of the adapter protocol, handles, and the loop that answers. One file,
//! to be taken in as a module; it needs the crates `hex` (with `serde`), `serde` (with `derive`) and `serde_json`.
//!
//! Implement [`Adapter`] for what holds your library's handles, and call [`run`]. Operations without a method of yours
//! are answered `unsupported`. Turn your library's error into [`Stop`], so that `?` makes a status of it; what the
//! library cannot do is [`Stop::unsupported`]. A panic ends the process: a crash must look like one.

use std::{
    collections::HashMap,
    io::{self, BufRead, Write},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// The outcome of a request, or why there is none.
pub type Outcome = Result<Value, Stop>;

/// One implementation behind the protocol.
pub trait Adapter {
    /// The object `hello`.
    ///
    /// # Errors
    /// It is not to be had.
    fn hello(&mut self) -> Outcome;

    /// Forgets every handle; what follows happens in this environment.
    ///
    /// # Errors
    /// The library cannot be told something of it: see [`Environment::refuse_unknown`].
    fn reset(&mut self, environment: Environment) -> Outcome;

    /// AcquireCredentialsHandle.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn acquire(&mut self, _request: Acquire) -> Outcome {
        Err(Stop::unsupported("acquire"))
    }

    /// FreeCredentialsHandle.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn free_credential(&mut self, _request: Handle) -> Outcome {
        Err(Stop::unsupported("free-credential"))
    }

    /// InitializeSecurityContext.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn initialize(&mut self, _leg: Leg) -> Outcome {
        Err(Stop::unsupported("initialize"))
    }

    /// AcceptSecurityContext.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn accept(&mut self, _leg: Leg) -> Outcome {
        Err(Stop::unsupported("accept"))
    }

    /// CompleteAuthToken.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn complete(&mut self, _request: Handle) -> Outcome {
        Err(Stop::unsupported("complete"))
    }

    /// DeleteSecurityContext.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn delete(&mut self, _request: Handle) -> Outcome {
        Err(Stop::unsupported("delete"))
    }

    /// QueryContextAttributes.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn query(&mut self, _request: Handle) -> Outcome {
        Err(Stop::unsupported("query"))
    }

    /// MakeSignature, VerifySignature, EncryptMessage, DecryptMessage: `sign`, `verify`, `seal`, `unseal`.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn protect(&mut self, operation: &str, _request: Protect) -> Outcome {
        Err(Stop::unsupported(operation))
    }

    /// What a token says, in `values`.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn decode(&mut self, _request: Decode) -> Outcome {
        Err(Stop::unsupported("decode"))
    }

    /// The token that says the values, as a buffer of kind 2.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn encode(&mut self, _request: Encode) -> Outcome {
        Err(Stop::unsupported("encode"))
    }

    /// The value of a function, as `value` in `values`.
    ///
    /// # Errors
    /// The library's, or it cannot.
    fn derive(&mut self, _request: Derive) -> Outcome {
        Err(Stop::unsupported("derive"))
    }
}

/// Answers requests until `bye` or the end of the input.
///
/// # Errors
/// Reading or writing fails, or a line is no request.
pub fn run(adapter: &mut impl Adapter) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let (seq, last) = (request.seq, request.op == "bye");
        let mut reply = match answer(adapter, request) {
            Ok(outcome) => json!({ "outcome": outcome }),
            Err(Stop(reply)) => reply,
        };
        add(&mut reply, "seq", seq);
        writeln!(output, "{reply}")?;
        output.flush()?;
        if last {
            break;
        }
    }
    Ok(())
}

/// One line from the harness; `rest` holds the arguments of the operation.
#[derive(Debug, Deserialize)]
struct Request {
    seq: u64,
    op: String,
    #[serde(flatten)]
    rest: Value,
}

fn answer(adapter: &mut impl Adapter, request: Request) -> Outcome {
    fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, Stop> {
        Ok(serde_json::from_value(arguments)?)
    }
    let Request { op, rest, .. } = request;
    match op.as_str() {
        "hello" => Ok(json!({ "hello": adapter.hello()? })),
        "reset" => adapter.reset(read::<Reset>(rest)?.environment),
        "acquire" => adapter.acquire(read(rest)?),
        "free-credential" => adapter.free_credential(read(rest)?),
        "initialize" => adapter.initialize(read(rest)?),
        "accept" => adapter.accept(read(rest)?),
        "complete" => adapter.complete(read(rest)?),
        "delete" => adapter.delete(read(rest)?),
        "query" => adapter.query(read(rest)?),
        "sign" | "verify" | "seal" | "unseal" => adapter.protect(&op, read(rest)?),
        "decode" => adapter.decode(read(rest)?),
        "encode" => adapter.encode(read(rest)?),
        "derive" => adapter.derive(read(rest)?),
        "bye" => Ok(json!({})),
        other => Err(Stop::unsupported(other)),
    }
}

/// Arguments of `reset`.
#[derive(Debug, Deserialize)]
struct Reset {
    environment: Environment,
}

/// Text as UTF-16LE code units and in readable form.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Text {
    #[serde(with = "hex")]
    utf16: Vec<u8>,
    #[serde(default)]
    text: String,
}

impl Text {
    /// The code units, whether they are text or not.
    pub fn units(&self) -> impl Iterator<Item = u16> {
        self.utf16.chunks(2).map(|unit| match unit {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0xdfff,
        })
    }

    /// The text as a Rust string.
    ///
    /// # Errors
    /// Its code units are no text: `unsupported`.
    pub fn decode(&self) -> Result<String, Stop> {
        let text: Result<String, _> = char::decode_utf16(self.units()).collect();
        text.map_err(|_| Stop::unsupported("text:unpaired-surrogate"))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Self {
            utf16,
            text: text.to_owned(),
        }
    }
}

/// The world of one side.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Environment {
    /// Names of the machine.
    pub host: Host,
    /// Current time: 100 ns units since 1601-01-01 UTC.
    #[serde(default)]
    pub clock: u64,
    /// Accounts that logons are verified against.
    #[serde(default)]
    pub accounts: Vec<Identity>,
    /// Policy switches that differ from the default.
    #[serde(default)]
    pub policy: Map<String, Value>,
    /// Faults to provoke.
    #[serde(default)]
    pub faults: Vec<String>,
}

impl Environment {
    /// Refuses what the library cannot be told: every switch that is not known, every fault, every account state.
    ///
    /// # Errors
    /// There is such a thing: `unsupported`.
    pub fn refuse_unknown(&self, switches: &[&str]) -> Result<(), Stop> {
        let mut names = self.policy.keys();
        if let Some(name) = names.find(|name| !switches.contains(&name.as_str())) {
            return Err(Stop::unsupported(format!("policy:{name}")));
        }
        if let Some(name) = self.faults.first() {
            return Err(Stop::unsupported(format!("fault:{name}")));
        }
        match self.accounts.iter().find_map(|account| account.state.as_ref()) {
            Some(state) => Err(Stop::unsupported(format!("account:{state}"))),
            None => Ok(()),
        }
    }
}

/// Names of a machine.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Host {
    /// NetBIOS computer name.
    pub netbios_computer: String,
    /// NetBIOS domain name.
    pub netbios_domain: String,
    /// DNS name of the computer.
    pub dns_computer: String,
    /// DNS name of the domain.
    pub dns_domain: String,
    /// DNS name of the forest.
    pub dns_tree: String,
}

/// Who logs on, or an account. Absent and empty parts are different things.
#[derive(Clone, Debug, Deserialize)]
pub struct Identity {
    /// User name.
    pub user: Option<Text>,
    /// Domain name.
    pub domain: Option<Text>,
    /// Password.
    pub password: Option<Text>,
    /// Of an account: why nobody can log on to it.
    pub state: Option<String>,
}

/// Arguments of `acquire`.
#[derive(Clone, Debug, Deserialize)]
pub struct Acquire {
    /// Number to keep the credential under.
    pub credential: u64,
    /// Package name.
    pub package: String,
    /// `initiator` or `acceptor`.
    pub role: String,
    /// Explicit identity.
    pub identity: Option<Identity>,
}

/// Arguments of `initialize` and `accept`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leg {
    /// Number of the credential.
    pub credential: Option<u64>,
    /// Number of the context; none on the first leg.
    pub context: Option<u64>,
    /// Number to keep the context under.
    pub new_context: u64,
    /// Requirement bits.
    pub requirements: u32,
    /// Name of the target.
    pub target: Option<Text>,
    /// Input buffers.
    #[serde(default)]
    pub input: Vec<Buffer>,
    /// Output buffers of the caller.
    #[serde(default)]
    pub output: Vec<Buffer>,
    /// Application data of the channel bindings, hex.
    pub bindings: Option<String>,
    /// 16 native, 0 network.
    pub data_representation: u32,
    /// Reserved arguments.
    #[serde(default)]
    pub reserved: [u32; 2],
}

impl Leg {
    /// The token that goes in: none, empty or bytes.
    pub fn token(&self) -> Option<&[u8]> {
        let token = self.input.iter().find(|buffer| buffer.kind == 2);
        token.map(|buffer| buffer.bytes.as_slice())
    }
}

/// Arguments of the per-message calls.
#[derive(Clone, Debug, Deserialize)]
pub struct Protect {
    /// Number of the context.
    pub context: u64,
    /// Quality of protection.
    #[serde(default)]
    pub quality: u32,
    /// Sequence number argument.
    #[serde(default)]
    pub sequence: u32,
    /// `buffers`, `whole` or `detached`.
    pub form: String,
    /// The list.
    pub buffers: Vec<Buffer>,
}

/// Arguments of `decode`.
#[derive(Clone, Debug, Deserialize)]
pub struct Decode {
    /// Package name.
    pub package: String,
    /// What the token is, as the vector files name it.
    pub token: String,
    /// The token.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
}

/// Arguments of `encode`.
#[derive(Clone, Debug, Deserialize)]
pub struct Encode {
    /// Package name.
    pub package: String,
    /// What the token is, as the vector files name it.
    pub token: String,
    /// The fields, as the vector files spell them.
    pub values: Map<String, Value>,
}

/// Arguments of `derive`.
#[derive(Clone, Debug, Deserialize)]
pub struct Derive {
    /// Package name.
    pub package: String,
    /// Name of the function in the vector files.
    pub function: String,
    /// The inputs, as the vector files spell them.
    pub values: Map<String, Value>,
}

impl Derive {
    /// An input that is hexadecimal.
    ///
    /// # Errors
    /// It is not there, or no hex: `fault`.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, Stop> {
        let digits = self.values.get(name).and_then(Value::as_str);
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        bytes.ok_or_else(|| Stop(json!({"fault": {"message": format!("`{name}` is no hex")}})))
    }
}

/// Arguments of the operations that name one handle.
#[derive(Clone, Debug, Deserialize)]
pub struct Handle {
    /// Number of the context, or of the credential.
    #[serde(alias = "credential")]
    pub context: u64,
    /// What is asked.
    #[serde(default)]
    pub attribute: String,
    /// The token to complete.
    #[serde(default)]
    pub buffers: Vec<Buffer>,
}

/// A SecBuffer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Buffer {
    /// Kind: 1 data, 2 token, 14 channel bindings.
    pub kind: u32,
    /// Attribute bits.
    #[serde(default)]
    pub attributes: u32,
    /// Room that the caller has.
    #[serde(default, skip_serializing)]
    pub capacity: Option<usize>,
    /// The bytes.
    #[serde(default, with = "hex")]
    pub bytes: Vec<u8>,
}

/// A reply that ends the handling of a request early: an error of the library, or something it cannot do.
#[derive(Clone, Debug)]
pub struct Stop(
    /// The reply, without its number.
    pub Value,
);

impl Stop {
    /// The library cannot do this.
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self(json!({"unsupported": {"what": what.into()}}))
    }
}

impl From<serde_json::Error> for Stop {
    fn from(error: serde_json::Error) -> Self {
        Self(json!({"fault": {"message": format!("the request was not understood: {error}")}}))
    }
}

/// The outcome of a call that returned a number.
pub fn status(namespace: &str, code: u32) -> Value {
    json!({"status": {"namespace": namespace, "code": format!("{code:#010x}")}})
}

/// The outcome of a call that says nothing but by returning.
pub fn returned(complete: bool) -> Value {
    let code = if complete { "complete" } else { "continue" };
    json!({"status": {"namespace": "return", "code": code}})
}

/// Adds something to an outcome: `buffers`, `attributes`, `values`, ….
pub fn add(outcome: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = outcome.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Handles by the harness's number. A `None` is a handle whose value was dropped: Rust cannot show it again.
#[derive(Debug)]
pub struct Handles<T>(HashMap<u64, Option<T>>);

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Handles<T> {
    /// Keeps a value under a number.
    pub fn keep(&mut self, number: u64, value: T) {
        self.0.insert(number, Some(value));
    }

    /// What stands under a number.
    ///
    /// # Errors
    /// It was never given, or was dropped: `unsupported`.
    pub fn find(&mut self, number: u64) -> Result<&mut T, Stop> {
        match self.0.get_mut(&number) {
            Some(Some(value)) => Ok(value),
            Some(None) => Err(Stop::unsupported("stale-handle")),
            None => Err(Stop::unsupported("foreign-handle")),
        }
    }

    /// Takes a value out; its number stays known as one that was freed.
    ///
    /// # Errors
    /// As `find`.
    pub fn drop(&mut self, number: u64) -> Result<T, Stop> {
        self.find(number)?;
        let dropped = self.0.insert(number, None).flatten();
        dropped.ok_or_else(|| Stop::unsupported("stale-handle"))
    }
}
