//! 4 mistakes: `event_name!` looks at a name where it is written, whether or not the event is ever recorded.

use sigra::audit::{AuditEvent, Details, EventName, event_name};

struct Reserved;

impl AuditEvent for Reserved {
    const NAME: EventName = event_name!("session.password.sign_in");

    fn details(&self) -> Details {
        Details::new()
    }
}

struct Generic<T>(T);

impl<T> AuditEvent for Generic<T> {
    const NAME: EventName = event_name!("audit.rows.remove");

    fn details(&self) -> Details {
        Details::new()
    }
}

const SHORT: EventName = event_name!("export");
const PATH: EventName = event_name!(NAME);

fn main() {
    let _ = (SHORT, PATH);
}
