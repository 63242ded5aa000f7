//! Calls that vectors judge: a library's codec and key functions by themselves, where no exchange reaches them.

use legwork_vectors::Authority;

use super::{Driver, Seat};
use crate::{
    protocol::{Drive, Request},
    run::trace::{End, Purpose},
    suite::{scenario::VectorStep, vectors::Known},
};

impl Driver<'_, '_> {
    pub(super) fn decode(&mut self, step: &VectorStep) -> Result<(), End> {
        let known = self.known(step)?;
        self.declared(step, "decode", known.token(), |drive| &drive.decode)?;
        let request = Request::Decode {
            package: self.case.entry.package.clone(),
            token: known.token().to_owned(),
            bytes: known.vector.bytes.clone().unwrap_or_default(),
        };
        self.ask(step, known, request)
    }

    pub(super) fn encode(&mut self, step: &VectorStep) -> Result<(), End> {
        let known = self.known(step)?;
        self.declared(step, "encode", known.token(), |drive| &drive.encode)?;
        let request = Request::Encode {
            package: self.case.entry.package.clone(),
            token: known.token().to_owned(),
            values: known.vector.fields.clone(),
        };
        self.ask(step, known, request)
    }

    pub(super) fn derive(&mut self, step: &VectorStep) -> Result<(), End> {
        let known = self.known(step)?;
        let function = known.function().unwrap_or_default();
        self.declared(step, "derive", function, |drive| &drive.derive)?;
        let request = Request::Derive {
            package: self.case.entry.package.clone(),
            function: function.to_owned(),
            values: known.vector.inputs.clone(),
        };
        self.ask(step, known, request)
    }

    fn known(&self, step: &VectorStep) -> Result<&'static Known, End> {
        let missing = || End::HarnessFault(format!("axis {} names no vector", step.vector_from));
        self.case.vector(&step.vector_from).ok_or_else(missing)
    }

    /// These operations are optional, each for the tokens or functions that hello lists.
    fn declared(
        &mut self,
        step: &VectorStep,
        operation: &str,
        name: &str,
        list: fn(&Drive) -> &Vec<String>,
    ) -> Result<(), End> {
        let party = self.party(step.of);
        let listed = party.drive().map(list);
        match listed.is_some_and(|listed| listed.iter().any(|listed| listed == name)) {
            true => Ok(()),
            false => Err(party.unsupported(&format!("{operation} {name}"))),
        }
    }

    /// Nothing is expected of an implementation under test where the values are our own: they prove nothing to others.
    /// It is asked all the same, for no input may make it die, hang or fail in a way that is not documented.
    fn ask(&mut self, step: &VectorStep, known: &'static Known, request: Request) -> Result<(), End> {
        let foreign = matches!(self.party(step.of).seat, Seat::Foreign(_));
        let ours = known.authority == Authority::Own && foreign;
        let expect = (!ours).then(|| step.expect.clone());
        self.call(step.of, Purpose::Vector(&known.vector.id), request, expect)?;
        match ours {
            true => Err(End::NotApplicable(
                "what the vector says is our own word, which is no proof".to_owned(),
            )),
            false => Ok(()),
        }
    }
}
