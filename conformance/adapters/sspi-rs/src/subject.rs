//! The calls into the library.

use serde_json::{Value, json};
use sspi::credssp::SspiContext;
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, Credentials, CredentialsBuffers,
    DataRepresentation, EncryptionFlags, Negotiate, NegotiateConfig, Ntlm, SecurityBuffer, SecurityBufferRef,
    SecurityBufferType, ServerRequestFlags, Sspi, SspiEx, SspiImpl, Username,
};

use crate::legwork_adapter::{
    Acquire, Adapter, Buffer, Environment, Handle, Handles, Identity, Leg, Outcome, Protect, Stop, Text,
    returned,
};
use crate::status::sspi_status;

/// A credential: the handle, and the package instance that acquired it, from which contexts start.
struct Credential {
    handle: Option<CredentialsBuffers>,
    origin: SspiContext,
}

/// A context. `by_directory` tells that the account is looked up when the peer's name is known.
struct Context {
    package: SspiContext,
    by_directory: bool,
}

/// The library under test, with everything the harness holds of it.
#[derive(Default)]
pub(crate) struct Subject {
    environment: Environment,
    directory: Vec<AuthIdentity>,
    credentials: Handles<Credential>,
    contexts: Handles<Context>,
}

impl Adapter for Subject {
    fn hello(&mut self) -> Outcome {
        let mut hello: Value = serde_json::from_str(include_str!("hello.json"))?;
        hello["version"] = env!("SSPI_VERSION").into();
        for drive in hello["drives"].as_array_mut().into_iter().flatten() {
            let bits = if drive["role"] == "initiator" {
                ClientRequestFlags::all().bits()
            } else {
                ServerRequestFlags::all().bits()
            };
            drive["requirements"] = bits.into();
        }
        Ok(hello)
    }

    fn reset(&mut self, environment: Environment) -> Outcome {
        *self = Self {
            environment,
            ..Self::default()
        };
        self.environment.refuse_unknown(&[])?;
        self.directory = self
            .environment
            .accounts
            .iter()
            .map(auth_identity)
            .collect::<Result<_, _>>()?;
        Ok(json!({}))
    }

    fn acquire(&mut self, request: Acquire) -> Outcome {
        let outbound = request.role == "initiator";
        let direction = if outbound {
            CredentialUse::Outbound
        } else {
            CredentialUse::Inbound
        };
        let identity = request.identity.as_ref().map(auth_identity).transpose()?;
        let mut origin = match request.package.as_str() {
            "ntlm" => SspiContext::Ntlm(Ntlm::with_config(self.ntlm_config())),
            "negotiate" => SspiContext::Negotiate(self.negotiate(outbound, identity.as_ref())?),
            other => return Err(Stop::unsupported(format!("package:{other}"))),
        };
        let identity = identity.map(Credentials::from);
        let mut builder = origin.acquire_credentials_handle().with_credential_use(direction);
        if let Some(identity) = &identity {
            builder = builder.with_auth_data(identity);
        }
        let handle = builder.execute(&mut origin)?.credentials_handle;
        self.credentials
            .keep(request.credential, Credential { handle, origin });
        Ok(returned(true))
    }

    fn free_credential(&mut self, request: Handle) -> Outcome {
        self.credentials.drop(request.context)?;
        Ok(returned(true))
    }

    fn delete(&mut self, request: Handle) -> Outcome {
        self.contexts.drop(request.context)?;
        Ok(returned(true))
    }

    fn initialize(&mut self, leg: Leg) -> Outcome {
        let (credential, context) = self.handles(&leg)?;
        let target = leg.target.as_ref().map(Text::decode).transpose()?;
        let (mut input, mut output) = (security_buffers(&leg.input)?, security_buffers(&leg.output)?);
        let mut builder = context
            .package
            .initialize_security_context()
            .with_credentials_handle(&mut credential.handle)
            .with_context_requirements(ClientRequestFlags::from_bits_retain(leg.requirements))
            .with_target_data_representation(data_representation(leg.data_representation)?)
            .with_output(&mut output);
        builder.target_name = target.as_deref();
        builder.input = (!leg.input.is_empty()).then_some(&mut input);
        let result = context
            .package
            .initialize_security_context_impl(&mut builder)?
            .resolve_to_result()?;
        let expiry = result.expiry.map(|time| time.unix_timestamp_nanos());
        Ok(leg_outcome(
            sspi_status(result.status),
            result.flags.bits(),
            expiry,
            output,
        ))
    }

