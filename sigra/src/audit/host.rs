//! Events of the host's own: their names, and how they ended.

use std::fmt;

use super::details::{Details, EventError};
use super::event::AuditOutcome;
use super::reserved::{NameProblem, is_code, name_problem};

/// An event of the host's own, for [`Sigra::record`](crate::Sigra::record).
///
/// Derive it with [`AuditEvent`](derive@crate::AuditEvent):
///
/// ```
/// #[derive(sigra::AuditEvent)]
/// #[sigra(event = "billing.invoice.export")]
/// struct InvoiceExported {
///     invoice: uuid::Uuid,
///     pages: u32,
/// }
/// ```
///
/// or write it by hand, where the details need more than the fields:
///
/// ```
/// use sigra::audit::{AuditEvent, Details, EventName, event_name};
///
/// struct Imported(Vec<String>);
///
/// impl AuditEvent for Imported {
///     const NAME: EventName = event_name!("billing.invoices.import");
///
///     fn details(&self) -> Details {
///         Details::new().with("files", self.0.len())
///     }
/// }
/// ```
///
/// A name in one of Sigra's own areas compiles in neither.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event of the audit trail",
    label = "`{Self}` has no `#[derive(AuditEvent)]`",
    note = "add `#[derive(sigra::AuditEvent)]` and `#[sigra(event = \"billing.invoice.export\")]` to `{Self}`"
)]
pub trait AuditEvent {
    /// The event's name.
    const NAME: EventName;

    /// What is recorded beside who, when and from where.
    fn details(&self) -> Details;

    /// How it ended. By itself an event is a success; [`refused`](Self::refused) and [`failed`](Self::failed) make another of it.
    fn outcome(&self) -> AuditOutcome {
        AuditOutcome::Success
    }

    /// Why it did not succeed: a code such as `over_quota`. Not recorded of a success.
    fn reason(&self) -> Option<&'static str> {
        None
    }

    /// The same event, refused for this reason: a code of lower-case ASCII letters, digits and `_`, at most 48.
    fn refused(self, reason: &'static str) -> Unsuccessful<Self>
    where
        Self: Sized,
    {
        Unsuccessful { event: self, outcome: AuditOutcome::Refused, reason }
    }

    /// The same event, which could not be done for this reason: a code of lower-case ASCII letters, digits and `_`, at most 48.
    fn failed(self, reason: &'static str) -> Unsuccessful<Self>
    where
        Self: Sized,
    {
        Unsuccessful { event: self, outcome: AuditOutcome::Failed, reason }
    }
}

#[diagnostic::do_not_recommend]
impl<E: AuditEvent + ?Sized> AuditEvent for &E {
    const NAME: EventName = E::NAME;

    fn details(&self) -> Details {
        (**self).details()
    }

    fn outcome(&self) -> AuditOutcome {
        (**self).outcome()
    }

    fn reason(&self) -> Option<&'static str> {
        (**self).reason()
    }
}

/// An event that was refused or that failed.
#[derive(Clone, Debug)]
#[must_use = "it is recorded by `Sigra::record`"]
pub struct Unsuccessful<E> {
    event: E,
    outcome: AuditOutcome,
    reason: &'static str,
}

#[diagnostic::do_not_recommend]
impl<E: AuditEvent> AuditEvent for Unsuccessful<E> {
    const NAME: EventName = E::NAME;

    fn details(&self) -> Details {
        self.event.details()
    }

    fn outcome(&self) -> AuditOutcome {
        self.outcome
    }

    fn reason(&self) -> Option<&'static str> {
        Some(self.reason)
    }
}

/// The name of a host's event, `area.object.verb`, in an area that is not Sigra's.
///
/// [`event_name!`](super::event_name) makes it, and the derive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventName(&'static str);

