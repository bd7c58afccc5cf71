//! 3 mistakes: what has no one written form, or no form at all.

use sigra::AuditEvent;

struct Plan;

#[derive(AuditEvent)]
#[sigra(event = "billing.plan.change")]
struct PlanChanged {
    plan: Plan,
    price: f64,
    key: Vec<u8>,
}

fn main() {}