    fn accept(&mut self, leg: Leg) -> Outcome {
        let (credential, context) = self.handles(&leg)?;
        let (mut input, mut output) = (security_buffers(&leg.input)?, security_buffers(&leg.output)?);
        let mut builder = context
            .package
            .accept_security_context()
            .with_credentials_handle(&mut credential.handle)
            .with_context_requirements(ServerRequestFlags::from_bits_retain(leg.requirements))
            .with_target_data_representation(data_representation(leg.data_representation)?)
            .with_output(&mut output);
        builder.input = (!leg.input.is_empty()).then_some(&mut input);
        let result = context
            .package
            .accept_security_context_impl(builder)?
            .resolve_to_result()?;
        let expiry = result.expiry.map(|time| time.unix_timestamp_nanos());
        Ok(leg_outcome(
            sspi_status(result.status),
            result.flags.bits(),
            expiry,
            output,
        ))
    }

    /// CompleteAuthToken. Without an explicit identity the account is found the way the library's own CredSSP
    /// server does: ask for the peer's name, look it up, hand over the candidates (none for an unknown name).
    fn complete(&mut self, request: Handle) -> Outcome {
        let mut token = security_buffers(&request.buffers)?;
        let context = self.contexts.find(request.context)?;
        if context.by_directory {
            let wanted = context
                .package
                .query_context_names()?
                .username
                .inner()
                .to_lowercase();
            let same = |account: &&AuthIdentity| account.username.inner().to_lowercase() == wanted;
            let candidates = self.directory.iter().filter(same).cloned();
            let candidates = candidates.map(Credentials::from).collect();
            context.package.custom_set_auth_identities(candidates)?;
        }
        Ok(sspi_status(context.package.complete_auth_token(&mut token)?))
    }

    fn query(&mut self, request: Handle) -> Outcome {
        let package = &mut self.contexts.find(request.context)?.package;
        let values = match request.attribute.as_str() {
            "session-key" => {
                json!({"session-key": hex::encode(package.query_context_session_key()?.session_key.as_ref())})
            }
            "names" => json!({"user": Text::from(package.query_context_names()?.username.inner())}),
            "sizes" => {
                let sizes = package.query_context_sizes()?;
                json!({
                    "max-token": sizes.max_token, "max-signature": sizes.max_signature,
                    "block-size": sizes.block, "security-trailer": sizes.security_trailer,
                })
            }
            "package-info" => {
                let info = package.query_context_package_info()?;
                json!({"package": info.name.to_string(), "max-token": info.max_token_len,
                    "capabilities": info.capabilities.bits()})
            }
            // How far it has come does not show.
            "negotiation-info" => {
                json!({"package": package.query_context_negotiation_package()?.name.to_string()})
            }
            "connection-info" => {
                package.query_context_connection_info()?;
                json!({})
            }
            other => return Err(Stop::unsupported(format!("query:{other}"))),
        };
        let mut outcome = returned(true);
        outcome["values"] = values;
        Ok(outcome)
    }

    fn protect(&mut self, operation: &str, request: Protect) -> Outcome {
        if request.form != "buffers" {
            return Err(Stop::unsupported(format!("form:{}", request.form)));
        }
        let package = &mut self.contexts.find(request.context)?.package;
        let makes = matches!(operation, "sign" | "seal");
        let mut storage: Vec<Vec<u8>> = request
            .buffers
            .iter()
            .map(|buffer| space(buffer, makes))
            .collect();
        let mut list = Vec::new();
        for (buffer, bytes) in request.buffers.iter().zip(&mut storage) {
            let kind = SecurityBufferRef::with_owned_security_buffer_type(buffer_type(buffer)?)
                .map_err(|_| Stop::unsupported(format!("buffer-kind:{}", buffer.kind)))?;
            list.push(kind.with_data(bytes)?);
        }
        let mut outcome = returned(true);
        match operation {
            "sign" => package.make_signature(request.quality, &mut list, request.sequence)?,
            "verify" => drop(package.verify_signature(&mut list, request.sequence)?),
            "seal" => {
                let flags = EncryptionFlags::from_bits_retain(request.quality);
                outcome = sspi_status(package.encrypt_message(flags, &mut list)?);
            }
            _ => drop(package.decrypt_message(&mut list)?),
        }
        let after = request.buffers.iter().zip(&list);
        let after = after.map(|(before, now)| json!({"kind": before.kind, "attributes": before.attributes, "bytes": hex::encode(now.data())}));
        outcome["buffers"] = after.collect();
        Ok(outcome)
    }
}

impl Subject {
    fn ntlm_config(&self) -> NtlmConfig {
        let workstation = &self.environment.host.netbios_computer;
        NtlmConfig {
            client_computer_name: (!workstation.is_empty()).then(|| workstation.clone()),
        }
    }