impl EventName {
    /// The name as the trail has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// What the macros call. They have looked at the name, with better words; this is for whoever goes round them.
///
/// No associated function: rustc would propose it to whoever looks for a constructor.
///
/// # Panics
/// It is no name of a host's event. In a constant, that is a compile error.
#[must_use]
#[track_caller]
pub const fn event_name(name: &'static str) -> EventName {
    match name_problem(name) {
        None => EventName(name),
        Some(NameProblem::Reserved) => panic!("this event's name is in an area that is Sigra's own"),
        Some(_) => panic!("this is no name of an event: write `area.object.verb`"),
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventName({})", self.0)
    }
}

/// The reason's code, where an event has one.
pub(crate) fn reason_of(event: &impl AuditEvent) -> Result<Option<&'static str>, EventError> {
    match event.reason().filter(|_| event.outcome() != AuditOutcome::Success) {
        Some(reason)
            if reason.len() > super::reserved::MAX_NAME || !is_code(reason.as_bytes(), 0, reason.len()) =>
        {
            Err(EventError::Reason)
        }
        reason => Ok(reason),
    }
}

/// The name of an event of the host's, for an [`AuditEvent`] written by hand: a text in quotes, `area.object.verb`.
///
/// What is no such name, and a name in one of Sigra's own areas, does not compile:
///
/// ```text
/// const NAME: EventName = event_name!("session.invoice.export");
///
/// error: the area `session` is Sigra's own
///  = help: write an area of your own: `app.invoice.export`
///  = note: reserved are `account`, `api_token`, `audit`, ..
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __sigra_event_name {
    ($($name:tt)*) => {
        $crate::__private::event_name!([$crate] $($name)*)
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Event};

    struct Opened;

    impl AuditEvent for Opened {
        const NAME: EventName = crate::audit::event_name!("shop.door.open");

        fn details(&self) -> Details {
            Details::new().with("door", 3)
        }
    }

    #[test]
    fn the_outcome_and_the_reason_come_from_the_call() {
        fn ended(event: impl AuditEvent) -> (AuditOutcome, Option<&'static str>) {
            (event.outcome(), event.reason())
        }
        assert_eq!(ended(Opened), (AuditOutcome::Success, None));
        assert_eq!(ended(Opened.refused("too_late")), (AuditOutcome::Refused, Some("too_late")));
        let jammed = Opened.failed("jammed");
        assert_eq!(ended(&jammed), (AuditOutcome::Failed, Some("jammed")));
        assert_eq!(jammed.details(), Opened.details());
        assert_eq!(<Unsuccessful<Opened> as AuditEvent>::NAME.as_str(), "shop.door.open");
        assert_eq!(
            format!("{:?} {}", Opened::NAME, Opened::NAME),
            "EventName(shop.door.open) shop.door.open"
        );
    }

    #[test]
    fn a_reason_is_a_code() {
        let entry = |reason| crate::audit::Entry::of_host(&Opened.refused(reason), Actor::System);
        assert_eq!(entry("over_quota2").unwrap().reason.unwrap().name(), "over_quota2");
        for reason in ["", "Over quota", "_x", "2x", "x.y", "ü", &"x".repeat(49)] {
            let reason: &'static str = reason.to_owned().leak();
            assert_eq!(entry(reason).unwrap_err(), EventError::Reason, "{reason}");
        }
    }

    /// A success with a reason, which is not recorded and may be what it likes.
    struct Odd;

    impl AuditEvent for Odd {
        const NAME: EventName = crate::audit::event_name!("shop.door.close");

        fn details(&self) -> Details {
            Details::new()
        }

        fn reason(&self) -> Option<&'static str> {
            Some("No reason at all")
        }
    }

    #[test]
    fn a_success_has_no_reason() {
        let entry = crate::audit::Entry::of_host(&Odd, Actor::System).unwrap();
        assert!(entry.reason.is_none() && entry.details.is_none());
    }

    #[test]
    fn every_area_of_sigras_own_events_is_reserved() {
        let source = include_str!("event.rs");
        let names = source.lines().filter_map(|line| Some(line.split_once("=> \"")?.1.split_once("\",")?.0));
        let events: Vec<_> = names.filter(|name| name.matches('.').count() == 2).collect();
        assert!(events.len() >= 16 && events.contains(&Event::SignIn.name()), "{events:?}");
        for name in events {
            assert_eq!(name_problem(name), Some(NameProblem::Reserved), "{name}");
        }
    }

    #[test]
    fn whoever_goes_round_the_macros_is_stopped_too() {
        for name in ["session.password.sign_in", "sigra.b.c", "a.b", "a.b.c.d", "A.b.c", ""] {
            assert!(std::panic::catch_unwind(|| event_name(name)).is_err(), "{name}");
        }
        assert_eq!(event_name("sessions.b.c").as_str(), "sessions.b.c");
    }
}
