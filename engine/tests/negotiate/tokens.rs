//! Tokens of every shape.

use std::borrow::Cow;

use legwork_engine::{
    codec::der::{self, Tag, Tolerances},
    negotiate::messages::{
        ContextFlags, InitForm, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags,
    },
};
use proptest::{collection::vec, option, prelude::*};

pub(crate) fn part() -> impl Strategy<Value = Cow<'static, [u8]>> {
    prop_oneof![vec(any::<u8>(), 0..80), vec(any::<u8>(), 100..300)].prop_map(Cow::Owned)
}

pub(crate) fn oid() -> impl Strategy<Value = Oid<'static>> {
    let known = (0..Oid::NAMED.len()).prop_map(|place| Oid::NAMED[place].1.clone());
    let other = vec(any::<u32>(), 0..6).prop_map(|arcs| {
        let rest: String = arcs.iter().map(|arc| format!(".{arc}")).collect();
        Oid::from_text(&format!("1.3{rest}")).unwrap()
    });
    prop_oneof![known, other]
}

pub(crate) fn mech_types() -> impl Strategy<Value = MechTypes<'static>> {
    vec(oid(), 0..5).prop_map(|list| MechTypes::new(&list))
}

fn extensions() -> impl Strategy<Value = Cow<'static, [u8]>> {
    vec((5..=30_u8, part()), 0..3).prop_map(|elements| {
        let mut out = Vec::new();
        for (number, content) in elements {
            der::element(&mut out, Tag::context(number), &content);
        }
        Cow::Owned(out)
    })
}

fn req_flags() -> impl Strategy<Value = ReqFlags<'static>> {
    let short = (0..=7_u8, any::<u8>()).prop_map(|(unused, bits)| ReqFlags(vec![unused, bits].into()));
    let full = any::<u32>().prop_map(|bits| ReqFlags::new(ContextFlags::from_bits_retain(bits)));
    prop_oneof![short, full, Just(ReqFlags(Cow::Borrowed(&[0])))]
}

prop_compose! {
    pub(crate) fn init()(
        mech_types in option::of(mech_types()),
        req_flags in option::of(req_flags()),
        mech_token in option::of(part()),
        hints in option::of((option::of(part()), option::of(part()))),
        mech_list_mic in option::of(part()),
        second in any::<bool>(),
        extensions in extensions(),
    ) -> NegTokenInit<'static> {
        // The form shows only in what the token has.
        let second = hints.is_some() || (second && mech_list_mic.is_some());
        NegTokenInit {
            form: if second { InitForm::Microsoft } else { InitForm::Rfc },
            mech_types,
            req_flags,
            mech_token,
            hints: hints.map(|(hint_name, hint_address)| NegHints { hint_name, hint_address }),
            mech_list_mic,
            extensions,
            tolerated: Tolerances::empty(),
        }
    }
}

prop_compose! {
    pub(crate) fn resp()(
        neg_state in option::of(prop_oneof![0..=3_i32, any::<i32>()].prop_map(NegState)),
        supported_mech in option::of(oid()),
        response_token in option::of(part()),
        mech_list_mic in option::of(part()),
        extensions in extensions(),
    ) -> NegTokenResp<'static> {
        NegTokenResp {
            neg_state,
            supported_mech,
            response_token,
            mech_list_mic,
            extensions,
            tolerated: Tolerances::empty(),
        }
    }
}
