//! Contexts that move to another process.

use legwork_engine::{call::ExportFlags, ntlm::exported, status::SecurityStatus as Status};
use proptest::{collection::vec, prelude::*};

use super::pair::{Pair, Side, worlds::worlds};

proptest! {
    #[test]
    fn an_exported_context_goes_on_where_it_was(
        world in worlds(),
        before in vec((any::<bool>(), any::<bool>(), vec(any::<u8>(), 0..20)), 0..4),
        after in vec((any::<bool>(), any::<bool>(), vec(any::<u8>(), 0..20)), 1..4),
        flipped in any::<u8>(),
        initiator in any::<bool>(),
    ) {
        let mut established = Pair::new(&world).establish().unwrap();
        prop_assume!(established.protects());
        let side = if initiator { Side::Initiator } else { Side::Acceptor };
        established.talk(&before, flipped);
        let (key, name) = (established.key(side), established.name(side));
        established.transfer(side, ExportFlags::DELETE_OLD);
        prop_assert_eq!(established.key(side), key);
        prop_assert_eq!(established.name(side), name);
        established.talk(&after, flipped);
    }

    #[test]
    fn contexts_that_are_reset_begin_anew(
        world in worlds(),
        before in vec((any::<bool>(), any::<bool>(), vec(any::<u8>(), 0..20)), 1..4),
    ) {
        let mut established = Pair::new(&world).establish().unwrap();
        prop_assume!(established.protects());
        let mut fresh = Pair::new(&world).establish().unwrap();
        established.talk(&before, 0);
        for side in [Side::Initiator, Side::Acceptor] {
            established.transfer(side, ExportFlags::RESET_NEW | ExportFlags::DELETE_OLD);
        }
        for side in [Side::Initiator, Side::Acceptor] {
            let (again, first) = (established.protect(side, false, b"one"), fresh.protect(side, false, b"one"));
            prop_assert_eq!(format!("{again:?}"), format!("{first:?}"));
            prop_assert_eq!(established.open(side.peer(), &again.unwrap()), Ok(b"one".to_vec()));
            prop_assert_eq!(fresh.open(side.peer(), &first.unwrap()), Ok(b"one".to_vec()));
        }
    }

    #[test]
    fn what_is_no_context_is_refused(
        world in worlds(),
        noise in vec(any::<u8>(), 0..700),
        cut in any::<prop::sample::Index>(),
    ) {
        prop_assert!(exported::read(&noise).is_err());
        let mut established = Pair::new(&world).establish().unwrap();
        let packed = established.export(Side::Initiator, ExportFlags::empty());
        let cut = cut.index(packed.len());
        prop_assert_eq!(established.import(Side::Initiator, &packed[..cut]), Err(Status::SEC_E_INVALID_TOKEN));
        // The attributes come before the context.
        let context = &packed[4..];
        let read = exported::read(context).unwrap();
        prop_assert_eq!(&*exported::write(&read, false), context);
        let longer = [&*packed, &[0]].concat();
        prop_assert_eq!(established.import(Side::Initiator, &longer), Err(Status::SEC_E_INVALID_TOKEN));
    }

    #[test]
    fn a_context_is_exported_only_once_it_is_complete_and_there(world in worlds()) {
        let mut established = Pair::new(&world).establish().unwrap();
        established.export(Side::Acceptor, ExportFlags::DELETE_OLD);
        let gone = established.try_export(Side::Acceptor, ExportFlags::empty());
        prop_assert_eq!(gone.unwrap_err(), Status::SEC_E_INVALID_HANDLE);
        prop_assert_eq!(Pair::new(&world).export_after_first_leg(), Status::SEC_E_INVALID_HANDLE);
    }
}