    /// Negotiate with NTLM alone: other packages would ask for a KDC. An acceptor is given the accounts at once, for
    /// it verifies the logon itself.
    fn negotiate(&self, outbound: bool, identity: Option<&AuthIdentity>) -> Result<Negotiate, Stop> {
        let config = NegotiateConfig::new(
            Box::new(self.ntlm_config()),
            Some("ntlm".to_owned()),
            self.environment.host.netbios_computer.clone(),
        );
        if outbound {
            return Ok(Negotiate::new_client(config)?);
        }
        let accounts = identity.map_or_else(|| self.directory.clone(), |identity| vec![identity.clone()]);
        Ok(Negotiate::new_server(config, accounts)?)
    }

    /// The credential and the context of a leg; a first leg starts a context.
    fn handles(&mut self, leg: &Leg) -> Result<(&mut Credential, &mut Context), Stop> {
        if leg.reserved != [0, 0] {
            return Err(Stop::unsupported("reserved-arguments"));
        }
        let number = leg
            .credential
            .ok_or_else(|| Stop::unsupported("absent-credential"))?;
        let credential = self.credentials.find(number)?;
        if leg.context.is_none() {
            let fresh = Context {
                package: begin(&credential.origin)?,
                by_directory: credential.handle.is_none(),
            };
            self.contexts.keep(leg.new_context, fresh);
        }
        Ok((
            credential,
            self.contexts.find(leg.context.unwrap_or(leg.new_context))?,
        ))
    }
}

/// A context of the package: a copy of the instance that acquired the credential.
fn begin(origin: &SspiContext) -> Result<SspiContext, Stop> {
    match origin {
        SspiContext::Ntlm(ntlm) => Ok(SspiContext::Ntlm(ntlm.clone())),
        SspiContext::Negotiate(negotiate) => Ok(SspiContext::Negotiate(negotiate.clone())),
        other => Err(Stop::unsupported(format!("package:{}", other.package_name()))),
    }
}

/// The library's identity; a name that it cannot hold gets the library's own error.
fn auth_identity(identity: &Identity) -> Result<AuthIdentity, Stop> {
    let part = |text: &Option<Text>| text.as_ref().map(Text::decode).transpose();
    let user = part(&identity.user)?.ok_or_else(|| Stop::unsupported("identity:absent-user"))?;
    let password = part(&identity.password)?.ok_or_else(|| Stop::unsupported("identity:absent-password"))?;
    let username = Username::new(&user, part(&identity.domain)?.as_deref()).map_err(sspi::Error::from)?;
    Ok(AuthIdentity {
        username,
        password: password.into(),
    })
}

fn data_representation(number: u32) -> Result<DataRepresentation, Stop> {
    match number {
        0 => Ok(DataRepresentation::Network),
        16 => Ok(DataRepresentation::Native),
        other => Err(Stop::unsupported(format!("data-representation:{other}"))),
    }
}

fn buffer_type(buffer: &Buffer) -> Result<SecurityBufferType, Stop> {
    let number = buffer.kind | buffer.attributes;
    SecurityBufferType::try_from(number).map_err(|_| Stop::unsupported(format!("buffer-kind:{number:#x}")))
}

fn security_buffers(buffers: &[Buffer]) -> Result<Vec<SecurityBuffer>, Stop> {
    let convert = |buffer: &Buffer| {
        Ok(SecurityBuffer {
            buffer: buffer.bytes.clone(),
            buffer_type: buffer_type(buffer)?,
        })
    };
    buffers.iter().map(convert).collect()
}

/// The outcome of a leg. The library has one way to say "no token": it leaves the token buffer empty.
fn leg_outcome(mut outcome: Value, bits: u32, expiry: Option<i128>, output: Vec<SecurityBuffer>) -> Value {
    let written = |buffer: &SecurityBuffer| {
        buffer.buffer_type.buffer_type == BufferType::Token && !buffer.buffer.is_empty()
    };
    let tokens = output.iter().filter(|buffer| written(buffer));
    outcome["buffers"] = tokens
        .map(|token| json!({"kind": 2, "bytes": hex::encode(&token.buffer)}))
        .collect();
    outcome["attributes"] = json!({"namespace": "sspi", "bits": bits});
    // Unix nanoseconds become 100 ns units since 1601.
    if let Some(time) = expiry.and_then(|time| u64::try_from(time / 100 + 116_444_736_000_000_000).ok()) {
        outcome["expiry"] = time.into();
    }
    outcome
}

/// Memory for one per-message buffer: its bytes, and room for a signature that is to be made.
fn space(buffer: &Buffer, makes: bool) -> Vec<u8> {
    let mut bytes = buffer.bytes.clone();
    if makes && buffer.kind == 2 {
        let room = buffer.capacity.unwrap_or_else(|| bytes.len().max(16));
        bytes.resize(room.min(1 << 16), 0);
    }
    bytes
}
