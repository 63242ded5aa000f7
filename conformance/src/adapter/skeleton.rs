//! Adapters to begin with: they run, drive nothing yet, and say so.
