//! How the engine consults deliberate deviations: nothing is left of it without feature `sabotage`.

/// Whether the deviation is on.
macro_rules! deviates {
    ($environment:expr, $deviation:ident) => {{
        #[cfg(feature = "sabotage")]
        let deviates = $environment
            .sabotage
            .deviates(crate::sabotage::Deviation::$deviation);
        #[cfg(not(feature = "sabotage"))]
        let deviates = $environment.deviates();
        deviates
    }};
}

/// Lets the shaper change a typed message before it is emitted.
macro_rules! shape {
    ($environment:expr, $token:literal, $message:expr) => {
        #[cfg(feature = "sabotage")]
        $environment.sabotage.shape($token, $message);
    };
}

/// Lets the shaper change emitted bytes before any code over them is computed.
macro_rules! shape_bytes {
    ($environment:expr, $token:literal, $bytes:expr) => {
        #[cfg(feature = "sabotage")]
        $environment.sabotage.shape_bytes($token, $bytes);
    };
}
