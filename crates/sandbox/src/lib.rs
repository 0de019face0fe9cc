//! Running commands confined by the system: policies, the helper, supervision.
