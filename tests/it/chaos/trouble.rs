//! Trouble of every kind that the sandbox makes, wherever a statement's calls may meet it.

use iql::sandbox::{At, ErrorBody, Fault, Length, ThrottleCode, Trouble};

fn one(rng: &mut fastrand::Rng) -> Trouble {
    let body = *rng.choice(&[ErrorBody::Xml, ErrorBody::Html, ErrorBody::None]).expect("one");
    let length = *rng.choice(&[Length::Right, Length::Whole]).expect("one");
    match rng.u8(0..22) {
        0 | 1 => {
            let codes =
                [ThrottleCode::Throttling, ThrottleCode::ThrottlingException, ThrottleCode::RequestLimitExceeded];
            let code = *rng.choice(&codes).expect("one");
            let rate = *rng.choice(&[0.0, 20.0, 200.0]).expect("one");
            Trouble::Throttle { rate, burst: rng.u8(0..3).into(), code, retry_after_seconds: rng.bool().then_some(0) }
        }
        2 | 3 => Trouble::ServerError { status: *rng.choice(&[500, 502, 503, 504]).expect("one"), body },
        4 | 5 => Trouble::Reset,
        6..=8 => Trouble::Lost,
        9 | 10 => Trouble::Cut { at: At::Fraction(rng.f64()), length },
        11 => Trouble::Cut { at: At::Byte(rng.usize(0..400)), length },
        12 => Trouble::Cut { at: At::Rows(rng.usize(0..4)), length },
        13 => Trouble::Cut { at: At::List, length: Length::Right },
        14 => Trouble::Cut { at: At::Root, length: Length::Right },
        15 => Trouble::Hang,
        16 => Trouble::Denied,
        17 => Trouble::Expired,
        18 => Trouble::WrongShape,
        19 => Trouble::RepeatMarker,
        20 => Trouble::RefuseArnFilter,
        _ => Trouble::Latency { milliseconds: *rng.choice(&[5, 40, 400]).expect("one") },
    }
}

/// What a trouble is called in the figures.
pub fn name(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Latency { .. } => "latency",
        Trouble::Throttle { .. } => "throttle",
        Trouble::ServerError { .. } => "server_error",
        Trouble::Reset => "reset",
        Trouble::Lost => "lost",
        Trouble::Cut { .. } => "cut",
        Trouble::Hang => "hang",
        Trouble::Denied => "denied",
        Trouble::Expired => "expired",
        Trouble::WrongShape => "wrong_shape",
        Trouble::RepeatMarker => "repeat_marker",
        Trouble::RefuseArnFilter => "refuse_arn_filter",
    }
}

/// Up to three troubles, at the calls that a statement may make; of what is read in several regions, perhaps in one.
pub fn some(rng: &mut fastrand::Rng, actions: &[&'static str], regions: &[&str]) -> Vec<Fault> {
    let count = *rng.choice(&[0, 1, 1, 1, 2, 2, 3]).expect("one");
    let fault = |rng: &mut fastrand::Rng| {
        let mut fault = Fault::new(one(rng)).after(rng.u64(0..4));
        if let Some(action) = rng.choice(actions).filter(|_| actions.len() > 1) {
            fault = fault.on(action);
        }
        // In one region, or one account, while the others answer.
        if let Some(region) = rng.choice(regions).filter(|_| rng.u8(0..3) == 0) {
            fault = fault.region(region);
        }
        if !regions.is_empty() && rng.u8(0..6) == 0 {
            fault.account = Some("444455556666".into());
        }
        if rng.u8(0..4) > 0 { fault.times(rng.u64(1..4)) } else { fault }
    };
    (0..count).map(|_| fault(rng)).collect()
}
