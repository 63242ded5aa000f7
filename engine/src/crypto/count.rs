//! How often this thread calls each primitive, under feature `count-primitives` alone: the benches hold the engine
//! against the calls that nobody can avoid.

use std::cell::RefCell;

/// A primitive that costs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// MD4.
    Md4,
    /// MD5, outside HMAC.
    Md5,
    /// The preparation of an HMAC-MD5 key.
    HmacMd5Key,
    /// An HMAC-MD5 code with a prepared key.
    HmacMd5,
    /// An RC4 key schedule.
    Rc4Key,
    /// DES of a block.
    Des,
}

/// Calls of each primitive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// MD4.
    pub md4: u32,
    /// MD5, outside HMAC.
    pub md5: u32,
    /// Preparations of HMAC-MD5 keys.
    pub hmac_md5_keys: u32,
    /// HMAC-MD5 codes.
    pub hmac_md5: u32,
    /// RC4 key schedules.
    pub rc4_keys: u32,
    /// DES blocks.
    pub des: u32,
}

impl Calls {
    /// Whether no primitive was called more often than in `most`.
    #[must_use]
    pub fn at_most(&self, most: &Self) -> bool {
        self.md4 <= most.md4
            && self.md5 <= most.md5
            && self.hmac_md5_keys <= most.hmac_md5_keys
            && self.hmac_md5 <= most.hmac_md5
            && self.rc4_keys <= most.rc4_keys
            && self.des <= most.des
    }
}

thread_local! {
    static CALLS: RefCell<Calls> = RefCell::default();
}

pub(crate) fn add(primitive: Primitive) {
    CALLS.with_borrow_mut(|calls| {
        let place = match primitive {
            Primitive::Md4 => &mut calls.md4,
            Primitive::Md5 => &mut calls.md5,
            Primitive::HmacMd5Key => &mut calls.hmac_md5_keys,
            Primitive::HmacMd5 => &mut calls.hmac_md5,
            Primitive::Rc4Key => &mut calls.rc4_keys,
            Primitive::Des => &mut calls.des,
        };
        *place = place.saturating_add(1);
    });
}

/// The calls that this thread makes within `work`.
pub fn within<T>(work: impl FnOnce() -> T) -> (T, Calls) {
    CALLS.set(Calls::default());
    let done = work();
    (done, CALLS.take())
}
